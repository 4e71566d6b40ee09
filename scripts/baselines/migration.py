"""Net migration by sex and age from two censuses, as a schedule for one year.

The census survival ratios of the nation, which is nearly closed, stand for survival and for
what both counts miss; what the province has over them is net migration (Hamilton's census
survival ratio method). Children born in the decade follow the women by child-woman ratios.
The residual of a cohort over ten years is then laid out over the ages it passed through.

References
----------
Shryock and Siegel (1976), The Methods and Materials of Demography, chapter 21.
"""

import numpy as np

from popsim.demography.migration import annual_schedule
from scripts.baselines import mortality, population, sources

STEP = 10
#: Weight of smoothness when ten-year residuals are laid out over single ages.
SMOOTHING = 10.0


def decade_residual(start: int, region: str) -> np.ndarray:
    """Return net migrants of ten years by sex and age at the end, shape (2, 101)."""
    end = start + STEP
    before, after = (population.single_ages(year, region) for year in (start, end))
    nation_before, nation_after = (
        population.single_ages(year, sources.NATION) for year in (start, end)
    )
    ratio = _advance(nation_after, nation_before) * _relative_survival(start, region)
    residual = np.zeros_like(after)
    residual[:, STEP:-1] = after[:, STEP:-1] - ratio[:, STEP:-1] * before[:, : -STEP - 1]
    residual[:, -1] = after[:, -1] - ratio[:, -1] * before[:, -STEP - 1 :].sum(axis=1)
    # Children born since the first census: their mothers' net migration times the child-woman
    # ratio of the province; the younger half was exposed a quarter, the older half three
    # quarters of the time.
    women = residual[0]
    mothers_young, mothers_old = slice(15, 45), slice(20, 50)
    for children, mothers, share in (
        (slice(0, 5), mothers_young, 0.25),
        (slice(5, 10), mothers_old, 0.75),
    ):
        per_woman = after[:, children] / after[0, mothers].sum()
        residual[:, children] = share * per_woman * women[mothers].sum()
    return residual


def _advance(after: np.ndarray, before: np.ndarray) -> np.ndarray:
    ratio = np.ones_like(after)
    ratio[:, STEP:-1] = after[:, STEP:-1] / before[:, : -STEP - 1]
    ratio[:, -1] = after[:, -1] / before[:, -STEP - 1 :].sum(axis=1)
    return ratio


def _relative_survival(start: int, region: str) -> np.ndarray:
    """Return ten-year survival of the region over that of the nation, by age at the end."""
    survivors = []
    for code in (region, sources.NATION):
        mx = mortality.single_age_rates(mortality.census_rates(start + STEP, code))
        ratio = mortality.survival(mx)
        total = np.ones_like(ratio)
        for back in range(STEP):
            total[:, STEP:] *= ratio[:, STEP - back : ratio.shape[1] - back]
        survivors.append(total)
    return survivors[0] / survivors[1]


def schedule(start: int, region: str) -> np.ndarray:
    """Return mean net migrants of one year by sex and age, shape (2, 101), in persons."""
    mx = mortality.single_age_rates(mortality.census_rates(start + STEP, region))
    survival = mortality.survival(mx)
    residual = decade_residual(start, region)
    return annual_schedule(residual, survival, years=STEP, smoothing=SMOOTHING).net
