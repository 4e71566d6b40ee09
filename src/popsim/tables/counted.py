"""Counts as they were given, for several dates and years, to be checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from popsim.dataset import label, stamp
from popsim.errors import DataError, Problems
from popsim.tables.ages import counts
from popsim.tables.collect import collect
from popsim.tables.grids import read_grids
from popsim.variables import VARIABLES

__all__ = ["read_counts"]

_COUNTS = ("births", "births_by_order", "deaths", "net_migration_total")
#: Tables by age whose totals stand in where the table of totals is not given.
_SUMS = {
    "births_by_age": "births",
    "deaths_by_age": "deaths",
    "net_migration": "net_migration_total",
}


def read_counts(path: str | Path) -> xr.Dataset:
    """Read what was counted, for several dates and years, to check it before it is used.

    Parameters
    ----------
    path : str or pathlib.Path
        As in :func:`read_tables`.

    Returns
    -------
    xarray.Dataset
        ``population`` (region, time, sex, age) [person] by single age at every date given; births,
        deaths and net migration (region, year) as far as they are given, NaN in years of which
        another table has numbers. For :func:`popsim.check_data`.

    Raises
    ------
    DataError
        As in :func:`read_tables`.

    Examples
    --------
    >>> import tempfile
    >>> rows = ["331126 人口（年末，人）", "时点,年龄,男,女", "2019年末,0+,10,9"]
    >>> folder = Path(tempfile.mkdtemp())
    >>> text = chr(10).join([*rows, "2020年末,0+,11,9"])
    >>> _ = (folder / "人口.csv").write_text(text, encoding="utf-8")
    >>> read_counts(folder).population.sum(["sex", "age"]).values.tolist()
    [[19.0, 20.0]]
    """
    problems = Problems()
    tables = collect(read_grids(path), problems)
    if not problems and "population" not in tables.given:
        problems.add("there is no table of population", instead="a table population (人口)")
    problems.raise_if_any(DataError)
    people = tables.given["population"]
    array = people.array.sortby("time")
    limits = np.asarray(array["age"].values, dtype=np.int64)
    single, said = counts(array.values, limits, int(limits[-1]), None)
    coords = {d: array[d].values for d in ("region", "time", "sex")}
    stocks = xr.DataArray(
        single,
        {**coords, "age": np.arange(limits[-1] + 1)},
        ("region", "time", "sex", "age"),
        attrs={"source": "; ".join(part for part in (people.where, said) if part)},
    )
    flows: dict[str, xr.DataArray] = {}
    for name in _COUNTS:
        source = (
            name
            if name in tables.given
            else next((n for n, total in _SUMS.items() if total == name and n in tables.given), "")
        )
        if source:
            given = tables.given[source]
            rest = [d for d in given.array.dims if d not in VARIABLES[name].dims]
            flows[name] = given.array.sum(rest).assign_attrs(source=given.where)
    data = xr.merge([xr.Dataset({"population": stocks}), *map(_named, flows.items())], join="outer")
    parents = [tables.regions.parents.get(str(code), "") for code in data["region"].values]
    data = data.assign_coords(parent=("region", parents))
    return stamp(label(data), f"read counts ({'; '.join(tables.read_as)})")


def _named(flow: tuple[str, xr.DataArray]) -> xr.Dataset:
    return xr.Dataset({flow[0]: flow[1]})
