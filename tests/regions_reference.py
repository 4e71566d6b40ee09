"""The year of tied regions in plain loops, women as persons by parity, beside docs/regions.md."""

import runpy
from pathlib import Path

import numpy as np

_ONE = runpy.run_path(str(Path(__file__).with_name("reference.py")))
age, half_births, shares = _ONE["age"], _ONE["half_births"], _ONE["shares"]
spread_over_parities = _ONE["spread_over_parities"]


def tied_reference(women, men, fertility, survival, sex_ratio, external, rates, *, timing, given):
    """Run one trajectory.

    women (R, P, A), men (R, A), fertility (R, Y, K, A), survival (R, Y, 2, A), sex_ratio (R, Y, K),
    external (R, Y, 2, A), rates (R, R, 2, A) from origin to destination, given (P, A) or None.
    """
    regions = range(len(women))
    W, M = [w.copy() for w in women], [m.copy() for m in men]
    stocks, flows, births_of_years = [(np.array(W), np.array(M))], [], []

    def move(part, start, t, ages, moved):
        """Move people of some ages between all regions at once."""
        here = np.isin(np.arange(W[0].shape[1]), ages)
        new_W, new_M = [w.copy() for w in W], [m.copy() for m in M]
        for r in regions:
            added = part * external[r, t] * here
            new_W[r] = spread_over_parities(new_W[r], added[0], given, shares(W[r], W[r]))
            new_M[r] += added[1]
        for o in regions:
            like = shares(W[o], W[o]) if given is None else given
            for d in regions:
                movers = part * rates[o, d] * start[o] * here
                new_W[o] = new_W[o] - movers[0] * like
                new_W[d] = new_W[d] + movers[0] * like
                new_M[o] = new_M[o] - movers[1]
                new_M[d] = new_M[d] + movers[1]
                moved[o, d] += movers
        W[:], M[:] = new_W, new_M

    for t in range(fertility.shape[1]):
        start = [np.stack([W[r].sum(axis=0), M[r]]) for r in regions]
        moved = np.zeros((len(W), len(W), 2, W[0].shape[1]))
        everyone = range(W[0].shape[1])
        if timing == "even":
            move(0.5, start, t, everyone, moved)
        births = []
        for r in regions:
            h = fertility[r, t] / 2
            h[:, [0, -1]] = 0
            first, W[r] = half_births(W[r], h)
            births.append(first)
            W[r], M[r] = age(W[r], survival[r, t, 0]), age(M[r], survival[r, t, 1])
        if timing == "even":
            move(0.5, start, t, everyone[1:], moved)
        for r in regions:
            h = fertility[r, t] / 2
            h[:, [0, -1]] = 0
            second, W[r] = half_births(W[r], h)
            births[r] = births[r] + second
            total = births[r].sum(axis=1)
            girls = (total / (1 + sex_ratio[r, t])).sum()
            W[r][0, 0] = survival[r, t, 0, 0] * girls
            M[r][0] = survival[r, t, 1, 0] * (total.sum() - girls)
        move(
            0.5 if timing == "even" else 1.0, start, t, [0] if timing == "even" else everyone, moved
        )
        stocks.append((np.array(W), np.array(M)))
        births_of_years.append(np.array(births))
        flows.append(moved)
    return {
        "women": np.array([s[0] for s in stocks]),
        "men": np.array([s[1] for s in stocks]),
        "births": np.array(births_of_years),
        "moved": np.array(flows),
    }
