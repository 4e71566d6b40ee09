"""What the checks of :mod:`popsim.demography.checks` compute, one function each.

Every function takes a Dataset and the lowest and highest value that passes, and yields findings; it
raises :class:`MissingError` when the data lack what it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.demography.age_quality import age_sex_accuracy, myers, whipple
from popsim.demography.lifetable import life_table
from popsim.demography.parity import incidence_rates

__all__ = [
    "Finding",
    "MissingError",
    "accuracy_index",
    "balance",
    "births_against_age_0",
    "cohort_survival",
    "fertility_level",
    "life_expectancy_level",
    "myers_index",
    "order_of_sexes",
    "region_totals",
    "sex_ratio_at_birth",
    "sex_ratios_by_age",
    "whipple_index",
]

Array = NDArray[np.float64]
_SEXES = ("female", "male")


class Finding(NamedTuple):
    """One comparison: where, the value found, and its limits."""

    where: str
    value: float
    low: float
    high: float

    @property
    def passes(self) -> bool:
        """Whether the value lies within the limits."""
        return bool(self.low <= self.value <= self.high)


class MissingError(Exception):
    """The data lack what a check needs."""


def _need(data: xr.Dataset, *names: str) -> None:
    missing = [name for name in names if name not in data]
    if missing:
        raise MissingError(f"needs {', '.join(missing)}")


def _stocks(data: xr.Dataset) -> xr.DataArray:
    """Return population (region, time, sex, age), one draw or scenario only."""
    _need(data, "population")
    array = data["population"]
    extra = [str(d) for d in array.dims if d in ("draw", "scenario", "quantile")]
    if extra:
        raise MissingError(f"needs a single {' and '.join(extra)}; select one")
    if "time" not in array.dims:
        time = data.coords.get("base_time", data.attrs.get("base_time", 0))
        array = array.expand_dims(time=[int(time)])
    if "region" not in array.dims:
        array = array.expand_dims(region=[""])
    if not {"sex", "age"} <= set(array.dims):
        raise MissingError("needs population by sex and age")
    return array.transpose("region", "time", "sex", "age")


def _of(data: xr.Dataset, region: Any) -> xr.Dataset:
    return data.sel(region=region) if "region" in data.dims else data


def _total(data: xr.Dataset, *names: str) -> xr.DataArray | None:
    """Return the first of several flows that is there, summed to (region, year)."""
    for name in names:
        if name in data and "year" in data[name].dims:
            rest = [d for d in data[name].dims if d not in ("region", "year")]
            return data[name].sum(rest, skipna=False) if rest else data[name]
    return None


def _flow(flow: xr.DataArray, region: Any, years: Iterable[int]) -> float:
    own = flow.sel(region=region) if "region" in flow.dims else flow
    wanted = list(years)
    if not np.isin(wanted, own["year"].values).all():
        return float("nan")
    return float(own.sel(year=wanted).sum(skipna=False))


def balance(data: xr.Dataset, limits: tuple[float, float]) -> Iterator[Finding]:
    """Yield what the flows between two dates do not explain, per year and person."""
    stocks = _stocks(data).sum(["sex", "age"])
    births = _total(data, "births", "births_by_order", "births_by_age")
    deaths = _total(data, "deaths", "deaths_by_sex", "deaths_by_age", "cohort_deaths")
    moved = _total(data, "net_migration_total", "net_migration_by_sex", "net_migration")
    if stocks.sizes["time"] < 2:
        raise MissingError("needs population at two dates")
    for flow, name in ((births, "births"), (deaths, "deaths"), (moved, "net_migration_total")):
        if flow is None:
            raise MissingError(f"needs {name} by year")
    assert births is not None
    assert deaths is not None
    assert moved is not None
    times = [int(t) for t in stocks["time"].values]
    for region in stocks["region"].values:
        for start, end in pairwise(times):
            years = range(start, end)
            change = _flow(births, region, years) - _flow(deaths, region, years)
            change += _flow(moved, region, years)
            if np.isnan(change):
                raise MissingError(f"needs all flows of {start}-{end - 1}")
            before, after = (float(stocks.sel(region=region, time=t)) for t in (start, end))
            value = (after - before - change) / before / (end - start)
            yield Finding(_where(region, f"{start} to {end}"), value, *limits)


def _where(region: Any, *rest: Any) -> str:
    return ", ".join(str(part) for part in (region, *rest) if str(part))


def _by_sex(
    data: xr.Dataset, limits: tuple[float, float], index: Callable[[Array], Array], last: int
) -> Iterator[Finding]:
    stocks = _stocks(data)
    if stocks.sizes["age"] <= last:
        raise MissingError(f"needs single ages to {last}")
    for region in stocks["region"].values:
        for time in stocks["time"].values:
            for sex in _SEXES:
                P = stocks.sel(region=region, time=time, sex=sex).values
                yield Finding(_where(region, time, sex), float(index(P)), *limits)


def whipple_index(data: xr.Dataset, limits: tuple[float, float]) -> Iterator[Finding]:
    """Yield Whipple's index by region, date and sex."""
    return _by_sex(data, limits, whipple, 62)


