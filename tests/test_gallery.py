"""The gallery of the shipped scenarios, and that each of them runs."""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import xarray as xr

import popsim as ps
from popsim.errors import ScenarioError
from popsim.policy.dose import channel_doses
from popsim.policy.files import read_scenario, scenario_names
from popsim.policy.instruments import month
from popsim.policy.model import Scenario

ROOT = Path(__file__).parents[1]
NAMES = [name for name in scenario_names(ROOT / "scenarios") if name != "baseline"]
YEARS = range(2021, 2031)


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    sys.path.insert(0, str(ROOT))
    try:
        from scripts import gallery
    finally:
        sys.path.remove(str(ROOT))
    return gallery


@pytest.fixture(scope="module")
def page(gallery: ModuleType) -> str:
    return (ROOT / gallery.PAGE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def groups(gallery: ModuleType) -> dict[str, list[Scenario]]:
    return gallery.different(gallery.shipped())


@pytest.fixture(scope="module")
def result(gallery: ModuleType, groups: dict[str, list[Scenario]]) -> xr.Dataset:
    """Every different scenario on Zhejiang, `regions` overridden and GDP per head given."""
    return gallery.run([first for first, *_ in groups.values()], YEARS, draws=4)


@pytest.fixture(scope="module")
def made(gallery: ModuleType, groups: dict[str, list[Scenario]], result: xr.Dataset) -> str:
    return gallery.effects(groups, result)


def test_every_shipped_scenario_runs_on_embedded_data(
    groups: dict[str, list[Scenario]], result: xr.Dataset
) -> None:
    assert sorted(scenario.id for group in groups.values() for scenario in group) == NAMES
    births = result["births"].sel(region="330000")
    assert bool(np.isfinite(births).all())
    for name, (scenario, *_) in groups.items():
        change = births.sel(scenario=name) - births.sel(scenario="baseline")
        # Four draws hold some in which each package has an answer, and none before conception.
        assert float(np.abs(change).max()) > 0, name
        first = min(policy.announced for policy in scenario.policies.values())
        untouched = (month(first.year, first.month) + 8) // 12 - 1
        assert bool((change.sel(year=slice(None, untouched)) == 0).all()), name


def test_scenarios_of_embedded_regions_run_as_they_stand() -> None:
    read = [read_scenario(ROOT / "scenarios" / f"{name}.yaml") for name in NAMES]
    own = [s for s in read if s.regions == "all" or s.regions == ("330000",)]
    assert {s.id for s in own} >= {n for n in NAMES if n.startswith(("zhejiang", "national"))}
    run = ps.run("zhejiang-2020", own, years=range(2021, 2024), draws=1)
    assert run["scenario"].values.tolist() == ["baseline", *(s.id for s in own)]


@pytest.mark.parametrize("name", ["hangzhou-2023", "hohhot-2025", "luliang-2025", "tianmen-2024"])
def test_a_place_outside_the_data_has_no_gdp_per_head(name: str) -> None:
    scenario = read_scenario(ROOT / "scenarios" / f"{name}.yaml")
    with pytest.raises(ScenarioError, match="there is no GDP per head to compare it with"):
        channel_doses(scenario, "cash", np.array([month(2026, 1)]), None)
    with pytest.raises(ScenarioError, match="which is not in the data"):
        ps.run("zhejiang-2020", scenario, years=range(2021, 2023), draws=1)


def test_the_page_says_what_the_rules_promise(gallery: ModuleType, page: str) -> None:
    assert gallery.rules(gallery.shipped()) in page
    tianmen = read_scenario(ROOT / "scenarios/tianmen-2024.yaml")
    assert gallery.promised(tianmen, 3) == pytest.approx((225100, 50260))
    # The window of a trial is past; a child of its time is shown.
    sunset = read_scenario(ROOT / "scenarios/qingyuan-2023-sunset.yaml")
    assert gallery.promised(sunset, 2) == pytest.approx((11300, 11300))


def test_the_table_of_effects_has_every_scenario_once(page: str, made: str) -> None:
    shown = page[page.index("## What they would do") : page.index("## What the files leave out")]
    for text in (made, shown):
        rows = [line for line in text.split("\n") if line.startswith("| `")]
        first = [row.split("|")[1] for row in rows]
        assert sorted(name.strip(" `") for cell in first for name in cell.split(",")) == NAMES
    assert made.split("\n")[0] in page


def test_effects_are_those_of_the_run(made: str, result: xr.Dataset) -> None:
    (row,) = [line for line in made.split("\n") if "`zhejiang-as-hohhot`" in line]
    change = ps.compare(result).difference.sel(region="330000", scenario="hohhot-2025")
    rate = change["total_fertility_rate"].sel(year=2030)
    share = 100 * change["second_and_third_child_share"].sel(year=2030)
    _, _, first, second, births, chance, *_ = row.split("|")
    assert first.split()[0] == f"{float(rate.mean()):+.3f}"
    assert second.split()[0] == f"{float(share.mean()):+.2f}"
    total = change["births"].sel(year=slice(2025, 2054)).sum("year")
    assert births.split()[0] == f"{float(total.mean()) / 1e4:+.1f}"
    assert chance.strip() == f"{100 * float((total <= 0).mean()):.0f} %"
