"""Age patterns of fertility: fit a schedule to rates, move one, give it another mean or spread.

Rates are births per woman-year by single year of age; the age axis is **last**, axes before it
(regions, orders) are broadcast. The schedules are those of
:mod:`popsim.demography.fertility_schedules`.

Examples
--------
>>> from popsim.demography.fertility_schedules import gamma_schedule
>>> ages = np.arange(15, 50)
>>> rates = gamma_schedule(ages, level=1.3, mean=28.0, sd=5.0, start=13.0)
>>> fit = fit_schedule(rates, ages, "gamma")
>>> {name: round(value, 3) for name, value in fit.parameters.items()}
{'level': 1.3, 'mean': 28.0, 'sd': 5.0, 'start': 13.0}
>>> later = rescale(rates, ages, level=1.5, mean=30.0)
>>> round(float(later.sum()), 9), round(float(mean_age_at_birth(later, ages)), 9)
(1.5, 30.0)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.optimize import least_squares

from popsim.demography.fertility_schedules import (
    MODELS,
    At,
    check_ages,
    evaluate,
    gompits_of_standard,
)
from popsim.demography.parity import mean_age_at_birth
from popsim.errors import DataError, nearest

__all__ = ["Fit", "fit_schedule", "rescale", "sd_age_at_birth", "shift_schedule"]

Array = NDArray[np.float64]


class Fit(NamedTuple):
    """A schedule fitted to rates.

    Attributes
    ----------
    model : str
        Name of the model.
    parameters : dict of str to float
        By name, as the model's function takes them.
    rates : numpy.ndarray (age)
        Fitted rates [births per woman-year].
    rmse : float
        Square root of the mean squared difference of the rates, unweighted [births per woman-year].
    loss : float
        What was made small: the weighted sum of squares, or the Poisson deviance.
    at_bound : tuple of str
        Parameters that stopped at the edge of the search, and so are not told by the data.
    """

    model: str
    parameters: dict[str, float]
    rates: Array
    rmse: float
    loss: float
    at_bound: tuple[str, ...]


def fit_schedule(
    rates: ArrayLike,
    ages: ArrayLike,
    model: str,
    *,
    women: ArrayLike | None = None,
    method: Literal["least_squares", "poisson"] = "least_squares",
    at: At = "year",
    fixed: Mapping[str, float] | None = None,
    standard: ArrayLike | None = None,
    starts: int = 8,
) -> Fit:
    """Fit a schedule to single-year rates, from several starts.

    ``least_squares`` makes ``Σ w (f̂ - f)²`` small, w the women if given; ``poisson`` the deviance
    ``2 Σ {B ln(B/B̂) - B + B̂}`` of births ``B = f × women``, which is the likelihood when births are
    counts. The first start comes from the sum, mean and spread of the rates, the others are it
    disturbed, always in the same way; the best end is taken.

    Parameters
    ----------
    rates : array-like (age)
        Observed rates [births per woman-year].
    ages : array-like of int (age)
        Completed years.
    model : str
        ``hadwiger``, ``gamma``, ``beta``, ``peristera_kostaki``, ``peristera_kostaki_mixture``,
        ``quadratic_spline``, ``coale_trussell`` (always at mid-year) or ``relational_gompertz``
        (always the year).
    women : array-like (age), optional
        Person-years of women [person-years]; needed for ``poisson``.
    method : {'least_squares', 'poisson'}
        See above.
    at : {'year', 'middle'}
        What the rates stand for.
    fixed : mapping of str to float, optional
        Parameters that are given, not fitted.
    standard : array-like (age), optional
        Standard of ``relational_gompertz``.
    starts : int
        Number of starts.

    Returns
    -------
    Fit
        Parameters, fitted rates and error.

    Raises
    ------
    DataError
        When the model or a fixed parameter is unknown, rates are missing, negative, all zero or
        fewer than the parameters, or ``poisson`` has no women.

    Examples
    --------
    >>> from popsim.demography.fertility_schedules import hadwiger
    >>> rates = hadwiger(range(15, 50), level=1.2, mean=30, sd=5)
    >>> fit = fit_schedule(rates, range(15, 50), "hadwiger", fixed={"level": 1.2})
    >>> round(fit.parameters["mean"], 4), round(fit.parameters["sd"], 4)
    (30.0, 5.0)
    """
    x = check_ages(ages)
    f = np.asarray(rates, dtype=float)
    if model not in MODELS:
        near = nearest(model, MODELS)
        raise DataError(f"schedule {model!r} is unknown; write: {near or ', '.join(MODELS)}")
    m = MODELS[model]
    given = dict(fixed or {})
    for name in given:
        if name not in m.names:
            raise DataError(f"{model} has no parameter {name!r}; it has {', '.join(m.names)}")
    if f.shape != x.shape:
        raise DataError(f"rates have shape {f.shape} but {x.size} ages are given; fit one schedule")
    if not np.all(np.isfinite(f) & (f >= 0)) or not f.sum() > 0:
        raise DataError("rates must be numbers that are not negative, and not all 0")
    if method not in ("least_squares", "poisson"):
        raise DataError(f"method {method!r} is unknown; write: least_squares or poisson")
    if method == "poisson" and women is None:
        raise DataError("a Poisson fit needs women, so that the rates become births")
    if at not in ("year", "middle"):
        raise DataError(f"at {at!r} is unknown; write: year or middle")
    E = np.ones_like(f) if women is None else np.asarray(women, dtype=float)
    if E.shape != f.shape or not np.all(np.isfinite(E) & (E >= 0)):
        raise DataError(f"women must be {f.size} numbers that are not negative")
    free = [i for i, name in enumerate(m.names) if name not in given]
    if len(free) > f.size:
        raise DataError(f"{f.size} rates cannot tell {len(free)} parameters of {model}")
    more = (gompits_of_standard(standard, x),) if model == "relational_gompertz" else ()
    values = np.array([given.get(name, np.nan) for name in m.names])

    def full(p: Array) -> tuple[Any, ...]:
        values[free] = p
        return (*(float(v) for v in values), *more)

    births, weight = f * E, np.sqrt(E / E.mean())

    def residual(p: Array) -> Array:
        fitted = evaluate(model, x, at, full(p))
        if method == "least_squares":
            return np.asarray(weight * (fitted - f))
        expected = np.maximum(fitted * E, 1e-12 * births.sum())
        ratio = np.where(births > 0, births / expected, 1.0)
        deviance = 2 * (births * np.log(ratio) - births + expected)
        return np.asarray(np.sign(expected - births) * np.sqrt(np.maximum(deviance, 0)))

    lower, upper = np.array(m.lower, dtype=float)[free], np.array(m.upper, dtype=float)[free]
    seen = x[f > 1e-3 * f.max()]
    mean, sd = float(mean_age_at_birth(f, x)), float(sd_age_at_birth(f, x))
    first = np.array(m.guess(f.sum(), mean, max(sd, 1.0), seen[0], seen[-1]))[free]
    rng = np.random.default_rng(0)
    span = 1e-6 * (upper - lower)
    best: Any = None
    for number in range(max(starts, 1)):
        start = first if number == 0 else first * rng.normal(1.0, 0.15, first.size)
        start = start + (number > 0) * rng.normal(0.0, 0.05, first.size)
        start = np.clip(start, lower + span, upper - span)
        found = least_squares(
            residual,
            start,
            bounds=(lower, upper),
            x_scale="jac",
            xtol=1e-14,
            ftol=1e-14,
            gtol=1e-14,
        )
        if best is None or found.cost < best.cost:
            best = found
    fitted = evaluate(model, x, at, full(best.x))
    edge = (best.x - lower < span) | (upper - best.x < span)
    return Fit(
        model,
        dict(zip(m.names, (float(v) for v in values), strict=True)),
        fitted,
        float(np.sqrt(np.mean((fitted - f) ** 2))),
        float(2 * best.cost),
        tuple(m.names[i] for i, stopped in zip(free, edge, strict=True) if stopped),
    )


def sd_age_at_birth(rates: ArrayLike, ages: ArrayLike) -> Array:
    """Return the standard deviation of the age at birth, ``√(Σ (x + ½ - mean)² f / Σ f)``.

    Parameters
    ----------
    rates : array-like (..., age)
        Birth rates by single year of age [year-1].
    ages : array-like of int (age)
        Completed years.

    Returns
    -------
    numpy.ndarray (...)
        Standard deviation [years]; not a number for a schedule of zeros.

    Raises
    ------
    DataError
        When ages and rates do not fit.

    Examples
    --------
    >>> sd_age_at_birth([0.1, 0.0, 0.1], [25, 26, 27]).round(6).item()
    1.0
    """
    f, age = np.asarray(rates, dtype=float), np.asarray(ages, dtype=float)
    away = (age + 0.5 - mean_age_at_birth(f, age)[..., None]) ** 2
    total = f.sum(axis=-1)
    sums = (f * away).sum(axis=-1)
    return np.asarray(
        np.sqrt(np.divide(sums, total, out=np.full_like(total, np.nan), where=total > 0))
    )


def _moved(f: Array, shift: float, stretch: float, centre: float) -> Array:
    """Move one schedule (positions 0 …) by ``shift`` and stretch it about ``centre``.

    The total is kept on a line of ages long enough for all births; the ages of ``f`` are returned.
    """
    n = f.size
    pad = int(np.ceil(abs(shift) + (max(stretch, 1.0) - 1) * n)) + 2
    F = np.append(0.0, np.cumsum(f))
    grid = np.arange(-pad, n + pad + 1.0)
    back = np.clip((grid - centre - shift) / stretch + centre, 0.0, n)
    moved = np.diff(PchipInterpolator(np.arange(n + 1.0), F)(back))
    # The curve between the ages moves the mean by nearly what was asked: the rest by splitting.
    middle = grid[:-1] + 0.5
    now = (middle * moved).sum() / F[-1]
    mean = ((np.arange(n) + 0.5) * f).sum() / F[-1]
    rest = centre + stretch * (mean - centre) + shift - now
    if abs(rest) > 1e-12:
        moved += abs(rest) * (np.roll(moved, 1 if rest > 0 else -1) - moved)
    return np.asarray(np.maximum(moved[pad : pad + n], 0.0))


def _check_rates(rates: ArrayLike) -> Array:
    f = np.asarray(rates, dtype=float)
    if f.ndim == 0 or f.shape[-1] < 2 or not np.all(np.isfinite(f) & (f >= 0)):
        raise DataError("rates must be numbers that are not negative, for two ages or more")
    return f


def shift_schedule(rates: ArrayLike, years: ArrayLike) -> Array:
    """Move a schedule along the ages and keep its sum.

    All ages at birth rise by ``years``, so the mean does too, exactly, as long as nothing is pushed
    beyond the ages of the array. What is pushed out is lost and the rest scaled to the old sum; to
    hold the limits 15-49, pass those ages only. Between whole years the cumulated schedule is read
    from a monotone cubic; the shape is kept but for a little smoothing, at most some thousandths of
    the spread.

    Parameters
    ----------
    rates : array-like (..., age)
        Birth rates by single year of age [year-1].
    years : array-like (...)
        Shift, positive to older ages [years]; one for each schedule (order) or one for all.

    Returns
    -------
    numpy.ndarray (..., age)
        Rates [year-1] of the same sums.

    Raises
    ------
    DataError
        When rates are negative or missing or a shift leaves no births in the array.

    Examples
    --------
    >>> shift_schedule([0.0, 0.1, 0.2, 0.0, 0.0], 1)
    array([0. , 0. , 0.1, 0.2, 0. ])
    >>> shift_schedule([0.0, 0.1, 0.2, 0.0, 0.0], 0.5).sum().round(12).item()
    0.3
    """
    f, d = _check_rates(rates), np.asarray(years, dtype=float)
    if not np.all(np.isfinite(d)):
        raise DataError("the shift must be a number of years")
    lead = np.broadcast_shapes(f.shape[:-1], d.shape)
    f, d = np.broadcast_to(f, (*lead, f.shape[-1])), np.broadcast_to(d, lead)
    out = np.zeros(f.shape)
    for row in np.ndindex(lead):
        total = f[row].sum()
        if total == 0 or d[row] == 0:
            out[row] = f[row]
            continue
        moved = _moved(f[row], float(d[row]), 1.0, 0.0)
        if not moved.sum() > 0:
            raise DataError(f"a shift of {d[row]:g} years leaves no births in the ages given")
        out[row] = moved * (total / moved.sum())
    return out


def rescale(
    rates: ArrayLike,
    ages: ArrayLike,
    *,
    level: ArrayLike | None = None,
    mean: ArrayLike | None = None,
    sd: ArrayLike | None = None,
) -> Array:
    """Give a schedule another level, mean age or spread; what is not named is kept.

    The ages at birth are moved and stretched about the mean, ``x' = mean' + s (x - mean)``, and the
    sum set to the level. Shift and stretch are found so that sum, mean and standard deviation on
    the ages given are exact, also where births are pushed out at the limits.

    Parameters
    ----------
    rates : array-like (..., age)
        Birth rates by single year of age [year-1], not all zero.
    ages : array-like of int (age)
        Completed years.
    level : array-like (...), optional
        Sum of the rates [births per woman].
    mean : array-like (...), optional
        Mean age at birth, as :func:`mean_age_at_birth` [years].
    sd : array-like (...), optional
        Standard deviation, as :func:`sd_age_at_birth` [years].

    Returns
    -------
    numpy.ndarray (..., age)
        Rates [year-1].

    Raises
    ------
    DataError
        When rates are negative, missing or all zero, or mean and spread cannot be had.

    Examples
    --------
    >>> from popsim.demography.fertility_schedules import hadwiger
    >>> ages = np.arange(15, 50)
    >>> old = hadwiger(ages, level=1.2, mean=28, sd=5)
    >>> new = rescale(old, ages, mean=30, sd=4.5)
    >>> float(mean_age_at_birth(new, ages).round(9)), float(sd_age_at_birth(new, ages).round(9))
    (30.0, 4.5)
    """
    f, x = _check_rates(rates), check_ages(ages)
    if f.shape[-1] != x.size:
        raise DataError(f"rates have shape {f.shape} but {x.size} ages are given")
    if np.any(f.sum(axis=-1) == 0):
        raise DataError("a schedule of zeros has no age pattern to rescale")
    goal = [
        now if wanted is None else np.asarray(wanted, dtype=float)
        for wanted, now in (
            (level, f.sum(axis=-1)),
            (mean, mean_age_at_birth(f, x)),
            (sd, sd_age_at_birth(f, x)),
        )
    ]
    lead = np.broadcast_shapes(f.shape[:-1], *(g.shape for g in goal))
    f = np.broadcast_to(f, (*lead, x.size))
    R, m, s = (np.broadcast_to(g, lead) for g in goal)
    if not np.all(np.isfinite(R) & (R >= 0)):
        raise DataError("the level must be a number that is not negative")
    out = np.empty(f.shape)
    for row in np.ndindex(lead):
        if mean is None and sd is None:
            moved = f[row]
        else:
            moved = _with_moments(f[row], x, float(m[row]), float(s[row]))
        out[row] = moved * (R[row] / moved.sum())
    return out


def _with_moments(f: Array, x: Array, mean: float, sd: float) -> Array:
    """Find the shift and stretch that give mean and standard deviation on the ages x."""
    mean0, sd0 = float(mean_age_at_birth(f, x)), float(sd_age_at_birth(f, x))
    if not (x[0] < mean < x[-1] + 1 and sd > 0 and sd0 > 0):
        raise _unreachable(mean, sd, x)
    shift, stretch = mean - mean0, sd / sd0
    for _ in range(500):
        moved = _moved(f, shift, stretch, mean0 - x[0])
        if not moved.sum() > 0:
            break
        off, ratio = (
            mean - float(mean_age_at_birth(moved, x)),
            sd / float(sd_age_at_birth(moved, x)),
        )
        if abs(off) < 1e-11 * mean and abs(ratio - 1) < 1e-11:
            return moved
        shift, stretch = shift + off, stretch * ratio
        if not (abs(shift) < 10 * x.size and 1e-3 < stretch < 50):
            break
    raise _unreachable(mean, sd, x)


def _unreachable(mean: float, sd: float, x: Array) -> DataError:
    return DataError(
        f"mean age {mean:g} with standard deviation {sd:g} cannot be had from this schedule on "
        f"ages {x[0]:g} to {x[-1]:g}"
    )
