"""The labelled projection: labels, broadcasting, threads, and what it says about wrong input."""

import numpy as np
import pytest
import xarray as xr

from popsim.demography.projection import project
from popsim.errors import DataError, ProjectionError

YEARS = [2031, 2032, 2033]


def made(regions=("331126", "330523"), seed=0, ages=60):
    rng = np.random.default_rng(seed)
    size = len(regions)
    women = rng.uniform(50, 100, (size, 4, ages))
    men = rng.uniform(200, 400, (size, ages))
    fertility = np.zeros((size, len(YEARS), 4, ages))
    fertility[..., 15:45] = rng.uniform(0, 0.2, (size, len(YEARS), 4, 30))
    return xr.Dataset(
        {
            "women_by_parity": (("region", "parity", "age"), women),
            "population": (("region", "sex", "age"), np.stack([women.sum(axis=1), men], axis=1)),
            "conditional_fertility_rate": (("region", "year", "birth_order", "age"), fertility),
            "survival_ratio": (
                ("region", "year", "mortality_level", "sex", "age"),
                np.sort(rng.uniform(0.9, 1, (size, len(YEARS), 3, 2, ages)), axis=2),
            ),
            "sex_ratio_at_birth": (
                ("region", "year", "birth_order"),
                rng.uniform(1.04, 1.15, (size, len(YEARS), 4)),
            ),
            "net_migration": (
                ("region", "year", "sex", "age"),
                rng.uniform(-5, 5, (size, len(YEARS), 2, ages)),
            ),
        },
        {
            "region": list(regions),
            "region_name_zh": ("region", ["庆元县", "安吉县"][:size]),
            "year": YEARS,
            "parity": [0, 1, 2, 3],
            "birth_order": [1, 2, 3, 4],
            "age": np.arange(ages),
            "sex": ["female", "male"],
            "mortality_level": ["low", "central", "high"],
            "base_time": 2031,
        },
    )


def made_factors(draws=5, scenarios=("baseline", "qingyuan-2023"), regions=("331126", "330523")):
    rng = np.random.default_rng(9)
    return xr.Dataset(
        {
            "fertility_factor": (
                ("scenario", "draw", "year", "birth_order"),
                rng.uniform(0.8, 1.2, (len(scenarios), draws, 3, 4)),
            ),
            "mortality_weight": (("draw", "year"), rng.uniform(-1, 1, (draws, 3))),
            "migration_factor": (
                ("region", "draw"),
                rng.uniform(0, 1, (len(regions), draws)),
            ),
        },
        {
            "scenario": list(scenarios),
            "draw": np.arange(draws) + 100,
            "year": YEARS,
            "birth_order": [1, 2, 3, 4],
            "region": list(regions),
        },
    )


def test_outputs_carry_labels_and_dimensions_in_order():
    result = project(made(), factors=made_factors(), detail="history", age_groups=[0, 3, 15, 50])
    expected = {
        "births_by_order": ("region", "scenario", "year", "birth_order", "draw"),
        "total_fertility_rate_by_order": ("region", "scenario", "year", "birth_order", "draw"),
        "deaths_by_sex": ("region", "scenario", "year", "sex", "draw"),
        "net_migration_by_sex": ("region", "scenario", "year", "sex", "draw"),
        "population_by_age_group": ("region", "scenario", "time", "sex", "age_group", "draw"),
        "women_by_parity": ("region", "scenario", "time", "parity", "age", "draw"),
        "population": ("region", "scenario", "time", "sex", "age", "draw"),
        "births_by_age": ("region", "scenario", "year", "birth_order", "age", "draw"),
        "cohort_deaths": ("region", "scenario", "year", "sex", "age", "draw"),
        "net_migration": ("region", "scenario", "year", "sex", "age", "draw"),
    }
    for name, dims in expected.items():
        assert result[name].dims == dims, name
        assert result[name].attrs["long_name_zh"]
        assert result[name].attrs["units"]
    assert result.time.values.tolist() == [2031, 2032, 2033, 2034]
    assert result.draw.values.tolist() == [100, 101, 102, 103, 104]
    assert result.age_group.values.tolist() == ["0-2", "3-14", "15-49", "50+"]
    assert result.age_group_start.values.tolist() == [0, 3, 15, 50]
    assert result.age_group_end.values.tolist() == [2, 14, 49, -1]
    assert result.region_name_zh.sel(region="331126").item() == "庆元县"
    start = result.population.sel(time=2031)
    np.testing.assert_allclose(start.isel(scenario=1, draw=3), made().population, rtol=1e-14)


