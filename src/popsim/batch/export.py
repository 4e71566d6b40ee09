"""Writing results of a batch for other programs, region by region, never all in memory."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from popsim.batch.cost_tables import cost_frame, kept_costs, shown
from popsim.batch.costs import COSTS
from popsim.batch.extras import loaded
from popsim.batch.results import kept_indicators, shown_unit
from popsim.batch.task import DIFFERENCE, DRAWS, MEAN
from popsim.errors import DataError, nearest
from popsim.evaluation.summary import POINTS
from popsim.variables import VARIABLES

__all__ = ["export_store", "rows_by_region", "years_of"]

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
    "sex",
    "window",
    "first_year",
    "last_year",
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
    """Write results of a batch to a CSV, Excel, Parquet or netCDF file.

    Parameters
    ----------
    store : xarray.Dataset
        From :func:`popsim.open_store`.
    path : str or pathlib.Path
        The ending says what is written: ``.csv``, ``.xlsx`` (one sheet for each indicator),
        ``.parquet`` (needs the extra ``parquet``), ``.nc``.
    indicators, regions, scenarios : sequence of str, optional
        All by default; indicators by the name of the indicator, its means and differences go with
        it. Figures of cost (``cost_per_additional_birth``, ``package_cost`` and so on) are among
        them.
    years : range, optional
        Stocks are those at the end of these years.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    DataError
        When a name, or every one of the years, is not in the store, the ending is unknown, or a
        sheet would be too long.

    Notes
    -----
    Tables hold one row for each region, scenario, indicator, year (and birth order), with mean and
    quantiles of the level and of the difference, in the units in which readers expect them. Costs
    have one row for each window of births instead of years, whatever ``years`` says, and their
    figures in the columns of differences; ``note`` says where nothing is paid (``no cost``, empty
    cells) and where births do not rise (infinite cost, ``inf``).
    netCDF holds the arrays as they are stored.
    """
    path = Path(path)
    kinds: dict[str, Callable[[xr.Dataset, list[str], Path], None]] = {
        ".csv": _to_csv,
        ".xlsx": _to_excel,
        ".parquet": _to_parquet,
        ".nc": _to_netcdf,
    }
    if path.suffix.lower() not in kinds:
        guess = path.with_suffix(".csv")
        raise DataError(
            f"{path.name} is not a name for a table (.csv, .xlsx, .parquet or .nc); write: {guess}"
        )
    chosen = _chosen(store, indicators, regions, scenarios, years)
    kept = [*kept_indicators(chosen), *kept_costs(chosen)]
    names = kept if indicators is None else [name for name in kept if name in indicators]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    try:
        kinds[path.suffix.lower()](chosen, names, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def years_of(store: xr.Dataset) -> list[int]:
    """Return the years that tables of a store show: of flows, and those at whose end stocks are."""
    years = [int(year) for year in store["year"].values] if "year" in store.dims else []
    ends = [int(time) - 1 for time in store["time"].values] if "time" in store.dims else []
    return sorted({*years, *ends})


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
        ``difference_unit``. Costs have ``window``, ``first_year``, ``last_year``, ``note`` and
        ``note_zh`` besides, and no year.
    """
    for code in store["region"].values:
        here = store.sel(region=code)
        if indicator in COSTS:
            frame = cost_frame(here, indicator, "difference_")
            frame = frame.rename(columns={"value": "difference_mean"})
            frame["unit"] = frame["difference_unit"] = shown(indicator)[0]
        else:
            frame = _by_year(here, indicator)
        frame["region"] = str(code)
        frame["indicator"] = indicator
        frame["label_zh"] = VARIABLES[indicator].long_name_zh
        if "region_name_zh" in here.coords:
            frame["region_name_zh"] = str(here["region_name_zh"].values)
        names = dict(zip(store["scenario"].values, store["scenario_label_zh"].values, strict=True))
        frame["scenario_label_zh"] = frame["scenario"].map(names)
        first = [column for column in _FIRST if column in frame]
        yield frame[first + [column for column in frame if column not in first]]


def _by_year(here: xr.Dataset, indicator: str) -> pd.DataFrame:
    """Return mean and quantiles of an indicator of one region by scenario and year."""
    unit, scale = shown_unit(indicator)
    parts = {
        "mean": indicator + MEAN,
        "": indicator,
        "difference_mean": indicator + DIFFERENCE + MEAN,
        "difference_": indicator + DIFFERENCE,
    }
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
    frame["unit"] = unit
    if any(column.startswith("difference") for column in columns):
        frame["difference_unit"] = POINTS.get(unit, unit)
    return frame


