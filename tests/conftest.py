"""Where golden files lie, and fixtures that many tests share."""

import hashlib
import os
import tempfile
from pathlib import Path

import pytest

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
