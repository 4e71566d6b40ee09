"""Project a labelled Dataset by the cohort-component method with women by parity.

The step is that of the documentation's page on the model, "One year, exactly"; the arithmetic is
in :mod:`popsim.kernels.projection`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from xarray.indexes import PandasIndex

from popsim.dataset import dimension_labels, place, validate, variable_labels
from popsim.errors import DataError, Problems, ProjectionError
from popsim.variables import DIMENSIONS

if TYPE_CHECKING:
    from popsim.kernels.projection import Diagnosis

__all__ = ["AGE_GROUPS", "INPUTS", "project"]

AGE_GROUPS = (0, 3, 15, 18, 20, 35, 50, 60, 65)
"""First ages of the age groups reported, enough for the dependency ratios and for who is paid."""

_LEVELS = ("low", "central", "high")
_SEX_NAMES = ("women", "men")

# Dimensions that each input must have, and those it may have besides; region is always optional.
_INPUTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "women_by_parity": (("parity", "age"), ()),
    "population": (("sex", "age"), ()),
    "conditional_fertility_rate": (("birth_order", "age"), ("year", "fertility_schedule")),
    "survival_ratio": (("sex", "age"), ("year", "mortality_level")),
    "sex_ratio_at_birth": ((), ("year", "birth_order")),
    "net_migration": (("sex", "age"), ("year",)),
    "fertility_factor": (("birth_order",), ("year",)),
}
INPUTS = tuple(_INPUTS)
"""Names of the variables that the projection reads from a baseline."""
_OPTIONAL = ("net_migration", "fertility_factor")

# Dimensions and range of each factor.
_FACTORS: dict[str, tuple[tuple[str, ...], float, float]] = {
    "fertility_factor": (("region", "scenario", "year", "birth_order", "draw"), 0.0, np.inf),
    "fertility_weight": (("region", "year", "draw"), 0.0, 1.0),
    "mortality_weight": (("region", "year", "draw"), -1.0, 1.0),
    "migration_factor": (("region", "year", "draw"), -np.inf, np.inf),
}

# At most one birth per woman at risk in half a year: h/2 / (1 + h/4) <= 1, open order h/2 <= 1.
_MOST, _MOST_OPEN = 4.0, 2.0


def project(
    inputs: xr.Dataset,
    *,
    years: Iterable[int] | None = None,
    factors: xr.Dataset | None = None,
    detail: Literal["indicators", "history"] = "indicators",
    timing: Literal["even", "end"] = "even",
    migration_kind: Literal["counts", "rates", "totals"] = "counts",
    on_negative: Literal["raise", "cut", "un"] = "raise",
    age_groups: Sequence[int] = AGE_GROUPS,
    threads: int | None = None,
) -> xr.Dataset:
    """Project population by age, sex and parity, year by year.

    Parameters
    ----------
    inputs : xarray.Dataset
        The stock of 1 January ``base_time`` (a scalar coordinate or attribute) and rates.
        Dimensions are found by name; ``region`` may be left out everywhere.

        - ``women_by_parity`` (region, parity, age) [person]
        - ``population`` (region, sex, age) [person]; women summed over parity equal its women
        - ``conditional_fertility_rate`` (region, year, birth_order, age) [year-1], optionally by
          ``fertility_schedule`` (2); order k is per woman of parity k - 1, the last order per
          woman of the open parity; as many orders as parities. Rates of the first and last age
          are not used.
        - ``survival_ratio`` (region, year, sex, age) [1], optionally by ``mortality_level``
          (low, central, high)
        - ``sex_ratio_at_birth`` (region, year, birth_order) [men per woman]
        - ``net_migration`` (region, year, sex, age) [person], for ``rates`` [year-1], for
          ``totals`` (region, year) [person]; optional: without it nobody moves
        - ``fertility_factor`` (region, year, birth_order) [1], optional path on the rates

        ``year`` may be left out where nothing changes, ``birth_order`` of the sex ratio too.
    years : iterable of int, optional
        Calendar years, from ``base_time`` on without a gap; default: the years of ``inputs``.
    factors : xarray.Dataset, optional
        Numbers that differ between draws and scenarios, each with any of its dimensions:
        ``fertility_factor`` (region, scenario, year, birth_order, draw), multiplied onto the
        rates; ``fertility_weight`` (region, year, draw), weight of the second schedule, 0 to 1;
        ``mortality_weight`` (region, year, draw), -1 low, 0 central, 1 high survival;
        ``migration_factor`` (region, year, draw), multiplied onto net migration.
    detail : {"indicators", "history"}
        What to keep; ``history`` keeps every age and needs memory for it.
    timing : {"even", "end"}
        Migrants come half at the start and half at the end of the year, or all at the end.
    migration_kind : {"counts", "rates", "totals"}
        Persons; rates per person at the start of the year; totals by the structure at its start.
    on_negative : {"raise", "cut", "un"}
        When more leave than are there: an error that names the cell; cut to what is there, with
        ``outflow_cut`` and ``cells_cut`` in the result; or the guard of the United Nations.
    age_groups : sequence of int
        First ages of the age groups of ``population_by_age_group``, from 0.
    threads : int, optional
        Threads over regions and scenarios; default: one per processor. Results do not depend on it.

    Returns
    -------
    xarray.Dataset
        Dimensions region, scenario, year or time, ..., draw, as far as inputs and factors have
        them. Always ``births_by_order``, ``total_fertility_rate_by_order``,
        ``mean_age_at_birth_by_order``, ``births_by_sex``, ``deaths_by_sex``,
        ``net_migration_by_sex`` and ``population_by_age_group``; with ``history`` also
        ``women_by_parity``, ``population``, ``births_by_age``, ``cohort_deaths`` and
        ``net_migration``, and the attribute ``migration_timing``.

    Raises
    ------
    DataError
        When inputs or factors are missing, incomplete, not numbers, out of range or do not agree;
        everything found is listed.
    ProjectionError
        When a woman at risk would bear more than one child in half a year, when more people leave
        a cell than live there, or when the accounts do not balance.

    Notes
    -----
    ``population(t+1) = population(t) + births - deaths + net migration`` is checked after every
    run for each region, scenario, draw, year and sex.

    References
    ----------
    Preston, Heuveline and Guillot (2001), Demography: Measuring and modeling population processes,
    chapter 6.

    Examples
    --------
    A closed population of 200 with one birth per woman-year at age 1, in a world of four ages:

    >>> import xarray as xr
    >>> age, sex = [0, 1, 2, 3], ["female", "male"]
    >>> inputs = xr.Dataset(
    ...     {
    ...         "women_by_parity": (("parity", "age"), [[25.0] * 4, [0.0] * 4]),
    ...         "population": (("sex", "age"), [[25.0] * 4] * 2),
    ...         "conditional_fertility_rate": (("birth_order", "age"), [[0, 1.0, 0, 0], [0] * 4]),
    ...         "survival_ratio": (("sex", "age"), [[1.0, 1.0, 1.0, 0.5]] * 2),
    ...         "sex_ratio_at_birth": ((), 1.0),
    ...     },
    ...     {"age": age, "sex": sex, "parity": [0, 1], "birth_order": [1, 2], "base_time": 2021},
    ... )
    >>> result = project(inputs, years=[2021, 2022], age_groups=[0, 2])
    >>> result.births_by_order.sel(birth_order=1).values
    array([20., 10.])
    >>> result.population_by_age_group.sum("sex").values
    array([[100., 100.],
           [ 70., 100.],
           [ 30., 100.]])
    """
    plan = prepared_plan(inputs, years, factors, age_groups, migration_kind)
    problems = Problems()
    options = {"timing": timing, "migration_kind": migration_kind, "on_negative": on_negative}
    arrays, found = plan.run(options, detail == "history", threads)
    for i, j, diagnosis in found:
        problems.add(plan.sentence(i, j, diagnosis))
    problems.raise_if_any(ProjectionError)
    _check_balance(plan, arrays, on_negative)
    projected = plan.labelled(arrays, detail == "history", on_negative)
    if detail == "history":
        # What women and deaths are related to depends on when the migrants come.
        projected.attrs["migration_timing"] = timing
    return projected


def prepared_plan(
    inputs: xr.Dataset,
    years: Iterable[int] | None,
    factors: xr.Dataset | None,
    age_groups: Sequence[int],
    migration_kind: str,
) -> _Plan:
    """Check everything that is given to a projection and lay it out; arguments of :func:`project`.

    Raises
    ------
    DataError, ProjectionError
        As :func:`project`.
    """
    problems = Problems()
    base_time = _base_time(inputs, problems)
    needed = dict(_INPUTS)
    if migration_kind == "totals":
        needed["net_migration"] = ((), ("year",))
    inputs = _known_inputs(inputs, needed, problems)
    problems.raise_if_any(DataError)
    validate(inputs)
    wanted = _years(inputs, years, base_time, problems)
    factors = _checked_factors(factors, inputs, wanted, problems)
    _check_shapes(inputs, age_groups, problems)
    _check_finite(inputs, problems)
    problems.raise_if_any(DataError)
    _check_population(inputs, problems)
    problems.raise_if_any(DataError)
    plan = _Plan(inputs, factors, wanted, age_groups, needed)
    plan.check_certain(problems)
    problems.raise_if_any(ProjectionError)
    return plan


def _base_time(inputs: xr.Dataset, problems: Problems) -> int:
    value = inputs.coords.get("base_time", inputs.attrs.get("base_time"))
    if value is None or np.ndim(value) > 0:
        problems.add(
            "inputs do not say when the stock was counted",
            instead="base_time = the year of its 1 January, as a scalar coordinate",
        )
        return 0
    return int(value)


def _known_inputs(
    inputs: xr.Dataset,
    needed: dict[str, tuple[tuple[str, ...], tuple[str, ...]]],
    problems: Problems,
) -> xr.Dataset:
    """Return the variables that the projection reads; note what is missing or has wrong dims."""
    for name, (must, may) in needed.items():
        if name not in inputs:
            if name not in _OPTIONAL:
                problems.add(f"inputs have no variable {name!r}")
            continue
        dims = {str(d) for d in inputs.variables[name].dims}
        missing = [d for d in must if d not in dims]
        extra = sorted(dims - {"region", *must, *may})
        if missing:
            problems.add(f"{name} has no dimension {', '.join(missing)}")
        if extra:
            problems.add(f"{name} must not have dimension {', '.join(extra)}")
    return inputs[[name for name in needed if name in inputs]].drop_vars(
        "base_time", errors="ignore"
    )


def _years(
    inputs: xr.Dataset, years: Iterable[int] | None, base_time: int, problems: Problems
) -> list[int]:
    """Return the years to project; note those that are missing."""
    covered = [int(y) for y in inputs.variables["year"].values] if "year" in inputs.dims else None
    if years is None:
        if covered is None:
            problems.add("no input has a dimension year", instead="years=range(first, last + 1)")
            return []
        wanted = [y for y in covered if y >= base_time]
    else:
        wanted = [int(y) for y in years]
    expected = list(range(base_time, base_time + len(wanted)))
    wrong = [pair for pair in zip(wanted, expected, strict=True) if pair[0] != pair[1]]
    if wrong or not wanted:
        have, want = wrong[0] if wrong else ("nothing", base_time)
        problems.add(
            f"years must follow the stock of 1 January {base_time} without a gap: "
            f"{have} stands where {want} should"
        )
    if covered is not None:
        missing = [y for y in wanted if y not in set(covered)]
        for name in map(str, inputs.data_vars) if missing else ():
            if "year" in inputs.variables[name].dims:
                problems.add(f"{name}: year {', '.join(map(str, missing))} is missing")
    return wanted


def _checked_factors(
    factors: xr.Dataset | None, inputs: xr.Dataset, years: list[int], problems: Problems
) -> xr.Dataset:
    """Return factors in the order of the inputs' labels; note what does not fit."""
    if factors is None:
        return xr.Dataset()
    for name in map(str, factors.data_vars):
        array = factors.variables[name]
        if name not in _FACTORS:
            problems.add(f"unknown factor {name!r}", instead=" or ".join(_FACTORS))
            continue
        dims, low, high = _FACTORS[name]
        extra = sorted({str(d) for d in array.dims} - set(dims))
        if extra:
            problems.add(f"factor {name} must not have dimension {', '.join(extra)}")
        values = np.asarray(array.values, dtype=np.float64)
        for wrong, what in (
            (~np.isfinite(values), "is not a finite number"),
            (values < low, f"is below {low:g}"),
            (values > high, f"is above {high:g}"),
        ):
            if wrong.any():
                first = tuple(int(i) for i in np.argwhere(wrong)[0])
                value = "" if np.isnan(values[first]) else f"{values[first]:g} "
                at = f", {place(factors[name], first)}" if array.dims else ""
                problems.add(f"{value}{what}", where=f"factor {name}{at}")
        for dim, labels in (
            ("region", inputs.variables["region"].values if "region" in inputs.dims else []),
            ("birth_order", inputs.variables["birth_order"].values),
            ("year", years),
        ):
            if dim in array.dims:
                have = (
                    set(factors.variables[dim].values.tolist()) if dim in factors.coords else set()
                )
                missing = [str(v) for v in labels if v not in have]
                if missing or (dim == "region" and "region" not in inputs.dims):
                    problems.add(f"factor {name}: {dim} {', '.join(missing)} is missing")
    for name, dim in (
        ("fertility_weight", "fertility_schedule"),
        ("mortality_weight", "mortality_level"),
    ):
        if name in factors and dim not in inputs.dims:
            problems.add(f"factor {name} needs inputs with dimension {dim}")
    if problems:
        return factors
    wanted = {"birth_order": inputs.variables["birth_order"].values, "year": np.array(years)}
    if "region" in inputs.dims:
        wanted["region"] = inputs.variables["region"].values
    # Labels of the factors may lie in another order, and years may go beyond those wanted.
    moved = {
        d: v
        for d, v in wanted.items()
        if d in factors.dims and not np.array_equal(factors.variables[d].values, v)
    }
    return factors.sel(moved) if moved else factors


