"""Checks of data by name, and the indices behind them."""

import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import popsim as ps
from popsim.demography.age_quality import (
    age_ratio_score,
    age_sex_accuracy,
    myers,
    noumbissi,
    sex_ratio_score,
    spoorenberg,
    whipple,
)
from popsim.demography.checks import CHECKS
from popsim.errors import DataError


@pytest.mark.golden
def test_heaping_of_the_pasex_example(shared):
    P = pd.read_csv(shared / "golden/heaping_pasex.csv", comment="#")["pop"].to_numpy(float)
    assert whipple(P) / 100 == pytest.approx(2.33872986335, abs=1e-10)
    assert whipple(P, digits=(0,)) / 100 == pytest.approx(2.60161399514, abs=1e-10)
    assert whipple(P, digits=(5,)) / 100 == pytest.approx(1.78633911815, abs=1e-10)
    assert noumbissi(P, 0) == pytest.approx(2.32426861325, abs=1e-10)
    assert myers(P, ages=(10, 89)) == pytest.approx(23.627865, abs=1e-6)
    assert spoorenberg(P) == pytest.approx(5.066123, abs=1e-6)


@pytest.mark.golden
def test_accuracy_of_the_united_nations_example(shared):
    table = pd.read_csv(shared / "golden/age_sex_accuracy.csv", comment="#")
    men, women = table["males"], table["females"]
    assert age_ratio_score(men) == pytest.approx(3.907, abs=1e-3)
    assert age_ratio_score(women) == pytest.approx(3.655, abs=1e-3)
    assert sex_ratio_score(men, women) == pytest.approx(2.249, abs=1e-3)
    assert age_sex_accuracy(men, women) == pytest.approx(14.308, abs=1e-3)


@given(st.integers(0, 9), st.floats(0.1, 1e6))
@settings(max_examples=25, deadline=None)
def test_heaping_on_one_digit_is_the_most_there_is(digit, level):
    P = np.where(np.arange(101) % 10 == digit, level, 0.0)
    assert whipple(P, digits=(digit,)) == pytest.approx(1000)
    assert myers(P) == pytest.approx(90)
    # A linear fall of numbers with age is no preference.
    line = level * (200.0 - np.arange(101))
    assert myers(line) < 0.5
    assert noumbissi(line, digit) == pytest.approx(1, abs=1e-9)
    assert whipple(line * 3) == pytest.approx(float(whipple(line)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: whipple(np.ones(50)), "there are 50 ages; single ages 0 to 62 are needed"),
        (lambda: whipple(np.full(100, np.nan)), "must be numbers that are not negative"),
        (lambda: whipple(np.zeros(100)), "there is nobody at ages 23-62"),
        (lambda: whipple(np.ones(100), ages=(21, 24)), "no age of 21-24 ends in 0, 5"),
        (lambda: whipple(np.ones(100), ages=(0, 5)), "start too low"),
        (lambda: myers(np.ones(100), ages=(10, 85)), "ages 10-85 are not whole decades"),
        (lambda: noumbissi(np.ones(100), 10), "digit 10 is unknown; write: 0 to 9"),
        (lambda: age_ratio_score([1.0, 2.0, 3.0]), "at least four 5-year age groups"),
        (lambda: age_ratio_score([1.0, 0.0, 3.0, 1.0]), "must be positive"),
    ],
)
def test_bad_ages_are_refused(call, message):
    with pytest.raises(DataError, match=re.escape(message)):
        call()


@pytest.fixture(scope="module")
def history():
    base = ps.load_baseline("zhejiang-2020")
    return ps.project(base, years=range(2021, 2025), detail="history")


def test_results_balance_and_their_cohorts_do_not_grow(history):
    table = ps.check_data(
        history,
        strict=["balance", "cohort_survival", "births_against_age_0"],
        limits={"balance": (-1e-9, 1e-9), "cohort_survival": (0, 1 + 1e-9)},
    )
    assert set(table["check"]) == set(CHECKS)
    assert (table[table["check"] == "balance"]["verdict"] == "pass").all()
    assert len(table[table["check"] == "balance"]) == 4


