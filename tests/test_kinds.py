"""Kinds of instrument: the registry, eligibility, prices, effects and money of each."""

import csv
import importlib.metadata
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import ValidationError

import popsim as ps
from popsim.errors import DataError, ScenarioError
from popsim.policy import kinds
from popsim.policy.changes import change
from popsim.policy.dose import capacity_path, channel_doses
from popsim.policy.fields import MoneyByOrder
from popsim.policy.files import baseline, read_response, read_scenario, write_scenario
from popsim.policy.instruments import (
    month,
    paid_per_child,
    payments,
    present_value,
    promised,
)
from popsim.policy.kinds import KINDS, PerChild, register_kind
from popsim.policy.kinds.cash import CashTransfer
from popsim.policy.kinds.housing import interest_saved
from popsim.policy.model import Scenario
from popsim.policy.places import place_counts
from popsim.policy.response import Context, Response, draw_channel
from popsim.policy.response_file import ResponseFile, channel_names
from popsim.policy.services import service_payments

ROOT = Path(__file__).parents[1]
YEARS = np.arange(2023, 2045)
DRAWS = range(60)
GRANT = {
    "kind": "cash_transfer",
    "announced": "2023-01-01",
    "amount": "1000 CNY",
    "births": {"from": "2023-01-01"},
}


def context(gdp: float | None = 100_000.0) -> Context:
    people = np.full(len(YEARS), 1e5), np.full(len(YEARS), 2e3)
    return Context(YEARS, *people, np.full(len(YEARS), 4.0), gdp)


def scenario(**policies: dict[str, Any]) -> Scenario:
    more = policies.pop("more", {})
    data = {"schema": "popsim.scenario/1", "id": "case", "regions": "all", "policies": policies}
    return Scenario.model_validate({**data, "label": {"en": "Case", "zh": "例"}, **more})


def effects(case: Scenario, response: Response | None = None) -> dict[str, np.ndarray]:
    return (response or Response()).by_channel(case, baseline(), context(), DRAWS, 1)


def changed(**channels: dict[str, Any]) -> Response:
    """The default with other values in some channels; None removes."""
    data = read_response().model_dump(by_alias=True, exclude_none=True)
    top = channels.pop("top", {})
    for name, values in channels.items():
        for key, value in values.items():
            if value is None:
                data["channels"][name].pop(key)
            else:
                data["channels"][name][key] = value
    return Response(ResponseFile.model_validate({**data, **top}))


# The registry


@pytest.fixture
def own_kinds(monkeypatch):
    """Kinds registered by a test are forgotten after it."""
    monkeypatch.setattr(kinds, "KINDS", KINDS)
    before = dict(KINDS)
    yield
    KINDS.clear()
    KINDS.update(before)
    Scenario.model_rebuild(force=True)


def test_a_kind_of_ones_own_takes_a_few_lines_and_has_dose_effect_and_bill(own_kinds, tmp_path):
    @register_kind
    class BirthBed(PerChild):
        """A cot for every newborn."""

        kind: Literal["birth_bed"] = "birth_bed"
        worth: MoneyByOrder

        def transfers(self) -> tuple[CashTransfer, ...]:
            return (self.as_cash(self.worth),)

    file = tmp_path / "cots.yaml"
    file.write_text(
        """schema: popsim.scenario/1
id: cots
label: {en: Cots, zh: 婴儿床}
regions: all
policies:
  cot: {kind: birth_bed, announced: 2023-01-01, worth: 1000 CNY, births: {from: 2023-01-01}}
""",
        encoding="utf-8",
    )
    case = read_scenario(file)
    same = effects(scenario(a=GRANT))["cash"]
    np.testing.assert_array_equal(effects(case)["cash"], same)
    assert same[:, 5].mean() > 0
    copy = tmp_path / "copy"
    copy.mkdir()
    assert read_scenario(write_scenario(case, copy / "cots.yaml")).policies == case.policies
    file.write_text(file.read_text(encoding="utf-8").replace("worth", "wroth"), encoding="utf-8")
    with pytest.raises(ScenarioError, match="unknown key 'wroth'; write: worth"):
        read_scenario(file)


