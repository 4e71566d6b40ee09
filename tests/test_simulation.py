"""Runs and comparisons: pairing, exact zeros, refusals, money."""

import numpy as np
import pytest
import xarray as xr

import popsim as ps
from popsim.errors import DataError, ScenarioError
from popsim.policy.model import Scenario
from popsim.simulation import against_no_expansion

YEARS = range(2021, 2041)
DRAWS = 150


@pytest.fixture(scope="module")
def scenarios():
    from pathlib import Path

    return Path(__file__).parents[1] / "scenarios"


@pytest.fixture(scope="module")
def base():
    return ps.load_baseline("zhejiang-2020")


@pytest.fixture(scope="module")
def result(base, scenarios):
    files = [scenarios / f"{name}.yaml" for name in ("zhejiang-as-qingyuan", "national-2025")]
    return ps.run(base, files, years=YEARS, draws=DRAWS, seed=1)


def empty(name="nothing", **more):
    return Scenario.model_validate(
        {
            "schema": "popsim.scenario/1",
            "id": name,
            "label": {"en": "Nothing", "zh": "无"},
            "regions": "all",
            **more,
        }
    )


CASH = {
    "kind": "cash_transfer",
    "announced": "2023-01-01",
    "amount": {"2": "300 CNY/month", "3+": "600 CNY/month"},
    "child_age": "0-36 months",
    "births": {"from": "2023-01-01"},
}


def test_an_empty_policy_differs_by_exactly_zero(base):
    result = ps.run(base, empty(), years=YEARS, draws=20)
    for name, array in ps.compare(result).difference.data_vars.items():
        assert (array == 0).all(), name


def test_money_changes_births_and_nothing_before_conception(result):
    effect = ps.compare(result).difference.births.isel(region=0)
    qingyuan = effect.sel(scenario="zhejiang-as-qingyuan")
    # Announced in January 2023: births answer from nine months and the decision lag later.
    assert (qingyuan.sel(year=slice(None, 2023)) == 0).all()
    assert float(qingyuan.sel(year=2025).mean()) > 1000
    national = effect.sel(scenario="national-2025")
    assert (national.sel(year=slice(None, 2025)) == 0).all()
    assert float(national.sel(year=2027).mean()) > 0


def test_effect_is_of_the_size_that_the_priors_give(result):
    rate = ps.compare(result).difference.total_fertility_rate.sel(
        scenario="zhejiang-as-qingyuan", region="330000"
    )
    low, high = rate.sel(year=2025).quantile([0.1, 0.9], "draw").values
    assert 0 <= low < 0.005
    assert 0.01 < high < 0.04
    assert 0.3 < float(rate.sel(year=2035).mean() / rate.sel(year=2025).mean()) < 0.8
    chance = result.chance_of_no_effect.sel(scenario="national-2025", channel="cash", year=2030)
    np.testing.assert_allclose(chance, 0.15, atol=0.08)


def test_draws_can_be_rerun_alone(base, scenarios, result):
    file = scenarios / "zhejiang-as-qingyuan.yaml"
    alone = ps.run(base, file, years=YEARS, draws=range(40, 44), seed=1)
    same = result.sel(scenario=alone.scenario.values, draw=range(40, 44))
    for name in ("births_by_order", "total_fertility_rate", "population_total"):
        np.testing.assert_array_equal(alone[name].values, same[name].values)


def test_company_horizon_and_threads_change_nothing(base, scenarios, result):
    file = scenarios / "national-2025.yaml"
    alone = ps.run(base, file, years=range(2021, 2031), draws=DRAWS, seed=1, threads=1)
    part = result.sel(scenario=alone.scenario.values, year=alone.year.values)
    np.testing.assert_array_equal(alone.births.values, part.births.values)


def test_regions_are_independent(base):
    two = two_regions(base)
    scenario = empty("some", regions=["330000"], policies={"grant": CASH})
    both = ps.run(two, scenario, years=YEARS, draws=20, seed=1)
    one = ps.run(base, scenario, years=YEARS, draws=20, seed=1)
    np.testing.assert_array_equal(both.births.sel(region="330000"), one.births.sel(region="330000"))
    elsewhere = ps.compare(both).difference.sel(region="110000")
    assert (elsewhere.births == 0).all()
    assert (both.payments.sel(region="110000", scenario="some") == 0).all()


def test_a_province_covers_its_counties(base):
    county = base.assign_coords(region=["331126"])
    scenario = empty("province", regions=["330000"], policies={"grant": CASH})
    result = ps.run(county, scenario, years=YEARS, draws=5)
    assert float(ps.compare(result).difference.births.sum()) > 0