def test_every_failure_of_a_strict_check_is_told(history):
    broken = history.copy(deep=True)
    broken["population"][dict(time=2)] *= 1.1
    with pytest.raises(DataError) as caught:
        ps.check_data(broken, strict=["balance"])
    lines = str(caught.value).splitlines()
    assert lines[0] == "2 problems"
    assert lines[1].startswith("balance, 330000, 2022 to 2023: 0.1")
    assert lines[2].startswith("balance, 330000, 2023 to 2024: -0.09")
    assert "is not between -0.005 and 0.005. Population less the population before" in lines[1]
    table = ps.check_data(broken)
    growing = table[(table["check"] == "cohort_survival") & (table["verdict"] == "fail")]
    assert growing["where"].str.startswith("330000, 2022 to 2023").all()
    assert len(growing) == 2


def test_exchanged_sexes_and_heaped_ages_are_found():
    base = ps.load_baseline("zhejiang-2020")
    sexes = base.population.isel(sex=[1, 0]).assign_coords(sex=["female", "male"])
    verdicts = ps.check_data(base.assign(population=sexes)).set_index("check")["verdict"]
    assert verdicts["order_of_sexes"] == "fail"
    heaped = base.population * xr.where(base.age % 5 == 0, 3.0, 0.5)
    table = ps.check_data(base.assign(population=heaped), checks=["whipple", "myers"])
    assert (table["verdict"] == "fail").all()
    with pytest.raises(DataError, match=r"whipple, 330000, 2021, female: 29\d"):
        ps.check_data(base.assign(population=heaped), strict=["whipple"])


def test_parts_are_compared_with_their_parent():
    base = ps.load_baseline("zhejiang-2020")[["population"]]
    parts = [
        base.assign_coords(region=[code], parent=("region", ["330000"])) * share
        for code, share in (("330100", 0.4), ("330200", 0.6))
    ]
    data = xr.concat([base, *parts], "region")
    table = ps.check_data(data, checks=["region_totals"])
    assert table[["where", "verdict"]].values.tolist() == [["330000, 2021, 2 parts", "pass"]]
    data["population"][dict(region=1)] *= 0.9
    with pytest.raises(DataError, match=r"region_totals, 330000, 2021, 2 parts: -0.04 is not"):
        ps.check_data(data, strict=["region_totals"])


def test_names_are_checked_and_a_strict_check_may_not_be_skipped():
    base = ps.load_baseline("zhejiang-2020")
    with pytest.raises(DataError, match="there is no check 'balence'; write: balance"):
        ps.check_data(base, strict=["balence"])
    with pytest.raises(DataError, match="balance: cannot be checked: needs population at two"):
        ps.check_data(base, strict=["balance"])


def test_every_check_has_a_meaning_in_two_languages():
    table = ps.data_checks()
    assert list(table.index) == list(CHECKS)
    for meaning, meaning_zh in zip(table["meaning"], table["meaning_zh"], strict=True):
        assert len(meaning) > 20
        assert re.search(r"[\u4e00-\u9fff]", meaning_zh)


def test_balance_between_two_dates_of_one_s_own_counts(tmp_path):
    (tmp_path / "人口.csv").write_text(
        "331126 人口（年末，人）\n时点,年龄,男,女\n2018年末,0-39岁,500,500\n2018年末,40+,500,500\n"
        "2020年末,0-39岁,505,500\n2020年末,40+,500,500\n",
        "utf-8",
    )
    for name, value in (("出生人数", 20), ("死亡人数", 25), ("净迁移总人数", 7.5)):
        (tmp_path / f"{name}.csv").write_text(
            f"331126 {name}（单位：人）\n年份,{name[:2]}人数\n2019,{value}\n2020,{value}\n".replace(
                "净迁人数", "净迁移人数"
            ),
            "utf-8",
        )
    counts = ps.read_counts(tmp_path)
    assert counts.population.sel(time=2021).sum() == 2005
    table = ps.check_data(counts, strict=["balance"])
    row = table[table["check"] == "balance"].iloc[0]
    assert row["where"] == "331126, 2019 to 2021"
    assert row["value"] == pytest.approx(0.0)
    (tmp_path / "死亡人数.csv").write_text(
        "331126 死亡（人）\n年份,死亡人数\n2019,25\n2020,65\n", "utf-8"
    )
    with pytest.raises(DataError, match=r"balance, 331126, 2019 to 2021: 0\.01 is not between"):
        ps.check_data(ps.read_counts(tmp_path), strict=["balance"])
