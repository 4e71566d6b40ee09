"""Files to grids of cells: CSV in any usual encoding, sheets of a workbook, pandas frames."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from popsim.errors import DataError, Problems
from popsim.tables.text import is_empty

__all__ = ["Grid", "frame_grids", "read_grids"]

#: GB 18030 holds GB 2312 and GBK; UTF-16 is what a spreadsheet calls "Unicode text".
ENCODINGS = ("utf-8-sig", "gb18030")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass
class Grid:
    """The cells of one sheet, one CSV file or one frame.

    Parameters
    ----------
    file : str
        Name of the file, without its folder; empty for a frame.
    sheet : str
        Name of the sheet, or of the frame; empty for a CSV file.
    cells : list of list
        Rows of cells; all rows have the same length.
    merged : dict
        Position of the cell that fills a merged range, by position of the other cells in it.
    labels : list of str
        Names of the rows of a frame, for places; empty otherwise.
    unit : str
        Unit that a frame states in ``attrs["units"]``.
    """

    file: str
    sheet: str
    cells: list[list[Any]]
    merged: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    unit: str = ""

    @property
    def where(self) -> str:
        """Name of the sheet in messages."""
        return "!".join(part for part in (self.file, self.sheet) if part)

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.cells[0]) if self.cells else 0

    def at(self, row: int, column: int) -> Any:
        """Return a cell; every cell of a merged range has its value."""
        row, column = self.merged.get((row, column), (row, column))
        return self.cells[row][column]

    def place(self, row: int, column: int) -> str:
        """Name a cell: ``人口.xlsx!Sheet1!C7``, ``population.csv!C7``, ``population[5, 'male']``.

        Examples
        --------
        >>> Grid("人口.xlsx", "Sheet1", [[1]]).place(6, 28)
        '人口.xlsx!Sheet1!AC7'
        """
        if self.labels:
            heading = self.cells[0][column]
            return f"{self.sheet}[{self.labels[row]}, {heading!r}]" if row else f"{self.sheet}"
        letters, rest = "", column + 1
        while rest:
            rest, letter = divmod(rest - 1, 26)
            letters = chr(65 + letter) + letters
        return f"{self.where}!{letters}{row + 1}"


def read_grids(path: str | Path) -> list[Grid]:
    """Read a workbook, a CSV file, or all CSV files and workbooks of a folder.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    list of Grid
        Sheets without any cell are left out.

    Raises
    ------
    DataError
        When there is no such file, a file cannot be read as text or workbook, or is of a kind
        that is not read; all files are told together.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(
            p for p in path.iterdir() if p.is_file() and not p.name.startswith((".", "~"))
        )
        files = [p for p in files if p.suffix.lower() not in (".md", ".txt")]
    elif path.is_file():
        files = [path]
    else:
        raise DataError(f"there is no folder or file {path}")
    problems = Problems()
    grids: list[Grid] = []
    for file in files:
        kind = file.suffix.lower()
        try:
            if kind in (".csv", ".tsv"):
                grids.append(_read_csv(file))
            elif kind in (".xlsx", ".xlsm"):
                grids += _read_workbook(file)
            else:
                problems.add(
                    f"{kind or 'a file without an ending'} is not read here",
                    where=file.name,
                    instead=f"{file.stem}.xlsx or {file.stem}.csv (save it in that form)",
                )
        except DataError as error:
            problems.found += error.problems
    grids = [grid for grid in grids if grid.cells]
    if not grids and not problems:
        problems.add(f"{path} holds no table")
    problems.raise_if_any(DataError)
    return grids


def _read_csv(file: Path) -> Grid:
    raw = file.read_bytes()
    text = None
    for encoding in ("utf-16",) if raw.startswith(_UTF16) else ENCODINGS:
        try:
            text = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    if text is None:
        raise DataError(f"{file.name}: the text is neither UTF-8 nor GBK; save it as UTF-8 CSV")
    head = text[:4000]
    delimiter = max(",\t;", key=head.count)
    rows: list[list[Any]] = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    return Grid(file.name, "", _rectangle(rows))


def _read_workbook(file: Path) -> list[Grid]:
    import openpyxl

    try:
        with warnings.catch_warnings():
            # Styles and extensions that openpyxl does not keep have no numbers in them.
            warnings.simplefilter("ignore", UserWarning)
            book = openpyxl.load_workbook(file, data_only=True)
    except Exception as error:
        raise DataError(f"{file.name}: cannot be opened as a workbook ({error})") from error
    grids = []
    for sheet in book.worksheets:
        rows = [[_shown(cell) for cell in row] for row in sheet.iter_rows()]
        merged = {
            (row - 1, column - 1): (area.min_row - 1, area.min_col - 1)
            for area in sheet.merged_cells.ranges
            for row in range(area.min_row, area.max_row + 1)
            for column in range(area.min_col, area.max_col + 1)
        }
        cells = _rectangle(rows)
        merged = {k: v for k, v in merged.items() if k[0] < len(cells) and k[1] < len(cells[0])}
        grids.append(Grid(file.name, sheet.title, cells, merged))
    return grids


def _shown(cell: Any) -> Any:
    """Return the value of a cell; a fraction formatted as a percentage as it is shown."""
    value = cell.value
    if isinstance(value, int | float) and "%" in (cell.number_format or ""):
        return f"{value * 100:.15g}%"
    return value


def _rectangle(rows: list[list[Any]]) -> list[list[Any]]:
    """Cut empty rows and columns at the end and fill short rows."""
    while rows and all(is_empty(cell) for cell in rows[-1]):
        rows.pop()
    width = max((i + 1 for row in rows for i, c in enumerate(row) if not is_empty(c)), default=0)
    return [[*row[:width], *[None] * (width - len(row))] for row in rows]


def frame_grids(frames: Mapping[str, pd.DataFrame]) -> list[Grid]:
    """Return tidy frames as grids with the columns as the heading row.

    A named index counts as columns. ``frame.attrs["units"]`` states the unit.
    """
    grids = []
    for name, frame in frames.items():
        table = frame.reset_index() if any(n is not None for n in frame.index.names) else frame
        cells = [list(table.columns), *table.astype(object).to_numpy().tolist()]
        rows = ["", *(str(label) for label in frame.index)]
        grids.append(Grid("", str(name), _rectangle(cells), {}, rows, frame.attrs.get("units", "")))
    return grids
