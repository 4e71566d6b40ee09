"""Childcare places in numbers: how many there are, are built and are used.

A place is built once: only places above the most that there has been are new, so that a place lost
to a shrinking population and opened again does not count, and is not paid for, twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from popsim.policy.dose import UTILISATION, capacity_path, utilisation_path
from popsim.policy.model import Scenario

__all__ = [
    "PlaceCounts",
    "built_places",
    "place_counts",
]


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
        Share of places in use, dims (draw, 1) or a number; from the year of the policy's
        announcement on its own goes before.

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
    own = utilisation_path(scenario, years, utilisation)
    return PlaceCounts(
        ours,
        theirs,
        np.minimum(ours, children) * own,
        np.minimum(theirs, children) * utilisation,
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
