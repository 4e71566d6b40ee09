"""Pooling of studies by random effects, and how the effect grows with the dose.

One estimate enters per programme: the geometric mean of the programme's estimates, since several
papers on one law are not several laws. For programme i with log effect y_i and variance v_i,

    w_i = 1 / (v_i + τ²),   μ = Σ w_i y_i / Σ w_i,   se(μ) = (Σ w_i)^-1/2

with τ² by the moments of DerSimonian and Laird or by the equation Q(τ²) = k - 1 of Paule and
Mandel. The interval of Hartung and Knapp takes the spread of the programmes for the standard
error. The next programme lies in μ ± t(k-2) (τ² + se²)^1/2 (Higgins, Thompson and
Spiegelhalter 2009). An effect of zero has no logarithm: programmes that do nothing belong into
the ``p_zero`` of a response, not into the pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from popsim.data.evidence import evidence
from popsim.errors import DataError, Problems

__all__ = [
    "DoseResponse",
    "Pooled",
    "fit_dose_response",
    "paule_mandel",
    "pool_evidence",
    "programme_effects",
]

Method = Literal["dersimonian-laird", "paule-mandel"]
Interval = Literal["normal", "hartung-knapp"]
_LEVEL = 0.975
_FEWEST = 3
_NEEDED = ("programme", "semi_per_1pct_pv", "cv_for_pooling")


@dataclass(frozen=True)
class Pooled:
    """Programmes pooled by random effects.

    Parameters
    ----------
    effect, low, high : float
        Pooled effect and its 95 % confidence interval [% births per 1 % of GDP per head].
    prediction_low, prediction_high : float
        95 % prediction interval: where the effect of the next programme lies [same].
    median : float
        Median of the programmes [same].
    tau : float
        Standard deviation of the log effect between programmes.
    i2 : float
        Share of the spread that is not sampling error, max(0, (Q - k + 1) / Q).
    q : float
        Weighted sum of squares around the mean without τ.
    programmes : pandas.DataFrame
        One row a programme, largest effect first: ``programme``, ``estimates`` (their number),
        ``effect``, ``low``, ``high`` (95 %, of the programme alone), ``standard_error`` (of the
        logarithm), ``dose_pv_pct_gdppc``, ``weight`` (sums to 1) and ``without``, the pooled effect
        when the programme is left out.
    method, interval : str
        How τ and the confidence interval were made.
    source : str
        What was pooled and how.
    """

    effect: float
    low: float
    high: float
    prediction_low: float
    prediction_high: float
    median: float
    tau: float
    i2: float
    q: float
    programmes: pd.DataFrame
    method: Method
    interval: Interval
    source: str

    def __str__(self) -> str:
        return (
            f"{self.effect:.2f} % births per 1 % of GDP per head "
            f"(95 % CI {self.low:.2f} to {self.high:.2f}; next programme "
            f"{self.prediction_low:.2g} to {self.prediction_high:.2g}); "
            f"tau {self.tau:.2f}, I² {100 * self.i2:.0f} %, {len(self.programmes)} programmes"
        )


def programme_effects(table: pd.DataFrame) -> pd.DataFrame:
    """Return one effect per programme, the geometric mean of its estimates.

    The variance of its logarithm is the larger of the mean of the squared standard errors over
    the number n of estimates and their own variance over n.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of :func:`popsim.data.evidence.evidence`, or a table with at least ``programme``,
        ``semi_per_1pct_pv`` and ``cv_for_pooling``; ``dose_pv_pct_gdppc`` is carried along.

    Returns
    -------
    pandas.DataFrame
        ``programme``, ``estimates``, ``effect`` [%], ``standard_error`` [of the logarithm],
        ``dose_pv_pct_gdppc`` [%, geometric mean, NaN when unknown], in order of the table.

    Raises
    ------
    DataError
        When a column is missing, an effect is not positive, a standard error is missing, or an
        effect is transitory.

    Examples
    --------
    >>> table = evidence(pooled=True, country="Spain")
    >>> programme_effects(table)[["programme", "estimates", "effect"]].round(2)
               programme  estimates  effect
    0  Spain cheque bebe          2    0.37
    """
    missing = [name for name in _NEEDED if name not in table.columns]
    if missing:
        raise DataError(f"the table of estimates has no column {', '.join(missing)}")
    problems = Problems()
    names = table["id"] if "id" in table.columns else table["programme"]
    for name, (_, row) in zip(names, table.iterrows(), strict=True):
        _check(str(name), row, problems)
    problems.raise_if_any()
    rows = []
    for programme, group in table.groupby("programme", sort=False):
        logs = np.log(group["semi_per_1pct_pv"].to_numpy(float))
        count = len(logs)
        within = float(np.mean(group["cv_for_pooling"].to_numpy(float) ** 2)) / count
        spread = float(np.var(logs, ddof=1)) / count if count > 1 else 0.0
        dose = float("nan")
        if "dose_pv_pct_gdppc" in group.columns:
            dose = float(np.exp(np.log(group["dose_pv_pct_gdppc"].to_numpy(float)).mean()))
        rows.append((programme, count, np.exp(logs.mean()), max(within, spread) ** 0.5, dose))
    return pd.DataFrame(
        rows, columns=["programme", "estimates", "effect", "standard_error", "dose_pv_pct_gdppc"]
    )


def _check(name: str, row: pd.Series, problems: Problems) -> None:
    if not row["semi_per_1pct_pv"] > 0:
        problems.add(
            f"the effect {row['semi_per_1pct_pv']:g} per 1 % has no logarithm",
            where=name,
            instead="estimates with semi_per_1pct_pv above 0",
        )
    if not row["cv_for_pooling"] > 0:
        problems.add(
            "there is no standard error of the logarithm",
            where=name,
            instead="a number above 0 in cv_for_pooling, e.g. 0.5",
        )
    # A row of one's own, put under those of the table, may leave the flag empty.
    if "transitory" in row.index and pd.notna(row["transitory"]) and row["transitory"]:
        problems.add("an effect of months is not one of a rule", where=name, instead="no such row")
    if "dose_pv_pct_gdppc" in row.index and row["dose_pv_pct_gdppc"] <= 0:
        problems.add(f"the dose {row['dose_pv_pct_gdppc']:g} is not above 0", where=name)


def pool_evidence(
    table: pd.DataFrame | None = None,
    *,
    method: Method = "dersimonian-laird",
    interval: Interval = "normal",
) -> Pooled:
    """Pool estimates by random effects on the logarithm, one per programme.

    Parameters
    ----------
    table : pandas.DataFrame, optional
        As :func:`programme_effects` takes it; the ten programmes of the default response when not
        given.
    method : {'dersimonian-laird', 'paule-mandel'}
        How the spread between programmes is estimated.
    interval : {'normal', 'hartung-knapp'}
        Confidence interval of the mean.

    Returns
    -------
    Pooled

    Raises
    ------
    DataError
        As :func:`programme_effects`; when there are fewer than three programmes, or a method is
        unknown.

    Examples
    --------
    >>> print(pool_evidence())
    0.32 % births per 1 % of GDP per head (95 % CI 0.17 to 0.63; next programme 0.031 to 3.3);
    tau 0.95, I² 81 %, 10 programmes
    """
    problems = Problems()
    if method not in ("dersimonian-laird", "paule-mandel"):
        problems.add(f"method {method!r} is unknown", instead="dersimonian-laird or paule-mandel")
    if interval not in ("normal", "hartung-knapp"):
        problems.add(f"interval {interval!r} is unknown", instead="normal or hartung-knapp")
    problems.raise_if_any()
    chosen = evidence(pooled=True) if table is None else table
    programmes = programme_effects(chosen)
    count = len(programmes)
    if count < _FEWEST:
        raise DataError(
            f"{count} programme{'s' * (count != 1)} cannot be pooled with a prediction interval; "
            "write: estimates of at least 3 programmes"
        )
    logs = np.log(programmes["effect"].to_numpy())
    variance = programmes["standard_error"].to_numpy() ** 2
    mean, error, tau2, q = _pool(logs, variance, method)
    from scipy.stats import norm, t

    reach = norm.ppf(_LEVEL) * error
    if interval == "hartung-knapp":
        weight = 1 / (variance + tau2)
        spread = (weight * (logs - mean) ** 2).sum() / (count - 1) / weight.sum()
        reach = t.ppf(_LEVEL, count - 1) * spread**0.5
    ahead = t.ppf(_LEVEL, count - 2) * (tau2 + error**2) ** 0.5
    weight = 1 / (variance + tau2)
    alone = norm.ppf(_LEVEL) * variance**0.5
    others = [np.arange(count) != i for i in range(count)]
    programmes["low"], programmes["high"] = np.exp(logs - alone), np.exp(logs + alone)
    programmes["weight"] = weight / weight.sum()
    programmes["without"] = [np.exp(_pool(logs[o], variance[o], method)[0]) for o in others]
    columns = ["programme", "estimates", "effect", "low", "high", "standard_error"]
    columns += ["dose_pv_pct_gdppc", "weight", "without"]
    ordered = programmes.sort_values("effect", ascending=False, ignore_index=True)[columns]
    said = chosen.attrs.get("source", "estimates given by the caller")
    return Pooled(
        effect=float(np.exp(mean)),
        low=float(np.exp(mean - reach)),
        high=float(np.exp(mean + reach)),
        prediction_low=float(np.exp(mean - ahead)),
        prediction_high=float(np.exp(mean + ahead)),
        median=float(programmes["effect"].median()),
        tau=tau2**0.5,
        i2=max(0.0, (q - count + 1) / q) if q > 0 else 0.0,
        q=q,
        programmes=ordered,
        method=method,
        interval=interval,
        source=f"{said}; {len(chosen)} estimates of {count} programmes, {method}, {interval}",
    )


def _pool(
    logs: np.ndarray, variance: np.ndarray, method: Method
) -> tuple[float, float, float, float]:
    """Return mean, its standard error, τ² and Q."""
    weight = 1 / variance
    total = weight.sum()
    q = float((weight * (logs - (weight * logs).sum() / total) ** 2).sum())
    if method == "paule-mandel":
        tau2 = paule_mandel(logs, variance)
    else:
        scale = total - (weight**2).sum() / total
        tau2 = max(0.0, float((q - len(logs) + 1) / scale))
    weight = 1 / (variance + tau2)
    return float((weight * logs).sum() / weight.sum()), float(weight.sum() ** -0.5), tau2, q


def paule_mandel(logs: np.ndarray, variance: np.ndarray) -> float:
    """Return the τ² for which the weighted squares are as expected, Q(τ²) = k - 1.

    Parameters
    ----------
    logs, variance : numpy.ndarray
        Log effects and their variances, shape (programme,).

    Returns
    -------
    float
        0 where the effects differ by less than their errors.

    Examples
    --------
    >>> round(paule_mandel(np.array([0.0, 1.0, 2.0]), np.full(3, 0.25)), 6)
    0.75
    """
    from scipy.optimize import brentq

    def excess(tau2: float) -> float:
        weight = 1 / (variance + tau2)
        mean = (weight * logs).sum() / weight.sum()
        return float((weight * (logs - mean) ** 2).sum()) - (len(logs) - 1)

    if excess(0.0) <= 0:
        return 0.0
    # With equal weights Q <= Σ (y - mean)² / τ², so the root lies below this.
    high = float(((logs - logs.mean()) ** 2).sum()) / (len(logs) - 1)
    return float(brentq(excess, 0.0, high * (1 + 1e-9), xtol=1e-14))


@dataclass(frozen=True)
class DoseResponse:
    """Maps from dose to effect, fitted to programmes on the logarithm of the effect.

    Parameters
    ----------
    slope, slope_error : float
        Least squares of the log effect on the log dose; 1 is proportional, below 1 flattens.
    maps : pandas.DataFrame
        One row a map: ``map`` (saturating, linear, power), ``Ds`` [% of GDP per head], ``beta``
        [% births per 1 %, at small doses; NaN for power], ``ceiling`` [%, infinite for linear and
        power], ``at_10`` [%, effect of 10 % of GDP per head], ``exponent`` and ``rmse`` (root of
        the mean squared residual of the logarithm).
    best_scale : float
        The Ds with the smallest residual [% of GDP per head].
    programmes : pandas.DataFrame
        What was fitted, see :func:`programme_effects`, with ``effect_pct`` of the whole dose [%].
    source : str
        What was fitted.
    """

    slope: float
    slope_error: float
    maps: pd.DataFrame
    best_scale: float
    programmes: pd.DataFrame
    source: str


def fit_dose_response(
    table: pd.DataFrame | None = None, *, Ds: Sequence[float] = (10, 20, 25, 40, 100)
) -> DoseResponse:
    """Fit saturating, linear and power maps to programmes.

    With dose D and effect e of a programme, on the logarithm of e,

        saturating  e = beta Ds (1 - exp(-D / Ds)),   linear  e = beta D,
        power       e = at_10 (D / 10)^exponent.

    Every programme counts once and alike: the standard errors are mostly assumed.

    Parameters
    ----------
    table : pandas.DataFrame, optional
        As :func:`programme_effects` takes it, with ``dose_pv_pct_gdppc``; the ten programmes of
        the default response when not given.
    Ds : sequence of float
        Scales of the saturating map [% of GDP per head].

    Returns
    -------
    DoseResponse

    Raises
    ------
    DataError
        As :func:`programme_effects`; when a dose is missing, there are fewer than three programmes
        with different doses, or a scale is not positive.

    Examples
    --------
    >>> fit = fit_dose_response()
    >>> round(fit.slope, 2), round(fit.slope_error, 2)
    (0.61, 0.21)
    >>> fit.maps.loc[fit.maps["Ds"] == 25, ["beta", "ceiling", "rmse"]].round(2)
       beta  ceiling  rmse
    2  0.59    14.65  0.76
    """
    scales = [float(scale) for scale in Ds]
    bad = [f"{scale:g}" for scale in scales if not 0 < scale < np.inf]
    if bad:
        raise DataError(f"Ds {', '.join(bad)} is no dose; write: numbers above 0")
    chosen = evidence(pooled=True) if table is None else table
    programmes = programme_effects(chosen)
    without = programmes.loc[programmes["dose_pv_pct_gdppc"].isna(), "programme"]
    if len(without):
        raise DataError(f"there is no dose for {', '.join(without)}; write: estimates with a dose")
    if programmes["dose_pv_pct_gdppc"].nunique() < _FEWEST:
        raise DataError(
            "a map cannot be fitted; write: estimates of at least 3 programmes with different doses"
        )
    dose = programmes["dose_pv_pct_gdppc"].to_numpy()
    programmes["effect_pct"] = programmes["effect"] * dose
    x, y = np.log(dose), np.log(programmes["effect_pct"].to_numpy())
    centred = x - x.mean()
    slope = float((centred * y).sum() / (centred**2).sum())
    left = y - y.mean() - slope * centred
    freedom = len(y) - 2
    error = float(((left**2).sum() / freedom / (centred**2).sum()) ** 0.5)
    nan, inf = float("nan"), float("inf")
    rows: list[tuple[str, float, float, float, float, float, float]] = []
    for scale in scales:
        beta, rmse = _saturating(scale, dose, y)
        at_10 = -beta * scale * np.expm1(-10 / scale)
        rows.append(("saturating", scale, beta, beta * scale, at_10, nan, rmse))
    level = y - x
    beta = float(np.exp(level.mean()))
    rows.append(("linear", nan, beta, inf, 10 * beta, 1.0, float(level.std(ddof=1))))
    at_10 = float(np.exp(y.mean() + slope * (np.log(10) - x.mean())))
    rows.append(("power", nan, nan, inf, at_10, slope, float((left**2).sum() / freedom) ** 0.5))
    columns = ["map", "Ds", "beta", "ceiling", "at_10", "exponent", "rmse"]
    said = chosen.attrs.get("source", "estimates given by the caller")
    return DoseResponse(
        slope=slope,
        slope_error=error,
        maps=pd.DataFrame(rows, columns=columns),
        best_scale=_best_scale(dose, y),
        programmes=programmes,
        source=f"{said}; {len(programmes)} programmes, least squares on the logarithm",
    )


def _saturating(scale: float, dose: np.ndarray, log_effect: np.ndarray) -> tuple[float, float]:
    """Return beta and the residual of the saturating map of one scale."""
    level = log_effect - np.log(-scale * np.expm1(-dose / scale))
    return float(np.exp(level.mean())), float(level.std(ddof=1))


def _best_scale(dose: np.ndarray, log_effect: np.ndarray) -> float:
    """Return the scale with the smallest residual between the extremes of the doses."""
    from scipy.optimize import minimize_scalar

    def residual(log_scale: float) -> float:
        return _saturating(float(np.exp(log_scale)), dose, log_effect)[1]

    # The residual may have several valleys: the best of a grid, then refined beside it.
    grid = np.linspace(np.log(dose.min() / 10), np.log(dose.max() * 10), 200)
    place = int(np.argmin([residual(g) for g in grid]))
    bounds = grid[max(place - 1, 0)], grid[min(place + 1, len(grid) - 1)]
    return float(np.exp(minimize_scalar(residual, bounds=bounds, method="bounded").x))
