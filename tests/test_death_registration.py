"""Completeness of deaths and their adjustment: simulated populations, identities, messages."""

import re

import numpy as np
import pytest

from popsim.demography.death_registration import (
    adjust_deaths,
    extinct_generations,
    growth_balance,
)
from popsim.demography.lifetable import life_table
from popsim.errors import DataError

AGES = np.arange(0, 90, 5)
BREAKS = np.array([0, 1, *range(5, 90, 5)])
STEP = 0.05


def grown(rate: float = 0.015, years: float = 10.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two censuses and the deaths between them of a stable population, integrated finely."""
    x = np.arange(0, 120, STEP) + STEP / 2
    hazard = 4e-4 + 3e-5 * np.exp(0.1 * x)
    alive = np.exp(-np.cumsum(hazard) * STEP + hazard * STEP / 2)
    people = 1e6 * np.exp(-rate * x) * alive * STEP
    group = np.minimum(x // 5, AGES.size - 1).astype(int)

    def by_group(values: np.ndarray) -> np.ndarray:
        return np.bincount(group, values, AGES.size)

    first = by_group(people)
    over_time = (np.exp(rate * years) - 1) / rate
    return first, first * np.exp(rate * years), by_group(people * hazard) * over_time


@pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
@pytest.mark.parametrize("rate", [0.015, -0.01])
def test_both_methods_find_the_share_that_is_registered(share: float, rate: float) -> None:
    before, after, deaths = grown(rate)
    balance = growth_balance(before, after, share * deaths, ages=AGES, years=10)
    assert float(balance["completeness"]) == pytest.approx(share, rel=0.02)
    assert float(balance["coverage_ratio"]) == pytest.approx(1, abs=0.005)
    extinct = extinct_generations(before, after, share * deaths, ages=AGES, years=10)
    assert float(extinct["completeness"]) == pytest.approx(share, rel=0.01)
    level = extinct["completeness_by_age"].sel(age=slice(10, 60))
    assert np.ptp(level.values) < 0.02 * share


def test_an_undercount_of_one_census_is_told_from_missing_deaths() -> None:
    before, after, deaths = grown()
    balance = growth_balance(0.95 * before, after, 0.7 * deaths, ages=AGES, years=10)
    assert float(balance["coverage_ratio"]) == pytest.approx(0.95, abs=0.005)
    assert float(balance["completeness"]) == pytest.approx(0.7, rel=0.02)
    told = extinct_generations(
        *(0.95 * before, after, 0.7 * deaths),
        ages=AGES,
        years=10,
        coverage_ratio=balance["coverage_ratio"].values,
    )
    untold = extinct_generations(0.95 * before, after, 0.7 * deaths, ages=AGES, years=10)
    # With the growth corrected, the rebuilt people are those of the better census, and the count
    # between the two is lower than that by half the undercount.
    assert float(told["completeness"]) == pytest.approx(0.7 / np.sqrt(0.95), rel=0.015)
    assert abs(float(untold["completeness"]) / 0.7 - 1) > 0.1


def test_migrants_that_are_known_do_not_bias() -> None:
    before, after, deaths = grown()
    arrived = 0.02 * before * np.exp(-(((AGES - 25) / 15) ** 2))
    moved = after + arrived
    known = growth_balance(before, moved, 0.8 * deaths, ages=AGES, years=10, net_migration=arrived)
    assert float(known["completeness"]) == pytest.approx(0.8, rel=0.03)
    rebuilt = extinct_generations(
        before, moved, 0.8 * deaths, ages=AGES, years=10, net_migration=arrived
    )
    assert float(rebuilt["completeness"]) == pytest.approx(0.8, rel=0.015)


def test_rows_are_judged_one_by_one() -> None:
    before, after, deaths = grown()
    shares = np.array([[0.6], [0.9]])
    for method in (growth_balance, extinct_generations):
        both = method(before, after, shares * deaths, ages=AGES, years=10)
        for i, share in enumerate(shares[:, 0]):
            alone = method(before, after, share * deaths, ages=AGES, years=10)
            assert float(both["completeness"][i]) == pytest.approx(float(alone["completeness"]))


def table_of(scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    exposure = np.linspace(40_000, 4_000, BREAKS.size)
    rate = scale * np.where(BREAKS == 0, 0.008, 2e-4 + 4e-5 * np.exp(0.095 * BREAKS))
    return rate * exposure, exposure


def test_the_adjustment_is_visible_and_adds_up() -> None:
    deaths, exposure = table_of()
    ratio = np.where(BREAKS < 15, 1.6, 1.1)
    table = adjust_deaths(
        deaths, exposure, ages=BREAKS, sex="female", model_ratio=ratio, completeness=0.9
    )
    assert table["factor"].values == pytest.approx(ratio / 0.9)
    both = table["deaths_registered"] + table["deaths_added"]
    assert both.values == pytest.approx(table["deaths_adjusted"].values)
    assert table["mx_adjusted"].values == pytest.approx(table["deaths_adjusted"].values / exposure)
    assert float(table["completeness"]) == pytest.approx(
        deaths.sum() / table["deaths_adjusted"].values.sum()
    )
    assert table.attrs["adjustment"] == "ratio of a model's death rates by age; stated completeness"
    assert float(table["e0_adjusted"]) < float(table["e0_registered"])


def test_a_total_and_a_life_expectancy_are_met() -> None:
    deaths, exposure = table_of()
    total = adjust_deaths(
        deaths, exposure, ages=BREAKS, sex="male", total=1.3 * deaths.sum(), from_age=15
    )
    assert float(total["deaths_adjusted"].sum()) == pytest.approx(1.3 * deaths.sum())
    assert np.all(total["factor"].values[BREAKS < 15] == 1)
    lower = adjust_deaths(deaths, exposure, ages=BREAKS, sex="male", e0=70.0)
    assert float(lower["e0_adjusted"]) == pytest.approx(70.0, abs=1e-6)
    again = life_table(lower["mx_adjusted"].values, ages=BREAKS, sex="male")
    assert float(again["ex"][0]) == pytest.approx(70.0, abs=1e-6)
    assert np.ptp(lower["factor"].values) < 1e-12


def test_rows_have_their_own_targets() -> None:
    deaths, exposure = table_of()
    table = adjust_deaths(
        *(np.stack([deaths, deaths]), exposure),
        ages=BREAKS,
        sex=["female", "male"],
        total=[1.1 * deaths.sum(), 1.4 * deaths.sum()],
    )
    assert table["level_factor"].values == pytest.approx([1.1, 1.4])


def test_both_sexes_meet_one_total() -> None:
    deaths, exposure = table_of()
    both = np.stack([deaths, 1.5 * deaths])
    ratio = np.where(BREAKS < 15, 1.6, 1.1)
    table = adjust_deaths(
        *(both, exposure),
        ages=BREAKS,
        sex=["female", "male"],
        model_ratio=ratio,
        total=4 * deaths.sum(),
        together=True,
    )
    assert float(table["deaths_adjusted"].sum()) == pytest.approx(4 * deaths.sum())
    factor = 4 * deaths.sum() / (both * ratio).sum()
    assert table["level_factor"].values == pytest.approx([factor, factor])


MESSAGES = [
    (
        lambda: adjust_deaths(
            [1.0, 2.0], [10.0, 10.0], ages=[0, 1], sex="male", total=[4.0], together=True
        ),
        "together needs one total of deaths for all rows",
    ),
    (
        lambda: adjust_deaths([1.0, 2.0], [10.0, 10.0], ages=[0, 1], sex="male"),
        "nothing to adjust to: give completeness, model_ratio, total or e0",
    ),
    (
        lambda: adjust_deaths(
            [1.0, -2.0], [10.0, 0.0], ages=[0, 1], sex="male", total=9.0, e0=50.0, completeness=0.0
        ),
        "4 problems\n"
        "one factor cannot meet both total and e0; give one of them\n"
        "registered deaths must be numbers that are not negative\n"
        "exposure must be more than 0 at every age; pool areas or ages\n"
        "completeness must be more than 0",
    ),
    (
        lambda: adjust_deaths(
            [1.0, 2.0], [10.0, 9.0], ages=[0, 1], sex="male", e0=50.0, from_age=1
        ),
        "e0 is met by a factor on all ages; leave from_age at 0",
    ),
    (
        lambda: adjust_deaths([1.0], [10.0, 9.0], ages=[0, 1], sex="male", e0=50.0),
        "deaths have shape (1,) and exposure (2,); both need 2 ages last",
    ),
    (
        lambda: growth_balance(
            np.ones(5), np.zeros(5), np.ones(4), ages=[0, 5, 10, 15, 20], years=0
        ),
        "3 problems\n"
        "census after at age 0 must be more than 0; pool ages or areas\n"
        "deaths has 4 age groups; there are 5 age limits\n"
        "the censuses are 0 years apart; it must be more than 0",
    ),
    (
        lambda: growth_balance(np.ones(5), np.ones(5), np.ones(5), ages=[0, 1, 5, 10, 15], years=5),
        "age limits must rise in equal steps, as 0, 5, 10, …",
    ),
    (
        lambda: extinct_generations(
            np.ones(5), np.ones(5), np.ones(5), ages=[0, 5, 10, 15, 20], years=5, fit=(15, 20)
        ),
        "fewer than three ages lie in 15-20; the fit needs three",
    ),
    (
        lambda: extinct_generations(
            np.ones(9), np.ones(9), np.ones(9), ages=AGES[:9], years=5, coverage_ratio=0.0
        ),
        "the ratio of the coverages of the censuses must be more than 0",
    ),
]


@pytest.mark.parametrize(("call", "message"), MESSAGES)
def test_messages(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        call()
