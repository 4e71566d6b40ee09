"""Indicators from projected flows and age groups.

Definitions follow the National Bureau of Statistics of China where it has one:
rates relate the year's events to the mean of the populations at its start and
end; the dependency ratio is published with two pairs of limits, 15-59/60+ and
15-64/65+. Shares by birth order are of all births.

References
----------
National Bureau of Statistics of China, 主要统计指标解释 (explanatory notes).
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from popsim.dataset import label
from popsim.errors import DataError

__all__ = ["AGE_BREAKS", "dependency_ratios", "indicators"]

#: First ages of the groups that every indicator here can be summed from.
AGE_BREAKS = (0, 3, 15, 20, 35, 50, 60, 65)


def indicators(projected: xr.Dataset) -> xr.Dataset:
    """Return the monitored indicators of a projection.

    Parameters
    ----------
    projected : xarray.Dataset
        With ``births_by_order`` [birth] and ``total_fertility_rate_by_order`` [births per
        woman] on (year, birth_order, ...), ``deaths_by_sex`` [death] and
        ``net_migration_by_sex`` [person] on (year, sex, ...), and ``population_by_age_group``
        [person] on (time, sex, age_group, ...) with ``age_group_start`` [years] containing
        every age of :data:`AGE_BREAKS`; further dimensions are carried through.

    Returns
    -------
    xarray.Dataset
        Births, shares by order, total fertility rate, deaths, natural increase and crude
        rates on ``year``; population, women of childbearing age, children under 3,
        dependency ratios and shares of older people on ``time``. Fractions as fractions. Mean
        ages at birth and cut departures are carried over where they are there.

    Raises
    ------
    DataError
        When an age group straddles a limit that an indicator needs.

    Examples
    --------
    >>> starts = list(AGE_BREAKS)
    >>> groups = xr.DataArray(
    ...     np.ones((2, 2, 8)),
    ...     dims=("time", "sex", "age_group"),
    ...     coords={"time": [2021, 2022], "sex": ["female", "male"],
    ...             "age_group_start": ("age_group", starts)},
    ... )
    >>> orders = xr.DataArray(
    ...     [[6.0, 3.0, 0.75, 0.25]],
    ...     dims=("year", "birth_order"),
    ...     coords={"year": [2021], "birth_order": [1, 2, 3, 4]},
    ... )
    >>> sexes = xr.DataArray(
    ...     [[1.0, 1.0]], dims=("year", "sex"), coords={"year": [2021], "sex": ["female", "male"]}
    ... )
    >>> projected = xr.Dataset({
    ...     "births_by_order": orders, "total_fertility_rate_by_order": orders / 10,
    ...     "deaths_by_sex": sexes, "net_migration_by_sex": sexes,
    ...     "population_by_age_group": groups})
    >>> result = indicators(projected)
    >>> float(result.second_and_third_child_share[0]), float(result.crude_birth_rate[0])
    (0.375, 0.625)
    """
    births = projected["births_by_order"]
    total = births.sum("birth_order")
    groups = projected["population_by_age_group"]
    population = groups.sum(["sex", "age_group"])
    deaths = projected["deaths_by_sex"].sum("sex")
    exposure = _mean_population(population, total["year"])
    women = groups.sel(sex="female", drop=True)
    rates = projected["total_fertility_rate_by_order"]
    kept = ("mean_age_at_birth_by_order", "outflow_cut", "cells_cut")
    result = xr.Dataset(
        {
            **{name: projected[name] for name in kept if name in projected},
            "births": total,
            "births_by_order": births,
            "total_fertility_rate": rates.sum("birth_order"),
            "total_fertility_rate_by_order": rates,
            "second_child_share": births.sel(birth_order=2, drop=True) / total,
            "third_child_share": births.sel(birth_order=3, drop=True) / total,
            "third_and_higher_share": births.where(births.birth_order >= 3).sum("birth_order")
            / total,
            "second_and_third_child_share": births.sel(birth_order=[2, 3]).sum("birth_order")
            / total,
            "deaths": deaths,
            "net_migration_total": projected["net_migration_by_sex"].sum("sex"),
            "crude_birth_rate": total / exposure,
            "crude_death_rate": deaths / exposure,
            "natural_increase_rate": (total - deaths) / exposure,
            "population_total": population,
            "women_15_49": _ages(women, 15, 50).sum("age_group"),
            "women_20_34": _ages(women, 20, 35).sum("age_group"),
            "children_under_3": _ages(groups, 0, 3).sum(["sex", "age_group"]),
            **dependency_ratios(groups, 60),
            **dependency_ratios(groups, 65),
            "share_60_and_over": _ages(groups, 60).sum(["sex", "age_group"]) / population,
            "share_65_and_over": _ages(groups, 65).sum(["sex", "age_group"]) / population,
        }
    )
    return label(result, source="projected")


def dependency_ratios(groups: xr.DataArray, old: int) -> dict[str, xr.DataArray]:
    """Return total, child and old-age dependency ratios with ``old`` as the upper limit.

    Parameters
    ----------
    groups : xarray.DataArray
        Population by sex and age group [person], with ``age_group_start``.
    old : int
        First age of the old group: 60 or 65. The young are under 15.

    Returns
    -------
    dict of str to xarray.DataArray
        Fractions, by the variable names of the registry.
    """
    young = _ages(groups, 0, 15).sum(["sex", "age_group"])
    aged = _ages(groups, old).sum(["sex", "age_group"])
    working = _ages(groups, 15, old).sum(["sex", "age_group"])
    limits = f"15_{old - 1}"
    return {
        f"dependency_ratio_{limits}": (young + aged) / working,
        f"child_dependency_ratio_{limits}": young / working,
        f"old_age_dependency_ratio_{limits}": aged / working,
    }


def _ages(groups: xr.DataArray, first: int, end: int | None = None) -> xr.DataArray:
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


def _mean_population(population: xr.DataArray, years: xr.DataArray) -> xr.DataArray:
    start = population.sel(time=years.values).rename(time="year")
    end = population.sel(time=years.values + 1).rename(time="year")
    return (start + end.assign_coords(year=years.values)) / 2
