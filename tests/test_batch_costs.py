"""Costs of additional births of a batch: computed, kept, read, ranked and written."""

from dataclasses import replace

import numpy as np
import openpyxl
import pandas as pd
import pytest
import xarray as xr
from batch_example import BATCH, write_batch
from click.testing import CliRunner

import popsim as ps
from popsim.batch.cost_tables import COST_FIGURES
from popsim.batch.costs import COST_QUANTILES, COSTS
from popsim.batch.task import compute
from popsim.batch.work import do
from popsim.cli import main
from popsim.policy.cost import cost_per_additional_birth

QUANTILES = [0.1, 0.5, 0.9]
COUNTS = """\
schema: popsim.scenario/1
id: places
label: {en: Places, zh: 托位}
regions: all
policies:
  places: {kind: childcare_capacity, announced: 2022-01-01, target: {2025: 8 places/1000 residents},
    construction_subsidy: 20000 CNY/place}
"""


@pytest.fixture(scope="module")
def store(whole):
    return ps.open_store(whole.store).load()


@pytest.fixture(scope="module")
def fruitless(tmp_path_factory, whole):
    """A store whose one scenario pays and brings no births in the first region."""
    folder = tmp_path_factory.mktemp("fruitless")
    planned = ps.plan(write_batch(folder), out=folder / "store")

    def without_effect(data, scenarios, **options):
        found = compute(data, scenarios, **options)
        if str(data["region"].values[0]) == "339001":
            paid = found["package_cost"] > 0
            for name, value in (
                ("additional_births", 0.0),
                ("cost_per_additional_birth", np.inf),
                ("chance_of_no_gain", 1.0),
            ):
                found[name][paid] = value
            found[COST_QUANTILES][np.broadcast_to(paid[:, None], (3, 3, 2))] = np.inf
        return found

    planned.job = replace(planned.job, function=without_effect)
    planned.run(workers=1, threads=True, progress=False)
    return ps.open_store(planned.store)


def test_costs_are_those_of_run_and_compare(whole, store):
    """Checked against the labelled run of one region, with the quantiles of the store."""
    inputs = whole.job.inputs
    result = ps.run(
        inputs.region("339002"),
        list(inputs.scenarios[1:]),
        uncertainty="progression",
        years=inputs.years,
        draws=12,
        seed=3,
    )
    costs = ps.compare(result).cost("all").isel(region=0)
    ours = store.sel(region="339002", scenario=["grant", "local"])
    for name, dims in COSTS.items():
        assert store[name].dims == ("region", "scenario", *dims)
        theirs = costs[name].transpose(*ours[name].dims).astype(float)
        np.testing.assert_allclose(ours[name], theirs, rtol=1e-6, err_msg=name)
    assert (ours["first_year"] == 2022).all()
    assert ours["last_year"].sel(scenario="grant").values.tolist() == [2026, 2028]
    assert store["package_cost"].attrs["units"] == "CNY"
    assert store["cost_per_additional_birth"].attrs["long_name_zh"] == "每新增一名出生的成本"
    assert store["window"].values.tolist() == ["period", "lasting"]
    assert store["window"].attrs["long_name_zh"] == "统计窗口"


def options(whole, **changed):
    inputs = whole.job.inputs
    return {
        "response": inputs.response,
        "uncertainty": inputs.uncertainty,
        "years": inputs.years,
        "draws": inputs.draws,
        "seed": inputs.seed,
        "indicators": ["births"],
        "probabilities": QUANTILES,
        "keep_costs": True,
        **changed,
    }


def test_both_paths_give_the_same_costs_whatever_scenarios_are_beside(whole, tmp_path):
    (tmp_path / "places.yaml").write_text(COUNTS, encoding="utf-8")
    data = whole.job.inputs.region("339002")
    scenarios = [*whole.job.inputs.scenarios, ps.read_scenario(tmp_path / "places.yaml")]
    lean = compute(data, scenarios, **options(whole))
    # Which has no short way, because its parts need a labelled run.
    names = ["births", "first_child_share"]
    labelled = compute(data, scenarios, **options(whole, indicators=names))
    for name in COSTS:
        np.testing.assert_allclose(labelled[name], lean[name], rtol=1e-11, err_msg=name)
    assert (lean["package_cost"][1:] > 0).all()
    for one, part in ((lean, options(whole)), (labelled, options(whole, indicators=names))):
        for place, scenario in enumerate(scenarios):
            alone = compute(data, [scenario], **part)
            for name, array in alone.items():
                np.testing.assert_array_equal(array[0], one[name][place], err_msg=name)


