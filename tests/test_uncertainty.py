"""Declared uncertainty: streams, variances, correlation of counties, no spread = central run."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import popsim as ps
from popsim.demography.drawn_factors import central_factors, demographic_draws, prepared
from popsim.demography.draws import normal, shared_normal
from popsim.demography.mortality import coherent_lee_carter, forecast_k
from popsim.demography.mortality_levels import survival_levels
from popsim.demography.parity import period_fertility_table
from popsim.demography.progression import (
    PROGRESSION,
    TIMING,
    early_and_late,
    progression_factors,
    timing_weights,
    with_timing,
)
from popsim.demography.stochastic import Process, draw_paths, fit_ar1, fit_random_walk
from popsim.demography.uncertainty import UNCERTAINTY, Uncertainty
from popsim.errors import DataError

FIRST, YEARS = 2024, range(2021, 2051)


@pytest.fixture(scope="module")
def zhejiang():
    return ps.load_baseline("zhejiang-2020")


def counties(data, codes):
    """The province's numbers under the codes of several counties."""
    parts = [data.isel(region=0).assign_coords(region=code) for code in codes]
    return xr.concat(parts, "region", data_vars="all", coords="minimal", compat="override")


def test_a_draw_alone_and_a_county_alone_are_those_of_the_batch(zhejiang):
    several = prepared(counties(zhejiang, ["330000", "331126", "330102"]), "progression")
    batch = demographic_draws(several, YEARS, range(20), 3, "progression")
    alone = several.sel(region=["331126"])
    one = demographic_draws(alone, range(2021, 2041), range(7, 8), 3, "progression")
    assert {"fertility_factor", "fertility_weight", "mortality_weight", "migration_factor"} == set(
        one
    )
    for name in one:
        there = batch[name].sel(region=["331126"], draw=[7], year=one.year)
        np.testing.assert_array_equal(one[name], there, err_msg=name)


def test_a_province_alone_is_the_part_that_its_counties_share():
    z = shared_normal(1, "x", range(50_000), "330000", shared=0.3)
    np.testing.assert_array_equal(z, normal(1, "x", range(50_000), key="330000"))
    one, two = (shared_normal(1, "x", range(50_000), c, shared=0.3) for c in ("331126", "330102"))
    assert one.var() == pytest.approx(1, abs=0.02)
    assert np.corrcoef(one, two)[0, 1] == pytest.approx(0.3, abs=0.02)
    assert np.corrcoef(one, z)[0, 1] == pytest.approx(np.sqrt(0.3), abs=0.02)
    far = shared_normal(1, "x", range(50_000), "110101", shared=0.3)
    assert abs(np.corrcoef(one, far)[0, 1]) < 0.02


@pytest.mark.parametrize(
    ("component", "shared"),
    [("fertility_factor", 0.89), ("mortality_weight", 0.9), ("migration_factor", 0.3)],
)
def test_counties_are_correlated_as_stated(zhejiang, component, shared):
    data = prepared(counties(zhejiang, ["331126", "330102"]), "progression")
    drawn = demographic_draws(data, YEARS, range(4000), 1, "progression")[component].sel(year=2035)
    if component == "fertility_factor":
        drawn = np.log(drawn.isel(birth_order=3))  # of the open order the logit is a logarithm
    a, b = drawn.values
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(shared, abs=0.03)


@pytest.mark.parametrize(
    "process",
    [
        Process([[0.04, 0.01], [0.01, 0.09]], drift=[0.1, -0.2], changes=25),
        Process([[0.04]], kind="damped", memory=0.9, drift=0.3, changes=10),
        Process([[0.04]], kind="ar1", memory=0.9),
    ],
    ids=["random-walk", "damped", "ar1"],
)
def test_drawn_paths_have_the_mean_and_variance_of_the_formula(process):
    draws = range(40_000)
    path = draw_paths(process, "p", "330000", first=2024, last=2053, draws=draws, seed=5)
    h = np.array([1, 5, 30])
    np.testing.assert_allclose(path.var(axis=1)[:, h - 1], process.variance(h), rtol=0.03)
    error = np.sqrt(process.variance(h) / len(draws))
    assert (np.abs(path.mean(axis=1)[:, h - 1] - process.mean(h)) < 4 * error).all()
    if len(process.sd) == 2:
        steps = np.diff(path, axis=-1)[..., 4]
        wanted = 0.01 + 0.01 / 25
        assert np.cov(steps)[0, 1] == pytest.approx(wanted, rel=0.1)


