"""Given age groups to the single ages of the model, once, with what was done in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.demography.graduation import (
    graduate,
    graduate_rates,
    graduate_with_standard,
    group_sums,
    spread_open,
)
from popsim.demography.lifetable import cut_open, extend_kannisto, graduate_mortality, life_table
from popsim.errors import DataError

__all__ = [
    "counts",
    "death_rates",
    "end_of_births",
    "exposure",
    "fertility_rates",
    "in_groups",
    "signed_counts",
]

Array = NDArray[np.float64]
Ages = NDArray[np.int64]
_SEXES = ("female", "male")


def counts(
    values: Array, limits: Ages, last: int, standard: Array | None, name: str = ""
) -> tuple[Array, str]:
    """Return counts by single age up to an open age.

    Parameters
    ----------
    values : numpy.ndarray (..., group)
        Counts [persons], the last group open.
    limits : numpy.ndarray of int (group)
        First ages of the groups.
    last : int
        Open age wanted.
    standard : numpy.ndarray (..., last + 1) or None
        Single ages of a larger area.
    name : str
        What the standard is called.

    Returns
    -------
    tuple of numpy.ndarray (..., last + 1) and str
        Counts, and what was done; empty when nothing was.

    Raises
    ------
    DataError
        When the open group is below the age wanted and there is no standard to spread it.
    """
    said = []
    if limits[-1] > last:
        keep = limits[limits <= last]
        if keep[-1] != last:
            raise DataError(f"no age group starts at {last}, where the other tables end")
        values = group_sums_by_limits(values, limits, keep)
        said.append(f"ages {last} and over put together")
        limits = keep
    if np.any(np.diff(limits) > 1):
        top = int(limits[-1])
        if standard is not None:
            values = graduate_with_standard(values, limits, standard[..., : top + 1])
            said.append(f"age groups graduated with the single ages of {name}")
        else:
            values = graduate(values, limits)
            said.append("age groups graduated by a monotone spline through the cumulated counts")
    if limits[-1] < last:
        if standard is None:
            raise DataError(f"the last age is {limits[-1]}+, but the other tables go to {last}+")
        values = spread_open(values, standard[..., int(limits[-1]) :])
        said.append(f"ages {limits[-1]} and over spread to {last}+ like those of {name}")
    return values, "; ".join(said)


def group_sums_by_limits(values: Array, limits: Ages, keep: Ages) -> Array:
    """Add groups up to the coarser groups that start at ``keep``."""
    starts = np.searchsorted(limits, keep)
    sums: Array = np.add.reduceat(values, starts, axis=-1)
    return sums


def signed_counts(
    values: Array, limits: Ages, last: int, standard: Array | None, name: str = ""
) -> tuple[Array, str]:
    """Net counts by single age: arrivals and departures are graduated apart (see `counts`)."""
    plus, said = counts(np.maximum(values, 0.0), limits, last, standard, name)
    minus, _ = counts(np.maximum(-values, 0.0), limits, last, standard, name)
    return plus - minus, said


def fertility_rates(values: Array, limits: Ages, upper: int | None, last: int) -> tuple[Array, str]:
    """Fertility rates by single age 0 … last from rates by age of mother; 0 outside the table.

    Parameters
    ----------
    values : numpy.ndarray (..., group)
        Births per woman-year.
    limits : numpy.ndarray of int (group)
        First ages.
    upper : int or None
        End of the last group; an open group is taken as wide as the one before it.
    last : int
        Open age of the model.

    Returns
    -------
    tuple of numpy.ndarray (..., last + 1) and str
    """
    end = end_of_births(limits, upper)
    width = np.diff(np.append(limits, end))
    single = np.zeros((*values.shape[:-1], last + 1))
    if np.all(width == 1):
        single[..., int(limits[0]) : end] = values
        return single, ""
    single[..., int(limits[0]) : end] = graduate_rates(values, np.append(limits, end))
    said = "age groups graduated by a monotone spline through the cumulated rates"
    if upper is None:
        said += f"; ages {limits[-1]} and over taken as {limits[-1]}-{end - 1}"
    return single, said


def end_of_births(limits: Ages, upper: int | None) -> int:
    """Return where the ages of mothers end: an open group is as wide as the one before it.

    Examples
    --------
    >>> end_of_births(np.array([15, 20, 25]), None), end_of_births(np.array([48, 49]), None)
    (30, 50)
    """
    return upper if upper is not None else int(limits[-1] + np.diff(limits[-2:])[0])


def death_rates(
    values: Array, limits: Ages, last: int, standard: Array | None, name: str = ""
) -> tuple[Array, str]:
    """Death rates by single age up to an open age.

    Parameters
    ----------
    values : numpy.ndarray (..., sex, group)
        Deaths per person-year, the last group open.
    limits : numpy.ndarray of int (group)
        First ages: single, or 0, 1, 5, 10, … (0, 5, … with a standard).
    last : int
        Open age wanted.
    standard : numpy.ndarray (..., sex, last + 1) or None
        Rates of a larger area.
    name : str
        What the standard is called.

    Returns
    -------
    tuple of numpy.ndarray (..., sex, last + 1) and str

    Raises
    ------
    DataError
        When ages 0-4 are one group and there is no standard to part them.
    """
    said = []
    if np.any(np.diff(limits) > 1):
        if limits[1] != 1:
            if standard is None or limits[0] != 0 or limits[1] != 5:
                raise DataError(
                    "death rates by age group need age 0 of its own: 0, 1-4, 5-9, …; or name a "
                    "baseline with like=... whose infants part the group 0-4"
                )
            young = standard[..., :5]
            parts = np.stack([young[..., 0], young[..., 1:].mean(axis=-1)], axis=-1)
            parts = values[..., :1] * parts / young.mean(axis=-1, keepdims=True)
            values = np.concatenate([parts, values[..., 1:]], axis=-1)
            limits = np.insert(limits, 1, 1)
            said.append(f"ages 0-4 parted like those of {name}")
        sexes = np.broadcast_to(np.array(_SEXES), values.shape[:-1])
        values = graduate_mortality(values, limits, sex=sexes)
        limits = np.arange(values.shape[-1], dtype=np.int64)
        said.append("age groups graduated so that survivors are kept")
    top = int(limits[-1])
    if top > last:
        sexes = np.broadcast_to(np.array(_SEXES), values.shape[:-1])
        values = np.asarray(cut_open(life_table(values, sex=sexes), last)["mx"].values)
        said.append(f"closed at {last}+")
    elif top < last and standard is not None:
        ratio = values[..., top - 5 : top].sum(axis=-1) / standard[..., top - 5 : top].sum(axis=-1)
        values = np.concatenate(
            [values[..., :top], standard[..., top:] * ratio[..., None]], axis=-1
        )
        said.append(f"continued above {top} like {name}")
    elif top < last:
        _, values = extend_kannisto(values, fit=(top - 20, top - 1), to=last)
        said.append(f"continued above {top} by Kannisto's logistic")
    return values, "; ".join(said)


def exposure(stock: Array, year: int, base_time: int, survival: Array | None = None) -> Array:
    """Return person-years of the year before or after a stock, by single age.

    The mean of those who are of an age at the start and at the end of the year; who moves within
    it is left out: ``E[a] = ½ (P[a] + P[a+1] / S[a+1])`` for the year before,
    ``½ (P[a] + S[a] P[a-1])`` for the year after.

    Parameters
    ----------
    stock : numpy.ndarray (..., age)
        Population on 1 January ``base_time`` [persons].
    year : int
        ``base_time`` or the year before.
    base_time : int
    survival : numpy.ndarray (..., age), optional
        Survival ratio into each age [1]; 1 by default.

    Returns
    -------
    numpy.ndarray (..., age)

    Examples
    --------
    >>> exposure(np.array([10.0, 20.0, 40.0]), 2022, 2023)
    array([15., 20., 40.])
    """
    S = np.ones_like(stock) if survival is None else survival
    E = stock.copy()
    if year < base_time:
        # The open age cannot be told from the age before it: both keep their stock.
        E[..., :-2] = 0.5 * (stock[..., :-2] + stock[..., 1:-1] / S[..., 1:-1])
    else:
        E[..., 1:] = 0.5 * (stock[..., 1:] + S[..., 1:] * stock[..., :-1])
        E[..., -1] += 0.5 * S[..., -1] * stock[..., -1]
    return E


def in_groups(single: Array, limits: Ages, upper: int | None) -> Array:
    """Add single ages up to given groups; a closed last group ends at ``upper``."""
    cut = single[..., int(limits[0]) : upper]
    return group_sums(cut, limits)
