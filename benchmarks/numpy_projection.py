"""The same projection in NumPy, vectorised over draws: what one would write without a kernel.

Women are kept by parity, rates are base times factor, year by year; outputs are the indicators of
the fused kernel. With one parity it is the plain cohort-component method.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def project(
    women: np.ndarray,
    men: np.ndarray,
    fertility: np.ndarray,
    survival: np.ndarray,
    sex_ratio: np.ndarray,
    *,
    migration: np.ndarray,
    fertility_factor: np.ndarray | None = None,
    mortality_weight: np.ndarray | None = None,
    migration_factor: np.ndarray | None = None,
    age_breaks: list[int],
    draws: int = 1,
) -> dict[str, np.ndarray]:
    """Project draws together; arguments as in ``popsim.kernels.projection``, timing even."""
    years, orders, ages = len(fertility), women.shape[0], women.shape[1]
    fertile = np.flatnonzero(fertility.any(axis=(0, 1, 2)))
    span = slice(fertile[0], fertile[-1] + 1)
    middle = (np.arange(ages)[span] + 0.5)[:, None]
    W = np.repeat(women[..., None], draws, axis=2)
    N = np.repeat(np.stack([women.sum(axis=0), men])[..., None], draws, axis=2)
    out: dict[str, Any] = {
        "births": np.empty((years, orders, draws)),
        "fertility": np.empty((years, orders, draws)),
        "age_weighted_fertility": np.empty((years, orders, draws)),
        "births_by_sex": np.empty((years, 2, draws)),
        "deaths": np.empty((years, 2, draws)),
        "migration": np.empty((years, 2, draws)),
        "population": np.empty((years + 1, 2, len(age_breaks) - 1, draws)),
    }
    out["population"][0] = np.add.reduceat(N, age_breaks[:-1], axis=1)
    for t in range(years):
        h = fertility[t, 0][:, span, None] / 2
        if fertility_factor is not None:
            h = h * fertility_factor[t][:, None]
        r = h / (1 + h / 2)
        r[-1] = h[-1]
        if mortality_weight is None:
            S = survival[t, survival.shape[1] // 2][..., None]
        else:
            w = mortality_weight[t]
            low, central, high = survival[t][..., None]
            S = central + np.maximum(w, 0) * (high - central) + np.maximum(-w, 0) * (low - central)
        M = migration[t][..., None] / 2
        if migration_factor is not None:
            M = M * migration_factor[t]
        exposed = N + M
        if (exposed < 0).any():
            raise ValueError("emptied")
        W = W * (exposed[0] / N[0])
        births = _half(W, r, span)
        before = exposed[0][span].copy()
        moved = exposed.copy()
        moved[:, -2] += moved[:, -1]
        N = np.empty_like(exposed)
        N[:, 1:] = S[:, 1:] * moved[:, :-1]
        deaths = (moved[:, :-1] - N[:, 1:]).sum(axis=1)
        alive = N[0, 1:].copy()
        N[:, 1:] += M[:, 1:]
        W[:, -2] += W[:, -1]
        W[:, 1:] = W[:, :-1] * (S[0, 1:] * (N[0, 1:] / alive))
        W[:, 0] = 0
        births += _half(W, r, span)
        exposure = (before + N[0][span]) / 2
        rate = births / exposure
        by_order = births.sum(axis=1)
        out["births"][t] = by_order
        out["fertility"][t] = rate.sum(axis=1)
        out["age_weighted_fertility"][t] = (rate * middle).sum(axis=1)
        girls = (by_order / (1 + sex_ratio[t][:, None])).sum(axis=0)
        born = np.stack([girls, by_order.sum(axis=0) - girls])
        out["births_by_sex"][t] = born
        N[:, 0] = S[:, 0] * born
        out["deaths"][t] = deaths + born - N[:, 0]
        N[:, 0] += M[:, 0]
        W[0, 0] = N[0, 0]
        if (N < 0).any():
            raise ValueError("emptied")
        out["migration"][t] = 2 * np.broadcast_to(M, N.shape).sum(axis=1)
        out["population"][t + 1] = np.add.reduceat(N, age_breaks[:-1], axis=1)
    return out


def _half(W: np.ndarray, r: np.ndarray, span: slice) -> np.ndarray:
    """Return births of half a year by order and age; move the women (in place)."""
    births = np.empty((len(W), *r.shape[1:]) if r.shape[2] > 1 else W[:, span].shape)
    entered = 0.0
    for k in range(len(W)):
        at_risk = W[k, span]
        births[k] = r[k] * (at_risk + 0.5 * entered)
        at_risk += entered
        if k < len(W) - 1:
            at_risk -= births[k]
        entered = births[k]
    return births
