"""Policies counted again in the slow and obvious way: child by child, month by month."""

import calendar
import datetime as dt
from typing import Any

import numpy as np
import pytest
import xarray as xr
from pydantic import ValidationError

import popsim as ps
from popsim.errors import ScenarioError
from popsim.evaluation.levers import Levers
from popsim.evaluation.sample_plan import response_inputs
from popsim.evaluation.windows import promised_money
from popsim.policy.cost import payments_by_year, promised_per_birth
from popsim.policy.dose import channel_doses
from popsim.policy.files import baseline, read_response, read_scenario, write_scenario
from popsim.policy.instruments import month
from popsim.policy.model import Scenario
from popsim.policy.places import PlaceCounts, place_counts
from popsim.policy.response import Context, Response
from popsim.policy.services import service_payments
from popsim.simulation import Repeated, against_no_expansion

YEARS = np.arange(2021, 2036)
DRAWS = range(40)
GRANT = {
    "kind": "cash_transfer",
    "announced": "2023-01-01",
    "amount": {"2": "20000 CNY"},
    "births": {"from": "2023-01-01", "to": "2028-12-31"},
}


def scenario(**policies: dict[str, Any]) -> Scenario:
    return Scenario.model_validate(
        {
            "schema": "popsim.scenario/1",
            "id": "case",
            "regions": "all",
            "gdp_per_head": "100000 CNY",
            "label": {"en": "Case", "zh": "例"},
            "policies": policies,
        }
    )


def context() -> Context:
    people = np.full(len(YEARS), 1e6), np.full(len(YEARS), 2e4)
    return Context(YEARS, *people, np.full(len(YEARS), 2.5))


def effect(case: Scenario, response: Response | None = None) -> np.ndarray:
    return (response or Response()).log_effect(case, baseline(), context(), DRAWS, 1)


def without_utilisation() -> Response:
    spec = read_response()
    silent = spec.channels.childcare.model_copy(update={"utilisation": None})
    channels = spec.channels.model_copy(update={"childcare": silent})
    return Response(spec.model_copy(update={"channels": channels}))


def regional(codes: list[str]) -> xr.Dataset:
    one = ps.load_baseline("zhejiang-2020")
    return xr.concat(
        [one.assign_coords(region=[code]) for code in codes],
        "region",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        combine_attrs="override",
    )


# A stream with every rule at once: part of a month, a late start, an end known late, a cap
# within a month, prices, residence and take-up.
STREAM: dict[str, Any] = {
    "kind": "cash_transfer",
    "announced": "2024-03-10",
    "amount": {"2": "500 CNY/month", "3+": "800 CNY/month"},
    "child_age": "2-48 months",
    "births": {"from": "2022-11-11", "to": "2026-05-20"},
    "payments": {"from": "2024-04-01", "to": "2028-08-31"},
    "ends_announced": "2026-01-15",
    "cap": "16300 CNY",
    "price_rise": "3 %/year",
    "residence": "registered",
    "registered_share": "80 %",
    "take_up": "90 %",
}
MONTHLY = {1: 0.0, 2: 500.0, 3: 800.0, 4: 800.0}


def paid_month_by_month(born: int, order: int, *, end_known: bool = True) -> dict[int, float]:
    """Return offset to CNY for the mean child born in a month."""
    year, number = divmod(born, 12)
    days = calendar.monthrange(year, number + 1)[1]
    inside = sum(
        dt.date(2022, 11, 11) <= dt.date(year, number + 1, day + 1) <= dt.date(2026, 5, 20)
        for day in range(days)
    )
    left, found = 16300.0, {}
    for offset in range(2, 48):
        now = born + offset
        if now < month(2024, 4) or (end_known and now > month(2028, 8)):
            continue
        nominal = min(MONTHLY[order], left)
        left -= nominal
        worth = nominal * 1.03 ** (-(now - month(2024, 3)) / 12)
        found[offset] = worth * inside / days * 0.8 * 0.9
    return found


