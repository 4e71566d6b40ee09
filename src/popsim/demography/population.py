"""Base populations: single ages on the day of a census, its move to 1 January, broad ages.

Examples
--------
>>> broad_age_sums(np.ones(101))["0-14"].item()
15.0
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.demography.graduation import group_sums
from popsim.errors import DataError

__all__ = ["MovedPopulation", "broad_age_sums", "move_to_january", "stock_from_exposure"]

Array = NDArray[np.float64]


class MovedPopulation(NamedTuple):
    """A census population moved to 1 January.

    Attributes
    ----------
    population : numpy.ndarray (..., age)
        Population on 1 January [persons].
    adjustments : dict of str to numpy.ndarray (..., age)
        What was added, by name, in the order in which it was done [persons]: ``deaths``,
        ``birthdays`` (adds up to zero), ``births`` and ``scaling``. Census plus all of them is the
        population.
    """

    population: Array
    adjustments: dict[str, Array]


def move_to_january(
    census: ArrayLike,
    survival: ArrayLike,
    births: ArrayLike,
    *,
    fraction: float = 2 / 12,
    total: ArrayLike | None = None,
    axis: int | tuple[int, ...] = -1,
) -> MovedPopulation:
    """Move a census of 1 November to the 1 January that follows.

    Everybody survives the fraction of a year (``S^fraction``, S into the next age); that fraction
    of every single age has its birthday; the births of these months, survived with ``S[0]``, enter
    age 0; at last everything is multiplied to a stated total (migration of these months and the
    census's own revision are in that factor).

    Parameters
    ----------
    census : array-like (..., age)
        Single ages, the last open [persons].
    survival : array-like (..., age)
        Annual survival ratio into each age, age 0 for births [1].
    births : array-like (...)
        Births between the census and 1 January [births].
    fraction : float
        Length of that time [years]; two months after 1 November.
    total : array-like, optional
        Population on 1 January by another source, such as the year-end bulletin [persons]; shape
        of ``census`` without ``axis``.
    axis : int or tuple of int
        Axes whose sum is ``total``: the age, or sex and age ``(-2, -1)``.

    Returns
    -------
    MovedPopulation
        ``population`` and ``adjustments``.

    Raises
    ------
    DataError
        When numbers are negative or missing, or ``fraction`` is not between 0 and 1.

    Examples
    --------
    >>> moved = move_to_january([120.0, 120, 600], [1.0, 1, 1], 18.0, total=870.0)
    >>> moved.population.round(2)
    array([119.65, 121.68, 628.67])
    >>> {name: round(float(x.sum()), 2) for name, x in moved.adjustments.items()}
    {'deaths': 0.0, 'birthdays': 0.0, 'births': 18.0, 'scaling': 12.0}
    """
    P, S = np.asarray(census, dtype=float), np.asarray(survival, dtype=float)
    B = np.asarray(births, dtype=float)
    if P.ndim == 0 or S.ndim == 0 or P.shape[-1] != S.shape[-1] or P.shape[-1] < 2:
        raise DataError(
            f"the census has shape {P.shape} and survival {S.shape}; both need the same single "
            "ages on the last axis"
        )
    if not 0 <= fraction < 1:
        raise DataError(f"the fraction of a year is {fraction:g}; it must be from 0 to below 1")
    for values, name in ((P, "census counts"), (B, "births")):
        if not np.all(np.isfinite(values) & (values >= 0)):
            raise DataError(f"{name} must be numbers that are not negative")
    if not np.all((S >= 0) & (S <= 1 + 1e-9)):
        raise DataError("survival ratios must lie between 0 and 1")
    lead = np.broadcast_shapes(P.shape[:-1], S.shape[:-1], B.shape)
    P = np.broadcast_to(P, (*lead, P.shape[-1]))
    # The open group survives with the ratio that also brings the age below into it.
    onward = np.concatenate([S[..., 1:], S[..., -1:]], axis=-1) ** fraction
    deaths = P * onward - P
    alive = P + deaths
    moving = fraction * alive[..., :-1]
    birthdays = np.zeros_like(alive)
    birthdays[..., :-1] -= moving
    birthdays[..., 1:] += moving
    newborn = np.zeros_like(alive)
    newborn[..., 0] = B * S[..., 0]
    moved = alive + birthdays + newborn
    adjustments = {"deaths": deaths, "birthdays": birthdays, "births": newborn}
    if total is not None:
        wanted = np.expand_dims(np.asarray(total, dtype=float), axis)
        now = moved.sum(axis=axis, keepdims=True)
        if not (np.all(wanted > 0) and np.all(now > 0)):
            raise DataError("a population and the total it is scaled to must be more than 0")
        scaling = moved * (wanted / now - 1)
        adjustments["scaling"] = scaling
        moved = moved + scaling
    return MovedPopulation(moved, adjustments)


def stock_from_exposure(
    person_years: ArrayLike, survival: ArrayLike, *, smoothing: float = 1e-3
) -> Array:
    """Single ages on the day of a census from the person-years of the twelve months before it.

    Census tables of deaths print mean populations by single age where the count itself is printed
    in groups only. Those aged x in those months are x or x + 1 on the day, so the mean
    population lies half a year beside the count:
    ``E[x] = ½ (P[x] + P[x+1] / S[x+1])``. Taken as the count, a small cohort is spread over two
    ages. P minimises the squared relative error of that equation plus ``smoothing`` times the
    squared relative third differences of P, which rules out see-saws that E cannot see.

    Parameters
    ----------
    person_years : array-like (..., age)
        Mean population or person-years of a year, single ages, the last open, all more than 0.
    survival : array-like (..., age)
        Annual survival ratio into each age [1].
    smoothing : float
        Weight of the second term, more than 0. The default keeps the edges of the cohorts of
        1959-63; 0.1 is for areas with random or heaped ages.

    Returns
    -------
    numpy.ndarray (..., age)
        Population at the end of the year by age [persons], not negative. A pattern: use it as the
        standard of :func:`popsim.demography.graduation.graduate_with_standard` with printed groups.

    Raises
    ------
    DataError
        When a value is out of range or shapes do not fit.

    Examples
    --------
    >>> P = np.array([100.0, 100, 100, 50, 60, 100, 100, 100, 100, 100, 100])
    >>> E = np.append((P[:-1] + P[1:]) / 2, 100.0)
    >>> E[1:6]
    array([100.,  75.,  55.,  80., 100.])
    >>> stock_from_exposure(E, np.ones(11))[1:6].round()
    array([106.,  95.,  53.,  58., 101.])
    """
    E, S = np.asarray(person_years, dtype=float), np.asarray(survival, dtype=float)
    if E.ndim == 0 or S.ndim == 0 or E.shape[-1] != S.shape[-1] or E.shape[-1] < 5:
        raise DataError(
            f"person-years have shape {E.shape} and survival {S.shape}; both need the same single "
            "ages, at least five, on the last axis"
        )
    if not np.all(np.isfinite(E) & (E > 0)):
        a = int(np.argwhere(~(np.isfinite(E) & (E > 0)))[0][-1])
        raise DataError(f"person-years at age {a} must be more than 0; use a lower open age")
    if not (np.all((S > 0) & (S <= 1 + 1e-9)) and smoothing > 0):
        raise DataError("survival ratios must lie between 0 and 1 and smoothing be more than 0")
    n = E.shape[-1]
    E, S = np.broadcast_arrays(E, S)
    third = np.diff(np.eye(n), n=3, axis=0)
    stock = np.empty(E.shape)
    for row in np.ndindex(E.shape[:-1]):
        mean = 0.5 * np.eye(n)
        mean[np.arange(n - 1), np.arange(1, n)] = 0.5 / S[row][1:]
        mean[-1, -1] = 1.0
        relative = mean / E[row][:, None]
        rough = third / np.convolve(E[row], np.full(4, 0.25), "valid")[:, None]
        system = relative.T @ relative + smoothing * rough.T @ rough
        stock[row] = np.maximum(np.linalg.solve(system, relative.sum(axis=0)), 0.0)
    return stock


def broad_age_sums(population: ArrayLike, limits: Sequence[int] = (15, 60)) -> dict[str, Array]:
    """Add single ages up to broad groups.

    Parameters
    ----------
    population : array-like (..., age)
        Ages 0, 1, …, the last open [persons].
    limits : sequence of int
        Ages at which a new group starts, besides 0; ``(15, 60)`` gives 0-14, 15-59 and 60+,
        ``(15, 65)`` the international ones.

    Returns
    -------
    dict of str to numpy.ndarray (...)
        Sum by group, named ``0-14``, ``15-59``, ``60+`` [persons].

    Raises
    ------
    DataError
        When limits do not rise or lie above the open age.

    Examples
    --------
    >>> {name: int(n) for name, n in broad_age_sums(np.ones(101), (15, 65)).items()}
    {'0-14': 15, '15-64': 50, '65+': 36}
    """
    P = np.asarray(population, dtype=float)
    starts = [0, *limits]
    if any(b <= a for a, b in pairwise(starts)) or starts[-1] >= P.shape[-1]:
        raise DataError(
            f"limits {', '.join(map(str, limits))} must rise and lie within ages 1 to "
            f"{P.shape[-1] - 1}"
        )
    names = [f"{a}-{b - 1}" for a, b in pairwise(starts)] + [f"{starts[-1]}+"]
    sums = group_sums(P, starts)
    return {name: sums[..., i] for i, name in enumerate(names)}
