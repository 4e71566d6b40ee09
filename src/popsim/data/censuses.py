"""Read two censuses of a nation and its regions from a folder of tidy CSV tables.

The tables, one count a row (further columns are left alone; rows of a column ``residence`` other
than ``all`` are passed over):

======================================= =========================================================
``population_by_age_sex``               year, region, sex, age (lower limit), population
``deaths_by_age_sex``                   year, region, sex, age, deaths of the 12 months before
``births_by_order_sex``                 year, region, birth_order, sex, births_sample
``national_deaths_exposure_single_age`` year, region, sex, age 0 to 100, person_years, deaths
``national_births_by_mother_age_order`` year, age, birth_order (the last one open), births_sample
======================================= =========================================================

Age groups are 0, 1-4, 5-9, …, 95-99, 100 and over, as the yearbooks of China's censuses print
them. The nation's single ages are the standard by which groups of the regions are graduated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from popsim.data.provinces import NATION, PROVINCES
from popsim.dataset import SEXES, label
from popsim.errors import DataError, Problems

__all__ = ["AGE_GROUPS", "BREAKS", "FILES", "read_census_population", "read_censuses"]

#: Lower limits of the age groups [years]; the last one is open.
BREAKS = np.array([0, 1, *range(5, 105, 5)])
#: Their names.
AGE_GROUPS = ["0", "1-4", *(f"{a}-{a + 4}" for a in range(5, 100, 5)), "100+"]
#: File of each table.
FILES: dict[str, str] = {
    "population": "population_by_age_sex.csv",
    "deaths": "deaths_by_age_sex.csv",
    "births": "births_by_order_sex.csv",
    "single_ages": "national_deaths_exposure_single_age.csv",
    "births_by_age": "national_births_by_mother_age_order.csv",
}
_COLUMNS: dict[str, tuple[str, ...]] = {
    "population": ("year", "region", "sex", "age", "population"),
    "deaths": ("year", "region", "sex", "age", "deaths"),
    "births": ("year", "region", "birth_order", "sex", "births_sample"),
    "single_ages": ("year", "region", "sex", "age", "person_years", "deaths"),
    "births_by_age": ("year", "age", "birth_order", "births_sample"),
}
_OPEN_AGE = 100
_ORDERS = 4


def read_censuses(
    folder: str | Path,
    years: tuple[int, int] = (2000, 2010),
    regions: Sequence[str] | None = None,
    *,
    files: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Read what a baseline from two censuses needs.

    Parameters
    ----------
    folder : path
        With the tables above.
    years : tuple of int
        The two censuses, the earlier first.
    regions : sequence of str, optional
        GB/T 2260 codes; default: all that have population and deaths of both censuses. The nation
        ``000000`` must be in the tables and is always read.
    files : mapping of str to str, optional
        File names that differ from :data:`FILES`, by its keys.

    Returns
    -------
    xarray.Dataset
        ``census_population`` (region, census, sex, age_group) [person], ``census_deaths`` (same)
        [death], ``standard_person_years`` [person] and ``standard_deaths`` [death]
        (census, sex, age) of the nation; of the later census ``sample_births``
        (region, sex, birth_order 1 to 4 and over) and, of the nation, ``sample_births_by_age``
        (birth_order, age) [birth]. The nation is the first region.

    Raises
    ------
    DataError
        When a file, column, year, region or age is missing, a row is given twice, or a number is
        missing or negative; everything found is listed.
    """
    tables = _Tables(Path(folder), files)
    if len(years) != 2 or years[0] >= years[1]:
        raise DataError(f"years={years} are not two censuses, the earlier one first")
    codes = tables.complete_regions(years) if regions is None else list(dict.fromkeys(regions))
    codes = [NATION, *(code for code in codes if code != NATION)]
    population = np.stack([tables.groups("population", y, codes) for y in years], axis=1)
    deaths = np.stack([tables.groups("deaths", y, codes) for y in years], axis=1)
    single = {
        column: np.stack([tables.single_ages(y, column) for y in years])
        for column in ("person_years", "deaths")
    }
    births = tables.births(years[1], codes)
    by_age = tables.births_by_age(years[1], births[0].sum(axis=0))
    tables.problems.raise_if_any(DataError)
    counted = ("region", "census", "sex", "age_group")
    data = xr.Dataset(
        {
            "census_population": (counted, population),
            "census_deaths": (counted, deaths),
            "standard_person_years": (("census", "sex", "age"), single["person_years"]),
            "standard_deaths": (("census", "sex", "age"), single["deaths"]),
            "sample_births": (("region", "sex", "birth_order"), births),
            "sample_births_by_age": (("birth_order", "age"), by_age),
        },
        coords={
            **_region_coords(codes, tables.names),
            "census": list(years),
            "sex": list(SEXES),
            "age_group": AGE_GROUPS,
            "age": np.arange(_OPEN_AGE + 1),
            "birth_order": np.arange(1, _ORDERS + 1),
        },
        attrs={"population_basis": "resident"},
    )
    return label(data, source=f"censuses of {years[0]} and {years[1]}")