def test_bill_promise_and_dose_of_a_stream_are_those_counted_month_by_month():
    case = scenario(stream=STREAM)
    years = np.arange(2022, 2032)
    births = np.random.default_rng(1).uniform(100.0, 200.0, (2, len(years), 4))
    bill = np.zeros((2, len(years)))
    promise = np.zeros((len(years), 4))
    dose = np.zeros((4, 12 * len(years)))
    for born in range(month(2022, 1), month(2032, 1)):
        row, within = divmod(born - month(2022, 1), 12)
        for order in (1, 2, 3, 4):
            for offset, money in paid_month_by_month(born, order).items():
                paid = (born + offset) // 12 - 2022
                if paid < len(years):
                    bill[:, paid] += births[:, row, order - 1] / 12 * money
                promise[row, order - 1] += money / 12 * 1.04 ** (-(within + offset) / 12)
            known_at = born - 9
            if known_at < month(2024, 3):
                continue
            expected = paid_month_by_month(born, order, end_known=known_at >= month(2026, 1))
            dose[order - 1, 12 * row + within] = sum(
                money * (1.0 if offset < 36 else 1.04 ** (-offset / 12))
                for offset, money in expected.items()
            )
    np.testing.assert_allclose(payments_by_year(case, births, years)[0], bill, rtol=1e-9)
    np.testing.assert_allclose(promised_per_birth(case, range(2022, 2032)), promise, rtol=1e-9)
    months = np.arange(month(2022, 1), month(2032, 1))
    found = channel_doses(case, "cash", months, None).dose[0]
    np.testing.assert_allclose(found, dose / 1000.0, rtol=1e-9, atol=1e-12)


def test_the_cap_of_a_deduction_is_met_by_families_and_not_by_their_mean():
    case = scenario(
        deduction={
            "kind": "tax_deduction",
            "announced": "2023-01-01",
            "deduction": "2000 CNY/month",
            "child_age": "0-36 months",
            "births": {"from": "2023-01-01"},
            "marginal_rates": {"3 %": "40 %", "20 %": "10 %"},
            "cap": "5000 CNY",
        }
    )
    births = np.zeros((1, 5, 4))
    births[0, 0, 1] = 1.0
    paid = payments_by_year(case, births, np.arange(2023, 2028))
    # 60 CNY a month, 2,160 in all, and 400 a month until 5,000: 12 months and a half.
    assert float(paid.sum()) == pytest.approx(0.4 * 2160 + 0.1 * 5000)


def test_regions_with_instruments_of_their_own_keep_their_own_money():
    codes = ["330100", "330200", "330300", "330400", "330500", "330600"]
    grants = {
        f"grant{i}": {**GRANT, "amount": f"{1000 * i} CNY", "regions": [code]}
        for i, code in enumerate(codes, start=1)
    }
    case = scenario(**grants)
    repeated = Repeated(regional(codes), years=range(2021, 2025), draws=2)
    births = repeated.births(repeated.factor(case))
    money = promised_money(repeated, dict.fromkeys(codes, case), births, (2023, 2023))
    born = births.sel(year=2023).sum("birth_order")
    # 1,000 CNY a month of waiting for the mean birth: every region a multiple of the first.
    each = (money / born).transpose("region", "draw").values
    multiples = each[0, 0] * np.arange(1, 7)[:, None]
    np.testing.assert_allclose(each, np.broadcast_to(multiples, each.shape), rtol=1e-9)


def test_a_grant_written_in_two_instruments_is_hurried_for_once():
    half = {**GRANT, "amount": {"2": "10000 CNY"}}
    np.testing.assert_allclose(
        effect(scenario(one=half, other=half)), effect(scenario(whole=GRANT)), atol=1e-12
    )
    third = {**GRANT, "amount": {"3": "20000 CNY"}}
    both = {**GRANT, "amount": {"2": "20000 CNY", "3": "20000 CNY"}}
    np.testing.assert_allclose(
        effect(scenario(second=GRANT, third=third)), effect(scenario(both=both)), atol=1e-12
    )


def test_of_two_ends_in_a_month_only_the_one_known_in_time_is_hurried_for():
    late = {**GRANT, "ends_announced": "2028-12-01"}
    one = effect(scenario(known=GRANT, late=late))[:, 7]
    both = effect(scenario(known=GRANT, other=GRANT))[:, 7]
    neither = effect(scenario(late=late, other=late))[:, 7]
    assert (neither <= one).all()
    assert (one <= both).all()
    assert one[:, 1].mean() - neither[:, 1].mean() == pytest.approx(
        both[:, 1].mean() - one[:, 1].mean(), rel=0.2
    )


