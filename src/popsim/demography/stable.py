"""Reproduction, intrinsic growth and momentum: what a year's rates lead to without migration.

Ages are on the last axis; axes before it (region, draw, year) are broadcast. Person-years L are per
newborn girl (l(0) = 1): ``L_x`` years lived in the age group by one newborn. Maternity rates are
births of girls per woman-year.

References
----------
Preston, Heuveline & Guillot 2001, Demography, chapter 7.

Examples
--------
>>> L, m = [5.0, 4.9, 4.8], [0.0, 0.15, 0.1]
>>> net_reproduction_rate(L, m).round(4).item()
1.215
>>> intrinsic_growth_rate(L, m, [15.0, 20.0, 25.0], width=5).round(5).item()
0.00796
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DataError

__all__ = [
    "intrinsic_growth_rate",
    "keyfitz_momentum",
    "mean_age_of_childbearing",
    "net_reproduction_rate",
    "preston_guillot_momentum",
    "remaining_births",
]

Array = NDArray[np.float64]


def _births_by_age(person_years: ArrayLike, maternity: ArrayLike) -> Array:
    """Girls borne at each age by a cohort of one newborn; not a number where an input is not."""
    L, m = np.asarray(person_years, dtype=float), np.asarray(maternity, dtype=float)
    if L.ndim == 0 or L.shape[-1:] != m.shape[-1:]:
        raise DataError(
            f"person-years have shape {L.shape} and maternity rates {m.shape}; the last axis of "
            "both must be the ages"
        )
    if np.any(L < 0) or np.any(m < 0):
        raise DataError("person-years and maternity rates must not be negative")
    return np.asarray(L * m)


def net_reproduction_rate(person_years: ArrayLike, maternity: ArrayLike) -> Array:
    """Net reproduction rate, ``R0 = Σ L_x m_x``.

    Parameters
    ----------
    person_years : array-like (..., age)
        Years lived in each age group per newborn girl [year].
    maternity : array-like (..., age)
        Births of girls per woman-year [year-1].

    Returns
    -------
    numpy.ndarray (...)
        Daughters per woman [1]; not a number where an input is not.

    Raises
    ------
    DataError
        When shapes do not fit or a number is negative.

    Examples
    --------
    >>> net_reproduction_rate([4.8, 4.7], [0.1, 0.11]).round(4).item()
    0.997
    """
    return np.asarray(_births_by_age(person_years, maternity).sum(axis=-1))


def mean_age_of_childbearing(
    person_years: ArrayLike,
    maternity: ArrayLike,
    ages: ArrayLike,
    *,
    width: float = 1.0,
    growth: ArrayLike = 0.0,
) -> Array:
    """Mean age of mothers in the stable population, the stationary one where growth is 0.

    Parameters
    ----------
    person_years, maternity : array-like (..., age)
        As in :func:`net_reproduction_rate`.
    ages : array-like (age)
        First ages of the groups [years].
    width : float
        Width of the groups [years]; births lie at their middle.
    growth : array-like (...)
        Growth rate r of the stable population [year-1].

    Returns
    -------
    numpy.ndarray (...)
        ``Σ (x + n/2) e^{-r (x + n/2)} L m / Σ e^{-r (x + n/2)} L m`` [years]; not a number without
        births.

    Raises
    ------
    DataError
        When shapes do not fit or a number is negative.

    Examples
    --------
    >>> mean_age_of_childbearing([4.8, 4.8], [0.1, 0.1], [20, 25], width=5).round(6).item()
    25.0
    """
    middle = _middle(ages, width)
    r = np.asarray(growth, dtype=float)[..., None]
    girls = _births_by_age(person_years, maternity) * np.exp(-r * middle)
    total = girls.sum(axis=-1)
    sums = (girls * middle).sum(axis=-1)
    return np.asarray(np.divide(sums, total, out=np.full(total.shape, np.nan), where=total > 0))


def intrinsic_growth_rate(
    person_years: ArrayLike, maternity: ArrayLike, ages: ArrayLike, *, width: float = 1.0
) -> Array:
    """Intrinsic growth rate r, the root of ``Σ e^{-r (x + n/2)} L_x m_x = 1``.

    By Newton's method from ``ln(R0) / 27``; the sum falls with r and is convex, so it converges.

    Parameters
    ----------
    person_years, maternity : array-like (..., age)
        As in :func:`net_reproduction_rate`.
    ages : array-like (age)
        First ages of the groups [years].
    width : float
        Width of the groups [years].

    Returns
    -------
    numpy.ndarray (...)
        r [year-1]; not a number where there are no births or an input is not a number.

    Raises
    ------
    DataError
        When shapes do not fit or a number is negative.

    References
    ----------
    Preston, Heuveline & Guillot 2001, Demography, Box 7.1.

    Examples
    --------
    >>> intrinsic_growth_rate([4.8], [1 / 4.8], [20], width=5).round(6).item()
    0.0
    """
    girls, middle = _births_by_age(person_years, maternity), _middle(ages, width)
    R0 = girls.sum(axis=-1)
    known = R0 > 0
    r = np.log(R0, out=np.full(R0.shape, np.nan), where=known) / 27
    for _ in range(100):
        discounted = girls * np.exp(-r[..., None] * middle)
        value = discounted.sum(axis=-1) - 1
        slope = (discounted * middle).sum(axis=-1)
        step = np.divide(value, slope, out=np.zeros_like(r), where=known)
        r = r + step
        if not np.any(np.abs(step) > 1e-15):
            break
    return np.asarray(r)


def remaining_births(
    person_years: ArrayLike, maternity: ArrayLike, ages: ArrayLike, *, width: float = 1.0
) -> Array:
    """Weights w of momentum: what women of each age have still to bear at replacement.

    ``w_x = n (½ b_x + Σ_{y > x} b_y) / A``, b the share of a woman's births at each age and A the
    mean age of childbearing, both in the stationary population with ``m / R0``.

    Parameters
    ----------
    person_years, maternity : array-like (..., age)
        As in :func:`net_reproduction_rate`.
    ages : array-like (age)
        First ages of the groups [years].
    width : float
        Width of the groups [years].

    Returns
    -------
    numpy.ndarray (..., age)
        w [1]; where the ages start at 0 they sum to 1. Not a number without births.

    Raises
    ------
    DataError
        When shapes do not fit or a number is negative.

    References
    ----------
    Preston, Heuveline & Guillot 2001, Demography, equation 7.21.

    Examples
    --------
    >>> remaining_births([4.8, 4.8], [0.0, 0.2], [0, 5], width=5).round(4)
    array([0.6667, 0.3333])
    """
    girls = _births_by_age(person_years, maternity)
    A = mean_age_of_childbearing(person_years, maternity, ages, width=width)
    after = np.cumsum(girls[..., ::-1], axis=-1)[..., ::-1] - 0.5 * girls
    total = girls.sum(axis=-1) * A
    total = np.where(total > 0, total, np.nan)
    return np.asarray(width * after / total[..., None])


def preston_guillot_momentum(
    women: ArrayLike,
    person_years: ArrayLike,
    maternity: ArrayLike,
    ages: ArrayLike,
    *,
    life_expectancy: ArrayLike | None = None,
    population: ArrayLike | None = None,
    width: float = 1.0,
) -> Array:
    """Momentum of the women: their number in the end over that of now, with births at replacement.

    ``M = Σ_x w_x c_x / s_x``, c the age distribution of now, ``s_x = L_x / e0`` that of the
    stationary population, w of :func:`remaining_births`.

    Parameters
    ----------
    women : array-like (..., age)
        Women of now [person]; ages above childbearing may be left out if ``population`` and
        ``life_expectancy`` are given.
    person_years, maternity : array-like (..., age)
        As in :func:`net_reproduction_rate`, from age 0.
    ages : array-like (age)
        First ages of the groups, from 0 [years].
    life_expectancy : array-like (...), optional
        e0 of women [years]; default the sum of ``person_years``.
    population : array-like (...), optional
        All women [person]; default the sum of ``women``.
    width : float
        Width of the groups [years].

    Returns
    -------
    numpy.ndarray (...)
        Momentum [1]; not a number without births or women.

    Raises
    ------
    DataError
        When shapes do not fit or a number is negative.

    References
    ----------
    Preston & Guillot 1997; Preston, Heuveline & Guillot 2001, Demography, Box 7.3.

    Examples
    --------
    A stationary population has none, which is to say 1:

    >>> preston_guillot_momentum([5, 4.8, 4], [5, 4.8, 4], [0, 0.2, 0], [0, 5, 10], width=5).item()
    1.0
    """
    N, L = np.asarray(women, dtype=float), np.asarray(person_years, dtype=float)
    w = remaining_births(L, maternity, ages, width=width)
    if N.shape[-1:] != L.shape[-1:] or np.any(N < 0):
        raise DataError("women must be given for the ages of the person-years, none negative")
    e0 = L.sum(axis=-1) if life_expectancy is None else np.asarray(life_expectancy, dtype=float)
    total = N.sum(axis=-1) if population is None else np.asarray(population, dtype=float)
    ratio = np.divide(N, L, out=np.zeros(np.broadcast_shapes(N.shape, L.shape)), where=L > 0)
    births = (w * ratio).sum(axis=-1)
    total = np.where(total > 0, total, np.nan)
    return np.asarray(births * e0 / total)


def keyfitz_momentum(birth_rate: ArrayLike, life_expectancy: ArrayLike, nrr: ArrayLike) -> Array:
    """Momentum of a stable population, ``b e0 / √R0``, an approximation.

    Parameters
    ----------
    birth_rate : array-like (...)
        Births of girls per woman of all ages [year-1].
    life_expectancy : array-like (...)
        e0 of women [years].
    nrr : array-like (...)
        Net reproduction rate [1].

    Returns
    -------
    numpy.ndarray (...)
        Momentum [1].

    Raises
    ------
    DataError
        When the net reproduction rate is not above 0.

    References
    ----------
    Keyfitz & Frauenthal, in Preston, Heuveline & Guillot 2001, Demography, section 7.7.

    Examples
    --------
    >>> keyfitz_momentum(0.02, 70.0, 1.21).round(4).item()
    1.2727
    """
    R0 = np.asarray(nrr, dtype=float)
    if not np.all(R0 > 0):
        raise DataError("the net reproduction rate must be above 0")
    return np.asarray(np.asarray(birth_rate) * np.asarray(life_expectancy) / np.sqrt(R0))


def _middle(ages: ArrayLike, width: float) -> Array:
    x = np.asarray(ages, dtype=float)
    if x.ndim != 1 or not width > 0:
        raise DataError("ages must be a list of first ages and the width of the groups above 0")
    return np.asarray(x + 0.5 * width)
