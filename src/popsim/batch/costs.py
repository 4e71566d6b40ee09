"""Costs of additional births as a task reports and a store keeps them, by window of births.

The definitions are those of :func:`popsim.policy.cost.cost_per_additional_birth`, of all
instruments together. Where nothing is paid the cost is 0 CNY and there is no cost per birth: it is
not a number, and neither are the other figures. Where births do not rise it is infinite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.policy.cost import WINDOWS, cost_per_additional_birth

__all__ = ["COSTS", "COST_QUANTILES", "costs_of_lean", "costs_of_run"]

Array = NDArray[np.float64]

COST_QUANTILES = "cost_per_additional_birth_quantile"
#: Own dimensions of every figure, in reading order.
COSTS: dict[str, tuple[str, ...]] = {
    "package_cost": ("window",),
    "additional_births": ("window",),
    "cost_per_additional_birth": ("window",),
    COST_QUANTILES: ("quantile", "window"),
    "deadweight_share": ("window",),
    "chance_of_no_gain": ("window",),
    "first_year": ("window",),
    "last_year": ("window",),
}


def costs_of_lean(reduced: Mapping[str, NDArray[np.generic]]) -> dict[str, Array]:
    """Return the costs among the results of :func:`popsim.batch.lean.run_region`.

    Parameters
    ----------
    reduced : mapping of str to numpy.ndarray
        With the scenario as first dimension; years are 0 where nothing is paid.

    Returns
    -------
    dict of str to numpy.ndarray
        Names and own dimensions of :data:`COSTS` after the scenario.
    """
    years = {"first_year": "window_first_year", "last_year": "window_last_year"}
    given = {name: np.asarray(reduced[years.get(name, name)], dtype=float) for name in COSTS}
    nothing = given["first_year"] == 0
    for name in years:
        given[name] = np.where(nothing, np.nan, given[name])
    given["package_cost"] = np.where(nothing, 0.0, given["package_cost"])
    return given


def costs_of_run(
    result: xr.Dataset, reference: xr.Dataset, probabilities: Sequence[float]
) -> dict[str, Array]:
    """Return the costs of a scenario from its labelled run.

    Parameters
    ----------
    result, reference : xarray.Dataset
        Of :meth:`popsim.simulation.Repeated.run` under the scenario and without any policy, of
        one region.
    probabilities : sequence of float
        Of the quantiles, each from 0 to 1.

    Returns
    -------
    dict of str to numpy.ndarray
        Names and own dimensions of :data:`COSTS`.
    """
    found = xr.Dataset()
    if "package_announced" in result:
        nothing = xr.zeros_like(result["births"])
        found = cost_per_additional_birth(
            result["births_by_order"],
            reference["births_by_order"],
            result["promised_per_birth_package"],
            start=int(result["package_announced"]),
            services=result.get("service_payments", nothing),
            services_anyway=result.get("service_payments_anyway", nothing),
            probabilities=tuple(probabilities),
        )
    if not found.data_vars:
        sizes = {"window": len(WINDOWS), "quantile": len(probabilities)}
        empty = {
            name: np.full([sizes[dim] for dim in dims], np.nan) for name, dims in COSTS.items()
        }
        return {**empty, "package_cost": np.zeros(len(WINDOWS))}
    one = found.isel(region=0)
    return {name: one[name].transpose(*dims).values.astype(float) for name, dims in COSTS.items()}
