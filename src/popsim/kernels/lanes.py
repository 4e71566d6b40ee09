"""Rows of lanes: what all parts of the projection kernel share.

Draws lie innermost, in tiles of :data:`LANES`. A row holds one number for each lane of a tile; the
work array holds the rows of a year that belong to no cohort, the order array those of each birth
order. Products and sums are fused by name only (:func:`popsim.kernels.vectors.multiply_add`), so
that the bits of a draw depend neither on the form of a loop nor on the batch.

The compiled projection is kept beside :mod:`popsim.kernels.projection` and is renewed when that
file changes; whoever edits this file, the births or the year step therefore writes their new digest
there, which a test demands.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from popsim.kernels.vectors import fetch

LANES = 64
"""Draws in a tile."""

_JIT: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",
    # The kernel takes no memory, so nobody has to count, at every call, who refers to an array.
    "_nrt": False,
}

# The compiler only sees loops over lanes as vectors when what they call is part of them.
_INLINE = {**_JIT, "forceinline": True}

# Unsigned, because signed indices bring wraparound code into the loops over lanes.
_L = np.uint64(LANES)
_0, _1, _2, _3, _4 = (np.uint64(number) for number in range(5))
_5 = np.uint64(5)
_2L, _3L, _4L, _5L = _2 * _L, _3 * _L, _4 * _L, _5 * _L

_LINE = np.uint64(8)  # numbers in a line of the cache

# Rows of lanes in the work array. Rows at constant distances are seen as distinct by the compiler.
_MOVERS = np.uint64(0 * LANES)  # factor on migration
_UP = np.uint64(1 * LANES)  # weight of high survival
_DOWN = np.uint64(2 * LANES)  # weight of low survival
_SCHEDULE = np.uint64(3 * LANES)  # weight of the second fertility schedule
_DEATHS = np.uint64(4 * LANES)
_SHORT = np.uint64(5 * LANES)  # persons that an outflow asked for and a cell did not hold
_CELLS = np.uint64(6 * LANES)  # cells where that happened
_RESIDENT = np.uint64(8 * LANES)  # women of the age at step 2
_ARRIVED = np.uint64(9 * LANES)  # women of the age at step 4
_RESIDENT_SHARE = np.uint64(10 * LANES)  # resident women / mean of residents and arrived
_ARRIVED_SHARE = np.uint64(11 * LANES)
_FIRST = np.uint64(12 * LANES)  # first-half births of the order before, per woman
_SECOND = np.uint64(13 * LANES)  # second-half births of the order before, per woman
_GIRLS = np.uint64(14 * LANES)
_BOYS = np.uint64(15 * LANES)
_NOMINAL = np.uint64(16 * LANES)  # net migrants asked for
_ALL = np.uint64(17 * LANES)  # population at the start
_CUT_PERSONS = np.uint64(18 * LANES)  # over all years
_CUT_CELLS = np.uint64(19 * LANES)
_WORK_ROWS = 20

# Rows of lanes for each birth order.
_FACTOR = np.uint64(0 * LANES)
_BIRTHS = np.uint64(1 * LANES)
_RATE = np.uint64(2 * LANES)
_AGE_RATE = np.uint64(3 * LANES)
_ORDER_ROWS = np.uint64(4)
_ORDER_L = _ORDER_ROWS * _L

_COUNTS, _RATES, _TOTALS = 0, 1, 2
_RAISE, _CUT, _UN = 0, 1, 2

# The UN's guard: what is left of an emptied cell before a step, what replaces a negative one after.
_UN_LEFT = 1e-5
_UN_FILL = 0.0005

_FINE, _EMPTIED, _CERTAIN, _PARITY_EMPTIED = 0, 1, 2, 3


@njit(**_JIT)
def fill_row(work: Any, row: Any, value: float) -> None:
    """Set a row to a number."""
    for lane in range(_L):
        work[row + lane] = value


@njit(**_JIT)
def add_row(work: Any, row: Any, other: Any) -> None:
    """Add another row to a row."""
    for lane in range(_L):
        work[row + lane] += work[other + lane]


@njit(**_JIT)
def load_row(work: Any, row: Any, source: Any, at: Any, d: Any, ahead: Any) -> None:
    """Load a row of lanes from draw ``d`` on of one row of a factor, which has all draws or one.

    The row that is ``ahead`` of it is asked for: rows lie far from each other, so that a processor
    does not guess which is next.
    """
    size = np.uint64(source.shape[1])
    # A loop of known length between two arrays would be unrolled one number at a time.
    there = min(_L, size - d) if d < size else _0
    for lane in range(there):
        work[row + lane] = source[at, d + lane]
    last = source[at, size - _1]
    for lane in range(there, _L):
        work[row + lane] = last
    for lane in range(_0, _L, _LINE):
        fetch(source, (at + ahead) * size + d + lane, False)


@njit(**_JIT)
def store_row(target: Any, at: Any, work: Any, row: Any, lanes: Any, ahead: Any) -> None:
    """Write a row to an output, and ask for what lies ``ahead`` of it, if not 0.

    The last tile has fewer draws than lanes.
    """
    for lane in range(lanes):
        target[at + lane] = work[row + lane]
    if ahead != _0:
        for lane in range(_0, lanes, _LINE):
            fetch(target, at + ahead + lane, True)
