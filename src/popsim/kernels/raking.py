"""Raking of regional flows to those of a parent, and the parent's flows by half-year.

A chance (of dying, of a birth) is multiplied by one factor for all regions and is at most 1, so
that a raked flow is never more than the people there; the parent's flow can be met whenever the
regions hold enough people. Signed flows are raked by the plus-minus method.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "BIRTHS",
    "MIGRANTS",
    "PARITY",
    "CannotMeetError",
    "Factors",
    "Targets",
    "fertile_ages",
    "parent_targets",
    "parity_shares",
    "rake_chances",
    "rake_migrants",
    "rake_parity",
    "rake_shares",
]

Array = np.ndarray[Any, np.dtype[np.float64]]

BIRTHS, MIGRANTS, PARITY = "births", "migrants", "parity"
_ROUNDING = 1e-9
# Shares by parity are raked to rounding; what is not met then is told.
_TIGHT, _NEAR, _ROUNDS = 1e-14, 1e-12, 500


class CannotMeetError(Exception):
    """A flow that the regions cannot have.

    Parameters
    ----------
    kind : str
        What: "outflow", "births", "deaths", "girls", "migrants" or "parity".
    region : int
        Position of the region; -1 for all regions together.
    row : int
        Position of the sex, the order or the parity.
    age : int
        Age; -1 for all ages together.
    draw : int
        Position of the draw.
    wanted, there : float
        Persons asked for and to be had.
    """

    def __init__(
        self, kind: str, region: int, row: int, age: int, draw: int, wanted: float, there: float
    ) -> None:
        self.kind, self.region, self.row, self.age, self.draw = kind, region, row, age, draw
        self.wanted, self.there = wanted, there
        super().__init__(kind)


class Targets(NamedTuple):
    """Flows of a parent in one year, draws last; None is not controlled.

    Parameters
    ----------
    births : numpy.ndarray or None
        By half-year, order and age of mother (2, K, A, D) [births].
    births_by_order : numpy.ndarray or None
        Of the year (K, D) [births], instead of ``births``.
    girls : numpy.ndarray or None
        Girls born (D,) [births].
    deaths : numpy.ndarray or None
        By sex and age reached (2, A, D) [deaths].
    migrants : numpy.ndarray or None
        Net migrants by sex and age (2, A, D) [persons].
    how : str
        "cell": plus-minus by sex and age; "total": plus-minus on the sum; "population": what is
        missing is spread like the residents of the cell.
    women : numpy.ndarray or None
        Women by parity at the two moments of the year when they are raked (2, P, A, D) [persons].
    """

    births: Array | None
    births_by_order: Array | None
    girls: Array | None
    deaths: Array | None
    migrants: Array | None
    how: str
    women: Array | None


class Factors(NamedTuple):
    """Raking factors of one year, draws last; None is not raked.

    Parameters
    ----------
    births : numpy.ndarray or None
        On the chance of a birth in a half-year (2, K, A, D) [1].
    girls : numpy.ndarray or None
        On the share of girls (D,) [1].
    deaths : numpy.ndarray or None
        On the chance of dying (2, A, D) [1].
    migrants : numpy.ndarray or None
        On in-flows and on out-flows (2, 2, A, D) [1].
    migrant_rate : numpy.ndarray or None
        Net migrants added per resident of 1 January (2, A, D) [year-1].
    parity : numpy.ndarray or None
        On the shares by parity, before they are made to add up, at two moments (2, P, A, D) [1].
    """

    births: Array | None
    girls: Array | None
    deaths: Array | None
    migrants: Array | None
    migrant_rate: Array | None
    parity: Array | None

    @classmethod
    def ones(
        cls, orders: int, ages: int, draws: int, targets: Targets | None, given: Factors | None
    ) -> Factors:
        """Return the factors given, or room for those that the targets ask for."""
        if given is not None:
            return given
        if targets is None:
            return cls(None, None, None, None, None, None)

        def room(wanted: Any, *shape: int) -> Array | None:
            return None if wanted is None else np.ones((*shape, draws))

        births = targets.births_by_order if targets.births is None else targets.births
        plus_minus = None if targets.how == "population" else targets.migrants
        spread = targets.migrants if targets.how == "population" else None
        rate = room(spread, 2, ages)
        return cls(
            room(births, 2, orders, ages),
            room(targets.girls),
            room(targets.deaths, 2, ages),
            room(plus_minus, 2, 2, ages),
            None if rate is None else 0 * rate,
            room(targets.women, 2, orders, ages),
        )


def rake_chances(at_risk: Array, chance: Array, target: Array) -> tuple[Array, Any]:
    """Find the factor c with ``sum_r at_risk_r min(1, c chance_r) = target``.

    Parameters
    ----------
    at_risk : numpy.ndarray
        People (R, ...) [persons].
    chance : numpy.ndarray
        Their chances (R, ...), or of length 1 where they do not differ [1].
    target : numpy.ndarray
        What is wanted (...) [persons].

    Returns
    -------
    factor : numpy.ndarray
        c (...) [1]; 1 where nobody has a chance and nothing is wanted.
    missed : tuple or None
        Position in (...) of the first target out of reach, what is wanted and what is there.

    Examples
    --------
    The chance of the first region reaches 1; the second takes what is missing:

    >>> at_risk, chance = np.array([[10.0], [10.0]]), np.array([[0.8], [0.2]])
    >>> factor, missed = rake_chances(at_risk, chance, np.array([16.0]))
    >>> factor, missed
    (array([3.]), None)
    """
    at_risk, chance = np.broadcast_arrays(at_risk, chance)
    target = np.broadcast_to(target, at_risk.shape[1:])
    expected = at_risk * chance
    total = expected.sum(axis=0)
    factor = np.divide(target, total, out=np.ones_like(total), where=total > 0)
    sure = chance * factor > 1
    if sure.any():
        for _ in range(len(at_risk)):
            free = np.where(sure, 0.0, expected).sum(axis=0)
            left = target - np.where(sure, at_risk, 0.0).sum(axis=0)
            np.divide(left, free, out=factor, where=free > 0)
            more = sure | (chance * factor > 1)
            if (more == sure).all():
                break
            sure = more
        # Where everybody with a chance has reached 1, any larger factor means the same.
        smallest = np.where(expected > 0, chance, np.inf).min(axis=0)
        full = np.where(expected > 0, sure, True).all(axis=0) & (total > 0)
        factor = np.where(full, 1 / smallest, factor)
    there = np.where(expected > 0, at_risk, 0.0).sum(axis=0)
    wrong = target - there > _ROUNDING * np.maximum(target, 1.0)
    if not wrong.any():
        return factor, None
    first = tuple(int(i) for i in np.argwhere(wrong)[0])
    return factor, (*first, float(target[first]), float(there[first]))


def rake_migrants(
    asked: Array | None,
    people: Array,
    targets: Targets | None,
    given: Factors | None,
    factors: Factors,
) -> Array | None:
    """Return net migrants from outside (R, 2, A, D) raked; the factors found are put in place."""
    if factors.migrants is None and factors.migrant_rate is None:
        return asked
    asked = np.zeros_like(people) if asked is None else asked
    if factors.migrant_rate is not None:
        rate = factors.migrant_rate
        if given is None:
            assert targets is not None
            assert targets.migrants is not None
            missing = targets.migrants - asked.sum(axis=0)
            residents = people.sum(axis=0)
            _check_migrants(missing, residents > 0, targets.migrants)
            rate[:] = np.divide(
                missing, residents, out=np.zeros_like(residents), where=residents > 0
            )
        return asked + rate * people
    plus, minus = np.maximum(asked, 0.0), np.maximum(-asked, 0.0)
    assert factors.migrants is not None
    if given is None:
        assert targets is not None
        assert targets.migrants is not None
        wanted, gain, loss = targets.migrants, plus.sum(axis=0), minus.sum(axis=0)
        if targets.how == "total":
            wanted, gain, loss = (
                flow.sum(axis=(0, 1), keepdims=True) for flow in (wanted, gain, loss)
            )
        possible = np.where(wanted > 0, gain > 0, loss > 0)
        _check_migrants(wanted, possible, wanted, every=targets.how == "total")
        factors.migrants[:] = _plus_minus(wanted, gain, loss)
    raked: Array = factors.migrants[0] * plus - factors.migrants[1] * minus
    return raked


def _check_migrants(missing: Array, possible: Any, wanted: Array, every: bool = False) -> None:
    wrong = (np.abs(missing) > _ROUNDING) & ~possible
    if wrong.any():
        s, a, d = (int(v) for v in np.argwhere(wrong)[0])
        amount = float(np.broadcast_to(wanted, wrong.shape)[s, a, d])
        raise CannotMeetError(MIGRANTS, -1, -1 if every else s, -1 if every else a, d, amount, 0.0)


def _plus_minus(wanted: Array, gain: Array, loss: Array) -> Array:
    """Return k and 1 / k of ``k gain - loss / k = wanted``, each in the form without cancelling."""
    root = np.sqrt(wanted**2 + 4 * gain * loss)
    nothing = (gain == 0) & (loss == 0)
    large = np.abs(wanted) + root
    up = np.divide(large, 2 * gain, out=np.zeros_like(root), where=(wanted >= 0) & (gain > 0))
    down = np.divide(large, 2 * loss, out=np.zeros_like(root), where=(wanted < 0) & (loss > 0))
    k = np.where(wanted >= 0, up, np.divide(1, down, out=np.zeros_like(down), where=down > 0))
    inverse = np.where(wanted >= 0, np.divide(1, up, out=np.zeros_like(up), where=up > 0), down)
    return np.where(nothing, 1.0, np.stack(np.broadcast_arrays(k, inverse)))


def rake_shares(people: Array, shares: Array, target: Array) -> tuple[Array, Array]:
    """Make shares by parity meet totals by iterative proportional fitting.

    Parameters
    ----------
    people : numpy.ndarray
        Women (R, A, D) [persons].
    shares : numpy.ndarray
        Their shares by parity (R, P, A, D) [1], changed in place.
    target : numpy.ndarray
        Women by parity of all regions together (P, A, D) [persons].

    Returns
    -------
    factor : numpy.ndarray
        v (P, A, D): shares are now proportional to v times what they were [1].
    missed : numpy.ndarray
        What is still missing (P, A, D) [persons].
    """
    total = np.maximum(target.sum(axis=0), 1.0)
    factor = np.ones(np.broadcast_shapes(target.shape, shares.shape[1:]))
    raked = shares.copy()
    best = np.full(factor.shape[1:], np.inf)
    going = np.ones(factor.shape[1:], dtype=bool)
    for _ in range(_ROUNDS):
        found = (people[:, None] * raked).sum(axis=0)
        missed = target - found
        worst = np.abs(missed).max(axis=0) / total
        # Each cell stops by itself, so that no draw depends on those beside it.
        going &= (worst > _TIGHT) & ((worst > _NEAR) | (worst < best))
        if not going.any():
            break
        best = worst
        change = np.divide(target, found, out=np.ones_like(found), where=(found > 0) & going)
        factor *= change
        moved = raked * change
        raked = np.where(going, moved / moved.sum(axis=1, keepdims=True), raked)
    shares[:] = raked
    return factor, missed


def rake_parity(
    women: Array,
    shares: Array,
    moment: int,
    targets: Targets | None,
    given: Factors | None,
    factors: Factors,
) -> None:
    """Rake shares by parity (R, P, A, D) in place, at ages from 1; newborn have no children."""
    if factors.parity is None:
        return
    if given is not None:
        shares *= factors.parity[moment]
        shares /= shares.sum(axis=1, keepdims=True)
        return
    assert targets is not None
    assert targets.women is not None
    target = targets.women[moment]
    # Views: the shares of a year are changed in place.
    older = shares[:, :, 1:]
    factor, missed = rake_shares(women[:, 1:], older, target[:, 1:])
    factors.parity[moment, :, 1:] = factor
    allowed = 1e-7 * np.maximum(target[:, 1:].sum(axis=0), 1.0)
    wrong = np.abs(missed) > allowed
    if wrong.any():
        i, a, d = (int(v) for v in np.argwhere(wrong)[0])
        wanted = float(np.broadcast_to(target[:, 1:], missed.shape)[i, a, d])
        there = wanted - float(missed[i, a, d])
        raise CannotMeetError(PARITY, -1, i, a + 1, d, wanted, there)


def parent_targets(
    women: Array, after: Array, births: Array, deaths: Array, migrants: Array, even: bool
) -> tuple[Array, Array, Array, Array]:
    """Split a parent's year into the sub-steps that its regions are raked at.

    The births of the two halves follow from those of the year exactly, from the youngest age and
    the first order upwards: ``r = B / (X1 + X2)`` with the women at risk X of each half.

    Parameters
    ----------
    women, after : numpy.ndarray
        Women by parity at the start and at the end of the year (P, A, D) [persons].
    births : numpy.ndarray
        By order and age of mother (K, A, D) [births].
    deaths, migrants : numpy.ndarray
        Of women, by age (A, D) [persons].
    even : bool
        Timing of the migrants, who resemble the residents.

    Returns
    -------
    births : numpy.ndarray
        By half-year (2, K, A, D) [births].
    girls : numpy.ndarray
        (D,) [births].
    women : numpy.ndarray
        By parity at the two moments when they are raked (2, P, A, D) [persons].
    end : numpy.ndarray
        By parity at the end of the year, ages from 1, as it follows from the flows (P, A, D)
        [persons].
    """
    part = 0.5 if even else 0.0
    shares = parity_shares(women[None])[0]
    first = women.sum(axis=0) + part * migrants
    at_start = first * shares
    exposed = np.zeros_like(first)
    exposed[1:] = first[:-1]
    exposed[-1] += first[-1]
    second = exposed - deaths + part * migrants
    halves = np.zeros((2, *births.shape))
    ages = fertile_ages(births)
    for a in range(ages.start, ages.stop):
        aged = second[a] * shares[:, a - 1]
        before = np.zeros((2, births.shape[-1]))
        for k in range(len(births)):
            at_risk = np.stack([at_start[k, a], aged[k]]) + before / 2
            both = at_risk.sum(axis=0)
            chance = np.divide(births[k, a], both, out=np.zeros_like(both), where=both > 0)
            halves[:, k, a] = before = chance * at_risk
        _move_up(shares[:, a], halves[0, :, a], first[a])
    both = first[-2] + first[-1]
    oldest = shares[:, -2] * first[-2] + shares[:, -1] * first[-1]
    oldest = np.divide(oldest, both, out=shares[:, -2].copy(), where=both > 0)
    shares = np.concatenate([shares[:, :1], shares[:, :-2], oldest[:, None]], axis=1)
    reached = second * shares
    _move_up(shares, halves[1], second)
    end = (second + (0.0 if even else 1.0) * migrants) * shares
    girls = after[:, 0].sum(axis=0) - (part if even else 1.0) * migrants[0] + deaths[0]
    return halves, girls, np.stack([at_start, reached] if even else [reached, end]), end


def _move_up(shares: Array, births: Array, women: Array) -> None:
    """Change shares by parity (P, ...) in place by births (K, ...); the open parity only gains."""
    moved = np.divide(births, women, out=np.zeros_like(births), where=women > 0)
    shares[1:] += moved[:-1]
    shares[:-1] -= moved[:-1]


def parity_shares(women: Array) -> Array:
    """Return shares by parity (R, P, ...) of women; where there are none, all are childless.

    Examples
    --------
    >>> parity_shares(np.array([[[3.0, 0.0], [1.0, 0.0]]]))
    array([[[0.75, 1.  ],
            [0.25, 0.  ]]])
    """
    total = women.sum(axis=1, keepdims=True)
    shares = np.zeros(women.shape)
    shares[:, 0] = 1.0
    np.divide(women, total, out=shares, where=total > 0)
    return shares


def fertile_ages(fertility: Array) -> slice:
    """Return the ages, the last axis but one, outside of which no rate or birth is positive."""
    some = np.flatnonzero(np.any(fertility > 0, axis=(*range(fertility.ndim - 2), -1)))
    return slice(int(some[0]), int(some[-1]) + 1) if some.size else slice(1, 1)
