"""Project several regions together: people move between them, and they add up to a parent.

The step is that of :func:`popsim.project`; what is added is in the documentation's page on regions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import xarray as xr

from popsim.demography.projection import AGE_GROUPS, _check_balance, prepared_plan
from popsim.demography.regional_control import Calibration, Control, Parent
from popsim.demography.regional_moves import Moves, checked_migrant_parity
from popsim.demography.regional_run import TiedRun
from popsim.errors import DataError, Problems

__all__ = ["project_regions"]


def project_regions(
    inputs: xr.Dataset,
    *,
    origin_destination: xr.DataArray | None = None,
    pool: xr.Dataset | None = None,
    migrant_parity: xr.DataArray | None = None,
    parent: xr.Dataset | None = None,
    calibration: xr.Dataset | None = None,
    control_births: Literal["age", "order", "none"] = "age",
    control_deaths: Literal["age", "none"] = "age",
    control_migration: Literal["cell", "total", "population", "none"] = "cell",
    years: Iterable[int] | None = None,
    factors: xr.Dataset | None = None,
    detail: Literal["indicators", "history"] = "history",
    timing: Literal["even", "end"] = "even",
    migration_kind: Literal["counts", "rates", "totals"] = "counts",
    on_negative: Literal["raise", "cut"] = "raise",
    age_groups: Sequence[int] = AGE_GROUPS,
    threads: int | None = None,
) -> xr.Dataset:
    """Project regions that exchange people, or that add up to a parent, or both.

    Parameters
    ----------
    inputs : xarray.Dataset
        As for :func:`popsim.project`, with a dimension ``region``. ``net_migration`` is then the
        migration across the outer border of all regions.
    origin_destination : xarray.DataArray, optional
        Rates of out-migration (origin, destination, year, sex, age) per person of 1 January
        [year-1]; year, sex and age may be left out where nothing differs. They apply to the
        population of the origin; what leaves it arrives in the destination.
    pool : xarray.Dataset, optional
        Instead of a matrix: ``out_migration_rate`` (region, year, sex, age) [year-1] of those who
        enter the pool, and ``destination_share`` (region, year, sex, age) [1], what each region
        receives of it; the shares of all regions sum to 1.
    migrant_parity : xarray.DataArray, optional
        Shares by parity (region, parity, age) [1] of the women who leave a region, or enter it
        from outside; region may be left out. Default: those of the residents of that age.
    parent : xarray.Dataset, optional
        A projection of one region with ``detail="history"`` whose flows the regions meet.
    calibration : xarray.Dataset, optional
        Raking factors of an earlier run, used as they are instead of a parent: its result.
    control_births : {"age", "order", "none"}
        Births are raked by order and age of mother, by order only, or not.
    control_deaths : {"age", "none"}
        Deaths are raked by sex and age, or not.
    control_migration : {"cell", "total", "population", "none"}
        Net migration from outside is raked by plus-minus in each sex and age, by plus-minus on the
        total, or what is missing to the parent in a sex and age is spread like the residents.
    years, factors, timing, migration_kind, age_groups, threads
        As for :func:`popsim.project`.
    detail : {"indicators", "history"}
        ``history`` keeps every age and needs memory for it.
    on_negative : {"raise", "cut"}
        When more leave than are there: an error that names the cell, or the outflows of the cell
        are cut to what is there, with ``outflow_cut`` and ``cells_cut`` in the result.

    Returns
    -------
    xarray.Dataset
        As :func:`popsim.project`; ``net_migration`` includes that between the regions. Where people
        move: ``internal_arrivals_by_sex`` and ``internal_departures_by_sex`` (region, scenario,
        year, sex, draw) [person], with ``history`` also by age and ``origin_destination_flow``
        (origin, destination, scenario, year, sex, draw). With a parent: raking factors (see
        :data:`popsim.demography.regional_control.FACTORS`) and ``control_residual`` (scenario,
        account, year, draw) [person], the largest miss of any cell.

    Raises
    ------
    DataError
        When something given is missing, incomplete, out of range or does not agree, or base
        populations do not add up to the parent's; everything found is listed.
    ProjectionError
        When a woman at risk would bear more than one child in half a year, more people leave a
        cell than live there, a flow of the parent cannot be met, or accounts do not balance.

    See Also
    --------
    popsim.project : Regions that do not touch, many times faster.
    popsim.demography.regional_base.rake_base : Make base populations add up.

    Notes
    -----
    Departures are ``m N`` with N of 1 January; half of them leave at the start and half at the
    end of the year, at the ages then reached. A chance (of a birth in a half-year, of dying) is
    multiplied by one factor for all regions, at most to 1, such that the sum over regions is the
    parent's. When births, deaths and migration are all controlled by age, women by parity are
    raked too (iterative proportional fitting of the parity of survivors and migrants), so that
    regions add up to the parent at every age, sex and parity.

    References
    ----------
    Rogers (1975), Introduction to Multiregional Mathematical Demography.
    Smith, Tayman and Swanson (2013), A Practitioner's Guide to State and Local Population
    Projections, chapter 10 (controlling).

    Examples
    --------
    One in ten moves from the first region to the second each year, at all ages:

    >>> inputs = xr.Dataset(
    ...     {
    ...         "women_by_parity": (("region", "parity", "age"), [[[50.0] * 4, [0.0] * 4]] * 2),
    ...         "population": (("sex", "age"), [[50.0] * 4] * 2),
    ...         "conditional_fertility_rate": (("birth_order", "age"), [[0, 1.0, 0, 0], [0] * 4]),
    ...         "survival_ratio": (("sex", "age"), [[1.0, 1.0, 1.0, 0.5]] * 2),
    ...         "sex_ratio_at_birth": ((), 1.0),
    ...     },
    ...     {
    ...         "region": ["A", "B"], "age": range(4), "sex": ["female", "male"],
    ...         "parity": [0, 1], "birth_order": [1, 2], "base_time": 2021,
    ...     },
    ... )
    >>> rates = xr.DataArray(
    ...     [[0.0, 0.1], [0.0, 0.0]],
    ...     {"origin": ["A", "B"], "destination": ["A", "B"]}, ("origin", "destination"),
    ... )
    >>> moved = project_regions(inputs, origin_destination=rates, years=[2021])
    >>> moved.internal_departures_by_sex.sel(year=2021).values.tolist()
    [[20.0, 20.0], [0.0, 0.0]]
    >>> moved.internal_arrivals_by_sex.sel(year=2021).values.tolist()
    [[0.0, 0.0], [20.0, 20.0]]
    """
    problems = Problems()
    for name, value, known in (
        ("timing", timing, ("even", "end")),
        ("migration_kind", migration_kind, ("counts", "rates", "totals")),
        ("on_negative", on_negative, ("raise", "cut")),
        ("detail", detail, ("indicators", "history")),
    ):
        if value not in known:
            problems.add(f"{name}={value!r} is unknown", instead=", ".join(known))
    if "region" not in inputs.dims:
        problems.add("inputs have no dimension region", instead="popsim.project for one region")
    if parent is not None and calibration is not None:
        problems.add("both a parent and a calibration are given", instead="one of them")
    control = Control(control_births, control_deaths, control_migration)
    control.check(problems)
    problems.raise_if_any(DataError)
    plan = prepared_plan(inputs, years, factors, age_groups, migration_kind)

    even = timing == "even"
    moves = Moves(origin_destination, pool, plan.inputs, plan.years, problems)
    parity = checked_migrant_parity(migrant_parity, plan.inputs, problems)
    run = (plan.scenarios, plan.draws)
    goal = kept = None
    if parent is not None:
        goal = Parent(parent, control, plan.inputs, plan.years, *run, even, problems)
        problems.raise_if_any(DataError)
        goal.check_base(plan.inputs, problems)
    if calibration is not None:
        kept = Calibration.read(calibration, plan.inputs, plan.years, *run, timing, problems)
    problems.raise_if_any(DataError)
    options = {"kind": migration_kind, "even": even, "cut": on_negative == "cut"}
    tied = TiedRun(plan, moves, parity, goal, kept, control, detail == "history", options)
    tied.go(threads)
    _check_balance(plan, tied.arrays, on_negative)
    return tied.labelled(on_negative, timing)
