"""Every indicator of the registry works in a batch or is refused at its place in the file."""

import numpy as np
import pandas as pd
import pytest
from batch_example import BATCH, write_batch
from click.testing import CliRunner

import popsim as ps
from popsim.batch.lean_rows import LEAN_INDICATORS
from popsim.batch.task import compute, layout
from popsim.cli import main
from popsim.demography.drawn_factors import demographic_draws, prepared
from popsim.demography.indicators import indicators
from popsim.demography.projection import INPUTS, project
from popsim.demography.uncertainty import uncertainty_named

REFUSED = {
    "incidence_fertility_rate": "is by single age, and a batch keeps no quantiles by single age",
    "progression_fertility_rate": "is by single age, and a batch keeps no quantiles by single age",
    "tempo_edge": "is the same in every draw, so it has no quantiles",
}
FURTHER = [n for n in ps.indicator_names("all") if n not in LEAN_INDICATORS and n not in REFUSED]
KEPT = "[births, births_by_order, third_child_share, population_total, payments]"


def with_indicators(folder, names, more=""):
    text = BATCH.replace(KEPT, f"[{', '.join(names)}]").replace("until: 2028", "until: 2024")
    return write_batch(folder, text.replace("draws: 12", f"draws: 7\n{more}"))


@pytest.fixture(scope="module")
def further(tmp_path_factory):
    """A store of everything that is computed with labels, in one region."""
    folder = tmp_path_factory.mktemp("further")
    path = with_indicators(folder, FURTHER, 'regions: ["339001"]\n')
    path.write_text(path.read_text("utf-8").replace("[grant, local]", "[grant]"), "utf-8")
    planned = ps.plan(path, out=folder / "store")
    report = planned.run(workers=1, threads=True, progress=False)
    assert [str(reason) for reason in report.reasons] == []
    return planned, ps.open_store(planned.store)


def test_every_further_indicator_is_kept(further):
    _, store = further
    assert set(FURTHER) <= set(store.data_vars)
    for name in FURTHER:
        if name == "children_under_18_by_order":
            # Not known before those born before the run are grown up.
            continue
        assert np.isfinite(store[name].sel(scenario="grant")).any(), name
    # What an indicator says of itself is told.
    assert "children under 18 by birth order are not reported" in store.attrs["notices"]


def test_single_ages_are_those_of_a_projection_of_every_age(further):
    """Against the reference projected whole, without blocks of draws."""
    planned, store = further
    data = planned.job.inputs.region("339001")
    doubt, years = uncertainty_named("progression"), planned.job.inputs.years
    timed = prepared(data, doubt)
    projected = project(
        timed[[name for name in INPUTS if name in timed]],
        years=years,
        factors=demographic_draws(timed, years, range(7), 3, doubt),
        detail="history",
        on_negative="cut",
    )
    names = ["median_age", "life_expectancy_at_birth", "children_under_18", "net_reproduction_rate"]
    whole = indicators(projected, names).isel(region=0)
    for name in names:
        ours = store[name].sel(region="339001", scenario="baseline", quantile=0.5)
        np.testing.assert_allclose(ours, whole[name].median("draw"), rtol=1e-6, err_msg=name)


def test_blocks_of_draws_do_not_change_an_indicator(further, monkeypatch):
    planned, _ = further
    inputs = planned.job.inputs
    asked = {
        "response": inputs.response,
        "uncertainty": inputs.uncertainty,
        "years": inputs.years,
        "draws": inputs.draws,
        "seed": inputs.seed,
        "indicators": ["median_age", "population_momentum"],
        "probabilities": [0.5],
        "keep_draws": ["median_age", "population_momentum"],
    }
    given = inputs.region("339001"), inputs.scenarios[1:2]
    whole = compute(*given, **asked)
    monkeypatch.setattr("popsim.batch.task._BLOCK", 3)
    for name, array in compute(*given, **asked).items():
        np.testing.assert_allclose(array, whole[name], rtol=1e-13, err_msg=name)


