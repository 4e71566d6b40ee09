"""Birth rates of an assembly: conditional rates by order and their path."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.demography.parity import conditional_rates, incidence_rates
from popsim.demography.projection import project
from popsim.errors import DataError, ProjectionError
from popsim.tables.ages import end_of_births, exposure, fertility_rates, in_groups
from popsim.tables.job import Job
from popsim.tables.people import split_open

__all__ = ["Target", "birth_rates", "given_factor", "held_factor", "meet", "sex_ratio_at_birth"]

Array = NDArray[np.float64]
_SOURCES = ("conditional_fertility_rate", "incidence_fertility_rate", "births_by_age")
_TOTALS = ("births_by_order", "births")
_BIRTHS = ("births_by_age", *_TOTALS)
_MEASURES = {"births": "births_by_order", "fertility": "total_fertility_rate_by_order"}
_ROUNDS = 300
_TOLERANCE = 1e-10


class Target(NamedTuple):
    """What the projection of the base year has to give.

    Attributes
    ----------
    measure : {"births", "fertility"}
        Births by order [births] or total fertility rate by order [births per woman].
    values : numpy.ndarray (region, order)
    """

    measure: str
    values: Array


def birth_rates(job: Job, women: Array, survival: Array) -> tuple[Array, bool, Target | None]:
    """Return conditional rates (region, order, age), whether they are own, and what they must give.

    Parameters
    ----------
    job : Job
    women : numpy.ndarray (region, parity, age)
    survival : numpy.ndarray (region, age)
        Survival of women in the base year.

    Notes
    -----
    The first table that is there counts: conditional rates as they are; rates of all women turned
    with the women by parity; births over women of their age; births without ages with the
    standard's age pattern; else the standard's rates.
    """
    name = next((n for n in (*_SOURCES, *_TOTALS) if n in job.given), None)
    if name is None:
        return _like_rates(job), False, None
    if name == "conditional_fertility_rate":
        return _given_rates(job), True, None
    incidence, texts = [], []
    for i, code in enumerate(job.codes):
        standard = _like_incidence(job, code)
        if name in _TOTALS:
            f, said = _from_totals(job, name, code, women[i], standard)
        else:
            f, said = _by_age(job, name, code, women[i])
            if f.shape[0] != job.orders:
                if standard is None:
                    job.lacks("split of births by order", f"{name} by 孩次")
                    return np.zeros((len(job.codes), job.orders, job.last + 1)), True, None
                is_open = job.given[name].open_order or f.shape[0] == 1
                f = split_open(f, standard, is_open=is_open)
                said += (
                    f"; birth orders that are not given parted like those of {job.standard_name}"
                )
        f[:, [0, -1]] = 0.0
        incidence.append(f)
        texts.append(said)
    job.source(
        "conditional_fertility_rate",
        name,
        *texts,
        "turned into rates by parity with `women_by_parity`",
    )
    rates = np.stack(incidence)
    target = Target("fertility", rates.sum(axis=-1))
    if name in _BIRTHS and _year(job, name) == job.base_time:
        # Births of the first year are known: they must come out again, whoever moves within it.
        E = exposure(women.sum(axis=1), job.base_time, job.base_time)
        expected = (rates * E[:, None]).sum(axis=-1)
        known = [job.of(name, c, "year", "birth_order", "age") for c in job.codes]
        place = job.coord(name, "year").tolist().index(job.base_time)
        total = np.array([values[place].sum() for values in known])
        target = Target("births", expected * (total / expected.sum(axis=-1))[:, None])
    return conditional_rates(rates, women, survival), True, target


def _like_rates(job: Job) -> Array:
    if job.standard is None:
        tables = "incidence_fertility_rate (年龄别生育率) or births_by_age (分母亲年龄出生人数)"
        job.lacks("fertility", tables)
        return np.zeros((len(job.codes), job.orders, job.last + 1))
    job.filled("conditional_fertility_rate", "conditional rates")
    job.filled("fertility_factor", "path of the factors")
    rates = [
        job.like_values(c, "conditional_fertility_rate", "birth_order", "age") for c in job.codes
    ]
    return np.stack([r for r in rates if r is not None])


def _given_rates(job: Job) -> Array:
    name = "conditional_fertility_rate"
    given = job.given[name]
    dims = ("year", "birth_order", "age")
    rates, said = [], ""
    for code in job.codes:
        values = job.of(name, code, *dims)
        if "year" in given.array.dims:
            there = job.coord(name, "year")
            if there.size > 1:
                raise DataError(f"conditional rates of {there.size} years; keep one, or drop 年份")
            values = values[0]
        f, said = fertility_rates(values, job.coord(name, "age"), given.last_age, job.last)
        if f.shape[0] != job.orders:
            raise DataError(f"there are {f.shape[0]} birth orders for {job.orders} parities")
        rates.append(f)
    job.source(name, name, said)
    return np.stack(rates)


def _like_incidence(job: Job, code: str) -> Array | None:
    h = job.like_values(code, "conditional_fertility_rate", "birth_order", "age")
    if h is None:
        return None
    factor = job.like_values(code, "fertility_factor", "year", "birth_order")
    if factor is not None:
        h = h * factor[0][:, None]
    W = job.like_values(code, "women_by_parity", "parity", "age")
    own = job.like(code)
    assert W is not None
    assert own is not None
    S = own["survival_ratio"].sel(year=job.base_time, sex="female")
    if "mortality_level" in S.dims:
        S = S.sel(mortality_level="central")
    h[:, [0, -1]] = 0.0
    return incidence_rates(h, W, S.values)


def _year(job: Job, name: str) -> int:
    """Return the year of the births that fit the stock: the base year, else the one before."""
    years = job.coord(name, "year").tolist()
    for year in (job.base_time, job.base_time - 1):
        if year in years:
            return year
    raise DataError(
        f"the births are of {', '.join(map(str, years))}; births of {job.base_time - 1} or "
        f"{job.base_time} are needed, beside the population of 1 January {job.base_time}"
    )


def _by_age(job: Job, name: str, code: str, women: Array) -> tuple[Array, str]:
    """Return rates of all women (order, age) from rates or births by age of mother."""
    given = job.given[name]
    dims = ("year", "birth_order", "age")
    values = job.of(name, code, *dims)
    when = ""
    if "year" in given.array.dims:
        years = job.coord(name, "year").tolist()
        if name == "births_by_age":
            year = _year(job, name)
        else:
            until = [y for y in years if y <= job.base_time]
            year = until[-1] if until else years[0]
        values = values[years.index(year)]
        when = f"of {year}"
    if "birth_order" not in given.array.dims:
        values = values[None]
    limits, upper = job.coord(name, "age"), given.last_age
    if name == "births_by_age":
        E = exposure(women.sum(axis=0), year, job.base_time)
        at_risk = in_groups(E, limits, end_of_births(limits, upper))
        if np.any((at_risk <= 0) & (values > 0)):
            raise DataError(f"there are births in {code} at ages without women")
        values = values / np.where(at_risk > 0, at_risk, 1.0)
        when += ", over the women of their age"
    f, said = fertility_rates(values, limits, upper, job.last)
    return f, "; ".join(t for t in (when, said) if t)


def _from_totals(
    job: Job, name: str, code: str, women: Array, standard: Array | None
) -> tuple[Array, str]:
    """Return rates of all women that give stated births, ages like the standard's."""
    if standard is None:
        job.lacks("age pattern of births", "births_by_age (分母亲年龄出生人数)")
        return np.zeros((job.orders, job.last + 1)), ""
    year = _year(job, name)
    values = job.of(name, code, "year", "birth_order")[job.coord(name, "year").tolist().index(year)]
    E = exposure(women.sum(axis=0), year, job.base_time)
    expected = (standard * E).sum(axis=1)
    if name == "births":
        wanted = expected * values / expected.sum()
    else:
        given = job.given[name]
        wanted = split_open(values[:, None], expected[:, None], is_open=given.open_order)[:, 0]
    factor = np.divide(wanted, expected, out=np.zeros_like(wanted), where=expected > 0)
    return standard * factor[
        :, None
    ], f"births of {year} with the rates by age of {job.standard_name}"