def read_census_population(
    folder: str | Path,
    year: int,
    regions: Sequence[str] | None = None,
    *,
    files: Mapping[str, str] | None = None,
) -> xr.DataArray:
    """Read the population of one census by sex and age group.

    Parameters
    ----------
    folder, regions, files
        As in :func:`read_censuses`; default regions: all that have rows of that year, the nation
        only if it is among them.
    year : int
        The census.

    Returns
    -------
    xarray.DataArray
        ``census_population`` (region, sex, age_group) [person].

    Raises
    ------
    DataError
        As in :func:`read_censuses`.
    """
    tables = _Tables(Path(folder), files, kinds=("population",))
    codes = tables.regions("population", year) if regions is None else list(regions)
    if not codes:
        raise DataError(f"{tables.files['population']} has no rows of year {year}")
    values = tables.groups("population", year, codes)
    tables.problems.raise_if_any(DataError)
    coords = {**_region_coords(codes, tables.names), "sex": list(SEXES), "age_group": AGE_GROUPS}
    data = xr.Dataset(
        {"census_population": (("region", "sex", "age_group"), values)},
        coords={**coords, "census": year},
    )
    return label(data, source=f"census of {year}")["census_population"]


def _region_coords(codes: Sequence[str], names: Mapping[str, str]) -> dict[str, object]:
    known = [PROVINCES.get(code, (names.get(code, code),) * 2) for code in codes]
    return {
        "region": list(codes),
        "region_name": ("region", [en for en, _ in known]),
        "region_name_zh": ("region", [zh for _, zh in known]),
    }


