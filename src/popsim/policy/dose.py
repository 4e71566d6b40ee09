"""Doses: what a policy offers, in per cent of GDP per head or of children under 3."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from popsim.errors import ScenarioError
from popsim.policy.fields import ORDERS
from popsim.policy.instruments import cash_transfers, dose_value, month_of
from popsim.policy.model import ChildcareCapacity, Scenario

__all__ = [
    "NATIONAL_PLACES",
    "CapacityPath",
    "CashDose",
    "capacity",
    "capacity_path",
    "cash_dose",
    "childcare_dose",
    "reference_places",
]

NATIONAL_PLACES = {2021: 2.03, 2022: 2.5, 2023: 3.38, 2024: 4.08}
"""Childcare places per 1,000 residents in China (National Health Commission)."""


@dataclass(frozen=True)
class CashDose:
    """Doses of the cash transfers of a scenario.

    Parameters
    ----------
    announced : numpy.ndarray
        Month of announcement, ascending, shape (policy,).
    dose : numpy.ndarray
        Per cent of GDP per head, dims (policy, birth_order, month).
    """

    announced: np.ndarray
    dose: np.ndarray


def cash_dose(
    scenario: Scenario, months: np.ndarray, gdp_per_head: float | None, *, lag: int = 9
) -> CashDose:
    """Return the dose of each cash transfer for births of each month.

    ``D = 100 × (money promised per child × take-up) / GDP per head``, money of the first 36
    months in full, later money discounted at 4 % a year to the month of birth; zero for births
    less than ``lag`` months after the announcement. Amounts and GDP per head are in constant
    prices of one year. The dose of the channel is the sum over policies.

    Parameters
    ----------
    scenario : Scenario
        Its own ``gdp_per_head`` goes before the argument.
    months : numpy.ndarray
        Months of birth, shape (month,).
    gdp_per_head : float or None
        GDP per head [CNY].
    lag : int
        Months from conception to birth.

    Returns
    -------
    CashDose

    Raises
    ------
    ScenarioError
        When money is promised and there is no GDP per head.
    """
    policies = sorted(cash_transfers(scenario).values(), key=lambda p: p.announced)
    if not policies:
        return CashDose(np.zeros(0, dtype=np.int64), np.zeros((0, len(ORDERS), len(months))))
    if scenario.gdp_per_head is not None:
        gdp_per_head = scenario.gdp_per_head.value
    if gdp_per_head is None or not gdp_per_head > 0:
        raise ScenarioError(
            f"scenario {scenario.id!r} promises money, and there is no GDP per head to compare "
            "it with; write: gdp_per_head: 125043 CNY"
        )
    announced = np.array([month_of(p.announced) for p in policies])
    dose = np.stack([dose_value(p, months, lag) for p in policies])
    return CashDose(announced, 100.0 * dose / gdp_per_head)


def reference_places(years: np.ndarray, own: dict[int, float] | None = None) -> np.ndarray:
    """Return childcare places without the policy, per 1,000 residents.

    Linear between known years, flat before the first and after the last.

    Parameters
    ----------
    years : numpy.ndarray
        Shape (year,).
    own : dict of int to float, optional
        The region's own series [places/1000 residents]; the nation's when not given, which is
        illustrative only.

    Returns
    -------
    numpy.ndarray
        Shape (year,).

    Examples
    --------
    >>> reference_places(np.array([2020, 2022, 2030]))
    array([2.03, 2.5 , 4.08])
    """
    series = own or NATIONAL_PLACES
    known = sorted(series)
    places: np.ndarray = np.interp(years, known, [series[y] for y in known])
    return places


def capacity(scenario: Scenario) -> ChildcareCapacity | None:
    """Return the childcare level of a scenario, if it has one."""
    found = (p for p in scenario.policies.values() if isinstance(p, ChildcareCapacity))
    return next(found, None)


@dataclass(frozen=True)
class CapacityPath:
    """Childcare places with the policy, and what must be said about them.

    Parameters
    ----------
    places : numpy.ndarray
        Places per 1,000 residents, dims (year,).
    notices : list of str
        Sentences for the reader.
    """

    places: np.ndarray
    notices: list[str] = field(default_factory=list)


def capacity_path(scenario: Scenario, years: np.ndarray, places_ref: np.ndarray) -> CapacityPath:
    """Return the path of childcare places per 1,000 residents.

    Before the year of announcement the reference; then a straight line from the reference level
    of that year through the targets, flat after the last; never below the reference.

    Parameters
    ----------
    scenario : Scenario
    years : numpy.ndarray
        Consecutive years, shape (year,).
    places_ref : numpy.ndarray
        Reference [places/1000 residents], dims (year,).

    Returns
    -------
    CapacityPath
        With a notice for each target that is not above the reference.
    """
    policy = capacity(scenario)
    if policy is None:
        return CapacityPath(places_ref)
    start = policy.announced.year
    targets = {year: level.value for year, level in policy.target.items()}
    knots = {start: float(np.interp(start, years, places_ref)), **targets}
    path = np.interp(years, sorted(knots), [knots[y] for y in sorted(knots)])
    path = np.where(years >= start, np.maximum(path, places_ref), places_ref)
    notices = []
    for year, level in targets.items():
        there = float(np.interp(year, years, places_ref))
        if level <= there:
            notices.append(
                f"{scenario.id}: {level:g} places per 1,000 residents in {year} are not above the "
                f"reference of {there:g} and add nothing"
            )
    return CapacityPath(path, notices)


def childcare_dose(
    places: np.ndarray,
    places_ref: np.ndarray,
    population: np.ndarray,
    children_under_3: np.ndarray,
    utilisation: np.ndarray | float,
) -> np.ndarray:
    """Return the dose of childcare: used places more than in the reference.

    ``100 × (c_scn − c_ref) × utilisation`` with coverage ``c = places/1000 × population /
    children under 3``, at most 1.

    Parameters
    ----------
    places, places_ref : numpy.ndarray
        Places per 1,000 residents, dims (year,).
    population, children_under_3 : numpy.ndarray
        Persons in the reference run, dims (draw, year) or (year,).
    utilisation : numpy.ndarray or float
        Share of places in use, dims (draw, 1) or a number.

    Returns
    -------
    numpy.ndarray
        Percentage points of children under 3, dims (draw, year) or (year,).

    Examples
    --------
    >>> float(childcare_dose(*map(np.array, (4.5, 2.5, 1000.0, 20.0)), 0.5))
    5.0
    """
    per_place = population / 1000.0 / np.maximum(children_under_3, 1e-9)
    coverage = np.minimum(places * per_place, 1.0)
    coverage_ref = np.minimum(places_ref * per_place, 1.0)
    dose: np.ndarray = 100.0 * (coverage - coverage_ref) * utilisation
    return dose