def test_a_channel_of_ones_own_stands_under_other(own_kinds):
    channel = read_response().channels.leave
    assert channel is not None
    given = channel.model_dump(by_alias=True, exclude_none=True)
    with pytest.raises(ValidationError, match="no instrument uses the channel 'visits'"):
        changed(top={"channels": {"other": {"visits": given}}})

    @register_kind
    class HomeVisits(PerChild):
        """Visits of a midwife."""

        channels = ("visits",)
        kind: Literal["home_visits"] = "home_visits"
        visits: int

        def offers(self) -> tuple[kinds.Offer, ...]:
            each = float(self.visits) * self.reached
            return (kinds.Offer("visits", (each,) * 4, births=self.births, unit="day"),)

    visits = {**GRANT, "kind": "home_visits", "visits": 30}
    case = scenario(a={k: v for k, v in visits.items() if k != "amount"})
    assert "visits" not in effects(case)
    assert Response().notices(case, context()) == [
        "case: a has no effect, the response default has no channel 'visits'"
    ]
    own = changed(top={"channels": {"other": {"visits": given}}})
    assert effects(case, own)["visits"][:, 5].mean() > 0


def test_an_installed_package_adds_kinds_through_its_entry_point(own_kinds, monkeypatch):
    loaded = []

    class Entry:
        def load(self) -> None:
            loaded.append(1)

    def entry_points(*, group: str) -> list[Entry]:
        return [Entry()] if group == "popsim.instruments" else []

    monkeypatch.setattr(kinds, "entry_points", entry_points)
    kinds.load_plugins.cache_clear()
    for _ in range(2):
        read_response()
    assert loaded == [1]
    kinds.load_plugins.cache_clear()
    assert callable(importlib.metadata.entry_points)


def test_a_kind_without_a_word_or_with_a_taken_one_is_refused(own_kinds):
    class Nameless(PerChild):
        """No word."""

    with pytest.raises(TypeError, match=r'write: kind: Literal\["my_kind"\] = "my_kind"'):
        register_kind(Nameless)

    class Double(PerChild):
        """A word of another kind."""

        kind: Literal["cash_transfer"] = "cash_transfer"

    with pytest.raises(TypeError, match="'cash_transfer' is CashTransfer already"):
        register_kind(Double)


def test_channels_of_the_kinds_are_those_of_the_response():
    assert set(channel_names()) == set(read_response().channels.by_name())


# All kinds in one file


def every() -> Scenario:
    return read_scenario(ROOT / "scenarios/every-instrument.yaml")


def test_one_scenario_holds_every_kind_and_runs():
    case = every()
    assert {policy.kind for policy in case.policies.values()} == set(KINDS)
    run = ps.run("zhejiang-2020", case, years=range(2021, 2041), draws=20)
    assert not [line for line in run.notices.split("\n") if "no channel" in line]
    paid = run.payments.sel(scenario="every-instrument")
    assert float(paid.min()) >= 0
    assert (run.payments_anyway <= run.payments + 1e-6).all()
    free = {
        name
        for name, policy in case.policies.items()
        if name in ("inclusive_places", "flexible_hours")
    }
    total = paid.sum(["year", "draw", "region"]).to_series()
    assert set(total[total == 0].index) == free | {"provincial_award"}
    shares = run.payer_share.sel(scenario="every-instrument").sum("payer")
    np.testing.assert_allclose(shares, 1.0)
    channels = set(run.channel.values) - {"package"}
    assert channels == {*channel_names(), "stated"}


