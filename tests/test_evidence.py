"""The evidence table and the default response that cites it."""

import csv
from collections.abc import Iterator
from importlib import resources
from typing import Any

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