@pytest.mark.parametrize("last", [dt.date(2028, 6, 15), dt.date(2028, 6, 30)])
def test_a_scheme_that_takes_over_on_the_next_day_is_no_end(last):
    following = (last + dt.timedelta(days=1)).isoformat()
    old = {**GRANT, "births": {"from": "2023-01-01", "to": last.isoformat()}}
    new = {**GRANT, "births": {"from": following}}
    for_ever = {**GRANT, "births": {"from": "2023-01-01"}}
    np.testing.assert_allclose(
        effect(scenario(old=old, new=new)), effect(scenario(one=for_ever)), atol=1e-12
    )


PLACES = {
    "kind": "childcare_capacity",
    "announced": "2025-01-01",
    "target": {"2028": "5 places/1000 residents"},
}


def test_places_are_half_used_in_the_effect_too_where_the_response_does_not_say():
    case = scenario(places=PLACES)
    stated = scenario(places={**PLACES, "utilisation": "50 %"})
    silent = without_utilisation()
    np.testing.assert_allclose(effect(case, silent), effect(stated, silent), atol=1e-12)
    fuller = scenario(places={**PLACES, "utilisation": "60 %"})
    assert effect(fuller, silent)[:, -1].mean() > effect(case, silent)[:, -1].mean()


def test_places_are_not_used_more_before_their_policy_is_announced():
    fee = {
        "kind": "childcare_fee",
        "announced": "2021-01-01",
        "cut": "500 CNY/month",
        "months_in_care": "18 months",
    }
    fuller = {**PLACES, "announced": "2027-01-01", "utilisation": "90 %"}
    alone, together = effect(scenario(fee=fee)), effect(scenario(fee=fee, places=fuller))
    assert (alone[:, :6, 1].mean(axis=0) > 0).any()
    np.testing.assert_array_equal(together[:, :6], alone[:, :6])
    now = context()
    used = place_counts(
        scenario(places=fuller), YEARS, now.population, now.children_under_3, now.places_ref
    )
    np.testing.assert_array_equal(used.used[:, :6], used.used_ref[:, :6])
    np.testing.assert_allclose(used.used[:, 6], 0.9 * used.places[:, 6])


def test_a_run_says_which_instruments_name_no_region_of_it_and_which_money_is_multiplied():
    rooms = {
        "kind": "measure",
        "announced": "2022-01-01",
        "what": "Rooms",
        "spending": {"2022": "100 CNY"},
    }
    case = scenario(grant={**GRANT, "regions": ["330100", "331199"]}, rooms=rooms)
    result = ps.run(regional(["330100", "330200"]), case, years=range(2021, 2024), draws=1)
    assert float(result.payments.sel(scenario="case", policy="rooms").sum()) == 200.0
    notices = result.attrs["notices"].split("\n")
    assert (
        "case: grant names region 331199, which is not among the regions of the run in which the "
        "scenario applies"
    ) in notices
    assert "case: the spending of rooms is counted in each of 2 regions" in notices
    assert not any("region 330100" in line for line in notices)


def test_children_in_care_are_an_input_of_the_effect_of_fees():
    fee = {
        "kind": "childcare_fee",
        "announced": "2023-01-01",
        "cut": "500 CNY/month",
        "months_in_care": "18 months",
    }
    found = response_inputs(Response(), scenario(fee=fee), 1)
    assert [name for name in found if name.startswith("childcare/")] == ["childcare/utilisation"]


