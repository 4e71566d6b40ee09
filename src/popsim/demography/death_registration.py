"""Under-registered deaths: how complete they are, and an adjustment that stays visible.

Two methods judge the deaths between two censuses by the censuses themselves
(:func:`growth_balance`, :func:`extinct_generations`); both suppose that completeness is the same at
all ages of the fit and that migration is known or small. :func:`adjust_deaths` raises the deaths by
a stated completeness, by a model's ratio at each age, to a total or to a life expectancy, and keeps
registered, factor and adjusted side by side. Arrays have the age axis **last**; axes before it
(region, sex) are broadcast.

Examples
--------
>>> adjusted = adjust_deaths([40.0, 60.0, 900.0], [9000, 36000, 20000], ages=[0, 1, 5],
...                          sex="female", completeness=0.8)
>>> adjusted["deaths_adjusted"].values.tolist(), float(adjusted["deaths_added"].sum())
([50.0, 75.0, 1125.0], 250.0)
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from popsim.demography.lifetable import life_table, scale_to_deaths, scale_to_e0
from popsim.errors import DataError, Problems

__all__ = ["adjust_deaths", "extinct_generations", "growth_balance"]

Array = NDArray[np.float64]


class _Censuses:
    """Two censuses and the deaths between them, checked."""

    def __init__(
        self,
        before: ArrayLike,
        after: ArrayLike,
        deaths: ArrayLike,
        ages: ArrayLike,
        years: float,
        net_migration: ArrayLike,
        fit: tuple[int, int],
    ) -> None:
        arrays = [np.asarray(x, dtype=float) for x in (before, after, deaths, net_migration)]
        self.age = np.asarray(ages, dtype=np.int64)
        problems = Problems()
        widths = np.diff(self.age)
        if self.age.ndim != 1 or self.age.size < 4 or np.any(widths != widths[0]):
            problems.add("age limits must rise in equal steps, as 0, 5, 10, …")
        for name, x in zip(("census before", "census after", "deaths"), arrays, strict=False):
            if x.shape[-1:] != self.age.shape:
                problems.add(
                    f"{name} has {x.shape[-1] if x.ndim else 0} age groups; there are "
                    f"{self.age.size} age limits"
                )
            elif not np.all(np.isfinite(x) & (x > 0)):
                at = int(np.argwhere(~(np.isfinite(x) & (x > 0)))[0][-1])
                problems.add(
                    f"{name} at age {self.age[at]} must be more than 0; pool ages or areas"
                )
        if not years > 0:
            problems.add(f"the censuses are {years:g} years apart; it must be more than 0")
        problems.raise_if_any(DataError)
        self.fitted = (self.age >= fit[0]) & (self.age <= fit[1]) & (self.age > 0)
        if self.fitted.sum() < 3:
            raise DataError(f"fewer than three ages lie in {fit[0]}-{fit[1]}; the fit needs three")
        self.before, self.after, self.deaths, self.moved = np.broadcast_arrays(
            *arrays[:3], np.broadcast_to(arrays[3], arrays[2].shape)
        )
        self.years, self.width = float(years), float(widths[0])
        self.lead = [f"dim_{i}" for i in range(self.deaths.ndim - 1)]

    def dataset(self, columns: dict[str, tuple[Array, str, str]], level: list[str]) -> xr.Dataset:
        """Label results; those named in ``level`` have no age."""
        return xr.Dataset(
            {
                name: (
                    self.lead if name in level else [*self.lead, "age"],
                    value,
                    {"units": unit, "long_name": text},
                )
                for name, (value, unit, text) in columns.items()
            },
            coords={"age": ("age", self.age, {"units": "year", "open_interval": True})},
        )


def _above(x: Array) -> Array:
    """Return sums from each age up."""
    return np.asarray(np.cumsum(x[..., ::-1], axis=-1)[..., ::-1])


def growth_balance(
    before: ArrayLike,
    after: ArrayLike,
    deaths: ArrayLike,
    *,
    ages: ArrayLike,
    years: float,
    net_migration: ArrayLike = 0.0,
    fit: tuple[int, int] = (5, 65),
) -> xr.Dataset:
    """Completeness of deaths by the generalised growth balance of two censuses.

    Above any age x, entries = growth + deaths - migration. With coverage k1 and k2 of the censuses
    and c of the deaths,
    ``b(x+) - r(x+) + g(x+) = ln(k1/k2)/t + (√(k1 k2)/c) d(x+)``,
    ``b = N(x)/Y``, ``r = ln(P2/P1)/t``, ``g = G/Y``, ``d = D/Y``, ``Y = t √(P1 P2)`` above x, and
    ``N(x) = t √(P1[x-n] P2[x]) / n``. The line is the one whose slope is the ratio of the standard
    deviations, both sides being measured with error. The better census is taken as complete.

    Parameters
    ----------
    before, after : array-like (..., age)
        Population of one sex at the two censuses [persons].
    deaths : array-like (..., age)
        Registered deaths of the whole interval [deaths].
    ages : array-like of int (age)
        Lower limits in equal steps, the last group open [years].
    years : float
        Time between the censuses [years].
    net_migration : array-like (..., age)
        Net migrants of the whole interval by age [persons]; what is left out biases the result.
    fit : tuple of int
        First and last age x of the fit.

    Returns
    -------
    xarray.Dataset
        ``completeness`` and ``coverage_ratio`` k1/k2 (...) [1]; by age ``deaths_above`` d,
        ``entries_less_growth`` (left side), ``line`` and ``residual`` [year-1], not a number where
        undefined. Look at the residuals: a bend says that completeness varies with age.

    Raises
    ------
    DataError
        When shapes do not fit, a number is not positive, or the fit has too few ages or no slope.

    References
    ----------
    Hill 1987, Asian and Pacific Population Forum 1(3):8; Brass 1975.

    Examples
    --------
    A stationary population of which 60 % of the deaths are registered:

    >>> ages = np.arange(0, 90, 5)
    >>> table = life_table(3e-4 * np.exp(0.09 * ages), ages=ages, ax=np.full(18, 2.5))
    >>> deaths = 0.6 * 10 * table["dx"].values
    >>> people = table["nLx"].values
    >>> result = growth_balance(people, people, deaths, ages=ages, years=10)
    >>> round(float(result["completeness"]), 2)
    0.61
    """
    data = _Censuses(before, after, deaths, ages, years, net_migration, fit)
    above1, above2 = _above(data.before), _above(data.after)
    lived = data.years * np.sqrt(above1 * above2)
    growth = np.log(above2 / above1) / data.years
    d = _above(data.deaths) / lived
    entries = np.full(d.shape, np.nan)
    passing = np.sqrt(data.before[..., :-1] * data.after[..., 1:]) * data.years / data.width
    entries[..., 1:] = passing / lived[..., 1:]
    y = entries - growth + _above(data.moved) / lived
    used_x, used_y = d[..., data.fitted], y[..., data.fitted]
    spread = used_x.std(axis=-1)
    # Rounding alone is no spread.
    if np.any(spread <= 1e-9 * used_x.mean(axis=-1)) or np.any(used_y.std(axis=-1) == 0):
        raise DataError("death rates above the ages of the fit are all equal, so no line fits them")
    slope = used_y.std(axis=-1) / spread
    level = used_y.mean(axis=-1) - slope * used_x.mean(axis=-1)
    ratio = np.exp(level * data.years)
    # The larger of the two coverages is 1, so √(k1 k2) is the root of the smaller one.
    common = np.sqrt(np.minimum(ratio, 1 / ratio))
    line = level[..., None] + slope[..., None] * d
    return data.dataset(
        {
            "completeness": (common / slope, "1", "completeness of registered deaths"),
            "coverage_ratio": (ratio, "1", "coverage of the census before over the one after"),
            "deaths_above": (d, "year-1", "registered death rate above the age"),
            "entries_less_growth": (y, "year-1", "entry rate less growth rate above the age"),
            "line": (line, "year-1", "fitted line"),
            "residual": (y - line, "year-1", "entries less growth, less the line"),
        },
        ["completeness", "coverage_ratio"],
    )


def extinct_generations(
    before: ArrayLike,
    after: ArrayLike,
    deaths: ArrayLike,
    *,
    ages: ArrayLike,
    years: float,
    net_migration: ArrayLike = 0.0,
    coverage_ratio: ArrayLike = 1.0,
    fit: tuple[int, int] = (15, 65),
) -> xr.Dataset:
    """Completeness of deaths by synthetic extinct generations.

    Those alive at x are the deaths to come above x, brought to today's size with the growth rates
    of the ages between: ``N(x) = N(x+n) e^{n r} + D e^{n r/2}``. The open group starts it:
    ``N(A) = D(A+) [e^{r e_A} - (r e_A)²/6]``, e_A from the group's own deaths, corrected with the
    completeness found. People so rebuilt over people counted is the completeness, at each age and,
    as the ratio of the sums, over the ages of the fit.

    Parameters
    ----------
    before, after, deaths, ages, years, net_migration
        As in :func:`growth_balance`.
    coverage_ratio : array-like (...)
        k1/k2 of the censuses, for example from :func:`growth_balance`; growth rates are corrected
        by ``ln(k1/k2)/t``.
    fit : tuple of int
        First and last age group of the fit.

    Returns
    -------
    xarray.Dataset
        ``completeness`` (...) [1]; by age ``completeness_by_age`` [1], ``growth_rate`` [year-1].
        Not level over age: coverage, age statements or migration are wrong.

    Raises
    ------
    DataError
        When shapes do not fit, a number is not positive, or the fit has too few ages.

    References
    ----------
    Bennett & Horiuchi 1981, Population Index 47:207.

    Examples
    --------
    >>> ages = np.arange(0, 90, 5)
    >>> table = life_table(3e-4 * np.exp(0.09 * ages), ages=ages, ax=np.full(18, 2.5))
    >>> deaths = 0.6 * 10 * table["dx"].values
    >>> people = table["nLx"].values
    >>> result = extinct_generations(people, people, deaths, ages=ages, years=10)
    >>> round(float(result["completeness"]), 3)
    0.6
    """
    data = _Censuses(before, after, deaths, ages, years, net_migration, fit)
    lived = data.years * np.sqrt(data.before * data.after)
    coverage = np.asarray(coverage_ratio, dtype=float)[..., None]
    if not np.all(coverage > 0):
        raise DataError("the ratio of the coverages of the censuses must be more than 0")
    r = np.log(data.after / data.before * coverage) / data.years - data.moved / lived
    n = data.width
    completeness = np.ones(data.deaths.shape[:-1])
    by_age = np.ones(data.deaths.shape)
    for _ in range(100):
        # Remaining life in the open group: people counted over deaths as they would be in full.
        life = lived[..., -1] * completeness / data.deaths[..., -1]
        shift = r[..., -1] * life
        alive = np.empty(data.deaths.shape)
        alive[..., -1] = data.deaths[..., -1] * (np.exp(shift) - shift**2 / 6)
        for i in range(data.age.size - 2, -1, -1):
            growth = n * r[..., i]
            alive[..., i] = alive[..., i + 1] * np.exp(growth)
            alive[..., i] += data.deaths[..., i] * np.exp(growth / 2)
        # `alive` passes each birthday in the interval; people of a group are n of them.
        rebuilt = n / 2 * (alive[..., :-1] + alive[..., 1:])
        used = data.fitted[:-1]
        by_age[..., :-1] = rebuilt / lived[..., :-1]
        before_this = completeness
        completeness = rebuilt[..., used].sum(-1) / lived[..., :-1][..., used].sum(-1)
        if np.all(np.abs(completeness - before_this) < 1e-12):
            break
    by_age[..., -1] = np.nan
    return data.dataset(
        {
            "completeness": (completeness, "1", "completeness of registered deaths"),
            "completeness_by_age": (by_age, "1", "people rebuilt from deaths over people counted"),
            "growth_rate": (r, "year-1", "growth rate of the group"),
        },
        ["completeness"],
    )


def adjust_deaths(
    deaths: ArrayLike,
    exposure: ArrayLike,
    *,
    ages: ArrayLike,
    sex: ArrayLike,
    completeness: ArrayLike | None = None,
    model_ratio: ArrayLike | None = None,
    total: ArrayLike | None = None,
    e0: ArrayLike | None = None,
    from_age: int = 0,
    together: bool = False,
) -> xr.Dataset:
    """Adjust registered deaths and show the adjustment.

    First the deaths are multiplied by ``model_ratio`` (a model's death rate over the registered
    one, for example the nation's by age, which keeps what is particular to the area) and divided
    by ``completeness``; then one factor on all ages from ``from_age`` meets ``total`` or ``e0``.
    At least one of the four must be given.

    Parameters
    ----------
    deaths : array-like (..., age)
        Registered deaths [deaths].
    exposure : array-like (..., age)
        Person-years of the same time, more than 0 [years].
    ages : array-like of int (age)
        Lower limits of the groups, the last one open [years].
    sex : str or array-like of str (...)
        For the life table.
    completeness : array-like (...) or (..., age), optional
        Share of deaths that is registered, above 0 [1].
    model_ratio : array-like (..., age), optional
        Death rate of the model over the registered one [1].
    total : array-like (...), optional
        Deaths of all ages to meet [deaths].
    e0 : array-like (...), optional
        Life expectancy at birth to meet [years]; with ``from_age`` 0 only.
    together : bool
        Whether ``total`` is one number for all rows, such as both sexes, met by one factor.
    from_age : int
        Youngest age that completeness and the last factor apply to [years]; registration of child
        and adult deaths seldom fails alike.

    Returns
    -------
    xarray.Dataset
        By age: ``deaths_registered``, ``factor``, ``deaths_adjusted``, ``deaths_added``,
        ``mx_registered``, ``mx_adjusted``. Of all ages: ``completeness`` (registered over
        adjusted), ``level_factor`` (the last step's), ``e0_registered``, ``e0_adjusted``. The
        attribute ``adjustment`` names the steps.

    Raises
    ------
    DataError
        When nothing to adjust to is given, both ``total`` and ``e0`` are, numbers are out of range,
        or a target cannot be met.

    Examples
    --------
    >>> table = adjust_deaths([8.0, 40.0], [1000.0, 1000.0], ages=[0, 1], sex="male", total=60.0)
    >>> table["factor"].values.round(3).tolist(), round(float(table["completeness"]), 3)
    ([1.25, 1.25], 0.8)
    """
    D, E = np.asarray(deaths, dtype=float), np.asarray(exposure, dtype=float)
    age = np.asarray(ages, dtype=np.int64)
    if D.ndim == 0 or D.shape[-1:] != age.shape or E.shape[-1:] != age.shape:
        raise DataError(
            f"deaths have shape {D.shape} and exposure {E.shape}; both need {age.size} ages last"
        )
    D, E = np.broadcast_arrays(D, E)
    problems = Problems()
    if completeness is None and model_ratio is None and total is None and e0 is None:
        problems.add("nothing to adjust to: give completeness, model_ratio, total or e0")
    if total is not None and e0 is not None:
        problems.add("one factor cannot meet both total and e0; give one of them")
    if together and (total is None or np.ndim(total) > 0):
        problems.add("together needs one total of deaths for all rows")
    if e0 is not None and from_age > 0:
        problems.add("e0 is met by a factor on all ages; leave from_age at 0")
    if not np.all(np.isfinite(D) & (D >= 0)):
        problems.add("registered deaths must be numbers that are not negative")
    if not np.all(np.isfinite(E) & (E > 0)):
        problems.add("exposure must be more than 0 at every age; pool areas or ages")
    for name, value in (("completeness", completeness), ("model_ratio", model_ratio)):
        if value is not None and not np.all(np.asarray(value, dtype=float) > 0):
            problems.add(f"{name} must be more than 0")
    problems.raise_if_any(DataError)
    scaled = age >= from_age
    factor, steps = np.ones(D.shape), []
    if model_ratio is not None:
        factor = factor * np.asarray(model_ratio, dtype=float)
        steps.append("ratio of a model's death rates by age")
    if completeness is not None:
        c = np.asarray(completeness, dtype=float)
        c = c if c.shape[-1:] == age.shape else c[..., None]
        factor = np.where(scaled, factor / c, factor)
        steps.append("stated completeness")
    level = np.ones(D.shape[:-1])
    if total is not None and together:
        everywhere = np.broadcast_to(scaled, D.shape).ravel()
        raised = (D * factor).ravel()
        level = level * scale_to_deaths(raised, np.ones(raised.size), total, where=everywhere)
        steps.append("one factor on all rows to a total of deaths")
    elif total is not None:
        level = level * scale_to_deaths(D * factor / E, E, total, where=scaled)
        steps.append("one factor to a total of deaths")
    elif e0 is not None:
        level = level * scale_to_e0(D * factor / E, e0, ages=age, sex=sex)
        steps.append("one factor to a life expectancy at birth")
    factor = np.where(scaled, factor * level[..., None], factor)
    adjusted = D * factor
    if from_age > 0:
        steps.append(f"completeness and level from age {from_age}")
    life = [life_table(x / E, ages=age, sex=sex)["ex"].values[..., 0] for x in (D, adjusted)]
    lead = [f"dim_{i}" for i in range(D.ndim - 1)]
    by_age = {
        "deaths_registered": (D, "death", "registered deaths"),
        "factor": (factor, "1", "adjusted over registered deaths"),
        "deaths_adjusted": (adjusted, "death", "adjusted deaths"),
        "deaths_added": (adjusted - D, "death", "deaths added by the adjustment"),
        "mx_registered": (D / E, "year-1", "death rate of registered deaths"),
        "mx_adjusted": (adjusted / E, "year-1", "death rate of adjusted deaths"),
    }
    of_all = {
        "completeness": (D.sum(-1) / adjusted.sum(-1), "1", "registered over adjusted deaths"),
        "level_factor": (level, "1", "factor of the last step"),
        "e0_registered": (life[0], "year", "life expectancy of registered deaths"),
        "e0_adjusted": (life[1], "year", "life expectancy of adjusted deaths"),
    }
    columns = {
        name: (dims, value, {"units": unit, "long_name": text})
        for dims, group in (([*lead, "age"], by_age), (lead, of_all))
        for name, (value, unit, text) in group.items()
    }
    return xr.Dataset(
        columns,
        coords={"age": ("age", age, {"units": "year", "open_interval": True})},
        attrs={"adjustment": "; ".join(steps)},
    )
