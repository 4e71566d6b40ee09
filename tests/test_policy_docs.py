"""The example of the documentation is a valid file."""

import re
from pathlib import Path

from popsim.policy.files import read_scenario

ROOT = Path(__file__).parents[1]


def test_example_of_the_docs(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    path = tmp_path / "my-county.yaml"
    path.write_text(example, encoding="utf-8")
    scenario = read_scenario(path)
    assert scenario.explain("policies.allowance.amount.4") == (
        "600 CNY/month, my-county.yaml:14, clause 3(8)"
    )


def test_explanation_in_the_docs() -> None:
    scenario = read_scenario(ROOT / "scenarios" / "qingyuan-2023.yaml")
    text = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    assert scenario.explain("policies.childcare_subsidy.amount.3") in text
