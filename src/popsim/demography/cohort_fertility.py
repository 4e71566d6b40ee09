"""The cohort view of fertility: completed fertility by order, and cohorts not yet completed.

Period rates of completed age x in year t belong to two cohorts, those born in t - x and t - x - 1,
half each. A cohort born in c therefore meets at age x the mean of the rates of the years c + x and
c + x + 1. What it has not yet met is completed by holding the last rates of each age, or by
following their trend for a few years. Axes are (..., year, order, age), the age last.

Examples
--------
>>> rates = np.full((40, 1, 3), 0.2)
>>> table = cohort_fertility(rates, [20, 21, 22], range(1980, 2020))
>>> table["ccf_total"].sel(cohort=1970).round(6).item()
0.6
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from popsim.demography.parity import mean_age_at_birth, progression_ratios
from popsim.errors import DataError

__all__ = ["cohort_fertility"]

Array = NDArray[np.float64]
# Years over which a trend is measured, and for which it goes on (Myrskylä, Goldstein & Cheng).
_TREND = 5


def cohort_fertility(
    incidence: ArrayLike,
    ages: ArrayLike,
    years: ArrayLike,
    *,
    completion: Literal["freeze", "trend", "none"] = "freeze",
    hold: Literal["incidence", "conditional"] = "incidence",
) -> xr.Dataset:
    """Completed cohort fertility by order, progression ratios, and how much of it is observed.

    ``CCF_k = Σ_x f_k(x)`` along the cohort; ``a_k = CCF_{k+1} / CCF_k``. An age counts as observed
    when both of its years are. ``freeze``: at every age not yet reached, the rate of the last
    cohort that is observed there. ``trend``: that rate moves on with the slope of the last five
    cohorts for five cohorts, not below 0, and is then frozen. With ``hold="conditional"``
    it is the births per woman of the parity below that are held, and the cohort's own parity
    decides how many births they make: a cohort that has postponed first births has more women to
    give them later. Conditional rates come from the cohorts themselves,
    ``m_k = b_k / (mean of the share at parity k - 1 at both ends of the age)``, so the history must
    reach back to the youngest age of every cohort that is used.

    Parameters
    ----------
    incidence : array-like (..., year, order, age)
        Births of an order per woman-year of all women (孩次生育率) [year-1]; the last order may be
        open.
    ages : array-like of int (age)
        Completed years, consecutive, the youngest before any births.
    years : array-like of int (year)
        Calendar years, consecutive.
    completion : {'freeze', 'trend', 'none'}
        See above; ``none`` leaves cohorts that are not completed out.
    hold : {'incidence', 'conditional'}
        What is held where a cohort is completed.

    Returns
    -------
    xarray.Dataset
        ``rate`` (..., cohort, birth_order, age) [year-1], ``ccf`` and ``ppr`` (..., cohort,
        birth_order) [births per woman, 1], ``ccf_total`` (..., cohort) [births per woman],
        ``mab`` (..., cohort, birth_order) [years], ``observed`` (..., cohort), the share of
        ``ccf_total`` that is observed [1], ``observed_to`` (cohort), the last observed age. Cohorts
        are years of birth, from the first that is observed from the youngest age to the last that
        has passed at least one age.

    Raises
    ------
    DataError
        When shapes do not fit, a rate is missing or negative, ages or years have gaps, no cohort is
        observed, the history is too short to complete or to give conditional rates, or a cohort
        has more births of an order than women to give them.

    References
    ----------
    Myrskylä, Goldstein & Cheng 2013, Population and Development Review 39:31.

    Examples
    --------
    First births at 20 and second ones at 22; the cohort of 1999 is observed to 20:

    >>> rates = np.zeros((6, 2, 3))
    >>> rates[:, 0, 0], rates[:, 1, 2] = 0.8, 0.4
    >>> table = cohort_fertility(rates, [20, 21, 22], range(2015, 2021))
    >>> table["ppr"].sel(cohort=1999).values, table["observed"].sel(cohort=1999).round(3).item()
    (array([0.8, 0.5]), 0.667)
    """
    f, x, t = np.asarray(incidence, dtype=float), np.asarray(ages), np.asarray(years)
    if f.ndim < 3 or f.shape[-3] != t.size or f.shape[-1] != x.size:
        raise DataError(
            f"rates have shape {f.shape}; {t.size} years and {x.size} ages are given: they need "
            "(..., year, order, age)"
        )
    if np.any(np.diff(x) != 1) or np.any(np.diff(t) != 1):
        raise DataError("ages and years must be consecutive")
    if not np.all(np.isfinite(f) & (f >= 0)):
        raise DataError("incidence rates must be numbers that are not negative")
    if completion not in ("freeze", "trend", "none"):
        raise DataError(f"completion {completion!r} is unknown; write: freeze, trend or none")
    if hold not in ("incidence", "conditional"):
        raise DataError(f"hold {hold!r} is unknown; write: incidence or conditional")
    first, last = int(t[0] - x[0]), int(t[-1] - 1 - x[0])
    if completion == "none":
        last = int(t[-1] - 1 - x[-1])
    if last < first:
        reach = "to the last" if completion == "none" else "past the first"
        raise DataError(
            f"rates of {t[0]}-{t[-1]} follow no cohort {reach} age of {x[0]}-{x[-1]}: "
            "give a longer series"
        )
    cohort = np.arange(first, last + 1)
    # Position of the year in which a cohort has its birthday of each age.
    place = cohort[:, None] + x - t[0]
    seen = place + 1 < t.size
    rate = 0.5 * (_along(f, place) + _along(f, place + 1))
    rate = np.where(seen[:, None, :], rate, np.nan)
    if completion != "none":
        complete = _held_incidence if hold == "incidence" else _held_conditional
        rate = complete(rate, seen, x, completion)
    return _dataset(rate, seen, cohort, x, {"completion": completion, "hold": hold})


def _along(f: Array, place: NDArray[np.int64]) -> Array:
    """Return rates (..., cohort, order, age) of the years at ``place`` (cohort, age)."""
    n = place.shape[1]
    inside = np.clip(place, 0, f.shape[-3] - 1)
    by_age = np.moveaxis(f, -2, -1)  # (..., year, age, order)
    return np.asarray(np.moveaxis(by_age[..., inside, np.arange(n), :], -1, -2))


def _last_seen(seen: NDArray[np.bool_], x: NDArray[np.int64], needed: int) -> NDArray[np.int64]:
    """Return the last cohort observed at each age, refusing ages that too few have reached."""
    count = seen.sum(axis=0)
    if np.any(count < needed):
        age = x[int(np.argmin(count >= needed))]
        raise DataError(
            f"age {age} is observed for {count[x == age][0]} cohorts that are followed from age "
            f"{x[0]} on; completing needs {needed}: give a longer series or fewer ages"
        )
    return np.asarray(count - 1)


def _continued(values: Array, last: int, steps: int, completion: str) -> Array:
    """Carry values (..., cohort, order) on from the last observed cohort (..., steps, order)."""
    held = values[..., last : last + 1, :]
    if completion == "freeze":
        return np.asarray(np.repeat(held, steps, axis=-2))
    recent = values[..., last - _TREND + 1 : last + 1, :]
    when = np.arange(_TREND) - (_TREND - 1) / 2
    slope = np.einsum("...ck,c->...k", recent, when) / (when**2).sum()
    ahead = np.minimum(np.arange(1, steps + 1), _TREND)[:, None]
    return np.asarray(np.maximum(held + slope[..., None, :] * ahead, 0.0))


def _held_incidence(
    rate: Array, seen: NDArray[np.bool_], x: NDArray[np.int64], completion: str
) -> Array:
    last = _last_seen(seen, x, _TREND if completion == "trend" else 1)
    result = rate.copy()
    for a, c in enumerate(last):
        steps = seen.shape[0] - 1 - int(c)
        result[..., c + 1 :, :, a] = _continued(rate[..., a], int(c), steps, completion)
    return result


def _held_conditional(
    rate: Array, seen: NDArray[np.bool_], x: NDArray[np.int64], completion: str
) -> Array:
    """Complete with the births per woman of the parity below, age by age."""
    last = _last_seen(seen, x, _TREND if completion == "trend" else 1)
    result = rate.copy()
    orders = rate.shape[-2]
    shares = np.zeros(rate.shape[:-1])  # parity 0, 1, … and over at the start of the age
    shares[..., 0] = 1.0
    for a, c in enumerate(last):
        known = slice(0, int(c) + 1)
        b = rate[..., known, :, a]
        exposed = shares[..., known, :].copy()
        arriving = np.concatenate([np.zeros((*b.shape[:-1], 1)), b[..., :-1]], axis=-1)
        # The open last parity keeps its women.
        leaving = np.concatenate([b[..., :-1], np.zeros((*b.shape[:-1], 1))], axis=-1)
        exposed += 0.5 * (arriving - leaving)
        short = (exposed <= 0) & (b > 0) | (shares[..., known, :] + arriving - leaving < -1e-12)
        if np.any(short):
            k = int(np.argwhere(short)[0][-1])
            raise DataError(
                f"a cohort has more births of order {k + 1} at age {x[a]} than women of parity "
                f"{k}; the rates by order do not fit each other"
            )
        m = np.divide(b, exposed, out=np.zeros_like(b), where=exposed > 0)
        steps = seen.shape[0] - 1 - int(c)
        ahead = _continued(m, int(c), steps, completion)
        later = np.zeros((*shares.shape[:-2], steps, orders))
        before = np.zeros(later.shape[:-1])
        for k in range(orders):
            moved = k < orders - 1
            h = ahead[..., k]
            before = h / (1 + 0.5 * h * moved) * (shares[..., c + 1 :, k] + 0.5 * before)
            later[..., k] = before
        result[..., c + 1 :, :, a] = later
        births = result[..., a]
        shares[..., 1:] += births[..., :-1]
        shares[..., :-1] -= births[..., :-1]
    return result


def _dataset(
    rate: Array,
    seen: NDArray[np.bool_],
    cohort: NDArray[np.int64],
    x: NDArray[np.int64],
    attrs: dict[str, str],
) -> xr.Dataset:
    ccf = rate.sum(axis=-1)
    total = ccf.sum(axis=-1)
    met = np.where(seen[:, None, :], rate, 0.0).sum(axis=(-2, -1))
    observed = np.divide(met, total, out=np.full(total.shape, np.nan), where=total > 0)
    lead = [f"dim_{i}" for i in range(rate.ndim - 3)]
    by, per_woman = [*lead, "cohort", "birth_order"], {"units": "births per woman"}
    return xr.Dataset(
        {
            "rate": ([*by, "age"], rate, {"units": "year-1"}),
            "ccf": (by, ccf, per_woman),
            "ccf_total": ([*lead, "cohort"], total, per_woman),
            "ppr": (by, progression_ratios(ccf), {"units": "1"}),
            "mab": (by, mean_age_at_birth(rate, x), {"units": "year"}),
            "observed": ([*lead, "cohort"], observed, {"units": "1"}),
            "observed_to": ("cohort", x[seen.sum(axis=1) - 1], {"units": "year"}),
        },
        coords={
            "cohort": cohort,
            "birth_order": np.arange(1, rate.shape[-2] + 1),
            "age": ("age", x, {"units": "year"}),
        },
        attrs=attrs,
    )
