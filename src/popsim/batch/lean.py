"""One region under many scenarios, reduced to quantiles and means as it is projected.

What :func:`popsim.run` returns draw by draw with labels, and a province cannot keep, is here
reduced at once: draws are made once for a region and met by every scenario, the kernel writes into
memory that is used again, indicators are sums of its rows, and their exact quantiles, and those of
their differences from the reference in the same draw, are taken before the next scenario begins.
The figures are those of :func:`popsim.run`, and depend neither on the scenarios beside them nor on
the size of blocks.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.batch.lean_money import Bill, Costs, Window, costs_of
from popsim.batch.lean_rows import HEADLINE, Layout
from popsim.batch.lean_space import Space, padded
from popsim.demography.drawn_factors import demographic_draws, prepared
from popsim.demography.indicators import AGE_BREAKS
from popsim.demography.projection import INPUTS, prepared_plan
from popsim.demography.uncertainty import Uncertainty, uncertainty_named
from popsim.errors import DataError, ProjectionError
from popsim.policy.cost import WINDOWS
from popsim.policy.dose import reference_places
from popsim.policy.fields import ORDERS
from popsim.policy.files import baseline as no_policy
from popsim.policy.files import read_response
from popsim.policy.model import Channel, Scenario
from popsim.policy.places import UTILISATION, place_counts, place_payments
from popsim.policy.response import ChannelDraws, Context, Response, ResponseModel, draw_channel

__all__ = ["BLOCK", "MEMORY", "PROBABILITIES", "Laps", "Shared", "run_region"]

Array = NDArray[np.float64]

PROBABILITIES = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
"""Quantiles that a batch keeps when it asks for none."""
BLOCK = 1000
"""Draws that go through the kernel together; 16 tiles of 64, and rows of 125 cache lines."""
MEMORY = 400_000_000
"""Bytes that a region may keep of its draws in memory; beyond, they lie in a temporary file."""

_DrawChannel = Callable[[str, Channel, range, int], ChannelDraws]
#: Numbers of an array just below what glibc remembers at most, 32 MiB.
_FREED = 4_000_000
#: Draws whose years lie in the nearest cache.
_NEAR = 128

_COST = (
    "package_cost",
    "additional_births",
    "chance_of_no_gain",
    "cost_per_additional_birth",
    "deadweight_share",
)


class Laps:
    """Seconds by what was done in them, for one thread.

    Examples
    --------
    >>> laps = Laps()
    >>> laps.to("kernel")
    >>> list(laps.seconds)
    ['kernel']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.thread_time()

    def to(self, name: str) -> None:
        """Count the time since the last call for ``name``."""
        now = time.thread_time()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now


class Shared:
    """What the regions of a batch have in common, made at first use.

    Give the same to every region: parameters of the response, which have no region, are then drawn
    once, and payments laid out once. Threads may use it together; the figures are the same with it
    and without.

    Examples
    --------
    >>> from popsim.policy.files import baseline
    >>> shared = Shared()
    >>> nothing = baseline()
    >>> shared.bill(nothing, range(2021, 2024), 4) is shared.bill(nothing, range(2021, 2024), 4)
    True
    """

    def __init__(self) -> None:
        # What a key names by its identity is kept beside the value, so that it lives as long.
        self._bills: dict[tuple[int, range, int], tuple[Scenario, Bill]] = {}
        self._drawn: dict[tuple[object, ...], tuple[object, ChannelDraws]] = {}

    def bill(self, scenario: Scenario, years: range, orders: int) -> Bill:
        """Return the payments of a scenario."""
        key = id(scenario), years, orders
        if key not in self._bills:
            self._bills[key] = scenario, Bill.of(scenario, years, orders)
        return self._bills[key][1]

    def parameters(
        self,
        draw: _DrawChannel,
        owner: object,
        name: str,
        channel: Channel,
        draws: range,
        seed: int,
    ) -> ChannelDraws:
        """Return drawn parameters of a channel; ``owner`` is who draws them with ``draw``."""
        key = id(owner), id(channel), name, draws, seed
        if key not in self._drawn:
            self._drawn[key] = (owner, channel), draw(name, channel, draws, seed)
        return self._drawn[key][1]

    def response(self, model: ResponseModel) -> ResponseModel:
        """Return a response that draws the parameters of a channel once."""
        if not isinstance(model, Response):
            return model
        own = copy.copy(model)

        def parameters(name: str, channel: Channel, draws: range, seed: int) -> ChannelDraws:
            return self.parameters(model.parameters, model, name, channel, draws, seed)

        own.parameters = parameters  # type: ignore[method-assign]
        return own


