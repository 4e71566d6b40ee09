"""The command line as an operator meets it."""

import pandas as pd
import pytest
from click.testing import CliRunner

import popsim as ps
from popsim.cli import EXAMPLES, main

GOOD = """\
schema: popsim.scenario/1
id: grant
label: {en: Grant, zh: 补助}
extends: baseline
regions: all
policies:
  grant:
    kind: cash_transfer
    announced: 2023-01-01
    amount: {2: 300 CNY/month}
    child_age: 0-36 months
    births: {from: 2023-01-01}
"""


@pytest.fixture
def popsim(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "grant.yaml").write_text(GOOD, encoding="utf-8")

    def run(*words):
        return CliRunner().invoke(main, [str(word) for word in words])

    return run


def test_run_prints_the_effect_and_writes_everything(popsim, tmp_path):
    done = popsim("run", "grant.yaml", "--draws", 20, "--until", 2032, "--out", "out")
    assert done.exit_code == 0, done.output
    for words in ("total fertility rate", "总和生育率", "additional birth", "ILLUSTRATIVE"):
        assert words in done.output
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {
        "chances.csv",
        "cost.csv",
        "effect.csv",
        "bill.csv",
        "places.csv",
        "effect_third_child_share.png",
        "effect_total_fertility_rate.png",
        "indicators.csv",
        "pyramid.png",
        "result.nc",
        "summary.csv",
        "third_child_share.png",
        "total_fertility_rate.png",
    }
    described = popsim("describe", "out")
    assert described.exit_code == 0
    assert "总和生育率" in described.output
    result = ps.load_result(tmp_path / "out" / "result.nc")
    assert result.sizes["draw"] == 20
    table = pd.read_csv(tmp_path / "out" / "summary.csv")
    assert (tmp_path / "out" / "summary.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert "出生人数" in set(table.label_zh)


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        ("amuont: {2: 300 CNY/month}", "amount", "amount"),
        ("amount: {2: 300 CNY/moth}", "unit", "CNY/month"),
        ("amount: {2: 300}", "bare", "CNY/month"),
        ("amount: {7: 300 CNY/month}", "order", "7"),
        ("amount: {2: no}", "no", ""),
    ],
)
def test_a_bad_file_is_told_and_nothing_is_written(popsim, tmp_path, wrong, right, message):
    text = GOOD.replace("amount: {2: 300 CNY/month}", wrong)
    (tmp_path / "grant.yaml").write_text(text, encoding="utf-8")
    done = popsim("run", "grant.yaml", "--out", "out")
    assert done.exit_code == 1
    assert "grant.yaml:10:" in done.output
    assert message in done.output
    assert not (tmp_path / "out").exists()


def test_a_region_that_is_not_there_leaves_nothing(popsim, tmp_path):
    text = GOOD.replace("regions: all", 'regions: ["331126"]')
    (tmp_path / "grant.yaml").write_text(text, encoding="utf-8")
    done = popsim("run", "grant.yaml", "--out", "out")
    assert done.exit_code == 1
    assert "the data have 330000 (浙江省)" in done.output
    assert not (tmp_path / "out").exists()


def test_check_tells_the_problems_of_all_files(popsim, tmp_path):
    (tmp_path / "one.yaml").write_text(GOOD.replace("id: grant", "id: one\nb: 1"), encoding="utf-8")
    done = popsim("check", "grant.yaml", "one.yaml", "none.yaml")
    assert done.exit_code == 1
    assert "grant.yaml: scenario grant: grant" in done.output
    assert "one.yaml:3:1" in done.output
    assert "none.yaml" in done.output


def test_new_writes_a_file_that_checks_and_runs(popsim, tmp_path):
    assert popsim("new", "county.yaml").exit_code == 0
    assert popsim("check", "county.yaml").exit_code == 0
    again = popsim("new", "county.yaml")
    assert again.exit_code == 1
    assert "is there already" in again.output
    assert popsim("new", "county.txt").exit_code == 1
    for name in ("my county", "no", "2025"):
        done = popsim("new", f"{name}.yaml")
        assert done.exit_code == 1
        assert f"{name!r} cannot be the id of a scenario" in done.output
        assert not (tmp_path / f"{name}.yaml").exists()
    done = popsim("run", "county.yaml", "--draws", 5, "--until", 2031)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "results" / "result.nc").is_file()


def test_describe_baseline_scenario_and_result(popsim):
    assert "RECONSTRUCTED" in popsim("describe", "zhejiang-2020").output
    told = popsim("describe", "grant.yaml").output
    assert "cash_transfer, announced 2023-01-01" in told
    popsim("run", "grant.yaml", "--draws", 2, "--until", 2030)
    assert "births_by_order" in popsim("describe", "results/result.nc").output
    missing = popsim("describe", "zhejiang-2002")
    assert missing.exit_code == 1
    assert "there are china-2020" in missing.output


@pytest.mark.parametrize("verb", sorted(EXAMPLES))
def test_help_shows_an_example(popsim, verb):
    assert EXAMPLES[verb].split(" --")[0] in " ".join(popsim(verb, "--help").output.split())


