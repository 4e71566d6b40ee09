"""Inputs of a projection as the kernel reads them: all that does not vary by draw.

Shapes and options are checked here, once for as many runs as share them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

__all__ = ["MigrationKind", "OnNegative", "Prepared", "Timing", "prepare"]

Array = np.ndarray[Any, np.dtype[np.float64]]
Timing = Literal["even", "end"]
MigrationKind = Literal["counts", "rates", "totals"]
OnNegative = Literal["raise", "cut", "un"]


@dataclass(frozen=True)
class Prepared:
    """Inputs of a projection, laid out: Y steps, A1 ages, P1 parities, K = P1 birth orders.

    Parameters
    ----------
    base : numpy.ndarray
        Women and men at the start (2, A1) [persons].
    base_share : numpy.ndarray
        Parity shares of women (P1, A1).
    half, half_change : numpy.ndarray
        Births per woman at risk in half a step (Y, K, A1): first schedule, what the second adds.
    half_most : numpy.ndarray
        The largest of any age and schedule (Y, K).
    central, up, down : numpy.ndarray
        Survival (Y, 2, A1): central, high - central, low - central.
    start, end : numpy.ndarray
        Migration at the start and end of the step (Y, 2, A1) [persons]; where cells are set one by
        one, the part of it.
    inflow : numpy.ndarray of bool
        Whether nobody leaves at this age and those that are moved with it (Y, 2, A1).
    rate, asked : numpy.ndarray
        Migration as given (Y, 2, A1), and its sum over ages.
    girls : numpy.ndarray
        Share of girls among births (Y, K).
    spread : numpy.ndarray
        Parity distribution of migrants (P1, A1), or (0, 0).
    breaks : numpy.ndarray of int
        Limits of age groups.
    step : float
    first, last : int
        Ages between which parity is kept.
    fertile_from, fertile_to : int
        The first age with births, and one past the last.
    kind, on_negative : int
        Positions of these options.
    schedules, levels : int
        Numbers of schedules of fertility and levels of survival.
    late, cellwise, watched, history : bool
        Migrants at the end; migration set cell by cell; every cell must be watched; all ages kept.
    """

    base: Array
    base_share: Array
    half: Array
    half_change: Array
    half_most: Array
    central: Array
    up: Array
    down: Array
    start: Array
    end: Array
    inflow: np.ndarray[Any, np.dtype[np.bool_]]
    rate: Array
    asked: Array
    girls: Array
    spread: Array
    breaks: np.ndarray[Any, np.dtype[np.int64]]
    step: float
    first: int
    last: int
    fertile_from: int
    fertile_to: int
    kind: int
    on_negative: int
    schedules: int
    levels: int
    late: bool
    cellwise: bool
    watched: bool
    history: bool


def prepare(
    women: Any,
    men: Any,
    fertility: Any,
    survival: Any,
    sex_ratio: Any,
    *,
    migration: Any = None,
    migrant_parity: Any = None,
    step: float = 1.0,
    timing: Timing = "even",
    migration_kind: MigrationKind = "counts",
    on_negative: OnNegative = "raise",
    age_breaks: Any = None,
    history: bool = False,
) -> Prepared:
    """Check shapes and lay out the inputs.

    Parameters are those of :func:`benchmarks.frozen.projection.project_indicators`; with ``history``
    parity is kept at all ages.

    Raises
    ------
    ValueError
        When shapes do not fit each other or an option is unknown.

    Examples
    --------
    >>> ones = np.ones((1, 3))
    >>> prepare(ones, ones[0], np.ones((2, 1, 1, 3)), np.ones((2, 1, 2, 3)), np.ones((2, 1))).breaks
    array([0, 3])
    """
    women = _checked("women", women, (None, None))
    parities, ages = women.shape
    if ages < 3:
        raise ValueError(f"women has {ages} ages; at least 3 are needed")
    men = _checked("men", men, (ages,))
    fertility = _checked("fertility", fertility, (None, None, parities, ages))
    years, schedules = fertility.shape[:2]
    if schedules not in (1, 2):
        raise ValueError(f"fertility has {schedules} schedules; 1 or 2 are possible")
    survival = _checked("survival", survival, (years, None, 2, ages))
    levels = survival.shape[1]
    if levels not in (1, 3):
        raise ValueError(f"survival has {levels} levels; 1 or 3 (low, central, high) are possible")
    sex_ratio = _checked("sex_ratio", sex_ratio, (years, parities))
    for name, options, value in (
        ("timing", ("even", "end"), timing),
        ("migration_kind", ("counts", "rates", "totals"), migration_kind),
        ("on_negative", ("raise", "cut", "un"), on_negative),
    ):
        if value not in options:
            raise ValueError(f"{name} is {value!r}, not one of {', '.join(options)}")
    breaks = np.asarray([0, ages] if age_breaks is None else age_breaks, dtype=np.int64)
    if breaks.ndim != 1 or breaks[0] != 0 or breaks[-1] != ages or not (np.diff(breaks) > 0).all():
        raise ValueError(f"age_breaks must rise from 0 to {ages}: {breaks.tolist()}")

    totals = migration_kind == "totals"
    if migration is None:
        rate = np.zeros((years, 2, ages))
    elif totals:
        total = _checked("migration", migration, (years,))
        rate = np.broadcast_to(total[:, None, None], (years, 2, ages)).copy()
    else:
        rate = _checked("migration", migration, (years, 2, ages))
    cellwise = on_negative == "un" or (migration is not None and migration_kind != "counts")
    late = timing == "end"
    base_moves = np.ones_like(rate) if cellwise else rate
    start = np.zeros_like(rate) if late else 0.5 * base_moves
    end = base_moves.copy() if late else 0.5 * base_moves
    # Five ages are moved together; each meets the migrants of the age below and of its own.
    nobody_leaves = np.ones((years, 2, ages + 5), dtype=np.bool_)
    nobody_leaves[..., :ages] = rate >= 0.0
    inflow = np.ones((years, 2, ages), dtype=np.bool_)
    for further in range(-1, 5):
        inflow[..., 1:] &= nobody_leaves[..., 1 + further : ages + further]
    spread = (
        np.zeros((0, 0))
        if migrant_parity is None
        else _checked("migrant_parity", migrant_parity, (parities, ages))
    )

    half = 0.5 * step * fertility
    half[..., [0, -1]] = 0.0  # no births at the first and last age
    half_change = half[:, 1] - half[:, 0] if schedules == 2 else np.zeros_like(half[:, 0])
    fertile = np.flatnonzero(half.any(axis=(0, 1, 2)))
    fertile_from, fertile_to = (int(fertile[0]), int(fertile[-1]) + 1) if fertile.size else (1, 1)
    total_women = women.sum(axis=0)
    base_share = np.zeros_like(women)
    base_share[0] = 1.0
    np.divide(women, total_women, out=base_share, where=total_women > 0.0)
    first, last = 0, ages - 1
    if not history:
        # Parity is followed from the first age with mothers to the last age with births only.
        mothers = (base_share[1:] > 0.0).any(axis=0)
        if spread.size:
            mothers |= (spread[1:] > 0.0).any(axis=0)
        first = min(fertile_from, int(np.argmax(mothers)) if mothers.any() else ages)
        last = fertile_to - 1
    central = np.ascontiguousarray(survival[:, levels // 2])
    # Elsewhere whole blocks of cells are seen not to be emptied.
    whole = total_women.min() >= 0.0 and men.min() >= 0.0 and survival.min() >= 0.0
    return Prepared(
        base=np.stack([total_women, men]),
        base_share=base_share,
        half=np.ascontiguousarray(half[:, 0]),
        half_change=half_change,
        half_most=half.max(axis=(1, 3)),
        central=central,
        up=np.ascontiguousarray(survival[:, levels - 1] - central),
        down=np.ascontiguousarray(survival[:, 0] - central),
        start=start,
        end=end,
        inflow=inflow,
        rate=rate,
        asked=rate.sum(axis=2),
        girls=1.0 / (1.0 + sex_ratio),
        spread=spread,
        breaks=breaks,
        step=float(step),
        first=first,
        last=last,
        fertile_from=fertile_from,
        fertile_to=fertile_to,
        kind=("counts", "rates", "totals").index(migration_kind),
        on_negative=("raise", "cut", "un").index(on_negative),
        schedules=schedules,
        levels=levels,
        late=late,
        cellwise=cellwise,
        watched=bool(not whole or late or cellwise),
        history=history,
    )


def _checked(name: str, value: Any, shape: tuple[int | None, ...]) -> Array:
    """Return ``value`` as C-contiguous float64 after checking its shape; None matches any size."""
    array = np.ascontiguousarray(value, dtype=np.float64)
    if array.ndim != len(shape) or any(
        want is not None and have != want for have, want in zip(array.shape, shape, strict=True)
    ):
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(f"{name} has shape {array.shape}, not ({wanted})")
    return array
