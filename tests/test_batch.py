"""Batches: a task, the store, its results; however it is run, the bits are the same."""

import io
import sys
from dataclasses import replace
from pathlib import Path

import batch_functions
import numpy as np
import openpyxl
import pandas as pd
import pytest
import xarray as xr
from batch_example import BATCH, bits, write_batch
from click.testing import CliRunner

import popsim as ps
from popsim.batch import plan as planning
from popsim.batch.counties import read_shares, split_region, trial_shares
from popsim.batch.estimate import measured
from popsim.batch.progress import Progress
from popsim.batch.results import check_store
from popsim.batch.task import compute
from popsim.batch.workers import by_threads, rehearse
from popsim.cli import main
from popsim.policy.files import baseline


@pytest.fixture
def store(whole):
    return ps.open_store(whole.store)


def test_a_task_reports_what_run_and_compare_report(whole, store):
    """Checked against the whole run of all regions, reduced with xarray."""
    inputs = whole.job.inputs
    result = ps.run(
        inputs.data,
        list(inputs.scenarios[1:2]),
        uncertainty="progression",
        years=inputs.years,
        draws=12,
        seed=3,
    )
    effect = ps.compare(result)
    for name in ("births", "third_child_share", "population_total", "births_by_order"):
        ours = store.sel(scenario=["baseline", "grant"])
        level = result[name].quantile([0.1, 0.5, 0.9], "draw").transpose(*ours[name].dims)
        np.testing.assert_allclose(ours[name], level, rtol=1e-6)
        mean = result[name].mean("draw").transpose(*ours[f"{name}_mean"].dims)
        np.testing.assert_allclose(ours[f"{name}_mean"], mean, rtol=1e-6)
        change = effect.quantiles()[name].sel(scenario="grant")
        change = change.transpose("region", "quantile", ...)
        kept = store[f"{name}_difference"].sel(scenario="grant")
        np.testing.assert_allclose(kept, change, rtol=1e-6, atol=1e-12)
    paid = result["payments"].sum("policy").mean("draw").sel(scenario="grant")
    np.testing.assert_allclose(store.payments_mean.sel(scenario="grant"), paid, rtol=1e-6)


def test_quantiles_are_exact():
    """Small enough to be sorted by hand: 5 draws, so the quartiles are the 2nd and 4th."""
    data = ps.load_baseline("zhejiang-2020")
    options = {
        "response": ps.Response(),
        "uncertainty": "default",
        "years": range(2021, 2031),
        "draws": range(5),
        "seed": 1,
        "indicators": ["births"],
        "probabilities": [0.0, 0.25, 0.5, 0.75, 1.0],
    }
    found = compute(data, [baseline()], keep_draws=["births"], **options)
    assert (found["births"][0] == np.sort(found["births_draws"][0], axis=-1).T).all()
    assert not found["births_difference"].any()


def test_a_region_alone_is_that_of_the_batch_to_the_bit(whole, store, tmp_path):
    text = BATCH.replace("scenarios: [grant, local]", "regions: ['339003']\nscenarios: [grant]")
    alone = ps.plan(write_batch(tmp_path, text), out=tmp_path / "alone")
    alone.run(workers=1, threads=True, progress=False)
    one = ps.open_store(alone.store).load()
    assert one.region.values.tolist() == ["339003"]
    same = store.sel(region=["339003"], scenario=["baseline", "grant"])
    for name, array in one.data_vars.items():
        assert array.equals(same[name]), name


def test_a_scenario_elsewhere_is_the_reference_to_the_bit(store):
    elsewhere = store.sel(scenario="local", region=["339001", "339003", "339004"])
    assert not elsewhere.births_difference.any()
    assert not elsewhere.payments_mean.any()
    assert (elsewhere.births == store.births.sel(scenario="baseline")).all()
    assert (store.births_difference_mean.sel(scenario="local", region="339002")[-3:] > 0).all()