def _check_shapes(inputs: xr.Dataset, age_groups: Sequence[int], problems: Problems) -> None:
    sizes = inputs.sizes
    if sizes["birth_order"] != sizes["parity"]:
        problems.add(
            f"there are {sizes['birth_order']} birth orders for {sizes['parity']} parities; "
            "each order needs the parity before it, the last order the open parity"
        )
    for dim, lowest in (("parity", 0), ("birth_order", 1)):
        # Order k is per woman of parity k - 1: both are read in their order.
        labels = inputs.variables[dim].values.tolist()
        wanted = list(range(lowest, lowest + sizes[dim]))
        if labels != wanted:
            problems.add(f"{dim} is {labels}", instead=", ".join(map(str, wanted)))
    if sizes.get("fertility_schedule", 2) != 2:
        problems.add(f"fertility_schedule has {sizes['fertility_schedule']} entries, not 2")
    if "mortality_level" in sizes:
        levels = tuple(inputs.variables["mortality_level"].values.tolist())
        if levels != _LEVELS:
            problems.add(f"mortality_level is {list(levels)}", instead="low, central, high")
    if sizes["age"] < 3:
        problems.add(f"there are {sizes['age']} ages; at least 3 are needed")
    first = [int(a) for a in age_groups]
    if not first or first[0] != 0 or any(b <= a for a, b in pairwise(first)):
        problems.add(f"age_groups must rise from 0: {first}")


