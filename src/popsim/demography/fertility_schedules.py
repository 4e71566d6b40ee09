"""Age schedules of fertility from a few parameters.

Rates are births per woman-year by single year of age. A schedule is made either as births of the
whole year of age, ``∫ f(y) dy`` from x to x + 1 (``at="year"``, what a registered rate of completed
age x stands for), or as the density at x + ½ (``at="middle"``, what most published tables print).
``level`` is the integral over all ages. Ages that are not asked for are cut off;
``keep_level=True`` then scales what is left, so that its sum is ``level`` again. To fit a schedule
to rates and to move one, see :mod:`popsim.demography.fertility_patterns`.

Examples
--------
>>> rates = hadwiger(range(15, 50), level=1.2, mean=29.0, sd=5.0)
>>> round(float(rates.sum()), 4)
1.1993
>>> round(float(hadwiger(range(15, 50), 1.2, 29.0, 5.0, keep_level=True).sum()), 9)
1.2
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaln, erf, gammainc, gammaincc, gammaln, log_ndtr, ndtr

from popsim.demography.graduation import graduate_rates
from popsim.errors import DataError

__all__ = [
    "beta_schedule",
    "coale_trussell",
    "gamma_schedule",
    "hadwiger",
    "peristera_kostaki",
    "quadratic_spline",
    "quadratic_spline_knots",
    "relational_gompertz",
]

Array = NDArray[np.float64]
At = Literal["year", "middle"]

# Coale & Trussell 1974: natural fertility and departure from it at exact ages 15.5 … 49.5.
_NATURAL = np.array(
    [
        0.325, 0.375, 0.421, 0.46, 0.475, 0.477, 0.475, 0.47, 0.465, 0.46, 0.455, 0.449,
        0.442, 0.435, 0.428, 0.42, 0.41, 0.4, 0.389, 0.375, 0.36, 0.343, 0.325, 0.305,
        0.28, 0.247, 0.207, 0.167, 0.126, 0.087, 0.055, 0.035, 0.021, 0.011, 0.003,
    ]
)  # fmt: skip
_CONTROL = np.array(
    [
        0, 0, 0, 0, 0, 0.004, 0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.31, 0.37, 0.44, 0.52, 0.6,
        0.68, 0.76, 0.83, 0.9, 0.97, 1.04, 1.11, 1.18, 1.25, 1.32, 1.39, 1.46, 1.53, 1.59,
        1.64, 1.67, 1.69, 1.7,
    ]
)  # fmt: skip
# Booth 1984, table 2: gompits of the standard at exact ages 15, 20, …, 45.
_BOOTH = np.array([-1.77306, -0.6913, 0.02564, 0.7, 1.47872, 2.62602, 4.8097])


class _Model(NamedTuple):
    """A schedule as code: invalid parameters give zeros, so that a search can pass by them."""

    names: tuple[str, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    # Level, mean, sd, youngest and oldest age with births → parameters to start from.
    guess: Callable[[float, float, float, float, float], tuple[float, ...]]
    density: Callable[..., Array] | None
    # Births per woman up to exact age x.
    cumulated: Callable[..., Array] | None


def _hadwiger(x: Array, level: float, mean: float, sd: float) -> Array:
    y = np.maximum(x, 1e-9)
    lam = mean**3 / sd**2
    f = (
        level
        * np.sqrt(lam / (2 * np.pi * y**3))
        * np.exp(-lam * (y - mean) ** 2 / (2 * mean**2 * y))
    )
    return np.where(x > 0, f, 0.0)


def _hadwiger_cumulated(x: Array, level: float, mean: float, sd: float) -> Array:
    y = np.maximum(x, 1e-9)
    lam = mean**3 / sd**2
    root = np.sqrt(lam / y)
    upper = np.exp(2 * lam / mean + log_ndtr(-root * (y / mean + 1)))
    return np.where(x > 0, level * (ndtr(root * (y / mean - 1)) + upper), 0.0)


def _gamma(x: Array, level: float, mean: float, sd: float, start: float) -> Array:
    if mean <= start:
        return np.zeros_like(x)
    b, c = ((mean - start) / sd) ** 2, sd**2 / (mean - start)
    z = np.maximum(x - start, 1e-300)
    with np.errstate(over="ignore", under="ignore"):
        f = level * np.exp((b - 1) * np.log(z) - z / c - gammaln(b) - b * np.log(c))
    return np.where(x > start, f, 0.0)


def _gamma_cumulated(x: Array, level: float, mean: float, sd: float, start: float) -> Array:
    if mean <= start:
        return np.zeros_like(x)
    b, c = ((mean - start) / sd) ** 2, sd**2 / (mean - start)
    return np.asarray(level * gammainc(b, np.maximum(x - start, 0) / c))


def _beta_shapes(mean: float, sd: float, first: float, last: float) -> tuple[float, float] | None:
    if not first < mean < last:
        return None
    m, v = (mean - first) / (last - first), (sd / (last - first)) ** 2
    total = m * (1 - m) / v - 1
    return (m * total, (1 - m) * total) if total > 0 else None


def _beta(x: Array, level: float, mean: float, sd: float, first: float, last: float) -> Array:
    shapes = _beta_shapes(mean, sd, first, last)
    if shapes is None:
        return np.zeros_like(x)
    A, B = shapes
    inside = (x > first) & (x < last)
    z = np.where(inside, (x - first) / (last - first), 0.5)
    f = np.exp((A - 1) * np.log(z) + (B - 1) * np.log1p(-z) - betaln(A, B)) / (last - first)
    return np.where(inside, level * f, 0.0)


def _beta_cumulated(
    x: Array, level: float, mean: float, sd: float, first: float, last: float
) -> Array:
    shapes = _beta_shapes(mean, sd, first, last)
    if shapes is None:
        return np.zeros_like(x)
    return np.asarray(level * betainc(*shapes, np.clip((x - first) / (last - first), 0, 1)))


def _pk(x: Array, level: float, mode: float, before: float, after: float) -> Array:
    peak = level / (0.5 * np.sqrt(np.pi) * (before + after))
    return np.asarray(peak * np.exp(-(((x - mode) / np.where(x < mode, before, after)) ** 2)))


def _pk_cumulated(x: Array, level: float, mode: float, before: float, after: float) -> Array:
    z = erf((x - mode) / np.where(x < mode, before, after))
    share = np.where(x < mode, before * (1 + z), before + after * z) / (before + after)
    return np.asarray(level * share)


def _pk2(x: Array, *p: float) -> Array:
    return _pk(x, *p[:4]) + _pk(x, p[4], p[5], p[6], p[6])


def _pk2_cumulated(x: Array, *p: float) -> Array:
    return _pk_cumulated(x, *p[:4]) + _pk_cumulated(x, p[4], p[5], p[6], p[6])


def _knots(start: float, peak: float, half: float) -> tuple[Array, Array, float] | None:
    """Return t, θ and β of the quadratic spline, or nothing where the ages are not in order."""
    if not start < peak < half:
        return None
    w = min(0.75, 0.25 + 0.025 * (peak - start))
    end = max(min(50.0, 4 * half - 3 * peak), (4 * half - peak) / 3)
    t = np.array(
        [start, (1 - w) * start + w * peak, peak, (peak + half) / 2, (half + end) / 2], dtype=float
    )
    if np.any(np.diff(t) <= 0):
        return None

    def values(x: float) -> Array:
        return np.asarray(np.maximum(x - t, 0) ** 2)

    def slopes(x: float) -> Array:
        return np.asarray(2 * np.maximum(x - t, 0))

    system = np.array([values(peak), values(half), values(end), slopes(peak), slopes(end)])
    return t, np.linalg.solve(system, [1.0, 0.5, 0.0, 0.0, 0.0]), end


def _qs(x: Array, level: float, start: float, peak: float, half: float, power: int = 2) -> Array:
    solved = _knots(start, peak, half)
    if solved is None:
        return np.zeros_like(x)
    t, theta, end = solved
    total = (theta * (end - t) ** 3).sum() / 3
    y = np.minimum(x, end)[..., None] if power == 3 else x[..., None]
    f = (theta * np.maximum(y - t, 0) ** power).sum(axis=-1) * level / total
    return np.asarray(f / 3 if power == 3 else np.where(x < end, f, 0.0))


def _qs_cumulated(x: Array, level: float, start: float, peak: float, half: float) -> Array:
    return _qs(x, level, start, peak, half, power=3)


def _ct(x: Array, level: float, mean: float, sd: float, control: float) -> Array:
    index = np.floor(x).astype(int) - 15
    inside = (index >= 0) & (index < _NATURAL.size)
    i = np.clip(index, 0, _NATURAL.size - 1)
    entered = gammaincc(0.604, np.exp(-1.896 * np.maximum((x - mean) / sd + 0.805, -300.0)))
    return np.where(inside, level * entered * _NATURAL[i] * np.exp(-control * _CONTROL[i]), 0.0)


def _gompertz(x: Array, level: float, alpha: float, beta: float, Ys: Callable[..., Array]) -> Array:
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(level * np.exp(-np.exp(-(alpha + beta * Ys(x)))))


def _gompits(ages: Array, F: Array) -> Callable[[Array], Array]:
    """Return Y of a cumulated standard at its own exact ages; minus and plus infinity outside."""

    def Y(x: Array) -> Array:
        share = np.interp(x, ages, F, left=0.0, right=1.0)
        with np.errstate(divide="ignore"):
            return np.asarray(-np.log(-np.log(share)))

    return Y


def gompits_of_standard(standard: ArrayLike | None, ages: Array) -> Callable[[Array], Array]:
    """Return the gompits of the standard: Booth's, or those of rates on the ages given."""
    if standard is None:
        F = np.concatenate([[0.0], np.exp(-np.exp(-_BOOTH)), [1.0]])
        single = graduate_rates(np.diff(F) / 5, range(10, 51, 5))
        return _gompits(np.arange(10.0, 51.0), np.append(0.0, np.cumsum(single)))
    f = np.asarray(standard, dtype=float)
    if f.shape != ages.shape or not np.all(np.isfinite(f) & (f >= 0)) or not f.sum() > 0:
        raise DataError(
            f"the standard must be {ages.size} rates, one for each age, not negative and not all 0"
        )
    return _gompits(np.append(ages, ages[-1] + 1), np.append(0.0, np.cumsum(f)) / f.sum())


