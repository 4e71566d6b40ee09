"""Forecasts of total fertility, scores, and the proof on twelve countries."""

import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from popsim.demography.life_expectancy import life_expectancy_gain
from popsim.demography.tfr_forecast import MODELS, fit_mean_reverting, forecast_tfr
from popsim.demography.tfr_phases import annual_ar1, ar1_moments, tfr_decline
from popsim.errors import DataError
from popsim.evaluation.scores import (
    coverage,
    crps_ensemble,
    crps_lognormal,
    crps_normal,
    interval_score,
    log_score_normal,
    pit,
)
from popsim.proof.tfr_forecast import tfr_forecast, tfr_forecast_summary


@pytest.mark.golden
def test_the_phase_three_path_is_that_of_the_published_parameters(shared):
    table = pd.read_csv(shared / "golden" / "tfr_phase3_ar1.csv", comment="#")
    mean, sd = ar1_moments(1.3, mean=2.1, memory=0.8859, sd=0.1016, steps=len(table))
    np.testing.assert_allclose(mean, table["mean"], atol=5e-10)
    np.testing.assert_allclose(sd, table["sd"], atol=5e-10)
    np.testing.assert_allclose(annual_ar1(0.8859, 0.1016), (0.9760609553, 0.0476370799), atol=5e-11)
    np.testing.assert_allclose(annual_ar1(0.92464, 0.04522), (0.98445, 0.02086), atol=5e-6)


@pytest.mark.golden
def test_yearly_steps_reach_the_five_year_path(shared):
    table = pd.read_csv(shared / "golden" / "tfr_phase3_ar1.csv", comment="#")
    memory, sd = annual_ar1(0.8859, 0.1016)
    mean, spread = ar1_moments(1.3, mean=2.1, memory=memory, sd=sd, steps=50)
    np.testing.assert_allclose(mean[4::5], table["mean"], atol=1e-8)
    np.testing.assert_allclose(spread[4::5], table["sd"], atol=1e-8)


@pytest.mark.golden
def test_gain_of_life_expectancy_and_fall_of_fertility_are_the_double_logistic(shared):
    table = pd.read_csv(shared / "golden" / "double_logistic.csv", comment="#")
    gain = life_expectancy_gain(table["e0"].to_numpy(), [13.2, 41, 9.2, 8.1, 2.8, 0.58])
    np.testing.assert_allclose(gain, table["e0_gain_5yr"], atol=5e-9)
    fall = tfr_decline(table["tfr"].to_numpy(), [1.5, 0.6, 1.2, 1.3, 0.25])
    np.testing.assert_allclose(fall, table["tfr_decline_5yr"], rtol=1e-9)


@pytest.mark.golden
def test_scores_are_those_of_another_library(shared):
    with (shared / "golden" / "scores.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.reader(line for line in file if not line.startswith("#"))][1:]
    values = [float(row[1]) for row in rows]
    draws = [-1, -0.2, 0.1, 0.5, 2]
    ours = [
        crps_normal(0, 0, 1),
        crps_normal(1.5, 0, 2),
        crps_lognormal(2, 0.5, 0.4),
        crps_ensemble(0.3, draws),
        crps_ensemble(0.3, draws, fair=True),
        interval_score(5, 1, 4, 0.9),
        interval_score(2, 1, 4, 0.9),
    ]
    np.testing.assert_allclose(ours, values, rtol=1e-10)


def test_an_ensemble_tends_to_the_closed_form_and_covers_as_it_says():
    rng = np.random.default_rng(1)
    draws = rng.normal(1.0, 2.0, (50, 20_000))
    y = rng.normal(1.0, 2.0, 50)
    np.testing.assert_allclose(crps_ensemble(y, draws), crps_normal(y, 1.0, 2.0), atol=0.03)
    far = rng.normal(1.0, 2.0, 100_000)
    low, high = 1 - 2 * 1.2815515655, 1 + 2 * 1.2815515655
    assert coverage(far, low, high) == pytest.approx(0.8, abs=0.006)
    ranks = pit(far[:2000], np.broadcast_to(draws[0, :2000], (2000, 2000)))
    np.testing.assert_allclose(np.quantile(ranks, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.05)
    assert log_score_normal(1.0, 1.0, 2.0) < log_score_normal(4.0, 1.0, 2.0)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: crps_normal(0.0, 0.0, 0.0),
            "the standard deviation of a forecast must be a number above 0",
        ),
        (
            lambda: crps_ensemble(0.0, [1.0]),
            "an ensemble needs at least two draws, on its last axis",
        ),
        (
            lambda: interval_score(0.0, 0.0, 1.0, 80.0),
            "the level is 80; write a number between 0 and 1, such as 0.8",
        ),
        (lambda: interval_score(0.0, 2.0, 1.0, 0.8), "a lower bound is above its upper bound"),
        (
            lambda: tfr_decline(5.0, [1.5, 0.6]),
            "there are 2 parameters; write Δ1, Δ2, Δ3, Δ4 and d",
        ),
    ],
)
def test_what_cannot_be_computed_is_refused(call, text):
    with pytest.raises(DataError) as error:
        call()
    assert str(error.value) == text


def past(regions=4, years=60):
    rng = np.random.default_rng(4)
    f = np.full((regions, years), 1.9)
    for t in range(1, years):
        f[:, t] = 1.6 + 0.93 * (f[:, t - 1] - 1.6) + rng.normal(0, 0.05, regions)
    names = [f"region-{i}" for i in range(regions)]
    return xr.DataArray(f, {"region": names, "year": range(1960, 1960 + years)}, ("region", "year"))


