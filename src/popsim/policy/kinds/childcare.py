"""Childcare: places and their use, grants to build them, subsidies to run them, fees."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from popsim.policy.base import Strict, Window
from popsim.policy.fields import (
    ClassMix,
    Coverage,
    Duration,
    Fraction,
    MoneyByClass,
    MoneyPerMonth,
    MoneyPerPlace,
    PlacesByYear,
    SharesByYear,
    fail,
)
from popsim.policy.kinds.cash import Change
from popsim.policy.kinds.instrument import WHOLE, Instrument, Offer

__all__ = [
    "CLASS_MIX",
    "ChildcareCapacity",
    "ChildcareConstruction",
    "ChildcareFee",
    "ChildcareOperation",
    "InclusivePlaces",
    "NewCommunities",
]


CLASS_MIX = {"infant": 0.05, "toddler": 0.25, "older_toddler": 0.50, "mixed": 0.20}
"""Children in care by class type, an assumption: most are in their third year of age."""


class NewCommunities(Strict):
    """Places that must be built with new housing, on top of the target.

    ``residents`` is the share of residents who live in such housing by year, from none in the year
    of announcement, in straight lines.
    """

    places: Coverage
    residents: SharesByYear


class ChildcareCapacity(Instrument):
    """Childcare places per 1,000 residents in target years, with a grant per new place.

    The level moves in a straight line from the reference level of the year of announcement
    through the targets and stays there. ``utilisation`` is the share of all places in use with
    the policy; that of the response when not given. ``construction_subsidy`` is money of
    government for every place built from the month of the announcement on, not a dose.
    """

    channels: ClassVar[tuple[str, ...]] = ("childcare",)
    kind: Literal["childcare_capacity"] = "childcare_capacity"
    target: PlacesByYear
    new_communities: NewCommunities | None = None
    utilisation: Fraction | None = None
    construction_subsidy: MoneyPerPlace | None = None

    @model_validator(mode="after")
    def _after_announcement(self) -> Self:
        first = min(self.target)
        if first < self.announced.year:
            fail(
                f"the target of {first} is older than the announcement of {self.announced}",
                f"a target year from {self.announced.year}",
            )
        return self


class ChildcareConstruction(Instrument):
    """A grant for every place built in a time, beside the places that a target asks for.

    It is a cost only. With ``stacks: false`` it is not due for places for which an instrument
    announced earlier (or standing earlier in the file) pays already: no place is paid twice.
    """

    kind: Literal["childcare_construction"] = "childcare_construction"
    amount: MoneyPerPlace
    payments: Window | None = None
    stacks: bool = True


class ChildcareOperation(Instrument):
    """A monthly subsidy to providers per enrolled child, by class type.

    It is paid for every child in care from the month of the announcement on, or in ``payments``.
    ``class_mix`` is the share of children in care by class type; without it an assumption of the
    package, see :data:`CLASS_MIX`. It is a cost only, unless
    ``months_in_care`` says how long a child stays: then the part that providers pass on in lower
    fees, which the response draws, is answered by the channel ``childcare_fee``.
    """

    channels: ClassVar[tuple[str, ...]] = ("childcare_fee",)
    kind: Literal["childcare_operation"] = "childcare_operation"
    amount: MoneyByClass
    class_mix: ClassMix | None = None
    payments: Window | None = None
    months_in_care: Duration | None = None

    @property
    def mean_amount(self) -> float:
        """Subsidy per child in care, the mean over class types [CNY/month]."""
        mix = CLASS_MIX
        if self.class_mix is not None:
            mix = {kind: share.to("1").value for kind, share in self.class_mix.items()}
        # A class without an amount gets nothing.
        return sum(mix.get(kind, 0.0) * money.value for kind, money in self.amount.items())

    def offers(self) -> tuple[Offer, ...]:
        """Return the subsidy of a child's time in care, of which providers pass on a part."""
        if self.months_in_care is None:
            return ()
        money = self.mean_amount * self.months_in_care.value
        births = self.payments or Window.model_validate({"from": self.announced})
        return (
            Offer(
                "childcare_fee",
                (money, money, money, money),
                births=births,
                to_users=True,
                passed_on=True,
                months_in_care=int(self.months_in_care.value),
            ),
        )


class InclusivePlaces(Strict):
    """Places at a regulated fee: their share before and after, and the two fees."""

    share: Change
    market_fee: MoneyPerMonth
    inclusive_fee: MoneyPerMonth

    @model_validator(mode="after")
    def _cheaper(self) -> Self:
        if self.inclusive_fee.to("CNY/month").value > self.market_fee.to("CNY/month").value:
            fail("the inclusive fee is above the market fee", "inclusive_fee below market_fee")
        return self


class ChildcareFee(Instrument):
    """Lower fees for children in care, in money or by a larger share of inclusive places.

    ``cut`` is what a family in care pays less each month, for the share ``children`` of them, and
    is paid by the payers; ``inclusive`` lowers the mean fee by ``Δshare × (market − inclusive)``
    and costs government nothing here. A child stays ``months_in_care``, the last before its third
    birthday, and gains in those of them that lie in ``payments``.
    """

    channels: ClassVar[tuple[str, ...]] = ("childcare_fee",)
    kind: Literal["childcare_fee"] = "childcare_fee"
    cut: MoneyPerMonth | None = None
    children: Fraction = WHOLE
    inclusive: InclusivePlaces | None = None
    months_in_care: Duration
    payments: Window | None = None

    @property
    def mean_cut(self) -> float:
        """What the mean family in care pays less [CNY/month]."""
        if self.cut is not None:
            return self.cut.to("CNY/month").value * self.children.to("1").value
        assert self.inclusive is not None
        gap = self.inclusive.market_fee.to("CNY/month").value
        gap -= self.inclusive.inclusive_fee.to("CNY/month").value
        return gap * self.inclusive.share.rise

    def offers(self) -> tuple[Offer, ...]:
        """Return the fees saved by a child in care."""
        saved = self.mean_cut * self.months_in_care.value
        births = self.payments or Window.model_validate({"from": self.announced})
        return (
            Offer(
                "childcare_fee",
                (saved, saved, saved, saved),
                births=births,
                to_users=True,
                months_in_care=int(self.months_in_care.value),
            ),
        )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.cut is None) == (self.inclusive is None):
            fail(
                "lower fees are given by a cut or by a share of inclusive places, one of them",
                "cut: 300 CNY/month",
            )
        if self.inclusive is not None and self.children != WHOLE:
            fail("children belongs to a cut", "cut, or no children")
        return self
