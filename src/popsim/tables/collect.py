"""All grids of a folder, workbook or set of frames to the tables that they hold."""

from __future__ import annotations

from dataclasses import dataclass, field

from popsim.errors import Problem, Problems
from popsim.tables.about import About, read_about
from popsim.tables.forms import ABOUT, EXPLANATION, FORMS, REGIONS, form_of
from popsim.tables.gather import Given, gather
from popsim.tables.grids import Grid
from popsim.tables.regions import Regions, read_regions
from popsim.tables.sheets import read_sheet
from popsim.tables.text import clean

__all__ = ["Tables", "collect"]


@dataclass
class Tables:
    """What was found in a folder or workbook.

    Parameters
    ----------
    given : dict of str to Given
    regions : Regions
    about : About
    basis : str
        ``resident`` or ``registered`` when a title says so; empty otherwise.
    read_as : list of str
        One line a sheet: as which table it was read.
    """

    given: dict[str, Given] = field(default_factory=dict)
    regions: Regions = field(default_factory=Regions)
    about: About = field(default_factory=About)
    basis: str = ""
    read_as: list[str] = field(default_factory=list)


def collect(grids: list[Grid], problems: Problems) -> Tables:
    """Read every grid as the table that it is.

    Parameters
    ----------
    grids : list of Grid
    problems : Problems
        Takes everything that is wrong, table by table.

    Returns
    -------
    Tables
        Tables with problems are left out.
    """
    found = Tables()
    by_name: dict[str, list[Grid]] = {}
    for grid in grids:
        name = _table_of(grid, sum(g.file == grid.file for g in grids) == 1)
        if name is None:
            problems.add(
                "it is not clear which table this is",
                where=grid.where or grid.sheet,
                instead="a name such as "
                + ", ".join(FORMS[n].name_zh for n in ("population", "births")),
            )
            continue
        by_name.setdefault(name, []).append(grid)
    for grid in by_name.pop(REGIONS, []):
        found.regions = read_regions(grid, problems)
    for grid in by_name.pop(ABOUT, []):
        found.about = read_about(grid, problems)
    by_name.pop(EXPLANATION, None)
    bases: dict[str, str] = {}
    for name, own in by_name.items():
        inside = Problems()
        base = found.about.items.get("base_time")
        sheets = [read_sheet(grid, name, found.regions, inside, base) for grid in own]
        read = [sheet for sheet in sheets if sheet is not None]
        for sheet in read:
            found.read_as.append(f"{sheet.where} read as {name}" if sheet.cells else "")
        given = gather(read, inside) if len(read) == len(own) else None
        problems.found += _in_order(inside.found)
        if given is not None and not inside:
            found.given[name] = given
        for sheet in read:
            if sheet.basis:
                bases.setdefault(sheet.basis, sheet.where)
            for code, text in sheet.names.items():
                if not found.regions.names_zh.get(code):
                    found.regions.names_zh[code] = text
    if len(bases) > 1:
        both = " and ".join(f"{where} ({basis})" for basis, where in bases.items())
        problems.add(f"the tables mix resident and registered populations: {both}")
    found.basis = next(iter(bases), "")
    found.read_as = [line for line in found.read_as if line]
    return found


def _table_of(grid: Grid, alone: bool) -> str | None:
    names = [grid.sheet] if grid.sheet else []
    if alone and grid.file:
        names.append(grid.file.rpartition(".")[0])
    titles = " ".join(clean(cell) for row in grid.cells[:6] for cell in row[:60])
    return form_of(names, titles)


def _in_order(problems: list[Problem]) -> list[Problem]:
    """Sort problems by sheet, row and column; those without a cell come last in their sheet."""

    def key(problem: Problem) -> tuple[str, int, int, str]:
        head, _, cell = problem.where.rpartition("!")
        letters = cell.rstrip("0123456789")
        if head and letters.isalpha() and letters.isupper() and cell != letters:
            return head, int(cell[len(letters) :]), len(letters), letters
        return problem.where, 10**9, 0, ""

    return sorted(problems, key=key)
