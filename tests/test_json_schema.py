"""The JSON Schema takes every file that popsim reads and refuses typical mistakes."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from popsim.batch.schema import batch_json_schema
from popsim.errors import Problems
from popsim.policy.files import scenario_names
from popsim.policy.marks import load
from popsim.policy.schema import FORMATS, json_schema

ROOT = Path(__file__).parents[1]
SCENARIOS = [ROOT / "scenarios" / f"{n}.yaml" for n in scenario_names(ROOT / "scenarios")]
BATCHES = sorted((ROOT / "scenarios").glob("*.batch.yaml"))
RESPONSES = sorted((ROOT / "src/popsim/policy").glob("*response*.yaml"))
GOOD = """schema: popsim.scenario/1
id: case
label: {en: A case, zh: 例}
regions: ["331126"]
policies:
  补助:
    kind: cash_transfer
    announced: 2023-01-01
    amount: {2: 300 CNY/month, 3+: 0.06 万元}
    child_age: 0-36 months
    births: {from: 2023-01-01}
    take_up: 90 %
"""


def schema_of(name):
    return batch_json_schema() if name == "batch" else json_schema(name)


def validator(name):
    schema = schema_of(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    # What cannot be written as JSON is no JSON Schema.
    return jsonschema.Draft202012Validator(json.loads(json.dumps(schema)))


def refused(text, tmp_path, name="scenario"):
    path = tmp_path / "case.yaml"
    path.write_text(text, encoding="utf-8")
    marked = load(path, Problems())
    assert marked is not None
    return [f"{e.json_path}: {e.message}" for e in validator(name).iter_errors(marked.data)]


@pytest.mark.parametrize("path", SCENARIOS + RESPONSES + BATCHES, ids=lambda p: p.stem)
def test_every_shipped_file_fits(path):
    marked = load(path, Problems())
    assert marked is not None
    name = marked.data["schema"].removeprefix("popsim.").removesuffix("/1")
    assert [e.message for e in validator(name).iter_errors(marked.data)] == []


@pytest.mark.parametrize(
    ("old", "new", "at", "words"),
    [
        ("take_up", "takeup", "$.policies['补助']", "'takeup' was unexpected"),
        ("300 CNY/month", "300", "$.policies['补助'].amount", "not valid"),
        ("90 %", "0.9", "$.policies['补助'].take_up", "0.9 is not of type 'string'"),
        ("90 %", '"0.91"', "$.policies['补助'].take_up", "does not match"),
        ("90 %", "90 CNY", "$.policies['补助'].take_up", "does not match"),
        ("0-36 months", "0-36", "$.policies['补助'].child_age", "not valid"),
        ("announced: 2023-01-01", "announced: 2023", "$.policies['补助'].announced", "not of type"),
        ("    announced: 2023-01-01\n", "", "$.policies['补助']", "'announced' is a required"),
        ("cash_transfer", "cash_transfr", "$.policies['补助'].kind", "is not one of"),
        ("    kind: cash_transfer\n", "", "$.policies['补助']", "'kind' is a required property"),
        ("{2: ", "{5: ", "$.policies['补助'].amount", "not valid"),
        ('["331126"]', "[331126]", "$.regions", "not valid"),
        ('regions: ["331126"]\n', "", "$", "'regions' is a required property"),
        ("scenario/1", "scenario/2", "$.schema", "was expected"),
        ("zh: 例", "cn: 例", "$.label", "'zh' is a required property"),
    ],
)
def test_typical_mistakes_are_refused(tmp_path, old, new, at, words):
    assert refused(GOOD, tmp_path) == []
    assert old in GOOD
    found = refused(GOOD.replace(old, new, 1), tmp_path)
    assert any(one.startswith(f"{at}: ") and words in one for one in found), found


def test_a_file_that_extends_another_says_only_what_differs(tmp_path):
    child = """schema: popsim.scenario/1
id: case
extends: other
label: {en: A case, zh: 例}
policies:
  grant: {amount: {3+: null, 3: 500 CNY/month}, take_up: null}
  places: null
"""
    assert refused(child, tmp_path) == []
    wrong = refused(child.replace("500 CNY/month", "500"), tmp_path)
    assert any(one.startswith("$.policies.grant.amount") for one in wrong)
    assert refused(child.replace("take_up", "takeup"), tmp_path) == [
        "$.policies.grant: Additional properties are not allowed ('takeup' was unexpected)"
    ]
    kind = child.replace("{amount", "{kind: childcare_capacity, amount")
    assert "'amount', 'take_up' were unexpected" in refused(kind, tmp_path)[0]
    assert "'label' is a required property" in refused(re.sub("label.*\n", "", child), tmp_path)[0]


def test_every_object_is_closed_and_every_key_has_title_and_meaning():
    for name in (*FORMATS, "batch"):
        for title, one in schema_of(name)["$defs"].items():
            if one.get("type") != "object":
                continue
            assert one["additionalProperties"] is False, title
            assert one["description"], title
            for key, prop in one["properties"].items():
                assert prop["title"], f"{title}.{key}"
                assert prop["description"], f"{title}.{key}"


BATCH = """schema: popsim.batch/1
id: case
label: {en: A case, zh: 例}
data: {tables: my-counties/, like: zhejiang-2020, split: {counties: 4}}
regions: ["331126"]
scenarios: [a, b]
sweep:
  - scenario: a
    grid: {policies.grant.amount.2: [300 CNY/month, 600]}
    list: {policies.grant.take_up: [80 %, 80 %]}
until: 2050
draws: 12
seed: 3
keep:
  indicators: [births]
  quantiles: [0.1, 0.9]
  draws: [births]
  costs: false
  precision: double
"""


@pytest.mark.parametrize(
    ("old", "new", "at", "words"),
    [
        ("draws: 12", "draws: 0", "$.draws", "less than the minimum of 1"),
        ("seed: 3", "seed: 3.5", "$.seed", "not of type 'integer'"),
        ("seed: 3\n", "", "$", "'seed' is a required property"),
        ("counties: 4", "counties: 1000", "$.data.split", "not valid"),
        ("[0.1, 0.9]", "[0.1, 90]", "$.keep.quantiles[1]", "greater than the maximum of 1"),
        ("costs: false", "cost: false", "$.keep", "'cost' was unexpected"),
        ("costs: false", "costs: 1", "$.keep.costs", "not of type 'boolean'"),
        ("[300 CNY/month, 600]", "[]", "$.sweep[0].grid['policies.grant.amount.2']", "should be"),
        ("precision: double", "precision: half", "$.keep.precision", "is not one of"),
        ("batch/1", "scenario/1", "$.schema", "'popsim.batch/1' was expected"),
    ],
)
def test_typical_mistakes_of_a_batch_are_refused(tmp_path, old, new, at, words):
    assert refused(BATCH, tmp_path, "batch") == []
    assert old in BATCH
    found = refused(BATCH.replace(old, new, 1), tmp_path, "batch")
    assert any(one.startswith(f"{at}: ") and words in one for one in found), found


def test_the_command_prints_the_schema_of_every_format():
    from click.testing import CliRunner

    from popsim.cli import FORMAT_NAMES, main

    for name in FORMAT_NAMES:
        done = CliRunner().invoke(main, ["schema", name])
        assert json.loads(done.output)["$id"] == f"urn:popsim:{name}:1"
