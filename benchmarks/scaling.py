"""How the cost of a batch grows with its sizes: a table as CSV, and a plot of it.

Every size runs in a fresh process, so that the peak of memory is its own. What is compared is the
time of a core for a million trajectory-years, since a shared machine keeps threads waiting.

    python -m benchmarks.scaling benchmarks/scaling.csv
    python -m benchmarks.scaling benchmarks/scaling.csv --plot docs/images/scaling.svg
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

#: Curves by what is changed; the other sizes stay as they are named first.
CURVES: dict[str, tuple[dict[str, int], list[int]]] = {
    "draws": (
        {"regions": 1, "scenarios": 4, "years": 80},
        [100, 300, 1000, 3000, 10000, 30000, 100000],
    ),
    "regions": ({"scenarios": 4, "draws": 1000, "years": 80}, [1, 2, 4, 8, 16]),
    "scenarios": ({"regions": 1, "draws": 1000, "years": 80}, [2, 5, 10, 20, 50]),
    "years": ({"regions": 2, "scenarios": 10, "draws": 1000}, [10, 20, 40, 80]),
    "parities": ({"regions": 2, "scenarios": 10, "draws": 1000, "years": 80}, [1, 4]),
    "threads": ({"regions": 4, "scenarios": 10, "draws": 1000, "years": 80}, [1, 2]),
}
SMOKE: dict[str, tuple[dict[str, int], list[int]]] = {
    "draws": ({"regions": 1, "scenarios": 2, "years": 4}, [10, 100]),
    "threads": ({"regions": 2, "scenarios": 2, "draws": 10, "years": 4}, [2]),
}


def measured(sizes: dict[str, int]) -> dict[str, Any]:
    """Run one size in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        chosen = {"threads": 1, **sizes}
        options = [f"--{name}={value}" for name, value in chosen.items()]
        command = [sys.executable, "-m", "benchmarks.batch", *options, "--json", str(file)]
        subprocess.run(command, check=True, capture_output=True)
        whole: dict[str, Any] = json.loads(file.read_text("utf-8"))["whole"]
    return whole


def plot(rows: list[dict[str, str]], file: Path) -> None:
    """Draw core seconds a million trajectory-years, and memory, over each size."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt
    import matplotlib.ticker

    mpl.rcParams["svg.hashsalt"] = "popsim"
    curves = [name for name in CURVES if any(row["curve"] == name for row in rows)]
    figure, axes = plt.subplots(2, 3, figsize=(9, 5), layout="constrained", squeeze=False)
    for ax, name in zip(axes.flat, curves, strict=False):
        own = [row for row in rows if row["curve"] == name]
        size = [float(row[name]) for row in own]
        for column, label in (("core seconds", "all"), ("kernel seconds", "kernel")):
            cost = [float(row[column]) / float(row["M ty"]) for row in own]
            ax.plot(size, cost, "o-", markersize=3, label=label)
        ax.set(xlabel=name, ylim=(0, None))
        if name not in ("parities", "threads"):
            ax.set_xscale("log")
            ax.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
        ax.set_xticks(size, [f"{x:,.0f}" for x in size], rotation=30 if name == "draws" else 0)
        if name == "draws":
            right = ax.twinx()
            right.plot(size, [float(row["peak MiB"]) for row in own], "k:", label="peak memory")
            right.set(ylabel="peak MiB", ylim=(0, None))
    for ax in axes[:, 0]:
        ax.set_ylabel("core seconds / million ty")
    axes[0, 0].legend(frameon=False, loc="lower right")
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    """Measure every curve, or draw what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv", type=Path, nargs="?", help="table of the figures")
    parser.add_argument("--plot", type=Path, help="draw the table instead of measuring")
    parser.add_argument("--smoke", action="store_true", help="only check that it runs")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    if options.plot is not None:
        with options.csv.open(encoding="utf-8") as file:
            plot(list(csv.DictReader(file)), options.plot)
        return
    rows = []
    for curve, (sizes, values) in (SMOKE if options.smoke else CURVES).items():
        for value in values:
            rows.append({"curve": curve, **measured({**sizes, curve: value})})
            print(*(f"{v:.4g}" if isinstance(v, float) else v for v in rows[-1].values()))
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if options.csv is not None:
        with options.csv.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            writer.writeheader()
            for row in rows:
                writer.writerow(
                    {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()}
                )
    if options.json is not None:
        options.json.write_text(json.dumps(rows), "utf-8")


if __name__ == "__main__":
    main()
