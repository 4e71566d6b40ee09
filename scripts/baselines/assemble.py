"""From a built baseline to the Dataset that is embedded, every variable with its source."""

import numpy as np
import xarray as xr

from scripts.baselines import mortality, sources
from scripts.baselines.build import HELD, Built

#: Years whose yearly changes of log TFR (UN estimates for the nation) give the random walk.
FERTILITY_SPREAD_YEARS = (1994, 2023)
#: Relative spread of yearly net migration where no yearly figures are known: an assumption.
ASSUMED_MIGRATION_SPREAD = 0.3
LEVELS = ["low", "central", "high"]
CENSUS_TABLES = {
    2010: "NBS, 中国2010年人口普查资料, tables 1-7, 6-1, 6-2, 6-4",
    2020: "NBS, 中国人口普查年鉴2020, tables 1-5, 6-1, 6-2, 6-4",
}
WPP = "UN World Population Prospects 2024"


def assemble(built: Built) -> xr.Dataset:
    """Return the Dataset of a baseline."""
    plan = built.plan
    years = list(plan.years)
    region = [plan.region]
    factor = np.stack([np.stack(built.paths[held].fertility_factor) for held in HELD])
    main = built.paths[HELD[0]]
    coords = {
        "region": region,
        "year": years,
        "sex": sources.SEXES,
        "age": sources.AGES,
        "parity": np.arange(4),
        "birth_order": np.arange(1, 5),
        "mortality_level": LEVELS,
        "fertility_path": list(HELD),
    }
    first = (max(plan.observed) if plan.observed else plan.census) + 1
    survival = mortality.uncertainty(built.mx, plan.years, first)
    values = {
        "population": (("region", "sex", "age"), built.base.population[None]),
        "women_by_parity": (("region", "parity", "age"), built.base.women[None]),
        "parity_reconstructed": (("region", "age"), built.parity_known[None].astype(float)),
        "conditional_fertility_rate": (("region", "birth_order", "age"), built.rates[None]),
        "fertility_factor": (("region", "fertility_path", "year", "birth_order"), factor[None]),
        "death_rate": (("region", "year", "sex", "age"), built.mx[None]),
        "survival_ratio": (
            ("region", "year", "mortality_level", "sex", "age"),
            survival[None],
        ),
        "sex_ratio_at_birth": (("region", "birth_order"), built.sex_ratio[None]),
        "net_migration": (("region", "year", "sex", "age"), np.stack(main.migration)[None]),
        "fertility_innovation": (("region",), [fertility_spread(plan.census)]),
        "migration_innovation": (("region",), [migration_spread(built)]),
        "childcare_places": (("region", "year"), [childcare_places(years)]),
    }
    if plan.gdp_per_head is not None:
        values["gdp_per_head"] = (("region",), [plan.gdp_per_head])
    data = xr.Dataset(values, coords=coords)
    for name, text in variable_sources(built).items():
        if name in data:
            data[name].attrs["source"] = text
    if "gdp_per_head" in data:
        data["gdp_per_head"].attrs["price_year"] = plan.gdp_price_year
    data.attrs = {
        "title": f"{plan.region_name} ({plan.region_name_zh}), census {plan.census}",
        "population_basis": "resident",
        "first_projected_year": first,
        "licence": "see LICENSE-DATA",
    }
    return data


def fertility_spread(census: int) -> float:
    """Return the standard deviation of yearly changes of log TFR; nothing after the census is used.

    The UN's estimates for the nation: Zhejiang has no yearly series.
    """
    first, last = FERTILITY_SPREAD_YEARS
    shift = 0 if census == 2020 else last - census
    levels = sources.wpp_annual().tfr.loc[first - shift : last - shift].to_numpy(dtype=float)
    return float(np.diff(np.log(levels)).std(ddof=1))


def migration_spread(built: Built) -> float:
    totals = [known.net_migration for known in built.plan.observed.values()]
    if len(totals) < 2 or not any(totals):
        return ASSUMED_MIGRATION_SPREAD
    return float(np.std(totals, ddof=1) / np.mean(totals))


