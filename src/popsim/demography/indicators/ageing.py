"""Indicators of age structure and length of life beyond those that every run reports.

The definition of each stands in the table of variables.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from popsim.demography import age_structure
from popsim.demography.indicators.definition import USUAL, Indicator, from_registry
from popsim.demography.indicators.quantities import People

__all__ = ["AGEING"]


def sex_ratio(people: People) -> xr.DataArray:
    women = people(sex="female")
    return people(sex="male") / women.where(women > 0)


def share_80_and_over(people: People) -> xr.DataArray:
    return people(80) / people()


def ageing_index(people: People) -> xr.DataArray:
    return people(65) / people(0, 15)


def potential_support_ratio(people: People) -> xr.DataArray:
    return people(15, 65) / people(65)


def median_age(population: xr.DataArray) -> xr.DataArray:
    both = population.sum("sex").transpose(..., "age")
    return both.isel(age=0, drop=True).copy(data=age_structure.median_age(both.values))


def life_expectancy_at_birth(person_years: xr.DataArray) -> xr.DataArray:
    return _told(person_years.sum("age", skipna=False), "life expectancy at birth")


def prospective_old_age_threshold(person_years: xr.DataArray) -> xr.DataArray:
    L = person_years.transpose(..., "age")
    values = L.values
    above = np.cumsum(values[..., ::-1], axis=-1)[..., ::-1]
    alive = np.empty_like(values)
    alive[..., 0] = 1.0
    # Survivors to an exact age lie halfway between the years lived before and after it.
    alive[..., 1:] = 0.5 * (values[..., :-1] + values[..., 1:])
    # The last age is open: years lived in it are not those of one year.
    ex, ages = (above / alive)[..., :-1], L["age"].values[:-1]
    found = L.isel(age=0, drop=True).copy(data=age_structure.age_with_life_left(ex, ages))
    return _told(found, "the age with 15 years of life left")


def prospective_old_age_dependency_ratio(
    population: xr.DataArray,
    prospective_old_age_threshold: xr.DataArray,
    mean_of_year: Callable[[xr.DataArray], xr.DataArray],
) -> xr.DataArray:
    people, start = mean_of_year(population), prospective_old_age_threshold
    old = _between(people, start, xr.DataArray(float(population["age"].values[-1])))
    old = old + people.isel(age=-1, drop=True)
    working = _between(people, xr.DataArray(20.0), start)
    ratio = old.sum("sex", skipna=False) / working.sum("sex", skipna=False)
    return _told(ratio, "prospective old-age dependency")


def _between(people: xr.DataArray, first: xr.DataArray, end: xr.DataArray) -> xr.DataArray:
    found: xr.DataArray = xr.apply_ufunc(
        age_structure.between, people, first, end, input_core_dims=[["age"], [], []]
    )
    return found


def _told(array: xr.DataArray, what: str) -> xr.DataArray:
    """Say in a notice where a number is missing."""
    missing = array.isnull()
    if not missing.any():
        return array
    years = array["year"].values[missing.any([d for d in array.dims if d != "year"]).values]
    return array.assign_attrs(
        notice=f"{what} is not reported in {int(missing.sum())} of {missing.size} cells, the first "
        f"in {years[0]}: nobody lives at some age, so that its survival cannot be read from the "
        "projection; give survival_ratio"
    )


UN = "United Nations, World Population Prospects, definitions of indicators"
SANDERSON = "Sanderson & Scherbov 2010, Science 329:1287"
_FUNCTIONS: tuple[tuple[Callable[..., xr.DataArray], str], ...] = (
    (sex_ratio, USUAL),
    (share_80_and_over, USUAL),
    (ageing_index, USUAL),
    (potential_support_ratio, UN),
    (median_age, UN),
    (life_expectancy_at_birth, USUAL),
    (prospective_old_age_threshold, SANDERSON),
    (prospective_old_age_dependency_ratio, SANDERSON),
)

AGEING: tuple[Indicator, ...] = tuple(
    from_registry(function, sets=("ageing",), source=source) for function, source in _FUNCTIONS
)