MODELS = {
    "hadwiger": _Model(
        ("level", "mean", "sd"),
        (0, 10, 0.3),
        (20, 60, 25),
        lambda R, m, s, lo, hi: (R, m, s),
        _hadwiger,
        _hadwiger_cumulated,
    ),
    "gamma": _Model(
        ("level", "mean", "sd", "start"),
        (0, 10, 0.3, -10),
        (20, 60, 25, 40),
        lambda R, m, s, lo, hi: (R, m, s, min(lo, m - 2 * s)),
        _gamma,
        _gamma_cumulated,
    ),
    "beta": _Model(
        ("level", "mean", "sd", "first", "last"),
        (0, 10, 0.3, 0, 30),
        (20, 60, 25, 40, 80),
        lambda R, m, s, lo, hi: (R, m, s, min(lo, m - 2 * s), max(hi + 1, m + 2 * s)),
        _beta,
        _beta_cumulated,
    ),
    "peristera_kostaki": _Model(
        ("level", "mode", "before", "after"),
        (0, 10, 0.3, 0.3),
        (20, 60, 40, 40),
        lambda R, m, s, lo, hi: (R, m - 0.3 * s, 1.2 * s, 1.6 * s),
        _pk,
        _pk_cumulated,
    ),
    "peristera_kostaki_mixture": _Model(
        ("level", "mode", "before", "after", "early_level", "early_mode", "early_spread"),
        (0, 10, 0.3, 0.3, 0, 10, 0.3),
        (20, 60, 40, 40, 20, 60, 40),
        lambda R, m, s, lo, hi: (0.8 * R, m + 0.5 * s, s, s, 0.2 * R, m - 1.2 * s, 0.6 * s),
        _pk2,
        _pk2_cumulated,
    ),
    "quadratic_spline": _Model(
        ("level", "start", "peak", "half"),
        (0, 5, 12, 13),
        (20, 35, 48, 60),
        lambda R, m, s, lo, hi: (R, m - 2.3 * s, m - 0.2 * s, m + 0.9 * s),
        _qs,
        _qs_cumulated,
    ),
    "coale_trussell": _Model(
        ("level", "mean", "sd", "control"),
        (0, 10, 0.3, -2),
        (20, 45, 20, 15),
        lambda R, m, s, lo, hi: (min(0.2 * R, 1.0), m - 5, 0.9 * s, 1.0),
        _ct,
        None,
    ),
    "relational_gompertz": _Model(
        ("level", "alpha", "beta"),
        (0, -6, 0.1),
        (20, 6, 8),
        lambda R, m, s, lo, hi: (R, 0.0, 1.0),
        None,
        _gompertz,
    ),
}


