"""Childcare places wanted, there and to build, by region: the table of a task list."""

from __future__ import annotations

from typing import Literal

import pandas as pd
import xarray as xr

from popsim.errors import DataError
from popsim.policy.dose import SHARE_WANTING_A_PLACE

__all__ = ["place_tasks", "places_to_build"]

_TASKS_ZH = {
    "region": "地区代码",
    "region_name": "地区",
    "places_at_start": "期初托位数（个）",
    "places_to_build": "新增托位合计（个）",
    "places_at_end": "期末托位数（个）",
    "places_per_1000": "期末每千人口托位数（个）",
    "children_in_care": "期末在托婴幼儿（人）",
    "places_wanted": "期末需求托位（个）",
    "places_short": "期末缺口（个）",
    "construction_grants": "建设补助（元）",
}


def places_to_build(
    result: xr.Dataset, scenario: str, *, wanted: float = SHARE_WANTING_A_PLACE
) -> pd.DataFrame:
    """Return demand and supply of childcare places by region and year, means over draws.

    Parameters
    ----------
    result : xarray.Dataset
        From :func:`popsim.run`.
    scenario : str
        Identifier of the scenario.
    wanted : float
        Share of children under 3 whose families want a place.

    Returns
    -------
    pandas.DataFrame
        One row a region and year: ``region``, ``year``, ``children_under_3`` [person, 1 January],
        ``places`` [place], ``places_to_build`` (new in the year, each counted once),
        ``children_in_care`` [person], ``places_wanted`` (demand) and ``places_short`` (demand less
        places, not below 0).

    Raises
    ------
    DataError
        When the scenario is not in the run or the share is not between 0 and 1.
    """
    if scenario not in result["scenario"].values:
        known = ", ".join(map(str, result["scenario"].values))
        raise DataError(f"the run has no scenario {scenario!r} (it has {known})")
    if not 0 <= wanted <= 1:
        raise DataError(f"wanted={wanted} is not a share; write: wanted=0.35")
    years = result["year"].values
    mine = result.sel(scenario=scenario)
    children = mine["children_under_3"].sel(time=years).mean("draw").rename(time="year")
    columns = {
        "children_under_3": children,
        "places": mine["childcare_places_total"],
        "places_to_build": mine["childcare_places_built"],
        "children_in_care": mine["children_in_care"],
        "places_wanted": wanted * children,
        "places_short": (wanted * children - mine["childcare_places_total"]).clip(min=0),
    }
    series = {
        name: array.reset_coords(drop=True).transpose("region", "year").to_series()
        for name, array in columns.items()
    }
    return pd.DataFrame(series).reset_index()


def place_tasks(
    result: xr.Dataset,
    scenario: str,
    *,
    years: tuple[int, int],
    wanted: float = SHARE_WANTING_A_PLACE,
    locale: Literal["en", "zh"] = "en",
) -> pd.DataFrame:
    """Return the places that each region has to build in some years, as in a task list.

    Parameters
    ----------
    result : xarray.Dataset
        From :func:`popsim.run`.
    scenario : str
        Identifier of the scenario.
    years : tuple of int
        First and last year of building.
    wanted : float
        Share of children under 3 whose families want a place.
    locale : {"en", "zh"}
        Language of columns and regions.

    Returns
    -------
    pandas.DataFrame
        One row a region, then the total: places at the start (the year before the first where the
        run has it), new places of each year (columns named by the year), their sum, places, places
        per 1,000 residents, children in care, places wanted and short at the end, and what
        ``payments`` of instruments for places come to in these years [CNY].

    Raises
    ------
    DataError
        When scenario, years or share do not fit the run.

    Examples
    --------
    >>> import popsim as ps
    >>> from popsim.policy.model import Scenario
    >>> places = {"kind": "childcare_capacity", "announced": "2023-01-01",
    ...           "target": {"2025": "5 places/1000 residents"},
    ...           "construction_subsidy": "2000 CNY/place"}
    >>> scenario = Scenario.model_validate({
    ...     "schema": "popsim.scenario/1", "id": "places", "regions": "all",
    ...     "label": {"en": "Places", "zh": "托位"}, "policies": {"places": places}})
    >>> run = ps.run("zhejiang-2020", scenario, years=range(2021, 2027), draws=2)
    >>> tasks = place_tasks(run, "places", years=(2024, 2025))
    >>> tasks[["region_name", "places_per_1000"]].round(2).values.tolist()
    [['Zhejiang', 5.0]]
    """
    table = places_to_build(result, scenario, wanted=wanted)
    first, last = years
    there = [int(year) for year in result["year"].values]
    if not there[0] <= first <= last <= there[-1]:
        raise DataError(
            f"the years {first}-{last} do not lie in the run, {there[0]}-{there[-1]}; write: "
            f"years=({there[0]}, {min(there[0] + 4, there[-1])})"
        )
    mine = result.sel(scenario=scenario)
    before = max(first - 1, there[0])
    building = mine["childcare_places_built"].sel(year=slice(first, last)).reset_coords(drop=True)
    each = {str(int(year)): building.sel(year=year).to_series() for year in building["year"]}
    ends = table[table["year"] == last].set_index("region")
    grants = (
        mine["construction_payments"]
        .sel(year=slice(first, last))
        .sum("year")
        .reset_coords(drop=True)
    )
    residents = (
        mine["population_total"].sel(time=last).mean("draw").reset_coords(drop=True).to_series()
    )
    tasks = pd.DataFrame(
        {
            "places_at_start": table[table["year"] == before].set_index("region")["places"],
            **each,
            "places_to_build": building.sum("year").to_series(),
            "places_at_end": ends["places"],
            "places_per_1000": 1000.0 * ends["places"] / residents,
            **{name: ends[name] for name in ("children_in_care", "places_wanted", "places_short")},
            "construction_grants": grants.to_series(),
        }
    )
    tasks = tasks.reindex(result["region"].values)
    names = "region_name_zh" if locale == "zh" else "region_name"
    named = result[names].values if names in result.coords else tasks.index
    tasks.insert(0, "region_name", [str(name) for name in named])
    tasks = tasks.rename_axis("region").reset_index()
    if len(tasks) > 1:
        total = tasks.sum(numeric_only=True).to_frame().T
        total["places_per_1000"] = 1000.0 * total["places_at_end"] / float(residents.sum())
        total = total.assign(region="", region_name="合计" if locale == "zh" else "total")
        tasks = pd.concat([tasks, total[tasks.columns]], ignore_index=True)
    if locale == "zh":
        years_zh = {year: f"{year}年新增托位（个）" for year in each}
        tasks = tasks.rename(columns={**_TASKS_ZH, **years_zh})
    return tasks
