"""What would it take: the level of instruments that brings an indicator to a target.

The indicator is the mean over draws of projections on common random numbers, so it moves smoothly
with the levels and the answer is the same for the same seed. Every value that is told comes from a
full projection at the levels told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from popsim.data.samples import load_baseline
from popsim.demography.uncertainty import Uncertainty
from popsim.errors import DataError, Problems, ScenarioError, nearest
from popsim.evaluation.levers import Levers
from popsim.evaluation.seek import least
from popsim.evaluation.windows import promised_money, window_of
from popsim.policy.files import read_scenario
from popsim.policy.model import Scenario
from popsim.policy.response import ResponseModel
from popsim.simulation import Repeated, covered_regions
from popsim.units import UNITS
from popsim.variables import VARIABLES

__all__ = ["Goal", "goal", "value_by_draw"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Goal:
    """The answer to what it would take.

    Attributes
    ----------
    reached : bool
        Whether the mean over draws comes to the target within the bounds of the levers.
    levels : dict of str to float
        Level of each lever, in its own unit, a factor for a group: the least that reaches the
        target, or those that come nearest to it.
    indicator : str
    target, attained, reference : float
        In the indicator's unit: what was asked, what the levels give, and what comes without any
        policy; means over draws.
    interval : tuple of float
        80 % interval over draws of the indicator at the levels.
    chance : float
        Share of draws that come to the target or beyond it at the levels.
    region : str
    year : int
        Of a flow; a stock is that of 1 January of the next year.
    scenario : Scenario
        The scenario at the levels.
    tried : pandas.DataFrame
        Every projection that was made: level of each lever, and mean and chance of the indicator.
    """

    reached: bool
    levels: dict[str, float]
    indicator: str
    target: float
    attained: float
    reference: float
    interval: tuple[float, float]
    chance: float
    region: str
    year: int
    scenario: Scenario
    tried: pd.DataFrame = field(repr=False)
    _levers: Levers = field(repr=False)
    _names: dict[str, str] = field(repr=False)

    def text(self, locale: str = "en") -> str:
        """Return the answer as a sentence.

        Parameters
        ----------
        locale : {"en", "zh"}

        Raises
        ------
        DataError
            When the language is not one of these.
        """
        if locale not in ("en", "zh"):
            raise DataError(f"no answer in {locale!r}; write: en or zh")
        row = VARIABLES.get(self.indicator)
        name = (row.long_name if locale == "en" else row.long_name_zh) if row else self.indicator
        target, attained, reference, low, high = (
            _shown(value, self.indicator, locale)
            for value in (self.target, self.attained, self.reference, *self.interval)
        )
        levers = self._levers.levers
        at = ("; " if locale == "en" else "，").join(
            lever.shown(self.levels[lever.path], locale) for lever in levers
        )
        chance = f"{100 * self.chance:.0f}"
        if locale == "zh":
            head = f"{self._names['zh']}{self.year}年{name}目标{target}（无政策时{reference}）："
            tail = f"达到{attained}（80%区间{low}至{high}），{chance}%的模拟情形达到目标。"
            if self.reached:
                return f"{head}需要{at}；{tail}"
            return f"{head}在给定范围内无法达到。这些政策工具在{at}时最多{tail}"
        where = f"{self._names['en']}, {self.year}"
        head = f"{where}, {name}: target {target}, without policy {reference}."
        tail = f"{attained} (80 % interval {low} to {high}); {chance} % of draws reach the target."
        if self.reached:
            return f"{head} It takes {at}, which gives {tail}"
        most = f"the most that these instruments attain within the bounds, at {at}, is"
        return f"{head} Out of reach: {most} {tail}"


def _shown(value: float, name: str, locale: str) -> str:
    row = VARIABLES.get(name)
    if row is None:
        return f"{value:.4g}"
    unit = row.display or row.units
    number = value * UNITS[row.units].scale / UNITS[unit].scale
    written = f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.2f}"
    if unit in ("1", "births per woman"):
        return f"{number:.3f}"
    return f"{written}{UNITS[unit].name_zh}" if locale == "zh" else f"{written} {unit}"


def goal(
    baseline: xr.Dataset | str,
    scenario: Scenario | str | Path,
    levers: Mapping[str, tuple[float, float]],
    target: Mapping[str, float],
    year: int,
    *,
    region: str | None = None,
    prefer: Literal["effort", "cost"] = "effort",
    response: ResponseModel | str | Path = "default",
    uncertainty: str | Uncertainty = "default",
    demography: xr.Dataset | None = None,
    draws: int | range = 200,
    seed: int = 1,
    threads: int | None = None,
) -> Goal:
    """Find the level of instruments that brings an indicator to a target in a year.

    Parameters
    ----------
    baseline, response, uncertainty, demography, draws, seed, threads
        As in :func:`popsim.run`.
    scenario : Scenario, str or path
        With the instruments whose levels are sought.
    levers : mapping of str to tuple of float
        Dotted key to (lowest, highest) level, in the unit that stands there; a key of a group, such
        as ``"policies"`` or ``"policies.grant.amount"``, is a common factor on all its amounts and
        targets. See :mod:`popsim.evaluation.levers`.
    target : mapping of str to float
        One indicator of :func:`popsim.run` and its value, in the indicator's unit (shares as
        fractions).
    year : int
        Of a flow; a stock is taken at the end of the year.
    region : str, optional
        Needed when the baseline has several regions.
    prefer : {"effort", "cost"}
        Which of the many answers with several levers: the least sum of squares of the positions
        within the bounds, or the least money of all instruments up to ``year``.

    Returns
    -------
    Goal
        Also when the target is out of reach: then with the most that the levers attain.

    Raises
    ------
    ScenarioError
        When the scenario or a lever does not fit.
    DataError
        When target, year, region, draws or ``prefer`` do not fit.

    Notes
    -----
    One lever: the lowest level that reaches the target, by a look at 9 levels and 14 halvings
    between the two that enclose it. Several: sequential quadratic programming (SciPy) from points
    that reach it, then led back onto the target.

    Examples
    --------
    >>> grant = {"kind": "cash_transfer", "announced": "2024-01-01", "amount": {"3": "1000 CNY"},
    ...          "births": {"from": "2024-01-01"}}
    >>> scenario = Scenario.model_validate({
    ...     "schema": "popsim.scenario/1", "id": "grant", "regions": "all",
    ...     "gdp_per_head": "125043 CNY", "label": {"en": "A grant", "zh": "补助"},
    ...     "policies": {"grant": grant}})
    >>> found = goal("zhejiang-2020", scenario, {"policies.grant.amount.3": (0, 200_000)},
    ...     {"third_child_share": 0.5}, 2027, draws=4)
    >>> found.reached, found.levels
    (False, {'policies.grant.amount.3': 200000.0})
    """
    data = load_baseline(baseline) if isinstance(baseline, str) else baseline
    package = scenario if isinstance(scenario, Scenario) else read_scenario(scenario)
    lines = Levers(package, levers)
    there = [int(y) for y in data["year"].values]
    problems = Problems()
    if year not in there:
        problems.add(f"year {year} is not in the baseline ({there[0]} to {there[-1]})")
    regions = [str(code) for code in data["region"].values]
    if region is None and len(regions) > 1:
        problems.add(f"the baseline has {len(regions)} regions", instead=f"region={regions[0]!r}")
    if region is not None and region not in regions:
        problems.add(f"region {region!r} is not in the baseline ({', '.join(regions)})")
    if len(target) != 1:
        problems.add(
            f"{len(target)} targets are given, and one can be met",
            instead='target={"third_child_share": 0.05}',
        )
    for name, value in target.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            problems.add(f"the target of {name} is {value!r}, not a number")
        elif name in VARIABLES and not VARIABLES[name].minimum <= value <= VARIABLES[name].maximum:
            most = VARIABLES[name].maximum
            problems.add(
                f"the target of {name} is {value:g}, which it cannot be",
                instead=f"a share such as {value / 100:g}" if most == 1.0 else "",
            )
    if prefer not in ("effort", "cost"):
        problems.add(f"prefer={prefer!r} is unknown", instead="effort or cost")
    problems.raise_if_any(DataError)
    here = region or regions[0]
    if here not in covered_regions(package, data):
        raise ScenarioError(f"scenario {package.id!r} does not apply in {here}")
    repeated = Repeated(
        data,
        response=response,
        uncertainty=uncertainty,
        demography=demography,
        years=range(there[0], year + 1),
        draws=draws,
        seed=seed,
        threads=threads,
    )
    indicator, wanted = next(iter(target.items()))
    without = value_by_draw(repeated.reference, indicator, here, year)
    search = _Search(repeated, lines, indicator, float(wanted), here, year, without)
    if prefer == "cost":
        search.window = window_of((min(_announced(package, there[0]), year), year), package, data)
    found = least(search.gap, search.effort, len(lines))
    values = search.values(found.position)
    low, high = np.quantile(values, [0.1, 0.9])
    return Goal(
        reached=found.gap >= 0,
        levels=dict(zip(levers, lines.levels(found.position.tolist()), strict=True)),
        indicator=indicator,
        target=float(wanted),
        attained=float(values.mean()),
        reference=float(without.mean()),
        interval=(float(low), float(high)),
        chance=search.chance(values),
        region=here,
        year=year,
        scenario=lines.at(found.position.tolist()),
        tried=search.table(),
        _levers=lines,
        _names=_region_names(data, here),
    )


def _region_names(data: xr.Dataset, region: str) -> dict[str, str]:
    """Return the name of a region in both languages, its code where there is none."""
    names = {}
    for locale, coordinate in (("en", "region_name"), ("zh", "region_name_zh")):
        known = coordinate in data.coords
        names[locale] = str(data[coordinate].sel(region=region).values) if known else region
    return names


def _announced(scenario: Scenario, start: int) -> int:
    years = [policy.announced.year for policy in scenario.policies.values()]
    return max(min(years, default=start), start)


def value_by_draw(indicators: xr.Dataset, name: str, region: str, year: int) -> Array:
    """Return an indicator of one region and year, or of 1 January after it, by draw.

    Parameters
    ----------
    indicators : xarray.Dataset
        Dims (region, year or time, draw).
    name, region : str
    year : int

    Returns
    -------
    numpy.ndarray (draw)

    Raises
    ------
    DataError
        When there is no such indicator, or it has one value for each birth order.
    """
    known = [
        str(key)
        for key, array in indicators.data_vars.items()
        if set(array.dims) in ({"region", "year", "draw"}, {"region", "time", "draw"})
    ]
    if name not in known:
        hint = nearest(name, known)
        if name in indicators and "birth_order" in indicators[name].dims:
            raise DataError(
                f"{name} has one value for each birth order, and a target needs one"
                + (f"; write: {hint}" if hint else "")
            )
        text = f"a run has no indicator {name!r}"
        raise DataError(f"{text}; write: {hint}" if hint else text)
    array = indicators[name].sel(region=region)
    array = array.sel(time=year + 1) if "time" in array.dims else array.sel(year=year)
    return np.asarray(array.values, dtype=float)


class _Search:
    """Projections at positions of the levers, each made once."""

    def __init__(
        self,
        repeated: Repeated,
        levers: Levers,
        indicator: str,
        target: float,
        region: str,
        year: int,
        without: Array,
    ) -> None:
        self.repeated, self.levers = repeated, levers
        self.indicator, self.target = indicator, target
        self.region, self.year = region, year
        self.window: tuple[int, int] | None = None
        self.up = 1.0 if target >= without.mean() else -1.0
        # Gaps of the order of 1 suit the solver.
        self.scale = max(abs(target - without.mean()), 1e-12)
        self.known: dict[tuple[float, ...], tuple[Array, float]] = {}

    def _project(self, position: Array) -> tuple[Array, float]:
        key = tuple(float(p) for p in np.clip(position, 0.0, 1.0))
        if key not in self.known:
            scenario = self.levers.at(key)
            indicators = self.repeated.indicators(self.repeated.factor(scenario))
            money = 0.0
            if self.window is not None:
                births = indicators["births_by_order"]
                promised = promised_money(
                    self.repeated, {self.region: scenario}, births, self.window
                )
                money = float(promised.sel(region=self.region).mean())
            value = value_by_draw(indicators, self.indicator, self.region, self.year)
            self.known[key] = value, money
        return self.known[key]

    def values(self, position: Array) -> Array:
        return self._project(position)[0]

    def gap(self, position: Array) -> float:
        return float(self.up * (self.values(position).mean() - self.target) / self.scale)

    def effort(self, position: Array) -> float:
        if self.window is None:
            return float(position @ position)
        most = self._project(np.ones(len(self.levers)))[1]
        return self._project(position)[1] / most if most else 0.0

    def chance(self, values: Array) -> float:
        return float((self.up * (values - self.target) >= 0).mean())

    def table(self) -> pd.DataFrame:
        rows = []
        for position, (values, _) in self.known.items():
            levels = self.levers.levels(position)
            named = {le.path: x for le, x in zip(self.levers.levers, levels, strict=True)}
            row = {self.indicator: float(values.mean()), "chance": self.chance(values)}
            rows.append(named | row)
        paths = [lever.path for lever in self.levers.levers]
        return pd.DataFrame(rows).sort_values(paths, ignore_index=True)
