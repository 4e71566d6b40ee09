"""Indicators by name: goldens, identities between them, one's own, and what is missing."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import popsim as ps
from popsim.demography.indicators import SETS, registered_indicators
from popsim.demography.lifetable import life_table
from popsim.demography.projection import INPUTS
from popsim.errors import DataError
from popsim.variables import VARIABLES

YEARS = range(2021, 2031)


@pytest.fixture(scope="module")
def base():
    return ps.load_baseline("zhejiang-2020")


@pytest.fixture(scope="module")
def inputs(base):
    return base[[name for name in INPUTS if name in base]]


@pytest.fixture(scope="module")
def history(inputs):
    factors = xr.Dataset(
        {
            "fertility_factor": (
                ("scenario", "birth_order", "draw"),
                [[[1.0, 0.9]] * 4, [[1.0, 0.9], [1.1, 1.0], [1.2, 1.1], [1.0, 1.3]]],
            )
        },
        {"scenario": ["baseline", "grant"], "birth_order": [1, 2, 3, 4], "draw": [0, 1]},
    )
    return ps.project(inputs, years=YEARS, factors=factors, detail="history")


@pytest.fixture(scope="module")
def everything(history):
    return ps.indicators(history, "all")


def test_every_indicator_is_labelled_in_two_languages_with_unit_and_source(everything):
    assert set(everything) == set(ps.indicator_names())
    for name, array in everything.data_vars.items():
        assert array.attrs["units"] == VARIABLES[name].units
        for text in ("long_name", "long_name_zh", "definition", "source", "definition_source"):
            assert array.attrs[text], (name, text)
        dims = VARIABLES[name].dims
        assert array.dims == tuple(d for d in dims if d in array.dims), name


def test_every_set_is_computed_and_monitoring_needs_no_history(inputs):
    assert {s for one in registered_indicators().values() for s in one.sets} | {"all"} == set(SETS)
    short = ps.project(inputs, years=range(2021, 2023))
    assert set(ps.indicators(short)) == set(ps.indicator_names("monitoring"))


def test_monitoring_is_the_same_with_and_without_history(inputs):
    short = ps.indicators(ps.project(inputs, years=YEARS))
    full = ps.indicators(ps.project(inputs, years=YEARS, detail="history"))
    xr.testing.assert_allclose(short, full, rtol=1e-12)


def test_identities(everything, history):
    for limits in ("15_59", "15_64"):
        parts = (
            everything[f"child_dependency_ratio_{limits}"]
            + everything[f"old_age_dependency_ratio_{limits}"]
        )
        xr.testing.assert_allclose(parts, everything[f"dependency_ratio_{limits}"], rtol=1e-13)
    for stem in ("", "parity_adjusted_", "tempo_adjusted_"):
        by_order = everything[f"{stem}total_fertility_rate_by_order"].sum("birth_order")
        xr.testing.assert_allclose(by_order, everything[f"{stem}total_fertility_rate"])
    shares = everything[["first_child_share", "second_child_share", "third_and_higher_share"]]
    np.testing.assert_allclose(shares.to_dataarray().sum("variable"), 1, rtol=1e-14)
    np.testing.assert_allclose(
        everything.births_by_sex.sum("sex"), everything.births_by_order.sum("birth_order")
    )
    sold = everything.potential_support_ratio * everything.old_age_dependency_ratio_15_64
    np.testing.assert_allclose(sold, 1, rtol=1e-13)
    np.testing.assert_allclose(
        everything.ageing_index,
        everything.old_age_dependency_ratio_15_64 / everything.child_dependency_ratio_15_64,
    )
    rate = everything.incidence_fertility_rate.sum("age")
    xr.testing.assert_allclose(
        rate, history.total_fertility_rate_by_order.transpose(*rate.dims), rtol=1e-12
    )
    product = everything.parity_progression_ratio.cumprod("birth_order").sum("birth_order")
    np.testing.assert_allclose(product, everything.parity_adjusted_total_fertility_rate)
    people = history.population.sum("age")
    xr.testing.assert_allclose(
        everything.sex_ratio,
        people.sel(sex="male", drop=True) / people.sel(sex="female", drop=True),
    )


@pytest.mark.parametrize("timing", ["even", "end"])
def test_rates_by_parity_are_those_that_the_projection_was_given(inputs, timing):
    central = inputs.sel(mortality_level="central", drop=True)
    projected = ps.project(central, years=range(2021, 2024), detail="history", timing=timing)
    found = ps.indicators(projected, "rates").progression_fertility_rate
    given_rates = inputs.conditional_fertility_rate * inputs.fertility_factor
    wanted = given_rates.sel(year=found.year).transpose(*found.dims)
    # Girls of 15 have no three children, so nothing is known of their next.
    known = np.isfinite(found.values)
    assert known[..., 20:50].all()
    np.testing.assert_allclose(found.values[known], wanted.values[known], atol=1e-14)


def test_life_tables_are_those_that_the_projection_was_given(base, everything):
    table = life_table(base.death_rate.sel(year=list(YEARS)))
    found = everything.life_expectancy_at_birth.isel(scenario=1, draw=1)
    e0 = table.ex.sel(age=0).transpose(*found.dims)
    np.testing.assert_allclose(found, e0, atol=1e-8)
    # Ages above which 15 years are left: exact ages come from rates there, from years lived here.
    from popsim.demography.age_structure import age_with_life_left

    threshold = everything.prospective_old_age_threshold.isel(scenario=0, draw=0)
    ex = table.ex.transpose("region", "year", "sex", "age").values
    wanted = age_with_life_left(ex, table.age.values)
    np.testing.assert_allclose(threshold.transpose("region", "year", "sex"), wanted, atol=0.01)


def test_reproduction_agrees_with_its_sign_and_the_sex_ratio(everything):
    nrr, r = everything.net_reproduction_rate, everything.intrinsic_growth_rate
    assert ((nrr < 1) == (r < 0)).all()
    highest = everything.total_fertility_rate / (1 + everything.sex_ratio_at_birth)
    assert (nrr < highest).all()
    assert (nrr > 0.97 * highest).all()
    assert ((everything.sex_ratio_at_birth > 1.05) & (everything.sex_ratio_at_birth < 1.2)).all()


def test_given_survival_stands_in_for_the_projection(history, inputs):
    one = ["life_expectancy_at_birth", "net_reproduction_rate"]
    read = ps.indicators(history, one)
    stated = ps.indicators(history, one, survival_ratio=inputs.survival_ratio)
    xr.testing.assert_allclose(read, stated, rtol=1e-9)
    with pytest.raises(DataError, match=r"^survival_ratio has no year 2025$"):
        ps.indicators(
            history, one, survival_ratio=inputs.survival_ratio.sel(year=range(2021, 2025))
        )


def test_an_age_without_people_is_told(inputs):
    empty = inputs.sel(mortality_level="central", drop=True).drop_vars("net_migration").copy()
    young = empty.age < 80
    empty["population"] = empty.population.where(young, 0.0)
    empty["women_by_parity"] = empty.women_by_parity.where(young, 0.0)
    projected = ps.project(empty, years=range(2021, 2023), detail="history")
    found = ps.indicators(projected, ["life_expectancy_at_birth", "net_reproduction_rate"])
    assert np.isnan(found.life_expectancy_at_birth).all()
    assert np.isfinite(found.net_reproduction_rate).all()
    assert found.attrs["notices"] == (
        "life expectancy at birth is not reported in 4 of 4 cells, the first in 2021: nobody lives "
        "at some age, so that its survival cannot be read from the projection; give survival_ratio"
    )


def test_children_by_order_add_up_and_follow_their_years_of_birth(history, everything):
    found = everything.children_under_3_by_order
    assert np.isnan(found.sel(time=slice(2021, 2023))).all()
    later = {"time": slice(2024, None)}
    xr.testing.assert_allclose(
        found.sel(later).sum("birth_order"), everything.children_under_3.sel(later), rtol=1e-12
    )
    assert "not reported up to 1 January 2023" in everything.attrs["notices"]
    births = history.births_by_order
    share = births / births.sum("birth_order")
    people = history.population.sum("sex")
    wanted = sum(
        people.sel(time=2026, age=a, drop=True) * share.sel(year=2025 - a, drop=True)
        for a in range(3)
    )
    known = found.sel(time=2026, drop=True)
    xr.testing.assert_allclose(known, wanted.transpose(*known.dims), rtol=1e-12)


def test_past_births_fill_the_first_years(history):
    first = history.births_by_order.sel(year=2021, drop=True).isel(scenario=0, draw=0, drop=True)
    past = first.expand_dims(year=list(range(2003, 2021)))
    found = ps.indicators(
        history, ["children_under_18", "children_under_18_by_order"], past_births_by_order=past
    )
    by_order = found.children_under_18_by_order
    assert np.isfinite(by_order).all()
    np.testing.assert_allclose(by_order.sum("birth_order"), found.children_under_18, rtol=1e-12)
    start = by_order.isel(time=0, scenario=0, draw=0)
    np.testing.assert_allclose(start / start.sum("birth_order"), first / first.sum("birth_order"))
    assert "notices" not in found.attrs


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda past: past.assign_coords(year=[2018, 2019]),
            "past_births_by_order covers 2018 to 2019; its years must end with 2020, before the "
            "projection, without a gap",
        ),
        (
            lambda past: past.isel(birth_order=slice(0, 3)),
            "past_births_by_order has birth orders [1, 2, 3], the projection [1, 2, 3, 4]; sum the "
            "later orders to match",
        ),
        (lambda past: -past, "past_births_by_order must hold numbers that are not negative"),
        (
            lambda past: past.expand_dims(sex=["female"]),
            "past_births_by_order must not have dimension sex",
        ),
        (
            lambda past: past.isel(year=0),
            "past_births_by_order has ('birth_order',); it needs year and birth_order",
        ),
    ],
)
def test_past_births_that_do_not_fit_are_refused(history, change, message):
    past = xr.DataArray(
        np.ones((2, 4)),
        {"year": [2019, 2020], "birth_order": [1, 2, 3, 4]},
        ("year", "birth_order"),
    )
    with pytest.raises(DataError) as error:
        ps.indicators(history, "children_under_3_by_order", past_births_by_order=change(past))
    assert str(error.value) == message


@pytest.mark.golden
def test_official_indicators_of_china_2020_and_zhejiang_2022(shared):
    rows = pd.read_csv(shared / "golden/indicators_china_official.csv", comment="#")
    china = rows[rows.case == "China 2020 census"].set_index("quantity").value
    young, sixty = china["population 0-14"], china["population 60+"]
    working, old = china["population 15-59"], china["population 65+"]
    people = xr.DataArray(
        [[[young, working, sixty - old, old], [0.0] * 4]],
        dims=("time", "sex", "age_group"),
        coords={
            "time": [2021],
            "sex": ["female", "male"],
            "age_group_start": ("age_group", [0, 15, 60, 65]),
        },
    )
    names = [*(one.name for one in ps.dependency_indicators(15, 65)), "dependency_ratio_15_59"]
    found = ps.indicators(
        people.to_dataset(name="population_by_age_group"), [*names, "ageing_index"]
    )
    values = [100 * found[name].item() for name in (*names, "ageing_index")]
    expected = [
        china["EXPECTED total dependency ratio 15-64 (%)"],
        china["EXPECTED child"],
        china["EXPECTED old-age"],
        china["EXPECTED total with 15-59"],
        china["EXPECTED ageing index"],
    ]
    np.testing.assert_allclose(values, expected, rtol=1e-9)

    zhejiang = rows[rows.case == "Zhejiang 2022"].set_index("quantity").value
    births, deaths = zhejiang.iloc[0], zhejiang["deaths"]
    ends = [zhejiang["population end 2021"], zhejiang["population end 2022"]]
    totals = xr.DataArray(
        np.array(ends)[:, None, None],
        dims=("time", "sex", "age_group"),
        coords={"time": [2022, 2023], "sex": ["female"], "age_group_start": ("age_group", [0])},
    )
    flows = {"year": [2022]}
    projected = xr.Dataset(
        {
            "births_by_order": (("year", "birth_order"), [[births]]),
            "deaths_by_sex": (("year", "sex"), [[deaths]]),
            "population_by_age_group": totals,
        },
        {**flows, "birth_order": [1]},
    )
    rates = ps.indicators(
        projected, ["crude_birth_rate", "crude_death_rate", "natural_increase_rate"]
    )
    assert round(1000 * rates.crude_birth_rate.item(), 2) == 6.28
    # The bureau rounds the counts too: deaths of 409 thousand give 6.24 and, from counts, 0.046.
    assert round(1000 * rates.crude_death_rate.item(), 2) == 6.24
    assert round(1000 * rates.natural_increase_rate.item(), 3) == 0.046


@pytest.mark.golden
@pytest.mark.parametrize("name", ["tempo_greece_2021_2024", "tempo_canada_2004_2010"])
def test_tempo_adjusted_fertility(shared, name):
    rows = pd.read_csv(shared / "golden" / f"{name}.csv", comment="#")
    rows = rows.rename(columns={"order": "birth_order"}).replace({"4+": "4", "5p": "5"})
    rows = rows.astype({"birth_order": int}).set_index(["year", "birth_order"])
    rows = rows[~rows.index.duplicated()]
    wide = rows[["tfr", "mab"]].to_xarray().dropna("year")
    projected = wide.rename(tfr="total_fertility_rate_by_order", mab="mean_age_at_birth_by_order")
    names = ["tempo_adjusted_total_fertility_rate", "tempo_edge"]
    found = ps.indicators(projected, names)
    total = found.tempo_adjusted_total_fertility_rate
    if "greece" in name:
        assert total.sel(year=2022).item() == pytest.approx(1.367059, abs=2e-6)
        assert total.sel(year=2023).item() == pytest.approx(1.397643, abs=2e-6)
        assert found.tempo_edge.values.tolist() == [1, 0, 0, 1]
    else:
        wanted = [1.762, 1.705, 1.725, 1.748, 1.801, 1.882]
        np.testing.assert_allclose(total.sel(year=range(2004, 2010)), wanted, atol=6e-4)


@pytest.mark.golden
def test_period_fertility_table_of_stated_rates(shared, inputs):
    # The rates of the golden table in a projection: the indicator must not depend on its steps.
    rates = pd.read_csv(shared / "golden/parity_table_rates.csv", comment="#").set_index("age")
    results = pd.read_csv(shared / "golden/parity_table_results.csv", comment="#")
    exact = results[results.scheme == "exact"].set_index("order").table_births
    given_rates = np.zeros((4, 101))
    given_rates[:3, rates.index] = rates[["m1", "m2", "m3"]].to_numpy().T
    changed = inputs.drop_vars("fertility_factor").copy()
    changed["conditional_fertility_rate"] = (("birth_order", "age"), given_rates)
    projected = ps.project(changed, years=range(2021, 2023), detail="history")
    names = ["parity_adjusted_total_fertility_rate_by_order", "parity_progression_ratio"]
    found = ps.indicators(projected, names).isel(region=0, year=1)
    patfr = found.parity_adjusted_total_fertility_rate_by_order.values
    np.testing.assert_allclose(patfr[:3], exact, rtol=2e-6)
    np.testing.assert_allclose(
        found.parity_progression_ratio.values[1:3], exact.to_numpy()[1:] / exact.to_numpy()[:-1],
        rtol=2e-6,
    )  # fmt: skip


def test_a_fast_change_of_mean_age_is_not_adjusted_and_told():
    years, orders = [2021, 2022, 2023], [1, 2]
    projected = xr.Dataset(
        {
            "total_fertility_rate_by_order": (("year", "birth_order"), np.full((3, 2), 0.5)),
            "mean_age_at_birth_by_order": (
                ("year", "birth_order"),
                [[27.0, 30.0], [27.1, 30.0], [28.5, 30.0]],
            ),
        },
        {"year": years, "birth_order": orders},
    )
    found = ps.indicators(projected, "tempo_adjusted_total_fertility_rate")
    rate = found.tempo_adjusted_total_fertility_rate
    assert np.isnan(rate).values.tolist() == [False, True, True]
    assert found.attrs["notices"] == (
        "tempo-adjusted total fertility is not reported where a mean age at birth moves by more "
        "than 0.5 years a year: order 1 in 2022, order 1 in 2023"
    )


def test_dependency_with_limits_by_year_and_sex(history):
    whole = ps.dependency_indicators(16, 60)
    same = ps.dependency_indicators(16.0, 60.0, name="same", name_zh="同")
    found = ps.indicators(history, [*whole, *same])
    for stem in ("dependency_ratio", "child_dependency_ratio", "old_age_dependency_ratio"):
        xr.testing.assert_allclose(found[f"{stem}_16_59"], found[f"{stem}_same"], rtol=1e-12)
    limit = xr.DataArray(
        [[55.0, 60.0]] * 5 + [[55.5, 60.25]] * 6,
        {"time": range(2021, 2032), "sex": ["female", "male"]},
        ("time", "sex"),
    )
    statutory = ps.dependency_indicators(16, limit, name="statutory", name_zh="法定")
    ratio = ps.indicators(history, statutory).old_age_dependency_ratio_statutory
    people = history.population.sel(time=2030).isel(scenario=0, draw=0, region=0)
    old = 0.0
    for sex, age, part in (("female", 55, 0.5), ("male", 60, 0.75)):
        one = people.sel(sex=sex)
        old += part * one.sel(age=age).item() + one.sel(age=slice(age + 1, None)).sum().item()
    working = people.sum().item() - old - people.sel(age=slice(0, 15)).sum().item()
    assert ratio.sel(time=2030).isel(scenario=0, draw=0, region=0).item() == pytest.approx(
        old / working, rel=1e-12
    )
    short = limit.sel(time=slice(2021, 2025))
    with pytest.raises(DataError, match=r"^a limit of age is not given for time 2026$"):
        ps.indicators(history, ps.dependency_indicators(16, short, name="a", name_zh="甲"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ps.dependency_indicators(15, 54.5),
            "limits that are not whole numbers have no name of their own; write: "
            'name="statutory", name_zh="法定退休年龄"',
        ),
        (
            lambda: ps.dependency_indicators(60, 60),
            "the young end at or above the age at which the old begin",
        ),
    ],
)
def test_limits_that_make_no_sense_are_refused(call, message):
    with pytest.raises(DataError) as error:
        call()
    assert str(error.value) == message


def births_per_death(births, deaths):
    """Births over deaths of the year."""
    return births / deaths


TEXTS = {
    "units": "1",
    "long_name": "births per death",
    "long_name_zh": "出生与死亡之比",
    "definition": "Births over deaths of the year.",
}


@pytest.fixture
def registered():
    yield ps.register_indicator(births_per_death, **TEXTS, sets=["balance"])
    if "births_per_death" in ps.indicator_names():
        ps.remove_indicator("births_per_death")


def test_an_indicator_of_ones_own_is_in_the_list_until_it_is_removed(history, registered):
    assert ps.indicator_names("balance") == ["births_per_death"]
    found = ps.indicators(history, ["balance", "births", "deaths"])
    xr.testing.assert_equal(found.births_per_death, found.births / found.deaths)
    assert found.births_per_death.attrs["long_name_zh"] == "出生与死亡之比"
    assert found.births_per_death.attrs["source"] == "projected"
    with pytest.raises(
        DataError, match=r"^there is already an indicator 'births_per_death'; write"
    ):
        ps.register_indicator(registered)
    ps.register_indicator(registered, replace=True)
    ps.remove_indicator("births_per_death")
    with pytest.raises(DataError, match=r"^there is no indicator or set 'births_per_death'"):
        ps.indicators(history, "births_per_death")
    with pytest.raises(DataError, match=r"^you have registered no indicator 'births_per_death'$"):
        ps.remove_indicator("births_per_death")


def test_one_of_popsim_that_was_replaced_comes_back(history):
    def median_age(population):
        return population.isel(age=0, sex=0) * 0

    ps.register_indicator(median_age, **{**TEXTS, "units": "year"}, replace=True)
    try:
        assert (ps.indicators(history, "median_age").median_age == 0).all()
    finally:
        ps.remove_indicator("median_age")
    assert (ps.indicators(history, "median_age").median_age > 30).all()


def test_functions_and_indicators_are_used_for_one_call_only(history):
    def births_per_person(births, mean_population):
        """Births per person of the mean population."""
        return (births / mean_population).assign_attrs(units="1", long_name_zh="人均出生")

    twice = ps.Indicator("twice", lambda births_per_person: 2 * births_per_person, **TEXTS)
    found = ps.indicators(history, [births_per_person, twice, "crude_birth_rate"])
    xr.testing.assert_allclose(found.births_per_person, found.crude_birth_rate)
    xr.testing.assert_allclose(found.twice, 2 * found.crude_birth_rate)
    assert found.births_per_person.attrs["definition"].startswith("Births per person")
    assert found.births_per_person.attrs["long_name_zh"] == "人均出生"
    assert "births_per_person" not in ps.indicator_names()


def no_unit(births):
    return births


def circle_one(circle_two):
    return circle_two


def circle_two(circle_one):
    return circle_one


def number(births):
    return 5


@pytest.mark.parametrize(
    ("which", "message"),
    [
        ("mediam_age", "there is no indicator or set 'mediam_age'; write: median_age"),
        ([], 'no indicator is asked for; write: "monitoring" or "fertility" or "ageing" or "rates" '
             'or "all"'),
        (no_unit, "the result of no_unit has no unit of popsim in attrs['units']; write: return "
                  "result.assign_attrs(units='1'), or make a popsim.Indicator"),
        (lambda births: births, "a function without a name cannot be an indicator; write: def "
                                "name(...)"),
        ([circle_one, circle_two],
         "indicators ask for each other in a circle: circle_one -> circle_two -> circle_one"),
        (number, "the function of number returns int, not a DataArray"),
        (3, "3 is neither the name of an indicator or set nor a function"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_refused(history, which, message):
    with pytest.raises(DataError) as error:
        ps.indicators(history, which)
    assert str(error.value) == message


def test_all_mistakes_of_an_indicator_are_told():
    with pytest.raises(DataError) as error:
        ps.Indicator("my indicator", lambda *births: births, "birhts", "", "名", "Text.")
    assert [str(p) for p in error.value.problems] == [
        "'my indicator' cannot name an indicator; write: births_per_death",
        "indicator my indicator has no long_name",
        "indicator my indicator has the unknown unit 'birhts'; write: birth",
        "the function of my indicator takes *births; every parameter must be named after what the "
        "indicator needs",
    ]
    with pytest.raises(DataError) as error:
        ps.register_indicator(lambda brths: brths, name="mine", **TEXTS, sets=["all"])
    assert [str(p) for p in error.value.problems] == [
        "mine belongs to the set 'all' anyway; leave 'all' out of its sets",
        "indicator mine asks for 'brths', which is neither an output of a projection nor an "
        "indicator; write: births",
    ]
    with pytest.raises(DataError, match=r"^an indicator has no 'unit'; write: units$"):
        ps.register_indicator(births_per_death, unit="1")


def test_what_is_missing_is_named_in_one_sentence_for_all(inputs):
    short = ps.project(inputs, years=range(2021, 2023))
    with pytest.raises(DataError) as error:
        ps.indicators(
            short.drop_vars("births_by_sex"),
            ["births", "median_age", "sex_ratio_at_birth", "parity_progression_ratio"],
        )
    assert [str(p) for p in error.value.problems] == [
        "sex_ratio_at_birth needs births_by_sex, which is not in the projection",
        "median_age, parity_progression_ratio need every age of every year; write: "
        'project(..., detail="history")',
    ]


def test_single_ages_of_the_central_trajectory_are_not_mixed_with_draws():
    run = ps.run("zhejiang-2020", "baseline", years=range(2021, 2024), draws=2)
    with pytest.raises(DataError, match=r"^median_age needs every age of every year"):
        ps.indicators(run, "median_age")
    found = ps.indicators(run, ["tempo_adjusted_total_fertility_rate"])
    assert found.tempo_adjusted_total_fertility_rate.dims == ("region", "scenario", "year", "draw")


def test_cut_migration_is_told(inputs):
    leaving = inputs.sel(mortality_level="central", drop=True).copy(deep=True)
    leaving["net_migration"][{"age": 95}] = -1e6
    projected = ps.project(leaving, years=range(2021, 2023), detail="history", on_negative="cut")
    found = ps.indicators(projected, "life_expectancy_at_birth")
    assert found.attrs["notices"].splitlines()[-1] == (
        "net migration was cut where it took more people than there were; survival read from the "
        "projection is not exact at these ages, nor is what follows from it; give survival_ratio"
    )
    assert "outflow_cut" in found
    # Rates by parity do not depend on people of 95.
    assert ps.indicators(projected, "parity_adjusted_total_fertility_rate")


def test_migrants_with_a_parity_of_their_own_are_not_taken_for_births(history):
    broken = history.copy()
    women = history.women_by_parity.copy(deep=True)
    moved = {"time": 2, "age": 30}
    women[{**moved, "parity": 0}] += 1000.0
    women[{**moved, "parity": 1}] -= 1000.0
    broken["women_by_parity"] = women
    with pytest.raises(DataError, match=r"^the women by parity at the end of a year do not follow"):
        ps.indicators(broken, "rates")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_age_ratios_of_any_population(seed):
    rng = np.random.default_rng(seed)
    people = xr.DataArray(
        rng.uniform(0, 100, (1, 2, 101)),
        {"time": [2021], "sex": ["female", "male"], "age": np.arange(101)},
        ("time", "sex", "age"),
    )
    low, high = sorted(rng.choice(np.arange(1, 90), 2, replace=False).tolist())
    total, child, old = ps.dependency_indicators(low, high)
    names = [total, child, old, "population_total", "sex_ratio", "child_woman_ratio"]
    found = ps.indicators(people.to_dataset(name="population"), names)
    assert found[total.name].item() == pytest.approx((found[child.name] + found[old.name]).item())
    assert found.population_total.item() == pytest.approx(people.sum().item())
    women = found.population_total / (1 + found.sex_ratio)
    assert women.item() == pytest.approx(people.sel(sex="female").sum().item())
    working = people.sel(age=slice(low, high - 1)).sum()
    assert found[total.name].item() == pytest.approx((people.sum() / working - 1).item())
