"""What regions of a batch have in common, what a region remembers, and the time it takes."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from popsim.batch.lean_money import Bill
from popsim.policy.dose import UTILISATION
from popsim.policy.files import read_response
from popsim.policy.model import Scenario
from popsim.policy.response import (
    ChannelDraws,
    Response,
    ResponseModel,
    draw_channel,
)
from popsim.policy.response_file import Channel

__all__ = ["Laps", "Recent", "Shared", "shared_for"]

Array = NDArray[np.float64]
_Made = TypeVar("_Made")


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
