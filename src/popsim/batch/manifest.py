"""What a store knows of itself: the inputs it was begun with, and what became of each task.

``manifest.json`` is written once. ``tasks.jsonl`` (one file for each part of a divided run) gets
one line for every task that ended; a line torn by a crash does not count, so its task is done
again.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from popsim import __version__
from popsim.batch.disk import append_line, digest, write_whole
from popsim.errors import DataError

__all__ = ["ARRAYS", "Manifest", "Record", "gone", "read_manifest", "verify", "versions"]

STORE_SCHEMA = "popsim.store/1"
MANIFEST = "manifest.json"
#: Folder of the Zarr group with the results.
ARRAYS = "results.zarr"
_LIBRARIES = ("numpy", "scipy", "numba", "zarr")


@dataclass(frozen=True)
class Record:
    """How a task ended.

    Parameters
    ----------
    task : str
    status : {"done", "failed"}
    seconds : float
        Time of computing.
    error : str
        What went wrong.
    files : dict of str to str
        SHA-256 of every file written, by its path in the store.
    notices : list of str
        What a reader must know of the run of this region.
    host : str
        Where it was computed.
    finished : str
        When, UTC.
    """

    task: str
    status: str
    seconds: float = 0.0
    error: str = ""
    files: dict[str, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    host: str = ""
    finished: str = ""


@dataclass(frozen=True)
class Manifest:
    """What a store was begun with.

    Parameters
    ----------
    id : str
        Of the batch.
    label : dict of str to str
        Its name in two languages.
    created : str
        UTC.
    versions : dict of str to str
    identities : dict of str to str
        SHA-256 of the inputs, see :class:`popsim.batch.inputs.Inputs`.
    tasks : list of str
    template : dict of str to str
        SHA-256 of the descriptions of arrays and of the coordinates, by path.
    """

    id: str
    label: dict[str, str]
    created: str
    versions: dict[str, str]
    identities: dict[str, str]
    tasks: list[str]
    template: dict[str, str]

    def write(self, folder: Path) -> None:
        """Write it whole to a store."""
        content = json.dumps({"schema": STORE_SCHEMA, **asdict(self)}, indent=1, ensure_ascii=False)
        write_whole(folder / MANIFEST, content.encode())


def versions() -> dict[str, str]:
    """Return the versions on which the bits of a result depend.

    Examples
    --------
    >>> sorted(versions())
    ['numba', 'numpy', 'popsim', 'python', 'scipy', 'zarr']
    """
    found = {name: version(name) for name in _LIBRARIES}
    return {"popsim": __version__, "python": platform.python_version(), **found}


def now() -> str:
    """Return the time, UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_manifest(folder: Path) -> Manifest:
    """Read what a store was begun with.

    Raises
    ------
    DataError
        When there is none, or it cannot be read.
    """
    file = folder / MANIFEST
    if not file.is_file():
        raise DataError(f"{folder} is not a store of a batch: it holds no {MANIFEST}")
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content.pop("schema") != STORE_SCHEMA:
            raise DataError(f"{file} is not of schema {STORE_SCHEMA}")
        return Manifest(**content)
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{file} is damaged ({error}); remove the folder, or run into another with --out"
        ) from error


def append_record(folder: Path, record: Record, part: str = "") -> None:
    """Note how a task ended."""
    name = f"tasks-{part}.jsonl" if part else "tasks.jsonl"
    append_line(folder / name, json.dumps(asdict(record), ensure_ascii=False))


def read_records(folder: Path) -> dict[str, Record]:
    """Return how each task ended: the last time it was done, else the last failure."""
    found: dict[str, Record] = {}
    for file in sorted(folder.glob("tasks*.jsonl")):
        for line in file.read_bytes().split(b"\n"):
            record = _parsed(line)
            if record is None:
                continue
            earlier = found.get(record.task)
            if record.status == "done" or earlier is None or earlier.status != "done":
                found[record.task] = record
    return found


def _parsed(line: bytes) -> Record | None:
    try:
        content: Any = json.loads(line)
        return Record(**content)
    except (ValueError, TypeError):
        # Torn by a crash, or damaged: the task counts as not done.
        return None


def verify(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Return what is missing or not as it was written, one clause for each file.

    Parameters
    ----------
    folder : pathlib.Path
    files : mapping of str to str
        SHA-256 by path in the store.
    """
    wrong = []
    for name, wanted in files.items():
        try:
            content = (folder / name).read_bytes()
        except FileNotFoundError:
            wrong.append(f"{name} is missing")
            continue
        if digest(content) != wanted:
            wrong.append(f"{name} is not as it was written")
    return wrong


def gone(folder: Path, files: Iterable[str]) -> list[str]:
    """Return the files that are not there; only names are looked at, so it takes no time.

    Parameters
    ----------
    folder : pathlib.Path
    files : iterable of str
        Paths in the store.

    Examples
    --------
    >>> gone(Path("no-such-store"), ["results.zarr/births/zarr.json"])
    ['results.zarr/births/zarr.json']
    """
    there: dict[str, set[str]] = {}
    found = []
    for path in files:
        parent, _, name = path.rpartition("/")
        if parent not in there:
            there[parent] = (
                set(os.listdir(folder / parent)) if (folder / parent).is_dir() else set()
            )
        if name not in there[parent]:
            found.append(path)
    return found
