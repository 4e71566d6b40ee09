"""Indicators of births, period fertility, reproduction, and the children whom policies pay for.

The definition of each stands in the table of variables.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from popsim.demography import stable
from popsim.demography.indicators.definition import USUAL, Indicator, from_registry
from popsim.demography.indicators.quantities import BirthExposure, People, Tempo
from popsim.errors import DataError

__all__ = ["FERTILITY"]


def births_by_sex(births_by_sex: xr.DataArray) -> xr.DataArray:
    return births_by_sex


def sex_ratio_at_birth(births_by_sex: xr.DataArray) -> xr.DataArray:
    girls = births_by_sex.sel(sex="female", drop=True)
    return births_by_sex.sel(sex="male", drop=True) / girls.where(girls > 0)


def first_child_share(births_by_order: xr.DataArray, births: xr.DataArray) -> xr.DataArray:
    return births_by_order.sel(birth_order=1, drop=True) / births


def mean_age_at_birth(
    mean_age_at_birth_by_order: xr.DataArray, total_fertility_rate_by_order: xr.DataArray
) -> xr.DataArray:
    weights = total_fertility_rate_by_order
    total = weights.sum("birth_order")
    # An order without births has no mean age and no weight.
    summed = (weights * mean_age_at_birth_by_order.where(weights > 0, 0.0)).sum("birth_order")
    return summed / total.where(total > 0)


def general_fertility_rate(
    births: xr.DataArray,
    women_15_49: xr.DataArray,
    mean_of_year: Callable[[xr.DataArray], xr.DataArray],
) -> xr.DataArray:
    return births / mean_of_year(women_15_49)


def incidence_fertility_rate(
    births_by_age: xr.DataArray, birth_exposure: BirthExposure
) -> xr.DataArray:
    women = birth_exposure.total
    return births_by_age / women.where(women > 0, np.inf)


def progression_fertility_rate(birth_exposure: BirthExposure) -> xr.DataArray:
    return birth_exposure.conditional


def parity_progression_ratio(fertility_table: xr.DataArray) -> xr.DataArray:
    # Imported here: it loads scipy, which a run does not need.
    from popsim.demography.parity import progression_ratios

    births = fertility_table.transpose(..., "birth_order")
    return births.copy(data=progression_ratios(births.values))


def parity_adjusted_total_fertility_rate(fertility_table: xr.DataArray) -> xr.DataArray:
    return fertility_table.sum("birth_order")


def parity_adjusted_total_fertility_rate_by_order(fertility_table: xr.DataArray) -> xr.DataArray:
    return fertility_table


def tempo_adjusted_total_fertility_rate(tempo: Tempo) -> xr.DataArray:
    return tempo.total.assign_attrs(notice=tempo.notice)


def tempo_adjusted_total_fertility_rate_by_order(tempo: Tempo) -> xr.DataArray:
    return tempo.by_order.assign_attrs(notice=tempo.notice)


def tempo_edge(tempo: Tempo) -> xr.DataArray:
    return tempo.edge


_BY_AGE = [["age"], ["age"]]


def net_reproduction_rate(
    person_years: xr.DataArray, maternity_rates: xr.DataArray
) -> xr.DataArray:
    L = person_years.sel(sex="female", drop=True)
    # Beyond the last fertile age no births are lost by a life table that is not known there.
    known = L.where(maternity_rates > 0, 0.0)
    found: xr.DataArray = xr.apply_ufunc(
        stable.net_reproduction_rate, known, maternity_rates, input_core_dims=_BY_AGE
    )
    return found


def intrinsic_growth_rate(
    person_years: xr.DataArray, maternity_rates: xr.DataArray
) -> xr.DataArray:
    L = person_years.sel(sex="female", drop=True).where(maternity_rates > 0, 0.0)
    found: xr.DataArray = xr.apply_ufunc(
        stable.intrinsic_growth_rate,
        L,
        maternity_rates,
        input_core_dims=_BY_AGE,
        kwargs={"ages": L["age"].values},
    )
    return found


def population_momentum(
    population: xr.DataArray, person_years: xr.DataArray, maternity_rates: xr.DataArray
) -> xr.DataArray:
    L = person_years.sel(sex="female", drop=True)
    years = L["year"].values
    women = population.sel(sex="female", time=years, drop=True).rename(time="year")
    found: xr.DataArray = xr.apply_ufunc(
        stable.preston_guillot_momentum,
        women,
        L,
        maternity_rates,
        input_core_dims=[["age"]] * 3,
        kwargs={"ages": L["age"].values},
    )
    return found


def child_woman_ratio(people: People, women_15_49: xr.DataArray) -> xr.DataArray:
    return people(0, 5) / women_15_49


def children_under_18(people: People) -> xr.DataArray:
    return people(0, 18)


def children_under_3_by_order(
    population: xr.DataArray,
    births_by_order: xr.DataArray,
    past_births_by_order: xr.DataArray | None = None,
) -> xr.DataArray:
    return _children_by_order(population, births_by_order, past_births_by_order, 3)


def children_under_18_by_order(
    population: xr.DataArray,
    births_by_order: xr.DataArray,
    past_births_by_order: xr.DataArray | None = None,
) -> xr.DataArray:
    return _children_by_order(population, births_by_order, past_births_by_order, 18)


def _children_by_order(
    population: xr.DataArray,
    births: xr.DataArray,
    past: xr.DataArray | None,
    under: int,
) -> xr.DataArray:
    """Children under an age by birth order; survival and migration are those of all orders."""
    if past is not None:
        births = xr.concat([_past(past, births), births], "year")
    total = births.sum("birth_order")
    shares = births / total.where(total > 0)
    children = population.sel(age=slice(0, under - 1)).sum("sex")
    times = children["time"].values
    shares = shares.reindex(year=np.arange(times[0] - under, times[-1]))
    result = xr.zeros_like(births.isel(year=0, drop=True) * children.isel(age=0, drop=True))
    for age in range(under):
        there = children.sel(age=age, drop=True)
        born = shares.sel(year=times - 1 - age).rename(year="time").assign_coords(time=times)
        result = result + (there * born).where(there > 0, 0.0)
    unknown = result.isnull().any([d for d in result.dims if d != "time"])
    notice = ""
    if unknown.any():
        last = int(times[unknown.values].max())
        notice = (
            f"children under {under} by birth order are not reported up to 1 January {last}: some "
            "were born in years whose births by order are not known; give past_births_by_order"
        )
    return result.assign_attrs(notice=notice)


def _past(past: xr.DataArray, births: xr.DataArray) -> xr.DataArray:
    """Return births by order of earlier years, checked against those of the projection."""
    orders, first = births["birth_order"].values, int(births["year"].values[0])
    if not {"year", "birth_order"} <= set(past.dims):
        raise DataError(f"past_births_by_order has {past.dims}; it needs year and birth_order")
    if past["birth_order"].values.tolist() != orders.tolist():
        raise DataError(
            f"past_births_by_order has birth orders {past['birth_order'].values.tolist()}, the "
            f"projection {orders.tolist()}; sum the later orders to match"
        )
    extra = set(past.dims) - set(births.dims)
    if extra:
        raise DataError(f"past_births_by_order must not have dimension {min(map(str, extra))}")
    if not bool(np.all(np.isfinite(past.values) & (past.values >= 0))):
        raise DataError("past_births_by_order must hold numbers that are not negative")
    years = past["year"].values.tolist()
    if years != list(range(first - len(years), first)):
        raise DataError(
            f"past_births_by_order covers {years[0]} to {years[-1]}; its years must end with "
            f"{first - 1}, before the projection, without a gap"
        )
    alike = births.isel(year=0, drop=True)
    return past.broadcast_like(alike).transpose(*(d for d in births.dims))


RALLU = "Rallu & Toulemon 1994, Population (English selection) 6:59"
BONGAARTS = "Bongaarts & Feeney 1998, Population and Development Review 24:271"
PRESTON = "Preston, Heuveline & Guillot 2001, Demography"
_FERTILITY = ("fertility",)
_FUNCTIONS: tuple[tuple[Callable[..., xr.DataArray], tuple[str, ...], str], ...] = (
    (births_by_sex, _FERTILITY, USUAL),
    (sex_ratio_at_birth, _FERTILITY, USUAL),
    (first_child_share, _FERTILITY, USUAL),
    (mean_age_at_birth, _FERTILITY, USUAL),
    (general_fertility_rate, _FERTILITY, USUAL),
    (parity_progression_ratio, _FERTILITY, RALLU),
    (parity_adjusted_total_fertility_rate, _FERTILITY, RALLU),
    (parity_adjusted_total_fertility_rate_by_order, _FERTILITY, RALLU),
    (tempo_adjusted_total_fertility_rate, _FERTILITY, BONGAARTS),
    (tempo_adjusted_total_fertility_rate_by_order, _FERTILITY, BONGAARTS),
    (tempo_edge, _FERTILITY, BONGAARTS),
    (net_reproduction_rate, _FERTILITY, PRESTON + ", section 5.3"),
    (intrinsic_growth_rate, _FERTILITY, PRESTON + ", Box 7.1"),
    (population_momentum, _FERTILITY, PRESTON + ", equation 7.21"),
    (child_woman_ratio, _FERTILITY, USUAL),
    (children_under_18, _FERTILITY, USUAL),
    (children_under_3_by_order, _FERTILITY, USUAL),
    (children_under_18_by_order, _FERTILITY, USUAL),
    (incidence_fertility_rate, ("rates",), USUAL),
    (progression_fertility_rate, ("rates",), "Ma, Wang & Yang 1986, 人口与经济"),
)

FERTILITY: tuple[Indicator, ...] = tuple(
    from_registry(function, sets=sets, source=source) for function, sets, source in _FUNCTIONS
)
