"""Graduation: single ages from age groups, once, at the edge of the model.

Arrays have the age axis **last**; axes before it are broadcast. ``breaks`` are the lower limits of
the groups, the last group is open, and groups may have any widths (0, 1-4, 5-9, …, 100+).

Examples
--------
>>> graduate([10.0, 36.0, 30.0, 4.0], [0, 1, 5, 10]).round(2)
array([10.  ,  9.68,  9.28,  8.8 ,  8.24,  7.6 ,  6.88,  6.08,  5.2 ,
        4.24,  4.  ])
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import (
    CubicHermiteSpline,
    CubicSpline,
    PchipInterpolator,
    make_interp_spline,
)

from popsim.errors import DataError

__all__ = [
    "graduate",
    "graduate_rates",
    "graduate_with_standard",
    "group_sums",
    "scale_within_groups",
    "spread_open",
]

Array = NDArray[np.float64]
_ROUNDING = 1e-13


def _mirrored(*panels: list[list[float]]) -> tuple[Array, Array, Array]:
    """Return first, second and middle panel; the middle one is completed by symmetry."""
    first, second, half = panels
    middle = half + [row[::-1] for row in half[1::-1]]
    return np.array(first), np.array(second), np.array(middle)


# Shares of the five groups i-2 … i+2 in the five ages of group i (first and second group: of the
# first five groups). The last two groups use the first two panels turned round.
_PANELS = {
    "sprague": _mirrored(
        [
            [0.3616, -0.2768, 0.1488, -0.0336, 0],
            [0.2640, -0.0960, 0.0400, -0.0080, 0],
            [0.1840, 0.0400, -0.0320, 0.0080, 0],
            [0.1200, 0.1360, -0.0720, 0.0160, 0],
            [0.0704, 0.1968, -0.0848, 0.0176, 0],
        ],
        [
            [0.0336, 0.2272, -0.0752, 0.0144, 0],
            [0.0080, 0.2320, -0.0480, 0.0080, 0],
            [-0.0080, 0.2160, -0.0080, 0, 0],
            [-0.0160, 0.1840, 0.0400, -0.0080, 0],
            [-0.0176, 0.1408, 0.0912, -0.0144, 0],
        ],
        [
            [-0.0128, 0.0848, 0.1504, -0.0240, 0.0016],
            [-0.0016, 0.0144, 0.2224, -0.0416, 0.0064],
            [0.0064, -0.0336, 0.2544, -0.0336, 0.0064],
        ],
    ),
    "beers": _mirrored(
        [
            [0.3333, -0.1636, -0.0210, 0.0796, -0.0283],
            [0.2595, -0.0780, 0.0130, 0.0100, -0.0045],
            [0.1924, 0.0064, 0.0184, -0.0256, 0.0084],
            [0.1329, 0.0844, 0.0054, -0.0356, 0.0129],
            [0.0819, 0.1508, -0.0158, -0.0284, 0.0115],
        ],
        [
            [0.0404, 0.2000, -0.0344, -0.0128, 0.0068],
            [0.0093, 0.2268, -0.0402, 0.0028, 0.0013],
            [-0.0108, 0.2272, -0.0248, 0.0112, -0.0028],
            [-0.0198, 0.1992, 0.0172, 0.0072, -0.0038],
            [-0.0191, 0.1468, 0.0822, -0.0084, -0.0015],
        ],
        [
            [-0.0117, 0.0804, 0.1570, -0.0284, 0.0027],
            [-0.0020, 0.0160, 0.2200, -0.0400, 0.0060],
            [0.0050, -0.0280, 0.2460, -0.0280, 0.0050],
        ],
    ),
}


def _check(counts: ArrayLike, breaks: ArrayLike) -> tuple[Array, NDArray[np.int64]]:
    values = np.asarray(counts, dtype=float)
    limits = np.asarray(breaks)
    if limits.ndim != 1 or values.ndim == 0 or values.shape[-1] != limits.size:
        raise DataError(
            f"{values.shape[-1] if values.ndim else 0} groups have counts but {limits.size} lower "
            "limits are given; the last limit is that of the open group"
        )
    if limits.size < 2 or np.any(np.diff(limits) <= 0) or np.any(limits != limits.astype(int)):
        raise DataError(
            f"lower limits of groups must be whole ages that rise; they are {limits.tolist()}"
        )
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        row = f" (row {', '.join(map(str, index[:-1]))})" if len(index) > 1 else ""
        raise DataError(
            f"the count of the group from age {limits[index[-1]]}{row} is {values[index]:g}; "
            "it must be a number that is not negative"
        )
    return values, limits.astype(np.int64)


def group_sums(single: ArrayLike, breaks: ArrayLike) -> Array:
    """Add single ages up to groups; the last group takes everything from its limit on.

    Parameters
    ----------
    single : array-like (..., age)
        Values of ages ``breaks[0]``, ``breaks[0] + 1``, …
    breaks : array-like of int (group)
        Lower limits of the groups [years].

    Returns
    -------
    numpy.ndarray (..., group)

    Examples
    --------
    >>> group_sums([1, 2, 3, 4, 5, 6], [0, 1, 5])
    array([ 1., 14.,  6.])
    """
    limits = np.asarray(breaks)
    sums: Array = np.add.reduceat(np.asarray(single, dtype=float), limits - limits[0], axis=-1)
    return sums


def graduate(
    counts: ArrayLike,
    breaks: ArrayLike,
    *,
    method: Literal["monotone", "sprague", "beers"] = "monotone",
    open_weights: ArrayLike | None = None,
) -> Array:
    """Single-year counts from counts by age group, keeping every group's total.

    ``monotone`` interpolates the cumulated counts with a cubic spline under Hyman's filter, so that
    no cell is negative. ``sprague`` and ``beers`` (ordinary) apply the classic multipliers to
    5-year groups; they may give negative cells at steep ends.

    Parameters
    ----------
    counts : array-like (..., group)
        Counts [persons], the last one of the open group.
    breaks : array-like of int (group)
        Lower limits of the groups [years]. ``sprague`` and ``beers`` need 5-year groups, the first
        of which may be given as 0 and 1-4.
    method : {'monotone', 'sprague', 'beers'}
        See above.
    open_weights : array-like (..., age2), optional
        Spread the open group over single ages in these proportions; see :func:`spread_open`.

    Returns
    -------
    numpy.ndarray (..., age)
        Counts of ages ``breaks[0]``, …, ``breaks[-1]`` and over [persons].

    Raises
    ------
    DataError
        When a count is negative or missing or the groups do not suit the method.

    References
    ----------
    Sprague 1880; Beers 1944; Hyman 1983, SIAM J. Sci. Stat. Comput. 4:645.

    Examples
    --------
    >>> graduate([50.0, 50.0, 50.0, 50.0, 50.0, 7.0], range(0, 30, 5), method="sprague")[[0, 9, 25]]
    array([10., 10.,  7.])
    """
    values, limits = _check(counts, breaks)
    if method == "monotone":
        closed = _monotone(values[..., :-1], limits)
    elif method in _PANELS:
        closed = _osculatory(values[..., :-1], limits, method)
    else:
        raise DataError(f"method {method!r} is unknown; write: monotone, sprague or beers")
    single = np.concatenate([closed, values[..., -1:]], axis=-1)
    return single if open_weights is None else spread_open(single, open_weights)


def _monotone(groups: Array, limits: NDArray[np.int64]) -> Array:
    """Difference a Hyman-filtered spline through the cumulated counts."""
    total = np.concatenate([np.zeros((*groups.shape[:-1], 1)), np.cumsum(groups, axis=-1)], axis=-1)
    ages = np.arange(limits[0], limits[-1] + 1)
    single = np.empty((*groups.shape[:-1], ages.size - 1))
    for row in np.ndindex(groups.shape[:-1]):
        curve = hyman_spline(limits.astype(float), total[row])
        # Rounding in the cumulated total may leave minus 1e-9 of a person.
        single[row] = np.maximum(np.diff(curve(ages.astype(float))), 0.0)
    return _exact(single, limits, groups)


def hyman_spline(x: Array, y: Array, *, flat_ends: bool = False) -> CubicHermiteSpline:
    """Cubic spline through points that rise, with slopes limited so that it never falls.

    Parameters
    ----------
    x, y : numpy.ndarray (point)
        Points; ``y`` must not fall.
    flat_ends : bool
        Slope 0 at both ends; otherwise the third derivative of the cubic through the four end
        points.

    Returns
    -------
    scipy.interpolate.CubicHermiteSpline

    Notes
    -----
    Hyman 1983: each slope of the cubic spline is cut to between 0 and three times the smaller of
    the two neighbouring secants.

    Examples
    --------
    >>> float(hyman_spline(np.array([0.0, 1, 2, 3]), np.array([0.0, 0, 5, 5]))(0.5))
    0.0
    """
    secant = np.diff(y) / np.diff(x)
    if flat_ends:
        slope = CubicSpline(x, y, bc_type="clamped")(x, 1)
    elif x.size < 4:
        slope = CubicSpline(x, y)(x, 1) if x.size > 2 else np.repeat(secant, 2)
    else:
        ends = [
            6 * np.polyfit(x[part] - x[part][0], y[part], 3)[0]
            for part in (slice(0, 4), slice(-4, None))
        ]
        spline = make_interp_spline(x, y, k=3, bc_type=([(3, ends[0])], [(3, ends[1])]))
        slope = spline(x, 1)
    limit = 3 * np.minimum(np.append(secant[0], secant), np.append(secant, secant[-1]))
    return CubicHermiteSpline(x, y, np.clip(slope, 0.0, limit))


def _osculatory(groups: Array, limits: NDArray[np.int64], method: str) -> Array:
    """Apply a table of multipliers; ages 0 and 1-4 are joined for it and then kept."""
    split = limits.size > 2 and limits[0] == 0 and limits[1] == 1 and limits[2] == 5
    fives = np.delete(limits, 1) if split else limits
    counts = groups
    if split:
        counts = np.concatenate([groups[..., :1] + groups[..., 1:2], groups[..., 2:]], axis=-1)
    if np.any(np.diff(fives) != 5) or fives.size < 6:
        raise DataError(
            f"method {method!r} needs at least five groups of five years; the groups start at "
            f"{', '.join(map(str, limits[:6]))}"
        )
    first, second, middle = _PANELS[method]
    n = counts.shape[-1]
    matrix = np.zeros((5 * n, n))
    matrix[0:5, 0:5], matrix[5:10, 0:5] = first, second
    for i in range(2, n - 2):
        matrix[5 * i : 5 * i + 5, i - 2 : i + 3] = middle
    matrix[-10:-5, -5:], matrix[-5:, -5:] = second[::-1, ::-1], first[::-1, ::-1]
    single: Array = counts @ matrix.T
    if split:
        single[..., 0] = groups[..., 0]
        rest = single[..., 1:5].sum(axis=-1)
        usable = rest > 0
        factor = np.where(usable, groups[..., 1] / np.where(usable, rest, 1.0), 0.0)
        single[..., 1:5] = np.where(
            usable[..., None], single[..., 1:5] * factor[..., None], groups[..., 1:2] / 4
        )
    return single


def _exact(single: Array, limits: NDArray[np.int64], groups: Array) -> Array:
    """Scale closed groups to their totals; what is left to correct is rounding."""
    sums = np.add.reduceat(single, limits[:-1] - limits[0], axis=-1)
    factor = np.divide(groups, sums, out=np.zeros_like(sums), where=sums > 0)
    exact: Array = single * np.repeat(factor, np.diff(limits), axis=-1)
    return exact


def spread_open(single: ArrayLike, weights: ArrayLike) -> Array:
    """Spread the open last cell over single ages.

    Parameters
    ----------
    single : array-like (..., age)
        Counts, the last cell open [persons].
    weights : array-like (..., age2)
        Proportions for the open age, the next one, …, the new open age; the person-years ``nLx``
        of a life table at these ages are the stationary population and a usual choice.

    Returns
    -------
    numpy.ndarray (..., age + age2 - 1)
        Counts [persons]; the total is kept.

    Raises
    ------
    DataError
        When weights are negative or add up to zero.

    Examples
    --------
    >>> spread_open([5.0, 12.0], [3.0, 2.0, 1.0])
    array([5., 6., 4., 2.])
    """
    values = np.asarray(single, dtype=float)
    share = np.asarray(weights, dtype=float)
    if not (np.all(share >= 0) and np.all(share.sum(axis=-1) > 0)):
        raise DataError("weights of the open group must not be negative and not all zero")
    share = share / share.sum(axis=-1, keepdims=True)
    spread = values[..., -1:] * share
    head = np.broadcast_to(values[..., :-1], (*spread.shape[:-1], values.shape[-1] - 1))
    return np.concatenate([head, spread], axis=-1)


def scale_within_groups(
    standard: ArrayLike, breaks: ArrayLike, totals: ArrayLike, *, max_iterations: int = 200
) -> Array:
    """Multiply a single-age curve by a smooth ratio so that its groups have given totals.

    The logarithm of the ratio is a monotone cubic (PCHIP) through one value per group, placed at
    the middle of the group and level beyond the outer ones; the values are corrected until every
    ``Σ standard x ratio`` equals its total. So the result follows the standard inside the groups
    and has no jump at their borders that the standard does not have.

    Parameters
    ----------
    standard : array-like (..., age)
        Curve on ages ``breaks[0]`` … ``breaks[-1] - 1``, not negative.
    breaks : array-like of int (group + 1)
        Lower limits and, last, the upper end [years].
    totals : array-like (..., group)
        Totals wanted, not negative.
    max_iterations : int
        Bound on the corrections; what is left after them is scaled group by group.

    Returns
    -------
    numpy.ndarray (..., age)

    Raises
    ------
    DataError
        When a group has a total but its standard is zero.

    Examples
    --------
    >>> scale_within_groups([2.0, 1.0, 1.0, 2.0], [0, 2, 4], [6.0, 6.0])
    array([4., 2., 2., 4.])
    """
    limits = np.asarray(breaks, dtype=np.int64)
    wanted = np.asarray(totals, dtype=float)
    base = np.asarray(standard, dtype=float)
    shape = np.broadcast_shapes(base.shape[:-1], wanted.shape[:-1])
    base = np.broadcast_to(base, (*shape, base.shape[-1]))
    wanted = np.broadcast_to(wanted, (*shape, wanted.shape[-1]))
    starts = limits[:-1] - limits[0]
    middle = (limits[:-1] + limits[1:]) / 2
    age = np.arange(limits[0], limits[-1]) + 0.5
    sums = np.add.reduceat(base, starts, axis=-1)
    lacking = (sums <= 0) & (wanted > 0)
    if lacking.any():
        index = tuple(int(i) for i in np.argwhere(lacking)[0])
        raise DataError(
            f"the standard is zero at ages {limits[index[-1]]}-{limits[index[-1] + 1] - 1}, where "
            f"{wanted[index]:g} are to be spread; give a standard that is positive there"
        )
    result = np.empty(base.shape)
    for row in np.ndindex(shape):
        # A group without counts says nothing about the ratio of its neighbours.
        known = wanted[row] > 0
        curve = base[row]
        if known.sum() > 1:
            aim, x = wanted[row][known], middle[known]
            log_ratio = np.log(aim / sums[row][known])
            at = np.clip(age, x[0], x[-1])
            for _ in range(max_iterations):
                curve = base[row] * np.exp(PchipInterpolator(x, log_ratio)(at))
                step = np.log(aim / np.add.reduceat(curve, starts)[known])
                if np.abs(step).max() < _ROUNDING:
                    break
                log_ratio = log_ratio + step
        result[row] = curve
    return _exact(result, limits, wanted)


def graduate_with_standard(counts: ArrayLike, breaks: ArrayLike, standard: ArrayLike) -> Array:
    """Single-year counts of an area with the single ages of a larger one as the standard.

    A spline cannot know of a small birth cohort inside a 5-year group; the nation's single ages do.
    Result = standard x smooth ratio (:func:`scale_within_groups`).

    Parameters
    ----------
    counts : array-like (..., group)
        Counts of the area [persons], the last one of the open group.
    breaks : array-like of int (group)
        Lower limits of the groups [years].
    standard : array-like (..., age)
        Single ages of the larger area, ``breaks[0]`` … ``breaks[-1]`` and over, in any unit; the
        open last cell is not used.

    Returns
    -------
    numpy.ndarray (..., age)
        Counts [persons]; group totals are kept, the open group stays one cell.

    Raises
    ------
    DataError
        When counts or standard are negative, or do not fit each other.

    Examples
    --------
    >>> nation = [90.0, 95.0, 50.0, 55.0, 100.0, 99.0, 98.0, 97.0, 96.0, 95.0, 300.0]
    >>> graduate_with_standard([39.0, 48.5, 20.0], [0, 5, 10], nation).round(2)
    array([ 9. ,  9.5,  5. ,  5.5, 10. ,  9.9,  9.8,  9.7,  9.6,  9.5, 20. ])
    """
    values, limits = _check(counts, breaks)
    base = np.asarray(standard, dtype=float)
    n = int(limits[-1] - limits[0]) + 1
    if base.ndim == 0 or base.shape[-1] != n:
        raise DataError(
            f"the standard has {base.shape[-1] if base.ndim else 0} ages; the groups need {n}, "
            f"{limits[0]} to {limits[-1]} and over"
        )
    if not np.all(np.isfinite(base) & (base >= 0)):
        raise DataError("the standard must be numbers that are not negative")
    closed = scale_within_groups(base[..., :-1], limits, values[..., :-1])
    last = np.broadcast_to(values[..., -1:], (*closed.shape[:-1], 1))
    return np.concatenate([closed, last], axis=-1)


def graduate_rates(
    rates: ArrayLike,
    breaks: ArrayLike,
    *,
    method: Literal["monotone", "quintic"] = "monotone",
) -> Array:
    """Single-year fertility rates from rates by age group.

    The cumulated schedule F(x) (Σ width x rate) is interpolated and differenced, so that each
    group's mean rate is kept. ``monotone``: cubic spline with level ends under Hyman's filter,
    never negative. ``quintic``: spline of degree five with F' = F'' = 0 at both ends (McNeil,
    Trussell and Turner), smoother, may go slightly below zero at the ends.

    Parameters
    ----------
    rates : array-like (..., group)
        Rates [births per woman-year], not negative.
    breaks : array-like of int (group + 1)
        Lower limits and, last, the upper end: 15, 20, …, 50 [years].
    method : {'monotone', 'quintic'}
        See above.

    Returns
    -------
    numpy.ndarray (..., age)
        Rates of ages ``breaks[0]`` … ``breaks[-1] - 1`` [births per woman-year].

    Raises
    ------
    DataError
        When a rate is negative or missing or the limits do not fit.

    References
    ----------
    McNeil, Trussell & Turner 1977, Demography 14:245.

    Examples
    --------
    >>> single = graduate_rates([0.01, 0.09, 0.08, 0.01], [15, 20, 25, 30, 35])
    >>> round(float(5 * 0.09), 6) == round(float(single[5:10].sum()), 6)
    True
    """
    values = np.asarray(rates, dtype=float)
    limits = np.asarray(breaks)
    if values.ndim == 0 or limits.shape != (values.shape[-1] + 1,):
        raise DataError(
            f"{values.shape[-1] if values.ndim else 0} groups of rates need one more limit than "
            f"groups; {limits.size} limits are given"
        )
    _check(values, limits[:-1])
    if method not in ("monotone", "quintic"):
        raise DataError(f"method {method!r} is unknown; write: monotone or quintic")
    width = np.diff(limits)
    ages = np.arange(limits[0], limits[-1] + 1).astype(float)
    x = limits.astype(float)
    single = np.empty((*values.shape[:-1], ages.size - 1))
    for row in np.ndindex(values.shape[:-1]):
        y = np.append(0.0, np.cumsum(values[row] * width))
        if method == "quintic":
            flat = [(1, 0.0), (2, 0.0)]
            single[row] = np.diff(make_interp_spline(x, y, k=5, bc_type=(flat, flat))(ages))
        else:
            single[row] = np.maximum(np.diff(hyman_spline(x, y, flat_ends=True)(ages)), 0.0)
    return single if method == "quintic" else _exact(single, limits, values * width)