def _check_finite(inputs: xr.Dataset, problems: Problems) -> None:
    """Note infinite cells, which no range of the registry excludes."""
    for name in map(str, inputs.data_vars):
        finite = np.isfinite(inputs.variables[name].values)
        if finite.all():
            continue
        wrong = np.argwhere(~finite)
        first = tuple(int(i) for i in wrong[0])
        at = f", {place(inputs[name], first)}" if first else ""
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        problems.add(f"is not a finite number{more}", where=f"{name}{at}")


def _check_population(inputs: xr.Dataset, problems: Problems) -> None:
    """Note every region whose women by parity do not sum to its women."""
    women = _laid_out(inputs.variables["women_by_parity"], ("region", "parity", "age")).sum(axis=1)
    female = _laid_out(inputs.variables["population"], ("region", "sex", "age"))[:, 0]
    women, female = np.broadcast_arrays(women, female)
    wrong = np.abs(women - female) > 1e-9 * np.maximum(female, 1.0)
    if wrong.any():
        i, a = (int(v) for v in np.argwhere(wrong)[0])
        cell = inputs["population"].isel(sex=0, drop=True)
        cell = cell.transpose("region", "age") if "region" in cell.dims else cell
        more = int(wrong.sum()) - 1
        problems.add(
            f"women sum to {women[i, a]:.10g} over parity, "
            f"population has {female[i, a]:.10g} women" + (f" (and {more} more)" if more else ""),
            where=f"women_by_parity, {place(cell, (i, a)[-cell.ndim :])}",
        )


