"""The proofs against the United Nations and the published measures of fertility."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from popsim.demography.fertility import birth_interval_table
from popsim.errors import DataError
from popsim.proof.fertility_measures import fertility_measures, read_cases
from popsim.proof.un import Comparison, un
from popsim.proof.wpp_2019 import Country2019, migration_pattern
from popsim.proof.wpp_2024 import Country2024
from popsim.proof.wpp_tables import SEXES, Tables, net_migration_pattern, read_wpp, rows

ROOT = Path(__file__).parents[1]
NAMES_2019 = {*("CHN", "JPN", "KOR", "TWN", "SGP", "FRA", "SWE", "DEU", "CAN", "HUN", "POL", "RUS")}


@pytest.fixture(scope="module")
def tables() -> Tables:
    """The tables kept with the project, through the scripts that write the pages."""
    sys.path.insert(0, str(ROOT))
    try:
        from scripts.proof.sources import wpp
    finally:
        sys.path.remove(str(ROOT))
    return wpp()


@pytest.fixture(scope="module")
def result(shared: Path) -> Comparison:
    return un(shared / "data" / "wpp")


@pytest.mark.golden
def test_un_2019_is_met_but_for_the_pattern_of_migration(result: Comparison) -> None:
    summary = result.summary[result.summary["revision"] == 2019].set_index("country")
    assert set(summary.index) == NAMES_2019
    assert summary["difference_2050"].abs().max() < 0.3
    assert summary["difference_2100"].abs().max() < 1.6
    assert summary["difference_2100"].abs().median() < 0.15
    assert summary["by_age_2050"].median() < 0.4
    # Where the pattern is the United Nations' own nothing is left but rounding.
    kept = result.alternatives.query("revision == 2019 and year == 2100").set_index(
        ["assumption", "country"]
    )
    for name in ("CHN", "KOR", "SGP", "TWN"):
        assert abs(kept.loc[("observed", name), "difference"]) < 0.01
        assert kept.loc[("observed", name), "by_age"] < 0.02
    for name in ("CAN", "HUN", "SWE", "RUS"):
        assert abs(kept.loc[("family", name), "difference"]) < 0.02


@pytest.mark.golden
def test_un_2024_population_births_and_deaths(result: Comparison) -> None:
    summary = result.summary[result.summary["revision"] == 2024]
    largest = summary.groupby("measure")["largest"].apply(lambda x: x.abs().max())
    assert largest["population"] < 0.2
    assert largest["births"] < 0.8
    assert largest["deaths"] < 0.9
    assert set(summary["country"]) == NAMES_2019 - {"TWN"}
    reason = result.reasons.set_index(["revision", "country"]).loc[(2024, "TWN"), "reason"]
    assert reason == "not projected: the tables hold no population by age of this revision"
    # Every alternative is worse for something: none was left out because it would be better.
    worst = result.alternatives.query("revision == 2024").groupby(["assumption", "measure"])
    assert worst["largest"].max()["periods", "deaths"] > 3 > largest["deaths"]


@pytest.mark.golden
def test_published_accounts_are_the_step_of_the_library(shared: Path) -> None:
    read = read_wpp(shared / "data" / "wpp")
    left = [Country2019(read, name).unexplained() for name in sorted(NAMES_2019)]
    assert max(left) < 3e-4
    assert float(np.median(left)) < 1e-5


@pytest.mark.golden
def test_tables_of_the_project_are_those_published(shared: Path, tables: Tables) -> None:
    published = read_wpp(shared / "data" / "wpp")
    for name in Tables._fields:
        ours, theirs = getattr(tables, name), getattr(published, name)
        theirs = theirs.reindex(ours.index)[list(ours.columns)]
        gap = float((ours - theirs).abs().max().max())
        assert gap < (1e-3 if name == "net_migration_2024" else 1e-11), name


def test_two_countries_from_the_tables_of_the_project(tables: Tables) -> None:
    sweden = Country2019(tables, "SWE").project()
    at = sweden[sweden["year"] == 2100]
    assert np.abs(at["popsim"] / at["united_nations"] - 1)[at["age"] < 95].max() < 1e-3
    japan = Country2024(tables, "JPN").project()
    gap = (japan["popsim"] / japan["united_nations"] - 1).abs()
    assert gap.max() < 4e-3
    assert gap[japan["measure"] == "population"].max() < 5e-4


def test_the_balance_holds_in_every_year(tables: Tables) -> None:
    run = Country2024(tables, "SWE").project()
    wide = run[run["sex"] == "both"].pivot_table(index="year", columns="measure", values="popsim")
    moved = rows(tables.net_migration_2024, "SWE", list(wide.index)).sum(axis=(1, 2))
    change = np.diff(wide["population"])
    flows = wide["births"].to_numpy() - wide["deaths"].to_numpy() + moved
    np.testing.assert_allclose(change, flows[1:], atol=1e-6)


def test_the_base_keeps_cohorts_and_totals(tables: Tables) -> None:
    china = Country2024(tables, "CHN")
    cohorts, spline = china.base(), china.base(cohorts=False)
    end = tables.annual_2024.loc[("CHN", 2024)]
    total = [end["pop_female_dec31_k"], end["pop_male_dec31_k"]]
    np.testing.assert_allclose(cohorts.sum(axis=1), total)
    np.testing.assert_allclose(spline.sum(axis=1), total)
    births = tables.annual_2024.loc["CHN"]["births_k"]
    # Few were born in 1961 and many in 1963: aged 63 and 61 on 1 January 2025.
    assert cohorts[0, 61] / cohorts[0, 63] > 0.9 * births[1963] / births[1961]
    assert spline[0, 61] / spline[0, 63] < 1.4


def test_patterns_of_migration_add_up_to_one(tables: Tables) -> None:
    observed = Country2019(tables, "DEU").residual(2015)
    for pattern in ("fading", "observed", "model", "family"):
        for period in (2020, 2045, 2095):
            assert migration_pattern(observed, period, pattern).sum() == pytest.approx(1)  # type: ignore[arg-type]
    start = migration_pattern(observed, 2015)
    np.testing.assert_allclose(start, observed / observed.sum())
    np.testing.assert_allclose(
        migration_pattern(observed, 2045), migration_pattern(observed, 2020, "model")
    )
    halfway = migration_pattern(observed, 2030)
    np.testing.assert_allclose(halfway, (start + migration_pattern(observed, 2045)) / 2)
    with pytest.raises(
        DataError,
        match=r"^pattern 'rc' is unknown; write: fading, observed, model, family, none$",
    ):
        migration_pattern(observed, 2020, "rc")  # type: ignore[arg-type]


def test_two_patterns_hold_all_of_two() -> None:
    rng = np.random.default_rng(1)
    net = np.tensordot(rng.normal(size=(20, 2)), rng.normal(size=(2, 2, 7)), 1)
    weights, patterns = net_migration_pattern(net)
    np.testing.assert_allclose(np.tensordot(weights, patterns, 1), net, atol=1e-12)


def test_what_is_missing_is_named(tables: Tables, tmp_path: Path) -> None:
    (tmp_path / "wpp2019_mx_5x5.csv").write_text("iso3,period,age_start\nCHN,2020-2025,0\n")
    with pytest.raises(DataError) as told:
        read_wpp(tmp_path)
    assert f"{tmp_path}: wpp2019_pop_5x5.csv (or .csv.gz) is not in the folder" in str(told.value)
    assert "has no column mxM, mxF" in str(told.value)
    assert len(told.value.problems) == 10
    with pytest.raises(DataError, match=r"^the table has no full row for CHN, 1900, female$"):
        rows(tables.population_2019, "CHN", [1900])
    with pytest.raises(
        DataError, match=r"^variant 'x' is unknown; write: full, even, spline, periods$"
    ):
        Country2024(tables, "SWE").project("x")  # type: ignore[arg-type]


@pytest.mark.golden
def test_measures_of_fertility(shared: Path) -> None:
    table = fertility_measures(shared / "golden")
    assert table["verdict"].eq("met").all(), table[table["verdict"] != "met"]
    parts = ["PATFR", "mean age", "births by age", "tempo", "birth interval", "completed", "change"]
    counts = [int(table["measure"].str.startswith(part).sum()) for part in parts]
    assert counts == [8, 6, 2, 52, 6, 3, 3]
    assert set(table["strength"]) == {"V", "C"}


@pytest.mark.golden
def test_a_wrong_figure_is_told(shared: Path, tmp_path: Path) -> None:
    for name in ("parity_table_rates", "parity_table_results", "birth_interval_colombia_1976"):
        shutil.copy(shared / "golden" / f"{name}.csv", tmp_path)
    path = tmp_path / "parity_table_results.csv"
    path.chmod(0o644)
    path.write_text(path.read_text().replace("exact,2,0.6255497057", "exact,2,0.6255597057"))
    table = fertility_measures(tmp_path)
    assert table[table["verdict"] == "missed"]["measure"].tolist() == [
        "PATFR, order 2, exact table",
        "PATFR, exact table",
    ]


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    message = f"{tmp_path} holds none of the reference tables of fertility measures"
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        read_cases(tmp_path)


def test_quartiles_read_at_the_start_are_one_interval_lower() -> None:
    limits = np.arange(0, 61, 3.0)
    births, exposure = np.full(20, 5.0), np.linspace(200, 60, 20)
    end = birth_interval_table(births, exposure, limits, horizon=60)
    start = birth_interval_table(births, exposure, limits, horizon=60, read_at="start")
    np.testing.assert_allclose(end["quartile"] - start["quartile"], 3)
    assert end["quintum"] == start["quintum"]
    with pytest.raises(DataError, match=r"^read_at 'mid' is unknown; write: end or start$"):
        birth_interval_table(births, exposure, limits, read_at="mid")  # type: ignore[arg-type]


def test_the_pages_follow_from_their_sources() -> None:
    command = [sys.executable, "-m", "scripts.proof", "un", "fertility-measures", "--check"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_sexes_come_females_first() -> None:
    assert SEXES == ["female", "male"]
    index = pd.MultiIndex.from_product([["X"], [2020], ["male", "female"]])
    frame = pd.DataFrame([[1.0], [2.0]], index=index)
    assert rows(frame, "X", [2020]).ravel().tolist() == [2.0, 1.0]
