"""What ties regions: an origin-destination matrix of rates, or a pool of migrants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from popsim.dataset import place
from popsim.demography.projection import _laid_out
from popsim.errors import Problems

if TYPE_CHECKING:
    from popsim.kernels.regions import Movement

__all__ = ["Moves", "checked_migrant_parity"]

Array = np.ndarray[Any, np.dtype[np.float64]]

_SUM = 1e-9


class Moves:
    """Rates of a matrix or a pool laid out for the kernel, one year at a time.

    Parameters
    ----------
    origin_destination : xarray.DataArray or None
        Rates (origin, destination, year, sex, age) [year-1].
    pool : xarray.Dataset or None
        ``out_migration_rate`` and ``destination_share`` (region, year, sex, age).
    inputs : xarray.Dataset
        Inputs of the projection, for the labels of regions, sexes and ages.
    years : sequence of int
        Years to project.
    problems : Problems
        What is wrong is added to it.
    """

    def __init__(
        self,
        origin_destination: xr.DataArray | None,
        pool: xr.Dataset | None,
        inputs: xr.Dataset,
        years: Sequence[int],
        problems: Problems,
    ) -> None:
        self._rates: Array = np.empty(0)
        self._leave: Array = np.empty(0)
        self._shares: Array = np.empty(0)
        self._sizes = (len(inputs["region"]), inputs.sizes["age"])
        self.kind = ""
        labels = {
            "year": list(years),
            "sex": inputs["sex"].values.tolist(),
            "age": inputs["age"].values.tolist(),
        }
        regions = inputs["region"].values.tolist()
        if origin_destination is not None and pool is not None:
            problems.add("both a matrix and a pool are given", instead="one of them")
        elif origin_destination is not None:
            self._read_matrix(
                origin_destination,
                {"origin": regions, "destination": regions, **labels},
                problems,
            )
        elif pool is not None:
            self._read_pool(pool, {"region": regions, **labels}, problems)

    def _read_matrix(
        self, rates: xr.DataArray, labels: dict[str, list[Any]], problems: Problems
    ) -> None:
        values = _read("origin_destination", rates, labels, ("origin", "destination"), problems)
        if values is None:
            return
        own = np.einsum("oo...->o...", values)
        if (own > 0).any():
            o = int(np.argwhere(own > 0)[0][0])
            problems.add(
                f"origin_destination: {labels['origin'][o]} sends people to itself",
                instead="0 where origin and destination are the same",
            )
        self._rates, self.kind = values, "matrix"

    def _read_pool(
        self, pool: xr.Dataset, labels: dict[str, list[Any]], problems: Problems
    ) -> None:
        names = ("out_migration_rate", "destination_share")
        for name in names:
            if name not in pool:
                problems.add(f"the pool has no variable {name!r}")
        if any(name not in pool for name in names):
            return
        rates = _read(names[0], pool[names[0]], labels, ("region",), problems)
        received = _read(names[1], pool[names[1]], labels, ("region",), problems)
        if rates is None or received is None:
            return
        leave, shares = np.broadcast_arrays(rates, received)
        total = shares.sum(axis=0)
        wrong = (np.abs(total - 1) > _SUM) & (leave > 0).any(axis=0)
        if wrong.any():
            first = np.argwhere(wrong)[0]
            at = ", ".join(
                f"{dim} {labels[dim][i]}"
                for dim, i, size in zip(("year", "sex", "age"), first, wrong.shape, strict=True)
                if size > 1
            )
            problems.add(
                f"destination shares sum to {total[tuple(first)]:.10g}, not to 1",
                where=f"destination_share, {at}" if at else "destination_share",
            )
        self._leave, self._shares, self.kind = leave, shares, "pool"

    def of_year(self, y: int) -> Movement | None:
        """Return what the kernel needs in the year at a position; None where nobody moves."""
        from popsim.kernels.regions import Movement

        regions, ages = self._sizes
        full = (regions, 2, ages)
        if self.kind == "matrix":
            rates = self._rates[:, :, min(y, self._rates.shape[2] - 1)]
            route = np.broadcast_to(rates, (regions, regions, 2, ages)).transpose(2, 3, 1, 0)
            return Movement(
                np.broadcast_to(rates.sum(axis=1), full), np.ascontiguousarray(route), None
            )
        if self.kind == "pool":
            y = min(y, self._leave.shape[1] - 1)
            leave, shares = (
                np.broadcast_to(values[:, y], full) for values in (self._leave, self._shares)
            )
            return Movement(leave, None, shares)
        return None


def _read(
    name: str,
    array: xr.DataArray,
    labels: dict[str, list[Any]],
    must: tuple[str, ...],
    problems: Problems,
) -> Array | None:
    """Return values in the order of the labels, axes of length 1 where a dimension is not there."""
    before = len(problems.found)
    missing = [dim for dim in must if dim not in array.dims]
    extra = sorted(str(dim) for dim in array.dims if dim not in labels)
    if missing:
        problems.add(f"{name} has no dimension {', '.join(missing)}")
    if extra:
        problems.add(f"{name} must not have dimension {', '.join(extra)}")
    for dim in (d for d in labels if d in array.dims):
        have = set(array[dim].values.tolist()) if dim in array.coords else set()
        absent = [str(label) for label in labels[dim] if label not in have]
        if absent:
            problems.add(f"{name}: {dim} {', '.join(absent)} is missing")
        unknown = sorted(str(v) for v in have - set(labels[dim]))
        if unknown and dim != "year":
            problems.add(f"{name}: {dim} {', '.join(unknown)} is not in the inputs")
    if len(problems.found) > before:
        return None
    array = array.sel({dim: values for dim, values in labels.items() if dim in array.dims})
    values = np.asarray(array.values, dtype=np.float64)
    for wrong, what in (
        (~np.isfinite(values), "is not a finite number"),
        (values < 0, "is below 0"),
    ):
        if wrong.any():
            first = tuple(int(i) for i in np.argwhere(wrong)[0])
            more = f" (and {int(wrong.sum()) - 1} more)" if wrong.sum() > 1 else ""
            value = f"{values[first]:g} " if np.isfinite(values[first]) else ""
            problems.add(f"{value}{what}{more}", where=f"{name}, {place(array, first)}")
    return _laid_out(array.variable, tuple(labels))


def checked_migrant_parity(
    shares: xr.DataArray | None, inputs: xr.Dataset, problems: Problems
) -> Array | None:
    """Return parity shares of migrants (region, parity, age); note what does not fit.

    Parameters
    ----------
    shares : xarray.DataArray or None
        Shares (region, parity, age) [1]; ``region`` may be left out.
    inputs : xarray.Dataset
        Inputs of the projection, for the labels.
    problems : Problems
        What is wrong is added to it.
    """
    if shares is None:
        return None
    labels = {dim: inputs[dim].values.tolist() for dim in ("region", "parity", "age")}
    values = _read("migrant_parity", shares, labels, ("parity", "age"), problems)
    if values is None:
        return None
    total = values.sum(axis=1)
    wrong = np.abs(total - 1) > _SUM
    if wrong.any():
        i, a = (int(v) for v in np.argwhere(wrong)[0])
        at = f"region {labels['region'][i]}, " if values.shape[0] > 1 else ""
        problems.add(
            f"shares sum to {total[i, a]:.10g} over parity, not to 1",
            where=f"migrant_parity, {at}age {labels['age'][a]}",
        )
    return np.broadcast_to(values, (len(labels["region"]), *values.shape[1:]))