BIRTHS = {"from": "2023-01-01"}
LEAVE = {
    "kind": "paid_leave",
    "announced": "2023-01-01",
    "births": BIRTHS,
    "parent": "mother",
    "days": {"1": "158 days", "2+": "188 days"},
    "instead_of": "98 days",
}
LOAN = {
    "increase": "20 %",
    "single": "720000 CNY",
    "dual": "1200000 CNY",
    "dual_share": "70 %",
    "fund_rate": "2.6 %/year",
    "market_rate": "3.5 %/year",
    "term": "360 months",
    "take_up": "8 %",
}
RENT = {
    "increase": "50 %",
    "ceiling": "27000 CNY/year",
    "persons": 2,
    "liquidity_value": "3 %",
    "child_age": "0-36 months",
    "take_up": "10 %",
}
FUND = {
    "kind": "housing_fund",
    "announced": "2023-01-01",
    "births": BIRTHS,
    "birth_orders": ["2"],
    "loan_ceiling": LOAN,
}
TAX = {
    "kind": "tax_deduction",
    "announced": "2023-01-01",
    "births": BIRTHS,
    "deduction": "2000 CNY/month",
    "child_age": "0-36 months",
}


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (
            {**LEAVE, "instead_of": {"1": "98 days"}},
            r"instead_of does not say what was due for order 2\+",
        ),
        ({**LEAVE, "payments": BIRTHS}, "payments of leave find children already born"),
        ({**LEAVE, "cap": "9 CNY"}, "leave has no cap"),
        ({**FUND, "payments": BIRTHS}, "a loan at birth has no payments window"),
        (
            {**FUND, "rent_withdrawal": RENT, "cap": "9000 CNY"},
            "one cap cannot hold for a loan and for withdrawals",
        ),
        (
            {
                "kind": "housing_grant",
                "announced": "2023-01-01",
                "births": BIRTHS,
                "amount": {"3": "120000 CNY"},
                "take_up": "5 %",
                "payments": BIRTHS,
            },
            "one sum is paid at birth and has no payments window",
        ),
        (
            {**TAX, "marginal_rates": {"3 %": "30 %", "3.0 %": "10 %"}},
            "the rate 3 % is given twice, by '3 %' and '3.0 %'",
        ),
        (
            {**GRANT, "births": BIRTHS, "ends_announced": "2026-01-01"},
            "ends_announced stands beside no end",
        ),
        (
            {
                "kind": "measure",
                "announced": "2025-01-01",
                "what": "Hours",
                "births": BIRTHS,
                "assumed_effect": "1 %",
                "lasting": "40 %",
            },
            "births of 2023-01-01 cannot answer what is announced on 2025-01-01",
        ),
    ],
)
def test_what_would_be_counted_on_one_side_only_is_refused(policy, message):
    with pytest.raises(ValidationError, match=message):
        scenario(policy=policy)


def test_a_rate_written_as_a_fraction_is_the_same_rate():
    def saved(key: str) -> float:
        case = scenario(tax={**TAX, "marginal_rates": {key: "30 %"}})
        return float(case.policies["tax"].transfers()[0].amount["1+"].value)

    assert saved("0.03 1") == pytest.approx(saved("3 %"))
    assert saved("3 %") == pytest.approx(2000 * 0.03 * 0.3)


def test_a_common_factor_moves_days_of_leave_and_not_the_wage():
    leave = scenario(leave={**LEAVE, "wage": "7000 CNY/month"})
    levers = Levers(leave, {"policies": (0, 2)})
    births = np.ones((1, 1, 4))
    once, twice = (
        float(payments_by_year(levers.at([level]), births, np.array([2024])).sum())
        for level in (0.5, 1.0)
    )
    assert twice == pytest.approx(2 * once)


def test_one_of_the_regions_that_a_scenario_names_can_be_looked_at():
    case = scenario(grant=GRANT).model_copy(update={"regions": ("330100", "330200")})
    both = regional(["330100", "330200"])
    found = ps.sensitivity(both, case, "births", 2025, region="330200", samples=8)
    assert found.data.attrs["region"] == "330200"


def test_each_region_may_have_its_own_target_of_places():
    codes = ["330100", "330200", "330300"]
    own = {
        f"places{place}": {
            **PLACES,
            "announced": f"202{place}-01-01",
            "target": {"2026": f"{place + 3} places/1000 residents"},
            "regions": [code],
        }
        for place, code in enumerate(codes[:2], start=2)
    }
    case = scenario(**own)
    data = regional(codes)
    result = ps.run(data, case, years=range(2021, 2027), draws=1)
    places = result.childcare_places_total.sel(scenario="case", year=2026)
    people = result.population_total.sel(scenario="baseline", time=2026).isel(draw=0)
    flat = float(data.childcare_places.isel(region=2).sel(year=2026))
    np.testing.assert_allclose(1000 * places / people, [5.0, 6.0, flat])
    frozen = against_no_expansion(data, case).childcare_places
    for code, last in zip(codes, (2022, 2023, 2060), strict=True):
        before = data.childcare_places.sel(region=code, year=slice(last))
        np.testing.assert_array_equal(frozen.sel(region=code, year=slice(last)), before)
        assert (frozen.sel(region=code, year=slice(last, None)) == before[-1]).all()
    with pytest.raises(ValidationError, match="two levels of childcare places"):
        scenario(a={**PLACES, "regions": ["330000"]}, b={**PLACES, "regions": ["330100"]})


