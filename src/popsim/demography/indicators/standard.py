"""What every run reports: births, fertility, age structure.

Definitions follow the National Bureau of Statistics of China where it has one: rates relate the
year's events to the mean of the populations at its start and end; the dependency ratio is published
with two pairs of limits, 15-59/60+ and 15-64/65+. Shares by birth order are of all births. The
definition of each indicator stands in the table of variables.

References
----------
National Bureau of Statistics of China, 主要统计指标解释 (explanatory notes).
"""

from __future__ import annotations

from collections.abc import Callable

import xarray as xr

from popsim.demography.indicators.definition import NBS, USUAL, Indicator, from_registry
from popsim.demography.indicators.dependency import dependency_indicators
from popsim.demography.indicators.quantities import People

__all__ = ["MONITORING"]


def mean_age_at_birth_by_order(mean_age_at_birth_by_order: xr.DataArray) -> xr.DataArray:
    return mean_age_at_birth_by_order


def births(births_by_order: xr.DataArray) -> xr.DataArray:
    return births_by_order.sum("birth_order")


def births_by_order(births_by_order: xr.DataArray) -> xr.DataArray:
    return births_by_order


def total_fertility_rate(total_fertility_rate_by_order: xr.DataArray) -> xr.DataArray:
    return total_fertility_rate_by_order.sum("birth_order")


def total_fertility_rate_by_order(total_fertility_rate_by_order: xr.DataArray) -> xr.DataArray:
    return total_fertility_rate_by_order


def second_child_share(births_by_order: xr.DataArray, births: xr.DataArray) -> xr.DataArray:
    return births_by_order.sel(birth_order=2, drop=True) / births


def third_child_share(births_by_order: xr.DataArray, births: xr.DataArray) -> xr.DataArray:
    return births_by_order.sel(birth_order=3, drop=True) / births


def third_and_higher_share(births_by_order: xr.DataArray, births: xr.DataArray) -> xr.DataArray:
    return births_by_order.where(births_by_order.birth_order >= 3).sum("birth_order") / births


def second_and_third_child_share(
    births_by_order: xr.DataArray, births: xr.DataArray
) -> xr.DataArray:
    return births_by_order.sel(birth_order=[2, 3]).sum("birth_order") / births


def deaths(deaths_by_sex: xr.DataArray) -> xr.DataArray:
    return deaths_by_sex.sum("sex")


def net_migration_total(net_migration_by_sex: xr.DataArray) -> xr.DataArray:
    return net_migration_by_sex.sum("sex")


def crude_birth_rate(births: xr.DataArray, mean_population: xr.DataArray) -> xr.DataArray:
    return births / mean_population


def crude_death_rate(deaths: xr.DataArray, mean_population: xr.DataArray) -> xr.DataArray:
    return deaths / mean_population


def natural_increase_rate(
    births: xr.DataArray, deaths: xr.DataArray, mean_population: xr.DataArray
) -> xr.DataArray:
    return (births - deaths) / mean_population


def population_total(people: People) -> xr.DataArray:
    return people()


def women_15_49(people: People) -> xr.DataArray:
    return people(15, 50, sex="female")


def women_20_34(people: People) -> xr.DataArray:
    return people(20, 35, sex="female")


def children_under_3(people: People) -> xr.DataArray:
    return people(0, 3)


def share_60_and_over(people: People) -> xr.DataArray:
    return people(60) / people()


def share_65_and_over(people: People) -> xr.DataArray:
    return people(65) / people()


_ALL = ("monitoring",)
_FERTILITY = ("monitoring", "fertility")
_AGEING = ("monitoring", "ageing")
_FUNCTIONS: tuple[tuple[Callable[..., xr.DataArray], tuple[str, ...], str], ...] = (
    (mean_age_at_birth_by_order, _FERTILITY, USUAL),
    (births, _FERTILITY, NBS),
    (births_by_order, _FERTILITY, USUAL),
    (total_fertility_rate, _FERTILITY, NBS),
    (total_fertility_rate_by_order, _FERTILITY, USUAL),
    (second_child_share, _FERTILITY, USUAL),
    (third_child_share, _FERTILITY, USUAL),
    (third_and_higher_share, _FERTILITY, USUAL),
    (second_and_third_child_share, _FERTILITY, USUAL),
    (deaths, _ALL, NBS),
    (net_migration_total, _ALL, USUAL),
    (crude_birth_rate, _FERTILITY, NBS),
    (crude_death_rate, _ALL, NBS),
    (natural_increase_rate, _ALL, NBS),
    (population_total, _AGEING, NBS),
    (women_15_49, _FERTILITY, USUAL),
    (women_20_34, _FERTILITY, USUAL),
    (children_under_3, _FERTILITY, USUAL),
)

#: Indicators that come from the smallest output of a projection, in the order of a run's result.
MONITORING: tuple[Indicator, ...] = (
    *(from_registry(function, sets=sets, source=source) for function, sets, source in _FUNCTIONS),
    *dependency_indicators(15, 60, sets=_AGEING, source=NBS),
    *dependency_indicators(15, 65, sets=_AGEING, source=NBS),
    from_registry(share_60_and_over, sets=_AGEING, source=USUAL),
    from_registry(share_65_and_over, sets=_AGEING, source=USUAL),
)
