"""The Hamilton-Perry method: cohort change ratios between two censuses, applied once more.

Examples
--------
>>> hamilton_perry([100.0, 100.0, 50.0], [110.0, 90.0, 60.0], groups=1)[1:]
array([99., 60.])
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DataError

__all__ = ["hamilton_perry"]

Array = NDArray[np.float64]


def hamilton_perry(before: ArrayLike, after: ArrayLike, *, groups: int = 2) -> Array:
    """Project a census by the ratios with which the cohorts changed up to it.

    ``P2[x + n] = P1[x] P1[x + n] / P0[x]``; the open group comes from all that enter it,
    ``P2[A] = Σ P1 · P1[A] / Σ P0`` over the groups from ``A - n`` on. Mortality, migration and the
    errors of both counts are in the ratio, and all are taken to stay.

    Parameters
    ----------
    before, after : array-like (..., group)
        Population at two censuses, groups of equal width, the last one open [persons].
    groups : int
        Groups that a cohort passes between the censuses: 2 for five-year groups and ten years.

    Returns
    -------
    numpy.ndarray (..., group)
        Population one interval after the second census [persons]; not a number for those born
        since, whom the ratios do not give.

    Raises
    ------
    DataError
        When shapes do not fit, a number is missing or negative, or a cohort is empty at the first
        census and not at the second.

    References
    ----------
    Hamilton and Perry 1962, A short method for projecting population by age from one decennial
    census to another, Social Forces 41(2):163-170.
    """
    P0, P1 = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if P0.shape != P1.shape or P0.ndim == 0 or not 1 <= groups < P0.shape[-1]:
        raise DataError(
            f"the censuses have shapes {P0.shape} and {P1.shape} for cohorts that move {groups} "
            "groups; both need the same groups, more than that"
        )
    if not (np.all(np.isfinite(P0) & (P0 >= 0)) and np.all(np.isfinite(P1) & (P1 >= 0))):
        raise DataError("census counts must be numbers that are not negative")
    last = P0.shape[-1] - 1

    def cohorts(population: Array) -> Array:
        closed = population[..., : last - groups]
        enter = population[..., last - groups :].sum(axis=-1, keepdims=True)
        return np.concatenate([closed, enter], axis=-1)

    begun, reached = cohorts(P0), P1[..., groups:]
    if np.any((begun == 0) & (reached > 0)):
        place = int(np.argwhere((begun == 0) & (reached > 0))[0][-1])
        raise DataError(
            f"group {place} is empty at the first census, so its cohort has no ratio of change; "
            "use wider groups"
        )
    ratio = np.divide(reached, begun, out=np.zeros_like(reached), where=begun > 0)
    result = np.full(P1.shape, np.nan)
    result[..., groups:] = cohorts(P1) * ratio
    return result
