"""The default response file follows from the evidence and the named judgements."""

import subprocess
import sys
from pathlib import Path

import pytest

from popsim.policy.files import read_response

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(ROOT))
    try:
        from scripts.response import __main__ as module
    finally:
        sys.path.remove(str(ROOT))
    return module


def test_the_file_is_what_the_evidence_gives():
    command = [sys.executable, "-m", "scripts.response", "--check"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_a_number_changed_by_hand_is_told(script, tmp_path, monkeypatch, capsys):
    other = tmp_path / "default-response.yaml"
    text = script.TARGET.read_text(encoding="utf-8")
    other.write_text(text.replace("median: 0.35", "median: 0.45"), encoding="utf-8")
    monkeypatch.setattr(script, "TARGET", other)
    monkeypatch.setattr(script, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["response", "--check"])
    assert script.main() == 1
    assert capsys.readouterr().err == (
        "differs from what the evidence gives: default-response.yaml\n"
    )


def test_the_numbers_of_the_default_are_those_of_the_review():
    spec = read_response()
    cash, childcare = spec.channels.cash, spec.channels.childcare
    assert (cash.beta.median, cash.beta.sigma, cash.beta.p_zero) == (0.35, 0.7, 0.15)
    assert (cash.Ds.median, cash.Ds.sigma, cash.Ds.low, cash.Ds.high) == (25, 0.6, 8, 150)
    assert (childcare.effect.mean, childcare.effect.sd) == (2.0, 1.2)
    assert (cash.quantum_share.a, cash.quantum_share.b) == (2, 3)
    years = range(1, 7)
    assert sum(year * share for year, share in zip(years, spec.payback, strict=True)) == (
        pytest.approx(3, abs=0.005)
    )


def test_every_judgement_has_a_reason_and_is_used(script):
    template = script.TEMPLATE.read_text(encoding="utf-8")
    derived_from = {"shrinkage", "childcare_shrinkage", "payback_years", "payback_mean"}
    for name, judgement in script.JUDGEMENTS.items():
        assert judgement.why, name
        assert f"${name}" in template or name in derived_from, name
    assert sum(script.payback()) == pytest.approx(1)


def test_another_shrinkage_gives_another_default(script, monkeypatch):
    changed = dict(script.JUDGEMENTS)
    changed["shrinkage"] = changed["shrinkage"]._replace(value=1.0)
    monkeypatch.setattr(script, "JUDGEMENTS", changed)
    assert script.numbers()["cash_beta"] == "0.60"
