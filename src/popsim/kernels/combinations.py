"""Linear combinations of rows of draws, and ratios of two of them.

Indicators, bills and costs are all of this form: a few rows of a projection, each with its weight,
over a few others. :func:`combine` does it for whole rows, :func:`summarise` for a tile of draws
within the projection, before its rows leave the nearest caches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from popsim.kernels.lanes import _INLINE, _JIT, _LINE, _0, _1, _2, _3, _4
from popsim.kernels.vectors import fetch

__all__ = ["Combinations", "Summary", "combine", "summarise"]

#: Rows that are asked for before they are written.
_AHEAD = np.uint64(4)


class Combinations(NamedTuple):
    """Weighted sums of rows, each over another if it has one.

    Parameters
    ----------
    starts : numpy.ndarray of uint64
        Where the terms of each sum begin, and of the sum that divides it, shape (2 results + 1,).
    rows : numpy.ndarray of uint64
        Rows summed, shape (term,).
    weights : numpy.ndarray
        Shape (term,).
    """

    starts: NDArray[np.uint64]
    rows: NDArray[np.uint64]
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, parts: Sequence[tuple[Any, Any, tuple[Any, Any] | None]]) -> Combinations:
        """Join several tables of combinations.

        Parameters
        ----------
        parts : sequence of (rows, weights, below)
            Rows summed, dims (result, term); their weights, dims (term,) or those of rows; and, if
            the sums are divided, rows and weights of what divides them. A term of weight 0 is left
            out, whatever its row.

        Examples
        --------
        >>> halves = np.array([[0, 1], [1, 2]]), np.array([0.5, 0.5]), None
        >>> Combinations.of([halves]).rows.tolist()
        [0, 1, 1, 2]
        """
        counts, rows, weights = [], [], []
        for above, weight, below in parts:
            over = (np.empty((len(above), 0)), np.empty(0)) if below is None else below
            both = [
                (np.asarray(index), np.broadcast_to(np.asarray(by, float), np.shape(index)))
                for index, by in ((above, weight), over)
            ]
            every = np.concatenate([by for _, by in both], axis=1)
            counted = every != 0
            counts.append(np.stack([(by != 0).sum(axis=1) for _, by in both], axis=1).ravel())
            rows.append(np.concatenate([index for index, _ in both], axis=1)[counted])
            weights.append(every[counted])
        ends = np.cumsum(np.concatenate([[0], *counts]))
        return cls(
            ends.astype(np.uint64),
            np.concatenate([np.empty(0), *rows]).astype(np.uint64),
            np.concatenate([np.empty(0), *weights]),
        )


class Summary(NamedTuple):
    """What is made of the rows of a projection, tile by tile.

    Parameters
    ----------
    sums : Combinations
        Sums that several others need; each is one more row behind the outputs.
    checks : Combinations
        What ought to be 0.
    results : Combinations
        What is written.
    largest : numpy.ndarray
        The largest amount of each check in any draw, shape (check,); set.
    out : numpy.ndarray
        Dims (result, draw), C-contiguous; may have more rows and columns than are written.
    start : int
        Column of the first draw.
    """

    sums: Combinations
    checks: Combinations
    results: Combinations
    largest: NDArray[np.float64]
    out: NDArray[np.float64]
    start: int


@njit(**_INLINE)
def _add_rows(
    rows: Any, stride: Any, first: Any, n: Any, index: Any, weights: Any, term: Any, stop: Any,
    total: Any,
) -> None:  # fmt: skip
    """Add the rows of several terms, each times its weight, to a total; four in one loop."""
    while term + _4 <= stop:
        a, b = index[term] * stride + first, index[term + _1] * stride + first
        c, d = index[term + _2] * stride + first, index[term + _3] * stride + first
        v, w, x, y = weights[term], weights[term + _1], weights[term + _2], weights[term + _3]
        for i in range(n):
            total[i] = (
                ((total[i] + v * rows[a + i]) + w * rows[b + i]) + x * rows[c + i]
            ) + y * rows[d + i]
        term += _4
    while term < stop:
        a, v = index[term] * stride + first, weights[term]
        for i in range(n):
            total[i] += v * rows[a + i]
        term += _1


@njit(**_INLINE)
def _evaluate(
    rows: Any, stride: Any, first: Any, n: Any, starts: Any, index: Any, weights: Any, result: Any,
    total: Any, below: Any,
) -> None:  # fmt: skip
    """Set ``total`` to one result for ``n`` draws from ``first`` on, in the order of its terms."""
    part = _2 * result
    start, middle, stop = starts[part], starts[part + _1], starts[part + _2]
    for i in range(n):
        total[i] = 0.0
    _add_rows(rows, stride, first, n, index, weights, start, middle, total)
    if stop > middle:
        for i in range(n):
            below[i] = 0.0
        _add_rows(rows, stride, first, n, index, weights, middle, stop, below)
        for i in range(n):
            total[i] /= below[i]


@njit(**_JIT)
def _combine(
    rows: Any, stride: Any, first: Any, n: Any, starts: Any, index: Any, weights: Any, out: Any,
    total: Any, below: Any,
) -> None:  # fmt: skip
    for result in range(np.uint64(starts.size // 2)):
        _evaluate(rows, stride, first, n, starts, index, weights, result, total, below)
        at = result * stride + first
        for i in range(n):
            out[at + i] = total[i]


@njit(**_JIT)
def summarise(
    rows: Any, n: Any, lanes: Any, first: Any, summary: Any, total: Any, below: Any
) -> None:
    """Summarise one tile of draws, whose rows are all there.

    Parameters
    ----------
    rows : numpy.ndarray
        Rows of ``n`` lanes, flat; the sums are written behind the outputs of the projection.
    lanes : uint64
        Lanes that are draws; the others repeat the last draw.
    first : uint64
        Position of the first lane among the draws.
    summary : Summary
    total, below : numpy.ndarray
        Space of ``n``.
    """
    starts, index, weights = summary.sums
    at = np.uint64(rows.size) - np.uint64(starts.size // 2) * n
    for result in range(np.uint64(starts.size // 2)):
        _evaluate(rows, n, _0, n, starts, index, weights, result, total, below)
        for i in range(n):
            rows[at + i] = total[i]
        at += n
    starts, index, weights = summary.checks
    largest = summary.largest
    for result in range(np.uint64(starts.size // 2)):
        _evaluate(rows, n, _0, n, starts, index, weights, result, total, below)
        for i in range(n):
            amount = abs(total[i])
            if amount > largest[result] or np.isnan(amount):
                largest[result] = amount
    starts, index, weights = summary.results
    out, column = summary.out, np.uint64(summary.start) + first
    size = np.uint64(out.shape[1])
    for result in range(np.uint64(starts.size // 2)):
        # Far from the row before it, and its memory is not near.
        for i in range(_0, n, _LINE):
            fetch(out, (result + _AHEAD) * size + column + i, True)
        _evaluate(rows, n, _0, n, starts, index, weights, result, total, below)
        for i in range(lanes):
            out[result, column + i] = total[i]


def combine(rows: Any, told: Combinations, out: Any, *, columns: slice | None = None) -> None:
    """Write weighted sums of rows, or their ratio to others, row by row into ``out``.

    Parameters
    ----------
    rows : numpy.ndarray
        Dims (row, draw), C-contiguous float64.
    told : Combinations
    out : numpy.ndarray
        Dims (result, draw), with as many draws, C-contiguous.
    columns : slice, optional
        Draws that are read and written; default all.

    Raises
    ------
    IndexError
        When a row is not there, or ``out`` does not fit.

    Notes
    -----
    A division by 0 gives what it does in NumPy.

    Examples
    --------
    >>> rows, out = np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((1, 2))
    >>> combine(rows, Combinations.of([(np.array([[0, 1]]), np.array([1.0, 0.5]), None)]), out)
    >>> out.tolist()
    [[2.5, 4.0]]
    >>> over = np.array([[0]]), np.ones(1), (np.array([[1]]), np.ones(1))
    >>> combine(rows, Combinations.of([over]), out, columns=slice(0, 1))
    >>> out.round(3).tolist()
    [[0.333, 4.0]]
    """
    results, draws = len(told.starts) // 2, rows.shape[1]
    if len(told.rows) and not told.rows.max() < len(rows):
        raise IndexError(f"row {told.rows.max()} of {len(rows)}")
    if out.shape[0] < results or out.shape[1] != draws:
        raise IndexError(f"no place for {results} rows of {draws} draws in {out.shape}")
    first, stop, _ = (columns or slice(None)).indices(draws)
    n = np.uint64(max(stop - first, 0))
    flat, total, below = out.reshape(-1), np.empty(n), np.empty(n)
    _combine(rows.reshape(-1), np.uint64(draws), np.uint64(first), n, *told, flat, total, below)