class _Plan:
    """The inputs laid out for the kernels, block by block, and the way back to labels."""

    def __init__(
        self,
        inputs: xr.Dataset,
        factors: xr.Dataset,
        years: list[int],
        age_groups: Sequence[int],
        needed: dict[str, tuple[tuple[str, ...], tuple[str, ...]]],
    ) -> None:
        self.inputs = inputs
        self.years = years
        self.has_region = "region" in inputs.dims
        self.draws, self.scenarios = (_labels(factors, dim) for dim in ("draw", "scenario"))
        self.regions = inputs.variables["region"].values if self.has_region else None
        ages = inputs.sizes["age"]
        self.starts = [int(a) for a in age_groups if a < ages]
        self.breaks = np.array([*self.starts, ages])
        if "year" in inputs.dims and inputs.variables["year"].values.tolist() != years:
            inputs = inputs.sel(year=years)
        self.base = {
            name: _laid_out(
                inputs.variables[name], ("region", "year", *(d for d in may if d != "year"), *must)
            )
            for name, (must, may) in needed.items()
            if name in inputs
        }
        self.factors = {
            name: _laid_out(factors.variables[name], dims)
            for name, (dims, _, _) in _FACTORS.items()
            if name in factors
        }

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of regions and scenarios."""
        return (
            1 if self.regions is None else len(self.regions),
            1 if self.scenarios is None else len(self.scenarios),
        )

    def _of(self, name: str, i: int) -> Any:
        """Return one region of an input, its years repeated where nothing changes."""
        values = self.base[name]
        values = values[min(i, len(values) - 1)]
        return np.broadcast_to(values, (len(self.years), *values.shape[1:]))

    def block(self, i: int, j: int) -> dict[str, Any]:
        """Return the arguments of the kernel for one region under one scenario."""
        fertility = self._of("conditional_fertility_rate", i)
        orders = fertility.shape[2]
        if "fertility_factor" in self.base:
            fertility = fertility * self._of("fertility_factor", i)[:, None, :, None]
        sex_ratio = self._of("sex_ratio_at_birth", i)
        arguments = {
            "women": self._of("women_by_parity", i)[0],
            "men": self._of("population", i)[0, 1],
            "fertility": fertility,
            "survival": self._of("survival_ratio", i),
            "sex_ratio": np.broadcast_to(sex_ratio, (len(self.years), orders)),
            "migration": self._of("net_migration", i) if "net_migration" in self.base else None,
            "age_breaks": self.breaks,
        }
        for name, values in self.factors.items():
            block = values[min(i, len(values) - 1)]
            if name == "fertility_factor":
                block = block[min(j, len(block) - 1)]
                block = np.broadcast_to(block, (block.shape[0], orders, block.shape[2]))
            arguments[name] = block
        return arguments

    def check_certain(self, problems: Problems) -> None:
        """Note rates at which a woman at risk bears more than one child in half a year."""
        factor = np.ones((1, 1, 1))
        if "fertility_factor" in self.factors:
            factor = self.factors["fertility_factor"].max(axis=(1, 4))
        for i in range(self.shape[0]):
            base = self._of("conditional_fertility_rate", i)
            if "fertility_factor" in self.base:
                base = base * self._of("fertility_factor", i)[:, None, :, None]
            most = base[..., 1:-1].max(axis=1) * factor[min(i, len(factor) - 1)][:, :, None]
            limit = np.full(most.shape[1], _MOST)
            limit[-1] = _MOST_OPEN
            certain = most > limit[:, None]
            if certain.any():
                wrong = np.argwhere(certain)
                y, k, a = (int(v) for v in wrong[0])
                order = self.inputs.variables["birth_order"].values[k]
                more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
                when = self._when(y, *self._largest_factor(i, y, k))
                problems.add(
                    f"{most[y, k, a]:.4g} births of order {order} per woman-year at age {a + 1} "
                    f"in {self._region(i)}{when} are more than one birth per woman in "
                    f"half a year; the most is {limit[k]:g}{more}"
                )

    def _largest_factor(self, i: int, y: int, k: int) -> tuple[int, int]:
        """Return scenario and draw of the largest factor of a region, year and order."""
        if "fertility_factor" not in self.factors:
            return 0, 0
        factor = self.factors["fertility_factor"]
        # Axes of length 1 stand for all regions, years or orders.
        region, _, year, order, _ = np.minimum((i, 0, y, k, 0), np.array(factor.shape) - 1)
        block = factor[region, :, year, order, :]
        scenario, draw = np.unravel_index(block.argmax(), block.shape)
        return int(scenario), int(draw)

    def _when(self, y: int, scenario: int, draw: int) -> str:
        """Name a year, and the scenario and draw where there are any."""
        when = f"{self.years[y]}"
        if self.scenarios is not None:
            when += f", scenario {self.scenarios[scenario]}"
        if self.draws is not None:
            when += f", draw {self.draws[draw]}"
        return when

    def run(
        self, options: dict[str, Any], history: bool, threads: int | None
    ) -> tuple[dict[str, np.ndarray], list[tuple[int, int, Diagnosis]]]:
        """Run every block and return the outputs (region, scenario, ...) and what was impossible.

        Each block writes into its own part of the outputs, so threads do not matter.
        """
        from popsim.kernels.projection import output_shapes, project_history, project_indicators

        regions, scenarios = self.shape
        sizes = self.inputs.sizes
        shapes = output_shapes(
            years=len(self.years),
            parities=sizes["parity"],
            ages=sizes["age"],
            groups=len(self.starts),
            draws=1 if self.draws is None else len(self.draws),
            history=history,
        )
        arrays = {name: np.empty((regions, scenarios, *shape)) for name, shape in shapes.items()}

        def work(block: tuple[int, int]) -> tuple[int, int, Diagnosis | None]:
            i, j = block
            out = {name: array[i, j] for name, array in arrays.items()}
            arguments = {**self.block(i, j), **options, "out": out}
            if history:
                return i, j, project_history(**arguments).indicators.diagnosis
            return i, j, project_indicators(**arguments).diagnosis

        blocks = [(i, j) for i in range(regions) for j in range(scenarios)]
        workers = min(threads or os.cpu_count() or 1, len(blocks))
        if workers == 1:
            done = [work(block) for block in blocks]
        else:
            with ThreadPoolExecutor(workers) as pool:
                done = list(pool.map(work, blocks))
        return arrays, [(i, j, found) for i, j, found in done if found is not None]

    def _region(self, i: int) -> str:
        """Name a region for a sentence, with a trailing blank; empty without regions."""
        if self.regions is None:
            return ""
        text = str(self.regions[i])
        if "region_name_zh" in self.inputs.coords:
            text += f" ({self.inputs['region_name_zh'].values[i]})"
        return f"{text} in "

    def sentence(self, i: int, j: int, found: Diagnosis) -> str:
        """Say in words what a kernel met."""
        inputs = self.inputs
        at = self._region(i)
        when = self._when(found.year, j, found.draw)
        if found.kind == "certain":
            order = inputs.variables["birth_order"].values[found.parity]
            return (
                f"{found.amount:.4g} births of order {order} per woman-year at age {found.age} in "
                f"{at}{when} are more than one birth per woman in half a year"
            )
        age = f"{found.age}"
        if found.age == inputs.sizes["age"] - 1:
            age += " and over"
        amount = f"{found.amount:.0f}" if found.amount >= 1 else f"{found.amount:.2g}"
        there = f"live in {at}{when}" if at else f"there are in {when}"
        return (
            f"net migration removes {amount} more {_SEX_NAMES[found.sex]} aged {age} than {there}"
        )

    def labelled(
        self, arrays: dict[str, np.ndarray], history: bool, on_negative: str
    ) -> xr.Dataset:
        """Return the outputs as a Dataset with coordinates and the registry's labels."""
        inputs = self.inputs
        coords: dict[str, Any] = {
            "year": ("year", self.years),
            "time": ("time", [*self.years, self.years[-1] + 1]),
            "age_group": ("age_group", _group_names(self.starts)),
            "age_group_start": ("age_group", np.array(self.starts)),
            "age_group_end": ("age_group", np.array([*(self.breaks[1:-1] - 1), -1])),
        }
        outer = {"region": self.regions, "scenario": self.scenarios}
        last = {"draw": self.draws}
        coords |= {d: (d, v) for d, v in {**outer, **last}.items() if v is not None}
        kept = ["birth_order", "sex", *(("parity", "age") if history else ())]
        if self.has_region:
            kept += [c for c in map(str, inputs.coords) if inputs.variables[c].dims == ("region",)]

        with np.errstate(invalid="ignore"):
            mean_age = arrays["age_weighted_fertility"] / arrays["fertility"]
        data = {
            "births_by_order": (arrays["births"], ("year", "birth_order")),
            "total_fertility_rate_by_order": (arrays["fertility"], ("year", "birth_order")),
            "mean_age_at_birth_by_order": (mean_age, ("year", "birth_order")),
            "births_by_sex": (arrays["births_by_sex"], ("year", "sex")),
            "deaths_by_sex": (arrays["deaths"], ("year", "sex")),
            "net_migration_by_sex": (arrays["migration"], ("year", "sex")),
            "population_by_age_group": (arrays["population"], ("time", "sex", "age_group")),
        }
        if on_negative != "raise":
            data["outflow_cut"] = (arrays["cut"][:, :, 0], ())
            data["cells_cut"] = (arrays["cut"][:, :, 1], ())
        if history:
            women = arrays["women"]
            people = np.stack([women.sum(axis=3), arrays["men"]], axis=3)
            data |= {
                "women_by_parity": (women, ("time", "parity", "age")),
                "population": (people, ("time", "sex", "age")),
                "births_by_age": (arrays["births_by_age"], ("year", "birth_order", "age")),
                "cohort_deaths": (arrays["cohort_deaths"], ("year", "sex", "age")),
                "net_migration": (arrays["net_migration"], ("year", "sex", "age")),
            }
        # Axes without labels have length 1 and go.
        labels = {**outer, **last}
        source = "popsim.demography.projection.project"
        variables = {}
        for name, (values, inner) in data.items():
            dims = ["region", "scenario", *inner, "draw"]
            gone = tuple(axis for axis, d in enumerate(dims) if labels.get(d, inner) is None)
            there = tuple(d for d in dims if labels.get(d, inner) is not None)
            values = values.squeeze(axis=gone)
            variables[name] = xr.Variable(there, values, variable_labels(name, source))
        attrs = {k: v for k, v in inputs.attrs.items() if k in ("population_basis", "source")}
        return xr.Dataset(variables, _coordinates(coords, kept, inputs), attrs)


