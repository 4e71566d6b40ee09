"""The library beside the United Nations' World Population Prospects of 2019 and 2024.

Their inputs, brought to what a projection needs, are projected with the library's own step, and
what comes out is set beside their medium variant. No parameter is fitted to the answer.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from popsim.proof.wpp_2019 import PATTERNS, Country2019, migration_pattern
from popsim.proof.wpp_2024 import VARIANTS, Country2024
from popsim.proof.wpp_tables import Tables, read_wpp

__all__ = ["Comparison", "compare", "un"]

COMPARED_2019 = [2050, 2100]
COMPARED_2024 = [2025, 2030, 2050, 2075, 2100]
Runs = dict[tuple[str, str], pd.DataFrame]
# A difference below this many per cent is called rounding.
_TINY = 0.05


class Comparison(NamedTuple):
    """Projected and published, by country.

    Attributes
    ----------
    differences : pandas.DataFrame
        One row per revision, country, year, measure, sex and age (``all`` or the lower limit):
        ``popsim`` and ``united_nations`` [10^3] and ``difference`` [%]. 2019: populations of
        1 July every five years. 2024: population on 31 December, births and deaths of every year.
    summary : pandas.DataFrame
        One row per revision, country and measure: the difference [%] in the years compared, the
        largest of any year, and the weighted absolute difference over sex and age where
        published.
    alternatives : pandas.DataFrame
        The difference of total population [%] when one thing is done otherwise, and the weighted
        absolute difference over sex and age (2019).
    reasons : pandas.DataFrame
        One row per revision and country: where a difference that is not tiny comes from.
    """

    differences: pd.DataFrame
    summary: pd.DataFrame
    alternatives: pd.DataFrame
    reasons: pd.DataFrame


def un(folder: str | Path) -> Comparison:
    """Project from the inputs of both revisions and compare with the medium variant.

    Parameters
    ----------
    folder : path
        See :func:`popsim.proof.wpp_tables.read_wpp`.

    Returns
    -------
    Comparison

    Raises
    ------
    DataError
        When files or columns are missing.

    References
    ----------
    United Nations, Department of Economic and Social Affairs, Population Division, World
    Population Prospects 2019 and 2024.
    """
    return compare(read_wpp(folder))


def compare(tables: Tables) -> Comparison:
    """As :func:`un`, from tables in memory.

    Parameters
    ----------
    tables : Tables
        As read by :func:`popsim.proof.wpp_tables.read_wpp`.

    Returns
    -------
    Comparison
    """
    countries = {
        name: Country2019(tables, name) for name in tables.summary_2019.index.unique("iso3")
    }
    first: Runs = {
        (pattern, name): country.project(pattern)
        for name, country in countries.items()
        for pattern in PATTERNS
    }
    second: Runs = {}
    for name in tables.population_2024.index.unique("iso3"):
        later = Country2024(tables, name)
        second |= {(variant, name): later.project(variant) for variant in VARIANTS}
    differences = pd.concat([*_by_age(first), *_by_year(second)], ignore_index=True)
    differences["difference"] = _percent(differences["popsim"], differences["united_nations"])
    return Comparison(
        differences,
        _summary(differences),
        _alternatives(first, second),
        pd.DataFrame(
            _reasons_2019(countries, first) + _reasons_2024(tables, second),
            columns=["revision", "country", "reason"],
        ),
    )


def _percent(have: pd.Series, want: pd.Series) -> pd.Series:
    """Difference in per cent of the published number; missing where that is 0."""
    return 100 * (have / want.where(want != 0) - 1)


def _by_age(runs: Runs) -> list[pd.DataFrame]:
    frames = []
    for (pattern, country), run in runs.items():
        if pattern != "fading":
            continue
        total = run.groupby("year", as_index=False)[["popsim", "united_nations"]].sum()
        both = pd.concat([total.assign(sex="both", age="all"), run.assign(age=run["age"].map(str))])
        frames.append(both.assign(revision=2019, country=country, measure="population"))
    return frames


def _by_year(runs: Runs) -> list[pd.DataFrame]:
    return [
        run.assign(revision=2024, country=country, age="all")
        for (variant, country), run in runs.items()
        if variant == "full"
    ]


def _weighted(run: pd.DataFrame) -> float:
    """Weighted absolute percentage difference over the rows."""
    gap = (run["popsim"] - run["united_nations"]).abs().sum()
    return float(100 * gap / run["united_nations"].sum())


def _summary(differences: pd.DataFrame) -> pd.DataFrame:
    records = []
    for (revision, country, measure), rows in differences.groupby(
        ["revision", "country", "measure"], sort=False
    ):
        total = rows[(rows["sex"] == "both") & (rows["age"] == "all")].set_index("year")
        ages = rows[rows["age"] != "all"]
        record: dict[str, object] = {"revision": revision, "country": country, "measure": measure}
        for year in COMPARED_2019 if revision == 2019 else COMPARED_2024:
            record[f"difference_{year}"] = float(total["difference"].loc[year])
            if len(ages):
                record[f"by_age_{year}"] = _weighted(ages[ages["year"] == year])
        gap, years = total["difference"].to_numpy(dtype=float), total.index.to_numpy(dtype=int)
        worst = int(np.abs(gap).argmax())
        record |= {"largest": float(gap[worst]), "largest_year": int(years[worst])}
        records.append(record)
    return pd.DataFrame(records)


def _alternatives(first: Runs, second: Runs) -> pd.DataFrame:
    records: list[dict[str, object]] = []
    for (pattern, country), run in first.items():
        for year in COMPARED_2019:
            at = run[run["year"] == year]
            have, want = at["popsim"].sum(), at["united_nations"].sum()
            records.append(
                {
                    "revision": 2019,
                    "assumption": pattern,
                    "country": country,
                    "year": year,
                    "difference": float(100 * (have / want - 1)),
                    "by_age": _weighted(at),
                }
            )
    for (variant, country), run in second.items():
        for measure, rows in run[run["sex"] == "both"].groupby("measure"):
            gap = _percent(rows["popsim"], rows["united_nations"])
            records.append(
                {
                    "revision": 2024,
                    "assumption": variant,
                    "country": country,
                    "measure": measure,
                    "year": 2100,
                    "difference": float(gap[rows["year"] == 2100].iloc[0]),
                    "largest": float(gap.abs().max()),
                }
            )
    return pd.DataFrame(records)


def _total_gap(run: pd.DataFrame, year: int) -> float:
    at = run[run["year"] == year]
    return float(100 * (at["popsim"].sum() / at["united_nations"].sum() - 1))


def _reasons_2019(countries: dict[str, Country2019], runs: Runs) -> list[tuple[int, str, str]]:
    records = []
    for name, country in countries.items():
        gap = _total_gap(runs["fading", name], 2100)
        kept = _total_gap(runs["observed", name], 2100)
        observed = country.residual(2015)
        model = migration_pattern(observed, 2045)
        apart = 50 * np.abs(observed / observed.sum() - model).sum()
        text = (
            "births, deaths and ageing explain the published populations but for "
            f"{100 * country.unexplained():.4f} % of them in the worst period; "
        )
        if abs(gap) < _TINY:
            text += "the pattern of migration assumed is that of the United Nations to rounding"
        else:
            text += (
                "what differs is the age pattern of net migration, of which only the total is "
                f"published: 2015-2020 and the model it fades into are {apart:.0f} % apart "
                "(index of dissimilarity, above 100 where gains stand beside losses)"
            )
            if abs(kept) < _TINY:
                text += "; the United Nations carry the pattern of 2015-2020 on unchanged"
        records.append((2019, name, text))
    return records


def _reasons_2024(tables: Tables, runs: Runs) -> list[tuple[int, str, str]]:
    records = []
    for country in tables.annual_2024.index.unique("iso3"):
        if ("full", country) not in runs:
            text = "not projected: the tables hold no population by age of this revision"
            records.append((2024, country, text))
            continue
        full = runs["full", country]
        parts = []
        for measure in ("population", "births", "deaths"):
            rows = full[(full["measure"] == measure) & (full["sex"] == "both")]
            gap = _percent(rows["popsim"], rows["united_nations"]).to_numpy(dtype=float)
            worst = int(np.abs(gap).argmax())
            parts.append(f"{measure} {gap[worst]:+.2f} % in {rows['year'].to_numpy()[worst]}")
        records.append(
            (
                2024,
                country,
                f"largest: {', '.join(parts)}; single ages of the base, of fertility and of "
                "mortality are graduated from five-year groups and periods",
            )
        )
    return records
