"""Writing a scenario and reading it is a fixed point."""

from pathlib import Path

import pytest

from popsim.policy.files import read_scenario, scenario_names, write_scenario

SCENARIOS = Path(__file__).parents[1] / "scenarios"


@pytest.mark.parametrize("name", scenario_names(SCENARIOS))
def test_what_is_written_reads_back(name: str, tmp_path: Path) -> None:
    scenario = read_scenario(SCENARIOS / f"{name}.yaml")
    file = write_scenario(scenario, tmp_path / f"{name}.yaml")
    first = file.read_text(encoding="utf-8")
    again = read_scenario(file)
    assert again.model_dump(exclude={"extends"}) == scenario.model_dump(exclude={"extends"})
    assert write_scenario(again, file).read_text(encoding="utf-8") == first