def test_a_region_that_is_not_in_the_data_is_refused(base, scenarios):
    with pytest.raises(ScenarioError) as error:
        ps.run(base, scenarios / "qingyuan-2023.yaml", draws=2)
    assert str(error.value) == (
        "scenario 'qingyuan-2023' names region 331126, which is not in the data; the data have "
        "330000 (浙江省). Add that region's tables to the data, or let the scenario apply to every "
        "region of the data; write: extends: qingyuan-2023 with regions: all"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"years": range(2022, 2030)}, "years 2022-2029 do not fit: they must follow each other"),
        ({"years": range(2021, 2071)}, "to 2060 at most; write: range"),
        ({"years": [2021, 2023]}, "years 2021-2023 do not fit"),
        ({"years": []}, "years of an empty list do not fit"),
        ({"draws": 0}, "draws=0 is not a number of draws"),
        ({"draws": True}, "draws=True is not a number of draws"),
    ],
)
def test_options_that_do_not_fit_are_refused(base, options, message):
    with pytest.raises(DataError, match=message):
        ps.run(base, "baseline", **options)


def test_two_scenarios_of_one_name_are_refused(base):
    with pytest.raises(ScenarioError, match="two scenarios have the id 'nothing'"):
        ps.run(base, [empty(), empty()], draws=1)


def test_money_without_gdp_per_head_is_refused(base):
    poor = base.drop_vars("gdp_per_head")
    with pytest.raises(ScenarioError, match="there is no GDP per head"):
        ps.run(poor, empty("grant", policies={"grant": CASH}), draws=1)


def test_cost_is_set_against_the_cash_part_alone(base, scenarios, result):
    package = result.sel(scenario="zhejiang-as-qingyuan")
    read = ps.read_scenario(scenarios / "zhejiang-as-qingyuan.yaml")
    cash = read.with_only("childcare_subsidy", "prenatal_grant")
    alone = ps.run(base, cash, years=YEARS, draws=DRAWS, seed=1).sel(scenario=cash.id)
    np.testing.assert_array_equal(
        package.births_by_order_cash_alone.values, alone.births_by_order.values
    )
    # Childcare may turn out to do harm in single draws, not on average.
    assert float(package.births.mean()) > float(alone.births.mean())


def test_cost_against_a_reference_with_other_instruments(base, scenarios):
    package = ps.read_scenario(scenarios / "zhejiang-as-qingyuan.yaml")
    places = package.with_only("childcare_places").model_copy(update={"id": "places"})
    result = ps.run(base, [package, places], years=YEARS, draws=DRAWS, seed=1)
    # What childcare brings is in neither: the cash instruments cost the same against both.
    against_nothing = ps.compare(result).cost().sel(scenario=package.id)
    against_places = ps.compare(result, to="places").cost().sel(scenario=package.id)
    xr.testing.assert_identical(against_nothing, against_places)


def test_prices_of_another_year_are_told(base):
    grant = empty("grant", policies={"grant": CASH | {"price_year": 2010}})
    told = ps.run(base, grant, years=range(2021, 2023), draws=1).attrs["notices"]
    assert told == (
        "grant: grant is in prices of 2010, GDP per head of 330000 in prices of 2023; amounts are "
        "taken as they stand"
    )


def test_cost_per_additional_birth_is_several_times_gdp_per_head(base, result):
    cost = ps.compare(result).cost().sel(scenario="zhejiang-as-qingyuan", region="330000")
    gdp = float(base.gdp_per_head[0])
    assert 2 < float(cost.cost_per_additional_birth.sel(window="period")) / gdp < 20
    assert (cost.deadweight_share > 0.9).all()
    assert cost.first_year.values.tolist() == [2023, 2023]
    # The run ends in 2040, so the window of thirty years is cut there and says so.
    assert cost.last_year.values.tolist() == [2027, 2040]


def test_national_cost_counts_births_from_the_announcement(result):
    cost = ps.compare(result).cost().sel(scenario="national-2025", region="330000")
    assert int(cost.first_year.sel(window="period")) == 2025


def test_payments_start_with_the_scheme_and_follow_the_births(result):
    paid = result.payments.sel(scenario="zhejiang-as-qingyuan", region="330000").isel(draw=0)
    assert (paid.sel(year=slice(None, 2022)) == 0).all()
    births = result.births_by_order.sel(
        scenario="zhejiang-as-qingyuan", region="330000", year=2030
    ).isel(draw=0)
    once = 500 * float(births.sel(birth_order=2) + births.sel(birth_order=3))
    assert float(paid.sel(policy="prenatal_grant", year=2030)) == pytest.approx(once)