def myers_index(data: xr.Dataset, limits: tuple[float, float]) -> Iterator[Finding]:
    """Yield Myers' index by region, date and sex."""
    return _by_sex(data, limits, myers, 89)


def _five_year(stocks: xr.DataArray, last: int) -> Array:
    """Return 5-year groups below an age, the open one last, shape (..., sex, group)."""
    P = stocks.values
    if P.shape[-1] <= last:
        raise MissingError(f"needs single ages to {last}")
    return np.asarray(np.add.reduceat(P, range(0, last + 1, 5), axis=-1))


def accuracy_index(data: xr.Dataset, limits: tuple[float, float]) -> Iterator[Finding]:
    """Yield the age-sex accuracy index by region and date."""
    stocks = _stocks(data)
    for region in stocks["region"].values:
        for time in stocks["time"].values:
            women, men = _five_year(stocks.sel(region=region, time=time), 75)
            yield Finding(_where(region, time), float(age_sex_accuracy(men, women)), *limits)


def sex_ratios_by_age(data: xr.Dataset, limits: tuple[float, float]) -> Iterator[Finding]:
    """Yield men per woman by region, date and 5-year group."""
    stocks = _stocks(data)
    for region in stocks["region"].values:
        for time in stocks["time"].values:
            women, men = _five_year(stocks.sel(region=region, time=time), 75)
            for place in range(women.size - 1):
                first = 5 * place
                ratio = men[place] / women[place] if women[place] > 0 else np.inf
                yield Finding(_where(region, time, f"{first}-{first + 4}"), ratio, *limits)


def order_of_sexes(data: xr.Dataset, limits: tuple[float, float]) -> Iterator[Finding]:
    """Yield men per woman at ages 80 and over."""
    stocks = _stocks(data)
    if stocks.sizes["age"] <= 80:
        raise MissingError("needs ages from 80 on")
    old = stocks.sel(age=slice(80, None)).sum("age")
    for region in stocks["region"].values:
        for time in stocks["time"].values:
            women, men = old.sel(region=region, time=time).values
            yield Finding(_where(region, time, "80+"), float(men / women), *limits)


def sex_ratio_at_birth(data: xr.Dataset, limits: tuple[float, float]) -> Iterator[Finding]:
    """Yield boys per girl, every number of the table."""
    _need(data, "sex_ratio_at_birth")
    ratio = data["sex_ratio_at_birth"]
    for index in np.ndindex(ratio.shape):
        labels = [ratio[d].values[i] for d, i in zip(ratio.dims, index, strict=True)]
        words = [
            str(label) if d == "region" else f"{d} {label}"
            for d, label in zip(ratio.dims, labels, strict=True)
        ]
        yield Finding(", ".join(words), float(ratio.values[index]), *limits)


def births_against_age_0(data: xr.Dataset, limits: tuple[float, float]) -> Iterator[Finding]:
    """Yield infants over births."""
    stocks = _stocks(data)
    births = _total(data, "births", "births_by_order", "births_by_age")
    infants = stocks.sel(age=0).sum("sex")
    found = 0
    for region in stocks["region"].values:
        for time in stocks["time"].values:
            before = np.nan if births is None else _flow(births, region, [int(time) - 1])
            if births is None and stocks.sizes["time"] == 1:
                # A baseline has no births: those that its rates give in the year that follows.
                before = _births_of_rates(_of(data, region))[0]
            if np.isfinite(before) and before > 0:
                found += 1
                value = float(infants.sel(region=region, time=time)) / before
                yield Finding(_where(region, time), value, *limits)
    if not found:
        raise MissingError("needs births of the year before a stock, or birth rates")


