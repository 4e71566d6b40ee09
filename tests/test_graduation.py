from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from popsim.demography.graduation import (
    graduate,
    graduate_rates,
    graduate_with_standard,
    group_sums,
    scale_within_groups,
    spread_open,
)
from popsim.errors import DataError

CENSUS = [0, 1, *range(5, 101, 5)]
# Series of the golden graduation_5yr_to_single (DemoTools, pop5_mat 1950), the last group open.
POP5 = [
    54170,
    44775,
    42142,
    38464,
    34406,
    30386,
    26933,
    23481,
    20602,
    16489,
    14248,
    9928,
    8490,
    4801,
    3599,
    2048,
    941,
    326,
    80,
    17,
    0,
]


@pytest.mark.golden
def test_counts_of_the_reference_implementation(shared: Path) -> None:
    table = pd.read_csv(shared / "golden" / "graduation_5yr_to_single.csv", comment="#")
    counts = table["pop_5yr"].dropna().to_numpy()
    assert counts.tolist() == POP5
    breaks = range(0, 101, 5)
    for method, column in [("sprague", "sprague"), ("beers", "beers_ord"), ("monotone", "mono")]:
        single = graduate(counts, breaks, method=method)  # type: ignore[arg-type]
        np.testing.assert_allclose(single, table[column], rtol=1e-6, atol=1e-5)


def test_literal_values() -> None:
    sprague = graduate(POP5, range(0, 101, 5), method="sprague")
    assert sprague[10:12] == pytest.approx([8573.6144, 8550.5648])
    assert sprague[0] == pytest.approx(12172.4912)
    beers = graduate(POP5, range(0, 101, 5), method="beers")
    assert beers[[0, 10]] == pytest.approx([11932.7336, 8582.9336])
    monotone = graduate(POP5, range(0, 101, 5))
    assert monotone[[0, 12, 36]] == pytest.approx([11946.28053, 8460.954869, 4805.277921])


def test_quintic_and_monotone_fertility() -> None:
    # McNeil, Trussell & Turner 1977: cumulated fertility at 15, 20 … 50.
    F = np.array([0, 0.080, 0.593, 1.297, 1.840, 2.171, 2.296, 2.306])
    limits = range(15, 51, 5)
    quintic = graduate_rates(np.diff(F) / 5, limits, method="quintic")
    assert quintic[[0, 11, 34]] == pytest.approx(
        [0.0003080695323, 0.1446664016, -2.891556631e-05], abs=1e-10
    )
    monotone = graduate_rates(np.diff(F) / 5, limits)
    assert (monotone >= 0).all()
    np.testing.assert_allclose(np.cumsum(monotone)[4::5], F[1:])
    assert np.abs(monotone - quintic).max() < 0.004


@pytest.mark.golden
def test_quintic_file(shared: Path) -> None:
    table = pd.read_csv(shared / "golden" / "asfr_spline_mcneil_1977.csv", comment="#")
    F = np.array([0, 0.080, 0.593, 1.297, 1.840, 2.171, 2.296, 2.306])
    single = graduate_rates(np.diff(F) / 5, range(15, 51, 5), method="quintic")
    np.testing.assert_allclose(single, table["asfr_single"], atol=1e-9)


def test_beers_keeps_the_count_of_age_zero() -> None:
    counts = [100, 380, 470, 460, 450, 440, 430, 5]
    single = graduate(counts, [0, 1, *range(5, 35, 5)], method="beers")
    assert single[0] == 100
    np.testing.assert_allclose(group_sums(single, [0, 1, *range(5, 35, 5)]), counts)


def test_open_group_is_spread_by_survivorship() -> None:
    single = graduate([50.0, 40.0, 12.0], [0, 5, 10], open_weights=[3.0, 2.0, 1.0])
    assert single[-3:] == pytest.approx([6, 4, 2])
    assert single.sum() == pytest.approx(102)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1e7), min_size=22, max_size=22))
def test_monotone_keeps_totals_and_is_never_negative(counts: list[float]) -> None:
    single = graduate(counts, CENSUS)
    assert (single >= 0).all()
    np.testing.assert_allclose(group_sums(single, CENSUS), counts, rtol=1e-9, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.just(0.0) | st.floats(1, 1e6), min_size=22, max_size=22),
    st.lists(st.floats(1, 1e6), min_size=101, max_size=101),
)
def test_standard_keeps_totals_and_is_never_negative(
    counts: list[float], standard: list[float]
) -> None:
    single = graduate_with_standard(counts, CENSUS, standard)
    assert (single >= 0).all()
    np.testing.assert_allclose(group_sums(single, CENSUS), counts, rtol=1e-12)


