"""Life expectancy and rates: schedules that give a stated one, and its own path.

Rates are per person-year, age last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from popsim.demography.draws import normal
from popsim.demography.lifetable import A0Rule, life_table, relational
from popsim.demography.rate_tables import (
    RateTable,
    aligned,
    log_rates,
    logarithms,
    named,
    one_schedule,
    rates_dataset,
)
from popsim.errors import DataError

__all__ = [
    "bisect",
    "blend_at_life_expectancy",
    "check_life_expectancy",
    "index_at",
    "life_expectancy_gain",
    "life_expectancy_of",
    "life_expectancy_path",
    "rates_at_life_expectancy",
    "relational_at_life_expectancy",
]

Array = NDArray[np.float64]
# Bounds of ln m while an index is searched for, so that no exponential overflows on the way.
_LOG_FLOOR, _LOG_CEILING = -50.0, 5.0


def life_expectancy_of(m: Array, age: Any, sex: Any, rule: A0Rule) -> Array:
    """Return life expectancy at birth of rates (..., age), shape (...)."""
    table = life_table(m, ages=age, sex=sex, a0_rule=rule)
    e0: Array = np.asarray(table["ex"].values, dtype=float)[..., 0]
    return e0


def bisect(
    value: Callable[[Array], Array],
    wanted: Array,
    low: float,
    high: float,
    tolerance: float,
    missing: str,
    *,
    widen: bool = True,
) -> Array:
    """Solve ``value(x) = wanted`` cell by cell for a function that falls from low to high."""
    lower, upper = np.full(wanted.shape, low), np.full(wanted.shape, high)
    for _ in range(24):
        short, long = value(lower) < wanted - tolerance, value(upper) > wanted + tolerance
        if not (short.any() or long.any()):
            break
        if not widen:
            raise DataError(missing.format(wanted[short | long].flat[0]))
        lower, upper = np.where(short, 2 * lower, lower), np.where(long, 2 * upper, upper)
    else:
        raise DataError(missing.format(wanted[short | long].flat[0]))
    middle: Array = np.asarray((lower + upper) / 2)
    for _ in range(200):
        gap = value(middle) - wanted
        if np.all(np.abs(gap) <= tolerance / 2):
            break
        lower, upper = np.where(gap > 0, middle, lower), np.where(gap > 0, upper, middle)
        middle = np.asarray((lower + upper) / 2)
    else:
        raise DataError(missing.format(wanted[np.abs(gap) > tolerance / 2].flat[0]))
    return middle


def index_at(
    a: Array, b: Array, e0: Array, age: Any, sex: Any, rule: A0Rule, tolerance: float = 1e-6
) -> Array:
    """Index of every cell of e0; b floored at 0 so that e0 falls with k everywhere."""
    pattern = np.maximum(b, 0.0)

    def value(k: Array) -> Array:
        logs = np.clip(a + pattern * k[..., None], _LOG_FLOOR, _LOG_CEILING)
        return life_expectancy_of(np.exp(logs), age, sex, rule)

    missing = "no index k gives a life expectancy of {:g} years with these a and b"
    check_life_expectancy(e0)
    return bisect(value, e0, -1.0, 1.0, tolerance, missing)


def check_life_expectancy(e0: Array) -> None:
    """Refuse a life expectancy that is not a positive number."""
    bad = ~(np.isfinite(e0) & (e0 > 0))
    if np.any(bad):
        raise DataError(f"a life expectancy is {e0[bad].flat[0]:g}; it must be a positive number")


def rates_at_life_expectancy(
    fit: xr.Dataset | tuple[ArrayLike, ArrayLike],
    e0: ArrayLike | xr.DataArray,
    *,
    ages: ArrayLike | None = None,
    sex: ArrayLike | None = None,
    a0_rule: A0Rule = "andreev-kingkade",
    tolerance: float = 1e-6,
) -> xr.Dataset:
    """Death rates on a Lee-Carter line that have a stated life expectancy.

    The k of ``m = exp(a + b k)``, by bisection. A negative b is taken as 0, so that the life
    expectancy falls with k and the answer is unique.

    Parameters
    ----------
    fit : xarray.Dataset or tuple of array-like (..., age)
        From :func:`lee_carter`, or a and b. With the logarithm of the last observed rates as a,
        the result joins them.
    e0 : array-like (...) or DataArray
        Life expectancy at birth wanted [years]; further dimensions (years, draws) are kept.
    ages : array-like of int (age), optional
        Lower limits of the groups [years]; default the coordinate ``age``, else 0, 1, 2, ….
    sex, a0_rule
        As in :func:`~popsim.demography.lifetable.life_table`; sex default the coordinate ``sex``.
    tolerance : float
        Largest difference of the life expectancy from the one wanted [years].

    Returns
    -------
    xarray.Dataset
        ``mx`` (..., age) [year-1] and ``k`` (...).

    Raises
    ------
    DataError
        When no k gives a life expectancy wanted.

    Examples
    --------
    >>> rates = rates_at_life_expectancy(([-5.0, -8.0, -4.2], [0.4, 0.4, 0.2]), 72.0, sex="male")
    >>> from popsim.demography.lifetable import life_table
    >>> round(float(life_table(rates["mx"], sex="male")["ex"][0]), 5)
    72.0
    """
    if isinstance(fit, xr.Dataset):
        parts = {"a": fit["a"], "b": fit["b"]}
        if ages is not None:
            parts = {name: part.assign_coords(age=np.asarray(ages)) for name, part in parts.items()}
    else:
        parts = {
            "a": one_schedule(fit[0], ages, "levels a"),
            "b": one_schedule(fit[1], ages, "patterns b"),
        }
    frame, shape, age, sex = aligned(e0, parts, sex)
    wanted = np.asarray(frame.values)
    k = index_at(shape["a"], shape["b"], wanted, age, sex, a0_rule, tolerance)
    m = np.exp(shape["a"] + np.maximum(shape["b"], 0.0) * k[..., None])
    return rates_dataset(frame, m, age, k=(k, "index of mortality"))


def blend_at_life_expectancy(
    low: ArrayLike | xr.DataArray,
    high: ArrayLike | xr.DataArray,
    e0: ArrayLike | xr.DataArray,
    *,
    ages: ArrayLike | None = None,
    sex: ArrayLike | None = None,
    a0_rule: A0Rule = "andreev-kingkade",
    tolerance: float = 1e-6,
) -> xr.Dataset:
    """Death rates between two schedules that have a stated life expectancy.

    ``ln m = (1 - w) ln m_high + w ln m_low`` with w between 0 and 1, by bisection; for example
    between two neighbouring model life tables.

    Parameters
    ----------
    low, high : array-like (..., age) or DataArray with a dimension ``age``
        Death rates [year-1], all positive, of the lower and the higher life expectancy.
    e0, ages, sex, a0_rule, tolerance
        As in :func:`rates_at_life_expectancy`.

    Returns
    -------
    xarray.Dataset
        ``mx`` (..., age) [year-1] and ``weight`` (...) of the schedule ``low``.

    Raises
    ------
    DataError
        When the life expectancy does not lie between those of the schedules or a rate is zero.

    Examples
    --------
    >>> poor, rich = [0.03, 0.002, 0.02], [0.003, 0.0003, 0.012]
    >>> rates = blend_at_life_expectancy(poor, rich, 70.0, sex="female")
    >>> rates["weight"].round(3).item()
    0.382
    """
    parts = {}
    for name, mx in (("low", low), ("high", high)):
        schedule = one_schedule(mx, ages, "death rates")
        logarithms(RateTable(schedule, ["age"], "death rates"))
        parts[name] = log_rates(schedule)
    frame, shape, age, sex = aligned(e0, parts, sex)
    wanted = np.asarray(frame.values)
    check_life_expectancy(wanted)

    def schedule_at(weight: Array) -> Array:
        w = weight[..., None]
        rates: Array = np.exp((1 - w) * shape["high"] + w * shape["low"])
        return rates

    missing = "a life expectancy of {:g} years does not lie between those of the two schedules"
    weight = bisect(
        lambda w: life_expectancy_of(schedule_at(w), age, sex, a0_rule),
        wanted,
        0.0,
        1.0,
        tolerance,
        missing,
        widen=False,
    )
    return rates_dataset(
        frame, schedule_at(weight), age, weight=(weight, "weight of the low schedule")
    )


def relational_at_life_expectancy(
    standard: ArrayLike | xr.DataArray,
    e0: ArrayLike | xr.DataArray,
    *,
    beta: ArrayLike = 1.0,
    ages: ArrayLike | None = None,
    sex: ArrayLike | None = None,
    a0_rule: A0Rule = "andreev-kingkade",
    tolerance: float = 1e-6,
) -> xr.Dataset:
    """Death rates on a Brass logit line through a standard with a stated life expectancy.

    ``Y(x) = α + β Ys(x)``, ``Y = ½ ln((1 - l) / l)``, α by bisection. The rate of a group is the
    standard's times the ratio of their hazards, ``m = m_s H / H_s`` with ``H = ln(l(x) / l(x+n))``;
    that of the open group A+ is ``m = β m_s (1 - l(A)) / (1 - l_s(A))``, the same ratio at age A.
    The life table of m has the survivors of the line within about 0.001 in 5-year groups.

    Parameters
    ----------
    standard : array-like (..., age) or DataArray with a dimension ``age``
        Death rates of the standard [year-1].
    e0, ages, sex, a0_rule, tolerance
        As in :func:`rates_at_life_expectancy`.
    beta : array-like (...)
        Slope between young and old ages, positive; 1 keeps the standard's.

    Returns
    -------
    xarray.Dataset
        ``mx`` (..., age) [year-1] and ``alpha`` (...).

    Raises
    ------
    DataError
        When β is not positive, or no α gives a life expectancy wanted.

    References
    ----------
    Brass 1971, Biological Aspects of Demography.

    Examples
    --------
    >>> standard = 0.00005 * np.exp(0.09 * np.arange(101))
    >>> rates = relational_at_life_expectancy(standard, [76.0, 80.0], sex="female")
    >>> rates["alpha"].round(2).values
    array([ 0.09, -0.17])
    """
    part = one_schedule(standard, ages, "death rates")
    frame, shape, age, sex = aligned(e0, {"standard": part}, sex)
    wanted = np.asarray(frame.values)
    check_life_expectancy(wanted)
    slope = np.broadcast_to(np.asarray(beta, dtype=float), wanted.shape)
    if not np.all(np.isfinite(slope) & (slope > 0)):
        raise DataError("the slope beta of a logit line must be positive")
    table = life_table(shape["standard"], ages=age, sex=sex, a0_rule=a0_rule, radix=1.0)
    ls = np.asarray(table["lx"].values)
    hazard = _hazards(ls)
    dead = np.maximum(1 - ls[..., -1], 1e-300)
    usable = np.isfinite(hazard) & (hazard > 0)

    def schedule_at(alpha: Array) -> Array:
        with np.errstate(over="ignore"):  # nobody survives: 1 / (1 + inf) is 0
            l = relational(ls, alpha, slope)  # noqa: E741 - the symbol of the life table
        other = _hazards(l)
        both = usable & np.isfinite(other)
        ratio = np.where(both, other, 1.0) / np.where(both, hazard, 1.0)
        last = slope * (1 - l[..., -1]) / dead
        rates: Array = shape["standard"] * np.concatenate([ratio, last[..., None]], axis=-1)
        # So that the search stays finite; no answer is there.
        rates[..., -1] = np.maximum(rates[..., -1], 1e-12)
        return np.minimum(rates, 1e6)

    alpha = bisect(
        lambda x: life_expectancy_of(schedule_at(x), age, sex, a0_rule),
        wanted,
        -1.0,
        1.0,
        tolerance,
        "no level alpha gives a life expectancy of {:g} years on this standard",
    )
    return rates_dataset(frame, schedule_at(alpha), age, alpha=(alpha, "level of the logit line"))


def _hazards(survivors: Array) -> Array:
    """Hazard cumulated over each closed group; infinite where nobody is left."""
    upper, lower = survivors[..., :-1], survivors[..., 1:]
    left = (upper > 0) & (lower > 0)
    hazard: Array = np.where(
        left, np.log(np.where(left, upper, 1.0)) - np.log(np.where(left, lower, 1.0)), np.inf
    )
    return hazard


def life_expectancy_gain(e0: ArrayLike, parameters: Sequence[float]) -> Array:
    """Gain of life expectancy in five years, as a function of its level: the double logistic.

    ``k / (1 + exp(-(ln 81 / Δ2)(e - Δ1 - ½Δ2)))
    + (z - k) / (1 + exp(-(ln 81 / Δ4)(e - Δ1 - Δ2 - Δ3 - ½Δ4)))``: slow, fast, slow gains, which
    approach z.

    Parameters
    ----------
    e0 : array-like (...)
        Life expectancy at birth [years].
    parameters : sequence of six floats
        Δ1, Δ2, Δ3, Δ4, k, z [years]; Δ2 and Δ4 positive.

    Returns
    -------
    numpy.ndarray (...)
        Gain [years per five years].

    Raises
    ------
    DataError
        When there are not six parameters or Δ2 or Δ4 is not positive.

    References
    ----------
    Raftery, Chunn, Gerland & Ševčíková 2013, Demography 50:777.

    Examples
    --------
    >>> life_expectancy_gain([60, 85], [13.2, 41, 9.2, 8.1, 2.8, 0.58]).round(3)
    array([2.604, 0.569])
    """
    if len(parameters) != 6:
        raise DataError(f"the double logistic has six parameters; {len(parameters)} are given")
    d1, d2, d3, d4, k, z = (float(p) for p in parameters)
    if not (d2 > 0 and d4 > 0):
        raise DataError(
            f"the second and fourth parameter must be positive; they are {d2:g}, {d4:g}"
        )
    e = np.asarray(e0, dtype=float)
    steep = np.log(81.0)

    def logistic(x: Array) -> Array:
        return np.asarray(0.5 * (1 + np.tanh(x / 2)))

    rise = logistic(steep / d2 * (e - d1 - d2 / 2))
    fall = logistic(steep / d4 * (e - d1 - d2 - d3 - d4 / 2))
    return np.asarray(k * rise + (z - k) * fall)


def life_expectancy_path(
    e0: ArrayLike | xr.DataArray,
    years: ArrayLike,
    parameters: Sequence[float],
    *,
    sigma: float = 0.0,
    draws: range | None = None,
    seed: int = 0,
    key: str = "",
) -> xr.DataArray:
    """Life expectancy over the years, by double-logistic gains, with random deviations if wanted.

    ``e(t + w) = e(t) + (w / 5) g(e(t)) + σ √w z``.

    Parameters
    ----------
    e0 : array-like (...) or DataArray
        Life expectancy at birth in the first year [years].
    years : array-like of int (year)
        Years of the path, the first one that of ``e0``.
    parameters : sequence of six floats
        As in :func:`life_expectancy_gain`.
    sigma : float
        Standard deviation of a year's gain [years].
    draws : range, optional
        Draw numbers; without them the path is the one with ``sigma`` 0.
    seed : int
        With the draw, the year and ``key`` the address of a random number: a longer path or other
        draws start with the same numbers. All cells of ``e0`` share it.
    key : str
        Address of the region.

    Returns
    -------
    xarray.DataArray (..., draw, year) or (..., year)
        Life expectancy at birth [years].

    Raises
    ------
    DataError
        When ``sigma`` is given without draws or is negative, or the years do not rise.

    Examples
    --------
    >>> path = life_expectancy_path(80.0, [2020, 2025, 2030], [13.2, 41, 9.2, 8.1, 2.8, 0.58])
    >>> path.values.round(3)
    array([80.   , 80.563, 81.126])
    """
    year = np.atleast_1d(np.asarray(years))
    if np.any(np.diff(year) <= 0):
        raise DataError("the years of a path of life expectancy must rise")
    if sigma < 0 or (sigma > 0 and draws is None):
        raise DataError(f"sigma is {sigma:g}; it must not be negative, and it needs draws")
    start = named(e0, [f"dim_{i}" for i in range(np.ndim(e0))])
    level = np.asarray(start.values, dtype=float)
    check_life_expectancy(level)
    if draws is not None:
        level = np.repeat(level[..., None], len(draws), axis=-1)
    path = [level]
    for now, then in pairwise(year):
        width = float(then - now)
        level = level + width / 5 * life_expectancy_gain(level, parameters)
        if draws is not None and sigma > 0:
            z = normal(seed, "mortality/life-expectancy", draws, key=key, step=int(then))
            level = level + sigma * np.sqrt(width) * z
        path.append(level)
    own = {"year": year} if draws is None else {"draw": list(draws), "year": year}
    return xr.DataArray(
        np.stack(path, axis=-1),
        dims=[*start.dims, *own],
        coords={**start.coords, **own},
        name="e0",
        attrs={"units": "year", "long_name": "life expectancy at birth"},
    )
