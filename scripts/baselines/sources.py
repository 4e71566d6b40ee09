"""The cited tables, read as arrays: females first, then males; ages 0 to 100 and over."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

FOLDER = Path(__file__).parents[1] / "sources"
SEXES = ["female", "male"]
OPEN_AGE = 100
AGES = np.arange(OPEN_AGE + 1)
NATION = "000000"
ZHEJIANG = "330000"
#: Groups of the census tables by province: 0, 1-4, 5-9, ..., 95-99, 100 and over.
BREAKS = np.array([0, 1, *range(5, OPEN_AGE + 5, 5)])


@cache
def table(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"{name}.csv", dtype={"region": str})


def _by_sex_and_age(data: pd.DataFrame, column: str, age: str = "age") -> np.ndarray:
    wide = data.pivot_table(index="sex", columns=age, values=column, aggfunc="sum")
    return wide.loc[SEXES].to_numpy(dtype=float)


def census_groups(kind: str, year: int, region: str) -> np.ndarray:
    """Return population or deaths of a census by sex and age group, shape (2, 22)."""
    data = table(f"census_{kind}")
    return _by_sex_and_age(data[(data.year == year) & (data.region == region)], kind)


def mean_population(year: int) -> np.ndarray:
    """Return the nation's mean population of the census year by single age, shape (2, 101)."""
    data = table("census_deaths_exposure_single_age")
    return _by_sex_and_age(data[data.year == year], "person_years")


def single_age_deaths(year: int) -> np.ndarray:
    """Return the nation's census deaths by single age, shape (2, 101)."""
    data = table("census_deaths_exposure_single_age")
    return _by_sex_and_age(data[data.year == year], "deaths")


def births_by_order(year: int, region: str) -> np.ndarray:
    """Return long-form births by sex and order 1, 2, 3, 4 and over, shape (2, 4)."""
    data = table("census_births_by_order")
    data = data[(data.year == year) & (data.region == region)]
    orders = _by_sex_and_age(data, "births_sample", "birth_order")
    return np.column_stack([orders[:, :3], orders[:, 3:].sum(axis=1)])


def births_by_mother_age(year: int) -> np.ndarray:
    """Return the nation's long-form births by order 1, 2, 3 and over and age, shape (3, 101)."""
    data = table("census_births_by_mother_age")
    data = data[data.year == year]
    wide = data.pivot_table(index="birth_order", columns="age", values="births_sample")
    return wide.reindex(columns=AGES, fill_value=0).to_numpy(dtype=float)


def published(indicator: str, year: int, region: str = "Zhejiang") -> float:
    """Return one published figure; an absent or doubled one is an error."""
    data = table("published")
    row = data[(data.indicator == indicator) & (data.year == year) & (data.region == region)]
    if len(row) != 1:
        raise LookupError(f"{region} {indicator} {year}: {len(row)} rows in published.csv")
    return float(row.value.iloc[0])


@cache
def wpp_annual() -> pd.DataFrame:
    return table("wpp2024_china_annual").set_index("year")


def wpp_mx() -> tuple[np.ndarray, np.ndarray]:
    """Return mid-points of the periods and mx by sex and age group, shape (periods, 2, 22)."""
    data = table("wpp2024_china_mx")
    rates = [
        data.pivot_table(index="period", columns="age_start", values=column).to_numpy()
        for column in ("mxF", "mxM")
    ]
    return _period_middles(data), np.stack(rates, axis=1)


def wpp_asfr() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mid-points, group limits and births per woman-year, shape (periods, groups)."""
    data = table("wpp2024_china_asfr")
    wide = data.pivot_table(index="period", columns="age_start", values="asfr_per_woman")
    limits = np.append(wide.columns.to_numpy(), wide.columns[-1] + 5)
    return _period_middles(data), limits, wide.to_numpy()


def _period_middles(data: pd.DataFrame) -> np.ndarray:
    # Five-year periods run from 1 July to 1 July, so their middle is 1 January of the third year.
    return np.array([int(period[:4]) + 3.0 for period in sorted(data.period.unique())])


def wpp_net_migration(years: range) -> np.ndarray:
    """Return the nation's net migrants in persons, shape (years, 2, 101)."""
    data = table("wpp2024_china_net_migration")
    columns = ["net_migration_female_k", "net_migration_male_k"]
    return np.stack(
        [data[data.year == year].sort_values("age")[columns].to_numpy().T * 1e3 for year in years]
    )


def wpp_life_expectancy_bounds(years: range, first: int) -> np.ndarray:
    """Return 80 % bounds less the median of life expectancy, shape (years, 2 sexes, 2 bounds).

    They widen with the years since the first projected one, ``first``; earlier years have none.
    """
    data = table("wpp2024_china_intervals")
    bounds = np.zeros((len(years), 2, 2))
    for sex, indicator in enumerate(("e0F", "e0M")):
        rows = data[data.indicator == indicator].set_index("year")
        for place, year in enumerate(years):
            if year >= first:
                row = rows.loc[rows.index[0] + year - first]
                bounds[place, sex] = row.lower80 - row["median"], row.upper80 - row["median"]
    return bounds
