"""Demographic noise: the chance of single births and deaths in small populations.

The projection carries expected numbers. In a county with eight third births a year chance alone
moves them by a third. Here chance enters through factors: births of each order and all deaths of a
year get a random number with the variance that single events have, and the projection carries it on
in population and parity.

Examples
--------
>>> drawn = poisson_ratio(np.full((2000, 1), 8.0), [2030], "x", "331126", range(2000), seed=1)
>>> bool(abs(drawn.mean() - 1) < 0.03), bool(abs(drawn.var() * 8 - 1) < 0.1)
(True, True)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.demography.draws import normal
from popsim.demography.projection import project
from popsim.kernels.random import uniform

__all__ = ["demographic_noise", "poisson_ratio"]

Array = NDArray[np.float64]


def poisson_ratio(
    expected: Array, years: Sequence[int], component: str, region: str, draws: range, seed: int
) -> Array:
    """Return Poisson numbers over what was expected, by the inverse of their distribution.

    Parameters
    ----------
    expected : numpy.ndarray (draw, year)
        Expected events [events]; where 0, the ratio is 1.
    years : sequence of int
    component : str
        Name of the stream.
    region : str
        Code of the region: chance is each region's own.
    draws : range
    seed : int

    Returns
    -------
    numpy.ndarray (draw, year)
        Ratio with mean 1 and variance 1 / expected [1].

    Examples
    --------
    >>> poisson_ratio(np.array([[0.0, 4.0]]), [2030, 2031], "x", "331126", range(1), 1).shape
    (1, 2)
    """
    from scipy.stats import poisson  # takes longer to load than a run without noise

    ratio = np.ones(expected.shape)
    for place, year in enumerate(years):
        u = uniform(seed, component, draws, key=region, step=year)
        mean = expected[:, place]
        some = mean > 0
        ratio[some, place] = poisson.ppf(u[some], mean[some]) / mean[some]
    return ratio


def demographic_noise(
    inputs: xr.Dataset,
    factors: xr.Dataset,
    *,
    central: xr.Dataset,
    years: range,
    first: int,
    seed: int,
    threads: int | None = None,
) -> xr.Dataset:
    """Return the factors with the chance of single births and deaths in them.

    Parameters
    ----------
    inputs : xarray.Dataset
        Inputs of the projection, with ``region`` and survival by ``mortality_level``.
    factors : xarray.Dataset
        Factors of the draws, with ``fertility_factor`` and ``mortality_weight``.
    central : xarray.Dataset
        Factors of the central path.
    years : range
        Calendar years of the projection.
    first : int
        First year that gets noise; before it numbers are observed.
    seed : int
    threads : int, optional
        As in :func:`popsim.project`.

    Returns
    -------
    xarray.Dataset
        ``fertility_factor`` by birth_order and ``mortality_weight`` with noise; the rest as it
        was. The attribute ``notices`` says how often deaths had to be held at a table's limit.

    Notes
    -----
    Births of order k of a draw get the ratio of a Poisson number to the births that the draw would
    have without noise, so that their variance is the expected number. All deaths of a year get a
    normal number of variance ``Σ N q (1 - q)`` (binomial), brought about by moving survival of
    both sexes between the tables; women's and men's deaths move together, so their sum has the
    right variance and each sex alone about half of it. Noise of earlier years changes what is
    expected later through the population carried on, but not the variance of the numbers drawn.
    Migrants and the sex of the newborn get no noise. All scenarios have the same relative noise.

    Examples
    --------
    >>> from popsim import load_baseline
    >>> from popsim.demography.projection import INPUTS
    >>> from popsim.demography.drawn_factors import central_factors, demographic_draws
    >>> base, years = load_baseline("zhejiang-2020"), range(2021, 2026)
    >>> inputs = base[[name for name in base if name in INPUTS]]
    >>> factors = demographic_draws(base, years, range(3), 1, "none")
    >>> still = central_factors(base, years, "none")
    >>> noisy = demographic_noise(inputs, factors, central=still, years=years, first=2024, seed=1)
    >>> float(noisy["fertility_factor"].sel(year=2023).std()) == 0
    True
    >>> float(noisy["fertility_factor"].sel(year=2024, birth_order=1).std()) < 0.01
    True
    """
    noisy = [year for year in years if year >= first]
    result = factors.copy()
    if not noisy:
        return result
    plain = project(inputs, years=years, factors=factors, on_negative="cut", threads=threads)
    draws = range(int(factors["draw"].values[0]), int(factors["draw"].values[-1]) + 1)
    orders = inputs["birth_order"].values
    regions = [str(region) for region in inputs["region"].values]
    late = slice(noisy[0] - years.start, None)
    births = plain["births_by_order"].transpose("region", "draw", "year", "birth_order").values
    chance = np.ones(births.shape)
    for i, region in enumerate(regions):
        for k, order in enumerate(orders):
            chance[i, :, late, k] = poisson_ratio(
                births[i, :, late, k], noisy, f"noise/births/{order}", region, draws, seed
            )
    dims = ("region", "draw", "year", "birth_order")
    coords = {"region": regions, "draw": list(draws), "year": list(years), "birth_order": orders}
    spread = xr.DataArray(chance, coords, dims)
    result["fertility_factor"] = (factors["fertility_factor"] * spread).transpose(*dims)
    deaths = plain["deaths_by_sex"].sum("sex").transpose("region", "draw", "year").values
    weight = factors["mortality_weight"].transpose("region", "draw", "year").values.copy()
    tables, share = _deaths_by_level(inputs, central, years)
    held = 0
    for i, region in enumerate(regions):
        for y in range(len(years) - len(noisy), len(years)):
            z = normal(seed, "noise/deaths", draws, key=region, step=years[y])
            relative = z * np.sqrt(share[i, y] / np.maximum(deaths[i, :, y], 1e-300))
            moved, cut = _moved_weight(weight[i, :, y], 1 + relative, tables[i, y])
            weight[i, :, y] = moved
            held += cut
    result["mortality_weight"] = (("region", "draw", "year"), weight)
    if held:
        size = len(regions) * len(draws) * len(noisy)
        told = (
            f"in {held} of {size:,} regions, years and draws the chance of deaths goes beyond the "
            "low or the high survival table and is held there"
        )
        earlier = factors.attrs.get("notices", "")
        result.attrs["notices"] = f"{earlier}\n{told}".strip()
    return result


def _deaths_by_level(inputs: xr.Dataset, central: xr.Dataset, years: range) -> tuple[Array, Array]:
    """Return deaths under the three tables, and Σ N q (1 - q) over deaths, on the central path.

    Shapes (region, year, 3) and (region, year). Movers are left out: they are exposed for half of
    the year, and only ratios are used.
    """
    path = project(inputs, years=years, factors=central, detail="history", on_negative="cut")
    people = path["population"].transpose("region", "time", "sex", "age").values[:, :-1]
    births = path["births_by_order"].sum("birth_order")
    ratio = inputs["sex_ratio_at_birth"]
    ratio = ratio.mean("birth_order") if "birth_order" in ratio.dims else ratio
    if "year" in ratio.dims:
        ratio = ratio.sel(year=list(years))
    shares = [(births / (1 + ratio)), (births * ratio / (1 + ratio))]
    born = [one.transpose("region", "year").values for one in shares]
    alive = np.zeros(people.shape)
    alive[..., 1:] = people[..., :-1]
    alive[..., -1] += people[..., -1]
    alive[..., 0] = np.stack(born, axis=-1)
    survival = inputs["survival_ratio"]
    if "year" in survival.dims:
        survival = survival.sel(year=list(years))
    else:
        survival = survival.expand_dims(year=list(years))
    if "region" not in survival.dims:
        survival = survival.expand_dims(region=inputs["region"].values)
    S = survival.transpose("region", "year", "mortality_level", "sex", "age").values
    q = 1 - S
    deaths = (alive[:, :, None] * q).sum(axis=(-2, -1))
    variance = (alive * q[:, :, 1] * S[:, :, 1]).sum(axis=(-2, -1))
    share = np.divide(variance, deaths[..., 1], out=np.ones(variance.shape), where=variance > 0)
    return deaths, share


def _moved_weight(weight: Array, ratio: Array, deaths: Array) -> tuple[Array, int]:
    """Return the weights at which deaths are ``ratio`` times those at the given weights.

    Deaths fall along the line low (-1), central (0), high (1); between the tables they are linear.
    """
    low, middle, high = deaths
    if not low > middle > high:
        return weight, 0
    now = np.interp(weight, [-1.0, 0.0, 1.0], deaths)
    wanted = now * ratio
    moved = np.interp(wanted, [high, middle, low], [1.0, 0.0, -1.0])
    return moved, int(((wanted > low) | (wanted < high)).sum())
