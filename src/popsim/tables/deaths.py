"""Mortality of an assembly: death rates and survival ratios, by year."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.demography.lifetable import (
    life_table,
    scale_to_deaths,
    scale_to_e0,
    survival_ratios,
)
from popsim.errors import DataError
from popsim.tables.ages import counts, death_rates, exposure, in_groups
from popsim.tables.job import Job

__all__ = ["mortality"]

Array = NDArray[np.float64]
_SEXES = ("female", "male")
_LEVELS = ("low", "central", "high")
_TABLES = ("death_rate", "deaths_by_age", "life_expectancy_at_birth", "deaths")


def mortality(job: Job, people: Array) -> tuple[Array, Array | None, list[str]]:
    """Return survival ratios (region, year, level, sex, age), death rates, and the levels.

    Survival ratios as they are given; else from death rates, deaths over population, a path of
    life expectancy or the deaths of a year; else the standard's.
    """
    name = next((n for n in _TABLES if n in job.given), None)
    if "survival_ratio" in job.given:
        survival, levels = _given_survival(job)
        return survival, _given_rates(job), levels
    if name is None:
        return _like_survival(job)
    rates = np.stack([_rates(job, name, i, people[i]) for i in range(len(job.codes))])
    survival, levels = _with_levels(job, _survival(rates))
    job.sources["survival_ratio"] = f"From `death_rate`; {_spread(job)}"
    return survival, rates, levels


def _survival(m: Array) -> Array:
    sexes = np.broadcast_to(np.array(_SEXES), m.shape[:-1])
    return np.asarray(survival_ratios(life_table(m, sex=sexes)).values)


def _spread(job: Job) -> str:
    if job.standard is None:
        return "low and high are the central ones: no uncertainty of mortality is given"
    return f"low and high: as far from the central ones as in {job.standard_name}, in log survival"


def _with_levels(job: Job, central: Array) -> tuple[Array, list[str]]:
    """Add low and high survival: log survival moves by the standard's ratio to its centre."""
    levels = np.repeat(central[:, :, None], 3, axis=2)
    if job.standard is not None:
        for i, code in enumerate(job.codes):
            own = job.like(code)
            if own is None or "mortality_level" not in own["survival_ratio"].dims:
                continue
            dims = ("year", "mortality_level", "sex", "age")
            S = job.like_values(code, "survival_ratio", *dims)
            assert S is not None
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.log(S) / np.log(S[:, 1:2])
            ratio = np.where(np.isfinite(ratio), ratio, 1.0)
            levels[i] = central[i][:, None] ** ratio
    return levels, list(_LEVELS)


def _given_survival(job: Job) -> tuple[Array, list[str]]:
    name = "survival_ratio"
    given = job.given[name]
    limits = job.coord(name, "age")
    if not given.single_ages or limits[-1] != job.last:
        raise DataError(
            f"survival ratios must have single ages 0 to {job.last}+; give death rates instead"
        )
    levelled = "mortality_level" in given.array.dims
    dims = ("year", "mortality_level", "sex", "age") if levelled else ("year", "sex", "age")
    result, said = [], ""
    for code in job.codes:
        path, said = job.path(name, job.of(name, code, *dims))
        result.append(path)
    survival = np.stack(result)
    if levelled:
        levels = [str(level) for level in given.array["mortality_level"].values]
        job.source(name, name, said)
        return survival, levels
    survival, levels = _with_levels(job, survival)
    job.source(name, name, said, _spread(job))
    return survival, levels


def _given_rates(job: Job) -> Array | None:
    if "death_rate" not in job.given:
        return None
    return np.stack([_rates(job, "death_rate", i, None) for i in range(len(job.codes))])


def _like_survival(job: Job) -> tuple[Array, Array | None, list[str]]:
    if job.standard is None:
        job.lacks(
            "mortality", "death_rate (年龄别死亡率) or life_expectancy_at_birth (平均预期寿命)"
        )
        shape = (len(job.codes), len(job.years), 3, 2, job.last + 1)
        return np.ones(shape), None, list(_LEVELS)
    levelled = "mortality_level" in job.standard.data["survival_ratio"].dims
    dims = ("year", "mortality_level", "sex", "age") if levelled else ("year", "sex", "age")
    survival = [job.like_values(code, "survival_ratio", *dims) for code in job.codes]
    stacked = np.stack([s for s in survival if s is not None])
    if not levelled:
        stacked = np.repeat(stacked[:, :, None], 3, axis=2)
    job.filled("survival_ratio", "survival ratios")
    rates = [job.like_values(code, "death_rate", "year", "sex", "age") for code in job.codes]
    if any(r is None for r in rates):
        return stacked, None, list(_LEVELS)
    job.filled("death_rate", "death rates")
    return stacked, np.stack([r for r in rates if r is not None]), list(_LEVELS)


def _like(job: Job, code: str) -> Array | None:
    """Return the standard's death rates (year, sex, age)."""
    return job.like_values(code, "death_rate", "year", "sex", "age")


def _like_central(job: Job, code: str) -> Array | None:
    """Return the standard's central survival ratios of the base year (sex, age)."""
    own = job.like(code)
    if own is None:
        return None
    S = own["survival_ratio"].sel(year=job.base_time)
    S = S.sel(mortality_level="central") if "mortality_level" in S.dims else S
    return np.asarray(S.transpose("sex", "age").values)


