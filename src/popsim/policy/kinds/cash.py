"""Money per child: allowances, grants, and the worth of a tax deduction or an insurance benefit."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from popsim.policy.base import Strict
from popsim.policy.fields import (
    AgeSpan,
    Fraction,
    MoneyByOrder,
    MonthlyByOrder,
    SharesByRate,
    fail,
    orders_of,
)
from popsim.policy.kinds.instrument import PerChild
from popsim.units import Quantity, parse

__all__ = ["CashTransfer", "Change", "InsuranceBenefit", "TaxDeduction"]


class CashTransfer(PerChild):
    """Money per child: a monthly or yearly stream over the child's age, or one sum.

    ``amount`` is by birth order (``3`` is order 3 only, ``3+`` is 3 and over) or one quantity
    for all. ``CNY/month`` and ``CNY/year`` are paid every month of ``child_age`` (``0-36
    months`` is 36 payments, the month of birth first), a yearly amount pro rata; ``CNY`` is paid
    once and booked in the month of birth, ``paid: prenatal`` too. Amounts are not moved to other
    prices: a ``price_year`` that is not that of GDP per head is told by a run.
    """

    kind: Literal["cash_transfer"] = "cash_transfer"
    amount: MoneyByOrder
    child_age: AgeSpan | None = None
    paid: Literal["birth", "prenatal"] | None = None

    @property
    def one_off(self) -> bool:
        """True when the money is one sum."""
        return next(iter(self.amount.values())).unit == "CNY"

    def amount_for(self, order: int) -> Quantity | None:
        """Return the amount for a child of a birth order (4 is 4 and later), or None."""
        for key, amount in self.amount.items():
            if order in orders_of(key):
                return amount
        return None

    def transfers(self) -> tuple[CashTransfer, ...]:
        """Return itself."""
        return (self,)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_stream(self.one_off, self.child_age)
        if self.one_off and self.payments is not None:
            fail("one sum is paid at birth and has no payments window", "births alone")
        if not self.one_off and self.paid is not None:
            fail("paid belongs to one sum, not to a stream", "CNY, or no paid")
        return self


def _check_stream(one_off: bool, child_age: AgeSpan | None) -> None:
    if one_off and child_age is not None:
        fail("one sum has no child_age", "CNY/month, or no child_age")
    if not one_off and child_age is None:
        fail("a stream of payments needs child_age", "child_age: 0-36 months")


class TaxDeduction(PerChild):
    """An amount taken off taxable income for a child, worth its marginal tax rate.

    ``marginal_rates`` is the share of the children's families by the rate that they pay on the
    last part of their income; who pays no income tax gains nothing and is not listed. The worth
    to the mean family is ``deduction × Σ rate × share``, and it is what the treasury forgoes.
    """

    kind: Literal["tax_deduction"] = "tax_deduction"
    deduction: MonthlyByOrder
    child_age: AgeSpan
    marginal_rates: SharesByRate

    def transfers(self) -> tuple[CashTransfer, ...]:
        """Return the tax saved, month by month, as a mean over families."""
        shares = {
            parse(key).to("1").value: share.to("1").value
            for key, share in self.marginal_rates.items()
        }
        if self.cap is None:
            shares = {sum(rate * share for rate, share in shares.items()): 1.0}
        # A cap is of a child and not of the mean family, so it is met rate by rate.
        return tuple(
            self.as_cash(
                {k: Quantity(v.value * rate, v.unit) for k, v in self.deduction.items()},
                self.child_age,
                share=share,
            )
            for rate, share in shares.items()
        )


class Change(Strict):
    """A share before the policy and with it."""

    before: Fraction
    after: Fraction

    @property
    def rise(self) -> float:
        """The share with the policy less that before, as a fraction."""
        return self.after.to("1").value - self.before.to("1").value

    @model_validator(mode="after")
    def _more(self) -> Self:
        if self.after.to("1").value < self.before.to("1").value:
            fail(f"{self.after} after is less than {self.before} before", "before: less than after")
        return self


class InsuranceBenefit(PerChild):
    """A benefit of an insurance for more births, or a higher share of costs reimbursed.

    ``covered`` is the share of births insured, or of costs reimbursed, before and after;
    ``benefit`` what full cover is worth, per birth (``CNY``) or as a stream over ``child_age``.
    The mean family gains ``benefit × (after − before)``.
    """

    kind: Literal["insurance_benefit"] = "insurance_benefit"
    channels: ClassVar[tuple[str, ...]] = ("cash",)
    benefit: MoneyByOrder
    covered: Change
    child_age: AgeSpan | None = None

    def transfers(self) -> tuple[CashTransfer, ...]:
        """Return the benefit of those newly covered, as a mean over families."""
        return (self.as_cash(self.benefit, self.child_age, share=self.covered.rise),)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        one_off = next(iter(self.benefit.values())).unit == "CNY"
        _check_stream(one_off, self.child_age)
        return self