def test_promises_of_the_package_are_the_value_of_all_that_is_paid_per_child():
    case = every()
    run = ps.run("zhejiang-2020", case, years=range(2021, 2031), draws=2)
    promised_then = run.promised_per_birth_package.sel(scenario="every-instrument", year=2026)
    months = np.arange(month(2026, 1), month(2027, 1))
    waiting = 1.04 ** (-np.arange(12) / 12)
    for order in (1, 2, 3):
        value = sum(
            (present_value([rule], months)[order - 1] * waiting).mean() * rule.reached
            for rules in paid_per_child(case).values()
            for rule in rules
        )
        assert float(promised_then.sel(birth_order=order).item()) == pytest.approx(value)


@pytest.mark.golden
def test_every_instrument_of_the_plans_has_a_kind(shared):
    """docs/instruments.md says for each row of the catalogue how it is written."""
    page = (ROOT / "docs/instruments.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `([\w]+)` \| [^|]*\| `?([\w]+)`?", page, re.MULTILINE))
    with (shared / "evidence/instruments.csv").open(encoding="utf-8") as file:
        rows = [row["instrument_id"] for row in csv.DictReader(file)]
    assert [name for name in rows if name not in told] == []
    assert {kind for kind in told.values() if kind not in {*KINDS, "baseline", "dates"}} == set()


# Eligibility, prices, caps


def test_residence_needs_a_share_and_lowers_the_dose_and_the_bill():
    with pytest.raises(ValidationError, match="needs the share of births with local registration"):
        scenario(a={**GRANT, "residence": "registered"})
    with pytest.raises(ValidationError, match="registered_share belongs to residence"):
        scenario(a={**GRANT, "registered_share": "85 %"})
    registered = {**GRANT, "residence": "registered", "registered_share": "80 %"}
    months = np.array([month(2025, 1)])
    whole = channel_doses(scenario(a=GRANT), "cash", months, 1e5).dose
    part = channel_doses(scenario(a=registered), "cash", months, 1e5).dose
    np.testing.assert_allclose(part, 0.8 * whole)
    policy = scenario(a=registered).policies["a"]
    assert [rule.reached for rule in policy.paid_out()] == [0.8]


def test_a_cap_never_pays_more_and_a_rise_of_prices_eats_the_promise():
    months = np.arange(month(2023, 1), month(2033, 1))
    stream = {**GRANT, "amount": "600 CNY/month", "child_age": "0-120 months"}
    plain, capped, eaten = (
        CashTransfer.model_validate({**stream, **more})
        for more in ({}, {"cap": "20000 CNY"}, {"price_rise": "3 %/year"})
    )
    assert promised([capped], months).max() == pytest.approx(20_000)
    assert (present_value([capped], months) < present_value([plain], months)).all()
    by_month = sum(payments(eaten, 2, int(born)).amounts.sum() for born in (months[0], months[50]))
    assert promised([eaten], months)[1, [0, 50]].sum() == pytest.approx(by_month)
    worth = present_value([eaten], months)[0]
    np.testing.assert_allclose(worth[12:] / worth[:-12], 1 / 1.03)


def test_a_policy_for_some_regions_leaves_the_others_alone():
    case = scenario(a={**GRANT, "amount": "9000 CNY"}, b={**GRANT, "regions": ["330500"]})
    assert list(case.within("330100").policies) == ["a"]
    assert list(case.within("330521").policies) == ["a", "b"]
    assert case.within("330500") is case
    with pytest.raises(ValidationError, match="the list of regions is empty"):
        scenario(a={**GRANT, "regions": []})


# Money by year


def counts(case: Scenario, years: np.ndarray = YEARS) -> Any:
    people = np.full(len(years), 1e5), np.full(len(years), 2e3)
    return place_counts(case, years, *people, np.full(len(years), 4.0), 0.5)


PLACES = {
    "kind": "childcare_capacity",
    "announced": "2023-01-01",
    "target": {"2025": "5 places/1000 residents"},
}
AWARD = {"kind": "childcare_construction", "announced": "2024-01-01", "amount": "3000 CNY/place"}