def test_tasks_divided_by_scenarios_and_parts_give_the_same_numbers(whole, tmp_path, monkeypatch):
    of_task = whole.job.template.bytes_uncompressed / 4
    monkeypatch.setattr(planning, "MOST_BYTES_A_TASK", of_task / 2.5)
    divided = ps.plan(whole.store.parent / "small.batch.yaml", out=tmp_path / "divided")
    assert [task.id for task in divided.tasks[:3]] == ["339001-1", "339001-2", "339001-3"]
    first = divided.run(workers=1, threads=True, part=(1, 2), progress=False)
    assert (first.done, first.missing) == (6, 6)
    with pytest.raises(ps.DataError, match=r"6 of 12 tasks of .* are missing \(339001-2, "):
        ps.open_store(divided.store)
    assert np.isnan(ps.open_store(divided.store, partial=True).births.sel(region="339001")).any()
    second = divided.run(workers=1, threads=True, part=(2, 2), progress=False)
    assert (second.done, second.missing) == (6, 0)
    xr.testing.assert_equal(ps.open_store(divided.store), ps.open_store(whole.store))


def test_draws_and_population_are_kept_when_asked_for(whole, tmp_path):
    text = BATCH + "  draws: [births]\n  population: true\n  means: false\n  precision: double\n"
    full = ps.plan(write_batch(tmp_path, text), out=tmp_path / "full")
    full.run(workers=1, threads=True, progress=False)
    store = ps.open_store(full.store)
    assert store.births_draws.dims == ("region", "scenario", "year", "draw")
    median = store.births_draws.quantile(0.5, "draw")
    np.testing.assert_allclose(store.births.sel(quantile=0.5), median, rtol=1e-15)
    assert store.births.dtype == np.float64
    assert "births_mean" not in store
    assert store.population.sizes["age"] == 101
    base = full.job.inputs.data.population.transpose("region", "sex", "age")
    kept = store.population.sel(scenario="grant", time=2021, drop=True)
    np.testing.assert_allclose(kept, base, rtol=1e-9)


def test_single_precision_is_within_its_word(whole, store):
    """The page says 6e-8 of the value."""
    job = whole.job
    task = whole.tasks[0]
    (found,) = by_threads(job, [task], 1)
    exact = replace(job, template=replace(job.template, dtype="float64"))
    (double,) = by_threads(exact, [task], 1)
    assert set(found.files) == set(double.files)
    inputs = job.inputs
    values = compute(
        inputs.region(task.region),
        inputs.scenarios,
        response=inputs.response,
        uncertainty=inputs.uncertainty,
        years=inputs.years,
        draws=inputs.draws,
        seed=inputs.seed,
        indicators=inputs.indicators,
        probabilities=job.keep.quantiles,
    )
    error = abs(store.births.sel(region=task.region).values / values["births"] - 1)
    assert 0 < error.max() < 6e-8


def test_the_store_is_lazy_labelled_and_whole(whole, store):
    assert store.births.chunks is not None
    assert store.region_name_zh.values.tolist() == ["示例县1", "示例县2", "示例县3", "示例县4"]
    assert store.scenario_label_zh.values[0] == "无新增政策"
    assert store.third_child_share.attrs["units"] == "1"
    assert store.births_difference.attrs["source"] == "paired difference"
    assert "抽样均值" in store.births_mean.attrs["long_name_zh"]
    notices = store.attrs["notices"].splitlines()
    assert "the quantile of a sum is not the sum" in notices[0]
    assert any("ILLUSTRATIVE" in line for line in notices)
    assert next(iter(store.data_vars)) == "births"
    assert check_store(whole.store) == []


