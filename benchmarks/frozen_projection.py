"""Frozen copy of the projection kernel, for benchmarks/gate.py: all its rooms in one file.

The cohort-component step with women by parity, for many draws at once.

One call moves one region under one scenario through all years. Draws lie innermost, in tiles of
:data:`LANES`; a tile is always full (the last one repeats its last draw), so that the arithmetic
of a draw never depends on the batch it is part of.

What is stored, and why:

- Totals by age and sex, one row of lanes a cohort. The *window* slides over the rows and the data
  never move: the cohort aged ``a`` at the start of year ``t`` of ``T`` is row ``(T - t) + a``.
- Parity as *shares* of the women of a cohort. Survival and migrants who resemble the residents
  leave shares alone, so only births touch them, and only at ages with births. Births never change
  the number of women, so the totals need no parity.

In terms of shares ``p`` the step of order k over half a year is, with ``r`` from
``h / 2 / (1 + h / 4)`` (open order: ``h / 2``)::

    b_k  = r_k (p[k-1] + b_{k-1} / 2)        births per woman of that age
    p[k] = p[k] + b_k - b_{k+1}              the open state only gains

which is "One year, exactly" of ``docs/model.md`` divided by the women of that age. The second half
of a year uses the rates of the age then reached, the first half those of the age at the start; both
are the rates of the same year, so ``r`` is computed once per year, age and order and used for those
who arrive at the age and for those who are there.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numba import njit
from numba.core.cgutils import ir
from numba.extending import intrinsic

__all__ = [
    "LANES",
    "Diagnosis",
    "History",
    "Indicators",
    "output_shapes",
    "period_deaths",
    "project_history",
    "project_indicators",
    "separation_factors",
]

Array = np.ndarray[Any, np.dtype[np.float64]]
Timing = Literal["even", "end"]
MigrationKind = Literal["counts", "rates", "totals"]
OnNegative = Literal["raise", "cut", "un"]

LANES = 64
"""Draws in a tile."""

_JIT: dict[str, Any] = {
    "nogil": True,
    "cache": True,
    "error_model": "numpy",
}

# The compiler only sees loops over lanes as vectors when what they call is part of them.
_INLINE = {**_JIT, "forceinline": True}

# Unsigned, because signed indices bring wraparound code into the loops over lanes.
_L = np.uint64(LANES)
_0, _1, _2, _3, _4 = (np.uint64(number) for number in range(5))
_5 = np.uint64(5)
_2L, _3L, _4L, _5L, _8L = _2 * _L, _3 * _L, _4 * _L, _5 * _L, _4 * _2 * _L

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


# ------------------------------------------------------------------------------------ one year


@intrinsic
def _fma(typing: Any, a: Any, b: Any, c: Any) -> Any:
    """Compile ``a * b + c`` with one rounding, wherever the compiler puts it.

    Left to the compiler, products and sums would be fused in one form of a loop and not in another,
    and the bits of a draw would depend on the form.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        number = values[0].type
        kind = ir.FunctionType(number, [number] * 3)
        return builder.call(
            builder.module.declare_intrinsic("llvm.fmuladd", [number], kind), values
        )

    return a(a, a, a), generate


@njit(**_INLINE)
def _survival(s: float, up: float, down: float, work: Any, lane: Any, weighted: Any) -> Any:
    """Survival of a lane: between the central and the high or the low table."""
    if weighted is None:
        return s
    return _fma(work[_DOWN + lane], down, _fma(work[_UP + lane], up, s))


@njit(**_INLINE)
def _movers(moves: Any, work: Any, x: Any, lane: Any) -> Any:
    """Lane number that multiplies the migration of age x: a factor, or the migrants themselves."""
    if moves is None:
        return work[_MOVERS + lane]
    return moves[x * _L + lane]


@njit(**_INLINE)
def _cell(n: float, start: float, end: float, survival: float, fill: float) -> Any:
    """Move one cell a year: migrants, survivors, migrants; where negative, ``fill``.

    Returns women or men at step 2, survivors, what the outflow leaves (may be negative), the cell
    at the end, persons short and times short.
    """
    asked = n + start
    exposed = fill if asked < 0.0 else asked
    alive = survival * exposed
    left = alive + end
    after = fill if left < 0.0 else left
    short = (exposed - asked) + (after - left)
    times = (1.0 if asked < 0.0 else 0.0) + (1.0 if left < 0.0 else 0.0)
    return exposed, alive, left, after, short, times


@njit(**_INLINE)
def _at_risk(alive: float, left: float, after: float, late: bool, unguarded: bool) -> float:
    """Women at step 4: before migrants of timing "end", and before the UN's guard."""
    if late:
        return alive
    return left if unguarded else after


@njit(**_INLINE)
def _fits(
    stock: Any, j: Any, x: Any, stop: Any, s: Any, up: Any, down: Any, end: Any, work: Any,
    limits: Any,
) -> bool:  # fmt: skip
    """Whether no outflow empties the cohorts that reach ages ``x`` to ``stop`` - 1, in any lane.

    A bound with a small margin, for even timing: what the lane with most outflow and least
    survival asks for, against every lane.
    """
    most, least, highest, lowest = limits[0], limits[1], limits[2], limits[3]
    while x < stop:
        first = min(end[x - _1] * most, end[x - _1] * least)
        second = min(end[x] * most, end[x] * least)
        survival = s[x] + min(highest * up[x], 0.0) + min(lowest * down[x], 0.0)
        if not survival > 0.0:
            return False
        needed = (max(-first, -second / survival - first) + 1e-9) * (1.0 + 1e-9)
        few = 0
        for lane in range(_L):
            few += stock[j + lane] < needed
        if few > 0:
            return False
        j += _L
        x += _1
    return True


@njit(**_INLINE)
def _age_five(
    stock: Any,
    j: Any,
    x: Any,
    s: Any,
    up: Any,
    down: Any,
    end: Any,
    work: Any,
    groups: Any,
    group: Any,
    weighted: Any,
    resident: Any,
    expose: bool,
) -> None:
    """Move the cohorts, from ``j`` in stock, that reach ages ``x`` to ``x`` + 4; nobody is short.

    Five ages at a time, so that the sums are loaded and stored once for five. Numbers shared by
    lanes are read before the loop: read inside, each would be checked against what is stored. Sums
    are in the order of five calls of :func:`_age_one`, so that no bit depends on which is called.
    """
    row = x * _L
    s0, s1, s2, s3, s4 = s[x], s[x + _1], s[x + _2], s[x + _3], s[x + _4]
    up0, up1, up2, up3, up4 = up[x], up[x + _1], up[x + _2], up[x + _3], up[x + _4]
    down0, down1, down2, down3, down4 = (
        down[x], down[x + _1], down[x + _2], down[x + _3], down[x + _4],
    )  # fmt: skip
    below = end[x - _1]
    end0, end1, end2, end3, end4 = end[x], end[x + _1], end[x + _2], end[x + _3], end[x + _4]
    for lane in range(_L):
        mover = work[_MOVERS + lane]
        m0, m1, m2, m3, m4 = end0 * mover, end1 * mover, end2 * mover, end3 * mover, end4 * mover
        n0 = stock[j + lane] + below * mover
        n1 = stock[j + _L + lane] + m0
        n2 = stock[j + _2L + lane] + m1
        n3 = stock[j + _3L + lane] + m2
        n4 = stock[j + _4L + lane] + m3
        alive0 = _survival(s0, up0, down0, work, lane, weighted) * n0
        alive1 = _survival(s1, up1, down1, work, lane, weighted) * n1
        alive2 = _survival(s2, up2, down2, work, lane, weighted) * n2
        alive3 = _survival(s3, up3, down3, work, lane, weighted) * n3
        alive4 = _survival(s4, up4, down4, work, lane, weighted) * n4
        after0, after1, after2 = alive0 + m0, alive1 + m1, alive2 + m2
        after3, after4 = alive3 + m3, alive4 + m4
        stock[j + lane] = after0
        stock[j + _L + lane] = after1
        stock[j + _2L + lane] = after2
        stock[j + _3L + lane] = after3
        stock[j + _4L + lane] = after4
        if expose:
            resident[row - _L + lane] = n0
            resident[row + lane] = n1
            resident[row + _L + lane] = n2
            resident[row + _2L + lane] = n3
            resident[row + _3L + lane] = n4
        dead = work[_DEATHS + lane] + (n0 - alive0) + (n1 - alive1) + (n2 - alive2)
        work[_DEATHS + lane] = dead + (n3 - alive3) + (n4 - alive4)
        groups[group + lane] = groups[group + lane] + after0 + after1 + after2 + after3 + after4