def check_ages(ages: ArrayLike) -> Array:
    x = np.asarray(ages, dtype=float)
    if x.ndim != 1 or x.size == 0 or np.any(x != np.floor(x)) or np.any(np.diff(x) != 1):
        raise DataError("ages must be single completed years without gaps, such as range(15, 50)")
    return x


def evaluate(model: str, x: Array, at: str, values: tuple[Any, ...]) -> Array:
    m = MODELS[model]
    if at == "year" and m.cumulated is not None:
        # Rounding of two values near the level can fall below zero.
        return np.maximum(m.cumulated(x + 1, *values) - m.cumulated(x, *values), 0.0)
    assert m.density is not None
    return m.density(x + 0.5, *values)


def _make(
    model: str, ages: ArrayLike, at: str, keep_level: bool, values: tuple[float, ...], *more: object
) -> Array:
    """Check the parameters, evaluate, and keep the level if asked."""
    x = check_ages(ages)
    if at not in ("year", "middle"):
        raise DataError(f"at {at!r} is unknown; write: year or middle")
    for name, value in zip(MODELS[model].names, values, strict=True):
        positive = name in ("mean", "sd", "before", "after", "early_spread", "beta")
        if not np.isfinite(value) or (positive and value <= 0) or ("level" in name and value < 0):
            kind = "positive" if positive else "not negative" if "level" in name else "finite"
            raise DataError(f"{name} is {value:g}; it must be a number that is {kind}")
    rates = evaluate(model, x, at, (*values, *more))
    level = sum(v for n, v in zip(MODELS[model].names, values, strict=True) if "level" in n)
    if keep_level and level > 0:
        if not rates.sum() > 0:
            raise DataError(f"no births fall in ages {x[0]:g} to {x[-1]:g}; the level is lost")
        rates = rates * (level / rates.sum())
    return rates


