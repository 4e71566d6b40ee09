from typing import Any

import numpy as np
import pytest

from popsim.errors import DataError, ScenarioError
from popsim.policy.cost import cost_per_birth, payments_by_year, value_per_birth
from popsim.policy.files import baseline
from popsim.policy.instruments import month, payments
from popsim.policy.model import CashTransfer, Scenario

YEARS = np.arange(2023, 2031)
WINDOW = range(2023, 2028)


def scenario(**policies: dict[str, Any]) -> Scenario:
    return Scenario.model_validate(
        {
            "schema": "popsim.scenario/1",
            "id": "case",
            "label": {"en": "Case", "zh": "例"},
            "regions": "all",
            "policies": policies,
        }
    )


GRANT = {
    "kind": "cash_transfer",
    "announced": "2023-01-01",
    "amount": {"2": "1000 CNY"},
    "births": {"from": "2023-01-01"},
}
STREAM = {**GRANT, "amount": {"2": "100 CNY/month"}, "child_age": "0-36 months"}


def births(level: float = 1200.0, draws: int = 3) -> np.ndarray:
    return np.full((draws, len(YEARS), 4), level)


def test_stream_is_paid_as_children_grow() -> None:
    paid = payments_by_year(scenario(s=STREAM), births(), YEARS)
    assert paid.dims == ("policy", "draw", "year")
    # 100 births a month: those of January are paid 12 times in their year, of December once.
    first = 100 * 100 * sum(range(1, 13))
    full = 100.0 * 100 * 12 * 36
    found = paid.sel(policy="s").values[0]
    assert found[0] == pytest.approx(first)
    np.testing.assert_allclose(found[3:], full)


def test_payments_are_those_of_the_schedule() -> None:
    case = scenario(s={**STREAM, "births": {"from": "2023-04-16"}, "take_up": "80 %"})
    policy = case.policies["s"]
    assert isinstance(policy, CashTransfer)
    expected = np.zeros(len(YEARS))
    for born in range(month(2023, 1), month(2031, 1)):
        schedule = payments(policy, 2, born)
        for offset, amount in zip(schedule.offsets, schedule.amounts, strict=True):
            year = (born + offset) // 12 - 2023
            if year < len(YEARS):
                expected[year] += 100 * amount * 0.8
    np.testing.assert_allclose(payments_by_year(case, births(), YEARS).values[0, 0], expected)


def test_value_includes_what_is_paid_after_the_window() -> None:
    value = value_per_birth(scenario(s=STREAM), range(2030, 2031))
    months = np.arange(12)
    offsets = np.arange(36)
    discounted = (1.04 ** (-(months[:, None] + offsets[None, :]) / 12)).sum() * 100 / 12
    assert value[0, 1] == pytest.approx(discounted)
    assert value[0, [0, 2, 3]].tolist() == [0.0, 0.0, 0.0]


def test_empty_scenario_costs_nothing() -> None:
    assert payments_by_year(baseline(), births(), YEARS).shape == (0, 3, 8)
    with pytest.raises(DataError, match="'baseline' costs no more than 'baseline' in 2023-2027"):
        cost_per_birth(baseline(), baseline(), births(), births(), YEARS, WINDOW)


def test_cost_per_birth() -> None:
    ours, theirs = births(), births()
    ours[0, :, 1] += 120.0
    ours[1, :, 1] += 12.0
    found = cost_per_birth(scenario(g=GRANT), baseline(), ours, theirs, YEARS, WINDOW)
    assert found.additional_births == pytest.approx((600 + 60 + 0) / 3)
    assert found.headline == pytest.approx(found.cost / found.additional_births)
    assert found.share_without_gain == pytest.approx(1 / 3)
    # The draw without additional births counts as infinitely dear.
    assert found.quantiles[0.9] == np.inf
    value = value_per_birth(scenario(g=GRANT), WINDOW)[:, 1].sum()
    assert found.quantiles[0.1] == pytest.approx(1320 * value / 600)
    assert found.quantiles[0.5] == pytest.approx(1212 * value / 60)
    assert found.deadweight_share == pytest.approx(3600 / (1320 + 1212 + 1200))


def test_fewer_births_are_no_deadweight() -> None:
    ours = births()
    ours[:, :, 1] -= 100
    found = cost_per_birth(scenario(g=GRANT), baseline(), ours, births(), YEARS, WINDOW)
    assert found.headline == np.inf
    assert found.deadweight_share == pytest.approx(1.0)
    assert set(found.quantiles.values()) == {np.inf}


def test_only_what_is_added_to_the_reference_counts() -> None:
    more = scenario(g=GRANT, h={**GRANT, "amount": {"2": "500 CNY"}})
    found = cost_per_birth(more, scenario(g=GRANT), births(), births(), YEARS, WINDOW)
    alone = cost_per_birth(
        scenario(g={**GRANT, "amount": {"2": "500 CNY"}}),
        baseline(),
        births(),
        births(),
        YEARS,
        WINDOW,
    )
    assert found.cost == pytest.approx(alone.cost)


def test_births_and_cost_must_belong_together() -> None:
    places = {
        "kind": "childcare_capacity",
        "announced": "2023-01-01",
        "target": {"2025": "4.5 places/1000 residents"},
    }
    case = scenario(g=GRANT, p=places)
    with pytest.raises(ScenarioError) as caught:
        cost_per_birth(case, baseline(), births(), births(), YEARS, WINDOW)
    assert str(caught.value) == (
        "p of scenario 'case' cannot be costed, so births and cost would not belong together; "
        "write: scenario.with_only('g')"
    )
    same = cost_per_birth(case, scenario(p=places), births(), births(), YEARS, WINDOW)
    assert same.cost > 0


def test_window_outside_the_years() -> None:
    with pytest.raises(DataError, match="the window 2023-2052 is not inside the years 2023-2030"):
        cost_per_birth(scenario(g=GRANT), baseline(), births(), births(), YEARS, range(2023, 2053))
