"""Low, central and high survival from a Lee-Carter fit, between which drawn mortality moves.

The low and the high table stand three standard deviations of the forecast index from the central
one, the error of its drift included, so that they widen as ``h + h² / T``. A place w between them,
drawn by :func:`~popsim.demography.drawn_factors.demographic_draws` with ``mortality="lee-carter"``,
is then the deviation of the index over three standard deviations; both sexes have the same w.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from popsim.dataset import label
from popsim.demography.draws import MORTALITY_REACH
from popsim.demography.lifetable import life_table, survival_ratios
from popsim.demography.mortality import forecast_k, lee_carter_rates
from popsim.errors import DataError

__all__ = ["survival_levels"]


def survival_levels(
    fit: xr.Dataset, years: ArrayLike, *, exclude: Collection[int] = ()
) -> xr.Dataset:
    """Return survival ratios at the central forecast of an index and three sd on either side.

    Parameters
    ----------
    fit : xarray.Dataset
        From :func:`popsim.demography.mortality.coherent_lee_carter`, or
        :func:`popsim.demography.mortality.lee_carter` with one index for all; with ``sex`` and
        single years of age.
    years : array-like of int (year)
        Years after the last one of the fit, without a gap.
    exclude : collection of int
        Years left out of the drift, such as those of an epidemic.

    Returns
    -------
    xarray.Dataset
        ``survival_ratio`` (year, mortality_level, sex, age) [1]; the attribute ``mortality_years``
        is T for :class:`~popsim.demography.uncertainty.Uncertainty`.

    Raises
    ------
    DataError
        When the fit has no sexes or an index for each, or the pattern b has negative values, under
        which a higher index would not mean lower survival at every age.

    References
    ----------
    Lee & Carter 1992, Journal of the American Statistical Association 87:659; Li & Lee 2005,
    Demography 42:575.

    Examples
    --------
    >>> from popsim.demography.mortality import coherent_lee_carter
    >>> age, t = np.arange(101), np.arange(2000, 2021)
    >>> level = -9 + 0.085 * age + 3.5 * np.exp(-age)
    >>> walk = 0.02 * (t - 2010) + 0.03 * np.sin(t)
    >>> mx = np.exp(level - np.outer(walk, np.linspace(1.2, 0.4, 101)))
    >>> both = xr.DataArray(np.stack([mx, 1.5 * mx]), dims=["sex", "year", "age"],
    ...     coords={"sex": ["female", "male"], "year": t, "age": age})
    >>> tables = survival_levels(coherent_lee_carter(both), range(2021, 2024))
    >>> at_80 = tables["survival_ratio"].sel(year=2023, sex="female", age=80)
    >>> bool(at_80.diff("mortality_level").min() > 0)
    True
    """
    if "sex" not in fit["a"].dims:
        raise DataError("the fit has no dimension sex; fit both sexes together")
    if set(fit["k"].dims) != {"year"}:
        raise DataError(
            "the fit has an index for each sex; use coherent_lee_carter, which has one for both"
        )
    if float(fit["b"].min()) < 0:
        raise DataError("b is negative at some age; floor it at 0 and scale it to sum to 1")
    forecast = forecast_k(fit, years, exclude=exclude)
    spread = MORTALITY_REACH * np.sqrt(forecast["k_variance"])
    jump_off = forecast.attrs["jump_off_year"]
    # A lower index is lower mortality.
    index = xr.concat(
        [forecast["k"] + spread, forecast["k"], forecast["k"] - spread],
        xr.Variable("mortality_level", ["low", "central", "high"]),
    )
    rates = lee_carter_rates(fit, index, jump_off=jump_off)
    ratios = survival_ratios(life_table(rates)).transpose("year", "mortality_level", "sex", "age")
    result = ratios.to_dataset(name="survival_ratio").drop_vars("mx", errors="ignore")
    result.attrs = {"mortality_years": int(fit.sizes["year"] - len(set(exclude)))}
    return label(result, source="Lee-Carter, three standard deviations of the index")