def _coordinates(
    new: dict[str, tuple[str, Any]], kept: Iterable[str], inputs: xr.Dataset
) -> xr.Coordinates:
    """Return coordinates, some new and some of the inputs, with the registry's labels.

    The indexes of the inputs are used again: making them anew costs as much as a trajectory.
    """
    indexes = {name: inputs.xindexes[name] for name in kept if name in inputs.xindexes}
    variables = {name: inputs.variables[name].copy(deep=False) for name in kept}
    for name, (dim, values) in new.items():
        if name == dim and name not in indexes:
            indexes[name] = PandasIndex(values, dim)
            variables[name] = indexes[name].create_variables()[name]
        elif name != dim:
            variables[name] = xr.Variable(dim, values)
    for name, variable in variables.items():
        if name in DIMENSIONS:
            variable.attrs.update(dimension_labels(name))
    return xr.Coordinates(variables, indexes)


def _labels(dataset: xr.Dataset, dim: str) -> np.ndarray | None:
    """Return the labels of a dimension: positions if it has none, None if it is not there."""
    if dim not in dataset.dims:
        return None
    if dim in dataset.coords:
        return np.asarray(dataset.variables[dim].values)
    return np.arange(dataset.sizes[dim])


def _laid_out(array: xr.Variable, dims: tuple[str, ...]) -> np.ndarray:
    """Return the values with exactly these axes, of length 1 where the array has no such dim."""
    present = [d for d in dims if d in array.dims]
    values = np.asarray(array.transpose(*present).values, dtype=np.float64)
    return values.reshape([array.sizes.get(d, 1) for d in dims])


