"""Writing a scenario and reading it is a fixed point."""

import runpy
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from popsim.errors import Problems
from popsim.policy.difference import diff
from popsim.policy.examples import kind_example, kinds
from popsim.policy.files import read_scenario, scenario_names, write_scenario
from popsim.policy.marks import load
from popsim.policy.model import Scenario
from popsim.policy.schema import json_schema

drawn_by = runpy.run_path(str(Path(__file__).with_name("scenario_strategies.py")))
policies, scenarios = drawn_by["policies"], drawn_by["scenarios"]
scenario_of = drawn_by["scenario_of"]

SCHEMA = Draft202012Validator(json_schema("scenario"))
SCENARIOS = Path(__file__).parents[1] / "scenarios"


def round_trip(scenario: Scenario, folder: Path) -> None:
    file = write_scenario(scenario, folder / f"{scenario.id}.yaml")
    first = file.read_text(encoding="utf-8")
    again = read_scenario(file)
    assert again.model_dump(exclude={"extends"}) == scenario.model_dump(exclude={"extends"})
    assert not diff(scenario, again)
    marked = load(file, Problems())
    assert marked is not None
    # Editors accept what popsim reads.
    assert [error.message for error in SCHEMA.iter_errors(marked.data)] == []
    assert write_scenario(again, file).read_text(encoding="utf-8") == first


@pytest.mark.parametrize("name", scenario_names(SCENARIOS))
def test_what_is_written_reads_back(name: str, tmp_path: Path) -> None:
    round_trip(read_scenario(SCENARIOS / f"{name}.yaml"), tmp_path)


@given(scenario=scenarios())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_scenario_reads_back(scenario: Scenario, tmp_path: Path) -> None:
    round_trip(scenario, tmp_path)


@pytest.mark.parametrize("kind", list(kinds()))
def test_every_kind_reads_back(kind: str, tmp_path: Path) -> None:
    round_trip(scenario_of({"one": kind_example(kind)}, id="example"), tmp_path)

    @given(drawn=policies(kind))
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def check(drawn: dict) -> None:
        round_trip(scenario_of({"one": drawn}), tmp_path)

    check()


def test_strategies_vary_what_they_draw() -> None:
    for kind in kinds():
        seen: set[str] = set()

        @given(drawn=policies(kind))
        @settings(max_examples=15, deadline=None, database=None)
        def collect(drawn: dict) -> None:
            seen.add(repr(drawn))  # noqa: B023

        collect()
        assert len(seen) > 3, kind


@given(text=st.sampled_from(["no", "010203", "1e5", "2023", "2023-01-01", "~", "a\n\nb\n", " a "]))
def test_text_that_looks_like_something_else_stays_text(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        round_trip(scenario_of({}, notes=text, label={"en": text, "zh": text}), Path(folder))


def test_what_is_lost_by_writing(tmp_path: Path) -> None:
    """Remarks, the spelling of units, the order of keys and what the file extends."""
    file = tmp_path / "own.yaml"
    file.write_text(
        """# a remark
schema: popsim.scenario/1
id: own
label: {zh: 例, en: A case}
extends: baseline
gdp_per_head: 12.5 万元  # of 2023
regions: all
policies:
  grant:
    amount: 500 元
    kind: cash_transfer
    announced: 2023-01-01
    births: {from: 2023-01-01}
""",
        encoding="utf-8",
    )
    scenario = read_scenario(file)
    file.unlink()
    text = write_scenario(scenario, tmp_path / "own.yaml").read_text(encoding="utf-8")
    assert "#" not in text
    assert "extends" not in text
    assert "gdp_per_head: 125000 CNY" in text
    assert "1+: 500 CNY" in text
    assert not diff(scenario, read_scenario(file))
