"""Split a budget: the most of a sum of gains under a sum of costs, in the unit box.

Sequential quadratic programming (SciPy's SLSQP) from several starts that use the budget up, with
gradients by finite differences; deterministic. At the answer every lever strictly between its
bounds gains as much for the last unit of money as every other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Split", "best_split"]

Array = NDArray[np.float64]
#: Gains and costs by region at positions (region, lever).
Evaluate = Callable[[Array], tuple[Array, Array]]

#: Step of finite differences; common random numbers make the functions smooth.
_STEP = 1e-5
_HALVINGS = 24


@dataclass(frozen=True)
class Split:
    """Where the search ended.

    Parameters
    ----------
    position : numpy.ndarray (region, lever)
    gain, cost : float
        Sums over regions.
    """

    position: Array
    gain: float
    cost: float


def best_split(
    evaluate: Evaluate,
    shape: tuple[int, int],
    budget: float,
    *,
    together: bool = False,
    start: Array | None = None,
) -> Split | None:
    """Return positions of levers with the largest gain that a budget allows.

    Parameters
    ----------
    evaluate : callable
        Takes positions (region, lever) from 0 to 1 and returns gains and costs, each (region,).
        What happens in a region depends on its own row only, so that one lever can be moved in all
        regions at once for the gradient.
    shape : tuple of int
        (region, lever).
    budget : float
        Greatest sum of costs, positive.
    together : bool
        Whether a lever has the same position in all regions.
    start : numpy.ndarray, optional
        Positions to start from besides, e.g. the answer of a smaller budget.

    Returns
    -------
    Split or None
        None when the lowest positions cost more than the budget.

    Examples
    --------
    Two levers gain 3 √x and 4 √x of money x; of 25 the best split is 9 and 16:

    >>> money = np.array([[25.0, 25.0]])
    >>> def evaluate(z):
    ...     x = z * money
    ...     return (np.sqrt(x) * [3, 4]).sum(axis=1), x.sum(axis=1)
    >>> best_split(evaluate, (1, 2), 25.0).position.round(3) * money
    array([[ 9., 16.]])
    """
    from scipy.optimize import minimize

    regions, levers = shape
    low, high = np.zeros(shape), np.ones(shape)

    def spread(x: Array) -> Array:
        # Differences may step a rounding error outside.
        z = np.clip(x, 0.0, 1.0)
        return np.broadcast_to(z, shape).copy() if together else z.reshape(shape)

    def total(z: Array) -> tuple[float, float]:
        gain, cost = evaluate(z)
        return float(gain.sum()), float(cost.sum())

    def within(outer: Array, inner: Array) -> Array:
        """Return the furthest point from ``inner`` towards ``outer`` that the budget allows."""
        if total(outer)[1] <= budget:
            return outer
        below, above = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (below + above) / 2.0
            if total(inner + middle * (outer - inner))[1] <= budget:
                below = middle
            else:
                above = middle
        return np.asarray(inner + below * (outer - inner))

    if total(low)[1] > budget:
        return None
    scale = max(abs(total(high)[0] - total(low)[0]), 1e-12)

    def gradients(z: Array) -> tuple[Array, Array]:
        """Return derivatives of gain and cost, each (region, lever)."""
        gain, cost = evaluate(z)
        steps = np.zeros((2, *shape))
        for lever in range(levers):
            # Forwards, and backwards at the upper bound.
            move = np.where(z[:, lever] + _STEP <= 1.0, _STEP, -_STEP)
            moved = z.copy()
            moved[:, lever] += move
            more_gain, more_cost = evaluate(moved)
            steps[0, :, lever] = (more_gain - gain) / move
            steps[1, :, lever] = (more_cost - cost) / move
        return steps[0], steps[1]

    def flat(of: Array) -> Array:
        return of.sum(axis=0) if together else of.ravel()

    starts = [within(_greedy(*gradients(low), together), low)]
    starts.append(within(high, low if start is None else within(start, low)))
    best: Split | None = None
    for first in starts:
        found = minimize(
            lambda x: -total(spread(x))[0] / scale,
            first[0] if together else first.ravel(),
            jac=lambda x: -flat(gradients(spread(x))[0]) / scale,
            method="SLSQP",
            bounds=[(0.0, 1.0)] * (levers if together else regions * levers),
            constraints=[
                {
                    "type": "ineq",
                    "fun": lambda x: 1.0 - total(spread(x))[1] / budget,
                    "jac": lambda x: -flat(gradients(spread(x))[1]) / budget,
                }
            ],
            options={"ftol": 1e-6, "maxiter": 25},
        )
        for candidate in (within(spread(found.x), low), first):
            gain, cost = total(candidate)
            if best is None or gain > best.gain:
                best = Split(candidate, gain, cost)
    return best


def _greedy(gain: Array, cost: Array, together: bool) -> Array:
    """Return positions that favour what gains most for the first unit of money."""
    if together:
        gain, cost = (np.broadcast_to(a.sum(axis=0), a.shape) for a in (gain, cost))
    ratio = np.divide(gain, cost, out=np.zeros(gain.shape), where=cost > 0)
    # What costs nothing is taken whole.
    ratio = np.where((cost <= 0) & (gain > 0), np.inf, np.maximum(ratio, 0.0))
    finite = ratio[np.isfinite(ratio)]
    top = finite.max() if finite.size and finite.max() > 0 else 1.0
    return np.asarray(np.clip(ratio / top, 0.0, 1.0))