def test_variance_of_each_kind_by_hand():
    walk = Process([[0.04]], changes=20)
    np.testing.assert_allclose(walk.variance([1, 10]), [[0.04 * (1 + 1 / 20), 0.04 * (10 + 5)]])
    damped = Process([[0.04]], kind="damped", memory=0.5, changes=20)
    np.testing.assert_allclose(damped.variance([2]), [[0.04 * (2 + 0.75**2 / 20)]])
    ar1 = Process([[0.04]], kind="ar1", memory=0.5)
    np.testing.assert_allclose(ar1.variance([1, 2]), [[0.04, 0.05]])


def test_fits_find_the_process_that_made_the_history():
    rng = np.random.default_rng(2)
    covariance = np.array([[0.04, 0.02], [0.02, 0.05]])
    steps = rng.multivariate_normal([0.1, 0.0], covariance, 4000).T
    walk = fit_random_walk(np.cumsum(steps, axis=1))
    np.testing.assert_allclose(walk.covariance, covariance, atol=0.004)
    np.testing.assert_allclose(walk.drift, [0.1, 0.0], atol=0.01)
    assert walk.changes == 3999
    y = np.zeros((2, 4000))
    for t in range(3999):
        y[:, t + 1] = 0.8 * y[:, t] + steps[:, t] - [0.1, 0.0]
    ar1 = fit_ar1(y + 3)
    assert ar1.memory == pytest.approx(0.8, abs=0.02)
    np.testing.assert_allclose(ar1.covariance, covariance, atol=0.004)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: fit_random_walk([1.0, 2.0]), "the history has 2 years; the fit needs 4"),
        (
            lambda: fit_random_walk([1.0, np.nan, 2.0, 3.0]),
            "the history has a gap; interpolate it or take the years after it",
        ),
        (
            lambda: fit_ar1(np.arange(9.0), mean=0.0),
            "the history does not return to its mean (memory 1.2); fit a random walk",
        ),
        (
            lambda: Process([[1.0, 2.0], [2.0, 1.0]]),
            "the covariance has a negative eigenvalue, so nothing can have it",
        ),
        (
            lambda: Process([[1.0]], kind="ar1", memory=0.5, drift=0.1),
            "an autoregression has no drift; leave drift and changes at 0, or write kind='damped'",
        ),
        (
            lambda: Uncertainty(mortality="leecarter", migration_shared=1.2),
            "2 problems\nmortality 'leecarter' is unknown (there are level, lee-carter, none); "
            "write: lee-carter\nmigration_shared is 1.2; it must be from 0 to 1",
        ),
        (
            lambda: ps.run("zhejiang-2020", "baseline", uncertainty="progresion", draws=1),
            "no uncertainty 'progresion' (there are default, progression, none); "
            "write: progression",
        ),
        (
            lambda: shared_normal(1, "x", range(1), "331126", shared=-0.1),
            "the correlation of counties is -0.1; it must be from 0 to 1",
        ),
    ],
)
def test_what_is_wrong_is_said(call, text):
    with pytest.raises(DataError) as error:
        call()
    assert str(error.value) == text


def test_a_baseline_without_what_the_model_uses_is_refused(zhejiang):
    bare = zhejiang.drop_vars(["fertility_innovation", "migration_innovation"])
    with pytest.raises(DataError, match="2 problems\nvariable 'fertility_innovation' is missing"):
        demographic_draws(bare, YEARS, range(2), 1)
    assert float(demographic_draws(bare, YEARS, range(2), 1, "none").fertility_factor.max()) == 1
    with pytest.raises(
        DataError, match="'timing_reach' is missing for the uncertainty; write: data"
    ):
        demographic_draws(zhejiang, YEARS, range(2), 1, "progression")
    three = Uncertainty(fertility="progression", progression=Process(np.eye(3)), timing=None)
    with pytest.raises(DataError, match="declared for 3 birth orders, the data have 4; write: Unc"):
        demographic_draws(zhejiang, YEARS, range(2), 1, three)


def test_factors_bring_the_progression_ratio_to_the_drawn_logit(zhejiang):
    rates = zhejiang.conditional_fertility_rate.values[0][:, 1:-1]
    ages = np.arange(1, 100)
    centre = period_fertility_table(rates, ages, method="linear")["ppr"].values
    for k, change in ((0, 0.7), (1, -1.1), (2, 0.4), (3, 0.9)):
        changes = np.zeros((4, 1))
        changes[k] = change
        factor = progression_factors(changes, rates)
        assert (np.delete(factor, k, axis=0) == 1).all()
        moved = period_fertility_table(factor * rates, ages, method="linear")["ppr"].values[k]
        logit = np.log if k == 3 else lambda a: np.log(a / (1 - a))
        assert logit(moved) - logit(centre[k]) == pytest.approx(change, abs=2e-3)


