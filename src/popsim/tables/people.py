"""Population, women by parity and net migration of an assembly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from popsim.demography.graduation import graduate
from popsim.demography.migration import scale_net
from popsim.demography.parity import reconstruct
from popsim.errors import DataError
from popsim.tables.ages import counts, fertility_rates, signed_counts
from popsim.tables.job import Job

__all__ = ["net_migration", "population", "split_open", "women_by_parity"]

Array = NDArray[np.float64]
#: Women are taken for childless below this age where a table of parity begins at it or below.
FIRST_BIRTHS_FROM = 15


def population(job: Job) -> Array:
    """Return population (region, sex, age) [persons] on the base date."""
    given = job.given["population"]
    limits = job.coord("population", "age")
    result, said = [], ""
    for code in job.codes:
        values = np.asarray(
            given.array.sel(region=code, time=job.base_time).transpose("sex", "age").values
        )
        standard = job.like_values(code, "population", "sex", "age")
        single, said = counts(values, limits, job.last, standard, job.standard_name)
        result.append(single)
    job.source("population", "population", said)
    return np.stack(result)


def split_open(values: Array, standard: Array, *, is_open: bool) -> Array:
    """Part the open last order or parity (axis -2) like a standard that has more of them.

    Parameters
    ----------
    values : numpy.ndarray (order, age)
    standard : numpy.ndarray (order2, age)
        With as many orders or more.
    is_open : bool
        Whether the last one given is open ("三孩及以上").

    Returns
    -------
    numpy.ndarray (order2, age)

    Raises
    ------
    DataError
        When there are more than in the standard, or the last one is not open.

    Examples
    --------
    >>> split_open(np.array([[1.0], [3.0]]), np.array([[9.0], [2.0], [1.0]]), is_open=True)
    array([[1.],
           [2.],
           [1.]])
    """
    n, wanted = values.shape[-2], standard.shape[-2]
    if n == wanted:
        return values
    if n > wanted:
        raise DataError(
            f"there are {n} birth orders or parities, the model has {wanted}; put the last ones "
            "together"
        )
    if not is_open:
        raise DataError(
            f"birth orders or parities end with one that is not open, and the model has {wanted}; "
            "write 3孩及以上 or 3+ if it is open"
        )
    tail = standard[..., n - 1 :, :]
    total = tail.sum(axis=-2, keepdims=True)
    first = np.zeros_like(tail)
    first[..., 0, :] = 1.0
    shares = np.where(total > 0, tail / np.where(total > 0, total, 1.0), first)
    return np.concatenate([values[..., :-1, :], values[..., -1:, :] * shares], axis=-2)


def women_by_parity(job: Job, people: Array, how: str) -> tuple[Array, Array | None]:
    """Return women by parity (region, parity, age) [persons] and whether an age is reconstructed.

    From the table, else from past rates (``how`` is ``reconstruct``), else with the shares of the
    standard; the women of ``people`` are the total always.
    """
    women = people[:, 0]
    if "women_by_parity" in job.given:
        table = [_from_table(job, code, women[i]) for i, code in enumerate(job.codes)]
        job.source("women_by_parity", "women_by_parity", *(said for _, said in table))
        return np.stack([values for values, _ in table]), _flags(job)
    if how == "reconstruct":
        return _from_rates(job, women)
    if job.standard is None:
        job.lacks("distribution of women by parity", "women_by_parity (妇女按子女数)")
        return np.zeros((len(job.codes), job.orders, job.last + 1)), None
    result, known = [], []
    for i, code in enumerate(job.codes):
        own = job.like_values(code, "women_by_parity", "parity", "age")
        assert own is not None
        result.append(own / own.sum(axis=0) * women[i])
        flags = job.like_values(code, "parity_reconstructed", "age")
        known.append(np.zeros(job.last + 1) if flags is None else flags)
    job.filled("women_by_parity", "RECONSTRUCTED shares by parity at each age", stock=True)
    job.filled("parity_reconstructed", "flags", stock=True)
    return np.stack(result), np.stack(known)


def _flags(job: Job) -> Array | None:
    if "parity_reconstructed" not in job.given:
        return None
    flags = np.stack([job.of("parity_reconstructed", code, "age") for code in job.codes])
    if flags.shape[-1] != job.last + 1:
        raise DataError(f"parity_reconstructed must have single ages 0 to {job.last}+")
    job.source("parity_reconstructed", "parity_reconstructed")
    return flags


def _from_table(job: Job, code: str, women: Array) -> tuple[Array, str]:
    given = job.given["women_by_parity"]
    array = given.array.sel(region=code)
    there = array["time"].values.tolist()
    if job.base_time not in there:
        dates = ", ".join(f"1 January {t}" for t in there)
        raise DataError(f"the women are of {dates}, the population is of 1 January {job.base_time}")
    values = np.asarray(array.sel(time=job.base_time).transpose("parity", "age").values)
    limits = job.coord("women_by_parity", "age")
    said = []
    if limits[0] > FIRST_BIRTHS_FROM:
        raise DataError(
            f"women begin at age {limits[0]}; ages from {FIRST_BIRTHS_FROM} on are needed"
        )
    if limits[0] == 0 and limits[-1] == job.last and given.single_ages:
        single = values
    else:
        single, text = _graduated(values, limits, given.last_age, job.last)
        said.append(text)
    standard = job.like_values(code, "women_by_parity", "parity", "age")
    if standard is not None and standard.shape[0] != single.shape[0]:
        single = split_open(single, standard, is_open=given.open_order)
        said.append(f"the open parity parted like that of {job.standard_name}")
    total = single.sum(axis=0)
    if np.any((total <= 0) & (women > 0)):
        a = int(np.flatnonzero((total <= 0) & (women > 0))[0])
        raise DataError(f"there are no women of age {a} by parity, the population has {women[a]:g}")
    if np.all(np.abs(total - women) <= 1e-9 * np.maximum(women, 1.0)):
        return single, "; ".join(said)
    said.append("shares by parity of the table, times the women of the population")
    return single / np.where(total > 0, total, 1.0) * women, "; ".join(said)


def _graduated(
    values: Array, limits: NDArray[np.int64], upper: int | None, last: int
) -> tuple[Array, str]:
    """Shares by parity at single ages: childless below the table, held above it."""
    first = int(limits[0])
    if upper is not None:
        values = np.concatenate([values, np.zeros((values.shape[0], 1))], axis=1)
        limits = np.append(limits, upper)
    wide = bool(np.any(np.diff(limits) > 1))
    inner = graduate(values, limits) if wide else values
    inner = inner[:, :-1] if upper is not None else inner
    total = inner.sum(axis=0)
    shares = inner / np.where(total > 0, total, 1.0)
    end = first + shares.shape[1]
    single = np.zeros((values.shape[0], last + 1))
    single[0, :first] = 1.0
    single[:, first:end] = shares[:, : last + 1 - first]
    single[:, end:] = shares[:, -1:]
    said = (
        "age groups graduated by a monotone spline through the cumulated counts; " if wide else ""
    )
    said += f"childless below age {first}, " if first else ""
    return single, f"{said}shares held above age {end - 1}"


def _from_rates(job: Job, women: Array) -> tuple[Array, Array | None]:
    """Reconstruct parity from the table of order-specific fertility rates."""
    name = "incidence_fertility_rate"
    if name not in job.given or not {"year", "birth_order"} <= set(job.given[name].array.dims):
        raise DataError(
            "parity can be reconstructed only from a table incidence_fertility_rate with years and "
            'birth orders; give one, or write parity="like"'
        )
    given = job.given[name]
    years = job.coord(name, "year")
    past = years[years < job.base_time]
    if past.size == 0 or past[-1] != job.base_time - 1 or np.any(np.diff(past) != 1):
        raise DataError(
            f"to reconstruct parity every year up to {job.base_time - 1} must have rates"
        )
    result, known = [], []
    for i, code in enumerate(job.codes):
        rates = job.of(name, code, "year", "birth_order", "age")[: past.size]
        f, _ = fertility_rates(rates, job.coord(name, "age"), given.last_age, job.last)
        f[..., [0, -1]] = 0.0
        shares = reconstruct(f).shares
        followed = np.isfinite(shares).all(axis=0)
        oldest = int(np.flatnonzero(followed)[-1])
        shares[:, oldest + 1 :] = shares[:, oldest : oldest + 1]
        result.append(shares * women[i])
        known.append(followed.astype(float))
    job.source(
        "women_by_parity",
        name,
        f"RECONSTRUCTED: women by parity shares that follow from the rates of {past[0]}-{past[-1]}",
    )
    job.source(
        "parity_reconstructed",
        name,
        "1 where the cohort was followed from the first year, 0 where the oldest followed "
        "cohort's shares are carried over",
    )
    return np.stack(result), np.stack(known)


def net_migration(job: Job, people: Array) -> Array | None:
    """Return net migrants (region, year, sex, age) [persons], or None when nobody is said to move.

    From the table by sex and age, else the totals with the standard's pattern, else the
    standard's numbers in proportion to the population.
    """
    if "net_migration" in job.given:
        limits = job.coord("net_migration", "age")
        result, texts = [], []
        for code in job.codes:
            values = job.of("net_migration", code, "year", "sex", "age")
            standard = job.like_values(code, "population", "sex", "age")
            single, said = signed_counts(values, limits, job.last, standard, job.standard_name)
            path, held = job.path("net_migration", single)
            result.append(path)
            texts += [said, held]
        job.source("net_migration", "net_migration", *texts)
        return np.stack(result)
    if job.standard is None:
        if "net_migration_total" in job.given:
            job.lacks(
                "pattern by sex and age of net migration", "net_migration (分性别年龄净迁移人数)"
            )
        return None
    result, texts = [], []
    for i, code in enumerate(job.codes):
        pattern = job.like_values(code, "net_migration", "year", "sex", "age")
        whole = job.like_values(code, "population", "sex", "age")
        if pattern is None or whole is None:
            return None
        if "net_migration_total" in job.given:
            totals, held = job.path(
                "net_migration_total", job.of("net_migration_total", code, "year")
            )
            pattern = pattern * people[i].sum() / whole.sum()
            result.append(scale_net(pattern, totals, axis=(-2, -1)))
            texts.append(held)
        else:
            result.append(pattern * people[i].sum() / whole.sum())
    if "net_migration_total" in job.given:
        said = f"pattern by sex and age of {job.standard_name}, arrivals and departures scaled"
        job.source("net_migration", "net_migration_total", *texts, said)
    else:
        job.filled("net_migration", "net migrants in proportion to the population")
    return np.stack(result)
