"""Every bad file says where, what is wrong and what to write instead, all at once."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from popsim.errors import ScenarioError
from popsim.policy.files import baseline, read_response, read_scenario, scenario_names
from popsim.policy.kinds import KINDS
from popsim.policy.kinds.cash import CashTransfer
from popsim.policy.model import Scenario

HEAD = """schema: popsim.scenario/1
id: case
label: {en: A case, zh: 例}
regions: ["331126"]
"""

POLICY = (
    HEAD
    + """policies:
  grant:
    kind: cash_transfer
    announced: 2023-01-01
    amount: {2: 300 CNY/month, 3+: 600 CNY/month}
    child_age: 0-36 months
    births: {from: 2023-01-01}
"""
)

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str | bytes, name: str = "case.yaml") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def problems(path: Path) -> list[str]:
    """First lines of all problems, without the source line and the caret."""
    with pytest.raises(ScenarioError) as caught:
        read_scenario(path)
    return [str(problem).splitlines()[0] for problem in caught.value.problems]


def test_good_file(write: Write) -> None:
    scenario = read_scenario(write(POLICY))
    policy = scenario.policies["grant"]
    assert isinstance(policy, CashTransfer)
    assert [str(policy.amount_for(k)) for k in (1, 2, 3, 4)] == [
        "None",
        "300 CNY/month",
        "600 CNY/month",
        "600 CNY/month",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "amount:",
            "amuont:",
            "case.yaml:9:5: unknown key 'amuont'; write: amount",
        ),
        (
            "    announced: 2023-01-01\n",
            "",
            "case.yaml:6:3: the required key 'announced' of policies.grant is missing; "
            "write: announced: 2023-01-01",
        ),
        (
            "300 CNY/month",
            "300 CNY/mnth",
            "case.yaml:9:17: unknown unit 'CNY/mnth'; write: 300 CNY/month",
        ),
        (
            "300 CNY/month",
            "300",
            "case.yaml:9:17: the bare number 300 has no unit; write: 300 CNY/month",
        ),
        (
            "300 CNY/month",
            "-300 CNY/month",
            "case.yaml:9:17: -300 CNY/month is negative; write: 300 CNY/month",
        ),
        (
            "{2: ",
            "{0: ",
            "case.yaml:9:14: '0' is not a birth order; write: 1, 2, 3, or 3+ for 3 and over",
        ),
        (
            "{2: ",
            "{5: ",
            "case.yaml:9:14: births of order 5 are not counted alone; write: 4+ (fourth and later)",
        ),
        ("{2: ", "{third: ", "case.yaml:9:14: 'third' is not a birth order; write: 3"),
        (
            "{2: ",
            "{2+: ",
            "case.yaml:9:5: order 3 is given twice, by '2+' and '3+'; write: one of them",
        ),
        (
            "3+: 600 CNY/month",
            "3+: 600 CNY",
            "case.yaml:9:5: amounts in different units: CNY, CNY/month; write: one policy per unit",
        ),
        (
            "announced: 2023-01-01",
            "announced: 2023-13-01",
            "case.yaml:8:16: 2023-13-01 is not a day of the calendar; "
            "write: a date such as 2023-01-01",
        ),
        (
            "announced: 2023-01-01",
            "announced: 2023/1/5",
            "case.yaml:8:16: '2023/1/5' is not written as year-month-day; write: 2023-01-05",
        ),
        (
            "announced: 2023-01-01",
            "announced: 2023",
            "case.yaml:8:16: '2023' is not a date; write: a date such as 2023-01-01",
        ),
        (
            "    child_age: 0-36 months\n",
            "    child_age: 0-36 months\n    child_age: 0-24 months\n",
            "case.yaml:11:5: the key 'child_age' is already on line 10; write: each key once",
        ),
        (
            "0-36 months",
            "0-36",
            "case.yaml:10:16: the ages 0-36 have no unit; write: 0-36 months",
        ),
        (
            "0-36 months",
            "0-3 years",
            "case.yaml:10:16: ages of children are given in months; write: 0-36 months",
        ),
        (
            "    child_age: 0-36 months\n",
            "",
            "case.yaml:6:3: a stream of payments needs child_age; write: child_age: 0-36 months",
        ),
        (
            "{from: 2023-01-01}",
            "{from: 2023-01-01, to: 2022-12-31}",
            "case.yaml:11:5: the window ends on 2022-12-31, before it begins; "
            "write: a day after 2023-01-01",
        ),
        (
            "kind: cash_transfer",
            "kind: cash_transfr",
            f"case.yaml:7:11: unknown kind 'cash_transfr'; there are: {', '.join(KINDS)}; "
            "write: kind: cash_transfer",
        ),
        (
            "    kind: cash_transfer\n",
            "",
            "case.yaml:6:3: the required key 'kind' of policies.grant is missing; "
            "write: kind: cash_transfer",
        ),
        (
            '["331126"]',
            "[331126]",
            'case.yaml:4:11: the region code 331126 is a number; write: "331126", quoted text',
        ),
        (
            '["331126"]',
            "331126",
            "case.yaml:4:10: the region code 331126 is a number; "
            'write: ["331126"], quoted text in a list',
        ),
        (
            '["331126"]',
            '["331126", 010203]',
            "case.yaml:4:21: 010203 begins with a zero, which some programs drop; "
            'write: "010203" in quotes',
        ),
        (
            "en: A case",
            "en: no",
            "case.yaml:3:13: no may be read as true or false; "
            'write: "no" in quotes if it is a word, else true or false',
        ),
        (
            "en: A case",
            "en: On",
            "case.yaml:3:13: On may be read as true or false; "
            'write: "On" in quotes if it is a word, else true or false',
        ),
        (
            "en: A case",
            "en: 2023",
            'case.yaml:3:13: 2023 is a number, not text; write: "2023" in quotes',
        ),
        (
            "popsim.scenario/1",
            "popsim.scenario/2",
            "case.yaml:1:9: the schema popsim.scenario/2 is not popsim.scenario/1; "
            "write: schema: popsim.scenario/1",
        ),
        (
            "popsim.scenario/1",
            "popsim.response/1",
            "case.yaml:1:9: the schema popsim.response/1 is not popsim.scenario/1; "
            "write: schema: popsim.scenario/1",
        ),
        (
            "schema: popsim.scenario/1\n",
            "",
            "case.yaml:1:1: the required key 'schema' is missing; write: schema: popsim.scenario/1",
        ),
        (
            "id: case",
            "id: other",
            "case.yaml:2:5: the id 'other' is not the name of the file; write: id: case",
        ),
        (
            "regions:",
            "status: planned\nregions:",
            "case.yaml:4:9: 'planned' is not known here; write: 'final' or 'draft'",
        ),
        (
            "    kind:",
            "\t  kind:",
            "case.yaml:7:1: a tab stands before the text; write: spaces",
        ),
        (
            "label: {en: A case, zh: 例}",
            "label: A case",
            "case.yaml:3:8: 'A case' is not a mapping; write: key: value lines, or {key: value}",
        ),
        (
            "label: {en: A case, zh: 例}",
            "label： {en: A case, zh: 例}",
            "case.yaml:3:6: '：' is a full-width sign; write: ': '",
        ),
        (
            "id: case",
            "id: case: 2",
            "case.yaml:2:9: a second ': ' on the line; write: text with a colon in double quotes",
        ),
        (
            "id: case",
            "   id: case",
            "case.yaml:2:6: this line is indented deeper than its neighbours; "
            "write: the same indentation as the keys beside it",
        ),
        (
            "births: {from: 2023-01-01}",
            'note: "open',
            "case.yaml:11:11: what opens here is not closed; write: the closing quote or bracket",
        ),
        (
            "id: case",
            'id: "case',
            "case.yaml:4:12: this does not belong to the lines above; "
            "write: the indentation of the keys beside it, and a quote closed on its line",
        ),
        (
            '["331126"]',
            '["331126"',
            "case.yaml:4:10: what opens here is not closed; write: the closing quote or bracket",
        ),
        (
            "regions",
            "---\nregions",
            "case.yaml:4:1: a second document begins here; write: one scenario per file",
        ),
        (
            "label:",
            "extends: [a]\nlabel:",
            "case.yaml:3:10: a list is not text; write: text",
        ),
        (
            "    births: {from: 2023-01-01}",
            "    births: 2023-01-01",
            "case.yaml:11:13: '2023-01-01' is not a mapping; "
            "write: key: value lines, or {key: value}",
        ),
        (
            "    child_age",
            "    take_up: 120 %\n    child_age",
            "case.yaml:10:14: 120 % is more than everyone; write: a share up to 100 %",
        ),
        (
            "    child_age",
            "    take_up: 0.8\n    child_age",
            "case.yaml:10:14: the bare number 0.8 has no unit; write: 80 %",
        ),
        (
            "regions",
            "gdp_per_head: 125043\nregions",
            "case.yaml:4:15: the bare number 125043 has no unit; write: 125043 CNY",
        ),
        (
            "label:",
            "extends: ../plans/other.yaml\nlabel:",
            "case.yaml:3:10: '../plans/other.yaml' is not the name of a scenario beside this file; "
            "write: extends: other",
        ),
        (
            "  grant:",
            "  grnat: null\n  grant:",
            "case.yaml:6:3: there is no 'grnat' in policies to remove",
        ),
        (
            "300 CNY/month",
            "300 EUR/month",
            "case.yaml:9:17: unknown unit 'EUR/month'; write: 300 CNY/month",
        ),
        (
            "300 CNY/month",
            "3e2 CNY/month",
            "case.yaml:9:17: '3e2 CNY/month' is not a number followed by a unit; "
            "write: 300 CNY/month",
        ),
        (
            "300 CNY/month",
            "!!str 300 CNY/month",
            "case.yaml:9:17: a tag (!!str) is not used in these files; write: the value alone",
        ),
        (
            '["331126"]',
            "&codes [*codes]",
            "case.yaml:4:10: anchors and aliases (&name, *name) are not used in these files; "
            "write: the value itself",
        ),
    ],
)
def test_message(write: Write, old: str, new: str, message: str) -> None:
    assert old in POLICY
    assert problems(write(POLICY.replace(old, new, 1))) == [message]


def test_ten_thousand_yuan(write: Write) -> None:
    scenario = read_scenario(write(POLICY.replace("regions", "gdp_per_head: 12.5 万元\nregions")))
    assert str(scenario.gdp_per_head) == "125000 CNY"
    assert scenario.explain("gdp_per_head") == "12.5 万元, case.yaml:4"


def test_all_problems_at_once_in_the_order_of_the_file(write: Write) -> None:
    text = POLICY.replace("kind: cash_transfer", "kind: cash_transfer\n    anounced: 2023-13-01")
    text = text.replace("    announced: 2023-01-01\n", "").replace("600 CNY/month", "600")
    text = text.replace("regions", "region")
    assert problems(write(text)) == [
        "case.yaml:4:1: unknown key 'region'; write: regions",
        "case.yaml:8:5: unknown key 'anounced'; write: announced",
        "case.yaml:9:36: the bare number 600 has no unit; write: 600 CNY/month",
    ]


def test_line_and_caret_are_shown(write: Write) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(write(POLICY.replace("300 CNY/month", "300 CNY/mnth")))
    assert str(caught.value).splitlines()[1:] == [
        "        amount: {2: 300 CNY/mnth, 3+: 600 CNY/month}",
        "                    ^",
    ]


def test_caret_stands_under_chinese_text(write: Write) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(write(POLICY.replace("{en: A case, zh: 例}", "{zh: 例子, en: 2}")))
    assert str(caught.value).splitlines()[2] == " " * 4 + " " * 12 + "\u3000" * 2 + " " * 6 + "^"


def test_folded_text_is_one_line_of_plain_words(write: Write) -> None:
    text = HEAD + "notes: >-\n  one line\n  and another\n"
    scenario = read_scenario(write(text))
    assert scenario.notes == "one line and another"
    assert scenario.explain("notes") == "one line and another, case.yaml:5"


@pytest.mark.parametrize("text", ["", "\n\n", "# only a remark\n"])
def test_empty_file(write: Write, text: str) -> None:
    assert problems(write(text)) == [
        "case.yaml:1:1: the file is empty; write: a first line such as schema: popsim.scenario/1"
    ]


def test_list_instead_of_keys(write: Write) -> None:
    assert problems(write("- a\n")) == [
        "case.yaml:1:1: the file holds no keys with values; "
        "write: a first line such as schema: popsim.scenario/1"
    ]


def test_byte_order_mark_and_windows_line_ends_are_accepted(write: Write) -> None:
    text = b"\xef\xbb\xbf" + POLICY.replace("\n", "\r\n").encode()
    assert read_scenario(write(text)).label.zh == "例"


def test_gbk_is_refused(write: Write) -> None:
    assert problems(write(POLICY.encode("gbk"))) == [
        "case.yaml:3:25: byte 0xc0 is not UTF-8 text (saved as GBK?); "
        "write: the same file saved as UTF-8"
    ]


def test_missing_file_names_its_neighbours(write: Write, tmp_path: Path) -> None:
    write(POLICY)
    (message,) = problems(tmp_path / "cass.yaml")
    assert message == (
        f"there is no file {tmp_path / 'cass.yaml'}; scenarios there: baseline, case; "
        f"write: {tmp_path / 'case.yaml'}"
    )


def test_child_says_only_what_differs(write: Write) -> None:
    write(POLICY)
    child = read_scenario(
        write(
            """schema: popsim.scenario/1
