"""The table ``about``: title, basis and sources of a set of tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from popsim.errors import Problems, nearest
from popsim.tables.forms import FORMS
from popsim.tables.grids import Grid
from popsim.tables.labels import stock_date
from popsim.tables.text import NotANumberError, clean, is_empty, number

__all__ = ["ITEMS", "About", "read_about"]

#: Items by attribute of the Dataset, with their Chinese names.
ITEMS = {
    "name": "名称",
    "title": "标题",
    "population_basis": "人口口径",
    "base_time": "基期（1月1日）",
    "first_projected_year": "首个预测年份",
    "fertility_held": "保持不变的生育指标",
    "licence": "许可",
    "price_year": "价格年份",
}
_YEARS = ("base_time", "first_projected_year", "price_year")
_BASES = {"resident": "resident", "registered": "registered", "常住": "resident"}
_BASES |= {"常住人口": "resident", "户籍": "registered", "户籍人口": "registered"}
SOURCE = "source"


@dataclass
class About:
    """Attributes of the Dataset and sources of its variables."""

    items: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)


def read_about(grid: Grid, problems: Problems) -> About:
    """Read rows of item and content; an item ``source population`` is the source of a variable.

    Parameters
    ----------
    grid : Grid
    problems : Problems
        Takes items that are not known and contents that do not fit.

    Returns
    -------
    About
    """
    found = About()
    words = {clean(zh): key for key, zh in ITEMS.items()} | {key: key for key in ITEMS}
    for row in range(len(grid.cells)):
        item = clean(grid.at(row, 0))
        content = grid.at(row, 1) if grid.width > 1 else None
        if not item or is_empty(content) or item.lower() in ("项目", "项目item", "item"):
            continue
        place = grid.place(row, 1)
        english = item.split(" ")[-1] if " " in item else item
        key = words.get(item) or words.get(english) or words.get(_after_chinese(item))
        kind, _, name = item.partition(" ")
        if kind.removeprefix("来源") == SOURCE and name:
            if name in FORMS:
                found.sources[name] = str(content).strip()
            else:
                guess = nearest(name, FORMS)
                problems.add(f"{name!r} is not a table", where=grid.place(row, 0), instead=guess)
        elif key is None:
            problems.add(
                f"the item {item!r} is not known",
                where=grid.place(row, 0),
                instead=nearest(english, ITEMS) or ", ".join(ITEMS),
            )
        elif key in _YEARS:
            _read_year(found, key, content, place, problems)
        elif key == "population_basis":
            basis = _BASES.get(clean(content))
            if basis is None:
                problems.add(
                    f"the basis {clean(content)!r} is not known",
                    where=place,
                    instead="常住人口 (resident) or 户籍人口 (registered)",
                )
            else:
                found.items[key] = basis
        else:
            found.items[key] = str(content).strip()
    return found


def _after_chinese(item: str) -> str:
    return item.lstrip("".join(c for c in item if ord(c) > 0x2FF) + "()1 /")


def _read_year(found: About, key: str, content: Any, place: str, problems: Problems) -> None:
    date = stock_date(content) if key == "base_time" else None
    if date is not None:
        found.items[key] = date
        return
    try:
        value, _ = number(content)
    except NotANumberError as error:
        problems.add(str(error), where=place, instead="a year such as 2023")
        return
    if not 1800 <= value <= 2300 or value != int(value):
        problems.add(f"{value:g} is not a year", where=place, instead="a year such as 2023")
        return
    found.items[key] = int(value)
