"""Looking back from 2000 and 2010 to the census of 2020, province by province."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from popsim.data.censuses import read_census_population, read_censuses
from popsim.dataset import validate
from popsim.errors import DataError
from popsim.proof.looking_back import (
    FEWEST_OTHERS,
    error_model,
    kept_errors,
    looking_back,
    weighted_absolute_percentage_error,
)

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "scripts/sources"
FILES = {
    "population": "census_population.csv",
    "deaths": "census_deaths.csv",
    "births": "census_births_by_order.csv",
    "single_ages": "census_deaths_exposure_single_age.csv",
    "births_by_age": "census_births_by_mother_age.csv",
}


def read(codes=None):
    return (
        read_censuses(SOURCES, regions=codes, files=FILES),
        read_census_population(SOURCES, 2020, codes, files=FILES),
    )


@pytest.fixture(scope="module")
def result():
    return looking_back(read())


def meets_the_goals(found):
    summary = found.summary
    assert summary["median"] <= 6.5
    assert summary["mean"] <= 7.5
    assert summary["number_better"] >= 20
    assert 75 <= summary["coverage_80"] <= 85


@pytest.mark.golden
def test_the_census_of_2020_is_met_from_the_reference_tables(shared):
    found = looking_back(shared / "data/census", kept_errors()[0])
    assert found.summary["provinces"] == 25
    meets_the_goals(found)
    # What the reference states for Hamilton-Perry over these provinces.
    assert found.summary["median_hamilton_perry"] == pytest.approx(7.1, abs=0.05)
    assert found.summary["mean_hamilton_perry"] == pytest.approx(9.7, abs=0.05)


def test_the_census_of_2020_is_met_from_the_sources(result):
    meets_the_goals(result)
    assert result.summary["left_out"] == (
        "230000", "320000", "350000", "440000", "510000", "610000",
    )  # fmt: skip
    validate(result.data)
    assert result.data.population_projected.dims == ("region", "sex", "age_group")
    assert (result.data.population_lower < result.data.population_projected).all()
    assert (result.data.population_projected < result.data.population_upper).all()
    for variable in result.data.data_vars.values():
        assert variable.attrs["long_name_zh"]
    row = result.table.set_index("region").loc["330000"]
    here = result.data.sel(region="330000")
    assert row["wape"] == pytest.approx(
        weighted_absolute_percentage_error(here.population_projected, here.population_counted)
    )


def test_no_count_of_2020_enters_a_projection(result):
    known, counts = read()
    doubled = counts.copy(deep=True)
    doubled.loc[{"region": "330000"}] *= 2
    other = looking_back((known, doubled))
    np.testing.assert_array_equal(other.data.population_projected, result.data.population_projected)
    # A province's own count does not move its interval, the others' do.
    for bound in ("population_lower", "population_upper"):
        mine, theirs = other.data[bound], result.data[bound]
        np.testing.assert_array_equal(mine.sel(region="330000"), theirs.sel(region="330000"))
        assert not mine.sel(region="110000").equals(theirs.sel(region="110000"))


def test_a_province_alone_gets_the_same_projection_and_a_width_from_the_others(result):
    chosen = looking_back(read(), ["540000", "330000"])
    assert chosen.table["region"].tolist() == ["540000", "330000"]
    assert chosen.summary["left_out"] == ()
    alone = looking_back(read(["000000", "330000"]))
    for found in (chosen, alone):
        here, there = found.data.sel(region="330000"), result.data.sel(region="330000")
        for name in ("population_projected", "population_lower", "population_hamilton_perry"):
            np.testing.assert_allclose(here[name], there[name], rtol=1e-7)


def test_the_errors_kept_are_those_of_the_sources(result):
    codes, errors = kept_errors()
    assert len(codes) > FEWEST_OTHERS
    assert codes == result.data.region.values.tolist()
    data = result.data
    np.testing.assert_allclose(
        errors, np.log(data.population_counted / data.population_projected), atol=1e-7
    )


def test_error_model_finds_the_common_part():
    rng = np.random.default_rng(1)
    scale = np.linspace(0.05, 0.2, 19)
    common = np.sqrt(0.4) * rng.standard_normal((4000, 1, 1))
    own = np.sqrt(0.6) * rng.standard_normal((4000, 2, 19))
    model = error_model(scale * (common + own))
    np.testing.assert_allclose(model.scale, scale, rtol=0.03)
    assert model.common == pytest.approx(0.4, abs=0.02)
    assert model.multiplier == pytest.approx(1.2816, abs=0.02)
    with pytest.raises(DataError, match="at least two provinces"):
        error_model(np.ones((1, 2, 19)))
    with pytest.raises(DataError, match="an age has no error in any province"):
        error_model(np.zeros((2, 2, 19)))


def test_text_in_both_languages(result):
    assert "provinces better than Hamilton-Perry: 20" in result.text("en")
    assert "优于Hamilton–Perry法的省份数: 20" in result.text("zh")
    assert "浙江省" in result.labelled_table("zh")["地区（中文）"].tolist()
    assert "Zhejiang" in result.labelled_table("en")["province"].tolist()
    with pytest.raises(DataError, match="no text in 'fr'; write: en or zh"):
        result.text("fr")


def test_regions_that_cannot_be_run_are_named():
    tables = read(["000000", "330000"])
    with pytest.raises(DataError, match="region 990000 is not among the regions with the censuses"):
        looking_back(tables, ["990000"])
    known = read_censuses(SOURCES, regions=["440000"], files=FILES)
    with pytest.raises(DataError, match="region 440000 has no rows of 2020"):
        looking_back((known, tables[1]), ["440000"])
    with pytest.raises(DataError, match="no region has the censuses of 2000, 2010 and 2020"):
        looking_back((known, tables[1]))


def test_the_script_lists_its_pages():
    run = subprocess.run(
        [sys.executable, "-m", "scripts.proof", "--check", "looking-forward"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert "no page looking-forward; there are looking-back" in run.stderr