@pytest.mark.parametrize("level", [2e-5, 3.25e-9, 1e16])
def test_a_level_of_any_size_is_written_as_it_is_read(level, tmp_path):
    moved = scenario(grant=GRANT).override({"policies.grant.amount.2": level})
    assert moved.policies["grant"].amount["2"].value == pytest.approx(level, rel=1e-9)
    assert moved.override({"policies.grant.amount.2": 1}).policies["grant"].amount["2"].value == 1
    again = read_scenario(write_scenario(moved, tmp_path / "case.yaml"))
    assert again.policies == moved.policies


def test_every_amount_by_order_is_explained_under_the_key_that_covers_it(tmp_path):
    case = scenario(leave=LEAVE, tax={**TAX, "marginal_rates": {"3 %": "30 %"}})
    read = read_scenario(write_scenario(case, tmp_path / "case.yaml"))
    assert read.explain("policies.leave.days.3").startswith("188 day, case.yaml:")
    assert read.explain("policies.tax.deduction.3").startswith("2000 CNY/month, case.yaml:")
    with pytest.raises(ScenarioError, match=r"has no value 'policies\.tax\.child_age\.3'"):
        read.explain("policies.tax.child_age.3")


def test_a_third_grant_is_not_due_for_what_two_before_it_pay_together():
    grant = {
        "kind": "childcare_construction",
        "announced": "2022-01-01",
        "amount": "1000 CNY/place",
        "stacks": False,
    }
    half = {**grant, "payments": {"from": "2022-01-01", "to": "2022-06-15"}}
    counts = PlaceCounts(*(np.array([[100.0, 200.0]]) for _ in range(4)))
    paid = service_payments(
        scenario(first=half, second=grant, third=grant), counts, np.array([2021, 2022])
    )
    assert sum(money[0, 1] for money, _ in paid.values()) == pytest.approx(100_000.0)


@pytest.mark.parametrize("kind", ["cut", "subsidy"])
def test_lower_fees_are_promised_to_children_who_are_in_care_while_they_last(kind):
    common = {
        "announced": "2022-01-01",
        "months_in_care": "18 months",
        "payments": {"from": "2025-01-01", "to": "2025-12-31"},
    }
    mix = {"class_mix": {"mixed": "100 %"}, "amount": {"mixed": "1000 CNY/month"}}
    case = scenario(
        fee={"kind": "childcare_fee", "cut": "1000 CNY/month", **common}
        if kind == "cut"
        else {"kind": "childcare_operation", **mix, **common}
    )
    months = np.arange(month(2021, 1), month(2027, 1))
    expected = [
        sum(
            1000.0
            for age in range(18, 36)
            if month(2025, 1) <= born + age <= month(2025, 12) and born - 9 >= month(2022, 1)
        )
        for born in months
    ]
    found = channel_doses(case, "childcare_fee", months, None)
    dose = found.dose if kind == "cut" else found.passed
    np.testing.assert_allclose(dose[0], np.tile(expected, (4, 1)) / 1000.0)
    assert max(expected) == 12_000.0


def test_nobody_hurries_into_the_months_before_a_scheme():
    spec = read_response()
    cash = spec.channels.cash.model_copy(update={"rush": None})
    calm = Response(
        spec.model_copy(update={"channels": spec.channels.model_copy(update={"cash": cash})})
    )
    rises = {}
    for first in ("2026-10-01", "2026-12-01"):
        case = scenario(grant={**GRANT, "births": {"from": first, "to": "2026-12-31"}})
        rises[first] = (effect(case) - effect(case, calm))[:, 5, 1].mean()
    assert rises["2026-12-01"] == pytest.approx(rises["2026-10-01"] / 3)
