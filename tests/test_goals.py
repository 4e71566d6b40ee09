"""Attribution, goals, budgets and sensitivity against closed forms, brute force and goldens."""

import csv
from itertools import permutations

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import popsim as ps
from popsim.dataset import validate
from popsim.errors import DataError, ScenarioError
from popsim.evaluation.attribution import lasting_part
from popsim.evaluation.levers import Levers
from popsim.evaluation.seek import least, most
from popsim.evaluation.shapley import joining_orders, sampled_shapley_values, shapley_values
from popsim.evaluation.sobol import sobol_indices
from popsim.evaluation.split import best_split
from popsim.policy.model import Scenario
from popsim.simulation import Repeated

mpl.use("agg")

CASH = {
    "kind": "cash_transfer",
    "announced": "2023-01-01",
    "births": {"from": "2023-01-01"},
}
PLACES = {
    "kind": "childcare_capacity",
    "announced": "2023-01-01",
    "target": {"2026": "9 places/1000 residents"},
}
OPERATION = {
    "kind": "childcare_operation",
    "announced": "2023-01-01",
    "amount": {"infant": "500 CNY/month"},
}
SECOND, THIRD = "policies.second.amount.2", "policies.third.amount.3"


def package(**policies):
    return Scenario.model_validate(
        {
            "schema": "popsim.scenario/1",
            "id": "package",
            "regions": "all",
            "gdp_per_head": "125043 CNY",
            "label": {"en": "A package", "zh": "一揽子"},
            "policies": policies,
        }
    )


def two(second=20_000, third=40_000):
    return package(
        second={**CASH, "amount": {"2": f"{second} CNY"}},
        third={**CASH, "amount": {"3": f"{third} CNY"}},
    )


@pytest.fixture(scope="module")
def base():
    return ps.load_baseline("zhejiang-2020")


@pytest.fixture(autouse=True)
def close():
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


# Shapley values


@pytest.mark.golden
def test_shapley_values_of_the_toy_are_the_published_ones(shared):
    names = ("cash", "care", "leave")
    worth, expected = {}, {}
    text = (shared / "golden/shapley_instruments_toy.csv").read_text(encoding="utf-8")
    for row in csv.reader(text.splitlines()):
        if row[0].startswith(("#", "coalition")):
            continue
        if row[0].startswith("SHAPLEY"):
            expected[row[0].split()[1]] = float(row[1])
        else:
            group = frozenset() if row[0] == "none" else frozenset(row[0].split("+"))
            worth[group] = float(row[1])
    found = shapley_values(lambda g: np.array(worth[frozenset(names[i] for i in g)]), 3)
    np.testing.assert_allclose(found, [expected[name] for name in names], atol=1e-12)


@given(st.lists(st.floats(-1e3, 1e3), min_size=16, max_size=16))
def test_shapley_values_are_the_mean_over_all_orders_and_sum_to_the_total(worths):
    def value(group):
        return np.array(worths[sum(2**i for i in group)])

    found = shapley_values(value, 4)
    added = np.zeros(4)
    for order in permutations(range(4)):
        for place, i in enumerate(order):
            added[i] += value(frozenset(order[: place + 1])) - value(frozenset(order[:place]))
    np.testing.assert_allclose(found, added / 24, atol=1e-9)
    np.testing.assert_allclose(found.sum(), worths[15] - worths[0], atol=1e-9)


@given(st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=4), st.integers(0, 3))
def test_alike_members_get_the_same_and_one_without_effect_gets_exactly_nothing(by_size, dummy):
    def value(group):
        return np.array(by_size[len(group - {dummy})])

    found = shapley_values(value, 4)
    others = np.delete(found, dummy)
    assert found[dummy] == 0.0
    np.testing.assert_allclose(others, others[0], atol=1e-9)


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_sampled_values_sum_to_the_total_and_lie_within_their_error(seed):
    members = 10
    alone = np.arange(1.0, members + 1)

    def value(group):
        return np.sqrt(np.array(alone[sorted(group)].sum()))

    sampled, by_pair = sampled_shapley_values(value, members, joining_orders(members, 40, seed))
    assert sampled.sum() == pytest.approx(np.sqrt(alone.sum()))
    error = by_pair.std(axis=0, ddof=1) / np.sqrt(40)
    exact = shapley_values(value, members)
    assert (np.abs(sampled - exact) < 6 * error + 1e-12).all()


