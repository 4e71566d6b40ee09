"""Levers: the values of a scenario that may be moved, and how far.

A lever is a dotted key. A key of one quantity sets it, within bounds in its own unit. A key of
several quantities (``policies.grant.amount``, ``policies.grant``, or ``policies`` for all)
multiplies all levels beneath it by a common factor: amounts of money and targets of places or
leave, not shares, months, dates, wages, market prices, what was due before, or grants per place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from popsim.errors import Problems, ScenarioError, nearest
from popsim.policy.model import Scenario
from popsim.units import UNITS, Quantity, UnitError, parse

__all__ = ["Lever", "Levers"]

#: Kinds of units that say how much is offered.
_LEVELS = ("money", "money per time", "places per resident", "leave")
#: What days of leave are paid by and what was due before are no levels of the policy.
_FACTS = ("wage", "instead_of", "cap", "market_rent", "market_fee", "inclusive_fee")


@dataclass(frozen=True)
class Lever:
    """One value, or a group of values, and its bounds.

    Parameters
    ----------
    path : str
        Dotted key in the scenario.
    low, high : float
        Bounds in ``unit``; factors for a group.
    unit : str
        Unit of the quantity; ``"1"`` for a group.
    members : mapping of str to Quantity
        Dotted keys of the quantities that move, and what the scenario says.
    """

    path: str
    low: float
    high: float
    unit: str
    members: Mapping[str, Quantity]

    @property
    def group(self) -> bool:
        """Whether the lever multiplies instead of setting."""
        return tuple(self.members) != (self.path,)

    def at(self, position: float) -> float:
        """Return the level at a position from 0 (low) to 1 (high)."""
        return self.low + min(max(position, 0.0), 1.0) * (self.high - self.low)

    def shown(self, level: float, locale: str = "en") -> str:
        """Write a level for a reader.

        Examples
        --------
        >>> Lever("policies", 0.0, 3.0, "1", {"policies.a.amount.2": Quantity(1, "CNY")}).shown(1.5)
        'policies × 1.5'
        """
        if self.group:
            return f"{self.path} × {level:.4g}"
        unit = UNITS[self.unit].name_zh if locale == "zh" else self.unit
        digits = 0 if abs(level) >= 100 else 2
        return f"{self.path} = {level:,.{digits}f} {unit}"


class Levers:
    """Levers of one scenario.

    Parameters
    ----------
    scenario : Scenario
    bounds : mapping of str to tuple of float
        Dotted key to (low, high).

    Raises
    ------
    ScenarioError
        When a key is not in the scenario, has nothing to move, lies under another one, or bounds
        are not two numbers from 0 in order; all problems at once.

    Examples
    --------
    >>> from popsim.policy.files import baseline
    >>> Levers(baseline(), {"policies.grant.amount.3": (0, 5000)})
    Traceback (most recent call last):
    ...
    popsim.errors.ScenarioError: scenario 'baseline' has no value 'policies.grant.amount.3'
    """

    def __init__(self, scenario: Scenario, bounds: Mapping[str, tuple[float, float]]) -> None:
        self.scenario = scenario
        problems = Problems()
        if not bounds:
            problems.add("no lever is given", instead='levers={"policies": (0, 5)}')
        there = dict(_values(scenario.model_dump(by_alias=True, exclude_none=True)))
        quantities = {path: q for path, value in there.items() if (q := _quantity(value))}
        self.levers: tuple[Lever, ...] = tuple(
            lever
            for path, span in bounds.items()
            if (lever := _lever(scenario.id, path, span, there, quantities, problems))
        )
        for i, one in enumerate(self.levers):
            for other in self.levers[i + 1 :]:
                both = [path for path in one.members if path in other.members]
                if both:
                    problems.add(
                        f"the levers {one.path!r} and {other.path!r} both move {both[0]}",
                        instead="one of them",
                    )
        problems.raise_if_any(ScenarioError)

    def __len__(self) -> int:
        return len(self.levers)

    def levels(self, positions: Sequence[float]) -> list[float]:
        """Return levels at positions from 0 (low) to 1 (high)."""
        return [lever.at(float(p)) for lever, p in zip(self.levers, positions, strict=True)]

    def at(self, positions: Sequence[float]) -> Scenario:
        """Return the scenario with levers at positions from 0 (low) to 1 (high)."""
        changes: dict[str, object] = {}
        for lever, level in zip(self.levers, self.levels(positions), strict=True):
            for path, quantity in lever.members.items():
                changes[path] = quantity.value * level if lever.group else level
        return self.scenario.override(changes)


def _values(here: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every dotted key and what stands there, groups included."""
    for key, value in here.items():
        steps = (*above, str(key))
        yield ".".join(steps), value
        if isinstance(value, dict):
            yield from _values(value, steps)


def _quantity(value: Any) -> Quantity | None:
    if not isinstance(value, str):
        return None
    try:
        return parse(value)
    except UnitError:
        return None


def _lever(
    scenario: str,
    path: str,
    span: tuple[float, float],
    there: dict[str, Any],
    quantities: dict[str, Quantity],
    problems: Problems,
) -> Lever | None:
    if path not in there:
        problems.add(f"scenario {scenario!r} has no value {path!r}", instead=nearest(path, there))
        return None
    try:
        low, high = (float(bound) for bound in span)
        fits = 0 <= low < high and math.isfinite(high)
    except (TypeError, ValueError):
        fits = False
    if not fits:
        problems.add(f"the bounds of {path} are {span!r}", instead="two numbers such as (0, 5000)")
        return None
    if path in quantities:
        return Lever(path, low, high, quantities[path].unit, {path: quantities[path]})
    members = {
        key: quantity
        for key, quantity in quantities.items()
        if key.startswith(f"{path}.")
        and UNITS[quantity.unit].kind in _LEVELS
        and key.rsplit(".", 1)[-1] not in _FACTS
    }
    if not members:
        problems.add(
            f"{path} holds no amount and no target that could be moved",
            instead="a key such as policies.NAME.amount",
        )
        return None
    return Lever(path, low, high, "1", members)
