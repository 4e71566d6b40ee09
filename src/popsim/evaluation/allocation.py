"""The best split of a budget over instruments and regions, and what each budget can buy.

The budget is the value of all money promised to the births of a window (the births that would have
happened anyway included) and spent on places, care and measures in it; the gain is additional
births of the window. Both are means over draws of full projections on common random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from popsim.data.samples import load_baseline
from popsim.dataset import label, stamp
from popsim.demography.uncertainty import Uncertainty
from popsim.errors import DataError, Problems, ScenarioError
from popsim.evaluation.levers import Levers
from popsim.evaluation.split import best_split
from popsim.evaluation.windows import promised_money, window_of
from popsim.policy.files import read_scenario
from popsim.policy.model import Scenario
from popsim.policy.response import ResponseModel
from popsim.simulation import Repeated, covered_regions

__all__ = ["Allocation", "allocate"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Allocation:
    """The best split of each budget.

    Attributes
    ----------
    data : xarray.Dataset
        ``births_gained`` and ``money_promised`` (budget, region, draw) [birth, CNY] and
        ``lever_position`` (budget, region, lever), from 0 at the lowest to 1 at the highest level.
        ``attrs``: ``first_year``, ``last_year``, ``projections``.
    levels : pandas.DataFrame
        One row a budget, region and lever: level, unit, and whether it stands at a bound.
    scenarios : dict
        Budget to a dict of region to scenario at the best levels.
    """

    data: xr.Dataset
    levels: pd.DataFrame
    scenarios: dict[float, dict[str, Scenario]] = field(repr=False)

    def table(self, locale: str = "en") -> pd.DataFrame:
        """Return the efficient frontier: one row a budget.

        Parameters
        ----------
        locale : {"en", "zh"}
            Language of the columns.

        Returns
        -------
        pandas.DataFrame
            Budget and money promised [CNY], mean additional births with their 80 % interval, mean
            cost per additional birth [CNY], infinite where nothing is gained.

        Raises
        ------
        DataError
            When the language is not one of these.
        """
        if locale not in ("en", "zh"):
            raise DataError(f"no table in {locale!r}; write: en or zh")
        births = self.data["births_gained"].sum("region")
        money = self.data["money_promised"].sum("region").mean("draw").values
        mean = births.mean("draw").values
        low, high = births.quantile([0.1, 0.9], "draw").values
        table = pd.DataFrame(
            {
                "budget": self.data["budget"].values,
                "money_promised": money,
                "births": mean,
                "lower_80": low,
                "upper_80": high,
                "cost_per_birth": np.divide(
                    money, mean, out=np.full(mean.shape, np.inf), where=mean > 0
                ),
            }
        )
        names = (
            "预算",
            "承诺金额",
            "新增出生人数",
            "80%区间下限",
            "80%区间上限",
            "每新增一名出生的成本",
        )
        return table if locale == "en" else table.set_axis(list(names), axis=1)


def allocate(
    baseline: xr.Dataset | str,
    scenario: Scenario | str | Path,
    levers: Mapping[str, tuple[float, float]],
    budget: float | Sequence[float],
    *,
    window: str | tuple[int, int] = "period",
    by_region: bool = False,
    response: ResponseModel | str | Path = "default",
    uncertainty: str | Uncertainty = "default",
    demography: xr.Dataset | None = None,
    draws: int | range = 200,
    seed: int = 1,
    threads: int | None = None,
) -> Allocation:
    """Find the levels of instruments that bring most births for a budget.

    Parameters
    ----------
    baseline, response, uncertainty, demography, draws, seed, threads
        As in :func:`popsim.run`.
    scenario : Scenario, str or path
        With the instruments whose levels are sought; what else it holds stays as it is.
    levers : mapping of str to tuple of float
        Dotted key to (lowest, highest) level, as in :func:`popsim.goal`.
    budget : float or sequence of float
        CNY; several, in rising order, give the efficient frontier.
    window : {"period", "lasting"} or tuple of int
        Years of birth whose births and money are counted.
    by_region : bool
        Whether each region has levels of its own, out of the common budget; else levels are the
        same everywhere.

    Returns
    -------
    Allocation

    Raises
    ------
    ScenarioError
        When the scenario or a lever does not fit.
    DataError
        When budgets, window, draws, uncertainty or trajectories do not fit, or a budget does not
        pay the lowest levels.

    Notes
    -----
    Money is discounted at 4 % a year to 1 January of the first year of the window; the cost of a
    scenario is ``Σ B v`` (:mod:`popsim.policy.cost`), ``v`` the money promised to a birth. Births
    of the draw are paid, so cost follows the response. See :mod:`popsim.evaluation.split` for the
    search; each answer is verified by the projection that the result reports.

    Examples
    --------
    >>> grant = {"kind": "cash_transfer", "announced": "2023-01-01", "births": {"from": "2023-01-01"}}
    >>> scenario = Scenario.model_validate({
    ...     "schema": "popsim.scenario/1", "id": "two", "regions": "all",
    ...     "gdp_per_head": "125043 CNY", "label": {"en": "Two grants", "zh": "两项补助"},
    ...     "policies": {"second": {**grant, "amount": {"2": "9000 CNY"}},
    ...                  "third": {**grant, "amount": {"3": "9000 CNY"}}}})
    >>> found = allocate("zhejiang-2020", scenario, {"policies.second.amount.2": (0, 50_000),
    ...     "policies.third.amount.3": (0, 50_000)}, 5e9, draws=4)
    >>> bool(found.data.money_promised.sum("region").mean() <= 5e9)
    True
    """  # noqa: E501 - a line of an example
    data = load_baseline(baseline) if isinstance(baseline, str) else baseline
    package = scenario if isinstance(scenario, Scenario) else read_scenario(scenario)
    lines = Levers(package, levers)
    budgets = _budgets(budget)
    window = window_of(window, package, data)
    first, last = window
    repeated = Repeated(
        data,
        response=response,
        uncertainty=uncertainty,
        demography=demography,
        years=range(int(data["year"].values[0]), last + 1),
        draws=draws,
        seed=seed,
        threads=threads,
    )
    runs = _Runs(repeated, lines, covered_regions(package, data), window)
    shape = (len(runs.covered), len(lines))
    found = []
    start = None
    for money in budgets:
        split = best_split(
            runs.means, shape, money, together=not by_region or shape[0] == 1, start=start
        )
        if split is None:
            lowest = float(runs.means(np.zeros(shape))[1].sum())
            raise DataError(
                f"the lowest levels cost {lowest:,.0f} CNY, more than the budget of {money:,.0f}; "
                "write: a larger budget, lower lowest levels, or package.with_only(...) for the "
                "instruments that are moved"
            )
        start = split.position
        found.append(split)
    one = [runs.by_draw(split.position) for split in found]
    result = xr.Dataset(
        {
            "births_gained": (("budget", "region", "draw"), np.stack([b for b, _ in one])),
            "money_promised": (("budget", "region", "draw"), np.stack([m for _, m in one])),
            "lever_position": (
                ("budget", "region", "lever"),
                np.stack([split.position for split in found]),
            ),
        },
        coords={
            "budget": budgets,
            "region": runs.covered,
            "draw": list(repeated.draws),
            "lever": [lever.path for lever in lines.levers],
        },
    )
    return Allocation(
        data=stamp(
            label(result, source="projected"),
            f"allocated budgets over {len(lines)} levers of {package.id}",
            scenario=package.id,
            first_year=first,
            last_year=last,
            projections=len(runs.known),
            seed=seed,
        ),
        levels=pd.DataFrame(
            [
                {
                    "budget": money,
                    "region": region,
                    "lever": lever.path,
                    "level": lever.at(place),
                    "unit": lever.unit,
                    "bound": {0.0: "lowest", 1.0: "highest"}.get(round(place, 6), ""),
                }
                for money, split in zip(budgets, found, strict=True)
                for region, row in zip(runs.covered, split.position, strict=True)
                for lever, place in zip(lines.levers, map(float, row), strict=True)
            ]
        ),
        scenarios={
            money: runs.scenarios(split.position)
            for money, split in zip(budgets, found, strict=True)
        },
    )


def _budgets(given: float | Sequence[float]) -> list[float]:
    several = [given] if isinstance(given, int | float) else list(given)
    problems = Problems()
    if not several:
        problems.add("no budget is given", instead="budget=1e9")
    for money in several:
        if isinstance(money, bool) or not math.isfinite(money) or money <= 0:
            problems.add(f"the budget {money!r} is no positive sum of CNY")
    if several != sorted(set(several)):
        problems.add("the budgets are not in rising order", instead="budget=[1e8, 2e8]")
    problems.raise_if_any(DataError)
    return [float(money) for money in several]


class _Runs:
    """Projections at positions of levers by region, each made once."""

    def __init__(
        self, repeated: Repeated, levers: Levers, covered: list[str], window: tuple[int, int]
    ) -> None:
        self.repeated, self.levers, self.covered = repeated, levers, covered
        self.window = window
        self.reference = self._counted(repeated.reference["births_by_order"])
        self.known: dict[bytes, tuple[Array, Array]] = {}
        if not covered:
            raise ScenarioError(f"scenario {levers.scenario.id!r} applies in no region of the data")

    def _counted(self, births: xr.DataArray) -> Array:
        inside = births.sel(region=self.covered, year=slice(*self.window))
        return np.asarray(inside.sum(["year", "birth_order"]).transpose("region", "draw").values)

    def scenarios(self, position: Array) -> dict[str, Scenario]:
        """Return the scenario of each region; equal rows share one."""
        made: dict[bytes, Scenario] = {}
        for row in position:
            if row.tobytes() not in made:
                made[row.tobytes()] = self.levers.at(row.tolist())
        return {
            region: made[row.tobytes()] for region, row in zip(self.covered, position, strict=True)
        }

    def _run(self, position: Array) -> tuple[Array, Array]:
        scenarios = self.scenarios(position)
        births = self.repeated.births(self.repeated.factor(scenarios))
        money = promised_money(self.repeated, scenarios, births, self.window)
        return self._counted(births) - self.reference, money.sel(region=self.covered).values

    def by_draw(self, position: Array) -> tuple[Array, Array]:
        """Return additional births and money (region, draw), from a projection made anew."""
        return self._run(np.ascontiguousarray(position))

    def means(self, position: Array) -> tuple[Array, Array]:
        """Return mean additional births and mean money (region,)."""
        position = np.ascontiguousarray(position)
        key = position.tobytes()
        if key not in self.known:
            births, money = self._run(position)
            self.known[key] = births.mean(axis=-1), money.mean(axis=-1)
        return self.known[key]
