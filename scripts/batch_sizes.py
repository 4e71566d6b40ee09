"""Measure the pieces of a batch and carry them to a large one; write the table into the docs.

``python -m scripts.batch_sizes`` prints the table; with ``--write`` it replaces what stands between
the two marks of ``docs/batch.md``. Takes a few minutes; nothing else should run beside it.
"""

from __future__ import annotations

import argparse
import pickle
import platform
import resource
import statistics
import tempfile
import time
from pathlib import Path

from popsim.batch.manifest import read_records
from popsim.batch.plan import plan, processors
from popsim.batch.results import open_store

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "batch.md"
MARKS = "<!-- measured: begin -->", "<!-- measured: end -->"

#: Regions, scenarios, draws, years of the batch that is calculated.
LARGE = 3_000, 200, 10_000, 40
CORES = 64, 256, 1_024

BATCH = """\
schema: popsim.batch/1
id: measured
label: {{en: Measured, zh: 测量}}
data: {{baseline: zhejiang-2020, split: {{counties: {counties}}}}}
scenarios: [zhejiang-as-qingyuan]
sweep:
  - scenario: national-2025
    grid: {{policies.child_allowance.amount.1+: [{amounts}]}}
uncertainty: progression
draws: {draws}
seed: 1
"""


def measured(counties: int, scenarios: int, draws: int) -> dict[str, float]:
    """Run a small batch and return what its pieces take."""
    amounts = ", ".join(f"{3600 + 100 * i} CNY/year" for i in range(scenarios - 2))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for file in (ROOT / "scenarios").glob("*.yaml"):
            (folder / file.name).write_bytes(file.read_bytes())
        path = folder / "measured.batch.yaml"
        path.write_text(BATCH.format(counties=counties, amounts=amounts, draws=draws), "utf-8")
        planned = plan(path, out=folder / "store")
        start = time.perf_counter()
        report = planned.run(workers=processors())
        seconds = time.perf_counter() - start
        if len(report.failed):
            raise SystemExit(report.failed.to_string())
        files = [f for f in (folder / "store/results.zarr").rglob("*") if f.is_file()]
        size = sum(file.stat().st_size for file in files)
        store = open_store(folder / "store")
        cells = sum(array.size for array in store.data_vars.values())
        start = time.perf_counter()
        store["births"].isel(region=1, scenario=1).sel(quantile=0.5).load()
        selected = time.perf_counter() - start
        inputs = planned.job.inputs
        sent = len(pickle.dumps(inputs.region(planned.tasks[0].region)))
        sent += len(pickle.dumps(planned.job.without_data()))
        years = len(inputs.years)
        # The first task of a process also loads the kernels, which many tasks share.
        each = statistics.median(one.seconds for one in read_records(folder / "store").values())
    work = counties * scenarios * draws * years
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "work": work,
        "seconds": seconds,
        "microseconds": 1e6 * each * counties / work,
        "megabytes": size / 1e6,
        "bytes_a_cell": size / cells,
        "cells_a_scenario_year": cells / (counties * scenarios * years),
        "kilobytes_sent": sent / 1e3,
        "files": len(files) / counties,
        "milliseconds": 1e3 * selected,
        "worker_megabytes": children.ru_maxrss / 1e3,
    }


def table(found: dict[str, float]) -> list[str]:
    """Return the measured pieces and what follows from them."""
    regions, scenarios, draws, years = LARGE
    work = regions * scenarios * draws * years
    core_hours = work * found["microseconds"] / 1e6 / 3600
    result = regions * scenarios * years * found["cells_a_scenario_year"] * found["bytes_a_cell"]
    lines = [
        f"Measured on {processors()} processors ({platform.machine()}), a batch of "
        f"{found['work'] / 1e6:,.1f} million trajectory-years:",
        "",
        "| piece | measured |",
        "| --- | --- |",
        f"| whole run | {found['seconds']:,.1f} s |",
        f"| one trajectory-year of a task, the other processors at work | "
        f"{found['microseconds']:.2f} µs |",
        f"| memory of a worker at its peak | {found['worker_megabytes']:,.0f} MB |",
        f"| a number in the store | {found['bytes_a_cell']:.2f} bytes |",
        f"| numbers for a region, scenario and year | {found['cells_a_scenario_year']:,.0f} |",
        f"| files of a region | {found['files']:,.0f} |",
        f"| sent to a worker for a task | {found['kilobytes_sent']:,.0f} kB |",
        f"| selecting one course | {found['milliseconds']:,.0f} ms |",
        "",
        f"{regions:,} counties × {scenarios} scenarios × {draws:,} draws × {years} years are "
        f"{work / 1e9:,.0f} billion trajectory-years, {core_hours:,.0f} core-hours:",
        "",
        "| processors | hours | into the store | sent out |",
        "| --- | --- | --- | --- |",
    ]
    for cores in CORES:
        hours = core_hours / cores
        speed = result / 1e6 / (hours * 3600)
        out = regions * found["kilobytes_sent"] / 1e3 / (hours * 3600)
        lines.append(f"| {cores:,} | {hours:,.2f} | {speed:,.2f} MB/s | {out:,.2f} MB/s |")
    lines += ["", f"The store takes {result / 1e9:,.1f} GB."]
    return lines


def main() -> None:
    """Measure, print, and write the page when asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counties", type=int, default=12)
    parser.add_argument("--scenarios", type=int, default=40)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help="Write the table into docs/batch.md.")
    chosen = parser.parse_args()
    lines = table(measured(chosen.counties, chosen.scenarios, chosen.draws))
    print("\n".join(lines))
    if chosen.write:
        text = PAGE.read_text(encoding="utf-8")
        before, rest = text.split(MARKS[0])
        after = rest.split(MARKS[1])[1]
        PAGE.write_text(
            "\n".join([before + MARKS[0], "", *lines, "", MARKS[1] + after]), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