@pytest.mark.parametrize("model", MODELS)
def test_a_draw_alone_is_that_of_the_batch(model):
    whole = forecast_tfr(past(), 6, model=model, draws=range(30))
    alone = forecast_tfr(past(), 6, model=model, draws=range(17, 18))
    np.testing.assert_array_equal(alone.sel(draw=17), whole.sel(draw=17))
    assert whole.year.values[0] == 2020


def test_forecasts_spread_as_their_formulas():
    draws = range(20_000)
    data = past()
    last = data.isel(year=-1).values
    walk = forecast_tfr(data, 20, model="random-walk", draws=draws)
    changes = np.diff(data.values, axis=1)[:, -30:]
    sd = np.sqrt((changes**2).mean(axis=1))
    np.testing.assert_allclose(walk.isel(year=19).std("draw"), sd * np.sqrt(20), rtol=0.03)
    drifting = forecast_tfr(data, 20, model="random-walk-drift", draws=draws).isel(year=19)
    own = changes.std(axis=1, ddof=1)
    np.testing.assert_allclose(drifting.std("draw"), own * np.sqrt(20 + 400 / 30), rtol=0.03)
    np.testing.assert_allclose(drifting.mean("draw"), last + 20 * changes.mean(axis=1), atol=0.02)
    fit = fit_mean_reverting(data)
    reverting = forecast_tfr(data, 20, draws=draws).isel(year=19)
    for i, region in enumerate(data.region.values):
        level, between = fit.own_mean[region], fit.own_sd[region]
        mean, sd20 = ar1_moments(float(last[i]), mean=level, memory=fit.memory, sd=fit.sd, steps=20)
        assert float(reverting[i].mean()) == pytest.approx(mean[-1], abs=0.01)
        spread = np.hypot(sd20[-1], (1 - fit.memory**20) * between)
        assert float(reverting[i].std()) == pytest.approx(spread, rel=0.03)


@pytest.mark.parametrize(
    ("change", "kwargs", "text"),
    [
        (
            lambda d: d,
            {"model": "random-wlk"},
            f"no model 'random-wlk' (there are {', '.join(MODELS)}); write: random-walk",
        ),
        (lambda d: d, {"horizon": 0}, "the horizon is 0 years; it must be at least 1"),
        (
            lambda d: d.where(d.year != 1970, -1.0),
            {},
            "total fertility of region-0 in 1970 is -1; it must be a number above 0",
        ),
        (
            lambda d: d.isel(year=[0, 1, 3]),
            {},
            "the history lacks a year between its first and last",
        ),
        (
            lambda d: d.isel(year=slice(4)),
            {},
            "the history has 12 yearly changes below 2.1 births per woman; the fit needs 20: add "
            "regions or years",
        ),
        (
            lambda d: d * 0.2,
            {"model": "logit-random-walk"},
            "a total fertility rate lies outside 0.5 to 8, the limits of the logit",
        ),
    ],
)
def test_what_cannot_be_forecast_is_said(change, kwargs, text):
    with pytest.raises(DataError) as error:
        forecast_tfr(change(past()), **{"horizon": 5, **kwargs})
    assert str(error.value) == text


@pytest.mark.golden
def test_the_proof_beats_persistence_and_random_walk_with_fair_intervals(shared):
    table = tfr_forecast(shared / "data" / "wpp", draws=1000)
    assert table.shape[0] == len(MODELS) * 12 * 20
    summary = tfr_forecast_summary(table)
    for name in ("ar1-mean-reverting", "logit-random-walk"):
        for benchmark in ("persistence", "random-walk", "random-walk-drift"):
            for score in ("crps", "interval_score_80", "interval_score_95"):
                assert summary.loc[name, score] < summary.loc[benchmark, score]
        assert 0.75 < summary.loc[name, "covered_80"] < 0.92


@pytest.mark.golden
def test_the_proof_sees_nothing_after_its_origin(shared, tmp_path):
    folder = shared / "data" / "wpp"
    table = pd.read_csv(folder / "wpp2024_annual_indicators.csv")
    table.loc[table["year"] > 2003, "tfr"] += 1.0
    table.to_csv(tmp_path / "wpp2024_annual_indicators.csv", index=False)
    true = tfr_forecast(folder, draws=50)
    changed = tfr_forecast(tmp_path, draws=50)
    np.testing.assert_array_equal(true["median"], changed["median"])
    assert (changed["observed"] - true["observed"]).mean() == pytest.approx(1.0)


def test_the_proof_needs_its_file(tmp_path):
    with pytest.raises(DataError, match=r"wpp2024_annual_indicators.csv is not in the folder"):
        tfr_forecast(tmp_path)


@pytest.mark.golden
def test_the_page_shows_what_the_proof_finds(shared):
    page = (Path(__file__).parents[1] / "docs" / "uncertainty.md").read_text(encoding="utf-8")
    folder = shared / "data" / "wpp"
    later = tfr_forecast_summary(tfr_forecast(folder))
    for model, row in later.iterrows():
        shown = re.search(rf"^\| `{model}` \|(.*)\|$", page, re.MULTILINE)[1].split("|")
        found = [f"{v:.2f}" if "covered" in n else f"{v:.3f}" for n, v in row.items()]
        assert [cell.strip() for cell in shown] == found, model
    for place, origin in enumerate((1983, 1988, 1993)):
        earlier = tfr_forecast_summary(tfr_forecast(folder, origin=origin, last=2003))
        for model, row in earlier.iterrows():
            shown = re.search(rf"^  \| `{model}` \|(.*)\|$", page, re.MULTILINE)[1].split("|")
            assert shown[place].strip() == f"{row['crps']:.3f} ({row['covered_80']:.2f})", model
