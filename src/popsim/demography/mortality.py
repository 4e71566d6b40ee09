"""Mortality to come: Lee-Carter and its coherent forms, target life expectancies, model schedules.

Rates are per person-year. Arrays have the age axis **last** and the year axis before it; labelled
arrays name them ``age`` and ``year`` in any order. Axes before them (regions, sexes) are fitted
one by one. The pieces fit together: :func:`lee_carter` gives a Dataset with ``a``, ``b`` and
``k``; :func:`forecast_k` continues k; :func:`lee_carter_rates` turns k back into rates;
:func:`rates_at_life_expectancy` finds the k of a stated life expectancy, for example one from
:func:`life_expectancy_path`.

Examples
--------
>>> years = np.arange(2000, 2010)
>>> mx = np.exp([-5.0, -8.0, -1.5] - np.outer(years - 2000, [0.04, 0.05, 0.01]))
>>> fit = lee_carter(mx, years=years)
>>> forecast = forecast_k(fit, [2010, 2020])
>>> rates = lee_carter_rates(fit, forecast["k"], jump_off=2009)
>>> bool(abs(rates.sel(year=2010)[2] / mx[-1, 2] - np.exp(-0.01)) < 1e-12)
True
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from popsim.demography.draws import normal
from popsim.demography.lifetable import A0Rule, life_table, relational
from popsim.errors import DataError

__all__ = [
    "blend_at_life_expectancy",
    "coherent_lee_carter",
    "coherent_rates_at_life_expectancy",
    "fit_relational",
    "forecast_k",
    "forecast_specific_k",
    "lee_carter",
    "lee_carter_rates",
    "life_expectancy_gain",
    "life_expectancy_path",
    "log_quadratic",
    "log_quadratic_rates",
    "rates_at_life_expectancy",
    "relational_at_life_expectancy",
    "rotated_b",
    "ultimate_b",
]

Array = NDArray[np.float64]
# Bounds of ln m while an index is searched for, so that no exponential overflows on the way.
_LOG_FLOOR, _LOG_CEILING = -50.0, 5.0


# --- Arrays with names -----------------------------------------------------------------------


class _Table:
    """Values with named leading axes and one or two named last axes."""

    def __init__(self, array: Any, last: Sequence[str], what: str) -> None:
        self.last = list(last)
        self.coords: dict[Hashable, Any] = {}
        self.axes: dict[str, Any] = {}
        if isinstance(array, xr.DataArray):
            missing = [name for name in last if name not in array.dims]
            if missing:
                raise DataError(
                    f"{what} have dimensions {', '.join(map(str, array.dims))}; "
                    f"{' and '.join(missing)} must be among them"
                )
            array = array.transpose(..., *last)
            self.lead: list[Hashable] = list(array.dims[: -len(last)])
            for name, coord in array.coords.items():
                if name in last:
                    self.axes[str(name)] = np.asarray(coord.values)
                elif not set(coord.dims) & set(last):
                    self.coords[name] = coord
            self.values = np.asarray(array.values, dtype=float)
        else:
            self.values = np.asarray(array, dtype=float)
            if self.values.ndim < len(last):
                raise DataError(
                    f"{what} have {self.values.ndim} axes; the last must be {', '.join(last)}"
                )
            self.lead = [f"dim_{i}" for i in range(self.values.ndim - len(last))]

    def axis(self, name: str, given: ArrayLike | None) -> NDArray[np.int64]:
        """Labels of one of the last axes: given, its coordinate, or 0, 1, 2, …."""
        size = self.values.shape[self.last.index(name) - len(self.last)]
        label = self.axes.get(name, np.arange(size)) if given is None else np.asarray(given)
        if label.shape != (size,):
            raise DataError(f"there are {size} values of {name} and {label.size} labels for them")
        if np.any(np.diff(label) <= 0):
            raise DataError(f"the {name}s must rise; they are {', '.join(map(str, label[:6]))} …")
        self.axes[name] = label
        return label

    def cell(self, index: Sequence[int]) -> str:
        """Name a cell: ``of sex male in 2003 at age 10``."""
        words = []
        for name, i in zip([*self.lead, *self.last], index, strict=True):
            label = self.axes.get(str(name))
            if label is None and name in self.coords and self.coords[name].dims == (name,):
                label = np.asarray(self.coords[name].values)
            text = str(i if label is None else label[i])
            form = {"year": "in {}", "age": "at age {}"}.get(str(name), f"of {name} {{}}")
            words.append(form.format(text))
        return " ".join(words)

    def dims(self, *last: str) -> list[Hashable]:
        return [*self.lead, *last]


def _logarithms(table: _Table) -> Array:
    """Logarithms of death rates, refusing those that have none."""
    m = table.values
    bad = ~(np.isfinite(m) & (m > 0))
    if not bad.any():
        logs: Array = np.log(m)
        return logs
    index = [int(i) for i in np.argwhere(bad)[0]]
    value, count = m[tuple(index)], int(bad.sum())
    also = f" ({count} such rates in all)" if count > 1 else ""
    if value == 0:
        raise DataError(
            f"the death rate {table.cell(index)} is 0 and has no logarithm{also}: pool years or "
            "areas, or add to deaths and person-years those of a larger area, scaled down"
        )
    raise DataError(
        f"the death rate {table.cell(index)} is {value:g}; it must be a positive number{also}"
    )


def _named(value: Any, lead: Sequence[Hashable]) -> xr.DataArray:
    """Name the axes of a plain array after the leading ones of another, from the right."""
    if isinstance(value, xr.DataArray):
        return value
    array = np.asarray(value, dtype=float)
    extra = array.ndim - len(lead)
    own = [f"dim_{len(lead) + i}" for i in range(max(extra, 0))]
    return xr.DataArray(array, dims=[*own, *lead[max(-extra, 0) :]])


def _check_labels(*arrays: xr.DataArray) -> None:
    """Refuse arrays that would be joined on different labels, which drops or empties cells."""
    known: dict[Hashable, Any] = {}
    for array in arrays:
        for dim in array.dims:
            if dim not in array.coords:
                continue
            labels = array[dim].values
            first = known.setdefault(dim, labels)
            odd = sorted(set(first.tolist()) ^ set(labels.tolist()))
            if odd:
                raise DataError(f"{dim} {odd[0]} is in one of the inputs and not in the other")


def _log(array: xr.DataArray) -> xr.DataArray:
    result: xr.DataArray = xr.apply_ufunc(np.log, array)
    return result


def _life_expectancy(m: Array, age: Any, sex: Any, rule: A0Rule) -> Array:
    table = life_table(m, ages=age, sex=sex, a0_rule=rule)
    e0: Array = np.asarray(table["ex"].values, dtype=float)[..., 0]
    return e0


def _bisect(
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


def _age_coord(age: Any) -> tuple[str, Any, dict[str, Any]]:
    return ("age", age, {"units": "year", "open_interval": True})


# --- Lee and Carter --------------------------------------------------------------------------


def lee_carter(
    mx: ArrayLike | xr.DataArray,
    *,
    years: ArrayLike | None = None,
    ages: ArrayLike | None = None,
    method: Literal["svd", "sums"] = "svd",
    adjust: Literal["deaths", "e0"] | None = None,
    exposure: ArrayLike | xr.DataArray | None = None,
    deaths: ArrayLike | xr.DataArray | None = None,
    e0: ArrayLike | xr.DataArray | None = None,
    sex: ArrayLike | None = None,
    a0_rule: A0Rule = "andreev-kingkade",
) -> xr.Dataset:
    """Fit the model of Lee and Carter to death rates by year and age.

    ``ln m(x, t) = a(x) + b(x) k(t)`` with ``Σ b = 1`` and ``Σ k = 0``.

    Parameters
    ----------
    mx : array-like (..., year, age) or DataArray with dimensions ``year`` and ``age``
        Death rates [year-1], all positive, at least three years.
    years : array-like of int (year), optional
        Default the coordinate ``year``, else 0, 1, 2, …. They need not follow each other.
    ages : array-like of int (age), optional
        Lower limits of the groups [years]; default the coordinate ``age``, else 0, 1, 2, ….
    method : str
        ``svd``: a is the mean over the years, b and k the first pair of singular vectors.
        ``sums``: the United Nations' closed form, k the sum of ``ln m - a`` over the ages and b by
        least squares on k. The two differ slightly.
    adjust : str, optional
        Second step with a and b kept: k of each year so that ``Σ E exp(a + b k)`` is the number of
        ``deaths``, or so that the life expectancy is ``e0``. a then takes up the mean of k.
    exposure : array-like (..., year, age), optional
        Person-years E [years], for ``adjust="deaths"``.
    deaths : array-like (..., year), optional
        Deaths at all ages [deaths]; default ``Σ mx E``.
    e0 : array-like (..., year), optional
        Life expectancy at birth [years], for ``adjust="e0"``; default that of ``mx``.
    sex, a0_rule
        As in :func:`~popsim.demography.lifetable.life_table`; for ``adjust="e0"``.

    Returns
    -------
    xarray.Dataset
        ``a`` and ``b`` (..., age), ``k`` (..., year), ``variance_explained`` (...) by b and k
        before any second step [share of the variation of ln m about a], and the observed ``mx``.

    Raises
    ------
    DataError
        When a rate is zero, negative or missing; when fewer than three years are given; when b
        sums to zero; when no k gives the deaths or the life expectancy.

    References
    ----------
    Lee & Carter 1992, Journal of the American Statistical Association 87:659.

    Examples
    --------
    >>> mx = xr.DataArray(np.exp([[-4.0, -2.0], [-4.3, -2.1], [-4.6, -2.2]]), dims=["year", "age"])
    >>> fit = lee_carter(mx, years=[2001, 2002, 2003])
    >>> fit["b"].values.round(3), fit["k"].values.round(3)
    (array([0.75, 0.25]), array([ 0.4, -0. , -0.4]))
    >>> lee_carter(mx.where(mx < 0.11, 0.0), years=[2001, 2002, 2003])
    Traceback (most recent call last):
    ...
    popsim.errors.DataError: the death rate in 2001 at age 1 is 0 and has no logarithm (3 such rates in all): pool years or areas, or add to deaths and person-years those of a larger area, scaled down
    """  # noqa: E501 - an error message is one line
    table = _Table(mx, ["year", "age"], "death rates")
    year, age = table.axis("year", years), table.axis("age", ages)
    if method not in ("svd", "sums"):
        raise DataError(f"method {method!r} is unknown; write: svd or sums")
    if adjust not in (None, "deaths", "e0"):
        raise DataError(f"adjust {adjust!r} is unknown; write: deaths, e0 or nothing")
    if year.size < 3:
        raise DataError(f"death rates of {year.size} years are given; the fit needs three")
    logs = _logarithms(table)
    a = logs.mean(axis=-2)
    b, k, explained = _first_factor(logs - a[..., None, :], method)
    if adjust == "deaths":
        if exposure is None:
            raise DataError("k can be fitted to deaths only with the exposure: give exposure")
        people = _like(exposure, table, ["year", "age"], "exposure")
        total = (
            (table.values * people).sum(axis=-1)
            if deaths is None
            else _like(deaths, table, ["year"], "deaths")
        )
        k = _k_for_deaths(a, b, k, people, total, table)
    elif adjust == "e0":
        spread = _sexes(sex, table)
        wanted = (
            _life_expectancy(table.values, age, spread, a0_rule)
            if e0 is None
            else _like(e0, table, ["year"], "life expectancies")
        )
        k = _k_at(a[..., None, :], b[..., None, :], wanted, age, spread, a0_rule)
    if adjust is not None:
        a = a + b * k.mean(axis=-1)[..., None]
        k = k - k.mean(axis=-1)[..., None]
    lead = table.dims()
    return xr.Dataset(
        {
            "a": ([*lead, "age"], a, {"units": "1", "long_name": "level of the log death rate"}),
            "b": ([*lead, "age"], b, {"units": "1", "long_name": "sensitivity to the index"}),
            "k": ([*lead, "year"], k, {"units": "1", "long_name": "index of mortality"}),
            "variance_explained": (
                lead,
                explained,
                {"units": "1", "long_name": "share of the variation explained by b and k"},
            ),
            "mx": (
                [*lead, "year", "age"],
                table.values,
                {"units": "year-1", "long_name": "death rate"},
            ),
        },
        coords={**table.coords, "year": year, "age": _age_coord(age)},
        attrs={"method": method, "adjust": adjust or "none"},
    )


def _first_factor(deviation: Array, method: str) -> tuple[Array, Array, Array]:
    """Age pattern (sum 1), index and explained share of ``(..., year, age)`` deviations."""
    total = (deviation**2).sum(axis=(-2, -1))
    if np.any(total == 0):
        raise DataError("the death rates are the same in all years, so there is no change to fit")
    if method == "sums":
        k = deviation.sum(axis=-1)
        b = np.einsum("...ta,...t->...a", deviation, k)
    else:
        u, s, v = np.linalg.svd(deviation, full_matrices=False)
        b, k = v[..., 0, :], u[..., :, 0] * s[..., :1]
    size = b.sum(axis=-1, keepdims=True)
    if np.any(np.abs(size) < 1e-9 * np.abs(b).sum(axis=-1, keepdims=True)):
        raise DataError("the age pattern b sums to 0, so it cannot be scaled to sum to 1")
    b = b / size
    if method == "svd":
        k = k * size
    k = k - k.mean(axis=-1, keepdims=True)  # rounding only
    left = deviation - k[..., :, None] * b[..., None, :]
    return b, k, 1 - (left**2).sum(axis=(-2, -1)) / total


def _like(value: Any, table: _Table, last: list[str], what: str) -> Array:
    """Values of a companion of the death rates, broadcast to their axes."""
    shape = table.values.shape[: len(table.lead)] + tuple(
        table.values.shape[table.last.index(name) - len(table.last)] for name in last
    )
    if isinstance(value, xr.DataArray):
        dims = table.dims(*last)
        strange = [str(d) for d in value.dims if d not in dims]
        if strange:
            raise DataError(f"{what} have the dimension {strange[0]}, which the death rates lack")
        for dim in value.dims:
            label = table.axes.get(str(dim))
            if label is None and dim in table.coords:
                label = np.asarray(table.coords[dim].values)
            if label is not None and dim in value.coords:
                _check_labels(value, xr.DataArray(label, dims=[dim], coords={dim: label}))
                value = value.sel({dim: label})
        value = value.expand_dims([d for d in dims if d not in value.dims]).transpose(*dims).values
    array = np.asarray(value, dtype=float)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise DataError(f"the shape of {what} is {array.shape}; it must be {shape}") from None


def _sexes(sex: ArrayLike | None, table: _Table) -> Any:
    """Sex for every table of ``(..., year)``: given, or the coordinate ``sex``."""
    if sex is None and "sex" in table.coords:
        frame = xr.DataArray(np.zeros(table.values.shape[:-1]), dims=table.dims("year"))
        spread = xr.broadcast(table.coords["sex"].reset_coords(drop=True), frame)[0]
        return np.asarray(spread.transpose(*table.dims("year")).values)
    return sex


def _k_for_deaths(
    a: Array, b: Array, k: Array, exposure: Array, deaths: Array, table: _Table
) -> Array:
    """Newton steps on ``ln Σ E exp(a + b k) = ln D``, which is convex in k."""
    if not np.all(np.isfinite(deaths) & (deaths > 0)):
        raise DataError("deaths at all ages must be positive numbers in every year")
    if not np.all(np.isfinite(exposure) & (exposure >= 0)) or np.any(exposure.sum(axis=-1) == 0):
        raise DataError("exposure must be numbers that are not negative, and not all 0 in a year")
    for _ in range(100):
        logs = np.clip(a[..., None, :] + b[..., None, :] * k[..., None], -700.0, 300.0)
        cells = exposure * np.exp(logs)
        total = cells.sum(axis=-1)
        gap = np.log(total / deaths)
        if np.all(np.abs(gap) < 1e-12):
            return k
        slope = (cells * b[..., None, :]).sum(axis=-1) / total
        k = k - gap / np.where(slope == 0, np.inf, slope)
    index = [int(i) for i in np.argwhere(~(np.abs(gap) < 1e-9))[0]] if gap.size else []
    if not index:
        return k
    named = table.cell([*index, 0]).rsplit(" at age", 1)[0]
    raise DataError(f"no index k gives the {deaths[tuple(index)]:g} deaths {named}")


def lee_carter_rates(
    fit: xr.Dataset,
    k: ArrayLike | xr.DataArray,
    *,
    k_specific: xr.DataArray | None = None,
    jump_off: int | None = None,
) -> xr.DataArray:
    """Death rates of a Lee-Carter fit for given values of the index.

    ``m = exp(a + b k)``; with a jump-off year T ``m = m(T) exp(b (k - k(T)))``, which joins the
    observed rates of that year and not the fitted ones. With a specific term of a coherent fit
    ``b' k'`` is added.

    Parameters
    ----------
    fit : xarray.Dataset
        From :func:`lee_carter` or :func:`coherent_lee_carter`.
    k : array-like (..., year) or DataArray
        Index, for example of :func:`forecast_k`; any further dimensions (draws) are kept.
    k_specific : DataArray, optional
        Specific index, for example of :func:`forecast_specific_k`.
    jump_off : int, optional
        Year whose observed rates the result starts from.

    Returns
    -------
    xarray.DataArray (..., year, age)
        Death rates [year-1].

    Raises
    ------
    DataError
        When the fit has no year ``jump_off`` or no specific term.

    Examples
    --------
    >>> fit = lee_carter(np.exp([[-4.0, -2.0], [-4.3, -2.1], [-4.5, -2.3]]))
    >>> lee_carter_rates(fit, fit["k"][-1], jump_off=2).round(6).values
    array([0.011109, 0.100259])
    """
    lead = [d for d in fit["a"].dims if d != "age"]
    index = _named(k, [*lead, "year"])
    _check_labels(fit["a"], index)
    if k_specific is not None:
        _check_labels(index, k_specific, fit["a"])
    if k_specific is not None and "k_specific" not in fit:
        raise DataError("the fit has no specific term; fit it with coherent_lee_carter")
    if jump_off is None:
        logs = fit["a"] + fit["b"] * index
        if k_specific is not None:
            logs = logs + fit["b_specific"] * k_specific
    else:
        if jump_off not in fit["year"].values:
            known = fit["year"].values
            raise DataError(
                f"the fit has no rates of {jump_off} to start from; it has those of "
                f"{known[0]} to {known[-1]}"
            )
        start = fit.sel(year=jump_off, drop=True)
        logs = _log(start["mx"]) + fit["b"] * (index - start["k"])
        if k_specific is not None:
            logs = logs + fit["b_specific"] * (k_specific - start["k_specific"])
    last = ["year", "age"] if "year" in logs.dims else ["age"]
    exponential: xr.DataArray = xr.apply_ufunc(np.exp, logs)
    rates = exponential.transpose(..., *last).rename("mx")
    rates.attrs = {"units": "year-1", "long_name": "death rate"}
    return rates


def _future(years: ArrayLike, after: int) -> NDArray[np.int64]:
    year = np.atleast_1d(np.asarray(years))
    if year.size == 0 or np.any(np.diff(year) <= 0) or year[0] <= after:
        raise DataError(f"the years to forecast must rise and lie after {after}, the last one kept")
    return year


def forecast_k(
    fit: xr.Dataset,
    years: ArrayLike,
    *,
    exclude: Collection[int] = (),
    drift_uncertainty: bool = True,
) -> xr.Dataset:
    """Continue the index as a random walk with drift.

    ``k(T + h) = k(T) + h d`` with ``d = (k(T) - k(1)) / (T - 1)`` and the variance
    ``h σ² + h² σ² / (T - 1)``. Between two kept years that are g years apart the step has the mean
    g d and the variance g σ², so that years can be missing; the walk starts from the last kept one.

    Parameters
    ----------
    fit : xarray.Dataset
        From :func:`lee_carter` or :func:`coherent_lee_carter`; only ``k`` (..., year) is used.
    years : array-like of int (year)
        Years to forecast, after the last one kept.
    exclude : collection of int
        Years left out of the drift and its variance, such as those of an epidemic.
    drift_uncertainty : bool
        Whether the variance includes that of the drift, ``h² σ² / (T - 1)``.

    Returns
    -------
    xarray.Dataset
        ``k`` and ``k_variance`` (..., year), ``drift`` and ``sigma`` (...) per year; the attribute
        ``jump_off_year`` is T, the year to give to :func:`lee_carter_rates`.

    Raises
    ------
    DataError
        When fewer than three years are kept, an excluded year is not in the fit, or ``years`` do
        not lie after the last one kept.

    References
    ----------
    Lee & Carter 1992, Journal of the American Statistical Association 87:659.

    Examples
    --------
    >>> fit = xr.Dataset({"k": ("year", [2.0, 1.0, 0.0, 5.0, -2.0])})
    >>> fit = fit.assign_coords(year=np.arange(2017, 2022))
    >>> forecast_k(fit, [2022, 2023], exclude=[2020])["k"].values
    array([-3., -4.])
    """
    k = fit["k"].transpose(..., "year")
    year = np.asarray(k["year"].values)
    strange = sorted(set(exclude) - set(year.tolist()))
    if strange:
        raise DataError(f"{strange[0]} is to be left out but is not among the fitted years")
    kept = ~np.isin(year, list(exclude))
    if kept.sum() < 3:
        raise DataError(f"{kept.sum()} years are kept; the drift and its variance need three")
    values, at = np.asarray(k.values)[..., kept], year[kept]
    future = _future(years, int(at[-1]))
    gap = np.diff(at).astype(float)
    drift = (values[..., -1] - values[..., 0]) / gap.sum()
    error = np.diff(values, axis=-1) - gap * drift[..., None]
    variance = (error**2 / gap).sum(axis=-1) / (gap.size - 1)
    h = (future - at[-1]).astype(float)
    spread = h + (h**2 / gap.sum() if drift_uncertainty else 0.0)
    lead = list(k.dims[:-1])
    coords = {name: c for name, c in k.coords.items() if "year" not in c.dims}
    return xr.Dataset(
        {
            "k": ([*lead, "year"], values[..., -1:] + h * drift[..., None], {"units": "1"}),
            "k_variance": ([*lead, "year"], variance[..., None] * spread, {"units": "1"}),
            "drift": (lead, drift, {"units": "year-1", "long_name": "drift of the index"}),
            "sigma": (lead, np.sqrt(variance), {"units": "1", "long_name": "step of a year"}),
        },
        coords={**coords, "year": future},
        attrs={"jump_off_year": int(at[-1])},
    )


# --- Coherent forms --------------------------------------------------------------------------


def coherent_lee_carter(
    mx: ArrayLike | xr.DataArray,
    *,
    dim: str = "sex",
    years: ArrayLike | None = None,
    ages: ArrayLike | None = None,
    exposure: ArrayLike | xr.DataArray | None = None,
) -> xr.Dataset:
    """Fit one common factor to the populations of a group and a specific term to each.

    ``ln m(x, t, i) = a(x, i) + B(x) K(t) + b(x, i) k(t, i)``: B and K from the rates of the whole
    group, b and k from what is left in each population. As k is forecast to return to 0
    (:func:`forecast_specific_k`), the ratios between populations settle and do not drift apart.

    Parameters
    ----------
    mx : array-like (population, year, age) or DataArray with ``dim``, ``year`` and ``age``
        Death rates [year-1], all positive.
    dim : str
        Dimension of the populations, such as the sexes, or the counties of a city.
    years, ages
        As in :func:`lee_carter`.
    exposure : array-like like ``mx``, optional
        Person-years [years]; the group's rates are weighted by them. Without, the logarithms of
        the rates are averaged with equal weights.

    Returns
    -------
    xarray.Dataset
        ``a`` (dim, age), the common ``b`` (age) and ``k`` (year) with Σb = 1 and Σk = 0,
        ``b_specific`` (dim, age) with Σ|b| = 1, as a specific pattern may change its sign, and
        ``k_specific`` (dim, year); ``variance_explained`` (dim) by the common factor alone and
        ``variance_explained_with_specific`` (dim); the observed ``mx``.

    Raises
    ------
    DataError
        As in :func:`lee_carter`, and when there are fewer than two populations.

    References
    ----------
    Li & Lee 2005, Demography 42:575.

    Examples
    --------
    >>> t = np.arange(6.0)
    >>> common = -4 - np.outer(t, [0.03, 0.02, 0.01])
    >>> mx = np.exp([common, common + 0.1])
    >>> fit = coherent_lee_carter(mx)
    >>> fit["b"].values.round(4), fit["variance_explained"].values.round(4)
    (array([0.5   , 0.3333, 0.1667]), array([1., 1.]))
    """
    if not isinstance(mx, xr.DataArray):
        mx = xr.DataArray(np.asarray(mx, dtype=float), dims=[dim, "year", "age"])
    table = _Table(mx, [dim, "year", "age"], "death rates")
    if table.lead:
        raise DataError(f"a coherent fit is of one group; select one {table.lead[0]}")
    members = table.axis(dim, None) if dim not in table.axes else table.axes[dim]
    year, age = table.axis("year", years), table.axis("age", ages)
    if len(members) < 2:
        raise DataError(f"a coherent fit needs two populations on {dim}; there is one")
    logs = _logarithms(table)
    if exposure is None:
        group = logs.mean(axis=0)
    else:
        people = _like(exposure, table, [dim, "year", "age"], "exposure")
        group = np.log((table.values * people).sum(axis=0) / people.sum(axis=0))
    common = lee_carter(np.exp(group), years=year, ages=age)
    b, k = np.asarray(common["b"].values), np.asarray(common["k"].values)
    a = logs.mean(axis=-2)
    deviation = logs - a[:, None, :]
    left = deviation - k[:, None] * b
    u, s, v = np.linalg.svd(left, full_matrices=False)
    size = np.abs(v[:, 0]).sum(axis=-1)
    # A pattern that is on the whole positive, so that a higher index means higher mortality.
    size = np.where(v[:, 0].sum(axis=-1) < 0, -size, size)
    b_own, k_own = v[:, 0] / size[:, None], u[:, :, 0] * (s[:, 0] * size)[:, None]
    total = (deviation**2).sum(axis=(1, 2))
    rest = left - k_own[:, :, None] * b_own[:, None, :]
    share = {"units": "1", "long_name": "share of the variation explained"}
    coords = {dim: members} if dim in mx.coords else {}
    return xr.Dataset(
        {
            "a": ([dim, "age"], a, {"units": "1", "long_name": "level of the log death rate"}),
            "b": ("age", b, {"units": "1", "long_name": "common sensitivity"}),
            "k": ("year", k, {"units": "1", "long_name": "common index"}),
            "b_specific": ([dim, "age"], b_own, {"units": "1"}),
            "k_specific": ([dim, "year"], k_own, {"units": "1"}),
            "variance_explained": (dim, 1 - (left**2).sum(axis=(1, 2)) / total, share),
            "variance_explained_with_specific": (
                dim,
                1 - (rest**2).sum(axis=(1, 2)) / total,
                share,
            ),
            "mx": ([dim, "year", "age"], table.values, {"units": "year-1"}),
        },
        coords={**coords, "year": year, "age": _age_coord(age)},
        attrs={"dim": dim},
    )


def forecast_specific_k(
    fit: xr.Dataset, years: ArrayLike, *, exclude: Collection[int] = ()
) -> xr.Dataset:
    """Continue the specific indices of a coherent fit, each of which returns to its mean 0.

    ``k(t + 1) = φ k(t) + e`` by least squares; ``k(T + h) = φ^h k(T)`` with the variance
    ``σ² (1 - φ^(2h)) / (1 - φ²)``. A negative φ is taken as 0.

    Parameters
    ----------
    fit : xarray.Dataset
        From :func:`coherent_lee_carter`, its years evenly spaced; h counts in that spacing.
    years : array-like of int (year)
        Years to forecast, after the last one kept.
    exclude : collection of int
        Years whose steps, into and out of them, are left out of the fit of φ; the start is the
        last year that is kept.

    Returns
    -------
    xarray.Dataset
        ``k`` and ``k_variance`` (dim, year), ``phi`` and ``sigma`` (dim) per spacing; the
        attribute ``jump_off_year``.

    Raises
    ------
    DataError
        When an index does not return (φ of 1 or more), when years are unevenly spaced, or too few.

    References
    ----------
    Li & Lee 2005, Demography 42:575.

    Examples
    --------
    >>> fit = xr.Dataset({"k_specific": (["sex", "year"], [[1.6, -1.2, 0.8, -0.6, -0.6]])},
    ...                  coords={"sex": ["male"], "year": np.arange(2001, 2006)})
    >>> forecast_specific_k(fit, [2006])["phi"].values
    array([0.])
    """
    if "k_specific" not in fit:
        raise DataError("the fit has no specific term; fit it with coherent_lee_carter")
    index = fit["k_specific"].transpose(..., "year")
    dim = str(index.dims[0])
    year, values = np.asarray(index["year"].values), np.asarray(index.values)
    width = np.diff(year)
    if np.any(width != width[0]):
        raise DataError("specific indices need evenly spaced years; interpolate or drop some")
    kept = ~np.isin(year, list(exclude))
    step = kept[1:] & kept[:-1]
    if step.sum() < 2:
        raise DataError(f"{step.sum()} steps between kept years; a specific index needs two")
    before, after = values[:, :-1][:, step], values[:, 1:][:, step]
    square = (before**2).sum(axis=-1)
    # A population that never departs from the group has nothing to return from.
    phi = np.divide(
        (before * after).sum(axis=-1), square, out=np.zeros_like(square), where=square > 0
    )
    if np.any(phi >= 1):
        who = int(np.argmax(phi))
        name = index[dim].values[who] if dim in index.coords else who
        raise DataError(
            f"the specific index of {dim} {name} does not return to its mean (coefficient "
            f"{phi[who]:.3f}): it does not share the group's trend; fit it alone or fewer years"
        )
    phi = np.maximum(phi, 0.0)
    sigma = np.sqrt(((after - phi[:, None] * before) ** 2).sum(axis=-1) / (step.sum() - 1))
    last = int(np.flatnonzero(kept)[-1])
    future = _future(years, int(year[last]))
    h = (future - year[last]) / width[0]
    power = phi[:, None] ** h
    settled = (sigma**2 / (1 - phi**2))[:, None]
    coords = {dim: index[dim].values} if dim in index.coords else {}
    return xr.Dataset(
        {
            "k": ([dim, "year"], values[:, last][:, None] * power, {"units": "1"}),
            "k_variance": ([dim, "year"], settled * (1 - power**2), {"units": "1"}),
            "phi": (dim, phi, {"units": "1", "long_name": "share kept from one step to the next"}),
            "sigma": (dim, sigma, {"units": "1"}),
        },
        coords={**coords, "year": future},
        attrs={"jump_off_year": int(year[last])},
    )


def ultimate_b(b: ArrayLike, ages: ArrayLike) -> Array:
    """Age pattern of decline that is approached at very low mortality.

    Level from birth to age 69 at the mean of ages 15-64, above in proportion to b and joined
    there, scaled to sum 1: at low mortality gains move from the young to the old.

    Parameters
    ----------
    b : array-like (..., age)
        Age pattern with the sum 1.
    ages : array-like of int (age)
        Lower limits [years], from below 15 to 70 or more.

    Returns
    -------
    numpy.ndarray (..., age)

    Raises
    ------
    DataError
        When there are no ages 15-69, or b is not positive at 65-69.

    References
    ----------
    Li, Lee & Gerland 2013, Demography 50:2037.

    Examples
    --------
    >>> ultimate_b([0.3, 0.2, 0.2, 0.2, 0.1], [0, 15, 40, 65, 70]).round(4)
    array([0.2222, 0.2222, 0.2222, 0.2222, 0.1111])
    """
    pattern, age = np.asarray(b, dtype=float), np.asarray(ages)
    middle, joint = (age >= 15) & (age < 65), (age >= 65) & (age < 70)
    if not (middle.any() and joint.any()):
        raise DataError("the ultimate b needs age groups between 15 and 64 and between 65 and 69")
    level = pattern[..., middle].mean(axis=-1, keepdims=True)
    top = pattern[..., joint].mean(axis=-1, keepdims=True)
    if np.any(top <= 0):
        raise DataError("b at ages 65-69 must be positive for the ultimate b to be joined to it")
    ultimate: Array = np.where(age < 70, level, pattern * level / top)
    scaled: Array = ultimate / ultimate.sum(axis=-1, keepdims=True)
    return scaled


def rotated_b(
    b: ArrayLike,
    ultimate: ArrayLike,
    e0: ArrayLike,
    *,
    start: float = 80.0,
    end: float = 102.0,
    power: float = 0.5,
) -> Array:
    """Age pattern between the fitted and the ultimate one, by life expectancy.

    ``(1 - w) b + w b_u``, ``w = {½ [1 + sin(½π (2 u - 1))]}^p``, ``u = (e0 - 80) / (102 - 80)``
    between 0 and 1.

    Parameters
    ----------
    b, ultimate : array-like (..., age)
        Fitted pattern and :func:`ultimate_b`.
    e0 : array-like (...)
        Life expectancy at birth, the mean of the sexes [years].
    start, end : float
        Life expectancies where the rotation begins and is complete [years].
    power : float
        p; less than 1 makes the rotation faster at first.

    Returns
    -------
    numpy.ndarray (..., age)

    References
    ----------
    Li, Lee & Gerland 2013, Demography 50:2037.

    Examples
    --------
    >>> rotated_b([0.8, 0.2], [0.5, 0.5], [79.0, 91.0, 103.0]).round(4)
    array([[0.8   , 0.2   ],
           [0.5879, 0.4121],
           [0.5   , 0.5   ]])
    """
    u = np.clip((np.asarray(e0, dtype=float) - start) / (end - start), 0.0, 1.0)
    weight = (0.5 * (1 + np.sin(np.pi / 2 * (2 * u - 1))))[..., None] ** power
    mixed: Array = (1 - weight) * np.asarray(b, dtype=float) + weight * np.asarray(ultimate, float)
    return mixed


def coherent_rates_at_life_expectancy(
    fit: xr.Dataset,
    e0: xr.DataArray,
    *,
    rotate: bool = True,
    a0_rule: A0Rule = "andreev-kingkade",
    tolerance: float = 1e-6,
) -> xr.Dataset:
    """Death rates of both sexes at stated life expectancies, with one age pattern of decline.

    The United Nations' coherent form: b is the mean of the sexes' and, above a life expectancy of
    80 (mean of the sexes), rotated towards :func:`ultimate_b`; a is each sex's own.

    Parameters
    ----------
    fit : xarray.Dataset
        From :func:`lee_carter` with a dimension ``sex``; the United Nations use ``method="sums"``.
    e0 : DataArray (..., sex)
        Life expectancy at birth by sex [years], for example by year.
    rotate : bool
        Whether b rotates.
    a0_rule, tolerance
        As in :func:`rates_at_life_expectancy`.

    Returns
    -------
    xarray.Dataset
        ``mx`` (..., sex, age) [year-1], ``k`` (..., sex), and ``b`` (..., age), the pattern used.

    Raises
    ------
    DataError
        When ``fit`` or ``e0`` has no dimension ``sex``, or no k gives a life expectancy.

    Notes
    -----
    The order of the sexes at an age follows from the stated life expectancies; it is not imposed.

    References
    ----------
    Li, Lee & Gerland 2013, Demography 50:2037; United Nations, World Population Prospects.

    Examples
    --------
    >>> ages = [0, 15, 65, 70]
    >>> trend = np.outer(np.arange(4.0), [0.1, 0.06, 0.02, 0.02])
    >>> mx = xr.DataArray(np.exp([[-4.5, -6.5, -3.5, -2.0] - trend, [-4.3, -6, -3, -1.8] - trend]),
    ...                   dims=["sex", "year", "age"],
    ...                   coords={"sex": ["female", "male"], "age": ages})
    >>> e0 = xr.DataArray([84.0, 80.0], dims="sex", coords={"sex": ["female", "male"]})
    >>> rates = coherent_rates_at_life_expectancy(lee_carter(mx, method="sums"), e0)
    >>> from popsim.demography.lifetable import life_table
    >>> life_table(rates["mx"])["ex"].sel(age=0).values.round(5)
    array([84., 80.])
    """
    for what, array in (("the fit", fit["b"]), ("the life expectancies", e0)):
        if "sex" not in array.dims:
            raise DataError(f"{what} must have a dimension sex, with female and male")
    b = fit["b"].mean("sex")
    if rotate:
        mean = e0.mean("sex")
        far = xr.DataArray(ultimate_b(b.values, b["age"].values), dims=b.dims, coords=b.coords)
        pattern = xr.apply_ufunc(
            rotated_b,
            b,
            far,
            mean,
            input_core_dims=[["age"], ["age"], []],
            output_core_dims=[["age"]],
        )
    else:
        pattern = b
    both = fit[["a"]].assign(b=pattern)
    rates = rates_at_life_expectancy(both, e0, a0_rule=a0_rule, tolerance=tolerance)
    return rates.assign(b=pattern.transpose(..., "age"))


# --- A stated life expectancy ----------------------------------------------------------------


def _k_at(
    a: Array, b: Array, e0: Array, age: Any, sex: Any, rule: A0Rule, tolerance: float = 1e-6
) -> Array:
    """Index of every cell of e0; b floored at 0 so that e0 falls with k everywhere."""
    pattern = np.maximum(b, 0.0)

    def value(k: Array) -> Array:
        logs = np.clip(a + pattern * k[..., None], _LOG_FLOOR, _LOG_CEILING)
        return _life_expectancy(np.exp(logs), age, sex, rule)

    missing = "no index k gives a life expectancy of {:g} years with these a and b"
    _check_e0(e0)
    return _bisect(value, e0, -1.0, 1.0, tolerance, missing)


def _check_e0(e0: Array) -> None:
    bad = ~(np.isfinite(e0) & (e0 > 0))
    if np.any(bad):
        raise DataError(f"a life expectancy is {e0[bad].flat[0]:g}; it must be a positive number")


def _aligned(
    e0: Any, parts: dict[str, xr.DataArray], sex: ArrayLike | None
) -> tuple[xr.DataArray, dict[str, Array], Any, Any]:
    """Bring e0 and the schedules to one order of dimensions: frame, values, ages and sexes."""
    lead: list[Hashable] = []
    for part in parts.values():
        lead += [d for d in part.dims if d != "age" and d not in lead]
    wanted = _named(e0, lead).astype(float)
    _check_labels(wanted, *parts.values())
    frame = xr.broadcast(wanted, *(part.isel(age=0, drop=True) for part in parts.values()))[0]
    shapes = {
        name: np.asarray(
            xr.broadcast(part, frame)[0].transpose(*frame.dims, "age").values, dtype=float
        )
        for name, part in parts.items()
    }
    first = next(iter(parts.values()))
    age = first["age"].values if "age" in first.coords else np.arange(first.sizes["age"])
    if sex is None:
        at = frame.coords.get("sex", first.coords.get("sex"))
        if at is not None:
            spread = xr.broadcast(at.reset_coords(drop=True), frame)[0]
            sex = np.asarray(spread.transpose(*frame.dims).values)
    return frame, shapes, age, sex


def _schedule(mx: Any, ages: ArrayLike | None, what: str) -> xr.DataArray:
    """Return a schedule (..., age) as a labelled array."""
    table = _Table(mx, ["age"], what)
    age = table.axis("age", ages)
    coords = {**table.coords, "age": age}
    return xr.DataArray(table.values, dims=table.dims("age"), coords=coords)


def _rates(frame: xr.DataArray, m: Array, age: Any, **others: tuple[Array, str]) -> xr.Dataset:
    dims = list(frame.dims)
    coords = {name: c for name, c in frame.coords.items()}
    return xr.Dataset(
        {
            "mx": ([*dims, "age"], m, {"units": "year-1", "long_name": "death rate"}),
            **{
                name: (dims, values, {"units": "1", "long_name": label})
                for name, (values, label) in others.items()
            },
        },
        coords={**coords, "age": _age_coord(age)},
    )


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
            "a": _schedule(fit[0], ages, "levels a"),
            "b": _schedule(fit[1], ages, "patterns b"),
        }
    frame, shape, age, sex = _aligned(e0, parts, sex)
    wanted = np.asarray(frame.values)
    k = _k_at(shape["a"], shape["b"], wanted, age, sex, a0_rule, tolerance)
    m = np.exp(shape["a"] + np.maximum(shape["b"], 0.0) * k[..., None])
    return _rates(frame, m, age, k=(k, "index of mortality"))


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
        schedule = _schedule(mx, ages, "death rates")
        _logarithms(_Table(schedule, ["age"], "death rates"))
        parts[name] = _log(schedule)
    frame, shape, age, sex = _aligned(e0, parts, sex)
    wanted = np.asarray(frame.values)
    _check_e0(wanted)

    def schedule_at(weight: Array) -> Array:
        w = weight[..., None]
        rates: Array = np.exp((1 - w) * shape["high"] + w * shape["low"])
        return rates

    missing = "a life expectancy of {:g} years does not lie between those of the two schedules"
    weight = _bisect(
        lambda w: _life_expectancy(schedule_at(w), age, sex, a0_rule),
        wanted,
        0.0,
        1.0,
        tolerance,
        missing,
        widen=False,
    )
    return _rates(frame, schedule_at(weight), age, weight=(weight, "weight of the low schedule"))


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
    part = _schedule(standard, ages, "death rates")
    frame, shape, age, sex = _aligned(e0, {"standard": part}, sex)
    wanted = np.asarray(frame.values)
    _check_e0(wanted)
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

    alpha = _bisect(
        lambda x: _life_expectancy(schedule_at(x), age, sex, a0_rule),
        wanted,
        -1.0,
        1.0,
        tolerance,
        "no level alpha gives a life expectancy of {:g} years on this standard",
    )
    return _rates(frame, schedule_at(alpha), age, alpha=(alpha, "level of the logit line"))


def _hazards(survivors: Array) -> Array:
    """Hazard cumulated over each closed group; infinite where nobody is left."""
    upper, lower = survivors[..., :-1], survivors[..., 1:]
    left = (upper > 0) & (lower > 0)
    hazard: Array = np.where(
        left, np.log(np.where(left, upper, 1.0)) - np.log(np.where(left, lower, 1.0)), np.inf
    )
    return hazard


def fit_relational(
    survivors: ArrayLike, standard: ArrayLike, *, slope: bool = True
) -> tuple[Array, Array]:
    """Fit Brass's logit line to the survivors that are known.

    ``Y(x) = α + β Ys(x)`` by least squares over the ages where both lie between 0 and 1;
    :func:`~popsim.demography.lifetable.relational` gives the whole table from α and β.

    Parameters
    ----------
    survivors : array-like (..., age)
        Known survivors with l(0) = 1, not a number where unknown.
    standard : array-like (..., age)
        Survivors of the standard with l(0) = 1.
    slope : bool
        Whether β is fitted; otherwise it is 1.

    Returns
    -------
    alpha, beta : numpy.ndarray (...)

    Raises
    ------
    DataError
        When fewer ages are known than the line has parameters.

    References
    ----------
    Brass 1971, Biological Aspects of Demography.

    Examples
    --------
    >>> known = relational([1.0, 0.97, 0.9, 0.5], 0.2, 1.1)
    >>> known[2] = np.nan
    >>> alpha, beta = fit_relational(known, [1.0, 0.97, 0.9, 0.5])
    >>> alpha.round(6).item(), beta.round(6).item()
    (0.2, 1.1)
    """
    l, ls = np.broadcast_arrays(  # noqa: E741
        np.asarray(survivors, dtype=float), np.asarray(standard, dtype=float)
    )
    used = (l > 0) & (l < 1) & (ls > 0) & (ls < 1)
    count = used.sum(axis=-1)
    need = 2 if slope else 1
    if np.any(count < need):
        raise DataError(
            f"survivors between 0 and 1 are known at {int(np.min(count))} of the ages; a logit "
            f"line with{'' if slope else 'out'} a slope needs {need}"
        )
    y, x = (0.5 * np.log(1 / np.where(used, part, 0.5) - 1) for part in (l, ls))
    y_mean, x_mean = y.sum(axis=-1) / count, x.sum(axis=-1) / count
    if not slope:
        return y_mean - x_mean, np.ones(count.shape)
    dx = np.where(used, x - x_mean[..., None], 0.0)
    square = (dx**2).sum(axis=-1)
    if np.any(square == 0):
        raise DataError("the standard has the same survivors at all known ages; no slope fits")
    beta = (dx * y).sum(axis=-1) / square
    return y_mean - beta * x_mean, beta


# --- The path of life expectancy -------------------------------------------------------------


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
    start = _named(e0, [f"dim_{i}" for i in range(np.ndim(e0))])
    level = np.asarray(start.values, dtype=float)
    _check_e0(level)
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


# --- Model schedules -------------------------------------------------------------------------


def log_quadratic(
    mx: ArrayLike | xr.DataArray, *, ages: ArrayLike | None = None, sex: ArrayLike | None = None
) -> xr.Dataset:
    """Fit a two-parameter system of schedules to a collection of life tables.

    ``ln m(x) = a(x) + b(x) h + c(x) h² + v(x) k`` with ``h = ln 5q0``: a, b and c by least squares
    at each age, v the first singular vector of what is left from age 5 on. v is 0 below age 5,
    negative values are taken as 0, and its largest value is 1. The coefficients are those of the
    collection given; none are built in.

    Parameters
    ----------
    mx : array-like (table, age) or DataArray with dimensions ``table`` and ``age``
        Death rates of at least five tables of one sex [year-1], all positive.
    ages : array-like of int (age), optional
        Lower limits [years] with 0 and 5 among them; default the coordinate, else 0, 1, 2, ….
    sex : str
        Sex of all tables, for their 5q0; default the coordinate ``sex``.

    Returns
    -------
    xarray.Dataset
        ``a b c v`` and ``residual_sd`` (age), the last of ln m without v; ``k`` (table); the
        attributes ``q5_range`` (lowest and highest 5q0 of the collection) and ``sex``.

    Raises
    ------
    DataError
        When there are fewer than five tables, no age 5, no sex, or a rate is zero.

    References
    ----------
    Wilmoth, Zureick, Canudas-Romo, Inoue & Sawyer 2012, Population Studies 66:1.

    Examples
    --------
    >>> shape = np.array([0.0, -2.5, -3.5, -4.0, -1.0])
    >>> tables = np.exp(shape + np.outer(np.linspace(-5, -3, 6), [1.0, 1.1, 0.9, 0.6, 0.2]))
    >>> fit = log_quadratic(tables, ages=[0, 1, 5, 15, 60], sex="female")
    >>> bool(fit["residual_sd"].max() < 0.01)
    True
    """
    table = _Table(mx, ["table", "age"], "death rates")
    if table.lead:
        raise DataError(f"a system of schedules is of one kind; select one {table.lead[0]}")
    age = table.axis("age", ages)
    count = table.values.shape[0]
    if count < 5:
        raise DataError(f"{count} life tables are given; the fit needs five")
    if 5 not in age:
        raise DataError("the age groups must have a limit at 5, for the deaths of children")
    if sex is None and "sex" in table.coords:
        sex = np.asarray(table.coords["sex"].values)
    kinds = np.unique(np.asarray(sex, dtype=str)) if sex is not None else np.array([])
    if kinds.size != 1:
        raise DataError("give the one sex of the tables: sex='female', 'male' or 'both'")
    kind = str(kinds[0])
    logs = _logarithms(table)
    h = np.log(_child_deaths(table.values, age, kind))
    design = np.stack([np.ones(count), h, h**2], axis=-1)
    if np.linalg.matrix_rank(design) < 3:
        raise DataError("the tables must differ in the mortality of children under 5")
    solution = np.linalg.lstsq(design, logs, rcond=None)[0]
    left = logs - design @ solution
    old = age >= 5
    vector = np.zeros(age.size)
    vector[old] = np.linalg.svd(left[:, old], full_matrices=False)[2][0]
    vector = np.maximum(vector if vector.sum() >= 0 else -vector, 0.0)
    vector = vector / vector.max()
    k = left @ vector / (vector @ vector)
    name = table.axes.get("table")
    return xr.Dataset(
        {
            **{n: ("age", solution[i], {"units": "1"}) for i, n in enumerate("abc")},
            "v": ("age", vector, {"units": "1", "long_name": "deviation of the adult ages"}),
            "residual_sd": ("age", np.sqrt((left**2).sum(axis=0) / (count - 3)), {"units": "1"}),
            "k": ("table", k, {"units": "1", "long_name": "deviation of the table"}),
        },
        coords={"age": _age_coord(age), **({"table": name} if name is not None else {})},
        attrs={"q5_range": [float(np.exp(h.min())), float(np.exp(h.max()))], "sex": kind},
    )


def _child_deaths(m: Array, age: NDArray[Any], sex: str) -> Array:
    table = life_table(m, ages=age, sex=sex, radix=1.0)
    return 1 - np.asarray(table["lx"].sel(age=5).values)


def log_quadratic_rates(
    fit: xr.Dataset,
    q5: ArrayLike,
    *,
    k: ArrayLike | None = None,
    e0: ArrayLike | None = None,
    tolerance: float = 1e-6,
) -> xr.Dataset:
    """Death rates of a fitted system from child mortality and, if known, life expectancy.

    The rates under 5 get a common factor so that 5q0 is the one given; then k is 0, the one
    given, or the one that gives the life expectancy.

    Parameters
    ----------
    fit : xarray.Dataset
        From :func:`log_quadratic`.
    q5 : array-like (...)
        Probability of dying before age 5.
    k : array-like (...), optional
        Deviation of adult mortality; positive is higher.
    e0 : array-like (...), optional
        Life expectancy at birth [years]; instead of k.
    tolerance : float
        As in :func:`rates_at_life_expectancy`.

    Returns
    -------
    xarray.Dataset
        ``mx`` (..., age) [year-1] and ``k`` (...).

    Raises
    ------
    DataError
        When q5 lies outside the fitted collection's by more than half its logarithmic range, k and
        e0 are both given, or no k gives the life expectancy.

    References
    ----------
    Wilmoth, Zureick, Canudas-Romo, Inoue & Sawyer 2012, Population Studies 66:1.

    Examples
    --------
    >>> shape = np.array([0.0, -2.5, -3.5, -4.0, -1.0])
    >>> tables = np.exp(shape + np.outer(np.linspace(-5, -3, 6), [1.0, 1.1, 0.9, 0.6, 0.2]))
    >>> fit = log_quadratic(tables, ages=[0, 1, 5, 15, 60], sex="female")
    >>> rates = log_quadratic_rates(fit, 0.03)
    >>> from popsim.demography.lifetable import life_table
    >>> round(1 - float(life_table(rates["mx"], sex="female", radix=1)["lx"].sel(age=5)), 6)
    0.03
    """
    if k is not None and e0 is not None:
        raise DataError("give k or e0, not both: each fixes the mortality of adults")
    child = np.asarray(q5, dtype=float)
    other = np.asarray(0.0 if k is None else k, dtype=float)
    child, other = np.broadcast_arrays(child, other)
    if e0 is not None:
        child, other = np.broadcast_arrays(child, np.asarray(e0, dtype=float))
    low, high = fit.attrs["q5_range"]
    reach = np.sqrt(high / low)
    outside = ~((child >= low / reach) & (child <= high * reach) & (child < 1))
    if np.any(outside):
        raise DataError(
            f"5q0 of {child[outside].flat[0]:g} is far from the fitted tables, which have "
            f"{low:.4g} to {high:.4g}: fit tables of that level"
        )
    age, sex = fit["age"].values, str(fit.attrs["sex"])
    a, b, c, v = (np.asarray(fit[name].values) for name in "abcv")
    h = np.log(child)[..., None]
    logs = a + b * h + c * h**2
    young = (age < 5).astype(float)

    def survival(shift: Array) -> Array:
        rates = np.exp(np.clip(logs + young * shift[..., None], _LOG_FLOOR, _LOG_CEILING))
        return 1 - _child_deaths(rates, age, sex)

    missing = "no factor on the rates under 5 gives a survival to age 5 of {:g}"
    shift = _bisect(survival, 1 - child, -1.0, 1.0, 1e-12, missing)
    logs = logs + young * shift[..., None]
    if e0 is not None:
        _check_e0(other)
        other = _k_at(
            logs, np.broadcast_to(v, logs.shape), other, age, sex, "andreev-kingkade", tolerance
        )
    frame = _named(child, [f"dim_{i}" for i in range(child.ndim)])
    m = np.exp(logs + v * other[..., None])
    return _rates(frame, m, age, k=(np.array(other), "deviation of the adult ages"))
