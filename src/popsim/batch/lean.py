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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.batch.lean_money import COST, Bill, Costs, Window, costs_of
from popsim.batch.lean_rows import LEAN_INDICATORS, Layout
from popsim.batch.lean_space import Space, padded
from popsim.demography.drawn_factors import central_factors, demographic_draws, prepared
from popsim.demography.indicators import AGE_BREAKS
from popsim.demography.projection import INPUTS, prepared_plan
from popsim.demography.uncertainty import Uncertainty, uncertainty_named
from popsim.errors import DataError, Problems, ProjectionError, nearest
from popsim.evaluation.summary import HEADLINE
from popsim.policy.cost import WINDOWS
from popsim.policy.dose import UTILISATION, reference_places
from popsim.policy.fields import ORDERS
from popsim.policy.files import baseline as no_policy
from popsim.policy.files import read_response
from popsim.policy.model import Scenario
from popsim.policy.places import place_counts
from popsim.policy.response import (
    ChannelDraws,
    Context,
    Response,
    ResponseModel,
    channels_of,
    draw_channel,
)
from popsim.policy.response_file import Channel
from popsim.policy.services import service_payments
from popsim.simulation import cut_notices, scenario_notices

__all__ = [
    "BLOCK",
    "MEMORY",
    "MONEY",
    "POPULATION",
    "PROBABILITIES",
    "Laps",
    "Shared",
    "run_region",
    "shared_for",
]

Array = NDArray[np.float64]

PROBABILITIES = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
"""Quantiles that a batch keeps when it asks for none."""
BLOCK = 1000
"""Draws that go through the kernel together; 16 tiles of 64, and rows of 125 cache lines."""
MEMORY = 400_000_000
"""Bytes that a region may keep of its draws in memory; beyond, they lie in a temporary file."""

MONEY = "payments"
"""Name of what all instruments cost in a year, among indicators."""
POPULATION = "population"
"""Name of the population of the central trajectory."""
_Made = TypeVar("_Made")
#: Numbers of an array just below what glibc remembers at most, 32 MiB.
_FREED = 4_000_000
#: Effects of each channel, and of money for services, that a region keeps: 2.6 MB and 1.3 MB for
#: 1,000 draws and 80 years.
_RECENT = 8
#: Rows that are reduced before their pages are let go.
_ROWS = 16


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


