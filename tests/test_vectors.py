"""Vectors as values of numba: each operation, lane by lane, against NumPy."""

import numpy as np
import pytest
from numba import njit

from popsim.kernels.lanes import LANES
from popsim.kernels.vectors import (
    WIDTH,
    fetch,
    load,
    multiply_add,
    over_positive,
    spread,
    store,
)

STEP = np.uint64(WIDTH)
ROWS = 6


@njit
def every_operation(a, b, out):
    n = np.uint64(a.size)
    for i in range(np.uint64(0), n, STEP):
        fetch(a, i + n, False)
        fetch(out, i + n, True)
        x, y = load(a, i), load(b, i)
        store(out, i, x + y)
        store(out, n + i, x - y)
        store(out, np.uint64(2) * n + i, x * y)
        store(out, np.uint64(3) * n + i, x / y)
        store(out, np.uint64(4) * n + i, multiply_add(x, y, spread(0.5)))
        store(out, np.uint64(5) * n + i, over_positive(2.0, x))


def test_operations_are_those_of_numpy():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=LANES), rng.normal(size=LANES)
    a[:4] = 0.0, -0.0, np.inf, np.nan
    out = np.empty((ROWS, LANES))
    every_operation(a, b, out.reshape(-1))
    with np.errstate(all="ignore"):
        want = [a + b, a - b, a * b, a / b]
        np.testing.assert_array_equal(out[:4], want)
        np.testing.assert_allclose(out[4], a * b + 0.5, rtol=1e-14, atol=1e-15)
        np.testing.assert_array_equal(out[5], np.where(a > 0, 2.0 / a, 0.0))


def test_a_tile_is_whole_vectors():
    assert LANES % WIDTH == 0


def test_vectors_do_not_mix_with_numbers():
    @njit
    def mixed(a):
        return load(a, np.uint64(0)) + 1.0

    with pytest.raises(Exception, match="No implementation of function"):
        mixed(np.ones(LANES))
