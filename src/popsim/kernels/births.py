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
)
from popsim.kernels.vectors import (
    WIDTH,
    load,
    multiply_add,
    over_positive,
    spread,
    store,
)

_WIDTH = np.uint64(WIDTH)


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
def _bear_four(w0: Any, w1: Any, w2: Any, w3: Any, c0: Any, c1: Any, c2: Any, c3: Any) -> Any:
    """Half a year of births: four shares and rates give half the births, and the shares after."""
    b0 = c0 * w0
    b1 = c1 * (w1 + b0)
    b2 = c2 * (w2 + b1)
    b3 = c3 * (w3 + b2)
    moved1, moved2 = b0 - b1, b1 - b2
    return (
        b0, b1, b2, b3,
        multiply_add(spread(-2.0), b0, w0), w1 + (moved1 + moved1),
        w2 + (moved2 + moved2), multiply_add(spread(2.0), b2, w3),
    )  # fmt: skip


@njit(**_INLINE)
def _rate(h: Any, change: Any, f: Any, mix: Any, mixed: bool) -> Any:
    """Rate of one order, of a lane or a vector: schedules mixed, times the factor."""
    return (multiply_add(mix, change, h) if mixed else h) * f


@njit(**_INLINE)
def _births_of_four_orders(
    share: Any,
    i: Any,
    first: Any,
    stop: Any,
    order: Any,
    work: Any,
    resident: Any,
    arrived: Any,
    arrived_from: Any,
    half: Any,
    change: Any,
    mixed: bool,
    step: float,
    by_age: Any,
) -> None:
    """Bear the children of mothers aged ``first`` to ``stop`` - 1, four orders, the last one open.

    ``i`` is the share row of those who arrive at the first age; the next is of those who live there
    and arrive at the age after it. Births are counted by halves, which changes no bit: a product
    with 2 or 1/2 is exact, and what would be a product of the equations is a sum, for which the
    processor has units of their own.
    """
    one, two = spread(1.0), spread(2.0)
    for lane in range(_0, _L, _WIDTH):
        # Half the factors, so that rates are half those of half a year.
        k0 = load(order, _FACTOR + lane) / two
        k1 = load(order, _1 * _ORDER_L + _FACTOR + lane) / two
        k2 = load(order, _2 * _ORDER_L + _FACTOR + lane) / two
        k3 = load(order, _3 * _ORDER_L + _FACTOR + lane) / two
        mix = load(work, _SCHEDULE + lane)
        born0 = load(order, _BIRTHS + lane)
        born1 = load(order, _1 * _ORDER_L + _BIRTHS + lane)
        born2 = load(order, _2 * _ORDER_L + _BIRTHS + lane)
        born3 = load(order, _3 * _ORDER_L + _BIRTHS + lane)
        rate0 = load(order, _RATE + lane)
        rate1 = load(order, _1 * _ORDER_L + _RATE + lane)
        rate2 = load(order, _2 * _ORDER_L + _RATE + lane)
        rate3 = load(order, _3 * _ORDER_L + _RATE + lane)
        aged0 = load(order, _AGE_RATE + lane)
        aged1 = load(order, _1 * _ORDER_L + _AGE_RATE + lane)
        aged2 = load(order, _2 * _ORDER_L + _AGE_RATE + lane)
        aged3 = load(order, _3 * _ORDER_L + _AGE_RATE + lane)
        at = i + lane
        p0, p1 = load(share, at), load(share, at + _L)
        p2, p3 = load(share, at + _2L), load(share, at + _3L)
        middle = spread((first + 0.5) * step)
        for a in range(first, stop):
            row = a * _L + lane
            here, there = load(resident, row), load(arrived, arrived_from + row)
            y0 = _rate(spread(half[_0, a]), spread(change[_0, a]), k0, mix, mixed)
            y1 = _rate(spread(half[_1, a]), spread(change[_1, a]), k1, mix, mixed)
            y2 = _rate(spread(half[_2, a]), spread(change[_2, a]), k2, mix, mixed)
            y3 = _rate(spread(half[_3, a]), spread(change[_3, a]), k3, mix, mixed)
            c0, c1, c2 = y0 / (one + y0), y1 / (one + y1), y2 / (one + y2)
            inverse = over_positive(2.0, here + there)  # no women, no rate
            q0, q1 = load(share, at + _4L), load(share, at + _4L + _L)
            q2, q3 = load(share, at + _4L + _2L), load(share, at + _4L + _3L)
            s0, s1, s2, s3, p0, p1, p2, p3 = _bear_four(p0, p1, p2, p3, c0, c1, c2, y3)
            store(share, at, p0)
            store(share, at + _L, p1)
            store(share, at + _2L, p2)
            store(share, at + _3L, p3)
            f0, f1, f2, f3, p0, p1, p2, p3 = _bear_four(q0, q1, q2, q3, c0, c1, c2, y3)
            here, there = here + here, there + there
            n0 = multiply_add(there, s0, here * f0)
            n1 = multiply_add(there, s1, here * f1)
            n2 = multiply_add(there, s2, here * f2)
            n3 = multiply_add(there, s3, here * f3)
            if by_age is not None:
                out = a * _4L + lane
                store(by_age, out, n0)
                store(by_age, out + _L, n1)
                store(by_age, out + _2L, n2)
                store(by_age, out + _3L, n3)
            born0, born1, born2, born3 = born0 + n0, born1 + n1, born2 + n2, born3 + n3
            rate0 = multiply_add(n0, inverse, rate0)
            rate1 = multiply_add(n1, inverse, rate1)
            rate2 = multiply_add(n2, inverse, rate2)
            rate3 = multiply_add(n3, inverse, rate3)
            weight = inverse * middle
            aged0 = multiply_add(n0, weight, aged0)
            aged1 = multiply_add(n1, weight, aged1)
            aged2 = multiply_add(n2, weight, aged2)
            aged3 = multiply_add(n3, weight, aged3)
            middle = middle + spread(step)
            at += _4L
        store(share, at, p0)
        store(share, at + _L, p1)
        store(share, at + _2L, p2)
        store(share, at + _3L, p3)
        store(order, _BIRTHS + lane, born0)
        store(order, _1 * _ORDER_L + _BIRTHS + lane, born1)
        store(order, _2 * _ORDER_L + _BIRTHS + lane, born2)
        store(order, _3 * _ORDER_L + _BIRTHS + lane, born3)
        store(order, _RATE + lane, rate0)
        store(order, _1 * _ORDER_L + _RATE + lane, rate1)
        store(order, _2 * _ORDER_L + _RATE + lane, rate2)
        store(order, _3 * _ORDER_L + _RATE + lane, rate3)
        store(order, _AGE_RATE + lane, aged0)
        store(order, _1 * _ORDER_L + _AGE_RATE + lane, aged1)
        store(order, _2 * _ORDER_L + _AGE_RATE + lane, aged2)
        store(order, _3 * _ORDER_L + _AGE_RATE + lane, aged3)


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
    if orders == 4:
        below = i + np.uint64(start_age - first_age) * _4L - _4L
        # Two loops, because one would ask at every age.
        if mixed:
            _births_of_four_orders(
                share, below, np.uint64(start_age), np.uint64(stop_age), order, work, resident,
                arrived, arrived_from, half, change, True, step, by_age,
            )  # fmt: skip
        else:
            _births_of_four_orders(
                share, below, np.uint64(start_age), np.uint64(stop_age), order, work, resident,
                arrived, arrived_from, half, change, False, step, by_age,
            )  # fmt: skip
        return
    a = start_age
    while a < stop_age:
        row = np.uint64(a) * _L
        # Those who arrive at the age lie a row before those who live there.
        below = i + np.uint64(a - first_age) * _4L - _4L
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
