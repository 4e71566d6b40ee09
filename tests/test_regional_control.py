"""Regions raked to a parent: flows are met, accounts balance, factors can be kept."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from popsim.demography.projection import project
from popsim.demography.regional_base import rake_base, split_region
from popsim.demography.regions import project_regions
from popsim.errors import DataError, ProjectionError

made = runpy.run_path(str(Path(__file__).with_name("test_regions.py")))
YEARS = made["YEARS"]


def family(seed=0, **changes):
    """Return regions, their rates of moving, and a parent with rates of its own."""
    regions = made["made"](seed, levels=False)
    rng = np.random.default_rng(seed + 100)
    whole = regions.isel(region=0, drop=True)
    parent = whole.assign(
        population=regions.population.sum("region"),
        women_by_parity=regions.women_by_parity.sum("region"),
        conditional_fertility_rate=regions.conditional_fertility_rate.mean("region")
        * rng.uniform(0.9, 1.1),
        survival_ratio=1 - (1 - regions.survival_ratio.mean("region")) * rng.uniform(0.9, 1.1),
        net_migration=regions.net_migration.sum("region") + rng.uniform(-1, 1),
    )
    return regions, made["made_rates"](regions, seed), parent


def accounts_miss(run):
    change = run.population.sum(["sex", "age"]).diff("time").values
    flow = (
        run.births_by_order.sum("birth_order")
        - run.deaths_by_sex.sum("sex")
        + run.net_migration_by_sex.sum("sex")
    )
    return np.abs(change - flow.transpose("region", "year").values).max()


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), timing=st.sampled_from(["even", "end"]))
def test_regions_add_up_to_the_parent_at_every_age_sex_and_parity(seed, timing):
    regions, rates, parent = family(seed)
    goal = project(parent, timing=timing, detail="history", on_negative="cut")
    run = project_regions(
        regions,
        origin_destination=rates,
        parent=goal,
        control_migration="population",
        timing=timing,
        on_negative="cut",
    )
    for name in ("population", "women_by_parity", "births_by_age", "cohort_deaths"):
        np.testing.assert_allclose(
            run[name].sum("region").transpose(*goal[name].dims), goal[name], atol=1e-7, err_msg=name
        )
    assert float(run.control_residual.max()) < 1e-6
    assert accounts_miss(run) < 1e-7
    np.testing.assert_allclose(run.women_by_parity.sum("parity"), run.population.sel(sex="female"))


def test_only_what_is_asked_for_is_raked():
    regions, rates, parent = family(3)
    goal = project(parent, detail="history")
    run = project_regions(
        regions,
        origin_destination=rates,
        parent=goal,
        control_births="order",
        control_deaths="none",
        control_migration="none",
    )
    births = run.births_by_order.sum("region")
    np.testing.assert_allclose(births, goal.births_by_order, rtol=1e-9)
    assert abs(run.deaths_by_sex.sum("region") - goal.deaths_by_sex).max() > 0.1
    assert accounts_miss(run) < 1e-7


def test_parts_of_one_region_need_no_raking():
    _, _, parent = family(4)
    shares = xr.DataArray([0.2, 0.3, 0.5], {"region": ["A", "B", "C"]}, ("region",))
    parts = split_region(parent, shares)
    rates = xr.DataArray(
        0.01 * (1 - np.eye(3)),
        {"origin": ["A", "B", "C"], "destination": ["A", "B", "C"]},
        ("origin", "destination"),
    )
    run = project_regions(parts, origin_destination=rates, parent=project(parent, detail="history"))
    for name in ("births_raking_factor", "deaths_raking_factor", "migration_raking_factor"):
        factor = run[name].values
        np.testing.assert_allclose(factor[np.isfinite(factor)], 1.0, atol=1e-9, err_msg=name)


def test_factors_kept_repeat_the_run_and_do_not_rake_a_policy_away():
    regions, rates, parent = family(5)
    goal = project(parent, detail="history")
    run = project_regions(regions, origin_destination=rates, parent=goal)
    again = project_regions(regions, origin_destination=rates, calibration=run)
    np.testing.assert_allclose(again.population, run.population, rtol=1e-10)
    higher = regions.assign(
        conditional_fertility_rate=regions.conditional_fertility_rate
        * xr.DataArray([1.2, 1.0, 1.0], {"region": regions.region.values}, ("region",))
    )
    kept = project_regions(higher, origin_destination=rates, calibration=run)
    raked = project_regions(higher, origin_destination=rates, parent=goal)

    def births(result):
        return result.births_by_order.sum(["birth_order", "year"])

    gained = births(kept) - births(run)
    assert float(gained[0]) > 10
    assert abs(gained[1:]).max() < 0.1 * float(gained[0])
    np.testing.assert_allclose(births(raked).sum(), births(run).sum(), rtol=1e-9)


def test_the_order_of_regions_does_not_matter():
    regions, rates, parent = family(6)
    goal = project(parent, detail="history")
    turned = regions.isel(region=[2, 0, 1])
    run = project_regions(regions, origin_destination=rates, parent=goal)
    other = project_regions(turned, origin_destination=rates, parent=goal)
    np.testing.assert_allclose(other.population.sel(region=run.region), run.population, rtol=1e-10)


def test_draws_follow_a_parent_with_draws():
    regions, rates, parent = family(7)
    factors = made["made_factors"](draws=3)[["fertility_factor"]]
    goal = project(parent, detail="history", factors=factors)
    run = project_regions(regions, origin_destination=rates, parent=goal, factors=factors)
    np.testing.assert_allclose(
        run.population.sum("region").transpose(*goal.population.dims), goal.population, atol=1e-7
    )


def test_bases_that_do_not_add_up_are_refused_or_raked():
    regions, rates, parent = family(8)
    goal = project(parent, detail="history")
    wrong = regions.assign(
        population=regions.population * 1.02, women_by_parity=regions.women_by_parity * 1.02
    )
    with pytest.raises(DataError, match="rake_base"):
        project_regions(wrong, origin_destination=rates, parent=goal)
    raked = rake_base(wrong, parent)
    np.testing.assert_allclose(raked.population.sum("region"), parent.population, rtol=1e-12)
    np.testing.assert_allclose(
        raked.base_adjustment, raked.population - wrong.population, atol=1e-9
    )
    run = project_regions(raked.drop_vars("base_adjustment"), origin_destination=rates, parent=goal)
    assert float(run.control_residual.max()) < 1e-6


def test_a_flow_that_cannot_be_met_is_named():
    regions, rates, parent = family(9)
    goal = project(parent, detail="history")
    goal["cohort_deaths"] = goal.cohort_deaths.copy()
    cell = {"year": 2032, "sex": "male", "age": 20}
    goal.cohort_deaths.loc[cell] = 1e6
    with pytest.raises(ProjectionError) as error:
        project_regions(
            regions, origin_destination=rates, parent=goal, control_births="none",
            control_migration="none",
        )  # fmt: skip
    assert "2032" in str(error.value)
    assert "deaths" in str(error.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"control_births": "mother"},
            "control_births='mother' is unknown; write: age, order, none",
        ),
        (
            {"timing": "end"},
            "the parent was projected with timing='even'; write: timing='even' for the regions too",
        ),
    ],
)
def test_options_that_do_not_fit_are_named(options, message):
    regions, rates, parent = family(10)
    goal = project(parent, detail="history")
    with pytest.raises(DataError) as error:
        project_regions(regions, origin_destination=rates, parent=goal, **options)
    assert message in str(error.value)


def test_a_parent_without_every_age_is_refused():
    regions, rates, parent = family(11)
    with pytest.raises(DataError, match=r"the parent has no .*; write: project\(\.\.\., detail="):
        project_regions(regions, origin_destination=rates, parent=project(parent))


def test_shares_that_do_not_sum_to_one_are_refused():
    _, _, parent = family(12)
    shares = xr.DataArray([0.4, 0.5], {"region": ["A", "B"]}, ("region",))
    with pytest.raises(DataError, match=r"shares sum to 0\.9 over the parts, not to 1"):
        split_region(parent, shares)
