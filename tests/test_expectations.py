"""Beside each shipped scenario lies what its rules give, worked out by hand."""

import runpy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from popsim.policy.dose import capacity, capacity_path, channel_doses
from popsim.policy.files import read_scenario, scenario_names
from popsim.policy.instruments import payments
from popsim.policy.model import Scenario
from popsim.units import parse

SCENARIOS = Path(__file__).parents[1] / "scenarios"
CASES = runpy.run_path(str(Path(__file__).with_name("rule_cases.py")))
NAMES = scenario_names(SCENARIOS)
BLOCKS = {"cases", "sums", "dose", "places"}
#: What a case of a dose may say, and in what unit.
DOSES = {"percent", "days"}
GIVES = {"months", "total", "paid"}


@cache
def read(name: str) -> Scenario:
    return read_scenario(SCENARIOS / f"{name}.yaml")


@cache
def expectations(name: str) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(SCENARIOS / f"{name}.expected.yaml"))


def block(which: str) -> list[Any]:
    return [(name, case) for name in NAMES for case in expectations(name).get(which, [])]


@pytest.mark.parametrize(("name", "case"), block("cases"))
def test_case(name: str, case: dict[str, Any]) -> None:
    policy = read(name).policies[case["policy"]]
    assert CASES["worked_out"](policy, case) == pytest.approx(
        CASES["stated"](case), rel=1e-6, abs=6e-3
    )


@pytest.mark.parametrize(("name", "case"), block("sums"))
def test_sum_over_all_policies(name: str, case: dict[str, Any]) -> None:
    """All money that a family weighs, and the part of it that reaches the mean family."""
    scenario = read(name)
    rules = [rule for policy in scenario.policies.values() for rule in policy.transfers()]
    money = [payments(r, case["order"], CASES["born"](case["born"])).amounts.sum() for r in rules]
    reached = [rule.reached for rule in rules]
    assert sum(money) == pytest.approx(parse(case["total"], "CNY").value)
    assert np.dot(money, reached) == pytest.approx(parse(case["reached"], "CNY").value)


@pytest.mark.parametrize(("name", "case"), block("dose"))
def test_dose(name: str, case: dict[str, Any]) -> None:
    scenario = read(name)
    (said,) = DOSES & set(case)
    month = np.array([CASES["born"](case["born"])])
    doses = channel_doses(scenario, case.get("channel", "cash"), month, None).dose
    assert doses.sum(axis=0)[case["order"] - 1, 0] == pytest.approx(case[said], abs=5e-4)


@pytest.mark.parametrize("name", [n for n in NAMES if "places" in expectations(n)])
def test_places(name: str) -> None:
    expected = expectations(name)["places"]
    years = np.arange(2015, 2051)
    scenario = read(name)
    path = capacity_path(scenario, years, np.full(36, expected["reference"])).places
    found = {year: path[year - 2015] for year in expected["levels"]}
    assert found == pytest.approx(expected["levels"], abs=5e-6)


@pytest.mark.parametrize("name", NAMES)
def test_every_promise_has_an_expectation(name: str) -> None:
    """Whatever promises something per child has a case, whatever sets places their levels."""
    scenario = read(name)
    expected = expectations(name)
    assert set(expected) <= BLOCKS
    promising = {n for n, p in scenario.policies.items() if CASES["promises_per_child"](p)}
    assert {case["policy"] for case in expected["cases"]} == promising
    if capacity(scenario) is not None and scenario.extends in (None, "baseline"):
        assert "places" in expected


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_is_tried_inside_and_outside_its_bounds(name: str) -> None:
    """A policy that a file adds has a case that gives something and one that gives nothing."""
    scenario = read(name)
    inherited = read(scenario.extends).policies if scenario.extends else {}
    for policy in scenario.policies.keys() - inherited.keys():
        rule = scenario.policies[policy]
        tried = {
            any(value for key, value in CASES["worked_out"](rule, case).items() if key in GIVES)
            or any(case.get("offers", {}).values())
            for case in expectations(name)["cases"]
            if case["policy"] == policy
        }
        if CASES["promises_per_child"](rule):
            assert tried == ({True, False} if CASES["adds_something"](rule) else {False}), policy


@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_has_two_labels_and_a_source(name: str) -> None:
    scenario = read(name)
    assert scenario.label.en
    assert any("一" <= character <= "鿿" for character in scenario.label.zh)
    assert scenario.source is not None or not scenario.policies
