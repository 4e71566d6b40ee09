"""Sobol indices: how much of the variance of an outcome is due to which input.

Two independent samples A and B of all inputs, and for each input i the sample A with that input
taken from B. First order: ``S_i = mean[f_B (f_ABi - f_A)] / V``; total, with everything in which i
has a part: ``T_i = mean[(f_A - f_ABi)²] / 2V``. An input may be a group of numbers, such as a whole
path, as long as groups are independent of each other.

References
----------
Saltelli et al. (2010), Variance based sensitivity analysis of model output. Jansen (1999),
Analysis of variance designs for model output.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DataError
from popsim.kernels.random import uniform

__all__ = ["bootstrapped_indices", "sobol_indices"]

Array = NDArray[np.float64]


def sobol_indices(f_a: ArrayLike, f_b: ArrayLike, f_ab: ArrayLike) -> tuple[Array, Array]:
    """Return first-order and total indices.

    Parameters
    ----------
    f_a, f_b : array-like (sample)
        Outcome of the two samples.
    f_ab : array-like (input, sample)
        Outcome of A with one input from B.

    Returns
    -------
    first, total : numpy.ndarray (input)
        Estimates; sampling may take one a little below 0 or above 1.

    Raises
    ------
    DataError
        When the outcome does not vary.

    Examples
    --------
    All pairs of the corners of a square, and ``2 x + y``, whose variance is 4 + 1:

    >>> corners = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
    >>> a, b = np.repeat(corners, 4, axis=0), np.tile(corners, (4, 1))
    >>> mixed = [np.where(np.arange(2) == i, b, a) @ [2, 1] for i in range(2)]
    >>> sobol_indices(a @ [2, 1], b @ [2, 1], mixed)
    (array([0.8, 0.2]), array([0.8, 0.2]))
    """
    a, b = np.asarray(f_a, dtype=float), np.asarray(f_b, dtype=float)
    ab = np.asarray(f_ab, dtype=float)
    both = np.concatenate([a, b])
    variance = both.var()
    if not variance > 0:
        raise DataError("the outcome does not vary, so there is no variance to share out")
    # The estimator of the first order varies less about a mean of zero.
    centre = both.mean()
    first = ((b - centre) * (ab - a)).mean(axis=-1) / variance
    total = ((a - ab) ** 2).mean(axis=-1) / (2.0 * variance)
    return first, total


def bootstrapped_indices(
    f_a: ArrayLike, f_b: ArrayLike, f_ab: ArrayLike, *, seed: int, times: int = 200
) -> tuple[Array, Array]:
    """Return indices of resampled samples, each (time, input).

    Parameters
    ----------
    f_a, f_b, f_ab
        As in :func:`sobol_indices`.
    seed : int
    times : int
        Number of resamples.

    Examples
    --------
    >>> x = np.linspace(-1, 1, 50)
    >>> bootstrapped_indices(x, x[::-1], [x[::-1]], seed=1, times=3)[0].shape
    (3, 1)
    """
    a, b = np.asarray(f_a, dtype=float), np.asarray(f_b, dtype=float)
    ab = np.asarray(f_ab, dtype=float)
    firsts, totals = [], []
    for time in range(times):
        u = uniform(seed, "sensitivity/bootstrap", range(a.size), step=time)
        chosen = (u * a.size).astype(int)
        first, total = sobol_indices(a[chosen], b[chosen], ab[:, chosen])
        firsts.append(first)
        totals.append(total)
    return np.array(firsts), np.array(totals)
