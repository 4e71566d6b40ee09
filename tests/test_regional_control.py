"""Regions that add up to a parent: factors, residuals, calibration, what cannot be met."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from popsim.demography.projection import project
from popsim.demography.regional_base import rake_base, split_region
from popsim.demography.regional_control import FACTORS
from popsim.demography.regions import project_regions
from popsim.errors import DataError, ProjectionError
from popsim.kernels.raking import rake_chances

_REGIONS = runpy.run_path(str(Path(__file__).with_name("test_regions.py")))
made, made_rates, made_factors = (_REGIONS[n] for n in ("made", "made_rates", "made_factors"))
assert_same, assert_balanced, REGIONS, YEARS, AGES = (
    _REGIONS[n] for n in ("assert_same", "assert_balanced", "REGIONS", "YEARS", "AGES")
)


def parent_inputs(inputs, seed=0, migration=0.5):
    """Return one region with the people of all, with rates of its own."""
    other = made(seed + 1000, regions=1).isel(region=0, drop=True)
    return other.drop_vars("region_name_zh", errors="ignore").assign(
        population=inputs.population.sum("region"),
        women_by_parity=inputs.women_by_parity.sum("region"),
        net_migration=migration * inputs.net_migration.sum("region"),
    )


def parent_of(inputs, seed=0, migration=0.5, **options):
    return project(parent_inputs(inputs, seed, migration), detail="history", **options)


def assert_adds_up(found, parent, tolerance=1e-9):
    total = found[["population", "women_by_parity", "births_by_age", "cohort_deaths"]].sum("region")
    total["net_migration"] = found.net_migration.sum("region")
    for name, values in total.data_vars.items():
        want = parent[name].transpose(*values.dims)
        gap = np.abs(values - want) / np.maximum(np.abs(want), 1)
        assert float(gap.max()) < tolerance, name


@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 10**6),
    timing=st.sampled_from(["even", "end"]),
    how=st.sampled_from(["cell", "population"]),
    moving=st.booleans(),
)
def test_regions_add_up_to_the_parent_at_every_age_sex_and_parity(seed, timing, how, moving):
    inputs = made(seed)
    parent = parent_of(inputs, seed, timing=timing)
    rates = made_rates(inputs, seed) if moving else None
    if how == "cell":
        # A sign that the parent has must be in some region.
        flow = parent.net_migration
        inputs["net_migration"] = inputs.net_migration.where(
            inputs.region != REGIONS[0], np.sign(flow)
        ).transpose(*inputs.net_migration.dims)
    found = project_regions(
        inputs, parent=parent, timing=timing, control_migration=how, origin_destination=rates
    )
    assert_adds_up(found, parent)
    assert_balanced(found) if moving else None
    assert float(found.control_residual.max()) < 1e-7
    boys = found.population.sum("region").sel(age=0) - parent.population.sel(age=0)
    assert float(np.abs(boys).max()) < 1e-9


def test_regions_that_share_all_rates_need_no_factor():
    whole = made(regions=1)
    parts = split_region(whole, xr.DataArray([0.2, 0.8], {"region": ["A", "B"]}, ("region",)))
    parent = project(whole, detail="history")
    found = project_regions(parts, parent=parent)
    for name in FACTORS:
        if name in found:
            np.testing.assert_allclose(found[name], 1, rtol=1e-9, err_msg=name)
    share = found.population / found.population.sum("region")
    np.testing.assert_allclose(share.sel(region="A"), 0.2, rtol=1e-12)
    assert_adds_up(found, parent.isel(region=0))


def test_each_control_alone_meets_its_flow():
    inputs = made()
    parent = parent_of(inputs)
    none = {"control_births": "none", "control_deaths": "none", "control_migration": "none"}
    for option, value, account in (
        ("control_births", "age", "births"),
        ("control_births", "order", "births"),
        ("control_deaths", "age", "deaths"),
        ("control_migration", "cell", "net_migration"),
        ("control_migration", "population", "net_migration"),
        ("control_migration", "total", "net_migration"),
    ):
        found = project_regions(inputs, parent=parent, **{**none, option: value})
        missed = found.control_residual.max("year")
        assert float(missed.sel(account=account)) < 1e-8, (option, value)
        assert float(missed.sel(account="population")) > 1, (option, value)
        assert "parity_raking_factor" not in found
    assert found.attrs["control"] == "births by none, deaths by none, migration by total"


def test_births_by_order_keep_the_age_pattern():
    inputs = made()
    parent = parent_of(inputs)
    found = project_regions(inputs, parent=parent, control_births="order")
    np.testing.assert_allclose(
        found.births_by_order.sum("region"), parent.births_by_order, rtol=1e-12
    )
    # One factor for all ages and both halves of the year.
    factor = found.births_raking_factor
    assert float((factor.max(["age", "half_year"]) - factor.min(["age", "half_year"])).max()) == 0
    only_sums = parent.drop_vars(["births_by_age", "women_by_parity"])
    again = project_regions(inputs, parent=only_sums, control_births="order")
    np.testing.assert_array_equal(again.births_by_order, found.births_by_order)


def test_migration_by_total_keeps_signs():
    inputs = made()
    parent = parent_of(inputs, migration=-0.7)
    found = project_regions(inputs, parent=parent, control_migration="total")
    np.testing.assert_allclose(
        found.net_migration.sum(["region", "sex", "age"]),
        parent.net_migration.sum(["sex", "age"]),
        rtol=1e-11,
    )
    assert float((found.net_migration * inputs.net_migration).min()) >= 0


def test_draws_and_scenarios_of_the_parent_are_met_one_by_one():
    inputs, factors = made(), made_factors()
    shared = factors[["mortality_weight"]].assign(fertility_factor=factors.fertility_factor)
    parent = parent_of(inputs, factors=shared)
    found = project_regions(inputs, parent=parent, factors=shared, control_migration="population")
    assert_adds_up(found, parent)
    # One parent for all draws and scenarios.
    single = parent.isel(draw=2, scenario=1, drop=True)
    met = project_regions(inputs, parent=single, factors=shared, control_migration="population")
    assert_adds_up(met, single.expand_dims(scenario=met.scenario, draw=met.draw))


def test_factors_given_back_repeat_the_run_and_show_a_policy():
    inputs, rates = made(), made_rates(made())
    parent = parent_of(inputs)
    options = {"origin_destination": rates, "control_migration": "population"}
    reference = project_regions(inputs, parent=parent, **options)
    repeated = project_regions(inputs, calibration=reference, origin_destination=rates)
    assert_same(repeated, reference[list(repeated.data_vars)])
    # A fifth more second births in one region: raked away by the parent, seen with the factors.
    more = inputs.copy(deep=True)
    here = {"region": REGIONS[1], "birth_order": 2}
    more.conditional_fertility_rate.loc[here] *= 1.2
    seen = project_regions(more, calibration=reference, origin_destination=rates)
    effect = (seen.births_by_order - reference.births_by_order).sel(birth_order=2)
    expected = 0.2 * reference.births_by_order.sel(**here, year=2031)
    assert float(effect.sel(region=REGIONS[1], year=2031)) == pytest.approx(
        float(expected), rel=0.1
    )
    # What little is seen elsewhere are mothers who moved in the middle of the year.
    elsewhere = np.abs(effect.sel(year=2031)).drop_sel(region=REGIONS[1]).max()
    assert 0 < float(elsewhere) < 0.01 * float(expected)
    hidden = project_regions(more, parent=parent, **options)
    np.testing.assert_allclose(
        hidden.births_by_order.sum("region"), reference.births_by_order.sum("region"), rtol=1e-9
    )


def test_a_calibration_of_the_baseline_serves_a_scenario_on_the_same_draws():
    inputs, factors = made(), made_factors()
    parent = parent_of(inputs)
    baseline = factors.sel(scenario=["baseline"])
    reference = project_regions(
        inputs, parent=parent, factors=baseline, control_migration="population"
    )
    frozen = reference.sel(scenario="baseline", drop=True)
    both = project_regions(inputs, calibration=frozen, factors=factors)
    assert_same(both.sel(scenario=["baseline"]), reference[list(both.data_vars)])
    with pytest.raises(DataError) as error:
        project_regions(inputs, calibration=reference, factors=factors)
    assert str(error.value) == (
        "the calibration: scenario qingyuan-2023 is missing; write: one scenario for all: "
        "calibration.sel(scenario=..., drop=True)"
    )


def test_two_halves_with_a_parent_are_one_run():
    inputs = made()
    parent = parent_of(inputs)
    options = {"parent": parent, "control_migration": "population"}
    whole = project_regions(inputs, **options)
    first = project_regions(inputs, years=[2031, 2032], **options)
    between = first.isel(time=-1, drop=True)
    again = inputs.assign(
        population=between.population, women_by_parity=between.women_by_parity
    ).assign_coords(base_time=2033)
    second = project_regions(again, years=[2033], **options)
    assert_same(
        second[["population", "women_by_parity"]].isel(time=[-1]),
        whole[["population", "women_by_parity"]].isel(time=[-1]),
        rtol=1e-9,
    )


def test_the_order_of_regions_does_not_matter():
    inputs = made()
    parent = parent_of(inputs)
    options = {"parent": parent, "control_migration": "population"}
    want = project_regions(inputs, **options)
    found = project_regions(inputs.isel(region=[2, 0, 1]), **options).sel(region=REGIONS)
    names = ["population", "women_by_parity", "births_by_age", "cohort_deaths"]
    assert_same(found[names], want[names], rtol=1e-9)


@settings(deadline=None, max_examples=60)
@given(
    at_risk=st.lists(st.floats(0.01, 1000), min_size=4, max_size=4),
    chance=st.lists(st.floats(0.001, 1), min_size=4, max_size=4),
    level=st.floats(0, 1),
)
def test_a_chance_is_raked_and_never_above_one(at_risk, chance, level):
    people, chances = np.array(at_risk)[:, None], np.array(chance)[:, None]
    target = np.array([level * people.sum()])
    factor, missed = rake_chances(people, chances, target)
    assert missed is None
    met = (people * np.minimum(factor * chances, 1)).sum(axis=0)
    np.testing.assert_allclose(met, target, rtol=1e-9, atol=1e-9)


def test_base_populations_that_do_not_add_up_are_refused_and_can_be_raked():
    inputs = made()
    parent = parent_of(inputs)
    wrong = inputs.copy(deep=True)
    scale = xr.DataArray([1.1, 0.9, 1.3], {"region": wrong.region}, ("region",))
    wrong["population"], wrong["women_by_parity"] = (
        wrong.population * scale,
        wrong.women_by_parity * scale,
    )
    with pytest.raises(DataError) as error:
        project_regions(wrong, parent=parent)
    have = float(wrong.population.sum("region").sel(sex="female", age=0))
    want = float(parent.population.sel(time=2031, sex="female", age=0))
    assert str(error.value) == (
        "the regions' population of 2031 does not add up to the parent's: "
        f"{have:.10g} against {want:.10g} at sex female, age 0 (and 79 more); "
        "write: inputs = rake_base(inputs, parent)"
    )
    raked = rake_base(wrong, parent)
    for name in ("population", "women_by_parity"):
        np.testing.assert_allclose(
            raked[name].sum("region"), parent[name].sel(time=2031), rtol=1e-12
        )
    np.testing.assert_allclose(
        raked.base_adjustment, raked.population - wrong.population, atol=1e-9
    )
    np.testing.assert_allclose(
        raked.women_by_parity.sum("parity"), raked.population.sel(sex="female"), rtol=1e-12
    )
    found = project_regions(raked, parent=parent, control_migration="population")
    assert_adds_up(found, parent)


def test_a_split_needs_shares_that_sum_to_one():
    with pytest.raises(DataError) as error:
        split_region(made(regions=1), xr.DataArray([0.4, 0.5], {"region": [1, 2]}, ("region",)))
    assert str(error.value) == "shares sum to 0.9 over the parts, not to 1"
    with pytest.raises(DataError) as error:
        split_region(made(), xr.DataArray([[1.0]], dims=("year", "draw")))
    assert str(error.value) == (
        "3 problems\nthere are 3 regions to split; write: one: .sel(region=[…])\n"
        "shares must not have dimension draw, year\nshares have no dimension region"
    )


def changed(parent, name, where, value):
    array = parent[name].copy(deep=True)
    array.loc[where] = value
    return parent.assign({name: array})


def message_of(kind, inputs, parent, **options):
    with pytest.raises(kind) as error:
        project_regions(inputs, parent=parent, **options)
    return str(error.value)


def test_flows_of_the_parent_that_cannot_be_met_are_named():
    inputs = made(levels=False)
    inputs["net_migration"] = 0 * inputs.net_migration
    parent = parent_of(inputs)
    none = {"control_births": "none", "control_deaths": "none", "control_migration": "none"}
    where = {"year": 2032, "sex": "male", "age": 23}
    there = project_regions(inputs).population.sel(time=2032, sex="male", age=22).sum("region")
    assert message_of(
        ProjectionError,
        inputs,
        changed(parent, "cohort_deaths", where, 90_000),
        **{**none, "control_deaths": "age"},
    ).startswith(
        "the parent has 90000 deaths of men reaching age 23 in 2032, of the regions' people at "
        "most "
    )
    assert float(there) < 90_000
    assert (
        message_of(
            ProjectionError,
            inputs,
            changed(parent, "net_migration", where, -500.0),
            **{**none, "control_migration": "cell"},
        )
        == "the parent has a net migration of -500 men aged 23 in 2032, and no region has "
        'out-flows to scale; write: control_migration="population"'
    )
    more = changed(parent, "births_by_order", {"year": 2031, "birth_order": 3}, 1e6)
    assert message_of(
        ProjectionError, inputs, more, **{**none, "control_births": "order"}
    ).startswith("the parent has 1000000 births of order 3 in 2031, the regions have at most ")
    barren = inputs.assign(conditional_fertility_rate=0 * inputs.conditional_fertility_rate)
    assert message_of(
        ProjectionError, barren, parent, **{**none, "control_births": "age"}
    ).startswith("the parent has ")
    gone = changed(parent, "net_migration", where, -50_000.0)
    assert message_of(
        ProjectionError, inputs, gone, **{**none, "control_migration": "population"}
    ).startswith("migration removes ")


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (
            lambda p: p.drop_vars("births_by_age"),
            {},
            'the parent has no births_by_age; write: project(..., detail="history")',
        ),
        (
            lambda p: xr.concat([p, p], "region").assign_coords(region=["A", "B"]),
            {},
            "the parent has 2 regions; write: one of them: parent.sel(region=...)",
        ),
        (
            lambda p: p.isel(year=[0, 1]),
            {},
            "the parent: year 2033 is missing",
        ),
        (
            lambda p: p.expand_dims(draw=[0, 1]),
            {},
            "the parent has a dimension draw and the regions have none; write: one of them: "
            "parent.sel(draw=..., drop=True)",
        ),
        (
            lambda p: p.drop_attrs(),
            {"timing": "end"},
            "the parent's women aged 1 by parity of 2032 do not follow from its births, deaths "
            "and migrants like residents of 2031 with timing='end'; use a parent projected in "
            "that way",
        ),
        (
            lambda p: p.assign_attrs(migration_timing="even"),
            {"timing": "end"},
            "the parent was projected with timing='even'; write: timing='even' for the regions too",
        ),
        (
            lambda p: p,
            {"control_births": "all"},
            "control_births='all' is unknown; write: age, order, none",
        ),
        (
            lambda p: p,
            {"calibration": xr.Dataset()},
            "both a parent and a calibration are given; write: one of them",
        ),
    ],
)
def test_what_does_not_fit_is_named(change, options, message):
    inputs = made()
    parent = change(parent_of(inputs))
    with pytest.raises((DataError, ProjectionError)) as error:
        project_regions(inputs, parent=parent, **options)
    assert str(error.value) == message


def test_a_calibration_without_factors_is_refused():
    with pytest.raises(DataError) as error:
        project_regions(made(), calibration=project(made()))
    assert str(error.value) == (
        "the calibration has no raking factors; write: the result of "
        "project_regions(..., parent=...)"
    )