def test_the_labelled_path_is_that_of_the_function_of_cost(whole):
    """One cell by hand from the labelled run: the ratio of means, and who would pay anyway."""
    inputs = whole.job.inputs
    data, grant = inputs.region("339001"), inputs.scenarios[1]
    result = ps.run(
        data, grant, uncertainty="progression", years=inputs.years, draws=12, seed=3
    ).isel(region=0)
    births = result["births_by_order"]
    cost = cost_per_additional_birth(
        births.sel(scenario="grant"),
        births.sel(scenario="baseline"),
        result["promised_per_birth"].sel(scenario="grant"),
        start=2022,
        probabilities=tuple(QUANTILES),
    )
    (found,) = compute(data, [grant], **options(whole, indicators=["first_child_share"]))[
        "cost_per_additional_birth"
    ]
    np.testing.assert_allclose(found, cost["cost_per_additional_birth"], rtol=1e-11)


def test_what_pays_nothing_has_no_cost_and_never_one_of_zero(store):
    """The reference, and a scenario that does not apply in a region."""
    for cells in (
        store.sel(scenario="baseline", drop=True),
        store.sel(scenario="local", region=["339001", "339003", "339004"], drop=True),
    ):
        assert (cells["package_cost"] == 0).all()
        for name in COSTS:
            if name != "package_cost":
                assert np.isnan(cells[name]).all(), name
    table = ps.effect_table(store, 2027, region="339001", scenario="local")
    costs = table[table["indicator"].isin(COST_FIGURES)]
    assert set(costs["note"]) == {"no cost"}
    assert costs.set_index("indicator").loc["cost_per_additional_birth", "difference"].isna().all()
    assert "no cost" in store.attrs["notices"]


def test_the_table_of_an_effect_has_the_costs(store):
    table = ps.effect_table(store, 2027, region="339001", scenario="grant")
    assert table.columns[:8].tolist() == [
        *("indicator", "label", "label_zh", "birth_order", "window", "first_year", "last_year"),
        "unit",
    ]
    costs = table.set_index(["indicator", "window"])
    each = costs.loc[("cost_per_additional_birth", "lasting")]
    cell = store.sel(region="339001", scenario="grant", window="lasting")
    assert each["difference"] == pytest.approx(float(cell["cost_per_additional_birth"]))
    median = cell[COST_QUANTILES].sel(quantile=0.5)
    assert each["difference_q50"] == pytest.approx(float(median))
    assert (each["unit"], each["first_year"], each["last_year"]) == ("CNY/birth", 2022, 2028)
    assert costs.loc[("deadweight_share", "period"), "unit"] == "%"
    assert (table["note"] == "").all()
    assert len(table) == 8 + 2 * len(COST_FIGURES)


def test_regions_and_scenarios_are_ranked_by_cost(store, fruitless):
    regions = ps.ranking(
        store, "cost_per_additional_birth", of="region", at="grant", window="period"
    )
    assert regions["rank"].tolist() == [1, 2, 3, 4]
    assert regions["value"].is_monotonic_increasing
    assert regions.attrs["unit"] == "CNY/birth"
    assert regions.columns[:4].tolist() == ["rank", "region", "region_name", "region_name_zh"]
    assert {"q10", "q50", "q90", "first_year", "difference_from"} <= set(regions.columns)
    births = ps.ranking(store, "additional_births", of="region", at="grant", window="lasting")
    assert births["value"].is_monotonic_decreasing
    scenarios = ps.ranking(store, "package_cost", of="scenario", at="339001", window="period")
    assert scenarios["scenario"].tolist() == ["grant", "local"]
    assert scenarios["rank"].tolist()[0] == 1
    assert scenarios["rank"].isna().tolist() == [False, True]
    assert scenarios["note"].tolist() == ["", "no cost"]
    assert scenarios["note_zh"].tolist() == ["", "无支出"]
    assert scenarios["scenario_label_zh"].tolist() == ["补助", "补助"]
    worst = ps.ranking(
        fruitless, "cost_per_additional_birth", of="region", at="grant", window="period"
    ).iloc[-1]
    assert (worst["region"], worst["value"], worst["rank"]) == ("339001", np.inf, 4)
    assert worst["note"] == "no additional births"
    endless = store.assign(cost_per_additional_birth=store["cost_per_additional_birth"].copy())
    endless["cost_per_additional_birth"] = endless["cost_per_additional_birth"].where(
        endless["region"] == "339003", np.inf
    )
    same = ps.ranking(
        endless, "cost_per_additional_birth", of="region", at="grant", window="period"
    )
    assert same["region"].tolist()[0] == "339003"
    assert same["rank"].tolist() == [1, 2, 2, 2]


