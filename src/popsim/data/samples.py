"""The embedded baselines: loaded here, built by ``scripts/baselines``.

A baseline is a folder of text tables: ``baseline.json`` with the description, the dimensions
and the source of every variable, and one CSV a variable, ages as columns.
"""

from __future__ import annotations

import json
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from popsim.dataset import fingerprint, label, stamp, validate
from popsim.errors import DataError, nearest

__all__ = ["FERTILITY_HELD", "baseline_names", "load_baseline"]

#: What may be held constant after the last observed year.
FERTILITY_HELD = ("incidence", "conditional")
_TEXT = {"region": str, "parent": str}


def _folder() -> Traversable:
    return files("popsim.data") / "baselines"


def baseline_names() -> list[str]:
    """Return the names of the embedded baselines.

    Examples
    --------
    >>> baseline_names()
    ['china-2020', 'zhejiang-2010', 'zhejiang-2020']
    """
    return sorted(entry.name for entry in _folder().iterdir() if entry.is_dir())


def load_baseline(name: str, *, fertility: str = "incidence") -> xr.Dataset:
    """Load an embedded baseline.

    Parameters
    ----------
    name : str
        One of :func:`baseline_names`.
    fertility : {"incidence", "conditional"}
        What is held after the last observed year: the total fertility rate by order, or the
        conditional birth rates by parity. The two part quickly where a policy has released a
        stock of second births.

    Returns
    -------
    xarray.Dataset
        Population on 1 January [person] by sex and age, women by parity, and yearly paths of
        conditional birth rates (base times factor) [year-1], survival ratios, sex ratio at
        birth, net migration [person] and childcare places. Every variable has ``source``; what
        is reconstructed or illustrative says so there.

    Raises
    ------
    DataError
        When there is no such baseline or no such path of fertility.

    Examples
    --------
    >>> base = load_baseline("zhejiang-2020")
    >>> round(float(base.population.sum()))
    64680000
    >>> load_baseline("zhejang-2020")
    Traceback (most recent call last):
    ...
    popsim.errors.DataError: no embedded baseline 'zhejang-2020' ...; write: zhejiang-2020
    """
    names = baseline_names()
    if name not in names:
        guess = nearest(name, names)
        text = f"no embedded baseline {name!r} (there are {', '.join(names)})"
        raise DataError(f"{text}; write: {guess}" if guess else text)
    if fertility not in FERTILITY_HELD:
        raise DataError(f"fertility {fertility!r} is not one of {', '.join(FERTILITY_HELD)}")
    folder = _folder() / name
    description = json.loads((folder / "baseline.json").read_text(encoding="utf-8"))
    variables = {
        key: _read(folder, key, row["dims"], row["attrs"])
        for key, row in description["variables"].items()
    }
    data = xr.Dataset(variables, attrs={"name": name, **description["attrs"]})
    data = data.assign_coords(
        region_name=("region", description["region_name"]),
        region_name_zh=("region", description["region_name_zh"]),
        parent=("region", description["parent"]),
        base_time=description["base_time"],
    )
    data = data.sel(fertility_path=fertility, drop=True)
    data.attrs["fertility_held"] = fertility
    data = label(data)
    validate(data)
    loaded = f"loaded {name}, {fertility} held"
    return stamp(data, loaded, inputs_sha256=fingerprint(data))


def _read(folder: Traversable, name: str, dims: list[str], attrs: dict[str, Any]) -> xr.DataArray:
    """Read one table; its rows are the product of the dimensions, ages are columns."""
    with (folder / f"{name}.csv").open(encoding="utf-8") as file:
        frame = pd.read_csv(file, dtype=_TEXT)
    keys = [dim for dim in dims if dim != "age"]
    coords: dict[str, Any] = {dim: frame[dim].unique() for dim in keys}
    for dim, labels in coords.items():
        coords[dim] = labels.astype(object if labels.dtype.kind not in "iu" else np.int64)
    values = frame.drop(columns=keys)
    if "age" in dims:
        coords["age"] = values.columns.astype(np.int64).to_numpy()
    shape = [len(coords[dim]) for dim in dims]
    return xr.DataArray(
        values.to_numpy(dtype=np.float64).reshape(shape),
        dims=dims,
        coords={
            dim: (np.asarray(c, dtype=str) if c.dtype == object else c) for dim, c in coords.items()
        },
        attrs=attrs,
    )
