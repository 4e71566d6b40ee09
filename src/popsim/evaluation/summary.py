"""The effect in one table and one sentence, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from popsim.errors import DataError
from popsim.units import UNITS
from popsim.variables import VARIABLES

__all__ = ["HEADLINE", "Summary", "summarise"]

#: Indicators of the table, in reading order.
HEADLINE = (
    "births",
    "births_by_order",
    "total_fertility_rate",
    "second_child_share",
    "third_child_share",
    "second_and_third_child_share",
    "natural_increase_rate",
    "population_total",
    "dependency_ratio_15_59",
    "dependency_ratio_15_64",
)
INTERVAL = (0.1, 0.9)
LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Summary:
    """The effect of every scenario in one year.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per scenario and indicator: label in two languages, unit, reference and scenario
        (medians), difference (mean over draws) and its 80 % interval.
    cost : pandas.DataFrame
        One row per scenario and window: cost per additional birth and deadweight.
    """

    table: pd.DataFrame
    cost: pd.DataFrame
    sentences: dict[str, tuple[str, ...]]

    def text(self, locale: str = "en") -> str:
        """Return one sentence per scenario.

        Parameters
        ----------
        locale : {"en", "zh"}

        Raises
        ------
        DataError
            When the language is not one of these.
        """
        if locale not in LANGUAGES:
            raise DataError(f"no summary in {locale!r}; write: en or zh")
        return "\n".join(self.sentences[locale])


def summarise(
    result: xr.Dataset,
    difference: xr.Dataset,
    cost: xr.Dataset,
    reference: str,
    year: int,
    region: str,
) -> Summary:
    """Summarise a comparison in one year and region; see :meth:`popsim.evaluation.Effect.summary`.

    Parameters
    ----------
    result, difference : xarray.Dataset
        The run and the paired differences, dims (region, scenario, year or time, draw).
    cost : xarray.Dataset
        Cost per additional birth (region, scenario, window), or empty.
    reference : str
        Identifier of the reference scenario.
    year : int
        Flows of this year; stocks at its end.
    region : str
        Code of the region.
    """
    here, change = (_at(data, year, region) for data in (result, difference))
    rows = []
    for scenario in difference["scenario"].values:
        for name in HEADLINE:
            ours, theirs = (here[name].sel(scenario=s) for s in (scenario, reference))
            delta = change[name].sel(scenario=scenario)
            orders = ours["birth_order"].values if "birth_order" in ours.dims else [None]
            for order in orders:
                pick = {} if order is None else {"birth_order": order}
                cells = (theirs.sel(pick), ours.sel(pick), delta.sel(pick))
                rows.append(_row(str(scenario), name, order, *cells))
    table = pd.DataFrame(rows)
    money = _cost_table(cost.sel(region=region)) if cost.data_vars else pd.DataFrame()
    sentences = {
        language: tuple(
            _sentence(result, table, money, str(s), year, region, language)
            for s in difference["scenario"].values
        )
        for language in LANGUAGES
    }
    return Summary(table, money, sentences)


def _at(data: xr.Dataset, year: int, region: str) -> xr.Dataset:
    picked = data.sel(region=region) if "region" in data.dims else data
    picked = picked.sel(year=year)
    return picked.sel(time=year + 1) if "time" in picked.dims else picked


def _row(
    scenario: str,
    name: str,
    order: int | None,
    reference: xr.DataArray,
    ours: xr.DataArray,
    delta: xr.DataArray,
) -> dict[str, object]:
    variable = VARIABLES[name]
    unit = variable.display or variable.units
    scale = UNITS[variable.units].scale / UNITS[unit].scale
    if variable.units in ("birth", "person"):
        unit, scale = "person", 1.0
    # A difference of two percentages is in percentage points.
    points = {"%": "percentage points", "per mille": "per mille points"}
    low, high = delta.quantile(INTERVAL, "draw").values * scale
    suffix = (
        {"en": "", "zh": ""}
        if order is None
        else {"en": f", order {order}", "zh": f"（{order}孩）"}
    )
    if order == int(ours["birth_order"].max() if "birth_order" in ours.coords else 0):
        pass
    return {
        "scenario": scenario,
        "indicator": name if order is None else f"{name}[{order}]",
        "label": variable.long_name + suffix["en"],
        "label_zh": variable.long_name_zh + suffix["zh"],
        "unit": unit,
        "reference": float(reference.median("draw")) * scale,
        "with_policy": float(ours.median("draw")) * scale,
        "difference": float(delta.mean("draw")) * scale,
        "lower_80": float(low),
        "upper_80": float(high),
        "difference_unit": points.get(unit, unit),
        "chance_of_no_increase": float((delta <= 0).mean()),
    }