def test_without_policy_there_is_no_rank_and_what_is_missing_is_left_out(store):
    asked = {"of": "region", "window": "period"}
    nothing = ps.ranking(store, "cost_per_additional_birth", at="baseline", **asked)
    assert nothing["rank"].isna().all()
    assert nothing["value"].isna().all()
    assert set(nothing["note"]) == {"no cost"}
    table = ps.effect_table(store, 2027, region="339001", scenario="baseline")
    assert set(table[table["indicator"] == "cost_per_additional_birth"]["note"]) == {"no cost"}
    stopped = store.where(store["region"] != "339003")
    ranks = ps.ranking(stopped, "cost_per_additional_birth", at="grant", **asked)
    assert sorted(ranks["region"]) == ["339001", "339002", "339004"]
    assert ranks["rank"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"year": 2027, "window": "period"}, "not in 2027; write: no year, and window='period'"),
        ({}, "package_cost is counted over a window of births; write: window='period'"),
        ({"window": "lastng"}, "package_cost has no 'lastng'; write: window='lasting'"),
        ({"indicator": "births"}, "births is by year; write: year=2021, and no window"),
        ({"indicator": "births", "year": 2027, "window": "period"}, "births is by year; write"),
    ],
)
def test_a_ranking_asked_for_wrongly_says_what_to_write(store, given, message):
    asked = {"indicator": "package_cost", "of": "region", "at": "grant", **given}
    with pytest.raises(ps.DataError) as caught:
        ps.ranking(store, **asked)
    assert message in str(caught.value)


def test_infinite_cost_and_no_cost_survive_every_export(fruitless, tmp_path):
    chosen = {"indicators": ["births", "cost_per_additional_birth"], "years": range(2027, 2029)}
    assert np.isinf(
        fruitless["cost_per_additional_birth"].sel(region="339001", scenario="grant")
    ).all()
    file = ps.export_store(fruitless, tmp_path / "out.csv", **chosen)
    table = pd.read_csv(file, dtype={"region": str}, keep_default_na=False, na_values=[""])
    book = ps.export_store(fruitless, tmp_path / "out.xlsx", **chosen)
    sheet = pd.read_excel(book, sheet_name="cost_per_additional_birth", dtype={"region": str})
    for costs in (table[table["indicator"] == "cost_per_additional_birth"], sheet):
        assert len(costs) == 4 * 3 * 2
        costs = costs.set_index(["region", "scenario", "window"])
        endless = costs.loc[("339001", "grant", "period")]
        assert endless["difference_mean"] == endless["difference_q50"] == np.inf
        assert (endless["note"], endless["note_zh"]) == ("no additional births", "无新增出生")
        finite = costs.loc[("339002", "grant", "period")]
        cell = fruitless.sel(region="339002", scenario="grant", window="period")
        assert finite["difference_mean"] == pytest.approx(float(cell.cost_per_additional_birth))
        assert (finite["first_year"], finite["unit"]) == (2022, "CNY/birth")
        for nothing in (("339001", "local", "period"), ("339002", "baseline", "lasting")):
            assert costs.loc[nothing, "note"] == "no cost"
            assert np.isnan(costs.loc[nothing, "difference_mean"])
    assert openpyxl.load_workbook(book).sheetnames == [
        "births",
        "cost_per_additional_birth",
        "notices",
    ]
    file = ps.export_store(fruitless, tmp_path / "out.nc", indicators=["package_cost"])
    with xr.open_dataset(file, engine="h5netcdf") as back:
        for name in COSTS:
            xr.testing.assert_equal(back[name].load(), fruitless[name].load())


def test_a_store_may_keep_no_costs(whole, tmp_path):
    planned = ps.plan(write_batch(tmp_path, BATCH + "  costs: false\n"), out=tmp_path / "store")
    assert not set(COSTS) & set(planned.job.template.arrays)
    assert "no cost" not in planned.job.template.attributes["notices"]
    outcome = do(planned.job, planned.tasks[0], planned.job.inputs.region("339001"))
    assert not outcome.error
    full = do(whole.job, whole.tasks[0], whole.job.inputs.region("339001"))
    assert set(outcome.files) < set(full.files)
    assert all(full.files[name] == content for name, content in outcome.files.items())
    bare = ps.open_store(whole.store).drop_vars(list(COSTS))
    with pytest.raises(ps.DataError, match=r"does not keep package_cost; write: keep: \{costs: t"):
        ps.ranking(bare, "package_cost", of="region", at="grant", window="period")
    assert "window" not in ps.effect_table(bare, 2027, region="339001", scenario="grant")


def test_the_commands_know_of_costs(whole, monkeypatch, tmp_path):
    monkeypatch.chdir(whole.store.parent)
    done = CliRunner().invoke(main, ["describe", str(whole.store)])
    assert "cost_per_additional_birth (region, scenario, window) [CNY/birth]" in done.output
    done = CliRunner().invoke(main, ["describe", "small.batch.yaml"])
    assert "as 3 quantiles and means, with differences; costs of additional births" in done.output
    out = tmp_path / "c.csv"
    done = CliRunner().invoke(
        main, ["export", str(whole.store), str(out), "--indicator", "additional_births"]
    )
    assert done.exit_code == 0, done.output
    assert len(pd.read_csv(out)) == 4 * 3 * 2
