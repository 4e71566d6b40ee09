"""The closed table of units: parse, convert and print quantities with a unit.

Quantities in files are text such as ``300 CNY/month``; a bare number is an
error because it does not say what it counts.

Examples
--------
>>> parse("300 CNY/month").to("CNY/year")
Quantity(value=3600.0, unit='CNY/year')
>>> str(parse("4.5 places/1000 residents"))
'4.5 places/1000 residents'
>>> parse("20 %").to("1").value
0.2
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from popsim.errors import nearest

__all__ = ["UNITS", "Quantity", "Unit", "UnitError", "parse", "spellings"]


class UnitError(ValueError):
    """A quantity cannot be read or converted; the message says why.

    Attributes
    ----------
    instead : str
        What to write instead; may be empty.
    """

    def __init__(self, message: str, instead: str = "") -> None:
        self.instead = instead
        super().__init__(message)


@dataclass(frozen=True)
class Unit:
    """A unit: its spelling, what it measures and its size in the base unit of that kind."""

    name: str
    kind: str
    scale: float
    name_zh: str


UNITS: dict[str, Unit] = {
    unit.name: unit
    for unit in (
        Unit("1", "fraction", 1.0, ""),
        Unit("%", "fraction", 0.01, "%"),
        Unit("per mille", "fraction", 0.001, "‰"),
        Unit("person", "count", 1.0, "人"),
        Unit("10^4 persons", "count", 1e4, "万人"),
        Unit("birth", "births", 1.0, "人"),
        Unit("death", "deaths", 1.0, "人"),
        Unit("year-1", "rate", 1.0, "/年"),
        Unit("%/year", "rate", 0.01, "%/年"),
        Unit("births per woman", "children per woman", 1.0, "个孩子/妇女"),
        Unit("men per woman", "sex ratio", 1.0, "男/女"),
        Unit("calendar year", "date", 1.0, "年"),
        Unit("year", "duration", 12.0, "年"),
        Unit("month", "duration", 1.0, "个月"),
        Unit("day", "leave", 1.0, "天"),
        Unit("week", "leave", 7.0, "周"),
        Unit("CNY", "money", 1.0, "元"),
        Unit("10^4 CNY", "money", 1e4, "万元"),
        Unit("CNY/month", "money per time", 12.0, "元/月"),
        Unit("CNY/year", "money per time", 1.0, "元/年"),
        Unit("CNY/place", "money per place", 1.0, "元/托位"),
        Unit("CNY/birth", "money per birth", 1.0, "元/新增出生"),
        Unit("place", "places", 1.0, "个托位"),
        Unit("places/1000 residents", "places per resident", 1.0, "个托位/千人"),
    )
}

# Plural and singular spellings that a writer may use; the table's own spelling is printed.
_SPELLINGS = {
    "months": "month",
    "years": "year",
    "days": "day",
    "weeks": "week",
    "persons": "person",
    "places": "place",
    "births": "birth",
    "places/1000 persons": "places/1000 residents",
    "元": "CNY",
    "万元": "10^4 CNY",
    "元/月": "CNY/month",
    "元/年": "CNY/year",
    "元/托位": "CNY/place",
    "元/个": "CNY/place",
    "个托位/千人": "places/1000 residents",
    "天": "day",
    "周": "week",
    "个月": "month",
    "percent": "%",
    "% a year": "%/year",
    "%/年": "%/year",
    "‰": "per mille",
}

#: Ten thousand yuan over something.
_TEN_THOUSAND = {"万元/": "元/", "10^4 CNY/": "CNY/"}


def spellings(unit: str) -> tuple[str, ...]:
    """Return every way in which a unit may be written, the table's own first.

    Examples
    --------
    >>> spellings("CNY/month")
    ('CNY/month', '元/月')
    """
    return (unit, *(word for word, name in _SPELLINGS.items() if name == unit))


# Without a space the unit may not begin like a number: "300" is not 30 of the unit "0".
_POWER_OF_TEN = re.compile(r"^\s*([+-]?\d+(?:\.\d+)?[eE][+-]?\d+)\b(?=\s|$)")
_QUANTITY = re.compile(r"^\s*([+-]?\d+(?:\.\d+)?)(?:\s+(?=\S)|(?=[^\d\s.,]))(.*?)\s*$")


@dataclass(frozen=True)
class Quantity:
    """A number with its unit."""

    value: float
    unit: str

    def to(self, unit: str) -> Quantity:
        """Return the same quantity in another unit of the same kind.

        Raises
        ------
        UnitError
            When the two units measure different things.
        """
        here, there = UNITS[self.unit], UNITS[unit]
        if here.kind != there.kind:
            raise UnitError(f"{self} is {here.kind}, not {there.kind}", f"a value in {unit}")
        # Money per time is scaled by periods per year, everything else by size.
        return Quantity(self.value * here.scale / there.scale, unit)

    def __str__(self) -> str:
        number = f"{self.value:.15g}"
        # Powers of ten are not read.
        return f"{Decimal(number):f} {self.unit}" if "e" in number else f"{number} {self.unit}"


def parse(text: object, unit: str | tuple[str, ...] = ()) -> Quantity:
    """Read a quantity such as ``"300 CNY/month"``.

    Parameters
    ----------
    text : str
        Number and unit, separated by a space.
    unit : str or tuple of str
        Units that are allowed here; the first is suggested in messages. Empty allows any.

    Returns
    -------
    Quantity

    Raises
    ------
    UnitError
        When the unit is missing, unknown or not allowed.
    """
    allowed = (unit,) if isinstance(unit, str) else unit
    example = allowed[0] if allowed else "CNY/month"
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise UnitError(f"{text!r} is not a quantity", f"300 {example}")
    if not isinstance(text, str):
        raise UnitError(f"the bare number {text} has no unit", f"{text} {example}")
    match = None if _POWER_OF_TEN.match(text) else _QUANTITY.match(text)
    if match is None:
        if re.fullmatch(r"\s*[+-]?\d+(?:\.\d+)?\s*", text):
            raise UnitError(
                f"the bare number {text.strip()} has no unit", f"{text.strip()} {example}"
            )
        plain = re.sub(r"(?<=\d),(?=\d{3})", "", text)
        plain = _POWER_OF_TEN.sub(lambda power: f"{float(power.group(1)):.15g}", plain)
        instead = plain if _QUANTITY.match(plain) else f"300 {example}"
        raise UnitError(f"{text!r} is not a number followed by a unit", instead)
    name = " ".join(match.group(2).split())
    for ten_thousand, one in _TEN_THOUSAND.items():
        if name.startswith(ten_thousand):
            # 0.06 万元/月 is 600 CNY/month; 万元 alone has a unit of its own.
            plain = f"{float(match.group(1)) * 1e4:.15g} {one}{name.removeprefix(ten_thousand)}"
            return parse(plain, unit)
    name = _SPELLINGS.get(name, name)
    if name not in UNITS:
        # Only what may stand here helps: "300 month" is no amount of money.
        known = [*UNITS, *_SPELLINGS]
        fitting = [word for word in known if not allowed or _SPELLINGS.get(word, word) in allowed]
        guess = nearest(name, fitting) or example
        guess = _SPELLINGS.get(guess, guess)
        raise UnitError(f"unknown unit {name!r}", f"{match.group(1)} {guess}")
    if allowed and name not in allowed:
        instead = f"{match.group(1)} {' or '.join(allowed)}"
        if UNITS[name].kind == UNITS[allowed[0]].kind:
            # The same quantity: 1.5 years are 18 months, not 1.5.
            instead = str(Quantity(float(match.group(1)), name).to(allowed[0]))
        raise UnitError(f"unit {name!r} does not fit here", instead)
    return Quantity(float(match.group(1)), name)
