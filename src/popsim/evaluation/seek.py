"""Search in the unit box: the least that reaches a level, and the most that can be had.

Positions go from 0 to 1 in every direction. ``gap(z)`` is what is still missing to the target with
a minus sign: 0 or more when it is reached. Everything is deterministic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["Found", "least", "most"]

Array = NDArray[np.float64]
Gap = Callable[[Array], float]

#: Points of the first look along one lever.
_GRID = 9
#: Halvings of an interval of that grid.
_HALVINGS = 14
#: Step of finite differences; common random numbers make the function smooth.
_STEP = 1e-5


@dataclass(frozen=True)
class Found:
    """Where a search ended.

    Parameters
    ----------
    position : numpy.ndarray (lever,)
    gap : float
    """

    position: Array
    gap: float


def _halve(gap: Gap, outside: Array, inside: Array) -> Array:
    """Return the point nearest to ``outside`` on the line to ``inside`` that reaches the target."""
    below, above = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (below + above) / 2.0
        if gap(outside + middle * (inside - outside)) >= 0:
            above = middle
        else:
            below = middle
    return outside + above * (inside - outside)


def most(gap: Gap, levers: int) -> Found:
    """Return where the gap is largest.

    One lever is looked at on a grid and then between the neighbours of its best point; several
    are climbed from the top, the middle and the bottom of all ranges (SLSQP), and all corners are
    tried for up to 4 levers.

    Parameters
    ----------
    gap : callable
        Takes positions (lever,).
    levers : int

    Examples
    --------
    >>> most(lambda z: -float((z[0] - 0.3) ** 2), 1).position.round(3)
    array([0.3])
    """
    from scipy.optimize import minimize, minimize_scalar

    if levers == 1:
        grid = np.linspace(0.0, 1.0, _GRID)
        values = [gap(np.array([z])) for z in grid]
        best = int(np.argmax(values))
        top = Found(np.array([grid[best]]), values[best])
        if not 0 < best < _GRID - 1:
            return top
        refined = minimize_scalar(
            lambda z: -gap(np.array([z])),
            bounds=(grid[best - 1], grid[best + 1]),
            method="bounded",
            options={"xatol": 1e-4},
        )
        there = Found(np.array([float(refined.x)]), -float(refined.fun))
        return max(top, there, key=lambda found: found.gap)
    starts = [np.full(levers, level) for level in (1.0, 0.5, 0.0)]
    if levers <= 4:
        starts += [np.array(c, dtype=float) for c in np.ndindex(*(2,) * levers)]
    tried = [Found(start, gap(start)) for start in starts]
    tried.sort(key=lambda found: -found.gap)
    best_found = tried[0]
    for start in tried[:2]:
        climbed = minimize(
            lambda z: -gap(z),
            start.position,
            method="SLSQP",
            bounds=[(0.0, 1.0)] * levers,
            options={"eps": _STEP, "ftol": 1e-7, "maxiter": 40},
        )
        position = np.clip(climbed.x, 0.0, 1.0)
        there = Found(position, gap(position))
        if there.gap > best_found.gap:
            best_found = there
    return best_found


def least(gap: Gap, effort: Callable[[Array], float], levers: int) -> Found:
    """Return the point of least effort that reaches the target, or the best when none does.

    Parameters
    ----------
    gap, levers
        As in :func:`most`; gaps should be of the order of 1.
    effort : callable
        What is to be small, of positions (lever,). With one lever it is not asked: the lowest level
        that reaches the target is returned, found by halving.

    Examples
    --------
    >>> reach = least(lambda z: float(z[0] + 2 * z[1] - 1), lambda z: float(z @ z), 2)
    >>> reach.position.round(2)
    array([0.2, 0.4])
    """
    from scipy.optimize import minimize

    nothing = np.zeros(levers)
    if gap(nothing) >= 0:
        return Found(nothing, gap(nothing))
    if levers == 1:
        grid = [np.array([z]) for z in np.linspace(0.0, 1.0, _GRID)]
        for below, above in pairwise(grid):
            if gap(above) >= 0:
                position = _halve(gap, below, above)
                return Found(position, gap(position))
    top = most(gap, levers)
    if top.gap < 0:
        return top
    if levers == 1:
        position = _halve(gap, np.floor(top.position * (_GRID - 1)) / (_GRID - 1), top.position)
        return Found(position, gap(position))
    starts = [_halve(gap, nothing, top.position)]
    if gap(np.ones(levers)) >= 0:
        starts.append(_halve(gap, nothing, np.ones(levers)))
    best = min(starts, key=effort)
    for start in starts:
        moved = minimize(
            effort,
            start,
            method="SLSQP",
            bounds=[(0.0, 1.0)] * levers,
            constraints=[{"type": "ineq", "fun": gap}],
            options={"eps": _STEP, "ftol": 1e-8, "maxiter": 60},
        )
        position = np.clip(moved.x, 0.0, 1.0)
        if gap(position) < 0:
            # The solver stops a hair outside; the line to a point inside leads back.
            position = _halve(gap, position, top.position)
        if effort(position) < effort(best):
            best = position
    return Found(best, gap(best))