def hadwiger(
    ages: ArrayLike,
    level: float,
    mean: float,
    sd: float,
    *,
    at: At = "year",
    keep_level: bool = False,
) -> Array:
    """Hadwiger schedule (an inverse Gaussian), by level, mean age and standard deviation.

    ``f(x) = (a b / c) (c/x)^{3/2} exp{-b² (c/x + x/c - 2)}`` with ``a = level / √π`` (the integral
    is a √π, not a), ``c = mean`` and ``b = c / (sd √2)``, which is not in years.

    Parameters
    ----------
    ages : array-like of int (age)
        Completed years.
    level : float
        Integral over all ages [births per woman].
    mean, sd : float
        Exact mean age and standard deviation of the whole curve [years].
    at : {'year', 'middle'}
        Births of the year of age, or the density at x + ½.
    keep_level : bool
        Scale what is left on ``ages`` to ``level``.

    Returns
    -------
    numpy.ndarray (age)
        Rates [births per woman-year].

    Raises
    ------
    DataError
        When a parameter is not a positive number or ages have gaps.

    References
    ----------
    Chandola, Coleman & Hiorns 1999, Population Studies 53:317.

    Examples
    --------
    >>> hadwiger(range(28, 31), level=1.5, mean=29, sd=6).round(4)
    array([0.1019, 0.0968, 0.0897])
    """
    return _make("hadwiger", ages, at, keep_level, (level, mean, sd))