@njit(**_INLINE)
def _age_one(
    stock: Any,
    j: Any,
    x: Any,
    s: Any,
    up: Any,
    down: Any,
    start: Any,
    end: Any,
    work: Any,
    groups: Any,
    group: Any,
    fill: float,
    weighted: Any,
    moves: Any,
    resident: Any,
    arrived: Any,
    survivors: Any,
    expose: bool,
    late: bool,
    unguarded: bool,
) -> None:
    """Move the cohort, at ``j`` in stock, that reaches age ``x``."""
    row = x * _L
    s0, up0, down0, start0, end0 = s[x], up[x], down[x], start[x - _1], end[x]
    for lane in range(_L):
        n0, alive0, left0, after0, short0, times0 = _cell(
            stock[j + lane],
            start0 * _movers(moves, work, x - _1, lane),
            end0 * _movers(moves, work, x, lane),
            _survival(s0, up0, down0, work, lane, weighted),
            fill,
        )
        stock[j + lane] = after0
        if expose:
            resident[row - _L + lane] = n0
            arrived[row + lane] = _at_risk(alive0, left0, after0, late, unguarded)
        if survivors is not None:
            survivors[row + lane] = alive0
        work[_DEATHS + lane] += n0 - alive0
        groups[group + lane] += after0
        work[_SHORT + lane] += short0
        work[_CELLS + lane] += times0


@njit(**_JIT)
def _age(
    stock: Any,
    i: Any,
    s: Any,
    up: Any,
    down: Any,
    start: Any,
    end: Any,
    inflow: Any,
    limits: Any,
    work: Any,
    groups: Any,
    breaks: Any,
    fill: float,
    weighted: Any,
    moves: Any,
    resident: Any,
    arrived: Any,
    survivors: Any,
    expose_from: Any,
    expose_to: Any,
    late: bool,
    unguarded: bool,
    fast: bool,
) -> None:
    """Move the cohorts of one sex, age 0 at ``i`` in stock, that reach the closed ages.

    Adds their deaths and the sums of age groups; keeps what the births of the year are exposed to
    for ages from ``expose_from`` to ``expose_to`` - 1. Where no lane can run out of people, cells
    are not watched one by one; their bits are the same.
    """
    oldest = np.uint64(s.size - 1)
    inwards = limits[1] >= 0.0
    last = np.uint64(breaks.size - 1) * _L  # a row of its own for blocks of several groups
    g = _0
    x = _1
    while x < oldest:
        while x >= np.uint64(breaks[g + _1]):
            g += _1
        whole = x + _5 <= np.uint64(breaks[g + _1])
        five = fast and x + _5 <= oldest and (whole or x % _5 == _0)
        size = _5 if five else _1
        j = i + (x - _1) * _L
        expose = x + size > expose_from and x < expose_to
        if five and (
            (inwards and inflow[x]) or _fits(stock, j, x, x + size, s, up, down, end, work, limits)
        ):
            _age_five(
                stock, j, x, s, up, down, end, work, groups, g * _L if whole else last, weighted,
                resident, expose,
            )  # fmt: skip
            if not whole:
                for k in range(_5):
                    while x + k >= np.uint64(breaks[g + _1]):
                        g += _1
                    for lane in range(_L):
                        groups[g * _L + lane] += stock[j + k * _L + lane]
        else:
            size = _1
            _age_one(
                stock, j, x, s, up, down, start, end, work, groups, g * _L, fill,
                weighted, moves, resident, arrived, survivors, expose, late, unguarded,
            )  # fmt: skip
        x += size


@njit(**_JIT)
def _sum_groups(stock: Any, i: Any, breaks: Any, groups: Any) -> None:
    """Sum the cells of one sex, age 0 at ``i``, over age groups, one row of lanes a group."""
    for g in range(breaks.size - 1):
        row = np.uint64(g) * _L
        for lane in range(_L):
            groups[row + lane] = 0.0
        x, stop = np.uint64(breaks[g]), np.uint64(breaks[g + 1])
        while x + _4 <= stop:
            j = i + x * _L
            for lane in range(_L):
                groups[row + lane] += (stock[j + lane] + stock[j + _L + lane]) + (
                    stock[j + _2L + lane] + stock[j + _3L + lane]
                )
            x += _4
        while x < stop:
            j = i + x * _L
            for lane in range(_L):
                groups[row + lane] += stock[j + lane]
            x += _1


@njit(**_JIT)
def _age_open(
    stock: Any,
    i: Any,
    x: Any,
    s: Any,
    up: Any,
    down: Any,
    start: Any,
    end: Any,
    work: Any,
    fill: float,
    weighted: Any,
    moves: Any,
    resident: Any,
    survivors: Any,
    groups: Any,
    group: Any,
) -> None:
    """Move the two oldest cohorts, at ``i`` and the row after, into the open group ``x``."""
    for lane in range(_L):
        asked = stock[i + _L + lane] + start[x] * _movers(moves, work, x, lane)
        oldest = fill if asked < 0.0 else asked
        asked_below = stock[i + lane] + start[x - _1] * _movers(moves, work, x - _1, lane)
        below = fill if asked_below < 0.0 else asked_below
        alive = _survival(s[x], up[x], down[x], work, lane, weighted) * (below + oldest)
        left = alive + end[x] * _movers(moves, work, x, lane)
        after = fill if left < 0.0 else left
        stock[i + lane] = after
        groups[group + lane] += after
        work[_DEATHS + lane] += (below + oldest) - alive
        work[_SHORT + lane] += (oldest - asked) + (below - asked_below) + (after - left)
        work[_CELLS + lane] += (
            (1.0 if asked < 0.0 else 0.0)
            + (1.0 if asked_below < 0.0 else 0.0)
            + (1.0 if left < 0.0 else 0.0)
        )
        resident[(x - _1) * _L + lane] = below
        resident[x * _L + lane] = oldest
        if survivors is not None:
            survivors[x * _L + lane] = alive


@njit(**_JIT)
def _newborn(
    stock: Any,
    i: Any,
    births: Any,
    s: Any,
    up: Any,
    down: Any,
    end: Any,
    work: Any,
    fill: float,
    weighted: Any,
    moves: Any,
    survivors: Any,
    groups: Any,
) -> None:
    """Bring the newborn of one sex, a row of the work array, to the end of the year."""
    for lane in range(_L):
        born = work[births + lane]
        alive = _survival(s[_0], up[_0], down[_0], work, lane, weighted) * born
        left = alive + end[_0] * _movers(moves, work, _0, lane)
        after = fill if left < 0.0 else left
        stock[i + lane] = after
        groups[lane] += after
        work[_DEATHS + lane] += born - alive
        work[_SHORT + lane] += after - left
        work[_CELLS + lane] += 1.0 if left < 0.0 else 0.0
        if survivors is not None:
            survivors[lane] = alive


@njit(**_INLINE)
def _half_rate(base: float, change: float, work: Any, order: Any, o: Any, lane: Any) -> Any:
    """Rate of half a year, ``h / 2``, of one order and lane: schedules mixed, times the factor."""
    return (base + work[_SCHEDULE + lane] * change) * order[o + _FACTOR + lane]


@njit(**_INLINE)
def _bear(share: float, entered: float, r: float, closed: float) -> Any:
    """Births per woman of one order in half a year, and the share left at the parity at risk."""
    births = r * (share + 0.5 * entered)
    return births, share + entered - closed * births


@njit(**_INLINE)
def _order(
    share: Any,
    i: Any,
    order: Any,
    o: Any,
    work: Any,
    r: float,
    closed: float,
    age: float,
    first: float,
    second: float,
    by_age: Any,
    at: Any,
    lane: Any,
) -> Any:
    """One order at one age and lane: those who arrive, at ``i``, and the residents.

    ``r`` is births per woman at risk in half a year.
    """
    second, stays = _bear(share[i + lane], second, r, closed)
    share[i + lane] = stays
    first, stays = _bear(share[i + _4L + lane], first, r, closed)
    share[i + _4L + lane] = stays
    births = work[_RESIDENT + lane] * first + work[_ARRIVED + lane] * second
    order[o + _BIRTHS + lane] += births
    rate = work[_RESIDENT_SHARE + lane] * first + work[_ARRIVED_SHARE + lane] * second
    order[o + _RATE + lane] += rate
    order[o + _AGE_RATE + lane] += age * rate
    if by_age is not None:
        by_age[at + lane] = births
    return first, second


@njit(**_JIT)
def _exposure(resident: Any, i: Any, arrived: Any, j: Any, work: Any) -> None:
    """Set the exposure rows of one age: women at steps 2 and 4, and their shares of the mean."""
    for lane in range(_L):
        here = resident[i + lane]
        there = arrived[j + lane]
        mean = 0.5 * (here + there)
        # No women, no rate.
        inverse = 1.0 / mean if mean > 0.0 else 0.0
        work[_RESIDENT + lane] = here
        work[_ARRIVED + lane] = there
        work[_RESIDENT_SHARE + lane] = here * inverse
        work[_ARRIVED_SHARE + lane] = there * inverse
        work[_FIRST + lane] = 0.0
        work[_SECOND + lane] = 0.0


@njit(**_JIT)
def _births_one(
    share: Any,
    i: Any,
    order: Any,
    o: Any,
    work: Any,
    h0: float,
    c0: float,
    closed: float,
    middle: float,
    by_age: Any,
    at: Any,
) -> None:
    """Bear the children of one order at one age."""
    for lane in range(_L):
        half = _half_rate(h0, c0, work, order, o, lane)
        r0 = half / (1.0 + 0.5 * closed * half)
        first, second = _order(
            share, i, order, o, work, r0, closed, middle,
            work[_FIRST + lane], work[_SECOND + lane], by_age, at, lane,
        )  # fmt: skip
        work[_FIRST + lane] = first
        work[_SECOND + lane] = second


