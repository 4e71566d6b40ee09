"""Measures of period fertility by order, progression by duration, and calibration of birth rates.

Schedules by age are in :mod:`popsim.demography.fertility_schedules`; conditional and incidence
rates and the period fertility table (PATFR, 递进总和生育率) in :mod:`popsim.demography.parity`.
Arrays by order have axes (..., order, age) or (..., order, year); leading axes (regions) are
broadcast. For Kohler and Ortega's adjustment divide the conditional rates of each order by 1 - r
before the table; their further correction for the variance is not made here.

Examples
--------
>>> tfr = [[0.70, 0.69, 0.68], [0.50, 0.50, 0.50]]
>>> mab = [[27.0, 27.1, 27.2], [30.0, 30.0, 30.0]]
>>> tempo_adjusted(tfr, mab, [2001, 2002, 2003])["adjusted"].sel(year=2002).values.round(4)
array([0.7667, 0.5   ])
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from popsim.demography.fertility_patterns import sd_age_at_birth
from popsim.demography.parity import incidence_rates, mean_age_at_birth
from popsim.errors import DataError

__all__ = [
    "Alignment",
    "align",
    "birth_interval_table",
    "fertility_by_order",
    "order_hazards",
    "shares_by_order",
    "tempo_adjusted",
    "tempo_adjusted_tfrp",
    "tfr_from_progression",
]

Array = NDArray[np.float64]
# Beyond this many years a year the Bongaarts-Feeney factor is not an adjustment any more.
_LIMIT = 0.5


def _numbers(values: ArrayLike, what: str, ndim: int = 1) -> Array:
    x = np.asarray(values, dtype=float)
    if x.ndim < ndim or not np.all(np.isfinite(x) & (x >= 0)):
        raise DataError(f"{what} must be numbers that are not negative")
    return x


def fertility_by_order(incidence: ArrayLike, ages: ArrayLike) -> xr.Dataset:
    """Total fertility, mean age and spread by birth order, and of all orders.

    ``TFR_k = Σ_x f_k(x)``. For the measures that are free of the parity structure, see
    :func:`popsim.demography.parity.period_fertility_table`.

    Parameters
    ----------
    incidence : array-like (..., order, age)
        Births of an order per woman-year of all women of that age (孩次生育率) [year-1].
    ages : array-like of int (age)
        Completed years.

    Returns
    -------
    xarray.Dataset
        ``tfr`` (..., birth_order) and ``tfr_total`` (...) [births per woman]; ``share`` (...,
        birth_order), of the total [1], the share of births if women of all ages were equally many;
        ``mab``, ``sd`` (..., birth_order), ``mab_total``, ``sd_total`` (...) [years].

    Raises
    ------
    DataError
        When a rate is missing or negative or ages do not fit.

    Examples
    --------
    >>> table = fertility_by_order([[0.1, 0.2], [0.0, 0.1]], [24, 25])
    >>> round(float(table["tfr_total"]), 6), table["share"].values.round(4)
    (0.4, array([0.75, 0.25]))
    """
    f = _numbers(incidence, "incidence rates", 2)
    tfr, everything = f.sum(axis=-1), f.sum(axis=-2)
    total = tfr.sum(axis=-1)
    lead = [f"dim_{i}" for i in range(f.ndim - 2)]
    per_woman, years = {"units": "births per woman"}, {"units": "year"}
    by = [*lead, "birth_order"]
    return xr.Dataset(
        {
            "tfr": (by, tfr, per_woman),
            "tfr_total": (lead, total, per_woman),
            "share": (by, shares_by_order(tfr), {"units": "1"}),
            "mab": (by, mean_age_at_birth(f, ages), years),
            "mab_total": (lead, mean_age_at_birth(everything, ages), years),
            "sd": (by, sd_age_at_birth(f, ages), years),
            "sd_total": (lead, sd_age_at_birth(everything, ages), years),
        },
        coords={"birth_order": np.arange(1, f.shape[-2] + 1)},
    )


def shares_by_order(births: ArrayLike) -> Array:
    """Shares of births by order (一孩率、二孩率、三孩及以上占比), ``s_k = B_k / B``.

    A share is not a rate: the share of third births rises when first births fall. Give it together
    with the TFR by order and the progression ratio. Why a share moved, in a projection, is told by
    :func:`popsim.decompose_births`.

    Parameters
    ----------
    births : array-like (..., order)
        Births with known order [persons], or TFR by order for shares free of the age structure.

    Returns
    -------
    numpy.ndarray (..., order)
        Shares [1]; not a number where there are no births.

    Raises
    ------
    DataError
        When a number is missing or negative.

    Examples
    --------
    >>> shares_by_order([60.0, 30.0, 10.0])
    array([0.6, 0.3, 0.1])
    """
    B = _numbers(births, "births")
    total = np.broadcast_to(B.sum(axis=-1, keepdims=True), B.shape)
    return np.asarray(np.divide(B, total, out=np.full(B.shape, np.nan), where=total > 0))


def tempo_adjusted(
    tfr: ArrayLike,
    mab: ArrayLike,
    years: ArrayLike,
    *,
    smooth: int = 1,
    on_excess: Literal["raise", "nan"] = "raise",
) -> xr.Dataset:
    """Tempo-adjusted total fertility of Bongaarts and Feeney.

    ``TFR*_k(t) = TFR_k(t) / (1 - r_k(t))``, ``r_k(t) = [MAB_k(t+1) - MAB_k(t-1)] / 2``, summed over
    orders. In the first and last year r is the one difference there is; these years are flagged.
    The method supposes that all ages of an order move by the same amount: a policy that acts on
    some ages or a stock of waiting women breaks this, and the period fertility table is then the
    better measure. Never use the mean age of all orders: it moves with the mix of orders.

    Parameters
    ----------
    tfr : array-like (..., order, year)
        Total fertility by order [births per woman].
    mab : array-like (..., order, year)
        Mean age at birth by order, from incidence rates [years].
    years : array-like of int (year)
        Calendar years without gaps, two or more.
    smooth : int
        Odd number of years over which the mean ages are averaged first; fewer, and flagged, at the
        edges.
    on_excess : {'raise', 'nan'}
        What to do where r is beyond ±0.5 year a year: raise, or no number for order and total.

    Returns
    -------
    xarray.Dataset
        ``r`` (..., birth_order, year) [1]; ``adjusted`` (..., birth_order, year) and ``total``
        (..., year) [births per woman]; ``edge`` (year), whether r leans on a one-sided difference
        or a shortened average.

    Raises
    ------
    DataError
        When r is beyond ±0.5, years have gaps, or values are missing or negative (a mean age may be
        missing for an order without births).

    References
    ----------
    Bongaarts & Feeney 1998, Population and Development Review 24:271.

    Examples
    --------
    >>> result = tempo_adjusted([[0.7, 0.7, 0.7]], [[27.0, 27.1, 27.4]], [2001, 2002, 2003])
    >>> result["total"].values.round(4), result["edge"].values
    (array([0.7778, 0.875 , 1.    ]), array([ True, False,  True]))
    """
    F, M, t = _numbers(tfr, "total fertility rates", 2), np.asarray(mab, float), np.asarray(years)
    if F.shape != M.shape or t.shape != F.shape[-1:]:
        raise DataError(
            f"total fertility has shape {F.shape}, mean ages {M.shape}, and {t.size} years are "
            "given; both need (..., order, year)"
        )
    if t.size < 2 or np.any(np.diff(t) != 1):
        raise DataError("the tempo adjustment needs two or more calendar years without gaps")
    if smooth < 1 or smooth % 2 == 0:
        raise DataError(f"smooth is {smooth}; it must be an odd number of years, 1 for none")
    if on_excess not in ("raise", "nan"):
        raise DataError(f"on_excess {on_excess!r} is unknown; write: raise or nan")
    missing = ~(np.isfinite(M) & (M > 0))
    if np.any(missing & (F > 0)):
        *_, k, i = (int(j) for j in np.argwhere(missing & (F > 0))[0])
        raise DataError(f"order {k + 1} has births in {t[i]} but no mean age")
    M = np.where(missing, np.nan, M)
    half, n = smooth // 2, t.size
    reach = np.minimum(np.minimum(np.arange(n), np.arange(n)[::-1]), half)
    M = np.stack([M[..., i - w : i + w + 1].mean(axis=-1) for i, w in enumerate(reach)], axis=-1)
    r = np.gradient(M, axis=-1)
    # An order without births has nothing to adjust; what is missing beside births is told.
    unknown = np.isnan(r) & (F > 0)
    if np.any(unknown):
        *_, k, i = (int(j) for j in np.argwhere(unknown)[0])
        raise DataError(f"order {k + 1} has no mean age in a year next to {t[i]}")
    excess = np.abs(r) > _LIMIT
    if np.any(excess & (F > 0)) and on_excess == "raise":
        place = tuple(int(j) for j in np.argwhere(excess & (F > 0))[0])
        raise DataError(
            f"the mean age at births of order {place[-2] + 1} moves {r[place]:.2f} years a year in "
            f"{t[place[-1]]}; beyond {_LIMIT:g} the tempo adjustment has no meaning: smooth the "
            "mean ages, pool years or use the period fertility table"
        )
    adjusted = np.where(excess, np.nan, F / np.where(excess, 1.0, 1 - r))
    adjusted = np.where(F == 0, 0.0, adjusted)
    edge = (np.arange(n) < half + 1) | (np.arange(n) >= n - half - 1)
    lead = [f"dim_{i}" for i in range(F.ndim - 2)]
    per_woman = {"units": "births per woman"}
    return xr.Dataset(
        {
            "r": ([*lead, "birth_order", "year"], r, {"units": "1"}),
            "adjusted": ([*lead, "birth_order", "year"], adjusted, per_woman),
            "total": ([*lead, "year"], adjusted.sum(axis=-2), per_woman),
            "edge": ("year", edge),
        },
        coords={"birth_order": np.arange(1, F.shape[-2] + 1), "year": t},
    )


def order_hazards(incidence: ArrayLike, women: ArrayLike) -> Array:
    """Birth rates of an order per woman who has not yet had that order.

    ``p_k(x) = f_k(x) / Σ_{i<k} w_i(x)``, w the shares of the women of age x by parity, which are
    those of their cohorts. Cumulating the period's own f_k over age in place of the cohorts' would
    be wrong when the timing moves. Not the conditional rate, whose women are at parity k - 1.

    Parameters
    ----------
    incidence : array-like (..., order, age)
        Births of an order per woman-year of all women of that age [year-1].
    women : array-like (..., parity, age)
        Mean population of women by parity, as many parities as orders [persons], or shares.

    Returns
    -------
    numpy.ndarray (..., order, age)
        Births of order k per woman-year of parity below k [year-1]; 0 where nobody is left. The
        last order, if open, holds later births too and is then too high.

    Raises
    ------
    DataError
        When shapes do not fit, a number is missing or negative, or births have no women.

    Examples
    --------
    >>> order_hazards([[0.05], [0.06]], [[50.0], [50.0]])
    array([[0.1 ],
           [0.06]])
    """
    f, W = _numbers(incidence, "incidence rates", 2), _numbers(women, "women", 2)
    if f.shape[-2:] != W.shape[-2:]:
        raise DataError(
            f"incidence rates have shape {f.shape} and women {W.shape}; they must agree"
        )
    total = W.sum(axis=-2, keepdims=True)
    below = np.divide(W.cumsum(axis=-2), total, out=np.zeros(W.shape), where=total > 0)
    f, below = np.broadcast_arrays(f, below)
    if np.any((f > 0) & (below <= 0)):
        *_, k, a = (int(i) for i in np.argwhere((f > 0) & (below <= 0))[0])
        raise DataError(f"births of order {k + 1} at age index {a} have no women of parity below")
    return np.asarray(np.divide(f, below, out=np.zeros(f.shape), where=below > 0))


def tempo_adjusted_tfrp(hazards: ArrayLike, r: ArrayLike = 0.0) -> Array:
    """Tempo- and parity-adjusted total fertility by order (TFRp*).

    ``TFRp*_k = 1 - exp(-Σ_x p_k(x) / (1 - r_k))`` with the hazards of :func:`order_hazards`. With
    r = 0 it is the measure without the tempo term (内在总和生育率). It varies less from year to
    year than :func:`tempo_adjusted`. Each order is one event in a life, the last one too.

    Parameters
    ----------
    hazards : array-like (..., order, age)
        Births of order k per woman-year of parity below k [year-1].
    r : array-like (..., order)
        Change of the mean age at birth of each order [years a year].

    Returns
    -------
    numpy.ndarray (..., order)
        Share of women who would have a birth of each order; the sum is TFRp* [births per woman].

    Raises
    ------
    DataError
        When r is beyond ±0.5 or a hazard is missing or negative.

    References
    ----------
    Bongaarts & Sobotka 2012, Population and Development Review 38:83; Yamaguchi & Beppu 2004.

    Examples
    --------
    >>> tempo_adjusted_tfrp([[0.5, 0.5], [0.2, 0.3]], [0.1, 0.0]).round(4)
    array([0.6708, 0.3935])
    """
    p, change = _numbers(hazards, "hazards", 2), np.asarray(r, dtype=float)
    if not np.all(np.abs(change) <= _LIMIT):
        raise DataError(
            f"the mean age moves {change.ravel()[np.nanargmax(np.abs(change))]:.2f} years a year; "
            f"beyond {_LIMIT:g} the tempo adjustment has no meaning"
        )
    return np.asarray(-np.expm1(-p.sum(axis=-1) / (1 - change)))


def tfr_from_progression(ratios: ArrayLike, *, closing: Literal["none", "same"] = "none") -> Array:
    """Total fertility from parity progression ratios, ``a_0 + a_0 a_1 + a_0 a_1 a_2 + …``.

    Parameters
    ----------
    ratios : array-like (..., order)
        Ratio to each order: a_0 to the first, a_1 from the first to the second … [1].
    closing : {'none', 'same'}
        ``none``: nothing after the last order, or the last ratio is births per mother of an open
        order, as in :func:`popsim.demography.parity.progression_ratios`. ``same``: the last ratio
        is a probability that holds for all later orders, which stands for ``a / (1 - a)``.

    Returns
    -------
    numpy.ndarray (...)
        TFR_PPR [births per woman].

    Raises
    ------
    DataError
        When a ratio is missing or negative, or is 1 or more where it repeats for ever.

    References
    ----------
    Feeney & Yu 1987, Population Studies 41:77.

    Examples
    --------
    >>> tfr_from_progression([0.9, 0.5, 0.2]).round(6).item()
    1.44
    >>> tfr_from_progression([0.9, 0.5, 0.2], closing="same").round(6).item()
    1.4625
    """
    a = _numbers(ratios, "progression ratios")
    if closing not in ("none", "same"):
        raise DataError(f"closing {closing!r} is unknown; write: none or same")
    if closing == "same":
        if np.any(a[..., -1] >= 1):
            raise DataError("the last progression ratio must be below 1 to hold for later orders")
        a = np.concatenate([a[..., :-1], a[..., -1:] / (1 - a[..., -1:])], axis=-1)
    return np.asarray(np.cumprod(a, axis=-1).sum(axis=-1))


def birth_interval_table(
    births: ArrayLike,
    exposure: ArrayLike,
    limits: ArrayLike,
    *,
    horizon: float = 60.0,
    read_at: Literal["end", "start"] = "end",
) -> xr.Dataset:
    """Life table of a birth interval: progression to the next birth by duration since the last.

    ``h = births / exposure``, constant inside an interval; ``B(d) = 1 - exp(-Σ n h)``. Intervals
    cut by the interview stay in the exposure until then. For a period progression ratio (Henry;
    Feeney and Yu) give the births of a year by duration and the women who were exposed in it.

    Parameters
    ----------
    births : array-like (..., duration)
        Next births by duration since the last one [persons].
    exposure : array-like (..., duration)
        Woman-time without the next birth, in the units of ``limits`` [person-months].
    limits : array-like (duration + 1)
        Limits of the intervals of duration, from 0 [months].
    horizon : float
        Duration that counts as having gone on [months]; 60 gives the quintum.
    read_at : {'end', 'start'}
        Where quartiles are read. Those who have gone on by the end of an interval have done so by
        its end; ``start`` puts them at its start, as some published tables do, and comes out one
        interval lower.

    Returns
    -------
    xarray.Dataset
        ``hazard`` (..., duration) [month-1]; ``progression`` (..., limit), B at each limit [1];
        ``quintum`` (...), B at the horizon [1]; ``quartile`` (..., quantile), durations by which a
        quarter, half and three quarters of those who go on within the horizon have done so
        [months];
        ``trimean`` (...), (Q1 + 2 Q2 + Q3) / 4 [months].

    Raises
    ------
    DataError
        When shapes do not fit, limits do not rise from 0 past the horizon, a number is missing or
        negative, or births have no exposure.

    References
    ----------
    Rodríguez & Hobcraft 1980, WFS Scientific Reports; Feeney & Yu 1987, Population Studies
    41:77.

    Examples
    --------
    >>> table = birth_interval_table([0, 30, 20], [1000, 800, 500], [0, 12, 36, 72])
    >>> round(float(table["quintum"]), 4), round(float(table["trimean"]), 2)
    (0.8443, 27.54)
    """
    B, E = _numbers(births, "births"), _numbers(exposure, "exposure")
    d = np.asarray(limits, dtype=float)
    if B.shape != E.shape or d.shape != (B.shape[-1] + 1,):
        raise DataError(
            f"births have shape {B.shape}, exposure {E.shape}, and {d.size} limits are given; one "
            "limit more than durations is needed"
        )
    if d[0] != 0 or not np.all(np.diff(d) > 0) or not 0 < horizon <= d[-1]:
        raise DataError(
            f"limits of duration must rise from 0 to the horizon of {horizon:g} or beyond"
        )
    if read_at not in ("end", "start"):
        raise DataError(f"read_at {read_at!r} is unknown; write: end or start")
    if np.any((B > 0) & (E == 0)):
        i = int(np.argwhere((B > 0) & (E == 0))[0][-1])
        raise DataError(f"births at durations {d[i]:g} to {d[i + 1]:g} have no exposure")
    h = np.divide(B, E, out=np.zeros(B.shape), where=E > 0)
    H = np.concatenate([np.zeros((*h.shape[:-1], 1)), np.cumsum(h * np.diff(d), axis=-1)], axis=-1)
    quantile = np.array([0.25, 0.5, 0.75])
    quintum, quartile = np.empty(h.shape[:-1]), np.empty((*h.shape[:-1], 3))
    for row in np.ndindex(h.shape[:-1]):
        quintum[row] = -np.expm1(-np.interp(horizon, d, H[row]))
        wanted = -np.log1p(-quantile * quintum[row])
        at = d if read_at == "end" else np.append(0.0, d[:-1])
        quartile[row] = np.interp(wanted, H[row], at)
        if quintum[row] == 0:
            quartile[row] = np.nan
    lead = [f"dim_{i}" for i in range(h.ndim - 1)]
    month, one = {"units": "month"}, {"units": "1"}
    return xr.Dataset(
        {
            "hazard": ([*lead, "duration"], h, {"units": "month-1"}),
            "progression": ([*lead, "limit"], -np.expm1(-H), one),
            "quintum": (lead, quintum, one),
            "quartile": ([*lead, "quantile"], quartile, month),
            "trimean": (lead, quartile @ np.array([0.25, 0.5, 0.25]), month),
        },
        coords={"duration": d[:-1], "limit": d, "quantile": quantile},
        attrs={"horizon": horizon},
    )


class Alignment(NamedTuple):
    """Factors that make conditional rates meet a stated fertility in one year.

    Attributes
    ----------
    factor : numpy.ndarray (..., order)
        Multipliers of the conditional rates [1], equal in all orders when one was asked for; to be
        kept and used for other years as ``factor[..., None] * conditional``.
    conditional : numpy.ndarray (..., order, age)
        Conditional rates times the factors [year-1].
    incidence : numpy.ndarray (..., order, age)
        Incidence rates of the year [year-1].
    tfr : numpy.ndarray (..., order)
        Total fertility by order of the year [births per woman].
    births : numpy.ndarray (..., order)
        Births by order of the year [persons].
    """

    factor: Array
    conditional: Array
    incidence: Array
    tfr: Array
    births: Array


def align(
    conditional: ArrayLike,
    women: ArrayLike,
    *,
    tfr: ArrayLike | None = None,
    births: ArrayLike | None = None,
    by: Literal["order", "total"] = "order",
    survival: ArrayLike | None = None,
) -> Alignment:
    """Find the factors on conditional rates that meet a stated fertility of a year, exactly.

    The year is that of :func:`popsim.demography.parity.incidence_rates` (births, ageing, births),
    so a projection step with the same women, survival and no migration within the year gives the
    stated births. Orders are solved from the first up, because births of one order make the women
    of the next; the answer is unique, as births of an order rise with its own factor.

    Parameters
    ----------
    conditional : array-like (..., order, age)
        Births of order k per woman-year of parity k - 1 [year-1].
    women : array-like (..., parity, age)
        Women on 1 January [persons].
    tfr : array-like (..., order) or (...), optional
        Total fertility to meet, by order or in total as ``by`` says [births per woman].
    births : array-like (..., order) or (...), optional
        Births of the year to meet, in place of ``tfr`` [persons].
    by : {'order', 'total'}
        One factor per order and a target for each, or one factor for all and one target.
    survival : array-like (..., age), optional
        Survival ratio of women into each age [1]; default 1.

    Returns
    -------
    Alignment
        Factors, and rates, total fertility and births with them.

    Raises
    ------
    DataError
        When not exactly one target is given, shapes or values do not fit, or the target is out of
        reach: more than the women can give with rates up to 4 (open state 2) a year, where all of
        them would give birth in each half-year.

    Examples
    --------
    >>> women = np.array([[0.0, 50.0, 40.0, 0.0], [0.0, 10.0, 20.0, 0.0]])
    >>> rates = np.array([[0.0, 0.1, 0.1, 0.0], [0.0, 0.2, 0.1, 0.0]])
    >>> fixed = align(rates, women, tfr=[0.2, 0.05])
    >>> fixed.factor.round(4), fixed.tfr.round(9)
    (array([1.3275, 0.7279]), array([0.2 , 0.05]))
    """
    h, W = np.asarray(conditional, dtype=float), np.asarray(women, dtype=float)
    if (tfr is None) == (births is None):
        raise DataError("give either tfr or births to align to, and not both")
    if by not in ("order", "total"):
        raise DataError(f"by {by!r} is unknown; write: order or total")
    f0 = incidence_rates(h, W, survival)  # checks shapes and values
    lead, K = f0.shape[:-2], f0.shape[-2]
    h = np.broadcast_to(h, f0.shape)
    S = np.ones(W.shape[-1]) if survival is None else np.asarray(survival, dtype=float)
    total = W.sum(axis=-2)
    E = np.broadcast_to(0.5 * (total + _aged(total, S)), (*lead, W.shape[-1]))
    what = "total fertility" if births is None else "births"
    wanted = births if tfr is None else tfr
    target = np.asarray(wanted, dtype=float)
    given = target.shape
    shape = (*lead, K) if by == "order" else lead
    if (by == "order" and given[-1:] != (K,)) or len(given) > len(shape):
        raise DataError(f"the target has shape {given}; by {by} it needs {shape}")
    try:
        target = np.broadcast_to(target, shape)
    except ValueError:
        raise DataError(f"the target has shape {given}; by {by} it needs {shape}") from None
    if not np.all(np.isfinite(target) & (target >= 0)):
        raise DataError(f"the {what} to meet must be numbers that are not negative")
    weight = np.ones_like(E) if births is None else E

    def result(factor: Array) -> Array:
        rates = incidence_rates(factor[..., None] * h, W, survival)
        return np.asarray((rates * weight[..., None, :]).sum(axis=-1))

    # Rates at which every woman would give birth in each half-year, with a hair's room.
    top = np.where(np.arange(K) < K - 1, 4.0, 2.0) * (1 - 1e-12)
    highest = h.max(axis=-1)
    room = np.divide(top, highest, out=np.full(highest.shape, np.inf), where=highest > 0)
    factor = np.ones((*lead, K))
    if by == "total":
        limit = room.min(axis=-1)
        limit = np.where(np.isfinite(limit), limit, 1.0)

        def all_orders(c: Array) -> Array:
            return np.asarray(result(np.broadcast_to(c[..., None], (*lead, K))).sum(axis=-1))

        found = _solve(all_orders, target, limit, f"{what} of all orders")
        factor = np.repeat(found[..., None], K, axis=-1)
    else:
        # Orders above the one being solved are held at nothing: they do not act on it.
        factor = np.zeros((*lead, K))
        for k in range(K):
            limit = np.where(np.isfinite(room[..., k]), room[..., k], 1.0)

            def one_order(c: Array, k: int = k) -> Array:
                trial = factor.copy()
                trial[..., k] = c
                return np.asarray(result(trial)[..., k])

            factor[..., k] = _solve(one_order, target[..., k], limit, f"{what} of order {k + 1}")
    aligned = factor[..., None] * h
    f = incidence_rates(aligned, W, survival)
    return Alignment(factor, aligned, f, f.sum(axis=-1), (f * E[..., None, :]).sum(axis=-1))


def _aged(total: Array, S: Array) -> Array:
    """Women of each age at the end of the year, none at age 0."""
    lead = np.broadcast_shapes(total.shape[:-1], S.shape[:-1])
    end = np.zeros((*lead, total.shape[-1]))
    end[..., 1:] = S[..., 1:] * total[..., :-1]
    end[..., -1] += S[..., -1] * total[..., -1]
    return end


def _solve(
    births: Callable[[Array], Array], target: Array, limit: Array, what: str, rtol: float = 1e-13
) -> Array:
    """Find c in [0, limit] where rising ``births(c)`` meet the target (Illinois false position)."""
    low, high = np.zeros_like(limit), limit.copy()
    at_low, at_high = -target, births(high) - target
    short = at_high < -rtol * target
    if np.any(short):
        place = tuple(int(i) for i in np.argwhere(short)[0])
        where = f" (row {', '.join(map(str, place))})" if place else ""
        most = float((at_high + target)[place])
        reason = (
            "the rates or the women who could give them are zero"
            if most == 0
            else f"with rates at their limit, {limit[place]:.3g} times those given, there are "
            f"{most:.4g}"
        )
        raise DataError(f"{what}{where} of {target[place]:.6g} are out of reach: {reason}")
    best, least = np.where(target > 0, high, 0.0), np.where(target > 0, np.abs(at_high), 0.0)
    side = np.zeros(limit.shape)
    for number in range(200):
        if np.all((least <= rtol * target) | (high - low <= 1e-15 * high)):
            break
        gap = at_high - at_low
        c = np.divide(low * at_high - high * at_low, gap, out=low.copy(), where=gap > 0)
        if number % 20 == 19:
            c = 0.5 * (low + high)
        c = np.clip(c, low, high)
        y = births(c) - target
        better = np.abs(y) < least
        best, least = np.where(better, c, best), np.where(better, np.abs(y), least)
        below = y < 0
        at_high = np.where(below & (side < 0), 0.5 * at_high, at_high)
        at_low = np.where(~below & (side > 0), 0.5 * at_low, at_low)
        low, at_low = np.where(below, c, low), np.where(below, y, at_low)
        high, at_high = np.where(below, high, c), np.where(below, at_high, y)
        side = np.where(below, -1.0, 1.0)
    if np.any(least > 1e-9 * target):
        place = tuple(int(i) for i in np.argwhere(least > 1e-9 * target)[0])
        raise DataError(f"no factor meets the {what} of {target[place]:.6g}")
    return np.asarray(best)
