from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from popsim.demography.parity import (
    _age_and_give_birth,
    conditional_rates,
    incidence_rates,
    mean_age_at_birth,
    period_fertility_table,
    progression_ratios,
    reconstruct,
)
from popsim.errors import DataError

A = 8


def slow_year(
    W: np.ndarray, h: np.ndarray, S: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half the births, ageing, half the births: written again, cell by cell."""
    K, n = W.shape

    def half(stock: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        births = np.zeros((K, n))
        for a in range(1, n - 1):
            for k in range(K):
                before = births[k - 1, a] if k else 0.0
                x = h[k, a] / 2
                r = x if k == K - 1 else x / (1 + x / 2)
                births[k, a] = r * (stock[k, a] + 0.5 * before)
        after = stock.copy()
        for k in range(K):
            after[k] += births[k - 1] if k else 0.0
            after[k] -= births[k] if k < K - 1 else 0.0
        return births, after

    first, stock = half(W)
    aged = np.zeros_like(stock)
    aged[:, 1:] = S[1:] * stock[:, :-1]
    aged[:, -1] += S[-1] * stock[:, -1]
    exposure = (W.sum(0) + aged.sum(0)) / 2
    second, end = half(aged)
    return first + second, end, exposure


stocks = arrays(float, (3, A), elements=st.floats(1, 1000))
rates = arrays(float, (3, A), elements=st.floats(0, 1.5))
survivals = arrays(float, (A,), elements=st.floats(0.5, 1))


def _inner(h: np.ndarray) -> np.ndarray:
    h = h.copy()
    h[:, [0, -1]] = 0
    return h


@settings(deadline=None, max_examples=60)
@given(stocks, rates, survivals)
def test_incidence_is_births_over_exposure_of_the_slow_year(
    W: np.ndarray, h: np.ndarray, S: np.ndarray
) -> None:
    h = _inner(h)
    births, _, exposure = slow_year(W, h, S)
    np.testing.assert_allclose(incidence_rates(h, W, S), births / exposure, rtol=1e-12)


@settings(deadline=None, max_examples=60)
@given(stocks, rates, survivals)
def test_round_trip(W: np.ndarray, h: np.ndarray, S: np.ndarray) -> None:
    h = _inner(h)
    again = conditional_rates(incidence_rates(h, W, S), W, S)
    np.testing.assert_allclose(again, h, rtol=1e-9, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(stocks, survivals)
def test_projecting_with_the_result_gives_the_births_back(W: np.ndarray, S: np.ndarray) -> None:
    f = np.zeros((3, A))
    f[:, 1:-1] = np.array([[0.05], [0.02], [0.01]]) * W[:, 1:-1].min() / 1000
    births, end, exposure = slow_year(W, conditional_rates(f, W, S), S)
    np.testing.assert_allclose(births, f * exposure, rtol=1e-10)
    assert (end >= 0).all()


def test_leading_axes_are_independent_rows() -> None:
    rng = np.random.default_rng(1)
    W = rng.uniform(10, 20, (2, 3, A))
    h = np.stack([_inner(rng.uniform(0, 0.3, (3, A))) for _ in range(2)])
    both = conditional_rates(incidence_rates(h, W), W)
    np.testing.assert_allclose(both, h, rtol=1e-10)
    np.testing.assert_allclose(incidence_rates(h, W)[1], incidence_rates(h[1], W[1]))


def test_constant_rates_over_parities_give_the_age_specific_rate() -> None:
    W = np.random.default_rng(2).uniform(1, 9, (4, A))
    h = _inner(np.full((4, A), 0.08))
    np.testing.assert_allclose(incidence_rates(h, W).sum(0)[1:-1], 0.08, rtol=1e-12)


# Cohort tables of golden/parity_table_results: births by order, exact and linear.
EXACT = [0.8805264176, 0.6255497057, 0.1615771982]
LINEAR = [0.8810167313, 0.6259313101, 0.1615167561]


# Conditional rates of orders 1-3 at ages 15-49: golden/parity_table_rates (synthetic).
M = np.array(
    [
        [0.00261, 0.00508, 0.00935, 0.0163, 0.02688, 0.04192, 0.06185, 0.08632, 0.11396,
         0.14231, 0.16812, 0.18788, 0.19862, 0.19862, 0.18788, 0.16812, 0.14231, 0.11396,
         0.08632, 0.06185, 0.04192, 0.02688, 0.0163, 0.00935, 0.00508, 0.00261, 0.00127,
         0.00058, 0.00025, 0.0001, 4e-05, 1e-05, 1e-05, 0, 0],
        [6e-05, 0.00015, 0.00039, 0.00091, 0.00202, 0.00418, 0.0081, 0.01468, 0.02492,
         0.03959, 0.05886, 0.08192, 0.10672, 0.13013, 0.14853, 0.15868, 0.15868, 0.14853,
         0.13013, 0.10672, 0.08192, 0.05886, 0.03959, 0.02492, 0.01468, 0.0081, 0.00418,
         0.00202, 0.00091, 0.00039, 0.00015, 6e-05, 2e-05, 1e-05, 0],
        [0, 0, 0, 1e-05, 3e-05, 0.0001, 0.00025, 0.00061, 0.00135, 0.00278, 0.00527,
         0.00923, 0.01491, 0.02224, 0.03063, 0.03894, 0.0457, 0.0495, 0.0495, 0.0457,
         0.03894, 0.03063, 0.02224, 0.01491, 0.00923, 0.00527, 0.00278, 0.00135, 0.00061,
         0.00025, 0.0001, 3e-05, 1e-05, 0, 0],
    ]
)  # fmt: skip
MEAN_AGE = {
    "exact": [25.6428475, 30.63051359, 34.04300535],
    "linear": [25.64041181, 30.63421985, 34.04623026],
}


@pytest.mark.parametrize(("method", "patfr"), [("exact", EXACT), ("linear", LINEAR)])
def test_period_fertility_table(method: str, patfr: list[float]) -> None:
    table = period_fertility_table(M, range(15, 50), open_last=False, method=method)  # type: ignore[arg-type]
    np.testing.assert_allclose(table["patfr"], patfr, atol=1e-9)
    np.testing.assert_allclose(table["mab"], MEAN_AGE[method], atol=1e-7)
    np.testing.assert_allclose(table["women"].sum("parity"), 1)


@pytest.mark.golden
@pytest.mark.parametrize("method", ["exact", "linear"])
def test_period_fertility_table_by_age(shared: Path, method: str) -> None:
    rates = pd.read_csv(shared / "golden" / "parity_table_rates.csv", comment="#")
    np.testing.assert_array_equal(rates[["m1", "m2", "m3"]].to_numpy().T, M)
    table = period_fertility_table(M, rates["age"], open_last=False, method=method)  # type: ignore[arg-type]
    columns = [f"b{k}_{method}" for k in (1, 2, 3)]
    np.testing.assert_allclose(table["births"].T, rates[columns], rtol=1e-8, atol=1e-12)


def test_a_cohort_in_half_steps_meets_the_table() -> None:
    h = np.zeros((4, 60))
    h[:3, 15:50] = M
    W = np.zeros((4, 60))
    W[0, 14] = 1.0
    total = 0.0
    for _ in range(40):
        births, W, _ = slow_year(W, h, np.ones(60))
        total += births.sum()
    # 1.667856 of the model's own page, against the exact 1.667653.
    assert total == pytest.approx(1.667856, abs=1e-6)


def test_closed_form_of_first_births_and_the_open_order() -> None:
    m = np.array([[0.1, 0.2, 0.1], [0.0, 0.3, 0.3]])
    table = period_fertility_table(m, [20, 21, 22])
    assert float(table["patfr"][0]) == pytest.approx(1 - np.exp(-0.4), abs=1e-14)
    closed = period_fertility_table(m, [20, 21, 22], open_last=False)
    assert float(table["patfr"][1]) > float(closed["patfr"][1])
    assert table["ppr"].values == pytest.approx(
        [table["patfr"][0].item(), table["patfr"][1].item() / table["patfr"][0].item()]
    )


def _history(T: int, n: int = 60) -> np.ndarray:
    """Conditional rates of a smooth kind, constant over time."""
    age = np.arange(n)
    shape = np.exp(-(((age - 26) / 5) ** 2)) * ((age >= 15) & (age < 50))
    return np.broadcast_to(np.array([0.2, 0.12, 0.05])[:, None] * shape, (T, 3, n))


def test_reconstruction_follows_cohorts_that_are_known() -> None:
    T, n = 30, 60
    h = _history(T, n)[0]
    W = np.zeros((3, n))
    W[0] = 1.0
    # A population with a full past: run long enough that all ages have lived under h.
    series = []
    for _ in range(100):
        births, W, exposure = slow_year(W, h, np.ones(n))
        W[0, 0] = 1.0
        W[:, -1] /= W[:, -1].sum()
        series.append(births / exposure)
    result = reconstruct(np.array(series[-T:]))
    known = np.arange(n) < 15 + T
    assert np.isnan(result.shares[:, ~known]).all()
    # Exact except where the partner cohort of the oldest known one was unknown.
    np.testing.assert_allclose(result.shares[:, :43], W[:, :43], atol=2e-3)
    np.testing.assert_allclose(result.shares[:, known].sum(0), 1)
    assert not result.cut.any()
    # With a known start it is exact.
    childless = np.zeros((3, n))
    childless[0] = 1.0
    full = reconstruct(np.array(series), childless)
    np.testing.assert_allclose(full.shares[:, : n - 1], W[:, : n - 1], atol=1e-12)


def test_reconstruction_caps_and_reports() -> None:
    f = np.zeros((4, 2, 30))
    f[:, 0, 16] = 0.9
    f[:, 0, 17] = 0.9
    with pytest.raises(DataError, match=r"^births of order 1 at age 17 in year 2 of the series"):
        reconstruct(f)
    result = reconstruct(f, on_excess="cap")
    known = result.shares[:, :19]
    np.testing.assert_allclose(known.sum(0), 1)
    assert (known >= -1e-12).all()
    # Asked for 1.8 births per woman by the end of age 17, of which one can be given.
    assert result.cut[3, 0, 17] > 0
    assert result.cut[:, 1].max() == 0


def test_reconstruction_of_several_regions() -> None:
    f = np.zeros((2, 5, 2, 30))
    f[0, :, 0, 16] = 0.2
    shares = reconstruct(f).shares
    assert shares.shape == (2, 2, 30)
    assert shares[1, 0, :20].tolist() == [1.0] * 20
    assert shares[0, 0, 17] < 1


def test_the_year_step_reports_both_halves() -> None:
    W = np.full((2, 5), 10.0)
    year = _age_and_give_birth(W, np.ones(5), lambda k, a, X, E: np.asarray(0.1))
    assert year.first[0, 1] == pytest.approx(1.0)
    # Age 2 at the end were 1 at the start: they gave birth in both halves.
    assert year.second[0, 2] == pytest.approx(0.9)
    assert year.end[:, 1:].sum() == pytest.approx(100 - 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: conditional_rates(
                [[0, 0.1, 0.0, 0], [0, 0, 0.5, 0]], [[9, 9, 9, 9], [0, 0, 1, 0]]
            ),
            "births of order 2 at age 2 are 3.28 times the women of parity 1 who could give them "
            "(mean of two half-years); lower the rate, correct the parity distribution or cap it",
        ),
        (
            lambda: conditional_rates([[0, 0.1, 0.1]], [[1, 1, 1]]),
            "incidence rates at age 0 or in the open age group 2+ must be 0; births there are not "
            "followed",
        ),
        (
            lambda: incidence_rates([[0, -0.1, 0]], [[1, 1, 1]]),
            "conditional rates of order 1 at age 1 are -0.1; they must be numbers that are not "
            "negative",
        ),
        (
            lambda: incidence_rates([[0, 4.5, 0], [0, 0, 0]], [[1, 1, 1], [1, 1, 1]]),
            "the conditional rate of order 1 at age 1 is 4.5; above 4 more women would give birth "
            "in half a year than there are",
        ),
        (
            lambda: incidence_rates([[0, 0.1, 0]], [[1, 1, 1], [1, 1, 1]]),
            "conditional rates have shape (1, 3) and women (2, 3); the last two axes must be "
            "(order, age) and (parity, age) of the same size",
        ),
        (
            lambda: reconstruct(np.zeros((1, 2, 4)), [[1, 1, 0.5, 1], [0, 0, 0, 0]]),
            "parity shares at age 2 do not add up to 1 on the starting date",
        ),
        (
            lambda: mean_age_at_birth([0.1], [15, 16]),
            "rates have shape (1,) but 2 ages are given",
        ),
    ],
)
def test_messages(call: object, message: str) -> None:
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        call()  # type: ignore[operator]


def test_progression_after_an_order_without_births_is_not_a_number() -> None:
    assert np.isnan(progression_ratios([0.5, 0.0, 0.0])[2])
