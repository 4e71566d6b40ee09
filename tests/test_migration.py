from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from popsim.demography.migration import annual_schedule, net_residual, scale_net
from popsim.demography.migration_schedules import rogers_castro
from popsim.errors import DataError

N = 101
AGE = np.arange(N)
SURVIVAL = np.append(0.99, 1 - np.minimum(0.00005 * np.exp(0.095 * AGE[:-1]), 0.6))
PATTERN = 900 * rogers_castro(
    AGE, childhood=(0.02, 0.1), labour=(0.06, 0.1, 22, 0.35), constant=-0.01
)


def project(
    P: np.ndarray, S: np.ndarray, births: np.ndarray, M: np.ndarray, timing: str
) -> np.ndarray:
    """Plain cohort-component steps for one sex."""
    share = 0.5 if timing == "even" else 0.0
    for B in births:
        P = P + share * M
        older = np.append(B, P[:-1])
        older[-1] += P[-1]
        P = older * S + (1 - share) * M
    return P


def base() -> np.ndarray:
    return 20000 * np.exp(-((AGE / 70) ** 4))


def test_no_migration_leaves_no_residual() -> None:
    births = np.linspace(19000, 15000, 10)
    after = project(base(), SURVIVAL, births, np.zeros(N), "even")
    for method in ("forward", "reverse", "average"):
        found = net_residual(base(), after, SURVIVAL, births=births, years=10, method=method)  # type: ignore[arg-type]
        np.testing.assert_allclose(found, 0, atol=1e-8)


@settings(deadline=None, max_examples=40)
@given(arrays(float, (N,), elements=st.floats(-50, 50)))
def test_one_year_residual_is_the_migrants_put_in(M: np.ndarray) -> None:
    births = np.array([18000.0])
    after = project(base(), SURVIVAL, births, M, "end")
    found = net_residual(base(), after, SURVIVAL, births=births, years=1, method="forward")
    np.testing.assert_allclose(found, M, atol=1e-8)


def test_forward_reverse_and_average() -> None:
    births = np.full(10, 18000.0)
    after = project(base(), SURVIVAL, births, PATTERN, "even")
    given_ = {"births": births, "years": 10}
    forward = net_residual(base(), after, SURVIVAL, method="forward", **given_)  # type: ignore[arg-type]
    reverse = net_residual(base(), after, SURVIVAL, method="reverse", **given_)  # type: ignore[arg-type]
    average = net_residual(base(), after, SURVIVAL, **given_)  # type: ignore[arg-type]
    np.testing.assert_allclose(average, (forward + reverse) / 2)
    cohort = np.prod(SURVIVAL[31:41])
    assert forward[40] / reverse[40] == pytest.approx(cohort)
    by_year = np.broadcast_to(SURVIVAL, (10, N))
    again = net_residual(base(), after, by_year, survival_by_year=True, **given_)  # type: ignore[arg-type]
    np.testing.assert_allclose(again, average)


def test_annual_schedule_recovers_the_migrants_put_in() -> None:
    births = np.full(10, 18000.0)
    after = project(base(), SURVIVAL, births, PATTERN, "even")
    forward = net_residual(base(), after, SURVIVAL, births=births, years=10, method="forward")
    fitted = annual_schedule(forward, SURVIVAL, years=10, smoothing=0.01)
    assert np.abs(fitted.net - PATTERN)[:90].max() < 0.05 * np.abs(PATTERN).max()
    assert fitted.net[:90].sum() == pytest.approx(PATTERN[:90].sum(), rel=0.01)
    assert np.argmax(fitted.net) == pytest.approx(np.argmax(PATTERN), abs=1)
    # Used in the projection it ends at the same total, and its gaps are listed.
    again = project(base(), SURVIVAL, births, fitted.net, "even")
    np.testing.assert_allclose(after - again, fitted.unexplained, atol=1e-7)
    assert fitted.unexplained.sum() == pytest.approx(0, abs=1e-6)


