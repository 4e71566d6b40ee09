"""The fall of fertility and what follows it, with published parameters.

The second phase of the United Nations' model is a fall at a pace that is a double logistic of the
level; the third is an autoregression. For forecasts fitted to data, see
:mod:`popsim.demography.tfr_forecast`.

Examples
--------
>>> mean, sd = ar1_moments(1.3, mean=2.1, memory=0.8859, sd=0.1016, steps=2)
>>> mean.round(5), sd.round(5)
(array([1.39128, 1.47214]), array([0.1016 , 0.13573]))
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DataError

__all__ = ["annual_ar1", "ar1_moments", "tfr_decline"]

Array = NDArray[np.float64]


def tfr_decline(tfr: ArrayLike, parameters: Sequence[float], *, step: int = 5) -> Array:
    """Return the expected fall of the total fertility rate during a step.

    ``n d {1 / (1 + exp(-ln(81) (f - Δ4 - ½ Δ3) / Δ3))
    - 1 / (1 + exp(-ln(81) (f - Δ4 - Δ3 - Δ2 - ½ Δ1) / Δ1))}``: slow at first, fastest in the middle
    and slow again as low fertility is near.

    Parameters
    ----------
    tfr : array-like (...)
        f, total fertility rate at the start [births per woman].
    parameters : sequence of five floats
        Δ1, Δ2, Δ3, Δ4 [births per woman] and d, the fastest fall [births per woman and year].
    step : int
        n [years].

    Returns
    -------
    numpy.ndarray (...)
        Fall during the step, positive [births per woman].

    Raises
    ------
    DataError
        When there are not five parameters or Δ1, Δ3 or d are not above 0.

    References
    ----------
    Alkema et al. 2011, Demography 48:815.

    Examples
    --------
    >>> tfr_decline([5.0, 2.0], [1.5, 0.6, 1.2, 1.3, 0.25]).round(4)
    array([0.0416, 0.7327])
    """
    if len(parameters) != 5:
        raise DataError(f"there are {len(parameters)} parameters; write Δ1, Δ2, Δ3, Δ4 and d")
    d1, d2, d3, d4, fastest = parameters
    if not min(d1, d3, fastest) > 0:
        raise DataError("Δ1, Δ3 and d must be above 0")
    f, steep = np.asarray(tfr, dtype=float), np.log(81.0)
    end = 1 / (1 + np.exp(-steep * (f - d4 - d3 / 2) / d3))
    beginning = 1 / (1 + np.exp(-steep * (f - d4 - d3 - d2 - d1 / 2) / d1))
    return np.asarray(step * fastest * (end - beginning))


def ar1_moments(
    start: float, *, mean: float, memory: float, sd: float, steps: int
) -> tuple[Array, Array]:
    """Return mean and standard deviation of an autoregression after 1 to ``steps`` steps.

    ``μ + ρ^h (f - μ)`` and ``σ √((1 - ρ^(2h)) / (1 - ρ²))``, without a lower limit.

    Parameters
    ----------
    start : float
        f, last value [births per woman].
    mean, memory, sd : float
        μ, ρ and σ of a step.
    steps : int
        Number of steps.

    Returns
    -------
    tuple of numpy.ndarray (step)
        [births per woman].

    Raises
    ------
    DataError
        When ρ is not between 0 and 1.

    References
    ----------
    Alkema et al. 2011, Demography 48:815. bayesTFR's defaults for five years are μ 2.1, ρ 0.8859,
    σ 0.1016; subnational scale factors have μ 1, ρ 0.92464, σ 0.04522.

    Examples
    --------
    >>> ar1_moments(1.0, mean=2.0, memory=0.5, sd=0.1, steps=2)[0]
    array([1.5 , 1.75])
    """
    if not 0 < memory < 1:
        raise DataError(f"memory is {memory:g}; it must lie between 0 and 1")
    h = np.arange(1, steps + 1)
    kept = memory**h
    spread = sd * np.sqrt((1 - kept**2) / (1 - memory**2))
    return np.asarray(mean + kept * (start - mean), dtype=float), np.asarray(spread, dtype=float)


def annual_ar1(memory: float, sd: float, *, step: int = 5) -> tuple[float, float]:
    """Turn memory and innovation of a step of several years into those of one year.

    ``ρ* = ρ^(1/n)``, ``σ* = σ √((1 - ρ*²) / (1 - ρ²))``: the same spread in the long run and every
    n years.

    Examples
    --------
    >>> tuple(round(v, 6) for v in annual_ar1(0.8859, 0.1016))
    (0.976061, 0.047637)
    """
    if not 0 < memory < 1:
        raise DataError(f"memory is {memory:g}; it must lie between 0 and 1")
    yearly = memory ** (1 / step)
    return yearly, float(sd * np.sqrt((1 - yearly**2) / (1 - memory**2)))