def test_the_table_of_an_effect(store):
    table = ps.effect_table(store, 2027, region="339001", scenario="grant")
    births = table.set_index("indicator").loc["births"]
    assert births["with_policy"] - births["reference"] == pytest.approx(births["difference"], 1e-2)
    assert births["difference_q10"] <= births["difference_q50"] <= births["difference_q90"]
    assert table[table.indicator == "births_by_order"].birth_order.tolist() == [1, 2, 3, 4]
    share = table.set_index("indicator").loc["third_child_share"]
    assert (share["unit"], share["difference_unit"]) == ("%", "points")
    with pytest.raises(ps.DataError, match="no scenario 'grand' in the store; write: grant"):
        ps.effect_table(store, 2027, region="339001", scenario="grand")
    with pytest.raises(ps.DataError, match=r"year 2040 is not in the store \(2021 to 2028\)"):
        ps.effect_table(store, 2040, region="339001", scenario="grant")


def test_rankings_of_regions_and_scenarios(store):
    regions = ps.ranking(store, "births", 2027, of="region", at="grant")
    assert regions["rank"].tolist() == [1, 2, 3, 4]
    assert regions["mean"].is_monotonic_decreasing
    assert set(regions.region_name_zh) == {"示例县1", "示例县2", "示例县3", "示例县4"}
    scenarios = ps.ranking(store, "births", 2027, of="scenario", at="339001")
    assert scenarios.scenario.tolist() == ["grant", "local"]
    level = ps.ranking(
        store, "third_child_share", 2027, of="scenario", at="339001", difference=False
    )
    assert (len(level), level.attrs["unit"]) == (3, "%")
    with pytest.raises(ps.DataError, match="births_by_order is by birth order; write: birth_order"):
        ps.ranking(store, "births_by_order", 2027, of="region", at="grant")
    with pytest.raises(ps.DataError, match="holds no birth_difference; write: births_difference"):
        ps.ranking(store, "birth", 2027, of="region", at="grant")


def test_exports_hold_the_numbers_of_the_store(store, tmp_path):
    chosen = {"indicators": ["births", "births_by_order"], "years": range(2026, 2029)}
    table = pd.read_csv(
        ps.export_store(store, tmp_path / "out.csv", **chosen), dtype={"region": str}
    )
    assert len(table) == 4 * 3 * 3 * (1 + 4)
    row = table.query("region == '339002' and scenario == 'grant' and year == 2027").iloc[0]
    cell = store.sel(region="339002", scenario="grant", year=2027)
    assert row["q90"] == pytest.approx(float(cell.births.sel(quantile=0.9)), rel=1e-6)
    assert row["difference_mean"] == pytest.approx(float(cell.births_difference_mean), rel=1e-6)
    book = openpyxl.load_workbook(ps.export_store(store, tmp_path / "out.xlsx", **chosen))
    assert book.sheetnames == ["births", "births_by_order", "notices"]
    assert book["births"].max_row == 1 + 4 * 3 * 3
    book.close()
    file = ps.export_store(store, tmp_path / "out.nc", regions=["339002"])
    with xr.open_dataset(file, engine="h5netcdf") as back:
        assert (back.births == store.births.sel(region=["339002"])).all()
    with pytest.raises(ps.DataError, match=r"write: .*out.csv"):
        ps.export_store(store, tmp_path / "out.txt")
    with pytest.raises(ps.DataError, match="no region '339009' in the store; write: 33900"):
        ps.export_store(store, tmp_path / "out.csv", regions=["339009"])


def test_parquet_holds_the_table_of_csv_with_types(store, tmp_path):
    chosen = {"indicators": ["births", "births_by_order", "cost_per_additional_birth"]}
    table = pd.read_csv(
        ps.export_store(store, tmp_path / "out.csv", **chosen),
        dtype={"region": str},
        keep_default_na=False,
        na_values=[""],
    )
    same = pd.read_parquet(ps.export_store(store, tmp_path / "out.parquet", **chosen))
    assert list(same.columns) == list(table.columns)
    assert pd.api.types.is_integer_dtype(same["year"].dropna().convert_dtypes())
    for name in table:
        if pd.api.types.is_float_dtype(table[name]):
            np.testing.assert_allclose(same[name].astype(float), table[name], rtol=1e-6)
        else:
            assert (same[name].fillna("").astype(str) == table[name].fillna("").astype(str)).all()
    assert np.isinf(same["difference_mean"]).any() == np.isinf(table["difference_mean"]).any()


