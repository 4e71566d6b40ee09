from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from popsim.demography.lifetable import (
    cut_open,
    extend_kannisto,
    graduate_mortality,
    greville_ax,
    infant_ax,
    life_table,
    life_table_from_deaths,
    relational,
    scale_to_deaths,
    scale_to_e0,
    survival_ratios,
    survival_ratios_from_person_years,
    toddler_ax,
)
from popsim.errors import DataError

ABRIDGED = [0, 1, *range(5, 90, 5)]
# Austria, males, 1992: Preston, Heuveline & Guillot 2001, Box 3.1.
AUSTRIA_N = [
    47925, 189127, 234793, 238790, 254996, 326831, 355086, 324222, 269963, 261971, 238011, 261612,
    181385, 187962, 153832, 105169, 73694, 57512, 32248,
]  # fmt: skip
AUSTRIA_D = [
    419, 70, 36, 46, 249, 420, 403, 441, 508, 769, 1154, 1866, 2043, 3496, 4366, 4337, 5279, 6460,
    6146,
]  # fmt: skip
AUSTRIA_AX = [
    0.068, 1.626, 2.5, 3.143, 2.724, 2.52, 2.481, 2.601, 2.701, 2.663, 2.698, 2.676, 2.645, 2.624,
    2.619, 2.593, 2.518, 2.423, 5.247,
]  # fmt: skip
# United Nations 1982, Model Life Tables for Developing Countries, page 34, males.
UN_M = [
    0.23669, 0.04672, 0.00982, 0.00511, 0.00697, 0.01036, 0.01169, 0.01332, 0.01528, 0.01757,
    0.02092, 0.02517, 0.03225, 0.04241, 0.06056, 0.08574, 0.1184, 0.16226, 0.23745,
]  # fmt: skip
UN_E = [
    35, 42.901, 47.19, 44.438, 40.523, 36.868, 33.691, 30.567, 27.5, 24.485, 21.504, 18.599, 15.758,
    13.08, 10.584, 8.466, 6.729, 5.312, 4.211,
]  # fmt: skip