class Recent:
    """The last few results of something, by what they were made of.

    In a sweep many scenarios of a region share the policies of a channel or those for places.

    Examples
    --------
    >>> recent = Recent(2)
    >>> recent.of("a", lambda: [1]) is recent.of("a", lambda: [2])
    True
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[object, Any] = {}

    def of(self, key: object, make: Callable[[], _Made]) -> _Made:
        """Return what was made for the key, or make it."""
        made: _Made = self._kept.pop(key) if key in self._kept else make()
        self._kept[key] = made
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        return made


class Shared:
    """What the regions of a batch have in common, made at first use.

    Give the same to every region: parameters of the response, which have no region, are then drawn
    once, and payments laid out once. Threads may use it together; the figures are the same with it
    and without.

    Examples
    --------
    >>> shared, owner = Shared(), object()
    >>> shared.once("list", (owner,), (1,), list) is shared.once("list", (owner,), (1,), list)
    True
    """

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[tuple[object, ...], Any]] = {}

    def once(
        self,
        kind: str,
        owners: tuple[object, ...],
        rest: tuple[object, ...],
        make: Callable[[], _Made],
    ) -> _Made:
        """Return what ``make`` makes, the same for the same owners and rest."""
        key = kind, *map(id, owners), *rest
        if key not in self._known:
            # Owners are kept, so that nothing else can take their identity.
            self._known[key] = owners, make()
        made: _Made = self._known[key][1]
        return made

    def named(self, response: str) -> Response:
        """Return a response by its name or file."""
        return self.once("response", (), (response,), lambda: Response(read_response(response)))

    def response(self, model: ResponseModel) -> ResponseModel:
        """Return a response that draws its parameters once."""
        if not isinstance(model, Response):
            return model
        own = copy.copy(model)

        def parameters(name: str, channel: Channel, draws: range, seed: int) -> ChannelDraws:
            return self.once(
                "parameters",
                (model, channel),
                (name, draws, seed),
                lambda: model.parameters(name, channel, draws, seed),
            )

        def other_parameters(draws: range, seed: int) -> dict[str, np.ndarray]:
            return self.once(
                "other", (model,), (draws, seed), lambda: model.other_parameters(draws, seed)
            )

        own.parameters = parameters  # type: ignore[method-assign]
        own.other_parameters = other_parameters  # type: ignore[method-assign]
        return own

    def utilisation(self, model: ResponseModel, draws: range, seed: int) -> Array:
        """Return the share of childcare places in use, dims (draw, 1)."""
        channel = getattr(model, "channels", {}).get("childcare")
        if channel is None or channel.utilisation is None:
            return np.full((len(draws), 1), UTILISATION)
        drawn = self.once(
            "utilisation",
            (channel,),
            (draws, seed),
            lambda: draw_channel(channel, "childcare", draws, seed),
        )
        return drawn.utilisation[:, None]

    def within(self, scenario: Scenario, region: str) -> Scenario:
        """Return the scenario with the policies of a region, the same for regions with the same."""
        own = scenario.within(region)
        return self.once("within", (scenario,), tuple(own.policies), lambda: own)

    def bill(self, scenario: Scenario, own: Scenario, years: range, orders: int) -> Bill:
        """Return the payments of a scenario, ``own`` being what applies of it."""
        announced = [policy.announced.year for policy in scenario.policies.values()]
        return self.once(
            "bill",
            (scenario, own),
            (years, orders),
            lambda: Bill.of(own, years, orders, min(announced, default=None)),
        )


_latest: tuple[object, Shared] = (None, Shared())


def shared_for(response: ResponseModel) -> Shared:
    """Return what the tasks of this process under one response share; that of the last is kept.

    Examples
    --------
    >>> one = Response()
    >>> shared_for(one) is shared_for(one), shared_for(one) is shared_for(Response())
    (True, False)
    """
    global _latest
    if _latest[0] is not response:
        _latest = response, Shared()
    return _latest[1]


def run_region(
    data: xr.Dataset,
    scenarios: Sequence[Scenario],
    response: ResponseModel | str = "default",
    uncertainty: str | Uncertainty = "default",
    years: range | None = None,
    draws: range = range(1000),
    seed: int = 1,
    indicators: Sequence[str] = (*HEADLINE, MONEY),
    probabilities: Sequence[float] = PROBABILITIES,
    *,
    costs: bool = True,
    keep_draws: Sequence[str] = (),
    keep_population: bool = False,
    tell: Callable[[str], None] | None = None,
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
        One without policies, or that does not cover the region, is the reference there.
    response : object with a method ``log_effect``, or str
        As in :func:`popsim.run`.
    uncertainty : str or Uncertainty
        As in :func:`popsim.run`.
    years : range, optional
        Consecutive years from the first of the data on; default all.
    draws : range
        Draw numbers, contiguous.
    seed : int
    indicators : sequence of str
        Names of :data:`popsim.batch.lean_rows.LEAN_INDICATORS`, and ``payments``: what all
        instruments cost in a year [CNY].
    probabilities : sequence of float
        Rising from 0 to 1.
    costs : bool
        Whether costs of additional births are returned.
    keep_draws : sequence of str
        Indicators of which every draw is returned.
    keep_population : bool
        Whether the population of the central trajectory is returned, see :func:`popsim.run`.
    tell : callable, optional
        Called with what a reader must know, one sentence each.
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
        With S scenarios in their order, Q probabilities, and ``...`` the indicator's own dimensions
        (year, or time; then birth_order where it has one), in its own unit:

        - ``NAME`` (S, Q, ...) and ``NAME_mean`` (S, ...): quantiles and mean over draws;
        - ``NAME_difference`` (S, Q, ...) and ``NAME_difference_mean`` (S, ...): those of the
          difference from the reference, draw by draw; 0 for the reference;
        - ``NAME_draws`` (S, ..., draw), where asked for;
        - ``population`` (S, time, sex, age) [person], where asked for;
        - ``outflow_cut`` (S,): persons whom migration asked for and who were not there, all draws
          and years together; ``draws_cut`` (S,): in how many draws.

        With ``costs``, over the windows (``period``, ``lasting``) of
        :func:`popsim.policy.cost.cost_per_additional_birth` and of the whole package:
        ``package_cost`` [CNY], ``additional_births``, ``chance_of_no_gain``,
        ``cost_per_additional_birth`` [CNY/birth], ``deadweight_share`` (S, window),
        ``cost_per_additional_birth_quantile`` (S, Q, window), ``window_first_year`` and
        ``window_last_year`` (S, window), 0 where nothing is paid and the others are not numbers.

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
    row are therefore kept until they are reduced, and so is what every scenario meets again: with
    R rows (years of all indicators), K orders and Y years ``8 (2 R + (K + 9) Y)`` bytes a draw,
    25 kB for the headline indicators over 80 years. Beyond ``memory`` all this lies in a
    temporary file of that size, and memory stays constant. Besides, a block of 1,000 draws of
    80 years takes 27 MB.

    Examples
    --------
    >>> from popsim import load_baseline
    >>> from popsim.policy.files import baseline
    >>> some = run_region(load_baseline("zhejiang-2020"), [baseline()], years=range(2021, 2024),
    ...                   draws=range(3), indicators=["births"], probabilities=[0.5])
    >>> some["births"].shape, some["births_mean"].round(-4).tolist()
    ((1, 1, 3), [[450000.0, 410000.0, 380000.0]])
    """
    wanted = np.asarray(probabilities, dtype=float)
    _check(data, scenarios, draws, wanted, block, indicators, keep_draws)
    laps, shared = laps or Laps(), shared or Shared()
    model = shared.named(response) if isinstance(response, str) else response
    # glibc gives memory back to the system, and takes it anew page by page, only in pieces larger
    # than the largest it has seen freed: this keeps the arrays of every scenario out of that.
    np.empty(_FREED)
    region = _Region(data, model, uncertainty_named(uncertainty), years, draws, seed, shared, laps)
    region.lay_out([name for name in indicators if name != MONEY], block)
    kept = _Kept(MONEY in indicators, costs, tuple(keep_draws), keep_population)
    with Space(8 * region.floats_a_draw(kept) * padded(len(draws)), memory) as space:
        reduction = _Reduction(region, kept, space, wanted)
        result = reduction.run(scenarios)
    for line in dict.fromkeys(region.notices):
        if tell is not None:
            tell(line)
    return result


