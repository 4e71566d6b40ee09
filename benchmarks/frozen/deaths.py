"""Deaths by age at death from deaths by cohort."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["period_deaths", "separation_factors"]

Array = np.ndarray[Any, np.dtype[np.float64]]


def separation_factors(lx: Any, nLx: Any) -> Array:
    """Return the share of cohort deaths that falls into the younger age of the two.

    Parameters
    ----------
    lx : array_like
        Survivors at exact age (..., A1), last age open.
    nLx : array_like
        Person-years lived (..., A1).

    Returns
    -------
    numpy.ndarray
        ``c[x] = (nLx[x] - lx[x+1]) / (nLx[x] - nLx[x+1])`` below the last two ages,
        ``(nLx - lx[A]) / nLx`` at the last closed age, 1 at the open age; shape (..., A1).

    References
    ----------
    United Nations Population Division, ccmppWPP, deaths by age and period.

    Examples
    --------
    >>> separation_factors([1.0, 0.9, 0.5, 0.2], [0.95, 0.7, 0.35, 0.4]).round(3).tolist()
    [0.2, 0.571, 0.429, 1.0]
    """
    lx = np.asarray(lx, dtype=np.float64)
    nLx = np.asarray(nLx, dtype=np.float64)
    factors: Array = np.ones_like(nLx)
    factors[..., :-2] = (nLx[..., :-2] - lx[..., 1:-1]) / (nLx[..., :-2] - nLx[..., 1:-1])
    factors[..., -2] = (nLx[..., -2] - lx[..., -1]) / nLx[..., -2]
    return factors


def period_deaths(cohort_deaths: Any, separation: Any) -> Array:
    """Return deaths by age at death from deaths by age reached at the end of the step.

    Parameters
    ----------
    cohort_deaths : array_like
        Deaths of the cohort that reaches each age (..., A1) [persons].
    separation : array_like
        Shares that fall into the younger age (..., A1), from :func:`separation_factors`.

    Returns
    -------
    numpy.ndarray
        Deaths by age in completed years (..., A1); their sum is that of ``cohort_deaths``.

    References
    ----------
    United Nations Population Division, ccmppWPP, deaths by age and period.

    Examples
    --------
    >>> period_deaths([4.0, 2.0, 3.0, 5.0], [0.5, 0.5, 0.4, 1.0]).tolist()
    [5.0, 2.5, 3.5, 3.0]
    """
    deaths = np.asarray(cohort_deaths, dtype=np.float64)
    separation = np.asarray(separation, dtype=np.float64)
    earlier = deaths[..., 1:] * separation[..., :-1]
    result: Array = deaths.copy()
    result[..., 1:] -= earlier
    result[..., :-1] += earlier
    return result
