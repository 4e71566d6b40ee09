"""Mortality to come: Lee-Carter, its coherent forms, and the rotation of the age pattern.

Rates are per person-year. Arrays have the age axis **last** and the year axis before it; labelled
arrays name them ``age`` and ``year`` in any order. Axes before them (regions, sexes) are fitted
one by one. The pieces fit together: :func:`lee_carter` gives a Dataset with ``a``, ``b`` and
``k``; :func:`forecast_k` continues k; :func:`lee_carter_rates` turns k back into rates;
:func:`popsim.demography.life_expectancy.rates_at_life_expectancy` finds the k of a stated life
expectancy, for example one from ``life_expectancy_path`` there.

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

from collections.abc import Collection
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from popsim.demography.life_expectancy import index_at, life_expectancy_of, rates_at_life_expectancy
from popsim.demography.lifetable import A0Rule
from popsim.demography.rate_tables import (
    RateTable,
    age_coord,
    check_labels,
    like_table,
    log_rates,
    logarithms,
    named,
    sexes_of,
)
from popsim.errors import DataError

__all__ = [
    "coherent_lee_carter",
    "coherent_rates_at_life_expectancy",
    "forecast_k",
    "forecast_specific_k",
    "lee_carter",
    "lee_carter_rates",
    "rotated_b",
    "ultimate_b",
]

Array = NDArray[np.float64]


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
    table = RateTable(mx, ["year", "age"], "death rates")
    year, age = table.axis("year", years), table.axis("age", ages)
    if method not in ("svd", "sums"):
        raise DataError(f"method {method!r} is unknown; write: svd or sums")
    if adjust not in (None, "deaths", "e0"):
        raise DataError(f"adjust {adjust!r} is unknown; write: deaths, e0 or nothing")
    if year.size < 3:
        raise DataError(f"death rates of {year.size} years are given; the fit needs three")
    logs = logarithms(table)
    a = logs.mean(axis=-2)
    b, k, explained = _first_factor(logs - a[..., None, :], method)
    if adjust == "deaths":
        if exposure is None:
            raise DataError("k can be fitted to deaths only with the exposure: give exposure")
        people = like_table(exposure, table, ["year", "age"], "exposure")
        total = (
            (table.values * people).sum(axis=-1)
            if deaths is None
            else like_table(deaths, table, ["year"], "deaths")
        )
        k = _k_for_deaths(a, b, k, people, total, table)
    elif adjust == "e0":
        spread = sexes_of(sex, table)
        wanted = (
            life_expectancy_of(table.values, age, spread, a0_rule)
            if e0 is None
            else like_table(e0, table, ["year"], "life expectancies")
        )
        k = index_at(a[..., None, :], b[..., None, :], wanted, age, spread, a0_rule)
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
        coords={**table.coords, "year": year, "age": age_coord(age)},
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


def _k_for_deaths(
    a: Array, b: Array, k: Array, exposure: Array, deaths: Array, table: RateTable
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
    index = named(k, [*lead, "year"])
    check_labels(fit["a"], index)
    if k_specific is not None:
        check_labels(index, k_specific, fit["a"])
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
        logs = log_rates(start["mx"]) + fit["b"] * (index - start["k"])
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
    table = RateTable(mx, [dim, "year", "age"], "death rates")
    if table.lead:
        raise DataError(f"a coherent fit is of one group; select one {table.lead[0]}")
    members = table.axis(dim, None) if dim not in table.axes else table.axes[dim]
    year, age = table.axis("year", years), table.axis("age", ages)
    if len(members) < 2:
        raise DataError(f"a coherent fit needs two populations on {dim}; there is one")
    logs = logarithms(table)
    if exposure is None:
        group = logs.mean(axis=0)
    else:
        people = like_table(exposure, table, [dim, "year", "age"], "exposure")
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
        coords={**coords, "year": year, "age": age_coord(age)},
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