def given_factor(job: Job, own: bool) -> Array | None:
    """Return the factors (region, year, order) given, or the standard's beside its rates."""
    if "fertility_factor" in job.given:
        result = []
        for code in job.codes:
            path, said = job.path(
                "fertility_factor", job.of("fertility_factor", code, "year", "birth_order")
            )
            result.append(path)
        job.source("fertility_factor", "fertility_factor", said)
        return np.stack(result)
    if own:
        return None
    factors = [job.like_values(c, "fertility_factor", "year", "birth_order") for c in job.codes]
    return (
        None if any(f is None for f in factors) else np.stack([f for f in factors if f is not None])
    )


def meet(data: xr.Dataset, target: Target) -> Array:
    """Scale conditional rates by order until the projection of the first year gives the target.

    The tables say what all women or all births of the year are; who moves and dies within the
    year changes the women at risk by a little, which this makes good.

    Parameters
    ----------
    data : xarray.Dataset
        Baseline without factors.
    target : Target

    Returns
    -------
    numpy.ndarray (region, order, age)
        Conditional rates [year-1].

    Raises
    ------
    DataError
        When the target is out of reach.
    """
    dims = ("region", "birth_order", "age")
    rates = np.array(data["conditional_fertility_rate"].transpose(*dims).values)
    first = [int(data["year"].values[0])]
    for _ in range(_ROUNDS):
        trial = data.assign(conditional_fertility_rate=(dims, rates))
        try:
            run = project(trial, years=first, on_negative="cut")
        except ProjectionError as error:
            raise DataError(
                f"the women by parity cannot give the births: {error.problems[0].message}"
            ) from error
        made = (
            run[_MEASURES[target.measure]].transpose("region", "year", "birth_order").values[:, 0]
        )
        miss = np.divide(target.values, made, out=np.ones_like(made), where=made > 0)
        if np.abs(miss - 1).max() < _TOLERANCE:
            return rates
        rates *= miss[..., None]
    raise DataError("no rates give the births or the fertility of the tables")


