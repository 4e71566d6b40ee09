"""Counter-based random numbers: every value is a function of its own address.

A value is addressed by (seed, component, key, step, draw). The first four name
a Philox stream; the draw is the position in it. So a draw can be made alone, in
any order, in any chunk, and a longer run starts with the same numbers.

References
----------
Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy as 1, 2, 3.
"""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["uniform"]

_PER_COUNTER = 4  # Philox makes four 64-bit numbers from one counter value.


def uniform(seed: int, component: str, draws: range, *, key: str = "", step: int = 0) -> np.ndarray:
    """Return uniform numbers on (0, 1) for the given draws.

    Parameters
    ----------
    seed : int
        The user's seed.
    component : str
        What the number is for, e.g. ``"fertility/level"``.
    draws : range
        Draw numbers, contiguous (step 1).
    key : str
        Region key; empty for what all regions share.
    step : int
        Year or other step inside the component.

    Returns
    -------
    numpy.ndarray
        Shape (len(draws),), float64, never exactly 0 or 1.

    Examples
    --------
    >>> whole = uniform(1, "fertility/level", range(0, 100), key="330000", step=2024)
    >>> alone = uniform(1, "fertility/level", range(41, 42), key="330000", step=2024)
    >>> bool(whole[41] == alone[0])
    True
    """
    if draws.step != 1:
        raise ValueError("draws must be contiguous")
    name = f"{seed}|{component}|{key}|{step}".encode()
    digest = hashlib.blake2b(name, digest_size=16).digest()
    stream = np.random.Philox(key=np.frombuffer(digest, dtype=np.uint64))
    skip = draws.start % _PER_COUNTER
    stream.advance(draws.start // _PER_COUNTER)
    bits = stream.random_raw(skip + len(draws))[skip:]
    # 52 bits at the middle of their cell: never 0 or 1, so the inverse normal stays finite.
    return ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
