"""Indicators of a run without labels: weighted sums of the kernel's output rows, and their ratios.

The kernel writes the outputs of a tile of draws into one array, a row for every year and output.
What several indicators need (births of all orders, people of an age span) is added once, as further
rows; an indicator is then one sum over another, and only that is kept. The definitions are those of
:mod:`popsim.demography.indicators.standard`, which the tests compare with these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.demography.indicators import AGE_BREAKS
from popsim.errors import DataError, Problems
from popsim.variables import VARIABLES

__all__ = ["LEAN_INDICATORS", "MONEY", "POPULATION", "Layout", "Ratio", "indicator_dims"]

MONEY = "payments"
"""Name of what all instruments cost in a year, among indicators."""
POPULATION = "population"

Index = NDArray[np.int64]


class Ratio(NamedTuple):
    """Weighted sum of rows, over another one if there is one.

    Parameters
    ----------
    rows, weight : numpy.ndarray
        Rows summed, dims (result, term), and their weights, dims (term,).
    below : tuple of numpy.ndarray or None
        The same of the sum that it is divided by.
    """

    rows: Index
    weight: NDArray[np.float64]
    below: tuple[Index, NDArray[np.float64]] | None = None


_Terms = Sequence[tuple[Index, float]]


def _ratio(above: _Terms, below: _Terms = ()) -> Ratio:
    def parts(terms: _Terms) -> tuple[Index, NDArray[np.float64]]:
        return np.stack([rows for rows, _ in terms], 1), np.array([weight for _, weight in terms])

    return Ratio(*parts(above), parts(below) if below else None)


class Layout:
    """Where the rows of a run lie, and which of them make an indicator.

    Parameters
    ----------
    years, orders : int
        Numbers of years and birth orders.
    indicators : sequence of str
        Names of :data:`LEAN_INDICATORS`.

    Attributes
    ----------
    outputs : dict of str to (slice, tuple of int)
        Rows of the kernel's outputs, and their shape without draws.
    kept : dict of str to slice
        Rows that are kept of each indicator; they lie one after the other.
    besides : dict of str to slice
        Rows that are kept besides: ``births`` (year, birth_order); ``cut``, persons whom migration
        asked for and who were not there; and, of the reference alone, ``people`` and ``infants``,
        all people and those under 3 (time).
    results, size : int
        Numbers of rows of the indicators, and of all rows that are kept.
    sums, checks, of_scenario, of_reference : Combinations
        How they are made, see :class:`popsim.kernels.combinations.Summary`. The first ``years``
        checks are what the people of a year are more than those before and the flows explain; the
        others are all people (time).

    Raises
    ------
    DataError
        When a name needs an order that is not there; everything found is listed.

    Examples
    --------
    >>> layout = Layout(80, 4, ["births", "third_child_share"])
    >>> layout.outputs["births"][1], layout.results, layout.kept["third_child_share"]
    ((80, 4), 160, slice(80, 160, None))
    """

    def __init__(self, years: int, orders: int, indicators: Sequence[str]) -> None:
        from popsim.kernels.combinations import Combinations
        from popsim.kernels.projection import output_shapes

        self.years, self.orders = years, orders
        self.names = tuple(indicators)
        _check(self.names, orders)
        self.outputs: dict[str, tuple[slice, tuple[int, ...]]] = {}
        self._end = 0
        shapes = output_shapes(
            years=years,
            parities=orders,
            ages=AGE_BREAKS[-1] + 1,
            groups=len(AGE_BREAKS),
            draws=1,
            history=False,
        )
        for name, (*shape, _) in shapes.items():
            self.outputs[name] = self._take(int(np.prod(shape))), tuple(shape)
        self._known: dict[str, Index] = {}
        self._sums: list[Ratio] = []
        self.size = 0
        ratios = [LEAN_INDICATORS[name](self) for name in self.names]
        self.kept = dict(zip(self.names, map(self._keep, ratios), strict=True))
        self.results = self.size
        besides = {"cut": _ratio([(self.rows("cut")[:1], 1.0)])}
        self.besides = {}
        if "births_by_order" in self.kept:
            self.besides["births"] = self.kept["births_by_order"]
        else:
            besides["births"] = _orders(self, "births")
        of_reference = {"people": _people(self), "infants": _people(self, 0, 3)}
        for name, ratio in (besides | of_reference).items():
            self.besides[name] = self._keep(ratio)
        ratios += besides.values()
        self.of_scenario = Combinations.of(ratios)
        self.of_reference = Combinations.of([*ratios, *of_reference.values()])
        self.checks = Combinations.of([self._balance(), of_reference["people"]])
        self.sums = Combinations.of(self._sums)

    def _balance(self) -> Ratio:
        people = self.people()
        terms = [(people[1:], 1.0), (people[:-1], -1.0)]
        for output, sign in (("births", -1.0), ("deaths", 1.0), ("migration", -1.0)):
            terms += [(rows, sign) for rows in self.rows(output).T]
        return _ratio(terms)

    def _keep(self, ratio: Ratio) -> slice:
        self.size += len(ratio.rows)
        return slice(self.size - len(ratio.rows), self.size)

    def _take(self, rows: int) -> slice:
        self._end += rows
        return slice(self._end - rows, self._end)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an indicator without draws: years, or times, and orders."""
        dims = indicator_dims(name)
        sizes = {"year": self.years, "time": self.years + 1, "birth_order": self.orders}
        return tuple(sizes[dim] for dim in dims)

    def rows(self, output: str) -> Index:
        """Return the rows of an output, in its shape."""
        where, shape = self.outputs[output]
        return np.arange(where.start, where.stop).reshape(shape)

    def sum(self, name: str, rows: Index) -> Index:
        """Return the rows that hold sums over the last axis of ``rows``; made once."""
        if name not in self._known:
            where = self._take(len(rows))
            self._sums.append(Ratio(rows, np.ones(rows.shape[1])))
            self._known[name] = np.arange(where.start, where.stop)
        return self._known[name]

    def people(self, first: int = 0, end: int | None = None, sex: int | None = None) -> Index:
        """Return the rows of people aged ``first`` to under ``end`` at each time."""
        starts = np.array(AGE_BREAKS)
        inside = (starts >= first) & (starts < (np.inf if end is None else end))
        chosen = self.rows("population")[:, :, inside]
        chosen = chosen if sex is None else chosen[:, sex : sex + 1]
        return self.sum(f"people {first} {end} {sex}", chosen.reshape(len(chosen), -1))

    def births(self) -> Index:
        """Return the rows of births of all orders."""
        return self.sum("births", self.rows("births"))

    def deaths(self) -> Index:
        """Return the rows of deaths of both sexes."""
        return self.sum("deaths", self.rows("deaths"))

    def mean_population(self) -> _Terms:
        """Return the mean of the people at the start and the end of each year, as terms."""
        people = self.people()
        return (people[:-1], 0.5), (people[1:], 0.5)


