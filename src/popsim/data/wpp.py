"""Read the United Nations' World Population Prospects, CSV files as they are published.

The files of the section "CSV format" of WPP 2022 and 2024, plain or gzipped. Which file it is
follows from its columns. A variant and the locations wanted are picked while reading, so a file
with all countries needs little memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from popsim.dataset import label, stamp
from popsim.errors import DataError, nearest

__all__ = ["read_wpp"]

_KEYS = ("LocID", "ISO3_code", "Location", "Variant", "Time", "MidPeriod", "Sex", "AgeGrpStart")
_ROWS_AT_ONCE = 500_000
_SEXES = {"Female": "female", "Male": "male"}
#: Column: variable, sex, factor to the registry's unit. Published counts are in thousands.
_BY_AGE = {
    "PopFemale": ("mid_year_population", "female", 1e3),
    "PopMale": ("mid_year_population", "male", 1e3),
    "DeathFemale": ("deaths_by_age", "female", 1e3),
    "DeathMale": ("deaths_by_age", "male", 1e3),
    "ASFR": ("incidence_fertility_rate", None, 1e-3),
    "Births": ("births_by_age", None, 1e3),
    "mx": ("death_rate", None, 1.0),
}
_INDICATORS = {
    "TPopulation1Jan": ("population_total", None, 1e3),
    "Births": ("births", None, 1e3),
    "Deaths": ("deaths", None, 1e3),
    "DeathsFemale": ("deaths_by_sex", "female", 1e3),
    "DeathsMale": ("deaths_by_sex", "male", 1e3),
    "NetMigrations": ("net_migration_total", None, 1e3),
    "TFR": ("total_fertility_rate", None, 1.0),
    "SRB": ("sex_ratio_at_birth", None, 1e-2),
    "LExFemale": ("life_expectancy_at_birth", "female", 1.0),
    "LExMale": ("life_expectancy_at_birth", "male", 1.0),
}


def read_wpp(
    paths: str | Path | Sequence[str | Path],
    locations: str | int | Iterable[str | int],
    *,
    variant: str = "Medium",
    years: Iterable[int] | None = None,
) -> xr.Dataset:
    r"""Read files of World Population Prospects.

    Parameters
    ----------
    paths : str, pathlib.Path or sequence of them
        Files such as ``WPP2024_Fertility_by_Age1.csv.gz``; several are put together (past and
        future, women and men).
    locations : str, int or iterable of them
        ``LocID`` (156), ``ISO3_code`` (CHN) or ``Location`` (China).
    variant : str
        Variant of the projection; estimates carry the name of the variant too.
    years : iterable of int, optional
        Years wanted; all by default.

    Returns
    -------
    xarray.Dataset
        By (region, year or time, sex, age), ``region`` being the LocID as text:
        ``mid_year_population`` [person] of 1 July or ``population`` [person] of 1 January,
        ``deaths_by_age`` [death], ``incidence_fertility_rate`` of all orders [year-1],
        ``births_by_age`` [birth], ``death_rate`` [year-1], and the indicators ``births``,
        ``deaths``, ``deaths_by_sex``, ``net_migration_total``, ``total_fertility_rate``,
        ``sex_ratio_at_birth``, ``life_expectancy_at_birth``, ``population_total``. ``age`` holds
        first ages; the last group of the population is open. What a file does not have is NaN.

    Raises
    ------
    DataError
        When a file cannot be read or is none of these, or has no such location, variant or year.

    References
    ----------
    United Nations 2024, World Population Prospects 2024 (CC BY 3.0 IGO).

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "WPP2024_Fertility_by_Age5.csv"
    >>> _ = file.write_text("LocID,ISO3_code,Location,Variant,Time,MidPeriod,AgeGrp,AgeGrpStart,"
    ...                     "ASFR\n156,CHN,China,Medium,2023,2023.5,20-24,20,40.5\n")
    >>> float(read_wpp(file, "CHN").incidence_fertility_rate.sel(year=2023, age=20).item())
    0.0405
    """
    files = [paths] if isinstance(paths, str | Path) else list(paths)
    wanted = [locations] if isinstance(locations, str | int) else list(locations)
    period = None if years is None else {int(year) for year in years}
    parts = [_read(Path(file), wanted, variant, period) for file in files]
    data = xr.merge(parts, join="outer", compat="no_conflicts")
    names = ", ".join(Path(file).name for file in files)
    source = f"United Nations, World Population Prospects, {names}, variant {variant}"
    return stamp(label(data, source=source), f"read {names}")


def _read(file: Path, wanted: list[str | int], variant: str, years: set[int] | None) -> xr.Dataset:
    try:
        header = list(pd.read_csv(file, nrows=0, encoding="utf-8-sig").columns)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{file.name} cannot be read: {error}") from error
    columns = _INDICATORS if "AgeGrpStart" not in header else _BY_AGE
    values = [name for name in columns if name in header]
    lacking = [key for key in ("LocID", "Location", "Variant", "Time") if key not in header]
    if lacking or not values:
        missing = ", ".join(lacking or columns)
        raise DataError(
            f"{file.name} is no file of World Population Prospects: no column {missing}"
        )
    if "mx" in values and "Sex" not in header:
        raise DataError(f"{file.name} is a life table without the column Sex")
    keys = [key for key in _KEYS if key in header]
    rows, seen, variants = [], set(), set()
    texts = {key: str for key in ("ISO3_code", "Location", "Variant", "Sex") if key in header}
    for block in pd.read_csv(
        file,
        usecols=[*keys, *values],
        dtype=texts,
        chunksize=_ROWS_AT_ONCE,
        encoding="utf-8-sig",
    ):
        seen |= set(block["Location"].dropna().unique())
        mine = block[_is_one_of(block, wanted)]
        variants |= set(mine["Variant"].unique())
        mine = mine[mine["Variant"] == variant]
        rows.append(mine if years is None else mine[mine["Time"].isin(list(years))])
    table = pd.concat(rows)
    _check_found(file, table, wanted, variant, seen, variants)
    return _dataset(table, {name: columns[name] for name in values}, keys)


def _is_one_of(block: pd.DataFrame, wanted: list[str | int]) -> pd.Series:
    texts = {str(name) for name in wanted}
    found = block["LocID"].astype(str).isin(texts) | block["Location"].isin(texts)
    return found | block["ISO3_code"].isin(texts) if "ISO3_code" in block else found


def _check_found(
    file: Path,
    table: pd.DataFrame,
    wanted: list[str | int],
    variant: str,
    seen: set[str],
    variants: set[str],
) -> None:
    if variants and variant not in variants:
        there = ", ".join(sorted(variants))
        raise DataError(f"{file.name} has no variant {variant!r}; write: {there}")
    for name in wanted:
        if not variants or not _is_one_of(table, [name]).any():
            guess = nearest(str(name), seen)
            hint = f"; write: {guess}" if guess and guess != name else ""
            raise DataError(f"{file.name} has no {name!r} in the years asked for{hint}")


def _dataset(
    table: pd.DataFrame, columns: dict[str, tuple[str, str | None, float]], keys: list[str]
) -> xr.Dataset:
    """Return the variables of one file, one column after the other."""
    table = table.assign(region=table["LocID"].astype(int).astype(str))
    names = table.drop_duplicates("region").set_index("region")["Location"].to_dict()
    # Files of 1 January carry the year itself in the middle of the period, those of 1 July half a
    # year more.
    january = "MidPeriod" in keys and bool((table["MidPeriod"] == table["Time"]).all())
    found: dict[str, list[xr.DataArray]] = {}
    for column, (variable, sex, factor) in columns.items():
        stock = variable == "population_total" or (variable == "mid_year_population" and january)
        name = "population" if variable == "mid_year_population" and january else variable
        index = ["region", "Time", *(["Sex"] if variable == "death_rate" else [])]
        index += ["AgeGrpStart"] if "AgeGrpStart" in keys else []
        rows = table[table["Sex"].isin(list(_SEXES))] if variable == "death_rate" else table
        if rows.duplicated(index).any():
            first = rows[rows.duplicated(index)].iloc[0][index].to_dict()
            raise DataError(f"column {column} has several rows of {first}")
        array = rows.set_index(index)[column].astype(float).to_xarray() * factor
        array = array.rename({"Time": "time" if stock else "year"})
        array = array.rename({"AgeGrpStart": "age"}) if "AgeGrpStart" in array.dims else array
        if "Sex" in array.dims:
            array = array.rename({"Sex": "sex"})
            array = array.assign_coords(sex=[_SEXES[str(s)] for s in array["sex"].values])
        if sex is not None:
            array = array.expand_dims(sex=[sex])
        found.setdefault(name, []).append(array)
    data = xr.Dataset(
        {
            name: xr.concat(parts, "sex") if len(parts) > 1 else parts[0]
            for name, parts in found.items()
        }
    )
    for dimension in ("time", "year", "age"):
        if dimension in data.coords:
            data[dimension] = data[dimension].values.astype(np.int64)
    order = [d for d in ("region", "time", "year", "sex", "age") if d in data.dims]
    codes = [str(code) for code in data["region"].values]
    data = data.assign_coords(region=codes, region_name=("region", [names[c] for c in codes]))
    return data.transpose(*order)
