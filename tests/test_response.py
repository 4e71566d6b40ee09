import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from popsim.errors import DataError, ProjectionError
from popsim.policy.files import baseline, read_response, read_scenario
from popsim.policy.model import Scenario
from popsim.policy.response import (
    Context,
    Response,
    draw_channel,
    draw_distribution,
    effect_chances,
    map_effect,
)
from popsim.policy.response_file import ResponseFile

YEARS = np.arange(2023, 2053)
DRAWS = range(200)
EMPTY = baseline()
SCENARIOS = Path(__file__).parents[1] / "scenarios"


def context(draws: int = 200, places: float = 2.5) -> Context:
    shape = (draws, len(YEARS))
    return Context(YEARS, np.full(shape, 1e5), np.full(shape, 1800.0), np.full(len(YEARS), places))


def scenario(**policies: dict[str, Any]) -> Scenario:
    return Scenario.model_validate(
        {
            "schema": "popsim.scenario/1",
            "id": "case",
            "label": {"en": "Case", "zh": "例"},
            "regions": "all",
            "gdp_per_head": "100000 CNY",
            "policies": policies,
        }
    )


def cash(
    amount: str = "10000 CNY", announced: str = "2023-01-01", to: str | None = None
) -> dict[str, Any]:
    return {
        "kind": "cash_transfer",
        "announced": announced,
        "amount": amount,
        "births": {"from": "2023-01-01", "to": to},
    }


PLACES = {
    "kind": "childcare_capacity",
    "announced": "2023-01-01",
    "target": {"2025": "4.5 places/1000 residents"},
}


def effect(
    case: Scenario, reference: Scenario = EMPTY, *, response: Response | None = None
) -> np.ndarray:
    return (response or Response()).log_effect(case, reference, context(), DRAWS, seed=1)


def quantum(channel: str) -> np.ndarray:
    spec = Response().channels[channel]
    return draw_channel(spec, channel, DRAWS, 1).quantum_share


def test_nothing_new_changes_nothing_exactly() -> None:
    assert (effect(EMPTY) == 0.0).all()
    assert (effect(scenario(a=cash("0 CNY"))) == 0.0).all()
    both = scenario(a=cash(), p=PLACES)
    assert (effect(both, both) == 0.0).all()


def test_no_birth_answers_before_conception_and_decision() -> None:
    found = effect(scenario(a=cash()))
    # 9 + 6 months after January 2023 is April 2024, the ramp takes twelve more.
    assert (found[:, 0] == 0.0).all()
    assert found[:, 1].mean() > 0
    places = effect(scenario(p=PLACES))
    assert (places[:, :2] == 0.0).all()
    assert places[:, 3].mean() > 0


def test_constant_dose_has_no_tempo_effect_after_six_years() -> None:
    found = Response().by_channel(scenario(a=cash()), EMPTY, context(), DRAWS, 1)["cash"]
    spec = Response().channels["cash"]
    drawn = draw_channel(spec, "cash", DRAWS, 1)
    full = np.log1p(map_effect(spec, drawn.map, np.array([[10.0]])) * drawn.multiplier / 100.0)
    lasting = full * quantum("cash")[:, None]
    np.testing.assert_allclose(found[:, 10:], np.repeat(lasting[:, None], 20, axis=1), atol=1e-12)
    # While it is being taken up, births are brought forward.
    assert (found[:, 2] >= lasting - 1e-12).all()


def test_formula_month_by_month() -> None:
    """The definition, written as slowly as it reads."""
    case = scenario(a=cash("10000 CNY", to="2027-06-30"), b=cash("20000 CNY", "2025-03-20"))
    found = effect(case, response=calm())
    spec = Response().channels["cash"]
    drawn = draw_channel(spec, "cash", DRAWS, 1)
    w = (0.238, 0.210, 0.181, 0.152, 0.124, 0.095)
    for d in (0, 7, 199):
        beta, saturation = (float(drawn.map[key][d]) for key in ("beta", "Ds"))
        tau = 1 - float(drawn.quantum_share[d])
        for order in (1, 2, 3):
            mult = float(drawn.multiplier[d, order - 1])

            def log_of(dose: float) -> float:
                percent = beta * saturation * (1 - np.exp(-dose / saturation))  # noqa: B023
                return float(np.log(1 + mult * percent / 100))  # noqa: B023

            def mean_effect(year: int) -> float:
                total = 0.0
                for number in range(1, 13):
                    since_a = (year - 2023) * 12 + number - 1
                    since_b = (year - 2025) * 12 + number - 3
                    a = min(max((since_a - 15) / 12, 0.0), 1.0)
                    b = min(max((since_b - 15) / 12, 0.0), 1.0)
                    first = 10.0 if since_a >= 9 and (year, number) <= (2027, 6) else 0.0
                    second = 20.0 if since_b >= 9 else 0.0
                    # Those who have heard of both, and those who have heard of the first only.
                    total += b * log_of(first + second) + (a - b) * log_of(first)
                return total / 12

            for year in range(2023, 2040):
                back = sum(w[j - 1] * mean_effect(year - j) for j in range(1, 7))
                expected = mean_effect(year) - tau * back
                assert found[d, year - 2023, order - 1] == pytest.approx(expected, abs=1e-10)