def test_a_share_of_ten_is_refused(base):
    with pytest.raises(DataError, match=r"third_child_share is 10, .*write: a share such as 0\.1"):
        ps.goal(base, two(), {"policies": (0, 2)}, {"third_child_share": 10}, 2027, draws=2)


# Attribution


@pytest.fixture(scope="module")
def attributed(base):
    scenario = package(
        second={**CASH, "amount": {"2": "20000 CNY"}},
        again={**CASH, "amount": {"2": "20000 CNY"}},
        places=PLACES,
        operation=OPERATION,
    )
    return ps.attribute(base, scenario, draws=20)


def test_instruments_add_up_to_the_package_in_every_draw_and_order(base, attributed):
    data = attributed.data
    validate(data)
    np.testing.assert_allclose(
        data.attributed_births.sum("policy"), data.package_births, rtol=1e-9, atol=1e-6
    )
    run = ps.run(base, attributed_scenario(), years=range(2021, 2028), draws=20)
    difference = ps.compare(run).difference["births_by_order"].isel(scenario=0)
    np.testing.assert_allclose(
        difference.sel(year=slice(2023, 2027))
        .sum("year")
        .transpose("region", "birth_order", "draw"),
        data.package_births,
        atol=1e-6,
    )


def attributed_scenario():
    return package(
        second={**CASH, "amount": {"2": "20000 CNY"}},
        again={**CASH, "amount": {"2": "20000 CNY"}},
        places=PLACES,
        operation=OPERATION,
    )


def test_twins_share_alike_and_what_moves_nobody_gets_exactly_nothing(attributed):
    births = attributed.data.attributed_births
    np.testing.assert_allclose(
        births.sel(policy="second"), births.sel(policy="again"), rtol=1e-9, atol=1e-6
    )
    assert (births.sel(policy="operation") == 0).all()
    # Sets that differ in the operating subsidy, or in which twin is on, are projected once.
    assert attributed.data.attrs["projections"] <= 11


def test_tempo_and_quantum_add_up_and_tempo_is_paid_back(base, attributed):
    data = attributed.data
    np.testing.assert_allclose(
        data.attributed_quantum_births + data.attributed_tempo_births, data.attributed_births
    )
    assert float(data.attributed_tempo_births.sel(policy="second").sum("birth_order").mean()) > 0
    # Under a constant dose, R = q E once the payback years are over.
    repeated = Repeated(base, years=range(2021, 2041), draws=10)
    whole = repeated.factor(two())
    lasting = repeated.factor(two(), response=lasting_part(repeated.response))
    np.testing.assert_allclose(whole.sel(year=2040), lasting.sel(year=2040), rtol=1e-12)
    assert (lasting.sel(year=2025) <= whole.sel(year=2025) + 1e-12).all()


def test_more_than_eight_instruments_are_sampled_with_their_error(base):
    scenario = package(
        **{f"grant-{i}": {**CASH, "amount": {"2": f"{4000 * (i + 1)} CNY"}} for i in range(9)}
    )
    found = ps.attribute(base, scenario, draws=4, pairs=2, window=(2023, 2025)).data
    np.testing.assert_allclose(
        found.attributed_births.sum("policy"), found.package_births, rtol=1e-9, atol=1e-6
    )
    assert (found.attributed_births_standard_error > 0).any()


def test_the_table_speaks_two_languages_and_the_plot_names_instruments(attributed):
    table = attributed.table()
    assert table["births"].iloc[:-1].sum() == pytest.approx(table["births"].iloc[-1])
    assert table["share"].iloc[-1] == pytest.approx(1)
    chinese = attributed.table("zh")
    assert list(chinese["政策工具"])[-1] == "合计"
    assert not [name for name in chinese.columns if name.isascii()]
    axes = ps.plot.attribution(attributed.data, locale="zh")
    assert axes.get_xlabel() == "新增出生人数"
    with pytest.raises(DataError, match="no table in 'fr'; write: en or zh"):
        attributed.table("fr")


