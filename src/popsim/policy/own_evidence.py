"""A response made from studies of one's own choice, on top of the default."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from popsim.data.evidence import evidence
from popsim.errors import Problems
from popsim.policy.alternatives import CashMap, shared_fields
from popsim.policy.base import Label
from popsim.policy.files import read_response
from popsim.policy.pooling import DoseResponse, fit_dose_response, pool_evidence
from popsim.policy.response_file import (
    Evidence,
    LinearChannel,
    Lognormal,
    Normal,
    PowerChannel,
    ResponseFile,
    SaturatingChannel,
)

__all__ = ["SHRINKAGE", "response_from_evidence", "write_response"]

SHRINKAGE = 0.6
"""By what the default multiplies the fit: publication bias, higher fertility, trials distrusted."""
_FEWEST_FOR_SPREAD = 5
_95 = 1.959964


class _Fitted(NamedTuple):
    """The level of a map before it is lowered, and the spread of programmes around it."""

    level: float
    spread: float
    fit: DoseResponse
    source: str


def response_from_evidence(
    table: pd.DataFrame | None = None,
    *,
    cash_map: CashMap = "saturating",
    shrinkage: float = SHRINKAGE,
    sigma: float | None = None,
    p_zero: float | None = None,
    Ds: float | None = None,
    id: str = "own-evidence",
    label: Label | None = None,
) -> ResponseFile:
    """Return the default response with the effect of money taken from chosen studies.

    The median is the fit of the map to the programmes (:func:`popsim.fit_dose_response`) times
    ``shrinkage``. The spread is that of the next programme: with m(D) the effect that a map of
    level 1 has at dose D, the levels ``l_i = e_i / m(D_i)`` of the programmes are pooled by random
    effects, and ``sigma`` is half the 95 % prediction interval of their logarithm over 1.96. All
    else, Ds, multipliers, lags and lasting share too, is as in the default.

    Parameters
    ----------
    table : pandas.DataFrame, optional
        Rows of :func:`popsim.evidence`, or a table as :func:`popsim.fit_dose_response` takes it,
        of effects of money; the ten programmes of the default when not given.
    cash_map : {'saturating', 'linear', 'power'}
        Shape; the exponent of ``power`` has the fitted slope and its standard error.
    shrinkage : float
        Above 0; 1 takes the studies at their word.
    sigma : float, optional
        Standard deviation of the logarithm instead of the one from the programmes; needed where
        there are fewer than five.
    p_zero : float, optional
        Chance that a programme does nothing, 0 to below 1; that of the default when not given.
        Studies that found nothing cannot be in ``table``, since zero has no logarithm.
    Ds : float, optional
        Median scale of the saturating map [% of GDP per head]; that of the default when not given.
    id : str
        Name of the response: lower-case letters, digits and hyphens.
    label : Label, optional
        Name in English and Chinese.

    Returns
    -------
    ResponseFile
        For ``popsim.run(..., response=Response(...))``, or a file (:func:`write_response`). The
        evidence of its numbers names the rows and how they were turned into numbers.

    Raises
    ------
    DataError
        As :func:`popsim.fit_dose_response`; when a row is not of money (column ``channel``) or is
        an answer to a survey (column ``outcome``), a number is out of range, or there are fewer
        than five programmes and no ``sigma``.

    Examples
    --------
    Without Quebec, and at their word:

    >>> table = evidence(pooled=True)
    >>> table = table[table["programme"] != "Quebec ANC"]
    >>> beta = response_from_evidence(table, shrinkage=1).channels.cash.beta
    >>> round(beta.median, 2), round(beta.sigma, 2), beta.p_zero
    (0.51, 0.56, 0.15)
    """
    chosen = evidence(pooled=True) if table is None else table
    default = read_response()
    cash = default.channels.cash
    assert isinstance(cash, SaturatingChannel)
    assert isinstance(cash.Ds, Lognormal)
    _check(chosen, cash_map, shrinkage, sigma, p_zero, Ds, cash.Ds)
    scale = cash.Ds if Ds is None else cash.Ds.model_copy(update={"median": float(Ds)})
    fitted = _fitted(chosen, cash_map, scale.median)
    rows = tuple(chosen["id"]) if "id" in chosen.columns else ()
    lowered = shrinkage * fitted.level
    wide = fitted.spread if sigma is None else float(sigma)
    told = "that of the next programme" if sigma is None else "given"
    level = Lognormal(
        dist="lognormal",
        median=lowered,
        sigma=wide,
        p_zero=cash.beta.p_zero if p_zero is None else float(p_zero),
        evidence=Evidence(
            rows=rows,
            source=fitted.source,
            judgement=(
                f"The fit gives {fitted.level:.3g}; times {shrinkage:g}. The spread {wide:.2f} is "
                f"{told}; p_zero is a judgement."
            ),
        ),
    )
    channel: SaturatingChannel | LinearChannel | PowerChannel
    if cash_map == "saturating":
        channel = cash.model_copy(update={"beta": level, "Ds": scale})
    elif cash_map == "linear":
        shared = shared_fields(cash, LinearChannel)
        channel = LinearChannel(map="linear", effect=level, **shared)
    else:
        exponent = Normal(
            dist="normal",
            mean=fitted.fit.slope,
            sd=fitted.fit.slope_error,
            low=0.0,
            evidence=Evidence(rows=rows, source=fitted.source),
        )
        shared = shared_fields(cash, PowerChannel)
        channel = PowerChannel(map="power", at_10=level, exponent=exponent, **shared)
    changed = default.model_dump(by_alias=True) | {
        "id": id,
        "label": label or Label(en="Response to chosen studies", zh="自选研究的响应"),
        "channels": default.channels.model_copy(update={"cash": channel}),
    }
    return ResponseFile.model_validate(changed)


def _fitted(table: pd.DataFrame, cash_map: CashMap, scale: float) -> _Fitted:
    fit = fit_dose_response(table, Ds=[scale])
    row = fit.maps[fit.maps["map"] == cash_map].iloc[0]
    dose = table["dose_pv_pct_gdppc"].to_numpy(float)
    if cash_map == "saturating":
        of_one = -scale * np.expm1(-dose / scale)
        level = float(row["beta"])
    elif cash_map == "linear":
        of_one, level = dose, float(row["beta"])
    else:
        of_one, level = (dose / 10.0) ** fit.slope, float(row["at_10"])
    levels = table["semi_per_1pct_pv"].to_numpy(float) * dose / of_one
    pooled = pool_evidence(table.assign(semi_per_1pct_pv=levels))
    reach = np.log(pooled.prediction_high / pooled.prediction_low) / 2.0
    at = f" at Ds = {scale:g}" if cash_map == "saturating" else ""
    # The source of a table says what it was before rows were left out, so programmes are named.
    named = ", ".join(fit.programmes["programme"])
    source = f"{len(table)} estimates of {len(fit.programmes)} programmes ({named}); "
    source += f"{cash_map} map{at}, least squares on the logarithm"
    return _Fitted(level, float(reach / _95), fit, source)


def _check(
    table: pd.DataFrame,
    cash_map: str,
    shrinkage: float,
    sigma: float | None,
    p_zero: float | None,
    Ds: float | None,
    default_scale: Lognormal,
) -> None:
    problems = Problems()
    if cash_map not in get_args(CashMap):
        problems.add(f"map {cash_map!r} is unknown", instead="saturating, linear or power")
    for name, value in (("shrinkage", shrinkage), ("sigma", sigma)):
        if value is not None and not 0 < value < np.inf:
            problems.add(f"{name} is {value:g}", instead="a number above 0")
    if p_zero is not None and not 0 <= p_zero < 1:
        problems.add(f"p_zero is {p_zero:g}", instead="a number from 0 to below 1")
    low, high = default_scale.low or 0.0, default_scale.high or np.inf
    if Ds is not None and not low < Ds < high:
        problems.add(f"Ds is {Ds:g}", instead=f"a number between {low:g} and {high:g}")
    if Ds is not None and cash_map in ("linear", "power"):
        problems.add(f"the {cash_map} map has no Ds", instead="no Ds, or cash_map='saturating'")
    for column, right, what in (
        ("channel", ("cash",), "is not about money"),
        ("outcome", ("births", "completed fertility"), "is an answer to a survey"),
    ):
        if column in table.columns:
            names = table["id"] if "id" in table.columns else table["programme"]
            for name in names[~table[column].isin(right)]:
                problems.add(f"the estimate {what}", where=str(name), instead="no such row")
    programmes = table["programme"].nunique() if "programme" in table.columns else 0
    if sigma is None and 0 < programmes < _FEWEST_FOR_SPREAD:
        problems.add(
            f"{programmes} programme{'s' * (programmes != 1)} do not tell a spread",
            instead="sigma=0.7, as in the default, or at least 5 programmes",
        )
    problems.raise_if_any()


def write_response(response: ResponseFile, path: str | Path) -> Path:
    """Write a response as a file ``popsim.response/1``; reading it gives the same response.

    Parameters
    ----------
    response : ResponseFile
    path : str or pathlib.Path

    Returns
    -------
    pathlib.Path

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = write_response(response_from_evidence(), Path(folder.name, "mine.yaml"))
    >>> read_response(path) == response_from_evidence()
    True
    >>> folder.cleanup()
    """
    path = Path(path)
    data = response.model_dump(mode="json", by_alias=True, exclude_none=True)
    yaml = YAML(typ="safe")
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(data, file)
    return path
