"""Seconds to import popsim, to compile the kernel, and to run it from the compile cache."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.common import arguments, report

HERE = Path(__file__).parents[1]
RUN = f"""
import sys, time
sys.path.insert(0, {str(HERE)!r})
from benchmarks.common import inputs
x = inputs(1, years=10)
start = time.perf_counter()
from popsim.kernels.projection import project_indicators
project_indicators(**x)
print(time.perf_counter() - start)
"""
IMPORT = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"


def fresh(code: str, cache: str) -> float:
    """Return the seconds that code prints in a fresh process."""
    env = dict(os.environ, NUMBA_CACHE_DIR=cache)
    run = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    return float(run.stdout.split()[-1])


def main() -> None:
    """Print one row for each of the four."""
    options = arguments(__doc__ or "")
    with tempfile.TemporaryDirectory() as cache:
        repeats = 1 if options.smoke else 5
        libraries = "import numpy, pandas, xarray"
        rows = [
            {
                "what": what,
                "seconds": min(fresh(IMPORT.format(code), cache) for _ in range(repeats)),
            }
            for what, code in (
                ("import numpy, pandas, xarray", libraries),
                ("the same and popsim", f"{libraries}; import popsim"),
            )
        ]
        rows.append({"what": "first run, cold compile", "seconds": fresh(RUN, cache)})
        warm = min(fresh(RUN, cache) for _ in range(repeats))
        rows.append({"what": "first run, warm cache", "seconds": warm})
    report(rows, options.json)


if __name__ == "__main__":
    main()