def gamma_schedule(
    ages: ArrayLike,
    level: float,
    mean: float,
    sd: float,
    start: float,
    *,
    at: At = "year",
    keep_level: bool = False,
) -> Array:
    """Gamma schedule, by level, mean age, standard deviation and lowest age.

    ``f(x) = R / (Γ(b) c^b) (x - d)^{b-1} e^{-(x-d)/c}``, x > d, with ``d = start``,
    ``mean = d + b c`` and ``sd = c √b``.

    Parameters
    ----------
    ages : array-like of int (age)
        Completed years.
    level : float
        Integral over all ages, R [births per woman].
    mean, sd, start : float
        Exact mean age, standard deviation and lowest age of the whole curve [years].
    at : {'year', 'middle'}
        Births of the year of age, or the density at x + ½.
    keep_level : bool
        Scale what is left on ``ages`` to ``level``.

    Returns
    -------
    numpy.ndarray (age)
        Rates [births per woman-year].

    Raises
    ------
    DataError
        When a parameter is impossible or ages have gaps.

    References
    ----------
    Hoem et al. 1981, Demography 18:231.

    Examples
    --------
    >>> gamma_schedule(range(28, 31), level=1.6, mean=27.8, sd=6.4, start=15).round(4)
    array([0.0921, 0.0835, 0.0746])
    """
    if mean <= start:
        raise DataError(f"the mean age {mean:g} must be above the lowest age {start:g}")
    return _make("gamma", ages, at, keep_level, (level, mean, sd, start))


def beta_schedule(
    ages: ArrayLike,
    level: float,
    mean: float,
    sd: float,
    first: float,
    last: float,
    *,
    at: At = "year",
    keep_level: bool = False,
) -> Array:
    """Beta schedule, by level, mean age, standard deviation and the two limits of age.

    ``f(x) = R / B(A, B) (β-α)^{-(A+B-1)} (x-α)^{A-1} (β-x)^{B-1}`` with ``α = first``,
    ``β = last``, ``mean = α + (β-α) A / (A+B)`` and
    ``sd² = (β-α)² A B / ((A+B)² (A+B+1))``.

    Parameters
    ----------
    ages : array-like of int (age)
        Completed years.
    level : float
        Integral over all ages, R [births per woman].
    mean, sd : float
        Exact mean age and standard deviation [years].
    first, last : float
        Ages outside which there are no births [years].
    at : {'year', 'middle'}
        Births of the year of age, or the density at x + ½.
    keep_level : bool
        Scale what is left on ``ages`` to ``level``.

    Returns
    -------
    numpy.ndarray (age)
        Rates [births per woman-year].

    Raises
    ------
    DataError
        When the mean is not between the limits, the spread does not fit or ages have gaps.

    References
    ----------
    Hoem et al. 1981, Demography 18:231.

    Examples
    --------
    >>> beta_schedule(range(28, 31), level=1.6, mean=28.6, sd=5.8, first=13, last=52).round(4)
    array([0.1022, 0.0992, 0.0944])
    """
    if _beta_shapes(mean, sd, first, last) is None:
        raise DataError(
            f"mean age {mean:g} with standard deviation {sd:g} is impossible between ages "
            f"{first:g} and {last:g}"
        )
    return _make("beta", ages, at, keep_level, (level, mean, sd, first, last))


