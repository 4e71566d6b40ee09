"""Random walks and first-order autoregressions: fitted to a history, drawn, and their variance.

A history has its years on the last axis and, if it is of several components (birth orders), these
on the axis before it. Components may be correlated within a year; years are independent given the
past.

Examples
--------
>>> walk = fit_random_walk([[0.0, 0.1, 0.0, 0.3], [1.0, 1.1, 1.2, 1.6]])
>>> walk.drift.round(3), walk.sd.round(3), walk.changes
(array([0.1, 0.2]), array([0.2  , 0.173]), 3)
>>> walk.variance([1, 10]).round(3)
array([[0.053, 1.733],
       [0.04 , 1.3  ]])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.demography.draws import shared_normal
from popsim.errors import DataError, Problems

__all__ = ["Process", "draw_paths", "fit_ar1", "fit_random_walk"]

Array = NDArray[np.float64]
KINDS = ("random-walk", "damped", "ar1")


@dataclass(frozen=True)
class Process:
    """A random walk, a damped walk or a first-order autoregression of one or more components.

    With y the deviation from the central path, d the drift and e normal with covariance Σ:

    - ``random-walk``: ``y(t+1) = y(t) + d + e``
    - ``damped``: ``y(t+h) = y(t+h-1) + φ^h d + e``, so that the drift fades
    - ``ar1``: ``y(t+1) = φ y(t) + e``, started at 0

    Parameters
    ----------
    covariance : array-like (component, component)
        Σ, covariance of the innovations of a year [square of the unit of y].
    kind : {"random-walk", "damped", "ar1"}
        As above.
    drift : array-like (component) or float
        d [unit of y per year]; must be 0 for ``ar1``.
    memory : float
        φ, from 0 to below 1 [1]; only for ``damped`` and ``ar1``.
    changes : int
        T, number of yearly changes that the drift was estimated from; 0 leaves the error of the
        drift out, and so must ``ar1``.
    source : str
        Where the numbers come from.

    Raises
    ------
    DataError
        When a parameter is out of its range or Σ is not a covariance matrix; all problems at once.

    Examples
    --------
    >>> Process([[0.01]]).variance([1, 4])
    array([[0.01, 0.04]])
    >>> Process([[0.01]], kind="ar1")
    Traceback (most recent call last):
    ...
    popsim.errors.DataError: memory is 0; a process of kind 'ar1' needs one above 0 and below 1
    """

    covariance: ArrayLike
    kind: Literal["random-walk", "damped", "ar1"] = "random-walk"
    drift: ArrayLike = 0.0
    memory: float = 0.0
    changes: int = 0
    source: str = ""

    def __post_init__(self) -> None:
        """Check the parameters and keep them as arrays."""
        problems = Problems()
        matrix = np.atleast_2d(np.asarray(self.covariance, dtype=float))
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise DataError(f"the covariance has shape {matrix.shape}; write a square matrix")
        drift = np.broadcast_to(np.asarray(self.drift, dtype=float), matrix.shape[:1])
        if not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T, rtol=1e-9, atol=0):
            problems.add("the covariance must be symmetric and hold numbers only")
        elif np.linalg.eigvalsh(matrix)[0] < -1e-9 * max(np.trace(matrix), 1e-300):
            problems.add("the covariance has a negative eigenvalue, so nothing can have it")
        if not np.isfinite(drift).all():
            problems.add("the drift must be a number")
        if self.kind not in KINDS:
            problems.add(f"kind {self.kind!r} is unknown", instead=" or ".join(KINDS))
        elif self.kind != "random-walk" and not 0 < self.memory < 1:
            problems.add(
                f"memory is {self.memory:g}; a process of kind {self.kind!r} needs one above 0 and "
                "below 1"
            )
        elif self.kind == "ar1" and (self.changes or drift.any()):
            problems.add(
                "an autoregression has no drift; leave drift and changes at 0, or write "
                "kind='damped'"
            )
        if self.changes < 0:
            problems.add(f"changes is {self.changes}; it must be a number of years, or 0")
        problems.raise_if_any(DataError)
        object.__setattr__(self, "covariance", matrix)
        object.__setattr__(self, "drift", drift)

    @property
    def sd(self) -> Array:
        """Standard deviation of the innovations (component)."""
        return np.asarray(np.sqrt(np.diag(np.asarray(self.covariance))))

    @property
    def root(self) -> Array:
        """Matrix L with ``L Lᵀ = Σ``, lower triangular where Σ has full rank."""
        matrix = np.asarray(self.covariance)
        try:
            return np.asarray(np.linalg.cholesky(matrix))
        except np.linalg.LinAlgError:  # some innovations are 0 or follow from the others
            values, vectors = np.linalg.eigh(matrix)
            return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))

    def _sums(self, horizon: int) -> tuple[Array, Array]:
        """Return, for 1 to ``horizon`` years ahead, factors on Σ and on the drift."""
        h = np.arange(1, horizon + 1, dtype=float)
        if self.kind == "ar1":
            q = self.memory**2
            return (1 - q**h) / (1 - q), np.zeros_like(h)
        return h, np.cumsum(self.memory**h) if self.kind == "damped" else h

    def mean(self, years_ahead: ArrayLike) -> Array:
        """Return the expected deviation (component, years ahead)."""
        h = np.asarray(years_ahead, dtype=int)
        return np.asarray(np.outer(np.asarray(self.drift), self._sums(int(h.max()))[1][h - 1]))

    def variance(self, years_ahead: ArrayLike) -> Array:
        """Return the variance of the deviation, error of the drift included.

        ``σ² (h + h² / T)`` for a random walk, ``σ² (h + s² / T)`` with ``s = Σ φ^j`` for a damped
        one, ``σ² (1 - φ^(2h)) / (1 - φ²)`` for an autoregression.

        Parameters
        ----------
        years_ahead : array-like of int
            h, from 1 on [years].

        Returns
        -------
        numpy.ndarray (component, years ahead)
        """
        h = np.asarray(years_ahead, dtype=int)
        walk, drift = self._sums(int(h.max()))
        factor = walk + (drift**2 / self.changes if self.changes else 0.0)
        return np.asarray(np.outer(np.diag(np.asarray(self.covariance)), factor[h - 1]))


def _history(history: ArrayLike, least: int) -> Array:
    values = np.asarray(history, dtype=float)
    if values.ndim not in (1, 2):
        raise DataError(f"the history has shape {values.shape}; write (component, year) or (year)")
    values = np.atleast_2d(values)
    if not np.isfinite(values).all():
        raise DataError("the history has a gap; interpolate it or take the years after it")
    if values.shape[1] < least:
        raise DataError(f"the history has {values.shape[1]} years; the fit needs {least}")
    return values


def fit_random_walk(
    history: ArrayLike,
    *,
    kind: Literal["random-walk", "damped"] = "random-walk",
    memory: float = 0.0,
    source: str = "",
) -> Process:
    """Fit a random walk with drift to yearly values.

    ``d`` is the mean of the T yearly changes, Σ their covariance (divisor T - 1). The drift has
    the variance ``Σ / T``, so the forecast of h years the variance ``σ² (h + h² / T)``.

    Parameters
    ----------
    history : array-like (component, year) or (year)
        Consecutive years, at least four.
    kind : {"random-walk", "damped"}
        Whether the drift lasts or fades with ``memory``.
    memory : float
        φ of ``damped``, an assumption: it is not fitted.
    source : str
        Where the history comes from.

    Returns
    -------
    Process

    Raises
    ------
    DataError
        When years are missing or too few.

    References
    ----------
    Lee & Carter 1992, Journal of the American Statistical Association 87:659 (error of the drift).

    Examples
    --------
    >>> fit_random_walk([0.0, 1.0, 0.0, 2.0, 4.0]).drift
    array([1.])
    """
    values = _history(history, 4)
    changes = np.diff(values, axis=1)
    covariance = np.atleast_2d(np.cov(changes, ddof=1))
    return Process(covariance, kind, changes.mean(axis=1), memory, changes.shape[1], source)


def fit_ar1(history: ArrayLike, *, mean: ArrayLike | None = None, source: str = "") -> Process:
    """Fit a first-order autoregression around a mean to yearly values, one memory for all.

    ``φ = Σ y(t) y(t+1) / Σ y(t)²``, y the deviation from the mean, summed over components each
    divided by its variance; Σ is the covariance of what is left (divisor T - 1).

    Parameters
    ----------
    history : array-like (component, year) or (year)
        Consecutive years, at least five.
    mean : array-like (component), optional
        Level that the process returns to; default the mean of the history.
    source : str
        Where the history comes from.

    Returns
    -------
    Process

    Raises
    ------
    DataError
        When years are missing or too few, nothing varies, or the history does not return to its
        mean (φ not between 0 and 1).

    Notes
    -----
    A short history makes φ too small, by about ``(1 + 3 φ) / T``; it is not corrected.

    Examples
    --------
    >>> fit_ar1([0.0, 1.0, 0.8, 0.2, -0.3, -0.6, -0.7, -0.4]).memory.__round__(3)
    0.679
    """
    values = _history(history, 5)
    centre = values.mean(axis=1) if mean is None else np.asarray(mean, dtype=float)
    deviation = values - np.broadcast_to(centre, values.shape[:1])[:, None]
    before, after = deviation[:, :-1], deviation[:, 1:]
    size = (before**2).sum(axis=1)
    if not (size > 0).all():
        raise DataError("a component of the history does not vary, so it has no memory to fit")
    memory = float(((before * after).sum(axis=1) / size).mean())
    if not 0 < memory < 1:
        raise DataError(
            f"the history does not return to its mean (memory {memory:.3g}); fit a random walk"
        )
    left = after - memory * before
    covariance = left @ left.T / (left.shape[1] - 1)
    return Process(covariance, "ar1", 0.0, memory, 0, source)


def draw_paths(
    process: Process,
    component: str,
    region: str,
    *,
    first: int,
    last: int,
    draws: range,
    seed: int,
    shared: float = 1.0,
) -> Array:
    """Draw the deviation of a region from its central path, year by year.

    Parameters
    ----------
    process : Process
    component : str
        Name of the stream; a number is added for each component of the process.
    region : str
        Code of the region.
    first, last : int
        First and last year drawn; the walk always starts before ``first``, so a longer horizon
        begins with the same numbers.
    draws : range
        Draw numbers.
    seed : int
    shared : float
        Correlation of the innovations (and of the error of the drift) of two counties of one
        province, see :func:`~popsim.demography.draws.shared_normal`.

    Returns
    -------
    numpy.ndarray (component, draw, year)

    Examples
    --------
    >>> walk = Process([[0.04]])
    >>> draw_paths(walk, "x", "331126", first=2024, last=2026, draws=range(2), seed=1).shape
    (1, 2, 3)
    """
    sizes = range(len(np.asarray(process.covariance)))
    root = process.root

    def innovations(name: str, step: int) -> Array:
        z = np.stack(
            [
                shared_normal(seed, f"{name}/{j + 1}", draws, region, shared=shared, step=step)
                for j in sizes
            ]
        )
        # Summed one by one: a matrix product may round differently for other numbers of draws.
        return np.stack([sum(row[j] * z[j] for j in sizes) for row in root])

    years = range(first, last + 1)
    path = np.zeros((len(sizes), len(draws), len(years)))
    drift = np.repeat(np.asarray(process.drift, dtype=float)[:, None], len(draws), axis=1)
    if process.changes:
        drift = drift + innovations(f"{component}/drift", 0) / np.sqrt(process.changes)
    level = np.zeros(path.shape[:2])
    for place, year in enumerate(years):
        if process.kind == "ar1":
            level = process.memory * level
        else:
            level = level + drift * (
                process.memory ** (place + 1) if process.kind == "damped" else 1.0
            )
        level = level + innovations(component, year)
        path[..., place] = level
    return path
