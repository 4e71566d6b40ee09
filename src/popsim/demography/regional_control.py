"""Control of regions to a parent: flows as targets, factors kept, what is still missed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import xarray as xr

from popsim.dataset import variable_labels
from popsim.demography.projection import _laid_out
from popsim.errors import Problems

if TYPE_CHECKING:
    from popsim.kernels.raking import Factors, Targets
    from popsim.kernels.regions import Flows

__all__ = ["ACCOUNTS", "FACTORS", "Calibration", "Control", "Lanes", "Parent"]

Array = np.ndarray[Any, np.dtype[np.float64]]

ACCOUNTS = ("births", "deaths", "net_migration", "population", "women_by_parity")
"""What is compared with the parent, in the order of ``control_residual``."""

FACTORS = {
    "births_raking_factor": ("year", "half_year", "birth_order", "age"),
    "girls_raking_factor": ("year",),
    "deaths_raking_factor": ("year", "sex", "age"),
    "migration_raking_factor": ("year", "direction", "sex", "age"),
    "migration_raking_rate": ("year", "sex", "age"),
    "parity_raking_factor": ("year", "half_year", "parity", "age"),
}
"""Raking factors and their dimensions besides scenario and draw."""

_SOURCE = "popsim.demography.regions.project_regions"
_LABELS = {"half_year": [1, 2], "direction": ["in", "out"], "sex": ["female", "male"]}

# What a parent must have for each control.
_HISTORY = ("women_by_parity", "population", "births_by_age", "cohort_deaths", "net_migration")
_DIMS: dict[str, tuple[str, ...]] = {
    "women_by_parity": ("time", "parity", "age"),
    "population": ("time", "sex", "age"),
    "births_by_age": ("year", "birth_order", "age"),
    "births_by_order": ("year", "birth_order"),
    "cohort_deaths": ("year", "sex", "age"),
    "net_migration": ("year", "sex", "age"),
}
# Rounding of the parent's own accounts.
_TOLERANCE = 1e-7
_BASE_TOLERANCE = 1e-9


class Lanes(NamedTuple):
    """Draws that are computed side by side; some may be there only to fill the block.

    Parameters
    ----------
    draws : numpy.ndarray
        Position of the draw of each lane.
    out : slice
        Positions of the draws that are kept: those of the first lanes.
    """

    draws: np.ndarray
    out: slice

    def of(self, values: Array) -> Array:
        """Return the lanes of an array with draws last, or of length 1."""
        return values[..., self.draws] if values.shape[-1] > 1 else values

    def kept(self, values: Array) -> Array:
        """Return the lanes that are kept."""
        return values[..., : self.out.stop - self.out.start]


class Control(NamedTuple):
    """What is raked.

    Parameters
    ----------
    births : {"age", "order", "none"}
        By order and age of mother, by order, or not.
    deaths : {"age", "none"}
        By sex and age, or not.
    migration : {"cell", "total", "population", "none"}
        Plus-minus by sex and age, plus-minus on the total, spread like the residents, or not.
    """

    births: Literal["age", "order", "none"]
    deaths: Literal["age", "none"]
    migration: Literal["cell", "total", "population", "none"]

    def check(self, problems: Problems) -> None:
        """Note options that are not known."""
        for name, known in (
            ("births", ("age", "order", "none")),
            ("deaths", ("age", "none")),
            ("migration", ("cell", "total", "population", "none")),
        ):
            value = getattr(self, name)
            if value not in known:
                problems.add(f"control_{name}={value!r} is unknown", instead=", ".join(known))

    @property
    def whole(self) -> bool:
        """Whether everything is controlled, so that women by parity add up too."""
        return (
            self.births == "age"
            and self.deaths == "age"
            and self.migration in ("cell", "population")
        )

    def needs(self) -> list[str]:
        """Name the variables of the parent that are read."""
        names = {"population"}
        if self.births == "age":
            names |= set(_HISTORY)
        elif self.births == "order":
            names.add("births_by_order")
        if self.deaths == "age":
            names.add("cohort_deaths")
        if self.migration != "none":
            names.add("net_migration")
        return [name for name in _DIMS if name in names]

    def __str__(self) -> str:
        return f"births by {self.births}, deaths by {self.deaths}, migration by {self.migration}"


class Parent:
    """The flows of a parent, laid out and checked.

    Parameters
    ----------
    parent : xarray.Dataset
        A projection with every age, of one region.
    control : Control
        What is raked.
    inputs : xarray.Dataset
        Inputs of the regions.
    years : sequence of int
        Years to project.
    scenarios, draws : numpy.ndarray or None
        Labels of the run.
    even : bool
        Timing of migrants.
    problems : Problems
        What is wrong is added to it.
    """

    def __init__(
        self,
        parent: xr.Dataset,
        control: Control,
        inputs: xr.Dataset,
        years: Sequence[int],
        scenarios: np.ndarray | None,
        draws: np.ndarray | None,
        even: bool,
        problems: Problems,
    ) -> None:
        self.control, self.even, self.years = control, even, list(years)
        self.arrays: dict[str, Array] = {}
        before = len(problems.found)
        names = control.needs()
        timing = parent.attrs.get("migration_timing")
        if timing is not None and timing != ("even" if even else "end"):
            problems.add(
                f"the parent was projected with timing={timing!r}",
                instead=f"timing={timing!r} for the regions too",
            )
        if parent.sizes.get("region", 1) != 1:
            problems.add(
                f"the parent has {parent.sizes['region']} regions",
                instead="one of them: parent.sel(region=...)",
            )
        missing = [name for name in names if name not in parent]
        if missing:
            problems.add(
                f"the parent has no {', '.join(missing)}", instead='project(..., detail="history")'
            )
        labels: dict[str, Any] = {
            "year": years,
            "time": [*years, years[-1] + 1],
            "sex": _LABELS["sex"],
            **{d: inputs[d].values.tolist() for d in ("age", "parity", "birth_order")},
        }
        if problems.found[before:]:
            return
        parent = parent[names].squeeze("region", drop=True) if "region" in parent.dims else parent
        labels |= _of_run(parent[names], "parent", scenarios, draws, problems)
        _check_labels(parent[names], "the parent", labels, problems)
        if problems.found[before:]:
            return
        parent = parent[names].sel({d: v for d, v in labels.items() if d in parent[names].dims})
        for name in names:
            dims = ("scenario", *_DIMS[name], "draw")
            self.arrays[name] = _laid_out(parent.variables[name], dims)

    def check_base(self, inputs: xr.Dataset, problems: Problems) -> None:
        """Note when base populations of the regions do not add up to the parent's."""
        for name in ("population", "women_by_parity"):
            if name not in self.arrays or (name == "women_by_parity" and not self.control.whole):
                continue
            dims = _DIMS[name][1:]
            regions = _laid_out(inputs.variables[name], ("region", *dims)).sum(axis=0)[..., None]
            have = self.arrays[name][:, 0]
            wrong = np.abs(regions - have) > _BASE_TOLERANCE * np.maximum(have, 1.0)
            if wrong.any():
                _, i, a, d = (int(v) for v in np.argwhere(wrong)[0])
                what = f"{dims[0]} {inputs[dims[0]].values[i]}, age {inputs['age'].values[a]}"
                value = np.broadcast_to(regions, have.shape[1:])[i, a, d]
                cells = int(wrong.any(axis=(0, 3)).sum()) - 1
                more = f" (and {cells} more)" if cells else ""
                problems.add(
                    f"the regions' {name} of {self.years[0]} does not add up to the parent's: "
                    f"{value:.10g} against {have[0, i, a, d]:.10g} at {what}{more}",
                    instead="inputs = rake_base(inputs, parent)",
                )
                return

    def targets(self, j: int, lanes: Lanes, problems: Problems) -> list[Targets]:
        """Return the targets of every year under one scenario; note flows that contradict."""
        from popsim.kernels.raking import Targets, parent_targets

        control, part = self.control, self._part(j, lanes)
        targets: list[Targets] = []
        for y, year in enumerate(self.years):
            births = girls = women = None
            if control.births == "age":
                births, girls, women, end = parent_targets(
                    part["women_by_parity"][y],
                    part["women_by_parity"][y + 1],
                    part["births_by_age"][y],
                    part["cohort_deaths"][y, 0],
                    part["net_migration"][y, 0],
                    self.even,
                )
                after = part["women_by_parity"][y + 1]
                off = np.abs(end - after)[:, 1:] > _TOLERANCE * np.maximum(after.sum(axis=0), 1)[1:]
                if off.any():
                    age = int(np.argwhere(off)[0][1]) + 1
                    timing = "even" if self.even else "end"
                    problems.add(
                        f"the parent's women aged {age} by parity of {year + 1} do not follow "
                        f"from its births, deaths and migrants like residents of {year} with "
                        f"timing={timing!r}; use a parent projected in that way"
                    )
                    return targets
            targets.append(
                Targets(
                    births,
                    part["births_by_order"][y] if control.births == "order" else None,
                    girls,
                    part["cohort_deaths"][y] if control.deaths == "age" else None,
                    part["net_migration"][y] if control.migration != "none" else None,
                    control.migration,
                    women if control.whole else None,
                )
            )
        return targets

    def _part(self, j: int, lanes: Lanes) -> dict[str, Array]:
        return {
            name: lanes.of(values[min(j, len(values) - 1)]) for name, values in self.arrays.items()
        }

    def residual(
        self, j: int, y: int, lanes: Lanes, flows: Flows, people: Array, shares: Array
    ) -> Array:
        """Return the largest miss of any cell of each account of :data:`ACCOUNTS` (5, D)."""
        part = self._part(j, lanes)
        births = flows.births.sum(axis=(0, 1))
        migrants = (flows.external + flows.arrivals - flows.departures).sum(axis=0)
        women = (people[:, :1] * shares).sum(axis=0)
        found: dict[str, tuple[Array, Array]] = {}
        if "births_by_age" in part:
            found["births"] = births, part["births_by_age"][y]
        elif "births_by_order" in part:
            found["births"] = births.sum(axis=1), part["births_by_order"][y]
        if "cohort_deaths" in part:
            found["deaths"] = flows.deaths.sum(axis=0), part["cohort_deaths"][y]
        if "net_migration" in part:
            wanted = part["net_migration"][y]
            if self.control.migration == "total":
                migrants, wanted = migrants.sum(axis=(0, 1)), wanted.sum(axis=(0, 1))
            found["net_migration"] = migrants, wanted
        found["population"] = people.sum(axis=0), part["population"][y + 1]
        if "women_by_parity" in part:
            found["women_by_parity"] = women, part["women_by_parity"][y + 1]
        missed = np.full((len(ACCOUNTS), people.shape[-1]), np.nan)
        for i, name in enumerate(ACCOUNTS):
            if name in found:
                have, want = found[name]
                gap = np.abs(have - want)
                missed[i] = gap.max(axis=tuple(range(gap.ndim - 1)))
        return missed