def test_factors_rise_with_the_change_and_stay_within_what_a_step_can_do(zhejiang):
    rates = zhejiang.conditional_fertility_rate.values[0][:, 1:-1]
    factor = progression_factors(np.linspace(-30, 30, 121) * np.ones((4, 1)), rates)
    assert (np.diff(factor, axis=1) >= 0).all()
    most = np.array([2, 2, 2, 1]) / rates.max(axis=1)
    assert (factor.max(axis=1) <= most * (1 + 1e-12)).all()
    assert factor.min() == pytest.approx(0.02)


@pytest.mark.parametrize("name", ["zhejiang-2020", "china-2020"])
def test_timing_moves_every_order_alike_and_keeps_the_sums(name):
    rates = ps.load_baseline(name).conditional_fertility_rate.values[0]
    (early, late), reach = early_and_late(rates)
    assert min(early.min(), late.min()) >= 0
    np.testing.assert_allclose((early + late) / 2, rates, rtol=1e-12, atol=1e-18)
    ages = np.arange(rates.shape[1])

    def mean(h):
        return (h * ages).sum(axis=1) / h.sum(axis=1)

    for w in (0.0, 0.3, 1.0):
        mixed = (1 - w) * early + w * late
        np.testing.assert_allclose(mixed.sum(axis=1), rates.sum(axis=1), rtol=1e-12)
        np.testing.assert_allclose(mean(mixed) - mean(rates), (2 * w - 1) * reach, atol=1e-9)
    assert reach > 1.8
    weight, cut = timing_weights([0.7, -2 * reach], reach)
    assert (2 * weight[0] - 1) * reach == pytest.approx(0.7)
    assert (weight[1], cut) == (0, 1)


def test_timing_refuses_what_has_schedules_or_years_already(zhejiang):
    with pytest.raises(DataError, match="has two schedules already"):
        with_timing(with_timing(zhejiang))
    with pytest.raises(DataError, match="differs by year; timing needs one schedule"):
        with_timing(
            zhejiang.assign(
                conditional_fertility_rate=zhejiang.conditional_fertility_rate.expand_dims(
                    year=zhejiang.year
                )
            )
        )


def test_the_declared_walks_are_those_of_the_reconstructed_past():
    from scripts.baselines.progression import fitted

    for process, declared in zip(fitted(), (PROGRESSION, TIMING), strict=True):
        np.testing.assert_allclose(process.sd, declared.sd, atol=5.1e-4)
        assert declared.changes in (0, process.changes)
        spread = np.asarray(process.covariance) / np.outer(process.sd, process.sd)
        kept = np.asarray(declared.covariance) / np.outer(declared.sd, declared.sd)
        np.testing.assert_allclose(spread, kept, atol=5.1e-3)


def test_the_mortality_index_keeps_its_spread_and_goes_along_as_a_walk(zhejiang):
    model = replace(UNCERTAINTY["progression"], fertility="none", migration="none")
    weight = 3 * demographic_draws(zhejiang, YEARS, range(20_000), 1, model).mortality_weight[0]
    late = weight.sel(year=slice(FIRST, None))
    np.testing.assert_allclose(late.std("draw"), 1, atol=0.02)
    assert (weight.sel(year=slice(None, FIRST - 1)) == 0).all()
    h, g, T = 2.0, 20.0, 30
    covariance = h + h * g / T
    wanted = covariance / np.sqrt((h + h**2 / T) * (g + g**2 / T))
    seen = np.corrcoef(weight.sel(year=2025), weight.sel(year=2043))[0, 1]
    assert seen == pytest.approx(wanted, abs=0.02)


def test_the_level_of_migration_is_uncertain_besides_its_path(zhejiang):
    model = replace(UNCERTAINTY["none"], migration="total-and-level", migration_level=0.4)
    factor = demographic_draws(zhejiang, range(2021, 2061), range(20_000), 1, model)
    late = factor.migration_factor[0].sel(year=[2030, 2060])
    own = float(zhejiang.migration_innovation[0])
    np.testing.assert_allclose(late.var("draw"), own**2 + 0.16, rtol=0.05)
    a, b = late.transpose("year", "draw").values
    assert np.cov(a, b)[0, 1] == pytest.approx(0.16, rel=0.06)