def test_order_of_dimensions_and_labels_does_not_matter():
    inputs, factors = made(), made_factors()
    want = project(inputs, factors=factors)
    turned = inputs.transpose("age", "mortality_level", "sex", "birth_order", "year", ...)
    mixed = factors.transpose("year", "draw", ...).isel(
        birth_order=[2, 0, 3, 1], region=[1, 0], year=[2, 0, 1]
    )
    xr.testing.assert_identical(project(turned, factors=mixed), want)


def test_blocks_equal_runs_alone_and_threads_change_nothing():
    inputs, factors = made(), made_factors(draws=70)
    whole = project(inputs, factors=factors, threads=2)
    xr.testing.assert_identical(project(inputs, factors=factors, threads=1), whole)
    alone = project(
        inputs.isel(region=[1]),
        factors=factors.isel(region=[1], scenario=[0], draw=[66]),
    )
    xr.testing.assert_identical(alone, whole.isel(region=[1], scenario=[0], draw=[66]))


def test_without_region_year_or_factors():
    inputs = made().isel(region=0, drop=True)
    plain = inputs.isel(year=0, drop=True).sel(mortality_level="central", drop=True)
    result = project(plain, years=range(2031, 2041))
    assert result.births_by_order.dims == ("year", "birth_order")
    assert result.population_by_age_group.dims == ("time", "sex", "age_group")
    assert result.sizes["year"] == 10
    closed = project(plain.drop_vars("net_migration"), years=range(2031, 2041))
    assert (closed.net_migration_by_sex == 0).all()


def test_a_path_multiplies_the_rates():
    inputs = made()
    path = xr.DataArray(
        np.linspace(0.5, 1.5, 12).reshape(3, 4),
        {"year": YEARS, "birth_order": [1, 2, 3, 4]},
        ("year", "birth_order"),
    )
    by_path = project(inputs.assign(fertility_factor=path))
    by_rates = project(
        inputs.assign(conditional_fertility_rate=inputs.conditional_fertility_rate * path)
    )
    by_factor = project(inputs, factors=xr.Dataset({"fertility_factor": path}))
    for other in (by_rates, by_factor):
        xr.testing.assert_allclose(by_path, other, rtol=1e-13)


def test_two_schedules_are_mixed():
    inputs = made()
    other = inputs.conditional_fertility_rate.roll(age=3)
    both = xr.concat([inputs.conditional_fertility_rate, other], "fertility_schedule")
    mixed = inputs.assign(conditional_fertility_rate=both.assign_coords(fertility_schedule=[0, 1]))
    weights = xr.Dataset({"fertility_weight": ("draw", [0.0, 1.0])}, {"draw": [0, 1]})
    result = project(mixed, factors=weights)
    for draw, rates in enumerate((inputs.conditional_fertility_rate, other)):
        alone = project(inputs.assign(conditional_fertility_rate=rates))
        xr.testing.assert_allclose(result.sel(draw=draw, drop=True), alone, rtol=1e-12)


def test_kinds_of_migration():
    inputs = made()
    rates = inputs.net_migration / inputs.population
    counted = project(inputs.isel(year=[0]), detail="history")
    rated = project(
        inputs.assign(net_migration=rates).isel(year=[0]),
        migration_kind="rates",
        detail="history",
    )
    xr.testing.assert_allclose(rated, counted, rtol=1e-12)
    totals = inputs.assign(net_migration=inputs.net_migration.sum(["sex", "age"]))
    spread = project(totals, migration_kind="totals")
    np.testing.assert_allclose(
        spread.net_migration_by_sex.sum("sex"), totals.net_migration, rtol=1e-12
    )