class Calibration:
    """Raking factors of a run: kept, given back, and written to the result.

    Parameters
    ----------
    control : Control
        What is raked.
    arrays : dict
        Factors by name (scenario, ..., draw).
    """

    def __init__(self, control: Control, arrays: dict[str, Array]) -> None:
        self.control, self.arrays = control, arrays

    @classmethod
    def empty(
        cls, control: Control, scenarios: int, years: int, orders: int, ages: int, draws: int
    ) -> Calibration:
        """Return room for the factors of a run that is controlled to a parent."""
        sizes = {
            "year": years, "half_year": 2, "birth_order": orders, "parity": orders,
            "age": ages, "sex": 2, "direction": 2,
        }  # fmt: skip
        names = []
        if control.births != "none":
            names.append("births_raking_factor")
        if control.births == "age":
            names.append("girls_raking_factor")
        if control.deaths != "none":
            names.append("deaths_raking_factor")
        if control.migration in ("cell", "total"):
            names.append("migration_raking_factor")
        if control.migration == "population":
            names.append("migration_raking_rate")
        if control.whole:
            names.append("parity_raking_factor")
        return cls(
            control,
            {
                name: np.empty((scenarios, *(sizes[dim] for dim in FACTORS[name]), draws))
                for name in names
            },
        )

    @classmethod
    def read(
        cls,
        data: xr.Dataset,
        inputs: xr.Dataset,
        years: Sequence[int],
        scenarios: np.ndarray | None,
        draws: np.ndarray | None,
        timing: str,
        problems: Problems,
    ) -> Calibration | None:
        """Return the factors that a Dataset holds; note what does not fit the run."""
        names = [name for name in FACTORS if name in data]
        if not names:
            problems.add(
                "the calibration has no raking factors",
                instead="the result of project_regions(..., parent=...)",
            )
            return None
        before = len(problems.found)
        data = data[names]
        made = data.attrs.get("migration_timing", timing)
        if made != timing:
            problems.add(
                f"the calibration was made with timing={made!r}", instead=f"timing={made!r}"
            )
        labels: dict[str, Any] = {
            "year": list(years),
            **_LABELS,
            **{d: inputs[d].values.tolist() for d in ("age", "parity", "birth_order")},
        }
        labels |= _of_run(data, "calibration", scenarios, draws, problems)
        _check_labels(data, "the calibration", labels, problems)
        if problems.found[before:]:
            return None
        data = data.sel({d: v for d, v in labels.items() if d in data.dims})
        arrays = {
            name: _laid_out(data.variables[name], ("scenario", *FACTORS[name], "draw"))
            for name in names
        }
        return cls(Control("none", "none", "none"), arrays)

    def of_year(self, j: int, y: int, lanes: Lanes) -> Factors:
        """Return the factors of one year."""
        from popsim.kernels.raking import Factors

        def one(name: str) -> Array | None:
            if name not in self.arrays:
                return None
            values: Array = self.arrays[name]
            return lanes.of(values[min(j, len(values) - 1), y])

        return Factors(*(one(name) for name in FACTORS))

    def keep(self, j: int, y: int, lanes: Lanes, factors: Factors) -> None:
        """Keep the factors found in one year."""
        for name, values in zip(FACTORS, factors, strict=True):
            if values is not None:
                self.arrays[name][j, y][..., lanes.out] = lanes.kept(values)

    def variables(self, outer: bool, last: bool) -> dict[str, xr.Variable]:
        """Return the factors as variables, with scenarios and draws where the run has them."""
        made = {}
        for name, values in self.arrays.items():
            dims = ("scenario", *FACTORS[name], "draw")
            keep = [True] * len(dims)
            keep[0], keep[-1] = outer, last
            gone = tuple(i for i, kept in enumerate(keep) if not kept)
            there = tuple(dim for dim, kept in zip(dims, keep, strict=True) if kept)
            made[name] = xr.Variable(
                there, values.squeeze(axis=gone), variable_labels(name, _SOURCE)
            )
        return made