def peristera_kostaki(
    ages: ArrayLike,
    level: float,
    mode: float,
    before: float,
    after: float,
    early_level: float = 0.0,
    early_mode: float = 20.0,
    early_spread: float = 3.0,
    *,
    at: At = "year",
    keep_level: bool = False,
) -> Array:
    """Peristera and Kostaki's schedule, two half bells, and its mixture with an early bell.

    ``f(x) = c₁ exp{-((x-μ)/σ(x))²}``, σ = ``before`` below μ and ``after`` above; the mixture adds
    ``c₂ exp{-((x-μ₂)/σ₂)²}``. There is no ½ in the exponent: a spread is √2 standard deviations.
    ``level = c₁ √π/2 (before + after)``, ``early_level = c₂ √π σ₂``; without the second bell the
    mean is ``μ + (after - before) / √π``.

    Parameters
    ----------
    ages : array-like of int (age)
        Completed years.
    level, early_level : float
        Integral of each bell [births per woman]; the sum is the level of the whole.
    mode, before, after : float
        Age of the top μ and the spreads on either side [years].
    early_mode, early_spread : float
        Age of the top and spread of the second bell [years].
    at : {'year', 'middle'}
        Births of the year of age, or the density at x + ½.
    keep_level : bool
        Scale what is left on ``ages`` to ``level + early_level``.

    Returns
    -------
    numpy.ndarray (age)
        Rates [births per woman-year].

    Raises
    ------
    DataError
        When a level is negative, a spread is not positive or ages have gaps.

    References
    ----------
    Peristera & Kostaki 2007, Demographic Research 16:141.

    Examples
    --------
    >>> peristera_kostaki(range(28, 31), level=1.2, mode=29, before=5.5, after=6.8).round(4)
    array([0.1089, 0.1093, 0.1047])
    """
    values = (level, mode, before, after, early_level, early_mode, early_spread)
    return _make("peristera_kostaki_mixture", ages, at, keep_level, values)


class _Knots(NamedTuple):
    """Quadratic spline of level R = 1: ``knots`` t and ``theta`` (5), ``end`` β and ``tfr``."""

    knots: Array
    theta: Array
    end: float
    tfr: float


def quadratic_spline_knots(start: float, peak: float, half: float) -> _Knots:
    """Knots and coefficients of Schmertmann's quadratic spline with a top of 1.

    ``w = min(.75, .25 + .025 (P-α))``, ``β = max(min(50, 4H-3P), (4H-P)/3)``, knots α,
    (1-w)α + wP, P, (P+H)/2, (H+β)/2; θ solves f(P) = 1, f(H) = ½, f(β) = 0, f'(P) = f'(β) = 0.

    Parameters
    ----------
    start, peak, half : float
        Lowest age α, age of the top P, and age H above it at which the rate is half of the top
        [years].

    Returns
    -------
    tuple (knots, theta, end, tfr)
        Knots (5) [years], coefficients (5) [year-3], highest age β [years] and the integral
        ``Σ θ_k (β - t_k)³ / 3`` [years], for a top rate of 1 a year.

    Raises
    ------
    DataError
        When the three ages do not rise.

    References
    ----------
    Schmertmann 2003, Demographic Research 9:81, equations 1-8.

    Examples
    --------
    >>> round(quadratic_spline_knots(15, 28, 34).tfr, 6)
    12.985185
    """
    solved = _knots(start, peak, half)
    if solved is None:
        raise DataError(
            f"start {start:g}, peak {peak:g} and half {half:g} must rise (ages of the first "
            "births, the top rate and half the top rate)"
        )
    t, theta, end = solved
    return _Knots(t, theta, end, float((theta * (end - t) ** 3).sum() / 3))