def _rates(job: Job, name: str, place: int, people: Array | None) -> Array:
    """Return death rates (year, sex, age) of one region from the table ``name``."""
    code = job.codes[place]
    if name == "death_rate":
        return _from_rates(job, code)
    assert people is not None
    if name == "deaths_by_age":
        return _from_deaths(job, code, people)
    standard = _like(job, code)
    if standard is None:
        what = {"deaths": "deaths", "life_expectancy_at_birth": "a life expectancy"}[name]
        raise DataError(
            f'{what} alone needs the death rates by age of a baseline; write like="zhejiang-2020" '
            "or give a table death_rate (年龄别死亡率)"
        )
    if name == "deaths":
        return _scaled_to_deaths(job, code, people, standard)
    return _at_life_expectancy(job, code, standard)


def _from_rates(job: Job, code: str) -> Array:
    name = "death_rate"
    values = job.of(name, code, "year", "sex", "age")
    standard = _like(job, code)
    limits = job.coord(name, "age")
    if "year" in job.given[name].array.dims:
        first = None if standard is None else standard[:1]
        single, said = death_rates(values, limits, job.last, first, job.standard_name)
        path, held = job.path(name, single)
        job.source(name, name, said, held)
        return path
    first = None if standard is None else standard[0]
    single, said = death_rates(values, limits, job.last, first, job.standard_name)
    return _onward(job, name, single, standard, said)


def _onward(job: Job, table: str, m: Array, standard: Array | None, *said: str) -> Array:
    """Continue the rates of the base year (sex, age): like the standard's, or held."""
    if standard is None:
        job.source("death_rate", table, *said, "held in all years")
        return np.repeat(m[None], len(job.years), axis=0)
    job.source("death_rate", table, *said, f"improving as in {job.standard_name}")
    change = np.divide(standard, standard[:1], out=np.ones_like(standard), where=standard[:1] > 0)
    return m * change


def _year(job: Job, name: str) -> int:
    years = job.coord(name, "year").tolist()
    for year in (job.base_time, job.base_time - 1):
        if year in years:
            return year
    raise DataError(
        f"the deaths are of {', '.join(map(str, years))}; deaths of {job.base_time - 1} or "
        f"{job.base_time} are needed, beside the population of 1 January {job.base_time}"
    )


def _from_deaths(job: Job, code: str, people: Array) -> Array:
    name = "deaths_by_age"
    year = _year(job, name)
    years = job.coord(name, "year").tolist()
    deaths = job.of(name, code, "year", "sex", "age")[years.index(year)]
    limits = job.coord(name, "age")
    if limits[-1] > job.last:
        deaths, _ = counts(deaths, limits, job.last, None)
        limits = limits[limits <= job.last]
    at_risk = in_groups(
        exposure(people, year, job.base_time, _like_central(job, code)), limits, None
    )
    if np.any((at_risk <= 0) & (deaths > 0)):
        raise DataError(f"there are deaths in {code} at ages without people")
    m = np.divide(deaths, at_risk, out=np.zeros_like(deaths), where=at_risk > 0)
    standard = _like(job, code)
    first = None if standard is None else standard[0]
    single, said = death_rates(m, limits, job.last, first, job.standard_name)
    return _onward(job, name, single, standard, f"of {year}, over the people of their age", said)


def _scaled_to_deaths(job: Job, code: str, people: Array, standard: Array) -> Array:
    year = _year(job, "deaths")
    years = job.coord("deaths", "year").tolist()
    wanted = float(job.of("deaths", code, "year")[years.index(year)])
    E = exposure(people, year, job.base_time, _like_central(job, code))
    factor = float(scale_to_deaths(standard[0].ravel(), E.ravel(), wanted))
    job.source(
        "death_rate",
        "deaths",
        f"deaths of {year}: the rates of {job.standard_name} times one factor",
    )
    return standard * factor


def _at_life_expectancy(job: Job, code: str, standard: Array) -> Array:
    """Meet a path of life expectancy by a factor on the standard's rates.

    The logarithm of the factor is linear between the years given and held outside, so the gap to
    the standard stays and its improvement goes on.
    """
    name = "life_expectancy_at_birth"
    years = job.coord(name, "year")
    wanted = job.of(name, code, "year", "sex")
    use = [i for i, y in enumerate(years) if job.years[0] - 1 <= y <= job.years[-1]]
    if not use:
        raise DataError(
            f"life expectancy is given for {', '.join(map(str, years))}; a year from "
            f"{job.base_time - 1} on is needed"
        )
    at = [max(int(years[i]) - job.years[0], 0) for i in use]
    log_factor = np.array(
        [
            [np.log(scale_to_e0(standard[t, s], wanted[i, s], sex=_SEXES[s])) for s in range(2)]
            for i, t in zip(use, at, strict=True)
        ]
    )
    path = [np.interp(np.arange(len(job.years)), at, log_factor[:, s]) for s in range(2)]
    job.source(
        "death_rate",
        name,
        f"met by a factor on the death rates of {job.standard_name} in the years given; linear "
        "between, held outside",
    )
    factor = np.exp(np.stack(path, axis=1))
    return np.asarray(standard * factor[..., None])
