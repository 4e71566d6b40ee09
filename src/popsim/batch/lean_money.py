"""What a scenario pays, as weights on rows of births: the part that does not depend on draws.

The bill of a year is a sum over the births of that year and of earlier ones, and so is the money
promised to the births of a window; both are computed from the rows of births of a run by
:func:`popsim.kernels.combinations.combine`. The definitions are those of :mod:`popsim.policy.cost`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from popsim.policy.cost import MID_YEAR, WINDOWS, payments_by_year, promised_per_birth
from popsim.policy.fields import ORDERS
from popsim.policy.instruments import DISCOUNT_RATE
from popsim.policy.model import Scenario
from popsim.policy.places import PlaceCounts
from popsim.policy.services import service_payments

if TYPE_CHECKING:
    from popsim.kernels.combinations import Combinations

__all__ = ["COST", "Bill", "Costs", "Window", "costs_of"]

Array = NDArray[np.float64]

COST = (
    "package_cost",
    "additional_births",
    "chance_of_no_gain",
    "cost_per_additional_birth",
    "deadweight_share",
)
"""What is told of the costs in one window, besides quantiles."""


@dataclass(frozen=True)
class Bill:
    """Money paid per child, as weights on births by year and order.

    Parameters
    ----------
    paid : Combinations
        What is paid in each year, from the rows of births (year, birth_order) [CNY].
    promised : numpy.ndarray
        CNY per birth at the start of the year of birth, dims (year, birth_order).
    announced : int or None
        Year of the first announcement, the first year of the run at the earliest; None without any
        policy.
    services : bool
        Whether money is paid by year too: for places, care or other measures.
    """

    paid: Combinations
    promised: Array
    announced: int | None
    services: bool

    @classmethod
    def of(
        cls, scenario: Scenario, years: range, orders: int, announced: int | None = None
    ) -> Bill:
        """Lay out the payments of a scenario.

        Parameters
        ----------
        scenario : Scenario
            With the policies of one region, see ``Scenario.within``.
        years : range
        orders : int
            Birth orders of the data; those after the fourth are paid like the fourth.
        announced : int, optional
            Year of the first announcement.

        Examples
        --------
        >>> from popsim.policy.files import baseline
        >>> Bill.of(baseline(), range(2021, 2024), 4).paid.starts.tolist()
        [0, 0, 0, 0, 0, 0, 0]
        """
        from popsim.kernels.combinations import Combinations

        count = len(years)
        kinds = np.minimum(np.arange(orders), len(ORDERS) - 1)
        # One birth of a year and order at a time gives the table of what is paid when.
        each = np.eye(count * len(ORDERS)).reshape(-1, count, len(ORDERS))
        paid = payments_by_year(scenario, each, np.array(years)).values.sum(axis=0)
        table = paid.reshape(count, len(ORDERS), count)[:, kinds]
        born, _, when = np.nonzero(table)
        lags = np.arange(int((when - born).max(initial=-1)) + 1)
        birth = np.arange(count)[:, None] - lags
        known = birth >= 0
        birth = np.where(known, birth, 0)
        weight = table[birth, :, np.arange(count)[:, None]] * known[..., None]
        index = birth[..., None] * orders + np.arange(orders)
        # Places that grow and are used cost something wherever anything by year does.
        more, same = np.linspace(1.0, 2.0, count)[None, :], np.ones((1, count))
        trial = PlaceCounts(more, same, more, same)
        promised = promised_per_birth(scenario, years, instruments="all")
        return cls(
            paid=Combinations.of([(index.reshape(count, -1), weight.reshape(count, -1), None)]),
            promised=np.asarray(promised.values)[:, kinds],
            announced=None if announced is None else max(announced, years[0]),
            services=bool(service_payments(scenario, trial, np.array(years))),
        )


@dataclass(frozen=True)
class Window:
    """Years of birth over which costs and additional births are counted.

    Parameters
    ----------
    first, stop : int
        Positions of the first year and of the one after the last.
    waiting : numpy.ndarray
        Discount factors to the start of the window [1], one for each year.
    """

    first: int
    stop: int
    waiting: Array

    @classmethod
    def each(cls, bill: Bill, years: range, spent: NDArray[np.bool_]) -> list[Window]:
        """Return the windows of a scenario, or none when it pays nothing before the run ends.

        Parameters
        ----------
        bill : Bill
        years : range
        spent : numpy.ndarray of bool
            Years in which money is paid for services, shape (year,).
        """
        if bill.announced is None:
            return []
        paying = (bill.promised != 0).any(axis=1) | spent
        paying &= np.array(years) >= bill.announced
        if not paying.any():
            return []
        first = int(np.argmax(paying))
        found = []
        for length in WINDOWS.values():
            stop = min(first + length, len(years))
            waiting = (1 + DISCOUNT_RATE) ** -np.arange(stop - first, dtype=float)
            found.append(cls(first, stop, waiting))
        return found

    def of_births(self, promised: Array) -> Array:
        """Return weights on births (year, birth_order) that give the money promised to them."""
        return (promised[self.first : self.stop] * self.waiting[:, None]).reshape(1, -1)

    def of_services(self, money: Array) -> Array:
        """Return the value (draw) of money for services of dims (year, draw)."""
        total = np.zeros(money.shape[1])
        for row, waiting in zip(money[self.first : self.stop], self.waiting, strict=True):
            total += row * waiting * MID_YEAR
        return total


@dataclass(frozen=True)
class Costs:
    """Cost of additional births in one window, by draw.

    Parameters
    ----------
    cost, anyway : numpy.ndarray
        CNY at the start of the window, all of it and for births and places that come anyway,
        shape (draw,).
    gained : numpy.ndarray
        Additional births, shape (draw,).
    """

    cost: Array
    anyway: Array
    gained: Array

    @classmethod
    def joined(cls, parts: Sequence[Costs]) -> Costs:
        """Return the costs of several blocks of draws in one."""
        return cls(
            np.concatenate([part.cost for part in parts]),
            np.concatenate([part.anyway for part in parts]),
            np.concatenate([part.gained for part in parts]),
        )

    def summary(self, probabilities: Array) -> dict[str, Array | float]:
        """Return what :func:`popsim.policy.cost.cost_per_additional_birth` does.

        Parameters
        ----------
        probabilities : numpy.ndarray
            Of the quantiles, shape (quantile,).

        Examples
        --------
        >>> costs = Costs(np.array([5.0, 5.0]), np.zeros(2), np.array([10.0, 0.0]))
        >>> costs.summary(np.array([0.5]))["cost_per_additional_birth"]
        1.0
        """
        cost, gained = float(self.cost.mean()), float(self.gained.mean())
        ratio = np.full(self.cost.shape, np.inf)
        np.divide(self.cost, self.gained, out=ratio, where=self.gained > 0)
        paid = cost > 0
        return {
            "package_cost": cost,
            "additional_births": gained,
            "chance_of_no_gain": float((self.gained <= 0).mean()),
            "cost_per_additional_birth": (cost / gained if gained > 0 else np.inf)
            if paid
            else np.nan,
            "deadweight_share": float(self.anyway.mean()) / cost if paid else np.nan,
            # Quantiles are draws themselves: between a number and infinity there is no mean.
            "cost_per_additional_birth_quantile": np.asarray(
                np.quantile(ratio, probabilities, method="inverted_cdf")
            )
            if paid
            else np.full(probabilities.shape, np.nan),
        }


def costs_of(
    windows: list[Window],
    promised: Array,
    births: Array,
    births_ref: Array,
    services: Array | None,
) -> list[Costs]:
    """Return costs and gains of a block of draws in each window.

    Parameters
    ----------
    windows : list of Window
    promised : numpy.ndarray
        CNY per birth, dims (year, birth_order).
    births, births_ref : numpy.ndarray
        Births under the scenario and the reference, dims (year, birth_order, draw).
    services : numpy.ndarray, optional
        Money for places, care and other measures, and the part of it for places that come anyway,
        dims (2, year, draw) [CNY].
    """
    from popsim.kernels.combinations import Combinations, combine

    if not windows:
        return []
    draws, orders = births.shape[-1], births.shape[1]
    first, stop = windows[0].first, max(window.stop for window in windows)
    ours = np.ascontiguousarray(births[first:stop]).reshape(-1, draws)
    theirs = births_ref[first:stop].reshape(-1, draws)
    more, kept = ours - theirs, np.minimum(ours, theirs)
    money, births_of = [], []
    for window in windows:
        index = np.arange((window.stop - window.first) * orders)[None, :]
        money.append((index, window.of_births(promised), None))
        births_of.append((index, np.ones(index.size), None))
    cost, anyway, gained = (np.empty((len(windows), draws)) for _ in range(3))
    paid = Combinations.of(money)
    combine(ours, paid, cost)
    combine(kept, paid, anyway)
    combine(more, Combinations.of(births_of), gained)
    if services is not None:
        for place, window in enumerate(windows):
            cost[place] += window.of_services(services[0])
            anyway[place] += window.of_services(services[1])
    return [Costs(*one) for one in zip(cost, anyway, gained, strict=True)]
