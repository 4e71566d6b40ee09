"""Draw the demographic assumptions of a declared uncertainty, as factors of the projection.

Numbers of the same address are the same whatever else is drawn, and without spread every factor is
exactly that of the central path.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.dataset import label
from popsim.demography.draws import MORTALITY_REACH, shared_normal
from popsim.demography.progression import progression_factors, timing_weights, with_timing
from popsim.demography.stochastic import Process, draw_paths
from popsim.demography.uncertainty import Uncertainty, uncertainty_named
from popsim.errors import DataError, Problems

__all__ = ["central_factors", "demographic_draws", "prepared"]

Array = NDArray[np.float64]

#: Share of a year's deviation of net migration that carries over to the next (an assumption).
MIGRATION_MEMORY = 0.8


def prepared(baseline: xr.Dataset, uncertainty: str | Uncertainty = "default") -> xr.Dataset:
    """Return the baseline with what the draws of a model need besides.

    Parameters
    ----------
    baseline : xarray.Dataset
    uncertainty : str or Uncertainty

    Returns
    -------
    xarray.Dataset
        With an early and a late schedule where the mean age is drawn (see
        :func:`~popsim.demography.progression.with_timing`), else the baseline itself.

    Examples
    --------
    >>> from popsim import load_baseline
    >>> base = load_baseline("zhejiang-2020")
    >>> prepared(base) is base
    True
    """
    model = uncertainty_named(uncertainty)
    return with_timing(baseline) if model.timed else baseline


def central_factors(
    baseline: xr.Dataset, years: range, uncertainty: str | Uncertainty = "default"
) -> xr.Dataset:
    """Return the factors of the central path: every innovation and every error at 0.

    Parameters
    ----------
    baseline : xarray.Dataset
        From :func:`prepared`.
    years : range
        Calendar years of the projection.
    uncertainty : str or Uncertainty

    Returns
    -------
    xarray.Dataset
        The variables of :func:`demographic_draws` without the dimension ``draw``; all factors 1
        and weights 0 (timing ½) unless a process has a drift.

    Examples
    --------
    >>> from popsim import load_baseline
    >>> central = central_factors(load_baseline("zhejiang-2020"), range(2021, 2031))
    >>> float(central["fertility_factor"].max()), float(central["mortality_weight"].max())
    (1.0, 0.0)
    """
    model = uncertainty_named(uncertainty)

    def certain(process: Process) -> Process:
        return replace(process, covariance=np.zeros_like(process.covariance), changes=0)

    still = replace(
        model,
        fertility="none" if model.fertility == "level" else model.fertility,
        mortality="none",
        migration="none",
        progression=certain(model.progression),
        timing=None if model.timing is None else certain(model.timing),
    )
    return demographic_draws(baseline, years, range(1), 0, still).isel(draw=0, drop=True)


def demographic_draws(
    baseline: xr.Dataset,
    years: range,
    draws: range,
    seed: int,
    uncertainty: str | Uncertainty = "default",
) -> xr.Dataset:
    """Draw fertility, mortality and migration for every region of a baseline.

    Parameters
    ----------
    baseline : xarray.Dataset
        From :func:`prepared`. With ``fertility_innovation`` (region) [standard deviation per year
        of log fertility] and ``migration_innovation`` (region) [relative standard deviation] as
        far as the model uses them, and the attribute ``first_projected_year``; earlier years are
        not drawn.
    years : range
        Calendar years of the projection.
    draws : range
        Draw numbers.
    seed : int
    uncertainty : str or Uncertainty
        A name of :data:`~popsim.demography.uncertainty.UNCERTAINTY` or a model of your own.

    Returns
    -------
    xarray.Dataset
        ``fertility_factor`` (region, draw, year), for ``progression`` also birth_order;
        ``fertility_weight`` (region, draw, year) where timing is drawn; ``mortality_weight``
        (region, draw, year), cut at -1 and 1; ``migration_factor`` (region, draw, year). The
        attribute ``notices`` tells what was cut, one sentence a line.

    Raises
    ------
    DataError
        When the baseline lacks what the model uses.

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
    model = uncertainty_named(uncertainty)
    _check(baseline, model)
    first = max(int(baseline.attrs["first_projected_year"]), years.start)
    start = int(baseline.attrs["first_projected_year"])
    regions = [str(region) for region in baseline["region"].values]
    late = np.array(years) >= start
    orders = baseline["birth_order"].values if model.fertility == "progression" else None
    shape = (len(regions), len(draws), len(years))
    fertility = np.ones(shape if orders is None else (*shape, len(orders)))
    weight, mortality, migration = np.full(shape, 0.5), np.zeros(shape), np.ones(shape)
    cut = 0
    if late.any():
        drawn = slice(first - years.start, None)
        for i, region in enumerate(regions):
            at = _Address(region, start, years.stop - 1, draws, seed)
            # Paths start at the first projected year wherever the horizon starts.
            kept = slice(first - start, None)
            if model.fertility == "level":
                spread = float(baseline["fertility_innovation"].values[i])
                fertility[i, :, drawn] = _level(at, spread, model)[:, kept]
            elif model.fertility == "progression":
                changes = at.paths(model.progression, "fertility/progression", model)
                rates, highest = _central_rates(baseline, i, start)
                factors = progression_factors(changes, rates, highest)[..., kept]
                fertility[i, :, drawn] = np.moveaxis(factors, 0, -1)
            if model.timing is not None and model.timed:
                reach = float(baseline["timing_reach"].values[i])
                change = at.paths(model.timing, "fertility/timing", model)[0]
                weight[i, :, drawn], outside = timing_weights(change[:, kept], reach)
                cut += outside
            if model.mortality != "none":
                mortality[i, :, drawn] = _mortality(at, model)[:, kept]
            if model.migration != "none":
                relative = float(baseline["migration_innovation"].values[i])
                migration[i, :, drawn] = _migration(at, relative, model)[:, kept]
    dims = ("region", "draw", "year")
    data = {
        "fertility_factor": (dims if orders is None else (*dims, "birth_order"), fertility),
        "mortality_weight": (dims, mortality),
        "migration_factor": (dims, migration),
    }
    if model.timed:
        data["fertility_weight"] = (dims, weight)
    coords = {"region": regions, "draw": list(draws), "year": list(years)}
    if orders is not None:
        coords["birth_order"] = orders
    result = xr.Dataset(data, coords)
    if cut:
        result.attrs["notices"] = (
            f"in {cut} of {weight[..., late].size:,} years and draws the mean age at birth would "
            "go beyond the early or the late schedule and is held there"
        )
    return label(result, source="drawn")