def test_no_place_is_paid_twice_unless_grants_stack():
    own = {**PLACES, "construction_subsidy": "2000 CNY/place"}
    for stacks, expected in ((True, 3000.0), (False, 0.0)):
        case = scenario(p=own, a={**AWARD, "stacks": stacks})
        paid = service_payments(case, counts(case), YEARS)
        built = np.array([50.0, 50.0])
        np.testing.assert_allclose(paid["p"][0][0, 1:3], 2000.0 * built)
        np.testing.assert_allclose(paid["a"][0][0, 1:3], expected * built)
    # Without a grant of its own the places are open to the award.
    case = scenario(p=PLACES, a={**AWARD, "stacks": False})
    assert service_payments(case, counts(case), YEARS)["a"][0].sum() == 100 * 3000.0


def test_subsidies_end_with_their_window():
    operation = {
        "kind": "childcare_operation",
        "announced": "2023-07-01",
        "amount": {"toddler": "400 CNY/month"},
        "class_mix": {"toddler": "100 %"},
        "payments": {"from": "2023-07-01", "to": "2025-03-31"},
    }
    case = scenario(a=operation)
    paid = service_payments(case, counts(case), YEARS)["a"][0][0]
    in_care = 100_000 / 1000 * 4.0 * 0.5
    np.testing.assert_allclose(paid[:4], 400.0 * in_care * np.array([6, 12, 3, 0]))


def test_measures_cost_what_they_say_and_nothing_else():
    rooms = {"kind": "measure", "announced": "2023-01-01", "what": "Nursing rooms"}
    by_year = scenario(a={**rooms, "spending": {"2024": "5000 CNY"}})
    steady = scenario(
        a={
            **rooms,
            "spending_a_year": "12000 CNY/year",
            "payments": {"from": "2023-01-01", "to": "2024-06-30"},
        }
    )
    assert service_payments(by_year, counts(by_year), YEARS)["a"][0][0, :3].tolist() == [0, 5000, 0]
    np.testing.assert_allclose(
        service_payments(steady, counts(steady), YEARS)["a"][0][0, :3], [12000, 6000, 0]
    )
    both = scenario(a=rooms, b={**rooms, "spending": {"2024": "1 CNY"}})
    assert Response().notices(both, context()) == [
        "case: a has no effect on births here",
        "case: b costs money and has no effect on births here",
    ]
    assert effects(by_year).keys() == {"cash", "childcare"}
    assert all((part == 0.0).all() for part in effects(by_year).values())


# Doses and effects


def test_places_of_new_communities_come_on_top_and_utilisation_moves_all_places():
    more = {"places": "10 places/1000 residents", "residents": {"2027": "4 %"}}
    case = scenario(p={**PLACES, "new_communities": more})
    path = capacity_path(case, YEARS, np.full(len(YEARS), 4.0)).places
    np.testing.assert_allclose(path[:5], [4.0, 4.6, 5.2, 5.3, 5.4])
    used = scenario(
        p={**PLACES, "target": {"2025": "4 places/1000 residents"}, "utilisation": "75 %"}
    )
    fixed = changed(childcare={"utilisation": {"dist": "fixed", "value": 0.5}})
    found = effects(used, fixed)["childcare"]
    # 20 % of children have a place; 75 instead of 50 % of them used is 5 points more.
    drawn = draw_channel(fixed.channels["childcare"], "childcare", DRAWS, 1)
    points = 5.0 * drawn.map["effect"] / 10
    lasting = np.log1p(points * drawn.multiplier[:, 0] / 100) * drawn.quantum_share
    np.testing.assert_allclose(found[:, -1, 0], lasting, atol=1e-12)
    np.testing.assert_allclose(counts(used).used, 1e5 / 1000 * 4 * 0.75)


