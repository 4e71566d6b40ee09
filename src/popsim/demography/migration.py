"""Net migration: residuals of stocks, an annual schedule, scaling of signed numbers.

Model age schedules are in :mod:`popsim.demography.migration_schedules`.

Ages are single years 0, 1, …, A with A open, on the last axis; axes before it (region, sex) are
broadcast. Net migrants are persons, positive for in-migration.

Examples
--------
>>> before = np.array([100.0, 100.0, 100.0, 100.0])
>>> after = np.array([99.0, 104.0, 100.0, 200.0])
>>> net_residual(before, after, np.ones(4), births=[99.0], years=1)
array([0., 4., 0., 0.])
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from popsim.errors import DataError

__all__ = [
    "AnnualSchedule",
    "annual_schedule",
    "net_residual",
    "scale_net",
    "stock_change_residual",
]

Array = NDArray[np.float64]


def _age_one_year(population: Array, survival: Array) -> Array:
    """Survive everybody into the next age; age 0 is left empty for the births."""
    older = np.zeros(np.broadcast_shapes(population.shape, survival.shape))
    older[..., 1:] = population[..., :-1]
    older[..., -1] += population[..., -1]
    return older * survival


def _yearly(survival: ArrayLike, years: int, constant: bool) -> Array:
    """Survival ratios with an axis of years before the age."""
    S = np.asarray(survival, dtype=float)
    if not np.all((S >= 0) & (S <= 1 + 1e-9)):
        raise DataError("survival ratios must lie between 0 and 1")
    if constant:
        return np.broadcast_to(S[..., None, :], (*S.shape[:-1], years, S.shape[-1]))
    if S.ndim < 2 or S.shape[-2] != years:
        raise DataError(
            f"survival ratios by year have shape {S.shape}; the axis before the age must have "
            f"{years} years"
        )
    return S


def _check_years(years: int) -> None:
    if years < 1 or years != int(years):
        raise DataError(f"the interval is {years} years; it must be a whole number, at least 1")


def net_residual(
    before: ArrayLike,
    after: ArrayLike,
    survival: ArrayLike,
    *,
    births: ArrayLike,
    years: int,
    method: Literal["forward", "reverse", "average", "midpoint", "period"] = "average",
    survival_by_year: bool = False,
) -> Array:
    """Net migrants between two censuses by cohort: what births and deaths do not explain.

    Forward ``N = P1 - S P0``, counted at the end of the interval; reverse ``N = P1 / S - P0``,
    counted at its start; average is the mean of the two; midpoint is ``(P1 - S P0) / sqrt(S)``,
    counted in its middle. S is the product of the annual ratios of the cohort. The youngest
    cohorts start from the births of the interval. All that entered the open group is one cohort.
    Errors of coverage of either census are in the result.

    These are by age at the end. ``period`` is by age at migration: half of the reverse residual
    at the age of the cohort at the start (births: 0) and half of the forward one at its age at the
    end, the open cohort all at the open age; it has the total of ``average``.

    Parameters
    ----------
    before, after : array-like (..., age)
        Population of one sex at the two censuses [persons].
    survival : array-like (..., age) or, with ``survival_by_year``, (..., year, age)
        Annual survival ratio into each age, age 0 for births [1].
    births : array-like (..., year)
        Births of that sex in each year of the interval, oldest first [births].
    years : int
        Length of the interval [years], below A.
    method : {'forward', 'reverse', 'average', 'midpoint', 'period'}
        See above.
    survival_by_year : bool
        Whether survival has an axis of years.

    Returns
    -------
    numpy.ndarray (..., age)
        Net migrants of the whole interval by age at its **end** [persons], for ``period`` by age
        at migration.

    Raises
    ------
    DataError
        When shapes do not fit, or nobody is expected in a cohort (not for ``forward``).

    References
    ----------
    Siegel & Swanson 2004, The Methods and Materials of Demography, chapter 19.

    Examples
    --------
    >>> P0, P1, S = [10.0, 10, 10], [9.0, 9, 20], [0.9, 0.9, 0.5]
    >>> net_residual(P0, P1, S, births=[10.0], years=1, method="forward")
    array([ 0.,  0., 10.])
    >>> net_residual(P0, P1, S, births=[10.0], years=1, method="reverse")
    array([ 0.,  0., 20.])
    """
    P0, P1 = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    B = np.asarray(births, dtype=float)
    _check_years(years)
    n = P0.shape[-1]
    if P1.shape[-1] != n or np.shape(survival)[-1] != n or years >= n:
        raise DataError(
            f"populations of {n} and {P1.shape[-1]} ages and survival of {np.shape(survival)[-1]} "
            f"do not fit an interval of {years} years; use the same single ages for all"
        )
    if B.ndim == 0 or B.shape[-1] != years:
        raise DataError(
            f"births of {B.shape[-1] if B.ndim else 0} years are given for {years} years"
        )
    methods = ("forward", "reverse", "average", "midpoint", "period")
    if method not in methods:
        raise DataError(f"method {method!r} is unknown; write: {', '.join(methods)}")
    S = _yearly(survival, years, not survival_by_year)
    lead = np.broadcast_shapes(P0.shape[:-1], P1.shape[:-1], S.shape[:-2], B.shape[:-1])
    # The same walk with and without deaths gives each cohort's survivors and its size at the start.
    alive = cohort = np.broadcast_to(P0, (*lead, n))
    for t in range(years):
        alive = _age_one_year(alive, S[..., t, :])
        cohort = _age_one_year(cohort, np.ones(n))
        alive[..., 0] = B[..., t] * S[..., t, 0]
        cohort[..., 0] = B[..., t]
    forward: Array = P1 - alive
    if method == "forward":
        return forward
    if np.any((alive <= 0) & (forward != 0)):
        a = int(np.argwhere((alive <= 0) & (forward != 0))[0][-1])
        raise DataError(
            f"nobody is expected to survive to age {a}, so the {method} residual has no meaning "
            "there; use method='forward' or a lower open age"
        )
    share = np.divide(alive, cohort, out=np.ones_like(alive), where=alive > 0)
    reverse: Array = forward / share
    if method == "reverse":
        return reverse
    if method == "midpoint":
        return np.asarray(forward / np.sqrt(share))
    if method == "average":
        return (forward + reverse) / 2
    by_age: Array = forward / 2
    by_age[..., 0] += reverse[..., : years + 1].sum(axis=-1) / 2 - reverse[..., years] / 2
    by_age[..., : n - 1 - years] += reverse[..., years:-1] / 2
    by_age[..., -1] += reverse[..., -1] / 2
    return by_age


def stock_change_residual(
    before: ArrayLike, after: ArrayLike, *, births: ArrayLike, deaths: ArrayLike
) -> Array:
    """Net migrants of one year from two stocks and registered births and deaths.

    The balancing equation, cohort by cohort: ``N[x] = P1[x] - P0[x-1] + D[x]``, ``N[0] = P1[0] -
    B + D[0]``, the open age from the two oldest. No life table is needed; errors of both stocks
    and of registration are in it.

    Parameters
    ----------
    before, after : array-like (..., age)
        Population of one sex on 1 January of the year and of the next [persons].
    births : array-like (...)
        Births of that sex in the year [births].
    deaths : array-like (..., age)
        Deaths of the year by the age that the cohort reaches at its end [deaths].

    Returns
    -------
    numpy.ndarray (..., age)
        Net migrants by age at the end of the year [persons]; their sum is the change of the
        population less births plus deaths.

    Raises
    ------
    DataError
        When numbers of ages do not agree.

    References
    ----------
    Siegel & Swanson 2004, The Methods and Materials of Demography, chapter 19 (vital statistics
    method).

    Examples
    --------
    >>> P0, P1, D = [10.0, 10.0, 10.0], [9.0, 12.0, 18.0], [1.0, 0.0, 2.0]
    >>> stock_change_residual(P0, P1, births=10.0, deaths=D)
    array([0., 2., 0.])
    """
    P0, P1, D = (np.asarray(values, dtype=float) for values in (before, after, deaths))
    if not P0.shape[-1] == P1.shape[-1] == D.shape[-1]:
        raise DataError(
            f"populations of {P0.shape[-1]} and {P1.shape[-1]} ages and deaths of {D.shape[-1]} "
            "do not fit; use the same single ages for all"
        )
    expected = _age_one_year(P0, np.ones(P0.shape[-1])) - D
    expected[..., 0] = np.asarray(births, dtype=float) - D[..., 0]
    net: Array = P1 - expected
    return net


class AnnualSchedule(NamedTuple):
    """A yearly net-migration schedule fitted to a residual.

    Attributes
    ----------
    net : numpy.ndarray (..., age)
        Net migrants per year by age [persons per year].
    unexplained : numpy.ndarray (..., age)
        Residual by age at the end of the interval that a smooth constant schedule does not give
        [persons]; it adds up to zero.
    """

    net: Array
    unexplained: Array


def annual_schedule(
    residual: ArrayLike,
    survival: ArrayLike,
    *,
    years: int,
    smoothing: float = 10.0,
    survival_by_year: bool = False,
) -> AnnualSchedule:
    """Annual single-age schedule of net migration from the forward residual of an interval.

    A cohort of a ten-year interval passes eleven ages, so dividing its residual by ten would smear
    the peak of young adults over a decade. Instead the same schedule M is taken to hold in every
    year, half of it added before and half after ageing, and M minimises
    ``|C M - N|² + smoothing · years² · |second differences of M|²`` under ``Σ C M = Σ N``, where
    C M are the survivors of these migrants at the end of the interval and N is the residual.

    Parameters
    ----------
    residual : array-like (..., age)
        Forward residual by age at the end, :func:`net_residual` [persons].
    survival : array-like (..., age) or, with ``survival_by_year``, (..., year, age)
        As there; leading axes as those of ``residual`` or none.
    years : int
        Length of the interval [years].
    smoothing : float
        More than 0; larger is smoother. 0.01 hardly smooths, 10 suits censuses with errors of
        coverage and heaping, 1000 leaves the broad shape.
    survival_by_year : bool
        Whether survival has an axis of years.

    Returns
    -------
    AnnualSchedule
        ``net`` and ``unexplained``.

    Raises
    ------
    DataError
        When shapes do not fit or ``smoothing`` is not positive.

    Examples
    --------
    >>> schedule = annual_schedule(np.full(30, 10.0), np.ones(30), years=5)
    >>> round(float(5 * schedule.net.sum()), 6)
    300.0
    """
    N = np.asarray(residual, dtype=float)
    _check_years(years)
    if not smoothing > 0:
        raise DataError(f"smoothing is {smoothing:g}; it must be more than 0")
    n = N.shape[-1]
    S = _yearly(survival, years, not survival_by_year)
    if S.shape[-1] != n or n < 3:
        raise DataError(f"the residual has {n} ages and survival {S.shape[-1]}; they must agree")
    # Row i of `effect`: what one migrant a year at age i leaves at the end, by age.
    half = 0.5 * np.eye(n)
    effect = np.zeros((*S.shape[:-2], n, n))
    for t in range(years):
        effect = _age_one_year(effect + half, S[..., t, None, :]) + half
    C = np.swapaxes(effect, -1, -2)
    D = np.diff(np.eye(n), n=2, axis=0)
    normal = effect @ C + smoothing * years**2 * (D.T @ D)
    column = C.sum(axis=-2)[..., None]
    system = np.zeros((*normal.shape[:-2], n + 1, n + 1))
    system[..., :n, :n], system[..., :n, n:] = normal, column
    system[..., n:, :n] = np.swapaxes(column, -1, -2)
    right = np.concatenate(
        [np.einsum("...ij,...j->...i", effect, N), N.sum(axis=-1, keepdims=True)], axis=-1
    )
    system = np.broadcast_to(system, (*right.shape[:-1], n + 1, n + 1))
    M: Array = np.linalg.solve(system, right[..., None])[..., :n, 0]
    return AnnualSchedule(M, N - np.einsum("...ij,...j->...i", C, M))


def scale_net(pattern: ArrayLike, total: ArrayLike, *, axis: int | tuple[int, ...] = -1) -> Array:
    """Scale signed net migrants to a total by the plus-minus method.

    In-flows are multiplied and out-flows divided by ``k > 0`` with ``k P - N / k = T``:
    ``k = (T + sqrt(T² + 4 P N)) / (2 P)``, P the sum of the positive numbers and N that of the
    negative ones. No number changes its sign, as one ratio for all would make them do.

    Parameters
    ----------
    pattern : array-like (...)
        Net migrants [persons].
    total : array-like
        Total wanted [persons]; shape of ``pattern`` without ``axis``.
    axis : int or tuple of int
        Axes that are added up, for example ``(-2, -1)`` for sex and age.

    Returns
    -------
    numpy.ndarray (...)
        Scaled net migrants [persons].

    Raises
    ------
    DataError
        When the total asks for a sign that the pattern does not have.

    Examples
    --------
    >>> scale_net([30.0, -10.0, -10.0], 40.0).round(3)
    array([51.623, -5.811, -5.811])
    """
    M = np.asarray(pattern, dtype=float)
    T = np.expand_dims(np.asarray(total, dtype=float), axis)
    plus, minus = np.maximum(M, 0.0), np.maximum(-M, 0.0)
    P, N = plus.sum(axis=axis, keepdims=True), minus.sum(axis=axis, keepdims=True)
    T, P, N = np.broadcast_arrays(T, P, N)
    impossible = ((P == 0) & (T > 0)) | ((N == 0) & (T < 0))
    if np.any(impossible):
        wanted = T[impossible].flat[0]
        sign, lacking = ("positive", "in") if wanted > 0 else ("negative", "out")
        raise DataError(
            f"a total of {wanted:g} net migrants needs {lacking}-flows, but the pattern has no "
            f"{sign} number; give another pattern"
        )
    root = np.sqrt(T**2 + 4 * P * N)
    # Factors of in-flows and of out-flows, each in the form that does not cancel.
    up = np.where(T >= 0, T + root, 0.0) / np.where(P > 0, 2 * P, 1.0)
    down = np.where(T < 0, root - T, 0.0) / np.where(N > 0, 2 * N, 1.0)
    k_plus = np.where(T >= 0, up, np.divide(1.0, down, out=np.zeros_like(down), where=down > 0))
    k_minus = np.where(T < 0, down, np.divide(1.0, up, out=np.zeros_like(up), where=up > 0))
    scaled: Array = k_plus * plus - k_minus * minus
    return scaled
