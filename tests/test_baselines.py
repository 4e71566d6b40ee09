"""The embedded baselines: complete, consistent, and what they claim to meet."""

import numpy as np
import pytest

import popsim as ps
from popsim.dataset import validate
from popsim.errors import DataError

WAN = 1e4
#: Zhejiang Bureau of Statistics, statistical bulletins 2020-2024, in 10^4.
YEAR_END = {2020: 6468, 2021: 6540, 2022: 6577, 2023: 6627, 2024: 6670}
BIRTHS = {2021: 44.9, 2022: 41.2, 2023: 38.3}
DEATHS = {2021: 38.4, 2022: 40.9, 2023: 44.0}


@pytest.fixture(scope="module")
def zhejiang():
    return ps.load_baseline("zhejiang-2020")


@pytest.fixture(scope="module")
def central(zhejiang):
    return ps.project(zhejiang)


@pytest.mark.parametrize("name", ps.baseline_names())
@pytest.mark.parametrize("held", ["incidence", "conditional"])
def test_is_complete_and_projects(name, held):
    data = ps.load_baseline(name, fertility=held)
    validate(data)
    for variable in data.data_vars.values():
        assert variable.attrs["source"], variable.name
        assert variable.attrs["long_name_zh"]
    women = data.women_by_parity.sum("parity")
    np.testing.assert_allclose(women, data.population.sel(sex="female"), rtol=1e-9)
    ordered = data.survival_ratio.transpose("mortality_level", ...)
    assert (ordered.diff("mortality_level") >= -1e-12).all()
    assert float(ps.project(data).population_by_age_group.min()) > 0


def test_bulletins_are_met(central):
    population = central.population_by_age_group.sum(["sex", "age_group"]).isel(region=0)
    for year, births in BIRTHS.items():
        born = float(central.births_by_order.sel(year=year).sum())
        died = float(central.deaths_by_sex.sel(year=year).sum())
        assert born / WAN == pytest.approx(births, rel=1e-7)
        assert died / WAN == pytest.approx(DEATHS[year], rel=1e-7)
    for year in range(2020, 2024):
        assert float(population.sel(time=year + 1)) / WAN == pytest.approx(YEAR_END[year], rel=1e-7)
    # Not fitted: the first projected year.
    assert float(population.sel(time=2025)) / WAN == pytest.approx(YEAR_END[2024], rel=1e-3)


def test_fertility_held_is_what_it_says(zhejiang, central):
    rates = central.total_fertility_rate_by_order.isel(region=0)
    held = rates.sel(year=slice(2023, None))
    np.testing.assert_allclose(held, held.isel(year=[0] * held.sizes["year"]), rtol=1e-7)
    conditional = ps.load_baseline("zhejiang-2020", fertility="conditional")
    factor = conditional.fertility_factor.sel(year=slice(2023, None))
    assert float(factor.std("year").max()) < 1e-12
    assert conditional.attrs["fertility_held"] == "conditional"


def test_reference_holds_no_measure_begun_after_2022(zhejiang):
    places = zhejiang.childcare_places.isel(region=0)
    assert places.sel(year=[2021, 2022, 2023, 2024, 2060]).values.tolist() == [
        2.03, 2.5, 3.38, 4.08, 4.08,
    ]  # fmt: skip


def test_what_is_assumed_is_marked(zhejiang):
    assert "RECONSTRUCTED" in zhejiang.women_by_parity.attrs["source"]
    assert "ILLUSTRATIVE" in zhejiang.fertility_factor.attrs["source"]
    assert "ILLUSTRATIVE" in zhejiang.childcare_places.attrs["source"]


def test_looking_back_uses_nothing_known_later():
    back = ps.load_baseline("zhejiang-2010")
    assert back.attrs["first_projected_year"] == 2011
    assert int(back.base_time) == 2011
    first = back.net_migration.isel(year=[0] * back.sizes["year"])
    np.testing.assert_array_equal(back.net_migration.values, first.values)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ps.load_baseline("zhejang-2020"), "no embedded baseline 'zhejang-2020' .*; write"),
        (lambda: ps.load_baseline("zhejiang-2020", fertility="tfr"), "not one of incidence"),
    ],
)
def test_unknown_names_are_refused(call, message):
    with pytest.raises(DataError, match=message):
        call()
