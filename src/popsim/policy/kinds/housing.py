"""Housing: the cash worth of a housing-fund loan or withdrawal, grants to buy, cheaper rents."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from popsim.policy.base import Strict
from popsim.policy.fields import (
    AgeSpan,
    Duration,
    Fraction,
    MoneyByOrder,
    MoneyOnce,
    MoneyPerMonth,
    MoneyPerYear,
    OrderKeys,
    Rate,
    Rise,
    fail,
)
from popsim.policy.kinds.cash import CashTransfer
from popsim.policy.kinds.instrument import Offer, PerChild, by_order
from popsim.units import Quantity

__all__ = [
    "HousingFund",
    "HousingGrant",
    "LoanCeiling",
    "RentWithdrawal",
    "RentalHousing",
    "interest_saved",
]


def interest_saved(principal: float, fund_rate: float, market_rate: float, months: int) -> float:
    """Return what a loan below the market rate is worth on the day it is taken [CNY].

    The principal less the value, at the market rate, of the equal monthly payments that the fund
    asks for: ``P (1 − a(market) / a(fund))`` with ``a(r) = (1 − (1 + r/12)^−n) / (r/12)``.

    Parameters
    ----------
    principal : float
        Part of the loan that a dearer one would have to replace [CNY].
    fund_rate, market_rate : float
        Nominal yearly rates [fraction].
    months : int
        Term n.

    Examples
    --------
    >>> round(interest_saved(120_000, 0.031, 0.042, 360))
    15214
    """

    def annuity(rate: float) -> float:
        monthly = rate / 12.0
        return float(months) if monthly == 0 else (1 - (1 + monthly) ** -months) / monthly

    return principal * (1.0 - annuity(market_rate) / annuity(fund_rate))


class LoanCeiling(Strict):
    """A higher ceiling of housing-fund loans, and what it takes to value it.

    ``single`` and ``dual`` are the new ceilings for one and for two contributors, ``increase``
    how far they are above the old ones; ``dual_share`` is the share of couples with two,
    ``take_up`` the share of births whose parents borrow up to the ceiling.
    """

    increase: Rise
    single: MoneyOnce
    dual: MoneyOnce
    dual_share: Fraction
    fund_rate: Rate
    market_rate: Rate
    term: Duration
    take_up: Fraction

    @property
    def more(self) -> float:
        """Extra principal of the mean couple [CNY]."""
        dual = self.dual_share.to("1").value
        ceiling = dual * self.dual.value + (1.0 - dual) * self.single.value
        return ceiling * (1.0 - 1.0 / (1.0 + self.increase.value / 100.0))

    @property
    def worth(self) -> float:
        """Interest saved by a couple that borrows up to the ceiling [CNY]."""
        fund, market = self.fund_rate.to("year-1").value, self.market_rate.to("year-1").value
        return interest_saved(self.more, fund, market, int(self.term.value))

    @model_validator(mode="after")
    def _gains(self) -> Self:
        if self.fund_rate.value > self.market_rate.value:
            fail("the fund lends dearer than the market", "fund_rate below market_rate")
        return self


class RentWithdrawal(Strict):
    """A higher limit of what contributors may take from their housing fund for rent.

    The money is their own; to have it earlier is worth ``liquidity_value`` of what is withdrawn
    more. ``ceiling`` is the new limit for a person and year, ``increase`` how far it is above
    the old one, ``persons`` the contributors of a family who do so, ``take_up`` the share of
    births in such families.
    """

    increase: Rise
    ceiling: MoneyPerYear
    persons: Literal[1, 2]
    liquidity_value: Fraction
    child_age: AgeSpan
    take_up: Fraction

    @property
    def worth(self) -> float:
        """Worth to a family that withdraws up to the limit [CNY/year]."""
        more = self.ceiling.value * (1.0 - 1.0 / (1.0 + self.increase.value / 100.0))
        return more * self.persons * self.liquidity_value.to("1").value


class HousingFund(PerChild):
    """Better terms of the housing provident fund (住房公积金) for families with a birth.

    Families weigh the interest saved and the worth of having their savings earlier like cash;
    access to credit may do more, which is the channel ``housing``: its dose is the share of
    births whose parents borrow. The interest saved is income that the fund forgoes; withdrawals
    cost nobody anything.
    """

    channels: ClassVar[tuple[str, ...]] = ("cash", "housing")
    kind: Literal["housing_fund"] = "housing_fund"
    birth_orders: OrderKeys
    loan_ceiling: LoanCeiling | None = None
    rent_withdrawal: RentWithdrawal | None = None

    def _loan(self) -> tuple[CashTransfer, ...]:
        loan = self.loan_ceiling
        if loan is None:
            return ()
        worth = dict.fromkeys(self.birth_orders, Quantity(loan.worth, "CNY"))
        return (self.as_cash(worth, share=loan.take_up.to("1").value),)

    def transfers(self) -> tuple[CashTransfer, ...]:
        """Return the interest saved at birth and the worth of withdrawals year by year."""
        rent = self.rent_withdrawal
        if rent is None:
            return self._loan()
        worth = dict.fromkeys(self.birth_orders, Quantity(rent.worth, "CNY/year"))
        share = rent.take_up.to("1").value
        return (*self._loan(), self.as_cash(worth, rent.child_age, share=share))

    def offers(self) -> tuple[Offer, ...]:
        """Return the share of births with access to more credit [%]."""
        loan = self.loan_ceiling
        if loan is None:
            return ()
        share = Quantity(100.0 * self.reached * loan.take_up.to("1").value, "%")
        return (_credit(dict.fromkeys(self.birth_orders, share), self),)

    def paid_out(self) -> tuple[CashTransfer, ...]:
        """Return the interest that the fund forgoes."""
        return self._loan()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.loan_ceiling is None and self.rent_withdrawal is None:
            fail("nothing changes in the housing fund", "loan_ceiling, rent_withdrawal or both")
        if self.loan_ceiling is not None and self.payments is not None:
            fail("a loan at birth has no payments window", "births alone")
        if None not in (self.loan_ceiling, self.rent_withdrawal, self.cap):
            fail("one cap cannot hold for a loan and for withdrawals", "two instruments")
        return self


def _credit(shares: dict[str, Quantity], policy: PerChild) -> Offer:
    return Offer("housing", by_order(shares, "%"), births=policy.births, unit="%")


class HousingGrant(PerChild):
    """One sum towards a home for families with a birth; ``take_up`` is the share that buys one."""

    channels: ClassVar[tuple[str, ...]] = ("cash", "housing")
    kind: Literal["housing_grant"] = "housing_grant"
    amount: MoneyByOrder
    take_up: Fraction

    def transfers(self) -> tuple[CashTransfer, ...]:
        """Return the grant to those who buy."""
        return (self.as_cash(self.amount),)

    def offers(self) -> tuple[Offer, ...]:
        """Return the share of births with access to a home [%]."""
        share = Quantity(100.0 * self.reached, "%")
        return (_credit(dict.fromkeys(self.amount, share), self),)

    @model_validator(mode="after")
    def _one_sum(self) -> Self:
        if next(iter(self.amount.values())).unit != "CNY":
            fail("a grant to buy is one sum", "amount: {3: 120000 CNY}")
        if self.payments is not None:
            fail("one sum is paid at birth and has no payments window", "births alone")
        return self


class RentalHousing(PerChild):
    """A dwelling let below the market rent to families with a birth.

    The saving is ``(1 − rent_share) × market_rent`` in every month of ``child_age``;
    ``take_up`` is the share of births in such dwellings.
    """

    channels: ClassVar[tuple[str, ...]] = ("cash",)
    kind: Literal["rental_housing"] = "rental_housing"
    birth_orders: OrderKeys
    market_rent: MoneyPerMonth
    rent_share: Fraction
    child_age: AgeSpan
    take_up: Fraction

    def transfers(self) -> tuple[CashTransfer, ...]:
        """Return the rent saved."""
        saved = self.market_rent.to("CNY/month").value * (1.0 - self.rent_share.to("1").value)
        amount = dict.fromkeys(self.birth_orders, Quantity(saved, "CNY/month"))
        return (self.as_cash(amount, self.child_age),)
