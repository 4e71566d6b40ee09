"""Uncertain fertility as progression by order and timing, turned into numbers the projection takes.

What is drawn is the change of the logit of the period progression ratio of each order, and the
change of the mean age. What the projection takes is a factor on the conditional birth rates of the
order, and one weight between two schedules of rates, an early and a late one.

Examples
--------
>>> rates = [[0.0, 0.1, 0.2, 0.1], [0.0, 0.02, 0.06, 0.05]]
>>> factors = progression_factors([[0.5, 0.0], [0.0, 0.0]], rates)
>>> factors.round(3)
array([[1.48, 1.  ],
       [1.   , 1.   ]])
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from popsim.dataset import label
from popsim.demography.stochastic import Process
from popsim.errors import DataError

__all__ = [
    "PROGRESSION",
    "TIMING",
    "Schedules",
    "early_and_late",
    "progression_factors",
    "timing_weights",
    "with_timing",
]

Array = NDArray[np.float64]

_SD = np.array([0.108, 0.109, 0.188, 0.143])
_CORRELATION = np.array(
    [
        [1.00, 0.52, 0.09, 0.24],
        [0.52, 1.00, 0.51, 0.36],
        [0.09, 0.51, 1.00, 0.83],
        [0.24, 0.36, 0.83, 1.00],
    ]
)
#: Logits of the progression ratios to the orders 1, 2, 3 and 4 and later.
PROGRESSION = Process(
    _CORRELATION * np.outer(_SD, _SD),
    kind="ar1",
    memory=0.976,
    source="Innovations: yearly changes of 1994-2020 in the reconstructed fertility of Zhejiang "
    "(scripts/baselines/progression.py), without their drift; memory: bayesTFR's third phase, "
    "0.8859 in five years",
)
#: Mean age at birth [years].
TIMING = Process(
    [[0.108**2]],
    changes=26,
    source="Yearly changes of 1994-2020 of the mean age at first birth in the reconstructed "
    "fertility of Zhejiang (scripts/baselines/progression.py); its drift is not continued, its "
    "error is kept",
)

#: Years that the early and the late schedule are moved by, before limits.
HALF_RANGE = 5.0
# Steps of the table from factor to progression, and its smallest factor.
_STEPS, _LEAST = 80, 0.02
# A drawn rate is at most this, half of what one birth per woman in half a year allows.
_MOST, _MOST_OPEN = 2.0, 1.0


def progression_factors(
    change: ArrayLike, rates: ArrayLike, highest: ArrayLike | None = None
) -> Array:
    """Return the factors on conditional rates that change progression ratios by given logits.

    For each order the ratio ``a_k(c)`` of the period fertility table with ``c h_k`` is tabulated,
    the lower orders as they are; the factor is where ``logit a_k(c)`` is the logit of
    ``a_k(1)`` plus the change, linear in ``ln c`` between 80 steps. A change of 0 gives exactly 1.
    Of the open order, with m births per mother, ``a = m / (1 + m)``, so the logit is ``ln m``.

    Parameters
    ----------
    change : array-like (order, ...)
        Change of the logit [1].
    rates : array-like (order, age)
        Central conditional birth rates of one year [year-1].
    highest : array-like (order), optional
        Largest rate that the factors will be used on, of all years and schedules [year-1]; default
        that of ``rates``.

    Returns
    -------
    numpy.ndarray (order, ...)
        Factors [1], from 0.02 to what makes the largest rate 2 births per woman-year (open order
        1), or to 1 if a rate is larger as it is.

    Raises
    ------
    DataError
        When rates and changes have different orders, or a rate is missing or negative.

    Notes
    -----
    The ratios of higher orders also move a little with lower ones, because those decide when women
    reach a parity; this is left to the projection.

    Examples
    --------
    >>> c = progression_factors([[1.0], [0.0]], [[0.0, 0.2, 0.2], [0.0, 0.1, 0.1]])[0, 0]
    >>> a = [1 - ((1 - r) / (1 + r)) ** 2 for r in (0.1, 0.1 * c)]
    >>> bool(abs(np.log(a[1] / (1 - a[1])) - np.log(a[0] / (1 - a[0])) - 1) < 1e-3)
    True
    """
    # Here, because the default of a run needs no fitting and should not wait for SciPy.
    from popsim.demography.parity import period_fertility_table

    h, moved = np.asarray(rates, dtype=float), np.asarray(change, dtype=float)
    if h.ndim != 2 or moved.shape[:1] != h.shape[:1]:
        raise DataError(
            f"changes of {moved.shape[0] if moved.ndim else 0} orders are given for rates of shape "
            f"{h.shape}; they need (order, age) and the same orders"
        )
    factors = np.ones_like(moved)
    last = len(h) - 1
    top = h.max(axis=1) if highest is None else np.asarray(highest, dtype=float)
    for k, row in enumerate(h):
        if not row.max() > 0:
            continue
        most = max(1.0, (_MOST_OPEN if k == last else _MOST) / top[k])
        up = np.linspace(0.0, np.log(most), _STEPS) if most > 1 else np.zeros(1)
        logs = np.concatenate([np.linspace(np.log(_LEAST), 0.0, _STEPS)[:-1], up])
        trial = np.repeat(h[None, : k + 1], len(logs), axis=0)
        trial[:, k] *= np.exp(logs)[:, None]
        # The order in question is the last of the trial: open only if it is so in the rates.
        table = period_fertility_table(
            trial, np.arange(h.shape[1]), open_last=k == last, method="linear"
        )
        ratio = table["ppr"].values[:, k]
        # Where nobody is left to progress the ratio says nothing more.
        told = np.ones(ratio.shape, bool) if k == last else ratio < 1 - 1e-9
        ratio, logs = ratio[told], logs[told]
        logit = np.log(ratio) if k == last else np.log(ratio) - np.log1p(-ratio)
        centre = logit[_STEPS - 1]
        factors[k] = np.exp(np.interp(moved[k], logit - centre, logs))
    return factors


class Schedules(NamedTuple):
    """An early and a late schedule whose mean is the central one.

    Attributes
    ----------
    rates : numpy.ndarray (2, order, age)
        Conditional birth rates, early and late [year-1].
    reach : float
        Years that the mean age of every order differs from the central one in either.
    """

    rates: Array
    reach: float


def early_and_late(rates: ArrayLike, half_range: float = HALF_RANGE) -> Schedules:
    """Return an early and a late schedule around a central one, equally far for all orders.

    With the schedule moved by ``± half_range`` years, half of the difference D, limited to the
    rate itself so that none is negative, and balanced so that the sum of an order's rates stays,
    is taken off and added. D is then scaled so that the mean age of the rates of every order moves
    by the same number of years. A weight w between the two gives
    ``h(w) = h + (2 w - 1) D``: its sum is that of h, and its mean age is moved by exactly
    ``(2 w - 1) reach``.

    Parameters
    ----------
    rates : array-like (order, age)
        Central conditional birth rates [year-1].
    half_range : float
        Years moved before limits.

    Returns
    -------
    Schedules

    Raises
    ------
    DataError
        When ``half_range`` is not positive, or all rates are 0.

    Examples
    --------
    >>> early, late = early_and_late([[0.0, 0.1, 0.2, 0.1, 0.0]], 0.5).rates
    >>> ((early + late) / 2).round(6)
    array([[0. , 0.1, 0.2, 0.1, 0. ]])
    """
    from popsim.demography.fertility_patterns import shift_schedule

    h = np.asarray(rates, dtype=float)
    if not half_range > 0:
        raise DataError(f"half_range is {half_range:g}; write a number of years above 0")
    born = h.sum(axis=-1) > 0
    if not born.any():
        raise DataError("all birth rates are 0, so there is no mean age to move")
    late, early = shift_schedule(h, half_range), shift_schedule(h, -half_range)
    D = np.clip((late - early) / 2, -h, h)
    gained, lost = np.maximum(D, 0).sum(axis=-1), np.maximum(-D, 0).sum(axis=-1)
    smaller = np.minimum(gained, lost)
    scale_up = np.divide(smaller, gained, out=np.zeros_like(gained), where=gained > 0)
    scale_down = np.divide(smaller, lost, out=np.zeros_like(lost), where=lost > 0)
    D = np.where(D > 0, D * scale_up[:, None], D * scale_down[:, None])
    moved = (D * np.arange(h.shape[-1])).sum(axis=-1) / np.where(born, h.sum(axis=-1), 1.0)
    reach = float(moved[born].min())
    if not reach > 0:
        raise DataError("an order has births at one age only, so its mean age cannot be moved")
    D *= np.divide(reach, moved, out=np.zeros_like(moved), where=born)[:, None]
    return Schedules(np.stack([h - D, h + D]), reach)


def with_timing(baseline: xr.Dataset, half_range: float = HALF_RANGE) -> xr.Dataset:
    """Return a baseline whose conditional rates have an early and a late schedule.

    Parameters
    ----------
    baseline : xarray.Dataset
        With ``conditional_fertility_rate`` (region, birth_order, age) [year-1].
    half_range : float
        As in :func:`early_and_late`.

    Returns
    -------
    xarray.Dataset
        ``conditional_fertility_rate`` with the dimension ``fertility_schedule`` (early, late), and
        ``timing_reach`` (region) [year]. A ``fertility_weight`` of ½ is the central schedule.

    Raises
    ------
    DataError
        When the rates have schedules already, or differ by year.

    Examples
    --------
    >>> from popsim import load_baseline
    >>> timed = with_timing(load_baseline("zhejiang-2020"))
    >>> timed["conditional_fertility_rate"].sizes["fertility_schedule"]
    2
    """
    rates = baseline["conditional_fertility_rate"]
    if "fertility_schedule" in rates.dims:
        raise DataError("conditional_fertility_rate has two schedules already; give one")
    if "year" in rates.dims:
        raise DataError(
            "conditional_fertility_rate differs by year; timing needs one schedule, with the path "
            "in fertility_factor"
        )
    rows = rates.transpose("region", "birth_order", "age")
    made = [early_and_late(row, half_range) for row in rows.values]
    names = ["early", "late"]
    stacked = xr.DataArray(
        np.stack([one.rates for one in made]),
        dims=("region", "fertility_schedule", "birth_order", "age"),
        coords={**rows.coords, "fertility_schedule": names},
        attrs=rates.attrs,
    )
    reach = xr.DataArray([one.reach for one in made], {"region": baseline["region"].values})
    timed = baseline.drop_vars("conditional_fertility_rate").assign(
        conditional_fertility_rate=stacked, timing_reach=reach
    )
    return label(timed, source="early and late schedules, half of the difference of two shifts")


def timing_weights(change: ArrayLike, reach: float) -> tuple[Array, int]:
    """Return the weight of the late schedule that moves the mean age by given years.

    ``w = ½ + change / (2 reach)``, cut to 0 and 1.

    Parameters
    ----------
    change : array-like
        Change of the mean age [years].
    reach : float
        From :func:`early_and_late` [years].

    Returns
    -------
    tuple of numpy.ndarray and int
        Weights [1], and how many were cut.

    Examples
    --------
    >>> timing_weights([-0.5, 0.0, 4.0], 2.0)
    (array([0.375, 0.5  , 1.   ]), 1)
    """
    weight = 0.5 + np.asarray(change, dtype=float) / (2 * reach)
    outside = (weight < 0) | (weight > 1)
    return np.clip(weight, 0.0, 1.0), int(outside.sum())
