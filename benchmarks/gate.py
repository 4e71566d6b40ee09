"""Fail when the kernel has become slower than the frozen copy beside this file.

25 interleaved pairs in one process, thread CPU time, median of the ratios of pairs; above 1.15 one
retry in a fresh process. ``--renew`` copies the present kernel to ``frozen/``: by hand and in a
commit of its own, when the kernel has become faster, or is meant to do other work.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.common import arguments, inputs, interleaved, report
from benchmarks.frozen import projection as frozen
from popsim.kernels import projection

LIMIT = 1.15
ROOMS = (
    "births",
    "combinations",
    "deaths",
    "lanes",
    "prepared",
    "projection",
    "vectors",
    "year_step",
)


def renew() -> int:
    """Copy the present kernel to the frozen one."""
    here, there = Path(projection.__file__).parent, Path(frozen.__file__).parent
    for room in ROOMS:
        text = (here / f"{room}.py").read_text(encoding="utf-8")
        own = text.replace("popsim.kernels", "benchmarks.frozen")
        (there / f"{room}.py").write_text(own, encoding="utf-8")
    return 0


def main() -> int:
    """Return 1 when the kernel is slower than the limit allows."""
    if "--renew" in sys.argv:
        return renew()
    retry = "--retry" in sys.argv
    sys.argv = [a for a in sys.argv if a != "--retry"]
    options = arguments(__doc__ or "")
    x = inputs(70 if options.smoke else 1000, years=5 if options.smoke else 40)
    now, then = {}, {}  # type: ignore[var-annotated]
    a = projection.project_indicators(**x, out=now)
    b = frozen.project_indicators(**x, out=then)
    for have, want in zip(a[:8], b[:8], strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-12)
    times = interleaved(
        {
            "now": lambda: projection.project_indicators(**x, out=now),
            "frozen": lambda: frozen.project_indicators(**x, out=then),
        },
        3 if options.smoke else 25,
    )
    ratio = float(np.median(np.array(times["now"]) / np.array(times["frozen"])))
    report([{"time over frozen copy": ratio, "limit": LIMIT}], options.json)
    if options.smoke or ratio <= LIMIT:
        return 0
    if retry:
        return 1
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.gate", "--retry"], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
