"""Cash instruments as rules: who is paid, how much, in which month.

Months are whole numbers counted from January of year 0 (see :func:`month`). All money is
nominal and per child before take-up, as the rule promises it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from popsim.policy.fields import ORDERS
from popsim.policy.model import CashTransfer, Scenario, Window

__all__ = [
    "DISCOUNT_RATE",
    "FREE_MONTHS",
    "Schedule",
    "cash_transfers",
    "dose_value",
    "eligible_share",
    "month",
    "month_of",
    "paid_span",
    "payments",
    "per_month",
    "present_value",
    "promised",
]

DISCOUNT_RATE = 0.04
"""Yearly rate at which later money is discounted, the convention of the evidence."""

FREE_MONTHS = 36
"""Payments of the first 36 months count in full in a dose, the convention of the evidence."""


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


def cash_transfers(scenario: Scenario) -> dict[str, CashTransfer]:
    """Return the cash transfers of a scenario by name, in the order of the file."""
    return {n: p for n, p in scenario.policies.items() if isinstance(p, CashTransfer)}


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
    return begin, np.maximum(end, begin)


def per_month(policy: CashTransfer, order: int) -> float:
    """Return the nominal money per paid month, or the one sum [CNY], for a birth order."""
    amount = policy.amount_for(order)
    if amount is None:
        return 0.0
    return amount.value if policy.one_off else amount.to("CNY/month").value


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
    begin, end = paid_span(policy, months)
    offsets = np.arange(begin[0], end[0]) if money > 0 else np.arange(0)
    return Schedule(offsets, np.full(len(offsets), money))


def _discounted(begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return the sum of (1 + r)^(-o/12) over the offsets o from begin up to end."""
    factor = (1 + DISCOUNT_RATE) ** (-1 / 12)
    total: np.ndarray = (factor**begin - factor ** np.maximum(end, begin)) / (1 - factor)
    return total


def _by_order(policy: CashTransfer, per_unit: np.ndarray) -> np.ndarray:
    money = np.array([per_month(policy, order) for order in ORDERS])
    return np.outer(money, per_unit)


def promised(policies: Iterable[CashTransfer], months: np.ndarray) -> np.ndarray:
    """Return the nominal total paid per child, all policies together.

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
        begin, end = paid_span(policy, months)
        total += _by_order(policy, eligible_share(policy.births, months) * (end - begin))
    return total


def present_value(policies: Iterable[CashTransfer], months: np.ndarray) -> np.ndarray:
    """Return the value of all payments per child in the month of birth, at 4 % a year.

    Parameters and dims are those of :func:`promised`.
    """
    total = np.zeros((len(ORDERS), len(months)))
    for policy in policies:
        value = _discounted(*paid_span(policy, months))
        total += _by_order(policy, eligible_share(policy.births, months) * value)
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
    near = np.clip(end, None, FREE_MONTHS) - np.clip(begin, None, FREE_MONTHS)
    far = _discounted(np.maximum(begin, FREE_MONTHS), np.maximum(end, FREE_MONTHS))
    share = eligible_share(policy.births, months) * policy.take_up.to("1").value
    known = known_at >= month_of(policy.announced)
    return _by_order(policy, np.where(known, share * (near + far), 0.0))