def held_factor(data: xr.Dataset, years: range) -> Array:
    """Find factors (region, year, order) that hold the total fertility rate by order.

    The level is that of the first year with the rates as they are. All years are corrected at
    once until they meet it; each year settles when the years before it have.

    Raises
    ------
    DataError
        When the level cannot be held, because too few women of a parity are left.
    """
    shape = (data.sizes["region"], len(years), data.sizes["birth_order"])
    factor = np.ones(shape)
    dims = ("region", "year", "birth_order")
    target: Array | None = None
    for _ in range(_ROUNDS):
        trial = data.assign(fertility_factor=(dims, factor)).assign_coords(year=list(years))
        try:
            run = project(trial, years=years, on_negative="cut")
        except ProjectionError as error:
            raise DataError(
                f"the total fertility rate by order cannot be held ({error.problems[0].message}); "
                'write fertility="conditional"'
            ) from error
        level = run["total_fertility_rate_by_order"].transpose(*dims).values
        target = level[:, :1].copy() if target is None else target
        miss = np.divide(target, level, out=np.ones_like(level), where=level > 0)
        if np.abs(miss - 1).max() < _TOLERANCE:
            return factor
        factor *= miss
    raise DataError(
        'the total fertility rate by order cannot be held; write fertility="conditional"'
    )


def sex_ratio_at_birth(job: Job) -> Array:
    """Return boys per girl (region, order); of several years the one nearest before the base."""
    name = "sex_ratio_at_birth"
    result = []
    for code in job.codes:
        if name in job.given:
            given = job.given[name].array
            values = job.of(name, code, "year", "birth_order")
            if "year" in given.dims:
                years = job.coord(name, "year")
                until = np.flatnonzero(years <= job.base_time)
                values = values[until[-1] if until.size else 0]
            values = np.atleast_1d(values)
            if values.size not in (1, job.orders):
                # The open order given stands for every order that it holds.
                values = values[np.minimum(np.arange(job.orders), values.size - 1)]
            result.append(np.broadcast_to(values, (job.orders,)))
        else:
            own = job.like_values(code, name, "birth_order")
            if own is None:
                job.lacks("sex ratio at birth", "sex_ratio_at_birth (出生人口性别比)")
                own = np.ones(job.orders)
            else:
                job.filled(name, "sex ratio at birth by order")
            result.append(own)
    if name in job.given:
        job.source(name, name)
    return np.stack(result)
