"""Random draws of the demographic assumptions.

Three things are uncertain after the last observed year: the level of fertility
(random walk of its logarithm), mortality (one standard normal per trajectory
that places survival between a low and a high table) and net migration
(autoregressive around its expected total). What is observed is not drawn.

All are keyed by the province, so that its counties share them, and by the
year, so that a longer horizon starts with the same numbers.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.special import ndtri

from popsim.dataset import label
from popsim.kernels.random import uniform

__all__ = ["MORTALITY_REACH", "demographic_draws", "normal", "province"]

#: The low and high survival tables stand this many standard deviations from the central one.
MORTALITY_REACH = 3.0
#: Share of a year's deviation of net migration that carries over to the next (an assumption).
MIGRATION_MEMORY = 0.8


def province(region: str) -> str:
    """Return the code of the province of a region.

    Examples
    --------
    >>> province("331126"), province("330000"), province("000000")
    ('330000', '330000', '000000')
    """
    return f"{region[:2]}0000"


def normal(seed: int, component: str, draws: range, *, key: str = "", step: int = 0) -> np.ndarray:
    """Return standard normal numbers, shape (len(draws),), for :func:`uniform`'s address."""
    return np.asarray(ndtri(uniform(seed, component, draws, key=key, step=step)))


def demographic_draws(baseline: xr.Dataset, years: range, draws: range, seed: int) -> xr.Dataset:
    """Draw fertility, mortality and migration for every region of a baseline.

    Parameters
    ----------
    baseline : xarray.Dataset
        With ``fertility_innovation`` (region) [standard deviation per year of log fertility]
        and ``migration_innovation`` (region) [relative standard deviation], and the attribute
        ``first_projected_year``; earlier years are not drawn.
    years : range
        Calendar years of the projection.
    draws : range
        Draw numbers.
    seed : int

    Returns
    -------
    xarray.Dataset
        ``fertility_factor`` (region, draw, year): ``exp`` of a random walk, median 1;
        ``mortality_weight`` (region, draw, year): a standard normal over 3, cut at -1 and 1,
        the same in all years; ``migration_factor`` (region, draw, year): 1 plus a stationary
        first-order autoregression.

    Examples
    --------
    >>> baseline = xr.Dataset(
    ...     {"fertility_innovation": ("region", [0.05]), "migration_innovation": ("region", [0.3])},
    ...     coords={"region": ["330000"]}, attrs={"first_projected_year": 2024})
    >>> some = demographic_draws(baseline, range(2021, 2031), range(5), seed=1)
    >>> more = demographic_draws(baseline, range(2021, 2051), range(3, 4), seed=1)
    >>> some.fertility_factor.sel(year=2023).values.tolist()
    [[1.0, 1.0, 1.0, 1.0, 1.0]]
    >>> bool((some.fertility_factor[:, 3] == more.fertility_factor[:, 0, :10]).all())
    True
    """
    first = int(baseline.attrs["first_projected_year"])
    regions = [str(region) for region in baseline["region"].values]
    shape = (len(regions), len(years), len(draws))
    fertility, migration = np.ones(shape), np.ones(shape)
    mortality = np.zeros(shape)
    drawn = [year for year in years if year >= first]
    for place, region in enumerate(regions):
        key = province(region)
        spread = float(baseline["fertility_innovation"].values[place])
        relative = float(baseline["migration_innovation"].values[place])
        level = np.zeros(len(draws))
        deviation = np.zeros(len(draws))
        survival = normal(seed, "mortality/level", draws, key=key) / MORTALITY_REACH
        survival = np.clip(survival, -1.0, 1.0)
        # The walk always starts at the first projected year, wherever the horizon starts.
        for year in range(first, years.stop) if drawn else ():
            level += spread * normal(seed, "fertility/level", draws, key=key, step=year)
            shock = normal(seed, "migration/total", draws, key=key, step=year)
            memory = MIGRATION_MEMORY if year > first else 0.0
            deviation = memory * deviation + relative * np.sqrt(1.0 - memory**2) * shock
            if year in years:
                position = years.index(year)
                fertility[place, position] = np.exp(level)
                migration[place, position] = 1.0 + deviation
                mortality[place, position] = survival
    dims = ("region", "year", "draw")
    result = xr.Dataset(
        {
            "fertility_factor": (dims, fertility),
            "mortality_weight": (dims, mortality),
            "migration_factor": (dims, migration),
        },
        coords={"region": regions, "year": list(years), "draw": list(draws)},
    )
    return label(result.transpose("region", "draw", "year"), source="drawn")
