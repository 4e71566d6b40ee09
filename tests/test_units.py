import pytest

from popsim.units import UNITS, Quantity, UnitError, parse


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("300 CNY/month", Quantity(300.0, "CNY/month")),
        ("4.5 places/1000 residents", Quantity(4.5, "places/1000 residents")),
        ("36 months", Quantity(36.0, "month")),
        ("300 元/月", Quantity(300.0, "CNY/month")),
        ("5‰", Quantity(5.0, "per mille")),
        ("-1.5 %", Quantity(-1.5, "%")),
    ],
)
def test_parse(text: str, quantity: Quantity) -> None:
    assert parse(text) == quantity


@pytest.mark.parametrize("name", sorted(UNITS))
def test_printed_quantity_reads_back(name: str) -> None:
    assert parse(str(Quantity(2.5, name))) == Quantity(2.5, name)


@pytest.mark.parametrize(
    ("text", "message", "instead"),
    [
        (300, "the bare number 300 has no unit", "300 CNY/month"),
        ("300", "the bare number 300 has no unit", "300 CNY/month"),
        ("300 CNY/mnth", "unknown unit 'CNY/mnth'", "300 CNY/month"),
        ("300 CNY", "unit 'CNY' does not fit here", "300 CNY/month"),
        ("much", "'much' is not a number followed by a unit", "300 CNY/month"),
        (
            "1,000 CNY/month",
            "'1,000 CNY/month' is not a number followed by a unit",
            "1000 CNY/month",
        ),
        (True, "True is not a quantity", "300 CNY/month"),
        (None, "None is not a quantity", "300 CNY/month"),
    ],
)
def test_what_cannot_be_read_says_why(text: object, message: str, instead: str) -> None:
    with pytest.raises(UnitError) as caught:
        parse(text, "CNY/month")
    assert str(caught.value) == message
    assert caught.value.instead == instead


def test_conversion_keeps_the_amount_of_a_year() -> None:
    assert parse("300 CNY/month").to("CNY/year").value == 3600.0
    assert parse("3600 CNY/year").to("CNY/month").value == 300.0


def test_conversion_between_kinds_is_refused() -> None:
    with pytest.raises(UnitError, match="is money, not money per time"):
        parse("300 CNY").to("CNY/month")


def test_ten_thousand_yuan_over_something_is_money_and_not_one_yuan():
    assert parse("0.06 万元/月", "CNY/month") == Quantity(600.0, "CNY/month")
    assert parse("1 万元/托位") == Quantity(10_000.0, "CNY/place")
    assert parse("1.5 10^4 CNY/year") == Quantity(15_000.0, "CNY/year")
    with pytest.raises(UnitError, match="unknown unit '元/亩'"):
        parse("1 万元/亩", "CNY/place")


def test_units_that_are_printed_in_chinese_are_read():
    for text, unit in (("6 个托位/千人", "places/1000 residents"), ("3 天", "day")):
        assert parse(text).unit == unit


def test_a_quantity_in_another_unit_of_its_kind_is_suggested_converted():
    with pytest.raises(UnitError, match="unit 'year' does not fit here") as error:
        parse("1.5 years", "month")
    assert error.value.instead == "18 month"
