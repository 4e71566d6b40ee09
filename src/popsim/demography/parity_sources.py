"""Women by parity from several sources: reconstruction, census, survey, put together in the open.

Sources differ: a census asks for children ever born, a survey is small or asks for less, a
reconstruction inherits the errors of past rates. They are pooled progression by progression, so the
result is a distribution whatever each source knows, and its disagreement with each stays in sight.

Examples
--------
>>> census = np.array([[0.4, 0.1], [0.6, 0.9]])
>>> survey = np.array([[0.6, np.nan], [0.4, np.nan]])
>>> both = combine_parity({"census": census, "survey": survey}, {"census": 900, "survey": 100})
>>> both["shares"].values.round(3)
array([[0.42, 0.1 ],
       [0.58, 0.9 ]])
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DataError, Problems

__all__ = ["combine_parity"]

Array = NDArray[np.float64]


def combine_parity(sources: Mapping[str, ArrayLike], sizes: Mapping[str, ArrayLike]) -> xr.Dataset:
    """Combine parity distributions of the same date by age.

    Of the women with k - 1 children or more, the share who have k or more is
    ``q_k = Σ_s n_s R_ks / Σ_s n_s R_{k-1,s}``, R_k the share of all women with k or more, over the
    sources that know k: the estimate of largest likelihood if each source is a sample of n women.
    A source that is not a sample gets the size that its error is worth: 100 women have a
    standard error of five points at a share of one half.

    Parameters
    ----------
    sources : mapping of str to array-like (..., parity, age)
        Shares by parity that add up to 1 at each age; the last parity is open. A source that does
        not tell the higher parities apart gives them together at the first of them and no number
        after it; one that knows nothing of an age gives no number at all.
    sizes : mapping of str to array-like (age) or scalar
        Women at each age that the source is worth [persons], more than 0; the same names.

    Returns
    -------
    xarray.Dataset
        ``shares`` (..., parity, age) [1], not a number where no source tells; ``weight`` (...,
        source, age), the part of a source among the women of all that know the age [1];
        ``difference`` (..., source, age), the share of women whom the source puts at another
        parity than the result, as far as it tells parities apart [1]; ``largest_difference`` (...,
        age), that of the source farthest off.

    Raises
    ------
    DataError
        When names or shapes do not fit, shares do not add up to 1, or a size is not positive.

    Examples
    --------
    A register knows mothers only, a survey the number of children:

    >>> register = [[0.25], [0.75], [np.nan]]
    >>> survey = [[0.35], [0.39], [0.26]]
    >>> found = combine_parity({"register": register, "survey": survey},
    ...                        {"register": 9900, "survey": 100})
    >>> found["shares"].values.ravel().round(3).tolist()
    [0.251, 0.449, 0.3]
    """
    problems = Problems()
    if not sources or set(sources) != set(sizes):
        problems.add(
            f"sources are {', '.join(sources) or 'none'} and sizes are of "
            f"{', '.join(sizes) or 'none'}; both need the same names"
        )
        problems.raise_if_any(DataError)
    given = {name: np.asarray(value, dtype=float) for name, value in sources.items()}
    shape = next(iter(given.values())).shape
    for name, w in given.items():
        if w.shape != shape or w.ndim < 2 or w.shape[-2] < 2:
            problems.add(
                f"source {name} has shape {w.shape}, the first {shape}; all need the same "
                "(..., parity, age) with two parities or more"
            )
            continue
        told = ~np.isnan(w)
        gap = (told[..., 1:, :] & ~told[..., :-1, :]).any(axis=-2)
        wrong = told.any(axis=-2) & (np.abs(np.nansum(w, axis=-2) - 1) > 1e-6)
        wrong |= (w < 0).any(axis=-2) | gap
        if np.any(wrong):
            problems.add(
                f"source {name}, age index {int(np.argwhere(wrong)[0][-1])}: shares must not be "
                "negative and add up to 1; only the highest parities, or all, may be missing"
            )
        n = np.asarray(sizes[name], dtype=float)
        if not np.all(np.isfinite(n) & (n > 0)) or n.ndim > 1 or n.size not in (1, shape[-1]):
            problems.add(f"size of source {name} must be one number of women or one by age, over 0")
    problems.raise_if_any(DataError)
    stack = np.stack(list(given.values()))  # (source, ..., parity, age)
    told = ~np.isnan(stack)
    size = np.stack([np.broadcast_to(sizes[name], shape[-1:]) for name in given]).astype(float)
    size = size.reshape(len(given), *(1,) * (stack.ndim - 3), shape[-1]) * told[..., 0, :]
    reached = np.cumsum(np.where(told, stack, 0.0)[..., ::-1, :], axis=-2)[..., ::-1, :]
    combined = np.where(told[..., 0, :].any(axis=0)[..., None, :], np.ones(shape), np.nan)
    for k in range(1, shape[-2]):
        knows = size * told[..., k, :]
        have = (knows * reached[..., k, :]).sum(axis=0)
        could = (knows * reached[..., k - 1, :]).sum(axis=0)
        # Where nobody has k - 1 children nobody has k; where no source tells, it is not known.
        q = np.divide(have, could, out=np.zeros(have.shape), where=could > 0)
        q = np.where((knows > 0).any(axis=0), q, np.nan)
        combined[..., k, :] = combined[..., k - 1, :] * q
    shares = combined.copy()
    shares[..., :-1, :] -= combined[..., 1:, :]
    # A source is compared on the parities that it tells apart: its last one holds all above.
    last = told & ~np.concatenate([told[..., 1:, :], np.zeros_like(told[..., :1, :])], axis=-2)
    mine = np.where(last, combined, shares)
    apart = 0.5 * np.where(told, np.abs(stack - mine), 0.0).sum(axis=-2)
    apart = np.where(told[..., 0, :], apart, np.nan)
    farthest = np.where(told[..., 0, :], apart, 0.0).max(axis=0)
    worth = size.sum(axis=0)
    weight = np.divide(size, worth, out=np.zeros(size.shape), where=worth > 0)
    lead = [f"dim_{i}" for i in range(len(shape) - 2)]
    by_source = [*lead, "source", "age"]
    return xr.Dataset(
        {
            "shares": ([*lead, "parity", "age"], shares, {"units": "1"}),
            "weight": (by_source, np.moveaxis(weight, 0, -2), {"units": "1"}),
            "difference": (by_source, np.moveaxis(apart, 0, -2), {"units": "1"}),
            "largest_difference": (
                [*lead, "age"],
                np.where(worth > 0, farthest, np.nan),
                {"units": "1"},
            ),
        },
        coords={"source": list(given), "parity": np.arange(shape[-2])},
    )
