"""Project several regions together: people move between them, and they add up to a parent.

The step is that of :func:`popsim.project`; what is added is in the documentation's page on regions.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from popsim.dataset import dimension_labels, variable_labels
from popsim.demography.projection import (
    _SEX_NAMES,
    AGE_GROUPS,
    _check_balance,
    _Plan,
    prepared_plan,
)
from popsim.demography.regional_control import ACCOUNTS, Calibration, Control, Parent
from popsim.demography.regional_moves import Moves, checked_migrant_parity
from popsim.errors import DataError, Problems, ProjectionError

if TYPE_CHECKING:
    from popsim.kernels.raking import CannotMeetError
    from popsim.kernels.regions import Flows, Year

__all__ = ["project_regions"]

Array = np.ndarray[Any, np.dtype[np.float64]]

# Cells of a block of draws: a few arrays of this size stay in a processor's memory.
_CELLS = 2**17
_SOURCE = "popsim.demography.regions.project_regions"


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
    tied = _Run(plan, moves, parity, goal, kept, control, detail == "history", options)
    tied.go(threads)
    _check_balance(plan, tied.arrays, on_negative)
    return tied.labelled(on_negative, timing)


class _Run:
    """All blocks of draws under all scenarios, and the way back to labels."""

    def __init__(
        self,
        plan: _Plan,
        moves: Moves,
        migrant_parity: Array | None,
        parent: Parent | None,
        given: Calibration | None,
        control: Control,
        history: bool,
        options: dict[str, Any],
    ) -> None:
        from popsim.kernels.raking import fertile_ages

        self.plan, self.moves, self.migrant_parity = plan, moves, migrant_parity
        self.parent, self.given, self.history, self.options = parent, given, history, options
        self.regions, self.scenarios = plan.shape
        sizes = plan.inputs.sizes
        self.ages, self.orders = sizes["age"], sizes["parity"]
        self.draws = 1 if plan.draws is None else len(plan.draws)
        rates = plan.base["conditional_fertility_rate"][..., 1:-1]
        inner = fertile_ages(rates[..., None])
        self.fertile = slice(inner.start + 1, inner.stop + 1)
        if parent is not None:
            # A birth of the parent at an age without rates is to be told, not overlooked.
            self.fertile = slice(1, self.ages - 1)
        self.arrays = self._room()
        self.found: Calibration | None = None
        if parent is not None:
            self.found = Calibration.empty(
                control, self.scenarios, len(plan.years), self.orders, self.ages, self.draws
            )
            shape = (self.scenarios, len(ACCOUNTS), len(plan.years), self.draws)
            self.residual = np.empty(shape)

    def _room(self) -> dict[str, Array]:
        years, draws = len(self.plan.years), self.draws
        groups = len(self.plan.starts)
        shapes: dict[str, tuple[int, ...]] = {
            "births": (years, self.orders, draws),
            "fertility": (years, self.orders, draws),
            "age_weighted_fertility": (years, self.orders, draws),
            "births_by_sex": (years, 2, draws),
            "deaths": (years, 2, draws),
            "migration": (years, 2, draws),
            "population": (years + 1, 2, groups, draws),
            "cut": (2, draws),
        }
        if self.moves.kind:
            shapes |= {"arrivals": (years, 2, draws), "departures": (years, 2, draws)}
        if self.history:
            shapes |= {
                "women": (years + 1, self.orders, self.ages, draws),
                "men": (years + 1, self.ages, draws),
                "births_by_age": (years, self.orders, self.ages, draws),
                "cohort_deaths": (years, 2, self.ages, draws),
                "net_migration": (years, 2, self.ages, draws),
            }
        if self.history and self.moves.kind:
            shapes |= {
                "arrivals_by_age": (years, 2, self.ages, draws),
                "departures_by_age": (years, 2, self.ages, draws),
                "pairs": (self.regions, years, 2, draws),
            }
        arrays = {
            name: np.empty((self.regions, self.scenarios, *shape)) for name, shape in shapes.items()
        }
        arrays["cut"][:] = 0.0
        return arrays

    def go(self, threads: int | None) -> None:
        """Run every block of draws; each writes into its own part, so threads do not matter."""
        size = max(1, _CELLS // (self.regions * self.ages * self.orders))
        blocks = [
            (j, slice(first, min(first + size, self.draws)))
            for j in range(self.scenarios)
            for first in range(0, self.draws, size)
        ]
        workers = min(threads or os.cpu_count() or 1, len(blocks))
        if workers == 1:
            done = [self._block(*block) for block in blocks]
        else:
            with ThreadPoolExecutor(workers) as pool:
                done = list(pool.map(lambda block: self._block(*block), blocks))
        problems = Problems()
        for sentence in done:
            if sentence:
                problems.add(sentence)
        problems.raise_if_any(ProjectionError)

    def _block(self, j: int, draws: slice) -> str:
        """Run some draws under one scenario; return what was impossible, or nothing."""
        from popsim.kernels.raking import CannotMeetError, parity_shares
        from popsim.kernels.regions import year_step

        targets = None
        if self.parent is not None:
            contradictions = Problems()
            targets = self.parent.targets(j, draws, contradictions)
            if contradictions:
                return str(contradictions.found[0])
        base, width = self.plan.base, draws.stop - draws.start
        women = base["women_by_parity"][:, 0]
        men = base["population"][:, 0, 1]
        shape = (self.regions, *women.shape[1:], width)
        women = np.broadcast_to(women[..., None], shape)
        men = np.broadcast_to(men[..., None], (self.regions, self.ages, width))
        people = np.stack([women.sum(axis=1), men], axis=1)
        shares = parity_shares(women)
        self._write_stock(j, 0, draws, people, shares)
        for y in range(len(self.plan.years)):
            kept = None if self.given is None else self.given.of_year(j, y, draws)
            target = None if targets is None else targets[y]
            try:
                people, shares, flows = year_step(
                    people, shares, self._year(j, y, draws), target, kept
                )
            except CannotMeetError as found:
                return self._sentence(found, j, y, draws)
            self._write_stock(j, y + 1, draws, people, shares)
            self._write_flows(j, y, draws, flows)
            if self.found is not None and self.parent is not None:
                self.found.keep(j, y, draws, flows.factors)
                missed = self.parent.residual(j, y, draws, flows, people, shares)
                self.residual[j, :, y, draws] = missed
        return ""

    def _year(self, j: int, y: int, draws: slice) -> Year:
        """Return what holds in one year, with draws last."""
        from popsim.kernels.regions import Year

        def base(name: str) -> Array:
            values = self.plan.base[name]
            return values[:, min(y, values.shape[1] - 1)]

        def factor(name: str) -> Array | None:
            if name not in self.plan.factors:
                return None
            values = self.plan.factors[name]
            if name == "fertility_factor":
                values = values[:, min(j, values.shape[1] - 1)]
            values = values[:, min(y, values.shape[1] - 1)]
            return values[..., draws if values.shape[-1] > 1 else slice(1)]

        fertility = base("conditional_fertility_rate")[..., None]
        weight = factor("fertility_weight")
        if weight is None:
            fertility = fertility[:, 0]
        else:
            weight = weight[:, None, None]
            fertility = (1 - weight) * fertility[:, 0] + weight * fertility[:, 1]
        if "fertility_factor" in self.plan.base:
            fertility = fertility * base("fertility_factor")[:, :, None, None]
        changed = factor("fertility_factor")
        if changed is not None:
            fertility = fertility * changed[:, :, None]
        levels = base("survival_ratio")[..., None]
        survival = levels[:, levels.shape[1] // 2]
        weight = factor("mortality_weight")
        if weight is not None:
            weight = weight[:, None, None]
            survival = (
                survival
                + np.maximum(weight, 0) * (levels[:, 2] - survival)
                + np.maximum(-weight, 0) * (levels[:, 0] - survival)
            )
        external = None
        if "net_migration" in self.plan.base:
            external = base("net_migration")
            external = external.reshape(len(external), *(external.shape[1:] or (1, 1)), 1)
            moved = factor("migration_factor")
            if moved is not None:
                external = external * moved[:, None, None]
        regions = (self.regions, self.orders)
        girls = 1 / (1 + base("sex_ratio_at_birth"))
        return Year(
            fertility=np.broadcast_to(fertility, (*regions, *fertility.shape[2:])),
            survival=survival,
            girls=np.broadcast_to(girls, regions)[:, :, None],
            external=external,
            movement=self.moves.of_year(y),
            migrant_parity=self.migrant_parity,
            fertile=self.fertile,
            pairs="pairs" in self.arrays,
            **self.options,
        )

    def _write_stock(self, j: int, t: int, draws: slice, people: Array, shares: Array) -> None:
        starts = self.plan.starts
        self.arrays["population"][:, j, t, :, :, draws] = np.add.reduceat(people, starts, axis=2)
        if self.history:
            self.arrays["women"][:, j, t, :, :, draws] = people[:, :1] * shares
            self.arrays["men"][:, j, t, :, draws] = people[:, 1]

    def _write_flows(self, j: int, y: int, draws: slice, flows: Flows) -> None:
        def write(name: str, values: Array) -> None:
            if name in self.arrays:
                self.arrays[name][:, j, y, ..., draws] = values

        births = flows.births.sum(axis=0)
        exposure = flows.exposure[:, None]
        rates = np.divide(births, exposure, out=np.zeros_like(births), where=exposure > 0)
        middle = np.arange(self.ages)[:, None] + 0.5
        migrants = flows.external + flows.arrivals - flows.departures
        write("births", births.sum(axis=2))
        write("fertility", rates.sum(axis=2))
        write("age_weighted_fertility", (middle * rates).sum(axis=2))
        write("births_by_sex", flows.births_by_sex)
        write("deaths", flows.deaths.sum(axis=2))
        write("migration", migrants.sum(axis=2))
        write("arrivals", flows.arrivals.sum(axis=2))
        write("departures", flows.departures.sum(axis=2))
        write("births_by_age", births)
        write("cohort_deaths", flows.deaths)
        write("net_migration", migrants)
        write("arrivals_by_age", flows.arrivals)
        write("departures_by_age", flows.departures)
        if "pairs" in self.arrays:
            self.arrays["pairs"][:, j, :, y, :, draws] = flows.pairs
        self.arrays["cut"][:, j, :, draws] += flows.cut

    def _sentence(self, found: CannotMeetError, j: int, y: int, draws: slice) -> str:
        """Say in words what cannot be."""
        plan, inputs = self.plan, self.plan.inputs
        when = plan._when(y, j, draws.start + found.draw)
        age = f"{found.age}" + (" and over" if found.age == self.ages - 1 else "")
        wanted, there = (_persons(value) for value in (found.wanted, found.there))
        if found.kind == "outflow":
            at = plan._region(found.region)
            return (
                f"migration removes {wanted} more {_SEX_NAMES[found.row]} aged {age} than live in "
                f"{at}{when}"
            )
        if found.kind == "births":
            order = inputs.variables["birth_order"].values[found.row]
            mothers = f" to women aged {age}" if found.age >= 0 else ""
            return (
                f"the parent has {wanted} births of order {order}{mothers} in {when}, the regions "
                f"have at most {there} with the rates given"
            )
        if found.kind == "deaths":
            return (
                f"the parent has {wanted} deaths of {_SEX_NAMES[found.row]} reaching age {age} in "
                f"{when}, of the regions' people at most {there} can die with the survival given"
            )
        if found.kind == "girls":
            return f"the parent has {wanted} girls born in {when}, the regions have {there} births"
        if found.kind == "parity":
            parity = inputs.variables["parity"].values[found.row]
            return (
                f"the parent has {wanted} women of parity {parity} aged {age} in {when}, the "
                f"regions cannot have more or less than {there}"
            )
        whom = f"{_SEX_NAMES[found.row]} aged {age}" if found.age >= 0 else "people"
        way = "in" if found.wanted > 0 else "out"
        return (
            f"the parent has a net migration of {wanted} {whom} in {when}, and no region has "
            f'{way}-flows to scale; write: control_migration="population"'
        )

    def labelled(self, on_negative: str, timing: str) -> xr.Dataset:
        """Return the outputs as a Dataset with coordinates and the registry's labels."""
        plan = self.plan
        result = plan.labelled(self.arrays, self.history, on_negative)
        outer, last = plan.scenarios is not None, plan.draws is not None
        new: dict[str, xr.Variable] = {}

        def add(name: str, values: Array, dims: tuple[str, ...]) -> None:
            gone = tuple(
                i
                for i, dim in enumerate(dims)
                if (dim == "scenario" and not outer) or (dim == "draw" and not last)
            )
            there = tuple(dim for i, dim in enumerate(dims) if i not in gone)
            new[name] = xr.Variable(
                there, values.squeeze(axis=gone), variable_labels(name, _SOURCE)
            )

        flow = ("region", "scenario", "year", "sex", "draw")
        by_age = ("region", "scenario", "year", "sex", "age", "draw")
        coords: dict[str, Any] = {}
        for name in ("arrivals", "departures"):
            if name in self.arrays:
                add(f"internal_{name}_by_sex", self.arrays[name], flow)
            if f"{name}_by_age" in self.arrays:
                add(f"internal_{name}", self.arrays[f"{name}_by_age"], by_age)
        if "pairs" in self.arrays:
            values = self.arrays["pairs"].swapaxes(1, 2)
            pair = ("origin", "destination", "scenario", "year", "sex", "draw")
            add("origin_destination_flow", values, pair)
            coords |= {"origin": plan.regions, "destination": plan.regions}
        attrs = {"migration_timing": timing}
        if self.found is not None:
            new |= self.found.variables(outer, last)
            add("control_residual", self.residual, ("scenario", "account", "year", "draw"))
            coords["account"] = list(ACCOUNTS)
            attrs["control"] = str(self.found.control)
        for dim, labels in (("half_year", [1, 2]), ("direction", ["in", "out"])):
            if any(dim in variable.dims for variable in new.values()):
                coords[dim] = labels
        for dim in ("parity", "age"):
            if any(dim in variable.dims for variable in new.values()) and dim not in result.dims:
                coords[dim] = plan.inputs[dim].values
        result = result.assign(new).assign_coords(coords)
        for dim in coords:
            result[dim].attrs.update(dimension_labels(dim))
        return result.assign_attrs(attrs)


def _persons(value: float) -> str:
    """Write a number of persons: whole, or two figures below 10.

    Examples
    --------
    >>> _persons(1234.4), _persons(0.0123)
    ('1234', '0.012')
    """
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"
