"""Period life tables: from rates to survivors, life expectancy and survival ratios.

All functions take arrays with the age axis **last** and broadcast over the axes before it
(regions, years, sexes); :func:`life_table` also takes a labelled array with a dimension ``age``.
Rates are per person-year, ages are completed years, and the last age group is always open.

Examples
--------
>>> table = life_table([0.02, 0.01, 0.5], ages=[0, 1, 5], sex="female")
>>> round(float(table["ex"][0]), 3)
6.692
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from popsim.demography.graduation import scale_within_groups
from popsim.errors import DataError

__all__ = [
    "A0_RULES",
    "cut_open",
    "extend_kannisto",
    "graduate_mortality",
    "greville_ax",
    "infant_ax",
    "life_table",
    "life_table_from_deaths",
    "relational",
    "scale_to_deaths",
    "scale_to_e0",
    "survival_ratios",
    "survival_ratios_from_person_years",
    "toddler_ax",
]

Array = NDArray[np.float64]
A0Rule = Literal[
    "andreev-kingkade",
    "andreev-kingkade-q0",
    "coale-demeny-west-m0",
    "coale-demeny-west-q0",
]
RADIX = 100_000.0
# Sex ratio at birth that weights the two sexes' ax when a table is for both together.
_MALES_PER_FEMALE = 1.05

# Per rule and sex: pieces (upper limit, constant, slope); a0 = constant + slope x on the first
# piece whose limit is above x, where x is m0 or, for the q0 forms, q0.
_A0: Mapping[str, Mapping[str, tuple[tuple[float, float, float], ...]]] = {
    "andreev-kingkade": {
        "male": ((0.0230, 0.14929, -1.99545), (0.08307, 0.02832, 3.26021), (np.inf, 0.29915, 0)),
        "female": ((0.01724, 0.14903, -2.05527), (0.06891, 0.04667, 3.88089), (np.inf, 0.31411, 0)),
    },
    "andreev-kingkade-q0": {
        "male": ((0.0226, 0.1493, -2.0367), (0.0785, 0.0244, 3.4994), (np.inf, 0.2991, 0)),
        "female": ((0.0170, 0.1490, -2.0867), (0.0658, 0.0438, 4.1075), (np.inf, 0.3141, 0)),
    },
    "coale-demeny-west-m0": {
        "male": ((0.107, 0.045, 2.684), (np.inf, 0.330, 0)),
        "female": ((0.107, 0.053, 2.800), (np.inf, 0.350, 0)),
    },
    "coale-demeny-west-q0": {
        "male": ((0.1, 0.0425, 2.875), (np.inf, 0.33, 0)),
        "female": ((0.1, 0.05, 3.0), (np.inf, 0.35, 0)),
    },
}
# 4a1 of Coale and Demeny (West); the Andreev-Kingkade rules give a0 only and borrow the m0 form.
_A14: Mapping[str, Mapping[str, tuple[tuple[float, float, float], ...]]] = {
    "m0": {
        "male": ((0.107, 1.651, -2.816), (np.inf, 1.352, 0)),
        "female": ((0.107, 1.522, -1.518), (np.inf, 1.361, 0)),
    },
    "q0": {
        "male": ((0.1, 1.653, -3.013), (np.inf, 1.352, 0)),
        "female": ((0.1, 1.524, -1.627), (np.inf, 1.361, 0)),
    },
}
A0_RULES = tuple(_A0)


def _by_sex(
    table: Mapping[str, tuple[tuple[float, float, float], ...]], value: Array, sex: ArrayLike
) -> Array:
    """Evaluate a piecewise linear rule for every cell, by sex."""
    value, sexes = np.broadcast_arrays(value, np.asarray(sex, dtype=str))
    unknown = set(np.unique(sexes)) - {"female", "male", "both"}
    if unknown:
        raise DataError(f"sex {str(min(unknown))!r} is unknown; write: female, male or both")
    rule = {}
    for name, pieces in table.items():
        # The last limit of the Coale-Demeny q0 form belongs to the lower piece, but the two
        # pieces meet there, so one convention (limit belongs to the upper piece) serves all.
        which = sum((value >= limit).astype(int) for limit, _, _ in pieces[:-1])
        constant = np.array([piece[1] for piece in pieces])[which]
        slope = np.array([piece[2] for piece in pieces])[which]
        rule[name] = constant + slope * value
    both = (_MALES_PER_FEMALE * rule["male"] + rule["female"]) / (1 + _MALES_PER_FEMALE)
    female = sexes == "female"
    chosen: Array = np.where(sexes == "male", rule["male"], np.where(female, rule["female"], both))
    return chosen


def _known_rule(rule: str) -> None:
    if rule not in _A0:
        raise DataError(f"a0 rule {rule!r} is unknown; write: {', '.join(_A0)}")


def infant_ax(value: ArrayLike, sex: ArrayLike, rule: A0Rule = "andreev-kingkade") -> Array:
    """Mean years lived in the first year of life by those who die in it, ``a0``.

    Parameters
    ----------
    value : array-like (...)
        Infant death rate m0 [year-1] or, for the rules that end in ``q0``, the probability q0.
    sex : array-like of str (...)
        ``female``, ``male`` or ``both`` (weighted by births, 105 boys to 100 girls).
    rule : str
        One of :data:`A0_RULES`. The two Coale-Demeny forms differ slightly near their cut.

    Returns
    -------
    numpy.ndarray (...)
        a0 [years].

    Raises
    ------
    DataError
        When the rule or the sex is unknown.

    References
    ----------
    Andreev & Kingkade 2015, Demographic Research 33:363; Coale & Demeny 1983, West, as in
    Preston, Heuveline & Guillot 2001, Table 3.3.

    Examples
    --------
    >>> infant_ax(0.005, "male").round(5).item()
    0.13931
    >>> infant_ax(0.005, "female", "coale-demeny-west-m0").round(3).item()
    0.067
    """
    _known_rule(rule)
    return _by_sex(_A0[rule], np.asarray(value, dtype=float), sex)


def toddler_ax(value: ArrayLike, sex: ArrayLike, rule: A0Rule = "coale-demeny-west-m0") -> Array:
    """Mean years lived between ages 1 and 5 by those who die there, ``4a1`` (Coale-Demeny West).

    Parameters
    ----------
    value : array-like (...)
        Infant death rate m0 [year-1] or, for ``coale-demeny-west-q0``, the probability q0.
    sex : array-like of str (...)
        ``female``, ``male`` or ``both``.
    rule : str
        One of :data:`A0_RULES`; the Andreev-Kingkade rules have no 4a1 and use the form named
        ``coale-demeny-west-m0``, so that ``value`` is then always m0.

    Returns
    -------
    numpy.ndarray (...)
        4a1 [years].

    Examples
    --------
    >>> toddler_ax(0.005, "female").round(5).item()
    1.51441
    """
    _known_rule(rule)
    form = "q0" if rule == "coale-demeny-west-q0" else "m0"
    return _by_sex(_A14[form], np.asarray(value, dtype=float), sex)


def greville_ax(mx: ArrayLike, ages: ArrayLike) -> Array:
    """Mean years lived in 5-year groups by those who die in them, after Greville.

    ``5ax = 2.5 - (25/12) (m_x - k)`` with ``k = ln(m_{x+5} / m_{x-5}) / 10``, from 15-19 to the
    last closed group (the open group's rate serves as its upper neighbour); 2.5 at 5-9 and 10-14
    and wherever a neighbour's rate is zero or the formula leaves the group.

    Parameters
    ----------
    mx : array-like (..., age)
        Death rates [year-1], the last one of the open group.
    ages : array-like (age)
        Lower limits of the groups [years]; 5-year groups from age 5 on.

    Returns
    -------
    numpy.ndarray (..., age)
        ax [years]; not a number below age 5 and in the open group.

    References
    ----------
    Greville 1943; United Nations 1982, Model Life Tables for Developing Countries.

    Examples
    --------
    >>> greville_ax([0.02, 0.002, 0.001, 0.001, 0.002, 0.004], [0, 1, 5, 10, 15, 20]).round(3)
    array([ nan,  nan, 2.5  , 2.5  , 2.785,   nan])
    """
    m = np.asarray(mx, dtype=float)
    age = np.asarray(ages)
    ax = np.full(m.shape, np.nan)
    ax[..., (age >= 5) & (age < age[-1])] = 2.5
    for i in np.flatnonzero((age >= 15) & (age < age[-1])):
        below, here, above = m[..., i - 1], m[..., i], m[..., i + 1]
        usable = (below > 0) & (above > 0)
        k = 0.1 * np.log(np.where(usable, above, 1.0) / np.where(usable, below, 1.0))
        value = 2.5 - 25 / 12 * (here - k)
        ax[..., i] = np.where(usable & (value > 0) & (value < 5), value, 2.5)
    return ax


def _open(array: Any) -> tuple[Array, list[Hashable], dict[Hashable, Any], Array | None]:
    """Values with age last, leading dims, their coordinates, and the ages when labelled."""
    if isinstance(array, xr.DataArray):
        if "age" not in array.dims:
            raise DataError(
                f"the array has dimensions {', '.join(map(str, array.dims))}; one must be age"
            )
        array = array.transpose(..., "age")
        lead = list(array.dims[:-1])
        coords: dict[Hashable, Any] = {
            name: coord
            for name, coord in array.coords.items()
            if name != "age" and "age" not in coord.dims
        }
        age = np.asarray(array["age"].values) if "age" in array.coords else None
        return np.asarray(array.values, dtype=float), lead, coords, age
    values = np.asarray(array, dtype=float)
    if values.ndim == 0:
        raise DataError("a life table needs an age axis; a single number was given")
    return values, [f"dim_{i}" for i in range(values.ndim - 1)], {}, None


def _check_ages(ages: Any, size: int) -> NDArray[np.int64]:
    age = np.asarray(ages)
    if age.shape != (size,):
        raise DataError(f"{size} age groups have rates but {age.size} lower age limits are given")
    if size < 2 or age[0] != 0 or np.any(np.diff(age) <= 0):
        raise DataError(
            f"age limits must start at 0 and rise; they are {', '.join(map(str, age[:6]))} …"
        )
    return age.astype(np.int64)


def _check_rates(m: Array, age: NDArray[Any], what: str = "death rate") -> None:
    bad = ~(np.isfinite(m) & (m >= 0))
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"{what} at age {age[index[-1]]}{_place(index)} is {m[index]:g}; "
            "it must be a number that is not negative"
        )


def _place(index: tuple[int, ...]) -> str:
    """Say where in the leading axes a cell lies; nothing for a single table."""
    return f" (row {', '.join(map(str, index[:-1]))})" if len(index) > 1 else ""


def life_table(
    mx: ArrayLike | xr.DataArray,
    *,
    ages: ArrayLike | None = None,
    sex: ArrayLike | None = None,
    ax: ArrayLike | None = None,
    a0_rule: A0Rule = "andreev-kingkade",
    radix: float = RADIX,
) -> xr.Dataset:
    """Build a life table from death rates.

    ``nqx = n m / (1 + (n - a) m)``, ``l_{x+n} = l_x (1 - q)``, ``d = l q``,
    ``L = n l_{x+n} + a d``, open group ``q = 1``, ``L = l / m``, ``a = 1/m``, ``T`` cumulated from
    the oldest age, ``e = T / l``. Where the first formula would give q > 1 the hazard is taken as
    constant inside the group: ``q = 1 - exp(-n m)``, ``a = 1/m - n (1 - q) / q``.

    Parameters
    ----------
    mx : array-like (..., age) or DataArray with a dimension ``age``
        Death rates [year-1]; zero is legal except in the open last group.
    ages : array-like of int (age), optional
        Lower limits of the groups [years]; default the coordinate ``age``, else 0, 1, 2, ….
        Single years or 0, 1, 5, 10, …; other widths get the mid-point.
    sex : str or array-like of str (...), optional
        ``female``, ``male`` or ``both``, for a0 and 4a1; default the coordinate ``sex``. Not
        needed when ``ax`` gives them.
    ax : array-like (..., age), optional
        Mean years lived by those who die [years]; cells that are not a number are filled by the
        rules: ``a0_rule``, 4a1 of Coale and Demeny, Greville for 5-year groups, otherwise n/2. The
        open group is always 1/m.
    a0_rule : str
        See :func:`infant_ax`.
    radix : float
        l(0) [persons].

    Returns
    -------
    xarray.Dataset
        ``mx ax qx lx dx nLx Tx ex`` on (..., age); attribute ``open_interval`` of ``age`` is true.

    Raises
    ------
    DataError
        When a rate is negative or missing, the open group's rate is zero, or ages do not fit.

    References
    ----------
    Preston, Heuveline & Guillot 2001, Demography, section 3.2 and Box 3.1.

    Examples
    --------
    >>> table = life_table([0.004, 0.0003, 0.08], sex="male")
    >>> table["lx"].values.round(1)
    array([100000. ,  99601.4,  99571.5])
    >>> life_table([0.004, 0.0003, 0.0], sex="male")
    Traceback (most recent call last):
    ...
    popsim.errors.DataError: death rate of the open group 2+ is 0, which means that nobody ever dies; close the table at a younger age or extend it (extend_kannisto)
    """  # noqa: E501 - an error message is one line
    m, lead, coords, labelled = _open(mx)
    if ages is None:
        ages = labelled if labelled is not None else np.arange(m.shape[-1])
    age = _check_ages(ages, m.shape[-1])
    _check_rates(m, age)
    if np.any(m[..., -1] == 0):
        index = tuple(int(i) for i in np.argwhere(m[..., -1:] == 0)[0])
        raise DataError(
            f"death rate of the open group {age[-1]}+{_place(index)} is 0, which means that "
            "nobody ever dies; close the table at a younger age or extend it (extend_kannisto)"
        )
    if sex is None and "sex" in coords:
        at = coords["sex"]
        spread = xr.broadcast(at, xr.DataArray(np.zeros(m.shape[:-1]), dims=lead))[0]
        sex = np.asarray(spread.transpose(*lead).values)
    given = np.full(m.shape, np.nan) if ax is None else np.broadcast_to(_open(ax)[0], m.shape)
    width = np.diff(age).astype(float)
    a = _fill_ax(m, age, given, sex, a0_rule)

    closed = m[..., :-1]
    q = np.empty_like(m)
    q[..., :-1] = width * closed / (1 + (width - a[..., :-1]) * closed)
    # a m > 1 is the same as q > 1; a rate that high leaves too few to live until the mean age.
    steep = a[..., :-1] * closed > 1
    if steep.any():
        hazard = np.where(steep, closed, 1.0)
        q_steep = -np.expm1(-width * hazard)
        q[..., :-1] = np.where(steep, q_steep, q[..., :-1])
        a[..., :-1] = np.where(steep, 1 / hazard - width * (1 - q_steep) / q_steep, a[..., :-1])
    q[..., -1] = 1.0
    a[..., -1] = 1 / m[..., -1]
    lx = np.empty_like(m)
    lx[..., 0] = radix
    lx[..., 1:] = radix * np.cumprod(1 - q[..., :-1], axis=-1)
    dx = lx * q
    nLx = np.empty_like(m)
    nLx[..., :-1] = width * lx[..., 1:] + a[..., :-1] * dx[..., :-1]
    nLx[..., -1] = lx[..., -1] / m[..., -1]
    Tx = np.cumsum(nLx[..., ::-1], axis=-1)[..., ::-1]
    # Where nobody is left the expectation is that of a constant hazard at the rate of that age.
    ex = np.divide(Tx, lx, out=1 / np.maximum(m, 1e-300), where=lx > 0)

    columns = {
        "mx": (m, "year-1", "death rate"),
        "ax": (a, "year", "mean years lived in the group by those who die in it"),
        "qx": (q, "1", "probability of dying in the group"),
        "lx": (lx, "person", "survivors to exact age"),
        "dx": (dx, "death", "deaths in the group"),
        "nLx": (nLx, "year", "person-years lived in the group"),
        "Tx": (Tx, "year", "person-years lived above exact age"),
        "ex": (ex, "year", "life expectancy"),
    }
    dims = [*lead, "age"]
    table = xr.Dataset(
        {
            name: (dims, values, {"units": units, "long_name": label})
            for name, (values, units, label) in columns.items()
        },
        coords={**coords, "age": ("age", age, {"units": "year", "open_interval": True})},
        attrs={"a0_rule": a0_rule, "radix": radix},
    )
    return table


def _fill_ax(
    m: Array, age: NDArray[np.int64], given: Array, sex: ArrayLike | None, rule: A0Rule
) -> Array:
    """Complete ax by the rules where it is not given; the open group is left to the caller."""
    _known_rule(rule)
    width = np.diff(age)
    a = np.empty_like(m)
    a[..., :-1] = width / 2
    a[..., -1] = np.nan
    fives = (width == 5) & (age[:-1] >= 5)
    if fives.any():
        greville = greville_ax(m, age)[..., :-1]
        a[..., :-1] = np.where(fives & np.isfinite(greville), greville, a[..., :-1])
    toddlers = width.size > 1 and width[0] == 1 and width[1] == 4
    by_rule = [i for i in ([0, 1] if toddlers else [0]) if np.isnan(given[..., i]).any()]
    if width[0] == 1 and by_rule:
        if sex is None:
            raise DataError("a0 depends on the sex; give sex='female', 'male' or 'both', or ax")
        value = m[..., 0]
        if rule.endswith("q0"):
            # The rule asks for q0, which depends on a0: a contraction, so iterate.
            for _ in range(50):
                value = m[..., 0] / (1 + (1 - infant_ax(value, sex, rule)) * m[..., 0])
        a[..., 0] = infant_ax(value, sex, rule)
        if toddlers:
            a[..., 1] = toddler_ax(value if "west" in rule else m[..., 0], sex, rule)
    return np.where(np.isfinite(given), given, a)


def life_table_from_deaths(deaths: ArrayLike, exposure: ArrayLike, **options: Any) -> xr.Dataset:
    """Build a life table from deaths and person-years.

    Parameters
    ----------
    deaths : array-like (..., age)
        Deaths in the period [deaths].
    exposure : array-like (..., age)
        Person-years lived in the period [years], more than 0.
    **options
        As in :func:`life_table`.

    Returns
    -------
    xarray.Dataset
        As in :func:`life_table`.

    Raises
    ------
    DataError
        When exposure is zero or a count is negative or missing.

    Examples
    --------
    >>> table = life_table_from_deaths([2, 0, 30], [1000, 990, 300], sex="female")
    >>> table["mx"].values
    array([0.002, 0.   , 0.1  ])
    """
    d, lead, coords, labelled = _open(deaths)
    e = _open(exposure)[0]
    age = labelled if labelled is not None else options.get("ages")
    age = np.arange(d.shape[-1]) if age is None else np.asarray(age)
    _check_rates(d, age, "number of deaths")
    _check_rates(e, age, "exposure")
    if np.any(e == 0):
        index = tuple(int(i) for i in np.argwhere(e == 0)[0])
        raise DataError(
            f"exposure at age {age[index[-1]]}{_place(index)} is 0, so it has no death rate; "
            "close the table at a younger age or pool areas"
        )
    m: Any = d / e
    if isinstance(deaths, xr.DataArray):
        m = xr.DataArray(m, dims=[*lead, "age"], coords={**coords, "age": age})
    return life_table(m, **options)


def extend_kannisto(
    mx: ArrayLike,
    ages: ArrayLike | None = None,
    *,
    fit: tuple[int, int] = (80, 98),
    to: int = 130,
    coherent: bool = False,
) -> tuple[NDArray[np.int64], Array]:
    """Continue death rates to the highest ages with the Kannisto logistic.

    ``logit m_x = ln c + d (x - x0)``, by least squares on the ages of ``fit``; observed rates stay
    up to the last fitted age and everything above is replaced. A falling logit (d < 0) is not
    extrapolated: d is then 0.

    Parameters
    ----------
    mx : array-like (..., age)
        Death rates [year-1]; with ``coherent`` (..., sex, age).
    ages : array-like of int (age), optional
        Lower limits [years], evenly spaced from the first fitted age on; default 0, 1, 2, ….
    fit : tuple of int
        First and last age used for the fit; 80 to 98 for single years, 80 to 95 for 5-year groups.
    to : int
        Last age of the extended schedule, its open group.
    coherent : bool
        Fit all rows of the axis before the age (the sexes) with one common slope d and their own
        levels c, so that they cannot cross.

    Returns
    -------
    ages : numpy.ndarray of int (age2)
        Lower limits up to ``to``.
    mx : numpy.ndarray (..., age2)
        Extended rates [year-1]; :func:`cut_open` closes a table of them at a lower age.

    Raises
    ------
    DataError
        When fewer than two ages lie in ``fit`` or a rate there is not between 0 and 1.

    References
    ----------
    Thatcher, Kannisto & Vaupel 1998; coherent form: Sevcikova et al. 2016, equations 1-3.

    Examples
    --------
    >>> age, m = extend_kannisto([0.1, 0.15, 0.2, 0.3], [80, 85, 90, 95], fit=(80, 95), to=105)
    >>> age.tolist(), m[-2:].round(4).tolist()
    ([80, 85, 90, 95, 100, 105], [0.3913, 0.4995])
    """
    m = np.asarray(mx, dtype=float)
    age = np.arange(m.shape[-1]) if ages is None else np.asarray(ages, dtype=np.int64)
    if age.shape != m.shape[-1:]:
        raise DataError(f"{m.shape[-1]} age groups have rates but {age.size} limits are given")
    used = (age >= fit[0]) & (age <= fit[1])
    if used.sum() < 2:
        raise DataError(f"only {used.sum()} ages lie in {fit[0]}-{fit[1]}; the fit needs two")
    y = m[..., used]
    bad = ~((y > 0) & (y < 1))
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"death rate at age {age[used][index[-1]]}{_place(index)} is {y[index]:g}; the "
            "Kannisto fit needs rates between 0 and 1 there: pool areas or years"
        )
    step = int(np.diff(age[used])[0])
    x = (age[used] - fit[0]).astype(float)
    logit = np.log(y / (1 - y))
    deviation = x - x.mean()
    slope = (logit * deviation).sum(axis=-1) / (deviation**2).sum()
    if coherent:
        slope = np.broadcast_to(slope.mean(axis=-1, keepdims=True), slope.shape)
    slope = np.maximum(slope, 0.0)
    level = logit.mean(axis=-1) - slope * x.mean()
    kept = age <= fit[1]
    above = np.arange(age[kept][-1] + step, to + 1, step, dtype=np.int64)
    z = level[..., None] + slope[..., None] * (above - fit[0])
    return np.concatenate([age[kept], above]), np.concatenate(
        [m[..., kept], 1 / (1 + np.exp(-z))], axis=-1
    )


def cut_open(table: xr.Dataset, age: int) -> xr.Dataset:
    """Close a life table at a lower age, keeping its life expectancies.

    The rate of the new open group is ``l / T`` at that age.

    Parameters
    ----------
    table : xarray.Dataset
        From :func:`life_table`.
    age : int
        Lower limit of the new open group [years].

    Returns
    -------
    xarray.Dataset
        The same columns on ages up to ``age``.

    Raises
    ------
    DataError
        When the table has no group that starts at ``age``.

    Examples
    --------
    >>> table = life_table([0.01, 0.02, 0.05, 0.2], sex="female")
    >>> short = cut_open(table, 2)
    >>> bool(abs(short["ex"][0] - table["ex"][0]) < 1e-12)
    True
    """
    if age not in table["age"].values:
        raise DataError(f"the life table has no age group that starts at {age}")
    short = table.sel(age=slice(None, age)).copy(deep=True)
    last = {"age": -1}
    short["mx"][last] = short["lx"][last] / short["Tx"][last]
    short["qx"][last] = 1.0
    short["ax"][last] = short["ex"][last]
    short["dx"][last] = short["lx"][last]
    short["nLx"][last] = short["Tx"][last]
    return short


def survival_ratios_from_person_years(
    nLx: ArrayLike, *, width: float = 1.0, radix: float = RADIX
) -> Array:
    """Survival ratios for a projection from the person-years of a stationary population.

    Births to the first group: ``S_0 = L_0 / (n l_0)``; ``S_x = L_x / L_{x-n}`` is survival *into*
    group x; open group ``S_A = T_A / (T_{A-n})``, applied to the sum of the two last groups.

    Parameters
    ----------
    nLx : array-like (..., age)
        Person-years lived in groups of equal width, the last one open [years].
    width : float
        Width n of the groups [years].
    radix : float
        l(0) [persons].

    Returns
    -------
    numpy.ndarray (..., age)
        Ratios between 0 and 1, in the United Nations' indexing.

    Examples
    --------
    >>> survival_ratios_from_person_years([4.9, 4.5, 9.0], width=5, radix=1).round(4)
    array([0.98  , 0.9184, 0.6667])
    """
    L = np.asarray(nLx, dtype=float)
    S = np.empty_like(L)
    S[..., 0] = L[..., 0] / (width * radix)
    before = L[..., :-1].copy()
    before[..., -1] += L[..., -1]
    # Nobody left to survive: the ratio has no meaning and 0 keeps the projection finite.
    S[..., 1:] = np.divide(L[..., 1:], before, out=np.zeros_like(before), where=before > 0)
    return S


def survival_ratios(table: xr.Dataset) -> xr.DataArray:
    """Survival ratios of a life table, ready for a projection.

    Parameters
    ----------
    table : xarray.Dataset
        From :func:`life_table`, single years or 5-year groups. In an abridged table the groups
        0 and 1-4 are first joined into 0-4.

    Returns
    -------
    xarray.DataArray (..., age)
        As in :func:`survival_ratios_from_person_years`; ``age`` is the group survived into, age 0
        (or 0-4) the births.

    Raises
    ------
    DataError
        When the groups have different widths.

    Examples
    --------
    >>> table = life_table([0.01, 0.002, 0.001, 0.05], ages=[0, 1, 5, 10], sex="female")
    >>> survival_ratios(table)["age"].values.tolist()
    [0, 5, 10]
    """
    L = table["nLx"].transpose(..., "age")
    age = L["age"].values
    values = np.asarray(L.values)
    if age.size > 2 and age[1] == 1 and age[2] == 5:
        values = np.concatenate([values[..., :1] + values[..., 1:2], values[..., 2:]], axis=-1)
        age = np.delete(age, 1)
    width = np.diff(age)
    if np.any(width != width[0]):
        raise DataError(
            f"survival ratios need groups of equal width; they start at "
            f"{', '.join(map(str, age[:5]))} …: graduate to single years first"
        )
    radix = np.asarray(table["lx"].transpose(..., "age").values)[..., 0]
    ratios = survival_ratios_from_person_years(values, width=float(width[0]), radix=1.0)
    ratios[..., 0] /= radix
    coords = {name: c for name, c in L.coords.items() if "age" not in c.dims}
    return xr.DataArray(
        ratios,
        dims=L.dims,
        coords={**coords, "age": ("age", age, {"units": "year", "open_interval": True})},
        name="survival_ratio",
        attrs={"units": "1", "long_name": "survival ratio into the age group"},
    )


def graduate_mortality(mx: ArrayLike, ages: ArrayLike, *, sex: ArrayLike) -> Array:
    """Single-year death rates from an abridged schedule, keeping its survivors.

    A first curve joins the logarithms of the group rates with a monotone cubic in the logarithm of
    age (in childhood mortality falls like a power of age). It is then adjusted by a smooth factor
    until every group has the hazard ``-ln(1 - nqx)`` of the abridged table, so survivors at the
    abridged ages are the same. Groups without deaths get zero rates.

    Parameters
    ----------
    mx : array-like (..., age)
        Abridged death rates [year-1] for ages 0, 1, 5, 10, …, the last group open.
    ages : array-like of int (age)
        Lower limits [years].
    sex : str or array-like of str (...)
        For ax of the abridged table.

    Returns
    -------
    numpy.ndarray (..., A + 1)
        Death rates for ages 0, 1, … up to the open group A, which keeps its rate [year-1]. To be
        used with ax of one half above age 0; :func:`extend_kannisto` continues it.

    Raises
    ------
    DataError
        As in :func:`life_table`.

    Examples
    --------
    >>> m = graduate_mortality([0.01, 0.001, 0.0005, 0.1], [0, 1, 5, 10], sex="male")
    >>> single = life_table(m, sex="male")["lx"]
    >>> short = life_table([0.01, 0.001, 0.0005, 0.1], ages=[0, 1, 5, 10], sex="male")["lx"]
    >>> bool(abs(single.sel(age=10) - short.sel(age=10)) < 1e-6)
    True
    """
    table = life_table(np.asarray(mx, dtype=float), ages=ages, sex=sex)
    age = table["age"].values
    m = np.asarray(table["mx"].values)
    hazard = -np.log1p(-np.minimum(np.asarray(table["qx"].values)[..., :-1], 1 - 1e-12))
    width = np.diff(age)
    middle = np.append(age[:-1] + width / 2, age[-1] + 2.5)
    single = np.arange(age[-1])
    result = np.empty((*m.shape[:-1], age[-1] + 1))
    for row in np.ndindex(m.shape[:-1]):
        alive = np.append(hazard[row] > 0, True)
        if np.array_equal(alive, [False] * (alive.size - 1) + [True]):
            result[row] = 0.0
        else:
            curve = PchipInterpolator(
                np.log(middle[alive] + 0.2), np.log(m[row][alive]), extrapolate=True
            )
            # Ages outside the groups with deaths are zeroed below; hold the curve level there.
            x = np.clip(single + 0.5, middle[alive][0], middle[alive][-1])
            first = np.exp(curve(np.log(x + 0.2)))
            mu = scale_within_groups(first, age, hazard[row])
            q = -np.expm1(-mu)
            result[row][:-1] = q / (1 - 0.5 * q)
        result[row][0] = m[row][0]
        result[row][-1] = m[row][-1]
    return result


def scale_to_deaths(
    mx: ArrayLike, exposure: ArrayLike, deaths: ArrayLike, *, where: ArrayLike | None = None
) -> Array:
    """Find the factor on death rates that gives a stated number of deaths.

    ``factor = (deaths - Σ_fixed m E) / Σ_scaled m E``.

    Parameters
    ----------
    mx : array-like (..., age)
        Death rates [year-1].
    exposure : array-like (..., age)
        Person-years [years].
    deaths : array-like (...)
        Deaths wanted, all ages [deaths].
    where : array-like of bool (..., age), optional
        Cells that the factor applies to; default all.

    Returns
    -------
    numpy.ndarray (...)
        The factor; rates where ``where`` holds are to be multiplied by it.

    Raises
    ------
    DataError
        When no such positive factor exists.

    Examples
    --------
    >>> scale_to_deaths([0.01, 0.1], [100.0, 50.0], 9.0).item()
    1.5
    """
    m, e = np.asarray(mx, dtype=float), np.asarray(exposure, dtype=float)
    wanted = np.asarray(deaths, dtype=float)
    scaled = np.ones(m.shape, dtype=bool) if where is None else np.asarray(where, dtype=bool)
    expected = m * e
    free = np.where(scaled, expected, 0.0).sum(axis=-1)
    fixed = np.where(scaled, 0.0, expected).sum(axis=-1)
    bad = ~((free > 0) & (wanted > fixed))
    if np.any(bad):
        raise DataError(
            f"no positive factor gives {np.broadcast_to(wanted, bad.shape)[bad][0]:g} deaths: the "
            f"rates that stay give {np.broadcast_to(fixed, bad.shape)[bad][0]:g} and those to "
            f"scale {np.broadcast_to(free, bad.shape)[bad][0]:g}"
        )
    factor: Array = np.asarray((wanted - fixed) / free)
    return factor


def scale_to_e0(
    mx: ArrayLike,
    e0: ArrayLike,
    *,
    ages: ArrayLike | None = None,
    sex: ArrayLike | None = None,
    a0_rule: A0Rule = "andreev-kingkade",
    tolerance: float = 1e-9,
) -> Array:
    """Find the factor on all death rates that gives a stated life expectancy at birth.

    Parameters
    ----------
    mx : array-like (..., age)
        Death rates [year-1].
    e0 : array-like (...)
        Life expectancy wanted [years].
    ages, sex, a0_rule
        As in :func:`life_table`.
    tolerance : float
        Precision of the logarithm of the factor; 1e-9 is about 1e-8 years of life.

    Returns
    -------
    numpy.ndarray (...)
        The factor, between 1/1000 and 1000.

    Raises
    ------
    DataError
        When no factor in that range reaches ``e0``.

    Examples
    --------
    >>> m = [0.004, 0.0003, 0.0002, 0.02]
    >>> k = scale_to_e0(m, 45.0, sex="female")
    >>> round(float(life_table([k * x for x in m], sex="female")["ex"][0]), 6)
    45.0
    """
    m = np.asarray(mx, dtype=float)
    wanted = np.broadcast_to(np.asarray(e0, dtype=float), m.shape[:-1])
    sexes = np.broadcast_to("" if sex is None else np.asarray(sex, dtype=str), m.shape[:-1])
    factor = np.empty(m.shape[:-1])
    for row in np.ndindex(m.shape[:-1]):

        def gap(log_factor: float, row: tuple[int, ...] = row) -> float:
            table = life_table(
                m[row] * np.exp(log_factor),
                ages=ages,
                sex=None if sex is None else str(sexes[row]),
                a0_rule=a0_rule,
            )
            return float(table["ex"].values[0] - wanted[row])

        limit = np.log(1000.0)
        if gap(-limit) < 0 or gap(limit) > 0:
            raise DataError(
                f"no factor between 1/1000 and 1000 on the death rates gives a life expectancy of "
                f"{wanted[row]:g} years{_place((*row, 0))}"
            )
        factor[row] = np.exp(brentq(gap, -limit, limit, xtol=tolerance))
    return factor


def relational(standard: ArrayLike, alpha: ArrayLike, beta: ArrayLike) -> Array:
    """Survivors related to a standard by Brass's two-parameter logit.

    ``Y(x) = alpha + beta Ys(x)``, ``Y = ½ ln((1 - l) / l)``.

    Parameters
    ----------
    standard : array-like (..., age)
        Survivors of the standard with l(0) = 1; may end in zeros.
    alpha : array-like (...)
        Level: positive means higher mortality.
    beta : array-like (...)
        Slope between young and old ages; 1 keeps the standard's.

    Returns
    -------
    numpy.ndarray (..., age)
        Survivors with l(0) = 1.

    Raises
    ------
    DataError
        When a survivor is outside 0 to 1.

    References
    ----------
    Brass 1971, Biological Aspects of Demography.

    Examples
    --------
    >>> relational([1.0, 0.95, 0.5, 0.0], 0.0, 1.0)
    array([1.  , 0.95, 0.5 , 0.  ])
    """
    ls = np.asarray(standard, dtype=float)
    if not np.all((ls >= 0) & (ls <= 1)):
        raise DataError("survivors of the standard must lie between 0 and 1: divide by l(0)")
    a = np.asarray(alpha, dtype=float)[..., None]
    b = np.asarray(beta, dtype=float)[..., None]
    inner = (ls > 0) & (ls < 1)
    safe = np.where(inner, ls, 0.5)
    y = a + b * 0.5 * np.log((1 - safe) / safe)
    # Certain survival and certain death stay what they are on any logit line.
    return np.where(inner, 1 / (1 + np.exp(2 * y)), ls)