def test_tables_are_written_checked_described_and_run(popsim, tmp_path):
    done = popsim("new", "my-county", "--tables", "--year", "2020", "--ages", "five")
    assert done.exit_code == 0
    assert "popsim check my-county --like zhejiang-2020" in done.output
    assert popsim("new", "my-county.xlsx", "--year", "2020").exit_code == 0
    assert (tmp_path / "my-county.xlsx").is_file()
    table = tmp_path / "my-county" / "人口.csv"
    rows = table.read_text("utf-8-sig").splitlines()
    filled = [rows[0], rows[1], *(f"{row.split(',')[0]},{5000},{5001}" for row in rows[2:])]
    table.write_text("\n".join(filled), "gbk")
    (tmp_path / "my-county" / "地区.csv").write_text("地区代码,地区名称\n331126,庆元县\n", "gbk")
    done = popsim("check", "my-county", "--like", "zhejiang-2020")
    assert done.exit_code == 0
    assert "tables of 庆元县" in done.output
    assert "look at births_against_age_0, 331126" in done.output
    assert popsim("check", "my-county").exit_code == 1
    told = popsim("describe", "my-county", "--like", "zhejiang-2020").output
    assert "人口.csv (人)" in told
    assert "ILLUSTRATIVE for the region" in told
    done = popsim(
        "run",
        "grant.yaml",
        "--baseline",
        "my-county",
        "--like",
        "zhejiang-2020",
        "--draws",
        "2",
        "--until",
        "2024",
        "--out",
        "county",
    )
    assert done.exit_code == 0
    table.write_text("\n".join(filled).replace("5000,5001", "5000,五千", 1), "gbk")
    done = popsim("check", "my-county", "grant.yaml", "--like", "zhejiang-2020")
    assert done.exit_code == 1
    assert "人口.csv!C3: '五千' is not a number" in done.output


def test_names_on_the_command_line_are_those_of_the_library():
    from popsim.cli import PROOF_NAMES, UNCERTAINTY_NAMES
    from popsim.demography.uncertainty import UNCERTAINTY
    from popsim.proof.tables import PROOFS, PROOFS_WITHOUT_FILES

    assert (*PROOFS, *PROOFS_WITHOUT_FILES) == PROOF_NAMES
    assert set(UNCERTAINTY_NAMES) == set(UNCERTAINTY)


@pytest.mark.golden
def test_proof_prints_and_writes_its_tables(popsim, shared, tmp_path):
    done = popsim("proof", "fertility-measures", shared / "golden", "--out", "proof")
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "proof/fertility-measures.csv", index_col=0)
    assert (table["verdict"] == "met").all()
    assert "PATFR, exact table" in done.output


def test_proof_of_the_evidence_needs_no_folder(popsim, tmp_path):
    done = popsim("proof", "evidence", "--out", "proof")
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "proof/sensitivity.csv").set_index("change")
    assert round(table.loc["all estimates", "effect"], 2) == 0.32
    assert "Quebec ANC" in done.output
    assert popsim("proof", "evidence", ".").output == (
        "popsim: evidence reads no files; write: no folder\n"
    )
    done = popsim("proof", "un")
    assert (done.exit_code, done.output) == (
        1,
        "popsim: un compares with files; write: the folder that holds them\n",
    )


def test_proof_without_its_files_says_all_that_is_missing(popsim, tmp_path):
    (tmp_path / "empty").mkdir()
    done = popsim("proof", "un", "empty", "--out", "proof")
    assert done.exit_code == 1
    assert "wpp2019_pop_5x5.csv (or .csv.gz) is not in the folder" in done.output
    assert "wpp2024_mx_5x5.csv (or .csv.gz) is not in the folder" in done.output
    assert not (tmp_path / "proof").exists()


def test_uncertainty_is_chosen_by_name(popsim):
    done = popsim(
        "run", "grant.yaml", "--draws", 5, "--until", 2031, "--uncertainty", "none", "--out", "out"
    )
    assert done.exit_code == 0, done.output
    result = ps.load_result("out/result.nc")
    births = result.births.sel(scenario="baseline")
    assert float(births.std("draw").max()) == 0.0


def test_run_with_another_value(popsim, tmp_path):
    wrong = popsim("run", "grant.yaml", "--set", "policies.grnt.amount.2=600")
    assert wrong.exit_code == 1
    assert "has no value 'policies.grnt.amount.2'; write: policies.grant.amount.2" in wrong.output
    for out, more in (("plain", ()), ("larger", ("--set", "policies.grant.amount.2=600"))):
        done = popsim("run", "grant.yaml", "--draws", 2, "--until", 2026, "--out", out, *more)
        assert done.exit_code == 0, done.output
    plain, larger = (
        ps.load_result(tmp_path / out / "result.nc").promised_per_birth.sel(scenario="grant")
        for out in ("plain", "larger")
    )
    assert float(plain.max()) > 0
    assert larger.values == pytest.approx(2 * plain.values)


def test_a_mistake_in_a_file_that_another_extends_is_told_once(popsim, tmp_path):
    wrong = GOOD.replace("300 CNY/month", "300")
    (tmp_path / "grant.yaml").write_text(wrong, encoding="utf-8")
    more = "schema: popsim.scenario/1\nid: more\nlabel: {en: More, zh: 多}\nextends: grant\n"
    (tmp_path / "more.yaml").write_text(more, encoding="utf-8")
    done = popsim("run", "grant.yaml", "more.yaml")
    assert done.exit_code == 1
    assert done.output.count("the bare number 300 has no unit") == 1
    assert "problems" not in done.output
