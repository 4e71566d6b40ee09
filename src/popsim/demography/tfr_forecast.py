"""Forecasts of the total fertility rate of countries or provinces, as draws.

The default is an autoregression about a level of each region's own, which is drawn towards the
level of all (the third phase of the United Nations' model in hierarchical form). Where fertility
returns to is an assumption as much as a finding: see :func:`fit_mean_reverting`. Beside it: the
last value (persistence), a random walk with and without drift, and a random walk of the logit.

Examples
--------
>>> past = xr.DataArray(1.5 + 0.1 * np.sin(np.arange(40.0)), {"year": range(1980, 2020)}, ["year"])
>>> drawn = forecast_tfr(past, 10, model="random-walk", draws=range(2000))
>>> bool(drawn.std("draw").sel(year=2029) > 3 * drawn.std("draw").sel(year=2020))
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.optimize import minimize

from popsim.demography.draws import normal
from popsim.errors import DataError, Problems, nearest

__all__ = [
    "MODELS",
    "MeanReverting",
    "fit_mean_reverting",
    "forecast_tfr",
]

Array = NDArray[np.float64]

#: Models of :func:`forecast_tfr`.
MODELS = (
    "ar1-mean-reverting",
    "ar1-fitted-level",
    "random-walk",
    "random-walk-drift",
    "logit-random-walk",
    "persistence",
)
#: Years before the last one whose changes give the random walks (as fertility_innovation).
WINDOW = 30
#: Limits of the logit [births per woman].
LIMITS = (0.5, 8.0)
_LEAST_CHANGES = 20
# Below this the levels of regions do not differ, whatever the search tries.
_LEAST_LOG_SD = -14.0


@dataclass(frozen=True)
class MeanReverting:
    """An autoregression of the total fertility rate about each region's own level.

    ``f(t+1) = μ_c + ρ (f(t) - μ_c) + e``, ``e ~ N(0, σ²)``, ``μ_c ~ N(μ, τ²)``.

    Attributes
    ----------
    mean, between_sd : float
        μ and τ [births per woman].
    memory, sd : float
        ρ [1] and σ [births per woman].
    own_mean, own_sd : dict of str to float
        Mean and standard deviation of μ_c given the region's history [births per woman].
    changes : int
        Number of yearly changes used.
    """

    mean: float
    between_sd: float
    memory: float
    sd: float
    own_mean: dict[str, float]
    own_sd: dict[str, float]
    changes: int


def _regions(history: xr.DataArray) -> xr.DataArray:
    """Return the history with a dimension region, checked."""
    if not isinstance(history, xr.DataArray) or "year" not in history.dims:
        raise DataError("the history must be a DataArray with the dimension year")
    data = history if "region" in history.dims else history.expand_dims(region=["all"])
    data = data.transpose("region", "year").sortby("year")
    problems = Problems()
    if (np.diff(data["year"].values) != 1).any():
        problems.add("the history lacks a year between its first and last")
    values = np.asarray(data.values, dtype=float)
    wrong = np.argwhere(~(np.isfinite(values) & (values > 0)))
    if len(wrong):
        i, y = (int(n) for n in wrong[0])
        problems.add(
            f"total fertility of {data['region'].values[i]} in {data['year'].values[y]} is "
            f"{values[i, y]:g}; it must be a number above 0"
        )
    problems.raise_if_any(DataError)
    return data


def _low(data: xr.DataArray, below: float) -> dict[str, Array]:
    """Return the values of each region from its first year below the threshold on."""
    kept = {}
    for region, row in zip(data["region"].values, data.values, strict=True):
        reached = np.flatnonzero(row < below)
        if len(reached) and len(row) - reached[0] > 1:
            kept[str(region)] = np.asarray(row[reached[0] :], dtype=float)
    return kept


def fit_mean_reverting(
    history: xr.DataArray, *, below: float = 2.1, level: Literal["mean", "fitted"] = "mean"
) -> MeanReverting:
    """Fit the autoregression to all regions together, each from its first year below 2.1 on.

    ρ, σ and τ by maximum likelihood with μ_c integrated out. μ is the mean over regions of their
    mean rate in those years, or with ``level="fitted"`` by maximum likelihood as well.

    Parameters
    ----------
    history : DataArray (region, year)
        Total fertility rate, years without a gap [births per woman].
    below : float
        Rate at which the fall to low fertility counts as over [births per woman].
    level : {"mean", "fitted"}
        Where μ comes from.

    Returns
    -------
    MeanReverting

    Raises
    ------
    DataError
        When the history has a gap or a value that is not positive, or fewer than 20 yearly changes
        below the threshold.

    Notes
    -----
    With ρ near 1 the data hardly tell where rates return to: a fitted μ follows the latest fall
    (1.12 for twelve countries up to 2003, lower than all but one of them had ever been). The mean
    of what was seen is steadier, and it is an assumption that low rates return there.

    References
    ----------
    Alkema et al. 2011, Demography 48:815.

    Examples
    --------
    >>> z = np.random.default_rng(3).normal(0, 0.05, (6, 60))
    >>> f = np.full((6, 60), 1.5)
    >>> for t in range(59):
    ...     f[:, t + 1] = 1.6 + 0.9 * (f[:, t] - 1.6) + z[:, t]
    >>> names = list("abcdef")
    >>> past = xr.DataArray(f, {"region": names, "year": range(1960, 2020)}, ("region", "year"))
    >>> fit = fit_mean_reverting(past)
    >>> 0.8 < fit.memory < 0.96, 0.045 < fit.sd < 0.055
    (True, True)
    """
    data = _regions(history)
    if level not in ("mean", "fitted"):
        raise DataError(f"level {level!r} is unknown; write: mean or fitted")
    low = _low(data, below)
    changes = sum(len(v) - 1 for v in low.values())
    if changes < _LEAST_CHANGES:
        raise DataError(
            f"the history has {changes} yearly changes below {below:g} births per woman; the fit "
            f"needs {_LEAST_CHANGES}: add regions or years"
        )
    centre = float(np.mean([v.mean() for v in low.values()]))
    steps = [(v[:-1], np.diff(v)) for v in low.values()]

    def unpack(p: Array) -> tuple[float, float, float, float]:
        memory = 1 / (1 + np.exp(-p[0]))
        return (
            float(memory),
            float(np.exp(p[1])),
            float(np.exp(max(p[2], _LEAST_LOG_SD))),
            (centre if level == "mean" else float(p[3])),
        )

    def minus_log_likelihood(p: Array) -> float:
        memory, sd, between, mean = unpack(p)
        g, v = 1 - memory, sd**2
        total = 0.0
        for before, change in steps:
            # change = g (μ_c - before) + e: a random effect g (μ_c - μ) common to all years.
            r, n = change - g * (mean - before), len(change)
            k = (g * between) ** 2
            total += (n - 1) * np.log(v) + np.log(v + n * k)
            total += float(r @ r) / v - k * r.sum() ** 2 / (v * (v + n * k))
        return total / 2

    starts = [[m, np.log(0.08), np.log(0.2), centre] for m in (2.0, 3.5)]
    size = 3 if level == "mean" else 4
    options = {"maxiter": 8000, "maxfev": 8000, "xatol": 1e-7, "fatol": 1e-9}
    found = min(
        (
            minimize(minus_log_likelihood, s[:size], method="Nelder-Mead", options=options)
            for s in starts
        ),
        key=lambda one: float(one.fun),
    )
    memory, sd, between, mean = unpack(found.x)
    g = 1 - memory
    own_mean, own_sd = {}, {}
    for region in map(str, data["region"].values):
        row = low.get(region, np.empty(0))
        r = np.diff(row) - g * (mean - row[:-1]) if len(row) else np.empty(0)
        precision = 1 / between**2 + len(r) * (g / sd) ** 2
        own_mean[region] = float(mean + g * r.sum() / sd**2 / precision)
        own_sd[region] = float(precision**-0.5)
    return MeanReverting(mean, between, memory, sd, own_mean, own_sd, changes)


def forecast_tfr(
    history: xr.DataArray,
    horizon: int,
    *,
    model: str = "ar1-mean-reverting",
    draws: range = range(1000),
    seed: int = 1,
    below: float = 2.1,
) -> xr.DataArray:
    """Forecast the total fertility rate of every region of a history.

    Parameters
    ----------
    history : DataArray (region, year) or (year)
        Total fertility rate up to the last known year, without a gap [births per woman]. Parameters
        come from it alone, those of the first two models and of persistence from all regions.
    horizon : int
        Years to forecast.
    model : str
        ``ar1-mean-reverting``: :func:`fit_mean_reverting`, the level drawn with its uncertainty.
        ``ar1-fitted-level``: the same with ``level="fitted"``.
        ``random-walk``: the last value, with the region's yearly changes of the last 30 years.
        ``random-walk-drift``: with their mean as drift, and the error of it.
        ``logit-random-walk``: a random walk of ``ln((f - 0.5) / (8 - f))``.
        ``persistence``: the last value, with the spread that changes over as many years had in all
        regions in their years of low fertility (all years, if there are too few).
    draws : range
        Draw numbers.
    seed : int
    below : float
        As in :func:`fit_mean_reverting`.

    Returns
    -------
    xarray.DataArray (region, draw, year)
        [births per woman]; numbers of a region are the same whatever regions stand beside it, as
        far as the parameters are.

    Raises
    ------
    DataError
        When the model or horizon is unknown, the history has gaps, or is too short to fit.

    Examples
    --------
    >>> past = xr.DataArray(1.5 + 0.1 * np.sin(np.arange(40.0)), {"year": range(1980, 2020)},
    ...                     ["year"])
    >>> forecast_tfr(past, 5, model="random-walk", draws=range(3)).shape
    (1, 3, 5)
    """
    data = _regions(history)
    if model not in MODELS:
        guess = nearest(model, MODELS)
        text = f"no model {model!r} (there are {', '.join(MODELS)})"
        raise DataError(f"{text}; write: {guess}" if guess else text)
    if horizon < 1:
        raise DataError(f"the horizon is {horizon} years; it must be at least 1")
    last = int(data["year"].values[-1])
    years = range(last + 1, last + horizon + 1)
    low = _low(data, below)
    fit = None
    if model.startswith("ar1"):
        level: Literal["mean", "fitted"] = "fitted" if model.endswith("level") else "mean"
        fit = fit_mean_reverting(data, below=below, level=level)
    result = np.empty((data.sizes["region"], len(draws), horizon))
    spread = _persistence_spread(low, data, horizon) if model == "persistence" else np.empty(0)
    for i, region in enumerate(map(str, data["region"].values)):
        row = np.asarray(data.values[i], dtype=float)

        def z(what: str, step: int = 0, region: str = region) -> Array:
            return normal(seed, f"tfr/{model}/{what}", draws, key=region, step=step)

        if fit is not None:
            level_drawn = fit.own_mean[region] + fit.own_sd[region] * z("level")
            f = np.full(len(draws), row[-1])
            for h, year in enumerate(years):
                f = level_drawn + fit.memory * (f - level_drawn) + fit.sd * z("step", year)
                result[i, :, h] = f
        elif model == "persistence":
            # One number a draw: only the spread at each horizon is known, not the way there.
            result[i] = row[-1] + np.outer(z("level"), spread)
        else:
            result[i] = _walk(row, years, model, z)
    return xr.DataArray(
        result,
        {"region": data["region"].values, "draw": list(draws), "year": list(years)},
        ("region", "draw", "year"),
        name="total_fertility_rate",
        attrs={"units": "births per woman", "source": f"{model}, from {len(data['year'])} years"},
    )


def _walk(row: Array, years: range, model: str, z: object) -> Array:
    """Return a random walk from the last value (draw, year)."""
    assert callable(z)
    logit = model == "logit-random-walk"
    low, high = LIMITS
    if logit and not ((row > low) & (row < high)).all():
        raise DataError(
            f"a total fertility rate lies outside {low:g} to {high:g}, the limits of the logit"
        )
    values = np.log((row - low) / (high - row)) if logit else row
    changes = np.diff(values)[-WINDOW:]
    if len(changes) < 4:
        raise DataError(f"the history has {len(changes)} yearly changes; a walk needs four")
    drift: Array | float = 0.0
    if model == "random-walk-drift":
        sd = float(changes.std(ddof=1))
        drift = float(changes.mean()) + sd / np.sqrt(len(changes)) * z("drift")
    else:
        sd = float(np.sqrt((changes**2).mean()))
    level = np.zeros(1) + values[-1]
    path = []
    for year in years:
        level = level + drift + sd * z("step", year)
        path.append(level)
    walked = np.stack(path, axis=-1)
    if logit:
        return np.asarray(low + (high - low) / (1 + np.exp(-walked)))
    return np.asarray(walked)


def _persistence_spread(low: dict[str, Array], data: xr.DataArray, horizon: int) -> Array:
    """Return the root mean square change over 1 to ``horizon`` years in all regions."""
    rows = list(low.values())
    if sum(len(v) > horizon for v in rows) < 2:
        rows = [np.asarray(row, dtype=float) for row in data.values]
    spread = []
    for h in range(1, horizon + 1):
        changes = np.concatenate([v[h:] - v[:-h] for v in rows if len(v) > h] or [np.empty(0)])
        if not len(changes):
            raise DataError(f"the history is shorter than the horizon of {horizon} years")
        spread.append(np.sqrt((changes**2).mean()))
    return np.array(spread)
