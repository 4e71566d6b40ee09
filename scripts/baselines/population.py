"""Census populations by single age."""

from functools import cache

import numpy as np

from popsim.demography.graduation import graduate_with_standard, group_sums
from scripts.baselines import sources

#: Weight of smoothness against the relation to the mean population. The relation alone leaves a
#: saw-tooth of period two (half-sums cannot see it); at 0.1 the saw-tooth is gone, the relation
#: holds to 2.5 % and the thin cohorts of 1959-61 stay thin.
SMOOTHNESS = 0.1


@cache
def national_single_ages(year: int) -> np.ndarray:
    """Return the nation's census population by sex and single age, shape (2, 101).

    The yearbook prints five-year groups of the count and, by single age, the mean population
    of the census year, which is half the count at age x plus half the count of a year earlier;
    in a closed population the latter is the cohort now aged x + 1 and its deaths. Least squares
    on that relation, with the printed groups met exactly, gives the count by single age.
    """
    groups = sources.census_groups("population", year, sources.NATION)
    means = sources.mean_population(year)
    deaths = sources.single_age_deaths(year)
    return np.stack([_invert_means(*rows) for rows in zip(groups, means, deaths, strict=True)])


def _invert_means(groups: np.ndarray, mean: np.ndarray, deaths: np.ndarray) -> np.ndarray:
    size = len(mean)
    survival = 1.0 - deaths / mean
    relation = np.zeros((size - 2, size))
    for age in range(size - 2):
        relation[age, age] = 0.5
        relation[age, age + 1] = 0.5 / survival[age]
    # Relative errors: every single age counts alike.
    weight = 1.0 / mean[: size - 2]
    expected = np.append(mean[0], (mean[1:] + mean[:-1]) / 2)
    bend = np.diff(np.eye(size), 2, axis=0) / expected
    fit = np.vstack([relation * weight[:, None], np.sqrt(SMOOTHNESS) * bend])
    target = np.append(np.ones(size - 2), np.zeros(size - 2))
    member = group_sums(np.eye(size), sources.BREAKS).T
    count = len(groups)
    system = np.block([[fit.T @ fit, member.T], [member, np.zeros((count, count))]])
    scale = groups.mean()
    system[:size, :size] *= scale**2
    solution = np.linalg.solve(system, np.append(fit.T @ target * scale, groups / scale))
    single = solution[:size] * scale
    if (single < 0).any():
        raise ValueError(f"negative count at age {int(np.argmin(single))}")
    return single


@cache
def single_ages(year: int, region: str) -> np.ndarray:
    """Return the census population by sex and single age, shape (2, 101)."""
    standard = national_single_ages(year)
    if region == sources.NATION:
        return standard
    groups = sources.census_groups("population", year, region)
    return graduate_with_standard(groups, sources.BREAKS, standard)