id: child
extends: case
label: {en: A child, zh: 子}
policies:
  grant:
    amount: {3+: null, 3: 700 CNY/month}
    births: {to: 2023-12-31}
  second: {kind: cash_transfer, amount: 500 CNY, announced: 2024-01-01, births: {from: 2024-01-01}}
""",
            "child.yaml",
        )
    )
    grant = child.policies["grant"]
    assert isinstance(grant, CashTransfer)
    assert {k: v.value for k, v in grant.amount.items()} == {"2": 300.0, "3": 700.0}
    assert str(grant.births.to) == "2023-12-31"
    assert child.explain("policies.grant.amount.2") == "300 CNY/month, case.yaml:9"
    assert child.explain("policies.grant.amount.3") == "700 CNY/month, child.yaml:7"
    assert child.explain("policies.grant.births.from") == "2023-01-01, case.yaml:11"
    assert child.explain("policies.second.amount.4") == "500 CNY, child.yaml:9"
    assert child.explain("policies.grant.take_up") == "100 %, default"
    assert child.explain("regions.0") == "331126, case.yaml:4"


def test_explain_suggests_the_nearest_key(write: Write) -> None:
    scenario = read_scenario(write(POLICY))
    with pytest.raises(ScenarioError) as caught:
        scenario.explain("policies.grant.amuont")
    assert str(caught.value) == (
        "scenario 'case' has no value 'policies.grant.amuont'; write: policies.grant.amount"
    )


def test_null_removes_a_policy(write: Write) -> None:
    write(POLICY)
    text = HEAD.replace("case", "child") + "extends: case\npolicies: {grant: null}\n"
    assert read_scenario(write(text, "child.yaml")).policies == {}


def test_what_is_not_there_cannot_be_removed(write: Write) -> None:
    write(POLICY)
    child = (
        HEAD.replace("case", "child") + "extends: case\npolicies:\n  grnat: null\n"
        "  grant: {amount: {2: null, 4+: null}, take_up: null}\n"
    )
    assert problems(write(child, "child.yaml")) == [
        "child.yaml:7:3: there is no 'grnat' in policies to remove; write: grant: null",
        "child.yaml:8:29: there is no '4+' in policies.grant.amount to remove",
        "child.yaml:8:40: there is no 'take_up' in policies.grant to remove",
    ]


def test_problem_in_a_parent_names_the_parent(write: Write) -> None:
    write(POLICY.replace("300 CNY/month", "300"))
    text = HEAD.replace("case", "child") + "extends: case\nstatuss: draft\n"
    assert problems(write(text, "child.yaml")) == [
        "case.yaml:9:17: the bare number 300 has no unit; write: 300 CNY/month",
        "child.yaml:6:1: unknown key 'statuss'; write: status",
    ]


def test_own_keys_are_not_inherited(write: Write) -> None:
    write(POLICY)
    text = "schema: popsim.scenario/1\nid: child\nextends: case\n"
    assert problems(write(text, "child.yaml")) == [
        "child.yaml:1:1: the required key 'label' is missing; write: label: {en: A name, zh: 名称}"
    ]


def test_unknown_parent_names_what_was_looked_for(write: Write) -> None:
    write(POLICY, "qingyuan-2023.yaml")
    assert problems(write(HEAD + "extends: qingyuan-2024\n")) == [
        "case.yaml:5:10: there is no scenario 'qingyuan-2024' to extend: looked for "
        "qingyuan-2024.yaml beside the file; scenarios there: baseline, qingyuan-2023; "
        "write: extends: qingyuan-2023"
    ]


def test_what_a_missing_parent_would_give_is_not_asked_for(write: Write) -> None:
    text = HEAD.replace('regions: ["331126"]\n', "") + "extends: nowhere\n"
    assert problems(write(text)) == [
        "case.yaml:4:10: there is no scenario 'nowhere' to extend: looked for nowhere.yaml beside "
        "the file; scenarios there: baseline"
    ]


def test_only_a_scenario_can_be_extended(write: Write) -> None:
    write("schema: popsim.response/1\nid: other\n", "other.yaml")
    assert problems(write(HEAD + "extends: other\n")) == [
        "other.yaml:1:9: the schema popsim.response/1 is not popsim.scenario/1; "
        "write: schema: popsim.scenario/1"
    ]


def test_circle_of_parents(write: Write) -> None:
    write(HEAD.replace("case", "other") + "extends: case\n", "other.yaml")
    assert problems(write(HEAD + "extends: other\n")) == [
        "other.yaml:5:10: the files extend each other in a circle: case → other → case"
    ]


def test_baseline_is_built_in_unless_a_file_lies_beside(write: Write) -> None:
    text = HEAD.replace('["331126"]', "null") + "extends: baseline\n"
    assert problems(write(text)) == [
        "case.yaml:1:1: the required key 'regions' is missing; "
        'write: regions: ["331126"], or regions: all'
    ]
    write(POLICY.replace("id: case", "id: baseline"), "baseline.yaml")
    assert list(read_scenario(write(HEAD + "extends: baseline\n")).policies) == ["grant"]


def test_two_levels_of_places_are_refused(write: Write) -> None:
    places = (
        "{kind: childcare_capacity, announced: 2023-01-01, "
        "target: {2025: 4.5 places/1000 residents}}"
    )
    assert problems(write(HEAD + f"policies:\n  a: {places}\n  b: {places}\n")) == [
        "case.yaml:5:1: two levels of childcare places: a and b; "
        "write: one childcare_capacity with several target years, or regions of their own"
    ]


def test_target_before_the_announcement(write: Write) -> None:
    places = (
        "{kind: childcare_capacity, announced: 2026-01-01, "
        "target: {2025: 4.5 places/1000 residents}}"
    )
    assert problems(write(HEAD + f"policies:\n  a: {places}\n")) == [
        "case.yaml:6:3: the target of 2025 is older than the announcement of 2026-01-01; "
        "write: a target year from 2026"
    ]


@pytest.mark.parametrize(
    ("codes", "region", "covered"),
    [
        (["331126"], "331126", True),
        (["331126"], "331127", False),
        (["330000"], "331126", True),
        (["331100"], "331126", True),
        (["331100"], "330522", False),
        (["330500"], "330500", True),
    ],
)
def test_covers(codes: list[str], region: str, covered: bool) -> None:
    data = {"schema": "popsim.scenario/1", "id": "x", "label": {"en": "x", "zh": "x"}}
    assert Scenario.model_validate({**data, "regions": codes}).covers(region) is covered


def test_with_only_keeps_what_is_named(write: Write) -> None:
    scenario = read_scenario(write(POLICY))
    assert scenario.with_only().policies == {}
    assert scenario.with_only("grant") == scenario
    with pytest.raises(ScenarioError, match="has no policy 'grnt'; policies: grant"):
        scenario.with_only("grnt")


def test_response_file_problems(write: Write) -> None:
    path = write(
        """schema: popsim.response/1
