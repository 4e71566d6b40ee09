"""Which sample each uncertain input comes from, block by block.

A plan has blocks of equally many draws. In a block an input comes from sample A (draw numbers 0 to
n - 1), from sample B (n to 2n - 1), or is held at a quantile of A. Inputs are the parameters of the
response and the courses of fertility, mortality and migration; where the chance of single events is
asked for, that too. All blocks are projected together, as draws of one run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from popsim.demography.drawn_factors import central_factors, demographic_draws, prepared
from popsim.demography.noise import demographic_noise
from popsim.demography.projection import INPUTS
from popsim.demography.uncertainty import Uncertainty
from popsim.policy.model import Scenario
from popsim.policy.response import ChannelDraws, Response, used_channels
from popsim.policy.response_file import Channel

__all__ = ["CHANCE", "DEMOGRAPHY", "Block", "PlannedResponse", "planned_factors", "response_inputs"]

Array = NDArray[np.float64]
Block = Mapping[str, str | float]
"""Input to ``"b"`` or a quantile; inputs that are not named come from A."""

CHANCE = "chance"
DEMOGRAPHY = {
    "fertility": ("fertility_factor", "fertility_weight"),
    "mortality": ("mortality_weight",),
    "migration": ("migration_factor",),
}
#: Parameters of a channel that are one number a draw.
_SINGLE = ("quantum_share", "utilisation", "pass_through", "removal_multiplier", "rush")
#: Draws of which the quantiles of a parameter are taken.
_MANY = 4096


def _parts(draws: ChannelDraws) -> dict[str, Array]:
    return {
        **draws.map,
        "order_multiplier": draws.multiplier,
        **{name: getattr(draws, name) for name in _SINGLE},
    }


def response_inputs(response: Response, scenario: Scenario, seed: int) -> list[str]:
    """Return the parameters that vary of the channels that a scenario uses.

    They are named ``channel/parameter``. The multipliers of the birth orders of a channel are one
    input.

    Examples
    --------
    >>> grant = {"kind": "cash_transfer", "announced": "2023-01-01", "amount": {"2": "500 CNY"},
    ...          "births": {"from": "2023-01-01"}}
    >>> scenario = Scenario.model_validate({
    ...     "schema": "popsim.scenario/1", "id": "grant", "regions": "all",
    ...     "label": {"en": "A grant", "zh": "补助"}, "policies": {"grant": grant}})
    >>> response_inputs(Response(), scenario, 1)[:4]
    ['cash/beta', 'cash/Ds', 'cash/order_multiplier', 'cash/quantum_share']
    """
    used = used_channels(scenario)
    # Lower fees reach children in care, so their number is an input too.
    care = "childcare_fee" in used
    found = {
        f"{name}/{part}": values
        for name, channel in response.channels.items()
        if name in used or (care and name == "childcare")
        for part, values in _parts(response.parameters(name, channel, range(_MANY), seed)).items()
        if name in used or part == "utilisation"
    }
    for name, values in response.other_parameters(range(_MANY), seed).items():
        needs = {"stated"} if name == "intention_discount" else set(name.split("/")[1].split("+"))
        if needs <= used:
            found[name] = values
    return [name for name, values in found.items() if np.ptp(values, axis=0).any()]


@dataclass
class PlannedResponse(Response):
    """A response whose parameters follow a plan.

    Parameters
    ----------
    response : Response
    blocks : sequence of Block
    samples : int
        Draws in a block.
    """

    response: Response
    blocks: Sequence[Block]
    samples: int

    def __post_init__(self) -> None:
        """Take over what the response knows."""
        super().__init__(self.response.spec)
        self.channels = self.response.channels

    def parameters(self, name: str, channel: Channel, draws: range, seed: int) -> ChannelDraws:
        """Return the parameters of all blocks, one after the other."""
        n = self.samples
        ask = self.response.parameters
        a, b, many = (
            _parts(ask(name, channel, numbers, seed))
            for numbers in (range(n), range(n, 2 * n), range(_MANY))
        )

        def chosen(part: str) -> Array:
            rows = []
            for block in self.blocks:
                where = block.get(f"{name}/{part}")
                if isinstance(where, float):
                    held = np.quantile(many[part], where, axis=0)
                    rows.append(np.broadcast_to(held, a[part].shape))
                else:
                    rows.append(b[part] if where == "b" else a[part])
            return np.concatenate(rows)

        drawn = ask(name, channel, range(1), seed)
        return ChannelDraws(
            map={key: chosen(key) for key in drawn.map},
            multiplier=chosen("order_multiplier"),
            **{part: chosen(part) for part in _SINGLE},
        )

    def other_parameters(self, draws: range, seed: int) -> dict[str, Array]:
        """Return the parameters that belong to no channel, of all blocks."""
        n = self.samples
        ask = self.response.other_parameters
        a, b, many = (ask(r, seed) for r in (range(n), range(n, 2 * n), range(_MANY)))
        found = {}
        for name in a:
            rows = []
            for block in self.blocks:
                where = block.get(name)
                if isinstance(where, float):
                    rows.append(np.full(n, np.quantile(many[name], where)))
                else:
                    rows.append(b[name] if where == "b" else a[name])
            found[name] = np.concatenate(rows)
        return found


def planned_factors(
    data: xr.Dataset,
    years: range,
    blocks: Sequence[Block],
    samples: int,
    seed: int,
    uncertainty: Uncertainty,
    *,
    chance: bool,
) -> xr.Dataset:
    """Return the demographic factors of all blocks, as draws one after the other.

    Parameters
    ----------
    data : xarray.Dataset
    years : range
    blocks : sequence of Block
        An input held at a quantile has the quantile of A in each year.
    samples : int
    seed : int
    uncertainty : Uncertainty
    chance : bool
        Whether the chance of single births and deaths is added.

    Returns
    -------
    xarray.Dataset
        As :func:`popsim.demography.drawn_factors.demographic_draws`, ``len(blocks) × samples``
        draws.
    """
    timed = prepared(data, uncertainty)
    inputs = timed[[name for name in INPUTS if name in timed]]
    central = central_factors(timed, years, uncertainty)
    numbers = {"a": range(samples), "b": range(samples, 2 * samples)}
    sample = {
        key: demographic_draws(timed, years, draws, seed, uncertainty).assign_coords(
            draw=list(range(samples))
        )
        for key, draws in numbers.items()
    }
    made = []
    for place, block in enumerate(blocks):
        factors = sample["a"].copy()
        for group, names in DEMOGRAPHY.items():
            where = block.get(group)
            for name in set(names) & set(map(str, factors.data_vars)):
                if isinstance(where, float):
                    held = sample["a"][name].quantile(where, "draw").drop_vars("quantile")
                    factors[name] = held.broadcast_like(factors[name]).transpose(
                        *factors[name].dims
                    )
                elif where == "b":
                    factors[name] = sample["b"][name]
        if chance:
            drawn = numbers["b" if block.get(CHANCE) == "b" else "a"]
            factors = demographic_noise(
                inputs,
                factors.assign_coords(draw=list(drawn)),
                central=central,
                years=years,
                first=int(data.attrs["first_projected_year"]),
                seed=seed,
            )
        first = place * samples
        made.append(factors.assign_coords(draw=list(range(first, first + samples))))
    result = xr.concat(made, "draw")
    result.attrs.pop("notices", None)
    return result
