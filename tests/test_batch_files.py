"""Batch files are read strictly: every problem at its place, all at once."""

import re
from pathlib import Path

import pytest
from batch_example import BATCH, write_batch

import popsim as ps
from popsim.batch.files import read_batch

ROOT = Path(__file__).parents[1]


def told(folder, *changes, load=False):
    """Return what is said of the small batch file with some text changed."""
    text = BATCH
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = write_batch(folder, text)
    with pytest.raises(ps.ScenarioError) as caught:
        ps.plan(path) if load else read_batch(path)
    return str(caught.value)


def test_the_small_batch_reads(tmp_path):
    file = read_batch(write_batch(tmp_path))
    assert [scenario.id for scenario in file.scenarios] == ["baseline", "grant", "local"]
    assert file.batch.keep.indicators[1] == "births_by_order"
    assert file.batch.keep.precision == "single"
    with pytest.raises(ValueError, match="frozen"):
        file.batch.draws = 5


def test_all_problems_are_told_at_once_with_their_places(tmp_path):
    message = told(
        tmp_path,
        ("data: {baseline: zhejiang-2020, split: {counties: 4}}", "data: {split: {}}"),
        ("scenarios:", "scenaros:"),
        ("draws: 12", "draws: 0"),
        ("seed: 3", "seed: 1.5"),
        ("quantiles: [0.1, 0.5, 0.9]", "quantiles: [0.5, 0.1]\n  precison: double"),
    )
    assert message.splitlines()[0] == "6 problems"
    for line in (
        "small.batch.yaml:4:8: counties come from a number or from a table; write: counties: 90, "
        "or shares: file.csv",
        "small.batch.yaml:5:1: unknown key 'scenaros'; write: scenarios",
        "small.batch.yaml:8:8: 0 is not a number of draws; write: 1000",
        "small.batch.yaml:9:7: 1.5 ",
        "small.batch.yaml:12:14: the quantiles are not in order; write: [0.1, 0.5]",
        "small.batch.yaml:13:3: unknown key 'precison'; write: precision",
    ):
        assert line in message, message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "{baseline: zhejiang-2020, split: {counties: 4}}",
            "{baseline: zhejiang-2020, tables: mine}",
            "4:1: the data come from baseline and tables; write: one of baseline, tables and file",
        ),
        (
            "{baseline: zhejiang-2020, split: {counties: 4}}",
            "{baseline: zhejiang-2020, like: x}",
            "like fills what tables do not have, and there are none; write: no like",
        ),
        ("counties: 4", "counties: 1000", "1000 counties cannot be coded; write: a number from 1"),
        ("id: small", "id: tall", "2:5: the id 'tall' is not the name of the file"),
        (
            "[grant, local]",
            "[grand, local]",
            "5:13: there is no scenario 'grand': looked for grand",
        ),
        ("[grant, local]", "[grant, grant]", "two scenarios have the id 'grant'; write: each"),
        ("scenarios: [grant, local]\n", "", "there is no scenario to run; write: scenarios: ["),
        ("draws: 12", "response: mine.yaml\ndraws: 12", "no response file 'mine.yaml' beside"),
        ("uncertainty: progression", "uncertainty: all", "6:14: 'all' is not known here; write: "),
        (
            "until: 2028",
            "until: 2028.5",
            "2028.5 is not a year; write: the last year, such as 2060",
        ),
        (
            "seed: 3",
            "seed: 3\nsweep: [{scenario: grant, gird: {}}]",
            "unknown key 'gird'; write: g",
        ),
        (
            "seed: 3",
            "seed: 3\nsweep: [{scenario: grant, grid: {policies.grant.amont.2: [1 CNY]}}]",
            "10:34: scenario 'grant' has no value 'policies.grant.amont.2'",
        ),
        (
            "seed: 3",
            "seed: 3\nsweep: [{scenario: grant, grid: {policies.grant.amount.2: []}}]",
            "the list of values is empty",
        ),
    ],
)
def test_a_mistake_is_told_with_its_remedy(tmp_path, old, new, message):
    assert message in told(tmp_path, (old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "[births, births_by",
            "[birth, births_by",
            "11:16: there is no indicator 'birth'; write: b",
        ),
        ("quantiles:", "draws: [deaths]\n  quantiles:", "draws of deaths are kept, but it is not"),
        ("until: 2028", "until: 2070", "7:8: 2070 is not a year of the data; write: 2021 to 2060"),
        (
            "scenarios:",
            "regions: ['339009']\nscenarios:",
            "5:11: region 339009 is not in the data (4 regions); write: 33900",
        ),
        (
            "scenarios:",
            "regions: ['339001']\nscenarios:",
            "5:10: scenario 'local' applies in none of the regions that are run; write: regions",
        ),
    ],
)
def test_what_is_not_in_the_data_is_told_at_its_place(tmp_path, old, new, message):
    assert message in told(tmp_path, (old, new), load=True)


def test_problems_of_scenario_files_are_told_with_theirs(tmp_path):
    path = write_batch(tmp_path, BATCH.replace("draws: 12", "draws: x"))
    (tmp_path / "grant.yaml").write_text("schema: popsim.scenario/1\nid: grant\n", "utf-8")
    with pytest.raises(ps.ScenarioError) as caught:
        read_batch(path)
    assert "small.batch.yaml:8:8" in str(caught.value)
    write_batch(tmp_path)
    (tmp_path / "grant.yaml").write_text("schema: popsim.scenario/1\nid: grant\n", "utf-8")
    with pytest.raises(ps.ScenarioError, match=r"grant.yaml:1:1: the required key 'label'"):
        read_batch(path)


def test_a_sweep_makes_every_combination(tmp_path):
    grid = "{policies.grant.amount.2: [1 CNY, 2 CNY], policies.grant.amount.3+: [5 CNY, 6 CNY]}"
    text = BATCH.replace("seed: 3", f"seed: 3\nsweep: [{{scenario: grant, grid: {grid}}}]")
    swept = read_batch(write_batch(tmp_path, text)).scenarios[3:]
    assert swept[1].id == "grant-amount-2-1-amount-3plus-6"
    amounts = [[str(a) for a in s.policies["grant"].amount.values()] for s in swept]
    assert amounts == [
        ["1 CNY", "5 CNY"],
        ["1 CNY", "6 CNY"],
        ["2 CNY", "5 CNY"],
        ["2 CNY", "6 CNY"],
    ]
    assert "grant.amount.3+ = 5 CNY" in swept[0].label.en


def test_a_netcdf_baseline_is_read(tmp_path):
    ps.save_result(ps.load_baseline("zhejiang-2020"), tmp_path / "base.nc")
    text = BATCH.replace("{baseline: zhejiang-2020, split: {counties: 4}}", "{file: base.nc}")
    planned = ps.plan(write_batch(tmp_path, text.replace("[grant, local]", "[grant]")))
    assert [task.region for task in planned.tasks] == ["330000"]


def test_the_example_of_the_page_is_a_valid_file(tmp_path):
    text = (ROOT / "docs" / "batch.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    for file in (ROOT / "scenarios").glob("*.yaml"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    path = tmp_path / "my-province.batch.yaml"
    path.write_text(example, encoding="utf-8")
    assert len(read_batch(path).scenarios) == 5


def test_the_reference_page_tells_every_key(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import batch_format

    page = "\n".join(batch_format.batch_reference())
    for key in ("`data`", "`grid`", "`fertility_spread`", "`precision`", "`costs`"):
        assert f"| {key} |" in page
