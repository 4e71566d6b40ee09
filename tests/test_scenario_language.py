"""Sweeps, settings, explanations and differences of scenarios."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from popsim.cli import FORMAT_NAMES, main
from popsim.errors import ScenarioError
from popsim.policy.changes import change, change_all, read_settings
from popsim.policy.difference import diff
from popsim.policy.fields import _read_name
from popsim.policy.files import baseline, read_scenario, write_scenario
from popsim.policy.schema import FORMATS
from popsim.policy.sweep import Sweep, sweep, sweep_all

SCENARIOS = Path(__file__).parents[1] / "scenarios"
THIRD = "policies.childcare_subsidy.amount.3"
PLACES = "policies.childcare_places.target.2025"


@pytest.fixture
def qingyuan():
    return read_scenario(SCENARIOS / "qingyuan-2023.yaml")


def messages(call, *args, **options):
    with pytest.raises(ScenarioError) as caught:
        call(*args, **options)
    return [str(problem) for problem in caught.value.problems]


def test_grid_is_every_combination(qingyuan):
    swept = sweep(qingyuan, {THIRD: ["600 CNY/month", 900], PLACES: [4.5, 6]})
    assert [s.id for s in swept] == [
        "qingyuan-2023-amount-3-600-target-2025-4_5",
        "qingyuan-2023-amount-3-600-target-2025-6",
        "qingyuan-2023-amount-3-900-target-2025-4_5",
        "qingyuan-2023-amount-3-900-target-2025-6",
    ]
    last = swept[-1]
    assert str(last.policies["childcare_subsidy"].amount_for(3)) == "900 CNY/month"
    assert str(last.policies["childcare_places"].target[2025]) == "6 places/1000 residents"
    assert last.label.en == (
        "Qingyuan childcare and cash package, 2023: childcare_subsidy.amount.3 = 900 CNY/month, "
        "childcare_places.target.2025 = 6 places/1000 residents"
    )
    assert last.label.zh == (
        "庆元县优化生育政策一揽子措施（2023）：childcare_subsidy.amount.3 = 900 元/月，"
        "childcare_places.target.2025 = 6 个托位/千人"
    )
    assert last.explain(THIRD) == "900 CNY/month, sweep, clause 3(8)"
    assert last.explain("id") == "qingyuan-2023-amount-3-900-target-2025-6, sweep"
    assert qingyuan.explain(THIRD) == "600 CNY/month, qingyuan-2023.yaml:35, clause 3(8)"
    # The first point says what the file says.
    assert swept[0].policies == qingyuan.policies


def test_list_is_side_by_side(qingyuan):
    values = {THIRD: [600, 900, 900], PLACES: [5, 5, 6]}
    assert [s.id.removeprefix("qingyuan-2023-") for s in sweep(qingyuan, values, how="list")] == [
        "amount-3-600-target-2025-5",
        "amount-3-900-target-2025-5",
        "amount-3-900-target-2025-6",
    ]


def test_ids_are_names_and_each_is_there_once(qingyuan, tmp_path):
    swept = sweep(
        qingyuan,
        {
            "policies.childcare_subsidy.amount": [
                {"2": "300 CNY/month", "3+": "600 CNY/month"},
                {"2": "300 CNY/month", "3": "600 CNY/month"},
                "1 CNY/month",
            ],
            "policies.childcare_subsidy.take_up": ["80 %", "80.5 %"],
            "policies.prenatal_grant.take_up": ["100 %"],
            "regions": ["all", ["331126", "331102"]],
        },
    )
    ids = [s.id for s in swept]
    assert len(set(ids)) == len(ids) == 12
    for one in swept:
        assert _read_name(one.id) == one.id
        file = write_scenario(one, tmp_path / f"{one.id}.yaml")
        assert read_scenario(file).policies == one.policies
    assert ids[0] == (
        "qingyuan-2023-amount-1-childcare_subsidy-take_up-80-prenatal_grant-take_up-100-regions-all"
    )


def test_values_that_differ_by_unit_keep_it(qingyuan):
    assert [s.id for s in sweep(qingyuan, {"gdp_per_head": ["100000 CNY", "12 万元"]})] == [
        "qingyuan-2023-gdp_per_head-100000",
        "qingyuan-2023-gdp_per_head-120000",
    ]
    paths = {"policies.childcare_subsidy.amount": ["300 CNY/month", "4000 CNY/year"]}
    assert [s.id for s in sweep(qingyuan, paths)] == [
        "qingyuan-2023-amount-1plus-300-CNY-month",
        "qingyuan-2023-amount-1plus-4000-CNY-year",
    ]


def test_all_problems_of_a_sweep_at_once(qingyuan):
    values = {
        "policies.childcare_subsidi.amount.3": ["1 CNY/month"],
        THIRD: ["600", "700 CNY"],
        PLACES: [],
        "gdp_per_head": "100000 CNY",
        "policies.childcare_subsidy.take_up": ["80 %", "80 %"],
    }
    assert messages(sweep, qingyuan, values) == [
        f"sweep {PLACES}: the list of values is empty; write: [600 CNY/month, 900 CNY/month]",
        "sweep gdp_per_head: '100000 CNY' is not a list of values; write: [100000 CNY]",
        "sweep policies.childcare_subsidy.take_up: the value '80 %' is given twice; "
        "write: each value once",
        "sweep: scenario 'qingyuan-2023' has no value 'policies.childcare_subsidi.amount.3'; "
        f"write: {THIRD}",
        f"sweep {THIRD}: the bare number 600 has no unit; write: 600 CNY/month",
    ]


@pytest.mark.parametrize(
    ("values", "how", "message"),
    [
        ({}, "grid", "nothing is swept; write: "),
        ({THIRD: [1]}, "zip", "'zip' is no way to sweep; write: grid or list"),
        (
            {THIRD: [1, 2], PLACES: [5]},
            "list",
            f"sweep: the lists are not equally long: {THIRD} has 2, {PLACES} has 1; "
            "write: as many values for every key",
        ),
        (
            {THIRD: [1, 1], PLACES: [5, 5]},
            "list",
            "sweep: row 2 of the list is the same as one above; write: each row once",
        ),
        (
            {THIRD: [1], "policies.childcare_subsidy": [None]},
            "grid",
            f"sweep: {THIRD!r} lies under 'policies.childcare_subsidy', which is swept too; "
            "write: one of them",
        ),
    ],
)
def test_what_is_no_sweep(qingyuan, values, how, message):
    (told,) = messages(sweep, qingyuan, values, how=how)
    assert told.startswith(message)


def test_the_section_of_a_batch_file():
    section = Sweep.model_validate(
        {"grid": {THIRD: [600, 900]}, "list": {PLACES: [5, 6], "status": ["draft", "final"]}}
    )
    assert section.keys == (THIRD, PLACES, "status")
    assert section.points()[1] == {THIRD: 600, PLACES: 6, "status": "final"}
    assert len(section.points()) == 4
    with pytest.raises(ValidationError, match="is in the grid and in the list"):
        Sweep.model_validate({"grid": {THIRD: [1]}, "list": {THIRD: [2]}})
    with pytest.raises(ValidationError, match="Extra inputs"):
        Sweep.model_validate({"gird": {THIRD: [1]}})


def test_a_batch_sweeps_what_each_scenario_has(qingyuan):
    section = Sweep.model_validate({"grid": {THIRD: [600, 900]}})
    assert [s.id for s in sweep_all([baseline(), qingyuan], section)] == [
        "baseline",
        "qingyuan-2023-amount-3-600",
        "qingyuan-2023-amount-3-900",
    ]
    huzhou = read_scenario(SCENARIOS / "huzhou-2025.yaml")
    both = Sweep.model_validate({"list": {THIRD: [600, 900, 1200], PLACES: [5, 5, 6]}})
    assert [s.id for s in sweep_all([huzhou], both.within({PLACES}))] == [
        "huzhou-2025-target-2025-5",
        "huzhou-2025-target-2025-6",
    ]
    wrong = Sweep.model_validate({"grid": {"policies.x.amount.3": [1], THIRD: ["5 EUR"]}})
    assert messages(sweep_all, [baseline(), qingyuan], wrong) == [
        "sweep: no scenario has a value 'policies.x.amount.3'; "
        "write: policies.prenatal_grant.amount.3",
        f"sweep {THIRD}: unknown unit 'EUR'; write: 5 CNY/month",
    ]


def test_settings_are_read_as_in_a_file():
    assert read_settings(
        [f"{THIRD}=900", 'regions=["331126"]', "label.en = A = B", "gdp_per_head=null"]
    ) == {THIRD: 900, "regions": ["331126"], "label.en": "A = B", "gdp_per_head": None}
    assert messages(read_settings, ["a", "=1", "b=1", "b=2", "c=no", "d=[1", "e=007"]) == [
        "--set: 'a' has no =; write: policies.grant.amount.3=900 CNY/month",
        "--set: '=1' has no key before =; write: policies.grant.amount.3=900 CNY/month",
        "--set: the key 'b' is given twice; write: each key once",
        '--set:1:1: no may be read as true or false; write: "no" in quotes if it is a word, else '
        "true or false\n    no\n    ^",
        "--set:1:1: what opens here is not closed; write: the closing quote or bracket\n"
        "    [1\n    ^",
        '--set:1:1: 007 begins with a zero, which some programs drop; write: "007" in quotes\n'
        "    007\n    ^",
    ]


def test_a_setting_reaches_every_scenario_that_has_the_key(qingyuan):
    changed = change_all([baseline(), qingyuan], {THIRD: 900, "status": "draft"}, by="--set")
    assert [s.status for s in changed] == ["draft", "draft"]
    assert changed[0].explain("status") == "draft, --set"
    assert changed[1].explain(THIRD) == "900 CNY/month, --set, clause 3(8)"
    assert messages(change_all, [baseline(), qingyuan], {"statsu": "draft"}, by="--set") == [
        "--set: none of the scenarios 'baseline', 'qingyuan-2023' has a value 'statsu'; "
        "write: status"
    ]


def test_explain_after_sweep_override_and_inheritance(qingyuan):
    trial = read_scenario(SCENARIOS / "qingyuan-2023-sunset.yaml")
    assert trial.explain(THIRD) == "600 CNY/month, qingyuan-2023.yaml:35, clause 3(8)"
    assert trial.explain("policies.prenatal_grant.take_up") == "100 %, default"
    assert (
        trial.explain("policies.prenatal_grant.births.to")
        == "2023-12-31, qingyuan-2023-sunset.yaml:11, clause 4(13)"
    )
    group = {"policies.childcare_subsidy.amount": {"2": "1 CNY/month", "3+": "2 CNY/month"}}
    more = change(trial, group, by="override")
    assert more.explain("policies.childcare_subsidy.amount.4") == (
        "2 CNY/month, override, clause 3(8)"
    )
    assert more.explain("policies.childcare_subsidy.amount") == (
        "several values, override, clause 3(8)"
    )
    (swept,) = sweep(trial, {"policies.prenatal_grant.take_up": [80]})
    assert swept.explain("policies.prenatal_grant.take_up") == "80 %, sweep, clause 4(13)"
    # What was not swept is still where it was.
    assert swept.explain(THIRD) == trial.explain(THIRD)


def test_difference_in_words_and_as_a_table(qingyuan):
    trial = read_scenario(SCENARIOS / "qingyuan-2023-sunset.yaml")
    found = diff(qingyuan, trial)
    lines = found.text().splitlines()
    assert lines[0] == "qingyuan-2023-sunset against qingyuan-2023: 5 values differ."
    assert (
        "- policies.childcare_subsidy.births.to: not said → 2023-12-31 "
        "(qingyuan-2023-sunset.yaml:8)" in lines
    )
    assert (
        "- policies.childcare_subsidy.births.to（childcare_subsidy 适用出生日期 止）：未规定 → "
        "2023-12-31（qingyuan-2023-sunset.yaml:8）" in found.text("zh").splitlines()
    )
    assert list(found.table.columns) == [
        *("key", "label", "label_zh", "what", "old", "new", "old_place", "new_place")
    ]
    assert len(found.table) == len(found.changes) == 5
    back = diff(trial, qingyuan)
    assert {(c.key, c.old, c.new) for c in back.changes} == {
        (c.key, c.new, c.old) for c in found.changes
    }


def test_policies_regions_and_dates_that_differ(qingyuan):
    whole = change(
        qingyuan,
        {"regions": "all", "policies.prenatal_grant.announced": "2024-01-01"},
        by="override",
    )
    assert diff(qingyuan, whole).text().splitlines()[1:] == [
        "- regions: 331126 (qingyuan-2023.yaml:7) → all (override)",
        "- policies.prenatal_grant.announced: 2023-01-01 (qingyuan-2023.yaml:42) → "
        "2024-01-01 (override)",
    ]
    fewer = qingyuan.with_only("childcare_subsidy", "prenatal_grant")
    assert diff(qingyuan, fewer).text().splitlines() == [
        "qingyuan-2023 against qingyuan-2023: 2 policies removed.",
        "- policies.childcare_places (childcare places) removed (qingyuan-2023.yaml:15)",
        "- policies.childcare_operation (childcare operating subsidy) removed "
        "(qingyuan-2023.yaml:22)",
    ]
    assert "- 新增政策 childcare_places（托位建设）（qingyuan-2023.yaml:15）" in diff(
        fewer, qingyuan
    ).text("zh")


def test_what_says_the_same_is_no_difference(qingyuan):
    assert not diff(qingyuan, qingyuan)
    assert diff(qingyuan, qingyuan).text() == "qingyuan-2023 and qingyuan-2023 say the same."
    assert len(diff(qingyuan, qingyuan).table) == 0
    spelled = change(
        qingyuan,
        {
            "policies.prenatal_grant.amount": {"2+": "500 CNY"},
            "policies.prenatal_grant.take_up": "100 %",
        },
        by="override",
    )
    (only,) = diff(qingyuan, spelled).changes
    assert (only.key, only.what) == ("policies.prenatal_grant.amount.4+", "added")


def test_orders_that_change_alike_are_told_once(qingyuan):
    low, high = (
        change(qingyuan, {"policies.prenatal_grant.amount": f"{n} CNY"}, by="override")
        for n in (500, 700)
    )
    assert [c.key for c in diff(low, high).changes] == ["policies.prenatal_grant.amount.1+"]
    mixed = change(low, {"policies.prenatal_grant.amount": {"1": "500 CNY", "2+": "7 CNY"}}, by="x")
    assert [c.key for c in diff(low, mixed).changes] == ["policies.prenatal_grant.amount.2+"]


@pytest.fixture
def popsim(monkeypatch):
    monkeypatch.chdir(SCENARIOS)
    return lambda *words: CliRunner().invoke(main, list(words))


def test_explain_on_the_command_line(popsim):
    done = popsim("explain", "qingyuan-2023.yaml", THIRD)
    assert done.output == "600 CNY/month, qingyuan-2023.yaml:35, clause 3(8)\n"
    done = popsim("explain", "qingyuan-2023.yaml", THIRD, "status", "--set", f"{THIRD}=900")
    assert done.output.splitlines() == [
        f"{THIRD}: 900 CNY/month, --set, clause 3(8)",
        "status: draft, qingyuan-2023.yaml:6",
    ]
    done = popsim("explain", "qingyuan-2023.yaml", "statsu", "labl.en", THIRD)
    assert done.exit_code == 1
    assert "has no value 'statsu'; write: status" in done.output
    assert "has no value 'labl.en'; write: label.en" in done.output


def test_diff_on_the_command_line(popsim):
    done = popsim("diff", "qingyuan-2023.yaml", "zhejiang-as-qingyuan.yaml", "--locale", "zh")
    assert "- regions（适用地区）：331126（qingyuan-2023.yaml:7） → all" in done.output
    done = popsim("diff", "qingyuan-2023.yaml", "--set", f"{THIRD}=900")
    assert (
        f"- {THIRD}: 600 CNY/month (qingyuan-2023.yaml:35) → 900 CNY/month (--set)" in done.output
    )
    assert popsim("diff", "qingyuan-2023.yaml").exit_code == 1
    done = popsim("diff", "a.yaml", "b.yaml")
    assert "there is no file a.yaml" in done.output
    assert "there is no file b.yaml" in done.output


def test_settings_of_check_and_describe(popsim):
    good = popsim("check", "qingyuan-2023.yaml", "--set", f"{THIRD}=900")
    assert good.exit_code == 0, good.output
    bad = popsim("check", "qingyuan-2023.yaml", "baseline.yaml", "--set", f"{THIRD}=900 EUR")
    assert bad.exit_code == 1
    assert f"--set {THIRD}: unknown unit 'EUR'; write: 900 CNY/month" in bad.output
    told = popsim("describe", "qingyuan-2023.yaml", "--set", f"{THIRD}=900").output
    assert "    amount.3: 900 CNY/month, --set, clause 3(8)" in told
    assert popsim("describe", "zhejiang-2020", "--set", "a=1").exit_code == 1


def test_schema_on_the_command_line(popsim):
    assert (*FORMATS, "batch") == FORMAT_NAMES
    assert '"urn:popsim:response:1"' in popsim("schema", "response").output
    assert '"urn:popsim:scenario:1"' in popsim("schema").output


def test_nothing_of_the_language_loads_a_numerical_library():
    code = (
        "import sys, popsim.policy.sweep, popsim.policy.difference, popsim.policy.schema as s; "
        "s.json_schema(); from click.testing import CliRunner; from popsim.cli import main; "
        "f = sys.argv[1]; "
        "CliRunner().invoke(main, ['check', f, '--set', 'status=final']); "
        "CliRunner().invoke(main, ['diff', f, '--set', 'status=final']); "
        "print(sorted(set(sys.modules) & {'numpy', 'scipy', 'pandas', 'xarray', 'numba'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(SCENARIOS / "qingyuan-2023.yaml")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
