"""A region laid out for the kernel: its draws, effects of policies, projections, money."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.batch.lean_rows import Layout
from popsim.batch.lean_shared import Laps, Recent, Shared
from popsim.batch.lean_space import Space
from popsim.demography.drawn_factors import central_factors, demographic_draws, prepared
from popsim.demography.indicators import AGE_BREAKS
from popsim.demography.projection import INPUTS, prepared_plan
from popsim.demography.uncertainty import Uncertainty
from popsim.errors import DataError, ProjectionError
from popsim.policy.dose import reference_places
from popsim.policy.fields import ORDERS
from popsim.policy.files import baseline as no_policy
from popsim.policy.model import Scenario
from popsim.policy.places import place_counts
from popsim.policy.response import (
    ChannelDraws,
    Context,
    Response,
    ResponseModel,
    channels_of,
)
from popsim.policy.services import service_payments

__all__ = ["Block", "Kept", "Region"]

Array = NDArray[np.float64]
#: Effects of each channel, and of money for services, that a region keeps: 2.6 MB and 1.3 MB for
#: 1,000 draws and 80 years.
_RECENT = 8


class Kept(NamedTuple):
    """What is kept of a scenario besides quantiles and means of its indicators."""

    money: bool
    costs: bool
    draws: tuple[str, ...]
    population: bool


@dataclass
class Block:
    """Draws that go through the kernel together, and what their reference run was."""

    draws: range
    columns: slice
    factors: dict[str, Array]
    context: Context | None = None

    @property
    def known(self) -> Context:
        """The context, which is there from the reference run on."""
        assert self.context is not None
        return self.context


class Region:
    """A region laid out for the kernel, and its draws."""

    def __init__(
        self,
        data: xr.Dataset,
        model: ResponseModel,
        uncertainty: Uncertainty,
        years: range | None,
        draws: range,
        seed: int,
        shared: Shared,
        laps: Laps,
    ) -> None:
        self.data, self.model = data, model
        self.own_model = self._remembering(shared.response(model))
        self._services = Recent(_RECENT)
        self.uncertainty, self.draws, self.seed = uncertainty, draws, seed
        self.shared, self.laps = shared, laps
        self.code = str(data["region"].values[0])
        self.timed = prepared(data, uncertainty)
        inputs = self.timed[[name for name in INPUTS if name in self.timed]]
        self.plan = prepared_plan(inputs, years, None, AGE_BREAKS, "counts")
        self.years = range(self.plan.years[0], self.plan.years[-1] + 1)
        if tuple(self.plan.starts) != AGE_BREAKS:
            raise DataError(
                f"the data end at age {int(data['age'].values[-1])}; the indicators of a batch "
                f"need ages to {AGE_BREAKS[-1]}"
            )
        self.arguments = self.plan.block(0, 0)
        self.orders = self.arguments["women"].shape[0]
        # Orders of policies (4 and later) for those of the data.
        self.kinds = np.minimum(np.arange(self.orders), len(ORDERS) - 1)
        self.gdp_per_head = (
            float(data["gdp_per_head"].values[0]) if "gdp_per_head" in data else None
        )
        if "childcare_places" in data:
            own = data["childcare_places"].isel(region=0).sel(year=list(self.years))
            self.places = np.asarray(own.values)
        else:
            self.places = reference_places(np.array(self.years))
        self.notices: list[str] = []
        self._factors: dict[int, Array] = {}
        self._tile: dict[str, Array] = {}

    def _remembering(self, model: ResponseModel) -> ResponseModel:
        """Return a response that keeps its last effects by channel, policies and draws."""
        if not isinstance(model, Response):
            return model
        own = copy.copy(model)
        recent = {name: Recent(_RECENT) for name in model.channels}

        def channel_effect(
            name: str, scenario: Scenario, context: Context, drawn: Mapping[str, ChannelDraws]
        ) -> np.ndarray | None:
            # Fees reach those in care, so places are part of what they do.
            also = ("childcare",) if name == "childcare_fee" else ()
            key = id(context), _told(scenario, {name, *also})
            return recent[name].of(
                key, lambda: _draws_close(model.channel_effect(name, scenario, context, drawn))
            )

        own.channel_effect = channel_effect  # type: ignore[method-assign]
        return own

    def lay_out(self, indicators: Sequence[str], block: int) -> None:
        """Set the rows and the blocks of draws, and lay out what all runs share."""
        from popsim.kernels.prepared import prepare

        self._prepared = prepare(**self.arguments, on_negative="cut")
        self.layout = Layout(len(self.years), self.orders, indicators)
        stops = range(0, len(self.draws), block)
        self.parts = [self.draws[start : start + block] for start in stops]

    def floats_a_draw(self, kept: Kept) -> int:
        """Return how many numbers are kept of a draw: rows, factors, context, money."""
        years, by_order = len(self.years), 1
        if self.uncertainty.fertility == "progression":
            by_order = self.orders
        by_year = by_order + 3 + 2 + 2 + kept.money + self.orders * kept.population
        return int(2 * self.layout.size + by_year * years)

    def drawn(self, number: int, space: Space) -> Block:
        """Draw the factors of a block, draws last."""
        draws = self.parts[number]
        labelled = demographic_draws(
            self.timed, self.years, draws, self.seed, self.uncertainty
        ).isel(region=0)
        self.notices += [line for line in labelled.attrs.get("notices", "").split("\n") if line]
        factors = {}
        for name, values in _by_year(labelled, "draw").items():
            factors[name] = space.empty(values.shape)
            factors[name][:] = values
        start = number * len(self.parts[0])
        return Block(draws, slice(start, start + len(draws)), factors)

    def _factor(self, draws: int) -> Array:
        """Return memory for the factor of a block on birth rates (year, order, draw)."""
        if draws not in self._factors:
            self._factors[draws] = np.empty((len(self.years), self.orders, draws))
        return self._factors[draws]

    def log_effect(self, block: Block, scenario: Scenario) -> Array | None:
        """Return log factors of a scenario on birth rates (year, order, draw), or None."""
        if not scenario.policies:
            return None
        given = (scenario, no_policy(), block.known, block.draws, self.seed)
        by_channel = getattr(self.own_model, "by_channel", None)
        parts = by_channel(*given).values() if by_channel else [self.own_model.log_effect(*given)]
        logs = reduce(np.add, parts).transpose(1, 2, 0)
        if self.kinds.tolist() != list(range(logs.shape[1])):
            logs = logs[:, self.kinds]
        self.laps.to("response")
        return np.asarray(logs)

    def project(self, block: Block, scenario: Scenario, effect: Array | None, rows: Array) -> None:
        """Project a block and write its columns of rows; ``effect`` as of :meth:`log_effect`."""
        from popsim.kernels.combinations import Summary
        from popsim.kernels.projection import project_summary

        factors: dict[str, Any] = dict(block.factors)
        drawn, factor = factors["fertility_factor"], self._factor(len(block.draws))
        if effect is None:
            np.copyto(factor, drawn)
        else:
            # Year by year, so that what is written first is near when it is read again.
            for year, logs in enumerate(effect):
                np.exp(logs, out=factor[year])
                factor[year] *= drawn[year]
        factors["fertility_factor"] = factor
        self.laps.to("factors")
        layout, years = self.layout, len(self.years)
        largest = np.zeros(2 * years + 1)
        written = layout.of_reference if block.context is None else layout.of_scenario
        summary = Summary(
            layout.sums, layout.checks, written, largest, np.asarray(rows), block.columns.start
        )
        diagnosis = project_summary(self._prepared, summary, **factors, out=self._tile)
        if diagnosis is not None:
            draw = block.draws[diagnosis.draw]
            sentence = self.plan.sentence(0, 0, diagnosis)
            raise ProjectionError(f"scenario {scenario.id}, draw {draw}: {sentence}")
        self._check_balance(largest[:years], largest[years:], scenario)
        self.laps.to("kernel")

    def _check_balance(self, missing: Array, people: Array, scenario: Scenario) -> None:
        """Raise when the people of a year do not follow from those before and the flows."""
        # Rounding grows with the people.
        wrong = ~(missing <= 1e-10 * np.maximum(np.maximum(people[1:], people[:-1]), 1.0))
        if wrong.any():
            year = self.years[int(np.argmax(wrong))]
            raise ProjectionError(
                f"the accounts of {self.code} in {year}, scenario {scenario.id}, miss by "
                f"{missing[wrong][0]:.6g} persons"
            )

    def remember(self, block: Block, rows: Array, space: Space) -> None:
        """Keep of the reference run what doses refer to."""
        people = []
        for name in ("people", "infants"):
            own = space.empty((len(block.draws), len(self.years)))
            own[:] = rows[self.layout.besides[name], block.columns][:-1].T
            people.append(own)
        block.context = Context(
            np.array(self.years), people[0], people[1], self.places, self.gdp_per_head
        )

    def services(self, scenario: Scenario, block: Block) -> tuple[Array, Array]:
        """Return money for services, and the part for what comes anyway, dims (year, draw)."""
        key = block.columns.start, _told(scenario, None)
        return self._services.of(key, lambda: self._paid_services(scenario, block))

    def _paid_services(self, scenario: Scenario, block: Block) -> tuple[Array, Array]:
        context, draws = block.known, len(block.draws)
        used = self.shared.utilisation(self.model, block.draws, self.seed)
        people = context.population, context.children_under_3
        counts = place_counts(scenario, context.years, *people, context.places_ref, used)
        money, anyway = (np.zeros((draws, len(self.years))) for _ in range(2))
        for paid, paid_anyway in service_payments(scenario, counts, context.years).values():
            money += paid
            anyway += paid_anyway
        return np.ascontiguousarray(money.T), np.ascontiguousarray(anyway.T)

    def central(self, effect: Array | None) -> Array:
        """Return the population of the central trajectory (time, sex, age)."""
        from popsim.kernels.projection import project_history

        labelled = central_factors(self.timed, self.years, self.uncertainty).isel(region=0)
        factors = {name: array[..., None] for name, array in _by_year(labelled).items()}
        if effect is not None:
            factors["fertility_factor"] = factors["fertility_factor"] * effect[..., None]
        shape = len(self.years), self.orders, 1
        factors["fertility_factor"] = np.broadcast_to(factors["fertility_factor"], shape)
        given: dict[str, Any] = {**self.arguments, **factors}
        found = project_history(**given, on_negative="cut")
        return np.stack([found.women[..., 0].sum(axis=1), found.men[..., 0]], axis=1)


def _told(scenario: Scenario, channels: set[str] | None) -> tuple[str, ...]:
    """Return all that is said of the policies of some channels, or of those paid for by year."""
    chosen = [
        policy
        for policy in scenario.policies.values()
        if (not policy.paid_out() if channels is None else channels & set(channels_of(policy)))
    ]
    words = {"clause", "note", "payers"}
    basis = (scenario.gdp_per_head, scenario.household_income, scenario.child_cost)
    return *map(str, basis), *(policy.model_dump_json(exclude=words) for policy in chosen)


def _draws_close(effect: Array | None) -> Array | None:
    """Return an array of dims (draw, ...) whose draws lie next to each other in memory."""
    if effect is None:
        return None
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(effect, 0, -1)), -1, 0)


def _by_year(factors: xr.Dataset, *last: str) -> dict[str, Array]:
    """Return factors by year, order in the case of fertility, and the last dimension."""
    found = {}
    for name, array in factors.data_vars.items():
        by_order = ("birth_order",) if "birth_order" in array.dims else ()
        values = array.transpose("year", *by_order, *last).values
        if name == "fertility_factor" and not by_order:
            values = values[:, None]
        found[str(name)] = values
    return found