id: mine
label: {en: Mine, zh: 我}
conception_lag: 9
payback: [0.5, 0.4]
evidence: {source: none}
channels:
  cash:
    map: saturating
    beta: {dist: lognormal, median: 0, sgima: 0.7}
    Ds: {dist: gamma, a: 2}
    order_multiplier: {1: {dist: fixed, value: 1}, 2: {dist: fixed, value: "1"}}
    quantum_share: {dist: uniform, low: 1, high: 0}
    decision_lag: 6 weeks
    ramp: 12.5 months
    evidence: {source: none, rows: one}
""",
        "mine.yaml",
    )
    with pytest.raises(ScenarioError) as caught:
        read_response(path)
    assert [str(p).splitlines()[0] for p in caught.value.problems] == [
        "mine.yaml:4:17: the bare number 9 has no unit; write: 9 month",
        "mine.yaml:5:10: the shares sum to 0.9; write: shares of the following years that sum to 1",
        "mine.yaml:10:37: 0 should be greater than 0",
        "mine.yaml:10:40: unknown key 'sgima'; write: sigma",
        "mine.yaml:11:16: unknown dist 'gamma'; there are: lognormal, normal, beta, uniform, fixed",
        "mine.yaml:12:5: the required key '3' of channels.cash.order_multiplier is missing; "
        "write: 3: …",
        "mine.yaml:12:76: '1' is not a number; write: a plain number",
        "mine.yaml:13:5: low 1.0 is not below high 0.0; write: low < high",
        "mine.yaml:14:19: unit 'week' does not fit here; write: 6 month",
        "mine.yaml:15:11: 12.5 month is not a whole number of months; write: 12 months",
        "mine.yaml:16:36: 'one' is not a list; write: [first, second]",
    ]


def test_scenario_names_leave_expectations_and_other_files_out(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yaml", "a.expected.yaml", "notes.md"):
        (tmp_path / name).write_text("", encoding="utf-8")
    assert scenario_names(tmp_path) == ["a", "b", "baseline"]


@pytest.mark.parametrize("name", scenario_names(Path(__file__).parents[1] / "scenarios"))
def test_dumped_scenario_reads_back(name: str) -> None:
    scenario = read_scenario(Path(__file__).parents[1] / "scenarios" / f"{name}.yaml")
    dumped = scenario.model_dump(by_alias=True)
    assert Scenario.model_validate(dumped).model_dump(by_alias=True) == dumped


def test_built_in_baseline_equals_the_shipped_one() -> None:
    shipped = read_scenario(Path(__file__).parents[1] / "scenarios" / "baseline.yaml")
    assert shipped.policies == baseline().policies == read_scenario("baseline").policies
    assert shipped.label == baseline().label


def test_reading_files_loads_no_numerical_library() -> None:
    code = (
        "import sys, popsim.policy.files; "
        "print(sorted(set(sys.modules) & {'numpy', 'scipy', 'pandas', 'xarray', 'numba'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
