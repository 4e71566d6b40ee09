"""Rogers-Castro curves, model families, totals over ages, tables of origin and destination."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from popsim.demography.lifetable import life_table
from popsim.demography.migration import net_residual, stock_change_residual
from popsim.demography.migration_schedules import (
    age_sex_migrants,
    fit_rogers_castro,
    rogers_castro,
)
from popsim.demography.model_migration import MIGRATION_FAMILIES, un_migration_family
from popsim.demography.origin_destination import (
    fit_origin_destination,
    multiregional_probabilities,
    multiregional_survival,
    origin_destination_rates,
)
from popsim.errors import DataError

AGE = np.arange(101)
SOURCES = Path(__file__).parents[1] / "scripts" / "sources"


@pytest.mark.golden
@pytest.mark.parametrize("parameters", [7, 9, 11, 13])
def test_the_published_curves_are_found_again(shared, parameters):
    table = pd.read_csv(shared / "golden" / "rogers_castro.csv", comment="#")
    data = table[f"m{parameters}"].to_numpy()
    fit = fit_rogers_castro(data, parameters=parameters)
    np.testing.assert_allclose(fit.schedule, data, atol=2e-5 * data.max())
    assert fit.r_squared > 1 - 1e-8
    assert len(fit.parameters) == parameters
    np.testing.assert_array_equal(fit.schedule, rogers_castro(AGE, **fit.curves))
    if parameters == 7:
        wanted = {"a1": 0.09, "alpha1": 0.1, "a2": 0.2, "alpha2": 0.05, "mu2": 25, "lambda2": 0.4}
        for name, value in wanted.items():
            assert fit.parameters[name] == pytest.approx(value, rel=1e-5)


@settings(deadline=None, max_examples=10)
@given(
    alpha1=st.floats(0.06, 0.2),
    alpha2=st.floats(0.05, 0.15),
    mu2=st.floats(17, 26),
    lambda2=st.floats(0.2, 0.7),
    level=st.sampled_from([1e-5, 1.0, 1e6]),
)
def test_a_curve_of_seven_parameters_is_found_again(alpha1, alpha2, mu2, lambda2, level):
    true = level * rogers_castro(
        AGE, childhood=(0.02, alpha1), labour=(0.06, alpha2, mu2, lambda2), constant=0.002
    )
    fit = fit_rogers_castro(true)
    np.testing.assert_allclose(fit.schedule, true, atol=1e-5 * true.max())
    assert fit.relative_error < 1e-4


def test_noise_is_smoothed_and_the_fit_says_how_well():
    true = rogers_castro(AGE, childhood=(0.02, 0.1), labour=(0.06, 0.1, 21, 0.4), constant=0.003)
    noisy = true * np.random.default_rng(1).lognormal(0, 0.1, AGE.size)
    fit = fit_rogers_castro(noisy)
    assert 0.9 < fit.r_squared < 1
    assert np.abs(fit.schedule - true).sum() < 0.5 * np.abs(noisy - true).sum()
    assert fit.relative_error == pytest.approx(
        np.abs(noisy - fit.schedule).sum() / noisy.sum(), rel=1e-12
    )
    again = fit_rogers_castro(noisy)
    np.testing.assert_array_equal(again.schedule, fit.schedule)


def test_a_curve_that_is_not_there_is_named():
    work = rogers_castro(AGE, labour=(0.06, 0.1, 21, 0.4))
    fit = fit_rogers_castro(work)
    assert {"a1", "c"} <= set(fit.at_edge)
    assert "a2" not in fit.at_edge
    np.testing.assert_allclose(fit.schedule, work, atol=1e-6)


def test_weights_say_which_ages_count():
    true = rogers_castro(AGE, childhood=(0.02, 0.1), labour=(0.06, 0.1, 21, 0.4), constant=0.003)
    spoiled = true.copy()
    spoiled[90:] = 1.0
    fit = fit_rogers_castro(spoiled, weights=np.where(AGE < 90, 1.0, 0.0))
    np.testing.assert_allclose(fit.schedule[:90], true[:90], atol=1e-6)


@pytest.mark.golden
def test_the_model_families_keep_the_published_groups(shared):
    table = pd.read_csv(shared / "golden" / "un_migration_families.csv", comment="#")
    starts = np.arange(0, 81, 5)
    for family, prefix in (("family", "family"), ("male_labour", "male_labour")):
        single = un_migration_family(family)
        assert single.shape == (2, 101)
        groups = np.add.reduceat(single, starts, axis=1)
        for sex, suffix in enumerate("fm"):
            np.testing.assert_allclose(1e5 * groups[sex], table[f"{prefix}_{suffix}"], atol=0.2)


def test_the_model_families_are_those_of_the_source_table():
    table = pd.read_csv(SOURCES / "un_migration_families.csv")
    assert set(table["family"]) == set(MIGRATION_FAMILIES)
    for (family, sex), rows in table.groupby(["family", "sex"]):
        single = un_migration_family(family, ages=111)[("female", "male").index(sex)]
        groups = np.add.reduceat(single, rows["age"].to_numpy())
        np.testing.assert_allclose(1e5 * groups, rows["net_migrants"], atol=0.2)
        assert (single > 0).all()
        # One peak of work, and no jump between groups.
        rising = np.sign(np.diff(single[15:]))
        assert (np.diff(rising) > 0).sum() == 0
    assert un_migration_family("female_labour")[0].sum() > 0.6


def test_totals_of_either_sign_are_laid_over_ages():
    family = un_migration_family("family")
    came = age_sex_migrants(1000.0, family)
    np.testing.assert_allclose(came, 1000 * family, rtol=1e-12)
    np.testing.assert_allclose(age_sex_migrants(-1000.0, family), -came, rtol=1e-12)
    many = age_sex_migrants([100.0, -50.0, 0.0], family)
    np.testing.assert_allclose(many.sum(axis=(-2, -1)), [100, -50, 0], atol=1e-12)
    shared_out = age_sex_migrants([100.0, -50.0], family, female_share=[0.3, 0.6])
    np.testing.assert_allclose(shared_out.sum(axis=-1), [[30, 70], [-30, -20]])


@settings(deadline=None, max_examples=40)
@given(arrays(float, (2, 12), elements=st.floats(-100, 100)), st.floats(-1e4, 1e4))
def test_a_schedule_of_both_signs_keeps_its_signs(schedule, total):
    schedule[:, :2] = [[1.0, -1.0], [2.0, -1.0]]
    laid = age_sex_migrants(total, schedule)
    assert laid.sum() == pytest.approx(total, rel=1e-9, abs=1e-6)
    assert (laid * schedule >= 0).all()


def test_residuals_at_the_middle_and_by_age_at_migration():
    rng = np.random.default_rng(3)
    before, after = rng.uniform(90, 110, 20), rng.uniform(90, 110, 20)
    survival = rng.uniform(0.9, 1, 20)
    options = {"births": rng.uniform(90, 110, 5), "years": 5}
    kinds = {
        name: net_residual(before, after, survival, method=name, **options)
        for name in ("forward", "reverse", "average", "midpoint", "period")
    }
    np.testing.assert_allclose(kinds["midpoint"] ** 2, kinds["forward"] * kinds["reverse"])
    assert kinds["period"].sum() == pytest.approx(kinds["average"].sum())
    # Those aged 5 at migration: half of the cohort that starts at 5, half of that which ends there.
    assert kinds["period"][5] == pytest.approx((kinds["reverse"][10] + kinds["forward"][5]) / 2)
    # Those born in the interval and those aged 0 at its start.
    young = kinds["reverse"][:6].sum() / 2 + kinds["forward"][0] / 2
    assert kinds["period"][0] == pytest.approx(young)


@settings(deadline=None, max_examples=30)
@given(
    arrays(float, (8,), elements=st.floats(0, 100)),
    arrays(float, (8,), elements=st.floats(0, 100)),
    arrays(float, (8,), elements=st.floats(0, 10)),
)
def test_the_change_of_stocks_balances(before, after, deaths):
    net = stock_change_residual(before, after, births=20.0, deaths=deaths)
    assert net.sum() == pytest.approx(after.sum() - before.sum() - 20 + deaths.sum(), abs=1e-9)


@pytest.mark.golden
def test_the_table_of_willekens(shared):
    table = pd.read_csv(shared / "golden" / "ipf_willekens_1999.csv", comment="#")
    seed, want = (
        table.pivot_table(index="origin", columns="destination", values=name).to_numpy()
        for name in ("seed", "fitted")
    )
    rows = table.groupby("origin")["row_total"].first().to_numpy()
    columns = table.groupby("destination")["column_total"].first().to_numpy()
    np.testing.assert_allclose(fit_origin_destination(seed, rows, columns), want, rtol=1e-9)


@settings(deadline=None, max_examples=40)
@given(
    arrays(float, (4, 4), elements=st.floats(0.1, 10)),
    arrays(float, (4, 4), elements=st.floats(0.1, 10)),
)
def test_fitted_tables_have_their_margins_and_cross_ratios(seed, other):
    seed = seed * (1 - np.eye(4))
    wanted = other * (1 - np.eye(4))
    fitted = fit_origin_destination(seed, wanted.sum(axis=1), wanted.sum(axis=0))
    np.testing.assert_allclose(fitted.sum(axis=1), wanted.sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(fitted.sum(axis=0), wanted.sum(axis=0), rtol=1e-9)
    assert (np.diagonal(fitted) == 0).all()
    # Of cells off the diagonal the cross-product ratios stay.
    ratio = [t[0, 2] * t[1, 3] / (t[0, 3] * t[1, 2]) for t in (seed, fitted)]
    assert ratio[1] == pytest.approx(ratio[0], rel=1e-9)


def test_tables_by_age_are_fitted_at_once():
    seed = np.ones((3, 2, 2))
    rows, columns = np.array([[1, 2], [3, 4], [5, 6.0]]), np.array([[2, 1], [4, 3], [6, 5.0]])
    fitted = fit_origin_destination(seed, rows, columns)
    for i in range(3):
        np.testing.assert_allclose(
            fitted[i], fit_origin_destination(seed[i], rows[i], columns[i]), rtol=1e-12
        )


def test_multiregional_survival_of_one_region_is_its_life_table():
    mx = np.append(np.linspace(0.001, 0.1, 30), 0.3)
    rates = np.zeros((2, 2, mx.size))
    survival = multiregional_survival(rates, [mx, mx])
    table = life_table(mx, ax=np.append(np.full(30, 0.5), 1 / 0.3))
    L, total, alive = (table[name].values for name in ("nLx", "Tx", "lx"))
    np.testing.assert_allclose(survival[0, 0, 0], L[0] / alive[0], rtol=1e-12)
    np.testing.assert_allclose(survival[1:-1, 1, 1], L[1:-1] / L[:-2], rtol=1e-12)
    np.testing.assert_allclose(survival[-1, 0, 0], total[-1] / total[-2], rtol=1e-12)
    assert (survival[:, 0, 1] == 0).all()


def test_multiregional_probabilities_add_up():
    rng = np.random.default_rng(2)
    rates = rng.uniform(0, 0.1, (3, 3, 6))
    nobody_dies = multiregional_probabilities(rates, np.zeros((3, 6)))
    np.testing.assert_allclose(nobody_dies.sum(axis=1), 1, rtol=1e-12)
    # By hand at one age: (I + M/2) P = I - M/2.
    deaths = rng.uniform(0, 0.05, (3, 6))
    P = multiregional_probabilities(rates, deaths, width=5.0)
    M = np.zeros((3, 3))
    for o in range(3):
        for d in range(3):
            if o != d:
                M[d, o] = -rates[o, d, 4]
                M[o, o] += rates[o, d, 4]
        M[o, o] += deaths[o, 4]
    np.testing.assert_allclose((np.eye(3) + 2.5 * M) @ P[4], np.eye(3) - 2.5 * M, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: fit_rogers_castro([1.0, -1.0, 2.0]),
            "a schedule to fit must be of numbers that are not negative and not all 0; fit in- and "
            "out-migration apart",
        ),
        (
            lambda: fit_rogers_castro(np.ones(20), parameters=8),
            "parameters=8 is unknown; write: 7, 9, 11 or 13",
        ),
        (
            lambda: fit_rogers_castro(np.ones(6)),
            "6 ages cannot tell 7 parameters",
        ),
        (
            lambda: un_migration_family("single"),
            "family 'single' is unknown; write: family, male_labour, female_labour",
        ),
        (
            lambda: un_migration_family("family", ages=81),
            "ages=81 is too few: the open age must be over 80",
        ),
        (
            lambda: age_sex_migrants(5.0, np.ones(5)),
            "a schedule of shape (5,) has no axis of two sexes; give female_share",
        ),
        (
            lambda: age_sex_migrants(5.0, np.ones(5), female_share=1.5),
            "the share of women must lie between 0 and 1",
        ),
        (
            lambda: age_sex_migrants(5.0, np.zeros((2, 5))),
            "a schedule is 0 at every age; give one with migrants",
        ),
        (
            lambda: fit_origin_destination([[1, 1], [1, 1]], [2, 2], [1, 2]),
            "departures add up to 4 and arrivals to 3; make the margins agree first",
        ),
        (
            lambda: fit_origin_destination([[0, 0], [1, 1]], [2, 2], [2, 2]),
            "departures of 2 are wanted in position 0, where the seed has zeros only",
        ),
        (
            lambda: fit_origin_destination([[0, 1], [1, 0]], [2, 3], [2, 3]),
            "no table with these zeros has these margins: departures still miss by 1; allow some "
            "of the cells that are 0",
        ),
        (
            lambda: origin_destination_rates([[0, 5.0], [1, 0]], [4.0, 10.0]),
            "5 people leave origin 0, where 4 live (first such cell); check flows and population",
        ),
        (
            lambda: multiregional_probabilities(np.zeros((2, 2, 3)), np.zeros((3, 3))),
            "rates of shape (2, 2, 3) and death rates of shape (3, 3) must be (origin, "
            "destination, age) and (region, age)",
        ),
        (
            lambda: multiregional_survival(np.zeros((2, 2, 3)), np.zeros((2, 3))),
            "the open age must have deaths in regions that people do not leave",
        ),
        (
            lambda: stock_change_residual([1.0, 1], [1.0, 1], births=1, deaths=[1.0]),
            "populations of 2 and 2 ages and deaths of 1 do not fit; use the same single ages for "
            "all",
        ),
    ],
)
def test_messages(call, message):
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        call()
