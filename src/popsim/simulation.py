"""Run scenarios on a baseline: draws, response, projection, indicators, promised money.

Every scenario is projected on the same random numbers as the reference, so that their
difference is the effect of the policy and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import xarray as xr

from popsim.data.samples import load_baseline
from popsim.dataset import fingerprint, label, stamp, validate
from popsim.demography.drawn_factors import central_factors, demographic_draws, prepared
from popsim.demography.indicators import AGE_BREAKS, indicators
from popsim.demography.noise import demographic_noise as with_noise
from popsim.demography.projection import INPUTS, project
from popsim.demography.trajectories import replace_factors
from popsim.demography.uncertainty import Uncertainty, uncertainty_named
from popsim.errors import DataError, Problems, ScenarioError
from popsim.policy.cost import payer_shares, payments_by_year, promised_per_birth
from popsim.policy.dose import UTILISATION, capacity, reference_places
from popsim.policy.fields import ORDERS
from popsim.policy.files import baseline as no_policy
from popsim.policy.files import read_response, read_scenario
from popsim.policy.instruments import cash_policies
from popsim.policy.kinds.measure import Measure
from popsim.policy.model import Scenario
from popsim.policy.places import PlaceCounts, built_places, place_counts
from popsim.policy.response import Context, Response, ResponseModel, draw_channel, effect_chances
from popsim.policy.services import grant_per_place, service_payments

__all__ = [
    "Repeated",
    "against_no_expansion",
    "covered_regions",
    "cut_notices",
    "run",
    "scenario_notices",
]

REFERENCE = "baseline"
#: What the draws read from it.
DRAWN = ("fertility_innovation", "migration_innovation")
#: What may be missing: rates may come without a path, and nobody needs to move.
OPTIONAL = ("fertility_factor", "net_migration")
_Labelled = TypeVar("_Labelled", xr.DataArray, xr.Dataset)
_REGION_NAMES = ("region_name", "region_name_zh", "parent")
_INHERITED = ("name", "fertility_held", "population_basis", "first_projected_year")


def run(
    baseline: xr.Dataset | str,
    scenarios: Sequence[Scenario | str | Path] | Scenario | str | Path,
    *,
    response: ResponseModel | str | Path = "default",
    uncertainty: str | Uncertainty = "default",
    demography: xr.Dataset | None = None,
    demographic_noise: bool = False,
    years: Iterable[int] | None = None,
    draws: int | range = 500,
    seed: int = 1,
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
    uncertainty : str or Uncertainty
        Which demographic assumptions are drawn and how: ``"default"`` (level of fertility, of
        mortality, net migration), ``"progression"`` (progression by order and timing, mortality
        index, migration with its level; counties have a part of their own), ``"none"``, or a model
        of your own; see :class:`popsim.demography.uncertainty.Uncertainty`.
    demography : xarray.Dataset, optional
        Factors of trajectories made elsewhere, from :mod:`popsim.demography.trajectories`; what it
        holds is taken from it instead of being drawn.
    demographic_noise : bool
        Whether the chance of single births and deaths is added, for small populations; see
        :mod:`popsim.demography.noise`.
    years : iterable of int, optional
        Consecutive calendar years from the first of the baseline; all its years by default.
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
        the policy at its mean over draws; ``births_by_order_cash_alone`` [birth],
        ``promised_per_birth`` (region, scenario, year, birth_order) [CNY] of the instruments that
        act through money alone and ``promised_per_birth_package`` of all, for the cost;
        ``payments`` and, of it, ``payments_anyway`` for what would have happened anyway (region,
        scenario, policy, year, draw) [CNY] of every instrument of the package, with
        ``payer_share``; ``service_payments`` [CNY] and ``service_payments_anyway`` (region,
        scenario, year, draw) of places, care and measures; numbers of childcare places (region,
        scenario, year);
        ``chance_of_no_effect`` and ``chance_of_negligible_effect`` (region, scenario, channel,
        year, birth_order).
        ``attrs["notices"]`` holds what a reader must know, one sentence a line.

    Raises
    ------
    ScenarioError
        When a scenario cannot be read, or names a region that is not in the data.
    DataError
        When the years, the number of draws, the uncertainty or the trajectories do not fit.
    ProjectionError
        When inputs are impossible.

    Examples
    --------
    >>> result = run("zhejiang-2020", "baseline", years=range(2021, 2024), draws=2)
    >>> result.births.sel(year=2021, scenario="baseline").round(-3).values.tolist()
    [[449000.0, 449000.0]]
    """
    data = load_baseline(baseline) if isinstance(baseline, str) else baseline
    doubt = uncertainty_named(uncertainty)
    _check(data, doubt)
    chosen = [no_policy(), *_scenarios(scenarios)]
    covered = [covered_regions(scenario, data) for scenario in chosen]
    model = Response(read_response(response)) if isinstance(response, str | Path) else response
    span = _years(data, years)
    if isinstance(draws, bool) or not isinstance(draws, int | range) or not _size(draws):
        raise DataError(f"draws={draws!r} is not a number of draws; write: draws=500")
    numbers = range(draws) if isinstance(draws, int) else draws
    simulation = _Simulation(data, span, numbers, seed, model, threads, doubt)
    simulation.draw(demography, demographic_noise)
    results = [
        simulation.run(scenario, regions)
        for scenario, regions in _bar(list(zip(chosen, covered, strict=True)), progress)
    ]
    result = xr.concat(results, "scenario", join="outer", data_vars="all", coords="minimal")
    if "channel" in result.dims:
        # Joining scenarios with different channels sorts them; the package comes last.
        channels = dict.fromkeys(
            str(c) for one in results if "channel" in one for c in one["channel"].values
        )
        result = result.sel(channel=[*(c for c in channels if c != "package"), "package"])
    # A scenario without an instrument, and a region without the scenario, have nothing of it.
    nothing = {
        "payments": 0.0,
        "payments_anyway": 0.0,
        "promised_per_birth": 0.0,
        "promised_per_birth_package": 0.0,
        "payer_share": 0.0,
        "service_payments": 0.0,
        "service_payments_anyway": 0.0,
        "chance_of_no_effect": 1.0,
        "chance_of_negligible_effect": 1.0,
    }
    for name in nothing.keys() & result.data_vars.keys():
        result[name] = result[name].fillna(nothing[name])
    for array in result.data_vars.values():
        array.attrs["source"] = "projected"
    names: dict[str, Any] = {name: data[name] for name in _REGION_NAMES if name in data.coords}
    names["scenario_label"] = ("scenario", [scenario.label.en for scenario in chosen])
    names["scenario_label_zh"] = ("scenario", [scenario.label.zh for scenario in chosen])
    result = result.assign_coords(names)
    result = result.transpose("region", "scenario", ..., "draw")
    named = getattr(getattr(model, "spec", None), "id", type(model).__name__)
    ran = ", ".join(scenario.id for scenario in chosen)
    return stamp(
        label(result),
        f"ran {ran}: {len(numbers)} draws, seed {seed}, response {named}",
        seed=seed,
        response=named,
        uncertainty=doubt.name,
        inputs_sha256=fingerprint(data, *([] if demography is None else [demography])),
        notices="\n".join(simulation.notices),
        **{key: data.attrs[key] for key in _INHERITED if key in data.attrs},
    )


