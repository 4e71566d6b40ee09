"""The kind of one's own of the documentation works as it stands there."""

import re
from pathlib import Path

import numpy as np
import pytest

from popsim.policy.instruments import month, payments
from popsim.policy.kinds import KINDS
from popsim.policy.model import Scenario

PAGE = Path(__file__).parents[1] / "docs" / "policy.md"


@pytest.fixture
def voucher():
    """Run the example and forget its kind after the test."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    before = dict(KINDS)
    exec(compile(code, PAGE.name, "exec", dont_inherit=True), {"__name__": "example"})
    yield "school_voucher"
    KINDS.clear()
    KINDS.update(before)
    Scenario.model_rebuild(force=True)


def test_the_kind_of_the_page_pays_in_the_year_of_the_sixth_birthday(voucher):
    scenario = Scenario.model_validate(
        {
            "schema": "popsim.scenario/1",
            "id": "school",
            "regions": "all",
            "label": {"en": "School", "zh": "上学"},
            "policies": {
                "voucher": {
                    "kind": voucher,
                    "announced": "2025-01-01",
                    "births": {"from": "2025-01-01"},
                    "voucher": {"2+": "2400 CNY"},
                }
            },
        }
    )
    (rule,) = scenario.policies["voucher"].transfers()
    schedule = payments(rule, 2, month(2025, 6))
    np.testing.assert_array_equal(schedule.offsets, np.arange(72, 84))
    np.testing.assert_allclose(schedule.amounts, 200.0)
    assert len(payments(rule, 1, month(2025, 6)).offsets) == 0