def _check(
    data: xr.Dataset,
    scenarios: Sequence[Scenario],
    draws: range,
    probabilities: Array,
    block: int,
    indicators: Sequence[str],
    keep_draws: Sequence[str],
) -> None:
    problems = Problems()
    if data.sizes.get("region") != 1:
        have = data.sizes.get("region", "no dimension")
        problems.add(f"the data have {have} regions", instead="data.isel(region=[0])")
    if not scenarios:
        problems.add("no scenario is given", instead="[popsim.policy.files.baseline()]")
    if not len(draws) or draws.step != 1 or block < 1:
        problems.add(f"draws={draws!r} in blocks of {block}", instead="draws=range(1000)")
    given = probabilities.tolist()
    if probabilities.ndim != 1 or not given or (np.diff(probabilities) < 0).any():
        problems.add(f"probabilities must rise: {given}")
    elif given[0] < 0 or given[-1] > 1:
        problems.add(f"probabilities must lie between 0 and 1: {given}")
    if not indicators:
        problems.add("no indicator is asked for", instead=", ".join((*HEADLINE, MONEY)))
    for name in dict.fromkeys(indicators):
        if indicators.count(name) > 1:
            problems.add(f"{name} is asked for {indicators.count(name)} times; name it once")
        if name not in LEAN_INDICATORS and name != MONEY:
            problems.add(
                f"a batch has no indicator {name!r}; it has those that need no single ages: "
                f"{', '.join((*LEAN_INDICATORS, MONEY))}",
                instead=nearest(name, LEAN_INDICATORS),
            )
    for name in keep_draws:
        if name not in indicators:
            problems.add(f"draws of {name} are kept, but it is not among the indicators")
    problems.raise_if_any(DataError)