@pytest.mark.parametrize(
    ("scenario", "more", "message"),
    [
        (package(), {}, "scenario 'package' has no policy, so there is nothing to count"),
        (
            two(),
            {"window": "long"},
            r"no window 'long'; write: period or lasting, or \(2024, 2028\)",
        ),
        (two(), {"window": (2019, 2024)}, "the window 2019-2024 does not lie in the years"),
        (two(), {"pairs": 1}, "pairs=1 says nothing of the error of sampling; write: pairs=32"),
    ],
)
def test_what_cannot_be_attributed_is_refused(base, scenario, more, message):
    with pytest.raises((ScenarioError, DataError), match=message):
        ps.attribute(base, scenario, draws=2, **more)


# Override and levers


def test_override_changes_one_value_and_explain_says_so():
    from pathlib import Path

    scenario = ps.read_scenario(Path(__file__).parents[1] / "scenarios/qingyuan-2023.yaml")
    path = "policies.childcare_subsidy.amount.3"
    more = scenario.override({path: 900, "policies.prenatal_grant.take_up": "80 %"})
    assert str(more.policies["childcare_subsidy"].amount_for(3)) == "900 CNY/month"
    assert more.explain(path) == "900 CNY/month, override, clause 3(8)"
    other = "policies.childcare_subsidy.amount.2"
    assert more.explain(other) == scenario.explain(other)
    assert scenario.override({}) == scenario
    with pytest.raises(ScenarioError) as error:
        scenario.override({"policies.childcare_subsidy.amout.3": 1, path: 5})
    assert str(error.value) == (
        "scenario 'qingyuan-2023' has no value 'policies.childcare_subsidy.amout.3'"
    )
    with pytest.raises(ScenarioError, match="the bare number 12 has no unit; write: 12 CNY/month"):
        scenario.override({path: "12"})


def test_a_group_multiplies_levels_and_nothing_else():
    scenario = package(
        second={**CASH, "amount": {"2": "100 CNY"}, "take_up": "50 %"}, places=PLACES
    )
    doubled = Levers(scenario, {"policies": (0, 4)}).at([0.5])
    assert doubled.policies["second"].amount_for(2).value == 200
    assert doubled.policies["second"].take_up.value == 50
    assert doubled.policies["places"].target[2026].value == 18


def test_all_mistakes_in_levers_are_told_at_once():
    with pytest.raises(ScenarioError) as error:
        Levers(
            two(),
            {
                "policies.secnd.amount.2": (0, 1),
                "policies.third.births": (0, 1),
                THIRD: (5, 1),
                "policies.second": (0, 2),
                SECOND: (0, 1),
            },
        )
    assert str(error.value).splitlines() == [
        "4 problems",
        "scenario 'package' has no value 'policies.secnd.amount.2'; "
        "write: policies.second.amount.2",
        "policies.third.births holds no amount and no target that could be moved; "
        "write: a key such as policies.NAME.amount",
        "the bounds of policies.third.amount.3 are (5, 1); write: two numbers such as (0, 5000)",
        "the levers 'policies.second' and 'policies.second.amount.2' both move "
        "policies.second.amount.2; write: one of them",
    ]


# Searches


def test_searches_meet_closed_forms():
    assert least(lambda z: float(z[0] ** 2 - 0.49), lambda z: 0.0, 1).position == pytest.approx(
        0.7, abs=1e-4
    )
    out = least(lambda z: float(z.sum() - 9), lambda z: float(z @ z), 3)
    assert out.gap == pytest.approx(-6)
    np.testing.assert_allclose(out.position, 1)
    # The top of one lever lies between the points of the first look.
    narrow = least(lambda z: 0.001 - abs(float(z[0]) - 0.33), lambda z: 0.0, 1)
    assert narrow.gap >= 0
    peak = most(lambda z: -float((z[0] - 0.2) ** 2 + (z[1] - 0.7) ** 2), 2)
    np.testing.assert_allclose(peak.position, [0.2, 0.7], atol=2e-3)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.floats(0.5, 5), min_size=2, max_size=4),
    st.floats(1, 60),
)
def test_a_concave_budget_has_equal_marginal_gains(strength, budget):
    a, most_money = np.array(strength), 100.0

    def evaluate(z):
        x = z * most_money
        return (a * np.log1p(x)).sum(axis=1), x.sum(axis=1)

    found = best_split(evaluate, (1, len(a)), budget)
    x = found.position[0] * most_money
    # Water filling: x_i = max(a_i / λ - 1, 0), with λ such that the budget is used up.
    low, high = 1e-9, a.max()
    for _ in range(200):
        rate = (low + high) / 2
        low, high = (rate, high) if np.maximum(a / rate - 1, 0).sum() > budget else (low, rate)
    best = (a * np.log1p(np.maximum(a / high - 1, 0))).sum()
    assert x.sum() <= budget * (1 + 1e-9)
    assert found.gain >= best * (1 - 2e-3)