def run_region(
    data: xr.Dataset,
    scenarios: Sequence[Scenario],
    response: ResponseModel | str = "default",
    uncertainty: str | Uncertainty = "default",
    years: Iterable[int] | None = None,
    draws: range = range(1000),
    seed: int = 1,
    indicators: Sequence[str] = HEADLINE,
    probabilities: Sequence[float] = PROBABILITIES,
    *,
    block: int = BLOCK,
    memory: int = MEMORY,
    shared: Shared | None = None,
    laps: Laps | None = None,
) -> dict[str, np.ndarray]:
    """Project one region under scenarios and return quantiles and means over draws.

    Parameters
    ----------
    data : xarray.Dataset
        A baseline as of :func:`popsim.load_baseline`, with one region.
    scenarios : sequence of Scenario
        The reference, without any policy, is run before them and must not be among them. A
        scenario that does not cover the region is the reference there.
    response : object with a method ``log_effect``, or str
        As in :func:`popsim.run`.
    uncertainty : str or Uncertainty
        As in :func:`popsim.run`.
    years : iterable of int, optional
        Consecutive years from the first of the data on; default all.
    draws : range
        Draw numbers, contiguous.
    seed : int
    indicators : sequence of str
        Names of :data:`popsim.batch.lean_rows.LEAN_INDICATORS`.
    probabilities : sequence of float
        Rising from 0 to 1.
    block : int
        Draws that go through the kernel together.
    memory : int
        Bytes that may be kept in memory for all draws, see Notes.
    shared : Shared, optional
        The same object for all regions of a batch saves work; results do not depend on it.
    laps : Laps, optional
        Filled with the seconds spent on what.

    Returns
    -------
    dict of str to numpy.ndarray
        Scenario 0 is the reference. For every indicator, in its own unit, with S scenarios,
        Q probabilities and its dimensions (year, or time, and birth_order where it has one):
        ``<name>_quantile`` (S, Q, ...), ``<name>_mean`` (S, ...), ``<name>_difference_quantile``
        and ``<name>_difference_mean`` of the differences from the reference, draw by draw.
        ``bill_quantile`` (S, Q, year) and ``bill_mean`` (S, year): what all instruments cost in a
        year [CNY]. Over the windows (``period``, ``lasting``) of
        :func:`popsim.policy.cost.cost_per_additional_birth`, whole package: ``package_cost``,
        ``additional_births``, ``chance_of_no_gain``, ``cost_per_additional_birth``,
        ``deadweight_share`` (S, window), ``cost_per_additional_birth_quantile`` (S, Q, window),
        ``window_first_year`` and ``window_last_year`` (S, window), 0 where nothing is paid and the
        others are not numbers. ``outflow_cut`` (S,): persons whom migration asked for and who were
        not there, all draws and years together; ``draws_cut`` (S,): in how many draws.

    Raises
    ------
    DataError
        When the data, years, draws, probabilities or names of indicators do not fit.
    ScenarioError
        When a scenario promises money and there is no GDP per head.
    ProjectionError
        When rates are impossible, or the accounts do not balance; with scenario and draw.

    Notes
    -----
    Quantiles are exact and linear between draws, those of ``numpy.quantile``. All draws of a
    row are therefore kept until they are reduced: of D draws of R rows (years of all indicators)
    ``8 D (2 R + (K + 5) Y)`` bytes, for ten indicators, K = 4 orders and Y = 80 years 19 kB a draw.
    Beyond ``memory`` they lie in a temporary file of that size and memory stays constant. Besides,
    a block of 1,000 draws of 80 years takes 27 MB.

    Examples
    --------
    >>> from popsim import load_baseline
    >>> some = run_region(load_baseline("zhejiang-2020"), [], years=range(2021, 2024),
    ...                   draws=range(3), indicators=["births"], probabilities=[0.5])
    >>> some["births_quantile"].shape, some["births_mean"].round(-4).tolist()
    ((1, 1, 3), [[450000.0, 410000.0, 380000.0]])
    """
    model = Response(read_response(response)) if isinstance(response, str) else response
    wanted = np.asarray(probabilities, dtype=float)
    _check(data, scenarios, draws, wanted, block)
    laps, shared = laps or Laps(), shared or Shared()
    # glibc gives memory back to the system, and takes it anew page by page, only in pieces larger
    # than the largest it has seen freed: this keeps the arrays of every scenario out of that.
    np.empty(_FREED)
    region = _Region(
        data,
        model,
        uncertainty_named(uncertainty),
        years,
        draws,
        seed,
        indicators,
        block,
        shared,
        laps,
    )
    needed = 8 * region.floats_a_draw * padded(len(draws))
    with Space(needed, memory) as space:
        return _Reduction(region, space, wanted, laps).run([no_policy(), *scenarios])


