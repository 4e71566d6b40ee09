"""Speed of the projection kernel against NumPy and C in the same process, interleaved."""

from __future__ import annotations

from typing import Any

import c_projection
import numpy as np
import numpy_projection
from common import arguments, inputs, interleaved, report, seconds

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
    row["over numpy"] = float(np.median(times["numpy"] / times["popsim"]))
    if "c" in times:
        row["share of C"] = float(np.median(times["c"] / times["popsim"]))
        row["C M ty/s"] = work / float(np.median(times["c"]))
    return row


def main() -> None:
    """Print one row for each size."""
    options = arguments(__doc__ or "")
    sizes = [70] if options.smallest else [1000, 100_000]
    years = 5 if options.smallest else 80
    rows: list[dict[str, Any]] = []
    for draws in sizes:
        for name, parities, factors in (
            ("parity and factors", 4, True),
            ("parity, shared rates", 4, False),
            ("plain, shared rates", 1, False),
        ):
            if draws > 1000 and parities == 1:
                continue
            # The NumPy form needs memory for all draws at once; compare it on the smaller size.
            x = inputs(draws, years=years, parities=parities, factors=factors)
            row: dict[str, Any] = {"what": f"fused, {name}", "draws": draws}
            if draws <= 1000:
                row |= compared(x, draws, 1 if options.smallest else 11)
            else:
                out: dict[str, np.ndarray] = {}
                project_indicators(**x, out=out)
                took = min(
                    seconds(lambda x=x, out=out: project_indicators(**x, out=out)) for _ in "ab"
                )
                row["M ty/s"] = years * draws / took / 1e6
            size = sum(a.nbytes for a in project_indicators(**x)[:8]) / draws
            rows.append({**row, "output bytes/draw": size})
    one = inputs(1, years=years)
    for name, run in (("fused", project_indicators), ("full", project_history)):
        run(**one)
        took = float(np.median([seconds(lambda run=run: run(**one)) for _ in range(20)]))
        rows.append({"what": f"{name}, one trajectory", "draws": 1, "ms": 1e3 * took})
    report(rows, options.json)


if __name__ == "__main__":
    main()
