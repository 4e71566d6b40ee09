from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from popsim.demography.population import broad_age_sums, move_to_january
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
            lambda: broad_age_sums(np.ones(10), (15, 60)),
            "limits 15, 60 must rise and lie within ages 1 to 9",
        ),
    ],
)
def test_messages(call: object, message: str) -> None:
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        call()  # type: ignore[operator]
