"""Codes and names of the regions, and how a cell names one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from popsim.errors import Problems, nearest
from popsim.tables.forms import spellings
from popsim.tables.grids import Grid
from popsim.tables.labels import TOTAL, is_region_code, sex
from popsim.tables.text import clean, is_empty

__all__ = ["Regions", "read_regions"]

_COLUMNS = {
    "code": (
        "地区代码",
        "地区",
        "行政区划代码",
        "区划代码",
        "代码",
        "region",
        "region code",
        "code",
    ),
    "name_zh": ("地区名称", "地区名", "名称", "name_zh", "region_name_zh"),
    "name": ("英文名称", "name", "region_name", "region name"),
    "parent": ("上级代码", "上级地区代码", "上级", "parent"),
}
_TOTALS = ("全国", "全省", "全市", "全县", "全区", "合计", "总计")


@dataclass
class Regions:
    """The regions of a set of tables.

    Parameters
    ----------
    names_zh, names, parents : dict of str to str
        By code, in the order of the table of regions.
    listed : bool
        Whether there is a table of regions; without one any code is taken.
    """

    names_zh: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    listed: bool = False

    @property
    def only(self) -> str | None:
        """Return the code when the table of regions has exactly one."""
        return next(iter(self.names_zh)) if self.listed and len(self.names_zh) == 1 else None

    def read(self, value: Any) -> str | None:
        """Read a cell as a code, a name of the table of regions, or a total."""
        text = clean(value)
        if is_region_code(text) and (not self.listed or text in self.names_zh):
            return text
        for names in (self.names_zh, self.names):
            for code, name in names.items():
                if name and text == name:
                    return code
        return TOTAL if text in _TOTALS or sex(text) == TOTAL else None

    def refusal(self, value: Any) -> tuple[str, str]:
        """Say why a cell is no region, and what to write instead."""
        text = clean(value)
        known = [*self.names_zh, *filter(None, self.names_zh.values())]
        if is_region_code(text):
            return f"region {text} is not in the table of regions", nearest(text, known)
        if text.isdigit() and len(text) > 6 and is_region_code(text[:6]):
            return f"region {text} is longer than a GB/T 2260 code", text[:6]
        if self.listed:
            hint = nearest(text, known) or ", ".join(list(self.names_zh)[:3])
            return f"region {text!r} is neither a GB/T 2260 code nor in the table of regions", hint
        return f"region {text!r} is not a GB/T 2260 code", "six digits such as 331126"


def read_regions(grid: Grid, problems: Problems) -> Regions:
    """Read the table of regions: code, name in Chinese, name in English, parent.

    Parameters
    ----------
    grid : Grid
    problems : Problems
        Takes every code that is none, or that comes twice.

    Returns
    -------
    Regions
    """
    found = Regions(listed=True)
    words = {word: key for key, known in _COLUMNS.items() for word in known}
    columns: dict[str, int] = {}
    start = 0
    for row, cells in enumerate(grid.cells):
        columns = {}
        for column, cell in enumerate(cells):
            known = (words.get(word) for word in spellings(clean(cell)))
            key = next((k for k in known if k is not None), None)
            if key is not None:
                columns.setdefault(key, column)
        if "code" in columns:
            start = row + 1
            break
    else:
        problems.add(
            "the table of regions has no column of codes", where=grid.where, instead="地区代码"
        )
        return Regions()
    for row in range(start, len(grid.cells)):
        if all(is_empty(cell) for cell in grid.cells[row]):
            continue
        text = {key: clean(grid.at(row, column)) for key, column in columns.items()}
        place = grid.place(row, columns["code"])
        code = text["code"]
        if not is_region_code(code):
            message, instead = Regions().refusal(code)
            problems.add(message, where=place, instead=instead)
        elif code in found.names_zh:
            problems.add(f"region {code} appears more than once", where=place)
        else:
            found.names_zh[code] = text.get("name_zh", "")
            found.names[code] = text.get("name", "")
            found.parents[code] = text.get("parent", "")
    return found
