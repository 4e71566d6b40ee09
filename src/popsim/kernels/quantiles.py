"""Exact quantiles of many rows, without sorting them.

A row is counted into buckets of equal width. Only the few values in buckets that hold a wanted rank
are gathered and sorted; the others need no order. That is three passes over a row that lies in the
nearest cache, and its time does not depend on which sort the processor is good at: NumPy's AVX-512
sort takes twice as long as its AVX2 sort on some processors. What a processor would have to guess,
it is not asked: the loops have no branches but those of their length.

Buckets reach as far as the first values of a row do, so that a few values far away do not leave all
others in one bucket. The quantile is that of ``numpy.quantile``: linear between the two nearest of
the ordered values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

__all__ = ["row_quantiles"]

_JIT: dict[str, Any] = {"nogil": True, "cache": True, "error_model": "numpy"}
# Least and greatest do not depend on the order; rows that hold no number are seen beforehand.
_ANY_ORDER: dict[str, Any] = {**_JIT, "fastmath": {"nnan", "nsz"}}
#: The fewest and the most buckets; between them there are as many as values.
_FEWEST, _MOST = 32, 1 << 16
#: Values from whose least to whose greatest the buckets reach.
_SAMPLE = 64
#: Most values of which each is compared with each.
_FEW = 128
#: Gaps of Shell's sort (Ciura 2001) for more.
_GAPS = (1750, 701, 301, 132, 57, 23, 10, 4, 1)
# Signed indices would be checked for being negative.
_0, _1, _2, _3, _4, _8 = (np.uint64(number) for number in (0, 1, 2, 3, 4, 8))
#: Buckets that are passed at once on the way to a rank.
_STRIDE = np.uint64(16)


@njit(**_JIT)
def _sum(x: Any) -> Any:
    """Return the sum of a row in eight lanes, the same on every processor."""
    a = b = c = d = e = f = g = h = 0.0
    whole = x.size - x.size % 8
    for i in range(_0, np.uint64(whole), _8):
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
def _extremes(x: Any, n: Any) -> Any:
    """Return the least and the greatest of the first ``n`` values."""
    least = greatest = x[_0]
    for i in range(n):
        least = x[i] if x[i] < least else least
        greatest = x[i] if x[i] > greatest else greatest
    return least, greatest


@njit(**_JIT)
def _swap(x: Any, i: Any, j: Any) -> None:
    """Put the lesser of two values first."""
    a, b = x[i], x[j]
    x[i], x[j] = (a, b) if a < b else (b, a)


@njit(**_JIT)
def _sort_four(x: Any, i: Any, n: Any) -> None:
    """Sort two, three or four values from ``i`` on."""
    if n == _2:
        _swap(x, i, i + _1)
        return
    if n == _4:
        _swap(x, i + _2, i + _3)
    _swap(x, i, i + _1)
    if n == _3:
        _swap(x, i + _1, i + _2)
        _swap(x, i, i + _1)
        return
    _swap(x, i, i + _2)
    _swap(x, i + _1, i + _3)
    _swap(x, i + _1, i + _2)


@njit(**_JIT)
def _sort_few(x: Any, start: Any, stop: Any, space: Any) -> None:
    """Sort a part of an array: each value goes behind as many as are less."""
    n = stop - start
    for i in range(n):
        space[i] = -np.inf
    for i in range(start, stop):
        value = x[i]
        less: Any = _0
        for j in range(start, stop):
            less += np.uint64(x[j] < value)
        space[less] = value
    # Equal values went to one place; those behind it are free and take what stands before.
    value = -np.inf
    for i in range(n):
        value = max(value, space[i])
        x[start + i] = value


@njit(**_JIT)
def _sort(x: Any, start: Any, stop: Any, space: Any) -> None:
    """Sort a part of an array in place."""
    n = stop - start
    if n < _2:
        return
    if n <= _4:
        _sort_four(x, start, n)
        return
    if n <= np.uint64(_FEW):
        _sort_few(x, start, stop, space)
        return
    # Many draws of an effect are exactly nothing: their bucket is large, and in order.
    falls: Any = _0
    for i in range(start + _1, stop):
        falls += np.uint64(x[i - _1] > x[i])
    if falls == _0:
        return
    for each in _GAPS:
        gap = np.uint64(each)
        for i in range(start + gap, stop):
            value = x[i]
            j: Any = i
            while j >= start + gap and x[j - gap] > value:
                x[j] = x[j - gap]
                j -= gap
            x[j] = value


@njit(**_JIT)
def _count(x: Any, first: float, last: float, bucket: Any, counts: Any) -> None:
    """Set the bucket of each value, and how many values each bucket holds."""
    scale = counts.size / (last - first)
    if not np.isfinite(scale):
        scale = 0.0  # as good as all the same: one bucket
    top = float(counts.size - 1)
    n = np.uint64(x.size)
    for i in range(n):
        far = (x[i] - first) * scale
        far = far if far > 0.0 else 0.0
        bucket[i] = np.int32(far if far < top else top)
    counts[:] = 0
    for i in range(n):
        counts[np.uint32(bucket[i])] += np.int32(1)


@njit(**_JIT)
def _choose(counts: Any, ranks: Any, number: Any, before: Any, starts: Any) -> Any:
    """Give a number, from 1 on, to each bucket that holds a rank, and return how many there are.

    Sets the ``number`` of each bucket (0: not chosen) and, for each one chosen, how many values of
    the row lie ``before`` it, and where its own start among those gathered.
    """
    size = np.uint64(counts.size)
    number[:] = 0
    b, passed, chosen, gathered = _0, 0, _0, 0
    for q in range(np.uint64(ranks.size)):
        rank = ranks[q]
        if rank < passed:
            continue
        while b + _STRIDE <= size:
            more: Any = np.int32(0)
            for bucket in range(b, b + _STRIDE):
                more += counts[bucket]
            if passed + more > rank:
                break
            passed += more
            b += _STRIDE
        while passed + counts[b] <= rank:
            passed += counts[b]
            b += _1
        chosen += _1
        number[b] = chosen
        before[chosen] = passed
        starts[chosen] = gathered
        gathered += counts[b]
        passed += counts[b]
        b += _1
    return chosen


@njit(**_JIT)
def _gather(
    x: Any, bucket: Any, number: Any, starts: Any, chosen: Any, which: Any, ends: Any,
    gathered: Any, space: Any,
) -> None:  # fmt: skip
    """Gather the values of the chosen buckets, each bucket sorted, one after the other."""
    # Every place is written, and only those that count are kept.
    m = _0
    for i in range(np.uint64(x.size)):
        which[m] = np.int32(i)
        m += np.uint64(number[np.uint32(bucket[i])] != 0)
    for k in range(_1, chosen + _1):
        ends[k] = starts[k]
    for j in range(m):
        at = np.uint32(which[j])
        b = np.uint32(number[np.uint32(bucket[at])])
        gathered[np.uint64(ends[b])] = x[at]
        ends[b] += 1
    for k in range(_1, chosen + _1):
        _sort(gathered, np.uint64(starts[k]), np.uint64(ends[k]), space)


@njit(**_JIT)
def _reduce(
    rows: Any, base: Any, n: int, probabilities: Any, size: int, quantiles: Any, means: Any
) -> None:
    """Reduce every row of ``rows``, less ``base`` if there is one."""
    own, gathered, space = np.empty(n), np.empty(n), np.empty(_FEW)
    bucket, which = np.empty(n, np.int32), np.empty(n + 1, np.int32)
    counts, number = np.empty(size, np.int32), np.empty(size, np.int32)
    ranks, places = np.empty(2 * probabilities.size, np.int64), np.empty(probabilities.size)
    before, starts, ends = (
        np.empty(ranks.size + 1, np.int64),
        np.empty(ranks.size + 1, np.int64),
        np.empty(ranks.size + 1, np.int64),
    )
    ranked = 0
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
            continue
        means[r] = total / m
        if m != ranked:
            ranked = m
            for q in range(probabilities.size):
                places[q] = probabilities[q] * (m - 1)
                ranks[2 * q] = int(np.floor(places[q]))
                ranks[2 * q + 1] = min(ranks[2 * q] + 1, m - 1)
        first, last = _extremes(x, np.uint64(min(m, _SAMPLE)))
        _count(x, first, last, bucket, counts)
        chosen = _choose(counts, ranks, number, before, starts)
        _gather(x, bucket, number, starts, chosen, which, ends, gathered, space)
        k = _1
        for q in range(probabilities.size):
            below, above = ranks[2 * q], ranks[2 * q + 1]
            while k < chosen and below >= before[k + _1]:
                k += _1
            j = k
            while j < chosen and above >= before[j + _1]:
                j += _1
            low = gathered[np.uint64(starts[k] + below - before[k])]
            high = gathered[np.uint64(starts[j] + above - before[j])]
            t = places[q] - below
            change = high - low
            quantiles[q, r] = low + change * t if t < 0.5 else high - change * (1.0 - t)


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
    size = int(np.clip(draws, _FEWEST, _MOST))
    found = np.empty(quantiles.shape)  # one form of memory, one compilation
    _reduce(rows, base, draws, wanted, size, found, means)
    quantiles[...] = found