@njit(**_INLINE)
def _rate(h: float, change: float, f: float, mix: float, mixed: bool) -> Any:
    """Rate of half a year, ``h / 2``, of one order and lane: schedules mixed, times the factor."""
    return (_fma(mix, change, h) if mixed else h) * f


@njit(**_INLINE)
def _bear_four(
    w0: float, w1: float, w2: float, w3: float, r0: float, r1: float, r2: float, r3: float
) -> Any:
    """Half a year of births: four shares and rates give births per woman and the shares after."""
    b0 = r0 * w0
    b1 = r1 * _fma(0.5, b0, w1)
    b2 = r2 * _fma(0.5, b1, w2)
    b3 = r3 * _fma(0.5, b2, w3)
    return b0, b1, b2, b3, w0 - b0, w1 + (b0 - b1), w2 + (b1 - b2), w3 + b2


@njit(**_INLINE)
def _mothers(
    p0: float, p1: float, p2: float, p3: float, q0: float, q1: float, q2: float, q3: float,
    x0: float, x1: float, x2: float, x3: float, here: float, there: float,
) -> Any:  # fmt: skip
    """Births of one age and lane in both halves of the year.

    ``p`` are shares of those who arrive, ``q`` of the residents, ``x`` rates of half a year.
    Returns births by order, the inverse of mean women, and both shares after.
    """
    # One division for four: the parts are found by multiplication.
    d0, d1, d2 = _fma(0.5, x0, 1.0), _fma(0.5, x1, 1.0), _fma(0.5, x2, 1.0)
    mean = 0.5 * (here + there)
    r0, r1, r2 = x0 / d0, x1 / d1, x2 / d2
    inverse = 1.0 / mean if mean > 0.0 else 0.0  # no women, no rate
    s0, s1, s2, s3, p0, p1, p2, p3 = _bear_four(p0, p1, p2, p3, r0, r1, r2, x3)
    f0, f1, f2, f3, q0, q1, q2, q3 = _bear_four(q0, q1, q2, q3, r0, r1, r2, x3)
    return (
        _fma(there, s0, here * f0), _fma(there, s1, here * f1),
        _fma(there, s2, here * f2), _fma(there, s3, here * f3),
        inverse, p0, p1, p2, p3, q0, q1, q2, q3,
    )  # fmt: skip


@njit(**_INLINE)
def _births_of_two_ages(
    share: Any,
    i: Any,
    a: Any,
    order: Any,
    work: Any,
    resident: Any,
    arrived: Any,
    j: Any,
    half: Any,
    change: Any,
    mixed: bool,
    step: float,
    by_age: Any,
) -> None:
    """Bear the children of mothers aged a and a + 1, four orders, the last one open.

    ``i`` is the share row of those who arrive at age a; the next are those who live there and
    arrive at a + 1, and those who live there.
    """
    row = a * _L
    at = a * _4L
    low = (a + 0.5) * step
    h00, h01, h02, h03 = half[_0, a], half[_1, a], half[_2, a], half[_3, a]
    b = a + _1
    h10, h11, h12, h13 = half[_0, b], half[_1, b], half[_2, b], half[_3, b]
    c00, c01, c02, c03 = change[_0, a], change[_1, a], change[_2, a], change[_3, a]
    c10, c11, c12, c13 = change[_0, b], change[_1, b], change[_2, b], change[_3, b]
    for lane in range(_L):
        k0 = order[_FACTOR + lane]
        k1 = order[_ORDER_L + _FACTOR + lane]
        k2 = order[_2 * _ORDER_L + _FACTOR + lane]
        k3 = order[_3 * _ORDER_L + _FACTOR + lane]
        mix = work[_SCHEDULE + lane]
        n0, n1, n2, n3, inverse, p0, p1, p2, p3, q0, q1, q2, q3 = _mothers(
            share[i + lane], share[i + _L + lane], share[i + _2L + lane],
            share[i + _3L + lane], share[i + _4L + lane], share[i + _4L + _L + lane],
            share[i + _4L + _2L + lane], share[i + _4L + _3L + lane],
            _rate(h00, c00, k0, mix, mixed), _rate(h01, c01, k1, mix, mixed),
            _rate(h02, c02, k2, mix, mixed), _rate(h03, c03, k3, mix, mixed),
            resident[row + lane], arrived[j + lane],
        )  # fmt: skip
        share[i + lane] = p0
        share[i + _L + lane] = p1
        share[i + _2L + lane] = p2
        share[i + _3L + lane] = p3
        m0, m1, m2, m3, inverse_next, p0, p1, p2, p3, q0, q1, q2, q3 = _mothers(
            q0, q1, q2, q3,
            share[i + _8L + lane], share[i + _8L + _L + lane],
            share[i + _8L + _2L + lane], share[i + _8L + _3L + lane],
            _rate(h10, c10, k0, mix, mixed), _rate(h11, c11, k1, mix, mixed),
            _rate(h12, c12, k2, mix, mixed), _rate(h13, c13, k3, mix, mixed),
            resident[row + _L + lane], arrived[j + _L + lane],
        )  # fmt: skip
        share[i + _4L + lane] = p0
        share[i + _4L + _L + lane] = p1
        share[i + _4L + _2L + lane] = p2
        share[i + _4L + _3L + lane] = p3
        share[i + _8L + lane] = q0
        share[i + _8L + _L + lane] = q1
        share[i + _8L + _2L + lane] = q2
        share[i + _8L + _3L + lane] = q3
        if by_age is not None:
            by_age[at + lane] = n0
            by_age[at + _L + lane] = n1
            by_age[at + _2L + lane] = n2
            by_age[at + _3L + lane] = n3
            by_age[at + _4L + lane] = m0
            by_age[at + _4L + _L + lane] = m1
            by_age[at + _4L + _2L + lane] = m2
            by_age[at + _4L + _3L + lane] = m3
        order[_BIRTHS + lane] += n0 + m0
        order[_ORDER_L + _BIRTHS + lane] += n1 + m1
        order[_2 * _ORDER_L + _BIRTHS + lane] += n2 + m2
        order[_3 * _ORDER_L + _BIRTHS + lane] += n3 + m3
        # low * (f + g) + step * g is the rate weighted by the middle of both ages.
        g0, g1, g2, g3 = m0 * inverse_next, m1 * inverse_next, m2 * inverse_next, m3 * inverse_next
        f0, f1, f2, f3 = (
            _fma(n0, inverse, g0), _fma(n1, inverse, g1),
            _fma(n2, inverse, g2), _fma(n3, inverse, g3),
        )  # fmt: skip
        order[_RATE + lane] += f0
        order[_ORDER_L + _RATE + lane] += f1
        order[_2 * _ORDER_L + _RATE + lane] += f2
        order[_3 * _ORDER_L + _RATE + lane] += f3
        order[_AGE_RATE + lane] += _fma(low, f0, step * g0)
        order[_ORDER_L + _AGE_RATE + lane] += _fma(low, f1, step * g1)
        order[_2 * _ORDER_L + _AGE_RATE + lane] += _fma(low, f2, step * g2)
        order[_3 * _ORDER_L + _AGE_RATE + lane] += _fma(low, f3, step * g3)


@njit(**_INLINE)
def _bear_only(
    h: float, change: float, f: float, mix: float, mixed: bool, here: float, there: float
) -> Any:
    """Births and twice their rate at one age and lane where all women are at the same risk."""
    r = _rate(h, change, f, mix, mixed)
    women = here + there
    return r * women, r if women > 0.0 else 0.0


@njit(**_INLINE)
def _births_of_five_ages(
    a: Any,
    order: Any,
    work: Any,
    resident: Any,
    arrived: Any,
    j: Any,
    half: Any,
    change: Any,
    mixed: bool,
    step: float,
    by_age: Any,
) -> None:
    """Bear the children of mothers aged a to a + 4 where there is one order and one parity."""
    row = a * _L
    middle = (a + 0.5) * step
    h0, h1, h2, h3, h4 = (
        half[_0, a], half[_0, a + _1], half[_0, a + _2], half[_0, a + _3], half[_0, a + _4],
    )  # fmt: skip
    c0, c1, c2, c3, c4 = (
        change[_0, a], change[_0, a + _1], change[_0, a + _2], change[_0, a + _3],
        change[_0, a + _4],
    )  # fmt: skip
    for lane in range(_L):
        f = order[_FACTOR + lane]
        mix = work[_SCHEDULE + lane]
        n0, r0 = _bear_only(h0, c0, f, mix, mixed, resident[row + lane], arrived[j + lane])
        n1, r1 = _bear_only(
            h1, c1, f, mix, mixed, resident[row + _L + lane], arrived[j + _L + lane]
        )
        n2, r2 = _bear_only(
            h2, c2, f, mix, mixed, resident[row + _2L + lane], arrived[j + _2L + lane]
        )
        n3, r3 = _bear_only(
            h3, c3, f, mix, mixed, resident[row + _3L + lane], arrived[j + _3L + lane]
        )
        n4, r4 = _bear_only(
            h4, c4, f, mix, mixed, resident[row + _4L + lane], arrived[j + _4L + lane]
        )
        if by_age is not None:
            by_age[row + lane] = n0
            by_age[row + _L + lane] = n1
            by_age[row + _2L + lane] = n2
            by_age[row + _3L + lane] = n3
            by_age[row + _4L + lane] = n4
        order[_BIRTHS + lane] += ((n0 + n1) + (n2 + n3)) + n4
        rate = ((r0 + r1) + (r2 + r3)) + r4
        order[_RATE + lane] += 2.0 * rate
        later = (r1 + r4) + 2.0 * r2 + 3.0 * (r3 + r4)
        order[_AGE_RATE + lane] += 2.0 * _fma(middle, rate, step * later)