def test_removal_shows_a_hole_before_it_shows_nothing() -> None:
    for found in (
        effect(scenario(a=cash(to="2032-12-31"))),
        effect(EMPTY, scenario(a=cash())),
    ):
        assert (found[:, 20:26] <= 0.0).all()
    ended = effect(scenario(a=cash(to="2032-12-31")))
    assert (ended[:, 10:16].mean(axis=0) < 0.0).all()
    np.testing.assert_allclose(ended[:, 16:], 0.0, atol=1e-15)


def test_trial_has_no_extra_births_after_its_window() -> None:
    two_years = effect(scenario(a=cash(to="2024-12-31")))
    assert two_years[:, 1].mean() > 0
    assert (two_years[:, 2:] <= 0.0).all()
    one_year = effect(scenario(a=cash(to="2023-12-31")), response=calm())
    assert (one_year == 0.0).all()


def test_of_the_shipped_trial_only_a_rush_remains_and_it_is_taken_back() -> None:
    trial = read_scenario(SCENARIOS / "qingyuan-2023-sunset.yaml")
    money = trial.with_only("childcare_subsidy", "prenatal_grant")
    assert (effect(money, response=calm()) == 0.0).all()
    found = effect(money)
    assert found[:, 0, 1:3].mean() > 0
    assert (found[:, 1:] <= 0.0).all()
    np.testing.assert_allclose(found.sum(axis=1), 0.0, atol=1e-12)


def calm() -> Response:
    """The default without a rush and without a stronger removal."""
    data = read_response().model_dump(by_alias=True, exclude_none=True)
    for name in ("rush", "removal_multiplier"):
        data["channels"]["cash"].pop(name)
    return Response(ResponseFile.model_validate(data))


@pytest.mark.parametrize("announced", ["2023-01-01", "2024-06-01", "2030-01-01"])
def test_more_money_never_lowers_the_effect_before_payback(announced: str) -> None:
    response = response_without_tempo()
    few = response.log_effect(scenario(a=cash()), EMPTY, context(), DRAWS, 1)
    more = response.log_effect(
        scenario(a=cash(), b=cash("30000 CNY", announced)), EMPTY, context(), DRAWS, 1
    )
    assert (more >= few - 1e-12).all()
    assert more[:, -1].mean() > few[:, -1].mean()


def response_without_tempo() -> Response:
    data = read_response().model_dump(by_alias=True)
    for name in ("cash", "childcare"):
        data["channels"][name]["quantum_share"] = {"dist": "fixed", "value": 1.0}
    return Response(ResponseFile.model_validate(data))


def test_splitting_an_amount_changes_nothing() -> None:
    whole = effect(scenario(a=cash("10000 CNY")))
    split = effect(scenario(a=cash("4000 CNY"), b=cash("6000 CNY")))
    np.testing.assert_allclose(split, whole, atol=1e-10)