def _check(baseline: xr.Dataset, model: Uncertainty) -> None:
    problems = Problems()
    needed = []
    if model.fertility == "level":
        needed.append("fertility_innovation")
    if model.migration != "none":
        needed.append("migration_innovation")
    if model.fertility == "progression":
        needed.append("conditional_fertility_rate")
    if model.timed:
        needed.append("timing_reach")
    for name in needed:
        if name not in baseline:
            hint = "data = prepared(data, uncertainty)" if name == "timing_reach" else ""
            problems.add(f"variable {name!r} is missing for the uncertainty", instead=hint)
    if "first_projected_year" not in baseline.attrs:
        problems.add(
            "the data do not say from which year on they are projected",
            instead="data.attrs['first_projected_year'] = 2024",
        )
    if model.fertility == "progression" and "birth_order" in baseline.sizes:
        have, want = baseline.sizes["birth_order"], len(model.progression.sd)
        if have != want:
            problems.add(
                f"the progression is declared for {want} birth orders, the data have {have}",
                instead="Uncertainty(progression=Process(...)) with one component for each",
            )
    problems.raise_if_any(DataError)


@dataclass(frozen=True)
class _Address:
    """Where the numbers of a region come from."""

    region: str
    first: int
    last: int
    draws: range
    seed: int

    def paths(self, process: Process, component: str, model: Uncertainty) -> Array:
        return draw_paths(
            process,
            component,
            self.region,
            first=self.first,
            last=self.last,
            draws=self.draws,
            seed=self.seed,
            shared=model.fertility_shared,
        )

    def normal(self, component: str, shared: float, step: int = 0) -> Array:
        return shared_normal(
            self.seed, component, self.draws, self.region, shared=shared, step=step
        )

    @property
    def years(self) -> range:
        return range(self.first, self.last + 1)


def _level(at: _Address, spread: float, model: Uncertainty) -> Array:
    """Return the exponential of a random walk (draw, year)."""
    level = np.zeros(len(at.draws))
    path = np.empty((len(at.draws), len(at.years)))
    for place, year in enumerate(at.years):
        level += spread * at.normal("fertility/level", model.fertility_shared, year)
        path[:, place] = np.exp(level)
    return path


def _mortality(at: _Address, model: Uncertainty) -> Array:
    """Return the place between the survival tables (draw, year)."""
    shared = model.mortality_shared
    level = at.normal("mortality/level", shared)
    if model.mortality == "level":
        place = np.repeat(level[:, None], len(at.years), axis=1)
    else:
        # k(T+h) - E k(T+h) = Σ e + h (error of the drift), over its standard deviation.
        T = model.mortality_years
        drift = at.normal("mortality/lee-carter/drift", shared) / np.sqrt(T)
        walk = np.zeros(len(at.draws))
        place = np.empty((len(at.draws), len(at.years)))
        for h, year in enumerate(at.years, 1):
            walk = walk + at.normal("mortality/lee-carter", shared, year)
            place[:, h - 1] = (walk + h * drift) / np.sqrt(h + h**2 / T)
    return np.clip(place / MORTALITY_REACH, -1.0, 1.0)


def _migration(at: _Address, relative: float, model: Uncertainty) -> Array:
    """Return the factor on net migration (draw, year)."""
    shared = model.migration_shared
    deviation = np.zeros(len(at.draws))
    path = np.empty((len(at.draws), len(at.years)))
    level: Array | float = 0.0
    if model.migration == "total-and-level":
        level = model.migration_level * at.normal("migration/level", shared)
    for place, year in enumerate(at.years):
        shock = at.normal("migration/total", shared, year)
        memory = MIGRATION_MEMORY if year > at.first else 0.0
        deviation = memory * deviation + relative * np.sqrt(1.0 - memory**2) * shock
        path[:, place] = 1.0 + level + deviation
    return path


def _central_rates(baseline: xr.Dataset, i: int, first: int) -> tuple[Array, Array]:
    """Return a region's conditional rates of the first projected year, and the highest of any.

    Shapes (order, age) and (order); the first and last age have no births.
    """
    own = baseline.isel(region=i, age=slice(1, -1))
    rates = own["conditional_fertility_rate"]
    if "fertility_factor" in own:
        rates = rates * own["fertility_factor"]
    if "year" in rates.dims:
        rates = rates.sel(year=slice(first, None))
    highest = rates.max([d for d in rates.dims if d != "birth_order"])
    if "year" in rates.dims:
        rates = rates.sel(year=first)
    if "fertility_schedule" in rates.dims:
        rates = rates.mean("fertility_schedule")
    return rates.transpose("birth_order", "age").values, highest.values
