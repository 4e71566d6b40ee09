"""Census populations by single age."""

from functools import cache

import numpy as np

from popsim.demography.graduation import graduate_with_standard
from popsim.demography.population import stock_from_exposure
from scripts.baselines import sources

#: Rough enough for the thin cohorts of 1959-61, smooth enough to leave no saw-tooth beside them.
SMOOTHING = 0.01


@cache
def national_single_ages(year: int) -> np.ndarray:
    """Return the nation's census population by sex and single age, shape (2, 101).

    The yearbook prints five-year groups of the count and, by single age, the mean population of
    the census year, which lies half a year beside the count. It is moved to the census day and
    adjusted to the printed groups, so that the thin cohorts of 1959-61 stay where they are.
    """
    means = sources.mean_population(year)
    survival = 1.0 - sources.single_age_deaths(year) / means
    groups = sources.census_groups("population", year, sources.NATION)
    standard = stock_from_exposure(means, survival, smoothing=SMOOTHING)
    return graduate_with_standard(groups, sources.BREAKS, standard)


@cache
def single_ages(year: int, region: str) -> np.ndarray:
    """Return the census population by sex and single age, shape (2, 101)."""
    standard = national_single_ages(year)
    if region == sources.NATION:
        return standard
    groups = sources.census_groups("population", year, region)
    return graduate_with_standard(groups, sources.BREAKS, standard)
