"""Every benchmark once at its smallest size; forms of the same work agree inside."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.mark.parametrize("name", ["batch", "core", "gate", "scaling", "startup"])
def test_benchmark_runs(name, tmp_path):
    file = tmp_path / "figures.json"
    paths = [str(FOLDER.parent / "src"), os.environ.get("PYTHONPATH", "")]
    run = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--smoke", "--json", str(file)],
        cwd=FOLDER.parent,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(p for p in paths if p)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert file.stat().st_size > 20
