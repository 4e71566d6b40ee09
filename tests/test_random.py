"""Draws are functions of their address, whatever else is drawn."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from popsim.demography.drawn_factors import demographic_draws
from popsim.demography.draws import normal
from popsim.kernels.random import uniform


@given(st.integers(0, 5000), st.integers(1, 40), st.integers(0, 2**63 - 1))
def test_any_chunk_is_a_part_of_the_whole(start, size, seed):
    whole = uniform(seed, "component", range(start + size), key="330000", step=2030)
    part = uniform(seed, "component", range(start, start + size), key="330000", step=2030)
    np.testing.assert_array_equal(whole[start:], part)


def test_addresses_do_not_share_numbers():
    addresses = [
        {"seed": 1, "component": "a"},
        {"seed": 2, "component": "a"},
        {"seed": 1, "component": "b"},
        {"seed": 1, "component": "a", "key": "330000"},
        {"seed": 1, "component": "a", "step": 1},
    ]
    drawn = [uniform(a.pop("seed"), a.pop("component"), range(1000), **a) for a in addresses]
    correlation = np.corrcoef(drawn) - np.eye(len(drawn))
    assert np.abs(correlation).max() < 0.12


def test_uniform_and_normal_have_their_moments():
    drawn = uniform(3, "moments", range(200_000))
    assert 0 < drawn.min() < drawn.max() < 1
    assert drawn.mean() == pytest.approx(0.5, abs=0.003)
    assert drawn.var() == pytest.approx(1 / 12, abs=0.001)
    z = normal(3, "moments", range(200_000))
    assert np.isfinite(z).all()
    assert z.mean() == pytest.approx(0, abs=0.01)
    assert z.std() == pytest.approx(1, abs=0.01)


def test_draws_must_be_contiguous():
    with pytest.raises(ValueError, match="contiguous"):
        uniform(1, "a", range(0, 10, 2))


def baseline(regions):
    return xr.Dataset(
        {
            "fertility_innovation": ("region", [0.05] * len(regions)),
            "migration_innovation": ("region", [0.3] * len(regions)),
        },
        coords={"region": regions},
        attrs={"first_projected_year": 2024},
    )


def test_counties_share_the_draws_of_their_province_in_any_company():
    alone = demographic_draws(baseline(["331126"]), range(2021, 2031), range(8), seed=1)
    both = demographic_draws(baseline(["110101", "331126"]), range(2021, 2031), range(8), seed=1)
    xr.testing.assert_identical(alone.isel(region=0), both.isel(region=1))
    province = demographic_draws(baseline(["330000"]), range(2021, 2031), range(8), seed=1)
    np.testing.assert_array_equal(alone.fertility_factor, province.fertility_factor)


def test_observed_years_are_not_drawn_and_spread_grows_as_a_walk():
    drawn = demographic_draws(baseline(["330000"]), range(2021, 2061), range(20_000), seed=1)
    early = drawn.sel(year=slice(None, 2023))
    assert (early.fertility_factor == 1).all()
    assert (early.migration_factor == 1).all()
    log = np.log(drawn.fertility_factor.isel(region=0))
    for year in (2024, 2033, 2060):
        expected = 0.05 * np.sqrt(year - 2023)
        assert float(log.sel(year=year).std()) == pytest.approx(expected, rel=0.03)
    spread = drawn.migration_factor.isel(region=0).std("draw")
    np.testing.assert_allclose(spread.sel(year=slice(2024, None)), 0.3, rtol=0.03)
    assert float(np.abs(drawn.mortality_weight).max()) <= 1
