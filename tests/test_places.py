"""Childcare places in numbers and in money."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

import popsim as ps
from popsim.errors import DataError
from popsim.policy.cost import cost_per_additional_birth, payer_shares
from popsim.policy.kinds.childcare import CLASS_MIX
from popsim.policy.model import Scenario
from popsim.policy.places import built_places, place_counts
from popsim.policy.services import service_payments

YEARS = np.arange(2022, 2028)
POPULATION = np.full(6, 1e5)
CHILDREN = np.full(6, 2e3)


def scenario(**policies: dict[str, Any]) -> Scenario:
    data = {"schema": "popsim.scenario/1", "id": "case", "regions": "all", "policies": policies}
    return Scenario.model_validate({**data, "label": {"en": "Case", "zh": "例"}})


PLACES = {
    "kind": "childcare_capacity",
    "announced": "2023-01-01",
    "target": {"2025": "4.5 places/1000 residents"},
    "construction_subsidy": "2000 CNY/place",
    "payers": {"county": "70 %", "province": "30 %"},
}
OPERATION = {
    "kind": "childcare_operation",
    "announced": "2023-07-01",
    "amount": {"infant": "500 CNY/month", "toddler": "300 CNY/month"},
    "class_mix": {"infant": "50 %", "toddler": "50 %"},
}


def paid(case: Scenario, places_ref: np.ndarray, population: np.ndarray = POPULATION):
    counts = place_counts(case, YEARS, population, CHILDREN, places_ref, 0.5)
    return service_payments(case, counts, YEARS)


def test_grants_follow_the_places_built() -> None:
    money, anyway = paid(scenario(p=PLACES), np.full(6, 2.5))["p"]
    # From 2.5 to 4.5 per 1,000 of 100,000 residents in two steps of 100 places.
    assert money[0].tolist() == [0, 0, 2e5, 2e5, 0, 0]
    assert not anyway.any()


def test_a_place_is_not_paid_twice() -> None:
    shrinking = np.array([1e5, 1e5, 1e5, 1e5, 8e4, 1e5])
    money, _ = paid(scenario(p=PLACES), np.full(6, 2.5), shrinking)["p"]
    assert money[0].tolist() == [0, 0, 2e5, 2e5, 0, 0]
    assert built_places(np.array([3.0, 1.0, 3.0, 4.0])).sum() == 1.0


def test_places_that_come_anyway_are_deadweight() -> None:
    coming = np.array([2.5, 2.5, 3.0, 3.5, 3.5, 3.5])
    money, anyway = paid(scenario(p=PLACES), coming)["p"]
    assert money[0, 3] == pytest.approx(2e5)
    assert anyway[0, 3] == pytest.approx(1e5)


def test_operation_is_paid_for_children_in_care_from_its_month_on() -> None:
    money, anyway = paid(scenario(o=OPERATION), np.full(6, 4.0))["o"]
    # 400 places half used, 400 CNY on average; six months in the year of the announcement.
    assert money[0].tolist() == pytest.approx([0, 480e3, 960e3, 960e3, 960e3, 960e3])
    np.testing.assert_array_equal(money, anyway)


def test_not_more_children_in_care_than_there_are() -> None:
    counts = place_counts(scenario(), YEARS, POPULATION, np.full(6, 100.0), np.full(6, 4.0), 1.0)
    assert (counts.used == 100.0).all()
    assert sum(CLASS_MIX.values()) == pytest.approx(1.0)


def test_payers_sum_to_everything() -> None:
    shares = payer_shares(scenario(p=PLACES, o=OPERATION))
    np.testing.assert_allclose(shares.sum("payer"), 1.0)
    assert float(shares.sel(policy="p", payer="county")) == pytest.approx(0.7)
    assert float(shares.sel(policy="o", payer="unstated")) == 1.0


@pytest.mark.parametrize(
    ("payers", "message"),
    [
        ({"county": "70 %"}, "the shares sum to 70 %"),
        ({"county": "50 %", "state": "50 %"}, "'state' is not a payer"),
    ],
)
def test_payers_that_do_not_fit(payers: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        scenario(p={**PLACES, "payers": payers})


def test_money_for_places_is_in_the_cost_of_the_package() -> None:
    coords = {"draw": [0], "year": YEARS, "birth_order": [1, 2, 3, 4]}
    theirs = xr.DataArray(np.full((1, 6, 4), 100.0), coords, tuple(coords))
    nothing = xr.zeros_like(theirs.isel(draw=0, drop=True))
    spent = xr.DataArray([[0.0, 1e6, 0, 0, 0, 0]], {"draw": [0], "year": YEARS}, ("draw", "year"))
    found = cost_per_additional_birth(
        theirs + 1.0, theirs, nothing, services=spent, services_anyway=spent / 4
    ).sel(window="period")
    assert int(found.first_year) == 2023
    worth = 1e6 * np.mean(1.04 ** (-np.arange(12) / 12))
    assert float(found.package_cost) == pytest.approx(worth)
    assert float(found.cost_per_additional_birth) == pytest.approx(worth / 20)
    assert float(found.deadweight_share) == pytest.approx(0.25)


@pytest.fixture(scope="module")
def result():
    base = ps.load_baseline("zhejiang-2020")
    target = {"2026": "7 places/1000 residents"}
    case = scenario(p={**PLACES, "target": target}, o=OPERATION)
    return ps.run(base, case, years=range(2021, 2031), draws=20)


def test_a_run_costs_all_instruments(result) -> None:
    mine = result.sel(scenario="case")
    parts = mine.payments.sum("policy")
    np.testing.assert_allclose(parts, mine.service_payments.transpose(*parts.dims))
    bill = (mine.payments * mine.payer_share).sum(["policy", "payer"])
    np.testing.assert_allclose(bill, parts)
    effect = ps.compare(result)
    assert not effect.cost().data_vars
    cost = effect.cost("all").sel(window="period", scenario="case", region="330000")
    assert (int(cost.first_year), int(cost.last_year)) == (2023, 2027)
    assert 0 < float(cost.deadweight_share) < 1
    summary = effect.summary(2030)
    assert summary.cost.empty
    assert summary.package_cost.window.tolist() == ["period", "lasting"]
    assert "All instruments of 2023-2027" in summary.text("en")
    assert "全部措施现值" in summary.text("zh")
    with pytest.raises(DataError, match="write: cash or all"):
        effect.cost("childcare")


def test_places_to_build_by_region_and_year(result) -> None:
    table = ps.places_to_build(result, "case").set_index("year")
    assert table.places_to_build.sum() == pytest.approx(
        table.places.max() - table.places.iloc[0], rel=1e-3
    )
    assert (table.places_short >= 0).all()
    plain = ps.places_to_build(result, "baseline").set_index("year")
    assert table.places[2026] > plain.places[2026]
    np.testing.assert_allclose(plain.places_wanted, 0.35 * plain.children_under_3)
    with pytest.raises(DataError, match="has no scenario"):
        ps.places_to_build(result, "other")
    with pytest.raises(DataError, match="is not a share"):
        ps.places_to_build(result, "case", wanted=35)
