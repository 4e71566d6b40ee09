"""One year of ageing: migrants, survivors, migrants; one sex of one tile of draws.

Two forms give the same bits: five cohorts in one loop where nobody can be short of people, and one
cohort, each cell watched, elsewhere.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from popsim.kernels.lanes import (
    _2L,
    _3L,
    _4L,
    _ALL,
    _CELLS,
    _DEATHS,
    _DOWN,
    _INLINE,
    _JIT,
    _L,
    _MOVERS,
    _NOMINAL,
    _RATES,
    _SHORT,
    _TOTALS,
    _UN_LEFT,
    _UP,
    _0,
    _1,
    _2,
    _3,
    _4,
    _5,
)
from popsim.kernels.vectors import multiply_add


@njit(**_INLINE)
def survival_of_lane(s: float, up: float, down: float, work: Any, lane: Any, weighted: Any) -> Any:
    """Survival of a lane: between the central and the high or the low table."""
    if weighted is None:
        return s
    return multiply_add(work[_DOWN + lane], down, multiply_add(work[_UP + lane], up, s))


@njit(**_INLINE)
def movers_of_lane(moves: Any, work: Any, x: Any, lane: Any) -> Any:
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
def _needed(x: Any, s: Any, up: Any, down: Any, end: Any, limits: Any) -> Any:
    """Persons that the cohort which reaches age ``x`` must hold, so that no outflow empties it.

    A bound with a small margin, for even timing: what the lane with most outflow and least
    survival asks for.
    """
    most, least, highest, lowest = limits[0], limits[1], limits[2], limits[3]
    first = min(end[x - _1] * most, end[x - _1] * least)
    second = min(end[x] * most, end[x] * least)
    survival = s[x] + min(highest * up[x], 0.0) + min(lowest * down[x], 0.0)
    if not survival > 0.0:
        return np.inf
    return (max(-first, -second / survival - first) + 1e-9) * (1.0 + 1e-9)


@njit(**_INLINE)
def _fits(stock: Any, j: Any, x: Any, s: Any, up: Any, down: Any, end: Any, limits: Any) -> bool:
    """Whether no outflow empties the cohorts that reach ages ``x`` to ``x`` + 4, in any lane."""
    n0 = _needed(x, s, up, down, end, limits)
    n1 = _needed(x + _1, s, up, down, end, limits)
    n2 = _needed(x + _2, s, up, down, end, limits)
    n3 = _needed(x + _3, s, up, down, end, limits)
    n4 = _needed(x + _4, s, up, down, end, limits)
    few = 0
    for lane in range(_L):
        few += (
            (stock[j + lane] < n0)
            | (stock[j + _L + lane] < n1)
            | (stock[j + _2L + lane] < n2)
            | (stock[j + _3L + lane] < n3)
            | (stock[j + _4L + lane] < n4)
        )
    return few == 0


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
    survivors: Any,
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
        alive0 = survival_of_lane(s0, up0, down0, work, lane, weighted) * n0
        alive1 = survival_of_lane(s1, up1, down1, work, lane, weighted) * n1
        alive2 = survival_of_lane(s2, up2, down2, work, lane, weighted) * n2
        alive3 = survival_of_lane(s3, up3, down3, work, lane, weighted) * n3
        alive4 = survival_of_lane(s4, up4, down4, work, lane, weighted) * n4
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
        if survivors is not None:
            survivors[row + lane] = alive0
            survivors[row + _L + lane] = alive1
            survivors[row + _2L + lane] = alive2
            survivors[row + _3L + lane] = alive3
            survivors[row + _4L + lane] = alive4
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
            start0 * movers_of_lane(moves, work, x - _1, lane),
            end0 * movers_of_lane(moves, work, x, lane),
            survival_of_lane(s0, up0, down0, work, lane, weighted),
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
def age_cohorts(
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
        # Asked here, not at every lane: a store that may be none is masked there, and slow.
        expose = x + size > expose_from and x < expose_to
        if five and ((inwards and inflow[x]) or _fits(stock, j, x, s, up, down, end, limits)):
            row = g * _L if whole else last
            if expose:
                _age_five(
                    stock, j, x, s, up, down, end, work, groups, row, weighted, resident,
                    survivors, True,
                )  # fmt: skip
            else:
                _age_five(
                    stock, j, x, s, up, down, end, work, groups, row, weighted, resident,
                    survivors, False,
                )  # fmt: skip
            if not whole:
                for k in range(_5):
                    while x + k >= np.uint64(breaks[g + _1]):
                        g += _1
                    for lane in range(_L):
                        groups[g * _L + lane] += stock[j + k * _L + lane]
        else:
            size = _1
            if expose:
                _age_one(
                    stock, j, x, s, up, down, start, end, work, groups, g * _L, fill, weighted,
                    moves, resident, arrived, survivors, True, late, unguarded,
                )  # fmt: skip
            else:
                _age_one(
                    stock, j, x, s, up, down, start, end, work, groups, g * _L, fill, weighted,
                    moves, resident, arrived, survivors, False, late, unguarded,
                )  # fmt: skip
        x += size


@njit(**_JIT)
def sum_age_groups(stock: Any, i: Any, breaks: Any, groups: Any) -> None:
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
def age_open_group(
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
        asked = stock[i + _L + lane] + start[x] * movers_of_lane(moves, work, x, lane)
        oldest = fill if asked < 0.0 else asked
        asked_below = stock[i + lane] + start[x - _1] * movers_of_lane(moves, work, x - _1, lane)
        below = fill if asked_below < 0.0 else asked_below
        alive = survival_of_lane(s[x], up[x], down[x], work, lane, weighted) * (below + oldest)
        left = alive + end[x] * movers_of_lane(moves, work, x, lane)
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
def survive_newborn(
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
        alive = survival_of_lane(s[_0], up[_0], down[_0], work, lane, weighted) * born
        left = alive + end[_0] * movers_of_lane(moves, work, _0, lane)
        after = fill if left < 0.0 else left
        stock[i + lane] = after
        groups[lane] += after
        work[_DEATHS + lane] += born - alive
        work[_SHORT + lane] += after - left
        work[_CELLS + lane] += 1.0 if left < 0.0 else 0.0
        if survivors is not None:
            survivors[lane] = alive


@njit(**_JIT)
def ask_migrants(
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
