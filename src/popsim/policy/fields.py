"""Types of the fields in policy files: dates, quantities, birth orders, ages.

Each type reads the text of a file and, when it cannot, says what is wrong and what to write
instead. The texts are raised as pydantic errors so that all fields of a file are checked.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from functools import partial
from typing import Annotated, NoReturn

from pydantic import AfterValidator, BeforeValidator, Discriminator, PlainSerializer, Tag
from pydantic_core import PydanticCustomError

from popsim.units import Quantity, UnitError, parse

__all__ = [
    "ORDERS",
    "AgeSpan",
    "ClassMix",
    "Coverage",
    "Date",
    "DaysByOrder",
    "Duration",
    "EffectByOrder",
    "Fraction",
    "Money",
    "MoneyByClass",
    "MoneyByOrder",
    "MoneyByYear",
    "MoneyOnce",
    "MoneyPerMonth",
    "MoneyPerPlace",
    "MoneyPerYear",
    "MonthlyByOrder",
    "Name",
    "OrderKeys",
    "Payers",
    "PlacesByYear",
    "Rate",
    "RegionList",
    "Regions",
    "Rise",
    "SharesByRate",
    "SharesByYear",
    "covering_keys",
    "fail",
    "orders_of",
]

ORDERS = (1, 2, 3, 4)
"""Birth orders of the data model; 4 is the fourth and every later birth."""

CLASS_TYPES = ("infant", "toddler", "older_toddler", "mixed")
PAYERS = ("centre", "province", "city", "county", "employer", "insurance", "housing_fund")


def fail(message: str, instead: str = "") -> NoReturn:
    """Raise a pydantic error that carries what to write instead."""
    raise PydanticCustomError("popsim", "{message}", {"message": message, "instead": instead})


def _read_date(value: object) -> dt.date:
    if isinstance(value, dt.date):
        return value
    text = str(value)
    match = re.fullmatch(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?", text)
    if match is None:
        fail(f"{text!r} is not a date", "a date such as 2023-01-01")
    year, month, day = (int(part) for part in match.groups())
    try:
        date = dt.date(year, month, day)
    except ValueError:
        fail(f"{text} is not a day of the calendar", "a date such as 2023-01-01")
    if text != date.isoformat():
        fail(f"{text!r} is not written as year-month-day", date.isoformat())
    return date


def _read_quantity(value: object, units: tuple[str, ...]) -> Quantity:
    if isinstance(value, Quantity):
        value = str(value)
    try:
        quantity = parse(value, (*units, "10^4 CNY") if "CNY" in units else units)
    except UnitError as error:
        fail(str(error), error.instead)
    if quantity.unit == "10^4 CNY":
        quantity = quantity.to("CNY")
    if quantity.value < 0:
        fail(f"{quantity} is negative", f"{-quantity.value:.15g} {quantity.unit}")
    return quantity


def _read_fraction(value: object) -> Quantity:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        # Taking 0.8 for 0.8 % would be off by a hundred.
        fail(f"the bare number {value} has no unit", f"{100 * value:g} %")
    quantity = _read_quantity(value, ("%", "1"))
    if quantity.to("1").value > 1:
        fail(f"{quantity} is more than everyone", "a share up to 100 %")
    return quantity


def orders_of(key: str) -> tuple[int, ...]:
    """Return the birth orders that a key of a file stands for.

    Parameters
    ----------
    key : str
        ``"1"``, ``"2"``, ``"3"`` for one order, ``"2+"`` for that order and every later one.

    Returns
    -------
    tuple of int
        Orders of the data model, 4 being the fourth and later.

    Raises
    ------
    ValueError
        When the key is not an order.

    Examples
    --------
    >>> orders_of("3"), orders_of("3+")
    ((3,), (3, 4))
    """
    match = re.fullmatch(r"([1-4])(\+?)", key)
    if match is None or key == "4":
        raise ValueError(key)
    first = int(match.group(1))
    return tuple(k for k in ORDERS if k >= first) if match.group(2) else (first,)


def covering_keys(order: str) -> tuple[str, ...]:
    """Return the keys for an order and every later one under which a single order may stand.

    The nearest comes first; what is no single order (4 and later count as one) stands under none.

    Examples
    --------
    >>> covering_keys("3"), covering_keys("2+"), covering_keys("2027")
    (('3+', '2+', '1+'), (), ())
    """
    if order not in ("1", "2", "3", "4", "4+"):
        return ()
    return tuple(f"{first}+" for first in range(int(order[0]), 0, -1))


def _read_order(value: object) -> str:
    key = str(value)
    try:
        orders_of(key)
    except ValueError:
        words = {"first": "1", "second": "2", "third": "3", "一孩": "1", "二孩": "2", "三孩": "3"}
        if key in ("4", "5"):
            fail(f"births of order {key} are not counted alone", "4+ (fourth and later)")
        fail(f"{key!r} is not a birth order", words.get(key, "1, 2, 3, or 3+ for 3 and over"))
    return key


def _for_all_orders(value: object) -> object:
    # One quantity is the same amount for every order.
    return value if isinstance(value, dict) else {"1+": value}


def _each_order_once(keys: Iterable[str]) -> None:
    seen: dict[int, str] = {}
    for key in keys:
        for order in orders_of(key):
            if order in seen:
                fail(f"order {order} is given twice, by {seen[order]!r} and {key!r}", "one of them")
            seen[order] = key


def _disjoint_orders(amounts: dict[str, Quantity]) -> dict[str, Quantity]:
    _each_order_once(amounts)
    units = {amount.unit for amount in amounts.values()}
    if len(units) > 1:
        fail(f"amounts in different units: {', '.join(sorted(units))}", "one policy per unit")
    if not amounts:
        fail("no amount is given", "amount: {2: 300 CNY/month}")
    return amounts


def _some_orders(keys: tuple[str, ...]) -> tuple[str, ...]:
    if not keys:
        fail("no birth order is given", "birth_orders: [2, 3+]")
    _each_order_once(keys)
    return keys


def _read_list_of_orders(value: object) -> object:
    if not isinstance(value, list | tuple):
        fail(f"{value!r} is not a list of birth orders", f"[{value}]")
    return value


def _read_rate_key(value: object) -> str:
    return str(_read_fraction(value).to("%"))


def _each_rate_once(shares: object) -> object:
    seen: dict[str, object] = {}
    for key in shares if isinstance(shares, dict) else ():
        rate = _read_rate_key(key)
        if rate in seen:
            fail(f"the rate {rate} is given twice, by {seen[rate]!r} and {key!r}", "one of them")
        seen[rate] = key
    return shares


def _not_more_than_all(shares: dict[str, Quantity]) -> dict[str, Quantity]:
    total = sum(share.to("1").value for share in shares.values())
    if total > 1.0 + 1e-9:
        fail(f"the shares sum to {100 * total:g} %", "shares that sum to 100 % at most")
    if not shares:
        fail("no tax rate is given", "marginal_rates: {3 %: 30 %, 10 %: 10 %}")
    return shares


def _read_effect(value: object) -> Quantity:
    try:
        quantity = parse(value, ("%",))
    except UnitError as error:
        fail(str(error), error.instead)
    if quantity.value <= -100.0:
        fail(f"{quantity} leaves no births", "more than -100 %")
    return quantity


def _read_year(value: object) -> int:
    text = str(value)
    if not re.fullmatch(r"(19|20|21)\d\d", text):
        fail(f"{text!r} is not a year", "a year such as 2025")
    return int(text)


def _read_class(value: object) -> str:
    if value not in CLASS_TYPES:
        fail(f"{value!r} is not a class type", ", ".join(CLASS_TYPES))
    return str(value)


def _read_payer(value: object) -> str:
    if value not in PAYERS:
        fail(f"{value!r} is not a payer", ", ".join(PAYERS))
    return str(value)


def _whole_share(shares: dict[str, Quantity]) -> dict[str, Quantity]:
    total = sum(share.to("1").value for share in shares.values())
    if abs(total - 1.0) > 1e-9:
        fail(f"the shares sum to {100 * total:g} %", "shares that sum to 100 %")
    return shares


def _some_year(values: dict[int, Quantity]) -> dict[int, Quantity]:
    if not values:
        fail("no target year is given", "target: {2025: 4.5 places/1000 residents}")
    return dict(sorted(values.items()))


def _whole_months(quantity: Quantity) -> Quantity:
    if quantity.value != int(quantity.value):
        fail(f"{quantity} is not a whole number of months", f"{round(quantity.value)} months")
    return quantity


def _read_age_span(value: object) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)\s*-\s*(\d+)\s*(months?|years?)?", str(value))
    if match is None:
        fail(f"{value!r} is not an age span", "0-36 months")
    first, last = int(match.group(1)), int(match.group(2))
    unit = match.group(3)
    if unit is None:
        fail(f"the ages {first}-{last} have no unit", f"{first}-{last} months")
    if unit.startswith("year"):
        fail("ages of children are given in months", f"{first * 12}-{last * 12} months")
    if first >= last:
        fail(f"the ages {first}-{last} span no month", "0-36 months")
    return first, last


def _read_regions(value: object) -> object:
    return value if value == "all" else _read_region_list(value)


def _read_region_list(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        fail(f"the region code {value} is a number", f'["{value}"], quoted text in a list')
    if isinstance(value, str):
        code = value if value.isdigit() else "330000"
        fail(f"the region {value!r} is not a list of codes", f'["{code}"], or all')
    if not isinstance(value, list | tuple):
        fail(f"{value!r} is not a list of region codes", '["331126"], or all')
    if not value:
        fail("the list of regions is empty", '["331126"], or all')
    return value


def _read_region(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        fail(f"the region code {value} is a number", f'"{value}", quoted text')
    if not isinstance(value, str):
        fail(f"{value} is not a region code", 'quoted text such as "331126"')
    return value


def _read_name(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[^\W_][\w-]*", value):
        fail(f"{value!r} is not a name", "letters, digits, - and _, such as qingyuan-2023")
    return value


# Quantities are written as they are read, so that a dumped file reads back.
_AS_TEXT = PlainSerializer(str, return_type=str)

Date = Annotated[dt.date, BeforeValidator(_read_date)]
Name = Annotated[str, BeforeValidator(_read_name)]
Money = Annotated[
    Quantity,
    BeforeValidator(partial(_read_quantity, units=("CNY/month", "CNY/year", "CNY"))),
    _AS_TEXT,
]
_Order = Annotated[str, BeforeValidator(_read_order)]
MoneyByOrder = Annotated[
    dict[_Order, Money],
    BeforeValidator(_for_all_orders),
    AfterValidator(_disjoint_orders),
]
MoneyByClass = dict[
    Annotated[str, BeforeValidator(_read_class)],
    Annotated[Quantity, BeforeValidator(partial(_read_quantity, units=("CNY/month",))), _AS_TEXT],
]
MoneyPerPlace = Annotated[
    Quantity, BeforeValidator(partial(_read_quantity, units=("CNY/place",))), _AS_TEXT
]
MoneyOnce = Annotated[Quantity, BeforeValidator(partial(_read_quantity, units=("CNY",))), _AS_TEXT]
MoneyPerMonth = Annotated[
    Quantity, BeforeValidator(partial(_read_quantity, units=("CNY/month", "CNY/year"))), _AS_TEXT
]
MoneyPerYear = Annotated[
    Quantity, BeforeValidator(partial(_read_quantity, units=("CNY/year",))), _AS_TEXT
]
MonthlyByOrder = Annotated[
    dict[_Order, MoneyPerMonth],
    BeforeValidator(_for_all_orders),
    AfterValidator(_disjoint_orders),
]
DaysByOrder = Annotated[
    dict[
        _Order,
        Annotated[
            Quantity,
            BeforeValidator(partial(_read_quantity, units=("day", "week"))),
            _AS_TEXT,
        ],
    ],
    BeforeValidator(_for_all_orders),
    AfterValidator(_disjoint_orders),
]
EffectByOrder = Annotated[
    dict[_Order, Annotated[Quantity, BeforeValidator(_read_effect), _AS_TEXT]],
    BeforeValidator(_for_all_orders),
    AfterValidator(_disjoint_orders),
]
OrderKeys = Annotated[
    tuple[_Order, ...], BeforeValidator(_read_list_of_orders), AfterValidator(_some_orders)
]
Rate = Annotated[Quantity, BeforeValidator(partial(_read_quantity, units=("%/year",))), _AS_TEXT]
Rise = Annotated[Quantity, BeforeValidator(partial(_read_quantity, units=("%",))), _AS_TEXT]
Coverage = Annotated[
    Quantity, BeforeValidator(partial(_read_quantity, units=("places/1000 residents",))), _AS_TEXT
]
PlacesByYear = Annotated[
    dict[Annotated[int, BeforeValidator(_read_year)], Coverage], AfterValidator(_some_year)
]
Fraction = Annotated[Quantity, BeforeValidator(_read_fraction), _AS_TEXT]
SharesByRate = Annotated[
    dict[Annotated[str, BeforeValidator(_read_rate_key)], Fraction],
    BeforeValidator(_each_rate_once),
    AfterValidator(_not_more_than_all),
]
SharesByYear = Annotated[
    dict[Annotated[int, BeforeValidator(_read_year)], Fraction], AfterValidator(_some_year)
]
MoneyByYear = Annotated[
    dict[Annotated[int, BeforeValidator(_read_year)], MoneyOnce], AfterValidator(_some_year)
]
Payers = Annotated[
    dict[Annotated[str, BeforeValidator(_read_payer)], Fraction], AfterValidator(_whole_share)
]
ClassMix = Annotated[
    dict[Annotated[str, BeforeValidator(_read_class)], Fraction], AfterValidator(_whole_share)
]
Duration = Annotated[
    Quantity,
    BeforeValidator(partial(_read_quantity, units=("month",))),
    AfterValidator(_whole_months),
    _AS_TEXT,
]
AgeSpan = Annotated[
    tuple[int, int],
    BeforeValidator(_read_age_span),
    PlainSerializer(lambda span: f"{span[0]}-{span[1]} months", return_type=str),
]
_Region = Annotated[str, BeforeValidator(_read_region)]
RegionList = Annotated[tuple[_Region, ...], BeforeValidator(_read_region_list)]
Regions = Annotated[
    Annotated[str, Tag("all")] | Annotated[tuple[_Region, ...], Tag("list")],
    # Without this the text and the list would each report an error of their own.
    Discriminator(lambda value: "all" if isinstance(value, str) else "list"),
    BeforeValidator(_read_regions),
]
