"""What all classes of policy files share: strict fields, labels, sources, windows of days."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from popsim.policy.fields import Date, fail

__all__ = ["Label", "Number", "Source", "Strict", "Window"]

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Strict(BaseModel):
    """A frozen class of a policy file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Label(Strict):
    """A name in two languages."""

    en: str
    zh: str


class Source(Strict):
    """The text that a scenario follows."""

    title: str
    issuer: str | None = None
    dated: str | None = None
    url: str | None = None
    clause: str | None = None


class Window(Strict):
    """Days from the first to the last, both inclusive; without ``to`` it stays open."""

    from_: Date = Field(alias="from")
    to: Date | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.to is not None and self.to < self.from_:
            fail(f"the window ends on {self.to}, before it begins", f"a day after {self.from_}")
        return self
