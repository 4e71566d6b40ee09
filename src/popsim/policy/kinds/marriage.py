"""Money for a first marriage."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from popsim.policy.base import Window
from popsim.policy.fields import Fraction, MoneyOnce
from popsim.policy.kinds.cash import CashTransfer
from popsim.policy.kinds.instrument import WHOLE, Instrument, Offer
from popsim.units import Quantity

__all__ = ["MONTHS_TO_BIRTH", "MarriageBonus"]

MONTHS_TO_BIRTH = 15
"""From a first marriage to the first birth, a judgement: the births of a window of marriages are
taken to come so much later."""


class MarriageBonus(Instrument):
    """One sum at the first marriage.

    The model has no marriages: the channel ``marriage`` of the response turns the money into
    first births, and the bonus is paid once per first birth of couples married in the window,
    times ``take_up`` and ``marriages_per_first_birth``. ``bride_age_max`` is for the record; its
    share of marriages belongs into ``take_up``.
    """

    channels: ClassVar[tuple[str, ...]] = ("marriage",)
    kind: Literal["marriage_bonus"] = "marriage_bonus"
    amount: MoneyOnce
    marriages: Window
    bride_age_max: Annotated[int, Field(strict=True, ge=20)] | None = None
    take_up: Fraction = WHOLE
    marriages_per_first_birth: Annotated[float, Field(gt=0)] = 1.0

    @property
    def births(self) -> Window:
        """Dates of the first births that follow, :data:`MONTHS_TO_BIRTH` after the window."""
        to = self.marriages.to
        end = None if to is None else later(to, MONTHS_TO_BIRTH)
        return Window.model_construct(from_=later(self.marriages.from_, MONTHS_TO_BIRTH), to=end)

    def offers(self) -> tuple[Offer, ...]:
        """Return the money of the mean first marriage."""
        money = self.amount.value * self.take_up.to("1").value
        # The lag of the channel already keeps the first births waiting.
        births = Window.model_construct(from_=self.marriages.from_, to=self.births.to)
        return (Offer("marriage", (money, 0.0, 0.0, 0.0), births=births),)

    def paid_out(self) -> tuple[CashTransfer, ...]:
        """Return the bonus, booked at the first birth."""
        money = Quantity(self.amount.value * self.marriages_per_first_birth, "CNY")
        return (
            CashTransfer.model_construct(
                announced=self.announced,
                births=self.births,
                amount={"1": money},
                take_up=self.take_up,
                payers=self.payers,
            ),
        )


def later(day: dt.date, months: int) -> dt.date:
    """Return the day some months later, the last of its month where there is no such day.

    Examples
    --------
    >>> later(dt.date(2023, 12, 31), 2).isoformat()
    '2024-02-29'
    """
    whole = day.year * 12 + day.month - 1 + months
    year, month = divmod(whole, 12)
    for number in (day.day, 30, 29, 28):
        try:
            return dt.date(year, month + 1, min(number, day.day))
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