class _Kept(NamedTuple):
    """What is kept of a scenario besides quantiles and means of its indicators."""

    money: bool
    costs: bool
    draws: tuple[str, ...]
    population: bool


@dataclass
class _Block:
    """Draws that go through the kernel together, and what their reference run was."""

    draws: range
    start: int
    factors: dict[str, Array]
    context: Context | None = None
    births: Array | None = None

    @property
    def known(self) -> Context:
        """The context, which is there from the reference run on."""
        assert self.context is not None
        return self.context


class _Region:
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
        self._buffers: dict[int, tuple[Array, dict[str, Array], Array]] = {}

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
                key, lambda: model.channel_effect(name, scenario, context, drawn)
            )

        own.channel_effect = channel_effect  # type: ignore[method-assign]
        return own

    def lay_out(self, indicators: Sequence[str], block: int) -> None:
        """Set the rows and the blocks of draws."""
        self.layout = Layout(len(self.years), self.orders, indicators)
        stops = range(0, len(self.draws), block)
        self.parts = [self.draws[start : start + block] for start in stops]

    def floats_a_draw(self, kept: _Kept) -> int:
        """Return how many numbers are kept of a draw: rows, factors, context, reference births."""
        years, by_order = len(self.years), 1
        if self.uncertainty.fertility == "progression":
            by_order = self.orders
        by_year = by_order + 3 + 2 + self.orders + 2 + kept.money + self.orders * kept.population
        return int(2 * self.layout.results + by_year * years)

    def drawn(self, number: int, space: Space) -> _Block:
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
        return _Block(draws, number * len(self.parts[0]), factors)

    def buffers(self, draws: int) -> tuple[Array, dict[str, Array], Array]:
        """Return memory for a block: all rows, the kernel's outputs in them, and the effect."""
        if draws not in self._buffers:
            rows = np.empty((self.layout.size, draws))
            out = {
                name: rows[where].reshape(*shape, draws)
                for name, (where, shape) in self.layout.outputs.items()
            }
            effect = np.empty((len(self.years), self.orders, draws))
            self._buffers[draws] = rows, out, effect
        return self._buffers[draws]

    def effect(self, block: _Block, scenario: Scenario) -> Array | None:
        """Return the factor of a scenario on birth rates (year, order, draw); None is 1."""
        if not scenario.policies:
            return None
        given = (scenario, no_policy(), block.known, block.draws, self.seed)
        by_channel = getattr(self.own_model, "by_channel", None)
        parts = by_channel(*given).values() if by_channel else [self.own_model.log_effect(*given)]
        logs = np.asarray(sum(parts))
        self.laps.to("response")
        effect = self.buffers(len(block.draws))[2]
        for k, kind in enumerate(self.kinds):
            np.exp(logs[:, :, kind].T, out=effect[:, k])
        return effect

    def project(self, block: _Block, scenario: Scenario, effect: Array | None) -> Array:
        """Project a block; return its rows, which the next call overwrites. ``effect`` is lost."""
        from popsim.kernels.combinations import combine
        from popsim.kernels.projection import project_indicators

        rows, out, factor = self.buffers(len(block.draws))
        factors: dict[str, Any] = dict(block.factors)
        if effect is None:
            np.copyto(factor, factors["fertility_factor"])
        else:
            np.multiply(effect, factors["fertility_factor"], out=factor)
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
        off = np.abs(missing, out=missing).max(axis=1)
        # Rounding grows with the people; those of one draw say how many there are.
        people = rows[self.layout.population, 0]
        wrong = ~(off <= 1e-10 * np.maximum(np.maximum(people[1:], people[:-1]), 1.0))
        if wrong.any():
            year = self.years[int(np.argmax(wrong))]
            raise ProjectionError(
                f"the accounts of {self.code} in {year}, scenario {scenario.id}, miss by "
                f"{off[wrong][0]:.6g} persons"
            )

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

    def services(self, scenario: Scenario, block: _Block) -> tuple[Array, Array]:
        """Return money for services, and the part for what comes anyway, dims (year, draw)."""
        key = block.start, _told(scenario, None)
        return self._services.of(key, lambda: self._paid_services(scenario, block))

    def _paid_services(self, scenario: Scenario, block: _Block) -> tuple[Array, Array]:
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