@njit(**_JIT)
def _births(
    share: Any,
    i: Any,
    first_age: int,
    start_age: int,
    stop_age: int,
    resident: Any,
    arrived: Any,
    arrived_from: Any,
    half: Any,
    change: Any,
    mixed: bool,
    step: float,
    order: Any,
    work: Any,
    by_age: Any,
    chunk_size: Any,
) -> None:
    """Bear the children of mothers aged ``start_age`` to ``stop_age`` - 1, ages and orders rising.

    ``i`` is the share row of those resident at ``first_age``.
    """
    orders = half.shape[0]
    a = start_age
    while a < stop_age:
        row = np.uint64(a) * _L
        # Those who arrive at the age lie a row before those who live there.
        below = i + np.uint64(a - first_age) * _4L - _4L
        if orders == 4 and a + 2 <= stop_age:
            _births_of_two_ages(
                share, below, np.uint64(a), order, work, resident, arrived, arrived_from + row,
                half, change, mixed, step, by_age,
            )  # fmt: skip
            a += 2
            continue
        if orders == 1 and a + 5 <= stop_age:
            _births_of_five_ages(
                np.uint64(a), order, work, resident, arrived, arrived_from + row, half, change,
                mixed, step, by_age,
            )  # fmt: skip
            a += 5
            continue
        middle = (a + 0.5) * step
        _exposure(resident, row, arrived, arrived_from + row, work)
        at = np.uint64(a * orders) * _L
        for k in range(orders):
            _births_one(
                share, below + _share_row(k, chunk_size), order, np.uint64(k) * _ORDER_L, work,
                half[k, a], change[k, a], 0.0 if k + 1 == orders else 1.0, middle, by_age,
                at + np.uint64(k) * _L,
            )  # fmt: skip
        a += 1


