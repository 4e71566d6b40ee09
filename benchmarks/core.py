"""Speed of the projection kernel against NumPy and C in the same process, interleaved."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import c_projection, numpy_projection
from benchmarks.common import (
    arguments,
    inputs,
    interleaved,
    labelled_inputs,
    report,
    seconds,
)
from popsim.demography.projection import project
from popsim.kernels.projection import project_history, project_indicators


def compared(x: dict[str, Any], draws: int, repeats: int) -> dict[str, float]:
    """Return million trajectory-years a second and ratios; outputs must agree to 1e-12."""
    years, orders = x["fertility"].shape[0], x["women"].shape[0]
    out: dict[str, np.ndarray] = {}
    ours = project_indicators(**x, out=out)
    if ours.diagnosis is not None:
        raise RuntimeError(f"the benchmark's inputs are impossible: {ours.diagnosis}")
    theirs = numpy_projection.project(**x, draws=draws)
    runs: dict[str, Any] = {
        "popsim": lambda: project_indicators(**x, out=out),
        "numpy": lambda: numpy_projection.project(**x, draws=draws),
    }
    checked = [theirs]
    if c_projection.library(orders) is not None:
        from_c = {name: np.empty_like(array) for name, array in out.items()}
        c_projection.project(x, from_c, draws)
        runs["c"] = lambda: c_projection.project(x, from_c, draws)
        checked.append(from_c)
    for other in checked:
        for name, values in other.items():
            np.testing.assert_allclose(values, getattr(ours, name), rtol=1e-12, err_msg=name)
    times = {n: np.array(t) for n, t in interleaved(runs, repeats).items()}
    work = years * draws / 1e6
    row = {"M ty/s": work / float(np.median(times["popsim"]))}
    # What has to come from memory, or go there: factors and outputs, each once.
    by_draw = [x[n] for n in x if n.endswith(("_factor", "_weight")) and x[n] is not None]
    moved = sum(array.nbytes for array in (*by_draw, *out.values()))
    row["GB/s"] = moved / 1e9 / float(np.median(times["popsim"]))
    row["over numpy"] = float(np.median(times["numpy"] / times["popsim"]))
    if "c" in times:
        row["share of C"] = float(np.median(times["c"] / times["popsim"]))
        row["C M ty/s"] = work / float(np.median(times["c"]))
    return row


def one_trajectory(years: int, repeats: int) -> list[dict[str, Any]]:
    """Return the time of a single trajectory: kernel alone, and through the labelled API."""
    x = inputs(1, years=years)
    labelled, factors = labelled_inputs(x)
    rows = []
    for name, run in (
        ("fused, one trajectory", lambda: project_indicators(**x)),
        ("full, one trajectory", lambda: project_history(**x)),
        (
            "full, one trajectory, labelled API",
            lambda: project(labelled, factors=factors, detail="history"),
        ),
    ):
        run()
        took = float(np.median([seconds(run) for _ in range(repeats)]))
        rows.append({"what": name, "draws": 1, "ms": 1e3 * took})
    return rows


def main() -> None:
    """Print one row for each size."""
    options = arguments(__doc__ or "")
    smoke = options.smoke
    years, repeats, draws = (5, 1, 70) if smoke else (80, 11, 1000)
    rows: list[dict[str, Any]] = []
    for name, parities, factors in (
        ("parity and factors", 4, True),
        ("parity, shared rates", 4, False),
        ("plain, shared rates", 1, False),
    ):
        x = inputs(draws, years=years, parities=parities, factors=factors)
        row: dict[str, Any] = {"what": f"fused, {name}", "draws": draws}
        row |= compared(x, draws, repeats)
        size = sum(a.nbytes for a in project_indicators(**x)[:8]) / draws
        rows.append({**row, "output bytes/draw": size})

    # Many draws go through in blocks that reuse their memory; so NumPy fits as well.
    x, out = inputs(draws, years=years), {}
    blocks = 2 if smoke else 100
    project_indicators(**x, out=out)
    runs = {
        "one": lambda: project_indicators(**x, out=out),
        "many": lambda: [project_indicators(**x, out=out) for _ in range(blocks)],
    }
    times = {n: np.array(t) for n, t in interleaved(runs, min(repeats, 3)).items()}
    rows.append(
        {
            "what": "fused, parity and factors, in blocks",
            "draws": draws * blocks,
            "M ty/s": years * draws * blocks / float(np.median(times["many"])) / 1e6,
            "time over linear": float(np.median(times["many"] / times["one"])) / blocks,
        }
    )
    few = 7 if smoke else 200
    x, out = inputs(few, years=years), {}
    full = project_history(**x, out=out)
    took = float(np.median([seconds(lambda: project_history(**x, out=out)) for _ in range(3)]))
    size = sum(array.nbytes for array in (*full[:5], *full.indicators[:8])) / few
    rows.append(
        {
            "what": "full, parity and factors",
            "draws": few,
            "M ty/s": years * few / took / 1e6,
            "output bytes/draw": size,
        }
    )
    rows += one_trajectory(years, 2 if smoke else 30)
    most = c_projection.peak()
    if most is not None:
        what = "the machine, one core: multiply-adds, triad"
        rows.append({"what": what, "GFLOP/s": most[0], "GB/s": most[1]})
    report(rows, options.json)


if __name__ == "__main__":
    main()
