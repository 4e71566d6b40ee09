"""Paid leave of parents: days more than before, and the pay for them."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from popsim.policy.fields import AgeSpan, DaysByOrder, Fraction, MoneyPerMonth, fail, orders_of
from popsim.policy.kinds.cash import CashTransfer
from popsim.policy.kinds.instrument import WHOLE, ByOrder, Offer, PerChild, by_order
from popsim.units import Quantity

__all__ = ["DAYS_A_MONTH", "PaidLeave"]

DAYS_A_MONTH = 365.25 / 12.0
"""Leave is counted in calendar days."""


class PaidLeave(PerChild):
    """Days of leave by birth order, instead of those that were due before.

    With ``child_age`` the days are per year of that age (育儿假). ``parent: both`` gives them to
    each parent. ``replacement`` is the share of the wage that is paid, ``take_up`` the share of
    births whose parent is entitled and takes the leave. ``payments`` may begin with the
    announcement for leave by age that children already born have, too. ``wage`` is what the pay is
    counted from; without it the cost is not counted, and a run says so.
    """

    channels: ClassVar[tuple[str, ...]] = ("leave",)
    kind: Literal["paid_leave"] = "paid_leave"
    parent: Literal["mother", "father", "both"]
    days: DaysByOrder
    instead_of: DaysByOrder
    child_age: AgeSpan | None = None
    replacement: Fraction = WHOLE
    wage: MoneyPerMonth | None = None

    @property
    def more(self) -> ByOrder:
        """Paid days more than before, by birth order, all parents and years together."""
        now, before = by_order(self.days, "day"), by_order(self.instead_of, "day")
        times = 2.0 if self.parent == "both" else 1.0
        if self.child_age is not None:
            times *= (self.child_age[1] - self.child_age[0]) / 12.0
        times *= self.replacement.to("1").value
        first, second, third, fourth = (times * (a - b) for a, b in zip(now, before, strict=True))
        return (first, second, third, fourth)

    def offers(self) -> tuple[Offer, ...]:
        """Return paid days more than before, as means over births."""
        first, second, third, fourth = (days * self.reached for days in self.more)
        return (Offer("leave", (first, second, third, fourth), births=self.births, unit="day"),)

    def paid_out(self) -> tuple[CashTransfer, ...]:
        """Return the pay for these days: at birth, or spread over ``child_age``."""
        if self.wage is None:
            return ()
        each = self.wage.to("CNY/month").value / DAYS_A_MONTH
        months = 1 if self.child_age is None else self.child_age[1] - self.child_age[0]
        unit = "CNY" if self.child_age is None else "CNY/month"
        keys = ("1", "2", "3", "4+")
        pay = {k: Quantity(d * each / months, unit) for k, d in zip(keys, self.more, strict=True)}
        return (self.as_cash(pay, self.child_age),)

    @model_validator(mode="after")
    def _no_less(self) -> Self:
        now, before = by_order(self.days, "day"), by_order(self.instead_of, "day")
        named = {order for key in self.instead_of for order in orders_of(key)}
        lacking = [key for key in self.days if not named.issuperset(orders_of(key))]
        if lacking:
            fail(
                f"instead_of does not say what was due for order {lacking[0]}",
                f"instead_of: {{{lacking[0]}: 98 days}}, or 0 days",
            )
        if self.cap is not None:
            fail("leave has no cap", "days")
        if self.payments is not None and (
            self.child_age is None
            or self.payments.to is not None
            or self.payments.from_ > self.announced
        ):
            fail(
                "payments of leave find children already born: by age, from the announcement on",
                "births: the window in which the leave is due",
            )
        if any(a < b for a, b in zip(now, before, strict=True)):
            fail("the leave is shorter than instead_of", "instead_of: the days due before")
        return self
