"""Read files of the Human Fertility Database: rates and births by age and order, exposures.

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

__all__ = ["read_hfd"]

# Column of all orders, and pattern of the columns by order.
_KINDS = {
    "incidence_fertility_rate": ("ASFR", r"ASFR(\d)p?"),
    "births_by_age": ("Total", r"B(\d)p?"),
    "person_years": ("Exposure", r"(?!)"),
}


def read_hfd(path: str | Path, *, code: str | None = None) -> xr.Dataset:
    r"""Read one period file of the Human Fertility Database by calendar year and age.

    Parameters
    ----------
    path : str or pathlib.Path
        ``asfrRR.txt``, ``asfrRRbo.txt``, ``birthsRR.txt``, ``birthsRRbo.txt`` or ``exposRR.txt``,
        of a country or pooled, as published.
    code : str, optional
        Country of a pooled file (``SWE``).

    Returns
    -------
    xarray.Dataset
        ``incidence_fertility_rate`` (year, birth_order, age) [year-1] or ``births_by_age`` [birth],
        the last order open; without orders (year, age); ``person_years`` (year, sex, age) of
        women. Ages 12 (and younger) to 55 (and older). Missing numbers (``.``) are NaN.

    Raises
    ------
    DataError
        When the file is not as published, by cohort, or of an unknown kind.

    References
    ----------
    Human Fertility Database, Max Planck Institute for Demographic Research and Vienna Institute of
    Demography, www.humanfertility.org.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "asfrRRbo.txt"
    >>> _ = file.write_text("Nowhere, Period fertility rates by birth order\n\n"
    ...     "Year Age ASFR ASFR1 ASFR2 ASFR3 ASFR4 ASFR5p\n"
    ...     "2020 12- 0 0 0 0 0 .\n2020 13 .015 .01 .005 0 0 .\n")
    >>> read_hfd(file).incidence_fertility_rate.sel(year=2020, age=13).values
    array([0.01 , 0.005, 0.   , 0.   ,   nan])
    """
    file = Path(path)
    title, rows = read_block(file, code)
    columns = [str(c) for c in rows.columns]
    kind = next((k for k, (total, _) in _KINDS.items() if total in columns), None)
    if kind is None or {"Cohort", "ARDY"} & set(columns):
        raise DataError(
            f"{file.name} has columns {', '.join(columns)}; read are files by year and age: "
            "asfrRR, asfrRRbo, birthsRR, birthsRRbo, exposRR"
        )
    total, pattern = _KINDS[kind]
    rows = rows.assign(age=[first_age(str(age), file.name) for age in rows["Age"]])
    bad = ~rows["Year"].str.fullmatch(r"\d{4}")
    if bad.any():
        raise DataError(f"{file.name}: {rows['Year'][bad].iloc[0]!r} is not a calendar year")
    orders = [c for c in columns if re.fullmatch(pattern, c)]
    if orders:
        numbers = [int(re.fullmatch(pattern, c)[1]) for c in orders]  # type: ignore[index]
        if numbers != list(range(1, len(numbers) + 1)):
            raise DataError(f"{file.name}: birth orders are {', '.join(orders)}")
        parts = [
            _array(rows, c, file.name).expand_dims(birth_order=[n])
            for n, c in zip(numbers, orders, strict=True)
        ]
        array = xr.concat(parts, "birth_order").transpose("year", "birth_order", "age")
    else:
        array = _array(rows, total, file.name)
    if kind == "person_years":
        array = array.expand_dims(sex=["female"]).transpose("year", "sex", "age")
    data = label(xr.Dataset({kind: array}), source=f"Human Fertility Database, {title}")
    return stamp(data, f"read {file.name}", name=title.split(",")[0])


def _array(rows: pd.DataFrame, column: str, name: str) -> xr.DataArray:
    table = rows.assign(year=rows["Year"].astype(int)).set_index(["year", "age"])[column]
    if table.index.has_duplicates:
        year, age = table.index[table.index.duplicated()][0]
        raise DataError(f"{name}: year {year}, age {age} comes twice")
    array = table.to_xarray()
    return array.assign_coords(age=array["age"].values.astype(np.int64))
