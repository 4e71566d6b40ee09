"""Tables of death rates as labelled or plain arrays: checked once, alike in every method.

Rates are per person-year; the age axis is last, the year axis before it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DataError

__all__ = [
    "RateTable",
    "age_coord",
    "aligned",
    "check_labels",
    "like_table",
    "log_rates",
    "logarithms",
    "named",
    "one_schedule",
    "rates_dataset",
    "sexes_of",
]

Array = NDArray[np.float64]


class RateTable:
    """Values with named leading axes and one or two named last axes."""

    def __init__(self, array: Any, last: Sequence[str], what: str) -> None:
        self.last = list(last)
        self.coords: dict[Hashable, Any] = {}
        self.axes: dict[str, Any] = {}
        if isinstance(array, xr.DataArray):
            missing = [name for name in last if name not in array.dims]
            if missing:
                raise DataError(
                    f"{what} have dimensions {', '.join(map(str, array.dims))}; "
                    f"{' and '.join(missing)} must be among them"
                )
            array = array.transpose(..., *last)
            self.lead: list[Hashable] = list(array.dims[: -len(last)])
            for name, coord in array.coords.items():
                if name in last:
                    self.axes[str(name)] = np.asarray(coord.values)
                elif not set(coord.dims) & set(last):
                    self.coords[name] = coord
            self.values = np.asarray(array.values, dtype=float)
        else:
            self.values = np.asarray(array, dtype=float)
            if self.values.ndim < len(last):
                raise DataError(
                    f"{what} have {self.values.ndim} axes; the last must be {', '.join(last)}"
                )
            self.lead = [f"dim_{i}" for i in range(self.values.ndim - len(last))]

    def axis(self, name: str, given: ArrayLike | None) -> NDArray[np.int64]:
        """Labels of one of the last axes: given, its coordinate, or 0, 1, 2, …."""
        size = self.values.shape[self.last.index(name) - len(self.last)]
        label = self.axes.get(name, np.arange(size)) if given is None else np.asarray(given)
        if label.shape != (size,):
            raise DataError(f"there are {size} values of {name} and {label.size} labels for them")
        if np.any(np.diff(label) <= 0):
            raise DataError(f"the {name}s must rise; they are {', '.join(map(str, label[:6]))} …")
        self.axes[name] = label
        return label

    def cell(self, index: Sequence[int]) -> str:
        """Name a cell: ``of sex male in 2003 at age 10``."""
        words = []
        for name, i in zip([*self.lead, *self.last], index, strict=True):
            label = self.axes.get(str(name))
            if label is None and name in self.coords and self.coords[name].dims == (name,):
                label = np.asarray(self.coords[name].values)
            text = str(i if label is None else label[i])
            form = {"year": "in {}", "age": "at age {}"}.get(str(name), f"of {name} {{}}")
            words.append(form.format(text))
        return " ".join(words)

    def dims(self, *last: str) -> list[Hashable]:
        """Return the names of the leading axes, followed by ``last``."""
        return [*self.lead, *last]


def logarithms(table: RateTable) -> Array:
    """Logarithms of death rates, refusing those that have none."""
    m = table.values
    bad = ~(np.isfinite(m) & (m > 0))
    if not bad.any():
        logs: Array = np.log(m)
        return logs
    index = [int(i) for i in np.argwhere(bad)[0]]
    value, count = m[tuple(index)], int(bad.sum())
    also = f" ({count} such rates in all)" if count > 1 else ""
    if value == 0:
        raise DataError(
            f"the death rate {table.cell(index)} is 0 and has no logarithm{also}: pool years or "
            "areas, or add to deaths and person-years those of a larger area, scaled down"
        )
    raise DataError(
        f"the death rate {table.cell(index)} is {value:g}; it must be a positive number{also}"
    )


def named(value: Any, lead: Sequence[Hashable]) -> xr.DataArray:
    """Name the axes of a plain array after the leading ones of another, from the right."""
    if isinstance(value, xr.DataArray):
        return value
    array = np.asarray(value, dtype=float)
    extra = array.ndim - len(lead)
    own = [f"dim_{len(lead) + i}" for i in range(max(extra, 0))]
    return xr.DataArray(array, dims=[*own, *lead[max(-extra, 0) :]])


def check_labels(*arrays: xr.DataArray) -> None:
    """Refuse arrays that would be joined on different labels, which drops or empties cells."""
    known: dict[Hashable, Any] = {}
    for array in arrays:
        for dim in array.dims:
            if dim not in array.coords:
                continue
            labels = array[dim].values
            first = known.setdefault(dim, labels)
            odd = sorted(set(first.tolist()) ^ set(labels.tolist()))
            if odd:
                raise DataError(f"{dim} {odd[0]} is in one of the inputs and not in the other")


def log_rates(array: xr.DataArray) -> xr.DataArray:
    """Return natural logarithms, labels kept."""
    result: xr.DataArray = xr.apply_ufunc(np.log, array)
    return result


def age_coord(age: Any) -> tuple[str, Any, dict[str, Any]]:
    """Return the coordinate of ages, the last one open."""
    return ("age", age, {"units": "year", "open_interval": True})


def like_table(value: Any, table: RateTable, last: list[str], what: str) -> Array:
    """Values of a companion of the death rates, broadcast to their axes."""
    shape = table.values.shape[: len(table.lead)] + tuple(
        table.values.shape[table.last.index(name) - len(table.last)] for name in last
    )
    if isinstance(value, xr.DataArray):
        dims = table.dims(*last)
        strange = [str(d) for d in value.dims if d not in dims]
        if strange:
            raise DataError(f"{what} have the dimension {strange[0]}, which the death rates lack")
        for dim in value.dims:
            label = table.axes.get(str(dim))
            if label is None and dim in table.coords:
                label = np.asarray(table.coords[dim].values)
            if label is not None and dim in value.coords:
                check_labels(value, xr.DataArray(label, dims=[dim], coords={dim: label}))
                value = value.sel({dim: label})
        value = value.expand_dims([d for d in dims if d not in value.dims]).transpose(*dims).values
    array = np.asarray(value, dtype=float)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise DataError(f"the shape of {what} is {array.shape}; it must be {shape}") from None


def sexes_of(sex: ArrayLike | None, table: RateTable) -> Any:
    """Sex for every table of ``(..., year)``: given, or the coordinate ``sex``."""
    if sex is None and "sex" in table.coords:
        frame = xr.DataArray(np.zeros(table.values.shape[:-1]), dims=table.dims("year"))
        spread = xr.broadcast(table.coords["sex"].reset_coords(drop=True), frame)[0]
        return np.asarray(spread.transpose(*table.dims("year")).values)
    return sex


def aligned(
    e0: Any, parts: dict[str, xr.DataArray], sex: ArrayLike | None
) -> tuple[xr.DataArray, dict[str, Array], Any, Any]:
    """Bring e0 and the schedules to one order of dimensions: frame, values, ages and sexes."""
    lead: list[Hashable] = []
    for part in parts.values():
        lead += [d for d in part.dims if d != "age" and d not in lead]
    wanted = named(e0, lead).astype(float)
    check_labels(wanted, *parts.values())
    frame = xr.broadcast(wanted, *(part.isel(age=0, drop=True) for part in parts.values()))[0]
    shapes = {
        name: np.asarray(
            xr.broadcast(part, frame)[0].transpose(*frame.dims, "age").values, dtype=float
        )
        for name, part in parts.items()
    }
    first = next(iter(parts.values()))
    age = first["age"].values if "age" in first.coords else np.arange(first.sizes["age"])
    if sex is None:
        at = frame.coords.get("sex", first.coords.get("sex"))
        if at is not None:
            spread = xr.broadcast(at.reset_coords(drop=True), frame)[0]
            sex = np.asarray(spread.transpose(*frame.dims).values)
    return frame, shapes, age, sex


def one_schedule(mx: Any, ages: ArrayLike | None, what: str) -> xr.DataArray:
    """Return a schedule (..., age) as a labelled array."""
    table = RateTable(mx, ["age"], what)
    age = table.axis("age", ages)
    coords = {**table.coords, "age": age}
    return xr.DataArray(table.values, dims=table.dims("age"), coords=coords)


def rates_dataset(
    frame: xr.DataArray, m: Array, age: Any, **others: tuple[Array, str]
) -> xr.Dataset:
    """Return rates with their ages, and further arrays (values, long name) of the leading axes."""
    dims = list(frame.dims)
    coords = {name: c for name, c in frame.coords.items()}
    return xr.Dataset(
        {
            "mx": ([*dims, "age"], m, {"units": "year-1", "long_name": "death rate"}),
            **{
                name: (dims, values, {"units": "1", "long_name": label})
                for name, (values, label) in others.items()
            },
        },
        coords={**coords, "age": age_coord(age)},
    )
