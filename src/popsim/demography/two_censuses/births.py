"""Fertility of a region from its children, its births by order and the nation's age pattern.

The level is that of the last five years: children under 5, brought back to their births, over the
women who could bear them. The long form gives the shares of the orders and the sex ratio at birth.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from popsim.demography.parity import conditional_rates, reconstruct

__all__ = ["Fertility", "fertility"]

Array = NDArray[np.float64]

#: Most births of an order per birth of the order before, and most first births per woman. Rates of
#: a period, with children of mothers who left, can give more than any cohort; what is above is
#: counted as births of the next order.
MOST_PROGRESSION = 0.95
#: Years over which the rates are held before the census to get women by parity.
PAST_YEARS = 36
#: Births of an order and sex that the nation's ratio weighs beside a region's own.
POOLED_BIRTHS = 100.0
#: Below this share of the women of an age at the parity at risk, a rate is held to the largest of
#: the other ages.
THIN_SHARE = 0.005
_CHILD_YEARS = 5


class Fertility(NamedTuple):
    """Fertility of regions at the census.

    Attributes
    ----------
    incidence : numpy.ndarray (region, order, age)
        Births of an order per woman-year of all women [year-1].
    conditional : numpy.ndarray (region, order, age)
        Births of order k per woman-year of parity k - 1 [year-1].
    parity : numpy.ndarray (region, parity, age)
        Shares of women [1].
    parity_known : numpy.ndarray (region, age)
        1 where the cohort could be followed, 0 where the oldest followed one stands for it.
    sex_ratio : numpy.ndarray (region, order)
        Men per woman at birth.
    """

    incidence: Array
    conditional: Array
    parity: Array
    parity_known: Array
    sex_ratio: Array


def fertility(
    people: Array, survival: Array, sample: Array, nation_by_age: Array, nation_women: Array
) -> Fertility:
    """Return fertility of regions.

    Parameters
    ----------
    people : numpy.ndarray (region, sex, age)
        Corrected census count [persons].
    survival : numpy.ndarray (region, sex, age)
        Annual survival ratios [1].
    sample : numpy.ndarray (region, sex, order)
        Births of the long form; the nation is the first region [births].
    nation_by_age : numpy.ndarray (order, age)
        The nation's births of the long form by age of mother [births].
    nation_women : numpy.ndarray (age)
        The nation's woman-years of the census year [years].
    """
    pattern = nation_by_age / nation_women
    ratio = sample[0, 1] / sample[0, 0]
    sex_ratio = (sample[:, 1] + POOLED_BIRTHS * ratio) / (sample[:, 0] + POOLED_BIRTHS)
    by_order = sample.sum(axis=1)
    births = _births_a_year(people, survival)[:, None] * (
        by_order / by_order.sum(axis=1, keepdims=True)
    )
    of_pattern = _women_of_the_years(people) @ pattern.T
    rates = _possible(pattern * (births / of_pattern)[..., None])
    past = np.broadcast_to(rates[:, None], (len(rates), PAST_YEARS, *pattern.shape))
    parity = reconstruct(past, on_excess="cap").shares
    known = ~np.isnan(parity[:, 0])
    oldest = int(np.flatnonzero(known[0])[-1])
    parity = np.where(known[:, None], parity, parity[..., [oldest]])
    women = parity * np.maximum(people[:, :1], 1.0)
    conditional = conditional_rates(rates, women, survival[:, 0], on_excess="cap")
    return Fertility(rates, _pool_thin(conditional, parity), parity, known.astype(float), sex_ratio)


def _possible(rates: Array) -> Array:
    """Move births that no cohort could have to the next order, up to the open one."""
    totals = rates.sum(axis=-1)
    wanted = totals.copy()
    below = np.ones(len(totals))
    for k in range(totals.shape[1] - 1):
        kept = np.minimum(wanted[:, k], MOST_PROGRESSION * below)
        wanted[:, k + 1] += wanted[:, k] - kept
        wanted[:, k] = below = kept
    factor = np.divide(wanted, totals, out=np.ones_like(totals), where=totals > 0)
    possible: Array = rates * factor[..., None]
    return possible


def _births_a_year(people: Array, survival: Array) -> Array:
    """Return births a year of the last five years (region), from the children under 5."""
    alive = np.cumprod(survival[..., :_CHILD_YEARS], axis=-1)
    return np.asarray((people[..., :_CHILD_YEARS] / alive).sum(axis=(-2, -1)) / _CHILD_YEARS)


def _women_of_the_years(people: Array) -> Array:
    """Return mean women over the last five years (region, age)."""
    women = np.zeros((len(people), people.shape[-1]))
    for back in range(_CHILD_YEARS):
        # In the middle of a year half of those of an age are `back` years younger than now, half
        # one year more.
        for older in (back, back + 1):
            women[:, : women.shape[1] - older] += 0.5 * people[:, 0, older:]
    return women / _CHILD_YEARS


def _pool_thin(rates: Array, parity: Array) -> Array:
    """Hold rates of ages with hardly any women at risk to the largest of the other ages."""
    thin = parity < THIN_SHARE
    most = np.where(thin, 0.0, rates).max(axis=-1, keepdims=True)
    return np.where(thin, np.minimum(rates, most), rates)
