"""Quantiles and means of a region, scenario by scenario, as it is projected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from popsim.batch.lean_money import COST, Costs, Window, costs_of
from popsim.batch.lean_region import Kept, Region
from popsim.batch.lean_rows import MONEY, POPULATION
from popsim.batch.lean_space import Space, padded
from popsim.policy.cost import WINDOWS
from popsim.policy.files import baseline as no_policy
from popsim.policy.model import Scenario
from popsim.simulation import cut_notices, scenario_notices

__all__ = ["Reduction"]

Array = NDArray[np.float64]
#: Rows that are reduced before their pages are let go.
_ROWS = 16


class Reduction:
    """Quantiles and means of a region, scenario by scenario."""

    def __init__(self, region: Region, kept: Kept, space: Space, probabilities: Array) -> None:
        self.region, self.kept, self.space = region, kept, space
        self.laps, self.probabilities = region.laps, probabilities
        layout, size, years = region.layout, padded(len(region.draws)), len(region.years)
        self.rows = space.empty((layout.size, size))
        self.base = space.empty((layout.size, size))
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
            paid, anyway = region.services(own, block)
            self.services[0, :, block.columns] = paid
            self.services[1, :, block.columns] = anyway
            spent |= (paid != 0).any(axis=1)
            self.space.release()
        windows = Window.each(bill, region.years, spent) if self.kept.costs else []
        self.laps.to("money")
        costs: list[list[Costs]] = []
        rows = self.rows if self.reference_known else self.base
        births = layout.besides["births"]
        for block in self.blocks:
            part = block.columns
            effect = region.log_effect(block, own)
            if self.kept.population and effect is not None:
                self.effects[:, part] = np.exp(effect).reshape(-1, len(block.draws))
            region.project(block, scenario, effect, rows)
            if block.context is None:
                region.remember(block, rows, self.space)
            if self.kept.money:
                combine(rows[births], bill.paid, self.money, columns=part)
                if paying:
                    self.money[:, part] += self.services[0, :, part]
            if windows:
                ours, theirs = (
                    array[births, part].reshape(len(region.years), region.orders, -1)
                    for array in (rows, self.base)
                )
                besides = self.services[:, :, part] if paying else None
                costs.append(costs_of(windows, bill.promised, ours, theirs, besides))
            self.laps.to("money")
            self.space.release()
        everything = slice(layout.results)
        self._reduce(rows[everything], None, *self.levels)
        if self.reference_known:
            self._reduce(rows[everything], self.base[everything], *self.changes)
        self.laps.to("quantiles")
        self.reference_known = True
        self._put(result, "", *self.levels)
        self._put(result, "_difference", *self.changes)
        self._put_draws(result, rows)
        persons = rows[layout.besides["cut"], : len(region.draws)][0]
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

    def _put_draws(self, result: dict[str, np.ndarray], rows: Array) -> None:
        layout = self.region.layout
        for name, where in layout.kept.items():
            if name in self.kept.draws:
                own = rows[where, : len(self.region.draws)]
                result[f"{name}_draws"] = own.reshape(*layout.shape(name), -1).copy()

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
        for name, where in layout.kept.items():
            shape = layout.shape(name)
            result[f"{name}{kind}"] = quantiles[:, where].reshape(-1, *shape).copy()
            result[f"{name}{kind}_mean"] = means[where].reshape(shape).copy()