class _Reduction:
    """Quantiles and means of a region, scenario by scenario."""

    def __init__(self, region: _Region, kept: _Kept, space: Space, probabilities: Array) -> None:
        self.region, self.kept, self.space = region, kept, space
        self.laps, self.probabilities = region.laps, probabilities
        layout, size, years = region.layout, padded(len(region.draws)), len(region.years)
        self.rows = space.empty((layout.results, size))
        self.base = space.empty((layout.results, size))
        self.money = space.empty((years * kept.money, size))
        self.services = space.empty((2, years, size))
        self.effects = space.empty((years * region.orders * kept.population, size))
        quantiles = len(probabilities), layout.results
        self.levels = np.empty(quantiles), np.empty(layout.results)
        self.changes = np.zeros(quantiles), np.zeros(layout.results)
        self.reference_known = False

    def run(self, scenarios: Sequence[Scenario]) -> dict[str, np.ndarray]:
        """Return the figures of all scenarios."""
        region = self.region
        self.blocks = []
        for number in range(len(region.parts)):
            self.blocks.append(region.drawn(number, self.space))
            self.space.release()
        self.laps.to("draws")
        reference: dict[str, np.ndarray] = {}
        self._one(no_policy(), no_policy(), reference)
        found = []
        for scenario in scenarios:
            own = region.shared.within(scenario, region.code)
            if not (scenario.policies and scenario.covers(region.code)):
                found.append(reference)
                continue
            region.notices += scenario_notices(
                scenario, region.code, region.data, self.blocks[0].known, region.model
            )
            result: dict[str, np.ndarray] = {}
            self._one(scenario, own, result)
            found.append(result)
        return {name: np.stack([one[name] for one in found]) for name in reference}

    def _one(self, scenario: Scenario, own: Scenario, result: dict[str, np.ndarray]) -> None:
        """Project a scenario block by block and reduce it; the reference comes first."""
        from popsim.kernels.combinations import combine

        region, layout = self.region, self.region.layout
        bill = region.shared.bill(scenario, own, region.years, region.orders)
        paying = bill.services and (self.kept.money or self.kept.costs)
        spent = np.zeros(len(region.years), bool)
        for block in self.blocks if paying else ():
            paid = self.services[:, :, block.start : block.start + len(block.draws)]
            paid[:] = region.services(own, block)
            spent |= (paid[0] != 0).any(axis=1)
            self.space.release()
        windows = Window.each(bill, region.years, spent) if self.kept.costs else []
        self.laps.to("money")
        several = len(self.blocks) > 1
        costs: list[list[Costs]] = []
        cut = []
        births = layout.outputs["births"][0]
        for block in self.blocks:
            part = slice(block.start, block.start + len(block.draws))
            effect = region.effect(block, own)
            if self.kept.population and effect is not None:
                self.effects[:, part] = effect.reshape(-1, len(block.draws))
            rows = region.project(block, scenario, effect)
            for name, (where, ratio) in zip(layout.names, layout.ratios, strict=True):
                held = self.rows[where]
                plain = None if several or name in self.kept.draws else ratio.plain
                if plain is None:
                    combine(
                        rows, ratio.rows, ratio.weight, held, below=ratio.below, start=block.start
                    )
                if not several:
                    # At once, while the rows lie in the nearest caches.
                    self.laps.to("indicators")
                    self._reduce_level_and_change(where, held if plain is None else rows[plain])
            cut.append(rows[layout.outputs["cut"][0]][0].copy())
            if block.context is None:
                region.remember(block, rows, self.space)
            self.laps.to("indicators")
            if self.kept.money:
                combine(rows[births], bill.index, bill.weight, self.money, start=block.start)
                if paying:
                    self.money[:, part] += self.services[0, :, part]
            if windows:
                shaped = rows[births].reshape(len(region.years), region.orders, -1)
                assert block.births is not None
                besides = self.services[:, :, part] if paying else None
                costs.append(costs_of(windows, bill.promised, shaped, block.births, besides))
            self.laps.to("money")
            self.space.release()
        if several:
            for where, _ in layout.ratios:
                self._reduce_level_and_change(where, self.rows[where])
        self.reference_known = True
        self._put(result, "", *self.levels)
        self._put(result, "_difference", *self.changes)
        self._put_draws(result)
        persons = np.concatenate(cut)
        if not own.policies:
            region.notices += cut_notices(persons, region.code)
        result["outflow_cut"] = np.asarray(persons.sum())
        result["draws_cut"] = np.asarray((persons > 0).sum())
        self._put_money(result)
        self._put_costs(result, windows, costs)
        if self.kept.population:
            mean = None
            if own.policies:
                shape = len(region.years), region.orders
                mean = self.effects[:, : len(region.draws)].mean(axis=1).reshape(shape)
            result[POPULATION] = region.central(mean)
            self.laps.to("population")

    def _put_money(self, result: dict[str, np.ndarray]) -> None:
        if not self.kept.money:
            return
        years = len(self.region.years)
        quantiles, means = np.empty((len(self.probabilities), years)), np.empty(years)
        self._reduce(self.money, None, quantiles, means)
        # The reference pays nothing.
        for kind in ("", "_difference"):
            result[f"{MONEY}{kind}"], result[f"{MONEY}{kind}_mean"] = quantiles, means
        if MONEY in self.kept.draws:
            result[f"{MONEY}_draws"] = self.money[:, : len(self.region.draws)].copy()
        self.laps.to("money")

    def _put_costs(
        self, result: dict[str, np.ndarray], windows: list[Window], costs: list[list[Costs]]
    ) -> None:
        if not self.kept.costs:
            return
        years = self.region.years
        count = len(WINDOWS)
        for name in COST:
            result[name] = np.full(count, np.nan)
        name = "cost_per_additional_birth_quantile"
        result[name] = np.full((len(self.probabilities), count), np.nan)
        for name in ("window_first_year", "window_last_year"):
            result[name] = np.zeros(count, np.int64)
        for place, (window, parts) in enumerate(
            zip(windows, zip(*costs, strict=True), strict=True)
        ):
            for name, value in Costs.joined(parts).summary(self.probabilities).items():
                result[name][..., place] = value
            result["window_first_year"][place] = years[window.first]
            result["window_last_year"][place] = years[window.stop - 1]
        self.laps.to("money")

    def _put_draws(self, result: dict[str, np.ndarray]) -> None:
        layout = self.region.layout
        for name, (where, _) in zip(layout.names, layout.ratios, strict=True):
            if name in self.kept.draws:
                own = self.rows[where, : len(self.region.draws)]
                result[f"{name}_draws"] = own.reshape(*layout.shape(name), -1).copy()

    def _reduce_level_and_change(self, where: slice, rows: Array) -> None:
        """Reduce the rows of an indicator and, after the reference, their difference from it."""
        draws = len(self.region.draws)
        base = self.base[where]
        self._reduce(rows, None, self.levels[0][:, where], self.levels[1][where])
        if self.reference_known:
            self._reduce(rows, base, self.changes[0][:, where], self.changes[1][where])
        else:
            for start in range(0, len(rows), _ROWS):
                part = slice(start, start + _ROWS)
                base[part, :draws] = rows[part, :draws]
                self.space.release()
        self.laps.to("quantiles")

    def _reduce(self, rows: Array, base: Array | None, quantiles: Array, means: Array) -> None:
        from popsim.kernels.quantiles import row_quantiles

        step = _ROWS if self.space.on_disk else max(len(rows), 1)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            row_quantiles(
                rows[part],
                self.probabilities,
                quantiles[:, part],
                means[part],
                base=None if base is None else base[part],
                draws=len(self.region.draws),
            )
            self.space.release()

    def _put(
        self, result: dict[str, np.ndarray], kind: str, quantiles: Array, means: Array
    ) -> None:
        layout = self.region.layout
        for name, (where, _) in zip(layout.names, layout.ratios, strict=True):
            shape = layout.shape(name)
            result[f"{name}{kind}"] = quantiles[:, where].reshape(-1, *shape).copy()
            result[f"{name}{kind}_mean"] = means[where].reshape(shape).copy()
