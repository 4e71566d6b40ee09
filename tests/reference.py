"""The year-step in plain NumPy, one trajectory, written to be read beside docs/model.md.

Nothing is shared with the kernel: women are kept as persons by parity (not as shares), migrants
are added to them parity by parity, and the half-steps follow the numbered list of the methods.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Trajectory:
    """Lists over years of everything the kernel may return, draws left out."""

    women: list = field(default_factory=list)
    men: list = field(default_factory=list)
    births: list = field(default_factory=list)  # (K, A1)
    exposure: list = field(default_factory=list)  # (A1,)
    births_by_sex: list = field(default_factory=list)
    deaths: list = field(default_factory=list)  # (2, A1)
    migration: list = field(default_factory=list)  # (2, A1)
    cut_persons: float = 0.0
    cut_cells: int = 0

    def stacked(self, name: str) -> np.ndarray:
        return np.stack(getattr(self, name))

    @property
    def fertility(self) -> np.ndarray:
        births, exposure = self.stacked("births"), self.stacked("exposure")[:, None]
        return np.divide(births, exposure, out=np.zeros_like(births), where=exposure > 0)


def half_births(W: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Births by order and age in half a year (h per half year), and women afterwards."""
    P = len(W) - 1
    births = np.zeros_like(h)
    before = np.zeros(W.shape[1])
    for k in range(P):
        births[k] = h[k] / (1 + h[k] / 2) * (W[k] + before / 2)
        before = births[k]
    births[P] = h[P] * (W[P] + before / 2)
    after = W.copy()
    for i in range(P + 1):
        if i > 0:
            after[i] += births[i - 1]
        if i < P:
            after[i] -= births[i]
    return births, after


def shares(W: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Parity shares of the women of each age; where there are none, those of the last."""
    women = W.sum(axis=0)
    return np.divide(W, women, out=last.copy(), where=women > 0)


def spread_over_parities(
    W: np.ndarray, added: np.ndarray, given: np.ndarray | None, last: np.ndarray
) -> np.ndarray:
    """Add women to a population by parity: like the given distribution or like residents."""
    like = shares(W, last)
    after = W + added * like
    if given is not None:
        bearable = (W + added * given >= 0).all(axis=0)
        after[:, bearable] = (W + added * given)[:, bearable]
    # An emptied cell is empty, not a rounding below.
    return np.where(np.isclose(after.sum(axis=0), 0, atol=1e-9), 0, after)


def age(cells: np.ndarray, survival: np.ndarray) -> np.ndarray:
    """Survivors by age reached; the open group gathers the two oldest. Age 0 is left empty."""
    reached = np.zeros_like(cells)
    reached[..., 1:] = cells[..., :-1]
    reached[..., -1] += cells[..., -1]
    return reached * survival


def reference(
    women,
    men,
    fertility,
    survival,
    sex_ratio,
    migration=None,
    *,
    migrant_parity=None,
    step=1.0,
    timing="even",
    migration_kind="counts",
    on_negative="raise",
):
    """Run one trajectory; fertility (Y, K, A1), survival and migration (Y, 2, A1)."""
    W, M = np.array(women, float), np.array(men, float)
    run = Trajectory(women=[W], men=[M])
    nobody = np.zeros_like(W)
    nobody[0] = 1
    like = shares(W, nobody)
    for t in range(len(fertility)):
        S = survival[t]
        N = np.stack([W.sum(axis=0), M])
        asked = np.zeros_like(N)
        if migration is not None:
            asked = np.array(migration[t], float) * np.ones_like(N)
            if migration_kind == "rates":
                asked = asked * N
            if migration_kind == "totals":
                asked = asked * N / N.sum()
        first = asked / 2 if timing == "even" else np.zeros_like(N)
        applied = np.zeros_like(N)

        def add(cells, part, applied=applied):
            """Cut what cells do not hold; count it; return what is added."""
            short = np.maximum(-(cells + part), 0)
            if on_negative == "raise" and (short > 0).any():
                raise ValueError("emptied")
            run.cut_persons += short.sum()
            run.cut_cells += int((short > 0).sum())
            added = np.where(short > 0, -cells, part)
            applied += added
            return added

        added = add(N, first)
        W, M = spread_over_parities(W, added[0], migrant_parity, like), M + added[1]
        like = shares(W, like)
        h = step * np.array(fertility[t], float) / 2
        h[:, [0, -1]] = 0
        births1, W1 = half_births(W, h)
        like = half_births(like, h)[1]
        exposed = np.stack([W.sum(axis=0), M])
        deaths = age(exposed, 1 - S)

        # Migrants at the end go to the ages then reached; newborn follow below.
        W2, M2 = age(W1, S[0]), age(M, S[1])
        like = np.hstack([nobody[:, :1], like[:, :-1]])
        like = shares(W2, like)
        if timing == "even":
            cells = np.stack([W2.sum(axis=0), M2])
            cells[:, 0] = np.inf
            added = add(cells, np.where(np.arange(N.shape[1]) > 0, first, 0))
            W2, M2 = spread_over_parities(W2, added[0], migrant_parity, like), M2 + added[1]
            like = shares(W2, like)
        exposure = (W.sum(axis=0) + W2.sum(axis=0)) / 2
        births2, W2 = half_births(W2, h)
        like = half_births(like, h)[1]
        births = births1 + births2

        girls = (births.sum(axis=1) / (1 + sex_ratio[t])).sum()
        born = np.array([girls, births.sum() - girls])
        deaths[:, 0] = (1 - S[:, 0]) * born
        W2[0, 0], M2[0] = S[:, 0] * born
        if timing == "even":
            newborn = np.full_like(N, np.inf)
            newborn[:, 0] = W2[0, 0], M2[0]
            last = add(newborn, np.where(np.arange(N.shape[1]) == 0, first, 0))
        else:
            last = add(np.stack([W2.sum(axis=0), M2]), asked)
        W, M = spread_over_parities(W2, last[0], migrant_parity, like), M2 + last[1]
        like = shares(W, like)

        run.women.append(W)
        run.men.append(M)
        run.births.append(births)
        run.exposure.append(exposure)
        run.births_by_sex.append(born)
        run.deaths.append(deaths)
        run.migration.append(applied)
    return run
