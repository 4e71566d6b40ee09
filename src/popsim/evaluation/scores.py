"""Scores of probabilistic forecasts: how near, how sharp, how often covered.

Smaller is better, but for coverage, bias and PIT. Arrays are broadcast; draws are on the last axis.

References
----------
Gneiting & Raftery 2007, Journal of the American Statistical Association 102:359.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from popsim.errors import DataError

__all__ = [
    "bias",
    "coverage",
    "crps_ensemble",
    "crps_lognormal",
    "crps_normal",
    "interval_score",
    "log_score_normal",
    "pit",
]

Array = NDArray[np.float64]


def _spread(sd: ArrayLike) -> Array:
    sigma = np.asarray(sd, dtype=float)
    if not np.all(np.isfinite(sigma) & (sigma > 0)):
        raise DataError("the standard deviation of a forecast must be a number above 0")
    return sigma


def _ensemble(observed: ArrayLike, draws: ArrayLike) -> tuple[Array, Array]:
    x = np.asarray(draws, dtype=float)
    if x.ndim == 0 or x.shape[-1] < 2:
        raise DataError("an ensemble needs at least two draws, on its last axis")
    return np.asarray(observed, dtype=float), x


def crps_normal(observed: ArrayLike, mean: ArrayLike, sd: ArrayLike) -> Array:
    """Continuous ranked probability score of a normal forecast.

    ``σ [z (2 Φ(z) - 1) + 2 φ(z) - 1/√π]``, ``z = (y - μ) / σ``.

    Parameters
    ----------
    observed, mean : array-like (...)
        Observation and mean, in one unit.
    sd : array-like (...)
        Standard deviation, above 0.

    Returns
    -------
    numpy.ndarray (...)
        Score in the unit of the observation.

    Raises
    ------
    DataError
        When a standard deviation is not positive.

    Examples
    --------
    >>> crps_normal(0.0, 0.0, 1.0).round(6)
    np.float64(0.233695)
    """
    sigma = _spread(sd)
    z = (np.asarray(observed, dtype=float) - np.asarray(mean, dtype=float)) / sigma
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(sigma * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi)))


def crps_lognormal(observed: ArrayLike, mean_log: ArrayLike, sd_log: ArrayLike) -> Array:
    """Continuous ranked probability score of a lognormal forecast.

    ``y [2 Φ(z) - 1] - 2 exp(μ + σ²/2) [Φ(z - σ) + Φ(σ/√2) - 1]``, ``z = (ln y - μ) / σ``.

    Parameters
    ----------
    observed : array-like (...)
        Observation, above 0.
    mean_log, sd_log : array-like (...)
        Mean and standard deviation of the logarithm.

    Returns
    -------
    numpy.ndarray (...)

    Raises
    ------
    DataError
        When an observation or a standard deviation is not positive.

    Examples
    --------
    >>> crps_lognormal(2.0, 0.5, 0.4).round(6)
    np.float64(0.225909)
    """
    sigma, y = _spread(sd_log), np.asarray(observed, dtype=float)
    if not (y > 0).all():
        raise DataError("an observation of a lognormal forecast must be above 0")
    mu = np.asarray(mean_log, dtype=float)
    z = (np.log(y) - mu) / sigma
    upper = ndtr(z - sigma) + ndtr(sigma / np.sqrt(2)) - 1
    return np.asarray(y * (2 * ndtr(z) - 1) - 2 * np.exp(mu + sigma**2 / 2) * upper)


def crps_ensemble(observed: ArrayLike, draws: ArrayLike, *, fair: bool = False) -> Array:
    """Continuous ranked probability score of draws.

    ``mean |X - y| - ½ mean |X - X'|``; ``fair`` divides the second sum by n (n - 1), which removes
    the bias of a small ensemble. The differences are summed through the sorted draws.

    Parameters
    ----------
    observed : array-like (...)
    draws : array-like (..., draw)
    fair : bool

    Returns
    -------
    numpy.ndarray (...)

    Raises
    ------
    DataError
        When there are fewer than two draws.

    Examples
    --------
    >>> crps_ensemble(0.3, [-1.0, -0.2, 0.1, 0.5, 2.0]).round(6)
    np.float64(0.244)
    """
    y, x = _ensemble(observed, draws)
    n = x.shape[-1]
    distance = np.abs(x - y[..., None]).mean(axis=-1)
    ranks = 2 * np.arange(1, n + 1) - n - 1
    between = 2 * (np.sort(x, axis=-1) * ranks).sum(axis=-1)
    return np.asarray(distance - 0.5 * between / (n * (n - 1) if fair else n**2))


def interval_score(observed: ArrayLike, lower: ArrayLike, upper: ArrayLike, level: float) -> Array:
    """Score of a central interval: its width, and a penalty where it is missed.

    ``(u - l) + (2/α) (l - y)₊ + (2/α) (y - u)₊``, ``α = 1 - level``.

    Parameters
    ----------
    observed, lower, upper : array-like (...)
    level : float
        Nominal coverage, for example 0.8 [1].

    Returns
    -------
    numpy.ndarray (...)

    Raises
    ------
    DataError
        When the level is not between 0 and 1 or a lower bound is above the upper one.

    Examples
    --------
    >>> interval_score([5.0, 2.0], 1.0, 4.0, 0.9).round(9)
    array([23.,  3.])
    """
    y, low, up = (np.asarray(v, dtype=float) for v in (observed, lower, upper))
    if not 0 < level < 1:
        raise DataError(f"the level is {level:g}; write a number between 0 and 1, such as 0.8")
    if np.any(low > up):
        raise DataError("a lower bound is above its upper bound")
    penalty = np.maximum(low - y, 0) + np.maximum(y - up, 0)
    return np.asarray((up - low) + 2 / (1 - level) * penalty)


def coverage(observed: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float:
    """Return the share of observations inside their intervals, bounds included.

    Examples
    --------
    >>> coverage([1.0, 2.0, 5.0, 0.5], 0.8, 2.0)
    0.5
    """
    y = np.asarray(observed, dtype=float)
    inside = (y >= np.asarray(lower, dtype=float)) & (y <= np.asarray(upper, dtype=float))
    return float(inside.mean())


def pit(observed: ArrayLike, draws: ArrayLike) -> Array:
    """Probability integral transform: share of draws below the observation, ties by half.

    Uniform on 0 to 1 when the forecast is calibrated; heaped at both ends when it is too narrow.

    Parameters
    ----------
    observed : array-like (...)
    draws : array-like (..., draw)

    Returns
    -------
    numpy.ndarray (...)

    Examples
    --------
    >>> pit(0.3, [-1.0, -0.2, 0.1, 0.5, 2.0])
    np.float64(0.6)
    """
    y, x = _ensemble(observed, draws)
    below, equal = x < y[..., None], x == y[..., None]
    return np.asarray(below.mean(axis=-1) + 0.5 * equal.mean(axis=-1))[()]


def bias(observed: ArrayLike, draws: ArrayLike) -> Array:
    """Return the mean of the draws less the observation (...), positive for too high a forecast.

    Examples
    --------
    >>> bias(1.0, [1.0, 2.0, 3.0])
    np.float64(1.0)
    """
    y, x = _ensemble(observed, draws)
    return np.asarray(x.mean(axis=-1) - y)[()]


def log_score_normal(observed: ArrayLike, mean: ArrayLike, sd: ArrayLike) -> Array:
    """Return minus the log density of a normal forecast, ``ln σ + ½ ln 2π + ½ z²``.

    Raises
    ------
    DataError
        When a standard deviation is not positive.

    Examples
    --------
    >>> log_score_normal(0.0, 0.0, 1.0).round(6)
    np.float64(0.918939)
    """
    sigma = _spread(sd)
    z = (np.asarray(observed, dtype=float) - np.asarray(mean, dtype=float)) / sigma
    return np.asarray(np.log(sigma) + 0.5 * np.log(2 * np.pi) + 0.5 * z**2)[()]
