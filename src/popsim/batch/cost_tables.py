"""Costs of additional births of a store as tables: of a scenario, of a region, ranked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr

from popsim.batch.costs import COST_QUANTILES, COSTS
from popsim.errors import DataError, nearest
from popsim.units import UNITS
from popsim.variables import VARIABLES

__all__ = ["COST_FIGURES", "NOTES", "cost_effects", "cost_frame", "cost_ranking", "kept_costs"]

#: Figures that tables show and that regions and scenarios are ranked by.
COST_FIGURES = tuple(
    name for name in COSTS if name not in (COST_QUANTILES, "first_year", "last_year")
)
#: Why there is no figure, or no finite one, English and Chinese.
NOTES = {"": "", "no cost": "无支出", "no additional births": "无新增出生"}
#: Of these more is better.
_MORE_FIRST = ("additional_births",)


def kept_costs(store: xr.Dataset) -> list[str]:
    """Return the names of the figures of cost that a store keeps.

    Examples
    --------
    >>> kept_costs(xr.Dataset())
    []
    """
    return [name for name in COST_FIGURES if name in store]


def shown(name: str) -> tuple[str, float]:
    """Return the unit of a figure in tables, and what its values are multiplied by.

    Examples
    --------
    >>> shown("deadweight_share"), shown("package_cost")
    (('%', 100.0), ('CNY', 1.0))
    """
    row = VARIABLES[name]
    unit = row.display if row.display and row.units != "CNY" else row.units
    return unit, UNITS[row.units].scale / UNITS[unit].scale


def cost_frame(cells: xr.Dataset, name: str, prefix: str) -> pd.DataFrame:
    """Return the table of one figure, one row for each scenario (or region) and window.

    Parameters
    ----------
    cells : xarray.Dataset
        Of a store, of one region or of one scenario.
    name : str
        One of :data:`COST_FIGURES`.
    prefix : str
        Before the names of the columns of quantiles.

    Returns
    -------
    pandas.DataFrame
        Columns of the dimensions, first_year, last_year, value, quantiles of the cost per
        additional birth, note and note_zh (see :data:`NOTES`).
    """
    _, scale = shown(name)
    dims = [str(dim) for dim in cells[name].dims]
    columns = {"value": cells[name] * scale}
    if name == "cost_per_additional_birth":
        quantiles = cells[COST_QUANTILES]
        for q in quantiles["quantile"].values:
            columns[f"{prefix}q{100 * q:g}"] = quantiles.sel(quantile=q, drop=True)
    years = {year: cells[year] for year in ("first_year", "last_year")}
    besides = {"_paid": cells["package_cost"], "_each": cells["cost_per_additional_birth"]}
    wide = xr.Dataset({**years, **columns, **besides}).reset_coords(drop=True).compute()
    frame = wide.to_dataframe(dim_order=dims).reset_index()
    paid, each = frame.pop("_paid"), frame.pop("_each")
    frame["note"] = np.select(
        [paid == 0, np.isinf(each)], ["no cost", "no additional births"], default=""
    )
    frame["note_zh"] = frame["note"].map(NOTES)
    for year in years:
        frame[year] = frame[year].astype("Int64")
    return frame


def cost_effects(cells: xr.Dataset) -> Iterator[dict[str, Any]]:
    """Yield the rows of costs of :func:`popsim.effect_table`.

    Parameters
    ----------
    cells : xarray.Dataset
        Of a store, of one region and scenario.
    """
    several = cells.expand_dims("scenario")
    for name in kept_costs(cells):
        unit, _ = shown(name)
        for row in cost_frame(several, name, "difference_").to_dict("records"):
            del row["scenario"], row["note_zh"]
            yield {
                "indicator": name,
                "label": VARIABLES[name].long_name,
                "label_zh": VARIABLES[name].long_name_zh,
                "unit": unit,
                # A cost compares with the reference, so it stands where differences do.
                "difference": row.pop("value"),
                "difference_unit": unit,
                **{str(column): value for column, value in row.items()},
            }


def cost_ranking(
    store: xr.Dataset,
    name: str,
    window: str | None,
    *,
    of: Literal["region", "scenario"],
    names: tuple[str, ...],
) -> pd.DataFrame:
    """Return the ranking of :func:`popsim.ranking` by a figure of cost.

    Parameters
    ----------
    store : xarray.Dataset
        One region, or one scenario, of a store; without the reference.
    name : str
        One of :data:`COST_FIGURES`.
    window : str or None
        ``"period"`` or ``"lasting"``.
    of : {"region", "scenario"}
    names : tuple of str
        Coordinates that hold names of what is ranked.

    Raises
    ------
    DataError
        When there is no such window.
    """
    known = [str(one) for one in store["window"].values]
    if window not in known:
        guess = nearest(str(window), known) or known[0]
        said = "is counted over a window of births" if window is None else f"has no {window!r}"
        raise DataError(f"{name} {said}; write: window={guess!r}")
    table = cost_frame(store.sel(window=[window]), name, "").drop(columns="window")
    for place, label in enumerate(names):
        if label in store.coords:
            known_names = dict(zip(store[of].values, store[label].values, strict=True))
            table.insert(1 + place, label, table[of].map(known_names))
    # What a stopped batch has not reached is left out; where nothing is paid there is no rank.
    table = table[table["value"].notna() | (table["note"] == "no cost")]
    unpaid = table["note"] == "no cost"
    rising = name not in _MORE_FIRST
    ranked = table[~unpaid].sort_values("value", ascending=rising, kind="stable")
    table = pd.concat([ranked, table[unpaid]], ignore_index=True)
    # Equal ones, such as several without any additional birth, share a rank.
    places = ranked["value"].rank(method="min", ascending=rising).astype("Int64")
    table.insert(0, "rank", places.reset_index(drop=True).reindex(table.index))
    table.attrs["unit"] = shown(name)[0]
    return table