def test_survival_tables_of_a_fit_stand_three_deviations_apart():
    rng = np.random.default_rng(1)
    age, t = np.arange(101), np.arange(1990, 2021)
    k = np.cumsum(rng.normal(-0.02, 0.01, t.size))
    level = -9.2 + 0.088 * age + 3.5 * np.exp(-age)
    mx = np.exp(level + np.outer(k, np.linspace(1.3, 0.3, 101)))
    own = rng.normal(0, 0.002, (2, t.size, 101))
    both = xr.DataArray(
        np.stack([mx, 1.4 * mx]) * np.exp(own),
        dims=["sex", "year", "age"],
        coords={"sex": ["female", "male"], "year": t, "age": age},
    )
    fit = coherent_lee_carter(both)
    tables = survival_levels(fit, range(2021, 2031))
    assert tables.attrs["mortality_years"] == 31
    S = tables.survival_ratio.transpose("year", "mortality_level", "sex", "age")
    assert (S.diff("mortality_level").sel(age=slice(1, None)) > 0).all()
    hazard = -np.log(S.sel(sex="female", age=50))
    forecast = forecast_k(fit, range(2021, 2031))
    apart = 0.5 * np.log(hazard.sel(mortality_level="low") / hazard.sel(mortality_level="high"))
    b = float(fit["b"].sel(age=slice(49, 50)).mean())
    np.testing.assert_allclose(apart, 3 * b * np.sqrt(forecast["k_variance"]), rtol=0.02)
    with pytest.raises(DataError, match="the fit has no dimension sex"):
        survival_levels(fit.isel(sex=0, drop=True), range(2021, 2023))


ZERO = Uncertainty(
    fertility="progression",
    mortality="none",
    migration="none",
    progression=Process(np.zeros((4, 4))),
    timing=None,
)


def test_without_spread_every_draw_is_the_central_run_exactly(zhejiang):
    span = range(2021, 2031)
    still = ps.run(zhejiang, "baseline", uncertainty="none", years=span, draws=3)
    zero = ps.run(zhejiang, "baseline", uncertainty=ZERO, years=span, draws=3)
    default = ps.run(zhejiang, "baseline", years=span, draws=3)
    for name in ("births_by_order", "deaths", "population_total"):
        np.testing.assert_array_equal(zero[name], still[name], err_msg=name)
        np.testing.assert_array_equal(still[name].isel(draw=2), still[name].isel(draw=0))
    np.testing.assert_array_equal(still.population, default.population)
    assert (still.attrs["uncertainty"], default.attrs["uncertainty"]) == ("none", "default")
    timed = replace(ZERO, timing=Process([[0.0]]))
    mixed = ps.run(zhejiang, "baseline", uncertainty=timed, years=span, draws=2)
    np.testing.assert_allclose(
        mixed.births_by_order.values[..., :1], still.births_by_order.values[..., :1], rtol=1e-12
    )


def test_a_drift_moves_the_central_run(zhejiang):
    model = replace(ZERO, progression=Process(np.zeros((4, 4)), drift=[-0.05, 0, 0, 0]))
    central = central_factors(zhejiang, YEARS, model)["fertility_factor"][0]
    assert (np.diff(central.sel(birth_order=1, year=slice(2023, None))) < 0).all()
    assert (central.sel(birth_order=[2, 3, 4]) == 1).all()
    run = ps.run(zhejiang, "baseline", uncertainty=model, years=range(2021, 2031), draws=1)
    people = run.population.sum(["sex", "age"]).sel(time=2031).values.item()
    assert people == pytest.approx(run.population_total.sel(time=2031).values.item(), rel=1e-12)


def test_a_run_with_the_new_models_is_wider_late_than_early(zhejiang):
    run = ps.run(
        zhejiang, "baseline", uncertainty="progression", years=range(2021, 2051), draws=100
    )
    rate = run.total_fertility_rate.isel(region=0, scenario=0)
    assert float(rate.sel(year=2023).std()) == pytest.approx(0, abs=1e-12)
    assert float(rate.sel(year=2026).std()) < float(rate.sel(year=2050).std())
    ages = run.mean_age_at_birth_by_order.isel(region=0, scenario=0).sel(birth_order=1)
    assert float(ages.sel(year=2050).std()) > 0.3