def test_regions_and_bounds_are_kept():
    gain = np.array([[1.0, 2.0], [3.0, 4.0]])

    def evaluate(z):
        return (gain * z).sum(axis=1), z.sum(axis=1)

    # Linear: the best are filled one after the other.
    split = best_split(evaluate, (2, 2), 1.5)
    np.testing.assert_allclose(split.position, [[0, 0], [0.5, 1]], atol=1e-4)
    same = best_split(evaluate, (2, 2), 3.0, together=True)
    np.testing.assert_allclose(same.position, [[0.5, 1], [0.5, 1]], atol=1e-4)
    assert best_split(lambda z: evaluate(1 + z), (2, 2), 3.0) is None


# Goals


def test_a_goal_is_met_by_a_run_at_the_level(base):
    target = {"total_fertility_rate": 0.885}
    found = ps.goal(base, two(), {SECOND: (0, 100_000)}, target, 2027, draws=30)
    assert found.reached
    run = ps.run(base, found.scenario, years=range(2021, 2028), draws=30)
    rate = run.total_fertility_rate.sel(scenario="package", year=2027, region="330000")
    assert found.attained == pytest.approx(float(rate.mean()), abs=1e-12)
    assert 0.885 <= found.attained < 0.8851
    assert found.chance == float((rate >= 0.885).mean())
    again = ps.goal(base, two(), {SECOND: (0, 100_000)}, target, 2027, draws=30)
    assert again.levels == found.levels
    # Brute force: the next lower level of a fine grid misses, the next higher one reaches.
    for change, reaches in ((-200, False), (200, True)):
        near = two().override({SECOND: found.levels[SECOND] + change})
        near_run = ps.run(base, near, years=range(2021, 2028), draws=30)
        there = near_run.total_fertility_rate.sel(scenario="package", year=2027)
        assert (float(there.mean()) >= 0.885) == reaches
    assert "It takes policies.second.amount.2 = " in found.text()
    assert "需要policies.second.amount.2 = " in found.text("zh")
    assert found.text("zh").startswith("浙江省2027年总和生育率目标0.885")


def test_an_impossible_target_is_said_to_be_out_of_reach(base):
    found = ps.goal(base, two(), {"policies": (0, 3)}, {"third_child_share": 0.5}, 2027, draws=10)
    assert not found.reached
    assert found.chance == 0
    assert found.attained == found.tried["third_child_share"].max()
    assert (
        "Out of reach: the most that these instruments attain within the bounds, at policies × "
        in found.text()
    )
    assert "无法达到" in found.text("zh")


def test_a_target_below_the_reference_is_sought_downwards(base):
    found = ps.goal(base, two(), {THIRD: (0, 9000)}, {"dependency_ratio_15_59": 0.3}, 2027, draws=5)
    assert not found.reached
    assert found.attained > 0.3
    assert found.levels[THIRD] == 0


def test_several_levers_by_effort_and_by_cost(base):
    levers = {SECOND: (0, 60_000), THIRD: (0, 60_000)}
    target = {"total_fertility_rate": 0.885}
    found = {
        prefer: ps.goal(base, two(), levers, target, 2027, draws=30, prefer=prefer)
        for prefer in ("effort", "cost")
    }
    for one in found.values():
        assert one.reached
        assert 0.885 <= one.attained < 0.8855
    bill = {
        prefer: float(
            ps.allocate(
                base,
                one.scenario,
                {"policies": (0.999999, 1)},
                1e13,
                window=(2023, 2027),
                draws=30,
            ).data.money_promised.mean()
        )
        for prefer, one in found.items()
    }
    assert bill["cost"] <= bill["effort"] * 1.001
    effort = {p: sum((x / 60_000) ** 2 for x in g.levels.values()) for p, g in found.items()}
    assert effort["effort"] <= effort["cost"] * 1.001


