"""Memory for what a region keeps of all its draws, on disk when it is more than allowed.

Exact quantiles need all draws of a row. A thousand draws of ten indicators are 6 MB; a million are
6 GB, and then lie in an unlinked temporary file that the operating system pages in and out. The
figures are the same bits either way.
"""

from __future__ import annotations

import mmap
import tempfile
from contextlib import ExitStack
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["LINE", "Space", "padded"]

#: float64 numbers in a cache line.
LINE = 8


def padded(draws: int) -> int:
    """Return a length of rows, at least ``draws``, that is an odd number of cache lines.

    Rows whose distance is a power of two fall on the same few places of a cache.

    Examples
    --------
    >>> padded(1000), padded(1024)
    (1000, 1032)
    """
    lines = -(-draws // LINE)
    return LINE * (lines + 1 - lines % 2)


class Space:
    """Arrays in memory, or in one temporary file when together they are more than a limit.

    Parameters
    ----------
    needed : int
        Bytes of all arrays that will be asked for.
    limit : int
        Most bytes that may lie in memory.

    Examples
    --------
    >>> with Space(needed=800, limit=100) as space:
    ...     array = space.empty((10, 10))
    ...     array[:] = 1.0
    ...     space.release()
    ...     print(space.on_disk, array.sum())
    True 100.0
    """

    def __init__(self, needed: int, limit: int) -> None:
        self.on_disk = needed > limit
        self._files = ExitStack()
        self._file = None
        if self.on_disk:
            self._file = self._files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        self._maps: list[np.memmap[Any, Any]] = []
        self._end = 0

    def __enter__(self) -> Space:
        return self

    def __exit__(self, *error: object) -> None:
        self._maps.clear()
        self._files.close()

    def empty(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return an array of any content."""
        if self._file is None:
            return np.empty(shape)
        array: np.memmap[Any, Any] = np.memmap(
            self._file, np.float64, "r+", offset=self._end, shape=shape
        )
        # The next one begins on a page of its own.
        self._end += -(-array.nbytes // mmap.ALLOCATIONGRANULARITY) * mmap.ALLOCATIONGRANULARITY
        self._maps.append(array)
        return cast("NDArray[np.float64]", array)

    def release(self) -> None:
        """Let go of the pages that lie in memory; what was written stays in the file."""
        for array in self._maps:
            mapped = array._mmap  # type: ignore[attr-defined]
            if hasattr(mapped, "madvise"):
                mapped.madvise(mmap.MADV_DONTNEED)
