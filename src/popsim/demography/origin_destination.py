"""Tables of migration by origin and destination: fitting to margins, rates, multiregional survival.

Rows are origins and columns destinations. Matrices of multiregional survival are the other way
round, as is usual: column = region left, row = region entered.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DataError

__all__ = [
    "fit_origin_destination",
    "multiregional_probabilities",
    "multiregional_survival",
    "origin_destination_rates",
]

Array = NDArray[np.float64]

_AGREE = 1e-9
_FITTED, _ROUNDS = 1e-12, 20_000


def fit_origin_destination(seed: ArrayLike, departures: ArrayLike, arrivals: ArrayLike) -> Array:
    """Fit a table of origins and destinations to its margins by iterative proportional fitting.

    The result has the cross-product ratios of the seed. Cells of 0 stay 0 (structural zeros, such
    as the diagonal).

    Parameters
    ----------
    seed : array-like (..., origin, destination)
        An older or a model table, not negative [persons].
    departures : array-like (..., origin)
        Row totals [persons].
    arrivals : array-like (..., destination)
        Column totals, with the same sum [persons].

    Returns
    -------
    numpy.ndarray (..., origin, destination)
        Migrants [persons].

    Raises
    ------
    DataError
        When numbers are negative, the margins do not have the same sum, a total is wanted of a row
        or column of zeros, or the zeros leave no table with these margins.

    References
    ----------
    Willekens 1999, Mathematical Population Studies 7:239-278.

    Examples
    --------
    >>> fit_origin_destination([[5, 2], [1, 7]], [18, 20], [16, 22]).round(2)
    array([[13.25,  4.75],
           [ 2.75, 17.25]])
    """
    table = np.asarray(seed, dtype=float)
    rows, columns = np.asarray(departures, dtype=float), np.asarray(arrivals, dtype=float)
    if table.ndim < 2 or rows.shape[-1:] + columns.shape[-1:] != table.shape[-2:]:
        raise DataError(
            f"a table of shape {table.shape} does not fit {rows.shape[-1:]} departures and "
            f"{columns.shape[-1:]} arrivals"
        )
    for name, values in (("the seed", table), ("departures", rows), ("arrivals", columns)):
        if not np.all(np.isfinite(values) & (values >= 0)):
            raise DataError(f"{name} must be numbers that are not negative")
    out, into = rows.sum(axis=-1), columns.sum(axis=-1)
    wrong = np.abs(out - into) > _AGREE * np.maximum(out, into)
    if np.any(wrong):
        o, i = (np.broadcast_to(v, wrong.shape)[wrong].flat[0] for v in (out, into))
        raise DataError(
            f"departures add up to {o:.10g} and arrivals to {i:.10g}; make the margins agree first"
        )
    for name, margin, axis in (("departures", rows, -1), ("arrivals", columns, -2)):
        empty = (table.sum(axis=axis) == 0) & (margin > 0)
        if np.any(empty):
            first = np.argwhere(empty)[0]
            raise DataError(
                f"{name} of {np.broadcast_to(margin, empty.shape)[tuple(first)]:g} are wanted in "
                f"position {int(first[-1])}, where the seed has zeros only"
            )
    shape = np.broadcast_shapes(table.shape[:-2], rows.shape[:-1], columns.shape[:-1])
    table = np.broadcast_to(table, (*shape, *table.shape[-2:])).copy()
    for _ in range(_ROUNDS):
        table *= _ratio(rows, table.sum(axis=-1))[..., None]
        table *= _ratio(columns, table.sum(axis=-2))[..., None, :]
        missed = np.abs(table.sum(axis=-1) - rows)
        if np.all(missed <= _FITTED * np.maximum(rows, 1.0)):
            return table
    raise DataError(
        f"no table with these zeros has these margins: departures still miss by "
        f"{missed.max():.3g}; allow some of the cells that are 0"
    )


def _ratio(wanted: Array, found: Array) -> Array:
    wanted, found = np.broadcast_arrays(wanted, found)
    return np.divide(wanted, found, out=np.zeros(found.shape), where=found > 0)


def origin_destination_rates(flows: ArrayLike, population: ArrayLike) -> Array:
    """Rates of out-migration of the origin's population, as a projection of regions takes them.

    Parameters
    ----------
    flows : array-like (origin, destination, ...)
        Migrants of a year [persons].
    population : array-like (origin, ...)
        Population of the origin on 1 January of it [persons].

    Returns
    -------
    numpy.ndarray (origin, destination, ...)
        Rates [year-1].

    Raises
    ------
    DataError
        When people leave a cell in which nobody lives, or more than live there.

    Examples
    --------
    >>> origin_destination_rates([[0.0, 10.0], [4.0, 0.0]], [100.0, 200.0])
    array([[0.  , 0.1 ],
           [0.02, 0.  ]])
    """
    moved, people = np.asarray(flows, dtype=float), np.asarray(population, dtype=float)
    wrong = moved.sum(axis=1) > people
    if np.any(wrong):
        first = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise DataError(
            f"{moved.sum(axis=1)[first]:g} people leave origin {first[0]}, where {people[first]:g} "
            "live (first such cell); check flows and population"
        )
    at_risk = np.broadcast_to(people[:, None], moved.shape)
    rates: Array = np.zeros(moved.shape)
    np.divide(moved, at_risk, out=rates, where=at_risk > 0)
    return rates


def multiregional_probabilities(
    rates: ArrayLike, death_rates: ArrayLike, *, width: float = 1.0
) -> Array:
    """Probabilities of surviving an age and of the region then lived in.

    ``P = (I + n/2 M)^-1 (I - n/2 M)``: M has, in the column of a region, the sum of its death and
    out-migration rates on the diagonal and, below zero, its rates to the other regions.

    Parameters
    ----------
    rates : array-like (origin, destination, age)
        Rates of migration per person-year; the diagonal is not used [year-1].
    death_rates : array-like (region, age)
        Death rates [year-1].
    width : float
        Width n of the ages [years].

    Returns
    -------
    numpy.ndarray (age, destination, origin)
        Probabilities; a column sums to the probability of surviving [1].

    Raises
    ------
    DataError
        When shapes do not fit, a rate is negative, or rates are so high that a probability is.

    References
    ----------
    Rogers 1975, Introduction to Multiregional Mathematical Demography, chapter 3.

    Examples
    --------
    >>> multiregional_probabilities([[[0.0], [0.1]], [[0.0], [0.0]]], [[0.02], [0.01]]).round(4)
    array([[[0.8868, 0.    ],
            [0.0939, 0.99  ]]])
    """
    M = _matrices(rates, death_rates)
    half, unit = width / 2 * M, np.eye(M.shape[-1])
    P: Array = np.asarray(np.linalg.solve(unit + half, unit - half), dtype=np.float64)
    if np.any(P < -1e-12):
        a, d, o = (int(i) for i in np.argwhere(P < -1e-12)[0])
        raise DataError(
            f"rates at age position {a} give a probability of {P[a, d, o]:.3g} from region {o} to "
            f"{d}; use narrower ages"
        )
    return np.maximum(P, 0.0)


def multiregional_survival(
    rates: ArrayLike, death_rates: ArrayLike, *, width: float = 1.0
) -> Array:
    """Survival and move into each age: the projection matrices of Rogers.

    With ``l(x + n) = P(x) l(x)``, ``L(x) = n/2 (l(x) + l(x + n))`` and ``L(A) = M(A)^-1 l(A)`` at
    the open age: ``S(x) = L(x) L(x - n)^-1``; from births ``S(0) = L(0) / n``; into the open age,
    from the last two together, ``L(A) (L(A - n) + L(A))^-1``.

    Parameters
    ----------
    rates, death_rates, width
        As for :func:`multiregional_probabilities`; the last age is open.

    Returns
    -------
    numpy.ndarray (age, destination, origin)
        Share of the people of the age before who survive into the age in each region [1].

    Raises
    ------
    DataError
        As :func:`multiregional_probabilities`, and when nobody dies at the open age.

    References
    ----------
    Rogers 1975, Introduction to Multiregional Mathematical Demography, chapter 3.

    Examples
    --------
    >>> rates = np.zeros((2, 2, 3))
    >>> multiregional_survival(rates, [[0.1, 0.1, 0.5]] * 2)[:, 0, 0].round(4)
    array([0.9524, 0.9048, 0.6552])
    """
    M = _matrices(rates, death_rates)
    P = multiregional_probabilities(rates, death_rates, width=width)
    try:
        open_age = np.linalg.inv(M[-1])
    except np.linalg.LinAlgError:
        open_age = np.full_like(M[-1], np.inf)
    if not np.all(np.isfinite(open_age)) or np.any(np.diagonal(open_age) <= 0):
        raise DataError("the open age must have deaths in regions that people do not leave")
    alive = [np.eye(M.shape[-1])]
    for p in P[:-1]:
        alive.append(p @ alive[-1])
    lived = [width / 2 * (first + after) for first, after in pairwise(alive)]
    lived.append(open_age @ alive[-1])
    survival = [lived[0] / width]
    survival += [L @ np.linalg.inv(before) for before, L in pairwise(lived[:-1])]
    survival.append(lived[-1] @ np.linalg.inv(lived[-2] + lived[-1]))
    return np.stack(survival)


def _matrices(rates: ArrayLike, death_rates: ArrayLike) -> Array:
    """Return the matrices M (age, region, region)."""
    m, d = np.asarray(rates, dtype=float), np.asarray(death_rates, dtype=float)
    if m.ndim != 3 or m.shape[0] != m.shape[1] or d.shape != (m.shape[0], m.shape[2]):
        raise DataError(
            f"rates of shape {m.shape} and death rates of shape {d.shape} must be (origin, "
            "destination, age) and (region, age)"
        )
    if np.any(m < 0) or np.any(d < 0):
        raise DataError("rates must not be negative")
    between = m.transpose(2, 1, 0) * (1 - np.eye(m.shape[0]))
    leaving = between.sum(axis=1) + d.T
    M: Array = leaving[:, None, :] * np.eye(m.shape[0]) - between
    return M