def test_bad_targets_are_told_at_once(base):
    with pytest.raises(DataError) as error:
        ps.goal(base, two(), {THIRD: (0, 1)}, {"births": 1, "x": "y"}, 1999, prefer="fun")
    assert str(error.value).splitlines() == [
        "4 problems",
        "year 1999 is not in the baseline (2021 to 2060)",
        '2 targets are given, and one can be met; write: target={"third_child_share": 0.05}',
        "the target of x is 'y', not a number",
        "prefer='fun' is unknown; write: effort or cost",
    ]
    for name, message in (
        ("third_child_shar", "a run has no indicator 'third_child_shar'; write: third_child_share"),
        ("births_by_order", "births_by_order has one value for each birth order"),
    ):
        with pytest.raises(DataError, match=message):
            ps.goal(base, two(), {THIRD: (0, 1)}, {name: 1.0}, 2025, draws=2)


# Budgets


def test_the_best_split_is_that_of_a_brute_force_search(base):
    budget = 6e9
    levers = {SECOND: (0, 60_000), THIRD: (0, 120_000)}
    found = ps.allocate(base, two(), levers, budget, draws=10)
    validate(found.data)
    gained = float(found.data.births_gained.sum("region").mean())
    spent = float(found.data.money_promised.sum("region").mean())
    assert spent == pytest.approx(budget, rel=1e-4)
    assert spent <= budget
    # Every level of the third on a grid, with as much of the second as the budget allows.
    tried = [
        ps.allocate(
            base,
            two().override({THIRD: third}),
            {SECOND: (0, 60_000)},
            budget,
            draws=10,
        )
        for third in (5_000, 10_000, 15_000, 20_000, 30_000)
    ]
    assert gained >= max(float(t.data.births_gained.sum("region").mean()) for t in tried) - 1e-6


def test_the_frontier_rises_and_money_buys_less_and_less(base):
    found = ps.allocate(
        base, two(), {SECOND: (0, 60_000), THIRD: (0, 120_000)}, [2e9, 6e9], draws=6
    )
    births = found.table()["births"].values
    slope = np.diff(births) / np.diff([2e9, 6e9])
    assert 0 < slope[0] < births[0] / 2e9
    assert ps.plot.frontier(found.data, locale="en").get_ylabel() == "additional births"
    assert found.table("zh").columns[0] == "预算"
    again = ps.allocate(
        base, two(), {SECOND: (0, 60_000), THIRD: (0, 120_000)}, [2e9, 6e9], draws=6
    )
    xr.testing.assert_equal(again.data, found.data)


class EqualRegions:
    """Births rise by the root of the money promised, in one region twice as much."""

    def log_effect(self, scenario, reference, context, draws, seed):
        effect = np.zeros((len(draws), len(context.years), 4))
        if scenario.policies:
            amount = scenario.policies["second"].amount_for(2).value
            effect[:, context.years >= 2023, 1] = 1e-4 * np.sqrt(amount)
        return effect


def test_alike_regions_get_alike_levels(base):
    both = xr.concat([base, base], "region").assign_coords(region=["330100", "330200"])
    both.attrs = base.attrs
    found = ps.allocate(
        both,
        two(third=0).with_only("second"),
        {SECOND: (0, 50_000)},
        3e9,
        by_region=True,
        response=EqualRegions(),
        uncertainty="none",
        draws=1,
    )
    level = found.levels["level"].values
    assert level[0] == pytest.approx(level[1], rel=1e-2)
    assert set(found.scenarios[3e9]) == {"330100", "330200"}


def test_what_cannot_be_allocated_is_refused(base):
    with pytest.raises(DataError) as error:
        ps.allocate(base, two(), {SECOND: (0, 1)}, [2e9, -1])
    assert str(error.value).splitlines()[1:] == [
        "the budget -1 is no positive sum of CNY",
        "the budgets are not in rising order; write: budget=[1e8, 2e8]",
    ]
    with pytest.raises(DataError, match=r"the lowest levels cost .* more than the budget of 1,000"):
        ps.allocate(base, two(), {SECOND: (10, 20)}, 1000, draws=2)
    with pytest.raises(DataError, match="a frontier needs two budgets at least"):
        ps.plot.frontier(xr.Dataset(coords={"budget": [1.0]}))


