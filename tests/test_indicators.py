"""Indicators against hand calculation and published numbers."""

import numpy as np
import pytest
import xarray as xr

from popsim.demography.indicators import AGE_BREAKS, dependency_ratios, indicators
from popsim.errors import DataError


def groups(counts, starts=AGE_BREAKS):
    values = np.asarray(counts, dtype=float)
    return xr.DataArray(
        values,
        dims=("sex", "age_group"),
        coords={"sex": ["female", "male"], "age_group_start": ("age_group", list(starts))},
    )


def test_dependency_ratios_of_china_2020():
    # Census 2020 (NBS, with servicemen): 0-14, 15-59, 60-64, 65+; the bureau prints 45.88, 26.18
    # and 19.70 for 15-64 (Seventh National Population Census).
    young, working, sixty, old = 253383938, 894376020, 73383486, 190635280
    population = groups([[young, working, sixty, old], [0, 0, 0, 0]], starts=(0, 15, 60, 65))
    found = dependency_ratios(population, 65)
    assert round(100 * float(found["dependency_ratio_15_64"]), 2) == 45.88
    assert round(100 * float(found["child_dependency_ratio_15_64"]), 2) == 26.18
    assert round(100 * float(found["old_age_dependency_ratio_15_64"]), 2) == 19.70


def test_total_dependency_ratio_of_huzhou_2020():
    # Huzhou, census 2020: 0-14 402,018; 15-59 2,246,840; 60+ 718,721; its plan prints 49.88 %.
    population = groups([[402018, 2246840, 718721], [0, 0, 0]], starts=(0, 15, 60))
    ratio = dependency_ratios(population, 60)["dependency_ratio_15_59"]
    assert round(100 * float(ratio), 2) == 49.88


def projected(births, population):
    coords = {"year": [2021], "birth_order": [1, 2, 3, 4]}
    orders = xr.DataArray([births], dims=("year", "birth_order"), coords=coords)
    sexes = xr.DataArray(
        [[30.0, 40.0]], dims=("year", "sex"), coords={"year": [2021], "sex": ["female", "male"]}
    )
    stocks = xr.concat([groups(p) for p in population], xr.Variable("time", [2021, 2022]))
    return xr.Dataset(
        {
            "births_by_order": orders,
            "total_fertility_rate_by_order": orders / 100,
            "deaths_by_sex": sexes,
            "net_migration_by_sex": sexes,
            "population_by_age_group": stocks,
        }
    )


def test_shares_and_rates():
    start = [[10.0] * 8, [20.0] * 8]
    end = [[30.0] * 8, [40.0] * 8]
    found = indicators(projected([50.0, 40.0, 8.0, 2.0], [start, end])).squeeze("year")
    assert float(found.second_child_share) == pytest.approx(0.40)
    assert float(found.third_child_share) == pytest.approx(0.08)
    assert float(found.third_and_higher_share) == pytest.approx(0.10)
    assert float(found.second_and_third_child_share) == pytest.approx(0.48)
    # The bureau relates events to the mean of the populations at both ends: (240 + 560) / 2.
    assert float(found.crude_birth_rate) == pytest.approx(100 / 400)
    assert float(found.natural_increase_rate) == pytest.approx(30 / 400)
    assert found.women_15_49.values.tolist() == [30.0, 90.0]
    assert found.women_20_34.values.tolist() == [10.0, 30.0]
    assert found.children_under_3.values.tolist() == [30.0, 70.0]
    assert float(found.total_fertility_rate) == pytest.approx(1.0)


def test_every_age_is_counted_once():
    population = groups(np.arange(16.0).reshape(2, 8))
    found = indicators(projected([1.0, 1, 1, 1], [population.values, population.values]))
    total = float(population.sum())
    assert found.population_total.values.tolist() == [total, total]
    parts = dependency_ratios(population, 60)
    working = float(population.isel(age_group=slice(2, 6)).sum())
    assert float(parts["dependency_ratio_15_59"]) == pytest.approx((total - working) / working)


def test_a_group_across_a_limit_is_refused():
    with pytest.raises(DataError, match=r"no age group starts at 15 \(they start at 0, 20, 60, 65"):
        dependency_ratios(groups(np.ones((2, 4)), starts=(0, 20, 60, 65)), 60)