class _Tables:
    """The tables of a folder and the problems found in them."""

    def __init__(
        self, folder: Path, files: Mapping[str, str] | None, kinds: Iterable[str] = tuple(FILES)
    ) -> None:
        self.files = {**FILES, **(files or {})}
        self.problems = Problems()
        self.data: dict[str, pd.DataFrame] = {}
        for kind in kinds:
            self.data[kind] = self._read(folder / self.files[kind], _COLUMNS[kind])
        self.problems.raise_if_any(DataError)
        people = self.data["population"]
        self.names: dict[str, str] = {}
        if "region_name_zh" in people:
            self.names = dict(zip(people["region"], people["region_name_zh"], strict=True))

    def _read(self, path: Path, columns: Sequence[str]) -> pd.DataFrame:
        if not path.is_file():
            self.problems.add(f"the folder {path.parent.name} has no file {path.name}")
            return pd.DataFrame(columns=list(columns))
        frame = pd.read_csv(path, dtype={"region": str})
        missing = [name for name in columns if name not in frame]
        if missing:
            self.problems.add(f"column {', '.join(missing)} is missing", where=path.name)
            return pd.DataFrame(columns=list(columns))
        if "residence" in frame:
            frame = frame[frame["residence"] == "all"]
        # Births by age of mother are the nation's, with or without a column that says so.
        if "region" in frame and "region" not in columns:
            frame = frame[frame["region"] == NATION]
        return frame

    def regions(self, kind: str, year: int) -> list[str]:
        data = self.data[kind]
        return sorted(data.loc[data["year"] == year, "region"].unique())

    def complete_regions(self, years: tuple[int, int]) -> list[str]:
        found = [
            set(self.regions(kind, year)) for kind in ("population", "deaths") for year in years
        ]
        return sorted(set.intersection(*found))

    def groups(self, kind: str, year: int, codes: Sequence[str]) -> np.ndarray:
        """Return counts (region, sex, age group)."""
        return np.stack(
            [self._by_sex(kind, year, code, kind, "age", BREAKS.tolist()) for code in codes]
        )

    def single_ages(self, year: int, column: str) -> np.ndarray:
        """Return the nation's counts (sex, age)."""
        ages = list(range(_OPEN_AGE + 1))
        return self._by_sex("single_ages", year, NATION, column, "age", ages)

    def births(self, year: int, codes: Sequence[str]) -> np.ndarray:
        """Return births of the sample (region, sex, order), order 4 and over as one."""
        orders = [1, 2, 3, 4, 5]
        counts = np.stack(
            [
                self._by_sex("births", year, code, "births_sample", "birth_order", orders)
                for code in codes
            ]
        )
        last = counts[..., _ORDERS - 1 :].sum(axis=-1, keepdims=True)
        return np.concatenate([counts[..., : _ORDERS - 1], last], axis=-1)

    def births_by_age(self, year: int, by_order: np.ndarray) -> np.ndarray:
        """Return the nation's births of the sample (order, age).

        Orders 3 and over are printed together; they are split by the nation's births by order, with
        the same age pattern.
        """
        file = self.files["births_by_age"]
        data = self.data["births_by_age"]
        data = data[data["year"] == year]
        if data.empty:
            self.problems.add(f"no rows of year {year}", where=file)
            return np.zeros((_ORDERS, _OPEN_AGE + 1))
        wide = data.pivot_table(
            index="birth_order", columns="age", values="births_sample", aggfunc="sum"
        )
        if list(wide.index) != [1, 2, 3]:
            found = ", ".join(map(str, wide.index))
            self.problems.add(f"birth orders are {found}", where=file, instead="1, 2, 3")
            return np.zeros((_ORDERS, _OPEN_AGE + 1))
        three = wide.reindex(columns=range(_OPEN_AGE + 1), fill_value=0).fillna(0).to_numpy(float)
        split = by_order[2:] / max(float(by_order[2:].sum()), 1.0)
        return np.concatenate([three[:2], split[:, None] * three[2]])

    def _by_sex(
        self, kind: str, year: int, region: str, column: str, along: str, wanted: list[int]
    ) -> np.ndarray:
        """Return counts (sex, along) of a region and year; note what does not fit."""
        empty = np.zeros((len(SEXES), len(wanted)))
        file, data = self.files[kind], self.data[kind]
        data = data[data["region"] == region]
        if data.empty:
            self.problems.add(f"no rows of region {region}", where=file)
            return empty
        rows = data[data["year"] == year]
        if rows.empty:
            known = ", ".join(map(str, sorted(data["year"].unique())))
            self.problems.add(
                f"no rows of year {year} for region {region} (there are {known})", where=file
            )
            return empty
        where = f"{file}, region {region}, year {year}"
        result = empty
        for i, sex in enumerate(SEXES):
            part = rows[rows["sex"] == sex]
            found = part[along].tolist()
            missing = [a for a in wanted if a not in found]
            extra = sorted(set(found) - set(wanted))
            if missing or extra:
                words = [f"{along} {_few(missing)} is missing"] if missing else []
                words += [f"{along} {_few(extra)} is not known"] if extra else []
                what = {"population": "0, 1, 5, 10, …, 100", "deaths": "0, 1, 5, 10, …, 100"}
                self.problems.add(
                    f"{sex}: {' and '.join(words)}", where=where, instead=what.get(kind, "")
                )
            elif len(found) != len(wanted):
                self.problems.add(f"{sex}: an {along} is given twice", where=where)
            else:
                values = pd.to_numeric(part.set_index(along)[column], errors="coerce")
                counts = values.loc[wanted].to_numpy(dtype=float)
                wrong = ~(np.isfinite(counts) & (counts >= 0))
                if wrong.any():
                    bad = wanted[int(np.flatnonzero(wrong)[0])]
                    self.problems.add(
                        f"{sex}, {along} {bad}: {column} must be a number that is not negative",
                        where=where,
                    )
                result[i] = np.where(wrong, 0.0, counts)
        return result


def _few(values: Sequence[int]) -> str:
    shown = ", ".join(map(str, values[:5]))
    return shown + (f" and {len(values) - 5} more" if len(values) > 5 else "")
