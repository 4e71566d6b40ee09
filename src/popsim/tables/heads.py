"""The heading rows of a sheet: where they are and what every column holds.

Headings may be merged, in several rows, in Chinese, English or both; above them stand title rows,
which give what the columns do not: the date, the unit, the region.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from popsim.errors import Problems, nearest
from popsim.tables.forms import HEADINGS, Form, heading
from popsim.tables.grids import Grid
from popsim.tables.labels import READERS, TOTAL, stock_date
from popsim.tables.regions import Regions
from popsim.tables.text import clean, is_empty

__all__ = ["Column", "Head", "read_head"]

_LOOKED_AT = 40
_MOST_ROWS = 4
_BARE_NUMBER = re.compile(r"[\d,.]+")
_UNIT_ALONE = re.compile(r"[(\[]?(计量)?单位\s*:|[(\[]?units?\s*:", re.I)
_YEAR = re.compile(r"(?<!\d)((?:18|19|20|21|22)\d{2})\s*年?")


@dataclass
class Column:
    """What a column holds.

    Parameters
    ----------
    role : str
        ``key`` (labels of a dimension), ``value``, ``check`` or ``note``.
    dimension : str
        Of a key.
    labels : dict
        Labels of a column of values, by dimension.
    parts : tuple of str
        Heading cells of the column, from the top.
    """

    role: str
    dimension: str = ""
    labels: dict[str, Any] = field(default_factory=dict)
    parts: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        """All heading cells of the column, each once."""
        return " ".join(dict.fromkeys(self.parts))


@dataclass
class Head:
    """Heading rows of a sheet.

    Parameters
    ----------
    titles : list of str
        Texts above the headings, then the names of sheet and file.
    first_data_row : int
    columns : dict of int to Column
        By position; empty columns are left out.
    year_is_end : bool or None
        For stocks: whether a bare year means its end (年末) or its 1 January; None: not said.
    """

    titles: list[str]
    first_data_row: int
    columns: dict[int, Column]
    year_is_end: bool | None
    _known: dict[tuple[str, Any], Any] = field(default_factory=dict)

    def read(self, dimension: str, value: Any, regions: Regions) -> Any:
        """Read a cell as a label of a dimension."""
        # Labels repeat in every block of rows; a long table has few different ones.
        key = dimension, value
        if key not in self._known:
            self._known[key] = self._read(dimension, value, regions)
        return self._known[key]

    def _read(self, dimension: str, value: Any, regions: Regions) -> Any:
        if dimension == "region":
            return regions.read(value)
        label = READERS[dimension](value)
        if label is None and dimension == "time" and self.year_is_end is not None:
            bare = READERS["year"](value)
            label = None if bare is None else bare + self.year_is_end
        return label

    def key_columns(self) -> dict[str, int]:
        """Return the position of the key column of each dimension."""
        return {c.dimension: i for i, c in self.columns.items() if c.role == "key"}

    def years(self) -> set[int]:
        """Return the calendar years that the titles name."""
        for title in self.titles:
            found = {int(year) for year in _YEAR.findall(title)}
            if found:
                return found
        return set()

    def stock_dates(self) -> set[int]:
        """Return the 1 January that the titles name; a bare year counts if its meaning is said."""
        for title in self.titles:
            date = stock_date(title, anywhere=True)
            if date is not None:
                return {date}
        return (
            {y + self.year_is_end for y in self.years()} if self.year_is_end is not None else set()
        )


def read_head(grid: Grid, form: Form, regions: Regions, problems: Problems) -> Head | None:
    """Find the heading rows and tell what every column holds.

    Parameters
    ----------
    grid : Grid
    form : Form
        The table that the sheet is.
    regions : Regions
    problems : Problems
        Takes columns that are not understood, with their place.

    Returns
    -------
    Head or None
        None, with a problem, when no heading row is found.
    """
    rows = [r for r in range(min(_LOOKED_AT, len(grid.cells))) if _is_head(grid, r, form, regions)]
    if not rows:
        problems.add(
            "no row of headings is found",
            where=grid.where,
            instead=", ".join(HEADINGS[d][0] for d in form.dims) + f", {form.values[0]}",
        )
        return None
    heads = [rows[0]]
    while len(heads) < _MOST_ROWS and _goes_on(grid, heads, form, regions):
        heads.append(heads[-1] + 1)
    names = [grid.sheet, grid.file.rpartition(".")[0]]
    titles = [clean(c) for r in range(heads[0]) for c in dict.fromkeys(map(str, _own(grid, r)))]
    head = Head([*titles, *names], heads[-1] + 1, {}, None)
    text = " ".join([*head.titles, *(clean(c) for r in heads for c in _own(grid, r))])
    head.year_is_end = _meaning_of_year(text)
    _fill_columns(grid, form, regions, heads, head, problems)
    if head.year_is_end is None and "time" in head.key_columns():
        # A column named like the dimension holds what the dimension holds: 1 January.
        named = head.columns[head.key_columns()["time"]].heading.lower()
        head.year_is_end = False if named in ("time", "1月1日", "1 january") else None
    return head


def _own(grid: Grid, row: int) -> list[Any]:
    """Return the cells of a row that are not empty, merged ranges once."""
    return [c for c in grid.cells[row] if not is_empty(c)]


def _meaning_of_year(text: str) -> bool | None:
    end = re.search(r"年末|年底|12月31日|year-?end", text, re.I) is not None
    start = re.search(r"年初|(?<!\d)1月1日|1 january", text, re.I) is not None
    return None if end == start else end


def _levels(text: Any, form: Form, regions: Regions) -> dict[str, Any]:
    """Return the labels that a heading can be, by dimension; years of stocks stay undecided."""
    found = {}
    for dimension in form.dims:
        label = regions.read(text) if dimension == "region" else READERS[dimension](text)
        if label is None and dimension == "time":
            year = READERS["year"](text)
            label = None if year is None else ("year", year)
        if label is not None:
            found[dimension] = label
    return found


def _is_head(grid: Grid, row: int, form: Form, regions: Regions) -> bool:
    # A unit beside a title (出生人数 | 单位：人) is no heading.
    cells = [c for c in _own(grid, row) if not _UNIT_ALONE.match(clean(c))]
    roles = [heading(clean(c), form) for c in cells]
    if len(cells) > 1 and any(role is not None and role[0] in ("key", "value") for role in roles):
        return True
    words = [c for c in cells if not _BARE_NUMBER.fullmatch(clean(c))]
    levels = [set(_levels(c, form, regions)) for c in words]
    shared = set.intersection(*levels) if levels else set()
    return len(words) > 1 and bool(shared)


def _goes_on(grid: Grid, heads: list[int], form: Form, regions: Regions) -> bool:
    """Return whether the next row is one more row of headings."""
    row = heads[-1] + 1
    if row >= len(grid.cells):
        return False
    cells = _own(grid, row)
    roles = [heading(clean(c), form) for c in cells]
    if len(cells) > 1 and any(role is not None and role[0] == "key" for role in roles):
        return True
    keys = [
        column
        for column in range(grid.width)
        if (role := heading(clean(grid.at(heads[0], column)), form)) and role[0] == "key"
    ]
    merged_or_blank = all(is_empty(grid.cells[row][column]) for column in keys)
    words = [c for c in cells if not _BARE_NUMBER.fullmatch(clean(c))]
    understood = [bool(_levels(c, form, regions)) or heading(clean(c), form) for c in words]
    return bool(keys and merged_or_blank and words and len(words) == len(cells) and all(understood))


def _fill_columns(
    grid: Grid, form: Form, regions: Regions, heads: list[int], head: Head, problems: Problems
) -> None:
    texts = _heading_texts(grid, form, heads)
    candidates: dict[int, list[dict[str, Any]]] = {}
    for column in range(grid.width):
        parts = [text for text in texts[column] if text]
        shown = " ".join(dict.fromkeys(parts))
        own = tuple(parts)
        roles = [heading(text, form) for text in parts]
        keyed = [role for role in roles if role is not None and role[0] in ("key", "note", "check")]
        if keyed:
            kind, dimension = keyed[-1]
            if kind == "key" and dimension == "year" and "time" in form.dims:
                dimension = "time"
            head.columns[column] = Column(kind, dimension, {}, own)
        elif not parts:
            _infer_key(grid, form, regions, head, column)
        else:
            found = [_levels(text, form, regions) for text in parts]
            date = {}
            if "time" in form.dims:
                dates = {d for t in parts if (d := stock_date(t, anywhere=True)) is not None}
                date = {"time": dates.pop()} if len(dates) == 1 else {}
            if any(not f and role is None for f, role in zip(found, roles, strict=True)):
                _refuse(grid, form, heads[-1], column, shown, problems)
                continue
            candidates[column] = [f for f in found if f]
            head.columns[column] = Column("value", "", date, own)
    _settle(grid, form, heads, head, candidates, problems)


def _heading_texts(grid: Grid, form: Form, heads: list[int]) -> list[list[str]]:
    """Return the heading cells of every column; a blank one repeats the one to its left."""
    texts: list[list[str]] = [[] for _ in range(grid.width)]
    for row in heads:
        before = ""
        for column in range(grid.width):
            text = clean(grid.at(row, column))
            role = heading(before, form)
            if not text and row != heads[-1] and (role is None or role[0] == "value"):
                text = before
            before = text
            texts[column].append(text)
    return texts


def _infer_key(grid: Grid, form: Form, regions: Regions, head: Head, column: int) -> None:
    """Take a column without a heading for a key if its first label says of which dimension."""
    filled = (
        grid.at(r, column)
        for r in range(head.first_data_row, len(grid.cells))
        if not is_empty(grid.at(r, column))
    )
    first = next((value for value in filled if _levels(value, form, regions)), None)
    if first is None or _BARE_NUMBER.fullmatch(clean(first)):
        return
    found = {d for d, label in _levels(first, form, regions).items() if label != TOTAL}
    # A first row of totals fits every dimension; labels below it decide.
    for value in filled if not found else ():
        found = {d for d, label in _levels(value, form, regions).items() if label != TOTAL}
        if found:
            break
    if len(found) == 1:
        head.columns[column] = Column("key", found.pop())


def _refuse(grid: Grid, form: Form, row: int, column: int, shown: str, problems: Problems) -> None:
    words = [w for d in form.dims for w in HEADINGS[d]] + list(form.values)
    problems.add(
        f"the heading {shown!r} is not understood in a table of {form.name}",
        where=grid.place(row, column),
        instead=nearest(shown, [*words, "男", "女", "合计"])
        or f"{' or '.join(HEADINGS[d][0] for d in form.dims)}, or move the column to another sheet",
    )


def _settle(
    grid: Grid,
    form: Form,
    heads: list[int],
    head: Head,
    candidates: dict[int, list[dict[str, Any]]],
    problems: Problems,
) -> None:
    """Decide of which dimension the headings of the value columns are labels."""
    keys = set(head.key_columns())
    depth = max((len(found) for found in candidates.values()), default=0)
    taken: set[str] = set()
    for level in range(depth):
        cells = {c: found[level] for c, found in candidates.items() if len(found) > level}
        named = [
            {d for d, label in found.items() if label != TOTAL and d not in keys | taken}
            for found in cells.values()
        ]
        shared = set.intersection(*[n for n in named if n]) if any(named) else set()
        if not any(named):
            continue
        if len(shared) != 1:
            column = next(iter(cells))
            options = " or ".join(sorted(shared)) or "no single dimension"
            problems.add(
                f"the headings from here on can be labels of {options}",
                where=grid.place(heads[-1], column),
                instead="headings such as 男, 0-4岁, 一孩, 2022年",
            )
            continue
        dimension = shared.pop()
        taken.add(dimension)
        for column, found in cells.items():
            if dimension in found:
                label = found[dimension]
                if isinstance(label, tuple) and label[0] == "year":
                    label = _bare_year(grid, heads[-1], column, label[1], head, problems)
                if label is not None:
                    head.columns[column].labels[dimension] = label
    # A plain column of values beside columns by sex (人口数 男 女) is their total.
    for dimension in taken:
        for found_column in head.columns.values():
            if found_column.role == "value":
                found_column.labels.setdefault(dimension, TOTAL)


def _bare_year(
    grid: Grid, row: int, column: int, year: int, head: Head, problems: Problems
) -> int | None:
    if head.year_is_end is not None:
        return year + head.year_is_end
    problems.add(
        f"{year} does not say on which day the population was counted",
        where=grid.place(row, column),
        instead=f"{year}年末 (31 December) or {year}年1月1日",
    )
    return None
