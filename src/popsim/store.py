"""Results on disk: one netCDF file with everything, CSV tables for a spreadsheet."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import xarray as xr

from popsim.errors import DataError
from popsim.evaluation.compare import PAIRED_DIFFERENCE
from popsim.evaluation.summary import POINTS
from popsim.units import UNITS
from popsim.variables import VARIABLES

__all__ = ["load_result", "save_result", "tidy_quantiles"]

QUANTILES = (0.1, 0.5, 0.9)


def save_result(result: xr.Dataset, path: str | Path) -> Path:
    """Write a run to netCDF, with every label and attribute.

    The file is written beside its name and then renamed, so a file that is there is whole.

    Parameters
    ----------
    result : xarray.Dataset
        From :func:`popsim.run`.
    path : str or pathlib.Path
        File name, usually ``*.nc``.

    Returns
    -------
    pathlib.Path
        The file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    try:
        result.to_netcdf(
            unfinished,
            engine="h5netcdf",
            encoding={
                name: {"zlib": True, "complevel": 1}
                for name, array in result.data_vars.items()
                if array.dtype.kind == "f" and array.ndim
            },
        )
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def load_result(path: str | Path) -> xr.Dataset:
    """Read a run that :func:`save_result` wrote.

    Parameters
    ----------
    path : str or pathlib.Path

    Raises
    ------
    DataError
        When the file is missing or is not a popsim result.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"there is no result {path}")
    try:
        with xr.open_dataset(path, engine="h5netcdf") as opened:
            result = opened.load()
    except OSError as error:
        raise DataError(f"{path} is not a netCDF file: {error}") from error
    if "popsim_version" not in result.attrs:
        raise DataError(f"{path} was not written by popsim (no attribute popsim_version)")
    return result


def tidy_quantiles(result: xr.Dataset) -> pd.DataFrame:
    """Return mean and quantiles over draws of every indicator as one tidy table.

    Parameters
    ----------
    result : xarray.Dataset
        Indicators (region, scenario, year or time, draw), e.g. a run or its paired differences.

    Returns
    -------
    pandas.DataFrame
        Columns region, scenario, indicator, label, label_zh, unit, birth_order (empty where it
        does not apply), year (stocks: the year at whose end they stand), mean and one column a
        quantile. Values in the unit in which readers expect them; differences of counts in
        persons and births, of percentages in points.

    Examples
    --------
    >>> share = xr.DataArray([[[0.25, 0.35]]], dims=("region", "year", "draw"),
    ...     coords={"region": ["330000"], "year": [2025]}, name="third_child_share")
    >>> tidy_quantiles(share.to_dataset())[["indicator", "unit", "year", "mean"]].values.tolist()
    [['third_child_share', '%', 2025, 30.0]]
    """
    tables = []
    for name, array in result.data_vars.items():
        row = VARIABLES.get(str(name))
        allowed = {"region", "scenario", "year", "time", "birth_order", "draw"}
        if row is None or not {"draw"} < set(array.dims) <= allowed:
            continue
        if not {"year", "time"} & set(array.dims):
            continue
        difference = array.attrs.get("source") == PAIRED_DIFFERENCE
        counts = row.units in ("person", "birth", "death")
        unit = row.units if difference and counts else row.display or row.units
        scale = UNITS[row.units].scale / UNITS[unit].scale
        spread = array.quantile(list(QUANTILES), "draw").to_dataset("quantile")
        spread = spread.rename({q: f"q{100 * q:.0f}" for q in QUANTILES})
        spread = (spread.assign(mean=array.mean("draw")) * scale).reset_coords(drop=True)
        frame = spread.to_dataframe().reset_index()
        if "time" in frame:
            # The stock of 1 January 2023 is published as that of the end of 2022.
            frame = frame.rename(columns={"time": "year"})
            frame["year"] -= 1
        frame = frame.assign(
            indicator=str(name),
            label=row.long_name,
            label_zh=row.long_name_zh,
            unit=POINTS.get(unit, unit) if difference else unit,
        )
        tables.append(frame)
    table = pd.concat(tables, ignore_index=True)
    order = ("region", "scenario", "indicator", "label", "label_zh", "unit", "birth_order", "year")
    values = ["mean", *(f"q{100 * q:.0f}" for q in QUANTILES)]
    return table[[column for column in order if column in table] + values]
