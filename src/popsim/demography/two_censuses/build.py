"""Put a baseline together from two censuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.data.censuses import AGE_GROUPS
from popsim.data.provinces import NATION
from popsim.dataset import label, stamp, validate
from popsim.demography.population import move_to_january
from popsim.demography.projection import project
from popsim.demography.two_censuses.ages import (
    DECADE,
    FIVES,
    fives,
    regional_single_ages,
    standard_single_ages,
    survivors,
)
from popsim.demography.two_censuses.births import Fertility, fertility
from popsim.demography.two_censuses.coverage import coverage
from popsim.demography.two_censuses.moves import (
    PERSISTENCE,
    RETURN,
    Moves,
    moves_between,
    moves_to_come,
    yearly_moves,
)
from popsim.demography.two_censuses.survival import Mortality, mortality
from popsim.errors import DataError, Problems

__all__ = ["baseline_from_two_censuses"]

Array = NDArray[np.float64]

#: From 1 November to 1 January [years].
TWO_MONTHS = 2 / 12
#: What is read, and its dimensions.
NEEDED: dict[str, tuple[str, ...]] = {
    "census_population": ("region", "census", "sex", "age_group"),
    "census_deaths": ("region", "census", "sex", "age_group"),
    "standard_person_years": ("census", "sex", "age"),
    "standard_deaths": ("census", "sex", "age"),
    "sample_births": ("region", "sex", "birth_order"),
    "sample_births_by_age": ("birth_order", "age"),
}


class _Known(NamedTuple):
    """Counts as arrays; the nation is the first region."""

    codes: list[str]
    population: Array
    deaths: Array
    standards: Array
    first: Array
    births: Array
    births_by_age: Array
    women: Array


def baseline_from_two_censuses(
    censuses: xr.Dataset,
    regions: Sequence[str] | None = None,
    *,
    years: int = DECADE,
    start: Literal["census", "january"] = "january",
    children_missed: float = 1.0,
    persistence: float = PERSISTENCE,
    returning: float = RETURN,
) -> xr.Dataset:
    """Make the input of a projection from two censuses.

    Parameters
    ----------
    censuses : xarray.Dataset
        From :func:`popsim.data.censuses.read_censuses`, or put together with the same variables:
        ``census_population`` (region, census, sex, age_group) [person], ``census_deaths`` (same)
        [death], ``standard_person_years`` [person] and ``standard_deaths`` [death]
        (census, sex, age), ``sample_births`` (region, sex, birth_order) and
        ``sample_births_by_age`` (birth_order, age) [birth]. Two censuses, ten years apart; the
        nation, ``000000``, is one of the regions.
    regions : sequence of str, optional
        Regions wanted; default: all but the nation, or the nation if it is alone. A region's result
        does not depend on which others are there.
    years : int
        Years to prepare after the later census.
    start : {"january", "census"}
        Stock on the 1 January after the later census, so that years are calendar years; or on the
        day of the census, so that ``year`` 2010 runs from 1 November 2010 and ``time`` 2020 is
        1 November 2020. Rates and migrants of a year are the same in both.
    children_missed : float
        Extent to which the later census misses children under 10 as the earlier one did, 1 as
        much, 0 not at all.
    persistence, returning : float
        Share of a flow of net migration that the next decade repeats, and share of what a cohort
        gained that goes back (:mod:`~popsim.demography.two_censuses.moves`).

    Returns
    -------
    xarray.Dataset
        What :func:`popsim.project` reads: ``population``, ``women_by_parity``,
        ``conditional_fertility_rate``, ``survival_ratio``, ``sex_ratio_at_birth``,
        ``net_migration``; and beside it ``death_rate``, ``incidence_fertility_rate``,
        ``parity_reconstructed`` and the adjustments: ``census_correction``
        (region, sex, age_group), ``death_registration`` (sex, age),
        ``net_migration_between_censuses`` (region, sex, age_group). Fertility is held: the
        conditional rates are those of the last five years before the later census.

    Raises
    ------
    DataError
        When a variable or region is missing, the censuses are not ten years apart, numbers are out
        of range, or the nation's counts contradict each other.

    Notes
    -----
    Women by parity are those that the rates would give if they had held for 36 years; replace
    ``women_by_parity`` where more is known. Deaths of infants are under-registered by an unknown
    factor; births are brought back from the children who are there, so that what is missing at age
    0 is missing in both.

    References
    ----------
    Siegel and Swanson (2004), The Methods and Materials of Demography, chapters 18 and 19;
    Isserman (1993), The right people, the right rates, Journal of the American Planning
    Association 59(1).

    Examples
    --------
    >>> from popsim.demography.two_censuses import baseline_from_two_censuses
    >>> baseline_from_two_censuses(xr.Dataset())
    Traceback (most recent call last):
    ...
    popsim.errors.DataError: 6 problems
    no variable 'census_population'; read_censuses makes it
    ...
    """
    _check_options(years, start, children_missed, persistence, returning)
    known, wanted = _read(censuses, regions)
    decades = -(-years // DECADE)
    dead = mortality(
        known.deaths,
        known.population,
        known.standards[0],
        fives(known.standards[1]),
        decades * DECADE,
    )
    expected = fives(survivors(known.first, dead.between))
    covered = coverage(expected[0], fives(known.standards[1]), children_missed=children_missed)
    # The first two groups, age 0 and 1-4, share the correction of those under 5.
    correction = np.concatenate([covered.correction[:, :1], covered.correction], axis=1)
    people = regional_single_ages(known.population[:, 1] * correction, known.standards[1])
    moved = moves_between(expected * covered.ratio * covered.correction, fives(people))
    # Nobody enters or leaves the nation: what is left there is no migration.
    moved.net[0] = moved.log_change[0] = 0.0
    born = fertility(people, dead.survival[:, 0], known.births, known.births_by_age, known.women)
    base = _inputs(people, born, dead.survival)
    net = _net_migration(base, people, dead, moved, persistence, returning)
    base["net_migration"] = (("region", "year", "sex", "age"), net)
    base = base.isel(year=slice(0, years))
    if start == "january":
        base = _moved_to_january(base, born, people, dead)
    before, latest = (int(year) for year in censuses["census"].values)
    first = latest + (start == "january")
    data = base.assign(
        death_rate=(("region", "year", "sex", "age"), dead.rates[:, :years]),
        incidence_fertility_rate=(("region", "birth_order", "age"), born.incidence),
        parity_reconstructed=(("region", "age"), born.parity_known),
        census_correction=(
            ("region", "sex", "age_group"),
            np.broadcast_to(covered.correction, moved.net.shape),
        ),
        death_registration=(("sex", "age"), dead.registration),
        net_migration_between_censuses=(("region", "sex", "age_group"), moved.net),
    ).isel(region=wanted)
    labels: dict[str, object] = {
        "region": np.array(known.codes)[wanted],
        "year": np.arange(first, first + years),
        "age_group": [*(f"{a}-{a + 4}" for a in FIVES[:-1]), f"{FIVES[-1]}+"],
        "base_time": first,
    }
    for name in ("region_name", "region_name_zh"):
        if name in censuses.coords:
            names = censuses[name].sel(region=known.codes).values
            labels[name] = ("region", names[wanted])
    data = data.assign_coords(labels)
    for name, text in _sources(before, latest, children_missed, persistence, returning).items():
        data[name].attrs["source"] = text
    data = label(data)
    validate(data)
    day = "1 January" if start == "january" else "1 November"
    return stamp(
        data,
        f"made from the censuses of {before} and {latest}",
        title=f"census {latest}, from the censuses of {before} and {latest}",
        population_basis=censuses.attrs.get("population_basis", "resident"),
        year_begins=day,
        first_projected_year=first,
    )


def _check_options(
    years: int, start: str, children_missed: float, persistence: float, returning: float
) -> None:
    problems = Problems()
    if years < 1 or years != int(years):
        problems.add(f"years={years} is not a number of years", instead="years=10")
    if start not in ("census", "january"):
        problems.add(f"start {start!r} is unknown", instead="census or january")
    for name, value in (
        ("children_missed", children_missed),
        ("persistence", persistence),
        ("returning", returning),
    ):
        if not 0 <= value <= 1:
            problems.add(f"{name} is {value:g}; it must be from 0 to 1")
    problems.raise_if_any(DataError)


def _read(censuses: xr.Dataset, regions: Sequence[str] | None) -> tuple[_Known, list[int]]:
    """Return the counts as arrays and the places of the regions wanted; refuse what lacks."""
    problems = Problems()
    for name, dims in NEEDED.items():
        if name not in censuses:
            problems.add(f"no variable {name!r}; read_censuses makes it")
        elif set(censuses[name].dims) != set(dims):
            problems.add(
                f"{name} has dimensions {', '.join(map(str, censuses[name].dims))}",
                instead=", ".join(dims),
            )
    problems.raise_if_any(DataError)
    validate(censuses[list(NEEDED)])
    years = [int(year) for year in censuses["census"].values]
    if len(years) != 2 or years[1] - years[0] != DECADE:
        problems.add(
            f"the censuses are of {', '.join(map(str, years))}; two are needed, ten years apart"
        )
    if censuses["age_group"].values.tolist() != AGE_GROUPS:
        problems.add(
            f"age groups are {', '.join(censuses['age_group'].values[:4])}, …",
            instead="0, 1-4, 5-9, …, 95-99, 100+",
        )
    if censuses.sizes["age"] != FIVES[-1] + 1:
        problems.add(f"the standard has {censuses.sizes['age']} ages", instead="0, 1, …, 100")
    have = [str(code) for code in censuses["region"].values]
    if NATION not in have:
        problems.add(f"the nation is missing: region {NATION} is the standard of all others")
    others = [code for code in have if code != NATION]
    asked = list(others or [NATION]) if regions is None else [str(code) for code in regions]
    for code in asked:
        if code not in have:
            problems.add(f"region {code} is not in the censuses", instead=", ".join(have[:10]))
    problems.raise_if_any(DataError)
    codes = [NATION, *(code for code in asked if code != NATION)]
    chosen = censuses.sel(region=codes)
    arrays = {name: chosen[name].transpose(*dims).values for name, dims in NEEDED.items()}
    population, deaths = arrays["census_population"], arrays["census_deaths"]
    for array, what in ((population, "people"), (deaths, "deaths")):
        for place in np.argwhere(array.sum(axis=-1) == 0):
            where = (codes[place[0]], years[place[1]], chosen["sex"].values[place[2]])
            problems.add(f"no {what} in region {where[0]}, census {where[1]}, {where[2]}")
    for place in np.argwhere(arrays["sample_births"].sum(axis=(1, 2)) == 0):
        problems.add(f"no births of the long form in region {codes[int(place[0])]}")
    problems.raise_if_any(DataError)
    standards = np.stack(
        [
            standard_single_ages(
                population[0, c],
                arrays["standard_person_years"][c],
                arrays["standard_deaths"][c],
            )
            for c in (0, 1)
        ]
    )
    known = _Known(
        codes,
        population,
        deaths,
        standards,
        regional_single_ages(population[:, 0], standards[0]),
        arrays["sample_births"],
        arrays["sample_births_by_age"],
        arrays["standard_person_years"][1, 0],
    )
    return known, [codes.index(code) for code in asked]


def _inputs(people: Array, born: Fertility, survival: Array) -> xr.Dataset:
    """Return what a projection reads, without migration, on the day of the census."""
    orders = born.parity.shape[1]
    return xr.Dataset(
        {
            "population": (("region", "sex", "age"), people),
            "women_by_parity": (("region", "parity", "age"), born.parity * people[:, :1]),
            "conditional_fertility_rate": (("region", "birth_order", "age"), born.conditional),
            "survival_ratio": (("region", "year", "sex", "age"), survival),
            "sex_ratio_at_birth": (("region", "birth_order"), born.sex_ratio),
        },
        coords={
            "year": np.arange(survival.shape[1]),
            "sex": ["female", "male"],
            "age": np.arange(people.shape[-1]),
            "parity": np.arange(orders),
            "birth_order": np.arange(1, orders + 1),
        },
    )


def _net_migration(
    base: xr.Dataset,
    people: Array,
    dead: Mortality,
    moved: Moves,
    persistence: float,
    returning: float,
) -> Array:
    """Return net migrants (region, year, sex, age), decade after decade."""
    decades = dead.survival.shape[1] // DECADE
    net = np.zeros(dead.survival.shape)
    for decade in range(decades):
        span = slice(decade * DECADE, (decade + 1) * DECADE)
        survival = dead.survival[:, span]
        alive = survivors(people, survival)
        moved = moves_to_come(
            moved,
            fives(people[0]),
            fives(alive),
            fives(alive[0]),
            persistence=persistence,
            returning=returning,
        )
        for region in range(1, len(people)):
            here = Moves(moved.net[region], moved.log_change[region])
            net[region, span] = yearly_moves(here, people[region], alive[region], survival[region])
        if decade + 1 < decades:
            base["net_migration"] = (("region", "year", "sex", "age"), net)
            run = base.isel(year=slice(0, span.stop)).assign_coords(
                region=np.arange(len(people)).astype(str), base_time=0
            )
            people = project(run, detail="history")["population"].isel(time=-1).values
    return net


def _moved_to_january(
    base: xr.Dataset, born: Fertility, people: Array, dead: Mortality
) -> xr.Dataset:
    """Return the stock two months after the census."""
    boys = born.sex_ratio / (1 + born.sex_ratio)
    orders = np.einsum("roa,ra->ro", born.incidence, people[:, 0])
    births = np.stack([((1 - boys) * orders).sum(axis=1), (boys * orders).sum(axis=1)], axis=1)
    moved = move_to_january(people, dead.survival[:, 0], TWO_MONTHS * births).population
    return base.assign(
        population=(("region", "sex", "age"), moved),
        women_by_parity=(("region", "parity", "age"), born.parity * moved[:, :1]),
    )


def _sources(
    before: int, latest: int, children_missed: float, persistence: float, returning: float
) -> dict[str, str]:
    """Return where every variable comes from and what was adjusted."""
    both = f"censuses of {before} and {latest}"
    return {
        "population": f"census of {latest} times `census_correction`, graduated with the nation's "
        "single ages",
        "women_by_parity": "RECONSTRUCTED: women of `population` by the parity that "
        "`incidence_fertility_rate` gives if it held for 36 years",
        "parity_reconstructed": "1 where the cohort was followed for 36 years, 0 where the oldest "
        "followed cohort's shares are carried over",
        "conditional_fertility_rate": "RECONSTRUCTED: `incidence_fertility_rate` over women by "
        "reconstructed parity; held",
        "incidence_fertility_rate": f"children under 5 of the census of {latest} brought back to "
        f"births, births by order of its long form, the nation's age pattern by order",
        "survival_ratio": "from `death_rate`",
        "death_rate": f"deaths of the census of {latest}, drawn to the nation's rates where they "
        f"are few, times `death_registration`; falling as the nation's between {before} and "
        f"{latest}, at most 5 % a year, half as fast from decade to decade",
        "sex_ratio_at_birth": f"long form of {latest}, drawn to the nation's where births are few; "
        "held",
        "net_migration": f"`net_migration_between_censuses`: a share of {persistence:g} is made "
        f"again, a share of {returning:g} of what a cohort gained goes back (assumptions)",
        "census_correction": f"the nation's cohorts between the {both}, nobody entering or "
        f"leaving; half of an error on each census, children under 5 missed by the earlier one "
        f"and by the later one {children_missed:g} times as much (assumptions)",
        "death_registration": f"the nation's cohorts of 60 and over between the {both}",
        "net_migration_between_censuses": f"the {both}, residual",
    }