def test_summary_in_two_languages(result):
    summary = ps.compare(result).summary(2030)
    assert set(summary.table.scenario) == {"zhejiang-as-qingyuan", "national-2025"}
    row = summary.table.set_index(["scenario", "indicator"]).loc[
        ("national-2025", "total_fertility_rate")
    ]
    assert row.lower_80 <= row.difference <= row.upper_80
    assert "Zhejiang, 2030" in summary.text("en")
    assert "浙江省2030年" in summary.text("zh")
    assert "万元" in summary.text("zh")
    with pytest.raises(DataError, match="no summary in 'fr'; write: en or zh"):
        summary.text("fr")
    with pytest.raises(DataError, match="year 2050 is not in the run"):
        ps.compare(result).summary(2050)
    with pytest.raises(DataError, match="region '110000' is not in the run"):
        ps.compare(result).summary(2030, region="110000")


def test_compare_with_another_reference(result):
    effect = ps.compare(result, to="national-2025")
    assert effect.difference.scenario.values.tolist() == ["baseline", "zhejiang-as-qingyuan"]
    with pytest.raises(DataError, match=r"no scenario 'base-line' .*; write: baseline"):
        ps.compare(result, to="base-line")
    with pytest.raises(DataError, match="nothing to compare"):
        ps.compare(result.sel(scenario=["baseline"]))


def test_against_no_expansion_freezes_places(base, scenarios):
    target = ps.read_scenario(scenarios / "zhejiang-as-qingyuan.yaml")
    frozen = against_no_expansion(base, target).childcare_places.isel(region=0)
    assert frozen.sel(year=[2022, 2023, 2024, 2060]).values.tolist() == [2.5, 3.38, 3.38, 3.38]


def test_a_response_of_ones_own(base):
    class Doubling:
        def log_effect(self, scenario, reference, context, draws, seed):
            effect = np.zeros((len(draws), len(context.years), 4))
            effect[:, context.years >= 2030, 2] = np.log(2)
            return effect

    scenario = empty("own", policies={"grant": CASH})
    result = ps.run(base, scenario, response=Doubling(), years=YEARS, draws=3)
    rates = result.total_fertility_rate_by_order.isel(region=0).sel(birth_order=3, year=2030)
    ratio = rates.sel(scenario="own") / rates.sel(scenario="baseline")
    np.testing.assert_allclose(ratio, 2.0, rtol=0.02)
    assert result.attrs["response"] == "Doubling"


@pytest.mark.parametrize("name", ps.baseline_names())
@pytest.mark.parametrize("held", ["incidence", "conditional"])
def test_every_baseline_runs_with_many_draws(name, held):
    data = ps.load_baseline(name, fertility=held)
    result = ps.run(data, empty("grant", gdp_per_head="100000 CNY", policies={"grant": CASH}))
    assert result.sizes["draw"] == 500
    assert np.isfinite(result.total_fertility_rate).all()
    if name == "china-2020":
        assert "doses in 000000 take the GDP per head of the scenario file" in result.notices


def two_regions(base):
    other = base.assign_coords(region=["110000"], region_name_zh=("region", ["北京市"]))
    both = xr.concat(
        [base, other], "region", data_vars="minimal", coords="minimal", compat="override"
    )
    return both.assign_attrs(base.attrs)


def test_a_region_without_the_scenario_bears_no_cost(base):
    scenario = empty("some", regions=["330000"], policies={"grant": CASH})
    result = ps.run(two_regions(base), scenario, years=YEARS, draws=20)
    effect = ps.compare(result)
    elsewhere = effect.cost().sel(region="110000", scenario="some")
    assert (elsewhere.cash_cost == 0).all()
    assert np.isnan(elsewhere.cost_per_additional_birth).all()
    assert (result.chance_of_no_effect.sel(region="110000") == 1).all()
    summary = effect.summary(2030, region="110000")
    assert len(summary.cost) == 0
    assert "cash" not in summary.text("en")


def test_the_cost_window_starts_with_the_first_promise(base):
    late = {**CASH, "births": {"from": "2030-01-01"}}
    result = ps.run(base, empty("late", policies={"grant": late}), years=YEARS, draws=50)
    cost = ps.compare(result).cost()
    assert cost.first_year.values.tolist() == [[2030, 2030]]
    assert np.isfinite(cost.cost_per_additional_birth).all()


def test_a_run_that_ends_before_the_first_promise_has_no_cost(base):
    late = {**CASH, "births": {"from": "2030-01-01"}}
    result = ps.run(base, empty("late", policies={"grant": late}), years=range(2021, 2026), draws=5)
    summary = ps.compare(result).summary(2025)
    assert len(summary.cost) == 0
    assert "nan" not in summary.text("en") + summary.text("zh")


