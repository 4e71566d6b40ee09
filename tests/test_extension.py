"""A baseline carried on past its last year."""

import numpy as np
import pytest

import popsim as ps
from popsim.dataset import validate
from popsim.errors import DataError


def test_a_longer_baseline_runs_and_the_years_before_are_the_same():
    base = ps.load_baseline("zhejiang-2020")
    longer = ps.extend_baseline(base, 2070)
    validate(longer)
    short = ps.run(base, "baseline", years=range(2021, 2061), draws=3)
    long = ps.run(longer, "baseline", years=range(2021, 2071), draws=3)
    np.testing.assert_array_equal(long.births.sel(year=slice(None, 2060)), short.births)
    assert np.isfinite(long.population_total).all()


def test_what_is_carried_on_says_so_and_what_is_there_stays():
    base = ps.load_baseline("zhejiang-2020")
    longer = ps.extend_baseline(base, 2070)
    assert "from 2061: the values of 2060 held (ILLUSTRATIVE)" in longer.death_rate.source
    assert longer.population.source == base.population.source
    assert "years 2061-2070 as 2060" in longer.attrs["history"]
    assert ps.extend_baseline(base, 2050) is base
    with pytest.raises(DataError, match="lies before the baseline, which begins in 2021"):
        ps.extend_baseline(base, 2020)
    with pytest.raises(DataError, match=r"popsim\.extend_baseline"):
        ps.run(base, "baseline", years=range(2021, 2071), draws=1)
