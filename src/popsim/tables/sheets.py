"""One sheet to labelled cells, every number with its place; nothing is dropped or guessed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from popsim.errors import Problems
from popsim.tables.forms import FORMS, HEADINGS, Form, units_of
from popsim.tables.grids import Grid
from popsim.tables.heads import Head, read_head
from popsim.tables.labels import TOTAL
from popsim.tables.regions import Regions
from popsim.tables.text import NotANumberError, clean, decimals, is_empty, number
from popsim.tables.unit_words import known, of_text
from popsim.variables import VARIABLES

__all__ = ["Cell", "Sheet", "read_sheet"]

_FOOTNOTE = re.compile(r"^(注|资料来源|数据来源|来源|说明|备注|note|source)", re.I)
_SIGNS = {"%": 1e-2, "‰": 1e-3}
_BASES = {"resident": r"常住|\bresident", "registered": r"户籍|户口|registered"}


@dataclass
class Cell:
    """One number of a sheet.

    Parameters
    ----------
    labels : dict
        By dimension.
    value : float
        In the registry's unit; NaN when it is bad.
    place : str
        Its cell.
    rounding : float
        Half of the last digit shown, in the registry's unit; 0 for whole persons.
    age_place : str
        The cell of its age label.
    """

    labels: dict[str, Any]
    value: float
    place: str
    rounding: float
    age_place: str = ""


@dataclass
class Sheet:
    """What one sheet holds.

    Parameters
    ----------
    form : Form
    where : str
        File and sheet.
    cells : list of Cell
    unit : str
        As stated.
    broken : set of str
        Dimensions of which a label was not understood.
    notes : list of str
        Footnotes and sources.
    basis : str
        ``resident`` or ``registered``, when a title says so.
    names : dict of str to str
        Names of regions beside their codes.
    ratios : list of tuple
        Sex ratios given beside the counts: labels, value, rounding, place.
    refused : dict
        Labels that were not understood, by column and text: the places where they stand.
    ages_left : set
        Ages of rows that were left out because another label was not understood.
    """

    form: Form
    where: str
    cells: list[Cell] = field(default_factory=list)
    unit: str = ""
    broken: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    basis: str = ""
    names: dict[str, str] = field(default_factory=dict)
    ratios: list[tuple[dict[str, Any], float, float, str]] = field(default_factory=list)
    refused: dict[tuple[str, str], tuple[Any, list[str]]] = field(default_factory=dict)
    ages_left: set[Any] = field(default_factory=set)


def read_sheet(
    grid: Grid, name: str, regions: Regions, problems: Problems, base_time: int | None = None
) -> Sheet | None:
    """Read a sheet that is the table ``name``.

    Parameters
    ----------
    grid : Grid
    name : str
        Key of :data:`popsim.tables.forms.FORMS`.
    regions : Regions
    problems : Problems
        Takes everything that is not understood.
    base_time : int, optional
        Date of stocks whose table does not say it.

    Returns
    -------
    Sheet or None
        None when no headings are found; a sheet without cells when no number is filled in.
    """
    form = FORMS[name]
    head = read_head(grid, form, regions, problems)
    if head is None:
        return None
    sheet = Sheet(form, grid.where)
    if _is_unfilled(grid, head):
        return sheet
    text = " ".join([*head.titles, *(c.heading for c in head.columns.values())])
    found = [basis for basis, words in _BASES.items() if re.search(words, text, re.I)]
    sheet.basis = found[0] if len(found) == 1 else ""
    fixed = _context(grid, form, head, regions, base_time, problems)
    scales = {
        column: _scale(grid, form, head, column, sheet, problems)
        for column, role in head.columns.items()
        if role.role == "value"
    }
    if not scales:
        problems.add(
            f"no column of numbers is found in the table of {form.name}",
            where=grid.where,
            instead=" or ".join(form.values[:3]),
        )
        return sheet
    for row in range(head.first_data_row, len(grid.cells)):
        _read_row(grid, row, head, fixed, scales, regions, sheet, problems)
    # A label that is wrong in a thousand rows is one mistake.
    for (dimension, _), (value, places) in sheet.refused.items():
        message, instead = _not_a_label(dimension, value, regions)
        more = f" (and in {len(places) - 1} more rows)" if len(places) > 1 else ""
        problems.add(message + more, where=places[0], instead=instead)
    return sheet


def _is_unfilled(grid: Grid, head: Head) -> bool:
    """Return whether no value is filled in, as in a table of a template that was not needed."""
    columns = [c for c, role in head.columns.items() if role.role == "value"]
    rows = range(head.first_data_row, len(grid.cells))
    return bool(columns) and all(is_empty(grid.at(r, c)) for r in rows for c in columns)


def _context(
    grid: Grid,
    form: Form,
    head: Head,
    regions: Regions,
    base_time: int | None,
    problems: Problems,
) -> dict[str, Any]:
    """Return labels that stand above the table; note what stands nowhere."""
    there = set(head.key_columns())
    values = [c for c in head.columns.values() if c.role == "value"]
    for column in values:
        there |= set(column.labels)
    for dimension in sorted(set(head.key_columns()) - {*form.dims, "region_name"}):
        problems.add(
            f"a table of {form.name} has no dimension {dimension}; delete the column, or keep the "
            "rows of one label and move its label to the title",
            where=grid.place(head.first_data_row - 1, head.key_columns()[dimension]),
        )
    fixed: dict[str, Any] = {}
    for dimension in form.dims:
        if dimension in there:
            continue
        label: Any = None
        if dimension == "region":
            label = _region_of(head, regions)
        elif dimension == "time" and len(dates := head.stock_dates()) == 1:
            label = dates.pop()
        elif dimension == "time" and not head.years():
            label = base_time
        elif dimension == "year" and len(years := head.years()) == 1:
            label = years.pop()
        if label is not None:
            fixed[dimension] = label
        elif dimension not in form.optional:
            problems.add(_lacking(dimension, head), where=grid.where, instead=_example(dimension))
    return fixed


def _region_of(head: Head, regions: Regions) -> str | None:
    if regions.only:
        return regions.only
    for title in head.titles:
        for code in re.findall(r"(?<!\d)\d{6}(?!\d)", title):
            if regions.read(code) not in (None, TOTAL):
                return str(code)
        for code, name in regions.names_zh.items():
            if name and name in title:
                return code
    return None


def _lacking(dimension: str, head: Head) -> str:
    if dimension == "time" and any("11月1日" in title or "普查" in title for title in head.titles):
        return (
            "a census counts on 1 November; move it to 1 January first (move_to_january in "
            "popsim.demography.population) and give that"
        )
    if dimension == "time" and head.years():
        year = min(head.years())
        return f"{year} does not say on which day the population was counted"
    if dimension == "time":
        return "the date of the population is not stated"
    if dimension == "region":
        return "the region is not stated and there is no table of regions with one row"
    if dimension == "year":
        return "the year is not stated"
    return f"there is no column {HEADINGS[dimension][0]} ({dimension}) and no column for each of it"


def _example(dimension: str) -> str:
    return {
        "time": "2022年末 or 2023年1月1日 in the title, or a column 时点",
        "region": "a column 地区代码, or a table regions (地区)",
        "year": "2022年 in the title, or a column 年份",
    }.get(dimension, HEADINGS[dimension][0])


def _scale(
    grid: Grid, form: Form, head: Head, column: int, sheet: Sheet, problems: Problems
) -> float:
    """Return the factor from the stated unit to the registry's; note a unit that is unknown."""
    own = of_text(head.columns[column].heading, form.kind)
    titles = (of_text(title, form.kind) for title in head.titles)
    stated = own or next((unit for unit in titles if unit is not None), None)
    if stated is None and grid.unit:
        stated = grid.unit, known(grid.unit, form.kind)
    if stated is None and grid.labels:
        # A frame without a statement is in the registry's units, as the documentation says.
        stated = VARIABLES[form.name].units, 1.0
    if stated is None and form.assumed:
        stated = form.assumed, 1.0
    # What holds for the whole table is told once.
    first = next(c for c, role in head.columns.items() if role.role == "value")
    place = grid.place(head.first_data_row - 1, column)
    instead = f"单位：{form.unit} above the table, or {form.values[0]}({form.unit}) as the heading"
    if stated is None or stated[1] is None:
        message = "the unit is not stated"
        if stated is not None:
            message = f"the unit {stated[0]!r} is not known for {form.name}"
            instead = units_of(form)
        if own is not None or column == first:
            problems.add(message, where=place, instead=instead)
        return math.nan
    sheet.unit = sheet.unit or stated[0]
    return stated[1]


