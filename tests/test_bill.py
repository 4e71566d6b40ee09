"""Who pays what in which year, and the places that regions have to build."""

import numpy as np
import pytest
import xarray as xr

import popsim as ps
from popsim.dataset import validate
from popsim.errors import DataError
from popsim.policy.model import Scenario


@pytest.fixture(scope="module")
def run():
    grant = {
        "kind": "cash_transfer",
        "announced": "2023-01-01",
        "amount": {"2+": "1000 CNY"},
        "births": {"from": "2023-01-01"},
        "payers": {"county": "70 %", "province": "30 %"},
    }
    places = {
        "kind": "childcare_capacity",
        "announced": "2023-01-01",
        "target": {"2025": "6 places/1000 residents"},
        "construction_subsidy": "2000 CNY/place",
    }
    scenario = Scenario.model_validate(
        {
            "schema": "popsim.scenario/1",
            "id": "case",
            "regions": "all",
            "gdp_per_head": "125043 CNY",
            "label": {"en": "Case", "zh": "例"},
            "policies": {"grant": grant, "places": places},
        }
    )
    return ps.run("zhejiang-2020", scenario, years=range(2021, 2031), draws=20)


def test_payers_instruments_and_years_add_up_to_what_is_paid(run):
    bill = ps.bill(run)
    validate(bill.data)
    paid = float(run.payments.mean("draw").sum())
    for rows in (("payer",), ("policy", "year"), ("region", "scenario", "year"), ()):
        assert bill.table(*rows)["paid"].sum() == pytest.approx(paid)
    by_payer = bill.table("policy", "payer").set_index(["policy", "payer"])["paid"]
    assert by_payer["grant", "county"] / by_payer["grant"].sum() == pytest.approx(0.7)
    assert by_payer["places"].index.tolist() == ["unstated"]
    births = run.births_by_order.sel(scenario="case", year=2026).mean("draw")
    of_2026 = bill.table("year", "policy").set_index(["policy", "year"])["paid"]["grant", 2026]
    assert of_2026 == pytest.approx(1000 * float(births.sel(birth_order=slice(2, None)).sum()))


def test_deadweight_is_apart_and_nearly_all(run):
    table = ps.bill(run).table("policy").set_index("policy")
    assert (table.paid_anyway <= table.paid).all()
    assert table.paid_anyway["grant"] / table.paid["grant"] > 0.97
    # Without the policy the nation's places grow to 4.08 per 1,000 by 2024, to 6 with it.
    assert table.paid_anyway["places"] / table.paid["places"] < 0.5


def test_discounting_is_four_per_cent_a_year(run):
    bill = ps.bill(run, discounted_to=2025)
    table = bill.table().set_index("year")
    ratio = table.paid_discounted / table.paid
    np.testing.assert_allclose(ratio[2028] / ratio[2027], 1 / 1.04)
    assert ratio[2025] == pytest.approx(np.mean(1.04 ** (-np.arange(12) / 12)))
    assert bill.data.attrs["discounted_to"] == 2025


def test_the_budget_is_a_number_a_path_or_an_array(run):
    year = ps.bill(run, budget=1e9).table("region", "scenario", "year").set_index("year")
    np.testing.assert_allclose(year.budget_share, year.paid / 1e9)
    assert ((year.lower_80 <= year.paid) & (year.paid <= year.upper_80)).mean() > 0.8
    path = {y: 1e9 * (y - 2000) for y in range(2021, 2031)}
    own_path = xr.DataArray(list(path.values()), {"year": list(path)}, ("year",))
    for budget in (path, own_path):
        grown = ps.bill(run, budget=budget).table("region", "scenario", "year").set_index("year")
        assert grown.budget_share[2026] == pytest.approx(year.budget_share[2026] / 26)
    county = ps.bill(run, budget=1e9, budget_of="county").table("region", "scenario", "year")
    own = ps.bill(run).table("year", "payer").set_index(["payer", "year"])["paid"]["county"]
    np.testing.assert_allclose(county.set_index("year").budget_share[2026], own[2026] / 1e9)
    with pytest.raises(DataError, match="there is no payer 'town'; write: centre, province"):
        ps.bill(run, budget=1e9, budget_of="town")
    with pytest.raises(DataError, match="no positive sum of CNY"):
        ps.bill(run, budget="25 亿元")
    with pytest.raises(DataError, match=r"lacks 9 of 10 years, the first is 2022; write: budget="):
        ps.bill(run, budget={2021: 1e9})
    with pytest.raises(DataError, match="no positive sum of CNY"):
        ps.bill(run, budget=0)
    with pytest.raises(DataError, match="the budget has the dimension 'place'"):
        ps.bill(run, budget=xr.DataArray([1.0], dims="place"))
    with pytest.raises(DataError, match="the budget lacks year 2030"):
        ps.bill(run, budget=own_path.isel(year=slice(None, -1)))


def test_a_bill_speaks_chinese_and_refuses_what_it_has_not(run):
    table = ps.bill(run).table("payer", locale="zh")
    assert table.columns.tolist() == [
        "出资方",
        "支出（元）",
        "支出现值（元）",
        "其中：无政策也会发生的支出（元）",
    ]
    assert set(table["出资方"]) == {"县级财政", "省级财政", "未说明"}
    with pytest.raises(DataError, match="the bill has no 'town'; write: region, scenario, year"):
        ps.bill(run).table("town")
    with pytest.raises(DataError, match="no scenario 'other'"):
        ps.bill(run).table(scenario="other")
    with pytest.raises(DataError, match="no scenario of the run has a policy"):
        ps.bill(ps.run("zhejiang-2020", "baseline", years=range(2021, 2023), draws=1))


def test_the_task_list_counts_every_place_once(run):
    tasks = ps.place_tasks(run, "case", years=(2023, 2025))
    row = tasks.iloc[0]
    assert row["places_per_1000"] == pytest.approx(6.0, rel=1e-5)
    assert row[["2023", "2024", "2025"]].sum() == pytest.approx(row["places_to_build"])
    assert row["places_at_start"] + row["places_to_build"] == pytest.approx(
        row["places_at_end"], rel=1e-3
    )
    assert row["construction_grants"] == pytest.approx(2000 * row["places_to_build"])
    zh = ps.place_tasks(run, "case", years=(2023, 2025), locale="zh")
    assert zh["地区"].tolist() == ["浙江省"]
    assert "2024年新增托位（个）" in zh.columns
    with pytest.raises(DataError, match=r"write: years=\(2021, 2025\)"):
        ps.place_tasks(run, "case", years=(2019, 2025))


def test_a_task_list_of_several_regions_ends_with_the_total():
    two = xr.concat(
        [
            ps.load_baseline("zhejiang-2020").assign_coords(region=[code])
            for code in ("330100", "330200")
        ],
        "region",
        data_vars="minimal",
        coords="minimal",
        compat="override",
        combine_attrs="override",
    )
    result = ps.run(two, "baseline", years=range(2021, 2026), draws=2)
    tasks = ps.place_tasks(result, "baseline", years=(2022, 2024), locale="zh")
    assert tasks["地区"].iloc[-1] == "合计"
    parts, total = tasks.iloc[:-1], tasks.iloc[-1]
    assert total["新增托位合计（个）"] == pytest.approx(parts["新增托位合计（个）"].sum())
    assert total["期末每千人口托位数（个）"] == pytest.approx(4.08)
