"""The cohort-component step with women by parity, for many draws at once.

One call moves one region under one scenario through all years. Draws lie innermost, in tiles of
:data:`LANES`; a tile is always full (the last one repeats its last draw), so that the arithmetic
of a draw never depends on the batch it is part of.

What is stored, and why:

- Totals by age and sex, one row of lanes a cohort. The *window* slides over the rows and the data
  never move: the cohort aged ``a`` at the start of year ``t`` of ``T`` is row ``(T - t) + a``.
- Parity as *shares* of the women of a cohort. Survival and migrants who resemble the residents
  leave shares alone, so only births touch them, and only at ages with births. Births never change
  the number of women, so the totals need no parity.

The year itself is in :mod:`popsim.kernels.year_step` and :mod:`popsim.kernels.births`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from popsim.kernels.births import (
    bear_children,
    blend_migrants,
    merge_open_shares,
    share_row,
)
from popsim.kernels.combinations import Summary, summarise
from popsim.kernels.deaths import (
    period_deaths,
    separation_factors,
)
from popsim.kernels.lanes import (
    _4L,
    _AGE_RATE,
    _ALL,
    _BIRTHS,
    _BOYS,
    _CELLS,
    _CERTAIN,
    _CUT_CELLS,
    _CUT_PERSONS,
    _DEATHS,
    _DOWN,
    _EMPTIED,
    _FACTOR,
    _FINE,
    _GIRLS,
    _JIT,
    _L,
    _MOVERS,
    _NOMINAL,
    _ORDER_ROWS,
    _PARITY_EMPTIED,
    _RAISE,
    _RATE,
    _SCHEDULE,
    _SHORT,
    _UN,
    _UN_FILL,
    _UP,
    _WORK_ROWS,
    LANES,
    _0,
    _1,
    _2,
    add_row,
    fill_row,
    load_row,
    store_row,
)
from popsim.kernels.prepared import MigrationKind, OnNegative, Prepared, Timing, prepare
from popsim.kernels.year_step import (
    age_cohorts,
    age_open_group,
    ask_migrants,
    movers_of_lane,
    sum_age_groups,
    survival_of_lane,
    survive_newborn,
)

# Digest of births.py, combinations.py, lanes.py, vectors.py and year_step.py. numba renews the
# compiled projection only when this file changes: with their digest here, an old compilation never
# outlives a change there.
PARTS = "9e039990154bd3d8"

__all__ = [
    "LANES",
    "Diagnosis",
    "History",
    "Indicators",
    "output_shapes",
    "period_deaths",
    "project_history",
    "project_indicators",
    "project_summary",
    "separation_factors",
]

Array = np.ndarray[Any, np.dtype[np.float64]]


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
            row = (now + np.uint64(a)) * _4L + share_row(k, chunk_size)
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
                1.0 - survival_of_lane(s[x], up[x], down[x], work, lane, weighted)
            ) * exposed
            factor = movers_of_lane(moves, work, x, lane)
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
    schedule_weight: Any,  # (Y or 1, D or 1), as all factors
    mixed: bool,
    fertility_factor: Any,  # (Y K or K, D or 1)
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
    rows: Any,  # outputs of one tile, of which a summary is made
    summary: Any,
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
    expose_from = (1 if traced else fertile_from, 1)
    expose_to = (ages - 1 if traced else min(fertile_to + 1, ages - 1), ages - 1 if traced else 1)

    for tile in range((draws + LANES - 1) // LANES):
        d = np.uint64(tile) * _L
        lanes = min(D - d, _L)
        if summary is None:
            width, column, written = D, d, lanes
        else:
            # One tile is held. Its width is not told the compiler: it would unroll every copy.
            width = np.uint64(resident.size) // np.uint64(ages)
            column, written = _0, width

        for sex in range(2):
            i = np.uint64(sex) * window + np.uint64(years) * _L
            for a in range(ages):
                fill_row(stock, i + np.uint64(a) * _L, base[sex, a])
            sum_age_groups(stock, i, breaks, groups)
            for g in range(G):
                out = (np.uint64(sex) * G + g) * width + column
                store_row(out_groups, out, groups, g * _L, written, _2 * G * width)
        for a in range(first, last + 1):
            i = np.uint64(years + a - first) * _4L
            for k in range(orders):
                fill_row(share, i + share_row(k, chunk_size), base_share[k, a])
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
        fill_row(work, _CUT_PERSONS, 0.0)
        fill_row(work, _CUT_CELLS, 0.0)

        for y in range(years):
            now = np.uint64(years - y)  # window row of age 0 at the start of the year
            year = np.uint64(y)
            at = year if migration_factor.shape[0] > 1 else _0
            load_row(work, _MOVERS, migration_factor, at, d, _1)
            at = year if schedule_weight.shape[0] > 1 else _0
            load_row(work, _SCHEDULE, schedule_weight, at, d, _1)
            if up_weight is not None:
                at = year if up_weight.shape[0] > 1 else _0
                load_row(work, _UP, up_weight, at, d, _1)
                for lane in range(_L):
                    weight = work[_UP + lane]
                    work[_UP + lane] = max(weight, 0.0)
                    work[_DOWN + lane] = max(-weight, 0.0)
            for k in range(orders):
                o = np.uint64(k) * _ORDER_ROWS * _L
                at = (year if fertility_factor.shape[0] > orders else _0) * K + np.uint64(k)
                load_row(order, o + _FACTOR, fertility_factor, at, d, K)
                fill_row(order, o + _BIRTHS, 0.0)
                fill_row(order, o + _RATE, 0.0)
                fill_row(order, o + _AGE_RATE, 0.0)
                # An open parity may bear several in a long step, and is not emptied by them.
                limit = step if k == orders - 1 else 2.0
                certain = 0
                for lane in range(_L):
                    certain += half_most[y, k] * order[o + _FACTOR + lane] > limit
                if certain > 0 and not unguarded:
                    _diagnose_certain(diagnosis, y, k, d, order, o, half, half_change, work, limit)
                    if diagnosis[0] != _FINE:
                        return
            if moves_women is not None:
                fill_row(work, _ALL, 0.0)
                for sex in range(2):
                    i = np.uint64(sex) * window + now * _L
                    for a in range(ages):
                        for lane in range(_L):
                            work[_ALL + lane] += stock[i + np.uint64(a) * _L + lane]

            for sex in range(2):
                moves = moves_women if sex == 0 else moves_men
                i = np.uint64(sex) * window + now * _L
                fill_row(work, _DEATHS, 0.0)
                fill_row(work, _SHORT, 0.0)
                fill_row(work, _CELLS, 0.0)
                fill_row(work, _NOMINAL, 0.0)
                if moves_women is not None:
                    ask_migrants(moves, stock, i, ages, rate[y, sex], kind, unguarded, work)
                else:
                    for lane in range(_L):
                        work[_NOMINAL + lane] = asked[y, sex] * work[_MOVERS + lane]
                if survivors is not None:
                    for j in range(np.uint64(ages) * _L):
                        before[j] = stock[i + j]

                sy, upy, downy = s[y, sex], up[y, sex], down[y, sex]
                starty, endy = start[y, sex], end[y, sex]
                for g in range(G):
                    fill_row(groups, g * _L, 0.0)
                age_cohorts(
                    stock, i, sy, upy, downy, starty, endy, inflow[y, sex], limits[y], work, groups,
                    breaks, fill, up_weight, moves, resident, arrived, survivors,
                    np.uint64(expose_from[sex]), np.uint64(expose_to[sex]), late, unguarded,
                    not watched[y],
                )  # fmt: skip
                age_open_group(
                    stock, i + (oldest - _1) * _L, oldest, sy, upy, downy, starty, endy, work,
                    fill, up_weight, moves, resident, survivors, groups, (G - _1) * _L,
                )  # fmt: skip

                if sex == 0:
                    # The cohort that arrives at the first age with parity comes at parity 0.
                    i_share = (now - _1) * _4L
                    fill_row(share, i_share, 1.0)
                    for k in range(1, orders):
                        fill_row(share, i_share + share_row(k, chunk_size), 0.0)
                    i_share = now * _4L
                    if late or unguarded:
                        there, there_from = arrived, _0
                    else:
                        there, there_from = stock, i - _L
                    if survivors is not None:  # noqa: SIM102 - alone, so that numba prunes it
                        if blending and not late:
                            for a in range(first, last + 1):
                                lane, k, amount = blend_migrants(
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
                    if not blending:
                        bear_children(
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
                        if survivors is not None:  # noqa: SIM102 - alone, so that numba prunes it
                            if blending and not late:
                                lane, k, amount = blend_migrants(
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
                            bear_children(
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
                    fill_row(work, _GIRLS, 0.0)
                    fill_row(work, _BOYS, 0.0)
                    for k in range(orders):
                        o = np.uint64(k) * _ORDER_ROWS * _L
                        for lane in range(_L):
                            births = order[o + _BIRTHS + lane]
                            girl = girls[y, k] * births
                            work[_GIRLS + lane] += girl
                            work[_BOYS + lane] += births - girl
                        out = (np.uint64(y) * K + np.uint64(k)) * width + column
                        store_row(out_births, out, order, o + _BIRTHS, written, K * width)
                        store_row(out_rate, out, order, o + _RATE, written, K * width)
                        store_row(out_age_rate, out, order, o + _AGE_RATE, written, K * width)
                    out = np.uint64(y) * np.uint64(2) * width + column
                    store_row(out_births_by_sex, out, work, _GIRLS, written, _2 * width)
                    store_row(out_births_by_sex, out + width, work, _BOYS, written, _2 * width)

                survive_newborn(
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
                    merge_open_shares(
                        share,
                        i_share + (oldest - np.uint64(first)) * _4L,
                        orders,
                        resident,
                        oldest * _L,
                        chunk_size,
                    )
                if survivors is not None:  # noqa: SIM102 - alone, so that numba prunes it
                    if sex == 0 and blending and (late or last == ages - 1):
                        for a in range(first if late else ages - 1, last + 1):
                            lane, k, amount = blend_migrants(
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
                if survivors is not None:  # noqa: SIM102 - alone, so that numba prunes it
                    if sex == 0 and blending and first == 0 and not late:
                        blend_migrants(
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
                    add_row(work, _CUT_PERSONS, _SHORT)
                    add_row(work, _CUT_CELLS, _CELLS)
                    if not unguarded:
                        add_row(work, _NOMINAL, _SHORT)
                out = (np.uint64(y) * np.uint64(2) + np.uint64(sex)) * width + column
                store_row(out_deaths, out, work, _DEATHS, written, _2 * width)
                store_row(out_migration, out, work, _NOMINAL, written, _2 * width)
                for g in range(G):
                    out = (np.uint64(y + 1) * np.uint64(2) + np.uint64(sex)) * G + g
                    out = out * width + column
                    store_row(out_groups, out, groups, g * _L, written, _2 * G * width)
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
                        store_row(out_by_age, out, by_age, row * _L, lanes, _0)
        store_row(out_cut, column, work, _CUT_PERSONS, written, width)
        store_row(out_cut, width + column, work, _CUT_CELLS, written, _0)
        if summary is not None:
            summarise(rows, width, lanes, d, summary, resident, arrived)


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


def _tile(
    out: dict[str, Array] | None, shapes: dict[str, tuple[int, ...]], summary: Summary
) -> tuple[Array, dict[str, Array]]:
    """Return the rows of a tile, flat, with space for the sums of a summary, and the outputs."""
    stops = np.cumsum([math.prod(shape) for shape in shapes.values()])
    size = int(stops[-1]) // LANES + len(summary.sums.starts) // 2
    for name in ("sums", "checks", "results"):
        told = getattr(summary, name)
        if told.rows.size and told.rows.max() >= size:
            raise ValueError(f"{name} of the summary name row {told.rows.max()} of {size}")
    rows = _space(out, "tile", (size * LANES,))
    parts = np.split(rows, stops)
    return rows, {
        name: part.reshape(shape)
        for part, (name, shape) in zip(parts, shapes.items(), strict=False)
    }


def _project(
    inputs: Prepared,
    *,
    fertility_factor: Any = None,
    fertility_weight: Any = None,
    mortality_weight: Any = None,
    migration_factor: Any = None,
    out: dict[str, Array] | None = None,
    summary: Summary | None = None,
) -> tuple[Indicators, tuple[Array, ...]]:
    """Check the factors and run; all forms come through here."""
    years, parities, ages = inputs.half.shape
    if fertility_weight is not None and inputs.schedules == 1:
        raise ValueError("fertility_weight needs fertility with 2 schedules")
    if mortality_weight is not None and inputs.levels == 1:
        raise ValueError("mortality_weight needs survival with 3 levels")
    weight = _factor("fertility_weight", fertility_weight, (years,), 0.0)
    factor = _factor("fertility_factor", fertility_factor, (years, parities), 1.0)
    movers = _factor("migration_factor", migration_factor, (years,), 1.0)
    level = (
        None
        if mortality_weight is None
        else _factor("mortality_weight", mortality_weight, (years,), 0.0)
    )
    draws = _count_draws(weight, factor, movers, *(() if level is None else (level,)))
    limits = np.empty((years, 4))
    limits[:, 0], limits[:, 1] = movers.max(axis=1), movers.min(axis=1)
    limits[:, 2] = 0.0 if level is None else level.max(axis=1).clip(min=0.0)
    limits[:, 3] = 0.0 if level is None else (-level.min(axis=1)).clip(min=0.0)
    history = inputs.history
    traced = history or inputs.spread.size > 0
    watched = np.any(limits[:, 2:] > 1.0, axis=1) | inputs.watched
    rows = ages * LANES
    groups = inputs.breaks.size - 1
    shapes = output_shapes(
        years=years,
        parities=parities,
        ages=ages,
        groups=groups,
        draws=draws if summary is None else LANES,
        history=history,
    )
    held = None
    if summary is not None:
        needed = len(summary.results.starts) // 2, summary.start + draws
        if any(have < want for have, want in zip(summary.out.shape, needed, strict=True)):
            raise ValueError(f"the summary has results {summary.out.shape}, not at least {needed}")
        held, results = _tile(out, shapes, summary)
    else:
        results = {name: _space(out, name, shape) for name, shape in shapes.items()}
    fused = [results.pop(name) for name in Indicators._fields[:-1]]
    full = list(results.values()) if history else [np.empty(0)] * (len(History._fields) - 1)
    diagnosis = np.zeros(7)
    kept = max(inputs.last - inputs.first + 1, 1)
    _run(
        inputs.base,
        inputs.base_share,
        inputs.half,
        inputs.half_change,
        inputs.half_most,
        inputs.central,
        inputs.up,
        inputs.down,
        inputs.start,
        inputs.end,
        inputs.inflow,
        limits,
        watched,
        inputs.asked,
        inputs.rate,
        inputs.girls,
        inputs.spread,
        inputs.breaks,
        weight,
        inputs.schedules == 2,
        factor.reshape(-1, factor.shape[-1]),
        level,
        movers,
        inputs.step,
        inputs.first,
        inputs.last,
        inputs.fertile_from,
        inputs.fertile_to,
        inputs.kind,
        inputs.on_negative,
        inputs.late,
        np.empty(rows) if inputs.cellwise else None,
        np.empty(rows) if inputs.cellwise else None,
        np.empty(rows),
        np.empty(rows),
        np.empty(rows) if traced else None,
        np.empty(rows) if traced else None,
        np.zeros(parities * rows) if history else None,  # ages with births are set every year
        np.empty(2 * (ages + years) * LANES),
        np.zeros((kept + years) * -(-parities // 4) * 4 * LANES),
        np.empty(_WORK_ROWS * LANES),
        np.empty(4 * parities * LANES),
        np.zeros((groups + 1) * LANES),
        draws,
        *(array.reshape(-1) for array in fused),
        *(array.reshape(-1) for array in full),
        held,
        summary,
        diagnosis,
    )
    found = None
    if diagnosis[0] != _FINE:
        kind = ("", "emptied", "certain", "parity emptied")[int(diagnosis[0])]
        found = Diagnosis._make((kind, *diagnosis[1:6].astype(int).tolist(), float(diagnosis[6])))
    if found is not None and found.kind == "certain":
        found = found._replace(amount=found.amount / inputs.step)
    return Indicators._make((*fused, found)), tuple(full)


_BY_DRAW = ("fertility_factor", "fertility_weight", "mortality_weight", "migration_factor")


def _locate(found: Diagnosis, arguments: dict[str, Any]) -> Diagnosis:
    """Find the first emptied cell of the year and draw at fault, by a run that cuts.

    The fused loop only knows the lane; looking for the cell there would cost every good run.
    """
    one = dict(arguments, on_negative="cut", out=None)
    for name in _BY_DRAW:
        value = one[name]
        if value is not None and np.shape(value)[-1] > 1:
            one[name] = np.asarray(value)[..., found.draw : found.draw + 1]
    _, (women, men, _, _, moved) = _run_once(True, one)
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


def _run_once(history: bool, arguments: dict[str, Any]) -> tuple[Indicators, tuple[Array, ...]]:
    """Lay out all arguments and run one form."""
    by_draw = {name: arguments[name] for name in (*_BY_DRAW, "out")}
    others = {name: value for name, value in arguments.items() if name not in by_draw}
    return _project(prepare(**others, history=history), **by_draw)


def _run_checked(history: bool, arguments: dict[str, Any]) -> tuple[Indicators, tuple[Array, ...]]:
    """Run one form and complete its diagnosis."""
    indicators, full = _run_once(history, arguments)
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
    that, as in the United Nations' own code. Under it any birth rate is taken, however high:
    parities may then be negative, births and populations are still right.

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


def project_summary(
    inputs: Prepared,
    summary: Summary,
    *,
    fertility_factor: Any = None,
    fertility_weight: Any = None,
    mortality_weight: Any = None,
    migration_factor: Any = None,
    out: dict[str, Array] | None = None,
) -> Diagnosis | None:
    """Project like :func:`project_indicators`, keeping only what is made of each tile's rows.

    The outputs of a tile of draws stay in the nearest caches and are summarised there.

    Parameters
    ----------
    inputs : Prepared
        Laid out once for as many runs as share them.
    summary : Summary
        Rows are the outputs in the order of :class:`Indicators`, each with all its own dimensions,
        then the summary's sums. Its ``largest`` and ``out`` are filled.
    fertility_factor, fertility_weight, mortality_weight, migration_factor : array_like, optional
        As of :func:`project_indicators`.
    out : dict, optional
        Memory for a tile, reused when its shape fits.

    Returns
    -------
    Diagnosis or None
        The first impossible input, the results are then incomplete; of a cell that is emptied only
        the year, the sex and the draw.

    Raises
    ------
    ValueError
        When shapes of factors, or the summary and its results, do not fit.
    """
    return _project(
        inputs,
        fertility_factor=fertility_factor,
        fertility_weight=fertility_weight,
        mortality_weight=mortality_weight,
        migration_factor=migration_factor,
        out=out,
        summary=summary,
    )[0].diagnosis
