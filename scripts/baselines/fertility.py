"""Birth rates by order and age, of the census year and of the past, as incidence rates.

Incidence: births of order k to women of an age over all women of that age. Orders are 1, 2,
3 and 4 and over; age patterns by order are national, levels and order shares the region's.
"""

import numpy as np

from popsim.demography.graduation import graduate_rates
from scripts.baselines import population, sources

#: First year of the reconstruction: women under 15 are then at parity 0.
START = 1980
CENSUS_YEARS = (2010, 2020)
ORDERS = 4
#: Most first births per woman in a past year; more are counted as later births. At 0.86 about one
#: woman in twenty of the nation ends childless, and no year has more first births than women.

MOST_FIRST_BIRTHS = 0.86
_TOLERANCE = 1e-12


def census_rates(year: int, region: str, total_fertility_rate: float) -> np.ndarray:
    """Return incidence rates of a census year, shape (4 orders, 101 ages), births per woman-year.

    National rates by order and age, scaled order by order to the region's births by order and
    together to its total fertility rate; order 4 and over has the age pattern of order 3.
    """
    women = sources.mean_population(year)[0]
    national = sources.births_by_mother_age(year) / women
    pattern = national[[0, 1, 2, 2]]
    births = sources.births_by_order(year, region).sum(axis=0)
    own_women = mean_women(year, region)
    rates = pattern * (births / (pattern @ own_women))[:, None]
    return rates * (total_fertility_rate / rates.sum())


def mean_women(year: int, region: str) -> np.ndarray:
    # The census year ends on the census day: mean of the women of an age now and a year before.
    now = population.single_ages(year, region)[0]
    return np.append((now[:-1] + now[1:]) / 2, now[-1])


def total_fertility_rate(year: int, region: str) -> float:
    """Return the total fertility rate assumed for a past year.

    The nation's is the UN's; Zhejiang's is the nation's times the ratio of the two, known for
    1990, 2010 and 2020, linear between and constant outside.
    """
    national = float(sources.wpp_annual().tfr[year])
    if region == sources.NATION:
        return national
    known = (1990, 2010, 2020)
    ratios = [sources.published("tfr", y) / float(sources.wpp_annual().tfr[y]) for y in known]
    return national * float(np.interp(year, known, ratios))


def order_shares(year: int, region: str, *, release: bool) -> np.ndarray:
    """Return the shares of orders 1, 2, 3 and 4+ in the total fertility rate of a past year.

    The region's own at the censuses of 2010 and 2020; before 2010 Fujian's series, moved for
    the nation to meet its 2010 shares; linear between. With ``release`` the wave of second
    births after the two-child policy of 2016 follows Fujian's surveys of 2017 and 2018.
    """
    own = {
        y: census_rates(y, region, total_fertility_rate(y, region)).sum(axis=1)
        for y in CENSUS_YEARS
    }
    own = {y: rates / rates.sum() for y, rates in own.items()}
    high = own[2010][3] / own[2010][2:].sum()
    fujian = sources.table("fujian_birth_order_shares").set_index("year")
    fujian = fujian[["order1_pct", "order2_pct", "order3plus_pct"]] / 100
    known = {}
    for y, row in fujian.iterrows():
        if y < 2010 or (release and y in (2017, 2018)):
            three = row.to_numpy(dtype=float)
            if region == sources.NATION:
                target = np.append(own[2010][:2], own[2010][2:].sum())
                three = three * target / fujian.loc[2010].to_numpy(dtype=float)
            known[y] = np.array([*three[:2], three[2] * (1 - high), three[2] * high])
    known.update(own)
    years = sorted(known)
    shares = np.array([np.interp(year, years, [known[y][k] for y in years]) for k in range(ORDERS)])
    shares /= shares.sum()
    # Fujian's shares on the UN's level would give the nation more first births than women.
    first = min(shares[0], MOST_FIRST_BIRTHS / total_fertility_rate(year, region))
    shares[1:] *= (1 - first) / (1 - shares[0])
    shares[0] = first
    return shares


def past_rates(years: range, region: str, *, release: bool = False) -> np.ndarray:
    """Return reconstructed incidence rates, shape (years, 4, 101).

    For every year the age totals (the UN's national pattern, at the region's level) and the
    order totals are met by proportional fitting from the census patterns by order.
    """
    seeds = [census_rates(y, region, total_fertility_rate(y, region)) for y in CENSUS_YEARS]
    result = []
    for year in years:
        weight = np.clip((year - CENSUS_YEARS[0]) / (CENSUS_YEARS[1] - CENSUS_YEARS[0]), 0, 1)
        seed = (1 - weight) * seeds[0] + weight * seeds[1]
        level = total_fertility_rate(year, region)
        by_age = national_age_pattern(year) * level
        by_order = order_shares(year, region, release=release) * level
        result.append(fit_margins(seed, by_order, by_age))
    return np.stack(result)


def national_age_pattern(year: int) -> np.ndarray:
    """Return the UN's national ASFR at single ages, scaled to sum to 1, shape (101,)."""
    middles, limits, rates = sources.wpp_asfr()
    moment = np.array([np.interp(year + 0.5, middles, column) for column in rates.T])
    single = np.zeros(sources.OPEN_AGE + 1)
    single[limits[0] : limits[-1]] = graduate_rates(moment, limits)
    # Ages outside the census table of births by age of mother (15-49) have no pattern by order.
    single[:15] = single[50:] = 0.0
    return single / single.sum()


def fit_margins(seed: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the table nearest to ``seed`` with given row and column sums (proportional fit)."""
    fitted = seed.copy()
    for _ in range(1000):
        sums = fitted.sum(axis=0)
        fitted *= np.divide(columns, sums, out=np.zeros_like(sums), where=sums > 0)
        factor = rows / fitted.sum(axis=1)
        fitted *= factor[:, None]
        if np.abs(factor - 1).max() < _TOLERANCE:
            return fitted
    raise ArithmeticError("proportional fitting did not converge")


def observed_order_shares(year: int) -> np.ndarray:
    """Return shares of births by order in Zhejiang in 2021-2023, illustrative.

    The census shares of 2020, with the odds of second and of third and later births against
    first births moved as in Tongxiang, the only county series (registered population).
    """
    births = sources.births_by_order(2020, sources.ZHEJIANG).sum(axis=0)
    first, second = (_tongxiang(order) for order in (1, 2))
    later = {y: 100 - first[y] - second[y] for y in first}
    odds = births / births[0]
    move_second = (second[year] / first[year]) / (second[2020] / first[2020])
    move_later = (later[year] / first[year]) / (later[2020] / first[2020])
    moved = odds * np.array([1.0, move_second, move_later, move_later])
    return moved / moved.sum()


def _tongxiang(order: int) -> dict[int, float]:
    return {
        year: sources.published(f"births_order{order}_share", year, "Tongxiang")
        for year in range(2020, 2024)
    }