@njit(**_INLINE)
def _share_row(k: int, chunk_size: Any) -> Any:
    """Return the offset of a parity among the shares: four lie together, then the next four."""
    return np.uint64(k // 4) * chunk_size + np.uint64(k % 4) * _L


@njit(**_JIT)
def _blend(
    share: Any,
    i: Any,
    parities: Any,
    before: Any,
    j: Any,
    after: Any,
    m: Any,
    spread: Any,
    age: Any,
    chunk_size: Any,
) -> Any:
    """Blend migrants of a given parity distribution into the shares of one age.

    Where a parity cannot bear its part of an outflow, the outflow of that age is taken from the
    residents in proportion. Returns the first lane where that happened (or ``LANES``), the parity
    and the women short.
    """
    failed, failed_parity, failed_amount = LANES, 0, 0.0
    for lane in range(LANES):
        u = np.uint64(lane)
        was, now = before[j + u], after[m + u]
        if not now > 0.0 or now == was:
            continue
        bearable = True
        for k in range(parities):
            left = share[i + _share_row(k, chunk_size) + u] * was + spread[k, age] * (now - was)
            if left < 0.0:
                bearable = False
                if failed == LANES:
                    failed, failed_parity, failed_amount = lane, k, -left
        if bearable:
            for k in range(parities):
                at = i + _share_row(k, chunk_size) + u
                share[at] = (share[at] * was + spread[k, age] * (now - was)) / now
    return failed, failed_parity, failed_amount


@njit(**_JIT)
def _ask(
    moves: Any,
    stock: Any,
    i: Any,
    ages: int,
    rate: Any,
    kind: int,
    guard: bool,
    work: Any,
) -> None:
    """Set the net migrants of one sex, cell by cell, and add them up; ``i`` is age 0 in stock."""
    for a in range(ages):
        row = np.uint64(a) * _L
        for lane in range(_L):
            n = stock[i + row + lane]
            asked = rate[a] * work[_MOVERS + lane]
            if kind == _RATES:
                asked *= n
            elif kind == _TOTALS:
                asked *= n / work[_ALL + lane]
            if guard and n + asked <= 0.0:
                asked = _UN_LEFT - n
            moves[row + lane] = asked
            work[_NOMINAL + lane] += asked


@njit(**_JIT)
def _fill_row(work: Any, row: Any, value: float) -> None:
    for lane in range(_L):
        work[row + lane] = value


@njit(**_JIT)
def _add_row(work: Any, row: Any, other: Any) -> None:
    for lane in range(_L):
        work[row + lane] += work[other + lane]


@njit(**_JIT)
def _load(work: Any, row: Any, source: Any, year: Any, size: Any, d: Any) -> None:
    """Load a row of lanes from draw ``d`` on of one year of a factor, of ``size`` draws (or 1)."""
    at = year * size + d
    if d + _L <= size:
        for lane in range(_L):
            work[row + lane] = source[at + lane]
    else:
        last = year * size + size - _1
        for lane in range(_L):
            work[row + lane] = source[min(at + lane, last)]


@njit(**_JIT)
def _store(target: Any, at: Any, work: Any, row: Any, lanes: Any) -> None:
    if lanes == _L:
        for lane in range(_L):
            target[at + lane] = work[row + lane]
    else:
        for lane in range(lanes):
            target[at + lane] = work[row + lane]


@njit(**_JIT)
def _merge_open(share: Any, i: Any, orders: int, resident: Any, j: Any, chunk_size: Any) -> None:
    """Merge the shares of the two oldest cohorts, weighted by their women, into the younger row."""
    for lane in range(_L):
        below, oldest = resident[j - _L + lane], resident[j + lane]
        women = below + oldest
        weight = oldest / women if women > 0.0 else 0.0
        for k in range(orders):
            at = i + _share_row(k, chunk_size) + lane
            share[at - _4L] += weight * (share[at] - share[at - _4L])


@njit(**_JIT)
def _store_state(
    women: Any,
    men: Any,
    t: int,
    stock: Any,
    share: Any,
    now: Any,
    window: Any,
    ages: int,
    orders: int,
    D: Any,
    d: Any,
    lanes: Any,
    chunk_size: Any,
) -> None:
    """Write women by parity and men at one time; parity is kept for all ages here."""
    for a in range(ages):
        at = (now + np.uint64(a)) * _L
        for k in range(orders):
            out = np.uint64((t * orders + k) * ages + a) * D + d
            row = (now + np.uint64(a)) * _4L + _share_row(k, chunk_size)
            for lane in range(lanes):
                women[out + lane] = stock[at + lane] * share[row + lane]
        out = np.uint64(t * ages + a) * D + d
        for lane in range(lanes):
            men[out + lane] = stock[window + at + lane]


@njit(**_JIT)
def _store_flows(
    deaths: Any,
    moved: Any,
    y: int,
    sex: int,
    ages: int,
    D: Any,
    d: Any,
    lanes: Any,
    start: Any,
    end: Any,
    moves: Any,
    before: Any,
    resident: Any,
    survivors: Any,
    work: Any,
    born: Any,
    s: Any,
    up: Any,
    down: Any,
    weighted: Any,
    unguarded: bool,
) -> None:
    """Write deaths by age reached and net migration as applied by age, of one sex in one year."""
    for a in range(ages):
        x = np.uint64(a)
        row = x * _L
        out = np.uint64((y * 2 + sex) * ages + a) * D + d
        for lane in range(lanes):
            if a == 0:
                exposed = work[born + lane]
            elif a == ages - 1:
                exposed = resident[row - _L + lane] + resident[row + lane]
            else:
                exposed = resident[row - _L + lane]
            deaths[out + lane] = (
                1.0 - _survival(s[x], up[x], down[x], work, lane, weighted)
            ) * exposed
            factor = _movers(moves, work, x, lane)
            first = start[x] * factor
            second = end[x] * factor
            if not unguarded:
                first = max(first, -before[row + lane])
                second = max(second, -survivors[row + lane])
            moved[out + lane] = first + second


@njit(**_JIT)
def _diagnose(
    diagnosis: Any, code: int, y: int, sex: int, a: int, k: int, d: Any, lane: Any, amount: float
) -> None:
    diagnosis[0] = code
    diagnosis[1] = y
    diagnosis[2] = sex
    diagnosis[3] = a
    diagnosis[4] = k
    diagnosis[5] = np.int64(d) + np.int64(lane)
    diagnosis[6] = amount


@njit(**_JIT)
def _diagnose_certain(
    diagnosis: Any,
    y: int,
    k: int,
    d: Any,
    order: Any,
    o: Any,
    half: Any,
    half_change: Any,
    work: Any,
    limit: float,
) -> None:
    """Find the first lane and age where a woman at risk would bear more than one child."""
    for lane in range(_L):
        for a in range(half.shape[2]):
            h = half[y, k, a] + work[_SCHEDULE + lane] * half_change[y, k, a]
            h *= order[o + _FACTOR + lane]
            if h > limit:
                _diagnose(diagnosis, _CERTAIN, y, 0, a, k, d, lane, 2.0 * h)
                return


# ------------------------------------------------------------------------------------ all years


@njit(**_JIT)
def _run(
    base: Any,  # (2, A1) women and men
    base_share: Any,  # (P1, A1) parity shares of women
    half: Any,  # (Y, K, A1) n h / 2 of the first schedule
    half_change: Any,  # (Y, K, A1) second schedule - first
    half_most: Any,  # (Y, K) largest n h / 2 of any age
    s: Any,  # (Y, 2, A1) central survival
    up: Any,  # (Y, 2, A1) high - central
    down: Any,  # (Y, 2, A1) low - central
    start: Any,  # (Y, 2, A1) migration at the start of the year, or its part of moves
    end: Any,  # (Y, 2, A1) migration at the end
    inflow: Any,  # (Y, 2, A1) whether nobody leaves, at this age and those that are moved with it
    limits: Any,  # (Y, 4) of all draws: most and least migration factor, weights of survival
    watched: Any,  # (Y,) whether every cell must be watched for an outflow larger than it
    asked: Any,  # (Y, 2) sum of start and end
    rate: Any,  # (Y, 2, A1) migration input where cells are set year by year
    girls: Any,  # (Y, K) share of girls among births
    spread: Any,  # (P1, A1) parity distribution of migrants, or (0, 0)
    breaks: Any,  # (G + 1,) age groups
    schedule_weight: Any,
    mixed: bool,
    fertility_factor: Any,
    up_weight: Any,
    migration_factor: Any,
    step: float,
    first: int,  # parity is kept for ages first .. last
    last: int,
    fertile_from: int,
    fertile_to: int,  # one past the last age with births
    kind: int,
    on_negative: int,
    late: bool,
    moves_women: Any,
    moves_men: Any,
    resident: Any,
    arrived: Any,
    survivors: Any,
    before: Any,
    by_age: Any,
    stock: Any,
    share: Any,
    work: Any,
    order: Any,
    groups: Any,
    draws: int,
    out_births: Any,
    out_rate: Any,
    out_age_rate: Any,
    out_births_by_sex: Any,
    out_deaths: Any,
    out_migration: Any,
    out_groups: Any,
    out_cut: Any,
    out_women: Any,
    out_men: Any,
    out_by_age: Any,
    out_cohort_deaths: Any,
    out_moved: Any,
    diagnosis: Any,
) -> None:
    """Run all tiles of draws through all years; see the module for the layout."""
    years, orders, ages = half.shape
    oldest = np.uint64(ages - 1)
    K = np.uint64(orders)
    G = np.uint64(breaks.size - 1)
    D = np.uint64(draws)
    window = np.uint64(ages + years) * _L
    fill = _UN_FILL if on_negative == _UN else 0.0
    unguarded = on_negative == _UN
    blending = spread.size > 0
    chunk_size = np.uint64(max(last - first + 1, 1) + years) * _4L
    last_share = last if last < ages - 1 else ages - 2
    # Ages reached at which births, or a traced run, need to know who was exposed.
    traced = survivors is not None
    movers, mixes = migration_factor.ravel(), schedule_weight.ravel()
    factors = fertility_factor.ravel()
    expose_from = (1 if traced else fertile_from, 1)
    expose_to = (ages - 1 if traced else min(fertile_to + 1, ages - 1), ages - 1 if traced else 1)

    for tile in range((draws + LANES - 1) // LANES):
        d = np.uint64(tile) * _L
        lanes = min(D - d, _L)

        for sex in range(2):
            i = np.uint64(sex) * window + np.uint64(years) * _L
            for a in range(ages):
                _fill_row(stock, i + np.uint64(a) * _L, base[sex, a])
            _sum_groups(stock, i, breaks, groups)
            for g in range(G):
                _store(out_groups, (np.uint64(sex) * G + g) * D + d, groups, g * _L, lanes)
        for a in range(first, last + 1):
            i = np.uint64(years + a - first) * _4L
            for k in range(orders):
                _fill_row(share, i + _share_row(k, chunk_size), base_share[k, a])
        if by_age is not None:
            _store_state(
                out_women,
                out_men,
                0,
                stock,
                share,
                np.uint64(years),
                window,
                ages,
                orders,
                D,
                d,
                lanes,
                chunk_size,
            )
        _fill_row(work, _CUT_PERSONS, 0.0)
        _fill_row(work, _CUT_CELLS, 0.0)

        for y in range(years):
            now = np.uint64(years - y)  # window row of age 0 at the start of the year
            year = np.uint64(y)
            at = year if migration_factor.shape[0] > 1 else _0
            _load(work, _MOVERS, movers, at, np.uint64(migration_factor.shape[1]), d)
            at = year if schedule_weight.shape[0] > 1 else _0
            _load(work, _SCHEDULE, mixes, at, np.uint64(schedule_weight.shape[1]), d)
            if up_weight is not None:
                at = year if up_weight.shape[0] > 1 else _0
                _load(work, _UP, up_weight.ravel(), at, np.uint64(up_weight.shape[1]), d)
                for lane in range(_L):
                    weight = work[_UP + lane]
                    work[_UP + lane] = max(weight, 0.0)
                    work[_DOWN + lane] = max(-weight, 0.0)
            for k in range(orders):
                o = np.uint64(k) * _ORDER_ROWS * _L
                at = (year if fertility_factor.shape[0] > 1 else _0) * K + np.uint64(k)
                _load(order, o + _FACTOR, factors, at, np.uint64(fertility_factor.shape[2]), d)
                _fill_row(order, o + _BIRTHS, 0.0)
                _fill_row(order, o + _RATE, 0.0)
                _fill_row(order, o + _AGE_RATE, 0.0)
                limit = 1.0 if k == orders - 1 else 2.0
                certain = 0
                for lane in range(_L):
                    certain += half_most[y, k] * order[o + _FACTOR + lane] > limit
                if certain > 0:
                    _diagnose_certain(diagnosis, y, k, d, order, o, half, half_change, work, limit)
                    if diagnosis[0] != _FINE:
                        return
            if moves_women is not None:
                _fill_row(work, _ALL, 0.0)
                for sex in range(2):
                    i = np.uint64(sex) * window + now * _L
                    for a in range(ages):
                        for lane in range(_L):
                            work[_ALL + lane] += stock[i + np.uint64(a) * _L + lane]

            for sex in range(2):
                moves = moves_women if sex == 0 else moves_men
                i = np.uint64(sex) * window + now * _L
                _fill_row(work, _DEATHS, 0.0)
                _fill_row(work, _SHORT, 0.0)
                _fill_row(work, _CELLS, 0.0)
                _fill_row(work, _NOMINAL, 0.0)
                if moves_women is not None:
                    _ask(moves, stock, i, ages, rate[y, sex], kind, unguarded, work)
                else:
                    for lane in range(_L):
                        work[_NOMINAL + lane] = asked[y, sex] * work[_MOVERS + lane]
                if survivors is not None:
                    for j in range(np.uint64(ages) * _L):
                        before[j] = stock[i + j]

                sy, upy, downy = s[y, sex], up[y, sex], down[y, sex]
                starty, endy = start[y, sex], end[y, sex]
                for g in range(G):
                    _fill_row(groups, g * _L, 0.0)
                _age(
                    stock, i, sy, upy, downy, starty, endy, inflow[y, sex], limits[y], work, groups,
                    breaks, fill, up_weight, moves, resident, arrived, survivors,
                    np.uint64(expose_from[sex]), np.uint64(expose_to[sex]), late, unguarded,
                    not watched[y],
                )  # fmt: skip
                _age_open(
                    stock, i + (oldest - _1) * _L, oldest, sy, upy, downy, starty, endy, work,
                    fill, up_weight, moves, resident, survivors, groups, (G - _1) * _L,
                )  # fmt: skip

                if sex == 0:
                    # The cohort that arrives at the first age with parity comes at parity 0.
                    i_share = (now - _1) * _4L
                    _fill_row(share, i_share, 1.0)
                    for k in range(1, orders):
                        _fill_row(share, i_share + _share_row(k, chunk_size), 0.0)
                    i_share = now * _4L
                    if late or unguarded:
                        there, there_from = arrived, _0
                    else:
                        there, there_from = stock, i - _L
                    if survivors is not None:  # noqa: SIM102
                        if blending and not late:
                            for a in range(first, last + 1):
                                lane, k, amount = _blend(
                                    share,
                                    i_share + np.uint64(a - first) * _4L,
                                    orders,
                                    before,
                                    np.uint64(a) * _L,
                                    resident,
                                    np.uint64(a) * _L,
                                    spread,
                                    a,
                                    chunk_size,
                                )
                                if lane < LANES and on_negative == _RAISE:
                                    _diagnose(
                                        diagnosis, _PARITY_EMPTIED, y, 0, a, k, d, lane, amount
                                    )
                                    return
                    if by_age is not None:
                        by_age[:] = 0.0
                    if not blending:
                        _births(
                            share,
                            i_share,
                            first,
                            fertile_from,
                            fertile_to,
                            resident,
                            there,
                            there_from,
                            half[y],
                            half_change[y],
                            mixed,
                            step,
                            order,
                            work,
                            by_age,
                            chunk_size,
                        )
                    for a in range(max(first, 1), last_share + 1 if blending else 0):
                        here = i_share + np.uint64(a - first) * _4L
                        row = np.uint64(a) * _L
                        if survivors is not None:  # noqa: SIM102
                            if blending and not late:
                                lane, k, amount = _blend(
                                    share,
                                    here - _4L,
                                    orders,
                                    survivors,
                                    row,
                                    there,
                                    there_from + row,
                                    spread,
                                    a,
                                    chunk_size,
                                )
                                if lane < LANES and on_negative == _RAISE:
                                    _diagnose(
                                        diagnosis, _PARITY_EMPTIED, y, 0, a, k, d, lane, amount
                                    )
                                    return
                        if fertile_from <= a < fertile_to:
                            _births(
                                share,
                                i_share,
                                first,
                                a,
                                a + 1,
                                resident,
                                there,
                                there_from,
                                half[y],
                                half_change[y],
                                mixed,
                                step,
                                order,
                                work,
                                by_age,
                                chunk_size,
                            )
                    _fill_row(work, _GIRLS, 0.0)
                    _fill_row(work, _BOYS, 0.0)
                    for k in range(orders):
                        o = np.uint64(k) * _ORDER_ROWS * _L
                        for lane in range(_L):
                            births = order[o + _BIRTHS + lane]
                            girl = girls[y, k] * births
                            work[_GIRLS + lane] += girl
                            work[_BOYS + lane] += births - girl
                        out = (np.uint64(y) * K + np.uint64(k)) * D + d
                        _store(out_births, out, order, o + _BIRTHS, lanes)
                        _store(out_rate, out, order, o + _RATE, lanes)
                        _store(out_age_rate, out, order, o + _AGE_RATE, lanes)
                    out = np.uint64(y) * np.uint64(2) * D + d
                    _store(out_births_by_sex, out, work, _GIRLS, lanes)
                    _store(out_births_by_sex, out + D, work, _BOYS, lanes)

                _newborn(
                    stock,
                    i - _L,
                    _GIRLS if sex == 0 else _BOYS,
                    sy,
                    upy,
                    downy,
                    endy,
                    work,
                    fill,
                    up_weight,
                    moves,
                    survivors,
                    groups,
                )

                if sex == 0 and last == ages - 1:
                    _merge_open(
                        share,
                        i_share + (oldest - np.uint64(first)) * _4L,
                        orders,
                        resident,
                        oldest * _L,
                        chunk_size,
                    )
                if survivors is not None:  # noqa: SIM102
                    if sex == 0 and blending and (late or last == ages - 1):
                        for a in range(first if late else ages - 1, last + 1):
                            lane, k, amount = _blend(
                                share,
                                i_share + np.uint64(a - first) * _4L - _4L,
                                orders,
                                survivors,
                                np.uint64(a) * _L,
                                stock,
                                i + np.uint64(a) * _L - _L,
                                spread,
                                a,
                                chunk_size,
                            )
                            if lane < LANES and on_negative == _RAISE:
                                _diagnose(diagnosis, _PARITY_EMPTIED, y, 0, a, k, d, lane, amount)
                                return
                if survivors is not None:  # noqa: SIM102
                    if sex == 0 and blending and first == 0 and not late:
                        _blend(
                            share,
                            i_share - _4L,
                            orders,
                            survivors,
                            _0,
                            stock,
                            i - _L,
                            spread,
                            0,
                            chunk_size,
                        )

                if on_negative == _RAISE:
                    for lane in range(_L):
                        if work[_SHORT + lane] > 0.0:
                            _diagnose(diagnosis, _EMPTIED, y, sex, 0, -1, d, lane, 0.0)
                            return
                else:
                    _add_row(work, _CUT_PERSONS, _SHORT)
                    _add_row(work, _CUT_CELLS, _CELLS)
                    if not unguarded:
                        _add_row(work, _NOMINAL, _SHORT)
                out = (np.uint64(y) * np.uint64(2) + np.uint64(sex)) * D + d
                _store(out_deaths, out, work, _DEATHS, lanes)
                _store(out_migration, out, work, _NOMINAL, lanes)
                for g in range(G):
                    out = ((np.uint64(y + 1) * np.uint64(2) + np.uint64(sex)) * G + g) * D + d
                    _store(out_groups, out, groups, g * _L, lanes)
                if by_age is not None:
                    _store_flows(
                        out_cohort_deaths,
                        out_moved,
                        y,
                        sex,
                        ages,
                        D,
                        d,
                        lanes,
                        starty,
                        endy,
                        moves,
                        before,
                        resident,
                        survivors,
                        work,
                        _GIRLS if sex == 0 else _BOYS,
                        sy,
                        upy,
                        downy,
                        up_weight,
                        unguarded,
                    )
            if by_age is not None:
                _store_state(
                    out_women,
                    out_men,
                    y + 1,
                    stock,
                    share,
                    now - _1,
                    window,
                    ages,
                    orders,
                    D,
                    d,
                    lanes,
                    chunk_size,
                )
                for k in range(orders):
                    for a in range(ages):
                        row = np.uint64(a * orders + k)
                        out = np.uint64((y * orders + k) * ages + a) * D + d
                        _store(out_by_age, out, by_age, row * _L, lanes)
        _store(out_cut, d, work, _CUT_PERSONS, lanes)
        _store(out_cut, D + d, work, _CUT_CELLS, lanes)


# ----------------------------------------------------------------------------------- Python entry


class Diagnosis(NamedTuple):
    """The first impossible input met inside a run.

    Parameters
    ----------
    kind : {"emptied", "parity emptied", "certain"}
        Net migration takes more people than a cell (or a parity of it) holds; or a woman at risk
        would bear more than one child in half a year.
    year, sex, age : int
        Positions; sex 0 female, 1 male; age at the end of the year, or of the rate.
    parity : int
        Parity emptied, or position of the birth order; -1 where it does not apply.
    draw : int
        Position of the draw.
    amount : float
        Persons short, or the yearly rate.
    """

    kind: str
    year: int
    sex: int
    age: int
    parity: int
    draw: int
    amount: float


class Indicators(NamedTuple):
    """What a fused run returns, draws last.

    Parameters
    ----------
    births : numpy.ndarray
        Births by order (Y, K, D) [persons].
    fertility : numpy.ndarray
        Total fertility rate by order (Y, K, D) [births per woman], ``sum_a B_k[a] / E[a]``.
    age_weighted_fertility : numpy.ndarray
        ``sum_a (a + 1/2) B_k[a] / E[a]`` (Y, K, D); over ``fertility``: mean age at birth.
    births_by_sex, deaths, migration : numpy.ndarray
        Girls and boys, cohort deaths, net migration as applied (Y, 2, D) [persons].
    population : numpy.ndarray
        Population by sex and age group (Y + 1, 2, G, D) [persons].
    cut : numpy.ndarray
        Persons that outflows asked for and cells did not hold, and how often (2, D), over all
        years; under ``on_negative="un"`` what the guard added.
    diagnosis : Diagnosis or None
        The first impossible input; the other arrays are then incomplete.
    """

    births: Array
    fertility: Array
    age_weighted_fertility: Array
    births_by_sex: Array
    deaths: Array
    migration: Array
    population: Array
    cut: Array
    diagnosis: Diagnosis | None


class History(NamedTuple):
    """What a full run returns, draws last.

    Parameters
    ----------
    women : numpy.ndarray
        Women by parity (Y + 1, P1, A1, D) [persons].
    men : numpy.ndarray
        Men (Y + 1, A1, D) [persons].
    births_by_age : numpy.ndarray
        Births by order and age of mother (Y, K, A1, D) [persons]: first-half births at the age at
        the start, second-half births at the age reached.
    cohort_deaths : numpy.ndarray
        Deaths by sex and age reached (Y, 2, A1, D) [persons].
    net_migration : numpy.ndarray
        Net migration by sex and age as applied (Y, 2, A1, D) [persons].
    indicators : Indicators
        The same figures as a fused run.
    """

    women: Array
    men: Array
    births_by_age: Array
    cohort_deaths: Array
    net_migration: Array
    indicators: Indicators


def output_shapes(
    *, years: int, parities: int, ages: int, groups: int, draws: int, history: bool
) -> dict[str, tuple[int, ...]]:
    """Return the shape of every output by name, those of a history last."""
    shapes: dict[str, tuple[int, ...]] = {
        "births": (years, parities, draws),
        "fertility": (years, parities, draws),
        "age_weighted_fertility": (years, parities, draws),
        "births_by_sex": (years, 2, draws),
        "deaths": (years, 2, draws),
        "migration": (years, 2, draws),
        "population": (years + 1, 2, groups, draws),
        "cut": (2, draws),
    }
    if history:
        shapes |= {
            "women": (years + 1, parities, ages, draws),
            "men": (years + 1, ages, draws),
            "births_by_age": (years, parities, ages, draws),
            "cohort_deaths": (years, 2, ages, draws),
            "net_migration": (years, 2, ages, draws),
        }
    return shapes


def _checked(name: str, value: Any, shape: tuple[int | None, ...]) -> Array:
    """Return ``value`` as C-contiguous float64 after checking its shape; None matches any size."""
    array = np.ascontiguousarray(value, dtype=np.float64)
    if array.ndim != len(shape) or any(
        want is not None and have != want for have, want in zip(array.shape, shape, strict=True)
    ):
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(f"{name} has shape {array.shape}, not ({wanted})")
    return array


def _factor(name: str, value: Any, shape: tuple[int, ...], neutral: float) -> Array:
    """Return a factor with years and draws of full length or 1; None is the neutral factor."""
    if value is None:
        return np.full((1, *shape[1:], 1), neutral)
    array = np.ascontiguousarray(value, dtype=np.float64)
    if array.ndim != len(shape) + 1 or any(
        have not in ({want, 1} if axis == 0 else {want})
        for axis, (have, want) in enumerate(zip(array.shape, shape, strict=False))
    ):
        raise ValueError(f"{name} has shape {array.shape}, not ({str(shape)[1:-1]} draws)")
    return array


def _count_draws(*factors: Array) -> int:
    sizes = {factor.shape[-1] for factor in factors} - {1}
    if len(sizes) > 1:
        raise ValueError(f"factors have different numbers of draws: {sorted(sizes)}")
    return sizes.pop() if sizes else 1


def _space(out: dict[str, Array] | None, name: str, shape: tuple[int, ...]) -> Array:
    """Return memory for an output: from ``out`` if it holds a fitting array, which is kept there.

    Fresh memory costs page faults, about half a kernel; a caller with many blocks reuses it.
    """
    array = None if out is None else out.get(name)
    if array is None or array.shape != shape:
        array = np.empty(shape)
        if out is not None:
            out[name] = array
    return array


def _project(
    women: Any,
    men: Any,
    fertility: Any,
    survival: Any,
    sex_ratio: Any,
    *,
    history: bool,
    migration: Any = None,
    fertility_factor: Any = None,
    fertility_weight: Any = None,
    mortality_weight: Any = None,
    migration_factor: Any = None,
    migrant_parity: Any = None,
    step: float = 1.0,
    timing: Timing = "even",
    migration_kind: MigrationKind = "counts",
    on_negative: OnNegative = "raise",
    age_breaks: Any = None,
    out: dict[str, Array] | None = None,
) -> tuple[Indicators, tuple[Array, ...]]:
    """Check shapes, lay out the inputs and run; both forms come through here."""
    women = _checked("women", women, (None, None))
    parities, ages = women.shape
    if ages < 3:
        raise ValueError(f"women has {ages} ages; at least 3 are needed")
    men = _checked("men", men, (ages,))
    fertility = _checked("fertility", fertility, (None, None, parities, ages))
    years, schedules = fertility.shape[:2]
    if schedules not in (1, 2):
        raise ValueError(f"fertility has {schedules} schedules; 1 or 2 are possible")
    survival = _checked("survival", survival, (years, None, 2, ages))
    levels = survival.shape[1]
    if levels not in (1, 3):
        raise ValueError(f"survival has {levels} levels; 1 or 3 (low, central, high) are possible")
    sex_ratio = _checked("sex_ratio", sex_ratio, (years, parities))
    for name, options, value in (
        ("timing", ("even", "end"), timing),
        ("migration_kind", ("counts", "rates", "totals"), migration_kind),
        ("on_negative", ("raise", "cut", "un"), on_negative),
    ):
        if value not in options:
            raise ValueError(f"{name} is {value!r}, not one of {', '.join(options)}")
    if fertility_weight is not None and schedules == 1:
        raise ValueError("fertility_weight needs fertility with 2 schedules")
    if mortality_weight is not None and levels == 1:
        raise ValueError("mortality_weight needs survival with 3 levels")
    breaks = np.asarray([0, ages] if age_breaks is None else age_breaks, dtype=np.int64)
    if breaks.ndim != 1 or breaks[0] != 0 or breaks[-1] != ages or not (np.diff(breaks) > 0).all():
        raise ValueError(f"age_breaks must rise from 0 to {ages}: {breaks.tolist()}")

    totals = migration_kind == "totals"
    if migration is None:
        rate = np.zeros((years, 2, ages))
    elif totals:
        total = _checked("migration", migration, (years,))
        rate = np.broadcast_to(total[:, None, None], (years, 2, ages)).copy()
    else:
        rate = _checked("migration", migration, (years, 2, ages))
    cellwise = on_negative == "un" or (migration is not None and migration_kind != "counts")
    late = timing == "end"
    base_moves = np.ones_like(rate) if cellwise else rate
    start = np.zeros_like(rate) if late else 0.5 * base_moves
    end = base_moves.copy() if late else 0.5 * base_moves
    # Five ages are moved together; each meets the migrants of the age below and of its own.
    kept = np.ones((years, 2, ages + 6), dtype=np.bool_)
    kept[..., 1 : ages + 1] = rate >= 0.0
    inflow = np.lib.stride_tricks.sliding_window_view(kept, 6, axis=2).all(axis=3)[..., :ages]
    inflow = np.ascontiguousarray(inflow)
    spread = (
        np.zeros((0, 0))
        if migrant_parity is None
        else _checked("migrant_parity", migrant_parity, (parities, ages))
    )

    half = 0.5 * step * fertility
    half[..., [0, -1]] = 0.0  # no births at the first and last age
    half_change = half[:, 1] - half[:, 0] if schedules == 2 else np.zeros_like(half[:, 0])
    fertile = np.flatnonzero(half.any(axis=(0, 1, 2)))
    fertile_from, fertile_to = (int(fertile[0]), int(fertile[-1]) + 1) if fertile.size else (1, 1)
    total_women = women.sum(axis=0)
    base_share = np.zeros_like(women)
    base_share[0] = 1.0
    np.divide(women, total_women, out=base_share, where=total_women > 0.0)
    first, last = 0, ages - 1
    if not history:
        # Parity is followed from the first age with mothers to the last age with births only.
        mothers = (base_share[1:] > 0.0).any(axis=0)
        if spread.size:
            mothers |= (spread[1:] > 0.0).any(axis=0)
        first = min(fertile_from, int(np.argmax(mothers)) if mothers.any() else ages)
        last = fertile_to - 1

    weight = _factor("fertility_weight", fertility_weight, (years,), 0.0)
    factor = _factor("fertility_factor", fertility_factor, (years, parities), 1.0)
    movers = _factor("migration_factor", migration_factor, (years,), 1.0)
    level = (
        None
        if mortality_weight is None
        else _factor("mortality_weight", mortality_weight, (years,), 0.0)
    )
    draws = _count_draws(weight, factor, movers, *(() if level is None else (level,)))
    central = np.ascontiguousarray(survival[:, levels // 2])
    up = np.ascontiguousarray(survival[:, levels - 1] - central)
    down = np.ascontiguousarray(survival[:, 0] - central)

    limits = np.empty((years, 4))
    limits[:, 0], limits[:, 1] = movers.max(axis=1), movers.min(axis=1)
    limits[:, 2] = 0.0 if level is None else level.max(axis=1).clip(min=0.0)
    limits[:, 3] = 0.0 if level is None else (-level.min(axis=1)).clip(min=0.0)
    traced = history or spread.size > 0
    # Elsewhere whole blocks of cells are seen not to be emptied.
    whole = total_women.min() >= 0.0 and men.min() >= 0.0 and survival.min() >= 0.0
    watched = (limits[:, 2:] > 1.0).any(axis=1) | (not whole or late or cellwise or traced)
    rows = ages * LANES
    groups = breaks.size - 1
    shapes = output_shapes(
        years=years, parities=parities, ages=ages, groups=groups, draws=draws, history=history
    )
    results = {name: _space(out, name, shape) for name, shape in shapes.items()}
    fused = [results.pop(name) for name in Indicators._fields[:-1]]
    full = list(results.values()) if history else [np.empty(0)] * (len(History._fields) - 1)
    diagnosis = np.zeros(7)
    _run(
        np.stack([total_women, men]),
        base_share,
        np.ascontiguousarray(half[:, 0]),
        half_change,
        half.max(axis=(1, 3)),
        central,
        up,
        down,
        start,
        end,
        inflow,
        limits,
        watched,
        rate.sum(axis=2),
        rate,
        1.0 / (1.0 + sex_ratio),
        spread,
        breaks,
        weight,
        schedules == 2,
        factor,
        level,
        movers,
        float(step),
        first,
        last,
        fertile_from,
        fertile_to,
        ("counts", "rates", "totals").index(migration_kind),
        ("raise", "cut", "un").index(on_negative),
        late,
        np.empty(rows) if cellwise else None,
        np.empty(rows) if cellwise else None,
        np.empty(rows),
        np.empty(rows),
        np.empty(rows) if traced else None,
        np.empty(rows) if traced else None,
        np.empty(parities * rows) if history else None,
        np.empty(2 * (ages + years) * LANES),
        np.zeros((max(last - first + 1, 1) + years) * -(-parities // 4) * 4 * LANES),
        np.empty(_WORK_ROWS * LANES),
        np.empty(4 * parities * LANES),
        np.zeros((groups + 1) * LANES),
        draws,
        *(array.reshape(-1) for array in fused),
        *(array.reshape(-1) for array in full),
        diagnosis,
    )
    found = None
    if diagnosis[0] != _FINE:
        kind = ("", "emptied", "certain", "parity emptied")[int(diagnosis[0])]
        found = Diagnosis._make((kind, *diagnosis[1:6].astype(int).tolist(), float(diagnosis[6])))
    if found is not None and found.kind == "certain":
        found = found._replace(amount=found.amount / step)
    return Indicators._make((*fused, found)), tuple(full)


def _locate(found: Diagnosis, arguments: dict[str, Any]) -> Diagnosis:
    """Find the first emptied cell of the year and draw at fault, by a run that cuts.

    The fused loop only knows the lane; looking for the cell there would cost every good run.
    """
    one = dict(arguments, on_negative="cut", out=None)
    for name in ("fertility_factor", "fertility_weight", "mortality_weight", "migration_factor"):
        value = one[name]
        if value is not None and np.shape(value)[-1] > 1:
            one[name] = np.asarray(value)[..., found.draw : found.draw + 1]
    _, (women, men, _, _, moved) = _project(**one, history=True)
    y = found.year
    people = np.stack([women[y, ..., 0].sum(axis=0), men[y, :, 0]])
    factor = 1.0
    if one["migration_factor"] is not None:
        factors = np.asarray(one["migration_factor"])
        factor = float(factors[min(y, factors.shape[0] - 1), 0])
    asked = factor * np.asarray(one["migration"], dtype=np.float64)[y]
    if one["migration_kind"] != "counts":
        asked = asked * people
    if one["migration_kind"] == "totals":
        asked = asked / people.sum()
    short = moved[y, ..., 0] - asked
    sex, age = np.argwhere(short > 1e-9 * np.abs(asked).max(initial=0.0))[0]
    return found._replace(sex=int(sex), age=int(age), amount=float(short[sex, age]))


def _run_checked(history: bool, arguments: dict[str, Any]) -> tuple[Indicators, tuple[Array, ...]]:
    """Run one form and complete its diagnosis."""
    indicators, full = _project(**arguments, history=history)
    if indicators.diagnosis is not None and indicators.diagnosis.kind == "emptied":
        indicators = indicators._replace(diagnosis=_locate(indicators.diagnosis, arguments))
    return indicators, full


def project_indicators(
    women: Any,
    men: Any,
    fertility: Any,
    survival: Any,
    sex_ratio: Any,
    *,
    migration: Any = None,
    fertility_factor: Any = None,
    fertility_weight: Any = None,
    mortality_weight: Any = None,
    migration_factor: Any = None,
    migrant_parity: Any = None,
    step: float = 1.0,
    timing: Timing = "even",
    migration_kind: MigrationKind = "counts",
    on_negative: OnNegative = "raise",
    age_breaks: Any = None,
    out: dict[str, Array] | None = None,
) -> Indicators:
    """Project one region under one scenario, many draws at once, keeping indicators only.

    Y steps, A1 ages (the last open), P1 parities (the last open), K = P1 birth orders (order k
    exposes parity k - 1; the last is "and over", exposes the open state and moves nobody),
    D draws. The axis of draws of a factor may have length 1, and so may its axis of years; None
    is the neutral factor.

    Parameters
    ----------
    women : array_like
        Women by parity at the start (P1, A1) [persons].
    men : array_like
        Men at the start (A1,) [persons].
    fertility : array_like
        Conditional birth rates (Y, V, K, A1) [births per woman-year at the parity at risk], of
        V = 1 or 2 schedules. Rates of the first and last age are taken as 0.
    survival : array_like
        Ratios of survival *into* each age (Y, M, 2, A1), female and male; age 0: births to age 0,
        last age: from the two oldest. M = 1, or 3 levels low, central, high.
    sex_ratio : array_like
        Boys per girl by birth order (Y, K).
    migration : array_like, optional
        Net migrants (Y, 2, A1) [persons], rates per person at the start of the step, or totals
        (Y,) that follow the structure by sex and age of the population at the start.
    fertility_factor : array_like, optional
        Factor on ``fertility`` (Y, K, D).
    fertility_weight : array_like, optional
        Weight of the second schedule (Y, D), 0 to 1.
    mortality_weight : array_like, optional
        Position between the levels of survival (Y, D): -1 low, 0 central, 1 high.
    migration_factor : array_like, optional
        Factor on ``migration`` (Y, D).
    migrant_parity : array_like, optional
        Parity distribution of migrants (P1, A1), summing to 1. Without it, and in any cell where
        a parity does not hold its part of an outflow (unless ``on_negative="raise"``), migrants
        are spread over parities like the residents of their age; where there are none, like the
        last who lived there, at the start parity 0.
    step : float
        Years of a step = width of the age groups.
    timing : {"even", "end"}
        Half of the migrants at the start and half at the end, or all at the end.
    migration_kind : {"counts", "rates", "totals"}
        What ``migration`` holds.
    on_negative : {"raise", "cut", "un"}
        An outflow larger than a cell: reported in ``diagnosis``; cut to what is there and counted;
        or the guard of the United Nations (see Notes).
    age_breaks : array_like, optional
        Limits of the age groups reported, rising from 0 to A1; default one group.
    out : dict, optional
        Memory for the outputs, reused when shapes fit and filled when they do not.

    Returns
    -------
    Indicators

    Raises
    ------
    ValueError
        When shapes do not fit each other or an option is unknown. Values are not checked here.

    Notes
    -----
    The guard: before a step, where population + migrants <= 0, migrants become 1e-5 - population;
    after it, a negative cell becomes 0.0005. Births and deaths of the step use what stood before
    that, as in the United Nations' own code.

    References
    ----------
    Preston, Heuveline and Guillot (2001), Demography, chapter 6. United Nations Population
    Division, ccmppWPP, ``project_ccmpp_z_by_z``.
    """
    arguments = dict(locals())
    return _run_checked(False, arguments)[0]


def project_history(
    women: Any,
    men: Any,
    fertility: Any,
    survival: Any,
    sex_ratio: Any,
    *,
    migration: Any = None,
    fertility_factor: Any = None,
    fertility_weight: Any = None,
    mortality_weight: Any = None,
    migration_factor: Any = None,
    migrant_parity: Any = None,
    step: float = 1.0,
    timing: Timing = "even",
    migration_kind: MigrationKind = "counts",
    on_negative: OnNegative = "raise",
    age_breaks: Any = None,
    out: dict[str, Array] | None = None,
) -> History:
    """Project like :func:`project_indicators` and keep every age, parity and year.

    Parameters are those of :func:`project_indicators`; the year-step is the same code.

    Returns
    -------
    History
    """
    arguments = dict(locals())
    indicators, full = _run_checked(True, arguments)
    return History._make((*full, indicators))


def separation_factors(lx: Any, nLx: Any) -> Array:
    """Return the share of cohort deaths that falls into the younger age of the two.

    Parameters
    ----------
    lx : array_like
        Survivors at exact age (..., A1), last age open.
    nLx : array_like
        Person-years lived (..., A1).

    Returns
    -------
    numpy.ndarray
        ``c[x] = (nLx[x] - lx[x+1]) / (nLx[x] - nLx[x+1])`` below the last two ages,
        ``(nLx - lx[A]) / nLx`` at the last closed age, 1 at the open age; shape (..., A1).

    References
    ----------
    United Nations Population Division, ccmppWPP, deaths by age and period.

    Examples
    --------
    >>> separation_factors([1.0, 0.9, 0.5, 0.2], [0.95, 0.7, 0.35, 0.4]).round(3).tolist()
    [0.2, 0.571, 0.429, 1.0]
    """
    lx = np.asarray(lx, dtype=np.float64)
    nLx = np.asarray(nLx, dtype=np.float64)
    factors: Array = np.ones_like(nLx)
    factors[..., :-2] = (nLx[..., :-2] - lx[..., 1:-1]) / (nLx[..., :-2] - nLx[..., 1:-1])
    factors[..., -2] = (nLx[..., -2] - lx[..., -1]) / nLx[..., -2]
    return factors


def period_deaths(cohort_deaths: Any, separation: Any) -> Array:
    """Return deaths by age at death from deaths by age reached at the end of the step.

    Parameters
    ----------
    cohort_deaths : array_like
        Deaths of the cohort that reaches each age (..., A1) [persons].
    separation : array_like
        Shares that fall into the younger age (..., A1), from :func:`separation_factors`.

    Returns
    -------
    numpy.ndarray
        Deaths by age in completed years (..., A1); their sum is that of ``cohort_deaths``.

    References
    ----------
    United Nations Population Division, ccmppWPP, deaths by age and period.

    Examples
    --------
    >>> period_deaths([4.0, 2.0, 3.0, 5.0], [0.5, 0.5, 0.4, 1.0]).tolist()
    [5.0, 2.5, 3.5, 3.0]
    """
    deaths = np.asarray(cohort_deaths, dtype=np.float64)
    separation = np.asarray(separation, dtype=np.float64)
    earlier = deaths[..., 1:] * separation[..., :-1]
    result: Array = deaths.copy()
    result[..., 1:] -= earlier
    result[..., :-1] += earlier
    return result