def _group_names(starts: list[int]) -> list[str]:
    """Name age groups by their limits.

    Examples
    --------
    >>> _group_names([0, 3, 4, 65])
    ['0-2', '3', '4-64', '65+']
    """
    names = []
    for first, after in pairwise(starts):
        names.append(f"{first}" if after == first + 1 else f"{first}-{after - 1}")
    return [*names, f"{starts[-1]}+"]


def _check_balance(plan: _Plan, arrays: dict[str, np.ndarray], on_negative: str) -> None:
    """Raise when a year's population does not follow from the year before and the flows."""
    stock = arrays["population"].sum(axis=4)
    flow = arrays["births_by_sex"] - arrays["deaths"] + arrays["migration"]
    residual = stock[:, :, 1:] - stock[:, :, :-1] - flow
    # Rounding grows with the number of cells; the guard of the UN adds what it states in the cut.
    scale = np.maximum(stock[:, :, :-1] + np.abs(flow), 1.0)
    allowed = 1e-10 * scale
    if on_negative == "un":
        allowed = allowed + arrays["cut"][:, :, 0][:, :, None, None]
    wrong = np.argwhere(~(np.abs(residual) <= allowed))
    if len(wrong):
        i, j, y, s, d = (int(v) for v in wrong[0])
        where = plan._region(i) + str(plan.years[y])
        scenario = "" if plan.scenarios is None else f", scenario {plan.scenarios[j]}"
        draw = "" if plan.draws is None else f", draw {plan.draws[d]}"
        raise ProjectionError(
            f"the accounts of {_SEX_NAMES[s]} in {where}{scenario}{draw} miss by "
            f"{residual[i, j, y, s, d]:.6g} persons ({len(wrong)} such cells)"
        )