def golden(shared: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(shared / "golden" / f"{name}.csv", comment="#")


def test_austria_1992_males() -> None:
    table = life_table_from_deaths(AUSTRIA_D, AUSTRIA_N, ages=ABRIDGED, ax=AUSTRIA_AX)
    assert float(table["ex"][0]) == pytest.approx(72.889, abs=1e-3)
    assert float(table["ex"].sel(age=65)) == pytest.approx(14.971, abs=1e-3)
    assert float(table["nLx"][0]) == pytest.approx(99192, abs=1)


def test_a0_and_4a1_of_the_west_form_are_those_of_austria() -> None:
    table = life_table_from_deaths(
        AUSTRIA_D, AUSTRIA_N, ages=ABRIDGED, sex="male", a0_rule="coale-demeny-west-m0"
    )
    assert table["ax"].values[:3] == pytest.approx([0.068, 1.626, 2.5], abs=5e-4)


def test_un_1982_by_west_and_greville() -> None:
    table = life_table(UN_M, ages=ABRIDGED, sex="male", a0_rule="coale-demeny-west-m0")
    ex = table["ex"].values
    assert ex[[0, 1, 2, 4, -1]] == pytest.approx([UN_E[i] for i in (0, 1, 2, 4, -1)], abs=0.005)


@pytest.mark.golden
def test_whole_published_tables(shared: Path) -> None:
    austria = golden(shared, "lifetable_austria_1992_males")
    table = life_table(austria["D"] / austria["N"], ages=austria["age"], ax=austria["ax"])
    np.testing.assert_allclose(table["ex"], austria["ex"], atol=1e-3)
    np.testing.assert_allclose(table["nLx"], austria["nLx"], atol=1)
    np.testing.assert_allclose(table["Tx"], austria["Tx"], atol=1)
    united = golden(shared, "lifetable_un1982_p34_males")
    table = life_table(
        united["nMx"], ages=united["age"], sex="male", a0_rule="coale-demeny-west-m0"
    )
    np.testing.assert_allclose(table["ex"], united["ex_published"], atol=0.005)
    ontario = golden(shared, "lifetable_ontario_2011_1x1")
    table = life_table(ontario["mx"], ax=ontario["ax"])
    np.testing.assert_allclose(table["qx"], ontario["qx"], atol=1e-5)
    np.testing.assert_allclose(table["ex"], ontario["ex"], atol=0.02)


# Literal values on both sides of a cut: golden a0_rules (Andreev & Kingkade; Coale & Demeny).
@pytest.mark.parametrize(
    ("m0", "sex", "west", "toddler", "andreev"),
    [
        (0.0229, "male", 0.1064636, 1.5865136, 0.103594195),
        (0.0231, "male", 0.1070004, 1.5859504, 0.103630851),
        (0.0172, "female", 0.10116, 1.4958904, 0.113679356),
        (0.0173, "female", 0.10144, 1.4957386, 0.113809397),
        (0.1069, "male", 0.3319196, 1.3499696, 0.29915),
        (0.107, "male", 0.33, 1.352, 0.29915),
        (0.15, "female", 0.35, 1.361, 0.31411),
    ],
)
def test_a0_rules(m0: float, sex: str, west: float, toddler: float, andreev: float) -> None:
    assert infant_ax(m0, sex, "coale-demeny-west-m0") == pytest.approx(west, abs=1e-9)
    assert toddler_ax(m0, sex) == pytest.approx(toddler, abs=1e-9)
    assert infant_ax(m0, sex) == pytest.approx(andreev, abs=1e-9)


@pytest.mark.golden
def test_a0_rules_file(shared: Path) -> None:
    table = golden(shared, "a0_rules")
    sex = table["sex"].map({"m": "male", "f": "female"})
    m0 = table["m0"]
    west = "coale-demeny-west-m0"
    np.testing.assert_allclose(infant_ax(m0, sex, west), table["a0_coale_demeny_west"], atol=1e-9)
    np.testing.assert_allclose(toddler_ax(m0, sex), table["a1_4_coale_demeny_west"], atol=1e-9)
    np.testing.assert_allclose(infant_ax(m0, sex), table["a0_andreev_kingkade"], atol=1e-9)


def test_q0_forms_solve_for_q0() -> None:
    for rule in ("andreev-kingkade-q0", "coale-demeny-west-q0"):
        table = life_table([0.01, 0.001, 0.1], ages=[0, 1, 5], sex="male", a0_rule=rule)
        q0, a0 = float(table["qx"][0]), float(table["ax"][0])
        assert a0 == pytest.approx(float(infant_ax(q0, "male", rule)), abs=1e-12)
        assert q0 == pytest.approx(0.01 / (1 + (1 - a0) * 0.01), abs=1e-12)


def test_kannisto_of_literal_rates() -> None:
    # China 2010-15, females (golden kannisto_china_2010_2015), observed ages 80 to 95.
    ages, m = extend_kannisto(
        [0.095867, 0.153113, 0.219135, 0.302939], [80, 85, 90, 95], fit=(80, 95)
    )
    assert ages[[0, -1]].tolist() == [80, 130]
    assert m[4:6] == pytest.approx([0.414185, 0.530083], abs=2e-6)


@pytest.mark.golden
def test_kannisto_file(shared: Path) -> None:
    want = golden(shared, "kannisto_china_2010_2015").set_index("age")
    rates = golden(shared, "lee_carter_china_input")
    last = rates.columns[-1]
    both = rates.pivot_table(index="sex", columns="age", values=last).loc[["f", "m"]]
    ages, alone = extend_kannisto(both.to_numpy(), both.columns, fit=(80, 95))
    at = ages >= 100
    np.testing.assert_allclose(alone[0, at], want["single_sex_female"].loc[100:], atol=1e-6, rtol=0)
    ages, joint = extend_kannisto(both.to_numpy(), both.columns, fit=(80, 95), coherent=True)
    np.testing.assert_allclose(joint[0, at], want["coherent_female"].loc[100:], atol=1e-6, rtol=0)
    np.testing.assert_allclose(joint[1, at], want["coherent_male"].loc[100:], atol=1e-6, rtol=0)


def test_kannisto_does_not_extrapolate_a_falling_logit() -> None:
    _, m = extend_kannisto([0.3, 0.2], [80, 85], fit=(80, 85), to=95)
    assert m[2] == pytest.approx(m[3])


def test_survival_ratios_of_sweden_1993() -> None:
    # Person-years of Swedish females 1993 (Preston et al. 2001, Box 6.1), ends of the column.
    L = np.array([497487, 497138, 402775, 350358, 271512, 291707])
    ratios = survival_ratios_from_person_years(L, width=5)
    assert ratios[[0, 1, -1]] == pytest.approx([0.994974, 0.9992985, 0.5179282], abs=5e-8)


@pytest.mark.golden
def test_sweden_1993_projects_to_the_published_population(shared: Path) -> None:
    sweden = golden(shared, "ccmpp_preston_box6_1_sweden_1993")
    S = survival_ratios_from_person_years(sweden["nLx"], width=5)
    before = sweden["pop_f_1993"].to_numpy()
    after = S[1:] * np.append(before[:-2], before[-2] + before[-1])
    np.testing.assert_allclose(after, sweden["pop_f_1998"][1:], atol=0.6)
    assert 295056.76 * S[0] == pytest.approx(293573.81, abs=0.01)


def test_columns_are_consistent_and_labelled() -> None:
    m = xr.DataArray(
        [[0.004, 0.0003, 0.05], [0.005, 0.0004, 0.06]],
        dims=["sex", "age"],
        coords={"sex": ["female", "male"], "age": [0, 1, 2], "region": "331126"},
    )
    table = life_table(m)
    assert table["ex"].dims == ("sex", "age")
    assert table["region"].item() == "331126"
    assert table["age"].attrs["open_interval"]
    single = life_table([0.005, 0.0004, 0.06], sex="male")
    np.testing.assert_allclose(table["ex"].sel(sex="male"), single["ex"])
    np.testing.assert_allclose(table["dx"].sum("age"), 100_000)
    ratios = survival_ratios(table)
    assert ratios.dims == ("sex", "age")
    assert float(ratios.sel(sex="male", age=0)) == pytest.approx(float(single["nLx"][0]) / 100_000)


def test_very_high_rate_falls_back_on_a_constant_hazard() -> None:
    table = life_table([0.1, 3.0, 5.0], ages=[0, 1, 2], ax=[0.3, 0.5, np.nan])
    assert float(table["qx"][1]) == pytest.approx(1 - np.exp(-3))
    # The person-years of a constant hazard are deaths over the rate.
    assert float(table["nLx"][1]) == pytest.approx(float(table["dx"][1]) / 3)


def test_zero_deaths_are_legal_below_the_open_group() -> None:
    table = life_table([0.0, 0.0, 0.0, 0.01, 0.1], ages=[0, 1, 5, 10, 15], sex="female")
    assert table["qx"].values[:3].tolist() == [0, 0, 0]
    assert greville_ax([0.1, 0.0, 0.0, 0.0, 0.1, 0.2], [0, 1, 5, 10, 15, 20])[4] == 2.5


def test_cut_open_keeps_expectations() -> None:
    m = 0.0001 * np.exp(0.09 * np.arange(111))
    table = life_table(m, sex="female")
    short = cut_open(table, 100)
    np.testing.assert_allclose(short["ex"], table["ex"].sel(age=slice(None, 100)))
    again = life_table(short["mx"], sex="female")
    np.testing.assert_allclose(again["ex"], short["ex"])


def test_graduated_mortality_keeps_survivors_and_lies_near_the_truth() -> None:
    age = np.arange(101)
    true = 0.003 * (age + 0.05) ** -0.9 * np.exp(-age / 10) + 0.00003 * np.exp(0.09 * age)
    true[0] = 0.01
    breaks = [0, 1, *range(5, 101, 5)]
    table = life_table(true, sex="male")
    l = np.append(table["lx"].sel(age=breaks), 0.0)  # noqa: E741
    T = np.append(table["Tx"].sel(age=breaks), 0.0)
    m = -np.diff(l) / -np.diff(T)
    single = graduate_mortality([m, np.where(np.arange(m.size) == 3, 0.0, m)], breaks, sex="male")
    short = life_table([m, np.where(np.arange(m.size) == 3, 0.0, m)], ages=breaks, sex="male")
    np.testing.assert_allclose(
        life_table(single, sex="male")["lx"].sel(age=breaks), short["lx"], rtol=1e-11
    )
    np.testing.assert_allclose(single[0, 30:95], true[30:95], rtol=0.02)
    assert single[1, 10:15].tolist() == [0] * 5


def test_scaling_to_deaths_and_to_e0() -> None:
    m = 0.0001 * np.exp(0.09 * np.arange(101))
    exposure = np.linspace(1000, 10, 101)
    factor = scale_to_deaths(m, exposure, 400.0)
    assert (factor * m * exposure).sum() == pytest.approx(400)
    old = np.arange(101) >= 80
    factor = scale_to_deaths(m, exposure, 800.0, where=old)
    assert (np.where(old, factor, 1) * m * exposure).sum() == pytest.approx(800)
    both = scale_to_e0([m, 2 * m], 78.0, sex=["female", "male"])
    for rates, k, sex in zip([m, 2 * m], both, ["female", "male"], strict=True):
        assert float(life_table(k * rates, sex=sex)["ex"][0]) == pytest.approx(78, abs=1e-6)


def test_relational_moves_level_and_keeps_the_ends() -> None:
    standard = [1.0, 0.9, 0.4, 0.0]
    worse = relational(standard, 0.3, 1.0)
    assert worse[0] == 1
    assert worse[-1] == 0
    assert (worse[1:3] < standard[1:3]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: life_table([0.1, -0.2, 0.3], sex="male"),
            "death rate at age 1 is -0.2; it must be a number that is not negative",
        ),
        (
            lambda: life_table([[0.1, 0.2, 0.3], [0.1, 0.2, np.nan]], sex="male"),
            "death rate at age 2 (row 1) is nan; it must be a number that is not negative",
        ),
        (
            lambda: life_table([0.1, 0.2, 0.3]),
            "a0 depends on the sex; give sex='female', 'male' or 'both', or ax",
        ),
        (
            lambda: life_table([0.1, 0.2, 0.3], sex="girl"),
            "sex 'girl' is unknown; write: female, male or both",
        ),
        (
            lambda: life_table([0.1, 0.2, 0.3], ages=[0, 5, 1], sex="male"),
            "age limits must start at 0 and rise; they are 0, 5, 1 …",
        ),
        (
            lambda: life_table_from_deaths([1, 2, 3], [10, 0, 5], sex="male"),
            "exposure at age 1 is 0, so it has no death rate; close the table at a younger age or "
            "pool areas",
        ),
        (
            lambda: extend_kannisto([0.1, 0.0, 0.2], [80, 85, 90]),
            "death rate at age 85 is 0; the Kannisto fit needs rates between 0 and 1 there: "
            "pool areas or years",
        ),
        (
            lambda: survival_ratios(life_table([0.1, 0.1, 0.3], ages=[0, 1, 10], sex="male")),
            "survival ratios need groups of equal width; they start at 0, 1, 10 …: graduate to "
            "single years first",
        ),
        (
            lambda: scale_to_deaths([0.1, 0.1], [10, 10], 0.5, where=[True, False]),
            "no positive factor gives 0.5 deaths: the rates that stay give 1 and those to scale 1",
        ),
    ],
)
def test_messages(call: object, message: str) -> None:
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        call()  # type: ignore[operator]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 6), min_size=3, max_size=12), st.floats(0.001, 6))
def test_survival_ratios_lie_between_zero_and_one(closed: list[float], last: float) -> None:
    table = life_table([*closed, last], sex="both")
    ratios = survival_ratios(table).values
    assert ((ratios >= 0) & (ratios <= 1 + 1e-12)).all()
    assert (np.diff(table["lx"]) <= 0).all()
