"""The file format ``popsim.response/1``: how families answer, as frozen classes."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from popsim.errors import nearest
from popsim.policy.base import Label, Number, Strict
from popsim.policy.fields import Duration, Name, fail
from popsim.policy.kinds import KINDS

__all__ = [
    "Beta",
    "Channel",
    "Channels",
    "Distribution",
    "Evidence",
    "Fixed",
    "Interaction",
    "LinearChannel",
    "Lognormal",
    "Normal",
    "OrderMultipliers",
    "PowerChannel",
    "ResponseFile",
    "Rush",
    "SaturatingChannel",
    "ThresholdChannel",
    "Uniform",
    "channel_names",
]


class Evidence(Strict):
    """Where a number comes from: rows of the evidence table, a source, a judgement."""

    rows: tuple[str, ...] = ()
    source: str
    judgement: str | None = None


class _Distribution(Strict):
    """A distribution; ``low`` and ``high`` clip, ``p_zero`` is a point mass at zero."""

    low: Number | None = None
    high: Number | None = None
    p_zero: Number = Field(default=0.0, ge=0.0, lt=1.0)
    evidence: Evidence | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low is not None and self.high is not None and self.low >= self.high:
            fail(f"low {self.low} is not below high {self.high}", "low < high")
        return self


class Lognormal(_Distribution):
    """Log-normal with a median and the standard deviation of its logarithm."""

    dist: Literal["lognormal"]
    median: Number = Field(gt=0)
    sigma: Number = Field(gt=0)


class Normal(_Distribution):
    """Normal with mean and standard deviation."""

    dist: Literal["normal"]
    mean: Number
    sd: Number = Field(gt=0)


class Beta(_Distribution):
    """Beta on 0 to 1."""

    dist: Literal["beta"]
    a: Number = Field(gt=0)
    b: Number = Field(gt=0)


class Uniform(_Distribution):
    """Uniform between ``low`` and ``high``."""

    dist: Literal["uniform"]
    low: Number
    high: Number


class Fixed(_Distribution):
    """A value without spread."""

    dist: Literal["fixed"]
    value: Number


Distribution = Annotated[Lognormal | Normal | Beta | Uniform | Fixed, Field(discriminator="dist")]


class OrderMultipliers(Strict):
    """The effect on each birth order relative to the map; order 4 and over is as order 3."""

    first: Distribution = Field(alias="1")
    second: Distribution = Field(alias="2")
    third: Distribution = Field(alias="3")


class Rush(Strict):
    """Births hurried into the last months of a scheme whose end is known.

    ``effect`` is the rise of births in these months [%] per ``per_dose`` of dose that is lost; all
    of it is timing and is taken back over the payback years. Nobody hurries for an end that became
    known less than ``notice`` before the last month.
    """

    effect: Distribution
    per_dose: Number = Field(gt=0)
    months: Duration
    notice: Duration
    evidence: Evidence


class _Channel(Strict):
    order_multiplier: OrderMultipliers
    quantum_share: Distribution
    decision_lag: Duration
    ramp: Duration
    dose_of: Literal["gdp_per_head", "household_income", "child_cost"] = "gdp_per_head"
    utilisation: Distribution | None = None
    pass_through: Distribution | None = None
    removal_multiplier: Distribution | None = None
    rush: Rush | None = None
    evidence: Evidence


class SaturatingChannel(_Channel):
    """``e = beta Ds (1 - exp(-max(D - D0, 0) / Ds))``, per cent, dose D in per cent."""

    map: Literal["saturating"]
    beta: Distribution
    Ds: Distribution
    D0: Distribution = Fixed(dist="fixed", value=0.0)


class LinearChannel(_Channel):
    """``e = effect D / per_dose``, per cent, dose D in per cent."""

    map: Literal["linear"]
    effect: Distribution
    per_dose: Number = Field(default=1.0, gt=0)


class PowerChannel(_Channel):
    """``e = at_10 (D / 10) ** exponent``, per cent, dose D in per cent."""

    map: Literal["power"]
    at_10: Distribution
    exponent: Distribution


class ThresholdChannel(_Channel):
    """``e = effect max(D - D0, 0) / per_dose``: nothing below ``D0``, linear above it."""

    map: Literal["threshold"]
    effect: Distribution
    D0: Distribution
    per_dose: Number = Field(default=1.0, gt=0)


Channel = Annotated[
    SaturatingChannel | LinearChannel | PowerChannel | ThresholdChannel,
    Field(discriminator="map"),
]


def channel_names() -> list[str]:
    """Return the channels that some kind of instrument can use.

    Examples
    --------
    >>> channel_names()
    ['cash', 'housing', 'leave', 'childcare', 'childcare_fee', 'marriage']
    """
    found = (name for kind in KINDS.values() for name in kind.channels)
    return [name for name in dict.fromkeys(found) if name not in ("assumed", "stated")]


def _used_by_a_kind(value: object) -> object:
    known = channel_names()
    if value not in known:
        fail(f"no instrument uses the channel {value!r}", nearest(str(value), known) or "")
    if value in Channels.model_fields:
        fail(f"the channel {value!r} stands under other", f"{value} beside cash, not under other")
    return value


class Channels(Strict):
    """The ways in which a policy can change births; one that is left out has no effect.

    ``other`` holds channels of kinds of instrument that other packages add.
    """

    cash: Channel | None = None
    childcare: Channel | None = None
    childcare_fee: Channel | None = None
    leave: Channel | None = None
    housing: Channel | None = None
    marriage: Channel | None = None
    other: dict[Annotated[str, BeforeValidator(_used_by_a_kind)], Channel] = Field(
        default_factory=dict
    )

    def by_name(self) -> dict[str, Channel]:
        """Return the channels that are given."""
        own = {name: getattr(self, name) for name in type(self).model_fields if name != "other"}
        return {n: c for n, c in own.items() if c is not None} | self.other


class Interaction(Strict):
    """Two channels that do more, or less, together than apart.

    Adds ``strength √(R₁ R₂)`` to the log effect where both are positive: 0 is a sum of the
    two on the log scale, -1 about what the larger would do alone where both are equal.
    """

    between: tuple[str, str]
    strength: Distribution
    evidence: Evidence

    @model_validator(mode="after")
    def _two(self) -> Self:
        known = channel_names()
        for name in self.between:
            if name not in known:
                fail(f"there is no channel {name!r}", nearest(name, known) or ", ".join(known))
        if self.between[0] == self.between[1]:
            fail("a channel does not interact with itself", "between: [cash, childcare]")
        return self


def _whole(shares: tuple[float, ...]) -> tuple[float, ...]:
    if not math.isclose(sum(shares), 1.0, abs_tol=1e-9) or min(shares) < 0:
        fail(f"the shares sum to {sum(shares):g}", "shares of the following years that sum to 1")
    return shares


class ResponseFile(Strict):
    """How families answer: for each channel a map from dose to effect, with its spread.

    ``payback`` is the share of a tempo effect that is taken back in each of the following
    years; it sums to 1. ``intention_discount`` is the part of what families say in a survey that
    they do.
    """

    schema_: Literal["popsim.response/1"] = Field(alias="schema")
    id: Name
    label: Label
    conception_lag: Duration
    payback: Annotated[tuple[Number, ...], AfterValidator(_whole)]
    channels: Channels
    interactions: tuple[Interaction, ...] = ()
    intention_discount: Distribution | None = None
    evidence: Evidence
    notes: str | None = None
