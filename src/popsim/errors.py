"""Errors that say where, what is wrong and what to write instead.

Input is checked as a whole: every problem is collected in a :class:`Problems`
list and raised once, so that a user mends a file in one go.

Examples
--------
>>> problems = Problems()
>>> problems.add("unknown key 'amuont'", where="qingyuan.yaml:9:5", instead="amount")
>>> problems.add("a bare number has no unit", where="qingyuan.yaml:12:10", instead="300 CNY/month")
>>> problems.raise_if_any(ScenarioError)
Traceback (most recent call last):
...
popsim.errors.ScenarioError: 2 problems
qingyuan.yaml:9:5: unknown key 'amuont'; write: amount
qingyuan.yaml:12:10: a bare number has no unit; write: 300 CNY/month
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = [
    "DataError",
    "PopsimError",
    "Problem",
    "Problems",
    "ProjectionError",
    "ScenarioError",
    "nearest",
]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input.

    Parameters
    ----------
    message : str
        What is wrong, as a clause without a full stop.
    where : str
        Place: ``file:line:column``, ``sheet!cell`` or ``region/year/age``; may be empty.
    line : str
        Text of the line at fault, shown under the message; may be empty.
    column : int
        1-based column that the caret points at; 0 draws no caret.
    instead : str
        What to write instead; may be empty.
    """

    message: str
    where: str = ""
    line: str = ""
    column: int = 0
    instead: str = ""

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        text = f"{head}; write: {self.instead}" if self.instead else head
        if self.line:
            text += f"\n    {self.line.rstrip()}"
            if self.column > 0:
                text += "\n    " + _blank(self.line[: self.column - 1]) + "^"
        return text


def _blank(text: str) -> str:
    """Return spaces as wide as the text; Chinese characters are as wide as two letters."""
    return "".join("\u3000" if unicodedata.east_asian_width(c) in "WF" else " " for c in text)


class PopsimError(Exception):
    """Base of every error that popsim raises on purpose.

    Parameters
    ----------
    problems : str or iterable of Problem
        One sentence, or all problems found; kept in ``problems``.
    """

    def __init__(self, problems: str | Problem | Iterable[Problem]) -> None:
        if isinstance(problems, str):
            problems = [Problem(problems)]
        elif isinstance(problems, Problem):
            problems = [problems]
        self.problems = tuple(problems)
        super().__init__(render(self.problems))


class ScenarioError(PopsimError, ValueError):
    """A scenario, response or batch file cannot be read as meant."""


class DataError(PopsimError, ValueError):
    """A table or Dataset does not hold what the model needs."""


class ProjectionError(PopsimError, ValueError):
    """The inputs describe an impossible population step."""


def render(problems: Iterable[Problem]) -> str:
    """Return all problems as one text, counted when there are several."""
    lines = [str(problem) for problem in problems]
    if len(lines) == 1:
        return lines[0]
    return "\n".join([f"{len(lines)} problems", *lines])


@dataclass
class Problems:
    """A list that collects problems and raises them together."""

    found: list[Problem] = field(default_factory=list)

    def add(
        self, message: str, *, where: str = "", line: str = "", column: int = 0, instead: str = ""
    ) -> None:
        """Note one problem; the arguments are those of :class:`Problem`."""
        self.found.append(Problem(message, where, line, column, instead))

    def raise_if_any(self, kind: type[PopsimError] = DataError) -> None:
        """Raise ``kind`` with everything found, or do nothing."""
        if self.found:
            raise kind(self.found)

    def __bool__(self) -> bool:
        return bool(self.found)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word nearest to a mistyped one, or ``""``.

    Examples
    --------
    >>> nearest("amuont", ["amount", "announced"])
    'amount'
    >>> nearest("xyz", ["amount"])
    ''
    """
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return matches[0] if matches else ""
