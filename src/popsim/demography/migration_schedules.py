"""Age schedules of migration: Rogers-Castro curves, fitted or given, and totals laid over ages.

A schedule has single ages on its last axis and no level of its own, unless its parameters carry
one. Ages x are completed years; curves are taken at x.

Examples
--------
>>> schedule = rogers_castro(range(101), childhood=(0.02, 0.1), labour=(0.06, 0.1, 20, 0.4))
>>> int(schedule.argmax())
23
>>> age_sex_migrants(1000.0, schedule, female_share=0.4).sum(axis=-1)
array([400., 600.])
"""

from __future__ import annotations

from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.demography.migration import scale_net
from popsim.errors import DataError

__all__ = ["RogersCastroFit", "age_sex_migrants", "fit_rogers_castro", "rogers_castro"]

Array = NDArray[np.float64]
Curves = dict[str, Any]

# Symbols of each curve in the order of its tuple, and the search bounds of those not linear.
_SYMBOLS = {
    "childhood": ("a1", "alpha1"),
    "labour": ("a2", "alpha2", "mu2", "lambda2"),
    "retirement": ("a3", "alpha3", "mu3", "lambda3"),
    "late": ("a4", "lambda4"),
    "constant": ("c",),
}
_CURVES = {
    7: ("childhood", "labour", "constant"),
    9: ("childhood", "labour", "late", "constant"),
    11: ("childhood", "labour", "retirement", "constant"),
    13: ("childhood", "labour", "retirement", "late", "constant"),
}
_BOUNDS = {
    "alpha1": (0.001, 2.0),
    "alpha2": (0.001, 2.0),
    "mu2": (5.0, 50.0),
    "lambda2": (0.02, 3.0),
    "alpha3": (0.001, 3.0),
    "mu3": (50.0, 90.0),
    "lambda3": (0.02, 3.0),
    "lambda4": (0.001, 0.3),
}
# Starting values; the position of a peak follows from where it is seen.
_STARTS = {
    "alpha1": (0.05, 0.15),
    "alpha2": (0.04, 0.1, 0.2),
    "lambda2": (0.15, 0.3, 0.6),
    "alpha3": (0.1, 0.4),
    "lambda3": (0.15, 0.5),
    "lambda4": (0.01, 0.05),
}
_LABOUR_AGES, _RETIREMENT_AGES = (14, 46), (55, 81)
_BEST = 5
_NOTHING = 1e-6


def rogers_castro(
    ages: ArrayLike,
    *,
    childhood: tuple[float, float] = (0.0, 0.0),
    labour: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0),
    retirement: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0),
    late: tuple[float, float] = (0.0, 0.0),
    constant: float = 0.0,
) -> Array:
    """Rogers-Castro model schedule of migration by age.

    ``m(x) = a1 e^(-α1 x) + a2 e^(-α2 (x-μ2) - e^(-λ2 (x-μ2)))
    + a3 e^(-α3 (x-μ3) - e^(-λ3 (x-μ3))) + a4 e^(λ4 x) + c``.

    Parameters
    ----------
    ages : array-like (age)
        Ages x [years].
    childhood : tuple (a1, α1)
        Falling curve of children.
    labour : tuple (a2, α2, μ2, λ2)
        Peak of the ages of work.
    retirement : tuple (a3, α3, μ3, λ3)
        Peak of the ages of retirement.
    late : tuple (a4, λ4)
        Rising curve of old age.
    constant : float
        c.

    Returns
    -------
    numpy.ndarray (age)
        Schedule, scale-free unless the parameters carry a level.

    References
    ----------
    Rogers & Castro 1981, IIASA RR-81-30.

    Examples
    --------
    >>> rogers_castro([0, 25], childhood=(0.09, 0.1), labour=(0.2, 0.05, 25, 0.4), constant=0.01)
    array([0.1       , 0.09096354])
    """
    x = np.asarray(ages, dtype=float)

    def peak(a: float, alpha: float, mu: float, lambda_: float) -> Array:
        if a == 0:
            return np.zeros_like(x)
        return np.asarray(a * np.exp(-alpha * (x - mu) - np.exp(-lambda_ * (x - mu))))

    children = childhood[0] * np.exp(-childhood[1] * x)
    old = late[0] * np.exp(late[1] * x)
    schedule: Array = children + peak(*labour) + peak(*retirement) + old + constant
    return schedule


