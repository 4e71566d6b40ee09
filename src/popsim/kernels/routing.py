"""Migrants from origins to destinations, compiled.

Sums run over origins in their order and draws side by side, so that the bits of a draw depend
neither on its place among the draws nor on their number, as those of a matrix product may.
"""

from __future__ import annotations

from typing import Any

from numba import njit

__all__ = ["add_pairs", "route"]


@njit(cache=True, nogil=True, error_model="numpy")
def route(rates: Any, sexes: Any, first: int, stock: Any, out: Any) -> None:
    """Add to ``out`` what arrives from a stock of origins.

    Parameters
    ----------
    rates : numpy.ndarray
        By sex, age, destination and origin (2, A, R, R) [year-1].
    sexes : numpy.ndarray of int
        Sex of each row of the stock (X,).
    first : int
        Age of the first column of the stock.
    stock : numpy.ndarray
        People of the origins by row and age, draws last (R, X, a, D) [person-years].
    out : numpy.ndarray
        Arrivals in the destinations (R, X, a, D) [persons].
    """
    regions, rows, ages, draws = stock.shape
    for d in range(regions):
        for x in range(rows):
            for a in range(ages):
                for o in range(regions):
                    rate = rates[sexes[x], first + a, d, o]
                    if rate != 0.0:
                        for lane in range(draws):
                            out[d, x, a, lane] += rate * stock[o, x, a, lane]


@njit(cache=True, nogil=True, error_model="numpy")
def add_pairs(rates: Any, first: int, stock: Any, out: Any) -> None:
    """Add to ``out`` (R, R, 2, D) the movers by origin, destination and sex; see :func:`route`."""
    regions, sexes, ages, draws = stock.shape
    for o in range(regions):
        for d in range(regions):
            for s in range(sexes):
                for a in range(ages):
                    rate = rates[s, first + a, d, o]
                    if rate != 0.0:
                        for lane in range(draws):
                            out[o, d, s, lane] += rate * stock[o, s, a, lane]
