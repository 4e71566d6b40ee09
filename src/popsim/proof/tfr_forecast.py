"""Forecast the total fertility rate of countries from a year in the past and score it.

Everything is fitted to the years up to the origin only. The rates themselves are the United
Nations' estimates of 2024: what was known of those years at the time was less sure.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from popsim.demography.tfr_forecast import MODELS, forecast_tfr
from popsim.errors import DataError
from popsim.evaluation.scores import crps_ensemble, interval_score, pit

__all__ = ["tfr_forecast", "tfr_forecast_summary"]

FILE = "wpp2024_annual_indicators.csv"
LEVELS = (0.8, 0.95)


def read_rates(folder: str | Path) -> xr.DataArray:
    """Read yearly estimates of the total fertility rate.

    Parameters
    ----------
    folder : path
        Holds ``wpp2024_annual_indicators.csv``, with columns iso3, year, kind and tfr.

    Returns
    -------
    xarray.DataArray (region, year)
        [births per woman], regions by their ISO 3166 letters.

    Raises
    ------
    DataError
        When the file or a column is missing.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        raise DataError(f"{FILE} is not in the folder {Path(folder).name}")
    table = pd.read_csv(path)
    missing = [c for c in ("iso3", "year", "kind", "tfr") if c not in table.columns]
    if missing:
        raise DataError(f"{FILE} lacks the column {', '.join(missing)}")
    wide = table[table["kind"] == "estimate"].pivot_table(
        index="iso3", columns="year", values="tfr"
    )
    return xr.DataArray(
        wide.to_numpy(dtype=float),
        {"region": wide.index.to_numpy(dtype=str), "year": wide.columns.to_numpy(dtype=int)},
        ("region", "year"),
    )


def tfr_forecast(
    folder: str | Path,
    *,
    origin: int = 2003,
    last: int = 2023,
    models: Sequence[str] = MODELS,
    draws: int = 4000,
    seed: int = 1,
) -> pd.DataFrame:
    """Fit to the years up to the origin, forecast the years after it, and score each forecast.

    Parameters
    ----------
    folder : path
        Holds ``wpp2024_annual_indicators.csv``.
    origin : int
        Last year that the models see.
    last : int
        Last year forecast.
    models : sequence of str
        Models of :func:`popsim.demography.tfr_forecast.forecast_tfr`.
    draws, seed : int

    Returns
    -------
    pandas.DataFrame
        One row for each model, country and horizon [years ahead]: observed, median and bounds
        [births per woman], ``error`` of the median, ``crps``, ``interval_score_80`` and ``_95``
        [births per woman], ``covered_80`` and ``_95``, ``pit``.

    Raises
    ------
    DataError
        When the folder lacks the file or the years are not in it.

    Examples
    --------
    The page on uncertainty prints :func:`tfr_forecast_summary` of this table.
    """
    rates = read_rates(folder)
    there = rates["year"].values
    if not there[0] + 30 <= origin < last <= there[-1]:
        raise DataError(
            f"origin {origin} and last year {last} do not fit the data of {there[0]} to {there[-1]}"
        )
    known = rates.sel(year=slice(None, origin))
    observed = rates.sel(year=slice(origin + 1, last))
    tables = []
    for model in models:
        drawn = forecast_tfr(
            known, last - origin, model=model, draws=range(draws), seed=seed
        ).transpose("region", "year", "draw")
        columns: dict[str, np.ndarray] = {
            "observed": observed.values,
            "median": np.median(drawn.values, axis=-1),
        }
        columns["error"] = columns["median"] - columns["observed"]
        columns["crps"] = crps_ensemble(observed.values, drawn.values)
        for level in LEVELS:
            tail, name = (1 - level) / 2, f"{100 * level:.0f}"
            low, high = np.quantile(drawn.values, [tail, 1 - tail], axis=-1)
            columns[f"lower_{name}"], columns[f"upper_{name}"] = low, high
            columns[f"interval_score_{name}"] = interval_score(observed.values, low, high, level)
            columns[f"covered_{name}"] = (observed.values >= low) & (observed.values <= high)
        columns["pit"] = pit(observed.values, drawn.values)
        index = pd.MultiIndex.from_product(
            [[model], known["region"].values, range(1, last - origin + 1)],
            names=["model", "country", "horizon"],
        )
        tables.append(pd.DataFrame({k: v.ravel() for k, v in columns.items()}, index=index))
    return pd.concat(tables).reset_index()


def tfr_forecast_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return means over countries and horizons by model.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`tfr_forecast`.

    Returns
    -------
    pandas.DataFrame
        By model: ``mean_absolute_error`` of the median, ``crps``, interval scores
        [births per woman], coverage [1]; best CRPS first.

    Examples
    --------
    >>> rows = {"model": ["a"], "error": [-0.1], "crps": [0.05]}
    >>> rows |= {f"interval_score_{n}": [0.3] for n in (80, 95)}
    >>> rows |= {f"covered_{n}": [True] for n in (80, 95)}
    >>> tfr_forecast_summary(pd.DataFrame(rows)).loc["a", "mean_absolute_error"].item()
    0.1
    """
    scored = table.assign(mean_absolute_error=table["error"].abs()).groupby("model")
    columns = ["mean_absolute_error", "crps"]
    columns += [f"{what}_{n}" for n in (80, 95) for what in ("interval_score", "covered")]
    return scored[columns].mean().sort_values("crps")
