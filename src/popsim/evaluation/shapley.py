"""Shapley values: what each member of a group adds, whatever the order in which they join.

``φ_i = Σ_S |S|! (n - |S| - 1)! / n! [v(S ∪ i) - v(S)]``, the mean over all orders of joining of
what i adds to those before it. The values add up to ``v(all) - v(nobody)``, members that are
alike get the same, and one that adds nothing gets exactly 0.

References
----------
Shapley (1953), A value for n-person games. Castro, Gómez and Tejada (2009), Polynomial
calculation of the Shapley value based on sampling.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from popsim.kernels.random import uniform

__all__ = ["joining_orders", "sampled_shapley_values", "shapley_values"]

Array = NDArray[np.float64]
Value = Callable[[frozenset[int]], Array]


def shapley_values(value: Value, members: int) -> Array:
    """Return the Shapley value of each member, from all 2ⁿ groups.

    Parameters
    ----------
    value : callable
        Takes a frozenset of members 0 … n-1 and returns an array of any shape, e.g. one value a
        draw. It is asked once for each group.
    members : int
        n.

    Returns
    -------
    numpy.ndarray (member, ...)

    Examples
    --------
    >>> worth = {0: 0.0, 1: 4.0, 2: 3.0, 3: 9.0}
    >>> shapley_values(lambda group: np.array(worth[sum(2**i for i in group)]), 2)
    array([5., 4.])
    """
    everyone = range(members)
    known = {
        frozenset(group): np.asarray(value(frozenset(group)), dtype=float)
        for size in range(members + 1)
        for group in combinations(everyone, size)
    }
    result = np.zeros((members, *known[frozenset()].shape))
    for group, without in known.items():
        for i in set(everyone) - group:
            weight = 1.0 / (members * comb(members - 1, len(group)))
            result[i] += weight * (known[group | {i}] - without)
    return result


def joining_orders(members: int, pairs: int, seed: int) -> list[tuple[int, ...]]:
    """Return random orders of joining, each followed by its reverse.

    In an order and its reverse a member has the places of two opposite halves, so that their mean
    varies less than that of two orders drawn alone.

    Parameters
    ----------
    members, pairs : int
    seed : int

    Returns
    -------
    list of tuple of int
        ``2 × pairs`` orders of 0 … members - 1.

    Examples
    --------
    >>> orders = joining_orders(9, 2, seed=1)
    >>> len(orders), orders[1] == orders[0][::-1]
    (4, True)
    """
    orders = []
    for pair in range(pairs):
        u = uniform(seed, "attribution/order", range(members), step=pair)
        order = tuple(int(i) for i in np.argsort(u))
        orders += [order, order[::-1]]
    return orders


def sampled_shapley_values(
    value: Value, members: int, orders: Sequence[tuple[int, ...]]
) -> tuple[Array, Array]:
    """Estimate Shapley values from some orders of joining.

    Parameters
    ----------
    value : callable
        As in :func:`shapley_values`; asked once for each group that occurs.
    members : int
    orders : sequence of tuple of int
        From :func:`joining_orders`: pairs of an order and its reverse, two pairs at least.

    Returns
    -------
    estimate : numpy.ndarray (member, ...)
        Adds up to ``v(all) - v(nobody)`` to rounding, as every order does.
    pairs : numpy.ndarray (pair, member, ...)
        The mean of each pair; the standard error of the estimate is their standard deviation
        over the root of their number.

    Examples
    --------
    >>> alone = np.array([1.0, 2.0, 4.0])
    >>> estimate, pairs = sampled_shapley_values(
    ...     lambda group: alone[list(group)].sum(), 3, joining_orders(3, 2, seed=1))
    >>> estimate, pairs.shape
    (array([1., 2., 4.]), (2, 3))
    """
    known: dict[frozenset[int], Array] = {}

    def ask(group: frozenset[int]) -> Array:
        if group not in known:
            known[group] = np.asarray(value(group), dtype=float)
        return known[group]

    added = np.zeros((len(orders), members, *ask(frozenset()).shape))
    for place, order in enumerate(orders):
        group: frozenset[int] = frozenset()
        for i in order:
            added[place, i] = ask(group | {i}) - ask(group)
            group |= {i}
    pairs = (added[::2] + added[1::2]) / 2.0
    return np.asarray(pairs.mean(axis=0)), pairs