def test_annual_schedule_of_rows() -> None:
    rows = np.stack([PATTERN, 2 * PATTERN])
    both = annual_schedule(10 * rows, np.stack([SURVIVAL, SURVIVAL]), years=10)
    one = annual_schedule(10 * PATTERN, SURVIVAL, years=10)
    np.testing.assert_allclose(both.net, [one.net, 2 * one.net], rtol=1e-8, atol=1e-8)


@settings(deadline=None, max_examples=100)
@given(arrays(float, (12,), elements=st.floats(-1000, 1000)), st.floats(-1e5, 1e5))
def test_plus_minus_meets_the_total_and_keeps_signs(M: np.ndarray, total: float) -> None:
    M = np.where(np.abs(M) < 1e-3, 0.0, M)
    M[:2] = [1.0, -1.0]
    scaled = scale_net(M, total)
    assert scaled.sum() == pytest.approx(total, rel=1e-9, abs=1e-6)
    assert (scaled * M >= 0).all()


def test_plus_minus_over_sexes_and_one_sided_patterns() -> None:
    M = np.array([[[3.0, -1.0], [2.0, -2.0]], [[1.0, 1.0], [1.0, 1.0]]])
    scaled = scale_net(M, [10.0, 8.0], axis=(-2, -1))
    np.testing.assert_allclose(scaled.sum(axis=(-2, -1)), [10, 8])
    np.testing.assert_allclose(scale_net([-1.0, -3.0], -8.0), [-2, -6])
    np.testing.assert_allclose(scale_net([1.0, 3.0], 0.0), [0, 0])
    # k of the formula, by hand: P = 3, N = 1, T = 4 gives (4 + sqrt(28)) / 6.
    k = (4 + np.sqrt(28)) / 6
    np.testing.assert_allclose(scale_net([3.0, -1.0], 4.0), [3 * k, -1 / k])


@pytest.mark.golden
def test_rogers_castro_file(shared: Path) -> None:
    table = pd.read_csv(shared / "golden" / "rogers_castro.csv", comment="#")
    x = table["age"]
    thirteen = {
        "childhood": (0.09, 0.1),
        "labour": (0.2, 0.1, 21, 0.4),
        "retirement": (0.02, 0.25, 67, 0.6),
        "late": (0.01, 0.01),
        "constant": 0.01,
    }
    seven = {"childhood": (0.09, 0.1), "labour": (0.2, 0.05, 25, 0.4), "constant": 0.01}
    eleven = {key: value for key, value in thirteen.items() if key != "late"}
    nine = {key: value for key, value in thirteen.items() if key != "retirement"}
    for column, values in (("m7", seven), ("m9", nine), ("m11", eleven), ("m13", thirteen)):
        np.testing.assert_allclose(
            rogers_castro(x, **values),  # type: ignore[arg-type]
            table[column],
            rtol=1e-8,
        )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: net_residual([1, 1, 1], [1, 1], [1, 1, 1], births=[1], years=1),
            "populations of 3 and 2 ages and survival of 3 do not fit an interval of 1 years; use "
            "the same single ages for all",
        ),
        (
            lambda: net_residual([1, 1, 1], [1, 1, 1], [1, 1, 1], births=[1], years=2),
            "births of 1 years are given for 2 years",
        ),
        (
            lambda: net_residual([1, 0, 1], [1, 1, 2], [1, 1, 0], births=[1], years=1),
            "nobody is expected to survive to age 2, so the average residual has no meaning there; "
            "use method='forward' or a lower open age",
        ),
        (
            lambda: scale_net([-1.0, -2.0], 5.0),
            "a total of 5 net migrants needs in-flows, but the pattern has no positive number; "
            "give another pattern",
        ),
        (
            lambda: annual_schedule(np.ones(5), np.ones(5), years=2, smoothing=0),
            "smoothing is 0; it must be more than 0",
        ),
    ],
)
def test_messages(call: object, message: str) -> None:
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        call()  # type: ignore[operator]
