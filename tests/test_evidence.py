"""The evidence table and the default response that cites it."""

import csv
import math
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any

import popsim as ps
from popsim.policy.files import read_response


def table() -> dict[str, dict[str, str]]:
    text = (resources.files("popsim.data") / "evidence.csv").read_text(encoding="utf-8")
    return {row["id"]: row for row in csv.DictReader(text.splitlines())}


def cited(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "rows":
                yield from inner
            else:
                yield from cited(inner)


def spread_without_evidence(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("dist", "fixed") != "fixed" and not value.get("evidence"):
            yield path
        for key, inner in value.items():
            yield from spread_without_evidence(inner, f"{path}.{key}")


def test_default_response_cites_rows_that_exist() -> None:
    rows = set(cited(read_response().model_dump()))
    assert rows
    assert rows <= set(table())


def test_every_spread_of_the_default_has_evidence() -> None:
    assert list(spread_without_evidence(read_response().model_dump())) == []


def test_rows_are_complete_and_numeric() -> None:
    for row in table().values():
        assert row["citation"], row["id"]
        assert row["source"], row["id"]
        float(row["effect_pct"])
        assert row["quality"] in "ABCD"
        assert row["dose_denominator"] in ("", "recalled", "stated")
        dosed = row["dose_pv_pct_gdppc"] or row["coverage_points"]
        assert bool(row["dose_denominator"]) == bool(dosed), row["id"]
        assert row["effect_base"] in ("", "recalled", "stated")
        # A base from memory is told in words too.
        assert (row["effect_base"] == "recalled") == ("base from memory" in row["derivation"])
        assert "recalled" not in row["doi"]


def test_semi_elasticity_is_effect_over_dose() -> None:
    for row in table().values():
        if row["semi_per_1pct_pv"] and row["dose_pv_pct_gdppc"]:
            ratio = abs(float(row["effect_pct"])) / float(row["dose_pv_pct_gdppc"])
            assert abs(ratio / float(row["semi_per_1pct_pv"]) - 1) < 0.02, row["id"]


NUMBER = r"([\d,]+(?:\.\d+)?)"
#: Worked out with another present value before; see the last test for what hangs on it.
OTHER_PRESENT_VALUE = {"UK-2child": 120.2, "EE-large": 251.8}


def amount(text: str) -> float:
    return float(text.replace(",", ""))


def dose_of(derivation: str) -> float | None:
    """Work out the money per child in per cent of GDP per head from the words."""
    if found := re.search(rf"{NUMBER} [A-Z]{{3}}(?: \(present value\))? of {NUMBER}", derivation):
        return 100 * amount(found[1]) / amount(found[2])
    if found := re.search(rf"{NUMBER} (?:million )?[A-Z]{{3}} of {NUMBER} million", derivation):
        return 100 * amount(found[1]) / amount(found[2])
    if found := re.search(rf"{NUMBER} [A-Z]{{3}} x (\d+) of {NUMBER}", derivation):
        return 100 * amount(found[1]) * int(found[2]) / amount(found[3])
    stream = rf"{NUMBER} [A-Z]{{3}} a (month|year) to age (\d+) at 4 %, of {NUMBER}"
    if found := re.search(stream, derivation):
        yearly = amount(found[1]) * (12 if found[2] == "month" else 1)
        return 100 * yearly * (1 - 1.04 ** -int(found[3])) / 0.04 / amount(found[4])
    return None


def test_doses_follow_from_their_derivations() -> None:
    worked_out = 0
    for row in table().values():
        dose = dose_of(row["derivation"])
        if not row["dose_pv_pct_gdppc"] or dose is None:
            continue
        worked_out += 1
        said = float(row["dose_pv_pct_gdppc"])
        if row["id"] in OTHER_PRESENT_VALUE:
            assert math.isclose(dose, OTHER_PRESENT_VALUE[row["id"]], abs_tol=0.05), row["id"]
            assert f"{dose:.0f} by the formula" in row["derivation"]
        else:
            assert math.isclose(dose, said, rel_tol=0.006), (row["id"], dose)
    assert worked_out >= 34


def test_effects_follow_from_their_derivations() -> None:
    worked_out = 0
    for row in table().values():
        words = row["derivation"]
        if found := re.search(r"100 \(exp\((-?[\d.]+)\) - 1\)", words):
            effect = 100 * math.expm1(float(found[1]))
        elif found := re.search(rf"{NUMBER} children of (?:the )?{NUMBER}", words):
            effect = 100 * amount(found[1]) / amount(found[2])
        elif found := re.search(rf"1 / \({NUMBER} / {NUMBER} - 1\)", words):
            effect = 100 / (amount(found[1]) / amount(found[2]) - 1)
        elif found := re.search(rf"{NUMBER} / \({NUMBER} - {NUMBER}\)", words):
            effect = 100 * amount(found[1]) / (amount(found[2]) - amount(found[3]))
        elif found := re.search(rf"{NUMBER} of {NUMBER} births per 1,000 women", words):
            effect = 100 * amount(found[1]) / amount(found[2])
        else:
            continue
        worked_out += 1
        assert math.isclose(effect, float(row["effect_pct"]), rel_tol=0.005), (row["id"], effect)
    assert worked_out == 22


def test_the_other_present_value_does_not_move_the_pool() -> None:
    estimates = ps.evidence(pooled=True).set_index("id")
    for name, dose in OTHER_PRESENT_VALUE.items():
        effect = abs(estimates.loc[name, "effect_pct"])
        estimates.loc[name, ["dose_pv_pct_gdppc", "semi_per_1pct_pv"]] = dose, effect / dose
    assert round(ps.pool_evidence(estimates).effect, 2) == 0.32
    assert round(ps.fit_dose_response(estimates, Ds=[25]).maps["beta"][0], 2) == 0.59
