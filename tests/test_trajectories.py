"""Paths from elsewhere are read and met; alignment; the chance of single events."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import popsim as ps
from popsim.demography.alignment import align_path, aligned_factors
from popsim.demography.drawn_factors import central_factors, demographic_draws
from popsim.demography.lifetable import life_table
from popsim.demography.noise import demographic_noise
from popsim.demography.outside import (
    draws_from_quantiles,
    quantiles_of_variants,
    read_intervals,
    read_trajectories,
    read_variants,
)
from popsim.demography.projection import INPUTS, project
from popsim.demography.trajectories import (
    life_expectancy_of_survival,
    trajectory_factors,
    variant_baselines,
)
from popsim.errors import DataError, ProjectionError

SPAN = range(2021, 2033)


@pytest.fixture(scope="module")
def zhejiang():
    return ps.load_baseline("zhejiang-2020")


def ascii_file(folder, name="ascii_trajectories.csv", column="TF"):
    rows = ["LocID,Period,Year,Trajectory," + column]
    for place in (156, 392):
        for trajectory in (3, 17):
            for year in (2023, 2028, 2033):
                value = 1 + 0.01 * (year - 2023) * (1 if trajectory == 3 else -1)
                rows.append(f"{place},{year - 3}-{year + 2},{year},{trajectory},{value:.5f}")
    path = folder / name
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_trajectories_of_bayestfr_are_read_by_place_and_filled_to_years(tmp_path):
    read = read_trajectories(ascii_file(tmp_path), location=156)
    assert read.name == "total_fertility_rate"
    assert read.draw.values.tolist() == [0, 1]
    assert read.year.values.tolist() == list(range(2023, 2034))
    np.testing.assert_allclose(read.sel(year=2030), [1.07, 0.93])
    life = read_trajectories(ascii_file(tmp_path, "e0.csv", "e0"), location=392)
    assert life.name == "life_expectancy_at_birth"


def broken(**changes):
    table = pd.DataFrame(
        {
            "LocID": 156,
            "Year": [2028, 2033] * 2,
            "Trajectory": [1, 1, 2, 2],
            "TF": [1.0, 1.1, 1.2, 1.3],
        }
    )
    return table.assign(**changes)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: read_trajectories(broken(TF=[1.0, "n/a", 1.2, 1.3])),
            "table, row 3, column TF: 'n/a' is not a number",
        ),
        (
            lambda: read_trajectories(broken().iloc[:3]),
            "table: trajectory 2 has no value of 2033 (1 such gaps)",
        ),
        (
            lambda: read_trajectories(broken(Year=[2028, 2028, 2028, 2033])),
            "table: trajectory 1 has the year 2028 twice (1 such rows)",
        ),
        (
            lambda: read_trajectories(broken().rename(columns={"TF": "value", "Year": "Years"})),
            "2 problems\ntable: no column of values; one of TF, e0, Mig is needed\n"
            "table: column Year is missing; write: Year for Years",
        ),
        (
            lambda: read_trajectories(broken(LocID=[156, 156, 392, 392])),
            "table: column LocID holds 2 places (156, 392, ...); write: location='156'",
        ),
        (
            lambda: read_trajectories(broken(), location=840),
            "table: no rows of 840 in column LocID; there are 156",
        ),
        (lambda: read_trajectories("nowhere.csv"), "there is no file nowhere.csv"),
        (
            lambda: read_intervals(pd.DataFrame({"year": [2030], "median": [1.0]})),
            "table: no bounds; write: columns lower80 and upper80",
        ),
        (
            lambda: read_intervals(
                pd.DataFrame({"year": [2030], "median": [1.0], "lower80": [1.2], "upper80": [1.3]})
            ),
            "table: lower80 of 2030 is above median",
        ),
        (
            lambda: read_variants(pd.DataFrame({"year": [2030, 2030], "low": [1.0, 1.1]})),
            "table: the year 2030 stands twice",
        ),
        (
            lambda: read_variants(pd.DataFrame({"year": [2030.5], "low": [1.0]})),
            "table, column year: 2030.5 is not a calendar year",
        ),
        (
            lambda: quantiles_of_variants(
                read_variants(pd.DataFrame({"year": [2030], "low": [1.0], "high": [2.0]})),
                {"low": 0.1, "medium": 1.5},
            ),
            "2 problems\nno variant 'medium'; write: low or high\n"
            "the quantile of medium is 1.5; it must lie between 0 and 1",
        ),
    ],
)
def test_a_table_that_is_wrong_is_told_where_and_what(call, text):
    with pytest.raises(DataError) as error:
        call()
    assert str(error.value) == text


def test_variants_and_intervals_are_read_from_files(tmp_path):
    sheet = pd.DataFrame({"year": [2024, 2034], "low": [0.8, 0.6], "high": [1.0, 1.4]})
    sheet.to_excel(tmp_path / "variants.xlsx", index=False)
    read = read_variants(tmp_path / "variants.xlsx")
    assert read["variant"].values.tolist() == ["low", "high"]
    assert read.sel(variant="high", year=2029).item() == pytest.approx(1.2)
    bounds = pd.DataFrame(
        {
            "iso3": "CHN",
            "year": [2024, 2024],
            "indicator": ["tfr", "e0M"],
            "median": [1.0, 75.0],
            "lower80": [0.9, 74.0],
            "upper80": [1.1, 76.0],
            "lower95": [0.8, 73.0],
            "upper95": [1.3, 77.0],
        }
    )
    bounds.to_csv(tmp_path / "intervals.csv", index=False)
    read = read_intervals(tmp_path / "intervals.csv", location="CHN", indicator="tfr")
    assert read.sel(year=2024).values.tolist() == [0.8, 0.9, 1.0, 1.1, 1.3]
    with pytest.raises(DataError, match="several indicators; write: indicator='e0M'"):
        read_intervals(tmp_path / "intervals.csv", location="CHN")


def test_draws_have_the_quantiles_stated_and_the_memory_stated():
    levels = [0.025, 0.1, 0.5, 0.9, 0.975]
    values = np.array([[0.5, 0.7, 1.0, 1.6, 2.0]] * 10).T
    stated = xr.DataArray(
        values, {"quantile": levels, "year": range(2024, 2034)}, ("quantile", "year")
    )
    drawn = draws_from_quantiles(stated, range(40_000), 1, component="x", memory=0.9)
    found = drawn.sel(year=[2024, 2033]).quantile(levels, "draw")
    np.testing.assert_allclose(found.T, values.T[:2], atol=0.03)
    alone = draws_from_quantiles(stated, range(41, 42), 1, component="x", memory=0.9)
    np.testing.assert_array_equal(alone[0], drawn.sel(draw=41))
    pair = drawn.sel(year=[2026, 2028]).transpose("year", "draw").values
    seen = np.corrcoef(pair.argsort(axis=1).argsort(axis=1))[0, 1]
    normal_scale = 2 * np.sin(np.pi * seen / 6)  # Spearman's to Pearson's of a normal pair
    assert normal_scale == pytest.approx(0.81, abs=0.01)


def rate_of(data, **factors):
    inputs = data[[name for name in data if name in INPUTS]]
    ran = project(inputs, years=SPAN, on_negative="cut", **factors)
    return ran["total_fertility_rate_by_order"].sum("birth_order")


@pytest.mark.parametrize("level", [0.6, 1.6])
def test_a_path_is_met_exactly_and_parity_follows(zhejiang, level):
    path = {year: level + 0.01 * (year - 2024) for year in range(2024, 2033)}
    data = zhejiang.sel(year=list(SPAN))
    met = align_path(data, total_fertility_rate=path)
    rate = rate_of(met)[0]
    np.testing.assert_allclose(rate.sel(year=list(path)), list(path.values()), rtol=1e-8)
    xr.testing.assert_equal(
        met.fertility_factor.sel(year=slice(None, 2023)),
        data.fertility_factor.sel(year=slice(None, 2023)),
    )
    # One factor for all orders of a year, on top of the baseline's.
    ratio = met.fertility_factor / data.fertility_factor
    np.testing.assert_allclose(ratio.std("birth_order"), 0, atol=1e-12)


def test_births_and_orders_can_be_met_too(zhejiang):
    data = zhejiang.sel(year=list(SPAN))
    births = align_path(data, births={2026: 400_000.0})
    inputs = births[[n for n in births if n in INPUTS]]
    ran = project(inputs, years=SPAN, on_negative="cut")
    assert ran.births_by_order.sel(year=2026).sum().item() == pytest.approx(400_000, rel=1e-8)
    orders = xr.DataArray(
        [[0.5, 0.3, 0.1, 0.02]],
        {"year": [2026], "birth_order": [1, 2, 3, 4]},
        ("year", "birth_order"),
    )
    both = align_path(data, total_fertility_rate=orders)
    inputs = both[[n for n in both if n in INPUTS]]
    ran = project(inputs, years=SPAN, on_negative="cut")
    np.testing.assert_allclose(
        ran.total_fertility_rate_by_order.sel(year=2026)[0], orders[0], rtol=1e-8
    )


def test_the_calibration_stays_in_a_counterfactual(zhejiang):
    data = zhejiang.sel(year=list(SPAN))
    met = align_path(data, total_fertility_rate={y: 1.0 for y in range(2024, 2033)})
    third = xr.DataArray(
        [1, 1, 1.2, 1], {"birth_order": [1, 2, 3, 4]}, ("birth_order",), name="fertility_factor"
    )
    rate = rate_of(met, factors=third.to_dataset())[0]
    assert (rate.sel(year=slice(2024, None)) > 1.001).all()


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "give either total_fertility_rate or births to meet, and not both"),
        (
            {"total_fertility_rate": [1.0, 1.1]},
            "the total_fertility_rate to meet is a list; write a dict such as {2030: 1.1} or a "
            "DataArray with the dimension year",
        ),
        (
            {"births": {1999: 0.0}},
            "2 problems\nthe births to meet names year 1999, not in the data\n"
            "1 values of the births to meet are not positive numbers of births",
        ),
        (
            {
                "total_fertility_rate": xr.DataArray(
                    [[1.0]], {"year": [2030], "birth_order": [1]}, ("year", "birth_order")
                )
            },
            "the total_fertility_rate to meet lacks birth_order 2, 3, 4",
        ),
    ],
)
def test_targets_that_do_not_fit_are_refused(zhejiang, given, text):
    with pytest.raises(DataError) as error:
        align_path(zhejiang, **given)
    assert str(error.value) == text


def test_a_path_out_of_reach_is_said_to_be(zhejiang):
    with pytest.raises(ProjectionError, match="more than one birth per woman in half a year"):
        align_path(zhejiang.sel(year=list(SPAN)), total_fertility_rate={2030: 80.0})


def test_every_draw_meets_its_own_path_in_a_run(zhejiang):
    years = range(2024, 2033)
    z = np.random.default_rng(1).normal(0, 0.05, (5, len(years)))
    paths = xr.DataArray(
        np.exp(np.cumsum(z, axis=1)), {"draw": range(5), "year": list(years)}, ("draw", "year")
    )
    given = trajectory_factors(zhejiang, total_fertility_rate=paths)
    run = ps.run(zhejiang, "baseline", uncertainty="none", demography=given, years=SPAN, draws=5)
    rate = run.total_fertility_rate.sel(year=list(years)).isel(region=0, scenario=0)
    np.testing.assert_allclose(rate.transpose("draw", "year"), paths, rtol=1e-8)
    one = ps.run(
        zhejiang, "baseline", uncertainty="none", demography=given, years=SPAN, draws=range(3, 4)
    )
    np.testing.assert_array_equal(one.births[..., 0], run.births.sel(draw=3))
    np.testing.assert_array_equal(one.population, run.population)
    with pytest.raises(DataError) as error:
        ps.run(zhejiang, "baseline", demography=given, years=SPAN, draws=9)
    assert str(error.value) == (
        "demography has no draw 5 (4 missing; it has 0 to 4); write: draws=5"
    )
    with pytest.raises(DataError, match="demography has no year 2033"):
        ps.run(zhejiang, "baseline", demography=given, years=range(2021, 2034), draws=5)


def test_deviations_keep_the_baseline_as_the_centre(zhejiang):
    years = list(range(2024, 2033))
    national = xr.DataArray(
        np.array([[1.0], [1.2], [1.5]]) * np.ones(len(years)),
        {"draw": range(3), "year": years},
        ("draw", "year"),
    )
    factors = trajectory_factors(zhejiang, total_fertility_rate=national, how="deviation")
    own = rate_of(zhejiang)[0].sel(year=years)
    rate = rate_of(zhejiang.sel(year=list(SPAN)), factors=factors)[0].sel(year=years)
    np.testing.assert_allclose(rate.transpose("draw", "year"), national / 1.2 * own, rtol=1e-8)


def test_life_expectancy_of_survival_is_that_of_the_life_table(zhejiang):
    table = life_table(zhejiang.death_rate)
    own = life_expectancy_of_survival(
        zhejiang.survival_ratio.sel(mortality_level="central").transpose(
            *table["ex"].dims[:-1], "age"
        )
    )
    np.testing.assert_allclose(own, table["ex"].sel(age=0), rtol=1e-9)


def test_paths_of_life_expectancy_and_migration_are_met(zhejiang):
    years = list(range(2024, 2033))
    data = zhejiang.sel(year=list(SPAN))
    centre = life_expectancy_of_survival(
        data.survival_ratio.sel(mortality_level="central", sex="female", year=years)
        .isel(region=0)
        .transpose("year", "age")
    )
    e0 = xr.DataArray(
        centre + np.array([[-0.4], [0.0], [0.5]]),
        {"draw": range(3), "year": years},
        ("draw", "year"),
    )
    moved = xr.DataArray(np.array([[5e4], [0.0], [-2e4]]) * np.ones(len(years)), e0.coords, e0.dims)
    given = trajectory_factors(data, life_expectancy=e0, net_migration=moved, sex="female")
    w = given.mortality_weight.isel(region=0).sel(year=years)
    S = data.survival_ratio.sel(sex="female", year=years).isel(region=0)
    low, mid, high = (S.sel(mortality_level=n, drop=True) for n in ("low", "central", "high"))
    blend = xr.where(w >= 0, mid + w * (high - mid), mid - w * (low - mid))
    met = life_expectancy_of_survival(blend.transpose("draw", "year", "age"))
    np.testing.assert_allclose(met, e0, atol=1e-3)
    run = ps.run(data, "baseline", uncertainty="none", demography=given, draws=3)
    net = run.net_migration_total.isel(region=0, scenario=0).sel(year=years)
    np.testing.assert_allclose(net.transpose("draw", "year"), moved, atol=1e-4)
    with pytest.raises(DataError, match="lies beyond the survival tables, first in 330000, 2024"):
        trajectory_factors(data, life_expectancy=e0 + 9, sex="female")
    held = trajectory_factors(data, life_expectancy=e0 + 9, sex="female", outside="hold")
    assert "the table is taken" in held.attrs["notices"]
    assert float(held.mortality_weight.sel(year=2030).min()) == 1


def test_variants_become_baselines(zhejiang):
    given = read_variants(
        pd.DataFrame({"year": [2023, 2032], "low": [0.8, 0.8], "high": [1.0, 1.3]})
    )
    data = variant_baselines(zhejiang.sel(year=list(SPAN)), given)
    assert list(data) == ["low", "high"]
    assert rate_of(data["high"])[0].sel(year=2032).item() == pytest.approx(1.3, rel=1e-8)


def small_county(data, share=1 / 2000, years=range(2021, 2030)):
    """Zhejiang two thousand times smaller, without migration, all years open to chance."""
    inputs = data[[n for n in data if n in INPUTS]].sel(year=list(years)).drop_vars("net_migration")
    for name in ("population", "women_by_parity"):
        inputs[name] = inputs[name] * share
    return inputs


def simulate_events(inputs, years, copies, seed):
    """Every woman's births and everybody's death as single events: births by order, deaths."""
    rng = np.random.default_rng(seed)
    own = inputs.isel(region=0)
    women = np.round(own["women_by_parity"].values).astype(int)[None].repeat(copies, axis=0)
    men = np.round(own["population"].values[1]).astype(int)[None].repeat(copies, axis=0)
    rates = own["conditional_fertility_rate"].values
    boys = float((own["sex_ratio_at_birth"] / (1 + own["sex_ratio_at_birth"])).mean())
    births = np.zeros((copies, len(years), 4))
    deaths = np.zeros((copies, len(years)))

    def half(women, h):
        born = np.zeros((copies, 4, women.shape[2]), dtype=int)
        for k in range(4):
            # Those who have just moved up are at risk for half of the time on average.
            r = (h[k] / 2) / (1 + h[k] / 4) if k < 3 else h[k] / 2
            late = rng.binomial(born[:, k - 1], 0.5) if k else 0
            born[:, k] = rng.binomial(women[:, k] + late, r)
        for k in range(4):
            women[:, k] += (born[:, k - 1] if k else 0) - (born[:, k] if k < 3 else 0)
        return born

    for t, year in enumerate(years):
        at = own.sel(year=year)
        h = rates * at["fertility_factor"].values[:, None]
        h[:, [0, -1]] = 0
        S = at["survival_ratio"].sel(mortality_level="central").values
        first = half(women, h)
        before = women.sum(axis=(1, 2)) + men.sum(axis=1)
        women[..., -2] += women[..., -1]
        men[:, -2] += men[:, -1]
        women[..., 1:] = rng.binomial(women[..., :-1], S[0, 1:])
        men[:, 1:] = rng.binomial(men[:, :-1], S[1, 1:])
        women[..., 0], men[:, 0] = 0, 0
        after = women.sum(axis=(1, 2)) + men.sum(axis=1)
        second = half(women, h)
        births[:, t] = (first + second).sum(axis=2)
        newborn = births[:, t].sum(axis=1).astype(int)
        sons = rng.binomial(newborn, boys)
        men[:, 0] = rng.binomial(sons, S[1, 0])
        women[:, 0, 0] = rng.binomial(newborn - sons, S[0, 0])
        deaths[:, t] = before - after + newborn - men[:, 0] - women[:, 0, 0]
    return births, deaths, women.sum(axis=(1, 2)) + men.sum(axis=1)


def test_the_chance_of_events_has_the_variance_of_single_events(zhejiang):
    years = range(2021, 2030)
    inputs = small_county(zhejiang, years=years)
    # Wide tables, so that the chance of deaths has room in the first years too.
    S = inputs["survival_ratio"]
    middle = S.sel(mortality_level="central", drop=True)
    for level, power in (("low", 1.6), ("central", 1.0), ("high", 0.4)):
        S.loc[{"mortality_level": level}] = (
            middle.transpose(*[d for d in S.dims if d != "mortality_level"]) ** power
        )
    draws = range(1500)
    data = inputs.assign_attrs(first_projected_year=2021)
    still = demographic_draws(data, years, draws, 1, "none")
    noisy = demographic_noise(
        inputs, still, central=central_factors(data, years, "none"), years=years, first=2021, seed=1
    )
    assert "notices" not in noisy.attrs
    ran = project(inputs, years=years, factors=noisy, on_negative="cut").isel(region=0)
    births, deaths, people = simulate_events(inputs, years, 1500, seed=7)
    drawn = ran.births_by_order.transpose("draw", "year", "birth_order").values
    for t in (0, 4, 8):
        np.testing.assert_allclose(drawn[:, t].mean(0), births[:, t].mean(0), rtol=0.05, atol=0.3)
        np.testing.assert_allclose(drawn[:, t].var(0), births[:, t].var(0), rtol=0.2)
    gone = ran.deaths_by_sex.sum("sex").transpose("draw", "year").values
    np.testing.assert_allclose(gone.var(0), deaths.var(0), rtol=0.2)
    total = ran.population_by_age_group.sum(["sex", "age_group"]).isel(time=-1)
    assert float(total.var()) == pytest.approx(people.var(), rel=0.2)


def test_noise_of_a_draw_alone_is_that_of_the_batch(zhejiang):
    county = zhejiang.copy()
    for name in ("population", "women_by_parity", "net_migration"):
        county[name] = county[name] / 500
    county = county.assign_coords(region=["331126"])
    run = ps.run(county, "baseline", demographic_noise=True, years=SPAN, draws=6)
    one = ps.run(county, "baseline", demographic_noise=True, years=SPAN, draws=range(4, 5))
    np.testing.assert_array_equal(one.births[..., 0], run.births.sel(draw=4))
    plain = ps.run(county, "baseline", years=SPAN, draws=6)
    np.testing.assert_array_equal(
        run.births.sel(year=slice(None, 2023)), plain.births.sel(year=slice(None, 2023))
    )
    assert not np.allclose(run.births.sel(year=2024), plain.births.sel(year=2024), rtol=1e-3)


def test_paths_with_draws_need_draws(zhejiang):
    path = xr.DataArray([1.0], {"year": [2030]}, ("year",))
    with pytest.raises(DataError, match="use align_path for a path without draws"):
        aligned_factors(zhejiang, total_fertility_rate=path)
    with pytest.raises(DataError, match="the path of net_migration has no dimension draw"):
        trajectory_factors(zhejiang, net_migration=path)
    with pytest.raises(DataError, match="no path is given"):
        trajectory_factors(zhejiang)


@pytest.mark.golden
def test_the_intervals_of_the_united_nations_are_read_and_drawn(shared):
    file = shared / "data" / "wpp" / "wpp2024_projection_intervals.csv.gz"
    by_letters = read_intervals(file, location="CHN", indicator="tfr")
    by_number = read_intervals(file, location=156, indicator="tfr")
    np.testing.assert_array_equal(by_letters, by_number)
    drawn = draws_from_quantiles(by_number, range(20_000), 1, component="un")
    found = drawn.sel(year=2050).quantile(by_number["quantile"].values, "draw")
    np.testing.assert_allclose(found, [0.636, 0.817, 1.18416, 1.528, 1.687], atol=0.015)