def _of_run(
    data: xr.Dataset,
    what: str,
    scenarios: np.ndarray | None,
    draws: np.ndarray | None,
    problems: Problems,
) -> dict[str, Any]:
    """Return the labels of scenarios and draws wanted; note dimensions that the run has not."""
    labels: dict[str, Any] = {}
    for dim, have in (("scenario", scenarios), ("draw", draws)):
        if dim in data.dims and have is None:
            problems.add(
                f"the {what} has a dimension {dim} and the regions have none",
                instead=f"one of them: {what}.sel({dim}=..., drop=True)",
            )
        elif dim in data.dims and have is not None:
            labels[dim] = have.tolist()
    return labels


def _check_labels(data: xr.Dataset, what: str, labels: dict[str, Any], problems: Problems) -> None:
    for dim in map(str, data.dims):
        if dim not in labels:
            if dim not in ("scenario", "draw"):
                problems.add(f"{what} must not have dimension {dim}")
            continue
        have = set(data[dim].values.tolist()) if dim in data.coords else set(range(data.sizes[dim]))
        missing = [str(v) for v in labels[dim] if v not in have]
        if missing:
            hint = f"{what.removeprefix('the ')}.sel(scenario=..., drop=True)"
            problems.add(
                f"{what}: {dim} {', '.join(missing)} is missing",
                instead=f"one scenario for all: {hint}" if dim == "scenario" else "",
            )
        elif dim in ("age", "parity", "birth_order") and len(have) != len(labels[dim]):
            problems.add(f"{what} has {len(have)} labels of {dim}, the regions {len(labels[dim])}")
