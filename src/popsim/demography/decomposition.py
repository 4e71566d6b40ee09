"""Decomposition of a difference between two populations into the parts that its factors make.

Differences run from the first population to the second. The exact methods add up to rounding; the
line integral adds up to the square of its step. All of them are accounts, not causes: the parts
depend on the method, which is to be named with the numbers.

Examples
--------
>>> effect = das_gupta(lambda a, b: a * b, [2.0, 5.0], [3.0, 4.0]).effect
>>> effect, float(effect.sum())
(array([ 4.5, -2.5]), 2.0)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from math import factorial
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DataError

__all__ = [
    "DasGupta",
    "Kitagawa",
    "arriaga",
    "das_gupta",
    "kitagawa",
    "line_integral",
    "progression_effects",
    "stepwise",
]

Array = NDArray[np.float64]
# Every subset of the factors is computed: 2^n values.
_MOST_FACTORS = 14


class Kitagawa(NamedTuple):
    """Two parts of a difference of crude rates.

    Attributes
    ----------
    composition : numpy.ndarray (..., group)
        Contribution of the change in composition of each group, in the unit of the rates.
    rates : numpy.ndarray (..., group)
        Contribution of the change in the rate of each group, in the unit of the rates.
    """

    composition: Array
    rates: Array


def kitagawa(
    composition1: ArrayLike, rates1: ArrayLike, composition2: ArrayLike, rates2: ArrayLike
) -> Kitagawa:
    """Split the difference of two crude rates into composition and rates, with mean weights.

    ``Δ = Σ (c2 - c1)(m1 + m2)/2 + Σ (m2 - m1)(c1 + c2)/2``.

    Parameters
    ----------
    composition1, composition2 : array-like (..., group)
        Share of each group, e.g. by age [1]; or persons, which are made into shares.
    rates1, rates2 : array-like (..., group)
        Rate of each group, any unit.

    Returns
    -------
    Kitagawa
        By group; the sums over groups are the two parts of the difference.

    Raises
    ------
    DataError
        When shapes do not fit, a share is negative or all are zero.

    References
    ----------
    Kitagawa 1955, Journal of the American Statistical Association 50:1168.

    Examples
    --------
    >>> parts = kitagawa([0.5, 0.5], [0.1, 0.2], [0.4, 0.6], [0.1, 0.1])
    >>> round(float(parts.composition.sum()), 6), round(float(parts.rates.sum()), 6)
    (0.005, -0.055)
    """
    c1, m1, c2, m2 = (
        np.asarray(x, dtype=float) for x in (composition1, rates1, composition2, rates2)
    )
    sizes = {x.shape[-1:] for x in (c1, m1, c2, m2)}
    if len(sizes) > 1 or sizes == {()}:
        raise DataError(
            f"compositions and rates must have the same groups on their last axis, not "
            f"{c1.shape}, {m1.shape}, {c2.shape} and {m2.shape}"
        )
    for number, c in enumerate((c1, c2), start=1):
        if np.any(c < 0) or not np.all(c.sum(axis=-1) > 0):
            raise DataError(f"composition {number} must not be negative, and not zero everywhere")
    c1, c2 = (c / c.sum(axis=-1, keepdims=True) for c in (c1, c2))
    return Kitagawa((c2 - c1) * (m1 + m2) / 2, (m2 - m1) * (c1 + c2) / 2)


class DasGupta(NamedTuple):
    """Effects of factors and the standardised values that differ by them.

    Attributes
    ----------
    effect : numpy.ndarray (factor, ...)
        Contribution of each factor; the sum is the difference, to rounding.
    standardised1, standardised2 : numpy.ndarray (factor, ...)
        Value with the factor of the first or the second population and the others averaged.
    """

    effect: Array
    standardised1: Array
    standardised2: Array


def das_gupta(
    function: Callable[..., ArrayLike], factors1: Sequence[ArrayLike], factors2: Sequence[ArrayLike]
) -> DasGupta:
    """Contributions of K factors, free of the order in which they are changed.

    The effect of a factor is the mean change that it makes, over all ways to set the others to the
    first or the second population: with s of the others changed the weight is
    ``s! (K - 1 - s)! / K!``. For a product this is Das Gupta's formula, and in general the Shapley
    value. ``2^K`` values are computed.

    Parameters
    ----------
    function : callable (factor, ...) -> array-like (...)
        The quantity that is decomposed, given the factors in order.
    factors1, factors2 : sequence of array-like
        Factors of the first and the second population; each may be an array of any shape, e.g. a
        schedule by age.

    Returns
    -------
    DasGupta

    Raises
    ------
    DataError
        When the two have different numbers of factors, none, or too many.

    References
    ----------
    Das Gupta 1993, Standardization and decomposition of rates, US Bureau of the Census P23-186.

    Examples
    --------
    >>> rates = das_gupta(lambda births, deaths: births - deaths, [19.4, 10.8], [23.7, 9.5])
    >>> rates.effect.round(3), rates.standardised1.round(3)
    (array([4.3, 1.3]), array([ 9.25, 10.75]))
    """
    K = len(factors1)
    if len(factors2) != K or not 1 <= K <= _MOST_FACTORS:
        raise DataError(
            f"there are {K} and {len(factors2)} factors; both populations need the same ones, 1 to "
            f"{_MOST_FACTORS}"
        )
    pairs = [
        (np.asarray(a, dtype=float), np.asarray(b, dtype=float))
        for a, b in zip(factors1, factors2, strict=True)
    ]
    values: dict[frozenset[int], Array] = {}
    for size in range(K + 1):
        for subset in combinations(range(K), size):
            chosen = frozenset(subset)
            given = (pair[i in chosen] for i, pair in enumerate(pairs))
            values[chosen] = np.asarray(function(*given), dtype=float)
    shape = (K, *values[frozenset()].shape)
    without, changed = np.zeros(shape), np.zeros(shape)
    for chosen, value in values.items():
        for i in range(K):
            others = len(chosen - {i})
            weight = factorial(others) * factorial(K - 1 - others) / factorial(K)
            (changed if i in chosen else without)[i] += weight * value
    return DasGupta(changed - without, without, changed)


def stepwise(
    function: Callable[[Array], float],
    values1: ArrayLike,
    values2: ArrayLike,
    *,
    direction: Literal["up", "down"] = "up",
    symmetric: bool = True,
) -> Array:
    """Contributions of the elements of a vector, replaced one after another.

    Parameters
    ----------
    function : callable (numpy.ndarray (n)) -> float
        The quantity that is decomposed, such as life expectancy from rates by age.
    values1, values2 : array-like (n)
        Elements in the first and second population.
    direction : {"up", "down"}
        Replace from the first element up, or from the last one down.
    symmetric : bool
        Take the mean of the change from the first to the second population and, reversed, from the
        second to the first; the result does then not depend on which is the first.

    Returns
    -------
    numpy.ndarray (n)
        Contribution of each element, in the unit of the function; the sum is the difference, to
        rounding.

    Raises
    ------
    DataError
        When the two vectors do not have the same length.

    References
    ----------
    Andreev, Shkolnikov & Begun 2002, Demographic Research 7:499.

    Examples
    --------
    >>> stepwise(lambda x: float(x[0] * x[1]), [2.0, 5.0], [3.0, 4.0])
    array([ 4.5, -2.5])
    """
    x1, x2 = _two_vectors(values1, values2)
    if direction not in ("up", "down"):
        raise DataError(f"direction {direction!r} is unknown; write: up or down")
    there = _replaced(function, x1, x2, direction)
    return 0.5 * (there - _replaced(function, x2, x1, direction)) if symmetric else there


def _replaced(function: Callable[[Array], float], x1: Array, x2: Array, direction: str) -> Array:
    places = range(x1.size) if direction == "up" else range(x1.size - 1, -1, -1)
    mixed, effect = x1.copy(), np.empty_like(x1)
    before = float(function(mixed))
    for i in places:
        mixed[i] = x2[i]
        after = float(function(mixed))
        effect[i], before = after - before, after
    return effect


def _two_vectors(values1: ArrayLike, values2: ArrayLike) -> tuple[Array, Array]:
    x1, x2 = np.asarray(values1, dtype=float), np.asarray(values2, dtype=float)
    if x1.ndim != 1 or x1.shape != x2.shape:
        raise DataError(f"two vectors of the same length are needed, not {x1.shape} and {x2.shape}")
    return x1, x2


def line_integral(
    function: Callable[[Array], float], values1: ArrayLike, values2: ArrayLike, *, steps: int = 20
) -> Array:
    """Contributions of the elements of a vector, changing together along a straight path.

    In each step every element in turn is moved across the step, the others at its middle. The error
    of the sum falls with the square of ``steps``.

    Parameters
    ----------
    function : callable (numpy.ndarray (n)) -> float
        The quantity that is decomposed.
    values1, values2 : array-like (n)
        Elements in the first and second population.
    steps : int
        Number of steps.

    Returns
    -------
    numpy.ndarray (n)
        Contribution of each element, in the unit of the function.

    Raises
    ------
    DataError
        When the two vectors do not have the same length or there is no step.

    References
    ----------
    Horiuchi, Wilmoth & Pletcher 2008, Demography 45:785.

    Examples
    --------
    >>> line_integral(lambda x: float(x[0] * x[1]), [2.0, 5.0], [3.0, 4.0]).round(9)
    array([ 4.5, -2.5])
    """
    x1, x2 = _two_vectors(values1, values2)
    if steps < 1:
        raise DataError(f"steps is {steps}; at least 1 is needed")
    change = (x2 - x1) / steps
    effect = np.zeros_like(x1)
    for step in range(steps):
        middle = x1 + (step + 0.5) * change
        for i in np.flatnonzero(change):
            above, below = middle.copy(), middle.copy()
            above[i] += 0.5 * change[i]
            below[i] -= 0.5 * change[i]
            effect[i] += float(function(above)) - float(function(below))
    return effect


def arriaga(table1: xr.Dataset, table2: xr.Dataset, *, symmetric: bool = True) -> xr.DataArray:
    """Contribution of each age to the difference of two life expectancies at birth.

    ``l¹_x/l_0 (L²_x/l²_x - L¹_x/l¹_x) + T²_{x+n}/l_0 (l¹_x/l²_x - l¹_{x+n}/l²_{x+n})``; the open
    group has the first term only.

    Parameters
    ----------
    table1, table2 : xarray.Dataset
        Life tables of :func:`popsim.demography.lifetable.life_table` on the same ages: ``lx``
        [person], ``nLx`` and ``Tx`` [year], dims (..., age).
    symmetric : bool
        Take the mean with the reverse of the change from the second to the first. It equals the
        symmetric stepwise replacement of death rates.

    Returns
    -------
    xarray.DataArray (..., age)
        Contribution of each age group [year]; the sum is ``e0`` of the second less the first.

    Raises
    ------
    DataError
        When the ages differ, or nobody is left at an age.

    References
    ----------
    Arriaga 1984, Demography 21:83.

    Examples
    --------
    >>> from popsim.demography.lifetable import life_table
    >>> before = life_table([0.02, 0.01, 0.08], sex="female")
    >>> after = life_table([0.01, 0.01, 0.07], sex="female")
    >>> float(arriaga(before, after).sum().round(4)), float((after.ex - before.ex)[0].round(4))
    (1.8893, 1.8893)
    """
    if table1["age"].values.tolist() != table2["age"].values.tolist():
        raise DataError("the two life tables have different ages; build them on the same ones")
    there = _arriaga(table1, table2)
    found = (there - _arriaga(table2, table1)) / 2 if symmetric else there
    return found.rename("contribution").assign_attrs(
        units="year", long_name="contribution to the change in life expectancy at birth"
    )


def _arriaga(table1: xr.Dataset, table2: xr.Dataset) -> xr.DataArray:
    (l1, L1, _), (l2, L2, T2) = _of_one(table1), _of_one(table2)
    ratio = l1 / l2
    after = ratio.shift(age=-1, fill_value=0.0)
    # Nobody lives after the open group, so that its second term is 0.
    later = T2.shift(age=-1, fill_value=0.0)
    found: xr.DataArray = l1 * (L2 / l2 - L1 / l1) + later * (ratio - after)
    return found


def _of_one(table: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray, xr.DataArray]:
    """Return lx, nLx and Tx of one newborn."""
    lx = table["lx"]
    if not bool((lx > 0).all()):
        raise DataError("nobody is left at an age of a life table; close it at a younger age")
    radix = lx.isel(age=0, drop=True)
    return lx / radix, table["nLx"] / radix, table["Tx"] / radix


def progression_effects(
    births1: ArrayLike,
    births2: ArrayLike,
    *,
    method: Literal["sequential", "shapley"] = "sequential",
) -> Array:
    """Contributions of progression ratios to a change in completed fertility.

    ``F = a_0 + a_0 a_1 + a_0 a_1 a_2 + …``, with the ratios
    of :func:`popsim.demography.parity.progression_ratios`; the last may be births per mother of an
    open order.

    Parameters
    ----------
    births1, births2 : array-like (order)
        Births per woman by order of the first and second cohort, or of two period tables
        [births per woman].
    method : {"sequential", "shapley"}
        ``sequential``: ratios are replaced one after another, the first birth first, as the
        published splits do; ``shapley``: mean over all orders of replacing.

    Returns
    -------
    numpy.ndarray (order)
        Contribution of the ratio to each order [births per woman]; the sum is the difference.

    Raises
    ------
    DataError
        When the two do not have the same orders, or an order has births and the one before none.

    Examples
    --------
    >>> progression_effects([0.9, 0.45], [0.9, 0.36]).round(4)
    array([ 0.  , -0.09])
    """
    F1, F2 = _two_vectors(births1, births2)
    if method not in ("sequential", "shapley"):
        raise DataError(f"method {method!r} is unknown; write: sequential or shapley")
    for F in (F1, F2):
        if not np.all(np.isfinite(F) & (F >= 0)) or np.any((F[1:] > 0) & (F[:-1] <= 0)):
            raise DataError(
                "births per woman must not be negative, and no order may follow one without births"
            )
    a1, a2 = (np.concatenate([F[:1], _ratios(F)]) for F in (F1, F2))

    def fertility(*ratios: ArrayLike) -> float:
        return float(np.cumprod(np.asarray(ratios, dtype=float)).sum())

    if method == "shapley":
        return das_gupta(fertility, list(a1), list(a2)).effect
    return stepwise(lambda a: fertility(*a), a1, a2, symmetric=False)


def _ratios(F: Array) -> Array:
    below = F[:-1]
    return np.asarray(np.divide(F[1:], below, out=np.zeros_like(below), where=below > 0))