def test_parquet_without_its_library_says_what_to_install(store, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        ps.PopsimError, match=r'Parquet needs pyarrow; write: .*"popsim\[parquet\]"'
    ):
        ps.export_store(store, tmp_path / "out.parquet")
    assert not list(tmp_path.glob("out*"))


def test_columns_of_a_table_of_all_indicators_keep_their_order(store, tmp_path):
    table = pd.read_csv(ps.export_store(store, tmp_path / "out.csv"))
    own = ["mean", "q10", "q50", "q90"]
    changes = [f"difference_{name}" for name in (*own, "unit")]
    assert table.columns[-11:].tolist() == [*own, *changes, "note", "note_zh"]


def test_stocks_in_a_table_stand_at_the_end_of_the_year(store, tmp_path):
    file = ps.export_store(store, tmp_path / "p.csv", indicators=["population_total"])
    table = pd.read_csv(file, dtype={"region": str})
    # The stock of 1 January 2021, where the projection starts, is that of the end of 2020.
    first = ps.export_store(store, tmp_path / "first.nc", years=range(2020, 2021))
    with xr.open_dataset(first, engine="h5netcdf") as back:
        assert back["time"].values.tolist() == [2021]
        assert "births" not in back
    assert (table.year.min(), table.year.max()) == (2020, 2028)
    row = table.query("region == '339001' and scenario == 'grant' and year == 2025").iloc[0]
    cell = store.population_total_mean.sel(region="339001", scenario="grant", time=2026)
    assert row["mean"] == pytest.approx(float(cell), rel=1e-6)


def test_made_up_counties_add_up_to_the_province():
    province = ps.load_baseline("zhejiang-2020")
    counties = split_region(province, trial_shares("330000", 7, 0.1))
    for name in ("population", "women_by_parity", "net_migration"):
        total = counties[name].sum("region")
        np.testing.assert_allclose(total, province[name].isel(region=0), rtol=1e-12, atol=1e-9)
        assert counties[name].attrs["source"].startswith("ILLUSTRATIVE: counties made from 330000")
    share = counties.population.sum(("sex", "age")) / float(province.population.sum())
    level = counties.conditional_fertility_rate.max(("birth_order", "age"))
    assert float((share * level).sum() / level.mean()) != 1.0
    whole_level = province.conditional_fertility_rate.max()
    assert float((share * level).sum()) == pytest.approx(float(whole_level))
    result = ps.run(counties, "baseline", draws=1, years=range(2021, 2023), uncertainty="none")
    plain = ps.run(province, "baseline", draws=1, years=range(2021, 2023), uncertainty="none")
    births = float(result.births.sel(year=2021).sum())
    assert births == pytest.approx(float(plain.births.sel(year=2021).sum()), rel=1e-3)


def test_a_table_of_shares_is_checked(tmp_path):
    file = tmp_path / "shares.csv"
    file.write_text("region,share,share2\n331126,0.5,1\n", encoding="utf-8")
    with pytest.raises(ps.DataError, match=r"unknown column share2; write: region, share"):
        read_shares(file)
    file.write_text("region,share\n331126,0.5\n331126,-1\n", encoding="utf-8")
    with pytest.raises(ps.DataError, match=r"2 problems\nshares.csv:3: share is not above 0\n"):
        read_shares(file)
    file.write_text("region,share\n331126,0.5\n331102,0.6\n", encoding="utf-8")
    with pytest.raises(ps.DataError, match=r"the shares sum to 1\.100000; write: 1"):
        read_shares(file)
    file.write_text("region,share,region_name_zh\n331126,0.4,庆元县\n331102,0.6,莲都区\n", "utf-8")
    table = read_shares(file)
    assert table.region_name_zh.tolist() == ["庆元县", "莲都区"]
    assert table.fertility.tolist() == [1.0, 1.0]


