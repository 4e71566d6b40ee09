"""Births of one year and the parity of women: order by order, half a year at a time.

In terms of shares ``p`` of the women of a cohort the step of order k over half a year is, with
``r`` from ``h / 2 / (1 + h / 4)`` (open order: ``h / 2``)::

    b_k  = r_k (p[k-1] + b_{k-1} / 2)        births per woman of that age
    p[k] = p[k] + b_k - b_{k+1}              the open state only gains

which is "One year, exactly" of ``docs/model.md`` divided by the women of that age. The second half
of a year uses the rates of the age then reached, the first half those of the age at the start; both
are the rates of the same year, so ``r`` is computed once per year, age and order and used for those
who arrive at the age and for those who are there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from popsim.kernels.lanes import (
    _2L,
    _3L,
    _4L,
    _8L,
    _AGE_RATE,
    _ARRIVED,
    _ARRIVED_SHARE,
    _BIRTHS,
    _FACTOR,
    _FIRST,
    _INLINE,
    _JIT,
    _L,
    _ORDER_L,
    _RATE,
    _RESIDENT,
    _RESIDENT_SHARE,
    _SCHEDULE,
    _SECOND,
    LANES,
    _0,
    _1,
    _2,
    _3,
    _4,
    multiply_add,
)


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
    return (multiply_add(mix, change, h) if mixed else h) * f


@njit(**_INLINE)
def _bear_four(
    w0: float, w1: float, w2: float, w3: float, r0: float, r1: float, r2: float, r3: float
) -> Any:
    """Half a year of births: four shares and rates give births per woman and the shares after."""
    b0 = r0 * w0
    b1 = r1 * multiply_add(0.5, b0, w1)
    b2 = r2 * multiply_add(0.5, b1, w2)
    b3 = r3 * multiply_add(0.5, b2, w3)
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
    d0, d1, d2 = multiply_add(0.5, x0, 1.0), multiply_add(0.5, x1, 1.0), multiply_add(0.5, x2, 1.0)
    mean = 0.5 * (here + there)
    r0, r1, r2 = x0 / d0, x1 / d1, x2 / d2
    inverse = 1.0 / mean if mean > 0.0 else 0.0  # no women, no rate
    s0, s1, s2, s3, p0, p1, p2, p3 = _bear_four(p0, p1, p2, p3, r0, r1, r2, x3)
    f0, f1, f2, f3, q0, q1, q2, q3 = _bear_four(q0, q1, q2, q3, r0, r1, r2, x3)
    return (
        multiply_add(there, s0, here * f0), multiply_add(there, s1, here * f1),
        multiply_add(there, s2, here * f2), multiply_add(there, s3, here * f3),
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
            multiply_add(n0, inverse, g0), multiply_add(n1, inverse, g1),
            multiply_add(n2, inverse, g2), multiply_add(n3, inverse, g3),
        )  # fmt: skip
        order[_RATE + lane] += f0
        order[_ORDER_L + _RATE + lane] += f1
        order[_2 * _ORDER_L + _RATE + lane] += f2
        order[_3 * _ORDER_L + _RATE + lane] += f3
        order[_AGE_RATE + lane] += multiply_add(low, f0, step * g0)
        order[_ORDER_L + _AGE_RATE + lane] += multiply_add(low, f1, step * g1)
        order[_2 * _ORDER_L + _AGE_RATE + lane] += multiply_add(low, f2, step * g2)
        order[_3 * _ORDER_L + _AGE_RATE + lane] += multiply_add(low, f3, step * g3)


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
        order[_AGE_RATE + lane] += 2.0 * multiply_add(middle, rate, step * later)


@njit(**_JIT)
def bear_children(
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
                share, below + share_row(k, chunk_size), order, np.uint64(k) * _ORDER_L, work,
                half[k, a], change[k, a], 0.0 if k + 1 == orders else 1.0, middle, by_age,
                at + np.uint64(k) * _L,
            )  # fmt: skip
        a += 1


@njit(**_INLINE)
def share_row(k: int, chunk_size: Any) -> Any:
    """Return the offset of a parity among the shares: four lie together, then the next four."""
    return np.uint64(k // 4) * chunk_size + np.uint64(k % 4) * _L


@njit(**_JIT)
def blend_migrants(
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
            left = share[i + share_row(k, chunk_size) + u] * was + spread[k, age] * (now - was)
            if left < 0.0:
                bearable = False
                if failed == LANES:
                    failed, failed_parity, failed_amount = lane, k, -left
        if bearable:
            for k in range(parities):
                at = i + share_row(k, chunk_size) + u
                share[at] = (share[at] * was + spread[k, age] * (now - was)) / now
    return failed, failed_parity, failed_amount


@njit(**_JIT)
def merge_open_shares(
    share: Any, i: Any, orders: int, resident: Any, j: Any, chunk_size: Any
) -> None:
    """Merge the shares of the two oldest cohorts, weighted by their women, into the younger row."""
    for lane in range(_L):
        below, oldest = resident[j - _L + lane], resident[j + lane]
        women = below + oldest
        weight = oldest / women if women > 0.0 else 0.0
        for k in range(orders):
            at = i + share_row(k, chunk_size) + lane
            share[at - _4L] += weight * (share[at] - share[at - _4L])
