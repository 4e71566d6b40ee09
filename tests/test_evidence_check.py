"""Studies entered into a response: known answers, sets, bad input."""

import numpy as np
import pytest

import popsim as ps
from popsim.errors import DataError
from popsim.policy.alternatives import alternative_response
from popsim.policy.response_file import Fixed, OrderMultipliers
from popsim.proof.evidence_check import evidence_check, share_contained


def certain(per_1_pct, third):
    """Return a response with a linear cash map and no chance in it."""
    spec = alternative_response("linear")
    by_order = {"1": 0.5, "2": 1.0, "3": third}
    multipliers = OrderMultipliers.model_validate(
        {order: {"dist": "fixed", "value": value} for order, value in by_order.items()}
    )
    cash = spec.channels.cash.model_copy(
        update={
            "removal_multiplier": None,
            "effect": Fixed(dist="fixed", value=per_1_pct),
            "order_multiplier": multipliers,
        }
    )
    channels = spec.channels.model_copy(update={"cash": cash})
    return spec.model_copy(update={"channels": channels})


def test_a_response_without_chance_gives_its_map():
    found = evidence_check({"certain": certain(0.2, 1.5)}, draws=3).set_index("id")
    assert found.loc["ES-gt-benefit", "median"] == pytest.approx(0.2 * 10.46)
    assert found.loc["ES-gt-benefit-p1", "median"] == pytest.approx(0.5 * 0.2 * 10.46)
    assert found.loc["CA-QC-ANC-max", "median"] == pytest.approx(1.5 * 0.2 * 32.4)
    # Third and fourth births share a multiplier; the end of an effect is its inverse.
    withdrawn = 100 * (1 / (1 + 1.5 * 0.2 * 10.87 / 100) - 1)
    for study in ("ES-gt-cancel-p3", "ES-gt-cancel-p4plus"):
        assert found.loc[study, "median"] == pytest.approx(withdrawn)
    cash = found[found["entered_as"] == "cash"]
    np.testing.assert_allclose(cash["low_95"], cash["high_95"])


def test_every_study_with_a_dose_is_entered_once():
    found = evidence_check({"one": ps.read_response()}, draws=50)
    table = ps.evidence()
    dosed = table["dose_pv_pct_gdppc"].notna() | table["coverage_points"].notna()
    assert found["id"].tolist() == table.loc[dosed, "id"].tolist()
    assert set(found.loc[found["entered_as"] == "childcare", "channel"]) == {"childcare"}
    assert (found["low_95"] <= found["low_80"]).all()
    assert (found["high_80"] <= found["high_95"]).all()
    assert (found["in_95"] | ~found["in_80"]).all()


def test_shares_count_the_sets():
    checked = evidence_check({"one": ps.read_response()}, draws=200)
    shares = share_contained(checked).set_index("set")
    assert shares.loc["pooled", "studies"] == ps.evidence(pooled=True).shape[0]
    assert shares.loc["all", "studies"] == shares.loc[["pooled", "not pooled"], "studies"].sum()
    assert shares.loc["pooled", "programmes"] == 10
    steady = checked[~checked["transitory"] & (checked["channel"] == checked["entered_as"])]
    assert shares.loc["all", "in_80"] == pytest.approx(steady["in_80"].mean())
    assert ((shares["in_80"] > 0) & (shares["in_80"] <= shares["in_95"])).all()


def test_studies_taken_at_their_word_are_contained_more_often():
    whole = ps.response_from_evidence(shrinkage=1)
    checked = evidence_check({"default": ps.read_response(), "whole": whole}, draws=4000)
    shares = share_contained(checked).set_index(["response", "set"])
    default, at_word = (shares.loc[(name, "pooled")] for name in ("default", "whole"))
    assert at_word["in_80"] > default["in_80"] + 0.1
    assert at_word["log_error"] < default["log_error"]


def test_what_cannot_be_entered_is_told():
    with pytest.raises(DataError, match=r"^draws is 0; write: a number above 0$"):
        evidence_check(draws=0)
    spec = ps.read_response()
    spec = spec.model_copy(
        update={"id": "cash", "channels": spec.channels.model_copy(update={"childcare": None})}
    )
    with pytest.raises(DataError, match=r"^the response 'cash' has no channel childcare$"):
        evidence_check({"cash": spec}, draws=5)
