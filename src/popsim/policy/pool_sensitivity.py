"""How much the pooled effect hangs on one programme, one method or one kind of study."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from popsim.data.evidence import evidence
from popsim.errors import DataError
from popsim.policy.pooling import (
    Interval,
    Method,
    fit_dose_response,
    pool_evidence,
    programme_effects,
)

__all__ = ["LARGE_DOSE", "pool_sensitivity"]

LARGE_DOSE = 50.0
"""From here a dose is large [% of GDP per head]; no pooled estimate lies between 44 and 79."""
_FIGURES = ["effect", "low", "high", "prediction_low", "prediction_high", "tau", "i2"]


class _Case(NamedTuple):
    kind: str
    change: str
    table: pd.DataFrame
    method: Method
    interval: Interval


def pool_sensitivity(table: pd.DataFrame | None = None, *, Ds: float = 25.0) -> pd.DataFrame:
    """Pool again with one thing changed at a time.

    Left out in turn: each programme; estimates of grade D, of grades C and D; measures that were
    withdrawn; small and large doses. Changed: the estimate of the spread, the interval of the
    mean, the assumed standard errors (all 0.5).

    Parameters
    ----------
    table : pandas.DataFrame, optional
        As :func:`popsim.pool_evidence` takes it; the ten programmes of the default response when
        not given. Changes for which it has no column are left out.
    Ds : float
        Scale of the saturating map for ``beta`` [% of GDP per head].

    Returns
    -------
    pandas.DataFrame
        One row a change, the unchanged pool first: ``kind`` (all, programme, quality, direction,
        dose, method, weights), ``change`` in words, ``estimates`` and ``programmes``, their
        number; ``effect``, ``low``, ``high``, ``prediction_low``, ``prediction_high`` [% births
        per 1 % of GDP per head], ``tau``, ``i2`` as in :class:`popsim.policy.pooling.Pooled`;
        ``beta``, of the saturating map fitted to what is left [same unit]. NaN where fewer than
        three programmes are left to pool, or to fit.

    Raises
    ------
    DataError
        As :func:`popsim.pool_evidence`, for the unchanged table; when ``Ds`` is not positive.

    Examples
    --------
    >>> found = pool_sensitivity().set_index("change")
    >>> found.loc[["all estimates", "without Quebec ANC"], ["effect", "beta"]].round(2)
                        effect  beta
    change
    all estimates         0.32  0.59
    without Quebec ANC    0.27  0.51
    """
    chosen = evidence(pooled=True) if table is None else table
    pool_evidence(chosen)
    fit_dose_response(Ds=[Ds])
    rows = [_row(case, Ds) for case in _cases(chosen)]
    columns = ["kind", "change", "estimates", "programmes", *_FIGURES, "beta"]
    return pd.DataFrame(rows, columns=columns)


def _cases(table: pd.DataFrame) -> Iterator[_Case]:
    for kind, change, part in _parts(table):
        yield _Case(kind, change, part, "dersimonian-laird", "normal")
    yield _Case("method", "spread of Paule and Mandel", table, "paule-mandel", "normal")
    yield _Case(
        "method", "interval of Hartung and Knapp", table, "dersimonian-laird", "hartung-knapp"
    )
    alike = table.assign(cv_for_pooling=0.5)
    yield _Case("weights", "every standard error 0.5", alike, "dersimonian-laird", "normal")


def _parts(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    yield "all", "all estimates", table
    for programme in programme_effects(table)["programme"]:
        yield "programme", f"without {programme}", table[table["programme"] != programme]
    if "quality" in table.columns:
        yield "quality", "without grade D", table[table["quality"] != "D"]
        yield "quality", "without grades C and D", table[~table["quality"].isin(["C", "D"])]
    if "dose_change" in table.columns:
        yield "direction", "without withdrawals", table[table["dose_change"] != "withdrawn"]
    if "dose_pv_pct_gdppc" in table.columns:
        dose = table["dose_pv_pct_gdppc"]
        yield "dose", f"doses under {LARGE_DOSE:g} %", table[dose < LARGE_DOSE]
        yield "dose", f"doses of {LARGE_DOSE:g} % and more", table[dose >= LARGE_DOSE]


def _row(case: _Case, Ds: float) -> list[object]:
    programmes = case.table["programme"].nunique()
    figures, beta = [float("nan")] * len(_FIGURES), float("nan")
    # Too few are left after a change: the row stays, so that nobody thinks it was not tried.
    try:
        pooled = pool_evidence(case.table, method=case.method, interval=case.interval)
        figures = [getattr(pooled, name) for name in _FIGURES]
        beta = float(fit_dose_response(case.table, Ds=[Ds]).maps["beta"][0])
    except DataError:
        pass
    return [case.kind, case.change, len(case.table), programmes, *figures, beta]
