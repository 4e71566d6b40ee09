"""Model schedules of migration, tables of origins and destinations, multiregional survival."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

from popsim.demography.migration_schedules import (
    age_sex_migrants,
    fit_rogers_castro,
    rogers_castro,
)
from popsim.demography.model_migration import MIGRATION_FAMILIES, un_migration_family
from popsim.demography.origin_destination import (
    fit_origin_destination,
    multiregional_probabilities,
    origin_destination_rates,
)
from popsim.errors import DataError

AGES = np.arange(0, 91)
CURVES = {
    7: {"childhood": (0.02, 0.1), "labour": (0.06, 0.1, 20.0, 0.4), "constant": 0.003},
    9: {
        "childhood": (0.02, 0.1),
        "labour": (0.06, 0.1, 20.0, 0.4),
        "late": (0.0005, 0.03),
        "constant": 0.003,
    },
    11: {
        "childhood": (0.02, 0.1),
        "labour": (0.06, 0.1, 20.0, 0.4),
        "retirement": (0.01, 0.25, 63.0, 0.5),
        "constant": 0.003,
    },
    13: {
        "childhood": (0.02, 0.1),
        "labour": (0.06, 0.1, 20.0, 0.4),
        "retirement": (0.01, 0.25, 63.0, 0.5),
        "late": (0.0005, 0.03),
        "constant": 0.003,
    },
}


@pytest.mark.parametrize("parameters", [7, 9, 11, 13])
def test_a_schedule_is_found_again(parameters):
    true = rogers_castro(AGES, **CURVES[parameters])
    fit = fit_rogers_castro(true, parameters=parameters)
    assert len(fit.parameters) == parameters
    assert fit.relative_error < 1e-3
    assert fit.r_squared > 0.9999
    np.testing.assert_allclose(rogers_castro(AGES, **fit.curves), fit.schedule)


def test_a_fit_survives_noise_and_is_the_same_twice():
    rng = np.random.default_rng(1)
    noisy = rogers_castro(AGES, **CURVES[7]) * rng.uniform(0.9, 1.1, AGES.size)
    one, two = fit_rogers_castro(noisy), fit_rogers_castro(noisy)
    assert one.parameters == two.parameters
    assert one.parameters["mu2"] == pytest.approx(20, abs=0.5)
    assert one.relative_error < 0.06


@pytest.mark.golden
@pytest.mark.parametrize(("parameters", "column"), [(7, "m7"), (9, "m9"), (11, "m11"), (13, "m13")])
def test_golden_schedules_are_fitted(shared, parameters, column):
    table = pd.read_csv(shared / "golden/rogers_castro.csv", comment="#")
    fit = fit_rogers_castro(table[column], parameters=parameters, ages=table["age"])
    assert fit.relative_error < 0.01


@pytest.mark.golden
def test_golden_families_are_kept_in_groups(shared):
    table = pd.read_csv(shared / "golden/un_migration_families.csv", comment="#")
    for name, columns in (
        ("family", ("family_f", "family_m")),
        ("male_labour", ("male_labour_f", "male_labour_m")),
    ):
        single = un_migration_family(name)
        groups = np.add.reduceat(single, table["age"].to_numpy(), axis=1)
        wanted = table[list(columns)].to_numpy().T
        np.testing.assert_allclose(groups, wanted / wanted.sum(), rtol=1e-9)


@pytest.mark.parametrize("name", MIGRATION_FAMILIES)
def test_families_are_shares(name):
    single = un_migration_family(name)
    assert single.sum() == pytest.approx(1, abs=1e-12)
    assert (single > 0).all()
    assert 18 <= single[:, 10:].sum(axis=0).argmax() + 10 <= 26


@pytest.mark.golden
def test_golden_table_is_fitted_to_its_margins(shared):
    table = pd.read_csv(shared / "golden/ipf_willekens_1999.csv", comment="#")
    square = table.pivot_table(index="origin", columns="destination", values="seed")
    fitted = fit_origin_destination(square.to_numpy(), [18, 20], [16, 22])
    np.testing.assert_allclose(fitted.ravel(), table["fitted"], atol=1e-6)


def test_a_published_table_is_fitted_to_its_margins():
    # Willekens 1999, example in R package migest.
    fitted = fit_origin_destination([[5, 2], [1, 7]], [18, 20], [16, 22])
    np.testing.assert_allclose(fitted, [[13.2502, 4.7498], [2.7498, 17.2502]], atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(3, 6))
def test_margins_and_zeros_are_kept(seed, n):
    rng = np.random.default_rng(seed)
    table = rng.uniform(1, 9, (n, n)) * (1 - np.eye(n))
    goal = rng.uniform(1, 9, (n, n)) * (1 - np.eye(n))
    fitted = fit_origin_destination(table, goal.sum(axis=1), goal.sum(axis=0))
    np.testing.assert_allclose(fitted.sum(axis=1), goal.sum(axis=1), rtol=1e-8)
    np.testing.assert_allclose(fitted.sum(axis=0), goal.sum(axis=0), rtol=1e-8)
    assert (np.diag(fitted) == 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ([[1, 1], [1, 1]], [3, 1], [2, 3]),
            "departures add up to 4 and arrivals to 5; make the margins agree first",
        ),
        (
            ([[0, 0], [1, 1]], [3, 1], [2, 2]),
            "departures of 3 are wanted in position 0, where the seed has zeros only",
        ),
        (([[1, -1], [1, 1]], [3, 1], [2, 2]), "the seed must be numbers that are not negative"),
    ],
)
def test_margins_that_do_not_fit_are_named(arguments, message):
    with pytest.raises(DataError) as error:
        fit_origin_destination(*arguments)
    assert str(error.value) == message


def test_probabilities_follow_the_rates():
    # Rogers 1975: (I + M/2)^-1 (I - M/2), an approximation of the matrix exponential.
    rates = np.array([[0.0, 0.03], [0.02, 0.0]])
    deaths = np.array([0.01, 0.02])
    found = multiregional_probabilities(rates[..., None], deaths[:, None])[0]
    M = np.diag(rates.sum(axis=1) + deaths) - rates.T
    np.testing.assert_allclose(found, expm(-M), rtol=0, atol=2e-5)
    np.testing.assert_allclose(
        found, np.linalg.solve(np.eye(2) + M / 2, np.eye(2) - M / 2), atol=1e-12
    )


def test_rates_are_of_the_origin():
    flows = np.array([[0.0, 10.0], [5.0, 0.0]])
    np.testing.assert_allclose(
        origin_destination_rates(flows, np.array([100.0, 50.0])), [[0, 0.1], [0.1, 0]]
    )


def test_totals_are_laid_over_sex_and_age():
    schedule = un_migration_family("family")
    laid = age_sex_migrants([-500.0, 1000.0], schedule)
    np.testing.assert_allclose(laid.sum(axis=(1, 2)), [-500, 1000])
    assert (laid[0] <= 0).all()
    mixed = age_sex_migrants(50.0, [[30.0, -10.0], [20.0, -30.0]])
    assert mixed.sum() == pytest.approx(50)
    assert (np.sign(mixed) == [[1, -1], [1, -1]]).all()


@pytest.mark.parametrize(
    ("schedule", "options", "message"),
    [
        (np.ones(90), {"parameters": 8}, "parameters=8 is unknown; write: 7, 9, 11 or 13"),
        (np.ones(6), {}, "6 ages cannot tell 7 parameters"),
        (
            -np.ones(90),
            {},
            "a schedule to fit must be of numbers that are not negative and not all 0; "
            "fit in- and out-migration apart",
        ),
    ],
)
def test_what_cannot_be_fitted_is_named(schedule, options, message):
    with pytest.raises(DataError) as error:
        fit_rogers_castro(schedule, **options)
    assert str(error.value) == message
