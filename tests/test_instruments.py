from typing import Any

import numpy as np
import pytest

from popsim.policy.instruments import (
    dose_value,
    month,
    payments,
    present_value,
    promised,
)
from popsim.policy.kinds.cash import CashTransfer


def cash(**fields: Any) -> CashTransfer:
    data = {
        "announced": "2023-01-01",
        "amount": {"2": "300 CNY/month", "3": "600 CNY/month"},
        "child_age": "0-36 months",
        "births": {"from": "2023-01-01"},
    }
    merged = {**data, **fields}
    return CashTransfer.model_validate({k: v for k, v in merged.items() if v is not None})


TRIAL = {"from": "2023-01-01", "to": "2023-12-31"}


@pytest.mark.parametrize(
    ("born", "count"),
    [((2022, 12), 0), ((2023, 1), 36), ((2023, 12), 36), ((2024, 1), 0)],
)
def test_first_and_last_month_of_a_trial(born: tuple[int, int], count: int) -> None:
    schedule = payments(cash(births=TRIAL), 3, month(*born))
    assert len(schedule.offsets) == count
    assert schedule.amounts.sum() == 600.0 * count


def test_the_month_of_birth_is_first_and_the_36th_payment_is_the_last() -> None:
    schedule = payments(cash(), 2, month(2023, 5))
    np.testing.assert_array_equal(schedule.offsets, np.arange(36))


def test_only_the_named_orders_are_paid() -> None:
    months = np.array([month(2023, 1)])
    assert promised([cash()], months)[:, 0].tolist() == [0.0, 10800.0, 21600.0, 0.0]
    assert promised([cash(amount={"2+": "300 CNY/month"})], months)[:, 0].tolist() == [
        0.0,
        10800.0,
        10800.0,
        10800.0,
    ]


def test_yearly_amounts_are_paid_pro_rata_every_month() -> None:
    schedule = payments(cash(amount="3600 CNY/year"), 1, month(2023, 1))
    assert schedule.amounts.tolist() == [300.0] * 36


def test_one_sum_is_booked_in_the_month_of_birth() -> None:
    schedule = payments(cash(amount="500 CNY", child_age=None, paid="prenatal"), 1, month(2023, 1))
    assert (schedule.offsets.tolist(), schedule.amounts.tolist()) == ([0], [500.0])


@pytest.mark.parametrize(
    ("born", "count", "first"),
    [
        ((2022, 1), 0, None),
        ((2022, 2), 1, 35),
        ((2023, 7), 18, 18),
        ((2024, 12), 35, 1),
        ((2025, 1), 36, 0),
    ],
)
def test_children_already_born_are_paid_for_the_months_that_remain(
    born: tuple[int, int], count: int, first: int | None
) -> None:
    policy = cash(births={"from": "2022-01-01"}, payments={"from": "2025-01-01"})
    schedule = payments(policy, 2, month(*born))
    assert len(schedule.offsets) == count
    if first is not None:
        assert schedule.offsets[0] == first


def test_window_that_begins_inside_a_month_pays_the_mean_over_its_births() -> None:
    schedule = payments(cash(births={"from": "2023-04-16"}), 2, month(2023, 4))
    assert schedule.amounts[0] == pytest.approx(300.0 * 15 / 30)
    one_day = payments(cash(births={"from": "2024-02-29", "to": "2024-02-29"}), 2, month(2024, 2))
    assert one_day.amounts[0] == pytest.approx(300.0 / 29)


def test_totals_agree_with_the_schedule() -> None:
    policies = [
        cash(births={"from": "2022-05-10", "to": "2026-03-03"}, payments={"from": "2023-06-01"}),
        cash(child_age="6-120 months"),
    ]
    months = np.arange(month(2021, 1), month(2029, 1))
    nominal = promised(policies, months)
    value = present_value(policies, months)
    for i, born in enumerate(months):
        for order in (2, 3):
            schedules = [payments(p, order, int(born)) for p in policies]
            total = sum(s.amounts.sum() for s in schedules)
            discounted = sum((s.amounts * 1.04 ** (-s.offsets / 12)).sum() for s in schedules)
            assert nominal[order - 1, i] == pytest.approx(total)
            assert value[order - 1, i] == pytest.approx(discounted)


def test_dose_money_counts_36_months_in_full_and_discounts_the_rest() -> None:
    months = np.array([month(2030, 1)])
    assert dose_value(cash(), months, 9)[1, 0] == 10800.0
    longer = dose_value(cash(child_age="0-48 months"), months, 9)[1, 0]
    later = sum(300.0 * 1.04 ** (-o / 12) for o in range(36, 48))
    assert longer == pytest.approx(10800.0 + later)
    school = dose_value(cash(child_age="72-84 months"), months, 9)[1, 0]
    assert school == pytest.approx(sum(300.0 * 1.04 ** (-o / 12) for o in range(72, 84)))


def test_dose_begins_nine_months_after_the_announcement() -> None:
    months = np.arange(month(2023, 1), month(2024, 1))
    money = dose_value(cash(announced="2023-01-31"), months, 9)[1]
    assert money.tolist() == [0.0] * 9 + [10800.0] * 3


def test_dose_ends_with_the_window_and_counts_take_up() -> None:
    months = np.arange(month(2025, 11), month(2026, 3))
    policy = cash(births={"from": "2023-01-01", "to": "2025-12-31"}, take_up="50 %")
    assert dose_value(policy, months, 9)[1].tolist() == [5400.0, 5400.0, 0.0, 0.0]


def test_end_of_payments_counts_once_it_was_known_at_conception() -> None:
    policy = cash(payments={"from": "2023-01-01", "to": "2026-12-31"}, ends_announced="2026-01-01")
    months = np.array([month(2026, 9), month(2026, 10)])
    # Conceived before the end was announced: 36 months were promised, only four are paid.
    assert dose_value(policy, months, 9)[1].tolist() == [10800.0, 900.0]
    assert promised([policy], months)[1].tolist() == [1200.0, 900.0]
