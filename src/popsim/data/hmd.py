"""Read files of the Human Mortality Database: death rates, deaths, exposures, population, tables.

Its data may not be passed on: download them yourself and keep them out of what you publish.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from popsim.data.text_columns import first_age, read_block
from popsim.dataset import label, stamp
from popsim.errors import DataError

__all__ = ["read_hmd"]

_KINDS = {
    "death_rate": r"death rates|\bmx_",
    "person_years": r"exposure",
    "population": r"population size|^population",
    "deaths_by_age": r"deaths",
}
_TABLE = {"mx", "qx", "ax", "lx", "dx", "Lx", "Tx", "ex"}
_SEX_OF_TABLE = {"female": r"\bfemale|fltper", "male": r"\bmale|mltper"}


def read_hmd(path: str | Path, *, code: str | None = None) -> xr.Dataset:
    r"""Read one file of the Human Mortality Database (one-year periods).

    Parameters
    ----------
    path : str or pathlib.Path
        ``Mx_1x1.txt``, ``Deaths_1x1.txt``, ``Exposures_1x1.txt``, ``Population.txt``,
        ``fltper_1x1.txt`` or ``mltper_1x1.txt`` and their like with 5-year ages, as published.
    code : str, optional
        Country of a file with several.

    Returns
    -------
    xarray.Dataset
        ``death_rate`` [year-1], ``deaths_by_age`` [death] or ``person_years`` [person] (year, sex,
        age), ``population`` (time, sex, age) [person] on 1 January; of a life table, ``death_rate``
        and ``life_expectancy_at_birth`` of its sex. ``age`` holds first ages, the last one open
        (``open_interval``). Missing numbers (``.``) are NaN. Where the territory changed, the
        population is that of the new territory and ``attrs["territory_changed"]`` names the years.

    Raises
    ------
    DataError
        When the file is not as published, of periods longer than a year, or of an unknown kind.

    References
    ----------
    Human Mortality Database, Max Planck Institute for Demographic Research, University of
    California, Berkeley, and French Institute for Demographic Studies, www.mortality.org.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "Mx_1x1.txt"
    >>> _ = file.write_text("Nowhere, Death rates (period 1x1)\n\n"
    ...     "  Year  Age   Female  Male  Total\n"
    ...     "  2020  109   .  0.9  0.9\n  2020  110+  0.8  .  0.8\n")
    >>> read_hmd(file).death_rate.sel(year=2020).values
    array([[nan, 0.8],
           [0.9, nan]])
    """
    file = Path(path)
    title, rows = read_block(file, code)
    rows = rows.assign(age=[first_age(age, file.name) for age in rows["Age"]])
    if {"Female", "Male"} <= set(rows.columns):
        kind = _kind(title, file.name)
        stock = kind == "population"
        rows, changed = _years(rows, file.name, stock)
        sexes = [
            _array(rows, column, stock, file.name).expand_dims(sex=[sex])
            for sex, column in (("female", "Female"), ("male", "Male"))
        ]
        data = xr.Dataset({kind: xr.concat(sexes, "sex")})
        data = data.transpose("time" if stock else "year", "sex", "age")
        if changed:
            data.attrs["territory_changed"] = ", ".join(map(str, changed))
    elif set(rows.columns) >= _TABLE:
        rows, _ = _years(rows, file.name, False)
        data = _life_table(rows, title, file.name)
    else:
        raise DataError(
            f"{file.name} has columns {', '.join(rows.columns[2:8])}; those of the Human Mortality "
            "Database are Female, Male, Total or mx, qx, …, ex"
        )
    last = rows["Age"].iloc[-1]
    data["age"].attrs["open_interval"] = bool(str(last).endswith("+"))
    country = title.split(",")[0]
    return stamp(
        label(data, source=f"Human Mortality Database, {title}"), f"read {file.name}", name=country
    )


def _kind(title: str, name: str) -> str:
    # The title says it best; a file without one is known by its name.
    for text in (title.partition(",")[2].lower(), name.lower()):
        for kind, pattern in _KINDS.items():
            if re.search(pattern, text.strip()):
                return kind
    raise DataError(
        f"{name}: its title {title!r} names none of death rates, deaths, exposure, population size"
    )


def _years(rows: pd.DataFrame, name: str, stock: bool) -> tuple[pd.DataFrame, list[int]]:
    """Return rows with whole years; of a changed territory the new one, and when it changed."""
    text = rows["Year"]
    bad = ~text.str.fullmatch(r"\d{4}[+-]?" if stock else r"\d{4}")
    if bad.any():
        raise DataError(
            f"{name}: {text[bad].iloc[0]!r} is not a single year; take the file of one-year periods"
        )
    changed = sorted({int(year[:4]) for year in text[text.str.endswith("+")]})
    kept = rows[~text.str.endswith("-")]
    return kept.assign(year=kept["Year"].str[:4].astype(int)), changed


def _array(rows: pd.DataFrame, column: str, stock: bool, name: str) -> xr.DataArray:
    table = rows.set_index(["year", "age"])[column]
    if table.index.has_duplicates:
        year, age = table.index[table.index.duplicated()][0]
        raise DataError(f"{name}: year {year}, age {age} comes twice")
    array = table.to_xarray()
    array = array.assign_coords(age=array["age"].values.astype(np.int64))
    return array.rename(year="time") if stock else array


def _life_table(rows: pd.DataFrame, title: str, name: str) -> xr.Dataset:
    text = f"{title} {name}".lower()
    sexes = [sex for sex, pattern in _SEX_OF_TABLE.items() if re.search(pattern, text)]
    if len(sexes) != 1:
        raise DataError(f"{name}: its title {title!r} does not say whether it is of men or women")
    rates = _array(rows, "mx", False, name)
    e0 = _array(rows, "ex", False, name).sel(age=0, drop=True)
    data = xr.Dataset({"death_rate": rates, "life_expectancy_at_birth": e0})
    return data.expand_dims(sex=sexes).transpose("year", "sex", "age")
