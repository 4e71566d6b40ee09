"""Fixtures of the whole suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of reference tables: env ``POPSIM_SHARED``, else ``shared`` beside the project."""
    stated = os.environ.get("POPSIM_SHARED")
    folder = Path(stated) if stated else Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"reference tables are not here: {folder} (set POPSIM_SHARED)")
    return folder