def test_fees_reach_those_in_care_only():
    cut = {"kind": "childcare_fee", "announced": "2023-01-01", "cut": "500 CNY/month"}
    response = changed(childcare={"utilisation": {"dist": "fixed", "value": 0.5}})
    found = effects(scenario(a={**cut, "months_in_care": "20 months"}), response)["childcare_fee"]
    drawn = draw_channel(response.channels["childcare_fee"], "childcare_fee", DRAWS, 1)
    # 10,000 of 100,000 CNY is 10 %; 4 places for 20 children, half of them used, is 10 %.
    users = 0.1 * 10 * drawn.map["effect"] / 100
    np.testing.assert_allclose(
        found[:, -1, 0], np.log1p(users) * drawn.quantum_share, rtol=1e-9, atol=1e-15
    )


def test_of_a_subsidy_to_providers_the_drawn_part_reaches_fees():
    whole = {
        "kind": "childcare_operation",
        "announced": "2023-01-01",
        "amount": {"toddler": "500 CNY/month"},
        "class_mix": {"toddler": "100 %"},
    }
    assert "childcare_fee" not in effects(scenario(a=whole))
    passed = scenario(a={**whole, "months_in_care": "20 months"})
    cut = {"kind": "childcare_fee", "announced": "2023-01-01", "cut": "500 CNY/month"}
    relief = scenario(a={**cut, "months_in_care": "20 months"})
    all_of_it = changed(childcare_fee={"pass_through": {"dist": "fixed", "value": 1.0}})
    np.testing.assert_allclose(
        effects(passed, all_of_it)["childcare_fee"], effects(relief)["childcare_fee"], atol=1e-15
    )
    half = changed(childcare_fee={"pass_through": {"dist": "fixed", "value": 0.5}})
    ratio = effects(passed, half)["childcare_fee"][:, -1, 0].mean()
    assert ratio == pytest.approx(effects(relief)["childcare_fee"][:, -1, 0].mean() / 2, rel=0.01)


def test_thirty_paid_days_have_the_effect_of_the_prior_and_marriage_only_first_births():
    leave = {
        "kind": "paid_leave",
        "announced": "2023-01-01",
        "births": {"from": "2023-01-01"},
        "parent": "mother",
        "days": "158 days",
        "instead_of": "128 days",
    }
    case = scenario(a=leave)
    found = effects(case)["leave"]
    drawn = draw_channel(Response().channels["leave"], "leave", DRAWS, 1)
    expected = np.log1p(drawn.map["effect"] / 100) * drawn.quantum_share
    for order in range(4):
        np.testing.assert_allclose(found[:, -1, order], expected, rtol=1e-9, atol=1e-15)
    assert Response().notices(case, context()) == [
        "case: a gives no wage, so its pay is not in the cost"
    ]
    bonus = {
        "kind": "marriage_bonus",
        "announced": "2023-01-01",
        "amount": "5000 CNY",
        "marriages": {"from": "2023-01-01"},
    }
    married = effects(scenario(a=bonus))["marriage"]
    assert married[:, 3, 0].mean() > 0
    assert (married[:, :, 1:] == 0.0).all()
    # Nobody answers before conception and decision: 15 months after the announcement.
    assert (married[:, 0] == 0.0).all()


def test_what_families_say_is_discounted_and_what_a_user_assumes_is_not():
    measure = {
        "kind": "measure",
        "announced": "2023-01-01",
        "what": "Flexible hours",
        "births": {"from": "2024-01-01"},
        "lasting": "100 %",
    }
    said = effects(scenario(a={**measure, "stated_effect": {"2": "8 %"}}))["stated"]
    believed = Response().other_parameters(DRAWS, 1)["intention_discount"]
    np.testing.assert_allclose(said[:, 5, 1], np.log1p(0.08 * believed))
    assert said[:, 5, [0, 2, 3]].max() == 0.0
    assumed = effects(scenario(a={**measure, "assumed_effect": "-3 %"}))["assumed"]
    np.testing.assert_allclose(assumed[:, 5], np.log(0.97))
    case = scenario(a={**measure, "stated_effect": {"2": "8 %"}})
    without = changed(top={"intention_discount": None})
    assert "stated" not in effects(case, without)
    assert without.notices(case, context()) == [
        "case: a has no effect, the response default has no intention_discount"
    ]