def _check(
    data: xr.Dataset,
    scenarios: Sequence[Scenario],
    draws: range,
    probabilities: Array,
    block: int,
) -> None:
    if data.sizes.get("region") != 1:
        raise DataError(
            f"the data have {data.sizes.get('region', 'no dimension')} regions; give one: "
            "data.isel(region=[0])"
        )
    if not len(draws) or draws.step != 1 or block < 1:
        raise DataError(f"draws={draws!r} in blocks of {block}; write: draws=range(1000)")
    risen = (np.diff(probabilities) >= 0).all()
    if probabilities.ndim != 1 or not probabilities.size or not risen:
        raise DataError(f"probabilities must rise: {probabilities.tolist()}")
    if probabilities[0] < 0 or probabilities[-1] > 1:
        raise DataError(f"probabilities must lie between 0 and 1: {probabilities.tolist()}")
    names = [no_policy().id, *(scenario.id for scenario in scenarios)]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise DataError(f"two scenarios have the id {doubled[0]!r}; give each its own")


@dataclass
class _Block:
    """Draws that go through the kernel together, and what their reference run was."""

    draws: range
    start: int
    factors: dict[str, Array]
    context: Context | None = None
    births: Array | None = None


class _Region:
    """A region laid out for the kernel, and its draws."""

    def __init__(
        self,
        data: xr.Dataset,
        model: ResponseModel,
        uncertainty: Uncertainty,
        years: Iterable[int] | None,
        draws: range,
        seed: int,
        indicators: Sequence[str],
        block: int,
        shared: Shared,
        laps: Laps,
    ) -> None:
        self.data, self.model, self.shared = data, shared.response(model), shared
        self.uncertainty, self.draws, self.seed, self.laps = uncertainty, draws, seed, laps
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
        self.layout = Layout(len(self.years), self.orders, indicators)
        # Orders of policies (4 and later) for those of the data.
        self.kinds = np.minimum(np.arange(self.orders), len(ORDERS) - 1)
        stops = range(0, len(draws), block)
        self.parts = [draws[start : start + block] for start in stops]
        self.gdp_per_head = (
            float(data["gdp_per_head"].values[0]) if "gdp_per_head" in data else None
        )
        if "childcare_places" in data:
            own = data["childcare_places"].isel(region=0).sel(year=list(self.years))
            self.places = np.asarray(own.values)
        else:
            self.places = reference_places(np.array(self.years))
        self._buffers: dict[int, tuple[Array, dict[str, Array], Array]] = {}

    @property
    def floats_a_draw(self) -> int:
        """Numbers kept of a draw: rows twice, bill, factors, context and reference births."""
        years = len(self.years)
        by_order = self.orders if self.uncertainty.fertility == "progression" else 1
        factors = by_order + 3
        return int(2 * self.layout.results + (1 + factors + 2 + self.orders) * years)

    def drawn(self, number: int, space: Space) -> _Block:
        """Draw the factors of a block, draws last."""
        draws = self.parts[number]
        labelled = demographic_draws(
            self.timed, self.years, draws, self.seed, self.uncertainty
        ).isel(region=0)
        factors = {}
        for name in map(str, labelled.data_vars):
            by_order = ("birth_order",) if "birth_order" in labelled[name].dims else ()
            values = labelled[name].transpose("year", *by_order, "draw").values
            if name == "fertility_factor" and not by_order:
                values = values[:, None]
            factors[name] = space.empty(values.shape)
            factors[name][:] = values
        return _Block(draws, number * len(self.parts[0]), factors)

    def buffers(self, draws: int) -> tuple[Array, dict[str, Array], Array]:
        """Return memory for a block: all rows, the kernel's outputs in them, and the factor."""
        if draws not in self._buffers:
            rows = np.empty((self.layout.size, draws))
            out = {
                name: rows[where].reshape(*shape, draws)
                for name, (where, shape) in self.layout.outputs.items()
            }
            factor = np.empty((len(self.years), self.orders, draws))
            self._buffers[draws] = rows, out, factor
        return self._buffers[draws]

    def project(self, block: _Block, scenario: Scenario) -> Array:
        """Project a block under a scenario; return the rows, which the next call overwrites."""
        from popsim.kernels.combinations import combine
        from popsim.kernels.projection import project_indicators

        rows, out, factor = self.buffers(len(block.draws))
        factors: dict[str, Any] = dict(block.factors)
        if block.context is None or not scenario.policies:
            np.copyto(factor, factors["fertility_factor"])
        else:
            effect = self._log_effect(scenario, block)
            self.laps.to("response")
            for k, kind in enumerate(self.kinds):
                np.exp(effect[:, :, kind].T, out=factor[:, k])
            np.multiply(factor, factors["fertility_factor"], out=factor)
        factors["fertility_factor"] = factor
        self.laps.to("factors")
        found = project_indicators(**self.arguments, **factors, on_negative="cut", out=out)
        if found.diagnosis is not None:
            draw = block.draws[found.diagnosis.draw]
            sentence = self.plan.sentence(0, 0, found.diagnosis)
            raise ProjectionError(f"scenario {scenario.id}, draw {draw}: {sentence}")
        self.laps.to("kernel")
        for where, ratio in self.layout.sums:
            combine(rows, ratio.rows, ratio.weight, rows[where])
        self._check_balance(rows, scenario)
        self.laps.to("indicators")
        return rows

    def _check_balance(self, rows: Array, scenario: Scenario) -> None:
        """Raise when the people of a year do not follow from those before and the flows."""
        from popsim.kernels.combinations import combine

        balance = self.layout.balance
        missing = np.empty((len(balance.rows), rows.shape[1]))
        combine(rows, balance.rows, balance.weight, missing)
        off = np.maximum(missing.max(axis=1), -missing.min(axis=1))
        people = rows[self.layout.population].max(axis=1)
        wrong = ~(off <= 1e-10 * np.maximum(np.maximum(people[1:], people[:-1]), 1.0))
        if wrong.any():
            year = self.years[int(np.argmax(wrong))]
            raise ProjectionError(
                f"the accounts of {self.code} in {year}, scenario {scenario.id}, miss by "
                f"{off[wrong][0]:.6g} persons"
            )

    def _log_effect(self, scenario: Scenario, block: _Block) -> Array:
        """Return the log effect of a scenario, dims (draw, year, order of policies)."""
        given = (scenario, no_policy(), block.context, block.draws, self.seed)
        by_channel = getattr(self.model, "by_channel", None)
        if by_channel is None:
            return np.asarray(self.model.log_effect(*given))  # type: ignore[arg-type]
        return np.asarray(sum(by_channel(*given).values()))

    def remember(self, block: _Block, rows: Array, space: Space) -> None:
        """Keep of the reference run what doses and costs refer to."""
        where, shape = self.layout.outputs["births"]
        block.births = space.empty((*shape, len(block.draws)))
        block.births[:] = rows[where].reshape(block.births.shape)
        people = []
        for index in (self.layout.population, self.layout.children):
            own = space.empty((len(block.draws), len(self.years)))
            own[:] = rows[index[:-1]].T
            people.append(own)
        block.context = Context(
            np.array(self.years), people[0], people[1], self.places, self.gdp_per_head
        )

    def place_money(self, scenario: Scenario, block: _Block) -> tuple[Array, Array]:
        """Return money for places, and the part for those that come anyway, dims (year, draw)."""
        context, draws = block.context, len(block.draws)
        assert context is not None
        channel = getattr(self.model, "channels", {}).get("childcare")
        used = np.full((draws, 1), UTILISATION)
        if channel is not None and channel.utilisation is not None:
            drawn = self.shared.parameters(
                _draw_channel, draw_channel, "childcare", channel, block.draws, self.seed
            )
            used = drawn.utilisation[:, None]
        money, anyway = (np.zeros((len(self.years), draws)) for _ in range(2))
        for start in range(0, draws, _NEAR):
            part = slice(start, start + _NEAR)
            people = context.population[part], context.children_under_3[part]
            counts = place_counts(scenario, context.years, *people, context.places_ref, used[part])
            for paid, paid_anyway in place_payments(scenario, counts, context.years).values():
                money[:, part] += paid.T
                anyway[:, part] += paid_anyway.T
        return money, anyway


