"""The studies entered into the response, and whether its interval contains what they found.

A sum of money per child goes through the cash map, points of coverage go through the childcare
map, each times the multiplier of the births studied. What comes out is the effect on the birth
rate in the period, before any payback, which is what nearly all studies measure. Where money was
withdrawn, the response says ``100 ((1 + e / 100)^-ρ - 1)``, the end of the effect e with the
multiplier ρ of removal; the last months before a withdrawal go through the rush. A cut of childcare
fees goes through the fee map where the response has one.

This is no test on new data: the response rests on most of these studies. It shows whether the
spread is as wide as theirs, and which of them the response contradicts.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from popsim.data.evidence import evidence
from popsim.errors import DataError
from popsim.policy.alternatives import alternative_response
from popsim.policy.response import Response, draw_channel, map_effect
from popsim.policy.response_file import ResponseFile

__all__ = ["DRAWS", "evidence_check", "share_contained"]

DRAWS = 20_000
"""Draws of the response's parameters."""
_QUANTILES = {"low_95": 0.025, "low_80": 0.1, "median": 0.5, "high_80": 0.9, "high_95": 0.975}
# A mixture of orders takes the map itself (multiplier of second births), which lies between.
_PLACE = {"1": 0, "2": 1, "2+": 1, "3": 2, "3+": 2, "4": 3, "4+": 3}
_OF_STUDY = (
    "id",
    "country",
    "programme",
    "channel",
    "order",
    "transitory",
    "pool",
    "quality",
    "dose_pv_pct_gdppc",
    "coverage_points",
    "dose_change",
    "effect_pct",
)


def evidence_check(
    responses: Mapping[str, ResponseFile] | None = None, *, draws: int = DRAWS, seed: int = 1
) -> pd.DataFrame:
    """Enter the dose of every study into responses and compare the effects.

    Parameters
    ----------
    responses : mapping of str to ResponseFile, optional
        Responses by name; the default with its saturating map, and with a linear and a power map
        (:func:`popsim.policy.alternatives.alternative_response`), when not given.
    draws, seed : int
        Of the response's parameters.

    Returns
    -------
    pandas.DataFrame
        One row a response and study with a dose: ``response``; the columns ``id``, ``country``,
        ``programme``, ``channel``, ``order``, ``transitory``, ``pool``, ``quality``,
        ``dose_pv_pct_gdppc``, ``coverage_points``, ``dose_change`` and ``effect_pct`` of
        :func:`popsim.evidence`; ``entered_as``, the channel of the response; ``low_95``,
        ``low_80``, ``median``, ``high_80``, ``high_95``, the response's effect on births [%];
        ``in_80`` and ``in_95``, whether they contain the study's.

    Raises
    ------
    DataError
        When a response has no channel for a study with a dose, or ``draws`` is not positive.

    Examples
    --------
    >>> found = evidence_check(draws=2000).set_index(["response", "id"])
    >>> bool(found.loc[("saturating", "ES-gt-benefit"), "in_80"])
    True
    """
    if draws < 1:
        raise DataError(f"draws is {draws}; write: a number above 0")
    if responses is None:
        responses = {m: alternative_response(m) for m in ("saturating", "linear", "power")}
    table = evidence()
    dosed = table["dose_pv_pct_gdppc"].notna() | table["coverage_points"].notna()
    studies = table.loc[dosed, list(_OF_STUDY)].reset_index(drop=True)
    parts = [_check(name, spec, studies, draws, seed) for name, spec in responses.items()]
    return pd.concat(parts, ignore_index=True)


def _check(
    name: str, spec: ResponseFile, studies: pd.DataFrame, draws: int, seed: int
) -> pd.DataFrame:
    channels = Response(spec).channels
    drawn = {
        key: draw_channel(channel, key, range(draws), seed) for key, channel in channels.items()
    }
    money = studies["dose_pv_pct_gdppc"].notna()
    entered = np.where(money, "cash", "childcare").astype(object)
    if "childcare_fee" in channels:
        entered[studies["channel"] == "fee"] = "childcare_fee"
    rush = channels["cash"].rush if "cash" in channels else None
    if rush is not None:
        # A fall after an announcement is no rush before an end.
        before_an_end = studies["transitory"] & (studies["dose_change"] == "withdrawn")
        before_an_end &= studies["effect_pct"] > 0
        entered[before_an_end & (entered == "cash")] = "rush"
    missing = sorted(set(entered) - set(channels) - {"rush"})
    if missing:
        raise DataError(f"the response {spec.id!r} has no channel {', '.join(missing)}")
    found = studies.assign(entered_as=entered)
    found.insert(0, "response", name)
    rows = []
    for _, study in found.iterrows():
        key = study["entered_as"]
        # Coverage in a study is of places that are used: utilisation has done its part.
        dose = study["coverage_points"] if key == "childcare" else study["dose_pv_pct_gdppc"]
        if key == "rush":
            assert rush is not None
            effect = drawn["cash"].rush * dose / rush.per_dose
        else:
            effect = map_effect(channels[key], drawn[key].map, np.array([[dose]]))[:, 0]
            if study["order"] in _PLACE:
                effect = effect * drawn[key].multiplier[:, _PLACE[study["order"]]]
            if study["dose_change"] == "withdrawn":
                effect = 100.0 * ((1.0 + effect / 100.0) ** -drawn[key].removal_multiplier - 1.0)
        rows.append(np.quantile(effect, list(_QUANTILES.values())))
    found[list(_QUANTILES)] = np.array(rows)
    for level in ("80", "95"):
        low, high = found[f"low_{level}"], found[f"high_{level}"]
        found[f"in_{level}"] = found["effect_pct"].between(low, high)
    return found


def share_contained(checked: pd.DataFrame) -> pd.DataFrame:
    """Return the share of studies whose effect lies in the interval.

    Parameters
    ----------
    checked : pandas.DataFrame
        From :func:`evidence_check`.

    Returns
    -------
    pandas.DataFrame
        One row a response and set of studies: ``studies``, their number; ``in_80``, ``in_95``, the
        shares; ``programmes``, ``programmes_in_80``, ``programmes_in_95``, the same with every
        programme counting once; ``log_error``, root of the mean square of log (median / effect),
        0.69 being a factor of two. Sets: ``pooled``, what the default was fitted to; ``not
        pooled``, the other effects of money and childcare that last while a rule does; ``all``.
        Transitory effects and other channels entered as money are in none.

    Examples
    --------
    >>> share_contained(evidence_check(draws=2000)).shape
    (9, 9)
    """
    fits = ~checked["transitory"] & (checked["channel"] == checked["entered_as"])
    sets = {"pooled": checked["pool"], "not pooled": ~checked["pool"], "all": fits}
    rows = []
    for response in checked["response"].unique():
        for name, chosen in sets.items():
            part = checked[chosen & fits & (checked["response"] == response)]
            inside = part[["in_80", "in_95"]]
            by_programme = inside.groupby(part["programme"]).mean()
            distance = np.log(part["median"] / part["effect_pct"])
            size, programmes = len(part), len(by_programme)
            shares = *inside.mean(), programmes, *by_programme.mean()
            rows.append((response, name, size, *shares, float((distance**2).mean() ** 0.5)))
    columns = ["response", "set", "studies", "in_80", "in_95"]
    columns += ["programmes", "programmes_in_80", "programmes_in_95", "log_error"]
    return pd.DataFrame(rows, columns=columns)
