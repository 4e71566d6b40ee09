"""Money per child as rules: who is paid, how much, in which month.

Months are whole numbers counted from January of year 0 (see :func:`month`). All money is per
child before take-up, as the rule promises it, in prices of one year: that of the announcement
where an instrument says that prices rise and its amounts do not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from popsim.policy.base import Window
from popsim.policy.fields import ORDERS
from popsim.policy.kinds.cash import CashTransfer
from popsim.policy.kinds.instrument import Instrument
from popsim.policy.model import Scenario

__all__ = [
    "DISCOUNT_RATE",
    "FREE_MONTHS",
    "Schedule",
    "cash_policies",
    "dose_value",
    "eligible_share",
    "month",
    "month_of",
    "paid_per_child",
    "paid_span",
    "payments",
    "per_month",
    "present_value",
    "price_factor",
    "promised",
]

DISCOUNT_RATE = 0.04
"""Yearly rate at which later money is discounted, the convention of the evidence."""

FREE_MONTHS = 36
"""Payments of the first 36 months count in full in a dose, the convention of the evidence."""

_MONTHLY_DISCOUNT = (1 + DISCOUNT_RATE) ** (-1 / 12)


def month(year: int, number: int) -> int:
    """Return the whole number of a month.

    Examples
    --------
    >>> month(2023, 1) - month(2022, 12)
    1
    """
    return year * 12 + number - 1


def month_of(date: dt.date) -> int:
    """Return the whole number of the month of a date."""
    return month(date.year, date.month)


@dataclass(frozen=True)
class Schedule:
    """Payments for one child.

    Parameters
    ----------
    offsets : numpy.ndarray
        Months after the month of birth, int64, shape (n,).
    amounts : numpy.ndarray
        Nominal money [CNY], shape (n,).
    """

    offsets: np.ndarray
    amounts: np.ndarray


def cash_policies(scenario: Scenario) -> dict[str, Instrument]:
    """Return the policies that act through money alone, by name, in the order of the file."""
    return {n: p for n, p in scenario.policies.items() if p.transfers() and not p.offers()}


def paid_per_child(scenario: Scenario) -> dict[str, tuple[CashTransfer, ...]]:
    """Return what the policies that spend money per child pay, by name."""
    paid = {name: policy.paid_out() for name, policy in scenario.policies.items()}
    return {name: rules for name, rules in paid.items() if rules}


def eligible_share(window: Window, months: np.ndarray) -> np.ndarray:
    """Return the share of the births of each month that falls in a window of birth dates.

    Births are spread evenly over the days of their month, so a window that begins on the 7th
    of a month of 30 days holds 24/30 of its births.

    Parameters
    ----------
    window : Window
        First and last day, both inclusive.
    months : numpy.ndarray
        Months of birth, shape (month,).

    Returns
    -------
    numpy.ndarray
        Fractions, shape (month,).

    Examples
    --------
    >>> window = Window.model_validate({"from": "2023-04-07", "to": "2023-05-31"})
    >>> eligible_share(window, np.arange(month(2023, 3), month(2023, 7)))
    array([0. , 0.8, 1. , 0. ])
    """
    first = np.asarray(months - 1970 * 12).astype("datetime64[M]")
    starts = first.astype("datetime64[D]").astype(np.int64)
    ends = (first + 1).astype("datetime64[D]").astype(np.int64)
    begin = np.datetime64(window.from_, "D").astype(np.int64)
    overlap_end = ends
    if window.to is not None:
        overlap_end = np.minimum(ends, np.datetime64(window.to, "D").astype(np.int64) + 1)
    covered = overlap_end - np.maximum(starts, begin)
    share: np.ndarray = np.clip(covered, 0, None) / (ends - starts)
    return share


def paid_span(
    policy: CashTransfer, months: np.ndarray, known_at: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and one past the last month offset that is paid.

    Parameters
    ----------
    policy : CashTransfer
    months : numpy.ndarray
        Months of birth, shape (month,).
    known_at : numpy.ndarray, optional
        Months in which the rule is looked at, shape (month,): an end of payments that is
        announced later is not known yet. Without it what is really paid.

    Returns
    -------
    tuple of numpy.ndarray
        Months after the month of birth, each of shape (month,).
    """
    first, stop = policy.child_age or (0, 1)
    begin = np.full(months.shape, first)
    end = np.full(months.shape, stop)
    window = policy.payments
    if window is not None:
        begin = np.maximum(begin, month_of(window.from_) - months)
        if window.to is not None:
            cut = np.minimum(end, month_of(window.to) + 1 - months)
            if known_at is not None and policy.ends_announced is not None:
                # Before the end was announced the promise had none.
                cut = np.where(known_at >= month_of(policy.ends_announced), cut, end)
            end = cut
    ends = np.repeat(np.maximum(end, begin)[None, :].astype(float), len(ORDERS), axis=0)
    if policy.cap is not None and not policy.one_off:
        money = np.array([per_month(policy, order) for order in ORDERS])
        months_to_cap = np.divide(policy.cap.value, money, out=np.full(4, np.inf), where=money > 0)
        ends = np.minimum(ends, begin + months_to_cap[:, None])
    return begin, ends


