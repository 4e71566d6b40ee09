"""Run scenarios on a baseline: draws, response, projection, indicators, promised money.

Every scenario is projected on the same random numbers as the reference, so that their
difference is the effect of the policy and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from popsim.data.samples import load_baseline
from popsim.dataset import fingerprint, label, stamp
from popsim.demography.draws import demographic_draws
from popsim.demography.indicators import AGE_BREAKS, indicators
from popsim.demography.projection import project
from popsim.errors import DataError, Problems, ScenarioError
from popsim.policy.cost import payments_by_year, promised_per_birth
from popsim.policy.dose import capacity
from popsim.policy.fields import ORDERS
from popsim.policy.files import baseline as no_policy
from popsim.policy.files import read_response, read_scenario
from popsim.policy.instruments import cash_transfers
from popsim.policy.model import Scenario
from popsim.policy.response import Context, Response, ResponseModel, effect_chances

__all__ = ["against_no_expansion", "covered_regions", "run"]

REFERENCE = "baseline"
#: What the projection reads from a baseline.
PROJECTED = (
    "population",
    "women_by_parity",
    "conditional_fertility_rate",
    "fertility_factor",
    "survival_ratio",
    "sex_ratio_at_birth",
    "net_migration",
)
_REGION_NAMES = ("region_name", "region_name_zh", "parent")
_INHERITED = ("name", "fertility_held", "population_basis", "first_projected_year")


def run(
    baseline: xr.Dataset | str,
    scenarios: Sequence[Scenario | str | Path] | Scenario | str | Path,
    *,
    response: ResponseModel | str | Path = "default",
    years: range | None = None,
    draws: int | range = 500,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
) -> xr.Dataset:
    """Project a baseline under scenarios, draw by draw on common random numbers.

    Parameters
    ----------
    baseline : xarray.Dataset or str
        From :func:`popsim.load_baseline`, or the name of an embedded one.
    scenarios : sequence of Scenario, str or path
        Scenario objects, files, or ``"baseline"`` (no new policy), which is always run first.
    response : str, path or object with a method ``log_effect``
        How families answer: ``"default"``, a response file, or a response of your own.
    years : range, optional
        Calendar years; all years of the baseline by default. The first must be its first.
    draws : int or range
        Number of draws, or draw numbers.
    seed : int
        Seed of all random numbers.
    threads : int, optional
        Threads; the number of processors by default. Results do not depend on it.
    progress : bool
        Show a progress bar over scenarios.

    Returns
    -------
    xarray.Dataset
        Indicators (region, scenario, year or time, draw); ``population`` (region, scenario,
        time, sex, age) [person] of the central trajectory: demographic factors at their centre,
        the policy at its mean over draws; ``births_by_order_cash_alone`` [birth] and
        ``promised_per_birth`` (scenario, year, birth_order) [CNY] for the cost; ``payments``
        (region, scenario, policy, year, draw) [CNY]; ``chance_of_no_effect`` and
        ``chance_of_negligible_effect`` (region, scenario, channel, year, birth_order).
        ``attrs["notices"]`` holds what a reader must know, one sentence a line.

    Raises
    ------
    ScenarioError
        When a scenario cannot be read, or names a region that is not in the data.
    DataError
        When the years or the number of draws do not fit.
    ProjectionError
        When inputs are impossible.

    Examples
    --------
    >>> result = run("zhejiang-2020", "baseline", years=range(2021, 2024), draws=2)
    >>> result.births.sel(year=2021, scenario="baseline").round(-3).values.tolist()
    [[449000.0, 449000.0]]
    """
    data = load_baseline(baseline) if isinstance(baseline, str) else baseline
    chosen = [no_policy(), *_scenarios(scenarios)]
    covered = [covered_regions(scenario, data) for scenario in chosen]
    model = Response(read_response(response)) if isinstance(response, str | Path) else response
    years = _years(data, years)
    numbers = range(draws) if isinstance(draws, int) else draws
    if len(numbers) == 0:
        raise DataError("no draws; write: draws=1 or more")
    simulation = _Simulation(data, years, numbers, seed, model, threads)
    results = [
        simulation.run(scenario, regions)
        for scenario, regions in _bar(list(zip(chosen, covered, strict=True)), progress)
    ]
    result = xr.concat(results, "scenario", join="outer", data_vars="all", coords="minimal")
    for money in ("payments", "promised_per_birth"):
        if money in result:
            # A scenario without an instrument pays nothing by it.
            result[money] = result[money].fillna(0.0)
    names: dict[str, Any] = {name: data[name] for name in _REGION_NAMES if name in data.coords}
    names["scenario_label"] = ("scenario", [scenario.label.en for scenario in chosen])
    names["scenario_label_zh"] = ("scenario", [scenario.label.zh for scenario in chosen])
    result = result.assign_coords(names)
    result = result.transpose("region", "scenario", ..., "draw")
    named = getattr(getattr(model, "spec", None), "id", type(model).__name__)
    ran = ", ".join(scenario.id for scenario in chosen)
    return stamp(
        label(result, source="projected"),
        f"ran {ran}: {len(numbers)} draws, seed {seed}, response {named}",
        seed=seed,
        response=named,
        inputs_sha256=fingerprint(data),
        notices="\n".join(simulation.notices),
        **{key: data.attrs[key] for key in _INHERITED if key in data.attrs},
    )


class _Simulation:
    """What the scenarios of a run share: data, draws, and the reference run."""

    def __init__(
        self,
        data: xr.Dataset,
        years: range,
        draws: range,
        seed: int,
        model: ResponseModel,
        threads: int | None,
    ) -> None:
        self.data = data
        self.inputs = data[[name for name in PROJECTED if name in data]]
        self.years, self.draws, self.seed = years, draws, seed
        self.model = model
        self.threads = threads
        self.regions = [str(region) for region in data["region"].values]
        self.factors = demographic_draws(data, years, draws, seed)
        self.contexts: dict[str, Context] = {}
        self.notices: list[str] = []

    def run(self, scenario: Scenario, regions: list[str]) -> xr.Dataset:
        """Run one scenario in some regions; the reference must be the first."""
        parts = self._effects(scenario, regions)
        effect = self._factor(parts)
        result = self._project(effect)
        if not self.contexts:
            self._set_contexts(result)
        result["population"] = self._project_central(effect)
        cash = cash_transfers(scenario)
        alone = result["births_by_order"]
        if cash and len(cash) < len(scenario.policies):
            only = self._effects(scenario.with_only(*cash), regions)
            alone = self._project(self._factor(only))["births_by_order"]
        result["births_by_order_cash_alone"] = alone
        if cash:
            announced = min(policy.announced.year for policy in cash.values())
            result["cash_announced"] = max(announced, self.years[0])
            result["promised_per_birth"] = promised_per_birth(scenario, self.years)
            result["payments"] = self._payments(scenario, regions, alone)
        if parts:
            result = result.merge(self._chances(parts), compat="no_conflicts", join="outer")
            self._note(scenario, regions)
        return result.expand_dims(scenario=[scenario.id])

    def _effects(self, scenario: Scenario, regions: list[str]) -> dict[str, dict[str, np.ndarray]]:
        """Return log effects (draw, year, birth_order) by region and channel."""
        if not scenario.policies:
            return {}
        by_channel = getattr(self.model, "by_channel", None)
        effects = {}
        for region in regions:
            given = (scenario, no_policy(), self.contexts[region], self.draws, self.seed)
            effects[region] = (
                by_channel(*given) if by_channel else {"response": self.model.log_effect(*given)}
            )
        return effects

    def _factor(self, effects: dict[str, dict[str, np.ndarray]]) -> xr.DataArray:
        """Return the factor on birth rates, exactly 1 where there is no policy."""
        shape = (len(self.regions), len(self.draws), len(self.years), len(ORDERS))
        factor = np.ones(shape)
        for region, parts in effects.items():
            factor[self.regions.index(region)] = np.exp(sum(parts.values()))
        return xr.DataArray(
            factor,
            dims=("region", "draw", "year", "birth_order"),
            coords={**self.factors.coords, "birth_order": list(ORDERS)},
        )

    def _project(self, effect: xr.DataArray) -> xr.Dataset:
        factors = self.factors.assign(fertility_factor=self.factors["fertility_factor"] * effect)
        return indicators(
            project(
                self.inputs,
                years=self.years,
                factors=factors,
                on_negative="cut",
                age_groups=AGE_BREAKS,
                threads=self.threads,
            )
        )

    def _project_central(self, effect: xr.DataArray) -> xr.DataArray:
        central = project(
            self.inputs,
            years=self.years,
            factors=effect.mean("draw").to_dataset(name="fertility_factor"),
            detail="history",
            on_negative="cut",
            threads=self.threads,
        )
        return central["population"]

    def _set_contexts(self, reference: xr.Dataset) -> None:
        years = list(self.years)
        stocks = reference.sel(time=years).transpose("region", "draw", "time", ...)
        for place, region in enumerate(self.regions):
            own = self.data.isel(region=place)
            places = own["childcare_places"].sel(year=years).values
            self.contexts[region] = Context(
                years=np.array(years),
                population=stocks["population_total"].values[place],
                children_under_3=stocks["children_under_3"].values[place],
                places_ref=places,
                gdp_per_head=float(own["gdp_per_head"]) if "gdp_per_head" in own else None,
            )

    def _payments(
        self, scenario: Scenario, regions: list[str], births: xr.DataArray
    ) -> xr.DataArray:
        paid = []
        for region in self.regions:
            own = births.sel(region=region).transpose("draw", "year", "birth_order")
            covered = own.values * (region in regions)
            paid.append(payments_by_year(scenario, covered, np.array(self.years)))
        return xr.concat(paid, "region").assign_coords(region=self.regions, draw=list(self.draws))

    def _chances(self, effects: dict[str, dict[str, np.ndarray]]) -> xr.Dataset:
        years = np.array(self.years)
        chances = [effect_chances(parts, years) for parts in effects.values()]
        return xr.concat(chances, xr.Variable("region", list(effects)))

    def _note(self, scenario: Scenario, regions: list[str]) -> None:
        notices = getattr(self.model, "notices", None)
        if notices is None:
            return
        told = [line for region in regions for line in notices(scenario, self.contexts[region])]
        self.notices += [line for line in dict.fromkeys(told) if line not in self.notices]


def covered_regions(scenario: Scenario, data: xr.Dataset) -> list[str]:
    """Return the regions of the data in which a scenario applies.

    Parameters
    ----------
    scenario : Scenario
    data : xarray.Dataset
        With ``region`` and, if there, ``region_name_zh``.

    Raises
    ------
    ScenarioError
        When a region that the scenario names is not in the data.

    Examples
    --------
    >>> covered_regions(no_policy(), xr.Dataset(coords={"region": ["330000"]}))
    ['330000']
    """
    present = [str(region) for region in data["region"].values]
    if scenario.regions == "all":
        return present
    problems = Problems()
    for code in scenario.regions:
        if not any(scenario.model_copy(update={"regions": (code,)}).covers(r) for r in present):
            names = data["region_name_zh"].values if "region_name_zh" in data.coords else present
            there = ", ".join(f"{c} ({n})" for c, n in zip(present, names, strict=True))
            problems.add(
                f"scenario {scenario.id!r} names region {code}, which is not in the data; the data "
                f"have {there}. Add that region's tables to the data, or let the scenario apply "
                f"to every region of the data",
                instead=f"extends: {scenario.id} with regions: all",
            )
    problems.raise_if_any(ScenarioError)
    return [region for region in present if scenario.covers(region)]


def against_no_expansion(data: xr.Dataset, scenarios: Sequence[Scenario]) -> xr.Dataset | None:
    """Return the baseline whose childcare places stop growing when a target is announced.

    A target counts only for what it adds to the places that come anyway. What comes anyway is
    not known for a county; this is the other extreme.

    Parameters
    ----------
    data : xarray.Dataset
        A baseline with ``childcare_places`` (region, year) [places/1000 residents].
    scenarios : sequence of Scenario

    Returns
    -------
    xarray.Dataset or None
        None when no scenario has a target of childcare places.

    Examples
    --------
    >>> against_no_expansion(load_baseline("zhejiang-2020"), [no_policy()]) is None
    True
    """
    targets = [found for scenario in scenarios if (found := capacity(scenario)) is not None]
    if not targets:
        return None
    places = data["childcare_places"]
    start = max(min(target.announced.year for target in targets), int(places["year"].values[0]))
    frozen = places.where(places["year"] <= start, places.sel(year=start))
    return data.assign(childcare_places=frozen.assign_attrs(places.attrs))


def _scenarios(given: Sequence[Scenario | str | Path] | Scenario | str | Path) -> list[Scenario]:
    """Read what was given; the built-in reference is left out, since it is always run."""
    several = [given] if isinstance(given, Scenario | str | Path) else list(given)
    read = [s if isinstance(s, Scenario) else read_scenario(s) for s in several]
    read = [s for s in read if not (s.id == REFERENCE and not s.policies)]
    names = [s.id for s in read]
    doubled = {name for name in names if names.count(name) > 1 or name == REFERENCE}
    if doubled:
        raise ScenarioError(f"two scenarios have the id {sorted(doubled)[0]!r}; give each its own")
    return read


def _years(data: xr.Dataset, years: range | None) -> range:
    there = data["year"].values
    if years is None:
        return range(int(there[0]), int(there[-1]) + 1)
    first, last = int(there[0]), int(there[-1])
    if len(years) == 0 or years.step != 1 or years[0] != first or years[-1] > last:
        raise DataError(
            f"years {years.start}-{years.stop - 1} do not fit: the baseline starts in {first} and "
            f"has years to {last}; write: range({first}, {last + 1}) or a shorter one"
        )
    return years


def _bar(steps: list[Any], show: bool) -> Any:
    if not show:
        return steps
    from tqdm.auto import tqdm

    return tqdm(steps, desc="scenarios", unit="scenario")
