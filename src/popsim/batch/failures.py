"""What went wrong in many tasks, each reason once.

What is wrong with a scenario is wrong in every region, and the sentences differ only in the name of
the region and in figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Reason", "reasons"]

_NAMED = 5
#: A scenario keeps its name, digits and all; other numbers are figures of the region.
_FIGURES = re.compile(r"(scenario '?[^\s,:']+)|(?<![\w.-])[-+]?\d[\d.,]*")


@dataclass(frozen=True)
class Reason:
    """Why some tasks failed; as text, one line with the regions counted.

    Parameters
    ----------
    message : str
        What was told of the first of them.
    tasks : tuple of str
    regions : tuple of str
        Code and name of every region of these tasks, each once.
    total : int
        Number of regions of the batch.
    alike : bool
        Whether all were told the same, to the letter.

    Examples
    --------
    >>> print(Reason("it is odd", ("1", "2"), ("1 甲", "2 乙"), 3, True))
    in 2 of 3 regions (1 甲, 2 乙): it is odd
    """

    message: str
    tasks: tuple[str, ...]
    regions: tuple[str, ...]
    total: int
    alike: bool

    def __str__(self) -> str:
        count = len(self.regions)
        if count == 1:
            where = self.regions[0]
        elif count == self.total:
            where = f"in all {count} regions"
        else:
            more = f" and {count - _NAMED} more" if count > _NAMED else ""
            named = ", ".join(self.regions[:_NAMED])
            where = f"in {count} of {self.total} regions ({named}{more})"
        like = "" if self.alike else f" (figures of {self.regions[0]})"
        return f"{where}: {self.message}{like}"


def reasons(
    errors: Mapping[str, str], tasks: Iterable[str], names: Mapping[str, str]
) -> list[Reason]:
    """Group the errors of tasks by reason, in the order in which they first appear.

    Parameters
    ----------
    errors : mapping of str to str
        What went wrong, by task.
    tasks : iterable of str
        All tasks of the batch. One is named by its region, with a number where its scenarios are
        divided.
    names : mapping of str to str
        Names of regions by code, to be told with it. A code among them is never cut.

    Returns
    -------
    list of Reason

    Examples
    --------
    >>> errors = {"339001": "41 more women than live in 339001 in 2031, scenario grant-2",
    ...           "339002": "7 more women than live in 339002 in 2030, scenario grant-2",
    ...           "339003": "7 more women than live in 339003 in 2030, scenario grant-3"}
    >>> [one.tasks for one in reasons(errors, errors, {})]
    [('339001', '339002'), ('339003',)]
    """
    codes = {task: task if task in names else task.rpartition("-")[0] or task for task in tasks}
    found: dict[str, list[str]] = {}
    for task, error in errors.items():
        code = codes[task]
        # Sentences name a region by its code, with the name behind it in brackets.
        general = re.sub(rf"{re.escape(code)}( \([^)]*\))?", "", error)
        general = _FIGURES.sub(lambda part: part[1] or "", general)
        found.setdefault(general, []).append(task)
    return [
        Reason(
            message=errors[alike[0]],
            tasks=tuple(alike),
            regions=tuple(
                f"{code} {names.get(code, '')}".rstrip()
                for code in dict.fromkeys(codes[task] for task in alike)
            ),
            total=len(set(codes.values())),
            alike=len({errors[task] for task in alike}) == 1,
        )
        for alike in found.values()
    ]
