"""Where golden files lie, and fixtures that many tests share."""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import pytest

# Worker processes import helpers of the tests by name.
sys.path.insert(0, str(Path(__file__).parent))

# A compiled kernel is kept until the file of its entry changes; tests must see changes of all.
_SOURCES = sorted((Path(__file__).parents[1] / "src/popsim/kernels").glob("*.py"))
_STATE = hashlib.sha256(b"".join(file.read_bytes() for file in _SOURCES)).hexdigest()[:16]
os.environ.setdefault("NUMBA_CACHE_DIR", f"{tempfile.gettempdir()}/popsim-kernels-{_STATE}")


def shared_folder() -> Path | None:
    """Return the reference files: ``POPSIM_SHARED``, else ``shared`` beside the project."""
    named = os.environ.get("POPSIM_SHARED")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared"
    return folder if (folder / "golden").is_dir() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = shared_folder()
    if folder is None and os.environ.get("POPSIM_DEMAND_GOLDEN"):
        pytest.fail("reference files demanded and not found")
    if folder is None:
        pytest.skip("reference files not found: set POPSIM_SHARED to their folder")
    return folder


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A small batch that was run in threads without a break."""
    from batch_example import write_batch

    import popsim as ps

    folder = tmp_path_factory.mktemp("batch")
    planned = ps.plan(write_batch(folder), out=folder / "whole")
    report = planned.run(workers=2, threads=True, progress=False)
    assert (report.done, report.missing, len(report.failed)) == (4, 0, 0)
    return planned
