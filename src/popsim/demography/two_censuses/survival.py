"""Death rates of regions from census deaths, their registration at old ages, and their decline.

Census deaths are too few, and how many are missing shows only where a closed population grows old:
the nation's cohorts of 60 and over lose more people between two censuses than their registered
deaths explain. The factor on death rates that closes this gap best is found as an exponential of
age; below 67 it is held.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.demography.lifetable import graduate_mortality, life_table, survival_ratios
from popsim.demography.two_censuses.ages import BREAKS, DECADE, FIVES, fives, survivors
from popsim.errors import DataError

__all__ = ["OLD", "Mortality", "mortality", "pooled_rates"]

Array = NDArray[np.float64]

SEXES = np.array(["female", "male"])
#: Deaths that the nation's rate weighs beside a region's own: with as many expected, half each.
POOLED_DEATHS = 50.0
#: Age from which cohort losses tell of missing deaths: few migrate, and many die.
OLD = 60
#: Middles of the ages that cohorts aged 60-64, …, 80-84, and 85 and over pass in ten years [years].
_MIDDLES = np.array([67.5, 72.5, 77.5, 82.5, 87.5, 92.5])
_CENTRE = 80.0
#: Fastest yearly fall of a death rate that is carried on [1 per year].
FASTEST_DECLINE = 0.05
#: From one decade to the next the yearly decline is halved: the fall of 2000-2010 was a fast one.
DECLINE_KEPT = 0.5
_ROUNDS = 100
_CLOSE = 1e-10


class Mortality(NamedTuple):
    """Death rates between the censuses and after them.

    Attributes
    ----------
    registration : numpy.ndarray (sex, age)
        Factor on the death rates of the census; its inverse is the share of deaths registered [1].
    between : numpy.ndarray (region, year, sex, age)
        Survival ratios of the ten years between the censuses [1].
    rates : numpy.ndarray (region, year, sex, age)
        Death rates of the years after the later census [year-1].
    survival : numpy.ndarray (region, year, sex, age)
        Survival ratios of these years [1].
    """

    registration: Array
    between: Array
    rates: Array
    survival: Array


def pooled_rates(deaths: Array, population: Array, standard: Array) -> Array:
    """Return death rates of a region, drawn to the nation's where its deaths are few.

    ``m = ms (D + c R) / (E + c)`` with the nation's rates ms, the deaths ``E = ms P`` that they
    give, ``R = ΣD / ΣE`` over all ages and c = 50 deaths.

    Parameters
    ----------
    deaths, population : numpy.ndarray (..., sex, group)
        Of the region [deaths], [persons].
    standard : numpy.ndarray (sex, group)
        Death rates of the nation [year-1].

    Examples
    --------
    >>> pooled_rates(np.array([[20.0, 0.0]]), np.array([[100.0, 100.0]]), np.array([[0.1, 0.1]]))
    array([[0.11666667, 0.08333333]])
    """
    expected = standard * population
    level = deaths.sum(axis=-1, keepdims=True) / expected.sum(axis=-1, keepdims=True)
    pooled: Array = standard * (deaths + POOLED_DEATHS * level) / (expected + POOLED_DEATHS)
    return pooled


def _survival(rates: Array) -> Array:
    return np.asarray(survival_ratios(life_table(rates, sex=SEXES)).values)


def _between(first: Array, second: Array) -> Array:
    """Return rates of the ten years between (..., year, sex, age), log-linear in time.

    Deaths are those of the twelve months before each census, so that the last year has the rates
    of the second.
    """
    weight = np.arange(1, DECADE + 1)[:, None, None] / DECADE
    return np.exp(
        (1 - weight) * np.log(first[..., None, :, :]) + weight * np.log(second[..., None, :, :])
    )


def _factor(line: Array) -> Array:
    """Return the factor by single age (sex, age) from level and slope of its logarithm (sex, 2)."""
    age = np.clip(np.arange(BREAKS[-1] + 1) + 0.5, _MIDDLES[0], _MIDDLES[-1])
    return np.exp(line[:, :1] + line[:, 1:] * (age - _CENTRE))


def _old_cohorts(groups: Array, first: int) -> Array:
    """Return cohorts (sex, cohort) of five-year groups from an age on, the oldest together."""
    old = groups[:, np.searchsorted(FIVES, first) :]
    n = _MIDDLES.size - 1
    return np.concatenate([old[:, :n], old[:, n:].sum(axis=1, keepdims=True)], axis=1)


def _registration(rates: Array, before: Array, counted: Array) -> Array:
    """Return the factor (sex, age) with which a closed population loses what it lost.

    ``log factor = a + b (x - 80)`` minimises the squared logarithms of the ratio of observed to
    expected cumulated hazards of the cohorts, weighted by their deaths.

    Parameters
    ----------
    rates : numpy.ndarray (year, sex, age)
        Unadjusted rates of the ten years [year-1].
    before, counted : numpy.ndarray (sex, age), (sex, five)
        The two counts [persons].
    """
    begun = _old_cohorts(fives(before), OLD)
    left = _old_cohorts(counted, OLD + DECADE)
    if np.any(left >= begun) or np.any(left <= 0):
        raise DataError(
            "a cohort of the nation aged 60 or over did not become smaller between the censuses, "
            "or died out; its death rates cannot be adjusted"
        )
    weight = begun - left
    age = _MIDDLES - _CENTRE
    moments = np.stack([(weight * age**p).sum(axis=1) for p in range(3)], axis=-1)
    normal = moments[:, [[0, 1], [1, 2]]]
    line = np.zeros((2, 2))
    for _ in range(_ROUNDS):
        expected = fives(survivors(before, _survival(rates * _factor(line))))
        alive = _old_cohorts(expected, OLD + DECADE)
        missing = np.log(np.log(left / begun) / np.log(alive / begun))
        right = np.stack([(weight * missing * age**p).sum(axis=1) for p in (0, 1)], axis=-1)
        step = np.linalg.solve(normal, right[..., None])[..., 0]
        line += step
        if np.abs(step).max() < _CLOSE:
            return _factor(line)
    raise DataError("no factor on the nation's death rates gives the survivors that were counted")


def mortality(
    deaths: Array, population: Array, standard: Array, counted: Array, years: int
) -> Mortality:
    """Return adjusted mortality between two censuses and after them.

    Parameters
    ----------
    deaths, population : numpy.ndarray (region, census, sex, group)
        The nation is the first region [deaths], [persons].
    standard : numpy.ndarray (sex, age)
        The nation's earlier count by single age [persons].
    counted : numpy.ndarray (sex, five)
        The nation's later count [persons].
    years : int
        Years wanted after the later census.
    """
    national = deaths[0] / population[0]
    if np.any(national <= 0):
        raise DataError("the nation has an age group without deaths; pool groups or years")
    groups = np.stack(
        [pooled_rates(deaths[:, c], population[:, c], national[c]) for c in (0, 1)], axis=1
    )
    single = graduate_mortality(groups, BREAKS, sex=SEXES)
    between = _between(single[:, 0], single[:, 1])
    registration = _registration(between[0], standard, counted)
    decline = np.clip(np.log(single[0, 1] / single[0, 0]) / DECADE, -FASTEST_DECLINE, 0.0)
    # A decade's decline is linear in the logarithm; every further decade has half of it.
    time = np.arange(1, years + 1)
    full, rest = np.divmod(time, DECADE)
    share = DECLINE_KEPT**full
    passed = DECADE * (1 - share) / (1 - DECLINE_KEPT) + rest * share
    later = single[:, 1, None] * np.exp(decline * passed[:, None, None])
    adjusted = later * registration
    return Mortality(registration, _survival(between * registration), adjusted, _survival(adjusted))