def test_standard_itself_comes_back() -> None:
    standard = 1000 + 300 * np.sin(np.arange(101))
    single = graduate_with_standard(0.04 * group_sums(standard, CENSUS), CENSUS, standard)
    np.testing.assert_allclose(single, 0.04 * np.append(standard[:-1], standard[-1]), rtol=1e-12)


def _dip(nation: np.ndarray, year: int) -> None:
    """Recover a synthetic province from its groups; its ratio to the nation is a known curve."""
    age = np.arange(101)
    ratio = 0.05 * np.exp(0.6 * np.exp(-(((age - 27) / 9) ** 2)) - 0.004 * age)
    province = nation * ratio
    groups = group_sums(province, CENSUS)
    by_standard = graduate_with_standard(groups, CENSUS, nation)
    by_spline = graduate(groups, CENSUS)
    born = slice(year - 1965, year - 1956)  # ages of the cohorts around the dip
    error_standard = np.abs(by_standard / province - 1)[born].max()
    error_spline = np.abs(by_spline / province - 1)[born].max()
    assert error_standard < 0.01
    assert error_spline > 10 * error_standard
    # No jump at the borders of groups that the ratio's own curve does not have.
    implied = np.log(by_standard / nation)[5:100]
    assert np.abs(np.diff(implied) - np.diff(np.log(ratio))[5:99]).max() < 0.03


def test_standard_recovers_the_dip_of_1959_to_1963() -> None:
    age = np.arange(101)
    nation = 2e7 * np.exp(-((age / 75) ** 4))
    # Ages 57 to 61 in 2020 were born 1959-61, those of 57 in the baby boom that followed.
    nation[[57, 58, 59, 60, 61]] *= [1.3, 0.75, 0.55, 0.5, 0.7]
    _dip(nation, 2020)


@pytest.mark.golden
@pytest.mark.parametrize("year", [2010, 2020])
def test_dip_with_the_census(shared: Path, year: int) -> None:
    table = pd.read_csv(shared / "data" / "census" / "national_deaths_exposure_single_age.csv")
    rows = table[(table["year"] == year) & (table["residence"] == "all")]
    _dip(rows.groupby("age")["person_years"].sum().to_numpy(), year)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: graduate([[1, 2, 3], [1, -2, 3]], [0, 5, 10]),
            "the count of the group from age 5 (row 1) is -2; it must be a number that is not "
            "negative",
        ),
        (
            lambda: graduate([1, 2, 3], [0, 5]),
            "3 groups have counts but 2 lower limits are given; the last limit is that of the open "
            "group",
        ),
        (
            lambda: graduate([1] * 7, [0, 1, 4, 10, 15, 20, 25], method="sprague"),
            "method 'sprague' needs at least five groups of five years; the groups start at "
            "0, 1, 4, 10, 15, 20",
        ),
        (
            lambda: graduate([1, 2, 3], [0, 5, 10], method="pclm"),  # type: ignore[arg-type]
            "method 'pclm' is unknown; write: monotone, sprague or beers",
        ),
        (
            lambda: graduate_with_standard([1, 2, 3], [0, 2, 4], [1, 1, 0, 0, 1]),
            "the standard is zero at ages 2-3, where 2 are to be spread; give a standard that is "
            "positive there",
        ),
        (
            lambda: graduate_with_standard([1, 2, 3], [0, 2, 4], [1, 1, 1]),
            "the standard has 3 ages; the groups need 5, 0 to 4 and over",
        ),
        (
            lambda: spread_open([1, 2], [0, 0]),
            "weights of the open group must not be negative and not all zero",
        ),
    ],
)
def test_messages(call: object, message: str) -> None:
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        call()  # type: ignore[operator]


def test_scale_within_groups_broadcasts() -> None:
    rows = scale_within_groups(np.ones(4), [0, 2, 4], [[2.0, 2.0], [4.0, 8.0]])
    assert rows.shape == (2, 4)
    np.testing.assert_allclose(rows[0], 1)
