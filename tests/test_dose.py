from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from popsim.errors import ScenarioError
from popsim.policy.dose import (
    capacity_path,
    channel_doses,
    childcare_dose,
    reference_places,
)
from popsim.policy.instruments import month
from popsim.policy.model import Scenario


def scenario(gdp: str | None = "100000 CNY", **policies: dict[str, Any]) -> Scenario:
    data: dict[str, Any] = {
        "schema": "popsim.scenario/1",
        "id": "case",
        "label": {"en": "Case", "zh": "例"},
        "regions": "all",
        "policies": policies,
    }
    if gdp is not None:
        data["gdp_per_head"] = gdp
    return Scenario.model_validate(data)


def cash(amount: str, announced: str = "2023-01-01", **fields: Any) -> dict[str, Any]:
    data = {
        "kind": "cash_transfer",
        "announced": announced,
        "amount": amount,
        "births": {"from": announced},
    }
    return {**data, **fields}


def places(target: dict[str, str], announced: str = "2023-01-01") -> dict[str, Any]:
    return {"kind": "childcare_capacity", "announced": announced, "target": target}


MONTHS = np.arange(month(2023, 1), month(2027, 1))


def test_doses_of_policies_are_kept_apart_in_order_of_announcement() -> None:
    case = scenario(b=cash("2000 CNY", "2024-01-01"), a=cash("1000 CNY"))
    doses = channel_doses(case, "cash", MONTHS, None)
    assert doses.announced.tolist() == [month(2023, 1), month(2024, 1)]
    summed = doses.dose.sum(axis=0)[0]
    # The second counts only for births nine months after it was announced.
    assert summed[[8, 9, 20, 21]].tolist() == [0.0, 1.0, 1.0, 3.0]


def test_money_without_gdp_is_refused() -> None:
    with pytest.raises(ScenarioError) as caught:
        channel_doses(scenario(None, a=cash("1000 CNY")), "cash", MONTHS, None)
    assert str(caught.value) == (
        "scenario 'case' promises money, and there is no GDP per head to compare it with; "
        "write: gdp_per_head: 125043 CNY"
    )


def test_gdp_of_the_scenario_goes_before_that_of_the_region() -> None:
    case = scenario("50000 CNY", a=cash("1000 CNY"))
    assert channel_doses(case, "cash", MONTHS, 100000.0).dose.max() == 2.0
    assert (
        channel_doses(scenario(None, a=cash("1000 CNY")), "cash", MONTHS, 100000.0).dose.max()
        == 1.0
    )


@given(
    first=st.floats(0, 1e5),
    more=st.floats(0, 1e5),
    take_up=st.floats(0, 100),
    gdp=st.floats(1e4, 1e6),
)
def test_more_money_is_never_less_dose(
    first: float, more: float, take_up: float, gdp: float
) -> None:
    def dose(money: float) -> np.ndarray:
        policy = cash(f"{money:.6f} CNY", take_up=f"{take_up:.6f} %")
        return channel_doses(scenario(a=policy), "cash", MONTHS, gdp).dose.sum(axis=0)

    assert (dose(first + more) >= dose(first)).all()


def test_path_of_places() -> None:
    years = np.arange(2021, 2031)
    reference = np.full(10, 2.5)
    path = capacity_path(
        scenario(p=places({"2025": "4.5 places/1000 residents"})), years, reference
    )
    assert path.places.tolist() == [2.5, 2.5, 2.5, 3.5, 4.5, 4.5, 4.5, 4.5, 4.5, 4.5]
    assert path.notices == []


def test_target_below_the_reference_adds_nothing_and_says_so() -> None:
    years = np.arange(2021, 2031)
    path = capacity_path(
        scenario(p=places({"2025": "4 places/1000 residents"})), years, reference_places(years)
    )
    np.testing.assert_array_equal(path.places, reference_places(years))
    assert path.notices == [
        "case: 4 places per 1,000 residents in 2025 are not above the reference of 4.08 and add "
        "nothing"
    ]


def test_own_series_goes_before_that_of_the_nation() -> None:
    years = np.array([2020, 2021, 2023, 2030])
    assert reference_places(years, {2021: 2.0, 2025: 4.0}).tolist() == [2.0, 2.0, 3.0, 4.0]
    assert reference_places(years).tolist() == [2.03, 2.03, 3.38, 4.08]


def test_coverage_is_at_most_everyone() -> None:
    per_1000 = np.array([30.0])
    dose = childcare_dose(per_1000, np.array([10.0]), np.array([1000.0]), np.array([20.0]), 1.0)
    assert dose.tolist() == [50.0]


def test_dose_of_childcare_by_draw() -> None:
    dose = childcare_dose(
        np.array([4.5, 4.5]),
        np.array([2.5, 4.5]),
        np.full((3, 2), 1000.0),
        np.full((3, 2), 20.0),
        np.array([[0.0], [0.5], [1.0]]),
    )
    np.testing.assert_allclose(dose, [[0, 0], [5, 0], [10, 0]])