def _births_of_rates(own: xr.Dataset) -> tuple[float, float]:
    """Return births and total fertility rate of the first year of one region's baseline."""
    _need(own, "women_by_parity", "conditional_fertility_rate", "survival_ratio")
    h, S = own["conditional_fertility_rate"], own["survival_ratio"].sel(sex="female")
    h = h.isel(year=0) if "year" in h.dims else h
    if "fertility_schedule" in h.dims:
        raise MissingError("needs one fertility_schedule")
    if "fertility_factor" in own:
        factor = own["fertility_factor"]
        h = h * (factor.isel(year=0) if "year" in factor.dims else factor)
    S = S.isel(year=0) if "year" in S.dims else S
    S = S.sel(mortality_level="central") if "mortality_level" in S.dims else S
    rates = np.array(h.transpose("birth_order", "age").values)
    rates[:, [0, -1]] = 0.0
    women = own["women_by_parity"].transpose("parity", "age").values
    f = incidence_rates(rates, women, S.values)
    E = np.array(women.sum(axis=0))
    return float((f * E).sum()), float(f.sum())


def cohort_survival(data: xr.Dataset, limits: tuple[float, float]) -> Iterator[Finding]:
    """Yield the largest ratio of a cohort to itself at the date before, by sex."""
    stocks = _stocks(data)
    if stocks.sizes["time"] < 2:
        raise MissingError("needs population at two dates")
    times = [int(t) for t in stocks["time"].values]
    moved = data.get("net_migration")
    for region in stocks["region"].values:
        for start, end in pairwise(times):
            n = end - start
            before, after = (stocks.sel(region=region, time=t).values for t in (start, end))
            gained = np.zeros_like(after)
            if moved is not None and n == 1 and start in moved["year"].values:
                own = moved.sel(region=region) if "region" in moved.dims else moved
                gained = own.sel(year=start).transpose("sex", "age").values
            # Half of the year's migrants come before the birthdays of the year, half after them.
            P, Q = (before + gained / 2)[:, : -n - 1], (after - gained / 2)[:, n:-1]
            ratio = np.divide(Q, P, out=np.ones_like(P), where=P > 0)
            for s, sex in enumerate(_SEXES):
                a = int(ratio[s].argmax())
                where = _where(region, f"{start} to {end}", sex, f"age {a} to {a + n}")
                yield Finding(where, float(ratio[s, a]), *limits)


def fertility_level(data: xr.Dataset, limits: tuple[float, float]) -> Iterator[Finding]:
    """Yield total fertility rates."""
    name = "total_fertility_rate"
    if name in data or f"{name}_by_order" in data:
        rate = data[name] if name in data else data[f"{name}_by_order"].sum("birth_order")
        for pick, word in ((rate.min(), "lowest"), (rate.max(), "highest")):
            yield Finding(word, float(pick), *limits)
        return
    _need(data, "women_by_parity", "conditional_fertility_rate", "survival_ratio")
    for region in data["region"].values if "region" in data.dims else [""]:
        yield Finding(_where(region), _births_of_rates(_of(data, region))[1], *limits)


def life_expectancy_level(data: xr.Dataset, limits: tuple[float, float]) -> Iterator[Finding]:
    """Yield the lowest and highest life expectancy by region and sex."""
    if "life_expectancy_at_birth" in data:
        e0 = data["life_expectancy_at_birth"]
    else:
        _need(data, "death_rate")
        e0 = life_table(data["death_rate"])["ex"].sel(age=0)
    rest = [d for d in e0.dims if d not in ("region", "sex")]
    for region in e0["region"].values if "region" in e0.dims else [""]:
        own = e0.sel(region=region) if "region" in e0.dims else e0
        for sex in e0["sex"].values if "sex" in e0.dims else [""]:
            mine = own.sel(sex=sex) if "sex" in own.dims else own
            for word, value in (("lowest", mine.min(rest)), ("highest", mine.max(rest))):
                yield Finding(_where(region, sex, word), float(value), *limits)


def region_totals(data: xr.Dataset, limits: tuple[float, float]) -> Iterator[Finding]:
    """Yield the sum of the parts over their parent, less 1."""
    stocks = _stocks(data)
    if "parent" not in data.coords:
        raise MissingError("needs parents of the regions")
    codes = [str(code) for code in stocks["region"].values]
    parents = [str(parent) for parent in data["parent"].values]
    there = [code for code in dict.fromkeys(parents) if code in codes]
    if not there:
        raise MissingError("needs a region whose parts are there too")
    for parent in there:
        parts = [c for c, p in zip(codes, parents, strict=True) if p == parent]
        whole, total = stocks.sel(region=parent), stocks.sel(region=parts).sum("region")
        for time in stocks["time"].values:
            a, b = (float(x.sel(time=time).sum()) for x in (total, whole))
            yield Finding(_where(parent, time, f"{len(parts)} parts"), a / b - 1, *limits)
