"""What is paid by year and not by child: for places, for care, and for other measures."""

from __future__ import annotations

import numpy as np

from popsim.policy.base import Window
from popsim.policy.instruments import eligible_share, month, month_of
from popsim.policy.kinds.childcare import (
    ChildcareCapacity,
    ChildcareConstruction,
    ChildcareFee,
    ChildcareOperation,
)
from popsim.policy.kinds.instrument import Instrument
from popsim.policy.kinds.measure import Measure
from popsim.policy.model import Scenario
from popsim.policy.places import PlaceCounts, built_places

__all__ = ["grant_per_place", "service_payments"]


def service_payments(
    scenario: Scenario, counts: PlaceCounts, years: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return what places, care and other measures cost in each year.

    A construction grant is due for every place built from the month of the announcement on, also
    for those that would have been built anyway; a grant that does not stack only in months in
    which no grant announced earlier is due. An operating subsidy is due for every child in care,
    12 months a year, by class type in the proportions of
    :data:`popsim.policy.kinds.childcare.CLASS_MIX` unless the instrument gives a ``class_mix``; a
    cut of fees likewise. A measure costs what it says.

    Parameters
    ----------
    scenario : Scenario
    counts : PlaceCounts
    years : numpy.ndarray
        Consecutive years, shape (year,).

    Returns
    -------
    dict of str to tuple of numpy.ndarray
        By instrument: CNY, and the part of it for places that would have been there without the
        policy (deadweight), each of dims (draw, year).

    Examples
    --------
    >>> grant = {"kind": "childcare_construction", "announced": "2024-07-01",
    ...          "amount": "2000 CNY/place"}
    >>> scenario = Scenario.model_validate({
    ...     "schema": "popsim.scenario/1", "id": "grant", "regions": "all",
    ...     "label": {"en": "A grant", "zh": "补助"}, "policies": {"grant": grant}})
    >>> places = np.array([[100.0, 110.0, 120.0]])
    >>> counts = PlaceCounts(places, places, places / 2, places / 2)
    >>> service_payments(scenario, counts, np.array([2023, 2024, 2025]))["grant"][0]
    array([[    0., 10000., 20000.]])
    """
    months = np.arange(month(int(years[0]), 1), month(int(years[-1]) + 1, 1))
    built, built_ref = built_places(counts.places), built_places(counts.places_ref)
    granted = np.zeros(len(months))
    found = {}
    for name, policy in sorted(scenario.policies.items(), key=lambda item: item[1].announced):
        due = _due(policy, months)
        per_place = grant_per_place(policy)
        if per_place is not None:
            before, granted = granted, np.maximum(granted, due)
            if isinstance(policy, ChildcareConstruction) and not policy.stacks:
                due = np.maximum(due - before, 0.0)
            each = per_place * _mean(due)
            found[name] = each * built, each * np.minimum(built, built_ref)
        elif isinstance(policy, ChildcareOperation | ChildcareFee):
            each = 12.0 * _monthly(policy) * _mean(due)
            if each.any():
                found[name] = each * counts.used, each * np.minimum(counts.used, counts.used_ref)
        elif isinstance(policy, Measure):
            spent = np.broadcast_to(_spending(policy, years, due), counts.places.shape)
            if spent.any():
                found[name] = spent.copy(), np.zeros_like(spent)
    return {name: found[name] for name in scenario.policies if name in found}


def _due(policy: Instrument, months: np.ndarray) -> np.ndarray:
    """Return the share of each month in which the instrument pays."""
    window: Window | None = getattr(policy, "payments", None)
    share = np.ones(len(months)) if window is None else eligible_share(window, months)
    return np.where(months >= month_of(policy.announced), share, 0.0)


def grant_per_place(policy: Instrument) -> float | None:
    """Return the grant per new place [CNY], if the instrument is one."""
    if isinstance(policy, ChildcareConstruction):
        return float(policy.amount.value)
    if isinstance(policy, ChildcareCapacity) and policy.construction_subsidy is not None:
        return float(policy.construction_subsidy.value)
    return None


def _monthly(policy: ChildcareOperation | ChildcareFee) -> float:
    """Return what a child in care costs the payers [CNY/month]."""
    if isinstance(policy, ChildcareOperation):
        return policy.mean_amount
    # A regulated fee is a rule for providers, not money of the payers.
    return policy.mean_cut if policy.cut is not None else 0.0


def _spending(policy: Measure, years: np.ndarray, due: np.ndarray) -> np.ndarray:
    if policy.spending is not None:
        given = {year: money.value for year, money in policy.spending.items()}
        return np.array([given.get(int(year), 0.0) for year in years])
    if policy.spending_a_year is not None:
        return policy.spending_a_year.value * _mean(due)
    return np.zeros(len(years))


def _mean(due: np.ndarray) -> np.ndarray:
    by_year: np.ndarray = due.reshape(-1, 12).mean(axis=1)
    return by_year