class RogersCastroFit(NamedTuple):
    """A Rogers-Castro schedule fitted to data.

    Attributes
    ----------
    curves : dict
        Keywords of :func:`rogers_castro`, with the level of the data.
    schedule : numpy.ndarray (age)
        The fitted schedule at the ages of the data [unit of the data].
    parameters : dict
        The parameters by symbol: a1, alpha1, a2, alpha2, mu2, lambda2, …, c.
    r_squared : float
        Share of the (weighted) variance over ages that is explained [1].
    relative_error : float
        Sum of absolute errors over the sum of the data [1].
    at_edge : tuple of str
        Parameters that stopped at the edge of the search, and so are not told by the data: a
        level of 0 means that the curve is not there.
    """

    curves: Curves
    schedule: Array
    parameters: dict[str, float]
    r_squared: float
    relative_error: float
    at_edge: tuple[str, ...]


def fit_rogers_castro(
    schedule: ArrayLike,
    *,
    parameters: Literal[7, 9, 11, 13] = 7,
    ages: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> RogersCastroFit:
    """Fit a Rogers-Castro schedule by weighted least squares.

    The peaks of work and retirement are looked for first. From a fixed grid of shapes around
    them, with levels by non-negative least squares, the best few are improved by a bounded search,
    and the best of all is taken; the same data always give the same answer.

    Parameters
    ----------
    schedule : array-like (age)
        Migrants or rates by single age, of one direction, not negative [any unit].
    parameters : {7, 9, 11, 13}
        7: childhood, work and a constant; 9: with old age rising; 11: with a peak of retirement;
        13: with both.
    ages : array-like (age), optional
        Ages x [years]; default 0, 1, 2, …
    weights : array-like (age), optional
        Weights of the squared errors, for example the population at risk; default equal.

    Returns
    -------
    RogersCastroFit
        Parameters, schedule, quality of the fit, and parameters at the edge of the search.

    Raises
    ------
    DataError
        When the number of parameters is not one of the four, data are negative or all 0, or there
        are fewer ages than parameters.

    References
    ----------
    Rogers & Castro 1981, IIASA RR-81-30.

    Examples
    --------
    >>> true = dict(childhood=(0.02, 0.1), labour=(0.06, 0.1, 20, 0.4), constant=0.003)
    >>> fit = fit_rogers_castro(rogers_castro(range(90), **true))
    >>> {name: round(value, 4) for name, value in fit.parameters.items()}
    {'a1': 0.02, 'alpha1': 0.1, 'a2': 0.06, 'alpha2': 0.1, 'mu2': 20.0, 'lambda2': 0.4, 'c': 0.003}
    >>> fit.at_edge
    ()
    """
    from scipy.optimize import least_squares

    y = np.asarray(schedule, dtype=float)
    x = np.arange(y.size, dtype=float) if ages is None else np.asarray(ages, dtype=float)
    w = np.ones(y.size) if weights is None else np.asarray(weights, dtype=float)
    if parameters not in _CURVES:
        raise DataError(f"parameters={parameters!r} is unknown; write: 7, 9, 11 or 13")
    if y.ndim != 1 or x.shape != y.shape or w.shape != y.shape:
        raise DataError(
            f"the schedule has shape {y.shape}, ages {x.shape} and weights {w.shape}; they must "
            "be one axis of ages"
        )
    if not np.all(np.isfinite(y) & (y >= 0)) or not np.any(y > 0):
        raise DataError(
            "a schedule to fit must be of numbers that are not negative and not all 0; "
            "fit in- and out-migration apart"
        )
    if not np.all(np.isfinite(w) & (w >= 0)):
        raise DataError("weights must be numbers that are not negative")
    if np.count_nonzero(w) < parameters:
        raise DataError(f"{np.count_nonzero(w)} ages cannot tell {parameters} parameters")
    symbols = [symbol for curve in _CURVES[parameters] for symbol in _SYMBOLS[curve]]
    linear = [symbol for symbol in symbols if symbol not in _BOUNDS]
    scale = float(y.max())
    root = np.sqrt(w / w.max())
    aim = y / scale

    def values(vector: Array) -> Array:
        return rogers_castro(x, **_curves(dict(zip(symbols, vector, strict=True))))

    starts = sorted(
        (_level_start(shape, linear, x, aim, root) for shape in _shapes(symbols, x, aim)),
        key=lambda start: start[0],
    )[:_BEST]
    lower = np.array([_BOUNDS.get(symbol, (0.0, np.inf))[0] for symbol in symbols])
    upper = np.array([_BOUNDS.get(symbol, (0.0, np.inf))[1] for symbol in symbols])
    best = None
    for _, start in starts:
        first = np.array([start[symbol] for symbol in symbols])
        span = np.where(np.isfinite(upper), upper - lower, 1.0)
        first = np.clip(first, lower + 1e-6 * span, upper - 1e-6 * span)
        found = least_squares(
            lambda vector: root * (values(vector) - aim),
            first,
            bounds=(lower, upper),
            x_scale=np.maximum(np.abs(first), 1e-3),
            xtol=1e-14,
            ftol=1e-14,
            gtol=1e-14,
            max_nfev=600,
        )
        if best is None or found.cost < best.cost:
            best = found
    assert best is not None
    # A level of 0 is an edge too: the curve is not there.
    none = np.array([symbol in linear for symbol in symbols]) & (best.x < _NOTHING)
    edge = (best.active_mask != 0) | none
    fitted = dict(zip(symbols, best.x, strict=True))
    for symbol in linear:
        fitted[symbol] *= scale
    curves = _curves(fitted)
    result = rogers_castro(x, **curves)
    centred = y - np.average(y, weights=w)
    total = float((w * centred**2).sum())
    return RogersCastroFit(
        curves,
        result,
        {symbol: float(value) for symbol, value in fitted.items()},
        1 - float((w * (y - result) ** 2).sum()) / total if total > 0 else 1.0,
        float(np.abs(y - result).sum() / y.sum()),
        tuple(symbol for symbol, stopped in zip(symbols, edge, strict=True) if stopped),
    )


def _curves(fitted: dict[str, Any]) -> Curves:
    """Return keywords of :func:`rogers_castro` from parameters by symbol."""
    curves: Curves = {}
    for curve, symbols in _SYMBOLS.items():
        if symbols[0] in fitted:
            values = tuple(float(fitted[symbol]) for symbol in symbols)
            curves[curve] = values[0] if curve == "constant" else values
    return curves


def _shapes(symbols: list[str], x: Array, y: Array) -> list[dict[str, float]]:
    """Return starting shapes: a grid, with peaks placed where they are seen."""
    grid = [symbol for symbol in symbols if symbol in _STARTS]
    shapes = []
    for values in product(*(_STARTS[symbol] for symbol in grid)):
        shape = dict(zip(grid, values, strict=True))
        # The curve is highest at mu + ln(lambda / alpha) / lambda.
        for k, limits in (("2", _LABOUR_AGES), ("3", _RETIREMENT_AGES)):
            if f"mu{k}" in symbols:
                alpha, lambda_ = shape[f"alpha{k}"], shape[f"lambda{k}"]
                top = _peak(x, y, limits)
                low, high = _BOUNDS[f"mu{k}"]
                mu = top - np.log(lambda_ / alpha) / lambda_
                shape[f"mu{k}"] = float(np.clip(mu, low + 1, high - 1))
        shapes.append(shape)
    return shapes


def _peak(x: Array, y: Array, limits: tuple[int, int]) -> float:
    """Return the age at which the data rise most above a straight line between the limits."""
    inside = np.flatnonzero((x >= limits[0]) & (x < limits[1]))
    if inside.size < 3:
        return sum(limits) / 2
    smooth = np.convolve(np.pad(y, 1, mode="edge"), np.ones(3) / 3, mode="valid")[inside]
    line = np.interp(x[inside], x[inside[[0, -1]]], smooth[[0, -1]])
    return float(x[inside][np.argmax(smooth - line)])


def _level_start(
    shape: dict[str, float], linear: list[str], x: Array, y: Array, root: Array
) -> tuple[float, dict[str, float]]:
    """Return the misfit of a shape with its best levels, and shape and levels together."""
    from scipy.optimize import nnls

    columns = []
    for symbol in linear:
        unit = {**shape, **{other: float(other == symbol) for other in linear}}
        columns.append(rogers_castro(x, **_curves(unit)))
    levels, misfit = nnls(np.stack(columns, axis=-1) * root[:, None], y * root)
    return float(misfit), {**shape, **dict(zip(linear, map(float, levels), strict=True))}


def age_sex_migrants(
    total: ArrayLike, schedule: ArrayLike, *, female_share: ArrayLike | None = None
) -> Array:
    """Lay totals of migrants over sex and age.

    A schedule of one sign is scaled to the total, which may be negative (the same ages leave). A
    schedule of net migration with both signs is scaled by the plus-minus method
    (:func:`popsim.demography.migration.scale_net`).

    Parameters
    ----------
    total : array-like (...)
        Migrants of both sexes [persons].
    schedule : array-like (..., age) or (..., sex, age)
        Age schedule, of one sex for both with ``female_share``, or by sex (female, male).
    female_share : array-like (...), optional
        Share of women among the migrants [1]. Without it the schedule is by sex and its own shares
        hold; with it each sex is scaled to its part of the total.

    Returns
    -------
    numpy.ndarray (..., sex, age)
        Migrants by sex (female, male) and single age [persons].

    Raises
    ------
    DataError
        When a share is not between 0 and 1, a schedule is all 0, or a total asks for a sign that a
        schedule of both signs does not have.

    Examples
    --------
    >>> age_sex_migrants(-100.0, [[1.0, 3.0], [2.0, 4.0]])
    array([[-10., -30.],
           [-20., -40.]])
    >>> age_sex_migrants(100.0, [1.0, 3.0], female_share=0.25)
    array([[ 6.25, 18.75],
           [18.75, 56.25]])
    """
    T = np.asarray(total, dtype=float)
    S = np.asarray(schedule, dtype=float)
    axis: int | tuple[int, int] = (-2, -1)
    if female_share is not None:
        share = np.asarray(female_share, dtype=float)
        if not np.all((share >= 0) & (share <= 1)):
            raise DataError("the share of women must lie between 0 and 1")
        if S.ndim < 2 or S.shape[-2] != 2:
            S = np.stack([S, S], axis=-2)
        T = np.stack(np.broadcast_arrays(T * share, T * (1 - share)), axis=-1)
        axis = -1
    elif S.ndim < 2 or S.shape[-2] != 2:
        raise DataError(
            f"a schedule of shape {S.shape} has no axis of two sexes; give female_share"
        )
    T = np.expand_dims(T, axis)
    mixed = np.any(S > 0, axis=axis, keepdims=True) & np.any(S < 0, axis=axis, keepdims=True)
    size = S.sum(axis=axis, keepdims=True)
    if np.any((size == 0) & ~mixed & (T != 0)):
        raise DataError("a schedule is 0 at every age; give one with migrants")
    # A schedule of one sign says who moves, and the total whether they come or go.
    S = S * np.where(mixed, 1.0, np.sign(T) * np.sign(size))
    return scale_net(S, np.squeeze(T, axis), axis=axis)
