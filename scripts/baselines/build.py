"""Put a baseline together: stocks, parity, paths."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from popsim.demography.parity import conditional_rates, reconstruct
from popsim.demography.population import move_to_january
from scripts.baselines import fertility, mortality, population, sources
from scripts.baselines.paths import Observed, Path, Stocks, hold_fertility, meet, one_year

HELD = ("incidence", "conditional")
#: Below this share of the women of an age at the parity at risk, a rate is held to the largest of
#: the other ages.
THIN_SHARE = 0.005


@dataclass(frozen=True)
class Plan:
    """What distinguishes one baseline from another.

    ``crude_death_rate`` is the official rate of the census year that census deaths are raised
    to (None: the nation's adjustment by age as it is); ``total`` the official population on
    1 January (None: not scaled); ``migration`` gives net migrants of a year, shape (2, 101).
    """

    name: str
    region: str
    region_name: str
    region_name_zh: str
    census: int
    last_year: int
    crude_death_rate: float | None
    total: float | None
    births_of_census_year: float
    observed: dict[int, Observed]
    migration: Callable[[int], np.ndarray]
    migration_source: str
    deaths_source: str = ""
    gdp_per_head: float | None = None
    gdp_price_year: int = 0
    gdp_source: str = ""

    @property
    def years(self) -> range:
        return range(self.census + 1, self.last_year + 1)


@dataclass(frozen=True)
class Built:
    """A baseline and what the validation page shows of its making."""

    plan: Plan
    base: Stocks
    adjustments: dict[str, float]
    parity: np.ndarray
    parity_known: np.ndarray
    death_factor: float
    rates: np.ndarray
    mx: np.ndarray
    sex_ratio: np.ndarray
    paths: dict[str, Path]


def build(plan: Plan, *, release: bool = False) -> Built:
    """Build a baseline; ``release`` takes the alternative history of births by order."""
    groups, death_factor = mortality.adjusted_rates(plan.census, plan.region, plan.crude_death_rate)
    mx = mortality.single_age_rates(groups)
    shares, known = parity(plan, release=release)
    people, adjustments = population_in_january(plan, mx)
    base = Stocks(shares * people[0], people[1])
    rates = base_rates(plan, people, mx, release=release)
    sex_ratio = sex_ratio_at_birth(plan)
    paths = {held: path(plan, base, rates, mx, sex_ratio, held) for held in HELD}
    return Built(
        plan=plan,
        base=base,
        adjustments=adjustments,
        parity=shares,
        parity_known=known,
        death_factor=death_factor,
        rates=rates,
        mx=np.stack(paths["incidence"].mx),
        sex_ratio=sex_ratio,
        paths=paths,
    )


def parity(
    plan: Plan, *, until: int | None = None, release: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return parity shares (4, 101) on 1 January after ``until`` and which ages are known.

    Women already 15 or older in 1980 could not be followed: they get the shares of the oldest
    age that could.
    """
    last = plan.census if until is None else until
    history = fertility.past_rates(range(fertility.START, last + 1), plan.region, release=release)
    shares = reconstruct(history, on_excess="cap").shares
    known = ~np.isnan(shares[0])
    oldest = int(np.flatnonzero(known)[-1])
    return np.where(known, shares, shares[:, [oldest]]), known


def population_in_january(plan: Plan, mx: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """Return population by sex and age on 1 January after the census, and each adjustment's sum."""
    census = population.single_ages(plan.census, plan.region)
    births = sources.births_by_order(plan.census, plan.region).sum(axis=1)
    two_months = plan.births_of_census_year / 6 * births / births.sum()
    moved = move_to_january(
        census, mortality.survival(mx), two_months, total=plan.total, axis=(-2, -1)
    )
    sums = {"census": float(census.sum())}
    sums |= {name: float(change.sum()) for name, change in moved.adjustments.items()}
    return moved.population, sums


def base_rates(
    plan: Plan, people: np.ndarray, mx: np.ndarray, *, release: bool = False
) -> np.ndarray:
    """Return conditional birth rates of the census year, shape (4, 101)."""
    level = fertility.total_fertility_rate(plan.census, plan.region)
    incidence = fertility.census_rates(plan.census, plan.region, level)
    shares, _ = parity(plan, until=plan.census - 1, release=release)
    survival = mortality.survival(mx)[0]
    # Women a year before: those now a year older, before the year's deaths.
    women = people[0].copy()
    women[:-1] = people[0, 1:] / survival[1:]
    return pool_thin(conditional_rates(incidence, shares * women, survival), shares)


def pool_thin(rates: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Hold rates of ages with hardly any woman at the parity at risk to what others reach.

    Fourth births at 16 over a handful of women give rates near one half a year, which a drawn
    factor makes impossible. The births concerned are a few in a province.
    """
    pooled = rates.copy()
    for order, at_risk in enumerate(shares):
        thin = at_risk < THIN_SHARE
        pooled[order, thin] = np.minimum(rates[order, thin], rates[order, ~thin].max())
    return pooled


def sex_ratio_at_birth(plan: Plan) -> np.ndarray:
    """Return boys per girl by birth order in the census year's long form, shape (4,)."""
    girls, boys = sources.births_by_order(plan.census, plan.region)
    return boys / girls


def path(
    plan: Plan,
    base: Stocks,
    rates: np.ndarray,
    mx: np.ndarray,
    sex_ratio: np.ndarray,
    held: str,
) -> Path:
    """Project the plan's years: meet what was observed, then hold fertility as said."""
    result = Path()
    now, factor, level = base, np.ones(len(rates)), 1.0
    target = None
    trend = mortality.improvement(plan.years, since=plan.census + 0.5)
    for year, improved in zip(plan.years, mx * trend, strict=True):
        moved = plan.migration(year)
        death_rates = improved * level
        if year in plan.observed:
            done, factor, scale = meet(now, rates, improved, moved, sex_ratio, plan.observed[year])
            death_rates = improved * scale
            if not result.years:
                # The level of the first observed year goes on; later excess deaths do not.
                level = scale
        elif held == "incidence" and target is not None:
            done, factor = hold_fertility(now, rates, death_rates, moved, sex_ratio, target, factor)
        else:
            done = one_year(now, rates, death_rates, moved, sex_ratio, factor)
        if year in plan.observed or target is None:
            target = done.total_fertility_rate
        result.mx.append(death_rates)
        result.fertility_factor.append(factor)
        result.migration.append(moved)
        result.years.append(done)
        now = done.end
    return result