def _read_row(
    grid: Grid,
    row: int,
    head: Head,
    fixed: dict[str, Any],
    scales: dict[int, float],
    regions: Regions,
    sheet: Sheet,
    problems: Problems,
) -> None:
    own = [(c, cell) for c, cell in enumerate(grid.cells[row]) if not is_empty(cell)]
    if not own or _is_heading_again(grid, row, head):
        return
    if len(own) == 1 and isinstance(own[0][1], str):
        text = clean(own[0][1])
        if _FOOTNOTE.match(text):
            sheet.notes.append(re.sub(r"^[^:]{1,6}:\s*", "", text))
            return
    labels = dict(fixed)
    understood = True
    for column, role in head.columns.items():
        if role.role != "key" or role.dimension not in (*sheet.form.dims, "region_name"):
            continue
        value = grid.at(row, column)
        place = grid.place(row, column)
        if role.dimension == "region_name":
            continue
        label = head.read(role.dimension, value, regions)
        if label is None:
            key = role.dimension, clean(value)
            sheet.refused.setdefault(key, (value, []))[1].append(place)
            sheet.broken.add(role.dimension)
            understood = False
        else:
            labels[role.dimension] = label
    if not understood:
        sheet.ages_left |= {labels["age"]} if "age" in labels else set()
        return
    _note_name(grid, row, head, labels, sheet)
    keys, top = head.key_columns(), head.first_data_row - 1
    for column, role in head.columns.items():
        if role.role == "value":
            at = (row, keys["age"]) if "age" in keys else (top, column)
            own_labels = {**labels, **role.labels}
            cell = _read_cell(
                grid, row, column, own_labels, scales, sheet, grid.place(*at), problems
            )
            if cell is not None:
                sheet.cells.append(cell)
        elif role.role == "check" and not is_empty(grid.at(row, column)):
            _note_ratio(grid, row, column, labels, sheet, problems)


