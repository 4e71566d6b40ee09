"""Beside each shipped scenario lies what its rules pay, worked out by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from popsim.policy.dose import capacity_path, channel_doses
from popsim.policy.files import read_scenario, scenario_names
from popsim.policy.instruments import month, payments
from popsim.policy.kinds.cash import CashTransfer
from popsim.units import parse

SCENARIOS = Path(__file__).parents[1] / "scenarios"


def born(text: str) -> int:
    return month(*(int(part) for part in text.split("-")))


def expectations(name: str) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(SCENARIOS / f"{name}.expected.yaml"))


@pytest.mark.parametrize("name", scenario_names(SCENARIOS))
def test_expectation(name: str) -> None:
    scenario = read_scenario(SCENARIOS / f"{name}.yaml")
    expected = expectations(name)
    assert set(expected) <= {"cash", "dose", "places"}
    for case in expected["cash"]:
        policy = scenario.policies[case["policy"]]
        assert isinstance(policy, CashTransfer)
        schedule = payments(policy, case["order"], born(case["born"]))
        assert len(schedule.offsets) == case["months"], case
        assert schedule.amounts.sum() == pytest.approx(parse(case["total"], "CNY").value), case
        if case["months"]:
            assert born(case["born"]) + schedule.offsets[-1] == born(case["last"]), case
    for case in expected.get("dose", []):
        dose = channel_doses(scenario, "cash", np.array([born(case["born"])]), None).dose.sum(
            axis=0
        )
        assert dose[case["order"] - 1, 0] == pytest.approx(case["percent"], abs=5e-4), case
    if "places" in expected:
        years = np.arange(2015, 2051)
        path = capacity_path(scenario, years, np.full(36, expected["places"]["reference"]))
        for year, level in expected["places"]["levels"].items():
            assert path.places[year - 2015] == pytest.approx(level, abs=5e-6), year


@pytest.mark.parametrize("name", scenario_names(SCENARIOS))
def test_every_cash_policy_has_an_expectation(name: str) -> None:
    scenario = read_scenario(SCENARIOS / f"{name}.yaml")
    cash = {n for n, p in scenario.policies.items() if isinstance(p, CashTransfer)}
    assert {case["policy"] for case in expectations(name)["cash"]} == cash


@pytest.mark.parametrize("name", scenario_names(SCENARIOS))
def test_every_scenario_has_two_labels_and_a_source(name: str) -> None:
    scenario = read_scenario(SCENARIOS / f"{name}.yaml")
    assert scenario.label.en
    assert any("一" <= character <= "鿿" for character in scenario.label.zh)
    assert scenario.source is not None or not scenario.policies