def _draw_channel(name: str, channel: Channel, draws: range, seed: int) -> ChannelDraws:
    return draw_channel(channel, name, draws, seed)


class _Reduction:
    """Quantiles and means of a region, scenario by scenario."""

    def __init__(self, region: _Region, space: Space, probabilities: Array, laps: Laps) -> None:
        self.region, self.space, self.probabilities, self.laps = region, space, probabilities, laps
        layout, total = region.layout, len(region.draws)
        self.held = space.empty((layout.results + len(region.years), padded(total)))
        self.base = space.empty((layout.results, padded(total)))

    def run(self, scenarios: Sequence[Scenario]) -> dict[str, np.ndarray]:
        """Return the figures of all scenarios, the reference first."""
        region, layout = self.region, self.region.layout
        blocks = []
        for number in range(len(region.parts)):
            blocks.append(region.drawn(number, self.space))
            self.space.release()
        self.laps.to("draws")
        result = self._empty(len(scenarios))
        levels = np.empty((len(self.probabilities), layout.results)), np.empty(layout.results)
        changes = np.empty_like(levels[0]), np.empty_like(levels[1])
        for j, scenario in enumerate(scenarios):
            if j > 0 and not (scenario.policies and scenario.covers(region.code)):
                for array in result.values():
                    array[j] = array[0]
                continue
            self._one(j, scenario, blocks, result)
            if j == 0:
                self.base[:] = self.held[: layout.results]
            self._reduce(self.held[: layout.results], None, *levels)
            self._put(result, "", j, *levels)
            if j > 0:
                self._reduce(self.held[: layout.results], self.base, *changes)
                self._put(result, "_difference", j, *changes)
            self.laps.to("quantiles")
        return result

    def _empty(self, scenarios: int) -> dict[str, np.ndarray]:
        layout, q, years = self.region.layout, len(self.probabilities), len(self.region.years)
        result: dict[str, np.ndarray] = {}
        for name in layout.names:
            for kind in ("", "_difference"):
                result[f"{name}{kind}_quantile"] = np.zeros((scenarios, q, *layout.shape(name)))
                result[f"{name}{kind}_mean"] = np.zeros((scenarios, *layout.shape(name)))
        result["bill_quantile"] = np.zeros((scenarios, q, years))
        result["bill_mean"] = np.zeros((scenarios, years))
        windows = len(WINDOWS)
        for name in _COST:
            result[name] = np.full((scenarios, windows), np.nan)
        result["cost_per_additional_birth_quantile"] = np.full((scenarios, q, windows), np.nan)
        for name in ("window_first_year", "window_last_year"):
            result[name] = np.zeros((scenarios, windows), np.int64)
        result["outflow_cut"] = np.zeros(scenarios)
        result["draws_cut"] = np.zeros(scenarios, np.int64)
        return result

    def _one(
        self, j: int, scenario: Scenario, blocks: list[_Block], result: dict[str, np.ndarray]
    ) -> None:
        """Project a scenario block by block into the rows held, and set its money."""
        from popsim.kernels.combinations import combine

        region, layout = self.region, self.region.layout
        years, orders = len(region.years), region.orders
        bill = region.shared.bill(scenario, region.years, orders)
        money: list[tuple[Array, Array] | None] = [
            region.place_money(scenario, block) if bill.places else None for block in blocks
        ]
        spent = np.zeros(years, bool)
        for paid in money:
            if paid is not None:
                spent |= (paid[0] != 0).any(axis=1)
        windows = Window.each(bill, region.years, spent)
        self.laps.to("money")
        costs: list[list[Costs]] = [[] for _ in windows]
        births = layout.outputs["births"][0]
        for block, paid in zip(blocks, money, strict=True):
            rows = region.project(block, scenario)
            for where, ratio in layout.ratios:
                combine(
                    rows,
                    ratio.rows,
                    ratio.weight,
                    self.held[where],
                    below=ratio.below,
                    start=block.start,
                )
            self.laps.to("indicators")
            cut = rows[layout.outputs["cut"][0]][0]
            result["outflow_cut"][j] += cut.sum()
            result["draws_cut"][j] += (cut > 0).sum()
            if block.context is None:
                region.remember(block, rows, self.space)
            stop = block.start + len(block.draws)
            if windows or bill.weight.size:
                own = self.held[layout.results :]
                combine(rows[births], bill.index, bill.weight, own, start=block.start)
                if paid is not None:
                    own[:, block.start : stop] += paid[0]
                shaped = rows[births].reshape(years, orders, -1)
                assert block.births is not None
                found = costs_of(windows, bill.promised, shaped, block.births, paid)
                for of_window, cost in zip(costs, found, strict=True):
                    of_window.append(cost)
            self.laps.to("money")
            self.space.release()
        if windows or bill.weight.size:
            quantiles = np.empty((len(self.probabilities), years))
            self._reduce(self.held[layout.results :], None, quantiles, result["bill_mean"][j])
            result["bill_quantile"][j] = quantiles
        for place, (window, parts) in enumerate(zip(windows, costs, strict=True)):
            whole = Costs(
                np.concatenate([part.cost for part in parts]),
                np.concatenate([part.anyway for part in parts]),
                np.concatenate([part.gained for part in parts]),
            )
            for name, value in whole.summary(self.probabilities).items():
                result[name][j, ..., place] = value
            result["window_first_year"][j, place] = region.years[window.first]
            result["window_last_year"][j, place] = region.years[window.stop - 1]
        self.laps.to("money")

    def _reduce(self, rows: Array, base: Array | None, quantiles: Array, means: Array) -> None:
        from popsim.kernels.quantiles import row_quantiles

        draws = len(self.region.draws)
        if not self.space.on_disk:
            row_quantiles(rows, self.probabilities, quantiles, means, base=base, draws=draws)
            return
        for start in range(0, len(rows), 16):
            part = slice(start, start + 16)
            some = np.empty((len(quantiles), len(rows[part])))
            row_quantiles(
                rows[part],
                self.probabilities,
                some,
                means[part],
                base=None if base is None else base[part],
                draws=draws,
            )
            quantiles[:, part] = some
            self.space.release()

    def _put(
        self, result: dict[str, np.ndarray], kind: str, j: int, quantiles: Array, means: Array
    ) -> None:
        layout = self.region.layout
        for name, (where, _) in zip(layout.names, layout.ratios, strict=True):
            shape = layout.shape(name)
            result[f"{name}{kind}_quantile"][j] = quantiles[:, where].reshape(-1, *shape)
            result[f"{name}{kind}_mean"][j] = means[where].reshape(shape)
