"""A province's batch without its store: counties by scenarios, reduced as they are projected.

Prints where the time of a core goes, and what two threads, memory and the whole batch come to.
``--whole`` runs the 90 counties and 50 scenarios of a province; options change every size.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from benchmarks.common import interleaved, report
from benchmarks.province import COUNTIES, SCENARIOS, YEARS, one_parity, packages, province
from popsim.batch.lean import BLOCK, MEMORY, run_region
from popsim.batch.lean_region import Region
from popsim.batch.lean_rows import MONEY
from popsim.batch.lean_shared import Laps, Shared
from popsim.batch.lean_space import Space
from popsim.demography.uncertainty import uncertainty_named
from popsim.evaluation.summary import HEADLINE
from popsim.policy.files import baseline as no_policy
from popsim.policy.model import Scenario
from popsim.policy.response import Response

SMOKE = {"regions": 2, "scenarios": 3, "draws": 70, "years": 5}
USUAL = {"regions": 4, "scenarios": SCENARIOS, "draws": 1000, "years": YEARS}
WHOLE = {"regions": COUNTIES, "scenarios": SCENARIOS, "draws": 1000, "years": YEARS}
#: What can be said without birth orders.
PLAIN = ("births", "total_fertility_rate", "population_total", "dependency_ratio_15_64")

Results = list[dict[str, np.ndarray]]


def run(
    data: xr.Dataset,
    scenarios: list[Scenario],
    threads: int,
    shared: Shared,
    *,
    keep: bool = True,
    **options: Any,
) -> tuple[Results, list[Laps], int]:
    """Run every region, ``threads`` at a time; return figures, if kept, laps and bytes."""

    def work(i: int) -> tuple[dict[str, np.ndarray], Laps, int]:
        laps = Laps()
        own = data.isel(region=[i])
        figures = run_region(own, scenarios, shared=shared, laps=laps, **options)
        size = sum(array.nbytes for array in figures.values())
        return figures if keep else {}, laps, size

    with ThreadPoolExecutor(threads) as pool:
        done = list(pool.map(work, range(data.sizes["region"])))
    figures, laps, sizes = zip(*done, strict=True)
    return list(figures), list(laps), sum(sizes)


def made_of_indicators(
    data: xr.Dataset, indicators: tuple[str, ...], draws: int, uncertainty: str, repeats: int
) -> float:
    """Return the part of the projection that indicators take: with them, over without any."""
    draws = min(draws, BLOCK)
    projections: dict[str, Any] = {}
    for kind, names in (("with", indicators), ("without", ())):
        region = Region(
            data, Response(), uncertainty_named(uncertainty), None, range(draws), 1,
            Shared(), Laps(),
        )  # fmt: skip
        region.lay_out([name for name in names if name != MONEY], draws)
        space = Space(0, 1)
        block = region.drawn(0, space)
        rows = np.empty((region.layout.size, draws))
        region.project(block, no_policy(), None, rows)
        region.remember(block, rows, space)
        projections[kind] = partial(region.project, block, no_policy(), None, rows)
    times = {name: np.array(t) for name, t in interleaved(projections, repeats).items()}
    return 1.0 - float(np.median(times["without"] / times["with"]))


def shares(laps: list[Laps], runs: int, of_indicators: float) -> list[dict[str, Any]]:
    """Return seconds of a core by what they were spent on, and their ratio to the kernel."""
    total: dict[str, float] = {}
    for one in laps:
        for name, seconds in one.seconds.items():
            total[name] = total.get(name, 0.0) + seconds
    # Both are one loop over tiles.
    total["indicators"] = of_indicators * total["kernel"]
    total["kernel"] -= total["indicators"]
    kernel, everything = total["kernel"], sum(total.values())
    rows: list[dict[str, Any]] = [
        {
            "part": name,
            "ms a county and scenario": 1e3 * seconds / runs,
            "share": seconds / everything,
            "over kernel": seconds / kernel,
        }
        for name, seconds in sorted(total.items(), key=lambda item: -item[1])
    ]
    summaries = (total["indicators"] + total["quantiles"]) / kernel
    rows.append({"part": "indicators and quantiles", "over kernel": summaries})
    rows.append(
        {
            "part": "all",
            "ms a county and scenario": 1e3 * everything / runs,
            "share": 1.0,
            "over kernel": everything / kernel,
        }
    )
    return rows


def equal(some: Results, other: Results) -> None:
    """Refuse results that differ by a bit."""
    for one, two in zip(some, other, strict=True):
        for name, array in one.items():
            np.testing.assert_array_equal(array, two[name], err_msg=name)


def main() -> None:
    """Print the shares and the whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="only check that it runs")
    parser.add_argument("--whole", action="store_true", help="the batch of a province")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    for name, value in USUAL.items():
        parser.add_argument(f"--{name}", type=int, help=f"default {value}")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--parities", type=int, choices=(1, 4), default=4)
    parser.add_argument("--block", type=int, default=BLOCK)
    parser.add_argument("--memory", type=int, default=MEMORY)
    parser.add_argument("--uncertainty", default="default")
    options = parser.parse_args()
    sizes = SMOKE if options.smoke else WHOLE if options.whole else USUAL
    sizes |= {name: getattr(options, name) for name in sizes if getattr(options, name) is not None}
    years, draws = sizes["years"], sizes["draws"]
    data = province(sizes["regions"], years)
    indicators: tuple[str, ...] = (*HEADLINE, MONEY)
    if options.parities == 1:
        data, indicators = one_parity(data), (*PLAIN, MONEY)
    scenarios = [no_policy(), *packages(sizes["scenarios"])]
    given = {
        "draws": range(draws),
        "indicators": indicators,
        "uncertainty": options.uncertainty,
        "block": options.block,
        "memory": options.memory,
    }
    # Compile, or load what is compiled, and lay out what is laid out once for all regions.
    shared = Shared()
    run(data.isel(region=[0]), scenarios, 1, shared, **{**given, "draws": range(2)})

    start = time.perf_counter()
    figures, laps, size = run(
        data, scenarios, options.threads, shared, keep=not options.whole, **given
    )
    seconds = time.perf_counter() - start
    runs = sizes["regions"] * sizes["scenarios"]
    work = runs * draws * years / 1e6
    row: dict[str, Any] = {**sizes, "parities": options.parities, "threads": options.threads}
    row |= {"M ty": work, "seconds": seconds, "M ty/s": work / seconds}
    row["core seconds"] = sum(sum(one.seconds.values()) for one in laps)
    row["kernel seconds"] = sum(one.seconds["kernel"] for one in laps)
    row["peak MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row["result MB"] = size / 1e6
    if options.threads > 1 and not options.whole:
        start = time.perf_counter()
        alone, _, _ = run(data, scenarios, 1, shared, **given)
        row["over one thread"] = (time.perf_counter() - start) / seconds
        equal(figures, alone)
    part = made_of_indicators(
        data.isel(region=[0]), indicators, draws, options.uncertainty, 1 if options.smoke else 15
    )
    parts = shares(laps, runs, part)
    report(parts, None)
    print()
    report([row], None)
    if options.json is not None:
        options.json.write_text(json.dumps({"parts": parts, "whole": row}, indent=1), "utf-8")


if __name__ == "__main__":
    main()
