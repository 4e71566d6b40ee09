"""Childcare places in numbers: how many there are, are built and are used, and what they cost.

A place is built once and subsidised once: a grant is due only for places above the most that
there has been, so that a place lost to a shrinking population and opened again is not paid twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from popsim.errors import DataError
from popsim.policy.dose import capacity_path
from popsim.policy.model import ChildcareCapacity, ChildcareOperation, Scenario

__all__ = [
    "CLASS_MIX",
    "SHARE_WANTING_A_PLACE",
    "UTILISATION",
    "PlaceCounts",
    "built_places",
    "place_counts",
    "place_payments",
    "places_to_build",
]

CLASS_MIX = {"infant": 0.05, "toddler": 0.25, "older_toddler": 0.50, "mixed": 0.20}
"""Children in care by class type, an assumption: most are in their third year of age."""

UTILISATION = 0.5
"""Share of places in use when the response does not say; about half of China's stand empty."""

SHARE_WANTING_A_PLACE = 0.35
"""Share of children under 3 whose families want a place: about 35 %, as the National Health
Commission and the press report it."""


@dataclass(frozen=True)
class PlaceCounts:
    """Childcare places of one region.

    Parameters
    ----------
    places, places_ref : numpy.ndarray
        Places with the policy and without [place], dims (draw, year).
    used, used_ref : numpy.ndarray
        Children in care [person], dims (draw, year).
    """

    places: np.ndarray
    places_ref: np.ndarray
    used: np.ndarray
    used_ref: np.ndarray


def place_counts(
    scenario: Scenario,
    years: np.ndarray,
    population: np.ndarray,
    children_under_3: np.ndarray,
    places_ref: np.ndarray,
    utilisation: np.ndarray | float = UTILISATION,
) -> PlaceCounts:
    """Return places in numbers: the path per 1,000 residents times the population.

    As in the dose, residents and children are those of the reference run, and not more children
    are in care than there are.

    Parameters
    ----------
    scenario : Scenario
    years : numpy.ndarray
        Consecutive years, shape (year,).
    population, children_under_3 : numpy.ndarray
        Persons, dims (draw, year) or (year,).
    places_ref : numpy.ndarray
        Without the policy [places/1000 residents], dims (year,).
    utilisation : numpy.ndarray or float
        Share of places in use, dims (draw, 1) or a number.

    Returns
    -------
    PlaceCounts

    Examples
    --------
    >>> from popsim.policy.files import baseline
    >>> counts = place_counts(
    ...     baseline(), np.array([2024]), np.array([1e5]), np.array([2e3]), np.array([4.0]))
    >>> counts.places, counts.used
    (array([[400.]]), array([[200.]]))
    """
    persons, children = np.atleast_2d(population), np.atleast_2d(children_under_3)
    path = capacity_path(scenario, years, places_ref).places
    ours, theirs = path * persons / 1000.0, places_ref * persons / 1000.0
    return PlaceCounts(
        ours,
        theirs,
        np.minimum(ours * utilisation, children),
        np.minimum(theirs * utilisation, children),
    )


def built_places(places: np.ndarray) -> np.ndarray:
    """Return the places of each year above the most that there has been before.

    What stood in the first year is not new.

    Parameters
    ----------
    places : numpy.ndarray
        Dims (..., year).

    Returns
    -------
    numpy.ndarray
        Dims (..., year).

    Examples
    --------
    >>> built_places(np.array([100.0, 150.0, 140.0, 160.0]))
    array([ 0., 50.,  0., 10.])
    """
    highest = np.maximum.accumulate(places, axis=-1)
    return np.diff(highest, axis=-1, prepend=highest[..., :1])


def _share_of_year(policy: ChildcareCapacity | ChildcareOperation, years: np.ndarray) -> np.ndarray:
    """Return the part of each year from the month of the announcement on."""
    begun = years * 12.0 + 12 - (policy.announced.year * 12 + policy.announced.month - 1)
    share: np.ndarray = np.clip(begun / 12.0, 0.0, 1.0)
    return share


