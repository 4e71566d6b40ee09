"""Datasets against the registry: label, validate, fingerprint and stamp.

A popsim Dataset is a plain :class:`xarray.Dataset` whose variables have a row in
:data:`popsim.variables.VARIABLES`. These functions add the labels, refuse what
does not fit (all problems at once), and record where a Dataset came from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from popsim import __version__
from popsim.errors import DataError, Problems, nearest
from popsim.variables import DIMENSIONS, VARIABLES

__all__ = [
    "check_same_basis",
    "dimension_labels",
    "fingerprint",
    "label",
    "place",
    "stamp",
    "validate",
    "variable_labels",
]

SEXES = ("female", "male")
POPULATION_BASES = {"resident": "常住人口", "registered": "户籍人口"}
_INTEGER_DIMENSIONS = ("time", "year", "age", "parity", "birth_order", "draw")


def label(dataset: xr.Dataset, source: str = "") -> xr.Dataset:
    """Return the Dataset with the registry's labels on variables and dimensions.

    Parameters
    ----------
    dataset : xarray.Dataset
        Variables without a row in the registry are left as they are.
    source : str
        Written to ``source`` of every variable that has none.

    Returns
    -------
    xarray.Dataset
        A shallow copy; ``units``, ``long_name``, ``long_name_zh``, ``definition`` and
        ``source`` are in ``attrs`` of each variable.

    Examples
    --------
    >>> births = xr.Dataset({"births": (("year",), [1.0])}, coords={"year": [2021]})
    >>> label(births, source="example").births.attrs["long_name_zh"]
    '出生人数'
    """
    labelled = dataset.copy()
    # Through `variables`, because a DataArray per name would cost more than a small projection.
    for key, variable in labelled.variables.items():
        name = str(key)
        if name in VARIABLES and key not in labelled.coords:
            variable.attrs.update(variable_labels(name, str(variable.attrs.get("source", source))))
        elif name in DIMENSIONS:
            variable.attrs.update(dimension_labels(name))
    return labelled


def variable_labels(name: str, source: str = "") -> dict[str, str]:
    """Return the attributes that a variable of the registry carries.

    Examples
    --------
    >>> variable_labels("births", "example")["units"]
    'birth'
    """
    row = VARIABLES[name]
    return {
        "units": row.units,
        "long_name": row.long_name,
        "long_name_zh": row.long_name_zh,
        "definition": row.definition,
        "source": source,
    }


def dimension_labels(name: str) -> dict[str, str]:
    """Return the attributes that the coordinate of a dimension carries.

    Examples
    --------
    >>> dimension_labels("birth_order")
    {'long_name': 'birth order', 'long_name_zh': '孩次'}
    """
    dimension = DIMENSIONS[name]
    return {"long_name": dimension.long_name, "long_name_zh": dimension.long_name_zh}


def validate(dataset: xr.Dataset, required: Iterable[str] = ()) -> None:
    """Check a Dataset against the registry and raise everything found at once.

    Parameters
    ----------
    dataset : xarray.Dataset
    required : iterable of str
        Variables that must be there.

    Raises
    ------
    DataError
        When a variable is missing or unknown, has a dimension that it must not have, holds
        NaN or a value outside its range, when a coordinate is missing, repeated or not of its
        type, when years are not consecutive or ages do not start at 0 in steps of one.

    Examples
    --------
    >>> bad = xr.Dataset({"births": (("year",), [-1.0])}, coords={"year": [2021]})
    >>> validate(bad)
    Traceback (most recent call last):
    ...
    popsim.errors.DataError: births, year 2021: -1 birth is below 0
    """
    problems = Problems()
    for name in required:
        if name not in dataset:
            problems.add(f"variable {name!r} is missing ({VARIABLES[name].long_name})")
    indexes = dataset.indexes  # all are made anew at each look
    for dimension in dataset.dims:
        _check_coordinate(str(dimension), indexes.get(dimension), problems)
    for name in map(str, dataset.data_vars.keys()):
        _check_variable(dataset, name, problems)
    basis = dataset.attrs.get("population_basis")
    if basis is not None and basis not in POPULATION_BASES:
        problems.add(
            f"population_basis {basis!r} is unknown", instead=" or ".join(POPULATION_BASES)
        )
    problems.raise_if_any(DataError)


def _check_coordinate(name: str, index: pd.Index[Any] | None, problems: Problems) -> None:
    if name not in DIMENSIONS:
        problems.add(f"unknown dimension {name!r}", instead=nearest(name, DIMENSIONS))
        return
    if index is None:
        problems.add(f"dimension {name!r} has no coordinate labels")
        return
    values = index.to_numpy()
    if not index.is_unique:
        labels, counts = np.unique(values, return_counts=True)
        problems.add(f"{name} {labels[counts > 1][0]} appears more than once")
    if name in _INTEGER_DIMENSIONS and not np.issubdtype(values.dtype, np.integer):
        problems.add(f"{name} must hold integers, not {values.dtype}")
        return
    if name in ("time", "year", "age") and len(values) > 1 and (np.diff(values) != 1).any():
        gap = int(values[:-1][np.diff(values) != 1][0])
        problems.add(f"{name} is not consecutive after {gap}", instead=str(gap + 1))
    if name == "age" and len(values) and values[0] != 0:
        problems.add(f"age starts at {values[0]}", instead="0")
    if name == "sex" and tuple(values) != SEXES:
        problems.add(f"sex is {', '.join(map(str, values))}", instead="female, male")


def _check_variable(dataset: xr.Dataset, name: str, problems: Problems) -> None:
    variable = dataset.variables[name]
    row = VARIABLES.get(name)
    if row is None:
        problems.add(f"unknown variable {name!r}", instead=nearest(name, VARIABLES))
        return
    extra = [str(d) for d in variable.dims if d not in row.dims and d != "quantile"]
    if extra:
        problems.add(f"{name} must not have dimension {', '.join(extra)}", instead=str(row.dims))
    values = np.asarray(variable.values, dtype=float)
    # Two passes when all is well; a NaN fails both comparisons.
    if not values.size or (values.min() >= row.minimum and values.max() <= row.maximum):
        return
    for wrong, what in (
        (np.isnan(values), "is not a number"),
        (values < row.minimum, f"is below {row.minimum:g}"),
        (values > row.maximum, f"is above {row.maximum:g}"),
    ):
        if wrong.any():
            first = tuple(int(i) for i in np.argwhere(wrong)[0])
            more = int(wrong.sum()) - 1
            rest = f" (and {more} more)" if more else ""
            value = "" if np.isnan(values[first]) else f"{values[first]:g} {row.units} "
            problems.add(f"{value}{what}{rest}", where=f"{name}, {place(dataset[name], first)}")


def place(array: xr.DataArray, index: tuple[int, ...]) -> str:
    """Name one cell by its labels.

    Examples
    --------
    >>> cell = xr.DataArray([[1.0]], {"year": [2031], "age": [23]}, ("year", "age"))
    >>> place(cell, (0, 0))
    'year 2031, age 23'
    """
    words = []
    for dimension, position in zip(array.dims, index, strict=True):
        if dimension in array.coords:
            here = array[dimension].values[position]
        else:
            here = f"number {position}"
        text = f"{dimension} {here}"
        if dimension == "region" and "region_name_zh" in array.coords:
            text += f" ({array['region_name_zh'].values[position]})"
        words.append(text)
    return ", ".join(words)


def check_same_basis(*datasets: xr.Dataset) -> None:
    """Refuse to mix resident and registered populations.

    Raises
    ------
    DataError
        When ``population_basis`` differs between the Datasets that state it.
    """
    bases = [d.attrs["population_basis"] for d in datasets if "population_basis" in d.attrs]
    if len(set(bases)) > 1:
        named = " and ".join(f"{basis} ({POPULATION_BASES.get(basis, '?')})" for basis in bases)
        raise DataError(f"the Datasets mix populations: {named}; use one basis for all")


def fingerprint(*datasets: xr.Dataset) -> str:
    """Return the SHA-256 of the values and coordinates, whatever the order of variables.

    Examples
    --------
    >>> one = xr.Dataset({"births": (("year",), [1.0])}, coords={"year": [2021]})
    >>> fingerprint(one) == fingerprint(one.copy())
    True
    """
    digest = hashlib.sha256()
    for dataset in datasets:
        for name in sorted(str(key) for key in dataset.variables):
            variable = dataset.variables[name]
            values = variable.values
            digest.update(f"{name}|{variable.dims}|{values.shape}|".encode())
            if values.dtype.kind in "OUT":
                digest.update("\x1f".join(str(v) for v in values.ravel()).encode())
            else:
                digest.update(np.ascontiguousarray(values, dtype=np.float64).tobytes())
    return digest.hexdigest()


def stamp(dataset: xr.Dataset, history: str, **attributes: Any) -> xr.Dataset:
    """Record version, time and what was done in the Dataset's ``attrs``.

    Parameters
    ----------
    dataset : xarray.Dataset
    history : str
        What was done, one line; it is put before earlier lines, newest first.
    **attributes
        Further attributes, e.g. ``seed`` and ``inputs_sha256``.
    """
    stamped = dataset.copy()
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    earlier = dataset.attrs.get("history", "")
    stamped.attrs.update(
        attributes,
        popsim_version=__version__,
        history=f"{now} popsim {__version__}: {history}" + (f"\n{earlier}" if earlier else ""),
    )
    return stamped
