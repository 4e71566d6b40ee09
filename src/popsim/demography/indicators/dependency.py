"""Dependency ratios with any limits, also limits that change with the year and differ by sex."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
import xarray as xr

from popsim.demography.age_structure import between
from popsim.demography.indicators.definition import Indicator
from popsim.demography.indicators.quantities import People, ages
from popsim.errors import DataError, Problems
from popsim.variables import VARIABLES

__all__ = ["dependency_indicators", "dependency_ratios"]

Limit = float | xr.DataArray


def dependency_ratios(groups: xr.DataArray, old: int) -> dict[str, xr.DataArray]:
    """Return total, child and old-age dependency ratios with ``old`` as the upper limit.

    Parameters
    ----------
    groups : xarray.DataArray
        Population by sex and age group [person], with ``age_group_start``.
    old : int
        First age of the old group: 60 or 65. The young are under 15.

    Returns
    -------
    dict of str to xarray.DataArray
        Fractions, by the variable names of the registry.

    Raises
    ------
    DataError
        When an age group straddles a limit.

    Examples
    --------
    >>> people = xr.DataArray([[20.0, 60.0, 10.0], [20.0, 60.0, 10.0]], dims=("sex", "age_group"),
    ...     coords={"age_group_start": ("age_group", [0, 15, 65])})
    >>> {name: round(float(x), 3) for name, x in dependency_ratios(people, 65).items()}
    {'dependency_ratio_15_64': 0.5, 'child_dependency_ratio_15_64': 0.333,
     'old_age_dependency_ratio_15_64': 0.167}
    """

    def people(first: int = 0, end: int | None = None, sex: str | None = None) -> xr.DataArray:
        return ages(groups, first, end).sum(["sex", "age_group"])

    return {one.name: one.function(people) for one in dependency_indicators(15, old)}


def dependency_indicators(
    young_below: Limit = 15,
    old_from: Limit = 60,
    *,
    name: str | None = None,
    name_zh: str | None = None,
    sets: Iterable[str] = (),
    source: str = "",
) -> tuple[Indicator, Indicator, Indicator]:
    """Return total, child and old-age dependency ratios (总抚养比、少儿抚养比、老年抚养比).

    Those under ``young_below`` and those aged ``old_from`` and over, each and together, over those
    between. They can be passed to :func:`popsim.indicators`, or registered.

    Parameters
    ----------
    young_below, old_from : int, float or xarray.DataArray
        Exact ages [years]; an array by ``time``, ``sex`` and any other dimension of the population
        makes limits that change, such as a statutory age of retirement. Whole ages are found in age
        groups where these have them; all others need every age (``detail="history"``), and people
        are spread evenly within a single year of age.
    name, name_zh : str, optional
        What the limits are called, e.g. ``"statutory"``, ``"法定退休年龄"``; needed unless both are
        whole numbers.
    sets, source
        As in :class:`popsim.Indicator`.

    Returns
    -------
    tuple of Indicator
        ``dependency_ratio_<name>``, ``child_dependency_ratio_<name>`` and
        ``old_age_dependency_ratio_<name>`` [1], the default name being ``15_59`` and the like.

    Raises
    ------
    DataError
        When limits do not rise, or the name of limits that are not whole numbers is missing; in
        use, when limits lack a label of the population.

    Examples
    --------
    >>> [one.name for one in dependency_indicators(16, 60)]
    ['dependency_ratio_16_59', 'child_dependency_ratio_16_59', 'old_age_dependency_ratio_16_59']
    """
    problems = Problems()
    whole = all(isinstance(x, int | np.integer) for x in (young_below, old_from))
    if not whole and (name is None or name_zh is None):
        problems.add(
            "limits that are not whole numbers have no name of their own",
            instead='name="statutory", name_zh="法定退休年龄"',
        )
    if bool((np.asarray(young_below) < 0).any()) or bool(np.any(old_from - young_below <= 0)):
        problems.add("the young end at or above the age at which the old begin")
    problems.raise_if_any(DataError)
    low, high = young_below, old_from
    if whole:
        group, young, old = f"{low}-{high - 1}", f"0-{low - 1}", f"{high}+"
        called = name or f"{low}_{high - 1}"
        zh = name_zh or f"{low}—{high - 1}岁"
    else:
        called, zh = str(name), str(name_zh)
        group, young, old = f"working age ({called})", "the young", "the old"
    parts: dict[str, tuple[str, str, Callable[..., xr.DataArray]]] = {
        "dependency_ratio": ("total", "总抚养比", lambda y, w, o: (y + o) / w),
        "child_dependency_ratio": ("child", "少儿抚养比", lambda y, w, o: y / w),
        "old_age_dependency_ratio": ("old-age", "老年抚养比", lambda y, w, o: o / w),
    }
    above = {
        "dependency_ratio": f"{young} and {old}",
        "child_dependency_ratio": young,
        "old_age_dependency_ratio": old,
    }
    made = []
    for stem, (kind, kind_zh, ratio) in parts.items():
        row = VARIABLES.get(f"{stem}_{called}")
        texts = (
            (row.units, row.long_name, row.long_name_zh, row.definition)
            if row is not None
            else (
                "1",
                f"{kind} dependency ratio, {above[stem]} over {group}",
                f"{kind_zh}（{zh}）",
                f"Population aged {above[stem]}, over population aged {group}, on 1 January."
                if whole
                else f"{above[stem].capitalize()} over those of {group}, on 1 January.",
            )
        )
        function = _whole(ratio, int(low), int(high)) if whole else _any(ratio, low, high)
        made.append(
            Indicator(f"{stem}_{called}", function, *texts, source=source, sets=tuple(sets))
        )
    return (made[0], made[1], made[2])


def _whole(ratio: Callable[..., xr.DataArray], low: int, high: int) -> Callable[..., xr.DataArray]:
    def function(people: People) -> xr.DataArray:
        return ratio(people(0, low), people(low, high), people(high))

    return function


def _any(
    ratio: Callable[..., xr.DataArray], low: Limit, high: Limit
) -> Callable[..., xr.DataArray]:
    def function(population: xr.DataArray) -> xr.DataArray:
        limits = [_on(population, 0.0), _on(population, low), _on(population, high)]
        young, working = (
            _between(population, first, end).sum("sex") for first, end in pairwise(limits)
        )
        return ratio(young, working, population.sum(["sex", "age"]) - young - working)

    return function


def _between(population: xr.DataArray, first: xr.DataArray, end: xr.DataArray) -> xr.DataArray:
    found: xr.DataArray = xr.apply_ufunc(
        between, population, first, end, input_core_dims=[["age"], [], []]
    )
    return found


def _on(population: xr.DataArray, limit: Limit) -> xr.DataArray:
    """Return a limit on the labels of the population."""
    if not isinstance(limit, xr.DataArray):
        return xr.DataArray(float(limit))
    for dim in limit.dims:
        if dim not in population.dims:
            raise DataError(f"a limit of age has dimension {dim!r}, which the population has not")
        there = limit[dim].values.tolist()
        absent = [label for label in population[dim].values.tolist() if label not in there]
        if absent:
            raise DataError(f"a limit of age is not given for {dim} {absent[0]}")
    return limit.sel({dim: population[dim].values for dim in limit.dims})
