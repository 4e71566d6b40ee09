"""Inputs, clocks and tables that the benchmarks share."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

AGE_BREAKS = [0, 3, 15, 18, 20, 35, 50, 60, 65, 101]


def inputs(
    draws: int, *, years: int = 80, parities: int = 4, factors: bool = True
) -> dict[str, Any]:
    """Return a county of about 150,000 people; with ``factors``, three things vary by draw."""
    rng = np.random.default_rng(7)
    ages = 101
    age = np.arange(ages)
    women = rng.uniform(800, 1200, ages) * np.clip((100.5 - age) / 40, 0.02, 1)
    risen = np.clip((age - 18) / 15, 0, 1)
    shares = np.stack([1 - 0.9 * risen, 0.5 * risen, 0.3 * risen, 0.1 * risen])
    if parities == 1:
        shares = np.ones((1, ages))
    fertility = np.zeros((years, 1, parities, ages))
    peak = np.exp(-0.5 * ((age - 27) / 5.0) ** 2)
    level = np.array([0.15, 0.08, 0.03, 0.01]) if parities > 1 else np.array([0.11])
    fertility[:, 0, :, 15:50] = (level[:, None] * peak)[:, 15:50]
    mortality = np.clip(0.0005 * np.exp(0.085 * (age - 30)), 0.0004, 0.45)
    levels = 1 - mortality * np.array([1.2, 1.0, 0.8])[:, None]
    survival = np.broadcast_to(levels[:, None], (years, 3, 2, ages)).copy()
    mover = np.exp(-0.5 * ((age - 24) / 6.0) ** 2)
    result = {
        "women": women * shares,
        "men": women * 1.04,
        "fertility": fertility,
        "survival": survival if factors else survival[:, 1:2].copy(),
        "sex_ratio": np.full((years, parities), 1.08),
        "migration": np.broadcast_to(5 * mover, (years, 2, ages)).copy(),
        "age_breaks": AGE_BREAKS,
    }
    if factors:
        result |= {
            "fertility_factor": rng.uniform(0.8, 1.2, (years, parities, draws)),
            "mortality_weight": rng.uniform(-1, 1, (years, draws)),
            "migration_factor": rng.uniform(0, 2, (years, draws)),
        }
    else:
        # A factor of ones with a draw axis says how many draws there are.
        result["migration_factor"] = np.ones((years, draws))
    return result


def labelled_inputs(x: dict[str, Any]) -> tuple[xr.Dataset, xr.Dataset]:
    """Return arguments of the kernel for one region as the labelled API takes them."""
    years, _, parities, ages = x["fertility"].shape
    people = np.stack([x["women"].sum(axis=0), x["men"]])
    inputs = xr.Dataset(
        {
            "women_by_parity": (("parity", "age"), x["women"]),
            "population": (("sex", "age"), people),
            "conditional_fertility_rate": (("year", "birth_order", "age"), x["fertility"][:, 0]),
            "survival_ratio": (("year", "mortality_level", "sex", "age"), x["survival"]),
            "sex_ratio_at_birth": (("year", "birth_order"), x["sex_ratio"]),
            "net_migration": (("year", "sex", "age"), x["migration"]),
        },
        {
            "year": np.arange(2021, 2021 + years),
            "birth_order": np.arange(1, parities + 1),
            "parity": np.arange(parities),
            "age": np.arange(ages),
            "sex": ["female", "male"],
            "mortality_level": ["low", "central", "high"],
            "base_time": 2021,
        },
    )
    year = ("year", inputs["year"].values)
    factors = xr.Dataset(
        {
            "fertility_factor": (("year", "birth_order", "draw"), x["fertility_factor"]),
            "mortality_weight": (("year", "draw"), x["mortality_weight"]),
            "migration_factor": (("year", "draw"), x["migration_factor"]),
        },
        {"year": year, "birth_order": inputs["birth_order"].values},
    )
    return inputs, factors


def seconds(run: Callable[[], Any]) -> float:
    """Return the CPU time of this thread for one call."""
    start = time.thread_time()
    run()
    return time.thread_time() - start


def interleaved(runs: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Time functions in turn, so that a noisy neighbour meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(repeats):
        for name, run in runs.items():
            times[name].append(seconds(run))
    return times


def arguments(description: str) -> argparse.Namespace:
    """Read the options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--smoke", action="store_true", help="only check that it runs")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args()


def report(rows: list[dict[str, Any]], file: Path | None) -> None:
    """Print rows as a table and write them as JSON."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    cells = [columns, *([_text(row.get(c, "")) for c in columns] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))
    if file is not None:
        file.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
