"""Pooling of the evidence: the published figures of the review, identities, bad input."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import popsim as ps
from popsim.data.evidence import CHANNELS, EVIDENCE_COLUMNS, OUTCOMES
from popsim.errors import DataError
from popsim.policy.pooling import paule_mandel, programme_effects


def studies(effects, errors=None):
    return pd.DataFrame(
        {
            "programme": [f"p{i}" for i in range(len(effects))],
            "semi_per_1pct_pv": effects,
            "cv_for_pooling": errors or [0.5] * len(effects),
            "dose_pv_pct_gdppc": [5.0 * (i + 1) for i in range(len(effects))],
        }
    )


def test_the_pool_is_that_of_the_review():
    pooled = ps.pool_evidence()
    found = [pooled.effect, pooled.low, pooled.high, pooled.tau, pooled.i2, pooled.median]
    assert [round(x, 2) for x in found] == [0.32, 0.17, 0.63, 0.95, 0.81, 0.34]
    assert round(pooled.effect, 3) == 0.323
    assert round(pooled.prediction_low, 2) == 0.03
    assert round(pooled.prediction_high, 1) == 3.3
    assert pooled.source == (
        "popsim evidence table: pooled; 16 estimates of 10 programmes, dersimonian-laird, normal"
    )


def test_leaving_one_programme_out():
    without = ps.pool_evidence().programmes.set_index("programme")["without"]
    assert without.idxmin() == "Quebec ANC"
    assert without.idxmax() == "UK two-child limit"
    assert [round(x, 2) for x in (without.min(), without.max())] == [0.27, 0.40]
    table = ps.evidence(pooled=True)
    again = ps.pool_evidence(table[table["programme"] != "Quebec ANC"])
    assert again.effect == pytest.approx(without["Quebec ANC"])


def test_programmes_are_those_of_the_review():
    rows = ps.pool_evidence().programmes
    printed = rows[["effect", "standard_error", "dose_pv_pct_gdppc"]].to_numpy()
    review = [
        (1.67, 0.35, 9),
        (0.76, 0.37, 7),
        (0.67, 0.50, 24),
        (0.56, 0.50, 23),
        (0.37, 0.32, 11),
        (0.30, 0.71, 10),
        (0.29, 0.42, 93),
        (0.20, 0.50, 0.8),
        (0.044, 0.60, 113),
        (0.038, 0.70, 266),
    ]
    np.testing.assert_allclose(printed[:, :2], np.array(review)[:, :2], rtol=0.02)
    np.testing.assert_allclose(printed[:, 2], np.array(review)[:, 2], rtol=0.002, atol=0.5)
    assert rows["estimates"].tolist() == [1, 3, 1, 1, 2, 3, 2, 1, 1, 1]
    assert rows["weight"].sum() == pytest.approx(1)


def test_small_and_large_doses():
    table = ps.evidence(pooled=True)
    small = table["dose_pv_pct_gdppc"] < 50
    effects = [ps.pool_evidence(part).effect for part in (table[small], table[~small])]
    assert [round(effect, 2) for effect in effects] == [0.56, 0.08]


def test_dose_response_is_that_of_the_review():
    fit = ps.fit_dose_response()
    assert (round(fit.slope, 2), round(fit.slope_error, 2)) == (0.61, 0.21)
    table = ps.evidence(pooled=True)
    without = ps.fit_dose_response(table[table["country"] != "Germany"])
    assert (round(without.slope, 2), round(without.slope_error, 2)) == (0.19, 0.20)
    rows = fit.maps.set_index("Ds")
    review = {10: (0.94, 9, 0.81), 20: (0.65, 13, 0.75), 25: (0.59, 15, 0.76)}
    review |= {40: (0.49, 20, 0.80), 100: (0.38, 38, 0.96)}
    for scale, (beta, ceiling, rmse) in review.items():
        row = rows.loc[scale]
        assert round(row["beta"], 2) == beta
        assert row["ceiling"] == pytest.approx(ceiling, abs=0.55)
        assert round(row["rmse"], 2) == rmse
    linear = fit.maps[fit.maps["map"] == "linear"].iloc[0]
    assert (round(linear["beta"], 2), round(linear["rmse"], 2)) == (0.30, 1.20)
    assert 18 < fit.best_scale < 23
    # 10 to 40 lie within a tenth of the best.
    best = ps.fit_dose_response(Ds=[fit.best_scale]).maps["rmse"][0]
    assert (rows.loc[[10, 20, 25, 40], "rmse"] < 1.1 * best).all()
    assert rows.loc[100, "rmse"] > 1.2 * best


@pytest.mark.golden
def test_the_table_is_what_was_read(shared: Path):
    read = pd.read_csv(shared / "evidence" / "effects.csv").set_index("id")
    table = ps.evidence().set_index("id")
    theirs = read.loc[table.index]
    assert (theirs["verified"] == "yes").all()
    for name in ("effect_pct", "dose_pv_pct_gdppc", "semi_per_1pct_pv", "cv_for_pooling"):
        np.testing.assert_array_equal(table[name], theirs[name])
    assert table["pool"].tolist() == (theirs["pool"] == 1).tolist()
    assert table["programme"].tolist() == theirs["programme"].tolist()
    # Nothing that is a change of births in per cent is left out, but for one in an index.
    whole = read[(read["verified"] == "yes") & read["effect_pct"].notna()].index
    assert sorted(set(whole) - set(table.index)) == ["CN-kgexp"]
    assert set(table.index) <= set(whole)
    logs = theirs["ci_kind"] == "ci95_from_se"
    for ours, bound in (("effect_low_pct", "ci_low"), ("effect_high_pct", "ci_high")):
        expected = 100 * np.expm1(theirs.loc[logs, bound])
        np.testing.assert_allclose(table.loc[logs, ours], expected, atol=0.006)
        assert table.loc[~logs, ours].isna().all()
    # Figures are taken over, sentences of the sources are not.
    for name, row in table.select_dtypes(exclude="number").drop(columns="pool").iterrows():
        quoted = theirs.loc[name, "effect_text"]
        assert all(quoted not in str(cell) for cell in row), name


def test_estimates_with_nothing_from_memory():
    table = ps.evidence(verified=True)
    assert table.attrs["source"] == "popsim evidence table: nothing recalled"
    dosed = table[table["dose_pv_pct_gdppc"].notna()]
    # Of all doses of money one is not over a remembered GDP per head.
    assert dosed["id"].tolist() == ["META-ifs-prob"]
    assert "JP-unayama" not in set(table["id"])
    with pytest.raises(DataError, match=r"has pooled, nothing recalled$"):
        ps.evidence(pooled=True, verified=True)


def test_paule_mandel_and_hartung_knapp():
    other = ps.pool_evidence(method="paule-mandel")
    rows = other.programmes
    weight = 1 / (rows["standard_error"] ** 2 + other.tau**2)
    q = (weight * (np.log(rows["effect"]) - np.log(other.effect)) ** 2).sum()
    assert q == pytest.approx(len(rows) - 1)
    # With the τ of Paule and Mandel the spread of Hartung and Knapp is the standard error itself.
    knapp = ps.pool_evidence(method="paule-mandel", interval="hartung-knapp")
    ratio = np.log(knapp.high / knapp.effect) / np.log(other.high / other.effect)
    assert ratio == pytest.approx(2.262157 / 1.959964, rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(0.05, 5), min_size=3, max_size=8),
    st.floats(0.1, 10),
    st.sampled_from(["dersimonian-laird", "paule-mandel"]),
)
def test_pooling_does_not_depend_on_order_or_unit(effects, unit, method):
    one = ps.pool_evidence(studies(effects), method=method)
    other = ps.pool_evidence(studies(effects[::-1]), method=method)
    assert other.effect == pytest.approx(one.effect)
    scaled = ps.pool_evidence(studies([unit * effect for effect in effects]), method=method)
    assert scaled.effect == pytest.approx(unit * one.effect)
    assert scaled.tau == pytest.approx(one.tau, abs=1e-6)
    assert one.low <= one.effect <= one.high
    assert one.prediction_low < one.low
    assert min(effects) * 0.999 <= one.effect <= max(effects) * 1.001


def test_equal_programmes_have_no_spread():
    pooled = ps.pool_evidence(studies([0.4] * 4))
    assert (pooled.tau, pooled.i2) == (0.0, 0.0)
    assert pooled.effect == pytest.approx(0.4)
    assert np.log(pooled.high / 0.4) == pytest.approx(1.959964 * 0.5 / 2, rel=1e-6)
    assert paule_mandel(np.full(4, -1.0), np.full(4, 0.25)) == 0.0


def test_maps_find_what_was_put_in():
    dose = np.array([2.0, 8, 20, 60, 150])
    table = studies([1.0] * 5)
    table["dose_pv_pct_gdppc"] = dose
    table["semi_per_1pct_pv"] = 0.5 * 30 * (1 - np.exp(-dose / 30)) / dose
    fit = ps.fit_dose_response(table, Ds=[30])
    assert fit.best_scale == pytest.approx(30, rel=1e-3)
    assert fit.maps["beta"][0] == pytest.approx(0.5)
    assert fit.maps["rmse"][0] == pytest.approx(0, abs=1e-12)
    table["semi_per_1pct_pv"] = 2.4 * (dose / 10) ** 0.4 / dose
    power = ps.fit_dose_response(table).maps.iloc[-1]
    assert (power["at_10"], power["exponent"]) == (pytest.approx(2.4), pytest.approx(0.4))


def test_filters_and_headings():
    spain = ps.evidence(country="spain", order="3", quality="A")
    assert set(spain["order"]) == {"3"}
    assert spain.attrs["source"] == "popsim evidence table: country 'spain', order 3, quality A"
    assert set(ps.evidence(channel="childcare")["channel"]) == {"childcare"}
    assert len(ps.evidence(instrument="BIRTH GRANT")) == len(ps.evidence(instrument="birth grant"))
    assert list(ps.evidence().columns) == list(EVIDENCE_COLUMNS)
    for locale in ("en", "zh"):
        assert ps.evidence(locale=locale).columns.is_unique
    assert "文献" in ps.evidence(locale="zh").columns


def test_the_flags_of_the_table():
    table = ps.evidence()
    assert set(table["order"]) <= {"all", "1", "2", "3", "4", "2+", "3+", "4+"}
    assert set(table["channel"]) <= set(CHANNELS)
    dosed = table["dose_pv_pct_gdppc"].notna()
    assert set(table.loc[dosed, "dose_change"]) == {"introduced", "withdrawn"}
    steered = table["dose_change"] != ""
    assert set(table.loc[~steered, "channel"]) == {"housing"}
    # Giving raises births and taking away lowers them, but for a rush before the end.
    towards = np.where(table["dose_change"] == "withdrawn", -1, 1)
    against = table[steered & (np.sign(table["effect_pct"]) != towards)]
    assert against["id"].tolist() == ["ES-gt-transition-out"]
    assert set(table["outcome"]) == set(OUTCOMES)
    assert table.loc[table["outcome"] == "intention", "pool"].sum() == 0
    assert (table.loc[dosed, "derivation"] != "").all()
    assert table.loc[table["transitory"], "semi_per_1pct_pv"].isna().all()
    assert not (table["pool"] & table["transitory"]).any()
    assert (table["pool"] == table["cv_for_pooling"].notna()).all()
    bounded = table["effect_low_pct"].notna()
    inside = table[bounded]
    assert ((inside["effect_low_pct"] <= inside["effect_pct"]) & bounded[bounded]).all()
    assert (inside["effect_pct"] <= inside["effect_high_pct"]).all()


def test_bad_filters_are_told_together():
    with pytest.raises(DataError) as told:
        ps.evidence(channel="csh", order=5, outcome="birth", quality="E", locale="fr")  # type: ignore[arg-type]
    assert str(told.value) == (
        "5 problems\n"
        "channel 'csh' is unknown; write: cash\n"
        "order 5 is unknown; write: all, 1, 2, 3, 4, 2+, 3+, 4+\n"
        "outcome 'birth' is unknown; write: births\n"
        "quality 'E' is unknown; write: letters of ABCD, e.g. 'AB'\n"
        "locale 'fr' is unknown; write: en or zh"
    )
    with pytest.raises(DataError, match=r"^no estimate of the evidence table has country 'Mars'$"):
        ps.evidence(country="Mars")


def test_estimates_that_cannot_be_pooled():
    with pytest.raises(DataError) as told:
        ps.pool_evidence(studies([0.0, 1.0, 2.0], [0.5, float("nan"), 0.4]))
    assert str(told.value) == (
        "2 problems\n"
        "p0: the effect 0 per 1 % has no logarithm; "
        "write: estimates with semi_per_1pct_pv above 0\n"
        "p1: there is no standard error of the logarithm; "
        "write: a number above 0 in cv_for_pooling, e.g. 0.5"
    )
    table = ps.evidence()
    transitory = table[table["transitory"]].assign(semi_per_1pct_pv=0.3, cv_for_pooling=0.3)
    with pytest.raises(DataError, match="ES-gt-transition-in: an effect of months is not one of"):
        ps.pool_evidence(transitory)
    with pytest.raises(DataError, match=r"^1 programme cannot be pooled with a prediction"):
        ps.pool_evidence(ps.evidence(pooled=True, country="Spain"))
    with pytest.raises(DataError, match=r"^method 'reml' is unknown; write: dersimonian-laird or"):
        ps.pool_evidence(method="reml")  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"^the table of estimates has no column cv_for_pooling$"):
        programme_effects(studies([1.0]).drop(columns="cv_for_pooling"))
    with pytest.raises(DataError, match=r"^Ds 0 is no dose; write: numbers above 0$"):
        ps.fit_dose_response(Ds=[0])
    with pytest.raises(DataError, match=r"^there is no dose for p0; write: estimates with a dose$"):
        ps.fit_dose_response(studies([1.0]).assign(dose_pv_pct_gdppc=np.nan))
    with pytest.raises(DataError, match=r"^a map cannot be fitted; write: estimates of at least 3"):
        ps.fit_dose_response(studies([1.0, 2.0]))
