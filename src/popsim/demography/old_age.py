"""Closing a schedule with Gompertz's law, the alternative to Kannisto's logistic.

Death rates that rise exponentially suit ages up to about 90; above, observed rates flatten, and
:func:`popsim.demography.lifetable.extend_kannisto` is the better guide.

Examples
--------
>>> age, m = extend_gompertz([0.05, 0.08, 0.13], [70, 75, 80], fit=(70, 80), to=90)
>>> age.tolist(), m.round(3).tolist()
([70, 75, 80, 85, 90], [0.05, 0.08, 0.13, 0.209, 0.337])
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DataError

__all__ = ["extend_gompertz"]

Array = NDArray[np.float64]


def extend_gompertz(
    mx: ArrayLike,
    ages: ArrayLike | None = None,
    *,
    fit: tuple[int, int] = (60, 89),
    to: int = 110,
) -> tuple[NDArray[np.int64], Array]:
    """Extend death rates to high ages by a line through their logarithms.

    ``ln m_x = a + b x`` by least squares on the ages of the fit; rates above its last age are
    replaced. A falling line (b < 0) is not extrapolated: b is then 0. Rates may pass 1.

    Parameters
    ----------
    mx : array-like (..., age)
        Death rates [year-1].
    ages : array-like of int (age), optional
        Lower limits [years], evenly spaced from the first fitted age on; default 0, 1, 2, ….
    fit : tuple of int
        First and last age of the fit.
    to : int
        Last age of the extended schedule, its open group.

    Returns
    -------
    ages : numpy.ndarray of int (age2)
        Lower limits up to ``to``.
    mx : numpy.ndarray (..., age2)
        Extended rates [year-1].

    Raises
    ------
    DataError
        When shapes do not fit, fewer than two ages lie in ``fit``, they are not evenly spaced, or a
        rate there is not more than 0.

    References
    ----------
    Gompertz 1825; Preston, Heuveline & Guillot 2001, section 9.1.

    Examples
    --------
    >>> age, m = extend_gompertz(0.001 * np.exp(0.1 * np.arange(95)), to=100)
    >>> bool(np.isclose(m[-1], 0.001 * np.exp(0.1 * 100)))
    True
    """
    m = np.asarray(mx, dtype=float)
    size = m.shape[-1] if m.ndim else 0
    age = np.arange(size) if ages is None else np.asarray(ages, dtype=np.int64)
    if m.ndim == 0 or age.shape != m.shape[-1:]:
        raise DataError(f"{size} age groups have rates but {age.size} limits are given")
    used = (age >= fit[0]) & (age <= fit[1])
    steps = np.diff(age[used])
    if used.sum() < 2 or np.any(steps != steps[0]):
        raise DataError(
            f"{used.sum()} ages lie in {fit[0]}-{fit[1]}; the fit needs two or more, evenly spaced"
        )
    if not np.all(m[..., used] > 0):
        at = int(np.argwhere(~(m[..., used] > 0))[0][-1])
        raise DataError(
            f"death rate at age {age[used][at]} must be more than 0 for the Gompertz fit: pool "
            "areas or years"
        )
    y, x = np.log(m[..., used]), age[used].astype(float)
    deviation = x - x.mean()
    slope = np.maximum((y * deviation).sum(axis=-1) / (deviation**2).sum(), 0.0)
    kept = age <= fit[1]
    above = np.arange(age[kept][-1] + steps[0], to + 1, steps[0], dtype=np.int64)
    line = y.mean(axis=-1)[..., None] + slope[..., None] * (above - x.mean())
    return np.concatenate([age[kept], above]), np.concatenate([m[..., kept], np.exp(line)], axis=-1)