def test_draws_without_labels_are_numbered():
    factors = made_factors().drop_vars("draw")
    result = project(made(), factors=factors)
    assert result.draw.values.tolist() == [0, 1, 2, 3, 4]
    labelled = project(made(), factors=made_factors())
    np.testing.assert_array_equal(result.births_by_order, labelled.births_by_order)


def test_an_emptied_cell_is_named():
    inputs = made()
    factors = made_factors(draws=1)[["fertility_factor"]].isel(draw=0, drop=True)
    women = project(inputs.assign(net_migration=0 * inputs.net_migration), detail="history")
    there = women.population.sel(region="331126", time=2032, sex="female", age=23).item()
    gone = 0 * inputs.net_migration
    gone.loc[{"region": "331126", "year": 2031, "sex": "female", "age": 23}] = -(there + 41)
    with pytest.raises(ProjectionError) as error:
        project(
            inputs.assign(net_migration=gone),
            factors=factors.sel(scenario=["qingyuan-2023"]),
            timing="end",
        )
    assert str(error.value) == (
        "net migration removes 41 more women aged 23 than live in 331126 (庆元县) in 2031, "
        "scenario qingyuan-2023"
    )
    cut = project(inputs.assign(net_migration=gone), on_negative="cut", timing="end")
    np.testing.assert_allclose(cut.outflow_cut, [41, 0])
    assert cut.cells_cut.values.tolist() == [1, 0]


def test_rates_too_high_are_named():
    inputs = made()
    inputs.conditional_fertility_rate.loc[{"region": "330523", "birth_order": 2, "age": 30}] = 4.5
    with pytest.raises(ProjectionError) as error:
        project(inputs)
    assert str(error.value) == (
        "4.5 births of order 2 per woman-year at age 30 in 330523 (安吉县) in 2031 are more than "
        "one birth per woman in half a year; the most is 4 (and 2 more)"
    )


def test_a_factor_too_high_is_named_with_its_scenario_and_draw():
    factors = made_factors()
    factors.fertility_factor.loc[
        {"scenario": "qingyuan-2023", "draw": 103, "year": 2032, "birth_order": 1}
    ] = 1000
    with pytest.raises(ProjectionError) as error:
        project(made(), factors=factors)
    assert "births of order 1 per woman-year" in str(error.value)
    assert "in 2032, scenario qingyuan-2023, draw 103 are more than one birth" in str(error.value)


def changed(name, where, value):
    inputs = made()
    array = inputs[name].copy()
    array.loc[where] = value
    return inputs.assign({name: array})


