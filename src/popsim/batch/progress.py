"""How far a run is: a bar in a terminal or notebook, plain lines in a log."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import Any

__all__ = ["Progress", "told_seconds"]

_SECONDS_BETWEEN_LINES = 30.0


def told_seconds(seconds: float) -> str:
    """Return a duration as people read it.

    Examples
    --------
    >>> told_seconds(8.21), told_seconds(3725)
    ('8.2 s', '1:02:05')
    """
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))


class Progress:
    """Tasks ended of all, with the time left.

    Parameters
    ----------
    total : int
        Tasks to do.
    show : bool
    """

    def __init__(self, total: int, show: bool = True) -> None:
        self.total, self.ended, self.failed = total, 0, 0
        self.start = self.last = time.monotonic()
        self.bar: Any = None
        self.lines = show and not (sys.stderr.isatty() or "ipykernel" in sys.modules)
        if show and not self.lines:
            from tqdm.auto import tqdm

            self.bar = tqdm(total=total, desc="tasks", unit="task")

    def step(self, failed: bool) -> None:
        """Count one task."""
        self.ended += 1
        self.failed += failed
        if self.bar is not None:
            if self.failed:
                self.bar.set_postfix(failed=self.failed)
            self.bar.update()
        now = time.monotonic()
        due = now - self.last >= _SECONDS_BETWEEN_LINES or self.ended == self.total
        if self.lines and due:
            self.last = now
            print(self.line(now - self.start), file=sys.stderr, flush=True)

    def line(self, gone: float) -> str:
        """Return one line for a log, after some seconds."""
        left = gone / max(self.ended, 1) * (self.total - self.ended)
        failed = f", {self.failed} failed" if self.failed else ""
        return (
            f"{self.ended} of {self.total} tasks{failed}, {told_seconds(gone)} gone, "
            f"about {told_seconds(left)} left"
        )

    def close(self) -> None:
        """End the bar."""
        if self.bar is not None:
            self.bar.close()
