"""Measures without an estimate: services, rules, campaigns; no effect unless a user sets one."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from popsim.policy.base import Window
from popsim.policy.fields import EffectByOrder, Fraction, MoneyByYear, MoneyPerYear, fail
from popsim.policy.kinds.instrument import Instrument

__all__ = ["Measure"]


class Measure(Instrument):
    """Anything else that a plan names: nursing rooms, examinations, schooling, quotas, campaigns.

    No study says what such measures do to births, so they do nothing here, and a run says so.
    A user who knows better states ``assumed_effect``, the change of the birth rate by order, or
    ``stated_effect``, what families say in a survey, which is multiplied by the response's
    ``intention_discount``; both need ``births``, the births that are changed, and ``lasting``,
    the share that is not taken back later. ``spending`` is money by year, or one sum a year in
    ``payments``, in each region in which the measure applies.
    """

    channels: ClassVar[tuple[str, ...]] = ("assumed", "stated")
    kind: Literal["measure"] = "measure"
    what: str
    births: Window | None = None
    assumed_effect: EffectByOrder | None = None
    stated_effect: EffectByOrder | None = None
    lasting: Fraction | None = None
    spending: MoneyByYear | None = None
    spending_a_year: MoneyPerYear | None = None
    payments: Window | None = None

    @property
    def spends(self) -> bool:
        """Whether the file says what it costs."""
        return self.spending is not None or self.spending_a_year is not None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.assumed_effect is not None and self.stated_effect is not None:
            fail("an effect is assumed or stated in a survey, not both", "one of them")
        effect = self.assumed_effect or self.stated_effect
        if effect is not None and (self.births is None or self.lasting is None):
            fail(
                "an effect needs the births that it changes and the share that lasts",
                "births: {from: 2025-01-01} and lasting: 40 %",
            )
        if effect is None and (self.births is not None or self.lasting is not None):
            fail("births and lasting belong to an effect", "assumed_effect: {2: 1 %}")
        if self.births is not None and self.births.from_ < self.announced:
            fail(
                f"births of {self.births.from_} cannot answer what is announced on "
                f"{self.announced}",
                f"births: {{from: {self.announced}}}",
            )
        if self.spending is not None and self.spending_a_year is not None:
            fail("money is given by year and as one sum a year", "one of them")
        if self.payments is not None and self.spending_a_year is None:
            fail("payments belongs to spending_a_year", "spending_a_year: 100000 CNY/year")
        return self
