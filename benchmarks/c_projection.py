"""Compile and call ``projection.c``, at benchmark time only."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

LANES = 64


@cache
def _compiled(name: str, *options: str) -> Any:
    """Compile a file beside this one in a temporary folder; None without a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    target = Path(tempfile.mkdtemp(prefix="popsim-benchmark-")) / f"{name}.so"
    source = Path(__file__).with_name(f"{name}.c")
    flags = ("-O3", "-march=native", "-shared", "-fPIC", *options)
    subprocess.run([compiler, *flags, "-o", str(target), str(source)], check=True)
    return ctypes.CDLL(str(target))


def library(orders: int) -> Any:
    """Return the compiled kernel for a number of birth orders, or None without a compiler."""
    return _compiled("projection", f"-DORDERS={orders}")


def peak() -> tuple[float, float] | None:
    """Return billion floating-point operations, and bytes moved, a second of a core, or None."""
    compiled = _compiled("peak")
    if compiled is None:
        return None
    for rate in (compiled.peak, compiled.triad):
        rate.restype = ctypes.c_double
    return float(compiled.peak()), float(compiled.triad())


def project(x: dict[str, Any], out: dict[str, np.ndarray], draws: int) -> None:
    """Run the C kernel; ``x`` holds the arguments of ``project_indicators``."""
    women = x["women"]
    orders, ages = women.shape
    years = len(x["fertility"])
    half = np.ascontiguousarray(x["fertility"][:, 0]) / 2
    fertile = np.flatnonzero(half.any(axis=(0, 1)))
    start, stop = int(fertile[0]), int(fertile[-1]) + 1
    total = women.sum(axis=0)
    levels = x["survival"].shape[1]
    central = np.ascontiguousarray(x["survival"][:, levels // 2])
    up, down = (np.ascontiguousarray(x["survival"][:, i] - central) for i in (levels - 1, 0))
    factor = x.get("fertility_factor")
    factor = np.ones((1, orders, 1)) if factor is None else factor
    mover = x.get("migration_factor")
    mover = np.ones((1, 1)) if mover is None else mover
    weight = x.get("mortality_weight")
    scratch = np.zeros(
        LANES * (2 * (ages + years) + (stop - start + 2 + years) * orders + 2 * (ages + 1))
    )
    kept = [
        np.stack([total, x["men"]]),
        women / total,
        half,
        central,
        up,
        down,
        np.ascontiguousarray(x["migration"]),
        1 / (1 + x["sex_ratio"]),
        np.array(x["age_breaks"], dtype=np.int64),
    ]

    def pointer(array: np.ndarray | None) -> Any:
        return None if array is None else array.ctypes.data_as(ctypes.c_void_p)

    names = "births fertility age_weighted_fertility births_by_sex deaths migration population cut"
    library(orders).project(
        *(ctypes.c_long(v) for v in (years, ages, draws, len(kept[-1]) - 1, start, stop)),
        *(pointer(a) for a in kept),
        pointer(factor),
        ctypes.c_long(factor.shape[-1]),
        pointer(weight),
        pointer(mover),
        ctypes.c_long(mover.shape[-1]),
        pointer(scratch),
        *(pointer(out[name]) for name in names.split()),
    )