def test_taking_away_acts_more_strongly_than_giving_and_the_loss_fades():
    ended = scenario(
        a={**GRANT, "amount": "10000 CNY", "births": {"from": "2023-01-01", "to": "2032-12-31"}}
    )
    equal = changed(cash={"removal_multiplier": {"dist": "fixed", "value": 1.0}, "rush": None})
    double = changed(cash={"removal_multiplier": {"dist": "fixed", "value": 2.0}, "rush": None})
    once, twice = (effects(ended, response)["cash"] for response in (equal, double))
    np.testing.assert_array_equal(once[:, :10], twice[:, :10])
    end = 2033 - YEARS[0]
    whole = changed(
        cash={
            "quantum_share": {"dist": "fixed", "value": 1.0},
            "removal_multiplier": None,
            "rush": None,
        }
    )
    held = effects(ended, whole)["cash"][:, end - 1]
    np.testing.assert_allclose((once - twice)[:, end], held, atol=1e-12)
    np.testing.assert_allclose((once - twice)[:, end + 1], 0.762 * held, atol=1e-12)
    np.testing.assert_allclose((once - twice)[:, end + 6], 0.0, atol=1e-12)


def test_a_rush_needs_a_known_end_and_nothing_that_follows():
    def rushed(**more: Any) -> np.ndarray:
        window = {"from": "2023-01-01", "to": "2032-12-31"}
        policies = {"a": {**GRANT, "amount": "10000 CNY", "births": window}, **more}
        first = policies["a"]
        first.update(policies.pop("change", {}))
        on, off = changed(), changed(cash={"rush": None})
        return (
            effects(scenario(**policies), on)["cash"] - effects(scenario(**policies), off)["cash"]
        )[:, :, 1]

    found = rushed()
    parameters = draw_channel(Response().channels["cash"], "cash", DRAWS, 1)
    # Who is not moved by the money does not hurry for it.
    drawn = np.where(parameters.map["beta"] > 0, parameters.rush, 0.0)
    np.testing.assert_allclose(found[:, 9], np.log1p(drawn / 100) * 3 / 12)
    np.testing.assert_allclose(found.sum(axis=1), 0.0, atol=1e-12)
    assert (rushed(change={"ends_announced": "2032-12-01"}) == 0.0).all()
    renewed = {
        **GRANT,
        "amount": "10000 CNY",
        "announced": "2032-03-01",
        "births": {"from": "2033-01-01"},
    }
    assert (rushed(b=renewed) == 0.0).all()
    half = {**renewed, "amount": "5000 CNY"}
    np.testing.assert_allclose(rushed(b=half)[:, 9], np.log1p(drawn / 200) * 3 / 12)


def test_interactions_are_off_unless_a_response_has_them():
    case = scenario(a={**GRANT, "amount": "10000 CNY"}, p=PLACES)
    assert effects(case).keys() == {"cash", "childcare"}
    one = {
        "between": ["cash", "childcare"],
        "strength": {"dist": "fixed", "value": -0.5},
        "evidence": {"source": "A test"},
    }
    found = effects(case, changed(top={"interactions": [one]}))
    cash, childcare = (np.maximum(found[name], 0.0) for name in ("cash", "childcare"))
    np.testing.assert_allclose(found["interaction"], -0.5 * np.sqrt(cash * childcare))
    assert "interaction" not in effects(scenario(p=PLACES), changed(top={"interactions": [one]}))
    with pytest.raises(ValidationError, match="there is no channel 'chash'"):
        changed(top={"interactions": [{**one, "between": ["chash", "childcare"]}]})


def test_money_can_be_compared_with_the_cost_of_a_child_and_needs_it():
    by_cost = changed(cash={"dose_of": "child_cost"})
    with pytest.raises(
        ScenarioError, match=r"no cost of raising a child .* child_cost: 854942 CNY"
    ):
        effects(scenario(a=GRANT), by_cost)
    case = scenario(a=GRANT, more={"child_cost": "100000 CNY"})
    np.testing.assert_allclose(effects(case, by_cost)["cash"], effects(case)["cash"])


