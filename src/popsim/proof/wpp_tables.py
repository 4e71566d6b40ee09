"""Tables of the United Nations' World Population Prospects, as wide frames by country.

Two revisions are read from one folder. 2019: five-year ages and periods (1 July to 1 July). 2024:
five-year populations of 1 July, annual totals by calendar year, stocks of 31 December, net
migration by single age. People are in thousands, females come first, ages are lower limits.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from popsim.errors import DataError, Problems

__all__ = ["ABRIDGED", "FIVES", "SEXES", "Tables", "net_migration_pattern", "read_wpp", "rows"]

Array = NDArray[np.float64]
SEXES = ["female", "male"]
FIVES = np.arange(0, 105, 5)
ABRIDGED = np.array([0, 1, *range(5, 105, 5)])


class Tables(NamedTuple):
    """What the comparison needs of the two revisions.

    Attributes
    ----------
    population_2019 : pandas.DataFrame
        Index (iso3, year, sex), columns 0, 5, … 100: 1 July, estimates to 2020, medium variant
        after [10^3 persons].
    death_rate_2019, death_rate_2024 : pandas.DataFrame
        Index (iso3, period, sex), period its first year; columns 0, 1, 5, … 100 [year-1].
    fertility_2019 : pandas.DataFrame
        Index (iso3, period); columns 15, … 45 [births per woman-year].
    summary_2019 : pandas.DataFrame
        Index (iso3, period); ``srb`` [males per female], ``net_migration_k`` of five years
        [10^3 persons].
    population_2024 : pandas.DataFrame
        Index (iso3, year, sex), columns 0, 5, … 100: 1 July [10^3 persons].
    fertility_2024 : pandas.DataFrame
        Index (iso3, period); columns 15, … 45, shares of the total fertility rate [%].
    annual_2024 : pandas.DataFrame
        Index (iso3, year): ``births_k``, ``deaths_k``, ``tfr``, ``srb``, ``e0M``, ``e0F`` of the
        calendar year, ``pop_male_dec31_k``, ``pop_female_dec31_k``.
    net_migration_2024 : pandas.DataFrame
        Index (iso3, year, sex); columns 0, 1, … 100 [10^3 persons a year].
    """

    population_2019: pd.DataFrame
    death_rate_2019: pd.DataFrame
    fertility_2019: pd.DataFrame
    summary_2019: pd.DataFrame
    population_2024: pd.DataFrame
    death_rate_2024: pd.DataFrame
    fertility_2024: pd.DataFrame
    annual_2024: pd.DataFrame
    net_migration_2024: pd.DataFrame


# File and the columns that are used of it.
_FILES = {
    "wpp2019_pop_5x5": ["iso3", "kind", "year", "age_start", "pop_male_k", "pop_female_k"],
    "wpp2019_pop_age1": ["iso3", "year", "age", "pop_male_k", "pop_female_k"],
    "wpp2019_mx_5x5": ["iso3", "period", "age_start", "mxM", "mxF"],
    "wpp2019_fertility_5x5": ["iso3", "period", "age_start", "asfr_per_woman"],
    "wpp2019_summary_5x5": ["iso3", "period", "srb", "net_migration_k"],
    "wpp2024_pop_5yr_age_july1": ["iso3", "year", "age_start", "pop_male", "pop_female"],
    "wpp2024_mx_5x5": ["iso3", "period", "age_start", "mxM", "mxF"],
    "wpp2024_fertility_5x5": ["iso3", "period", "age_start", "pasfr"],
    "wpp2024_annual_indicators": [
        *("iso3", "year", "births_k", "deaths_k", "tfr", "srb", "e0M", "e0F"),
        *("pop_male_dec31_k", "pop_female_dec31_k"),
    ],
    "wpp2024_net_migration_age1": [
        *("iso3", "year", "age", "net_migration_male_k", "net_migration_female_k"),
    ],
}


def read_wpp(folder: str | Path) -> Tables:
    """Read both revisions from a folder of CSV files, plain or gzipped.

    Parameters
    ----------
    folder : path
        Holds ``wpp2019_pop_5x5``, ``wpp2019_pop_age1``, ``wpp2019_mx_5x5``,
        ``wpp2019_fertility_5x5``, ``wpp2019_summary_5x5``, ``wpp2024_pop_5yr_age_july1``,
        ``wpp2024_mx_5x5``, ``wpp2024_fertility_5x5``, ``wpp2024_annual_indicators`` and
        ``wpp2024_net_migration_age1``, one row per country, time and age.

    Returns
    -------
    Tables

    Raises
    ------
    DataError
        With every file that is not there and every column that a file lacks.
    """
    folder = Path(folder)
    problems = Problems()
    found: dict[str, pd.DataFrame] = {}
    for name, columns in _FILES.items():
        path = next((p for s in ("csv", "csv.gz") if (p := folder / f"{name}.{s}").is_file()), None)
        if path is None:
            problems.add(f"{name}.csv (or .csv.gz) is not in the folder", where=str(folder))
            continue
        table = pd.read_csv(path)
        lacking = [column for column in columns if column not in table]
        if lacking:
            problems.add(f"has no column {', '.join(lacking)}", where=str(path))
            continue
        found[name] = table[columns]
    problems.raise_if_any(DataError)
    ages = found["wpp2019_pop_5x5"]
    ages = ages[ages["kind"].isin(["estimate", "medium"])]
    single = found["wpp2019_pop_age1"]
    # The five-year file of the medium variant ends before 2100; the single ages add up to it.
    later = single[(single["year"] > ages["year"].max()) & (single["year"] % 5 == 0)]
    later = later.assign(age_start=np.minimum(later["age"] // 5 * 5, 100))
    later = later.groupby(["iso3", "year", "age_start"], as_index=False).sum()
    kept = ["iso3", "year", "age_start", "pop_male_k", "pop_female_k"]
    july = found["wpp2024_pop_5yr_age_july1"].copy()
    july[["pop_male", "pop_female"]] /= 1e3
    return Tables(
        population_2019=_by_sex(
            pd.concat([ages[kept], later[kept]]), "year", "age_start", "pop_male_k", "pop_female_k"
        ),
        death_rate_2019=_by_sex(
            _periods(found["wpp2019_mx_5x5"]), "period", "age_start", "mxM", "mxF"
        ),
        fertility_2019=_wide(_periods(found["wpp2019_fertility_5x5"]), "asfr_per_woman"),
        summary_2019=_periods(found["wpp2019_summary_5x5"]).set_index(["iso3", "period"]),
        population_2024=_by_sex(july, "year", "age_start", "pop_male", "pop_female"),
        death_rate_2024=_by_sex(
            _periods(found["wpp2024_mx_5x5"]), "period", "age_start", "mxM", "mxF"
        ),
        fertility_2024=_wide(_periods(found["wpp2024_fertility_5x5"]), "pasfr"),
        annual_2024=found["wpp2024_annual_indicators"].set_index(["iso3", "year"]),
        net_migration_2024=_by_sex(
            found["wpp2024_net_migration_age1"],
            *("year", "age", "net_migration_male_k", "net_migration_female_k"),
        ),
    )


def _periods(table: pd.DataFrame) -> pd.DataFrame:
    """Name a period by its first year."""
    return table.assign(period=table["period"].str[:4].astype(int))


def _wide(table: pd.DataFrame, value: str) -> pd.DataFrame:
    return table.pivot_table(index=["iso3", "period"], columns="age_start", values=value)


def _by_sex(table: pd.DataFrame, time: str, age: str, male: str, female: str) -> pd.DataFrame:
    long = table.rename(columns={male: "male", female: "female"})
    long = long.melt(["iso3", time, age], SEXES, var_name="sex")
    return long.pivot_table(index=["iso3", time, "sex"], columns=age, values="value")


def rows(table: pd.DataFrame, country: str, times: range | list[int]) -> Array:
    """Return the values (time, sex, age) or (time, column) of a country.

    Parameters
    ----------
    table : pandas.DataFrame
        One of :class:`Tables`.
    country : str
        ISO 3166 code of three letters.
    times : sequence of int
        Years or first years of periods.

    Returns
    -------
    numpy.ndarray
        In the order of ``times``, females first.

    Raises
    ------
    DataError
        When a time is not in the table.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["CHN"], [2020], SEXES])
    >>> rows(pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], index=index), "CHN", [2020]).shape
    (1, 2, 2)
    """
    keys: list[tuple[object, ...]] = [(country, t) for t in times]
    shape: tuple[int, ...] = (len(keys), table.shape[1])
    if table.index.nlevels == 3:
        keys = [(*key, sex) for key in keys for sex in SEXES]
        shape = (len(times), 2, table.shape[1])
    values = table.reindex(pd.MultiIndex.from_tuples(keys)).to_numpy(dtype=float)
    if np.isnan(values).any():
        key = keys[int(np.argwhere(np.isnan(values))[0][0])]
        raise DataError(f"the table has no full row for {', '.join(map(str, key))}")
    return values.reshape(shape)


def net_migration_pattern(net: Array) -> tuple[Array, Array]:
    """Split net migration by year, sex and age into two fixed patterns and their weights.

    In the revision of 2024 the net migration of every projected year is one pattern of arrivals
    and one of departures, each times a number for the year, so two patterns give all of it.

    Parameters
    ----------
    net : numpy.ndarray (year, sex, age)
        Net migrants [persons].

    Returns
    -------
    weights : numpy.ndarray (year, 2)
        [persons].
    patterns : numpy.ndarray (2, sex, age)
        [1]; ``weights @ patterns`` is the best approximation by two patterns.

    Examples
    --------
    >>> net = np.arange(1.0, 4.0)[:, None, None] * np.ones((3, 2, 5))
    >>> weights, patterns = net_migration_pattern(net)
    >>> bool(np.allclose(np.tensordot(weights, patterns, 1), net))
    True
    """
    u, s, v = np.linalg.svd(net.reshape(len(net), -1), full_matrices=False)
    return u[:, :2] * s[:2], v[:2].reshape(2, *net.shape[1:])
