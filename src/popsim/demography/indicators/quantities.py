"""What the functions of indicators may ask for, and how it is found.

A name is looked up in what the caller gave, among the outputs of the projection, among the
indicators, and among the quantities of this module, which are functions of the same kind. What was
computed once is kept for the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from popsim.demography import exposure
from popsim.demography.indicators.definition import Indicator, asked_for
from popsim.errors import DataError

__all__ = ["GIVEN", "HISTORY", "ONE_OF", "QUANTITIES", "Quantities", "ages"]

#: Outputs of a projection that keeps every age.
HISTORY = ("population", "women_by_parity", "births_by_age", "cohort_deaths", "net_migration")
#: What a caller may give besides the projection.
GIVEN = ("past_births_by_order", "survival_ratio")
#: Quantities that need one of several outputs.
ONE_OF = {"people": ("population_by_age_group", "population")}


class Quantities:
    """Everything that can be had from one projection, computed when it is first asked for.

    Parameters
    ----------
    projected : xarray.Dataset
        Outputs of a projection.
    indicators : mapping of str to Indicator
        Indicators that others may ask for.
    given : mapping of str
        What the caller gave besides.
    """

    def __init__(
        self,
        projected: xr.Dataset,
        indicators: Mapping[str, Indicator],
        given: Mapping[str, Any],
    ) -> None:
        outputs: dict[str, Any] = {str(name): projected[name] for name in projected.data_vars}
        if "draw" in projected.dims:
            # A run keeps single ages of its central trajectory only; no draw fits to them.
            alone = [n for n in HISTORY if n in outputs and "draw" not in outputs[n].dims]
            outputs = {name: array for name, array in outputs.items() if name not in alone}
        self._known: dict[str, Any] = {"attributes": projected.attrs, **outputs, **given}
        self._indicators = indicators
        self._asked: list[str] = []
        self._computed: dict[str, Any] = {}

    def has_used(self, name: str) -> bool:
        """Tell whether something was asked for and found."""
        return name in self._known

    def missing(self, name: str, asked: tuple[str, ...] = ()) -> set[str]:
        """Return the outputs that a name needs and that are not there."""
        if name in self._known or name in asked:
            return set()
        if name in self._indicators:
            needs = self._indicators[name].needs
            if name in needs:  # reported as it is
                return {name}
        elif name in QUANTITIES:
            one_of = ONE_OF.get(name, ())
            if one_of and not set(one_of) & self._known.keys():
                return {one_of[-1]}
            needs = _ASKED[name][0]
        else:
            return {name}
        return set().union(*(self.missing(need, (*asked, name)) for need in needs))

    def missing_for(self, indicator: Indicator) -> set[str]:
        """Return the outputs that an indicator needs and that are not there."""
        return set().union(*(self.missing(need) for need in indicator.needs))

    def compute(self, indicator: Indicator) -> Any:
        """Call the function of an indicator with what it asks for."""
        if self._computed.get(indicator.name) is None:
            found = self._call(indicator.name, indicator.function, indicator.needs, indicator.takes)
            self._computed[indicator.name] = found
        return self._computed[indicator.name]

    def _call(
        self,
        name: str,
        function: Callable[..., Any],
        needs: tuple[str, ...],
        takes: tuple[str, ...],
    ) -> Any:
        if name in self._asked:
            circle = " -> ".join([*self._asked[self._asked.index(name) :], name])
            raise DataError(f"indicators ask for each other in a circle: {circle}")
        self._asked.append(name)
        try:
            there = (*needs, *(name for name in takes if not self.missing(name)))
            return function(**{name: self[name] for name in there})
        finally:
            self._asked.pop()

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            if name in self._indicators:
                self._known[name] = self.compute(self._indicators[name])
            else:
                self._known[name] = self._call(name, QUANTITIES[name], *_ASKED[name])
        return self._known[name]


def ages(groups: xr.DataArray, first: int, end: int | None = None) -> xr.DataArray:
    """Return the age groups from ``first`` up to, not including, ``end``."""
    starts = groups["age_group_start"].values
    missing = [age for age in (first, end) if age is not None and age not in starts]
    if missing:
        raise DataError(
            f"no age group starts at {missing[0]} (they start at {', '.join(map(str, starts))})"
        )
    inside = starts >= first
    if end is not None:
        inside &= starts < end
    return groups.isel(age_group=np.flatnonzero(inside))


People = Callable[..., xr.DataArray]


def people(
    population_by_age_group: xr.DataArray | None = None, population: xr.DataArray | None = None
) -> People:
    """``people(first, end=None, sex=None)``: persons [person] of completed ages first to end - 1.

    From age groups where they have both limits, from single ages otherwise.
    """
    kept: dict[Any, xr.DataArray] = {}

    def summed(first: int = 0, end: int | None = None, sex: str | None = None) -> xr.DataArray:
        key = (first, end, sex)
        if key not in kept:
            groups = population_by_age_group
            limits = {first} if end is None else {first, end}
            whole = groups is not None and limits <= set(groups["age_group_start"].values.tolist())
            if groups is not None and (whole or population is None):
                chosen = groups if first == 0 and end is None else ages(groups, first, end)
                along = "age_group"
            else:
                assert population is not None  # one of the two is there, see ONE_OF
                oldest = int(population["age"].values[-1])
                if max(limits) > oldest:
                    raise DataError(f"ages end with the open group {oldest}+, below {max(limits)}")
                chosen = population.sel(age=slice(first, None if end is None else end - 1))
                along = "age"
            if sex is None:
                kept[key] = chosen.sum(["sex", along])
            else:
                kept[key] = chosen.sel(sex=sex, drop=True).sum(along)
        return kept[key]

    return summed


def mean_of_year(births_by_order: xr.DataArray) -> Callable[[xr.DataArray], xr.DataArray]:
    """``mean_of_year(stock)``: mean of a stock on ``time`` at start and end of each year."""
    years = births_by_order["year"].values

    def mean(stock: xr.DataArray) -> xr.DataArray:
        return (_of_year(stock, years) + _of_year(stock, years, 1)) / 2

    return mean


def mean_population(
    people: People, mean_of_year: Callable[[xr.DataArray], xr.DataArray]
) -> xr.DataArray:
    """Mean population of the year (year) [person]."""
    return mean_of_year(people())


class BirthExposure(NamedTuple):
    """Woman-years and rates of :func:`popsim.demography.exposure.birth_exposure`, labelled."""

    total: xr.DataArray
    by_parity: xr.DataArray
    conditional: xr.DataArray


def birth_exposure(
    women_by_parity: xr.DataArray,
    births_by_age: xr.DataArray,
    net_migration: xr.DataArray,
    attributes: Mapping[str, Any],
) -> BirthExposure:
    """Woman-years of the year ``total`` (year, age), ``by_parity`` and ``conditional`` rates.

    Raises
    ------
    DataError
        When the women by parity at the end of a year do not follow from those at its start and the
        births, as where migrants have a parity distribution of their own.
    """
    years = births_by_age["year"].values
    order = ("year", "birth_order", "age")
    births = births_by_age.transpose(..., *order)
    parity = women_by_parity.transpose(..., "time", "parity", "age")
    moved = net_migration.sel(sex="female", drop=True)
    start = _of_year(parity, years)
    end = _of_year(parity, years, 1)
    stock, after = start.sum("parity"), end.sum("parity")
    even = attributes.get("migration_timing", "even") == "even"
    if even:
        there = stock + moved / 2
        start = start * (there / stock.where(stock > 0)).fillna(1.0)
        before_births = after
    else:
        before_births = after - moved
        end = end * (before_births / after.where(after > 0)).fillna(1.0)
    lead = births.dims[:-3]
    start, end = (x.transpose(*lead, "year", "parity", "age") for x in (start, end))
    # Subtracting migrants from a cell that they empty can leave a negative number of rounding.
    guarded = before_births.transpose(*lead, "year", "age").values.clip(min=0)
    found = exposure.birth_exposure(births.values, start.values.clip(min=0), guarded)
    # Above the oldest mother parity acts on nothing, and migration is cut there most often.
    mothers = np.flatnonzero((births.values > 0).any(axis=tuple(range(births.ndim - 1))))
    span = slice(1, mothers[-1] + 1) if mothers.size else slice(0, 0)
    difference = np.abs(found.end - end.values)[..., span]
    if np.any(difference > 1e-6 * np.maximum(guarded[..., None, span], 1.0)):
        raise DataError(
            "the women by parity at the end of a year do not follow from those at its start and "
            "its births; rates by parity cannot be read back where net migration was cut or "
            "migrants have a parity distribution of their own"
        )
    return BirthExposure(
        births.isel(birth_order=0, drop=True).copy(data=found.total),
        start.copy(data=found.by_parity),
        births.copy(data=found.conditional),
    )


def _of_year(stock: xr.DataArray, years: np.ndarray, shift: int = 0) -> xr.DataArray:
    """Return the stock at the start of each year, or that many years later, on ``year``."""
    there = stock.sel(time=years + shift).rename(time="year")
    return there.assign_coords(year=years) if shift else there


def survival(
    population: xr.DataArray,
    net_migration: xr.DataArray,
    cohort_deaths: xr.DataArray,
    births_by_sex: xr.DataArray,
    attributes: Mapping[str, Any],
    survival_ratio: xr.DataArray | None = None,
) -> xr.DataArray:
    """Survival ratio into each age (year, sex, age) [1], from deaths over those who met the risk.

    Not a number where nobody did; what the caller gave as ``survival_ratio`` goes first.
    """
    years = cohort_deaths["year"].values
    if survival_ratio is not None:
        if "mortality_level" in survival_ratio.dims:
            survival_ratio = survival_ratio.sel(mortality_level="central", drop=True)
        if "year" in survival_ratio.dims:
            absent = sorted(set(years.tolist()) - set(survival_ratio["year"].values.tolist()))
            if absent:
                raise DataError(f"survival_ratio has no year {absent[0]}")
            survival_ratio = survival_ratio.sel(year=years)
        return survival_ratio.reset_coords(drop=True).broadcast_like(cohort_deaths)
    exposed = _of_year(population, years)
    if attributes.get("migration_timing", "even") == "even":
        exposed = exposed + net_migration / 2
    exposed = exposed.transpose(*cohort_deaths.transpose(..., "age").dims)
    reached = np.empty_like(exposed.values)
    reached[..., 0] = births_by_sex.transpose(*exposed.dims[:-1]).values
    reached[..., 1:] = exposed.values[..., :-1]
    reached[..., -1] += exposed.values[..., -1]
    deaths = cohort_deaths.transpose(*exposed.dims).values
    dead = np.divide(deaths, reached, out=np.full(deaths.shape, np.nan), where=reached > 0)
    return exposed.copy(data=1 - dead)


def person_years(survival: xr.DataArray) -> xr.DataArray:
    """Years lived at each age by one newborn (year, sex, age) [year]: ``L_0 = S_0``, ``L_x = L_{x-1} S_x``.

    In the open group ``T_A = L_{A-1} S_A / (1 - S_A)``.
    """  # noqa: E501 - the first line is the text of the documentation
    survival = survival.transpose(..., "age")
    S = survival.values
    L = np.cumprod(S, axis=-1)
    last = S[..., -1]
    gone = np.where(last < 1, 1 - last, np.nan)
    L[..., -1] = L[..., -2] * last / gone
    return survival.copy(data=L)


def maternity_rates(
    incidence_fertility_rate: xr.DataArray, births_by_sex: xr.DataArray
) -> xr.DataArray:
    """Births of girls per woman-year (year, age) [year-1]; their share is that of all births."""
    births = births_by_sex.sum("sex")
    girls = births_by_sex.sel(sex="female", drop=True) / births.where(births > 0)
    return incidence_fertility_rate.sum("birth_order") * girls.fillna(0.0)


def fertility_table(progression_fertility_rate: xr.DataArray) -> xr.DataArray:
    """Births per woman by order (year, birth_order) of the period fertility table of each year.

    A parity that no woman of an age has gives no births at that age.
    """
    # Imported here: it loads scipy, which a run does not need.
    from popsim.demography.parity import period_fertility_table

    rates = progression_fertility_rate.fillna(0.0).transpose(..., "birth_order", "age")
    fertile = np.flatnonzero((rates.values > 0).any(axis=tuple(range(rates.ndim - 1))))
    # Ages without births change nothing and cost a matrix exponential each.
    span = slice(fertile[0], fertile[-1] + 1) if len(fertile) else slice(0, 1)
    few = rates.isel(age=span)
    table = period_fertility_table(few.values, few["age"].values)
    return few.isel(age=0, drop=True).copy(data=table["patfr"].values)


class Tempo(NamedTuple):
    """Tempo-adjusted fertility of :func:`popsim.demography.fertility.tempo_adjusted`, labelled."""

    by_order: xr.DataArray
    total: xr.DataArray
    edge: xr.DataArray
    notice: str


def tempo(
    total_fertility_rate_by_order: xr.DataArray, mean_age_at_birth_by_order: xr.DataArray
) -> Tempo:
    """Bongaarts and Feeney's adjustment: ``by_order``, ``total``, ``edge`` and a ``notice``."""
    # Imported here: it loads scipy, which a run does not need.
    from popsim.demography.fertility import tempo_adjusted

    rates = total_fertility_rate_by_order.transpose(..., "birth_order", "year")
    means = mean_age_at_birth_by_order.transpose(*rates.dims)
    years = rates["year"].values
    found = tempo_adjusted(rates.values, means.values, years, on_excess="nan")
    adjusted = found["adjusted"].values
    missing = np.isnan(adjusted)
    notice = ""
    if missing.any():
        places = missing.any(axis=tuple(range(missing.ndim - 2)))
        cells = [
            f"order {rates['birth_order'].values[k]} in {years[t]}" for k, t in np.argwhere(places)
        ]
        more = f" and {len(cells) - 5} more" if len(cells) > 5 else ""
        notice = (
            "tempo-adjusted total fertility is not reported where a mean age at birth moves by "
            f"more than 0.5 years a year: {', '.join(cells[:5])}{more}"
        )
    return Tempo(
        rates.copy(data=adjusted),
        rates.isel(birth_order=0, drop=True).copy(data=found["total"].values),
        rates["year"].copy(data=found["edge"].values.astype(float)),
        notice,
    )


#: Quantities by name, with what each is in the docstring of its function.
QUANTITIES: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        people,
        mean_of_year,
        mean_population,
        birth_exposure,
        survival,
        person_years,
        maternity_rates,
        fertility_table,
        tempo,
    )
}
_ASKED = {name: asked_for(function) for name, function in QUANTITIES.items()}