def _is_heading_again(grid: Grid, row: int, head: Head) -> bool:
    """Return whether a row repeats the headings, as at the top of a printed page."""
    texts = {c: clean(cell) for c, cell in enumerate(grid.cells[row]) if not is_empty(cell)}
    columns = head.columns
    return len(texts) > 1 and all(
        c in columns and text in columns[c].parts for c, text in texts.items()
    )


def _note_name(grid: Grid, row: int, head: Head, labels: dict[str, Any], sheet: Sheet) -> None:
    keys = head.key_columns()
    if "region_name" in keys and labels.get("region", TOTAL) != TOTAL:
        sheet.names[labels["region"]] = clean(grid.at(row, keys["region_name"]))


def _not_a_label(dimension: str, value: Any, regions: Regions) -> tuple[str, str]:
    if is_empty(value):
        return f"the {dimension} is empty", "its label in every row"
    if dimension == "region":
        return regions.refusal(value)
    if isinstance(value, date) and dimension == "age":
        group = f"{value.month}-{value.day}岁"
        return f"the spreadsheet has turned an age group into the date {value:%Y-%m-%d}", group
    examples = {
        "sex": "男, 女 or 合计",
        "age": "0岁, 0-4岁 or 100岁及以上",
        "birth_order": "一孩, 2 or 3孩及以上",
        "parity": "0, 1 or 3个及以上",
        "year": "2022",
        "time": "2022年末 or 2023年1月1日",
        "mortality_level": "low, central or high",
    }
    return f"{dimension} {clean(value)!r} is not understood", examples[dimension]


def _read_cell(
    grid: Grid,
    row: int,
    column: int,
    labels: dict[str, Any],
    scales: dict[int, float],
    sheet: Sheet,
    age_place: str,
    problems: Problems,
) -> Cell | None:
    raw, place, scale = grid.at(row, column), grid.place(row, column), scales[column]
    form = sheet.form
    if any(dimension not in labels for dimension in form.dims if dimension not in form.optional):
        return None
    bad = Cell(labels, math.nan, place, 0.0, age_place)
    try:
        value, sign = number(raw)
    except NotANumberError as error:
        problems.add(str(error), where=place, instead="a number, 0 where there is none")
        return bad
    if sign:
        if form.kind not in ("rate", "fraction"):
            problems.add(f"{clean(raw)!r} is not a number of {form.unit}", where=place)
            return bad
        scale = _SIGNS[sign]
    if value < 0 and VARIABLES[form.name].minimum >= 0:
        problems.add(
            f"{value:.10g} is negative", where=place, instead="a number that is not negative"
        )
        return bad
    # Whole persons are counted, not rounded.
    exact = scale == 1.0 and form.kind == "count" and value.is_integer()
    rounding = 0.0 if exact else 0.5 * 10.0 ** -decimals(raw) * scale
    return Cell(labels, value * scale, place, rounding, age_place)


def _note_ratio(
    grid: Grid, row: int, column: int, labels: dict[str, Any], sheet: Sheet, problems: Problems
) -> None:
    raw, place = grid.at(row, column), grid.place(row, column)
    try:
        value, _ = number(raw)
    except NotANumberError as error:
        problems.add(str(error), where=place, instead="men per 100 women, or an empty cell")
        return
    sheet.ratios.append((labels, value, 0.5 * 10.0 ** -decimals(raw), place))
