"""Gompertz's law at high ages."""

import re

import numpy as np
import pytest

from popsim.demography.old_age import extend_gompertz
from popsim.errors import DataError

AGES = np.arange(0, 101, 5)


def test_an_exponential_is_continued_and_what_lies_below_is_kept() -> None:
    m = np.stack([2e-4 * np.exp(0.09 * AGES), 3e-4 * np.exp(0.08 * AGES)])
    noisy = m.copy()
    noisy[:, AGES > 85] *= 0.5
    age, found = extend_gompertz(noisy, AGES, fit=(60, 85), to=110)
    assert age.tolist() == list(range(0, 111, 5))
    np.testing.assert_allclose(found[0], 2e-4 * np.exp(0.09 * age))
    np.testing.assert_allclose(found[1], 3e-4 * np.exp(0.08 * age))


def test_a_falling_line_is_held() -> None:
    _, found = extend_gompertz(0.2 * np.exp(-0.01 * np.arange(90)), to=100)
    assert np.ptp(found[90:]) == 0


MESSAGES = [
    (
        lambda: extend_gompertz([0.1, 0.2], [80]),
        "2 age groups have rates but 1 limits are given",
    ),
    (
        lambda: extend_gompertz([0.1, 0.2, 0.3], [80, 85, 95], fit=(80, 95)),
        "3 ages lie in 80-95; the fit needs two or more, evenly spaced",
    ),
    (
        lambda: extend_gompertz([0.1, 0.0], [80, 85], fit=(80, 95)),
        "death rate at age 85 must be more than 0 for the Gompertz fit: pool areas or years",
    ),
]


@pytest.mark.parametrize(("call", "message"), MESSAGES)
def test_messages(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        call()
