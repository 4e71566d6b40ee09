"""What every instrument is: a dated rule that promises money, offers something else, and costs.

A kind of instrument answers three questions, each with a method that may be overridden:

- ``transfers()``: what money a family weighs, as equivalent :class:`CashTransfer` rules. They
  make the dose of the channel ``cash``.
- ``offers()``: what else it offers, as :class:`Offer`; they make the doses of other channels.
- ``paid_out()``: what the payers spend per child, as ``CashTransfer`` rules; what is spent on
  places and services by year is added by :mod:`popsim.policy.services`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from popsim.policy.base import Strict, Window
from popsim.policy.fields import (
    AgeSpan,
    Date,
    Fraction,
    MoneyByOrder,
    MoneyOnce,
    Payers,
    Rate,
    RegionList,
    fail,
    orders_of,
)
from popsim.units import Quantity

if TYPE_CHECKING:
    from popsim.policy.kinds.cash import CashTransfer

__all__ = ["WHOLE", "ByOrder", "Instrument", "Offer", "PerChild", "by_order"]

WHOLE = Quantity(100.0, "%")
ByOrder = tuple[float, float, float, float]
"""Values for first, second, third, and fourth and later births."""


@dataclass(frozen=True)
class Offer:
    """What an instrument offers to births, other than money that every family can spend.

    Parameters
    ----------
    channel : str
        Channel of the response that answers.
    amount : tuple of float
        By birth order (1, 2, 3, 4 and later), means over the births of that order.
    births : Window
        Dates of birth for which the offer stands.
    unit : str
        ``CNY`` (the dose is in per cent of what the response compares money with), or a unit of
        the dose itself: ``day``, ``%``.
    to_users : bool
        Whether it reaches children in care only; the effect is then the users' times their share.
    passed_on : bool
        Whether providers get it, and pass on the part that the response calls ``pass_through``.
    months_in_care : int, optional
        When given, ``births`` are the days on which something is paid, and a child gets the part
        of ``amount`` that falls into its months in care, the last before its third birthday.
    """

    channel: str
    amount: ByOrder
    births: Window
    unit: Literal["CNY", "day", "%"] = "CNY"
    to_users: bool = False
    passed_on: bool = False
    months_in_care: int | None = None


class Instrument(Strict):
    """A dated rule of government; the base of every kind.

    ``announced`` is the day on which the rule became known: nobody answers it before. ``regions``
    are those of the scenario in which it applies, all of them when not given.
    """

    channels: ClassVar[tuple[str, ...]] = ()
    """Channels of the response that the kind can use."""

    kind: str
    announced: Date
    regions: RegionList | None = None
    payers: Payers | None = None
    clause: str | None = None
    note: str | None = None

    def transfers(self) -> tuple[CashTransfer, ...]:
        """Return money that families weigh, as equivalent cash transfers."""
        return ()

    def offers(self) -> tuple[Offer, ...]:
        """Return what is offered through other channels than cash."""
        return ()

    def paid_out(self) -> tuple[CashTransfer, ...]:
        """Return what payers spend per child; what families weigh unless the kind differs."""
        return self.transfers()


class PerChild(Instrument):
    """An instrument for children: who is entitled, from when to when, at what prices.

    ``births`` is the window of birth dates; a child born in it keeps everything. ``payments``
    bounds the months in which anything is paid at all, for a scheme that finds children already
    born; ``ends_announced`` is the day on which the end of ``payments`` or ``births`` became
    known. ``residence: registered`` entitles families with local household registration only and
    needs ``registered_share``, their share of births. ``price_rise`` is the yearly rise of prices
    that amounts do not follow: without it they keep their value. ``cap`` is the most that one
    child gets.
    """

    channels: ClassVar[tuple[str, ...]] = ("cash",)

    births: Window
    take_up: Fraction = WHOLE
    residence: Literal["resident", "registered"] = "resident"
    registered_share: Fraction | None = None
    payments: Window | None = None
    ends_announced: Date | None = None
    price_year: Annotated[int, Field(strict=True)] | None = None
    price_rise: Rate | None = None
    cap: MoneyOnce | None = None

    @property
    def reached(self) -> float:
        """Share of births that are entitled by residence and take it up."""
        share = self.take_up.to("1").value
        if self.residence == "registered" and self.registered_share is not None:
            share *= self.registered_share.to("1").value
        return share

    @model_validator(mode="after")
    def _per_child(self) -> Self:
        if self.residence == "registered" and self.registered_share is None:
            fail(
                "residence: registered needs the share of births with local registration",
                "registered_share: 85 %",
            )
        if self.residence == "resident" and self.registered_share is not None:
            fail("registered_share belongs to residence: registered", "residence: registered")
        ends = [w.to for w in (self.births, self.payments) if w is not None and w.to is not None]
        if self.ends_announced is not None and not ends:
            fail("ends_announced stands beside no end", "births or payments with to")
        if self.ends_announced is not None and self.ends_announced < self.announced:
            fail("the end is announced before the scheme", f"a day after {self.announced}")
        return self

    def as_cash(
        self, amount: MoneyByOrder, child_age: AgeSpan | None = None, *, share: float = 1.0
    ) -> CashTransfer:
        """Return a cash transfer to the same children under the same rules.

        Parameters
        ----------
        amount : dict of str to Quantity
            Money by birth order, as in a file.
        child_age : tuple of int, optional
            First month and the month after the last, for a stream.
        share : float
            Part of the children reached.
        """
        from popsim.policy.kinds.cash import CashTransfer

        same = {n: getattr(self, n) for n in PerChild.model_fields if n not in ("kind", "take_up")}
        take_up = Quantity(self.take_up.to("%").value * share, "%")
        return CashTransfer.model_construct(
            **same, amount=amount, child_age=child_age, take_up=take_up
        )


def by_order(values: dict[str, Quantity], unit: str) -> ByOrder:
    """Return values by birth order, 0 for an order that is not named.

    Examples
    --------
    >>> by_order({"1": Quantity(158, "day"), "2+": Quantity(188, "day")}, "day")
    (158.0, 188.0, 188.0, 188.0)
    """
    found = [0.0, 0.0, 0.0, 0.0]
    for key, value in values.items():
        for order in orders_of(key):
            found[order - 1] = float(value.to(unit).value)
    return (found[0], found[1], found[2], found[3])