def test_the_plan_says_what_it_will_cost(whole, monkeypatch):
    estimate = whole.estimate(workers=2)
    assert (estimate.tasks, estimate.trajectory_years) == (4, 4 * 3 * 12 * 8)
    assert 0 < estimate.seconds_a_task < 60
    # Two processes that load numba take longer than anything here.
    assert 0.5 < estimate.seconds_to_start < estimate.seconds
    assert "starting and ending  about" in str(estimate)
    size = sum(len(content) for content in bits(whole.store).values())
    assert 0.2 * size < estimate.disk_bytes < 5 * size
    monkeypatch.chdir(whole.store.parent)
    monkeypatch.setattr(planning.Plan, "estimate", lambda *_: estimate)
    done = CliRunner().invoke(main, ["plan", "small.batch.yaml", "--workers", "2"])
    assert done.exit_code == 0, done.output
    for words in ("4 regions, 3 scenarios, 12 draws, 2021-2028", "trajectory-years     1,152"):
        assert words in done.output
    assert not (whole.store.parent / "results").exists()


def test_the_plan_counts_what_does_not_depend_on_tasks(whole, monkeypatch):
    asked = []

    def rehearsed(job, task, workers):
        asked.append((len(job.inputs.draws), task.last - task.first, workers))
        return 30.0, 10.0, 5.0

    monkeypatch.setattr("popsim.batch.estimate.rehearse", rehearsed)
    crowded, alone = (measured(whole, workers, False, 2) for workers in (9, 1))
    # 4 tasks, hence 4 workers at most, on 2 processors; 2 of them are started to be measured.
    assert asked == [(12, 3, 2), (12, 3, 1)]
    # 20 s to load for the command and, half as fast, for the workers; 5 s to end.
    assert 0 < crowded.seconds_to_start - (20 + 20 * 2 + 5) < 10
    assert crowded.seconds - crowded.seconds_to_start == pytest.approx(10.0 * 2, rel=0.01)
    assert 0 < alone.seconds_to_start - (20 + 20 + 5) < 10
    assert alone.seconds - alone.seconds_to_start == pytest.approx(10.0 * 4, rel=0.01)
    threads = measured(whole, 2, True, 2)
    assert len(asked) == 2
    assert threads.seconds_to_start < 10


def test_the_plan_tells_what_regions_scenarios_and_draws_take(tmp_path, monkeypatch):
    sweep = "sweep:\n  - scenario: grant\n    grid: {policies.grant.amount.2: [%s]}\n"
    amounts = ", ".join(f"{1000 * i} CNY" for i in range(18))
    text = BATCH.replace("draws: 12", "draws: 2000") + sweep % amounts
    planned = ps.plan(write_batch(tmp_path, text), out=tmp_path / "store")
    spent = [0.0]

    def done(job, task, data):
        spent[0] = 2.0 + (task.last - task.first) * (0.1 + 0.001 * len(job.inputs.draws))
        return 100

    def timed(work):
        result = work()
        return spent[0], result

    monkeypatch.setattr("popsim.batch.estimate._done", done)
    monkeypatch.setattr("popsim.batch.estimate._timed", timed)
    told = measured(planned, 1, True, 2)
    scenarios = len(planned.job.inputs.scenarios)
    assert scenarios == 21
    assert told.seconds_a_task == pytest.approx(2.0 + scenarios * (0.1 + 0.001 * 2000))


def test_a_piece_that_fails_in_a_worker_is_told(whole):
    broken = replace(whole.job, function=batch_functions.raising_in_second)
    with pytest.raises(ps.PopsimError, match=r"the piece that is measured failed: ValueError"):
        rehearse(broken, whole.tasks[1], 1)


