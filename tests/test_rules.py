"""Rules as cases: a birth of an order in a month, the months paid, the money, what is offered."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from popsim.policy.instruments import eligible_share, month, payments
from popsim.policy.kinds import KINDS
from popsim.policy.kinds.cash import CashTransfer
from popsim.policy.kinds.instrument import Instrument
from popsim.units import parse

FOLDER = Path(__file__).parent / "rules"


def cases() -> list[Any]:
    return [
        (block["rule"], case)
        for file in sorted(FOLDER.glob("*.yaml"))
        for block in YAML(typ="safe").load(file)
        for case in block["cases"]
    ]


def born(text: str) -> int:
    year, number = text.split("-")
    return month(int(year), int(number))


def total(rules: tuple[CashTransfer, ...], case: dict[str, Any]) -> float:
    """Return the money per child reached, all rules together [CNY]."""
    found = (payments(rule, case["order"], born(case["born"])) for rule in rules)
    return float(sum(schedule.amounts.sum() for schedule in found))


@pytest.mark.parametrize(("rule", "case"), cases())
def test_rule(rule: dict[str, Any], case: dict[str, Any]) -> None:
    policy: Instrument = KINDS[rule.get("kind", "cash_transfer")].model_validate(rule)
    here = case["order"], born(case["born"])
    offsets = [o for t in policy.transfers() for o in payments(t, *here).offsets]
    assert len(offsets) == case["months"]
    assert total(policy.transfers(), case) == pytest.approx(parse(case["total"], "CNY").value, 1e-4)
    if case["months"]:
        assert here[1] + max(offsets) == born(case["last"])
    if "paid" in case:
        assert total(policy.paid_out(), case) == pytest.approx(
            parse(case["paid"], "CNY").value, 1e-4
        )
    if "reached" in case:
        assert [100 * t.reached for t in policy.transfers()] == pytest.approx([case["reached"]])
    for channel, amount in case.get("offers", {}).items():
        offered = sum(
            offer.amount[case["order"] - 1]
            * float(eligible_share(offer.births, np.array([here[1]]))[0])
            for offer in policy.offers()
            if offer.channel == channel
        )
        assert offered == pytest.approx(amount)


def test_every_kind_that_promises_something_has_a_case() -> None:
    silent = {"childcare_capacity", "childcare_construction", "measure"}
    assert {rule.get("kind", "cash_transfer") for rule, _ in cases()} == set(KINDS) - silent