def quadratic_spline(
    ages: ArrayLike,
    level: float,
    start: float,
    peak: float,
    half: float,
    *,
    at: At = "year",
    keep_level: bool = False,
) -> Array:
    """Schmertmann's quadratic spline, by level and three index ages.

    ``f(x) = R Σ θ_k (x - t_k)₊²`` between α and β; see :func:`quadratic_spline_knots`. The top rate
    R is ``level`` over the closed-form integral.

    Parameters
    ----------
    ages : array-like of int (age)
        Completed years.
    level : float
        Integral over all ages [births per woman].
    start, peak, half : float
        Lowest age α, age of the top P, and age H above it at which the rate is half of the top
        [years].
    at : {'year', 'middle'}
        Births of the year of age, or the density at x + ½.
    keep_level : bool
        Scale what is left on ``ages`` to ``level``.

    Returns
    -------
    numpy.ndarray (age)
        Rates [births per woman-year].

    Raises
    ------
    DataError
        When the index ages do not rise or ages have gaps.

    References
    ----------
    Schmertmann 2003, Demographic Research 9:81.

    Examples
    --------
    >>> quadratic_spline(range(27, 30), level=1.3, start=15, peak=28, half=34).round(4)
    array([0.0996, 0.0994, 0.0954])
    """
    quadratic_spline_knots(start, peak, half)
    rates = _make("quadratic_spline", ages, at, keep_level, (level, start, peak, half))
    return np.maximum(rates, 0.0)


def coale_trussell(
    ages: ArrayLike,
    level: float,
    mean: float,
    sd: float,
    control: float,
    *,
    keep_level: bool = False,
) -> Array:
    """Coale and Trussell's schedule: entry into union, natural fertility, control. At mid-year.

    ``f(x) = M G(x) n(x) exp{-m v(x)}``, v ≥ 0 (Manual X prints -v), with the published single-year
    n and v at x + ½, ages 15-49, and ``G = P(Γ(0.604) > exp{-1.896 (z + 0.805)})``,
    ``z = (x - mean) / sd``. Here ``level`` is M, not a total fertility rate: M and the share that
    ever enters a union cannot be told apart and are one number.

    Parameters
    ----------
    ages : array-like of int (age)
        Completed years; 0 outside 15-49.
    level : float
        M times the share ever in a union [1].
    mean, sd : float
        Mean age at entry into union and standard deviation [years].
    control : float
        m, control of fertility within unions [1].
    keep_level : bool
        Scale the rates so that their sum is ``level``, which then is the total fertility rate.

    Returns
    -------
    numpy.ndarray (age)
        Rates at x + ½ [births per woman-year].

    Raises
    ------
    DataError
        When a parameter is impossible or ages have gaps.

    References
    ----------
    Coale & Trussell 1974, Population Index 40:185.

    Examples
    --------
    >>> coale_trussell([20, 21], level=0.591, mean=20.52, sd=5.10, control=0.771).round(4)
    array([0.1651, 0.1817])
    """
    return _make("coale_trussell", ages, "middle", keep_level, (level, mean, sd, control))


def relational_gompertz(
    ages: ArrayLike,
    level: float,
    alpha: float = 0.0,
    beta: float = 1.0,
    *,
    standard: ArrayLike | None = None,
    keep_level: bool = False,
) -> Array:
    """Relational Gompertz schedule: a standard moved by α and spread by β. Births of the year.

    ``Y(x) = -ln(-ln F(x)/F) = α + β Y_s(x)``. Positive α is younger, β above 1 is narrower. Booth's
    standard, known at 15, 20, …, 45, is made single by a monotone spline through the cumulated
    schedule from 10 to 50, so that its seven points are kept.

    Parameters
    ----------
    ages : array-like of int (age)
        Completed years.
    level : float
        F, births per woman by the highest age of the standard.
    alpha, beta : float
        Shift and spread [1].
    standard : array-like (age), optional
        Rates of another standard on the same ages, of any level; default Booth's, made for high
        fertility. For low fertility, with a mean age near 30, give a standard of your own.
    keep_level : bool
        Scale what is left on ``ages`` to ``level``.

    Returns
    -------
    numpy.ndarray (age)
        Rates [births per woman-year].

    Raises
    ------
    DataError
        When β is not positive, the standard does not fit or ages have gaps.

    References
    ----------
    Booth 1984, Population Studies 38:495.

    Examples
    --------
    >>> rates = relational_gompertz(range(10, 50), level=1.0, alpha=-0.05, beta=1.1)
    >>> round(float(rates[:15].sum()), 6)
    0.359862
    """
    Ys = gompits_of_standard(standard, check_ages(ages))
    return _make("relational_gompertz", ages, "year", keep_level, (level, alpha, beta), Ys)
