"""Labels of rows and columns: ages, sexes, birth orders, years, dates, codes of regions.

Every reader returns a label, :data:`TOTAL` for a total, or ``None`` for what it does not know.
Text may be Chinese, English or both ("男 male"), and has been through
:func:`popsim.tables.text.clean` or will be.

Examples
--------
>>> age("０—４岁"), age("100岁及以上"), age("85+"), age("7")
((0, 4), (100, None), (85, None), (7, 7))
>>> sex("男 male"), birth_order("三孩及以上"), stock_date("2022年末")
('male', (3, True), 2023)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final, Literal, TypeVar

from popsim.tables.text import clean

__all__ = [
    "LEVELS",
    "READERS",
    "TOTAL",
    "age",
    "birth_order",
    "is_region_code",
    "parity",
    "sex",
    "show",
    "stock_date",
    "year",
]

#: The label of a total row or column.
TOTAL: Final = "total"
LEVELS = ("low", "central", "high")
_TOTALS = {
    *("合计", "总计", "总数", "小计", "共计", "总人口", "全部", "总和", "男女合计", "各年龄合计"),
    *("total", "all", "all ages", "both", "both sexes", "sum", "t"),
}
_SEXES = {
    **dict.fromkeys(("女", "女性", "妇女", "女人", "female", "females", "women", "f"), "female"),
    **dict.fromkeys(("男", "男性", "男子", "男人", "male", "males", "men", "m"), "male"),
}
_LEVEL_WORDS = {
    **{level: level for level in LEVELS},
    **{"低": "low", "中": "central", "高": "high", "中等": "central"},
}
_DIGITS = {word: i for i, word in enumerate("零一二三四五六七八九")} | {"两": 2}
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_DASH = r"\s*(?:-|—|–|−|~|～|至|到|to)\s*"
_YEARS = r"\s*(?:周?岁|years?(?: old)?|yrs?)?\s*"
_AND_OVER = r"(?:\+|及以上|以上|及其以上|及以后|and over|and above|and older|plus|or more)"
_ONE_AGE = re.compile(rf"(\d{{1,3}}){_YEARS}")
_AGES = re.compile(rf"(\d{{1,3}}){_YEARS}{_DASH}(\d{{1,3}}){_YEARS}")
_OPEN_AGE = re.compile(rf"(\d{{1,3}})-?{_YEARS}{_AND_OVER}{_YEARS}|(?:>=|≥)\s*(\d{{1,3}}){_YEARS}")
_UNDER_ONE = re.compile(r"(?:不满|未满|不足|under|<|below)\s*1\s*(?:周?岁)?")
_ORDER = re.compile(
    r"(?:第|order|parity)?\s*(\d+|[零一二三四五六七八九两])\s*(?:孩|个|胎|次|子女|children|child)*\s*(.*)"
)
_YEAR = re.compile(r"(\d{4})\s*年?度?")
_YEAR_END = re.compile(r"(\d{4})\s*年?\s*(?:年末|年底|末|底|12月31日|-12-31|/12/31|year-?end)")
_YEAR_START = re.compile(r"(\d{4})\s*年?\s*(?:年初|初|0?1月0?1日|-0?1-0?1|/0?1/0?1)")
# First two digits of GB/T 2260: provinces, regions, municipalities; 00 is the nation.
_PROVINCES = frozenset(
    [
        "00",
        "11",
        "12",
        "13",
        "14",
        "15",
        "21",
        "22",
        "23",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "37",
        "41",
        "42",
        "43",
        "44",
        "45",
        "46",
        "50",
        "51",
        "52",
        "53",
        "54",
        "61",
        "62",
        "63",
        "64",
        "65",
        "71",
        "81",
        "82",
    ]
)
_Label = TypeVar("_Label")


def either(value: Any, read: Callable[[str], _Label | None]) -> _Label | None:
    """Read a label, or its Chinese and its other half when both say the same.

    Examples
    --------
    >>> either("男 male", lambda text: {"男": 1, "male": 1}.get(text))
    1
    """
    text = clean(value).lower()
    whole = read(text)
    if whole is not None or not text:
        return whole
    last = max((m.end() for m in _CHINESE.finditer(text)), default=0)
    for cut in (last, *(m.start() for m in re.finditer(r"[\s/|]", text))):
        halves = [text[:cut].strip(" /|"), text[cut:].strip(" /|")]
        if all(halves):
            found = [read(half) for half in halves]
            if found[0] is not None and found[0] == found[1]:
                return found[0]
    return None


def _is_total(text: str) -> bool:
    return text in _TOTALS


def age(value: Any) -> tuple[int, int | None] | Literal["total"] | None:
    """Read an age or age group: first and last completed year; ``None`` as last is open.

    Examples
    --------
    >>> age("不满1岁"), age("65周岁及以上"), age("合 计"), age("young")
    ((0, 0), (65, None), 'total', None)
    """

    def read(text: str) -> tuple[int, int | None] | Literal["total"] | None:
        if _is_total(text):
            return TOTAL
        if _UNDER_ONE.fullmatch(text):
            return 0, 0
        if found := _ONE_AGE.fullmatch(text):
            return int(found[1]), int(found[1])
        if (found := _AGES.fullmatch(text)) and int(found[1]) <= int(found[2]):
            return int(found[1]), int(found[2])
        if found := _OPEN_AGE.fullmatch(text):
            return int(found[1] or found[2]), None
        return None

    return None if isinstance(value, date) else either(value, read)


def sex(value: Any) -> str | None:
    """Read a sex: ``female``, ``male`` or :data:`TOTAL`."""
    return either(value, lambda text: TOTAL if _is_total(text) else _SEXES.get(text))


def birth_order(value: Any) -> tuple[int, bool] | Literal["total"] | None:
    """Read a birth order (孩次): its number, and whether it is open ("三孩及以上")."""
    found = _counted(value)
    return None if found is not None and found != TOTAL and found[0] == 0 else found


def parity(value: Any) -> tuple[int, bool] | Literal["total"] | None:
    """Read a number of children born: the number, and whether it is open ("3个及以上").

    Examples
    --------
    >>> parity("未生育"), parity("1个"), parity("3+")
    ((0, False), (1, False), (3, True))
    """
    return (0, False) if clean(value) in ("未生育", "没有", "无子女") else _counted(value)


def _counted(value: Any) -> tuple[int, bool] | Literal["total"] | None:
    def read(text: str) -> tuple[int, bool] | Literal["total"] | None:
        if _is_total(text):
            return TOTAL
        found = _ORDER.fullmatch(text)
        if not found or (found[2] and not re.fullmatch(_AND_OVER, found[2])):
            return None
        digits = found[1]
        number = int(digits) if digits.isdigit() else _DIGITS[digits]
        return (number, bool(found[2])) if number < 20 else None

    return None if isinstance(value, date) else either(value, read)


def year(value: Any) -> int | None:
    """Read a calendar year of a flow or rate: 2022, "2022年", "2022年度"."""
    if isinstance(value, date):
        return None

    def read(text: str) -> int | None:
        found = _YEAR.fullmatch(text)
        return int(found[1]) if found and 1800 <= int(found[1]) <= 2300 else None

    return either(value, read)


def stock_date(value: Any, *, anywhere: bool = False) -> int | None:
    """Read the date of a stock as the year of the 1 January that it stands for.

    Year-end 2022 (2022年末) is 1 January 2023. A bare year is not a date and gives ``None``.

    Parameters
    ----------
    value : object
        Text or date of a cell.
    anywhere : bool
        Look for the date inside a longer text such as a title.

    Examples
    --------
    >>> stock_date("2023年1月1日"), stock_date("2022")
    (2023, None)
    >>> stock_date("庆元县2022年末人口", anywhere=True)
    2023
    """
    if isinstance(value, date):
        day = value.date() if isinstance(value, datetime) else value
        if (day.month, day.day) == (12, 31):
            return day.year + 1
        return day.year if (day.month, day.day) == (1, 1) else None
    text = clean(value).lower()
    for pattern, later in ((_YEAR_END, 1), (_YEAR_START, 0)):
        found = pattern.search(text) if anywhere else pattern.fullmatch(text)
        if found:
            return int(found[1]) + later
    return None


def mortality_level(value: Any) -> str | None:
    """Read a level of survival: low, central, high (低, 中, 高)."""
    return either(value, _LEVEL_WORDS.get)


def is_region_code(text: str) -> bool:
    """Return whether a text can be a six-digit code of GB/T 2260.

    Examples
    --------
    >>> is_region_code("331126"), is_region_code("991126"), is_region_code("331126000000")
    (True, False, False)
    """
    return re.fullmatch(r"\d{6}", text) is not None and text[:2] in _PROVINCES


READERS: dict[str, Callable[[Any], Any]] = {
    "sex": sex,
    "age": age,
    "birth_order": birth_order,
    "parity": parity,
    "mortality_level": mortality_level,
    "year": year,
    "time": stock_date,
}
"""How the labels of each dimension are read; regions need the table of regions."""


def show(dimension: str, label: Any) -> str:
    """Return a label as it is written in messages.

    Examples
    --------
    >>> show("age", (0, 4)), show("age", (85, None)), show("birth_order", (3, True))
    ('age 0-4', 'age 85+', 'birth_order 3+')
    """
    if label != TOTAL and dimension == "age":
        first, last = label
        text = f"{first}+" if last is None else f"{first}" if first == last else f"{first}-{last}"
    elif label != TOTAL and dimension in ("birth_order", "parity"):
        text = f"{label[0]}+" if label[1] else f"{label[0]}"
    else:
        text = str(label)
    return f"{dimension} {text}"