def test_order_of_policies_in_the_file_does_not_matter() -> None:
    parts = {"a": cash(), "b": cash("20000 CNY", "2025-03-01"), "p": PLACES}
    found = [
        effect(scenario(**{k: parts[k] for k in order})) for order in itertools.permutations(parts)
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_channels_add_up() -> None:
    both = effect(scenario(a=cash(), p=PLACES))
    np.testing.assert_allclose(both, effect(scenario(a=cash())) + effect(scenario(p=PLACES)))


def test_a_draw_can_be_made_alone() -> None:
    case = scenario(a=cash(), p=PLACES)
    whole = effect(case)
    alone = Response().log_effect(case, EMPTY, context(1), range(41, 42), seed=1)
    np.testing.assert_array_equal(alone[0], whole[41])


def test_parameters_are_the_same_in_every_scenario() -> None:
    small = effect(scenario(a=cash("1000 CNY")))[:, -1, 1]
    large = (
        effect(scenario(a=cash("5000 CNY"), p=PLACES))[:, -1, 1]
        - effect(scenario(p=PLACES))[:, -1, 1]
    )
    assert np.corrcoef(np.argsort(np.argsort(small)), np.argsort(np.argsort(large)))[0, 1] > 0.98


def test_orders_four_and_over_are_as_order_three() -> None:
    found = effect(scenario(a=cash(), p=PLACES))
    np.testing.assert_array_equal(found[..., 3], found[..., 2])


def test_reference_that_has_the_policy_leaves_only_the_difference() -> None:
    common = scenario(a=cash())
    more = scenario(a=cash(), p=PLACES)
    np.testing.assert_allclose(effect(more, common), effect(scenario(p=PLACES)), atol=1e-12)


def test_years_before_the_first_are_paid_back_in_those_reported() -> None:
    late = Context(YEARS[5:], *(np.full((200, 25), x) for x in (1e5, 1800.0)), np.full(25, 2.5))
    found = Response().log_effect(scenario(a=cash()), EMPTY, late, DRAWS, 1)
    np.testing.assert_allclose(found, effect(scenario(a=cash()))[:, 5:], atol=1e-15)


@pytest.mark.parametrize(
    ("text", "median", "at_zero"),
    [
        ({"dist": "lognormal", "median": 0.35, "sigma": 0.7}, 0.35, 0.0),
        ({"dist": "normal", "mean": 2.0, "sd": 1.2, "low": -1, "high": 6}, 2.0, 0.0),
        ({"dist": "beta", "a": 10, "b": 10}, 0.5, 0.0),
        ({"dist": "uniform", "low": 0, "high": 3}, 1.5, 0.0),
        ({"dist": "fixed", "value": 1.25}, 1.25, 0.0),
        ({"dist": "lognormal", "median": 1.0, "sigma": 0.5, "p_zero": 0.2}, 0.855, 0.2),
        ({"dist": "fixed", "value": 2.0, "p_zero": 0.2}, 2.0, 0.2),
    ],
)
def test_distributions(text: dict[str, Any], median: float, at_zero: float) -> None:
    data = read_response().model_dump(by_alias=True)
    data["channels"]["cash"]["beta"] = text
    spec = ResponseFile.model_validate(data).channels.cash
    assert spec is not None
    assert spec.map == "saturating"
    drawn = draw_distribution(spec.beta, range(20000), 1, "test")
    assert np.median(drawn) == pytest.approx(median, rel=0.03)
    assert (drawn == 0).mean() == pytest.approx(at_zero, abs=0.01)
    assert drawn.min() >= text.get("low", -np.inf)
    assert drawn.max() <= text.get("high", np.inf)


def test_linear_and_power_maps() -> None:
    data = read_response().model_dump(by_alias=True)
    common = {
        k: data["channels"]["cash"][k]
        for k in ("order_multiplier", "quantum_share", "decision_lag", "ramp", "evidence")
    }
    fixed = {"dist": "fixed", "value": 0.5}
    dose = np.array([[0.0, 10.0, 40.0]])
    for extra, expected in (
        ({"map": "linear", "effect": fixed, "per_dose": 10}, [0.0, 0.5, 2.0]),
        (
            {"map": "power", "at_10": {"dist": "fixed", "value": 2.4}, "exponent": fixed},
            [0.0, 2.4, 4.8],
        ),
    ):
        data["channels"]["cash"] = {**common, **extra}
        channel = ResponseFile.model_validate(data).channels.cash
        assert channel is not None
        drawn = draw_channel(channel, "cash", range(1), 1)
        np.testing.assert_allclose(map_effect(channel, drawn.map, dose)[0], expected)


def test_response_that_leaves_no_births_is_refused() -> None:
    data = read_response().model_dump(by_alias=True)
    childcare = data["channels"]["childcare"]
    childcare["effect"] = {"dist": "fixed", "value": -500.0}
    response = Response(ResponseFile.model_validate(data))
    with pytest.raises(ProjectionError, match="which leaves none"):
        response.log_effect(scenario(p=PLACES), EMPTY, context(), DRAWS, 1)


def test_context_must_cover_its_years() -> None:
    three = np.zeros(3)
    with pytest.raises(DataError, match="not consecutive"):
        Context(np.array([2023, 2025, 2026]), three, three, three)
    with pytest.raises(DataError, match="places_ref of a response context does not cover its 3"):
        Context(np.array([2023, 2024, 2025]), three, three, np.zeros(2))


def test_notices() -> None:
    data = read_response().model_dump(by_alias=True)
    data["channels"]["cash"] = None
    response = Response(ResponseFile.model_validate(data))
    operation = {
        "kind": "childcare_operation",
        "announced": "2023-01-01",
        "amount": {"infant": "500 CNY/month"},
    }
    case = scenario(a=cash(), o=operation, p=PLACES)
    assert response.notices(case, context(places=5.0)) == [
        "case: 4.5 places per 1,000 residents in 2025 are not above the reference of 5 and add "
        "nothing",
        "case: a has no effect, the response default has no channel 'cash'",
        "case: o costs money and has no effect on births here",
    ]
    assert (response.log_effect(scenario(a=cash()), EMPTY, context(), DRAWS, 1) == 0).all()


def test_chances() -> None:
    response = Response()
    draws = range(4000)
    case = scenario(a=cash(), p=PLACES)
    parts = response.by_channel(case, EMPTY, context(4000), draws, 1)
    chances = effect_chances(parts, YEARS)
    assert chances.channel.values.tolist() == ["cash", "childcare", "package"]
    last = chances.sel(year=2052, birth_order=2)
    # The point mass of cash, and the share of a normal with mean 2 and sd 1.2 below zero.
    assert float(last.chance_of_no_effect.sel(channel="cash")) == pytest.approx(0.15, abs=0.015)
    assert float(last.chance_of_no_effect.sel(channel="childcare")) == pytest.approx(
        0.053, abs=0.015
    )
    assert (chances.chance_of_negligible_effect >= chances.chance_of_no_effect).all()


def quantiles_of_map(order: int, dose: float) -> np.ndarray:
    channel = Response().channels["cash"]
    drawn = draw_channel(channel, "cash", range(20000), 1)
    found = map_effect(channel, drawn.map, np.array([[dose]])) * drawn.multiplier
    return np.quantile(found[:, order - 1], [0.1, 0.5, 0.9])


def test_worked_examples_of_the_evidence() -> None:
    # Maker: the Monte Carlo beside the evidence review; 10, 50 and 90 % in per cent.
    second = quantiles_of_map(2, 100 * 11300 / 125043)
    np.testing.assert_allclose(second, [0.0, 2.2, 6.0], atol=0.15)
    third = quantiles_of_map(3, 100 * 22100 / 125043)
    np.testing.assert_allclose(third, [0.0, 4.2, 14.0], atol=0.8)
    # TFR 0.89, national 3,600 a year for three years, orders 59.1 / 38.4 / 2.5 %.
    channel = Response().channels["cash"]
    drawn = draw_channel(channel, "cash", range(20000), 1)
    percent = map_effect(channel, drawn.map, np.array([[100 * 10800 / 125043]]))
    tfr = 0.89 * (percent * drawn.multiplier[:, :3] / 100) @ np.array([0.591, 0.384, 0.025])
    np.testing.assert_allclose(np.quantile(tfr, [0.1, 0.5, 0.9]), [0, 0.017, 0.047], atol=0.003)
    # Huzhou: 1.97 places per 1,000 more, 11 points of capacity.
    channel = Response().channels["childcare"]
    drawn = draw_channel(channel, "childcare", range(20000), 1)
    percent = map_effect(channel, drawn.map, 11.0 * drawn.utilisation[:, None])
    tfr = 0.89 * (percent * drawn.multiplier[:, :3] / 100) @ np.array([0.591, 0.384, 0.025])
    np.testing.assert_allclose(np.quantile(tfr, [0.1, 0.5, 0.9]), [0.002, 0.009, 0.018], atol=0.002)


def test_the_bits_of_a_draw_do_not_depend_on_how_many_there_are():
    """Also of one alone, which a matrix library multiplies in another way than several."""
    several = read_scenario(SCENARIOS / "every-instrument.yaml")
    drawn = Response().by_channel(several, EMPTY, context(20), range(20), 1)
    for draw in range(20):
        alone = Response().by_channel(several, EMPTY, context(1), range(draw, draw + 1), 1)
        for name, effect in drawn.items():
            np.testing.assert_array_equal(alone[name][0], effect[draw], err_msg=name)
