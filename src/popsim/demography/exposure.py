"""Woman-years behind the births of a projected year, by age and by parity.

Births of a year are counted at two moments: half a year's births on the women as they are at the
start of the year, and half on the women as they have become at its end. These functions read the
woman-years of both, and with them the conditional rates, back from a projection that kept every
age. They are the inverse of the year step, to rounding.

Examples
--------
>>> women = np.array([[0.0, 100.0, 100.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
>>> births = np.array([[0.0, 10.0, 5.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
>>> birth_exposure(births, women, [0.0, 0.0, 100.0, 100.0]).total
array([  0.,  50., 100.,  50.])
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DataError

__all__ = ["BirthExposure", "birth_exposure"]

Array = NDArray[np.float64]
# r is a probability; this much above 1 is rounding of a cohort that all give birth.
_ROUNDING = 1e-9


class BirthExposure(NamedTuple):
    """Woman-years of a year and the rates that they give.

    Attributes
    ----------
    total : numpy.ndarray (..., age)
        Woman-years [year]: the mean of the women at the two moments.
    by_parity : numpy.ndarray (..., parity, age)
        Woman-years lived at each parity [year]; their sum is ``total``.
    conditional : numpy.ndarray (..., order, age)
        Births of order k per woman-year of parity k - 1 [year-1]; not a number where no woman had
        that parity.
    end : numpy.ndarray (..., parity, age)
        Women by parity at the end of the year [person], age 0 empty.
    """

    total: Array
    by_parity: Array
    conditional: Array
    end: Array


def birth_exposure(births: ArrayLike, start: ArrayLike, end: ArrayLike) -> BirthExposure:
    """Woman-years by parity and conditional rates of a projected year.

    In each half-year ``B_k = r_k X_k`` with ``X_k = W_{k-1} + ½ B_{k-1}`` and the same r in both,
    so that ``r_k = B_k / (X_k' + X_k'')``. The woman-years at parity i are half of ``X_{i+1}`` less
    half of the births that leave it, ``½ Σ (X_{i+1} - ½ B_{i+1})``, in the open parity ``½ Σ X``;
    over parities they add up to ``½ (W' + W'')``. The rate is ``h_k = B_k / (woman-years of parity
    k - 1)``, the one that the projection was given.

    Parameters
    ----------
    births : array-like (..., order, age)
        Births of the year by order and age of the mother [birth]; none at the first and last age.
    start : array-like (..., parity, age)
        Women when the first births are counted, by parity [person].
    end : array-like (..., age)
        All women when the last births are counted, at the age then reached [person].

    Returns
    -------
    BirthExposure

    Raises
    ------
    DataError
        When shapes do not fit, a number is missing or negative, or births have no women who could
        give them.

    Examples
    --------
    >>> women = [[0.0, 100.0, 100.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    >>> found = birth_exposure([[0, 10, 0, 0], [0, 0, 0, 0]], women, [0.0, 100.0, 100.0, 100.0])
    >>> found.conditional[0].round(4), found.by_parity[:, 1].round(4)
    (array([0.    , 0.1026, 0.    , 0.    ]), array([97.5,  2.5]))
    """
    B, W, N = (np.asarray(x, dtype=float) for x in (births, start, end))
    if B.ndim < 2 or W.shape[-2:] != B.shape[-2:] or N.shape[-1:] != B.shape[-1:]:
        raise DataError(
            f"births have shape {B.shape}, women {W.shape} at the start and {N.shape} at the end; "
            "they need (..., order, age), (..., parity, age) and (..., age) of the same size"
        )
    for values, name in ((B, "births"), (W, "women at the start"), (N, "women at the end")):
        if not np.all(np.isfinite(values) & (values >= 0)):
            raise DataError(f"{name} must be numbers that are not negative")
    if np.any(B[..., [0, -1]] > 0):
        raise DataError("births of the first and of the last, open age are not followed; set to 0")
    lead = np.broadcast_shapes(B.shape[:-2], W.shape[:-2], N.shape[:-1])
    K, n = B.shape[-2:]
    # Ages first: the loop goes up them and every step is for all regions, years and draws.
    B = np.moveaxis(np.broadcast_to(B, (*lead, K, n)), (-1, -2), (0, 1))
    W = np.moveaxis(np.broadcast_to(W, (*lead, K, n)), (-1, -2), (0, 1)).copy()
    N = np.moveaxis(np.broadcast_to(N, (*lead, n)), -1, 0)
    total = 0.5 * (W.sum(axis=1) + N)
    after = np.zeros_like(W)
    lived = np.zeros_like(W)
    rate = np.full_like(W, np.nan)
    lived[0] = 0.5 * W[0]
    lived[0, 0] += 0.5 * N[0]
    for a in range(1, n):
        below = W[a - 1] if a < n - 1 else W[a - 1] + W[a]
        people = below.sum(axis=0)
        # A cohort that nobody was in is at parity 0, as in the projection.
        share = np.divide(below, people, out=np.zeros_like(below), where=people > 0)
        share[0] = np.where(people > 0, share[0], 1.0)
        after[a] = share * N[a]
        b1 = b2 = np.zeros(lead)
        for k in range(K):
            X1, X2 = W[a, k] + 0.5 * b1, after[a, k] + 0.5 * b2
            r = _ratio(B[a, k], X1 + X2, k, a)
            W[a, k] += b1
            after[a, k] += b2
            b1, b2 = r * X1, r * X2
            leave = 0.0 if k == K - 1 else 0.5 * (b1 + b2)
            lived[a, k] = 0.5 * (X1 + X2 - leave)
            if k < K - 1:
                W[a, k] -= b1
                after[a, k] -= b2
            np.divide(B[a, k], lived[a, k], out=rate[a, k, ...], where=lived[a, k] > 0)
    rate[[0, -1]] = 0.0
    return BirthExposure(
        np.moveaxis(total, 0, -1),
        *(np.moveaxis(x, (0, 1), (-1, -2)) for x in (lived, rate, after)),
    )


def _ratio(births: Array, exposed: Array, k: int, age: int) -> Array:
    """Births of a half-year per woman who could give them, at most 1."""
    r = np.divide(births, exposed, out=np.where(births > 0, np.inf, 0.0), where=exposed > 0)
    if np.any(r > 1 + _ROUNDING):
        row = tuple(int(i) for i in np.argwhere(r > 1 + _ROUNDING)[0])
        place = f" (row {', '.join(map(str, row))})" if row else ""
        raise DataError(
            f"births of order {k + 1} at age {age}{place} are {r[row]:.3g} times the women of "
            f"parity {k} who could give them; births and women are not of the same projection"
        )
    return np.asarray(np.minimum(r, 1.0))
