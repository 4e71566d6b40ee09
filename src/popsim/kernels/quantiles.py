"""Exact quantiles of many rows, without sorting them.

A row is distributed over buckets of equal width between its least and its greatest value. Only the
buckets that hold a wanted rank are sorted; the other values need no order. That is three passes
over a row that lies in the nearest cache, and its time does not depend on which sort the processor
is good at: NumPy's AVX-512 sort takes twice as long as its AVX2 sort on some processors.

Buckets reach as far as most of a row does, so that a few values far away do not leave all others
in one bucket. The quantile is that of ``numpy.quantile``: linear between the two nearest of the
ordered values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["row_quantiles"]

_JIT: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}
# Least and greatest do not depend on the order; rows that hold no number are seen beforehand.
_ANY_ORDER: dict[str, Any] = {**_JIT, "fastmath": {"nnan", "nsz"}}
#: Values a bucket, on average; and the fewest and the most buckets.
_EACH, _FEWEST, _MOST = 2, 32, 1 << 16
#: Pieces of a row; buckets reach from the median of their least to that of their greatest values.
_PIECES = 16
#: Gaps of Shell's sort (Ciura 2001) for a bucket that is not small.
_GAPS = (1750, 701, 301, 132, 57, 23, 10, 4)
_SMALL = 16


@njit(**_JIT)
def _sum(x: Any) -> Any:
    """Return the sum of a row in eight lanes, the same on every processor."""
    a = b = c = d = e = f = g = h = 0.0
    whole = x.size - x.size % 8
    for i in range(np.uint64(0), np.uint64(whole), np.uint64(8)):
        a += x[i]
        b += x[i + np.uint64(1)]
        c += x[i + np.uint64(2)]
        d += x[i + np.uint64(3)]
        e += x[i + np.uint64(4)]
        f += x[i + np.uint64(5)]
        g += x[i + np.uint64(6)]
        h += x[i + np.uint64(7)]
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for i in range(whole, x.size):
        total += x[i]
    return total


@njit(**_ANY_ORDER)
def _extremes(x: Any, least: Any, greatest: Any) -> Any:
    """Set the least and the greatest value of each piece of a row; return those of the row."""
    size = x.size // least.size
    low, high = x[0], x[0]
    for piece in range(least.size):
        a = b = x[piece * size]
        stop = x.size if piece + 1 == least.size else (piece + 1) * size
        for i in range(piece * size, stop):
            a = min(a, x[i])
            b = max(b, x[i])
        least[piece], greatest[piece] = a, b
        low, high = min(low, a), max(high, b)
    return low, high


@njit(**_JIT)
def _sort(x: Any, start: int, stop: int) -> None:
    """Sort a part of an array in place."""
    if stop - start > _SMALL:
        # Many draws of an effect are exactly nothing: their bucket is large, and in order.
        falls = 0
        for i in range(start + 1, stop):
            falls += x[i - 1] > x[i]
        if falls == 0:
            return
        for gap in _GAPS:
            for i in range(start + gap, stop):
                value = x[i]
                j = i
                while j >= start + gap and x[j - gap] > value:
                    x[j] = x[j - gap]
                    j -= gap
                x[j] = value
    for i in range(start + 1, stop):
        value = x[i]
        j = i - 1
        while j >= start and x[j] > value:
            x[j + 1] = x[j]
            j -= 1
        x[j + 1] = value


@njit(**_JIT)
def _distribute(x: Any, first: float, scale: float, bucket: Any, ends: Any, spread: Any) -> None:
    """Move a row into buckets that rise; ``ends`` says where each of them ends."""
    top = float(ends.size - 1)
    n = np.uint64(x.size)
    for i in range(n):
        far = (x[i] - first) * scale
        far = far if far > 0.0 else 0.0
        bucket[i] = np.int32(far if far < top else top)
    ends[:] = 0
    for i in range(n):
        ends[np.uint32(bucket[i])] += np.int32(1)
    before = np.int32(0)
    for b in range(ends.size):
        count = ends[b]
        ends[b] = before
        before += count
    for i in range(n):
        place = np.uint32(bucket[i])
        at = ends[place]
        spread[np.uint32(at)] = x[i]
        ends[place] = at + np.int32(1)


@njit(**_JIT)
def _quantiles_of_row(
    x: Any, probabilities: Any, bucket: Any, ends: Any, spread: Any, out: Any, at: int
) -> None:
    """Write the quantiles of a row of numbers into ``out[:, at]``."""
    n = x.size
    pieces = min(_PIECES, max(n // 2, 1))
    least, greatest = spread[:pieces], spread[pieces : 2 * pieces]
    low, high = _extremes(x, least, greatest)
    if low == high:
        out[:, at] = low
        return
    # A few values far away must not make all others share a bucket.
    _sort(least, 0, pieces)
    _sort(greatest, 0, pieces)
    first, last = least[pieces // 2], greatest[pieces // 2]
    if not last > first:
        first, last = low, high
    scale = ends.size / (last - first)
    if not np.isfinite(scale):
        scale = 0.0  # as good as all the same: one bucket
    _distribute(x, first, scale, bucket, ends, spread)
    done = b = 0
    for q in range(probabilities.size):
        place = probabilities[q] * (n - 1)
        below = int(np.floor(place))
        above = min(below + 1, n - 1)
        while done <= above:
            stop = ends[b]
            if stop > below:
                _sort(spread, max(done, 0), stop)
            done = stop
            b += 1
        t = place - below
        change = spread[above] - spread[below]
        out[q, at] = spread[below] + change * t if t < 0.5 else spread[above] - change * (1.0 - t)


@njit(**_JIT)
def _reduce(
    rows: Any, base: Any, n: int, probabilities: Any, size: int, quantiles: Any, means: Any
) -> None:
    """Reduce every row of ``rows``, less ``base`` if there is one."""
    own, spread = np.empty(n), np.empty(max(n, 2 * _PIECES))
    bucket, ends = np.empty(n, np.int32), np.empty(size, np.int32)
    for r in range(rows.shape[0]):
        for i in range(np.uint64(n)):
            own[i] = rows[r, i] - base[r, i] if base is not None else rows[r, i]
        x = own
        total = _sum(x)
        m = n
        if not np.isfinite(total):
            # What is not a number is left out, as by numpy.nanquantile.
            m = 0
            for i in range(n):
                if not np.isnan(own[i]):
                    own[m] = own[i]
                    m += 1
            x = own[:m]
            total = _sum(x)
        if m == 0:
            means[r] = np.nan
            quantiles[:, r] = np.nan
        else:
            means[r] = total / m
            _quantiles_of_row(x, probabilities, bucket, ends, spread, quantiles, r)


def row_quantiles(
    rows: Any, probabilities: Any, quantiles: Any, means: Any, *, base: Any = None, draws: int
) -> None:
    """Write quantiles and means over the draws of every row, or of its difference from another.

    Values that are not numbers are left out; where there are none, the result is not a number.

    Parameters
    ----------
    rows : numpy.ndarray
        Dims (row, draw), float64; only the first ``draws`` columns are read.
    probabilities : numpy.ndarray
        Ascending, from 0 to 1, shape (quantile,).
    quantiles, means : numpy.ndarray
        Results, dims (quantile, row) and (row,), in the units of ``rows``.
    base : numpy.ndarray, optional
        Dims of ``rows``, subtracted draw by draw.
    draws : int
        Number of draws; the axis may be longer.

    Raises
    ------
    ValueError
        When the probabilities do not rise from 0 to 1, or there is no draw.

    Examples
    --------
    >>> rows = np.array([[3.0, 1.0, 2.0, 5.0], [0.0, 0.0, np.nan, 1.0]])
    >>> quantiles, means = np.empty((2, 2)), np.empty(2)
    >>> row_quantiles(rows, np.array([0.0, 0.5]), quantiles, means, draws=4)
    >>> quantiles.tolist(), means.round(3).tolist()
    ([[1.0, 0.0], [2.5, 0.0]], [2.75, 0.333])
    """
    wanted = np.asarray(probabilities, dtype=np.float64)
    if draws < 1 or draws > rows.shape[-1]:
        raise ValueError(f"{draws} draws of rows of {rows.shape[-1]}")
    if not ((wanted >= 0) & (wanted <= 1)).all() or (np.diff(wanted) < 0).any():
        raise ValueError(f"probabilities must rise from 0 to 1: {wanted.tolist()}")
    size = int(np.clip(draws // _EACH, _FEWEST, _MOST))
    found = np.empty(quantiles.shape)  # one form of memory, one compilation
    _reduce(rows, base, draws, wanted, size, found, means)
    quantiles[...] = found
