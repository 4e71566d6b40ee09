"""A response from studies of one's own choice, and what the pool hangs on."""

import numpy as np
import pandas as pd
import pytest

import popsim as ps
from popsim.errors import DataError
from popsim.policy.alternatives import alternative_response
from popsim.policy.own_evidence import SHRINKAGE
from popsim.policy.response import Response


def without(*programmes):
    table = ps.evidence(pooled=True)
    return table[~table["programme"].isin(programmes)]


def test_the_default_studies_give_the_default():
    default, made = ps.read_response(), ps.response_from_evidence()
    beta, ours = default.channels.cash.beta, made.channels.cash.beta
    # The default is rounded and its spread is a judgement beside what the programmes say.
    assert ours.median == pytest.approx(beta.median, rel=0.01)
    assert ours.sigma == pytest.approx(beta.sigma, rel=0.1)
    assert ours.p_zero == beta.p_zero
    assert set(ours.evidence.rows) == set(ps.evidence(pooled=True)["id"])
    same = made.channels.cash.model_copy(update={"beta": beta})
    assert same == default.channels.cash
    assert made.channels.childcare == default.channels.childcare
    assert made.payback == default.payback


def test_the_shrinkage_is_that_of_the_default():
    fit = ps.fit_dose_response(Ds=[25]).maps["beta"][0]
    assert round(fit * SHRINKAGE / 0.05) * 0.05 == pytest.approx(
        ps.read_response().channels.cash.beta.median
    )
    assert f"times {SHRINKAGE}" in ps.read_response().channels.cash.beta.evidence.judgement
    whole = ps.response_from_evidence(shrinkage=1).channels.cash.beta
    assert whole.median == pytest.approx(fit)


def test_the_alternatives_say_the_fits_they_start_from():
    fit = ps.fit_dose_response()
    linear = alternative_response("linear").channels.cash.effect.evidence
    power = alternative_response("power").channels.cash
    rows = fit.maps.set_index("map")
    assert f"{rows.loc['linear', 'beta']:.2f} per 1 %" in linear.source
    assert f"{rows.loc['power', 'at_10']:.1f} % at 10 %" in power.at_10.evidence.source
    small = ps.fit_dose_response(without("Germany Kindergeld"))
    slopes = f"{fit.slope:.2f}, and {small.slope:.2f} without the very small German dose"
    assert slopes in power.exponent.evidence.source


@pytest.mark.parametrize("cash_map", ["saturating", "linear", "power"])
def test_spread_and_level_of_studies_made_from_a_map(cash_map):
    dose = np.array([3.0, 8, 20, 45, 90, 200])
    whole = {
        "saturating": 0.5 * 25 * (1 - np.exp(-dose / 25)),
        "linear": 0.5 * dose,
        "power": 2.4 * (dose / 10) ** 0.4,
    }[cash_map]
    table = pd.DataFrame(
        {
            "programme": list("abcdef"),
            "semi_per_1pct_pv": whole / dose,
            "cv_for_pooling": 0.3,
            "dose_pv_pct_gdppc": dose,
        }
    )
    cash = ps.response_from_evidence(table, cash_map=cash_map, shrinkage=1).channels.cash
    level = {"saturating": "beta", "linear": "effect", "power": "at_10"}[cash_map]
    found = getattr(cash, level)
    assert found.median == pytest.approx(2.4 if cash_map == "power" else 0.5)
    # Programmes exactly on the map: what is left is the error of the mean, with t(4) for 1.96.
    assert found.sigma == pytest.approx(0.3 / 6**0.5 * 2.7764451 / 1.959964)
    assert found.evidence.rows == ()
    if cash_map == "power":
        assert cash.exponent.mean == pytest.approx(0.4)


def test_a_file_of_it_is_read_and_run(tmp_path):
    table = without("Quebec ANC")
    own = pd.DataFrame(
        {
            "id": ["own"],
            "programme": ["A county"],
            "channel": ["cash"],
            "outcome": ["births"],
            "semi_per_1pct_pv": [0.1],
            "cv_for_pooling": [0.5],
            "dose_pv_pct_gdppc": [9.0],
        }
    )
    made = ps.response_from_evidence(pd.concat([table, own]), p_zero=0, id="county")
    beta = made.channels.cash.beta
    assert "own" in beta.evidence.rows
    assert "CA-QC-ANC-avg" not in beta.evidence.rows
    assert "A county" in beta.evidence.source
    path = ps.write_response(made, tmp_path / "county.yaml")
    assert ps.read_response(path) == made
    package = ps.read_scenario("scenarios/zhejiang-as-qingyuan.yaml")
    runs = [
        ps.run("zhejiang-2020", package, response=chosen, years=range(2021, 2029), draws=8)
        for chosen in (path, Response(made), "default")
    ]
    births = [run["births"].sel(scenario=package.id, region="330000") for run in runs]
    np.testing.assert_array_equal(births[0], births[1])
    assert (births[0] != births[2]).any()


def test_what_cannot_be_made_is_told_at_once():
    with pytest.raises(DataError) as told:
        ps.response_from_evidence(cash_map="cubic", shrinkage=0, sigma=-1, p_zero=1, Ds=4)
    assert str(told.value) == (
        "5 problems\n"
        "map 'cubic' is unknown; write: saturating, linear or power\n"
        "shrinkage is 0; write: a number above 0\n"
        "sigma is -1; write: a number above 0\n"
        "p_zero is 1; write: a number from 0 to below 1\n"
        "Ds is 4; write: a number between 8 and 150"
    )
    with pytest.raises(DataError, match=r"^the linear map has no Ds; write: no Ds, or cash_map="):
        ps.response_from_evidence(cash_map="linear", Ds=25)
    table = ps.evidence(pooled=True)
    few = table[table["dose_pv_pct_gdppc"] > 50]
    with pytest.raises(DataError, match=r"^3 programmes do not tell a spread; write: sigma=0.7"):
        ps.response_from_evidence(few)
    assert ps.response_from_evidence(few, sigma=0.7).channels.cash.beta.sigma == 0.7
    with pytest.raises(DataError, match=r"SE-maxtaxa: the estimate is not about money; write: no"):
        ps.response_from_evidence(ps.evidence(channel="fee"), sigma=1)
    stated = table.assign(outcome="intention")
    with pytest.raises(DataError, match=r"KR-son: the estimate is an answer to a survey"):
        ps.response_from_evidence(stated)


def test_sensitivity_agrees_with_the_pool():
    found = ps.pool_sensitivity()
    pooled = ps.pool_evidence()
    first = found.iloc[0]
    assert (first["effect"], first["tau"]) == (pooled.effect, pooled.tau)
    left_out = found[found["kind"] == "programme"].set_index("change")["effect"]
    for _, row in pooled.programmes.iterrows():
        assert left_out[f"without {row['programme']}"] == pytest.approx(row["without"])
    doses = found[found["kind"] == "dose"]
    assert doses["effect"].round(2).tolist() == [0.56, 0.08]
    assert doses["estimates"].sum() == first["estimates"]
    assert found["change"].is_unique
    assert not found.isna().any().any()


def test_sensitivity_keeps_what_cannot_be_pooled():
    table = without("Estonia large family").drop(columns=["dose_change"])
    found = ps.pool_sensitivity(table).set_index("change")
    large = found.loc["doses of 50 % and more"]
    assert large["programmes"] == 2
    assert np.isnan(large["effect"])
    assert "direction" not in set(found["kind"])
    with pytest.raises(DataError, match=r"^Ds -1 is no dose; write: numbers above 0$"):
        ps.pool_sensitivity(Ds=-1)
