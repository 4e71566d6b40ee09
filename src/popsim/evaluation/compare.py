"""What a policy changes: scenario minus reference, draw by draw.

Both were projected on the same random numbers, so the difference of a draw is the effect of
the policy in that draw; demographic uncertainty that both share cancels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import xarray as xr

from popsim.dataset import label
from popsim.errors import DataError, nearest
from popsim.evaluation.summary import Summary, summarise
from popsim.policy.cost import cost_per_additional_birth

__all__ = ["Effect", "compare"]

#: Marks a variable as scenario minus reference.
PAIRED_DIFFERENCE = "paired difference"
#: Inputs of the cost and accounts of the run.
_NOT_INDICATORS = {
    "births_by_order_cash_alone",
    "promised_per_birth",
    "promised_per_birth_package",
    "payments",
    "payments_anyway",
    "service_payments",
    "service_payments_anyway",
    "outflow_cut",
    "cells_cut",
}


class Effect:
    """The effect of scenarios against a reference.

    Attributes
    ----------
    result : xarray.Dataset
        The run that is compared.
    reference : str
        Identifier of the reference scenario.
    difference : xarray.Dataset
        Scenario minus reference for every indicator (region, scenario, year or time, draw), in
        the indicator's unit; the reference itself is left out.
    """

    def __init__(self, result: xr.Dataset, reference: str) -> None:
        self.result = result
        self.reference = reference
        compared = [
            name
            for name, array in result.data_vars.items()
            if {"scenario", "draw"} <= set(array.dims) and name not in _NOT_INDICATORS
        ]
        base = result[compared].sel(scenario=reference, drop=True)
        others = [name for name in result["scenario"].values if name != reference]
        difference = result[compared].sel(scenario=others) - base
        for array in difference.data_vars.values():
            array.attrs["source"] = PAIRED_DIFFERENCE
        self.difference = label(difference)
        self.difference.attrs.update(result.attrs, reference=reference)

    def quantiles(self, probabilities: Sequence[float] = (0.1, 0.5, 0.9)) -> xr.Dataset:
        """Return quantiles over draws of every difference, with a first dimension ``quantile``."""
        return self.difference.quantile(list(probabilities), "draw", keep_attrs=True)

    def mean(self) -> xr.Dataset:
        """Return the mean over draws of every difference."""
        return self.difference.mean("draw", keep_attrs=True)

    def cost(self, instruments: str = "cash") -> xr.Dataset:
        """Return the cost per additional birth of the instruments of each scenario.

        Parameters
        ----------
        instruments : {"cash", "all"}
            Those that act through money alone with the births that they bring alone, or all
            instruments together with all births of the package.

        Returns
        -------
        xarray.Dataset
            As :func:`popsim.policy.cost.cost_per_additional_birth`, dims (region, scenario,
            window); not a number where a scenario pays no more than the reference; empty when
            none does before the run ends.

        Raises
        ------
        DataError
            When ``instruments`` is neither.
        """
        if instruments not in ("cash", "all"):
            raise DataError(f"no cost of {instruments!r}; write: cash or all")
        result, package = self.result, instruments == "all"
        promise = "promised_per_birth_package" if package else "promised_per_birth"
        promises = promise in result
        if not promises and not (package and "service_payments" in result):
            return xr.Dataset()
        births = result["births_by_order" if package else "births_by_order_cash_alone"]
        promised = result[promise] if promises else xr.zeros_like(births.isel(draw=0))
        started = result["package_announced" if package else "cash_announced"]
        found = []
        for name in self.difference["scenario"].values:
            start = float(started.sel(scenario=name))
            cost = cost_per_additional_birth(
                births.sel(scenario=name, drop=True),
                births.sel(scenario=self.reference, drop=True),
                promised.sel(scenario=name, drop=True),
                promised.sel(scenario=self.reference, drop=True),
                start=None if math.isnan(start) else int(start),
                services=self._services("service_payments", name) if package else None,
                services_anyway=self._services("service_payments_anyway", name)
                if package
                else None,
            )
            if cost.data_vars:
                found.append(cost.expand_dims(scenario=[name]))
        return xr.concat(found, "scenario") if found else xr.Dataset()

    def _services(self, variable: str, scenario: str) -> xr.DataArray:
        """Return money for services beyond the reference's, dims (region, year, draw)."""
        if variable not in self.result:
            return xr.zeros_like(self.result["births"].sel(scenario=scenario, drop=True))
        money = self.result[variable]
        ours, theirs = (money.sel(scenario=s, drop=True) for s in (scenario, self.reference))
        return ours - theirs

    def summary(self, year: int, *, region: str | None = None) -> Summary:
        """Return the table and the sentence of one year.

        Parameters
        ----------
        year : int
            Flows of this year; stocks at its end (1 January of the next).
        region : str, optional
            Needed when the run has several regions.

        Raises
        ------
        DataError
            When the year or the region is not in the run.
        """
        regions = [str(code) for code in self.result["region"].values]
        if region is None and len(regions) > 1:
            raise DataError(f"the run has {len(regions)} regions; write: region={regions[0]!r}")
        region = region or regions[0]
        if region not in regions:
            raise DataError(f"region {region!r} is not in the run ({', '.join(regions)})")
        years = self.result["year"].values
        if year not in years:
            raise DataError(f"year {year} is not in the run ({years[0]} to {years[-1]})")
        costs = {"cash": self.cost(), "all": self.cost("all")}
        return summarise(self.result, self.difference, costs, self.reference, year, region)


def compare(result: xr.Dataset, to: str = "baseline") -> Effect:
    """Compare the scenarios of a run with one of them.

    Parameters
    ----------
    result : xarray.Dataset
        From :func:`popsim.run`.
    to : str
        Identifier of the reference scenario.

    Returns
    -------
    Effect

    Raises
    ------
    DataError
        When the reference is not in the run or nothing is left to compare.

    Examples
    --------
    >>> draws = xr.DataArray([[[10.0, 12.0]], [[11.0, 12.0]]], dims=("scenario", "year", "draw"),
    ...     coords={"scenario": ["baseline", "grant"], "year": [2025]}, name="births")
    >>> compare(draws.to_dataset()).difference.births.values.tolist()
    [[[1.0, 0.0]]]
    """
    names = [str(name) for name in result["scenario"].values]
    if to not in names:
        guess = nearest(to, names)
        text = f"the run has no scenario {to!r} (it has {', '.join(names)})"
        raise DataError(f"{text}; write: {guess}" if guess else text)
    if len(names) == 1:
        raise DataError(f"the run has only {to!r}: there is nothing to compare it with")
    return Effect(result, to)
