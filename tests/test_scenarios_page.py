"""The page on scenarios: its files are written, its commands and examples print what it shows."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from popsim.cli import main
from popsim.errors import Problems
from popsim.policy.files import read_scenario
from popsim.policy.marks import read_value
from popsim.policy.schema import json_schema
from popsim.policy.sweep import Sweep, sweep

#: Mistakes that the page explains and does not show.
FURTHER = """schema: popsim.scenario/1
id: further
label: {en: Further mistakes, zh: 其他错误}
regions: all
policies:
  grnat: null
  grant:
    kind: cash_transfer
    announced: 2025-01-01
    amount: 300 CNY/month
    births: {from: 2025-01-01}
"""
PAGE = Path(__file__).parents[1] / "docs" / "scenarios.md"
PART = re.compile(
    r"`(?P<name>[\w-]+\.yaml)`:\n\n```yaml\n(?P<file>.*?)```"
    r"|```console\n(?P<commands>.*?)```"
    r"|```python\n(?P<code>.*?)```\n\n```text\n(?P<printed>.*?)```",
    re.DOTALL,
)


def plain(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def printed_by(command: str) -> str:
    words = shlex.split(command)
    assert words[0] == "popsim"
    return CliRunner().invoke(main, words[1:]).output


def test_the_page_shows_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    text = PAGE.read_text(encoding="utf-8")
    parts = list(PART.finditer(text))
    assert sum(part["name"] is not None for part in parts) == text.count("```yaml")
    assert sum(part["commands"] is not None for part in parts) == text.count("```console")
    assert sum(part["code"] is not None for part in parts) == text.count("```python")
    for part in parts:
        if part["name"]:
            Path(part["name"]).write_text(part["file"], encoding="utf-8")
        elif part["commands"]:
            for block in re.split(r"^\$ ", part["commands"], flags=re.MULTILINE)[1:]:
                command, _, shown = block.partition("\n")
                assert plain(printed_by(command)) == plain(shown), command
        else:
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(part["code"], names)
            assert plain(output.getvalue()) == plain(part["printed"]), part["code"]


def test_messages_that_the_page_explains_are_those_of_the_code(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    mistakes = text.split("## Common mistakes")[1].split("An editor can mark")[0]
    shown = re.search(r"```console\n(.*?)```", mistakes, re.DOTALL)
    assert shown
    further = tmp_path / "further.yaml"
    further.write_text(FURTHER, encoding="utf-8")
    told = shown[1] + printed_by(f"popsim check {further}")
    further.write_text(FURTHER.replace("  grnat: null\n", ""), encoding="utf-8")
    told += printed_by(f"popsim check {further}")
    rows = re.findall(r"^\| `(.*?)` \|", mistakes, re.MULTILINE)
    assert len(rows) == 7
    for row in rows:
        assert all(part in told for part in row.split(" … ")), row


def test_the_sweep_of_the_page_is_a_section_of_a_batch_file(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, content in re.findall(r"`([\w-]+\.yaml)`:\n\n```yaml\n(.*?)```", text, re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    section = re.search(r"```text\n(sweep:.*?)```", text, re.DOTALL)
    assert section
    problems = Problems()
    values = read_value(section[1], "batch", problems)
    assert not problems
    county = read_scenario(tmp_path / "my-county.yaml")
    assert len(sweep(county, Sweep.model_validate(values["sweep"]))) == 4


def test_the_county_of_the_page_fits_the_json_schema() -> None:
    text = PAGE.read_text(encoding="utf-8")
    check = Draft202012Validator(json_schema("scenario"))
    for name, content in re.findall(r"`([\w-]+)\.yaml`:\n\n```yaml\n(.*?)```", text, re.DOTALL):
        fits = check.is_valid(read_value(content, name, Problems()))
        assert fits == (name != "wrong"), name
