"""Write a baseline as the text tables that popsim embeds, and compare two of them."""

import json
from pathlib import Path

import numpy as np
import xarray as xr

from scripts.baselines.build import Plan

FOLDER = Path(__file__).parents[2] / "src/popsim/data/baselines"
#: Significant digits: sums of rounded cells keep their totals to 1e-9.
DIGITS = 12
#: Another processor may round the last digits of a sum differently.
SAME = 1e-8


def write(folder: Path, data: xr.Dataset, plan: Plan) -> None:
    """Write variables as CSV and everything else as ``baseline.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = {}
    for key, array in data.data_vars.items():
        (folder / f"{key}.csv").write_text(_table(array), encoding="utf-8")
        rows[str(key)] = {"dims": list(array.dims), "attrs": dict(array.attrs)}
    text = {
        "attrs": dict(data.attrs),
        "base_time": plan.census + 1,
        "region_name": [plan.region_name],
        "region_name_zh": [plan.region_name_zh],
        "parent": ["000000" if plan.region != "000000" else ""],
        "variables": rows,
    }
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


def same(one: Path, other: Path) -> bool:
    """Return whether two files say the same, numbers of tables to a relative 1e-8."""
    if not other.is_file():
        return False
    if one.suffix != ".csv":
        return one.read_text(encoding="utf-8") == other.read_text(encoding="utf-8")
    rows, others = (
        [line.split(",") for line in path.read_text(encoding="utf-8").splitlines()]
        for path in (one, other)
    )
    return len(rows) == len(others) and all(map(_same_row, rows, others))


def _same_row(row: list[str], other: list[str]) -> bool:
    return len(row) == len(other) and all(
        a == b or _close(a, b) for a, b in zip(row, other, strict=True)
    )


def _close(one: str, other: str) -> bool:
    try:
        return bool(np.isclose(float(one), float(other), rtol=SAME, atol=1e-9))
    except ValueError:
        return False
