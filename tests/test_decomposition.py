"""Decompositions against published splits, and the split of births that adds up exactly."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import popsim as ps
from popsim.demography.decomposition import (
    arriaga,
    das_gupta,
    kitagawa,
    line_integral,
    progression_effects,
    stepwise,
)
from popsim.demography.lifetable import life_table
from popsim.demography.projection import INPUTS
from popsim.errors import DataError
from popsim.variables import VARIABLES

mpl.use("agg")
seeds = st.integers(0, 2**32 - 1)


@pytest.mark.golden
def test_kitagawa_sweden_and_kazakhstan_1992(shared):
    rows = pd.read_csv(
        shared / "golden/kitagawa_sweden_kazakhstan_1992.csv", comment="#", index_col="age"
    )
    kazakhstan, sweden = rows.pop_kazakhstan, rows.pop_sweden
    parts = kitagawa(
        kazakhstan, rows.deaths_kazakhstan / kazakhstan, sweden, rows.deaths_sweden / sweden
    )
    assert 1000 * parts.composition.sum() == pytest.approx(7.632422, abs=5e-7)
    assert 1000 * parts.rates.sum() == pytest.approx(-4.507903, abs=5e-7)


@pytest.mark.golden
def test_das_gupta_1993(shared):
    rows = pd.read_csv(shared / "golden/das_gupta_1993.csv", comment="#")
    for table, function in (
        (rows[:3], lambda births, fertile, women: births * fertile * women),
        (rows[4:6], lambda births, deaths: births - deaths),
    ):
        found = das_gupta(function, list(table.pop1), list(table.pop2))
        np.testing.assert_allclose(found.effect, table.effect, atol=6e-7)
        np.testing.assert_allclose(found.standardised1, table.standardised_rate1, atol=6e-6)
        np.testing.assert_allclose(found.standardised2, table.standardised_rate2, atol=6e-6)
    assert float(rows.effect[:3].sum()) == pytest.approx(rows.effect[3], abs=5e-7)


@pytest.mark.golden
def test_life_expectancy_of_us_males(shared):
    rows = pd.read_csv(shared / "golden/e0_decomposition_us_males.csv", comment="#")
    first, second = rows.m1.to_numpy(), rows.m2.to_numpy()

    def table(rates):
        ax = np.full(rates.shape, np.nan)
        ax[:2] = 0.07 + 1.7 * rates[0], 1.6
        ax[2:-1] = 2.5
        return life_table(rates, ages=rows.age, ax=ax)

    def e0(rates):
        return float(table(rates).ex[0])

    tables = table(first), table(second)
    for found, column in (
        (stepwise(e0, first, second, symmetric=False), "stepwise_up"),
        (stepwise(e0, first, second), "stepwise_symmetric"),
        (line_integral(e0, first, second, steps=20), "line_integral_N20"),
        (arriaga(*tables, symmetric=False), "arriaga_1to2"),
        (arriaga(*tables), "arriaga_symmetric"),
    ):
        np.testing.assert_allclose(found, rows[column], atol=5e-10, err_msg=column)
    assert float(arriaga(*tables).sum()) == pytest.approx(1.561595946, abs=5e-10)
    assert line_integral(e0, first, second).sum() == pytest.approx(1.561595270, abs=2e-9)
    # Tables of different radix say the same.
    other = life_table(second, ages=rows.age, ax=tables[1].ax.values, radix=1.0)
    xr.testing.assert_allclose(arriaga(tables[0], other), arriaga(*tables), rtol=1e-10)


def test_completed_fertility_of_chinese_cohorts_1930_and_1950():
    # Births per woman of order 1, 2, 3 and over, survey of 2017: Fertility by parity in China,
    # IJPS 8(1), Table 1. The split printed there is +.09 -.22 -2.04, from unrounded births.
    first, second = [0.97, 0.93, 3.19], [0.99, 0.90, 1.04]
    found = progression_effects(first, second)
    np.testing.assert_allclose(found, [0.09, -0.22, -2.04], atol=0.016)
    np.testing.assert_allclose(found, [0.105, -0.218, -2.047], atol=5e-4)
    shapley = progression_effects(first, second, method="shapley")
    np.testing.assert_allclose(shapley, [0.082, -0.160, -2.082], atol=5e-4)
    for parts in (found, shapley):
        assert parts.sum() == pytest.approx(sum(second) - sum(first), abs=1e-12)


@given(seeds)
def test_parts_add_up_whatever_the_function(seed):
    rng = np.random.default_rng(seed)
    one, two = rng.uniform(0.1, 2, (2, 4, 5))

    def function(a, b, c, d):
        return (a * b).sum() / (1 + c.sum()) + np.sin(d).sum() * a[0]

    found = das_gupta(function, list(one), list(two))
    total = function(*two) - function(*one)
    assert found.effect.sum() == pytest.approx(total, rel=1e-12, abs=1e-12)
    reverse = das_gupta(function, list(two), list(one))
    np.testing.assert_allclose(reverse.effect, -found.effect, atol=1e-12)
    turned = das_gupta(lambda d, c, b, a: function(a, b, c, d), list(one[::-1]), list(two[::-1]))
    np.testing.assert_allclose(turned.effect[::-1], found.effect, atol=1e-12)
    flat = lambda x: function(*x.reshape(4, 5))  # noqa: E731
    steps = stepwise(flat, one.ravel(), two.ravel())
    assert steps.sum() == pytest.approx(total, abs=1e-12)
    down = stepwise(flat, one.ravel(), two.ravel(), direction="down", symmetric=False)
    assert down.sum() == pytest.approx(total, abs=1e-12)


@given(seeds)
def test_the_line_integral_misses_by_the_square_of_its_step(seed):
    rng = np.random.default_rng(seed)
    one, two = rng.uniform(0.5, 2, (2, 3))
    function = lambda x: float(x[0] * np.exp(x[1]) / x[2])  # noqa: E731
    total = function(two) - function(one)
    coarse, fine = (line_integral(function, one, two, steps=n).sum() - total for n in (10, 40))
    assert abs(fine) <= abs(coarse) / 14 + 1e-12


@given(seeds)
def test_kitagawa_equals_das_gupta_of_two_factors(seed):
    rng = np.random.default_rng(seed)
    c1, m1, c2, m2 = rng.uniform(0.01, 1, (4, 6))
    c1, c2 = c1 / c1.sum(), c2 / c2.sum()
    parts = kitagawa(c1, m1, c2, m2)
    effect = das_gupta(lambda c, m: (c * m).sum(), [c1, m1], [c2, m2]).effect
    np.testing.assert_allclose([parts.composition.sum(), parts.rates.sum()], effect, atol=1e-12)


@pytest.fixture(scope="module")
def inputs():
    base = ps.load_baseline("zhejiang-2020")
    return base[[name for name in INPUTS if name in base]]


@pytest.fixture(scope="module")
def history(inputs):
    factor = np.ones((2, 10, 4, 3))
    factor[1, 2:, 1:] = [1.05, 1.1, 1.2]
    factors = xr.Dataset(
        {
            "fertility_factor": (("scenario", "year", "birth_order", "draw"), factor),
            "migration_factor": (("draw",), [1.0, 0.5, 1.5]),
        },
        {
            "scenario": ["baseline", "grant"],
            "year": range(2021, 2031),
            "birth_order": [1, 2, 3, 4],
            "draw": [0, 1, 2],
        },
    )
    return ps.project(inputs, years=range(2021, 2031), factors=factors, detail="history")


@pytest.mark.parametrize("rates", ["together", "by_order"])
@pytest.mark.parametrize(
    ("from_", "to"),
    [
        (2021, 2030),
        ("baseline", "grant"),
        ({"scenario": "baseline", "year": 2030}, {"scenario": "grant", "year": 2030}),
        ({"scenario": "grant", "year": 2022}, {"scenario": "baseline", "year": 2029}),
    ],
)
def test_births_and_shares_add_up_exactly(history, from_, to, rates):
    parts = ps.decompose_births(history, from_=from_, to=to, rates=rates)
    change = parts.births_by_order_to - parts.births_by_order_from
    scale = float(parts.births_by_order_to.max())
    by_order = parts.change_in_births_by_order.sum("component")
    np.testing.assert_allclose(by_order, change, rtol=0, atol=1e-12 * scale)
    total = parts.change_in_births.sum("component")
    np.testing.assert_allclose(total, change.sum("birth_order"), rtol=0, atol=1e-12 * scale)
    shares = [
        b / b.sum("birth_order") for b in (parts.births_by_order_from, parts.births_by_order_to)
    ]
    found = parts.change_in_share_of_births
    np.testing.assert_allclose(found.sum("component"), shares[1] - shares[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.sum("birth_order"), 0, atol=1e-12)
    # The number of women moves births of all orders alike.
    np.testing.assert_allclose(found.sel(component="women"), 0, atol=1e-13)
    assert parts.attrs["largest_residual"] < 1e-12
    for name, array in parts.data_vars.items():
        assert array.attrs["long_name_zh"] == VARIABLES[name].long_name_zh
    sides = {"year", "scenario"} if isinstance(from_, dict) else set()
    one = {"year"} if isinstance(from_, int) else {"scenario"}
    assert not (sides or one) & set(parts.dims)


def test_births_of_both_sides_are_those_of_the_projection(history):
    parts = ps.decompose_births(history, from_="baseline", to="grant")
    for side, name in (("from", "baseline"), ("to", "grant")):
        births = history.births_by_order.sel(scenario=name, drop=True)
        xr.testing.assert_allclose(parts[f"births_by_order_{side}"], births, rtol=1e-12)


def test_a_policy_acts_through_rates_first_and_through_parity_after(history):
    parts = ps.decompose_births(history, from_="baseline", to="grant").isel(region=0)
    by_cause = parts.change_in_births_by_order
    assert np.allclose(by_cause.sel(year=[2021, 2022]), 0, atol=1e-6)
    start = by_cause.sel(year=2023)
    assert (start.sel(component="rates", birth_order=[2, 3, 4]) > 0).all()
    assert np.allclose(start.sel(component=["women", "age_structure"]), 0, atol=1e-6)
    # More second births leave fewer women with one child.
    later = by_cause.sel(component="parity_structure", birth_order=2)
    assert (later.sel(year=slice(2024, None)) < 0).all()
    assert (later.sel(year=2030) < later.sel(year=2024)).all()


def test_one_factor_alone_takes_the_whole_change(inputs):
    central = inputs.sel(mortality_level="central", drop=True).drop_vars("net_migration")
    more = central.copy()
    more["population"], more["women_by_parity"] = 1.1 * more.population, 1.1 * more.women_by_parity
    higher = central.assign(fertility_factor=1.0 * central.fertility_factor)
    higher["fertility_factor"] = higher.fertility_factor.copy(deep=True)
    higher["fertility_factor"].loc[{"birth_order": 4}] *= 1.3
    years = range(2021, 2023)
    one, women, rates = (
        ps.project(data, years=years, detail="history").isel(region=0)
        for data in (central, more, higher)
    )
    parts = ps.decompose_births(women, reference=one, from_={}, to={})
    births = one.births_by_order.sum("birth_order")
    np.testing.assert_allclose(parts.change_in_births.sel(component="women"), 0.1 * births)
    others = parts.change_in_births.drop_sel(component="women")
    np.testing.assert_allclose(others, 0, atol=1e-6)
    # Births of the open order move nobody, so that they are all rates.
    parts = ps.decompose_births(rates, reference=one, from_={}, to={}, rates="by_order")
    fourth = parts.change_in_births_by_order.sel(birth_order=4)
    wanted = 0.3 * one.births_by_order.sel(birth_order=4)
    np.testing.assert_allclose(fourth.sel(component="rates_4"), wanted)
    np.testing.assert_allclose(fourth.drop_sel(component="rates_4"), 0, atol=1e-6)


def test_order_of_dimensions_does_not_matter(history):
    turned = history.transpose("age", "draw", "time", "parity", ...)
    xr.testing.assert_allclose(
        ps.decompose_births(turned, from_=2021, to=2025),
        ps.decompose_births(history, from_=2021, to=2025),
        rtol=1e-12,
    )


def test_a_parity_that_nobody_has_on_one_side_counts_as_structure():
    age = np.arange(60)
    fertility = np.where((age >= 20) & (age < 40), 0.1, 0.0)
    inputs = xr.Dataset(
        {
            "women_by_parity": (("parity", "age"), [np.full(60, 100.0), np.zeros(60)]),
            "population": (("sex", "age"), np.full((2, 60), 100.0)),
            "conditional_fertility_rate": (("birth_order", "age"), [fertility, fertility]),
            "survival_ratio": (("sex", "age"), np.full((2, 60), 0.99)),
            "sex_ratio_at_birth": ((), 1.05),
        },
        {
            "age": age,
            "sex": ["female", "male"],
            "parity": [0, 1],
            "birth_order": [1, 2],
            "base_time": 2021,
        },
    )
    mothers = inputs.assign(women_by_parity=(("parity", "age"), [np.zeros(60), np.full(60, 100.0)]))
    one, two = (
        ps.project(data, years=[2021], age_groups=[0], detail="history")
        for data in (inputs, mothers)
    )
    parts = ps.decompose_births(two, reference=one, from_=2021, to=2021)
    first = parts.change_in_births_by_order.sel(birth_order=1)
    assert first.sel(component="parity_structure").item() == pytest.approx(
        -one.births_by_order.sel(birth_order=1).item()
    )
    assert first.sel(component="rates").item() == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda h: ps.decompose_births(h, from_=2020, to={"month": 3}),
            "2 problems\nfrom_: year 2020 is not in the projection (2021 to 2030)\n"
            "to names 'month', which cannot be compared; write: year, scenario or region",
        ),
        (
            lambda h: ps.decompose_births(h, from_="base", to="grant", rates="each"),
            "2 problems\nfrom_: scenario base is not in the projection (baseline, grant)\n"
            "rates 'each' is unknown; write: together or by_order",
        ),
        (
            lambda h: ps.decompose_births(h.drop_vars("births_by_age"), from_=2021, to=2022),
            "history has no births_by_age; write: project(..., detail=\"history\")",
        ),
        (
            lambda h: ps.decompose_births(h, from_=2021, to="grant"),
            "the two sides have dimensions ('region', 'scenario', 'draw', 'birth_order') and "
            "('region', 'year', 'draw', 'birth_order'); name the year, scenario or region that "
            "only one of them has",
        ),
        (
            lambda h: ps.decompose_births(h, from_=2021, to=2022, ages=(20, 44)),
            "there are births at age 15, and women of 20 to 44 are counted; write: ages=(15, 49)",
        ),
        (
            lambda h: ps.decompose_births(
                h, reference=h.isel(draw=[0]), from_={}, to={}
            ),
            "the two sides have different labels of draw; select the same ones",
        ),
        (
            lambda h: ps.decompose_births(h.isel(scenario=0), from_="baseline", to=2022),
            "from_ names a scenario, and the projection has only one without a name",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(history, call, message):
    with pytest.raises(DataError) as error:
        call(history)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: das_gupta(lambda a: a, [1.0], [1.0, 2.0]),
            "there are 1 and 2 factors; both populations need the same ones, 1 to 14",
        ),
        (
            lambda: kitagawa([1.0, 1], [1.0], [1.0, 1], [1.0, 1]),
            "compositions and rates must have the same groups on their last axis, not (2,), (1,), "
            "(2,) and (2,)",
        ),
        (
            lambda: kitagawa([1.0, -1], [1.0, 1], [1.0, 1], [1.0, 1]),
            "composition 1 must not be negative, and not zero everywhere",
        ),
        (
            lambda: stepwise(sum, [1.0], [1.0, 2.0]),
            "two vectors of the same length are needed, not (1,) and (2,)",
        ),
        (
            lambda: stepwise(sum, [1.0], [2.0], direction="left"),
            "direction 'left' is unknown; write: up or down",
        ),
        (
            lambda: line_integral(sum, [1.0], [2.0], steps=0),
            "steps is 0; at least 1 is needed",
        ),
        (
            lambda: progression_effects([0.9, 0.0, 0.1], [0.9, 0.5, 0.1]),
            "births per woman must not be negative, and no order may follow one without births",
        ),
        (
            lambda: arriaga(
                life_table([0.1, 0.2], sex="male"), life_table([0.1, 0.1, 0.2], sex="male")
            ),
            "the two life tables have different ages; build them on the same ones",
        ),
    ],
)
def test_wrong_input_is_refused(call, message):
    with pytest.raises(DataError) as error:
        call()
    assert str(error.value) == message


def test_bars_pile_up_to_the_change(history):
    from matplotlib import pyplot as plt

    parts = ps.decompose_births(history, from_=2021, to=2030, rates="by_order").sel(
        scenario="baseline"
    )
    ax = ps.plot.contributions(parts.change_in_births_by_order, locale="en")
    change = parts.births_by_order_to - parts.births_by_order_from
    dots = ax.lines[0].get_ydata()
    np.testing.assert_allclose(dots, change.isel(region=0).mean("draw"), rtol=1e-9)
    heights = np.array([bar.get_height() for bar in ax.patches]).reshape(7, 4)
    np.testing.assert_allclose(heights.sum(axis=0), dots)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels[-1] == "birth rates 4"
    both = ps.decompose_births(history, from_="baseline", to="grant")
    assert ps.plot.contributions(both.change_in_births, locale="zh").get_xlabel() == "年份"
    with pytest.raises(DataError, match="need component and either year or birth_order, not year"):
        ps.plot.contributions(both.change_in_births_by_order)
    with pytest.raises(DataError, match=r"^bars of contributions need component; births"):
        ps.plot.contributions(both.births_by_order_to)
    plt.close("all")


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_shares_of_any_two_projections_add_up(seed):
    rng = np.random.default_rng(seed)
    births = {}
    for side in (0, 1):
        women = rng.uniform(10, 90, (3, 20))
        rates = np.zeros((3, 20))
        rates[:, 5:12] = rng.uniform(0, 0.8, (3, 7))
        inputs = xr.Dataset(
            {
                "women_by_parity": (("parity", "age"), women),
                "population": (("sex", "age"), np.stack([women.sum(axis=0)] * 2)),
                "conditional_fertility_rate": (("birth_order", "age"), rates),
                "survival_ratio": (("sex", "age"), rng.uniform(0.9, 1, (2, 20))),
                "sex_ratio_at_birth": ((), 1.05),
                "net_migration": (("sex", "age"), rng.uniform(-3, 3, (2, 20))),
            },
            {
                "age": np.arange(20),
                "sex": ["female", "male"],
                "parity": [0, 1, 2],
                "birth_order": [1, 2, 3],
                "base_time": 2021,
            },
        )
        births[side] = ps.project(inputs, years=[2021], age_groups=[0], detail="history")
    parts = ps.decompose_births(births[1], reference=births[0], from_={}, to={}, ages=(5, 11))
    assert parts.attrs["largest_residual"] < 1e-12
    one, two = (parts[f"births_by_order_{s}"] for s in ("from", "to"))
    change = two / two.sum("birth_order") - one / one.sum("birth_order")
    found = parts.change_in_share_of_births.sum("component")
    np.testing.assert_allclose(found, change.transpose(*found.dims), atol=1e-13)