def place_payments(
    scenario: Scenario, counts: PlaceCounts, years: np.ndarray
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return what childcare places cost government in each year.

    A construction grant is due for every place built from the month of the announcement on, also
    for those that would have been built anyway; an operating subsidy for every child in care,
    12 months a year, by class type in the proportions of :data:`CLASS_MIX` unless the instrument
    gives a ``class_mix``.

    Parameters
    ----------
    scenario : Scenario
    counts : PlaceCounts
    years : numpy.ndarray
        Shape (year,).

    Returns
    -------
    dict of str to tuple of numpy.ndarray
        By instrument: nominal CNY, and the part of it for places that would have been there
        without the policy (deadweight), each of dims (draw, year).
    """
    found = {}
    for name, policy in scenario.policies.items():
        if isinstance(policy, ChildcareCapacity) and policy.construction_subsidy is not None:
            each = policy.construction_subsidy.value * _share_of_year(policy, years)
            ours, theirs = built_places(counts.places), built_places(counts.places_ref)
        elif isinstance(policy, ChildcareOperation):
            each = 12.0 * monthly_subsidy(policy) * _share_of_year(policy, years)
            ours, theirs = counts.used, counts.used_ref
        else:
            continue
        found[name] = (each * ours, each * np.minimum(ours, theirs))
    return found


def monthly_subsidy(policy: ChildcareOperation) -> float:
    """Return the operating subsidy per child in care, the mean over class types [CNY/month].

    Examples
    --------
    >>> policy = ChildcareOperation.model_validate(
    ...     {"announced": "2023-01-01", "amount": {"infant": "500 CNY/month"}})
    >>> monthly_subsidy(policy)
    25.0
    """
    mix = CLASS_MIX
    if policy.class_mix is not None:
        mix = {kind: share.to("1").value for kind, share in policy.class_mix.items()}
    # A class without an amount gets nothing.
    return sum(mix.get(kind, 0.0) * money.value for kind, money in policy.amount.items())


def places_to_build(
    result: xr.Dataset, scenario: str, *, wanted: float = SHARE_WANTING_A_PLACE
) -> pd.DataFrame:
    """Return demand and supply of childcare places by region and year, means over draws.

    Parameters
    ----------
    result : xarray.Dataset
        From :func:`popsim.run`.
    scenario : str
        Identifier of the scenario.
    wanted : float
        Share of children under 3 whose families want a place.

    Returns
    -------
    pandas.DataFrame
        One row a region and year: ``region``, ``year``, ``children_under_3`` [person, 1 January],
        ``places`` [place], ``places_to_build`` (new in the year, each counted once),
        ``children_in_care`` [person], ``places_wanted`` (demand) and ``places_short`` (demand less
        places, not below 0).

    Raises
    ------
    DataError
        When the scenario is not in the run or the share is not between 0 and 1.
    """
    if scenario not in result["scenario"].values:
        known = ", ".join(map(str, result["scenario"].values))
        raise DataError(f"the run has no scenario {scenario!r} (it has {known})")
    if not 0 <= wanted <= 1:
        raise DataError(f"wanted={wanted} is not a share; write: wanted=0.35")
    years = result["year"].values
    mine = result.sel(scenario=scenario)
    children = mine["children_under_3"].sel(time=years).mean("draw").rename(time="year")
    columns = {
        "children_under_3": children,
        "places": mine["childcare_places_total"],
        "places_to_build": mine["childcare_places_built"],
        "children_in_care": mine["children_in_care"],
        "places_wanted": wanted * children,
        "places_short": (wanted * children - mine["childcare_places_total"]).clip(min=0),
    }
    series = {
        name: array.reset_coords(drop=True).transpose("region", "year").to_series()
        for name, array in columns.items()
    }
    return pd.DataFrame(series).reset_index()
