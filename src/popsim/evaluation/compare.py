"""What a policy changes: scenario minus reference, draw by draw.

Both were projected on the same random numbers, so the difference of a draw is the effect of
the policy in that draw; demographic uncertainty that both share cancels.
"""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from popsim.dataset import label
from popsim.errors import DataError, nearest
from popsim.evaluation.summary import Summary, summarise
from popsim.policy.cost import cost_per_additional_birth

__all__ = ["Effect", "compare"]

#: Variables of a run that are inputs of the cost, not indicators.
_NOT_COMPARED = {"births_by_order_cash_alone", "promised_per_birth", "population"}


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
            str(name)
            for name, array in result.data_vars.items()
            if {"scenario", "draw"} <= set(array.dims) and name not in _NOT_COMPARED
        ]
        indicators = result[compared]
        base = indicators.sel(scenario=reference, drop=True)
        others = [str(s) for s in result["scenario"].values if s != reference]
        self.difference = label(indicators.sel(scenario=others) - base, source="paired difference")
        self.difference.attrs.update(result.attrs, reference=reference)

    def quantiles(self, probabilities: Sequence[float] = (0.1, 0.5, 0.9)) -> xr.Dataset:
        """Return quantiles over draws of every difference.

        Parameters
        ----------
        probabilities : sequence of float

        Returns
        -------
        xarray.Dataset
            Dims (quantile, region, scenario, year or time, ...).
        """
        return self.difference.quantile(list(probabilities), "draw", keep_attrs=True)

    def mean(self) -> xr.Dataset:
        """Return the mean over draws of every difference."""
        return self.difference.mean("draw", keep_attrs=True)

    def cost(self) -> xr.Dataset:
        """Return the cost per additional birth of the cash instruments of each scenario.

        Returns
        -------
        xarray.Dataset
            See :func:`popsim.policy.cost.cost_per_additional_birth`; dims (region, scenario,
            window). Scenarios without cash instruments are left out; no variables when none has.
        """
        if "promised_per_birth" not in self.result:
            return xr.Dataset()
        promised = self.result["promised_per_birth"]
        births = self.result["births_by_order_cash_alone"]
        reference = self.result["births_by_order"].sel(scenario=self.reference, drop=True)
        paying = [
            str(s)
            for s in self.difference["scenario"].values
            if float(promised.sel(scenario=s).sum()) > 0
        ]
        return cost_per_additional_birth(
            births.sel(scenario=paying), reference, promised.sel(scenario=paying)
        )

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
        regions = [str(r) for r in self.result["region"].values]
        if region is None and len(regions) > 1:
            raise DataError(f"the run has {len(regions)} regions; write: region={regions[0]!r}")
        region = region or regions[0]
        if region not in regions:
            raise DataError(f"region {region!r} is not in the run ({', '.join(regions)})")
        years = self.result["year"].values
        if year not in years:
            raise DataError(f"year {year} is not in the run ({years[0]} to {years[-1]})")
        return summarise(self.result, self.difference, self.cost(), self.reference, year, region)


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
    names = [str(s) for s in result["scenario"].values]
    if to not in names:
        guess = nearest(to, names)
        raise DataError(
            f"the run has no scenario {to!r} (it has {', '.join(names)})"
            + (f"; write: {guess}" if guess else "")
        )
    if len(names) == 1:
        raise DataError(f"the run has only {to!r}: there is nothing to compare it with")
    return Effect(result, to)
