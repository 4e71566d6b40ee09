"""Labelled cells to a labelled array: duplicates, gaps, totals and subtotals are checked here.

Totals are compared with what they should be the sum of, and never added.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any

import numpy as np
import xarray as xr

from popsim.errors import Problems
from popsim.tables.forms import Form
from popsim.tables.labels import TOTAL, show
from popsim.tables.sheets import Cell, Sheet

__all__ = ["Given", "gather"]

_SEXES = ("female", "male")


@dataclass
class Given:
    """A table that was given, in the registry's units.

    Parameters
    ----------
    form : Form
    array : xarray.DataArray
        Dimensions of the form that are there; ``age`` holds first ages, ``birth_order`` and
        ``parity`` numbers.
    last_age : int or None
        Upper end of the last age group (exclusive); None when it is open.
    where : str
        Files and sheets it was read from.
    unit : str
        As stated there.
    notes : list of str
        Footnotes and sources.
    open_order : bool
        Whether the last birth order or parity is open.
    """

    form: Form
    array: xr.DataArray
    last_age: int | None
    where: str
    unit: str
    notes: list[str] = field(default_factory=list)
    open_order: bool = False

    @property
    def single_ages(self) -> bool:
        """Whether all closed ages are single years."""
        return "age" not in self.array.dims or bool((np.diff(self.array["age"].values) == 1).all())


def gather(sheets: list[Sheet], problems: Problems) -> Given | None:
    """Put the sheets of one table together.

    Parameters
    ----------
    sheets : list of Sheet
        All of the same form.
    problems : Problems
        Takes duplicates, missing cells, and totals that do not add up, with their places.

    Returns
    -------
    Given or None
        None when something is missing, or when nothing is filled in.
    """
    form = sheets[0].form
    cells = [cell for sheet in sheets for cell in sheet.cells]
    where = ", ".join(dict.fromkeys(sheet.where for sheet in sheets))
    if not cells:
        return None
    broken = set().union(*(sheet.broken for sheet in sheets))
    dims = [d for d in form.dims if any(d in cell.labels for cell in cells)]
    # A column of totals alone (合计) is a table without that dimension.
    given = {d: {cell.labels.get(d) for cell in cells} for d in dims}
    dims = [d for d in dims if not (d in form.optional and given[d] == {TOTAL})]
    table = _unique(cells, dims, problems)
    before = len(problems.found)
    members = {d: _members(table, d, dims) for d in dims}
    parts = _age_parts(table, dims, problems, broken) if "age" in dims else {}
    if "age" in dims:
        members["age"] = [g for g in members["age"] if g not in parts]
        left = set().union(*(sheet.ages_left for sheet in sheets)) - {TOTAL}
        if "age" in broken:
            _check_rows(members["age"], table, dims, problems)
        else:
            _check_gaps(members["age"], left, form, table, dims, where, problems)
    gap = len(problems.found) > before
    for dimension in ("birth_order", "parity"):
        if dimension in dims and dimension not in broken:
            _check_orders(members[dimension], dimension, where, problems)
    if "sex" in dims and "sex" not in broken:
        for sex in _SEXES:
            if sex not in members["sex"]:
                problems.add(f"there are no numbers of sex {sex}", where=where)
    if not broken and not gap:
        _check_complete(table, members, dims, where, problems)
    for dimension in dims:
        summed = _adds_up(form, dimension) and dimension not in broken
        if summed and not (dimension == "age" and gap):
            _check_totals(table, members, dims, dimension, problems)
    for group, inner in parts.items() if _adds_up(form, "age") else ():
        _check_part(table, dims, group, inner, problems)
    for sheet in sheets:
        _check_ratios(sheet, table, dims, problems)
    if broken or len(problems.found) > before:
        return None
    return _array(sheets, table, members, dims, where)


def _adds_up(form: Form, dimension: str) -> bool:
    """Return whether a total is the sum: of counts, and of the rates of all women by order."""
    by_order = form.name == "incidence_fertility_rate" and dimension == "birth_order"
    return form.kind == "count" or by_order


def _key(cell: Cell, dims: list[str]) -> tuple[Any, ...]:
    return tuple(cell.labels.get(d) for d in dims)


def _unique(cells: list[Cell], dims: list[str], problems: Problems) -> dict[tuple[Any, ...], Cell]:
    table: dict[tuple[Any, ...], Cell] = {}
    told: set[tuple[Any, ...]] = set()
    for cell in cells:
        key = _key(cell, dims)
        if key not in table:
            table[key] = cell
            continue
        # One message a row: the other columns of a repeated row are repeated with it.
        row = (_row(cell.place), _row(table[key].place))
        if row not in told:
            told.add(row)
            problems.add(
                f"{_named(dims, key)} is given twice, first in {_short(table[key].place)}",
                where=cell.place,
                instead="one row for it",
            )
    return table


def _row(place: str) -> str:
    """Return a place without its column."""
    head, _, cell = place.rpartition("!")
    if cell and cell[-1].isdigit():
        return head + cell.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return place.partition(",")[0]


def _short(place: str) -> str:
    return place.rpartition("!")[2]


def _named(dims: Iterable[str], key: Iterable[Any]) -> str:
    return ", ".join(show(d, label) for d, label in zip(dims, key, strict=True))


def _members(table: dict[tuple[Any, ...], Cell], dimension: str, dims: list[str]) -> list[Any]:
    """Return the labels of a dimension without totals, sorted."""
    place = dims.index(dimension)
    found = dict.fromkeys(key[place] for key in table if key[place] != TOTAL)
    if dimension == "sex":
        return [sex for sex in _SEXES if sex in found]
    if dimension == "mortality_level":
        return [level for level in ("low", "central", "high") if level in found]
    if dimension == "region":
        return list(found)
    if dimension == "age":
        return sorted(found, key=_age_order)
    return sorted(found)


def _age_order(group: Any) -> tuple[int, float]:
    return group[0], math.inf if group[1] is None else group[1]


def _age_parts(
    table: dict[tuple[Any, ...], Cell], dims: list[str], problems: Problems, broken: set[str]
) -> dict[Any, list[Any]]:
    """Return age groups that are the sum of narrower ones, with those; note other overlaps."""
    groups = _members(table, "age", dims)
    parts: dict[Any, list[Any]] = {}
    for group in groups:
        inner = [g for g in groups if g != group and _inside(g, group)]
        inner = [g for g in inner if not any(h != g and _inside(g, h) for h in inner)]
        covered = bool(inner) and inner[0][0] == group[0] and inner[-1][1] == group[1]
        covered &= all(a[1] is not None and a[1] + 1 == b[0] for a, b in pairwise(inner))
        if covered:
            parts[group] = inner
    finest = [g for g in groups if g not in parts]
    for a, b in pairwise(finest):
        if (a[1] is None or a[1] >= b[0]) and "age" not in broken:
            cell = next(c for k, c in table.items() if k[dims.index("age")] == b)
            problems.add(
                f"{show('age', b)} overlaps with {show('age', a)} and neither is the sum of "
                "narrower groups",
                where=cell.age_place,
                instead="age groups that follow each other",
            )
    return parts


def _inside(inner: Any, outer: Any) -> bool:
    low = inner[0] >= outer[0]
    high = outer[1] is None or (inner[1] is not None and inner[1] <= outer[1])
    return bool(low and high)


def _check_gaps(
    there: list[Any],
    left: set[Any],
    form: Form,
    table: dict[tuple[Any, ...], Cell],
    dims: list[str],
    where: str,
    problems: Problems,
) -> None:
    """Note ages that are missing; births are allowed to begin and end with the ages of mothers."""
    of_mothers = "birth_order" in form.dims or form.name == "women_by_parity"
    place = dims.index("age")
    at = {key[place]: cell.age_place for key, cell in reversed(table.items())}
    groups = sorted({*there, *left}, key=_age_order)
    if not groups:
        problems.add("there are no ages", where=where)
        return
    if not of_mothers and groups[0][0] > 0:
        text = show("age", (0, groups[0][0] - 1))
        problems.add(
            f"{text} is missing before {show('age', groups[0])}", where=at.get(groups[0], where)
        )
    gaps = [(a, b) for a, b in pairwise(groups) if a[1] is not None and a[1] + 1 < b[0]]
    # Lower limits alone read as single ages: one mistake, however many groups there are.
    limits = len(gaps) > 1 and all(a[0] == a[1] for a, _ in gaps)
    for a, b in gaps[:1] if limits else gaps:
        text = f"{show('age', (a[1] + 1, b[0] - 1))} is missing after {show('age', a)}"
        text += f" (and {len(gaps) - 1} more gaps)" if limits else ""
        hint = f"{a[0]}-{b[0] - 1}岁" if limits else ""
        problems.add(text, where=at.get(b, where), instead=hint)
    last = groups[-1]
    if last[1] is not None and not of_mothers:
        problems.add(
            f"the last age group, {show('age', last)}, is closed; everybody older is missing",
            where=at.get(last, where),
            instead=f"{last[0]}岁及以上, or one more row {last[1] + 1}岁及以上",
        )


def _check_rows(
    groups: list[Any], table: dict[tuple[Any, ...], Cell], dims: list[str], problems: Problems
) -> None:
    """Note ages that are missing between two rows that stand under each other.

    Where a label was not understood, other gaps may be no more than that row.
    """
    place = dims.index("age")
    first = {key[place]: cell.age_place for key, cell in reversed(table.items())}
    last = {key[place]: cell.age_place for key, cell in table.items()}
    for a, b in pairwise(groups):
        gap = a[1] is not None and a[1] + 1 < b[0]
        if gap and any(_next_row(at[a]) == at[b] for at in (first, last)):
            text = f"{show('age', (a[1] + 1, b[0] - 1))} is missing after {show('age', a)}"
            problems.add(text, where=first[b])


def _next_row(place: str) -> str:
    """Return the cell under a cell.

    Examples
    --------
    >>> _next_row("人口.xlsx!Sheet1!A9")
    '人口.xlsx!Sheet1!A10'
    """
    head = place.rstrip("0123456789")
    return f"{head}{int(place[len(head) :]) + 1}" if head != place else ""


def _check_orders(labels: list[Any], dimension: str, where: str, problems: Problems) -> None:
    numbers = [number for number, _ in labels]
    first = 1 if dimension == "birth_order" else 0
    if numbers != list(range(first, first + len(numbers))):
        shown = ", ".join(map(str, numbers))
        problems.add(f"{dimension} is {shown}; it must run from {first} on", where=where)
    elif any(is_open for _, is_open in labels[:-1]):
        number = next(n for n, is_open in labels if is_open)
        problems.add(f"{dimension} {number}+ stands beside higher numbers", where=where)


def _check_complete(
    table: dict[tuple[Any, ...], Cell],
    members: dict[str, list[Any]],
    dims: list[str],
    where: str,
    problems: Problems,
) -> None:
    missing = [key for key in product(*(members[d] for d in dims)) if key not in table]
    if missing:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        problems.add(f"there is no number for {_named(dims, missing[0])}{more}", where=where)


def _check_totals(
    table: dict[tuple[Any, ...], Cell],
    members: dict[str, list[Any]],
    dims: list[str],
    dimension: str,
    problems: Problems,
) -> None:
    place = dims.index(dimension)
    for key, cell in table.items():
        if key[place] == TOTAL:
            keys = [(*key[:place], m, *key[place + 1 :]) for m in members[dimension]]
            _compare(cell, [table[k] for k in keys if k in table], len(keys), dims, key, problems)


def _check_part(
    table: dict[tuple[Any, ...], Cell],
    dims: list[str],
    group: Any,
    inner: list[Any],
    problems: Problems,
) -> None:
    place = dims.index("age")
    for key, cell in table.items():
        if key[place] == group:
            keys = [(*key[:place], m, *key[place + 1 :]) for m in inner]
            _compare(cell, [table[k] for k in keys if k in table], len(keys), dims, key, problems)


def _compare(
    cell: Cell,
    parts: list[Cell],
    wanted: int,
    dims: list[str],
    key: tuple[Any, ...],
    problems: Problems,
) -> None:
    """Note a total that is not the sum of its parts within rounding; bad cells decide nothing."""
    values = [part.value for part in parts]
    if len(parts) < wanted or not math.isfinite(sum(values) + cell.value):
        return
    total = math.fsum(values)
    room = cell.rounding + sum(part.rounding for part in parts) + 1e-9 * abs(total)
    if abs(total - cell.value) > room:
        problems.add(
            f"the total for {_named(dims, key)} is {cell.value:,.10g}, its parts sum to "
            f"{total:,.10g}",
            where=cell.place,
            instead="the sum, or correct the parts",
        )


def _check_ratios(
    sheet: Sheet, table: dict[tuple[Any, ...], Cell], dims: list[str], problems: Problems
) -> None:
    """Compare sex ratios given beside the counts: this finds columns in the wrong order."""
    swapped: list[str] = []
    for labels, value, rounding, where in sheet.ratios:
        pair = [table.get(tuple({**labels, "sex": sex}.get(d) for d in dims)) for sex in _SEXES]
        if pair[0] is None or pair[1] is None:
            continue
        women, men = pair[0].value, pair[1].value
        if not (women > 0 and men > 0):
            continue
        right, wrong = 100 * men / women, 100 * women / men
        slack = 1.01 * rounding + 1e-9
        if abs(right - value) <= slack:
            continue
        if abs(wrong - value) <= slack:
            swapped.append(where)
        else:
            problems.add(
                f"the sex ratio is {value:g}, but the numbers beside it give {right:.2f}",
                where=where,
                instead=f"{right:.2f}, or correct the numbers",
            )
    if swapped:
        more = f" (and {len(swapped) - 1} more rows)" if len(swapped) > 1 else ""
        problems.add(
            f"the sex ratio fits only if the columns of men and women are exchanged{more}",
            where=swapped[0],
            instead="男 over the men and 女 over the women",
        )


def _array(
    sheets: list[Sheet],
    table: dict[tuple[Any, ...], Cell],
    members: dict[str, list[Any]],
    dims: list[str],
    where: str,
) -> Given | None:
    shape = [len(members[d]) for d in dims]
    keys = list(product(*(members[d] for d in dims)))
    values = np.array([table[key].value for key in keys]).reshape(shape)
    if not np.isfinite(values).all():
        return None
    coords: dict[str, Any] = {}
    open_order, last_age = False, None
    for dimension in dims:
        labels = members[dimension]
        if dimension == "age":
            coords["age"] = [first for first, _ in labels]
            last_age = None if labels[-1][1] is None else labels[-1][1] + 1
        elif dimension in ("birth_order", "parity"):
            coords[dimension] = [number for number, _ in labels]
            open_order = bool(labels[-1][1])
        else:
            coords[dimension] = labels
    array = xr.DataArray(values, coords, dims)
    notes = [note for sheet in sheets for note in sheet.notes]
    unit = next((sheet.unit for sheet in sheets if sheet.unit), "")
    return Given(sheets[0].form, array, last_age, where, unit, notes, open_order)
