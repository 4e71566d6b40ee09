"""Text and numbers of a cell, as they are typed: full-width digits, spaces, thousands separators.

Examples
--------
>>> clean("　合　计 "), clean("２０２２年末"), clean("GDP  per head")
('合计', '2022年末', 'GDP per head')
>>> number("１，２３４．５")
(1234.5, '')
>>> number("12.5 ％")
(12.5, '%')
"""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import date
from typing import Any

__all__ = ["NotANumberError", "clean", "decimals", "is_empty", "number"]

_CJK = re.compile(r"[\u3400-\u9fff]")
_BESIDE_CJK = re.compile(r"(?<=[\u3400-\u9fff])\s+|\s+(?=[\u3400-\u9fff])")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


class NotANumberError(ValueError):
    """A cell that should hold a number does not; the message says what is there."""


def is_empty(value: Any) -> bool:
    """Return whether a cell holds nothing (blank, NaN or spaces only)."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, str) and not value.strip()


def clean(value: Any) -> str:
    """Return the text of a cell in half-width characters, without spaces around Chinese ones."""
    if is_empty(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = unicodedata.normalize("NFKC", str(value))
    text = " ".join(text.replace("\ufeff", "").split())
    return _BESIDE_CJK.sub("", text) if _CJK.search(text) else text


def number(value: Any) -> tuple[float, str]:
    """Read a cell as a number, with the sign ``%`` or ``‰`` that stands behind it.

    Parameters
    ----------
    value : object
        Number, or text with full-width digits, spaces and thousands separators.

    Returns
    -------
    tuple of float and str
        The number as written, and ``%``, ``‰`` or nothing.

    Raises
    ------
    NotANumberError
        When the cell is empty, a date, a logical value or other text.
    """
    if is_empty(value):
        raise NotANumberError("the cell is empty")
    if isinstance(value, bool):
        raise NotANumberError(f"{value} is not a number")
    if isinstance(value, date):
        raise NotANumberError(f"the date {value:%Y-%m-%d} is not a number")
    if isinstance(value, int | float):
        if not math.isfinite(value):
            raise NotANumberError(f"{value} is not a number")
        return float(value), ""
    text = clean(value)
    sign = text[-1] if text[-1:] in ("%", "‰") else ""
    digits = (text[:-1] if sign else text).replace(" ", "")
    if _GROUPED.fullmatch(digits):
        digits = digits.replace(",", "")
    if not _PLAIN.fullmatch(digits):
        raise NotANumberError(f"{text!r} is not a number")
    return float(digits), sign


def decimals(value: Any) -> int:
    """Return how many decimals a cell shows: the precision with which totals are compared.

    Examples
    --------
    >>> decimals(12), decimals("1,234.50"), decimals(0.25)
    (0, 2, 2)
    """
    text = clean(value).rstrip("%‰ ")
    if "e" in text.lower():
        return 15
    return len(text.partition(".")[2])
