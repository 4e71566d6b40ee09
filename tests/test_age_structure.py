"""Age structure, reproduction, momentum, woman-years: published numbers and identities."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from popsim.demography.age_structure import age_with_life_left, between, median_age
from popsim.demography.exposure import birth_exposure
from popsim.demography.parity import incidence_rates
from popsim.demography.stable import (
    intrinsic_growth_rate,
    keyfitz_momentum,
    mean_age_of_childbearing,
    net_reproduction_rate,
    preston_guillot_momentum,
    remaining_births,
)
from popsim.errors import DataError

counts = arrays(float, 30, elements=st.integers(0, 10**6).map(float))


def table(shared, name):
    return pd.read_csv(shared / "golden" / f"{name}.csv", comment="#")


@pytest.mark.golden
def test_intrinsic_growth_of_egypt_1997(shared):
    # Preston, Heuveline & Guillot 2001, Box 7.1.
    egypt = table(shared, "intrinsic_growth")
    L, m, ages = egypt.nLx, egypt.maternity, egypt.age
    assert net_reproduction_rate(L, m) == pytest.approx(1.527413734, abs=1e-9)
    r = intrinsic_growth_rate(L, m, ages, width=5)
    assert r == pytest.approx(0.0142440581, abs=1e-9)
    mean = mean_age_of_childbearing(L, m, ages, width=5, growth=r)
    assert mean == pytest.approx(29.4725, abs=1e-4)


@pytest.mark.golden
def test_momentum_of_western_asia_1995_2000(shared):
    # Preston, Heuveline & Guillot 2001, Box 7.3.
    asia = table(shared, "momentum_western_asia")
    L, m, ages = asia.nLx, asia.maternity, asia.age
    np.testing.assert_allclose(remaining_births(L, m, ages, width=5), asia.w, atol=1e-9)
    assert mean_age_of_childbearing(L, m, ages, width=5) == pytest.approx(26.60042753, abs=1e-7)
    found = preston_guillot_momentum(
        asia.N_f, L, m, ages, life_expectancy=70.3, population=87176, width=5
    )
    assert found == pytest.approx(1.609443248, abs=1e-8)
    nrr = net_reproduction_rate(L, m)
    assert keyfitz_momentum(0.0291918647, 70.3, nrr) == pytest.approx(1.57265258, abs=1e-8)


@pytest.mark.golden
def test_median_age_and_ratios_of_china_2015(shared):
    china = table(shared, "indicators_china_wpp2019")
    people = china.pop_2015.to_numpy()
    assert round(float(median_age(people, china.age)), 3) == 36.701
    young = people[china.age < 15].sum()
    old = people[china.age >= 65].sum()
    working = people.sum() - young - old
    found = [young / working, old / working, (young + old) / working, working / old, old / young]
    expected = [0.24863, 0.12851, 0.37714, 7.781, 0.51688905]
    np.testing.assert_allclose(found, expected, atol=5e-4, rtol=0)


@pytest.mark.golden
def test_median_age_of_china_2015_from_single_ages(shared):
    ages = pd.read_csv(shared / "data/wpp/wpp2019_pop_age1.csv.gz", comment="#")
    china = ages[(ages.country_code == 156) & (ages.year == 2015)].sort_values("age")
    people = (china.pop_female_k + china.pop_male_k).to_numpy()
    assert float(median_age(people, china.age)) == pytest.approx(36.766, abs=5e-4)


@pytest.mark.golden
def test_prospective_old_age_of_chinese_women_2010_2015(shared):
    china = table(shared, "prospective_old_age_threshold")
    assert age_with_life_left(china.ex, china.age) == pytest.approx(67.2496309, abs=1e-6)


def test_median_of_a_uniform_pyramid_is_its_middle():
    people = np.append(np.full(80, 5.0), 0.0)
    assert median_age(people).item() == 40.0
    grouped = np.append(people[:80].reshape(-1, 5).sum(axis=1), 0.0)
    assert median_age(grouped, np.arange(0, 85, 5)).item() == 40.0


@given(counts, st.floats(0, 29), st.floats(0, 29))
def test_age_groups_add_up(people, one, two):
    low, high = sorted((one, two))
    parts = between(people, 0, low) + between(people, low, high) + between(people, high)
    assert parts == pytest.approx(people.sum(), rel=1e-12, abs=1e-6)


@given(counts.filter(lambda n: n[:-1].sum() > n[-1]))
def test_half_of_the_population_is_younger_than_the_median(people):
    younger = between(people, 0, median_age(people))
    assert younger == pytest.approx(people.sum() / 2, rel=1e-9)


@given(arrays(float, 10, elements=st.floats(0.01, 0.4)), st.floats(0.5, 2))
def test_intrinsic_growth_solves_lotkas_equation(maternity, scale):
    ages = np.arange(15, 25)
    L = np.linspace(0.99, 0.97, 10)
    r = intrinsic_growth_rate(L, scale * maternity, ages)
    total = (np.exp(-r * (ages + 0.5)) * L * scale * maternity).sum()
    assert total == pytest.approx(1, abs=1e-10)
    nrr = net_reproduction_rate(L, scale * maternity)
    assert np.sign(r) == np.sign(np.log(nrr)) or abs(r) < 1e-12


def test_momentum_of_a_stationary_population_is_one():
    L = np.linspace(1, 0.2, 90)
    m = np.zeros(90)
    m[20:40] = 0.09
    assert preston_guillot_momentum(7 * L, L, m, np.arange(90)) == pytest.approx(1, abs=1e-12)
    assert remaining_births(L, m, np.arange(90)).sum() == pytest.approx(1, abs=1e-12)


def test_no_births_have_no_growth_and_no_momentum():
    L, m = np.ones(5), np.zeros(5)
    assert np.isnan(intrinsic_growth_rate(L, m, np.arange(5)))
    assert np.isnan(preston_guillot_momentum(L, L, m, np.arange(5)))


@given(st.integers(0, 2**32 - 1))
def test_woman_years_give_back_the_rates_and_add_up(seed):
    rng = np.random.default_rng(seed)
    women = rng.uniform(1, 100, (3, 12))
    h = np.zeros((3, 12))
    h[:, 3:9] = rng.uniform(0, 1.5, (3, 6))
    survival = rng.uniform(0.8, 1, 12)
    total = women.sum(axis=0)
    end = np.append(0.0, survival[1:] * total[:-1])
    end[-1] += survival[-1] * total[-1]
    exposure = 0.5 * (total + end)
    births = incidence_rates(h, women, survival) * exposure
    found = birth_exposure(births, women, end)
    np.testing.assert_allclose(found.conditional, h, atol=1e-12)
    np.testing.assert_allclose(found.by_parity.sum(axis=0), exposure, rtol=1e-13)
    np.testing.assert_allclose(found.end.sum(axis=0)[1:], end[1:], rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: median_age([1.0, 1.0, 10.0]),
            "the median lies in the open age group 2+, where it cannot be placed; use groups that "
            "go further",
        ),
        (lambda: median_age([1.0, 1.0], [5, 5]), "2 rising first ages are needed for 2 groups"),
        (
            lambda: between([1.0, 1.0, 1.0], 0, 2.5),
            "a limit of 2.5 years is not between 0 and 2, where the open age group starts",
        ),
        (lambda: between([1.0, 1.0, 1.0], 2, 1), "an age group ends before it starts"),
        (
            lambda: between([1.0, np.nan], 0),
            "a population by age must hold numbers that are not negative",
        ),
        (
            lambda: net_reproduction_rate([1.0, 1.0], [0.1]),
            "person-years have shape (2,) and maternity rates (1,); the last axis of both must be "
            "the ages",
        ),
        (
            lambda: net_reproduction_rate([1.0], [-0.1]),
            "person-years and maternity rates must not be negative",
        ),
        (lambda: keyfitz_momentum(0.02, 70, 0), "the net reproduction rate must be above 0"),
        (
            lambda: birth_exposure(
                [[0, 5.0, 0], [0, 4.0, 0]], [[0, 10.0, 0], [0, 0, 0]], [0, 10.0, 0]
            ),
            "births of order 2 at age 1 are 1.6 times the women of parity 1 who could give them; "
            "births and women are not of the same projection",
        ),
        (
            lambda: birth_exposure([[1.0, 0, 0]], [[1.0, 1, 1]], [0, 1.0, 1]),
            "births of the first and of the last, open age are not followed; set to 0",
        ),
    ],
)
def test_wrong_input_is_refused(call, message):
    with pytest.raises(DataError) as error:
        call()
    assert str(error.value) == message
