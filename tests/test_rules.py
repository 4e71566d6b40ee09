"""Rules as cases: a birth of an order in a month, the months paid, the money, what is offered."""

import runpy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from popsim.policy.kinds import KINDS

FOLDER = Path(__file__).parent / "rules"
CASES = runpy.run_path(str(Path(__file__).with_name("rule_cases.py")))


def cases() -> list[Any]:
    return [
        (block["rule"], case)
        for file in sorted(FOLDER.glob("*.yaml"))
        for block in YAML(typ="safe").load(file)
        for case in block["cases"]
    ]


@pytest.mark.parametrize(("rule", "case"), cases())
def test_rule(rule: dict[str, Any], case: dict[str, Any]) -> None:
    assert {"months", "total"} <= set(case)
    policy = KINDS[rule.get("kind", "cash_transfer")].model_validate(rule)
    assert CASES["worked_out"](policy, case) == pytest.approx(CASES["stated"](case), rel=1e-4)


def test_every_kind_that_promises_something_has_a_case() -> None:
    silent = {"childcare_capacity", "childcare_construction", "measure"}
    assert {rule.get("kind", "cash_transfer") for rule, _ in cases()} == set(KINDS) - silent
