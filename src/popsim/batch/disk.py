"""Files that are whole or not there, and a lock: what a store rests on."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from popsim.errors import PopsimError

__all__ = ["DISK_FULL", "append_line", "clear_unfinished", "digest", "locked", "write_whole"]

UNFINISHED = ".unfinished"
#: What an operating system says when nothing more can be written.
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def digest(content: bytes) -> str:
    """Return the SHA-256 of some bytes.

    Examples
    --------
    >>> digest(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or as it was, whenever the power goes.

    The bytes go to a file beside it, are forced to the disk, and only then take its name.

    Raises
    ------
    OSError
        When the disk is full or the folder cannot be written; nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def append_line(path: Path, line: str) -> None:
    """Append a line and force it to the disk; a line torn earlier is closed first."""
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            torn = file.read(1) != b"\n"
        else:
            torn = False
        file.write(("\n" * torn + line + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def clear_unfinished(folder: Path) -> int:
    """Remove what killed runs left unfinished; return the number of files."""
    left = list(folder.rglob(f"*{UNFINISHED}"))
    for file in left:
        file.unlink(missing_ok=True)
    return len(left)


@contextlib.contextmanager
def locked(folder: Path, part: str = "") -> Iterator[None]:
    """Hold a store for one run, or one part of it, until the process ends.

    The operating system gives the lock back when a process is killed.

    Parameters
    ----------
    folder : pathlib.Path
    part : str
        Empty for a whole run, which tolerates no other; parts tolerate other parts.

    Raises
    ------
    PopsimError
        When another run holds it.
    """
    try:
        import fcntl
    except ModuleNotFoundError as error:
        raise PopsimError(
            "batches run on Linux and macOS; on Windows write: wsl, and run popsim there"
        ) from error
    with contextlib.ExitStack() as stack:
        wanted = [("lock", fcntl.LOCK_SH if part else fcntl.LOCK_EX)]
        if part:
            wanted.append((f"lock-{part}", fcntl.LOCK_EX))
        for name, kind in wanted:
            file = stack.enter_context((folder / name).open("ab"))
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                what = f"part {part}" if name != "lock" else "it"
                raise PopsimError(
                    f"another run is writing to {folder} ({what} is locked); wait for it, or write "
                    "to another folder with --out"
                ) from None
        yield
