"""How well ages and sexes are told: heaping indices and the United Nations' accuracy index.

Arrays have the age axis **last**.

Examples
--------
>>> whipple(np.ones(100)), round(float(myers(np.ones(100))), 12)
(array(100.), 0.0)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DataError

__all__ = [
    "age_ratio_score",
    "age_sex_accuracy",
    "myers",
    "noumbissi",
    "sex_ratio_score",
    "spoorenberg",
    "whipple",
]

Array = NDArray[np.float64]


def _counts(population: ArrayLike, last: int) -> Array:
    """Return single ages as an array; refuse what is negative or ends too early."""
    P = np.asarray(population, dtype=float)
    if P.ndim == 0 or P.shape[-1] <= last:
        raise DataError(
            f"there are {P.shape[-1] if P.ndim else 0} ages; single ages 0 to {last} are needed"
        )
    if not np.all(np.isfinite(P) & (P >= 0)):
        raise DataError("the population must be numbers that are not negative")
    return P


def _positive(total: Array, ages: str) -> Array:
    if np.any(total <= 0):
        raise DataError(f"there is nobody at ages {ages}")
    return total


def whipple(
    population: ArrayLike, *, ages: tuple[int, int] = (25, 60), digits: tuple[int, ...] = (0, 5)
) -> Array:
    """Whipple's index of heaping on ages that end in 0 or 5.

    ``100 · 10/d · Σ P(ages with the digits) / Σ P(whole decades)``; the denominator ends two ages
    after the last age counted and holds every digit equally often (23-62, for digit 5 alone
    18-57). 100: no preference; with two digits 500, with one 1000: no other ages are told.

    Parameters
    ----------
    population : array-like (..., age)
        Single ages 0, 1, … [persons].
    ages : tuple of int
        First and last age that is counted in the numerator.
    digits : tuple of int
        Last digits preferred.

    Returns
    -------
    numpy.ndarray (...)

    Raises
    ------
    DataError
        When ages are missing, negative, or nobody is there.

    References
    ----------
    Shryock and Siegel 1976, The Methods and Materials of Demography, chapter 8.

    Examples
    --------
    >>> P = np.where(np.arange(100) % 5 == 0, 10.0, 0.0)
    >>> whipple(P)
    array(500.)
    """
    inside = np.arange(ages[0], ages[1] + 1)
    told = inside[np.isin(inside % 10, digits)]
    if told.size == 0:
        raise DataError(f"no age of {ages[0]}-{ages[1]} ends in {', '.join(map(str, digits))}")
    end = int(told[-1]) + 3
    start = end - 10 * round(told.size / len(digits))
    if start < 0:
        raise DataError(f"ages {ages[0]}-{ages[1]} start too low for whole decades around them")
    P = _counts(population, end - 1)
    preferred = P[..., told].sum(axis=-1)
    total = _positive(P[..., start:end].sum(axis=-1), f"{start}-{end - 1}")
    index: Array = np.asarray(100 * 10 / len(digits) * preferred / total)
    return index


def myers(population: ArrayLike, *, ages: tuple[int, int] = (10, 89)) -> Array:
    """Myers' blended index: share of people who would have to tell another last digit.

    Each digit is summed over the ages from the first on without the last decade, and again ten
    years later, with weights 1 … 10 and 9 … 0, so that the fall of numbers with age does not
    favour low digits; the index is half the sum of the digits' distances from 10 %.

    Parameters
    ----------
    population : array-like (..., age)
        Single ages 0, 1, … [persons].
    ages : tuple of int
        First and last age; whole decades. The variants of the index differ in these, so state them.

    Returns
    -------
    numpy.ndarray (...)
        Percent: 0 no preference, 90 everybody tells the same digit.

    Raises
    ------
    DataError
        When ages are no whole decades, missing, negative, or nobody is there.

    References
    ----------
    Myers 1940, Transactions of the Actuarial Society of America 41:402.

    Examples
    --------
    >>> myers(np.where(np.arange(100) % 10 == 0, 1.0, 0.0))
    array(90.)
    """
    first, last = ages
    if (last - first + 1) % 10 or last - first < 19:
        raise DataError(f"ages {first}-{last} are not whole decades, two at least")
    P = _counts(population, last)[..., first : last + 1]
    decades = P.reshape(*P.shape[:-1], -1, 10)
    whole, later = decades[..., :-1, :].sum(axis=-2), decades[..., 1:, :].sum(axis=-2)
    weight = np.arange(1, 11)
    blended = weight * whole + (10 - weight) * later
    share = blended / _positive(blended.sum(axis=-1, keepdims=True), f"{first}-{last}")
    index: Array = np.asarray(50 * np.abs(share - 0.1).sum(axis=-1))
    return index


def noumbissi(population: ArrayLike, digit: int, *, ages: tuple[int, int] = (20, 64)) -> Array:
    """Noumbissi's index of one last digit: told numbers over a tenth-share of their surroundings.

    ``5 Σ P(x) / Σ (P(x-2) + … + P(x+2))`` over ages x with the digit; 1: no preference.

    Parameters
    ----------
    population : array-like (..., age)
        Single ages 0, 1, … [persons].
    digit : int
        0 to 9.
    ages : tuple of int
        First and last age x.

    Returns
    -------
    numpy.ndarray (...)

    Raises
    ------
    DataError
        When the digit is none, ages are missing, negative, or nobody is there.

    References
    ----------
    Noumbissi 1992, Population 47:1038.

    Examples
    --------
    >>> noumbissi(np.ones(80), 0)
    array(1.)
    """
    if digit not in range(10):
        raise DataError(f"digit {digit!r} is unknown; write: 0 to 9")
    P = _counts(population, ages[1] + 2)
    x = np.arange(ages[0], ages[1] + 1)
    x = x[x % 10 == digit]
    around = sum(P[..., x + shift].sum(axis=-1) for shift in range(-2, 3))
    index: Array = np.asarray(5 * P[..., x].sum(axis=-1) / _positive(np.asarray(around), str(ages)))
    return index


def spoorenberg(population: ArrayLike, *, ages: tuple[int, int] = (20, 64)) -> Array:
    """Spoorenberg's total modified Whipple index: preference and avoidance of all ten digits.

    ``Σ |W_d - 1|`` over Noumbissi's indices; 0: none, 16: all tell 0 or 5.

    Parameters
    ----------
    population : array-like (..., age)
        Single ages 0, 1, … [persons].
    ages : tuple of int
        As in :func:`noumbissi`.

    Returns
    -------
    numpy.ndarray (...)

    References
    ----------
    Spoorenberg and Dutreuilh 2007, Population (English edition) 62:729.

    Examples
    --------
    >>> spoorenberg(np.ones(80))
    array(0.)
    """
    indices = [np.abs(noumbissi(population, digit, ages=ages) - 1) for digit in range(10)]
    total: Array = np.asarray(np.sum(indices, axis=0))
    return total


def _groups(population: ArrayLike) -> Array:
    P = np.asarray(population, dtype=float)
    if P.ndim == 0 or P.shape[-1] < 4:
        raise DataError("at least four 5-year age groups are needed, the last one open")
    if not np.all(np.isfinite(P) & (P >= 0)) or np.any(P[..., :-1] <= 0):
        raise DataError("numbers by 5-year age group must be positive")
    return P


def age_ratio_score(population: ArrayLike) -> Array:
    """Mean distance of the age ratios from 100.

    ``100 · P(x) / (½ (P(x-5) + P(x+5)))`` for every closed group with two closed neighbours.

    Parameters
    ----------
    population : array-like (..., group)
        Numbers of one sex by 5-year groups, the last one open [persons].

    Returns
    -------
    numpy.ndarray (...)

    Raises
    ------
    DataError
        When there are fewer than four groups or a number is not positive.

    Examples
    --------
    >>> age_ratio_score([30.0, 20.0, 10.0, 5.0])
    array(0.)
    """
    P = _groups(population)[..., :-1]
    ratio = P[..., 1:-1] / (0.5 * (P[..., :-2] + P[..., 2:]))
    score: Array = np.asarray(100 * np.abs(ratio - 1).mean(axis=-1))
    return score


def sex_ratio_score(men: ArrayLike, women: ArrayLike) -> Array:
    """Mean change of the sex ratio from one age group to the next, without regard to sign.

    Parameters
    ----------
    men, women : array-like (..., group)
        Numbers by 5-year groups, the last one open [persons].

    Returns
    -------
    numpy.ndarray (...)
        In men per 100 women.

    Raises
    ------
    DataError
        As in :func:`age_ratio_score`.

    Examples
    --------
    >>> round(float(sex_ratio_score([10.0, 11.0, 10.0, 4.0], [10.0, 10.0, 10.0, 4.0])), 9)
    10.0
    """
    ratio = 100 * _groups(men)[..., :-1] / _groups(women)[..., :-1]
    score: Array = np.asarray(np.abs(np.diff(ratio, axis=-1)).mean(axis=-1))
    return score


def age_sex_accuracy(men: ArrayLike, women: ArrayLike) -> Array:
    """United Nations age-sex accuracy index (joint score).

    Three times the :func:`sex_ratio_score` plus both :func:`age_ratio_score`. Under 20 accurate,
    20 to 40 inaccurate, above 40 highly inaccurate. Small areas and areas with much migration score
    high even where ages are told well.

    Parameters
    ----------
    men, women : array-like (..., group)
        Numbers by 5-year groups 0-4, 5-9, …, the last one open [persons].

    Returns
    -------
    numpy.ndarray (...)

    Raises
    ------
    DataError
        As in :func:`age_ratio_score`.

    References
    ----------
    United Nations 1955, Methods of appraisal of quality of basic data for population estimates
    (Manual II).

    Examples
    --------
    >>> age_sex_accuracy([30.0, 20.0, 10.0, 5.0], [30.0, 20.0, 10.0, 5.0])
    array(0.)
    """
    score: Array = np.asarray(
        3 * sex_ratio_score(men, women) + age_ratio_score(men) + age_ratio_score(women)
    )
    return score
