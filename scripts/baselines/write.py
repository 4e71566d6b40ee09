"""Write a baseline as the text tables that popsim embeds."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

FOLDER = Path(__file__).parents[2] / "src/popsim/data/baselines"
#: Significant digits: enough that sums of rounded cells keep their totals to 1e-9.
DIGITS = 12


def write(name: str, data: xr.Dataset, description: dict[str, Any]) -> None:
    """Write variables as CSV and everything else as ``baseline.json``."""
    folder = FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    rows = {}
    for key, array in data.data_vars.items():
        (folder / f"{key}.csv").write_text(_table(array), encoding="utf-8")
        rows[str(key)] = {"dims": list(array.dims), "attrs": dict(array.attrs)}
    text = {**description, "attrs": dict(data.attrs), "variables": rows}
    encoded = json.dumps(text, ensure_ascii=False, indent=2)
    (folder / "baseline.json").write_text(encoded + "\n", encoding="utf-8")


def _table(array: xr.DataArray) -> str:
    keys = [str(dim) for dim in array.dims if dim != "age"]
    array = array.transpose(*keys, ...)
    ages = [str(age) for age in array["age"].values] if "age" in array.dims else ["value"]
    lines = [",".join([*keys, *ages])]
    grid = np.array(array.values, dtype=float).reshape(-1, len(ages))
    for place, row in enumerate(grid):
        index = np.unravel_index(place, [array.sizes[key] for key in keys])
        labels = [str(array[key].values[i]) for key, i in zip(keys, index, strict=True)]
        lines.append(",".join([*labels, *(f"{value:.{DIGITS}g}" for value in row)]))
    return "\n".join(lines) + "\n"