CELL = {"region": "331126", "year": 2032, "age": 30}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (
            lambda: changed("conditional_fertility_rate", {**CELL, "birth_order": 2}, -0.1),
            "conditional_fertility_rate, region 331126 (庆元县), year 2032, birth_order 2, age 30: "
            "-0.1 year-1 is below 0",
        ),
        (
            lambda: changed(
                "survival_ratio", {**CELL, "sex": "male", "mortality_level": "high"}, 1.5
            ),
            "survival_ratio, region 331126 (庆元县), year 2032, mortality_level high, sex male, "
            "age 30: 1.5 1 is above 1",
        ),
        (
            lambda: changed("net_migration", {**CELL, "sex": "male"}, np.nan),
            "net_migration, region 331126 (庆元县), year 2032, sex male, age 30: is not a number",
        ),
        (
            lambda: changed(
                "sex_ratio_at_birth", {"region": "330523", "year": 2031, "birth_order": 3}, 0.0
            ),
            "sex_ratio_at_birth, region 330523 (安吉县), year 2031, birth_order 3: "
            "0 men per woman is below 0.5",
        ),
        (
            lambda: changed(
                "population", {"region": "331126", "sex": "female", "age": 23}, 1000.0
            ).assign(women_by_parity=made().women_by_parity * 0 + 1),
            "women_by_parity, region 331126 (庆元县), age 0: women sum to 4 over parity, "
            "population has 312.3262458 women (and 119 more)",
        ),
        (
            lambda: made().drop_vars("survival_ratio"),
            "inputs have no variable 'survival_ratio'",
        ),
        (
            lambda: made().drop_vars("base_time"),
            "inputs do not say when the stock was counted; write: base_time = the year of its "
            "1 January, as a scalar coordinate",
        ),
        (
            lambda: made().isel(birth_order=slice(3)),
            "there are 3 birth orders for 4 parities; each order needs the parity before it, the "
            "last order the open parity",
        ),
        (
            lambda: made().isel(parity=[1, 0, 2, 3]),
            "parity is [1, 0, 2, 3]; write: 0, 1, 2, 3",
        ),
        (
            lambda: made().isel(birth_order=[1, 0, 2, 3]),
            "birth_order is [2, 1, 3, 4]; write: 1, 2, 3, 4",
        ),
        (
            lambda: changed("net_migration", {**CELL, "sex": "male"}, -np.inf),
            "net_migration, region 331126 (庆元县), year 2032, sex male, age 30: is not a finite "
            "number",
        ),
        (
            lambda: made().isel(mortality_level=[2, 1, 0]),
            "mortality_level is ['high', 'central', 'low']; write: low, central, high",
        ),
        (
            lambda: made().assign(women_by_parity=made().women_by_parity.rename(parity="children")),
            "2 problems\n"
            "women_by_parity has no dimension parity\n"
            "women_by_parity must not have dimension children",
        ),
        (
            lambda: made().assign(population=made().population.expand_dims(draw=2)),
            "population must not have dimension draw",
        ),
    ],
)
def test_wrong_inputs_are_named(inputs, message):
    with pytest.raises(DataError) as error:
        project(inputs())
    assert str(error.value) == message


def test_all_problems_come_at_once():
    inputs = made()
    inputs.survival_ratio[0, 0, 0, 0, 0] = 2.0
    inputs.population[0, 1, 3] = -1.0
    with pytest.raises(DataError, match=r"^2 problems") as error:
        project(inputs)
    assert len(error.value.problems) == 2


@pytest.mark.parametrize(
    ("years", "message"),
    [
        (
            [2032, 2033],
            "years must follow the stock of 1 January 2031 without a gap: "
            "2032 stands where 2031 should",
        ),
        (
            [2031, 2033],
            "years must follow the stock of 1 January 2031 without a gap: "
            "2033 stands where 2032 should",
        ),
        (
            [2031, 2032, 2033, 2034],
            "4 problems\n"
            "conditional_fertility_rate: year 2034 is missing\n"
            "survival_ratio: year 2034 is missing\n"
            "sex_ratio_at_birth: year 2034 is missing\n"
            "net_migration: year 2034 is missing",
        ),
    ],
)
def test_years_without_data_are_named(years, message):
    with pytest.raises(DataError) as error:
        project(made(), years=years)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        (
            lambda f: f.assign(mortality_weight=f.mortality_weight * 0 + 2),
            "factor mortality_weight, draw 100, year 2031: 2 is above 1",
        ),
        (
            lambda f: f.assign(fertility_factor=-f.fertility_factor.clip(1, 1)),
            "factor fertility_factor, scenario baseline, draw 100, year 2031, birth_order 1: "
            "-1 is below 0",
        ),
        (
            lambda f: f.rename(migration_factor="migration"),
            "unknown factor 'migration'; write: fertility_factor or fertility_weight or "
            "mortality_weight or migration_factor",
        ),
        (
            lambda f: f.isel(year=[0, 1])[["mortality_weight"]],
            "factor mortality_weight: year 2033 is missing",
        ),
        (
            lambda f: f.isel(region=[0])[["migration_factor"]],
            "factor migration_factor: region 330523 is missing",
        ),
        (
            lambda f: f[["mortality_weight"]].rename(mortality_weight="fertility_weight").clip(0),
            "factor fertility_weight needs inputs with dimension fertility_schedule",
        ),
    ],
)
def test_wrong_factors_are_named(factors, message):
    with pytest.raises(DataError) as error:
        project(made(), factors=factors(made_factors()))
    assert str(error.value) == message


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match="timing is 'late', not one of even, end"):
        project(made(), timing="late")
