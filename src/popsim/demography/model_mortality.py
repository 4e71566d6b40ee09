"""Model schedules of mortality, fitted to the tables given: relational and log-quadratic.

Rates are per person-year, age last.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from popsim.demography.life_expectancy import (
    bisect,
    check_life_expectancy,
    index_at,
)
from popsim.demography.lifetable import life_table
from popsim.demography.rate_tables import RateTable, age_coord, logarithms, named, rates_dataset
from popsim.errors import DataError

__all__ = [
    "fit_relational",
    "log_quadratic",
    "log_quadratic_rates",
]

Array = NDArray[np.float64]
# Bounds of ln m while an index is searched for, so that no exponential overflows on the way.
_LOG_FLOOR, _LOG_CEILING = -50.0, 5.0


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
    >>> from popsim.demography.lifetable import relational
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
    table = RateTable(mx, ["table", "age"], "death rates")
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
    logs = logarithms(table)
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
        coords={"age": age_coord(age), **({"table": name} if name is not None else {})},
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
    shift = bisect(survival, 1 - child, -1.0, 1.0, 1e-12, missing)
    logs = logs + young * shift[..., None]
    if e0 is not None:
        check_life_expectancy(other)
        other = index_at(
            logs, np.broadcast_to(v, logs.shape), other, age, sex, "andreev-kingkade", tolerance
        )
    frame = named(child, [f"dim_{i}" for i in range(child.ndim)])
    m = np.exp(logs + v * other[..., None])
    return rates_dataset(frame, m, age, k=(np.array(other), "deviation of the adult ages"))
