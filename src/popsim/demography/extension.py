"""A baseline carried on past its last year, which then stands for all later ones."""

from __future__ import annotations

import numpy as np
import xarray as xr

from popsim.dataset import stamp
from popsim.errors import DataError

__all__ = ["extend_baseline"]


def extend_baseline(baseline: xr.Dataset, until: int) -> xr.Dataset:
    """Return a baseline with more years, in each of which its last year's values hold.

    Factors of fertility, death rates, net migration and childcare places by year stay what they
    are in the last year. That is an ILLUSTRATIVE assumption and is told by the source of every
    variable that is carried on; mortality, above all, will hardly stop falling.

    Parameters
    ----------
    baseline : xarray.Dataset
        With consecutive ``year``.
    until : int
        Last year wanted.

    Returns
    -------
    xarray.Dataset
        The same baseline when it reaches ``until`` already.

    Raises
    ------
    DataError
        When ``until`` lies before the baseline's first year.

    Examples
    --------
    >>> from popsim import load_baseline
    >>> longer = extend_baseline(load_baseline("zhejiang-2020"), 2100)
    >>> int(longer.year[-1]), bool((longer.death_rate.sel(year=2100) ==
    ...                             longer.death_rate.sel(year=2060)).all())
    (2100, True)
    """
    first, last = (int(baseline["year"].values[end]) for end in (0, -1))
    if until < first:
        raise DataError(f"until={until} lies before the baseline, which begins in {first}")
    if until <= last:
        return baseline
    longer = baseline.reindex(year=np.arange(first, until + 1), method="ffill")
    for name, array in baseline.data_vars.items():
        longer[name].attrs.update(array.attrs)
        if "year" in array.dims:
            told = f"from {last + 1}: the values of {last} held (ILLUSTRATIVE)"
            source = array.attrs.get("source", "")
            longer[name].attrs["source"] = f"{source}; {told}" if source else told
    longer.attrs.update(baseline.attrs)
    return stamp(longer, f"years {last + 1}-{until} as {last}")
