"""Where golden files lie, and fixtures that many tests share."""

import os
from pathlib import Path

import pytest


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
