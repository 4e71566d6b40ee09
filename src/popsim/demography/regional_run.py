"""The run of tied regions: blocks of draws through the year step, and the way back to labels."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from popsim.dataset import dimension_labels, variable_labels
from popsim.demography.projection import _SEX_NAMES, _Plan
from popsim.demography.regional_control import ACCOUNTS, Calibration, Control, Lanes, Parent
from popsim.demography.regional_moves import Moves
from popsim.errors import Problems, ProjectionError

if TYPE_CHECKING:
    from popsim.kernels.raking import CannotMeetError
    from popsim.kernels.regions import Flows, Year

__all__ = ["TiedRun"]

Array = np.ndarray[Any, np.dtype[np.float64]]

# Cells of a block of draws: a few arrays of this size stay in a processor's memory.
_CELLS = 2**17
_WIDTH = (4, 64)
_SOURCE = "popsim.demography.regions.project_regions"


class TiedRun:
    """All blocks of draws under all scenarios, and the way back to labels.

    Parameters
    ----------
    plan : popsim.demography.projection._Plan
        Inputs and factors, checked and laid out.
    moves : Moves
        What ties the regions.
    migrant_parity : numpy.ndarray or None
        Parity shares of migrants (region, parity, age) [1].
    parent : Parent or None
        Flows to be met.
    given : Calibration or None
        Raking factors of an earlier run.
    control : Control
        What is raked.
    history : bool
        Whether every age is kept.
    options : dict
        ``kind``, ``even`` and ``cut`` of :class:`popsim.kernels.regions.Year`.
    """

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
        # A block is always full, so that no draw depends on the number of draws.
        size = int(np.clip(_CELLS // (self.regions * self.ages * self.orders), *_WIDTH))
        if self.plan.draws is None:
            size = 1
        blocks = [
            (
                j,
                Lanes(
                    np.minimum(np.arange(first, first + size), self.draws - 1),
                    slice(first, min(first + size, self.draws)),
                ),
            )
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

    def _block(self, j: int, lanes: Lanes) -> str:
        """Run some draws under one scenario; return what was impossible, or nothing."""
        from popsim.kernels.raking import CannotMeetError, parity_shares
        from popsim.kernels.regions import year_step

        targets = None
        if self.parent is not None:
            contradictions = Problems()
            targets = self.parent.targets(j, lanes, contradictions)
            if contradictions:
                return str(contradictions.found[0])
        base, width = self.plan.base, len(lanes.draws)
        women = base["women_by_parity"][:, 0]
        men = base["population"][:, 0, 1]
        shape = (self.regions, *women.shape[1:], width)
        women = np.broadcast_to(women[..., None], shape)
        men = np.broadcast_to(men[..., None], (self.regions, self.ages, width))
        people = np.stack([women.sum(axis=1), men], axis=1)
        shares = parity_shares(women)
        self._write_stock(j, 0, lanes, people, shares)
        for y in range(len(self.plan.years)):
            kept = None if self.given is None else self.given.of_year(j, y, lanes)
            target = None if targets is None else targets[y]
            try:
                people, shares, flows = year_step(
                    people, shares, self._year(j, y, lanes), target, kept
                )
            except CannotMeetError as found:
                return self._sentence(found, j, y, lanes)
            self._write_stock(j, y + 1, lanes, people, shares)
            self._write_flows(j, y, lanes, flows)
            if self.found is not None and self.parent is not None:
                self.found.keep(j, y, lanes, flows.factors)
                missed = self.parent.residual(j, y, lanes, flows, people, shares)
                self.residual[j, :, y, lanes.out] = lanes.kept(missed)
        return ""

    def _year(self, j: int, y: int, lanes: Lanes) -> Year:
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
            return lanes.of(values)

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

    def _write_stock(self, j: int, t: int, lanes: Lanes, people: Array, shares: Array) -> None:
        people, shares, draws = lanes.kept(people), lanes.kept(shares), lanes.out
        starts = self.plan.starts
        self.arrays["population"][:, j, t, :, :, draws] = np.add.reduceat(people, starts, axis=2)
        if self.history:
            self.arrays["women"][:, j, t, :, :, draws] = people[:, :1] * shares
            self.arrays["men"][:, j, t, :, draws] = people[:, 1]

    def _write_flows(self, j: int, y: int, lanes: Lanes, flows: Flows) -> None:
        def write(name: str, values: Array) -> None:
            if name in self.arrays:
                self.arrays[name][:, j, y, ..., lanes.out] = lanes.kept(values)

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
            self.arrays["pairs"][:, j, :, y, :, lanes.out] = lanes.kept(flows.pairs)
        self.arrays["cut"][:, j, :, lanes.out] += lanes.kept(flows.cut)

    def _sentence(self, found: CannotMeetError, j: int, y: int, lanes: Lanes) -> str:
        """Say in words what cannot be."""
        plan, inputs = self.plan, self.plan.inputs
        when = plan._when(y, j, int(lanes.draws[found.draw]))
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
