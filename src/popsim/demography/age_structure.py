"""Measures of an age structure: sums over any limits, median age, old age by life left.

Single years 0, 1, …, A with A open, or groups by their limits, on the last axis; axes before it are
broadcast. Inside a group people are spread evenly.

Examples
--------
>>> people = np.full(100, 10.0)
>>> between(people, 20, 60.5).item()
405.0
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DataError

__all__ = ["age_with_life_left", "between", "median_age"]

Array = NDArray[np.float64]


def _people(population: ArrayLike) -> Array:
    N = np.asarray(population, dtype=float)
    if N.ndim == 0 or not np.all(np.isfinite(N) & (N >= 0)):
        raise DataError("a population by age must hold numbers that are not negative")
    return N


def between(population: ArrayLike, first: ArrayLike = 0, end: ArrayLike | None = None) -> Array:
    """People from an exact age up to another one, which may lie inside a year of age.

    Parameters
    ----------
    population : array-like (..., age)
        Persons by single year from 0, the last age open [person].
    first, end : array-like (...)
        Exact ages [years], e.g. 54.25; the open group can only be taken whole. Without ``end`` all
        from ``first`` on. Where a limit is not a number, so is the result.

    Returns
    -------
    numpy.ndarray (...)
        Persons [person].

    Raises
    ------
    DataError
        When a limit is negative or lies inside the open group, or ``end`` lies below ``first``.

    Examples
    --------
    >>> between([10.0, 10.0, 10.0, 100.0], 0.5, [1, 3]).tolist()
    [5.0, 25.0]
    >>> between([10.0, 10.0, 100.0], 1).item()
    110.0
    """
    N = _people(population)
    A = N.shape[-1] - 1
    low = np.asarray(first, dtype=float)
    below = np.concatenate([np.zeros((*N.shape[:-1], 1)), np.cumsum(N, axis=-1)], axis=-1)
    high = None if end is None else np.asarray(end, dtype=float)
    for limit in (low,) if high is None else (low, high):
        if np.any((limit < 0) | (limit > A)):
            raise DataError(
                f"a limit of {float(limit[(limit < 0) | (limit > A)].ravel()[0]):g} years is not "
                f"between 0 and {A}, where the open age group starts"
            )
    if high is not None and np.any(high < low):
        raise DataError("an age group ends before it starts")
    upper = below[..., -1] if high is None else _cumulated(below, high)
    return np.asarray(upper - _cumulated(below, low))


def _cumulated(below: Array, age: Array) -> Array:
    """Cumulated persons at an exact age, linear inside a year of age."""
    shape = np.broadcast_shapes(below.shape[:-1], age.shape)
    below, age = np.broadcast_to(below, (*shape, below.shape[-1])), np.broadcast_to(age, shape)
    known = np.isfinite(age)
    x = np.where(known, age, 0.0)
    whole = np.floor(x).astype(int)
    at = np.take_along_axis(below, whole[..., None], axis=-1)[..., 0]
    after = np.take_along_axis(below, whole[..., None] + 1, axis=-1)[..., 0]
    return np.asarray(np.where(known, at + (x - whole) * (after - at), np.nan))


def median_age(population: ArrayLike, ages: ArrayLike | None = None) -> Array:
    """Age that half of a population has not reached, linear inside the group that holds it.

    Parameters
    ----------
    population : array-like (..., age)
        Persons by age group, the last one open [person].
    ages : array-like (age), optional
        First ages of the groups [years]; default single years from 0. Five-year groups are the
        convention of the United Nations and differ a little from single years.

    Returns
    -------
    numpy.ndarray (...)
        Median age [years]; not a number without people.

    Raises
    ------
    DataError
        When ages do not rise or fit, a number is missing or negative, or the median lies in the
        open group.

    Examples
    --------
    >>> median_age([10.0, 10.0, 20.0, 0.0], [0, 5, 10, 15]).item()
    10.0
    """
    N = _people(population)
    x = np.arange(N.shape[-1]) if ages is None else np.asarray(ages, dtype=float)
    if x.shape != N.shape[-1:] or not np.all(np.diff(x) > 0):
        raise DataError(f"{x.size} rising first ages are needed for {N.shape[-1]} groups")
    cumulated = np.cumsum(N, axis=-1)
    half = 0.5 * cumulated[..., -1]
    place = (cumulated < half[..., None]).sum(axis=-1)
    if np.any((place == N.shape[-1] - 1) & (half > 0)):
        raise DataError(
            f"the median lies in the open age group {x[-1]:g}+, where it cannot be placed; use "
            "groups that go further"
        )
    place = np.minimum(place, N.shape[-1] - 2)
    inside = np.take_along_axis(N, place[..., None], axis=-1)[..., 0]
    below = np.take_along_axis(cumulated, place[..., None], axis=-1)[..., 0] - inside
    width = np.diff(x)[place]
    part = np.divide(half - below, inside, out=np.full(half.shape, np.nan), where=inside > 0)
    return np.asarray(x[place] + part * width)


def age_with_life_left(ex: ArrayLike, ages: ArrayLike, years: float = 15.0) -> Array:
    """Age at which a life table has a stated remaining life expectancy, linear between ages.

    The start of old age in the sense of Sanderson and Scherbov, who take 15 years.

    Parameters
    ----------
    ex : array-like (..., age)
        Remaining life expectancy at exact ages [years].
    ages : array-like (age)
        Exact ages, rising [years].
    years : float
        Years of life left.

    Returns
    -------
    numpy.ndarray (...)
        The oldest such age [years]; not a number where the table never crosses ``years`` or holds
        no numbers.

    Raises
    ------
    DataError
        When ages do not rise or fit.

    References
    ----------
    Sanderson & Scherbov 2010, Science 329:1287.

    Examples
    --------
    >>> age_with_life_left([20.0, 16.0, 12.0], [60, 65, 70]).item()
    66.25
    """
    e, x = np.asarray(ex, dtype=float), np.asarray(ages, dtype=float)
    if e.ndim == 0 or x.shape != e.shape[-1:] or not np.all(np.diff(x) > 0):
        raise DataError(f"{x.size} rising ages are needed for life expectancies of shape {e.shape}")
    crosses = (e[..., :-1] >= years) & (e[..., 1:] < years)
    # Deaths of infants can make e rise at first: the last crossing is the one of old age.
    place = crosses.shape[-1] - 1 - crosses[..., ::-1].argmax(axis=-1)
    upper = np.take_along_axis(e, place[..., None], axis=-1)[..., 0]
    lower = np.take_along_axis(e, place[..., None] + 1, axis=-1)[..., 0]
    found = crosses.any(axis=-1)
    part = np.divide(upper - years, upper - lower, out=np.zeros(upper.shape), where=found)
    return np.asarray(np.where(found, x[place] + part * np.diff(x)[place], np.nan))
