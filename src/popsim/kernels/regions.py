"""The year step for regions that are tied together, on plain NumPy arrays.

All regions move at once, because what leaves one arrives in another and because what they share
may be raked to a parent. The arithmetic of a region alone is that of
:mod:`popsim.kernels.projection`: women are kept as a number and shares by parity, so that survival
and migrants who resemble the residents leave the shares alone. Axes are region, sex (female, male)
or parity or order, age, and draws last; an axis of draws may have length 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from popsim.kernels.raking import (
    BIRTHS,
    CannotMeetError,
    Factors,
    Targets,
    rake_chances,
    rake_migrants,
    rake_parity,
)
from popsim.kernels.routing import add_pairs, route

__all__ = ["OUTFLOW", "Flows", "Movement", "Year", "year_step"]

Array = np.ndarray[Any, np.dtype[np.float64]]

OUTFLOW = "outflow"
# Rounding of sums of many flows is not a shortage.
_ROUNDING = 1e-12
# Births by order are met when a sum misses by less; a try takes off nine tenths of a miss.
_MET, _TRIES = 1e-13, 100


class Movement(NamedTuple):
    """How people move between the regions.

    Parameters
    ----------
    leave : numpy.ndarray
        Departures per person at the start of the year (R, 2, A) [year-1].
    route : numpy.ndarray or None
        Rates by destination and origin (2, A, R, R) [year-1]; None: through the pool.
    shares : numpy.ndarray or None
        What each region receives of the pool (R, 2, A) [1]; None: by ``route``.
    """

    leave: Array
    route: Array | None
    shares: Array | None

    def arrivals(self, stock: Array, ages: slice) -> Array:
        """Return arrivals (R, 2, a, D) that a stock (R, 2, a, D) of origins sends."""
        if self.route is not None:
            return self._routed(stock, ages, np.arange(2))
        pool = (self.leave[:, :, ages, None] * stock).sum(axis=0)
        arrivals: Array = self._shares(ages) * pool
        return arrivals

    def arrivals_of_women(self, stock: Array, ages: slice) -> Array:
        """Return women arriving by parity (R, P, a, D) from a stock (R, P, a, D) of origins."""
        if self.route is not None:
            return self._routed(stock, ages, np.zeros(stock.shape[1], dtype=np.int64))
        pool = (self.leave[:, :1, ages, None] * stock).sum(axis=0)
        arrivals: Array = self._shares(ages)[:, :1] * pool
        return arrivals

    def add_pairs(self, stock: Array, ages: slice, pairs: Array) -> None:
        """Add movers by origin, destination and sex (R, R, 2, D)."""
        if self.route is not None:
            add_pairs(self.route, ages.start, np.ascontiguousarray(stock), pairs)
            return
        leaving = self.leave[:, :, ages, None] * stock
        for o, movers in enumerate(leaving):
            pairs[o] += (self._shares(ages) * movers).sum(axis=2)

    def _routed(self, stock: Array, ages: slice, sexes: Any) -> Array:
        out = np.zeros(stock.shape)
        route(self.route, sexes, ages.start, np.ascontiguousarray(stock), out)
        return out

    def _shares(self, ages: slice) -> Array:
        assert self.shares is not None
        return self.shares[:, :, ages, None]


class Year(NamedTuple):
    """What holds in one year.

    Parameters
    ----------
    fertility : numpy.ndarray
        Conditional rates by order (R, K, A, D) [year-1], 0 at the first and the last age.
    survival : numpy.ndarray
        Survival into each age (R, 2, A, D) [1].
    girls : numpy.ndarray
        Share of girls among births of each order (R, K, 1) [1].
    external : numpy.ndarray or None
        Net migration from outside (R, 2, A, D), or totals (R, 1, 1, D).
    kind : str
        Its unit: "counts", "rates" (per person at the start) or "totals" (by the structure then).
    movement : Movement or None
        Migration between the regions.
    migrant_parity : numpy.ndarray or None
        Parity shares of migrants by region they leave or enter (R, P, A); None: as residents.
    even : bool
        Half of the migrants before and half after ageing; else all at the end.
    cut : bool
        Cut outflows to what is there and count them, instead of refusing.
    fertile : slice
        Ages with births.
    pairs : bool
        Whether to add up movers by origin and destination.
    """

    fertility: Array
    survival: Array
    girls: Array
    external: Array | None
    kind: str
    movement: Movement | None
    migrant_parity: Array | None
    even: bool
    cut: bool
    fertile: slice
    pairs: bool


class Flows(NamedTuple):
    """What happens in one year.

    Parameters
    ----------
    births : numpy.ndarray
        By half-year, order and age of mother (2, R, K, A, D) [births].
    exposure : numpy.ndarray
        Mean of the women of both halves (R, A, D) [person-years].
    births_by_sex : numpy.ndarray
        Girls and boys (R, 2, D) [births].
    deaths : numpy.ndarray
        By sex and age reached (R, 2, A, D) [deaths].
    external, arrivals, departures : numpy.ndarray
        Net migrants from outside and movers between regions (R, 2, A, D) [persons].
    pairs : numpy.ndarray
        Movers by origin, destination and sex (R, R, 2, D) [persons]; zeros unless asked for.
    cut : numpy.ndarray
        Persons that outflows asked for in vain, and cells so cut (R, 2, D).
    factors : Factors
        Raking factors, of ones where nothing is raked.
    """

    births: Array
    exposure: Array
    births_by_sex: Array
    deaths: Array
    external: Array
    arrivals: Array
    departures: Array
    pairs: Array
    cut: Array
    factors: Factors


def year_step(
    people: Array, shares: Array, year: Year, targets: Targets | None, given: Factors | None
) -> tuple[Array, Array, Flows]:
    """Move all regions one year.

    Parameters
    ----------
    people : numpy.ndarray
        Population of 1 January (R, 2, A, D) [persons].
    shares : numpy.ndarray
        Parity shares of the women (R, P, A, D) [1].
    year : Year
        Rates and rules.
    targets : Targets or None
        Flows of the parent to be met.
    given : Factors or None
        Raking factors of an earlier run, used as they are.

    Returns
    -------
    tuple
        People and shares of the next 1 January, and the flows.

    Raises
    ------
    CannotMeetError
        When more people leave a cell than live there, or a flow of the parent cannot be met.
    """
    step = _Step(people, shares, year, targets, given)
    if targets is None or targets.births_by_order is None:
        return step.run()
    # One factor an order for both halves of the year: tried until the births of the year are met.
    wanted = targets.births_by_order
    factor = np.ones((wanted.shape[0], people.shape[-1]))
    for _ in range(_TRIES):
        step.order_factor = factor
        result = step.run()
        found = result[2].births.sum(axis=(0, 1, 3))
        met = np.all(np.abs(found - wanted) <= _MET * np.maximum(wanted, 1.0), axis=0)
        if met.all():
            return result
        missing = np.argwhere((found == 0) & (wanted > 0))
        if len(missing):
            k, d = (int(v) for v in missing[0])
            _refuse_births(k, -1, d, float(np.broadcast_to(wanted, found.shape)[k, d]), 0.0)
        # A draw that is met stays, so that it does not depend on those beside it.
        factor = factor * np.divide(
            wanted, found, out=np.ones_like(found), where=(found > 0) & ~met
        )
    k, d = (int(v) for v in np.argwhere(np.abs(found - wanted) > _MET * np.maximum(wanted, 1.0))[0])
    _refuse_births(k, -1, d, float(np.broadcast_to(wanted, found.shape)[k, d]), float(found[k, d]))
    raise AssertionError


def _refuse_births(order: int, age: int, draw: int, wanted: float, there: float) -> None:
    raise CannotMeetError(BIRTHS, -1, order, age, draw, wanted, there)


class _Step:
    """One year of all regions; the numbered steps are those of the documentation's model."""

    def __init__(
        self,
        people: Array,
        shares: Array,
        year: Year,
        targets: Targets | None,
        given: Factors | None,
    ) -> None:
        self.start, self.start_shares = people, shares
        self.year, self.targets, self.given = year, targets, given
        self.order_factor: Array | None = None

    def run(self) -> tuple[Array, Array, Flows]:
        year = self.year
        regions, _, ages, draws = self.start.shape
        orders = year.fertility.shape[1]
        self.people, self.shares = self.start.copy(), self.start_shares.copy()
        self.factors = Factors.ones(orders, ages, draws, self.targets, self.given)
        self.external, self.arrivals, self.departures = (
            np.zeros_like(self.people) for _ in range(3)
        )
        self.pairs = np.zeros((regions, regions, 2, draws) if year.pairs else (1, 1, 2, draws))
        self.cut = np.zeros((regions, 2, draws))
        births = np.zeros((2, regions, orders, ages, draws))
        asked = self._external()
        part = 0.5 if year.even else 0.0

        if year.even:
            self._migrate(asked, part, slice(0, ages))
            self._rake_parity(0)
        before = self.people[:, 0].copy()
        births[0] = self._births(0)
        deaths = self._age()
        if year.even:
            self._migrate(asked, part, slice(1, ages))
        self._rake_parity(1 if year.even else 0)
        exposure = (before + self.people[:, 0]) / 2
        births[1] = self._births(1)
        born = self._newborn(births, deaths)
        if year.even:
            self._migrate(asked, part, slice(0, 1))
        else:
            self._migrate(asked, 1.0, slice(0, ages))
            self._rake_parity(1)
        flows = Flows(
            births, exposure, born, deaths, self.external, self.arrivals, self.departures,
            self.pairs, self.cut, self.factors,
        )  # fmt: skip
        return self.people, self.shares, flows

    def _external(self) -> Array | None:
        """Return net migrants from outside in the year, raked to those of the parent."""
        year, people = self.year, self.people
        asked = None
        if year.external is not None:
            asked = np.broadcast_to(year.external, people.shape)
            if year.kind == "rates":
                asked = asked * people
            elif year.kind == "totals":
                asked = asked * (people / people.sum(axis=(1, 2), keepdims=True))
        return rake_migrants(asked, people, self.targets, self.given, self.factors)

    def _migrate(self, asked: Array | None, part: float, ages: slice) -> None:
        """Add a part of the year's migrants at some ages."""
        movement, parity = self.year.movement, self.year.migrant_parity
        if asked is None and movement is None:
            return
        n, shares = self.people[:, :, ages], self.shares[:, :, ages]
        like = shares if parity is None else np.broadcast_to(parity[:, :, ages, None], shares.shape)
        wanted = np.zeros_like(n) if asked is None else part * asked[:, :, ages]
        inwards, outwards = np.maximum(wanted, 0.0), np.maximum(-wanted, 0.0)
        sending = part * self.start[:, :, ages]
        leaving = np.zeros_like(n)
        if movement is not None:
            leaving = sending * movement.leave[:, :, ages, None]
        kept = self._bearable(n, shares, like, inwards, outwards + leaving, ages.start)
        if kept is not None:
            sending, leaving, outwards = sending * kept, leaving * kept, outwards * kept
        net = inwards - outwards
        women = n[:, 0].copy()
        change = None if parity is None else (net - leaving)[:, :1] * (like - shares)
        after = n + net - leaving
        if movement is not None:
            coming = movement.arrivals(sending, ages)
            after += coming
            mothers = movement.arrivals_of_women(sending[:, :1] * like, ages)
            mixed = mothers - coming[:, :1] * shares
            change = mixed if change is None else change + mixed
            self.arrivals[:, :, ages] += coming
            self.departures[:, :, ages] += leaving
            if self.year.pairs:
                movement.add_pairs(sending, ages, self.pairs)
        self.external[:, :, ages] += net
        # An emptied cell is empty, not a rounding below.
        np.maximum(after, 0.0, out=after)
        self.people[:, :, ages] = after
        if change is not None:
            women = after[:, :1]
            change = np.divide(change, women, out=np.zeros_like(change), where=women > 0)
            self.shares[:, :, ages] = np.maximum(shares + change, 0.0)

    def _bearable(
        self, n: Array, shares: Array, like: Array, inwards: Array, outwards: Array, first: int
    ) -> Array | None:
        """Return the share of the outflows that cells can bear, None where all can."""
        there = n + inwards
        short = outwards - there
        kept = np.ones_like(n)
        np.divide(there, outwards, out=kept, where=short > 0)
        if self.year.migrant_parity is not None:
            have = n[:, :1] * shares + inwards[:, :1] * like
            leave = outwards[:, :1] * like
            scarce = np.divide(have, leave, out=np.ones_like(have), where=leave > have)
            kept[:, 0] = np.minimum(kept[:, 0], scarce.min(axis=1))
            short[:, 0] = np.maximum(short[:, 0], (leave - have).max(axis=1))
        wrong = short > _ROUNDING * outwards
        if not wrong.any():
            return kept if (kept < 1).any() else None
        if not self.year.cut:
            i, s, a, d = (int(v) for v in np.argwhere(wrong)[0])
            raise CannotMeetError(OUTFLOW, i, s, a + first, d, float(short[i, s, a, d]), 0.0)
        self.cut[:, 0] += ((1 - kept) * outwards * wrong).sum(axis=(1, 2))
        self.cut[:, 1] += wrong.sum(axis=(1, 2))
        return kept

    def _rake_parity(self, moment: int) -> None:
        rake_parity(self.people[:, 0], self.shares, moment, self.targets, self.given, self.factors)

    def _births(self, half: int) -> Array:
        """Return births of half a year (R, K, A, D) and move the women up."""
        ages, h = self.year.fertile, self.year.fertility
        women = self.people[:, 0]
        births = np.zeros((women.shape[0], h.shape[1], *women.shape[1:]))
        women, shares = women[:, ages], self.shares[:, :, ages]
        orders = h.shape[1]
        before = np.zeros_like(women)
        for k in range(orders):
            chance = h[:, k, ages] / 2
            if k < orders - 1:
                chance = chance / (1 + chance / 2)
            at_risk = shares[:, k] + before / 2
            factor = self._births_factor(half, k, ages, women * at_risk, chance)
            if factor is not None:
                chance = np.minimum(chance * factor, 1.0)
            share = chance * at_risk
            births[:, k, ages] = women * share
            # The open parity bears its last order without leaving.
            shares[:, k] += before - (share if k < orders - 1 else 0.0)
            before = share
        return births

    def _births_factor(
        self, half: int, k: int, ages: slice, at_risk: Array, chance: Array
    ) -> Array | None:
        kept = self.factors.births
        if self.given is not None:
            return None if kept is None else kept[half, k, ages]
        if self.order_factor is not None:
            factor: Array = self.order_factor[k]
            assert kept is not None
            kept[half, k] = factor
            return factor
        if self.targets is None or self.targets.births is None:
            return None
        assert kept is not None
        factor, missed = rake_chances(at_risk, chance, self.targets.births[half, k, ages])
        if missed is not None:
            a, d, wanted, there = missed
            _refuse_births(k, a + ages.start, d, wanted, there)
        kept[half, k, ages] = factor
        return factor

    def _age(self) -> Array:
        """Survive everybody into the next age; return the deaths by age reached."""
        people, shares = self.people, self.shares
        exposed = np.zeros_like(people)
        exposed[:, :, 1:] = people[:, :, :-1]
        exposed[:, :, -1] += people[:, :, -1]
        oldest = people[:, :1, -2:]
        both = oldest.sum(axis=2)
        mixed = shares[:, :, -2] * oldest[:, :, 0] + shares[:, :, -1] * oldest[:, :, 1]
        np.divide(mixed, both, out=mixed, where=both > 0)
        shares[:, :, -1] = np.where(both > 0, mixed, shares[:, :, -2])
        shares[:, :, 1:-1] = shares[:, :, :-2].copy()
        shares[:, :, 0] = 0.0
        shares[:, 0, 0] = 1.0
        alive = exposed * self._survival(exposed, slice(1, people.shape[2]))
        self.people = alive
        return exposed - alive

    def _survival(self, exposed: Array, ages: slice) -> Array:
        """Return survival into all ages, that into some of them raked to the parent's deaths."""
        survival = np.broadcast_to(self.year.survival, exposed.shape)
        factors = self.factors.deaths
        if factors is None:
            return survival
        chance = 1 - survival[:, :, ages]
        if self.given is not None:
            factor = factors[:, ages]
        else:
            assert self.targets is not None
            assert self.targets.deaths is not None
            wanted = self.targets.deaths[:, ages]
            factor, missed = rake_chances(exposed[:, :, ages], chance, wanted)
            if missed is not None:
                s, a, d, much, there = missed
                raise CannotMeetError("deaths", -1, s, a + ages.start, d, much, there)
            factors[:, ages] = factor
        raked = survival.copy()
        raked[:, :, ages] = 1 - np.minimum(chance * factor, 1.0)
        return raked

    def _newborn(self, births: Array, deaths: Array) -> Array:
        """Split the births by sex and survive them; return girls and boys (R, 2, D)."""
        by_order = births.sum(axis=(0, 3))
        total = by_order.sum(axis=1)
        girls = (by_order * self.year.girls).sum(axis=1)
        if self.factors.girls is not None:
            share = np.divide(girls, total, out=np.zeros_like(girls), where=total > 0)
            factor = self.factors.girls
            if self.given is None:
                assert self.targets is not None
                assert self.targets.girls is not None
                factor, missed = rake_chances(total, share, self.targets.girls)
                if missed is not None:
                    d, wanted, there = missed
                    raise CannotMeetError("girls", -1, 0, 0, d, wanted, there)
                self.factors.girls[:] = factor
            girls = total * np.minimum(share * factor, 1.0)
        born = np.stack([girls, total - girls], axis=1)
        exposed = np.zeros_like(self.people)
        exposed[:, :, 0] = born
        alive = born * self._survival(exposed, slice(0, 1))[:, :, 0]
        self.people[:, :, 0] = alive
        deaths[:, :, 0] = born - alive
        return born