def test_money_that_adds_no_births_is_said_plainly(base):
    late = {**CASH, "announced": "2024-12-01"}
    result = ps.run(base, empty("lag", policies={"grant": late}), years=range(2021, 2026), draws=5)
    text = ps.compare(result).summary(2025).text("en")
    assert "alone, add no births" in text
    assert "infinite" not in text


def test_the_text_names_the_reference_and_charges_no_saving(result):
    text = ps.compare(result, to="national-2025").summary(2030).text("en")
    first = text.splitlines()[0]
    assert "against “National child allowance, 2025”" in first
    assert "without it" not in text
    assert "cash" not in first


def test_births_discounted_like_money_make_the_lasting_birth_dearer(result):
    cost = ps.compare(result).cost().sel(scenario="zhejiang-as-qingyuan", region="330000")
    assert (cost.cost_per_additional_birth_discounted > cost.cost_per_additional_birth).all()


def with_orders(base, orders):
    """Return a baseline whose last order and parity stand for fewer or more of them."""
    parts = {}
    for name, array in base.data_vars.items():
        for dim, first in (("birth_order", 1), ("parity", 0)):
            if dim not in array.dims:
                continue
            labels = np.arange(first, first + orders)
            if name == "women_by_parity":
                kept = array.isel(parity=slice(None, orders)).copy()
                if orders < 4:
                    rest = array.isel(parity=slice(orders, None)).sum("parity")
                    kept[{"parity": orders - 1}] += rest
                    array = kept
                else:
                    empty_state = xr.zeros_like(array.isel(parity=[0]))
                    array = xr.concat([array, empty_state], "parity")
            else:
                array = array.isel({dim: np.minimum(np.arange(orders), 3)})
            array = array.assign_coords({dim: labels})
        parts[name] = array
    return xr.Dataset(parts, attrs=base.attrs)


@pytest.mark.parametrize("orders", [3, 5])
def test_other_numbers_of_orders_run(base, orders):
    data = with_orders(base, orders)
    result = ps.run(data, empty("grant", policies={"grant": CASH}), years=YEARS, draws=10)
    assert result.sizes["birth_order"] == orders
    assert float(ps.compare(result).difference.births.mean()) > 0
    # The last orders are paid what order 4 and later is.
    promised = result.promised_per_birth.sel(scenario="grant", year=2030, region="330000")
    assert float(promised.isel(birth_order=-1)) == float(promised.sel(birth_order=3))


def test_departures_that_were_cut_are_counted_and_told(base):
    leaving = base.copy()
    leaving["net_migration"] = base.net_migration.where(base.year < 2024, -3e4)
    result = ps.run(leaving, "baseline", years=YEARS, draws=5)
    assert (result.outflow_cut > 0).all()
    assert "draws net migration takes more people from a cell of 330000" in result.notices
    kept = ps.run(base, "baseline", years=YEARS, draws=5)
    assert (kept.outflow_cut == 0).all()
    assert kept.notices == ""


def test_data_that_lack_something_are_refused_all_at_once(base):
    poor = base.drop_vars(["survival_ratio", "fertility_innovation"])
    poor["sex_ratio_at_birth"] = poor.sex_ratio_at_birth * 0
    with pytest.raises(DataError) as error:
        ps.run(poor, "baseline", draws=1)
    assert "variable 'survival_ratio' is missing" in str(error.value)
    assert "variable 'fertility_innovation' is missing" in str(error.value)
    assert (
        "sex_ratio_at_birth, region 330000 (浙江省), birth_order 1: 0 men per woman is below"
        in str(error.value)
    )
    with pytest.raises(DataError, match="first_projected_year"):
        ps.run(base.assign_attrs(first_projected_year=None).drop_attrs(), "baseline", draws=1)
    with pytest.raises(DataError, match="no dimension region"):
        ps.run(base.isel(region=0), "baseline", draws=1)


def test_places_of_the_nation_stand_in_and_say_so(base, scenarios):
    file = scenarios / "zhejiang-as-qingyuan.yaml"
    poor = base.drop_vars("childcare_places")
    result = ps.run(poor, file, years=YEARS, draws=5, seed=1)
    assert "the data hold no childcare_places of 330000" in result.notices
    same = ps.run(base, file, years=YEARS, draws=5, seed=1)
    np.testing.assert_array_equal(result.births, same.births)


def test_nobody_needs_to_move(base):
    closed = base.drop_vars("net_migration")
    result = ps.run(closed, "baseline", years=YEARS, draws=3)
    assert (result.net_migration_total == 0).all()


def test_errors_have_public_names(base):
    with pytest.raises(ps.PopsimError):
        ps.run(base, "baseline", draws=0)
    assert issubclass(ps.ScenarioError, ps.PopsimError)
