"""Regions tied by an origin-destination matrix or a pool."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from popsim.demography.projection import project
from popsim.demography.regional_base import split_region
from popsim.demography.regions import project_regions
from popsim.errors import DataError, ProjectionError

tied_reference = runpy.run_path(str(Path(__file__).with_name("regions_reference.py")))[
    "tied_reference"
]

YEARS = [2031, 2032, 2033]
REGIONS = ["331126", "330523", "330381"]
NAMES = ["庆元县", "安吉县", "瑞安市"]
AGES = 40


def made(seed=0, regions=3, levels=True):
    rng = np.random.default_rng(seed)
    women = rng.uniform(50, 100, (regions, 4, AGES)) * rng.uniform(0.5, 2, (regions, 1, 1))
    men = rng.uniform(200, 400, (regions, AGES))
    fertility = np.zeros((regions, 3, 4, AGES))
    fertility[..., 10:30] = rng.uniform(0, 0.2, (regions, 3, 4, 20))
    survival = np.sort(rng.uniform(0.9, 1, (regions, 3, 3, 2, AGES)), axis=2)
    data = xr.Dataset(
        {
            "women_by_parity": (("region", "parity", "age"), women),
            "population": (("region", "sex", "age"), np.stack([women.sum(axis=1), men], axis=1)),
            "conditional_fertility_rate": (("region", "year", "birth_order", "age"), fertility),
            "survival_ratio": (("region", "year", "mortality_level", "sex", "age"), survival),
            "sex_ratio_at_birth": (
                ("region", "year", "birth_order"),
                rng.uniform(1.04, 1.15, (regions, 3, 4)),
            ),
            "net_migration": (
                ("region", "year", "sex", "age"),
                rng.uniform(-5, 5, (regions, 3, 2, AGES)),
            ),
        },
        {
            "region": REGIONS[:regions],
            "region_name_zh": ("region", NAMES[:regions]),
            "year": YEARS,
            "parity": [0, 1, 2, 3],
            "birth_order": [1, 2, 3, 4],
            "age": np.arange(AGES),
            "sex": ["female", "male"],
            "mortality_level": ["low", "central", "high"],
            "base_time": 2031,
        },
    )
    return data if levels else data.sel(mortality_level="central", drop=True)


def made_rates(inputs, seed=5, most=0.05):
    rng = np.random.default_rng(seed)
    n = inputs.sizes["region"]
    rates = rng.uniform(0, most, (n, n, 2, AGES)) * (1 - np.eye(n))[:, :, None, None]
    region = inputs["region"].values
    return xr.DataArray(
        rates,
        {
            "origin": region,
            "destination": region,
            "sex": ["female", "male"],
            "age": np.arange(AGES),
        },
        ("origin", "destination", "sex", "age"),
    )


def made_pool(inputs, seed=6):
    rng = np.random.default_rng(seed)
    n = inputs.sizes["region"]
    shares = rng.uniform(0.1, 1, (n, 2, AGES))
    dims = ("region", "sex", "age")
    return xr.Dataset(
        {
            "out_migration_rate": (dims, rng.uniform(0, 0.1, (n, 2, AGES))),
            "destination_share": (dims, shares / shares.sum(axis=0)),
        },
        {d: inputs[d].values for d in dims},
    )


def made_factors(draws=5, regions=3):
    rng = np.random.default_rng(9)
    return xr.Dataset(
        {
            "fertility_factor": (
                ("scenario", "draw", "year", "birth_order"),
                rng.uniform(0.8, 1.2, (2, draws, 3, 4)),
            ),
            "mortality_weight": (("draw", "year"), rng.uniform(-1, 1, (draws, 3))),
            "migration_factor": (("region", "draw"), rng.uniform(0, 1, (regions, draws))),
        },
        {
            "scenario": ["baseline", "qingyuan-2023"],
            "draw": np.arange(draws) + 100,
            "year": YEARS,
            "birth_order": [1, 2, 3, 4],
            "region": REGIONS[:regions],
        },
    )


def assert_same(found, wanted, rtol=1e-12):
    for name, want in wanted.data_vars.items():
        scale = float(np.nanmax(np.abs(want.values)))
        np.testing.assert_allclose(
            found[name].transpose(*want.dims).values,
            want.values,
            rtol=rtol,
            atol=rtol * scale,
            err_msg=name,
        )


@pytest.mark.parametrize("timing", ["even", "end"])
@pytest.mark.parametrize("kind", ["counts", "rates", "totals"])
def test_nobody_moving_is_the_projection_of_each_region(timing, kind):
    inputs = made()
    if kind == "rates":
        inputs["net_migration"] = inputs.net_migration / 400
    if kind == "totals":
        inputs["net_migration"] = inputs.net_migration.sum(["sex", "age"])
    options = {"factors": made_factors(), "timing": timing, "migration_kind": kind}
    alone = project(inputs, detail="history", **options)
    assert_same(project_regions(inputs, **options), alone)
    nobody = 0 * made_rates(inputs)
    assert_same(project_regions(inputs, origin_destination=nobody, **options), alone)


def test_two_schedules_and_a_path_are_those_of_the_projection():
    inputs = made()
    other = inputs.conditional_fertility_rate.roll(age=1)
    both = xr.concat([inputs.conditional_fertility_rate, other], "fertility_schedule")
    path = xr.DataArray(np.linspace(0.5, 1.5, 3), {"year": YEARS}, ("year",))
    inputs = inputs.assign(
        conditional_fertility_rate=both.assign_coords(fertility_schedule=[0, 1]),
        fertility_factor=path.expand_dims(birth_order=[1, 2, 3, 4]),
    )
    weights = xr.Dataset({"fertility_weight": ("draw", [0.0, 0.3])}, {"draw": [0, 1]})
    alone = project(inputs, factors=weights)
    assert_same(project_regions(inputs, factors=weights, detail="indicators"), alone)


@pytest.mark.parametrize("timing", ["even", "end"])
@pytest.mark.parametrize("with_parity", [False, True])
def test_against_the_slow_reference(timing, with_parity):
    inputs, rates = made(levels=False), made_rates(made())
    given_parity = None
    if with_parity:
        shares = np.linspace([0.3, 0.3, 0.2, 0.2], [0.1, 0.4, 0.3, 0.2], AGES).T
        shares[:, :5] = np.eye(4)[:, :1]
        given_parity = xr.DataArray(
            shares, {"parity": [0, 1, 2, 3], "age": np.arange(AGES)}, ("parity", "age")
        )
    want = tied_reference(
        inputs.women_by_parity.values,
        inputs.population.sel(sex="male").values,
        inputs.conditional_fertility_rate.values.copy(),
        inputs.survival_ratio.values,
        inputs.sex_ratio_at_birth.values,
        inputs.net_migration.values,
        rates.values,
        timing=timing,
        given=None if given_parity is None else given_parity.values,
    )
    found = project_regions(
        inputs, origin_destination=rates, migrant_parity=given_parity, timing=timing
    )
    order = ("time", "region", "parity", "age")
    np.testing.assert_allclose(found.women_by_parity.transpose(*order), want["women"], rtol=1e-11)
    men = found.population.sel(sex="male").transpose("time", "region", "age")
    np.testing.assert_allclose(men, want["men"], rtol=1e-11)
    births = found.births_by_age.transpose("year", "region", "birth_order", "age")
    np.testing.assert_allclose(births, want["births"], rtol=1e-11)
    flow = found.origin_destination_flow.transpose("year", "origin", "destination", "sex")
    np.testing.assert_allclose(flow, want["moved"].sum(axis=4), rtol=1e-11)


def assert_balanced(found):
    stock = found.population
    after = stock.isel(time=slice(1, None)).rename(time="year").assign_coords(year=found.year)
    before = stock.isel(time=slice(None, -1)).rename(time="year").assign_coords(year=found.year)
    change = (after - before).sum("age")
    births = found.births_by_order.sum("birth_order")
    np.testing.assert_allclose(
        change.sum("sex"),
        births - found.deaths_by_sex.sum("sex") + found.net_migration_by_sex.sum("sex"),
        atol=1e-8,
    )
    cells = found.internal_arrivals.sum("region") - found.internal_departures.sum("region")
    assert float(np.abs(cells).max()) < 1e-9
    closed = found.women_by_parity.sum("parity") - stock.sel(sex="female")
    assert float(np.abs(closed).max()) < 1e-9
    assert float(found.women_by_parity.min()) >= 0


@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 10**6),
    most=st.floats(0, 0.2),
    timing=st.sampled_from(["even", "end"]),
    through_pool=st.booleans(),
)
def test_what_leaves_arrives_and_accounts_balance(seed, most, timing, through_pool):
    inputs = made(seed)
    tie = (
        {"pool": made_pool(inputs, seed)}
        if through_pool
        else {"origin_destination": made_rates(inputs, seed, most)}
    )
    found = project_regions(inputs, timing=timing, on_negative="cut", **tie)
    assert_balanced(found)
    pairs = found.origin_destination_flow
    np.testing.assert_allclose(
        pairs.sum("destination").rename(origin="region").transpose(*("region", "year", "sex")),
        found.internal_departures_by_sex,
        atol=1e-9,
    )
    np.testing.assert_allclose(
        pairs.sum("origin").rename(destination="region").transpose(*("region", "year", "sex")),
        found.internal_arrivals_by_sex,
        atol=1e-9,
    )


def test_departures_are_the_rate_of_the_first_of_january():
    inputs, rates = made(), made_rates(made())
    found = project_regions(inputs, origin_destination=rates)
    start = found.population.isel(time=0, drop=True).rename(region="origin")
    wanted = (rates * start).sum(["destination", "age"])
    leaving = found.internal_departures_by_sex.isel(year=0).rename(region="origin")
    np.testing.assert_allclose(leaving, wanted, rtol=1e-12)


def test_the_net_migration_reported_gives_the_same_people_alone():
    inputs = made()
    found = project_regions(inputs, origin_destination=made_rates(inputs))
    alone = project(inputs.assign(net_migration=found.net_migration), detail="history")
    men = {"sex": "male"}
    # Beyond age 0 men need nothing of the women; women's parity is another one.
    np.testing.assert_allclose(
        found.population.sel(men).isel(age=slice(3, None)),
        alone.population.sel(men).isel(age=slice(3, None)),
        rtol=1e-12,
    )


def test_a_pool_with_equal_rates_is_a_matrix():
    inputs = made()
    leave, share = 0.06, np.array([0.2, 0.3, 0.5])
    region = {"region": inputs["region"].values}
    pool = xr.Dataset(
        {
            "out_migration_rate": ("region", [leave] * 3),
            "destination_share": ("region", share),
        },
        region,
    )
    # Who is sent back to the region left has not moved in the matrix.
    rates = leave * np.tile(share, (3, 1)) * (1 - np.eye(3))
    matrix = xr.DataArray(
        rates,
        {"origin": region["region"], "destination": region["region"]},
        ("origin", "destination"),
    )
    by_pool = project_regions(inputs, pool=pool, timing="end")
    by_matrix = project_regions(inputs, origin_destination=matrix, timing="end")
    np.testing.assert_allclose(by_pool.population, by_matrix.population, rtol=1e-12)
    np.testing.assert_allclose(by_pool.women_by_parity, by_matrix.women_by_parity, rtol=1e-9)


def test_the_order_of_regions_and_labels_does_not_matter():
    inputs, rates = made(), made_rates(made())
    order = [2, 0, 1]
    want = project_regions(inputs, origin_destination=rates, factors=made_factors())
    turned = rates.isel(origin=[1, 2, 0], destination=[2, 1, 0]).transpose("age", "sex", ...)
    found = project_regions(
        inputs.isel(region=order), origin_destination=turned, factors=made_factors()
    )
    assert found.region.values.tolist() == [REGIONS[i] for i in order]
    assert_same(found.sel(region=REGIONS, origin=REGIONS, destination=REGIONS), want, rtol=1e-11)


def test_two_halves_are_one_run():
    inputs, rates = made(), made_rates(made())
    whole = project_regions(inputs, origin_destination=rates)
    first = project_regions(inputs, origin_destination=rates, years=[2031, 2032])
    between = first.isel(time=-1, drop=True)
    again = inputs.assign(
        population=between.population, women_by_parity=between.women_by_parity
    ).assign_coords(base_time=2033)
    second = project_regions(again, origin_destination=rates, years=[2033])
    assert_same(second.isel(time=[-1]), whole.isel(time=[-1]).drop_dims("year"))


def test_a_region_split_in_two_equal_halves_changes_nothing():
    inputs = made(regions=1)
    half = xr.DataArray([0.5, 0.5], {"region": ["A", "B"]}, ("region",))
    parts = split_region(inputs, half)
    rates = made_rates(made(regions=2)).assign_coords(origin=["A", "B"], destination=["A", "B"])
    rates[0, 1], rates[1, 0] = 0.04, 0.04
    found = project_regions(parts, origin_destination=rates).sum("region")
    want = project(inputs, detail="history").isel(region=0)
    for name in ("population", "women_by_parity", "births_by_age", "cohort_deaths"):
        np.testing.assert_allclose(found[name], want[name], rtol=1e-11)


@pytest.mark.parametrize("tie", ["matrix", "pool", "parent", "order"])
def test_draws_in_blocks_and_on_threads_are_draws_alone_bit_for_bit(tie):
    inputs, factors = made(), made_factors(draws=150)
    options = {
        "matrix": {"origin_destination": made_rates(inputs)},
        "pool": {"pool": made_pool(inputs)},
        "parent": {"parent": whole_of(inputs), "control_migration": "population"},
        "order": {"parent": whole_of(inputs), "control_births": "order"},
    }[tie]
    many = project_regions(inputs, factors=factors, threads=2, **options)
    for draw in (3, 140):
        few = factors.isel(draw=[draw], scenario=[1])
        one = project_regions(inputs, factors=few, threads=1, **options)
        xr.testing.assert_equal(many.isel(draw=[draw], scenario=[1]), one)
    brief = project_regions(inputs, factors=factors, detail="indicators", **options)
    for name in brief.data_vars:
        np.testing.assert_array_equal(brief[name], many[name], err_msg=name)
    assert "origin_destination_flow" not in brief


def whole_of(inputs):
    """Return the projection of all people together with the rates of the first region."""
    first = inputs.isel(region=0, drop=True)
    whole = first.assign(
        population=inputs.population.sum("region"),
        women_by_parity=inputs.women_by_parity.sum("region"),
        net_migration=0.7 * inputs.net_migration.sum("region"),
    )
    return project(whole, detail="history")


def test_outputs_are_labelled():
    inputs = made()
    found = project_regions(inputs, origin_destination=made_rates(inputs), factors=made_factors())
    for name, dims in {
        "internal_departures": ("region", "scenario", "year", "sex", "age", "draw"),
        "origin_destination_flow": ("origin", "destination", "scenario", "year", "sex", "draw"),
    }.items():
        assert found[name].dims == dims
        assert found[name].attrs["units"] == "person"
        assert found[name].attrs["long_name_zh"]
    assert found.origin.values.tolist() == REGIONS
    assert found.attrs["migration_timing"] == "even"


def test_more_leave_than_live_there():
    inputs = made(levels=False)
    inputs["net_migration"] = 0 * inputs.net_migration
    rates = 0 * made_rates(inputs)
    rates.loc[{"origin": "331126", "destination": "330523", "sex": "female", "age": 23}] = 2.5
    with pytest.raises(ProjectionError) as error:
        project_regions(inputs, origin_destination=rates, years=[2031])
    there = float(inputs.population.sel(region="331126", sex="female", age=23))
    assert str(error.value) == (
        f"migration removes {0.25 * there:.0f} more women aged 23 than live in 331126 (庆元县) "
        "in 2031"
    )
    cut = project_regions(inputs, origin_destination=rates, years=[2031], on_negative="cut")
    assert_balanced(cut)
    assert float(cut.outflow_cut.sel(region="331126")) > 0
    assert cut.cells_cut.sel(region="330523") == 0


def test_women_of_a_parity_that_are_not_there_cannot_leave():
    inputs = made(levels=False)
    parity = xr.DataArray(
        np.repeat([[0.0], [0.0], [0.0], [1.0]], AGES, axis=1),
        {"parity": [0, 1, 2, 3], "age": np.arange(AGES)},
        ("parity", "age"),
    )
    rates = made_rates(inputs, most=0.4)
    with pytest.raises(ProjectionError, match=r"^migration removes .* more women aged \d+ than"):
        project_regions(inputs, origin_destination=rates, migrant_parity=parity)


CASES = [
    (
        lambda i: {"origin_destination": made_rates(i).isel(origin=[0, 1])},
        "origin_destination: origin 330381 is missing",
    ),
    (
        lambda i: {"origin_destination": made_rates(i) + 0.1},
        "origin_destination: 331126 sends people to itself; write: 0 where origin and destination "
        "are the same",
    ),
    (
        lambda i: {"origin_destination": -made_rates(i)},
        "origin_destination, origin 331126, destination 330523, sex female, age 0: "
        "-0.0356445 is below 0 (and 479 more)",
    ),
    (
        lambda i: {"origin_destination": made_rates(i).expand_dims(draw=[0])},
        "origin_destination must not have dimension draw",
    ),
    (
        lambda i: {"origin_destination": made_rates(i), "pool": made_pool(i)},
        "both a matrix and a pool are given; write: one of them",
    ),
    (
        lambda i: {"pool": made_pool(i).drop_vars("destination_share")},
        "the pool has no variable 'destination_share'",
    ),
    (
        lambda i: {
            "pool": made_pool(i).assign(destination_share=made_pool(i).destination_share / 2)
        },
        "destination_share, sex female, age 0: destination shares sum to 0.5, not to 1",
    ),
    (
        lambda i: {
            "migrant_parity": xr.DataArray(
                np.full((4, AGES), 0.2), {"parity": range(4), "age": range(AGES)}, ("parity", "age")
            )
        },
        "migrant_parity, age 0: shares sum to 0.8 over parity, not to 1",
    ),
    (
        lambda i: {"timing": "late", "on_negative": "un"},
        "2 problems\n"
        "timing='late' is unknown; write: even, end\n"
        "on_negative='un' is unknown; write: raise, cut",
    ),
]


@pytest.mark.parametrize(("options", "message"), CASES)
def test_what_does_not_fit_is_named(options, message):
    inputs = made()
    with pytest.raises(DataError) as error:
        project_regions(inputs, **options(inputs))
    assert str(error.value) == message


def test_one_region_without_the_dimension_is_referred():
    with pytest.raises(DataError) as error:
        project_regions(made().isel(region=0, drop=True))
    assert str(error.value) == (
        "inputs have no dimension region; write: popsim.project for one region"
    )
