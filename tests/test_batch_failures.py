"""What fails is told once: at its place before the run, and by reason after it."""

from dataclasses import replace

import pytest
from batch_example import BATCH, SCENARIO, write_batch
from click.testing import CliRunner

import popsim as ps
from popsim.batch.failures import reasons
from popsim.batch.plan import Plan
from popsim.batch.results import check_store
from popsim.batch.task import compute
from popsim.cli import main


def emptied(data, scenarios, **options):
    """Fail as a projection does under the second scenario: with figures of the region."""
    code, name = (str(data[what].values[0]) for what in ("region", "region_name_zh"))
    raise ps.ProjectionError(
        f"scenario grant, draw {int(code) % 7}: net migration removes {int(code) % 11} more women "
        f"aged 23 than live in {code} ({name}) in 2025"
    )


def odd_in_two(data, scenarios, **options):
    if str(data["region"].values[0]) in ("339002", "339003"):
        raise ps.ProjectionError("the response changes births by -120 %, which leaves none")
    return compute(data, scenarios, **options)


@pytest.mark.parametrize(
    ("function", "told", "found"),
    [
        (
            emptied,
            "  in all 4 regions: scenario grant, draw 5: net migration removes 3 more women aged "
            "23 than live in 339001 (示例县1) in 2025 (figures of 339001 示例县1)",
            "4 tasks failed in all 4 regions: scenario grant, ",
        ),
        (
            odd_in_two,
            "  in 2 of 4 regions (339002 示例县2, 339003 示例县3): the response changes births by "
            "-120 %, which leaves none",
            "2 tasks failed in 2 of 4 regions (339002, 339003): the response",
        ),
    ],
)
def test_a_reason_is_told_once_with_its_regions_counted(
    tmp_path, monkeypatch, function, told, found
):
    monkeypatch.chdir(tmp_path)
    write_batch(tmp_path)
    before = Plan.__init__

    def failing(self, *given):
        before(self, *given)
        self.job = replace(self.job, function=function)

    monkeypatch.setattr(Plan, "__init__", failing)
    done = CliRunner().invoke(main, ["run", "small.batch.yaml", "--threads", "--workers", "1"])
    assert done.exit_code == 1
    lines = done.output.splitlines()
    assert lines.count(told) == 1, done.output
    assert sum("women aged" in line or "leaves none" in line for line in lines) == 1
    (clause,) = [one for one in check_store("results/small") if "failed" in one]
    assert clause.startswith(found)
    described = CliRunner().invoke(main, ["describe", "results/small"]).output
    assert f"  failed {told.strip()}" in described.splitlines()


def test_reasons_of_different_scenarios_stay_apart():
    errors = {
        "339001-1": "scenario grant-300, draw 4: 1.5 births of order 1 in 2025",
        "339001-2": "scenario grant-600, draw 4: 1.5 births of order 1 in 2025",
        "339002-1": "scenario grant-300, draw 7: 1.6 births of order 1 in 2026",
        "339003-1": "out of memory: Unable to allocate 74.5 GiB",
    }
    found = reasons(errors, [*errors, "339004-1"], {})
    assert [one.tasks for one in found] == [("339001-1", "339002-1"), ("339001-2",), ("339003-1",)]
    assert str(found[0]).startswith(
        "in 2 of 4 regions (339001, 339002): scenario grant-300, draw 4"
    )
    assert str(found[1]) == "339001: scenario grant-600, draw 4: 1.5 births of order 1 in 2025"


def test_a_code_with_a_hyphen_is_a_region_of_its_own():
    names = {"ES-CT": "Catalunya", "ES-MD": "Madrid", "FR-IDF": "Île-de-France"}
    found = reasons(dict.fromkeys(["ES-CT", "ES-MD"], "it is odd"), names, names)
    assert [str(one) for one in found] == [
        "in 2 of 3 regions (ES-CT Catalunya, ES-MD Madrid): it is odd"
    ]


def without_gdp(folder):
    """Write a batch on data that do not say GDP per head."""
    data = ps.load_baseline("zhejiang-2020").drop_vars("gdp_per_head")
    ps.save_result(data, folder / "base.nc")
    own = SCENARIO.format(name="own", regions="all") + "gdp_per_head: 100000 CNY\n"
    (folder / "own.yaml").write_text(own, encoding="utf-8")
    text = BATCH.replace("baseline: zhejiang-2020", "file: base.nc").replace(
        "scenarios: [grant, local]",
        "scenarios: [own, grant]\nsweep: [{scenario: local, "
        "grid: {policies.grant.amount.2: [1 CNY, 2 CNY]}}]",
    )
    return write_batch(folder, text)


def test_what_a_response_cannot_answer_is_told_at_its_place_before_anything_runs(tmp_path):
    path = without_gdp(tmp_path)
    for words in (("check",), ("plan",), ("run", "--threads")):
        done = CliRunner().invoke(main, [words[0], str(path), *words[1:]])
        assert done.exit_code == 1
        lines = done.output.splitlines()
        assert "popsim: 2 problems" in lines
        (named,) = [line for line in lines if "batch.yaml:5:18: scenario 'grant' promises" in line]
        assert "there is no GDP per head to compare it with; write: gdp_per_head: 1" in named
        # Of a sweep once, whatever its size.
        (swept,) = [line for line in lines if "scenario 'local-" in line]
        assert "batch.yaml:6:20: scenario 'local-amount-2-1' promises money" in swept
    assert not (tmp_path / "results").exists()


def test_a_region_that_is_not_in_the_data_is_told_at_the_scenario(tmp_path):
    path = write_batch(tmp_path)
    text = SCENARIO.format(name="local", regions='["331126"]')
    (tmp_path / "local.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ps.ScenarioError, match=r"batch.yaml:5:20: scenario 'local' names region"):
        ps.plan(path)
