"""Net migration of regions: what two censuses leave unexplained, and what of it comes again.

A cohort of a region that grew more, or shrank less, than deaths and the nation's errors of
coverage say has gained migrants. Two numbers, fixed beforehand, carry that over to the next decade:

``target = (B + ρ G) exp(-θ C)``

B are the cohort's survivors. G is the net migration of the age group in the decade before: gains
as the same share of the nation's people of that age, who are the ones that can come; losses as
the same rate of the region's own, who are the ones that can leave. C is the logarithm of what
this very cohort gained in the decade before. ρ = 3/4: a flow is made again by the next cohort, at
least by half and at most wholly. θ = 1/4: of what a cohort gained, none to half was for a time
only (students, first jobs, people counted twice) and goes back. Each is the middle of its range.
From 70 on the residual is mostly a region's own registration of deaths, which lasts: ρ = 1, θ = 0.
From 90 on counts are thin and nothing is carried over.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.demography.migration import annual_schedule
from popsim.demography.two_censuses.ages import DECADE, FIVES, fives
from popsim.demography.two_censuses.survival import OLD

__all__ = ["PERSISTENCE", "RETURN", "Moves", "moves_between", "moves_to_come", "yearly_moves"]

Array = NDArray[np.float64]

#: ρ, share of a flow that is made again.
PERSISTENCE = 0.75
#: θ, share of what a cohort gained that goes back.
RETURN = 0.25
_STEP = DECADE // 5
_FIRST_OLD = int(np.flatnonzero(FIVES == OLD + DECADE)[0])
_THIN = int(np.flatnonzero(FIVES == 90)[0])
#: Weight of smoothness when ten-year totals are laid out over single ages.
SMOOTHING = 10.0
#: Ages of the mothers of children now under 5 and now 5-9 [years].
_MOTHERS = (slice(15, 45), slice(20, 50))
#: Share of ten years in which children of these ages could move with their mothers.
_EXPOSED = (0.25, 0.75)
_ROUNDS = 200
_CLOSE = 1e-9


class Moves(NamedTuple):
    """Net migration of a decade, by age at its end.

    Attributes
    ----------
    net : numpy.ndarray (region, sex, five)
        Net migrants [persons]; 0 below 10 and from 90 on.
    log_change : numpy.ndarray (region, sex, five)
        Logarithm of the cohort over what it would have been without them.
    """

    net: Array
    log_change: Array


def moves_between(expected: Array, counted: Array) -> Moves:
    """Return net migration between two censuses, by what is expected without it and was counted.

    Parameters
    ----------
    expected, counted : numpy.ndarray (region, sex, five)
        Both with the errors of coverage taken out [persons]. A group that is empty in either is
        taken to have had no migration.

    Examples
    --------
    >>> expected, counted = np.full((1, 1, 21), 100.0), np.full((1, 1, 21), 110.0)
    >>> moves_between(expected, counted).net[0, 0, [1, 2, 17, 18]]
    array([ 0., 10., 10.,  0.])
    """
    used = (expected > 0) & (counted > 0)
    used[..., :_STEP] = used[..., _THIN:] = False
    net = np.where(used, counted - expected, 0.0)
    ratio = np.divide(counted, expected, out=np.ones_like(counted), where=used)
    return Moves(net, np.log(ratio))


def moves_to_come(
    before: Moves,
    nation: Array,
    survivors: Array,
    nation_survivors: Array,
    *,
    persistence: float = PERSISTENCE,
    returning: float = RETURN,
) -> Moves:
    """Return net migration of the next decade from that of the decade before.

    Parameters
    ----------
    before : Moves
        Of the decade before.
    nation, nation_survivors : numpy.ndarray (sex, five)
        The nation's population at the end of that decade and of the next [persons].
    survivors : numpy.ndarray (region, sex, five)
        The regions' people at the end of the next decade if nobody moves [persons].
    persistence, returning : float
        ρ and θ.

    Examples
    --------
    >>> people = np.full((1, 21), 1000.0)
    >>> before = moves_between(people[None], np.full((1, 1, 21), 1100.0))
    >>> come = moves_to_come(before, people, people[None], people)
    >>> come.net[0, 0, [2, 4, 14]].round(1)
    array([ 75. ,  49.7, 100. ])
    """
    groups = before.net.shape[-1]
    again, back = np.full(groups, persistence), np.full(groups, returning)
    again[_FIRST_OLD:], back[_FIRST_OLD:] = 1.0, 0.0
    share = np.divide(before.net, nation, out=np.zeros_like(before.net), where=nation > 0)
    gains = np.where(
        before.net > 0, share * nation_survivors, np.expm1(before.log_change) * survivors
    )
    cohort = np.zeros_like(before.log_change)
    cohort[..., _STEP:] = before.log_change[..., :-_STEP]
    target = (survivors + again * gains) * np.exp(-back * cohort)
    return moves_between(survivors, target)


def yearly_moves(come: Moves, people: Array, alive: Array, survival: Array) -> Array:
    """Lay net migration of ten years out over years and single ages.

    One smooth schedule for all ten years
    (:func:`~popsim.demography.migration.annual_schedule`), then each cohort's remainder in
    equal parts over the years in which it moves, until every five-year group below 90 has its
    total. Nobody moves from 90 on: the few who are there could be fewer than those to leave.
    Children born meanwhile follow the women by the children per woman at the start.

    Parameters
    ----------
    come : Moves
        Of one region (sex, five).
    people : numpy.ndarray (sex, age)
        At the start [persons].
    alive : numpy.ndarray (sex, age)
        Their survivors by age at the end [persons].
    survival : numpy.ndarray (year, sex, age)
        Annual survival ratios of the ten years [1].

    Returns
    -------
    numpy.ndarray (year, sex, age)
        Net migrants, of whom half come at the start and half at the end of the year [persons].
    """
    weight, totals = alive.copy(), come.net.copy()
    women = _spread(come.net, alive)[0]
    for group, (mothers, exposed) in enumerate(zip(_MOTHERS, _EXPOSED, strict=True)):
        children = slice(5 * group, 5 * group + 5)
        weight[:, children] = people[:, children]
        per_woman = people[:, children].sum(axis=1) / people[0, mothers].sum()
        totals[:, group] = exposed * per_woman * women[mothers].sum()
    residual = _spread(totals, weight)
    schedule = annual_schedule(
        residual,
        survival.transpose(1, 0, 2),
        years=DECADE,
        smoothing=SMOOTHING,
        survival_by_year=True,
    ).net
    net = np.broadcast_to(schedule, survival.shape).copy()
    net[..., FIVES[_THIN] :] = 0.0
    close = _CLOSE * max(float(np.abs(totals).sum()), 1.0)
    for _ in range(_ROUNDS):
        missing = totals - fives(_gained(net, survival))
        missing[:, _THIN:] = 0.0
        if np.abs(missing).max() <= close:
            break
        _add_along_cohorts(net, _spread(missing, weight) / DECADE)
    return net


def _spread(totals: Array, weight: Array) -> Array:
    """Spread totals by five-year group (sex, five) over single ages in proportion to a weight."""
    sums = np.repeat(fives(weight), 5, axis=-1)[..., : weight.shape[-1]]
    share = np.divide(weight, sums, out=np.zeros_like(weight), where=sums > 0)
    return np.repeat(totals, 5, axis=-1)[..., : weight.shape[-1]] * share


def _gained(net: Array, survival: Array) -> Array:
    """Return who is there at the end of those that moved (sex, age)."""
    there = np.zeros(net.shape[1:])
    for moved, alive in zip(net, survival, strict=True):
        there = there + moved / 2
        older = np.zeros_like(there)
        older[:, 1:] = there[:, :-1]
        older[:, -1] += there[:, -1]
        there = older * alive + moved / 2
    return there


def _add_along_cohorts(net: Array, yearly: Array) -> None:
    """Add a yearly number to the ages that each cohort has in each year, by age at the end."""
    last = net.shape[-1] - 1
    for year in range(DECADE):
        for passed, part in ((DECADE - year, 0.5), (DECADE - year - 1, 0.5)):
            net[year, :, : last + 1 - passed] += part * yearly[:, passed:]
