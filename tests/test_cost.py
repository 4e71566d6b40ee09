from typing import Any

import numpy as np
import pytest
import xarray as xr

from popsim.policy.cost import (
    cost_per_additional_birth,
    payments_by_year,
    promised_per_birth,
)
from popsim.policy.files import baseline
from popsim.policy.instruments import month, payments
from popsim.policy.kinds.cash import CashTransfer
from popsim.policy.model import Scenario

YEARS = np.arange(2023, 2031)


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
    value = promised_per_birth(scenario(s=STREAM), range(2030, 2031)).values
    months = np.arange(12)
    offsets = np.arange(36)
    discounted = (1.04 ** (-(months[:, None] + offsets[None, :]) / 12)).sum() * 100 / 12
    assert value[0, 1] == pytest.approx(discounted)
    assert value[0, [0, 2, 3]].tolist() == [0.0, 0.0, 0.0]


def labelled(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(
        values,
        dims=("draw", "year", "birth_order"),
        coords={"draw": range(len(values)), "year": YEARS, "birth_order": [1, 2, 3, 4]},
    )


def cost(case: Scenario, ours: np.ndarray, theirs: np.ndarray, **other: Any) -> xr.Dataset:
    promised = promised_per_birth(case, range(2023, 2031))
    return cost_per_additional_birth(labelled(ours), labelled(theirs), promised, **other)


def test_empty_scenario_costs_nothing() -> None:
    assert payments_by_year(baseline(), births(), YEARS).shape == (0, 3, 8)
    assert not cost(baseline(), births(), births()).data_vars


def test_cost_per_additional_birth() -> None:
    ours, theirs = births(), births()
    ours[0, :, 1] += 120.0
    ours[1, :, 1] += 12.0
    found = cost(scenario(g=GRANT), ours, theirs).sel(window="period")
    assert (int(found.first_year), int(found.last_year)) == (2023, 2027)
    assert float(found.additional_births) == pytest.approx((600 + 60 + 0) / 3)
    mean = float(found.cash_cost) / float(found.additional_births)
    assert float(found.cost_per_additional_birth) == pytest.approx(mean)
    assert float(found.chance_of_no_gain) == pytest.approx(1 / 3)
    # A grant of 1,000 in the month of birth, discounted month by month to January 2023.
    value = 1000 * np.mean(1.04 ** (-np.arange(60) / 12)) * 5
    quantiles = found.cost_per_additional_birth_quantile
    # The draw without additional births counts as infinitely dear.
    assert float(quantiles.sel(quantile=0.9)) == np.inf
    assert float(quantiles.sel(quantile=0.1)) == pytest.approx(1320 * value / 600)
    assert float(quantiles.sel(quantile=0.5)) == pytest.approx(1212 * value / 60)
    assert float(found.deadweight_share) == pytest.approx(3600 / (1320 + 1212 + 1200))


def test_a_window_is_cut_at_the_last_year_and_says_so() -> None:
    found = cost(scenario(g=GRANT), births(1300.0), births()).sel(window="lasting")
    assert (int(found.first_year), int(found.last_year)) == (2023, 2030)


def test_fewer_births_are_no_deadweight() -> None:
    ours = births()
    ours[:, :, 1] -= 100
    found = cost(scenario(g=GRANT), ours, births()).sel(window="period")
    assert float(found.cost_per_additional_birth) == np.inf
    assert float(found.deadweight_share) == pytest.approx(1.0)
    assert np.isinf(found.cost_per_additional_birth_quantile).all()


def test_only_what_is_added_to_the_reference_counts() -> None:
    half = {**GRANT, "amount": {"2": "500 CNY"}}
    reference = promised_per_birth(scenario(g=GRANT), range(2023, 2031))
    ours = births(1300.0)
    found = cost(scenario(g=GRANT, h=half), ours, ours, promised_ref=reference)
    alone = cost(scenario(g=half), ours, ours)
    np.testing.assert_allclose(found.cash_cost, alone.cash_cost)


def test_regions_are_carried_through() -> None:
    ours = xr.concat([labelled(births(1300.0)), labelled(births(1200.0))], "region")
    promised = promised_per_birth(scenario(g=GRANT), range(2023, 2031))
    found = cost_per_additional_birth(ours, labelled(births()), promised)
    assert found.chance_of_no_gain.sel(window="period").values.tolist() == [0.0, 1.0]
