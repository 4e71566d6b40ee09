"""Run scenarios on a baseline: draws, response, projection, indicators, promised money.

Every scenario is projected on the same random numbers as the reference, so that their
difference is the effect of the policy and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
from popsim.policy.cost import promised_by_year
from popsim.policy.files import baseline as no_policy
from popsim.policy.files import read_response, read_scenario
from popsim.policy.instruments import cash_transfers
from popsim.policy.model import Scenario
from popsim.policy.response import Context, Response, ResponseModel, effect_chances

__all__ = ["covered_regions", "run"]

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
Progress = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True)
class _Batch:
    """What all scenarios of a run share."""

    baseline: xr.Dataset
    years: range
    draws: range
    seed: int
    factors: xr.Dataset
    threads: int | None

    @property
    def regions(self) -> list[str]:
        return [str(region) for region in self.baseline["region"].values]

    def project(self, policy_factor: np.ndarray) -> xr.Dataset:
        """Project all draws; ``policy_factor`` has dims (region, draw, year, birth_order)."""
        return indicators(
            project(
                self.baseline[list(PROJECTED)],
                years=self.years,
                factors=self._with_policy(self.factors, policy_factor),
                on_negative="cut",
                age_breaks=AGE_BREAKS,
                threads=self.threads,
            )
        )

    def project_central(self, policy_factor: np.ndarray) -> xr.DataArray:
        """Return population by sex and age of the central trajectory (region, time, sex, age).

        Demographic factors are at their centre; the policy factor is its mean over draws.
        """
        mean = policy_factor.mean(axis=1, keepdims=True)
        one = xr.Dataset(coords={"region": self.regions, "draw": [0], "year": list(self.years)})
        central = project(
            self.baseline[list(PROJECTED)],
            years=self.years,
            factors=self._with_policy(one, mean),
            detail="history",
            on_negative="cut",
            threads=self.threads,
        )
        return central["population"].squeeze("draw", drop=True)

    @staticmethod
    def _with_policy(factors: xr.Dataset, policy_factor: np.ndarray) -> xr.Dataset:
        orders = np.arange(1, policy_factor.shape[-1] + 1)
        policy = xr.DataArray(
            policy_factor,
            dims=("region", "draw", "year", "birth_order"),
            coords={**factors.coords, "birth_order": orders},
        )
        level = factors["fertility_factor"] * policy if "fertility_factor" in factors else policy
        return factors.assign(fertility_factor=level)


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
        time, sex, age) [person] of the central trajectory; ``births_by_order_cash_alone``
        [birth] and ``promised_per_birth`` (scenario, policy, year, birth_order) [CNY] for the
        cost; ``chance_of_no_effect`` and ``chance_of_negligible_effect`` (region, scenario,
        channel, year, birth_order). Notices for the reader are in ``attrs["notices"]``.

    Raises
    ------
    ScenarioError
        When a scenario cannot be read or names regions that are not in the data.
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
    chosen = _scenarios(scenarios)
    covered = {s.id: covered_regions(s, data) for s in chosen}
    years = _years(data, years)
    numbers = range(draws) if isinstance(draws, int) else draws
    if len(numbers) == 0:
        raise DataError("no draws: give at least 1")
    model = Response(read_response(response)) if isinstance(response, str | Path) else response
    factors = demographic_draws(data, years, numbers, seed)
    batch = _Batch(data, years, numbers, seed, factors, threads)

    steps = _bar([no_policy(), *chosen], progress)
    results, notices = [], []
    contexts: dict[str, Context] = {}
    for scenario in steps:
        effect = _Effect(batch, scenario, model, contexts, covered.get(scenario.id, []))
        result = batch.project(effect.factor(scenario))
        if scenario.id == REFERENCE:
            contexts.update(_contexts(batch, result))
        results.append(_complete(batch, scenario, effect, result))
        notices += effect.notices()
    joined = xr.concat(results, "scenario", join="outer", data_vars="all", coords="minimal")
    joined = joined.assign_coords(_region_names(data))
    response_id = getattr(getattr(model, "spec", None), "id", type(model).__name__)
    attributes = {
        "seed": seed,
        "inputs_sha256": fingerprint(data),
        "response": response_id,
        "baseline": data.attrs.get("name", ""),
        "fertility_held": data.attrs.get("fertility_held", ""),
        "population_basis": data.attrs.get("population_basis", ""),
        "notices": notices,
    }
    labels = xr.Dataset(
        coords={
            "scenario_label": ("scenario", [s.label.en for s in [no_policy(), *chosen]]),
            "scenario_label_zh": ("scenario", [s.label.zh for s in [no_policy(), *chosen]]),
        }
    )
    joined = joined.assign_coords(labels.coords)
    names = ", ".join(str(s) for s in joined.scenario.values)
    done = f"run of {names}; {len(numbers)} draws, seed {seed}, response {response_id}"
    order = ("region", "scenario", ..., "draw")
    joined = joined.transpose(*order, missing_dims="ignore")
    return stamp(label(joined, source="projected"), done, **attributes)


@dataclass
class _Effect:
    """The effect of one scenario in every region."""

    batch: _Batch
    scenario: Scenario
    model: ResponseModel
    contexts: dict[str, Context]
    regions: list[str]

    def factor(self, scenario: Scenario) -> np.ndarray:
        """Return the factor on birth rates (region, draw, year, birth_order), 1 where no policy."""
        batch = self.batch
        orders = batch.baseline.sizes["birth_order"]
        factor = np.ones((len(batch.regions), len(batch.draws), len(batch.years), orders))
        if not scenario.policies:
            return factor
        for place, region in enumerate(batch.regions):
            if region in self.regions:
                log = self.model.log_effect(
                    scenario, no_policy(), self.contexts[region], batch.draws, batch.seed
                )
                factor[place] = np.exp(log[..., np.minimum(np.arange(orders), log.shape[-1] - 1)])
        return factor

    def cash_alone(self) -> Scenario | None:
        """Return the scenario with its cash transfers only, or None when it has nothing else."""
        cash = cash_transfers(self.scenario)
        if len(cash) == len(self.scenario.policies):
            return None
        return self.scenario.model_copy(update={"policies": cash})

    def chances(self) -> xr.Dataset | None:
        """Return how likely the policy does nothing, by region and channel."""
        by_channel = getattr(self.model, "by_channel", None)
        if by_channel is None or not self.scenario.policies:
            return None
        found = []
        for region in self.regions:
            parts = by_channel(
                self.scenario,
                no_policy(),
                self.contexts[region],
                self.batch.draws,
                self.batch.seed,
            )
            chances = effect_chances(parts, np.asarray(self.batch.years))
            found.append(chances.expand_dims(region=[region]))
        chances = xr.concat(found, "region")
        return chances.rename(
            p_no_gain="chance_of_no_effect", p_negligible="chance_of_negligible_effect"
        )

    def notices(self) -> list[str]:
        """Return what a reader must know about the scenario, each sentence once."""
        notices = getattr(self.model, "notices", None)
        if notices is None or not self.scenario.policies:
            return []
        told = (
            line
            for region in self.regions
            for line in notices(self.scenario, self.contexts[region])
        )
        return list(dict.fromkeys(told))


def _complete(batch: _Batch, scenario: Scenario, effect: _Effect, result: xr.Dataset) -> xr.Dataset:
    """Add the central population, the money promised and the chances of no effect."""
    factor = effect.factor(scenario)
    result["population"] = batch.project_central(factor)
    alone = effect.cash_alone()
    cash_births = result["births_by_order"]
    if alone is not None and alone.policies:
        cash_births = batch.project(effect.factor(alone))["births_by_order"]
    result["births_by_order_cash_alone"] = cash_births
    transfers = cash_transfers(scenario)
    if transfers:
        result["promised_per_birth"] = promised_by_year(transfers, batch.years)
    chances = effect.chances()
    if chances is not None:
        result = result.merge(chances)
    return result.expand_dims(scenario=[scenario.id])


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
            f"has years to {last}; write: range({first}, {min(max(years.stop, first + 1), last + 1)})"
        )
    return years


def _contexts(batch: _Batch, reference: xr.Dataset) -> dict[str, Context]:
    """Return what the response needs of the reference run, by region."""
    start = list(batch.years)
    found = {}
    for region in batch.regions:
        own = batch.baseline.sel(region=region)
        stocks = reference.sel(region=region, time=start).transpose("draw", ...)
        places = (
            own["childcare_places"].sel(year=start).values if "childcare_places" in own else None
        )
        if places is None:
            places = np.zeros(len(start))
        gdp = float(own["gdp_per_head"]) if "gdp_per_head" in own else None
        found[region] = Context(
            years=np.asarray(start),
            population=stocks["population_total"].transpose("draw", "time").values,
            children_under_3=stocks["children_under_3"].transpose("draw", "time").values,
            places_ref=places,
            gdp_per_head=gdp,
        )
    return found


def _region_names(data: xr.Dataset) -> dict[str, Any]:
    return {
        name: data[name] for name in ("region_name", "region_name_zh", "parent") if name in data
    }


def _bar(steps: list[Scenario], show: bool) -> Any:
    if not show:
        return steps
    from tqdm.auto import tqdm

    return tqdm(steps, desc="scenarios", unit="scenario")
