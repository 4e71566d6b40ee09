"""What is left of an effect on births after what was brought forward is taken back."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["net_effect"]

Array = np.ndarray[Any, np.dtype[np.float64]]


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def net_effect(
    effect: Array, tempo: Array, removal: Array, payback: Array, left: Array, net: Array
) -> None:
    """Write R of E, dims (draw, year, birth_order), see :mod:`popsim.policy.response`.

    Parameters
    ----------
    effect : numpy.ndarray
        E with ``len(payback)`` years before the first, dims (draw, before + year, birth_order).
    tempo, removal : numpy.ndarray
        1 - q and ρ - 1, shape (draw,).
    payback, left : numpy.ndarray
        w_1, w_2, … and s_0, s_1, …, of the same length.
    net : numpy.ndarray
        Written, dims (draw, year, birth_order), C-contiguous.
    """
    draws, years, orders = net.shape
    before = len(payback)
    size = years * orders
    fall = np.empty((before + years) * orders)
    # A draw after the other as flat rows: six passes over 3 kB. The slices let LLVM see that no
    # index is negative, without which it does not vectorise.
    for d in range(draws):
        row, out = effect[d].ravel(), net[d].ravel()
        now = row[before * orders :]
        for i in range(size):
            out[i] = now[i]
        if tempo[d] != 0.0:
            for j in range(before):
                earlier = row[(before - 1 - j) * orders :]
                weight = tempo[d] * payback[j]
                for i in range(size):
                    out[i] -= weight * earlier[i]
        if removal[d] != 0.0:
            last, this, lost = row[:-orders], row[orders:], fall[orders:]
            fall[:orders] = 0.0
            for i in range(lost.size):
                lost[i] = max(last[i] - this[i], 0.0)
            for j in range(before):
                earlier = fall[(before - j) * orders :]
                weight = removal[d] * left[j]
                for i in range(size):
                    out[i] -= weight * earlier[i]
