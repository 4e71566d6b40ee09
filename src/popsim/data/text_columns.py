"""Text files in columns as the Human Mortality and Human Fertility Databases publish them.

A title line, an empty line, a line of headings, then rows separated by spaces; ``.`` stands for a
number that is missing. The pooled files have a column ``Code`` first.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from popsim.errors import DataError

__all__ = ["Block", "first_age", "read_block"]


class Block(NamedTuple):
    """A file in columns.

    Attributes
    ----------
    title : str
        Its first line, without the date of the last change.
    rows : pandas.DataFrame
        ``Year`` and ``Age`` as text, other columns as numbers, NaN where missing.
    """

    title: str
    rows: pd.DataFrame


def read_block(path: str | Path, code: str | None = None) -> Block:
    """Read a file in columns.

    Parameters
    ----------
    path : str or pathlib.Path
    code : str, optional
        Country of a pooled file (``SWE``); needed when it has several.

    Returns
    -------
    Block

    Raises
    ------
    DataError
        When the file cannot be read, has no headings ``Year`` and ``Age``, a row is too short, a
        cell is not a number, or the country is not there.
    """
    file = Path(path)
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file.name} cannot be read: {error}") from error
    at = next((i for i, line in enumerate(lines[:6]) if {"Year", "Age"} <= set(line.split())), None)
    if at is None:
        raise DataError(
            f"{file.name} has no headings Year and Age in its first lines; it must be the file as "
            "published"
        )
    headings = lines[at].split()
    for number, text in enumerate(lines[at + 1 :], start=at + 2):
        if text.strip() and len(text.split()) != len(headings):
            raise DataError(
                f"{file.name}:{number}: {len(text.split())} cells for {len(headings)} headings"
            )
    rows = pd.read_csv(
        io.StringIO("\n".join(lines[at:])),
        sep=r"\s+",
        na_values=["."],
        dtype={"Year": str, "Age": str, "Code": str},
    )
    for name in [c for c in rows.columns if c not in ("Code", "Year", "Age")]:
        bad = pd.to_numeric(rows[name], errors="coerce").isna() & rows[name].notna()
        if bad.any():
            line = at + 2 + int(bad.to_numpy().argmax())
            raise DataError(f"{file.name}:{line}: {rows[name][bad].iloc[0]!r} is not a number")
        rows[name] = rows[name].astype(float)
    if "Code" in rows:
        codes = sorted(rows["Code"].unique())
        if code is None and len(codes) > 1:
            raise DataError(f"{file.name} has {len(codes)} countries; write: code={codes[0]!r}")
        if code is not None and code not in codes:
            raise DataError(f"{file.name} has no country {code!r}; it has {', '.join(codes)}")
        rows = rows[rows["Code"] == code] if code is not None else rows
    title = lines[0].partition("\t")[0].strip(" ,") if at else ""
    return Block(title, rows.reset_index(drop=True))


def first_age(text: str, where: str) -> int:
    """Return the first age of ``0``, ``1-4``, ``110+`` or ``12-`` (12 and younger).

    Examples
    --------
    >>> first_age("110+", "Mx_1x1.txt"), first_age("12-", "asfrRR.txt")
    (110, 12)
    """
    found = re.fullmatch(r"(\d{1,3})(?:\+|-|-\d{1,3})?", text)
    if not found:
        raise DataError(f"{where}: age {text!r} is not understood; write: 0, 1-4, 110+ or 12-")
    return int(found[1])