def test_the_command_runs_checks_describes_and_exports(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_batch(tmp_path)

    file = "small.batch.yaml"

    def popsim(*words):
        return CliRunner().invoke(main, list(words))

    done = popsim("run", file, "--threads", "--workers", "2")
    assert done.exit_code == 0, done.output
    assert "4 tasks done, 0 missing. Store: results/small" in done.output
    assert "4 of 4 tasks, " in done.output
    assert "results/small: store of a batch, whole" in popsim("check", "results/small").output
    assert "4 of 4 tasks done" in popsim("describe", "results/small").output
    assert "draws: 12, seed 3, uncertainty progression" in popsim("describe", file).output
    assert "12 draws of baseline, grant, local" in popsim("check", file).output
    done = popsim("export", "results/small", "b.csv", "--indicator", "births", "--from", "2025")
    assert done.exit_code == 0, done.output
    assert len(pd.read_csv("b.csv")) == 4 * 3 * 4
    # Without years all there are, as in Python: the stocks before the first year too.
    popsim("export", "results/small", "b.csv", "--indicator", "population_total")
    assert pd.read_csv("b.csv")["year"].unique().tolist() == list(range(2020, 2029))
    for words, message in (
        (("run", file), "results/small holds a batch already; write: --resume"),
        (("run", file, "--draws", "5"), "--draws is said in the batch file"),
        (("run", "grant.yaml", "--resume"), "--resume belongs to a batch file"),
        (("run", file, "grant.yaml"), "a batch runs alone"),
        (("run", file, "--task", "3/2"), "is not a part of the tasks"),
        (
            ("export", "results/small", "c.csv", "--from", "2090"),
            "the store has no year from 2090 to 2090; write: years from 2020 to 2028",
        ),
        (("run", file, "--memory", "-1"), "--memory -1 is not a number of GB; write: --memory 4"),
        (("run", file, "--memory", "nan"), "--memory nan is not a number of GB; write: --memory"),
        (("plan", "smal.batch.yaml"), "no file smal.batch.yaml; write: small.batch.yaml"),
    ):
        done = popsim(*words)
        assert done.exit_code == 1, words
        assert message in done.output, done.output
    assert not Path("c.csv").exists()


def test_the_shipped_batch_is_small_and_reads():
    shipped = Path(__file__).parents[1] / "scenarios" / "zhejiang.batch.yaml"
    planned = ps.plan(shipped)
    assert len(planned.tasks) == 12
    ids = [scenario.id for scenario in planned.job.inputs.scenarios]
    assert ids == [
        "baseline",
        "zhejiang-as-qingyuan",
        "national-2025",
        "national-2025-amount-1plus-7200",
        "national-2025-amount-1plus-14400",
    ]


def test_reading_a_batch_loads_no_numerical_library():
    import subprocess

    code = (
        "from popsim.batch.files import read_batch; import sys\n"
        "read_batch(sys.argv[1])\n"
        "print({'numpy', 'xarray', 'zarr', 'dask'} & set(sys.modules))"
    )
    shipped = Path(__file__).parents[1] / "scenarios" / "zhejiang.batch.yaml"
    done = subprocess.run(
        [sys.executable, "-c", code, str(shipped)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_a_log_gets_lines_with_the_time_left(capsys):
    progress = Progress(3)
    for failed in (False, True, False):
        progress.step(failed)
    progress.close()
    # One line at the end: the others would have come within half a minute.
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("3 of 3 tasks, 1 failed, ")
    progress.ended = 1
    assert progress.line(20.0).endswith("20.0 s gone, about 40.0 s left")


def test_a_terminal_gets_a_bar(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = Progress(2)
    progress.step(failed=True)
    progress.step(failed=False)
    progress.close()
    assert "2/2" in terminal.getvalue()
    assert "failed=1" in terminal.getvalue()