def _orders(x: Layout, output: str) -> Ratio:
    return _ratio([(x.rows(output).ravel(), 1.0)])


def _mean_age(x: Layout) -> Ratio:
    above, below = x.rows("age_weighted_fertility"), x.rows("fertility")
    return _ratio([(above.ravel(), 1.0)], [(below.ravel(), 1.0)])


def _share(x: Layout, orders: slice) -> Ratio:
    chosen = x.rows("births")[:, orders]
    return _ratio([(rows, 1.0) for rows in chosen.T], [(x.births(), 1.0)])


def _rate(x: Layout, events: Sequence[tuple[str, float]]) -> Ratio:
    known = {"births": x.births, "deaths": x.deaths}
    return _ratio([(known[name](), weight) for name, weight in events], x.mean_population())


def _people(x: Layout, first: int = 0, end: int | None = None, sex: int | None = None) -> Ratio:
    return _ratio([(x.people(first, end, sex), 1.0)])


def _dependency(x: Layout, spans: Sequence[tuple[int, int | None]], old: int) -> Ratio:
    return _ratio([(x.people(*span), 1.0) for span in spans], [(x.people(15, old), 1.0)])


def _dependencies(old: int) -> dict[str, Callable[[Layout], Ratio]]:
    young, aged = (0, 15), (old, None)
    called = f"dependency_ratio_15_{old - 1}"
    return {
        called: partial(_dependency, spans=(young, aged), old=old),
        f"child_{called}": partial(_dependency, spans=(young,), old=old),
        f"old_age_{called}": partial(_dependency, spans=(aged,), old=old),
    }


LEAN_INDICATORS: dict[str, Callable[[Layout], Ratio]] = {
    "mean_age_at_birth_by_order": _mean_age,
    "births": lambda x: _ratio([(x.births(), 1.0)]),
    "births_by_order": partial(_orders, output="births"),
    "total_fertility_rate": lambda x: _ratio([(x.sum("fertility", x.rows("fertility")), 1.0)]),
    "total_fertility_rate_by_order": partial(_orders, output="fertility"),
    "second_child_share": partial(_share, orders=slice(1, 2)),
    "third_child_share": partial(_share, orders=slice(2, 3)),
    "third_and_higher_share": partial(_share, orders=slice(2, None)),
    "second_and_third_child_share": partial(_share, orders=slice(1, 3)),
    "deaths": lambda x: _ratio([(x.deaths(), 1.0)]),
    "net_migration_total": lambda x: _ratio([(x.sum("migration", x.rows("migration")), 1.0)]),
    "crude_birth_rate": partial(_rate, events=(("births", 1.0),)),
    "crude_death_rate": partial(_rate, events=(("deaths", 1.0),)),
    "natural_increase_rate": partial(_rate, events=(("births", 1.0), ("deaths", -1.0))),
    "population_total": _people,
    "women_15_49": partial(_people, first=15, end=50, sex=0),
    "women_20_34": partial(_people, first=20, end=35, sex=0),
    "children_under_3": partial(_people, first=0, end=3),
    **_dependencies(60),
    **_dependencies(65),
    "share_60_and_over": lambda x: _ratio([(x.people(60), 1.0)], [(x.people(), 1.0)]),
    "share_65_and_over": lambda x: _ratio([(x.people(65), 1.0)], [(x.people(), 1.0)]),
}
"""Indicators that a batch can summarise, by name: those of the set "monitoring"."""

_THREE_ORDERS = ("third_child_share", "third_and_higher_share", "second_and_third_child_share")


def indicator_dims(name: str) -> tuple[str, ...]:
    """Return the dimensions of an indicator without region, scenario and draw.

    Examples
    --------
    >>> indicator_dims("births"), indicator_dims("population_total")
    (('year',), ('time',))
    """
    return tuple(d for d in VARIABLES[name].dims if d not in ("region", "scenario", "draw"))


def _check(names: Sequence[str], orders: int) -> None:
    problems = Problems()
    for name in names:
        if orders < 3 and name in _THREE_ORDERS:
            problems.add(f"{name} needs three birth orders; the data have {orders}")
    problems.raise_if_any(DataError)
