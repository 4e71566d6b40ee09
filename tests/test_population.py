from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from popsim.demography.graduation import group_sums
from popsim.demography.population import (
    broad_age_sums,
    move_to_january,
    stock_from_exposure,
)
from popsim.errors import DataError


@settings(deadline=None, max_examples=50)
@given(
    arrays(float, (2, 10), elements=st.floats(1, 1e6)),
    arrays(float, (10,), elements=st.floats(0.5, 1)),
    st.floats(0, 1e5),
    st.floats(1, 1e7),
)
def test_census_plus_all_adjustments_is_the_population(
    census: np.ndarray, survival: np.ndarray, births: float, total: float
) -> None:
    moved = move_to_january(census, survival, [births, births], total=total, axis=(-2, -1))
    assert list(moved.adjustments) == ["deaths", "birthdays", "births", "scaling"]
    rebuilt = census + sum(moved.adjustments.values())
    np.testing.assert_allclose(rebuilt, moved.population, atol=1e-6)
    assert moved.population.sum() == pytest.approx(total)
    assert moved.adjustments["birthdays"].sum() == pytest.approx(0, abs=1e-6)
    assert (moved.adjustments["deaths"] <= 0).all()
    assert (moved.population > 0).all()


def test_values_by_hand() -> None:
    moved = move_to_january([60.0, 120.0, 600.0], [0.9, 0.64, 0.25], 20.0, fraction=0.5)
    # 60 x 0.8 = 48 alive at age 0, 120 x 0.5 = 60 at age 1, 600 x 0.5 = 300 above; half move up.
    np.testing.assert_allclose(moved.population, [24 + 18, 30 + 24, 330])
    assert "scaling" not in moved.adjustments


def test_stationary_population_stays() -> None:
    moved = move_to_january(np.full(5, 120.0), np.ones(5), 20.0)
    np.testing.assert_allclose(moved.population, [120, 120, 120, 120, 140])


def test_stock_from_exposure_puts_the_dip_on_its_ages() -> None:
    count = 2e7 * np.exp(-((np.arange(102) / 75) ** 4))
    count[[57, 58, 59, 60, 61]] *= [1.3, 0.75, 0.55, 0.5, 0.7]
    survival = np.linspace(1, 0.8, 101)
    exposure = 0.5 * (count[:-1] + count[1:] / np.append(survival[1:], 0.8))
    stock = stock_from_exposure(exposure, survival)
    error = np.abs(stock / count[:-1] - 1)[5:95]
    assert error.max() < 0.07
    assert np.abs(exposure / count[:-1] - 1)[5:95].max() > 0.25
    both = stock_from_exposure(np.stack([exposure, 2 * exposure]), survival)
    np.testing.assert_allclose(both[1], 2 * both[0])


@pytest.mark.golden
def test_stock_from_exposure_meets_the_groups_of_the_census(shared: Path) -> None:
    exposure = pd.read_csv(shared / "data" / "census" / "national_deaths_exposure_single_age.csv")
    count = pd.read_csv(shared / "data" / "census" / "population_by_age_sex.csv")
    breaks = [0, 1, *range(5, 101, 5)]
    rows = exposure[(exposure["year"] == 2020) & (exposure["residence"] == "all")]
    single = rows.groupby("age")[["person_years", "deaths"]].sum()
    E = single["person_years"].to_numpy()
    survival = np.append(1.0, np.exp(-single["deaths"].to_numpy() / E)[:-1])
    nation = count[(count["year"] == 2020) & (count["residence"] == "all") & (count["region"] == 0)]
    groups = nation.groupby("age")["population"].sum()[breaks].to_numpy()
    shifted = group_sums(stock_from_exposure(E, survival), breaks) / groups - 1
    raw = group_sums(E, breaks) / groups - 1
    assert np.abs(shifted[2:19]).max() < 0.01
    assert np.abs(raw[2:19]).max() > 0.04


def test_broad_ages() -> None:
    sums = broad_age_sums(np.ones((2, 101)), (15, 60))
    assert {name: value.tolist() for name, value in sums.items()} == {
        "0-14": [15, 15],
        "15-59": [45, 45],
        "60+": [41, 41],
    }


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: move_to_january([1, -1], [1, 1], 0),
            "census counts must be numbers that are not negative",
        ),
        (
            lambda: move_to_january([1, 1], [1, 1], 0, fraction=2),
            "the fraction of a year is 2; it must be from 0 to below 1",
        ),
        (
            lambda: move_to_january([1, 1], [1, 1, 1], 0),
            "the census has shape (2,) and survival (3,); both need the same single ages on the "
            "last axis",
        ),
        (
            lambda: stock_from_exposure([1, 1, 0, 1, 1], np.ones(5)),
            "person-years at age 2 must be more than 0; use a lower open age",
        ),
        (
            lambda: broad_age_sums(np.ones(10), (15, 60)),
            "limits 15, 60 must rise and lie within ages 1 to 9",
        ),
    ],
)
def test_messages(call: object, message: str) -> None:
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        call()  # type: ignore[operator]
