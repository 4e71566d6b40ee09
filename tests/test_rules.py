"""Rules as cases: a birth of an order in a month, the months paid and the money."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from popsim.policy.instruments import month, payments
from popsim.policy.kinds.cash import CashTransfer
from popsim.units import parse

FILE = Path(__file__).parent / "rules" / "cash_transfer.yaml"


def cases() -> list[Any]:
    return [
        (block["rule"], case) for block in YAML(typ="safe").load(FILE) for case in block["cases"]
    ]


def born(text: str) -> int:
    year, number = text.split("-")
    return month(int(year), int(number))


@pytest.mark.parametrize(("rule", "case"), cases())
def test_rule(rule: dict[str, Any], case: dict[str, Any]) -> None:
    policy = CashTransfer.model_validate(rule)
    schedule = payments(policy, case["order"], born(case["born"]))
    assert len(schedule.offsets) == case["months"]
    assert schedule.amounts.sum() == pytest.approx(parse(case["total"], "CNY").value)
    if case["months"]:
        assert born(case["born"]) + schedule.offsets[-1] == born(case["last"])
