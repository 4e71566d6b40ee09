"""Standard normal numbers of the demographic assumptions, by region.

A number is a function of its address: seed, purpose, region, year and draw. Counties of a
province share a part of theirs, keyed by the province whether it is in the data or not.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from popsim.errors import DataError
from popsim.kernels.random import uniform

__all__ = ["MORTALITY_REACH", "normal", "province", "shared_normal"]

#: The low and high survival tables stand this many standard deviations from the central one.
MORTALITY_REACH = 3.0


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


def shared_normal(
    seed: int, component: str, draws: range, region: str, *, shared: float = 1.0, step: int = 0
) -> np.ndarray:
    """Return standard normal numbers of a region, in part those of its province.

    ``z = √ρ z(province) + √(1 - ρ) z(region)``: the variance is 1 whatever ρ, and ρ is the
    correlation of two counties of one province. A province, run alone or beside its counties, has
    the province's part only; two provinces are independent.

    Parameters
    ----------
    seed, component, draws, step
        As in :func:`normal`.
    region : str
        GB/T 2260 code; the first two digits are its province.
    shared : float
        ρ, from 0 to 1 [1].

    Returns
    -------
    numpy.ndarray (draw)

    Raises
    ------
    DataError
        When ρ is not between 0 and 1.

    Examples
    --------
    >>> county = shared_normal(1, "x", range(4), "331126", shared=1.0)
    >>> bool((county == normal(1, "x", range(4), key="330000")).all())
    True
    """
    if not 0 <= shared <= 1:
        raise DataError(f"the correlation of counties is {shared:g}; it must be from 0 to 1")
    whole = province(region)
    common = normal(seed, component, draws, key=whole, step=step)
    if shared == 1 or region == whole:
        return common
    own = normal(seed, component, draws, key=region, step=step)
    return np.asarray(np.sqrt(shared) * common + np.sqrt(1 - shared) * own)
