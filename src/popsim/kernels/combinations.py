"""Linear combinations of rows of draws, and ratios of two of them.

Indicators, bills and costs are all of this form: a few rows of a projection, each with its weight,
over a few others. A row is as long as a block of draws and stays in the nearest cache while it is
summed, so each input is read once from farther away.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["combine"]

_JIT: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}


@njit(**_JIT)
def _sum_into(total: Any, rows: Any, index: Any, weight: Any) -> None:
    """Set ``total`` to the weighted sum of rows, in the order of the index."""
    n = np.uint64(total.size)
    begun = False
    for term in range(index.size):
        w = weight[term]
        if w == 0.0:
            continue
        row = rows[index[term]]
        if not begun:
            for i in range(n):
                total[i] = w * row[i]
        else:
            for i in range(n):
                total[i] += w * row[i]
        begun = True
    if not begun:
        total[:] = 0.0


@njit(**_JIT)
def _combine(
    rows: Any, index: Any, weight: Any, index_below: Any, weight_below: Any, out: Any, start: int
) -> None:
    n = np.uint64(rows.shape[1])
    first = np.uint64(start)
    above, below = np.empty(rows.shape[1]), np.empty(rows.shape[1])
    for r in range(index.shape[0]):
        _sum_into(above, rows, index[r], weight[r])
        if index_below.shape[1] > 0:
            _sum_into(below, rows, index_below[r], weight_below[r])
            for i in range(n):
                out[r, first + i] = above[i] / below[i]
        else:
            for i in range(n):
                out[r, first + i] = above[i]


def combine(
    rows: Any,
    index: Any,
    weight: Any,
    out: Any,
    *,
    below: tuple[Any, Any] | None = None,
    start: int = 0,
) -> None:
    """Write weighted sums of rows, or their ratio to others, into a part of ``out``.

    Parameters
    ----------
    rows : numpy.ndarray
        Dims (row, draw), C-contiguous float64.
    index : numpy.ndarray of int
        Rows that are summed, dims (result, term).
    weight : numpy.ndarray
        Dims of ``index``, or fewer that fit it; a term of weight 0 is left out, whatever its row.
    out : numpy.ndarray
        Dims (result, draws of all blocks); columns from ``start`` on are written.
    below : tuple of numpy.ndarray, optional
        Index and weight of what the sum is divided by; a division by 0 gives what it does in NumPy.
    start : int
        First column written.

    Raises
    ------
    IndexError
        When a row is not there, or ``out`` is too small.

    Examples
    --------
    >>> rows, out = np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros((1, 2))
    >>> combine(rows, np.array([[0, 1]]), np.array([1.0, 0.5]), out)
    >>> out.tolist()
    [[2.5, 4.0]]
    >>> combine(rows, np.array([[0]]), np.ones(1), out, below=(np.array([[1]]), np.ones(1)))
    >>> out.round(3).tolist()
    [[0.333, 0.5]]
    """
    terms = [_terms(rows, index, weight)]
    results = len(terms[0][0])
    terms.append(
        (np.empty((results, 0), np.int64), np.empty((results, 0)))
        if below is None
        else _terms(rows, *below)
    )
    if out.shape[0] < results or start < 0 or out.shape[1] < start + rows.shape[1]:
        raise IndexError(f"no place for {results} rows of {rows.shape[1]} draws in {out.shape}")
    if len(terms[1][0]) != results:
        raise IndexError(f"{results} sums and {len(terms[1][0])} to divide them by")
    _combine(rows, *terms[0], *terms[1], out, start)


def _terms(rows: Any, index: Any, weight: Any) -> tuple[Any, Any]:
    whole = np.ascontiguousarray(index, dtype=np.int64)
    if whole.size and not (whole.min() >= 0 and whole.max() < len(rows)):
        raise IndexError(f"rows {whole.min()} to {whole.max()} of {len(rows)}")
    weights = np.broadcast_to(np.asarray(weight, dtype=np.float64), whole.shape)
    return whole, np.ascontiguousarray(weights)
