"""How far a run is: a bar in a terminal or notebook, plain lines in a log."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from importlib import import_module
from typing import Any

__all__ = ["Progress", "told_seconds"]

_SECONDS_BETWEEN_LINES = 30.0
_SECONDS_BETWEEN_PICTURES = 0.1


def told_seconds(seconds: float) -> str:
    """Return a duration as people read it.

    Examples
    --------
    >>> told_seconds(8.21), told_seconds(3725)
    ('8.2 s', '1:02:05')
    """
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))


def in_notebook() -> bool:
    """Say whether the code runs in the kernel of a notebook.

    Examples
    --------
    >>> in_notebook()
    False
    """
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return hasattr(shell, "kernel")


class NotebookBar:
    """A bar below a cell that is drawn anew in its place; needs no widgets.

    Parameters
    ----------
    total : int
        Tasks to do.
    text : str
        What stands beside the bar at first.
    """

    def __init__(self, total: int, text: str) -> None:
        self.total = total
        self.last = 0.0
        display = import_module("IPython.display").display
        self.handle = display(self._picture(0, text), raw=True, display_id=True)

    def show(self, ended: int, text: str, *, now: bool = False) -> None:
        """Draw it anew, unless it was drawn a moment ago."""
        clock = time.monotonic()
        if now or ended == self.total or clock - self.last >= _SECONDS_BETWEEN_PICTURES:
            self.last = clock
            self.handle.update(self._picture(ended, text), raw=True)

    def _picture(self, ended: int, text: str) -> dict[str, str]:
        bar = f'<progress value="{ended}" max="{self.total}"></progress>'
        return {"text/plain": text, "text/html": f"{bar} {text}"}


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
        self.cell: NotebookBar | None = None
        self.lines = False
        if show and in_notebook():
            self.cell = NotebookBar(total, f"0 of {total} tasks")
        elif show and sys.stderr.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, desc="tasks", unit="task")
        elif show:
            self.lines = True

    def step(self, failed: bool) -> None:
        """Count one task."""
        self.ended += 1
        self.failed += failed
        if self.bar is not None:
            if self.failed:
                self.bar.set_postfix(failed=self.failed)
            self.bar.update()
        now = time.monotonic()
        if self.cell is not None:
            self.cell.show(self.ended, self.line(now - self.start))
        due = now - self.last >= _SECONDS_BETWEEN_LINES or self.ended == self.total
        if self.lines and due:
            self.last = now
            print(self.line(now - self.start), file=sys.stderr, flush=True)

    def line(self, gone: float) -> str:
        """Return how far it is after some seconds, in one line."""
        failed = f", {self.failed} failed" if self.failed else ""
        head = f"{self.ended} of {self.total} tasks{failed}, {told_seconds(gone)} gone"
        left = gone / max(self.ended, 1) * (self.total - self.ended)
        return f"{head}, about {told_seconds(left)} left"

    def close(self) -> None:
        """End the bar; one that is not full says that the run was stopped."""
        if self.bar is not None:
            self.bar.close()
        if self.cell is not None and self.ended < self.total:
            text = self.line(time.monotonic() - self.start).rpartition(", about ")[0]
            self.cell.show(self.ended, f"{text}, stopped", now=True)
