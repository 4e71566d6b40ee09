"""Death rates: census deaths adjusted for under-registration, then the nation's improvement."""

import numpy as np

from popsim.demography.draws import MORTALITY_REACH
from popsim.demography.lifetable import (
    graduate_mortality,
    life_table,
    scale_to_e0,
    survival_ratios,
)
from scripts.baselines import sources

#: The z-value of an 80 % interval.
Z80 = 1.2815515655446004
#: The UN's period with the excess deaths of 2022-23: left out of the trend.
EXCESS_PERIOD_MIDDLE = 2023.0
#: Ages from which the nation's adjustment is held: beyond, the census counts are too thin.
LAST_ADJUSTED_GROUP = int(np.flatnonzero(sources.BREAKS == 85)[0])


def wpp_rates(moments: np.ndarray) -> np.ndarray:
    """Return the nation's mx by group at the given moments, shape (moments, 2, 22).

    Logarithms are interpolated between the middles of the UN's five-year periods, passing over
    the period that holds the excess of 2022-23.
    """
    middles, rates = sources.wpp_mx()
    kept = middles != EXCESS_PERIOD_MIDDLE
    flat = np.log(rates[kept]).reshape(kept.sum(), -1)
    columns = [np.interp(moments, middles[kept], column) for column in flat.T]
    return np.exp(np.stack(columns, axis=1)).reshape(len(moments), *rates.shape[1:])


def census_rates(year: int, region: str) -> np.ndarray:
    """Return unadjusted census death rates by sex and group, shape (2, 22)."""
    deaths = sources.census_groups("deaths", year, region)
    return deaths / sources.census_groups("population", year, region)


def under_registration(year: int) -> np.ndarray:
    """Return UN over census death rates of the nation, shape (2, 22): the missing deaths by age.

    The UN's rates are taken in the middle of the census year (1 May), and the ratio is held
    from age 85, above which the census counts are thin.
    """
    middle_of_census_year = year + 1 / 3
    ratio = wpp_rates(np.array([middle_of_census_year]))[0] / census_rates(year, sources.NATION)
    ratio[:, LAST_ADJUSTED_GROUP:] = ratio[:, [LAST_ADJUSTED_GROUP]]
    return ratio


def adjusted_rates(
    year: int, region: str, crude_death_rate: float | None
) -> tuple[np.ndarray, float]:
    """Return adjusted mx by sex and group, and the region's factor on the nation's adjustment.

    Parameters
    ----------
    crude_death_rate : float or None
        Official rate that the deaths of the census population must meet; None leaves the
        nation's adjustment as it is (factor 1).
    """
    rates = census_rates(year, region) * under_registration(year)
    if crude_death_rate is None:
        return rates, 1.0
    population = sources.census_groups("population", year, region)
    factor = crude_death_rate * population.sum() / (rates * population).sum()
    return rates * factor, float(factor)


def single_age_rates(groups: np.ndarray) -> np.ndarray:
    """Return mx by single age from mx by group; the last axes are sex and age."""
    return graduate_mortality(groups, sources.BREAKS, sex=sources.SEXES)


def improvement(years: range, since: float) -> np.ndarray:
    """Return the nation's mx relative to a moment, by year, sex and single age."""
    moments = np.array([since, *(year + 0.5 for year in years)])
    rates = single_age_rates(wpp_rates(moments))
    return rates[1:] / rates[0]


def survival(mx: np.ndarray) -> np.ndarray:
    """Return survival ratios for the projection, same shape as mx (..., 2, 101)."""
    return survival_ratios(life_table(mx, sex=sources.SEXES)).values


def life_expectancy(mx: np.ndarray) -> np.ndarray:
    """Return life expectancy at birth, shape of mx without ages."""
    return life_table(mx, sex=sources.SEXES)["ex"].values[..., 0]


def uncertainty(mx: np.ndarray, years: range, first: int) -> np.ndarray:
    """Return low, central and high survival ratios, shape (years, 3, 2, 101).

    The low and high tables move life expectancy by the UN's 80 % bounds for the nation, as a
    factor on all death rates, stretched to :data:`MORTALITY_REACH` standard deviations; they
    widen from the first projected year on.
    """
    bounds = sources.wpp_life_expectancy_bounds(years, first)
    levels = np.repeat(mx[:, None], 3, axis=1)
    e0 = life_expectancy(mx)
    for place in range(len(years)):
        for sex in range(2):
            for side, level in ((0, 0), (1, 2)):
                shift = bounds[place, sex, side]
                if shift:
                    target = e0[place, sex] + shift
                    factor = scale_to_e0(mx[place, sex], target, sex=sources.SEXES[sex])
                    stretched = factor ** (MORTALITY_REACH / Z80)
                    levels[place, level, sex] = mx[place, sex] * stretched
    return survival(levels)