class _Services(NamedTuple):
    """Of one region: what applies there, its places, and CNY by instrument, all and anyway."""

    scenario: Scenario
    counts: PlaceCounts
    payments: dict[str, tuple[np.ndarray, np.ndarray]]


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
        uncertainty: Uncertainty,
    ) -> None:
        self.data = data
        self.uncertainty = uncertainty
        self.timed = prepared(data, uncertainty)
        self.inputs = self.timed[[name for name in INPUTS if name in data]]
        self.years, self.draws, self.seed = years, draws, seed
        self.model = model
        self.threads = threads
        self.regions = [str(region) for region in data["region"].values]
        self.factors = demographic_draws(self.timed, years, draws, seed, uncertainty)
        self.central = central_factors(self.timed, years, uncertainty)
        self.contexts: dict[str, Context] = {}
        self.births: xr.DataArray | None = None
        self.notices: list[str] = []

    def draw(self, given: xr.Dataset | None, noise: bool) -> None:
        """Put trajectories made elsewhere and the chance of single events into the factors."""
        if given is not None:
            self.factors, self.central = replace_factors(self.factors, self.central, given)
        if noise:
            self.factors = with_noise(
                self.inputs,
                self.factors,
                central=self.central,
                years=self.years,
                first=int(self.data.attrs["first_projected_year"]),
                seed=self.seed,
                threads=self.threads,
            )
        self.notices += [line for line in self.factors.attrs.get("notices", "").split("\n") if line]

    def run(self, scenario: Scenario, regions: list[str]) -> xr.Dataset:
        """Run one scenario in some regions; the reference must be the first."""
        parts = self._effects(scenario, regions)
        effect = self._factor(parts)
        result = self._project(effect)
        if not self.contexts:
            self._set_contexts(result)
            self._note_cuts(result)
            self.births = result["births_by_order"]
        result["population"] = self._project_central(effect)
        cash = cash_policies(scenario)
        alone = result["births_by_order"]
        if not cash and self.births is not None:
            # Without its other instruments the scenario is the reference.
            alone = self.births
        elif cash and len(cash) < len(scenario.policies):
            only = self._effects(scenario.with_only(*cash), regions)
            alone = self._project(self._factor(only))["births_by_order"]
        result["births_by_order_cash_alone"] = alone
        if cash:
            announced = min(policy.announced.year for policy in cash.values())
            result["cash_announced"] = max(announced, self.years[0])
            result["promised_per_birth"] = self._promised(scenario, regions, "cash")
        services = self._services(scenario, regions)
        result = result.merge(self._places(services))
        if scenario.policies:
            announced = min(policy.announced.year for policy in scenario.policies.values())
            result["package_announced"] = max(announced, self.years[0])
            result["promised_per_birth_package"] = self._promised(scenario, regions, "all")
            paid = self._payments(scenario, services, result["births_by_order"])
            result["payments"], result["payments_anyway"] = paid
            result["payer_share"] = payer_shares(scenario)
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
            own = scenario.within(region)
            given = (own, no_policy(), self.contexts[region], self.draws, self.seed)
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
        return self._by_data_order(
            xr.DataArray(
                factor,
                dims=("region", "draw", "year", "birth_order"),
                coords={
                    "region": self.regions,
                    "draw": list(self.draws),
                    "year": list(self.years),
                    "birth_order": list(ORDERS),
                },
            )
        )

    def _by_data_order(self, given: _Labelled) -> _Labelled:
        """Move an array or Dataset from the orders of policies (4 and later) to the data's."""
        orders = self.data["birth_order"].values
        moved = given.isel(birth_order=np.minimum(orders, len(ORDERS)) - 1)
        return moved.assign_coords(birth_order=orders)

    def _project(self, effect: xr.DataArray) -> xr.Dataset:
        return indicators(self._projected(effect))

    def _projected(
        self, effect: xr.DataArray, detail: Literal["indicators", "history"] = "indicators"
    ) -> xr.Dataset:
        factors = self.factors
        if effect.sizes["draw"] < factors.sizes["draw"]:
            factors = factors.sel(draw=effect["draw"])
        return project(
            self.inputs,
            years=self.years,
            factors=factors.assign(fertility_factor=factors["fertility_factor"] * effect),
            detail=detail,
            on_negative="cut",
            age_groups=AGE_BREAKS,
            threads=self.threads,
        )

    def _project_central(self, effect: xr.DataArray) -> xr.DataArray:
        central = project(
            self.inputs,
            years=self.years,
            factors=self.central.assign(
                fertility_factor=self.central["fertility_factor"] * effect.mean("draw")
            ),
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
            if "childcare_places" in own:
                places = own["childcare_places"].sel(year=years).values
            else:
                places = reference_places(np.array(years))
            self.contexts[region] = Context(
                years=np.array(years),
                population=stocks["population_total"].values[place],
                children_under_3=stocks["children_under_3"].values[place],
                places_ref=places,
                gdp_per_head=float(own["gdp_per_head"]) if "gdp_per_head" in own else None,
            )

    def _by_region(self, scenario: Scenario, regions: list[str]) -> dict[str, Scenario]:
        """Return what applies in every region of the data: nothing outside the scenario's."""
        return {
            region: scenario.within(region) if region in regions else no_policy()
            for region in self.regions
        }

    def _promised(self, scenario: Scenario, regions: list[str], instruments: str) -> xr.DataArray:
        """Return what a birth is promised in each region, 0 outside the scenario's."""
        found = [
            promised_per_birth(own, self.years, instruments=instruments)
            for own in self._by_region(scenario, regions).values()
        ]
        promised = xr.concat(found, "region").assign_coords(region=self.regions)
        return self._by_data_order(promised)

    def _payments(
        self, scenario: Scenario, services: dict[str, _Services], births: xr.DataArray
    ) -> tuple[xr.DataArray, xr.DataArray]:
        """Return what every instrument costs in each year, and what of it would be paid anyway.

        The instruments are in the order of the file.
        """
        years = np.array(self.years)
        paid = []
        for region, here in services.items():
            ours = self._policy_orders(births, region)
            without = ours if self.births is None else self._policy_orders(self.births, region)
            for place, born in enumerate((ours, np.minimum(ours, without))):
                by_child = payments_by_year(here.scenario, born, years)
                everything = by_child.reindex(policy=list(scenario.policies), fill_value=0.0).copy()
                for name, money in here.payments.items():
                    everything.loc[{"policy": name}] += money[place]
                paid.append(everything)
        several = [xr.concat(part, "region") for part in (paid[::2], paid[1::2])]
        coords = {"region": self.regions, "draw": list(self.draws)}
        spent, anyway = (part.assign_coords(coords) for part in several)
        return spent, anyway

    def _policy_orders(self, births: xr.DataArray, region: str) -> np.ndarray:
        """Return births by the orders of policies (4 and later), dims (draw, year, order)."""
        own = births.sel(region=region).transpose("draw", "year", "birth_order").values
        moved = np.zeros((*own.shape[:-1], len(ORDERS)))
        for place in range(own.shape[-1]):
            moved[..., min(place, len(ORDERS) - 1)] += own[..., place]
        return moved

    def _place_counts(self, scenario: Scenario, region: str) -> PlaceCounts:
        context = self.contexts[region]
        channel = getattr(self.model, "channels", {}).get("childcare")
        used: np.ndarray | float = UTILISATION
        if channel is not None and channel.utilisation is not None:
            drawn = draw_channel(channel, "childcare", self.draws, self.seed)
            used = drawn.utilisation[:, None]
        people = context.population, context.children_under_3
        return place_counts(scenario, context.years, *people, context.places_ref, used)

    def _service(self, own: Scenario, region: str) -> _Services:
        """Return places in numbers and the money for services of a region."""
        counts = self._place_counts(own, region)
        return _Services(own, counts, service_payments(own, counts, self.contexts[region].years))

    def _services(self, scenario: Scenario, regions: list[str]) -> dict[str, _Services]:
        applies = self._by_region(scenario, regions)
        return {region: self._service(own, region) for region, own in applies.items()}

    def _places(self, services: dict[str, _Services]) -> xr.Dataset:
        """Return numbers of places, means over draws, and the money for services by draw."""
        years = len(self.years)
        counted = np.zeros((4, len(self.regions), years))
        money = np.zeros((2, len(self.regions), len(self.draws), years))
        for row, here in enumerate(services.values()):
            counts = here.counts
            several = counts.places, built_places(counts.places), counts.used
            counted[:3, row] = [array.mean(axis=0) for array in several]
            for name, spent in here.payments.items():
                money[:, row] += spent
                if grant_per_place(here.scenario.policies[name]) is not None:
                    counted[3, row] += spent[0].mean(axis=0)
        names = [
            "childcare_places_total",
            "childcare_places_built",
            "children_in_care",
            "construction_payments",
        ]
        by_draw = "service_payments", "service_payments_anyway"
        found = {name: (("region", "year"), a) for name, a in zip(names, counted, strict=True)}
        by_year = {
            name: (("region", "draw", "year"), a) for name, a in zip(by_draw, money, strict=True)
        }
        coords = {"region": self.regions, "draw": list(self.draws), "year": list(self.years)}
        return xr.Dataset({**found, **(by_year if money.any() else {})}, coords=coords)

    def _chances(self, effects: dict[str, dict[str, np.ndarray]]) -> xr.Dataset:
        years = np.array(self.years)
        chances = [effect_chances(parts, years) for parts in effects.values()]
        return self._by_data_order(xr.concat(chances, xr.Variable("region", list(effects))))

    def _note(self, scenario: Scenario, regions: list[str]) -> None:
        told = self._note_regions(scenario, regions)
        for region in regions:
            context = self.contexts[region]
            told += scenario_notices(scenario, region, self.data, context, self.model)
        self.notices += [line for line in dict.fromkeys(told) if line not in self.notices]

    def _note_regions(self, scenario: Scenario, regions: list[str]) -> list[str]:
        """Say which instruments name regions without it, and whose spending is multiplied."""
        told = []
        for name, policy in scenario.policies.items():
            for code in policy.regions or ():
                one = scenario.model_copy(update={"regions": (code,)})
                if not any(one.covers(region) for region in regions):
                    told.append(
                        f"{scenario.id}: {name} names region {code}, which is not among the "
                        "regions of the run in which the scenario applies"
                    )
            there = sum(name in scenario.within(region).policies for region in regions)
            money = isinstance(policy, Measure) and (policy.spending or policy.spending_a_year)
            if money and there > 1:
                told.append(
                    f"{scenario.id}: the spending of {name} is counted in each of {there} regions"
                )
        return told

    def _note_cuts(self, reference: xr.Dataset) -> None:
        for region in self.regions:
            self.notices += cut_notices(reference["outflow_cut"].sel(region=region).values, region)


def scenario_notices(
    scenario: Scenario, region: str, data: xr.Dataset, context: Context, model: ResponseModel
) -> list[str]:
    """Return what a reader must know of a scenario in a region, one sentence each.

    Parameters
    ----------
    scenario : Scenario
    region : str
        One that the scenario covers.
    data : xarray.Dataset
        The baseline.
    context : Context
        Of the reference run of the region.
    model : object with a method ``log_effect``
        Its ``notices``, if it has that method, are among them.

    Examples
    --------
    >>> context = Context(np.array([2021]), np.ones(1), np.ones(1), np.ones(1))
    >>> scenario_notices(no_policy(), "330000", xr.Dataset(), context, Response())
    []
    """
    told = []
    given = scenario.gdp_per_head
    if given is not None and given.value != context.gdp_per_head:
        own = "there is none" if context.gdp_per_head is None else f"{context.gdp_per_head:,.0f}"
        told.append(
            f"{scenario.id}: doses in {region} take the GDP per head of the scenario file, "
            f"{given.value:,.0f} CNY, not the region's own ({own})"
        )
    told += _other_prices(scenario, region, data)
    if capacity(scenario.within(region)) is not None and "childcare_places" not in data:
        told.append(
            f"{scenario.id}: the data hold no childcare_places of {region}; the nation's "
            "stand for them (ILLUSTRATIVE)"
        )
    notices = getattr(model, "notices", None)
    told += notices(scenario.within(region), context) if notices is not None else []
    return told


def _other_prices(scenario: Scenario, region: str, data: xr.Dataset) -> list[str]:
    """Say which amounts and GDP per head are in prices of different years."""
    if scenario.gdp_per_head is not None or "gdp_per_head" not in data:
        return []
    prices = data["gdp_per_head"].attrs.get("price_year")
    given = {name: getattr(p, "price_year", None) for name, p in scenario.policies.items()}
    return [
        f"{scenario.id}: {name} is in prices of {price_year}, GDP per head of {region} "
        f"in prices of {prices}; amounts are taken as they stand"
        for name, price_year in given.items()
        if None not in (price_year, prices) and price_year != prices
    ]


def cut_notices(persons: np.ndarray, region: str) -> list[str]:
    """Return in one sentence, or none, what net migration could not take from a region.

    Parameters
    ----------
    persons : numpy.ndarray
        ``outflow_cut`` of the reference [person], shape (draw,).
    region : str
    """
    draws = int((persons > 0).sum())
    if not draws:
        return []
    return [
        f"in {draws} of {len(persons)} draws net migration takes more people from a "
        f"cell of {region} than live there; {float(persons.sum()):,.0f} persons, all "
        f"those draws and years together, stay instead"
    ]


class Repeated:
    """One baseline and one set of draws, for many scenarios in turn.

    The reference is projected once; every scenario after it is projected on the same random
    numbers and doses of the same reference. For methods that ask for many runs.

    Parameters
    ----------
    baseline, response, uncertainty, demography, demographic_noise, years, draws, seed, threads
        As in :func:`run`.

    Attributes
    ----------
    reference : xarray.Dataset
        Indicators without any policy (region, year or time, draw).
    regions : list of str
    years, draws : range

    Raises
    ------
    ScenarioError, DataError, ProjectionError
        As :func:`run`.

    Examples
    --------
    >>> repeated = Repeated("zhejiang-2020", years=range(2021, 2024), draws=2)
    >>> factor = repeated.factor(no_policy())
    >>> bool((repeated.births(factor) == repeated.reference.births_by_order).all())
    True
    """

    def __init__(
        self,
        baseline: xr.Dataset | str,
        *,
        response: ResponseModel | str | Path = "default",
        uncertainty: str | Uncertainty = "default",
        demography: xr.Dataset | None = None,
        demographic_noise: bool = False,
        years: Iterable[int] | None = None,
        draws: int | range = 500,
        seed: int = 1,
        threads: int | None = None,
    ) -> None:
        data = load_baseline(baseline) if isinstance(baseline, str) else baseline
        doubt = uncertainty_named(uncertainty)
        _check(data, doubt)
        self.response = (
            Response(read_response(response)) if isinstance(response, str | Path) else response
        )
        self.years = _years(data, years)
        if isinstance(draws, bool) or not isinstance(draws, int | range) or not _size(draws):
            raise DataError(f"draws={draws!r} is not a number of draws; write: draws=500")
        self.draws = range(draws) if isinstance(draws, int) else draws
        self._simulation = _Simulation(
            data, self.years, self.draws, seed, self.response, threads, doubt
        )
        self._simulation.draw(demography, demographic_noise)
        self.data = data
        self.regions = self._simulation.regions
        reference = self._simulation.run(no_policy(), self.regions)
        self.reference = reference.isel(scenario=0, drop=True)

    def factor(
        self,
        scenario: Scenario | Mapping[str, Scenario],
        *,
        response: ResponseModel | None = None,
    ) -> xr.DataArray:
        """Return the factor on birth rates (region, draw, year, birth_order).

        Parameters
        ----------
        scenario : Scenario or mapping of region to Scenario
            One scenario, or one for each of some regions; the others have no policy.
        response : object with a method ``log_effect``, optional
            Another response than that of the runs.
        """
        given = (
            {region: scenario for region in covered_regions(scenario, self.data)}
            if isinstance(scenario, Scenario)
            else dict(scenario)
        )
        simulation = self._simulation
        simulation.model = response or self.response
        parts: dict[str, dict[str, np.ndarray]] = {}
        for region, own in given.items():
            parts |= simulation._effects(own, [region])
        return simulation._factor(parts)

    def births(self, factor: xr.DataArray) -> xr.DataArray:
        """Return births by order under a factor (region, draw, year, birth_order) [birth]."""
        # Indicators take longer than a small projection, and births are there before them.
        return self._simulation._projected(factor)["births_by_order"]

    def run(self, scenario: Scenario) -> xr.Dataset:
        """Return what :func:`run` reports of one scenario, without the dimension scenario."""
        simulation = self._simulation
        simulation.model = self.response
        found = simulation.run(scenario, covered_regions(scenario, self.data))
        return found.isel(scenario=0, drop=True)

    def indicators(
        self,
        factor: xr.DataArray,
        which: str | Iterable[str] = "monitoring",
        *,
        block: int | None = None,
    ) -> xr.Dataset:
        """Return the indicators under a factor (region, year or time, draw).

        Parameters
        ----------
        factor : xarray.DataArray
        which : str or iterable of str
            Sets and indicators by name, as in :func:`popsim.indicators`.
        block : int, optional
            Draws that are projected together with every single age, for indicators that need them;
            50 draws of 40 years of a region take 25 MB. Age groups of all draws by default.
        """
        simulation = self._simulation
        if block is None:
            return indicators(simulation._projected(factor), which)
        starts = range(0, factor.sizes["draw"], block)
        parts = [factor.isel(draw=slice(start, start + block)) for start in starts]
        found = [indicators(simulation._projected(part, "history"), which) for part in parts]
        told = [
            line for part in found for line in part.attrs.get("notices", "").split("\n") if line
        ]
        joined = xr.concat(found, "draw", data_vars="minimal", coords="minimal", compat="override")
        if told:
            joined.attrs["notices"] = "\n".join(dict.fromkeys(told))
        return joined

    @property
    def notices(self) -> list[str]:
        """What a reader must know of the runs so far."""
        return list(self._simulation.notices)

    def service_payments(self, scenario: Scenario, region: str) -> xr.DataArray:
        """Return what places, care and measures cost in a region (draw, year) [CNY]."""
        paid = self._simulation._service(scenario, region).payments.values()
        total = sum((money for money, _ in paid), np.zeros((len(self.draws), len(self.years))))
        coords = {"draw": list(self.draws), "year": list(self.years)}
        return xr.DataArray(total, coords, ("draw", "year"))

    def by_data_order(self, array: xr.DataArray) -> xr.DataArray:
        """Move an array from the birth orders of policies (4 and later) to those of the data."""
        return self._simulation._by_data_order(array)


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


def against_no_expansion(data: xr.Dataset, scenario: Scenario) -> xr.Dataset:
    """Return the baseline whose childcare places stop growing when a target is announced.

    A target counts only for what it adds to the places that come anyway. What comes anyway is
    not known for a county; this is the other extreme.

    Parameters
    ----------
    data : xarray.Dataset
        A baseline with ``childcare_places`` (region, year) [places/1000 residents].
    scenario : Scenario

    Returns
    -------
    xarray.Dataset
        The baseline itself when the scenario has no target of childcare places. In a region
        without one places grow as they did.

    Examples
    --------
    >>> base = load_baseline("zhejiang-2020")
    >>> against_no_expansion(base, no_policy()) is base
    True
    """
    if capacity(scenario) is None:
        return data
    places = data["childcare_places"]
    frozen = places.copy()
    for region in covered_regions(scenario, data):
        target = capacity(scenario.within(region))
        if target is None:
            continue
        own = places.sel(region=region)
        start = max(target.announced.year, int(own["year"].values[0]))
        frozen.loc[{"region": region}] = own.where(own["year"] <= start, own.sel(year=start))
    return data.assign(childcare_places=frozen)


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


def _check(data: xr.Dataset, uncertainty: Uncertainty) -> None:
    """Refuse data that lack what a run needs, all problems at once."""
    known = [name for name in (*INPUTS, *DRAWN) if name in data]
    if "region" not in data.dims:
        raise DataError("the data have no dimension region; write: data.expand_dims(region=[...])")
    unused = {
        "fertility_innovation": uncertainty.fertility != "level",
        "migration_innovation": uncertainty.migration == "none",
    }
    needed = [
        name for name in (*INPUTS, *DRAWN) if name not in OPTIONAL and not unused.get(name, False)
    ]
    validate(data[known], required=needed)
    if "first_projected_year" not in data.attrs:
        raise DataError(
            "the data do not say from which year on they are projected; write: "
            "data.attrs['first_projected_year'] = 2024"
        )


def _size(draws: int | range) -> int:
    return draws if isinstance(draws, int) else len(draws)


def _years(data: xr.Dataset, years: Iterable[int] | None) -> range:
    there = data["year"].values
    first, last = int(there[0]), int(there[-1])
    if years is None:
        return range(first, last + 1)
    asked = [int(year) for year in years]
    span = range(first, first + len(asked))
    if not asked or asked != list(span) or asked[-1] > last:
        named = f"{asked[0]}-{asked[-1]}" if asked else "of an empty list"
        raise DataError(
            f"years {named} do not fit: they must follow each other from {first}, where the "
            f"baseline starts, to {last} at most; write: range({first}, {last + 1}), or carry the "
            f"baseline on with popsim.extend_baseline"
        )
    return span


def _bar(steps: list[Any], show: bool) -> Any:
    if not show:
        return steps
    from tqdm.auto import tqdm

    return tqdm(steps, desc="scenarios", unit="scenario")
