"""The three baselines: which census, which official figures."""

from functools import cache

import numpy as np

from popsim.demography.migration import scale_net
from scripts.baselines import fertility, migration, sources
from scripts.baselines.build import Plan
from scripts.baselines.paths import Observed

TEN_THOUSAND = 1e4
OBSERVED_YEARS = range(2021, 2024)
#: Net migration to Zhejiang after the last observed year halves in so many years: an assumption,
#: since the provinces that migrants leave have ever fewer young people.
HALF_LIFE = 10.0


def zhejiang_2020() -> Plan:
    observed = {year: _zhejiang_observed(year) for year in OBSERVED_YEARS}
    mean = float(np.mean([known.net_migration for known in observed.values()]))

    def net_migration(year: int) -> np.ndarray:
        if year in observed:
            return _scaled(2010, observed[year].net_migration)
        # One factor for all ages: plus-minus would let departures grow as arrivals shrink.
        return _scaled(2010, mean) * 0.5 ** ((year - OBSERVED_YEARS[-1]) / HALF_LIFE)

    # Births of 2020: the birth rate on the population at its end (the year's mean is not known).
    births = sources.published("birth_rate", 2020) / 1e3 * _zhejiang_stock(2020)
    return Plan(
        name="zhejiang-2020",
        region=sources.ZHEJIANG,
        region_name="Zhejiang",
        region_name_zh="浙江省",
        census=2020,
        last_year=2060,
        crude_death_rate=sources.published("death_rate", 2020) / 1e3,
        total=_zhejiang_stock(2020),
        births_of_census_year=births,
        observed=observed,
        migration=net_migration,
        deaths_source="2021-2023 scaled to the deaths of the bulletins",
        migration_source="2021-2023: change of the bureau's year-end population less births plus "
        "deaths; then their mean, halving every ten years (ILLUSTRATIVE assumption); age and sex "
        "pattern: 2010-2020 residual by the nation's census survival ratios",
        gdp_per_head=sources.published("gdp_per_head", 2023),
        gdp_price_year=2023,
        gdp_source="Zhejiang Provincial Bureau of Statistics, bulletin 2023 (as cited in Human "
        "Reproduction Open 2024(4), hoae055)",
    )


def _zhejiang_stock(year: int) -> float:
    return sources.published("population_resident_10k", year) * TEN_THOUSAND


def _zhejiang_observed(year: int) -> Observed:
    births = sources.published("births_10k", year) * TEN_THOUSAND
    deaths = sources.published("deaths_10k", year) * TEN_THOUSAND
    change = _zhejiang_stock(year) - _zhejiang_stock(year - 1)
    orders = births * fertility.observed_order_shares(year)
    return Observed(orders, deaths, change - (births - deaths))


@cache
def _schedule(start: int) -> np.ndarray:
    return migration.schedule(start, sources.ZHEJIANG)


def _scaled(start: int, total: float) -> np.ndarray:
    return scale_net(_schedule(start), total, axis=(-2, -1))


def zhejiang_2010() -> Plan:
    """Return the baseline for looking back: no figure of a later date enters.

    The UN's rates of the years before and around 2010 are those of its 2024 revision, a look
    ahead of vintage that cannot be avoided with the tables at hand.
    """
    total = float(migration.decade_residual(2000, sources.ZHEJIANG).sum()) / migration.STEP
    level = fertility.total_fertility_rate(2010, sources.ZHEJIANG)
    rates = fertility.census_rates(2010, sources.ZHEJIANG, level)
    births = float((rates * fertility.mean_women(2010, sources.ZHEJIANG)).sum())
    return Plan(
        name="zhejiang-2010",
        region=sources.ZHEJIANG,
        region_name="Zhejiang",
        region_name_zh="浙江省",
        census=2010,
        last_year=2030,
        crude_death_rate=None,
        total=None,
        births_of_census_year=births,
        observed={},
        migration=lambda year: _scaled(2000, total),
        migration_source="Mean of the 2000-2010 residual by the nation's census survival ratios, "
        "held",
    )


def china_2020() -> Plan:
    births = {year: sources.published("births_10k", year, "China") for year in OBSERVED_YEARS}
    wpp = sources.wpp_annual()
    official_deaths = sources.published("deaths_10k", 2021, "China")
    observed = {}
    for year in OBSERVED_YEARS:
        # Only 2021 is official; the UN's later deaths are moved by official over UN of 2021.
        deaths = official_deaths * float(wpp.deaths_k[year] / wpp.deaths_k[2021])
        orders = births[year] * _national_order_shares(year)
        observed[year] = Observed(orders * TEN_THOUSAND, deaths * TEN_THOUSAND, 0.0)
    end_2021 = sources.published("population_10k", 2021, "China")
    end_2020 = end_2021 - (births[2021] - official_deaths)

    def net_migration(year: int) -> np.ndarray:
        # The bureau's stocks follow from births and deaths alone, so observed years have none.
        if year in observed:
            return np.zeros((2, sources.OPEN_AGE + 1))
        return sources.wpp_net_migration(range(year, year + 1))[0]

    return Plan(
        name="china-2020",
        region=sources.NATION,
        region_name="China",
        region_name_zh="全国",
        census=2020,
        last_year=2060,
        crude_death_rate=None,
        total=end_2020 * TEN_THOUSAND,
        births_of_census_year=float(wpp.births_k[2020]) * 1e3,
        observed=observed,
        migration=net_migration,
        deaths_source="2021 scaled to the bureau's deaths, 2022-2023 to the UN's times the ratio "
        "of the bureau's to the UN's in 2021",
        migration_source="2021-2023: none, as in the bureau's stocks; then UN World Population "
        "Prospects 2024, medium variant",
    )


def _national_order_shares(year: int) -> np.ndarray:
    """Return shares of births by order: the census of 2020, the health commission's of 2022.

    Linear between the two, constant after; orders 3 and 4+ in the census's proportion.
    """
    census = sources.births_by_order(2020, sources.NATION).sum(axis=0)
    census = census / census.sum()
    second = sources.published("births_order2_share", 2022, "China") / 100
    later = sources.published("births_order3plus_share", 2022, "China") / 100
    split = census[2:] / census[2:].sum()
    known = np.array([1 - second - later, second, *(later * split)])
    weight = min((year - 2020) / 2, 1.0)
    return (1 - weight) * census + weight * known


PLANS = {"china-2020": china_2020, "zhejiang-2010": zhejiang_2010, "zhejiang-2020": zhejiang_2020}
