"""Writing results of a batch for other programs, region by region, never all in memory."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd
import xarray as xr

from popsim.batch.results import kept_indicators, shown_unit
from popsim.batch.task import DIFFERENCE, DRAWS, MEAN
from popsim.errors import DataError, nearest
from popsim.evaluation.summary import POINTS
from popsim.variables import VARIABLES

__all__ = ["export_store", "rows_by_region"]

_SHEET_ROWS = 1_048_576
_FIRST = (
    "region",
    "region_name_zh",
    "scenario",
    "scenario_label_zh",
    "indicator",
    "label_zh",
    "unit",
    "year",
    "birth_order",
    "mean",
)


def export_store(
    store: xr.Dataset,
    path: str | Path,
    *,
    indicators: Sequence[str] | None = None,
    regions: Sequence[str] | None = None,
    scenarios: Sequence[str] | None = None,
    years: range | None = None,
) -> Path:
    """Write results of a batch to a CSV, Excel or netCDF file.

    Parameters
    ----------
    store : xarray.Dataset
        From :func:`popsim.open_store`.
    path : str or pathlib.Path
        The ending says what is written: ``.csv``, ``.xlsx`` (one sheet for each indicator),
        ``.nc``.
    indicators, regions, scenarios : sequence of str, optional
        All by default; indicators by the name of the indicator, its means and differences go with
        it.
    years : range, optional
        Stocks are those at the end of these years.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    DataError
        When a name is not in the store, the ending is unknown, or a sheet would be too long.

    Notes
    -----
    Tables hold one row for each region, scenario, indicator, year (and birth order), with mean and
    quantiles of the level and of the difference, in the units in which readers expect them.
    netCDF holds the arrays as they are stored.
    """
    path = Path(path)
    kinds: dict[str, Callable[[xr.Dataset, Path], None]] = {
        ".csv": _to_csv,
        ".xlsx": _to_excel,
        ".nc": _to_netcdf,
    }
    if path.suffix.lower() not in kinds:
        guess = path.with_suffix(".csv")
        raise DataError(
            f"{path.name} is not a name for a table (.csv, .xlsx or .nc); write: {guess}"
        )
    chosen = _chosen(store, indicators, regions, scenarios, years)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    try:
        kinds[path.suffix.lower()](chosen, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def rows_by_region(store: xr.Dataset, indicator: str) -> Iterator[pd.DataFrame]:
    """Yield the table of one indicator, one region at a time.

    Parameters
    ----------
    store : xarray.Dataset
        From :func:`popsim.open_store`.
    indicator : str

    Yields
    ------
    pandas.DataFrame
        Codes and names, ``unit``, ``year``, ``birth_order`` where there is one, and as far as they
        are kept ``mean``, ``q10`` …, ``difference_mean``, ``difference_q10`` …,
        ``difference_unit``.
    """
    unit, scale = shown_unit(indicator)
    parts = {
        "mean": indicator + MEAN,
        "": indicator,
        "difference_mean": indicator + DIFFERENCE + MEAN,
        "difference_": indicator + DIFFERENCE,
    }
    for code in store["region"].values:
        here = store.sel(region=code)
        columns = {}
        for column, name in parts.items():
            if name not in here:
                continue
            values = here[name].compute() * scale
            if "quantile" not in values.dims:
                columns[column] = values
                continue
            for q in values["quantile"].values:
                columns[f"{column}q{100 * q:g}"] = values.sel(quantile=q, drop=True)
        keys = list(next(iter(columns.values())).dims)
        wide = xr.Dataset(columns).reset_coords(drop=True)
        frame = wide.to_dataframe(dim_order=keys).reset_index()
        if "time" in frame:
            # The stock of 1 January 2023 is published as that of the end of 2022.
            frame = frame.rename(columns={"time": "year"})
            frame["year"] -= 1
        frame["region"] = str(code)
        frame["indicator"] = indicator
        frame["label_zh"] = VARIABLES[indicator].long_name_zh
        frame["unit"] = unit
        if "region_name_zh" in here.coords:
            frame["region_name_zh"] = str(here["region_name_zh"].values)
        names = dict(zip(store["scenario"].values, store["scenario_label_zh"].values, strict=True))
        frame["scenario_label_zh"] = frame["scenario"].map(names)
        if any(column.startswith("difference") for column in columns):
            frame["difference_unit"] = POINTS.get(unit, unit)
        first = [column for column in _FIRST if column in frame]
        yield frame[first + [column for column in frame if column not in first]]


def _chosen(
    store: xr.Dataset,
    indicators: Sequence[str] | None,
    regions: Sequence[str] | None,
    scenarios: Sequence[str] | None,
    years: range | None,
) -> xr.Dataset:
    there = kept_indicators(store)
    wanted = {"indicator": (indicators, there)}
    for dim, codes in (("region", regions), ("scenario", scenarios)):
        wanted[dim] = codes, [str(code) for code in store[dim].values]
    for what, (asked, known) in wanted.items():
        for name in asked or ():
            if name not in known:
                guess = nearest(name, known) or f"one of {', '.join(known[:5])}"
                raise DataError(f"there is no {what} {name!r} in the store; write: {guess}")
    if indicators is not None:
        suffixes = ("", MEAN, DIFFERENCE, DIFFERENCE + MEAN, DRAWS)
        names = [name + suffix for name in indicators for suffix in suffixes]
        store = store[[name for name in names if name in store]]
    for dim, codes in (("region", regions), ("scenario", scenarios)):
        if codes is not None:
            store = store.sel({dim: list(codes)})
    if years is not None:
        for dim, asked_years in (("year", list(years)), ("time", [year + 1 for year in years])):
            if dim in store.dims:
                store = store.sel({dim: [year for year in asked_years if year in store[dim]]})
    return store


def _to_csv(store: xr.Dataset, path: Path) -> None:
    """Write one table; a column that an indicator does not have is empty in its rows."""
    columns: list[str] = []
    for indicator in kept_indicators(store):
        frame = next(rows_by_region(store.isel(region=[0]), indicator))
        columns += [name for name in map(str, frame.columns) if name not in columns]
    columns = [c for c in _FIRST if c in columns] + [c for c in columns if c not in _FIRST]
    # The byte-order mark makes spreadsheets read Chinese labels.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerow(columns)
        for indicator in kept_indicators(store):
            for frame in rows_by_region(store, indicator):
                frame.reindex(columns=columns).to_csv(file, header=False, index=False)


def _to_excel(store: xr.Dataset, path: Path) -> None:
    from openpyxl import Workbook

    for indicator in kept_indicators(store):
        sizes = store[indicator].sizes
        rows = 1
        for dim, size in sizes.items():
            rows *= 1 if dim == "quantile" else size
        if rows >= _SHEET_ROWS:
            raise DataError(
                f"{indicator} has {rows:,} rows and a sheet of Excel takes {_SHEET_ROWS:,}; write: "
                "fewer regions, scenarios or years, or a .csv file"
            )
    # In this mode rows go to the disk as they come.
    book = Workbook(write_only=True)
    for indicator in kept_indicators(store):
        sheet = book.create_sheet(indicator[:31])
        for place, frame in enumerate(rows_by_region(store, indicator)):
            if not place:
                sheet.append(list(frame.columns))
            for row in frame.itertuples(index=False):
                sheet.append([getattr(value, "item", lambda v=value: v)() for value in row])
    notes = book.create_sheet("notices")
    for line in str(store.attrs.get("notices", "")).splitlines():
        notes.append([line])
    book.save(path)


def _to_netcdf(store: xr.Dataset, path: Path) -> None:
    encoding = {
        str(name): {"zlib": True, "complevel": 1, "chunksizes": array.data.chunksize}
        for name, array in store.data_vars.items()
    }
    store.to_netcdf(path, engine="h5netcdf", encoding=encoding)