def _chosen(
    store: xr.Dataset,
    indicators: Sequence[str] | None,
    regions: Sequence[str] | None,
    scenarios: Sequence[str] | None,
    years: range | None,
) -> xr.Dataset:
    there = [*kept_indicators(store), *kept_costs(store)]
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
        if set(indicators) & set(COSTS):
            # Notes, years and quantiles of a cost come from the others.
            names += [name for name in COSTS if name not in names]
        store = store[[name for name in names if name in store]]
    for dim, codes in (("region", regions), ("scenario", scenarios)):
        if codes is not None:
            store = store.sel({dim: list(codes)})
    if years is not None:
        held = years_of(store)
        if held and not set(held) & set(years):
            raise DataError(
                f"the store has no year from {years.start} to {years.stop - 1}; write: years from "
                f"{held[0]} to {held[-1]}"
            )
        for dim, asked_years in (("year", list(years)), ("time", [year + 1 for year in years])):
            if dim in store.dims:
                store = store.sel({dim: [year for year in asked_years if year in store[dim]]})
    return store


def _columns(store: xr.Dataset, names: list[str]) -> dict[str, pd.Series[Any]]:
    """Return the columns of one table of all indicators, each with values of the first that has it.

    A column that an indicator does not have is empty in its rows.
    """
    found: dict[str, pd.Series[Any]] = {}
    for indicator in names:
        frame = next(rows_by_region(store.isel(region=[0]), indicator))
        for column in frame:
            found.setdefault(str(column), frame[column])
    first = [column for column in _FIRST if column in found]
    return {column: found[column] for column in (*first, *(c for c in found if c not in first))}


def _to_csv(store: xr.Dataset, names: list[str], path: Path) -> None:
    columns = list(_columns(store, names))
    # The byte-order mark makes spreadsheets read Chinese labels.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerow(columns)
        for indicator in names:
            for frame in rows_by_region(store, indicator):
                frame.reindex(columns=columns).to_csv(file, header=False, index=False)


def _to_parquet(store: xr.Dataset, names: list[str], path: Path) -> None:
    """Write one table, a row group for each indicator and region."""
    arrow = loaded("pyarrow", "parquet", "Parquet needs")
    parquet = loaded("pyarrow.parquet", "parquet", "Parquet needs")

    def kind(values: pd.Series[Any]) -> Any:
        if pd.api.types.is_integer_dtype(values):
            return arrow.int64()
        return arrow.float64() if pd.api.types.is_float_dtype(values) else arrow.string()

    schema = arrow.schema([(name, kind(values)) for name, values in _columns(store, names).items()])
    with parquet.ParquetWriter(path, schema) as file:
        for indicator in names:
            for frame in rows_by_region(store, indicator):
                arrays = [
                    arrow.array(frame[column.name], type=column.type, from_pandas=True)
                    if column.name in frame
                    else arrow.nulls(len(frame), column.type)
                    for column in schema
                ]
                file.write_table(arrow.Table.from_arrays(arrays, schema=schema))


def _to_excel(store: xr.Dataset, names: list[str], path: Path) -> None:
    from openpyxl import Workbook

    for indicator in names:
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
    for indicator in names:
        sheet = book.create_sheet(indicator[:31])
        for place, frame in enumerate(rows_by_region(store, indicator)):
            if not place:
                sheet.append(list(frame.columns))
            for row in frame.itertuples(index=False):
                sheet.append([_cell(value) for value in row])
    notes = book.create_sheet("notices")
    for line in str(store.attrs.get("notices", "")).splitlines():
        notes.append([line])
    book.save(path)


def _cell(value: Any) -> Any:
    """Return what a cell of Excel holds; a sheet knows no infinite number, so it gets the word."""
    value = getattr(value, "item", lambda: value)()
    if value is pd.NA:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _to_netcdf(store: xr.Dataset, names: list[str], path: Path) -> None:
    # The first stocks stand at the end of a year without flows: of those there is nothing to write.
    store = store[[name for name, array in store.data_vars.items() if array.size]]
    encoding = {
        str(name): {"zlib": True, "complevel": 1, "chunksizes": array.data.chunksize}
        for name, array in store.data_vars.items()
    }
    store.to_netcdf(path, engine="h5netcdf", encoding=encoding)