# Sensitivity


@pytest.mark.golden
def test_sobol_indices_of_ishigami_are_the_analytic_ones(shared):
    from scipy.stats.qmc import Sobol

    lines = (shared / "golden/sobol_ishigami.csv").read_text(encoding="utf-8").splitlines()
    golden = dict(line.split(",") for line in lines if not line.startswith(("#", "quantity")))

    def ishigami(x):
        return np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])

    points = (2 * Sobol(6, rng=1).random_base2(14) - 1) * np.pi
    a, b = points[:, :3], points[:, 3:]
    mixed = [ishigami(np.where(np.arange(3) == i, b, a)) for i in range(3)]
    first, total = sobol_indices(ishigami(a), ishigami(b), mixed)
    for i in range(3):
        assert first[i] == pytest.approx(float(golden[f"S1_x{i + 1}"]), abs=3e-3)
        assert total[i] == pytest.approx(float(golden[f"ST_x{i + 1}"]), abs=3e-3)


@pytest.fixture(scope="module")
def sensitive(base):
    return ps.sensitivity(base, two(), "births", 2027, samples=128, demographic_noise=True)


def test_the_effect_depends_on_the_response_and_the_level_on_demography(base, sensitive):
    validate(sensitive.data)
    sources = sensitive.data.total_index_of_source
    assert float(sources.sel(source="response")) > 0.8
    assert float(sources.sel(source="demography")) < 0.2
    assert float(sources.sel(source="chance")) < 0.01
    level = ps.sensitivity(base, two(), "births", 2027, of="level", samples=64)
    assert float(level.data.total_index_of_source.sel(source="demography")) > 0.8
    assert level.table()["input"].iloc[0] == "fertility without policy"


def test_what_the_policy_does_not_use_has_no_part_in_its_effect(sensitive):
    names = list(sensitive.data["input"].values)
    assert not [name for name in names if name.startswith("childcare")]
    # No end is known, so nothing is taken away and nobody hurries.
    unused = ["cash/removal_multiplier", "cash/rush"]
    assert set(unused) <= set(names)
    assert (sensitive.data.total_index.sel(input=unused) == 0).all()


def test_the_plain_draws_of_a_run_are_the_first_sample(base, sensitive):
    run = ps.run(base, two(), years=range(2021, 2028), draws=128, demographic_noise=True)
    births = ps.compare(run).difference.births.sel(scenario="package", year=2027)
    assert sensitive.tornado.attrs["centre"] == pytest.approx(float(births.mean()), rel=1e-12)


def test_a_tornado_has_the_longest_bar_on_top(sensitive):
    axes = ps.plot.tornado(sensitive.tornado, locale="zh")
    names = [text.get_text() for text in axes.get_yticklabels()]
    assert names[-1] == "现金：小剂量效应"
    assert "出生" in axes.get_xlabel()
    assert not [name for name in sensitive.table("zh").columns if name.isascii()]
    low, high = sensitive.tornado.sel(input="cash/beta").values
    # At its lowest tenth the effect of money is nothing: the chance of no effect is 15 %.
    assert low == 0 < high
    assert sensitive.sources("zh").index[0] == "政策响应"


def test_bad_questions_of_sensitivity_are_told_at_once(base):
    with pytest.raises(DataError) as error:
        ps.sensitivity(base, two(), "births", 1999, of="change", samples=2, response=EqualRegions())
    assert str(error.value).splitlines() == [
        "4 problems",
        "year 1999 is not in the baseline (2021 to 2060)",
        "of='change' is unknown; write: effect or level",
        "samples=2 are too few; write: samples=512",
        "EqualRegions has no parameters that could be varied; write: response='default', "
        "a response file or a popsim.Response",
    ]
    with pytest.raises(DataError, match="the outcome does not vary"):
        ps.sensitivity(base, two(), "births", 2022, samples=8)
