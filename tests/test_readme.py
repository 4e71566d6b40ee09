"""What the README shows is what the commands print and the code does."""

import re
from pathlib import Path

import matplotlib as mpl
import pytest
from click.testing import CliRunner

from popsim.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    out = tmp_path_factory.mktemp("results")
    scenario = ROOT / "scenarios" / "zhejiang-as-qingyuan.yaml"
    done = CliRunner().invoke(main, ["run", str(scenario), "--out", str(out)])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_table_is_what_the_main_job_prints(printed):
    (table,) = blocks("text")
    for line in table.rstrip().splitlines():
        assert line.rstrip() in printed


def test_the_numbers_in_the_text_are_printed(printed):
    assert "2025  +0.0111" in printed
    cost = "alone, cost 0.69 million CNY per additional birth (80 % interval 0.32 million CNY to"
    assert cost in printed
    assert "in 13 % of draws there is none" in printed
    assert "98.1 % of the money" in printed


def test_the_commands_of_the_readme_are_the_two_it_promises():
    setup, tests = blocks("bash")
    assert "popsim run scenarios/zhejiang-as-qingyuan.yaml" in setup
    assert '-e ".[test]"' in tests
    assert "pytest" in tests


def test_the_python_of_the_readme_runs(monkeypatch):
    mpl.use("agg")
    monkeypatch.chdir(ROOT)
    (code,) = blocks("python")
    exec(code.replace("draws=500", "draws=20"), {})


def test_links_and_pictures_are_there():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