def test_a_threshold_map_does_nothing_below_and_is_linear_above():
    shape = {
        "map": "threshold",
        "effect": {"dist": "fixed", "value": 0.5},
        "D0": {"dist": "fixed", "value": 5.0},
        "quantum_share": {"dist": "fixed", "value": 1.0},
        "order_multiplier": {k: {"dist": "fixed", "value": 1.0} for k in ("1", "2", "3")},
        "beta": None,
        "Ds": None,
        "removal_multiplier": None,
    }
    response = changed(cash=shape)
    low = effects(scenario(a={**GRANT, "amount": "5000 CNY"}), response)["cash"]
    assert (low == 0.0).all()
    high = effects(scenario(a={**GRANT, "amount": "9000 CNY"}), response)["cash"]
    np.testing.assert_allclose(high[:, -1], np.log(1.02))


def test_a_renewal_without_a_gap_changes_nothing_and_a_raise_is_answered_at_once():
    first = {**GRANT, "amount": "6000 CNY", "births": {"from": "2023-01-01", "to": "2026-12-31"}}
    again = {**first, "announced": "2026-03-01", "births": {"from": "2027-01-01"}}
    whole = effects(scenario(a={**first, "births": {"from": "2023-01-01"}}))["cash"]
    parts = effects(scenario(a=first, b=again))["cash"]
    np.testing.assert_allclose(parts, whole, atol=1e-12)
    more = effects(scenario(a=first, b={**again, "amount": "9000 CNY"}))["cash"]
    np.testing.assert_array_equal(more[:, :4], whole[:, :4])
    assert (more[:, 4] >= whole[:, 4]).all()
    assert more[:, 4].mean() > whole[:, 4].mean()
    late = {**again, "births": {"from": "2027-02-01"}}
    assert effects(scenario(a=first, b=late))["cash"][:, 4].mean() < whole[:, 4].mean()


def test_a_stated_utilisation_never_takes_places_away():
    target = {**PLACES, "target": {"2025": "4.1 places/1000 residents"}, "utilisation": "50 %"}
    case, steady = scenario(p=target), changed(childcare={"effect": {"dist": "fixed", "value": 2}})
    assert (effects(case, steady)["childcare"] >= 0).all()
    drawn = draw_channel(steady.channels["childcare"], "childcare", DRAWS, 1).utilisation
    people = np.full(len(YEARS), 1e5), np.full(len(YEARS), 3e2)
    crowded = place_counts(case, YEARS, *people, np.full(len(YEARS), 4.0), drawn[:, None])
    assert (crowded.used >= crowded.used_ref).all()
    # More places than children: no more of them are used than of one for each child.
    np.testing.assert_allclose(crowded.used_ref, 300 * np.repeat(drawn[:, None], len(YEARS), 1))


# Bad input


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (
            {"kind": "childcare_fee", "announced": "2023-01-01", "months_in_care": "18 months"},
            "lower fees are given by a cut or by a share of inclusive places, one of them",
        ),
        (
            {"kind": "measure", "announced": "2023-01-01", "what": "x", "assumed_effect": "1 %"},
            "an effect needs the births that it changes and the share that lasts",
        ),
        (
            {
                "kind": "paid_leave",
                "announced": "2023-01-01",
                "births": {"from": "2023-01-01"},
                "parent": "father",
                "days": "15 days",
                "instead_of": "30 days",
            },
            "the leave is shorter than instead_of",
        ),
        (
            {**GRANT, "kind": "housing_fund", "birth_orders": [2, "2+"], "amount": None},
            "order 2 is given twice",
        ),
        (
            {
                "kind": "tax_deduction",
                "announced": "2023-01-01",
                "births": {"from": "2023-01-01"},
                "deduction": "2000 CNY/month",
                "child_age": "0-36 months",
                "marginal_rates": {"3 %": "80 %", "10 %": "30 %"},
            },
            "the shares sum to 110 %",
        ),
    ],
)
def test_bad_instruments_are_refused(policy, message):
    with pytest.raises(ValidationError, match=re.escape(message)):
        scenario(a={k: v for k, v in policy.items() if v is not None})


