"""Single ages of census groups, five-year groups, and cohorts that walk ten years.

Arrays end in (sex, age) or (sex, group). Ten years after a census a cohort of a five-year group
fills the group two places on; those aged 90 and over fill the open group 100 and over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.demography.graduation import graduate_with_standard, group_sums
from popsim.demography.population import stock_from_exposure

__all__ = [
    "BREAKS",
    "DECADE",
    "FIVES",
    "fives",
    "regional_single_ages",
    "standard_single_ages",
    "survivors",
]

Array = NDArray[np.float64]

#: Years between the censuses.
DECADE = 10
#: Lower limits of the census groups: 0, 1, 5, …, 100 [years].
BREAKS = np.array([0, 1, *range(5, 105, 5)])
#: Lower limits of the five-year groups: 0, 5, …, 100 [years].
FIVES = np.arange(0, 105, 5)
#: Rough enough to keep the edges of thin cohorts, smooth enough to leave no saw-tooth beside them.
SMOOTHING = 0.01


def standard_single_ages(groups: Array, person_years: Array, deaths: Array) -> Array:
    """Return the nation's census count by single age, the standard of every region.

    The yearbooks print the count by group and, by single age, the person-years of the census
    year, which lie half a year beside it
    (:func:`~popsim.demography.population.stock_from_exposure`).

    Parameters
    ----------
    groups : numpy.ndarray (sex, group)
        Count of the nation [persons].
    person_years, deaths : numpy.ndarray (sex, age)
        Of the census year [persons], [deaths].
    """
    survival = 1.0 - np.minimum(deaths / person_years, 1.0)
    standard = stock_from_exposure(person_years, survival, smoothing=SMOOTHING)
    return graduate_with_standard(groups, BREAKS, standard)


def regional_single_ages(groups: Array, standard: Array) -> Array:
    """Return counts by single age (..., sex, age) from groups, with the nation's as standard."""
    return graduate_with_standard(groups, BREAKS, standard)


def fives(single: Array) -> Array:
    """Return sums of single ages by five-year group (..., sex, five).

    Examples
    --------
    >>> fives(np.ones((2, 101)))[0, [0, 1, -1]]
    array([5., 5., 1.])
    """
    return group_sums(single, FIVES)


def survivors(population: Array, survival: Array) -> Array:
    """Return who of a population is alive after the years of ``survival``; no births, no moves.

    Parameters
    ----------
    population : numpy.ndarray (..., sex, age)
        [persons].
    survival : numpy.ndarray (..., year, sex, age)
        Annual survival ratios into each age [1].

    Returns
    -------
    numpy.ndarray (..., sex, age)
        Survivors by the age they have reached [persons]; ages below the number of years are empty.

    Examples
    --------
    >>> survivors(np.ones((1, 4)), np.full((2, 1, 4), 0.5))
    array([[0.  , 0.  , 0.25, 0.75]])
    """
    alive = population
    for year in range(survival.shape[-3]):
        older = np.zeros(np.broadcast_shapes(alive.shape, survival[..., year, :, :].shape))
        older[..., 1:] = alive[..., :-1]
        older[..., -1] += alive[..., -1]
        alive = older * survival[..., year, :, :]
    return alive