def childcare_places(years: list[int]) -> np.ndarray:
    data = sources.table("published")
    known = data[data.indicator == "childcare_places_per_1000"].sort_values("year")
    return np.interp(years, known.year, known.value)


def variable_sources(built: Built) -> dict[str, str]:
    """Return where every variable comes from and what was adjusted."""
    plan = built.plan
    census = CENSUS_TABLES[plan.census]
    nation = plan.region == sources.NATION
    whose = "the nation's" if nation else "Zhejiang's"
    scaling = (
        f", scaled to the bureau's year-end {plan.total / 1e4:,.0f} x 10^4"
        if plan.total
        else ", not scaled (no year-end figure on the same basis)"
    )
    pattern = "" if nation else "; five-year groups graduated with the nation's single ages"
    deaths = (
        f"; the result multiplied by {built.death_factor:.3f} to meet the official death rate "
        f"of {plan.crude_death_rate * 1e3:.2f} per 1,000 (5.90 of 2021 less its stated change)"
        if plan.crude_death_rate
        else ""
    )
    met = f"; {plan.deaths_source}" if plan.deaths_source else ""
    if plan.census < 2020:
        met += "; the UN's rates are those of its 2024 revision (look-ahead of vintage)"
    mortality_text = (
        f"Census deaths over population ({census}), raised at each age by UN over census rates of "
        f"the nation for under-registration{deaths}{met}; from then on improving from the first "
        f"year's level as the nation's in {WPP}, the excess of 2022-23 left out"
    )
    counted = "censuses of 2010 and 2020" if plan.census == 2020 else "census of 2010"
    return {
        "population": f"{census}{pattern}; 1 November moved to 1 January (two months' deaths, a "
        f"sixth of each age moved up, two months' births added{scaling})",
        "women_by_parity": "RECONSTRUCTED: women of `population` by parity shares from past "
        "order-specific fertility since 1980 (UN national ASFR at the region's level, order shares "
        f"of Fujian before 2010 and of the {counted}); no count of women by "
        "children ever born is published for the region",
        "parity_reconstructed": "1 where the cohort was followed from 1980, 0 where the oldest "
        "followed cohort's shares are carried over",
        "conditional_fertility_rate": f"RECONSTRUCTED from {census}: national births by order and "
        f"age of mother, scaled to {whose} births by order and total fertility rate of "
        f"{plan.census}, over women by reconstructed parity",
        "fertility_factor": _fertility_source(built),
        "death_rate": mortality_text,
        "survival_ratio": f"From `death_rate`; low and high: life expectancy moved by the 80 % "
        f"bounds of {WPP} for the nation, which widen with the years since the first projected "
        "one, stretched to three standard deviations",
        "sex_ratio_at_birth": f"{census}, long form, by birth order; held",
        "net_migration": plan.migration_source,
        "fertility_innovation": f"Standard deviation of yearly changes of the logarithm of the "
        f"nation's total fertility rate over 30 years to the base, {WPP}",
        "migration_innovation": "Standard deviation over mean of the net migration of 2021-2023 "
        "(three years only: ILLUSTRATIVE)"
        if len(plan.observed) > 1 and not nation
        else "ILLUSTRATIVE assumption",
        "gdp_per_head": plan.gdp_source,
        "childcare_places": "ILLUSTRATIVE for the region: the nation's 2.03, 2.5, 3.38 and 4.08 "
        "per 1,000 in 2021-2024 (National Health Commission), then flat; earlier years flat",
    }


def _fertility_source(built: Built) -> str:
    if not built.plan.observed:
        return (
            "Total fertility rate by order held at its first year's level by one factor per order "
            "and year (incidence), or conditional rates held (conditional)"
        )
    orders = (
        "order shares of the 2020 census moved towards the health commission's of 2022"
        if built.plan.region == sources.NATION
        else "order shares of the 2020 census moved with the registered births of Tongxiang "
        "2020-2023, the only county series there is (ILLUSTRATIVE)"
    )
    return (
        f"2021-2023: meets the bulletins' births, {orders}; from 2024 the total fertility rate by "
        "order held at its 2023 level by one factor per order and year, solved on the central run "
        "and then frozen (incidence), or the conditional rates of 2023 held (conditional)"
    )