def test_tables_know_sexes(further, tmp_path):
    _, store = further
    table = ps.effect_table(store, 2023, region="339001", scenario="grant")
    births = table[table["indicator"] == "births_by_sex"]
    assert births["sex"].tolist() == ["female", "male"]
    assert (births["difference"] > 0).all()
    life = {"indicator": "life_expectancy_at_birth", "of": "region", "at": "grant", "year": 2023}
    assert len(ps.ranking(store, **life, sex="female", difference=False)) == 1
    with pytest.raises(ps.DataError, match="life_expectancy_at_birth is by sex; write: sex='fem"):
        ps.ranking(store, **life)
    file = ps.export_store(store, tmp_path / "b.csv", indicators=["births_by_sex"])
    rows = pd.read_csv(file)
    assert len(rows) == 2 * 4 * 2
    assert set(rows["sex"]) == {"female", "male"}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_batch_does_not_report_is_refused_by_check_at_its_place(tmp_path, name):
    path = with_indicators(tmp_path, ["births", name])
    done = CliRunner().invoke(main, ["check", str(path)])
    assert done.exit_code == 1
    assert f"small.batch.yaml:12:24: {name} {REFUSED[name]}; write: " in done.output


def test_an_indicator_of_ones_own_is_refused(tmp_path):
    def births_per_death(births, deaths):
        return births / deaths

    words = {"units": "1", "long_name": "a", "long_name_zh": "甲", "definition": "A."}
    ps.register_indicator(births_per_death, **words)
    try:
        with pytest.raises(ps.ScenarioError, match="births_per_death is an indicator of your own"):
            ps.plan(with_indicators(tmp_path, ["births_per_death"]))
    finally:
        ps.remove_indicator("births_per_death")


def test_what_the_data_do_not_give_is_told_at_the_name(tmp_path, monkeypatch):
    def lacking(*given, indicators, **options):
        if "median_age" in indicators:
            raise ps.DataError("median_age needs what these data lack")
        return layout(*given, indicators=indicators, **options)

    monkeypatch.setattr("popsim.batch.trial.layout", lacking)
    with pytest.raises(ps.ScenarioError, match=r":24: median_age needs what these data lack"):
        ps.plan(with_indicators(tmp_path, ["births", "median_age", "sex_ratio"]))


def test_demographic_noise_is_that_of_a_run(tmp_path):
    path = with_indicators(tmp_path, ["births", "payments"], "demographic_noise: true\n")
    planned = ps.plan(path, out=tmp_path / "store")
    inputs = planned.job.inputs
    assert planned.batch.demographic_noise
    planned.tasks = planned.tasks[-1:]
    planned.run(workers=1, threads=True, progress=False)
    store = ps.open_store(planned.store).sel(region="339004")
    run = ps.run(
        inputs.region("339004"),
        inputs.scenarios[1],
        uncertainty="progression",
        demographic_noise=True,
        years=inputs.years,
        draws=7,
        seed=3,
    ).isel(region=0)
    births = run["births"].quantile([0.1, 0.5, 0.9], "draw")
    kept = store["births"].sel(scenario=["baseline", "grant"])
    np.testing.assert_allclose(kept, births.transpose(*kept.dims), rtol=1e-6)
    costs = ps.compare(run).cost("all").isel(scenario=0)
    np.testing.assert_allclose(
        store["package_cost"].sel(scenario="grant"), costs["package_cost"], rtol=1e-6
    )
    assert store.attrs["demographic_noise"] == "true"
    plain = compute(
        inputs.region("339004"),
        inputs.scenarios[:1],
        response=inputs.response,
        uncertainty="progression",
        years=inputs.years,
        draws=inputs.draws,
        seed=3,
        indicators=["births"],
        probabilities=[0.5],
    )
    assert not np.allclose(plain["births"][0], kept.sel(scenario="baseline", quantile=[0.5]))
