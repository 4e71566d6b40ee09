"""Women by parity: the two kinds of birth rate, reconstruction, and the period fertility table.

Birth order belongs to the birth, parity to the woman: births of order k come from parity k - 1.
Arrays by order have axes (..., order, age), women by parity (..., parity, age), with as many orders
as parities: the last parity is open (P and more) and gives the births of the last order (P + 1 and
more) without leaving. The age axis is last and covers 0, 1, … to the open group A; births of the
first and the last age group are zero. Leading axes (regions) are broadcast.

A year is half the births, ageing, half the births. So the births of age a in year t are those of
the first half, given by the women who are a at the start of the year, and those of the second half,
given by the women who are a at its end: two cohorts. What a cohort meets at age a is the second
half of one year and then the first half of the next.

Examples
--------
>>> women = np.array([[0.0, 100.0, 60.0, 50.0, 50.0], [0.0, 0.0, 40.0, 50.0, 50.0]])
>>> incidence = np.array([[0.0, 0.2, 0.1, 0.0, 0.0], [0.0, 0.0, 0.1, 0.0, 0.0]])
>>> h = conditional_rates(incidence, women)
>>> bool(np.allclose(incidence_rates(h, women), incidence))
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import expm

from popsim.errors import DataError

__all__ = [
    "Reconstruction",
    "conditional_rates",
    "incidence_rates",
    "mean_age_at_birth",
    "period_fertility_table",
    "progression_ratios",
    "reconstruct",
]

Array = NDArray[np.float64]
# r is a probability; this much above 1 is rounding of a cohort that all give birth.
_ROUNDING = 1e-9


class _Year(NamedTuple):
    """What happens in a year: births of the two halves, and women before and after each."""

    first: Array  # (..., order, age)
    second: Array  # (..., order, age)
    end: Array  # (..., parity, age), age 0 empty: the newborn are not followed here
    exposure: Array  # (..., age)


def _age_and_give_birth(
    women: Array, survival: Array, ratio: Callable[[int, int, Array, Array], Array]
) -> _Year:
    """Take women by parity through one year, ages and orders ascending.

    Parameters
    ----------
    women : numpy.ndarray (..., parity, age)
        Women on 1 January [persons].
    survival : numpy.ndarray (..., age)
        Survival ratio into each age, the last into the open group from both ages below [1].
    ratio : callable (order index, age, X, E) -> numpy.ndarray (...)
        ``r_k[a]``, births of a half-year per woman of mean exposure, given the two halves' mean
        exposure of the parity, ``X = X1 + X2``, and the person-years of all women, E.
    """
    K, A = women.shape[-2], women.shape[-1] - 1
    start = women.copy()
    end = np.zeros_like(women)
    first, second = np.zeros_like(women), np.zeros_like(women)
    exposure = 0.5 * women.sum(axis=-2)
    for a in range(1, A + 1):
        from_below = start[..., a - 1] if a < A else start[..., a - 1] + start[..., a]
        end[..., a] = survival[..., a, None] * from_below
        exposure[..., a] += 0.5 * end[..., a].sum(axis=-1)
        if a == A:
            break
        b1 = b2 = np.zeros(women.shape[:-2])
        for k in range(K):
            X1 = start[..., k, a] + 0.5 * b1
            X2 = end[..., k, a] + 0.5 * b2
            r = ratio(k, a, X1 + X2, exposure[..., a])
            start[..., k, a] += b1
            end[..., k, a] += b2
            b1, b2 = r * X1, r * X2
            first[..., k, a], second[..., k, a] = b1, b2
            if k < K - 1:
                start[..., k, a] -= b1
                end[..., k, a] -= b2
    return _Year(first, second, end, exposure)


def _prepare(
    rates: ArrayLike, women: ArrayLike, survival: ArrayLike | None, what: str
) -> tuple[Array, Array, Array]:
    """Check shapes and values and broadcast the leading axes."""
    f, W = np.asarray(rates, dtype=float), np.asarray(women, dtype=float)
    if f.ndim < 2 or W.ndim < 2 or f.shape[-2:] != W.shape[-2:]:
        raise DataError(
            f"{what} have shape {f.shape} and women {W.shape}; the last two axes must be "
            "(order, age) and (parity, age) of the same size"
        )
    for values, name, row in ((f, what, "order"), (W, "women", "parity")):
        bad = ~(np.isfinite(values) & (values >= 0))
        if bad.any():
            *lead, k, a = (int(i) for i in np.argwhere(bad)[0])
            raise DataError(
                f"{name} of {row} {k + (row == 'order')} at age {a}{_place(lead)} are "
                f"{values[tuple([*lead, k, a])]:g}; they must be numbers that are not negative"
            )
    if np.any(f[..., [0, -1]] > 0):
        raise DataError(
            f"{what} at age 0 or in the open age group {f.shape[-1] - 1}+ must be 0; births there "
            "are not followed"
        )
    S = np.ones(W.shape[-1]) if survival is None else np.asarray(survival, dtype=float)
    if not np.all((S >= 0) & (S <= 1 + _ROUNDING)):
        raise DataError("survival ratios must lie between 0 and 1")
    lead_shape = np.broadcast_shapes(f.shape[:-2], W.shape[:-2], S.shape[:-1])
    return (
        np.broadcast_to(f, (*lead_shape, *f.shape[-2:])),
        np.broadcast_to(W, (*lead_shape, *W.shape[-2:])),
        np.broadcast_to(S, (*lead_shape, S.shape[-1])),
    )


def _place(lead: list[int]) -> str:
    return f" (row {', '.join(map(str, lead))})" if lead else ""


def _solve(
    f: Array, W: Array, S: Array, on_excess: str, when: str = ""
) -> tuple[Array, _Year, Array]:
    """Find the rates that give the births of ``f``; also births per woman that had to be cut."""
    if on_excess not in ("raise", "cap"):
        raise DataError(f"on_excess {on_excess!r} is unknown; write: raise or cap")
    h, cut = np.zeros_like(f), np.zeros_like(f)
    last = f.shape[-2] - 1

    def ratio(k: int, a: int, X: Array, E: Array) -> Array:
        births = f[..., k, a] * E
        r = np.divide(births, X, out=np.where(births > 0, np.inf, 0.0), where=X > 0)
        excess = r > 1 + _ROUNDING
        if np.any(excess):
            if on_excess == "raise":
                where = tuple(int(i) for i in np.argwhere(excess)[0])
                raise DataError(
                    f"births of order {k + 1} at age {a}{_place(list(where))}{when} are "
                    f"{r[where]:.3g} times the women of parity {k} who could give them (mean of "
                    "two half-years); lower the rate, correct the parity distribution or cap it"
                )
            cut[..., k, a] = np.where(excess, births - X, 0.0) / np.where(E > 0, E, 1.0)
        r = np.minimum(r, 1.0)
        h[..., k, a] = 2 * r if k == last else 4 * r / (2 - r)
        return np.asarray(r)

    year = _age_and_give_birth(W, S, ratio)
    return h, year, cut


def conditional_rates(
    incidence: ArrayLike,
    women: ArrayLike,
    survival: ArrayLike | None = None,
    *,
    on_excess: Literal["raise", "cap"] = "raise",
) -> Array:
    """Conditional birth rates (孩次递进生育率) from incidence rates (孩次生育率), exactly.

    Projecting the same women one year with the result gives back the births
    ``B_k[a] = f_k[a] E[a]`` by order and age: ``r_k[a] = B_k[a] / (X1 + X2)`` with
    ``X = W[a, k-1] + ½ B_{k-1}[a]`` of each half-year, ``h = 4 r / (2 - r)``, open state
    ``h = 2 r``; ``E[a]`` is half of the women of age a at the start (before ageing) and at the end.

    Parameters
    ----------
    incidence : array-like (..., order, age)
        Births of an order per woman-year of all women of that age [year-1].
    women : array-like (..., parity, age)
        Women on 1 January [persons], or shares times any cohort size.
    survival : array-like (..., age), optional
        Survival ratio of women into each age [1]; default 1.
    on_excess : {'raise', 'cap'}
        What to do when births of an order exceed the women who could give them (r > 1): raise, or
        cut them to those women.

    Returns
    -------
    numpy.ndarray (..., order, age)
        Births of order k per woman-year of parity k - 1 [year-1].

    Raises
    ------
    DataError
        When births of an order are more than the women of the parity below can give (r > 1) and
        ``on_excess`` is ``raise``, or a value is missing or negative.

    Examples
    --------
    >>> women = [[0.0, 100.0, 100.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    >>> conditional_rates([[0, 0.1, 0, 0], [0, 0, 0, 0]], women)[0].round(4)
    array([0.    , 0.1026, 0.    , 0.    ])
    """
    f, W, S = _prepare(incidence, women, survival, "incidence rates")
    return _solve(f, W, S, on_excess)[0]


def incidence_rates(
    conditional: ArrayLike, women: ArrayLike, survival: ArrayLike | None = None
) -> Array:
    """Incidence rates of a year from conditional rates; the inverse of :func:`conditional_rates`.

    Parameters
    ----------
    conditional : array-like (..., order, age)
        Births of order k per woman-year of parity k - 1 [year-1], at most 4 below the open state.
    women : array-like (..., parity, age)
        Women on 1 January [persons].
    survival : array-like (..., age), optional
        Survival ratio of women into each age [1]; default 1.

    Returns
    -------
    numpy.ndarray (..., order, age)
        Births of order k per woman-year of all women of that age [year-1]; 0 where there are none.

    Raises
    ------
    DataError
        When a rate is missing, negative or so high that more women would move than there are.

    Examples
    --------
    >>> women = [[0.0, 50.0, 50.0, 0.0], [0.0, 50.0, 50.0, 0.0]]
    >>> incidence_rates([[0, 0.1, 0, 0], [0, 0.2, 0, 0]], women)[:, 1].round(4)
    array([0.0488, 0.1024])
    """
    h, W, S = _prepare(conditional, women, survival, "conditional rates")
    year = _project(h, W, S)
    births = year.first + year.second
    E = year.exposure[..., None, :]
    return np.divide(births, E, out=np.zeros_like(births), where=E > 0)


def _project(h: Array, W: Array, S: Array) -> _Year:
    """Take women through a year with conditional rates (checked and broadcast)."""
    last = h.shape[-2] - 1
    closed = h[..., :last, :]
    if np.any(closed > 4):
        *lead, k, a = (int(i) for i in np.argwhere(closed > 4)[0])
        raise DataError(
            f"the conditional rate of order {k + 1} at age {a}{_place(lead)} is "
            f"{closed[tuple([*lead, k, a])]:g}; above 4 more women would give birth in half a year "
            "than there are"
        )

    def ratio(k: int, a: int, X: Array, E: Array) -> Array:
        half = h[..., k, a] / 2
        return np.asarray(half if k == last else half / (1 + half / 2))

    return _age_and_give_birth(W, S, ratio)


class Reconstruction(NamedTuple):
    """Women by parity carried forward on past rates.

    Attributes
    ----------
    shares : numpy.ndarray (..., parity, age)
        Shares of the women of each age on 1 January after the last year [1]; not a number for
        cohorts that were too old at the start to be known.
    cut : numpy.ndarray (..., year, order, age)
        Births per woman that the rates asked for and the women of the parity below could not give
        [year-1]; all zero unless ``on_excess='cap'``.
    """

    shares: Array
    cut: Array


def reconstruct(
    incidence: ArrayLike,
    start: ArrayLike | None = None,
    *,
    start_age: int = 15,
    on_excess: Literal["raise", "cap"] = "raise",
) -> Reconstruction:
    """Women by parity at a base date, from order-specific incidence rates of the years before.

    Starts with women under ``start_age`` at parity 0 and everybody else unknown, and takes the
    cohorts through the years with the half-year algebra of :func:`conditional_rates`. Only shares
    are followed: cohorts weigh equally and mortality and migration are taken to be the same at all
    parities. Where one of the two cohorts of an age is unknown, the known one is given the rate.

    Parameters
    ----------
    incidence : array-like (..., year, order, age)
        Births of an order per woman-year of all women [year-1]; the first year begins on the
        starting date.
    start : array-like (..., parity, age), optional
        Shares by parity on the starting date, not a number for ages that are unknown; default as
        above.
    start_age : int
        Youngest age [years] whose parity is unknown when ``start`` is not given.
    on_excess : {'raise', 'cap'}
        What to do when births of an order exceed the women who could give them (r > 1): raise, or
        cut them to those women and report them.

    Returns
    -------
    Reconstruction
        ``shares`` and ``cut``.

    Raises
    ------
    DataError
        When births exceed the women of the parity below and ``on_excess`` is ``raise``, shares do
        not add up to one, or a value is negative or missing.

    Examples
    --------
    >>> f = np.zeros((3, 2, 20))
    >>> f[:, 0, 16] = 0.5
    >>> shares = reconstruct(f).shares
    >>> shares[:, 16:19].round(3)
    array([[0.714, 0.536,   nan],
           [0.286, 0.464,   nan]])
    """
    f = np.asarray(incidence, dtype=float)
    if f.ndim < 3:
        raise DataError(f"incidence rates have shape {f.shape}; they need (..., year, order, age)")
    T, K, n = f.shape[-3:]
    if start is None:
        shares = np.zeros((K, n))
        shares[0, :start_age] = 1.0
        shares[:, start_age:] = np.nan
    else:
        shares = np.asarray(start, dtype=float)
        total = shares.sum(axis=-2)
        if np.any(np.abs(total[np.isfinite(total)] - 1) > 1e-6):
            a = int(np.argwhere(np.abs(np.nan_to_num(total, nan=1.0) - 1) > 1e-6)[0][-1])
            raise DataError(f"parity shares at age {a} do not add up to 1 on the starting date")
    lead = np.broadcast_shapes(f.shape[:-3], shares.shape[:-2])
    known = np.broadcast_to(np.isfinite(shares).all(axis=-2), (*lead, n))
    # An unknown cohort weighs nothing, so that the rates fall on the known one alone.
    W = np.where(known[..., None, :], np.broadcast_to(shares, (*lead, *shares.shape[-2:])), 0.0)
    cut = np.zeros((*lead, T, K, n))
    for t in range(T):
        rates, stock, S = _prepare(f[..., t, :, :], W, None, "incidence rates")
        _, year, cut[..., t, :, :] = _solve(
            rates, stock, S, on_excess, f" in year {t} of the series"
        )
        W = year.end
        W[..., 0, 0] = 1.0
        oldest = known[..., -2:].all(axis=-1, keepdims=True)
        known = np.concatenate([np.ones((*lead, 1), bool), known[..., :-2], oldest], axis=-1)
        W = np.where(known[..., None, :], W, 0.0)
        W = W / np.where(known, W.sum(axis=-2), 1.0)[..., None, :]
    return Reconstruction(np.where(known[..., None, :], W, np.nan), cut)


def period_fertility_table(
    conditional: ArrayLike,
    ages: ArrayLike,
    *,
    open_last: bool = True,
    method: Literal["exact", "linear"] = "exact",
) -> xr.Dataset:
    """Period fertility table: a synthetic cohort, childless at first, under the rates of a year.

    ``exact``: hazards are constant within a year of age, ``l(x+1) = l(x) expm(G)``. ``linear``:
    exposure is the mean of start and end, ``b_k = m_k / (1 + m_k/2) (l_{k-1} + ½ b_{k-1})``.

    Parameters
    ----------
    conditional : array-like (..., order, age)
        Births of order k per woman-year of parity k - 1 [year-1].
    ages : array-like of int (age)
        Single years of age.
    open_last : bool
        Whether the last order is open: its births come from women who stay exposed, so that its sum
        is a mean number of births. If not, women leave with the last order.
    method : {'exact', 'linear'}
        See above.

    Returns
    -------
    xarray.Dataset
        ``births`` (..., birth_order, age) [births per woman]; ``women`` (..., parity, age) at the
        start of each age [1]; ``patfr`` (..., birth_order), the sum of births over ages
        [births per woman] (递进总和生育率 by order; its sum is PATFR); ``ppr`` (..., birth_order),
        see :func:`progression_ratios`; ``mab`` and ``sd`` (..., birth_order), mean age at birth in
        the table and its standard deviation [years].

    Raises
    ------
    DataError
        When a rate is missing or negative or ages do not fit.

    References
    ----------
    Rallu & Toulemon 1994, Population (English selection) 6:59.

    Examples
    --------
    >>> table = period_fertility_table([[0.1, 0.2], [0.0, 0.1]], [20, 21])
    >>> bool(np.isclose(table["patfr"][0], 1 - np.exp(-0.3)))
    True
    """
    m = np.asarray(conditional, dtype=float)
    age = np.asarray(ages)
    if m.ndim < 2 or age.shape != m.shape[-1:]:
        raise DataError(f"rates have shape {m.shape}; they need (..., order, age), {age.size} ages")
    if not np.all(np.isfinite(m) & (m >= 0)):
        raise DataError("conditional rates must be numbers that are not negative")
    if method not in ("exact", "linear"):
        raise DataError(f"method {method!r} is unknown; write: exact or linear")
    K, n = m.shape[-2:]
    states = K if open_last else K + 1
    women = np.zeros((*m.shape[:-2], states, n + 1))
    women[..., 0, 0] = 1.0
    births = np.zeros_like(m)
    step = _matrix_exponential(m, states) if method == "exact" else None
    for x in range(n):
        now = women[..., x]
        if step is None:
            b: Array = np.zeros(m.shape[:-2])
            after = now.copy()
            for k in range(K):
                moved = k < K - 1 or not open_last
                exposed = now[..., k] + 0.5 * b
                b = m[..., k, x] / (1 + 0.5 * m[..., k, x] * moved) * exposed
                births[..., k, x] = b
                if moved:
                    after[..., k] -= b
                    after[..., k + 1] += b
            women[..., x + 1] = after
        else:
            moved_on = np.einsum("...i,...ij->...j", now, step[..., x, :states, :])
            women[..., x + 1] = moved_on[..., :states]
            births[..., :, x] = moved_on[..., states:]
    patfr = births.sum(axis=-1)
    lead = [f"dim_{i}" for i in range(m.ndim - 2)]
    middle = age + 0.5
    mab = _mean(births, middle)
    # Weights that sum to nearly nothing can leave a rounding below 0.
    spread = np.maximum(_mean(births, (middle - mab[..., None]) ** 2), 0.0)
    order = np.arange(1, K + 1)
    per_woman = {"units": "births per woman"}
    return xr.Dataset(
        {
            "births": ([*lead, "birth_order", "age"], births, per_woman),
            "women": ([*lead, "parity", "age"], women[..., :n], {"units": "1"}),
            "patfr": ([*lead, "birth_order"], patfr, per_woman),
            "ppr": ([*lead, "birth_order"], progression_ratios(patfr), {"units": "1"}),
            "mab": ([*lead, "birth_order"], mab, {"units": "year"}),
            "sd": ([*lead, "birth_order"], np.sqrt(spread), {"units": "year"}),
        },
        coords={
            "age": ("age", age, {"units": "year"}),
            "birth_order": ("birth_order", order, {"open_interval": open_last}),
            "parity": ("parity", np.arange(states), {"open_interval": open_last}),
        },
        attrs={"method": method},
    )


def _matrix_exponential(m: Array, states: int) -> Array:
    """Return expm of the yearly generator with one counter of births per order (..., age, i, j)."""
    K = m.shape[-2]
    rate = np.moveaxis(m, -1, -2)
    G = np.zeros((*rate.shape[:-1], states + K, states + K))
    for k in range(K):
        G[..., k, states + k] = rate[..., k]
        if k + 1 < states:
            G[..., k, k] = -rate[..., k]
            G[..., k, k + 1] = rate[..., k]
    return np.asarray(expm(G), dtype=float)


def _mean(weights: Array, values: Array) -> Array:
    """Weighted mean along the last axis; not a number where nothing weighs."""
    total = weights.sum(axis=-1)
    sums = (weights * values).sum(axis=-1)
    mean: Array = np.divide(sums, total, out=np.full_like(total, np.nan), where=total > 0)
    return mean


def progression_ratios(births: ArrayLike) -> Array:
    """Parity progression ratios from births per woman by order.

    ``a_0 = F_1``, ``a_k = F_{k+1} / F_k``. If the last order is open (k and over), its ratio
    is births per mother, not the share of those who go on.

    Parameters
    ----------
    births : array-like (..., order)
        Births per woman, of a period fertility table or a cohort [births per woman]. Sums of
        incidence rates of a period (TFR by order) may give ratios above 1.

    Returns
    -------
    numpy.ndarray (..., order)
        Ratio *to* each order [1]; not a number after an order without births.

    Examples
    --------
    >>> progression_ratios([0.9, 0.45, 0.09])
    array([0.9, 0.5, 0.2])
    """
    F = np.asarray(births, dtype=float)
    ratios = F.copy()
    below = F[..., :-1]
    ratios[..., 1:] = np.divide(F[..., 1:], below, out=np.full_like(below, np.nan), where=below > 0)
    return ratios


def mean_age_at_birth(rates: ArrayLike, ages: ArrayLike) -> Array:
    """Mean age at birth of a schedule, ``Σ (x + ½) f(x) / Σ f(x)``.

    Parameters
    ----------
    rates : array-like (..., age)
        Birth rates by single year of age [year-1].
    ages : array-like of int (age)
        Completed years.

    Returns
    -------
    numpy.ndarray (...)
        Mean age [years]; not a number for a schedule of zeros.

    Raises
    ------
    DataError
        When ages and rates do not fit.

    Examples
    --------
    >>> mean_age_at_birth([0.1, 0.1], [25, 26]).round(6).item()
    26.0
    """
    f, age = np.asarray(rates, dtype=float), np.asarray(ages)
    if f.ndim == 0 or age.shape != f.shape[-1:]:
        raise DataError(f"rates have shape {f.shape} but {age.size} ages are given")
    return _mean(f, age + 0.5)