def per_month(policy: CashTransfer, order: int) -> float:
    """Return the nominal money per paid month, or the one sum [CNY], for a birth order."""
    amount = policy.amount_for(order)
    if amount is None:
        return 0.0
    if not policy.one_off:
        return amount.to("CNY/month").value
    return amount.value if policy.cap is None else min(amount.value, policy.cap.value)


def payments(policy: CashTransfer, order: int, birth_month: int) -> Schedule:
    """Return what is paid for a child of an order born in a month.

    A window of birth dates that covers only part of the month gives the mean over its births.

    Parameters
    ----------
    policy : CashTransfer
    order : int
        Birth order, 1 to 4 (4 is 4 and later).
    birth_month : int
        See :func:`month`.

    Examples
    --------
    >>> policy = CashTransfer.model_validate({
    ...     "announced": "2023-01-01", "amount": {"3": "600 CNY/month"},
    ...     "child_age": "0-36 months", "births": {"from": "2023-01-01"}})
    >>> schedule = payments(policy, 3, month(2023, 1))
    >>> len(schedule.offsets), int(schedule.offsets[-1]), float(schedule.amounts.sum())
    (36, 35, 21600.0)
    >>> len(payments(policy, 3, month(2022, 12)).offsets)
    0
    """
    months = np.array([birth_month])
    share = float(eligible_share(policy.births, months)[0])
    money = per_month(policy, order) * share
    begin, ends = paid_span(policy, months)
    last = float(ends[min(order, len(ORDERS)) - 1, 0])
    offsets = np.arange(begin[0], int(np.ceil(last))) if money > 0 else np.arange(0)
    # A cap may fall within a month, which is then paid in part.
    amounts = money * np.clip(last - offsets, 0.0, 1.0)
    return Schedule(offsets, amounts * price_factor(policy, birth_month + offsets))


def price_factor(policy: CashTransfer, months: np.ndarray) -> np.ndarray:
    """Return what one CNY paid in a month is worth in prices of the announcement.

    Parameters
    ----------
    policy : CashTransfer
        With or without ``price_rise``.
    months : numpy.ndarray
        Months of payment, shape (n,).
    """
    factor: np.ndarray = _erosion(policy) ** (months - month_of(policy.announced))
    return factor


def _erosion(policy: CashTransfer) -> float:
    if policy.price_rise is None:
        return 1.0
    return float((1.0 + policy.price_rise.to("year-1").value) ** (-1.0 / 12.0))


def _powers(factor: float, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the sum of factor^o over the offsets o from begin up to end, in part for the last."""
    end = np.maximum(end, begin)
    if factor == 1.0:
        return np.asarray(end - begin)
    whole = np.floor(end)
    total: np.ndarray = (factor**begin - factor**whole) / (1 - factor) + (end - whole) * (
        factor**whole
    )
    return total


def _money(policy: CashTransfer, months: np.ndarray, per_unit: np.ndarray) -> np.ndarray:
    """Return money by order and month of what one CNY a month comes to, windows included."""
    money = np.array([per_month(policy, order) for order in ORDERS])
    entitled = eligible_share(policy.births, months) * price_factor(policy, months)
    return np.asarray(money[:, None] * per_unit * entitled)


def promised(policies: Iterable[CashTransfer], months: np.ndarray) -> np.ndarray:
    """Return the total paid per child, undiscounted, all policies together.

    Parameters
    ----------
    policies : iterable of CashTransfer
    months : numpy.ndarray
        Months of birth, shape (month,).

    Returns
    -------
    numpy.ndarray
        Money [CNY] of dims (birth_order, month), before take-up.
    """
    total = np.zeros((len(ORDERS), len(months)))
    for policy in policies:
        total += _money(policy, months, _powers(_erosion(policy), *paid_span(policy, months)))
    return total


def present_value(policies: Iterable[CashTransfer], months: np.ndarray) -> np.ndarray:
    """Return the value of all payments per child in the month of birth, at 4 % a year.

    Parameters and dims are those of :func:`promised`.
    """
    total = np.zeros((len(ORDERS), len(months)))
    for policy in policies:
        factor = _erosion(policy) * _MONTHLY_DISCOUNT
        total += _money(policy, months, _powers(factor, *paid_span(policy, months)))
    return total


def dose_value(policy: CashTransfer, months: np.ndarray, lag: int) -> np.ndarray:
    """Return the money that counts in the dose of a cash transfer, take-up included.

    What is paid in the first 36 months counts in full; what comes later is discounted to the
    month of birth at 4 % a year. The rule is the one known ``lag`` months before the birth: a
    child born earlier than that after the announcement is paid but was not expected.

    Parameters
    ----------
    policy : CashTransfer
    months : numpy.ndarray
        Months of birth, shape (month,).
    lag : int
        Months from conception to birth.

    Returns
    -------
    numpy.ndarray
        Money [CNY] of dims (birth_order, month).
    """
    known_at = months - lag
    begin, end = paid_span(policy, months, known_at)
    erosion = _erosion(policy)
    near = _powers(erosion, np.clip(begin, None, FREE_MONTHS), np.clip(end, None, FREE_MONTHS))
    late = np.maximum(begin, FREE_MONTHS), np.maximum(end, FREE_MONTHS)
    far = _powers(erosion * _MONTHLY_DISCOUNT, *late)
    known = known_at >= month_of(policy.announced)
    return np.where(known, policy.reached * _money(policy, months, near + far), 0.0)