def test_interest_saved_is_nothing_at_one_rate_and_the_gap_for_a_long_loan():
    assert interest_saved(1e5, 0.03, 0.03, 360) == pytest.approx(0.0)
    assert interest_saved(1e5, 0.0, 0.12, 1) == pytest.approx(1e5 * (1 - 1 / 1.01))
    with pytest.raises((DataError, ValidationError)):
        scenario(
            a={
                "kind": "housing_fund",
                "announced": "2023-01-01",
                "births": {"from": "2023-01-01"},
                "birth_orders": [2],
                "loan_ceiling": {
                    "increase": "20 %",
                    "single": "1 CNY",
                    "dual": "1 CNY",
                    "dual_share": "50 %",
                    "fund_rate": "5 %/year",
                    "market_rate": "4 %/year",
                    "term": "360 months",
                    "take_up": "10 %",
                },
            }
        )


# Other values


def test_what_a_file_does_not_say_can_be_set_and_what_it_says_removed():
    case = scenario(a=GRANT, p=PLACES)
    ended = case.override({"policies.a.births.to": "2025-12-31", "policies.a.take_up": "80 %"})
    assert str(ended.policies["a"].births.to) == "2025-12-31"
    assert ended.explain("policies.a.births.to") == "2025-12-31, override"
    assert list(case.override({"policies.p": None}).policies) == ["a"]
    more = case.override({"policies.p.target.2027": "6 places/1000 residents"})
    assert sorted(more.policies["p"].target) == [2025, 2027]
    with pytest.raises(ScenarioError, match=r"no value .policies\.a\.births\.until"):
        case.override({"policies.a.births.until": "2025-12-31"})
    with pytest.raises(ScenarioError, match=r"no value .policies\.q"):
        case.override({"policies.q": None})
    with pytest.raises(ScenarioError, match="before it begins"):
        case.override({"policies.a.births.to": "2022-12-31"})


# What newcomers stumbled over


def test_an_order_that_stands_under_another_is_told_its_key():
    case = scenario(a={**GRANT, "amount": {"2": "500 CNY", "3+": "900 CNY"}})
    for order in ("3", "4+"):
        with pytest.raises(ScenarioError, match=rf"no value 'policies\.a\.amount\.{order[0]}"):
            case.override({f"policies.a.amount.{order}": 1500})
        with pytest.raises(ScenarioError, match=r"write: policies\.a\.amount\.3\+"):
            change(case, {f"policies.a.amount.{order}": 1500}, by="--set")
    more = case.override({"policies.a.amount.1": "100 CNY"})
    assert str(more.policies["a"].amount_for(1)) == "100 CNY"


def test_one_quantity_for_all_orders_is_explained_by_its_line(tmp_path):
    file = tmp_path / "tax.yaml"
    file.write_text(
        """schema: popsim.scenario/1
id: tax
label: {en: Tax, zh: 个税}
regions: all
policies:
  deduction:
    kind: tax_deduction
    announced: 2023-01-01
    deduction: 1000 CNY/month
    child_age: 0-36 months
    births: {from: 2023-01-01}
    marginal_rates: {3 %: 50 %}
""",
        encoding="utf-8",
    )
    told = read_scenario(file).explain("policies.deduction.deduction.1+")
    assert told == "1000 CNY/month, tax.yaml:9"


def test_a_target_beyond_what_families_want_is_told():
    crowded = scenario(p={**PLACES, "target": {"2025": "9 places/1000 residents"}})
    assert Response().notices(crowded, context()) == [
        "case: the target of 2025 is 45 places for 100 children under 3, and about 35 families of "
        "100 want one; the same part of them is taken to be used as of fewer places"
    ]
    assert Response().notices(scenario(p=PLACES), context()) == []
