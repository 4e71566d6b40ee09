"""The effect in one table and one sentence, in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
#: A difference of two percentages is in percentage points.
_POINTS = {"%": "points", "per mille": "points per mille"}


@dataclass(frozen=True)
class Summary:
    """The effect of every scenario in one year.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per scenario and indicator: labels, unit, reference and scenario (medians over
        draws), difference (mean over paired draws), its 80 % interval, and the share of draws
        in which the policy does not raise the indicator.
    cost : pandas.DataFrame
        One row per scenario and window of births: cash cost [CNY], additional births, cost per
        additional birth [CNY/birth] with its 80 % interval, the chance of no additional birth
        and the share of the cost paid for births that would have happened anyway.
    """

    table: pd.DataFrame
    cost: pd.DataFrame
    sentences: dict[str, tuple[str, ...]]

    def text(self, locale: str = "en") -> str:
        """Return one paragraph per scenario.

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
    scenarios = [str(scenario) for scenario in difference["scenario"].values]
    rows = {scenario: _rows(here, change, scenario, reference) for scenario in scenarios}
    money = {scenario: _cost_rows(cost, region, scenario) for scenario in scenarios}
    sentences = {
        language: tuple(
            _paragraph(
                rows[scenario],
                money[scenario],
                _names(result, region, scenario, language),
                scenario,
                year,
                language,
            )
            for scenario in scenarios
        )
        for language in LANGUAGES
    }
    table = pd.DataFrame([row for scenario in scenarios for row in rows[scenario]])
    return Summary(
        table, pd.DataFrame([row for scenario in scenarios for row in money[scenario]]), sentences
    )


def _at(data: xr.Dataset, year: int, region: str) -> xr.Dataset:
    return data.sel(region=region, year=year, time=year + 1)


def _rows(
    here: xr.Dataset, change: xr.Dataset, scenario: str, reference: str
) -> list[dict[str, Any]]:
    rows = []
    for name in HEADLINE:
        cells = (
            here[name].sel(scenario=reference),
            here[name].sel(scenario=scenario),
            change[name].sel(scenario=scenario),
        )
        if "birth_order" not in here[name].dims:
            rows.append(_row(scenario, name, "", "", *cells))
            continue
        orders = here["birth_order"].values
        for order in orders:
            last = order == orders[-1]
            en = f", order {order}{' and over' if last else ''}"
            zh = f"（{order}孩{'及以上' if last else ''}）"
            one = (cell.sel(birth_order=order) for cell in cells)
            rows.append(_row(scenario, name, en, zh, *one))
    return rows


def _row(
    scenario: str,
    name: str,
    suffix: str,
    suffix_zh: str,
    reference: xr.DataArray,
    ours: xr.DataArray,
    delta: xr.DataArray,
) -> dict[str, Any]:
    variable = VARIABLES[name]
    counts = variable.units in ("birth", "person")
    unit = variable.units if counts or not variable.display else variable.display
    scale = UNITS[variable.units].scale / UNITS[unit].scale
    low, high = delta.quantile(INTERVAL, "draw").values * scale
    return {
        "scenario": scenario,
        "indicator": name,
        "label": variable.long_name + suffix,
        "label_zh": variable.long_name_zh + suffix_zh,
        "unit": unit,
        "reference": float(reference.median("draw")) * scale,
        "with_policy": float(ours.median("draw")) * scale,
        "difference": float(delta.mean("draw")) * scale,
        "lower_80": float(low),
        "upper_80": float(high),
        "difference_unit": _POINTS.get(unit, unit),
        "chance_of_no_increase": float((delta <= 0).mean("draw")),
    }


def _cost_rows(cost: xr.Dataset, region: str, scenario: str) -> list[dict[str, Any]]:
    if not cost.data_vars or scenario not in cost["scenario"].values:
        return []
    rows = []
    for window in cost["window"].values:
        cell = cost.sel(region=region, scenario=scenario, window=window)
        quantiles = cell["cost_per_additional_birth_quantile"]
        rows.append(
            {
                "scenario": scenario,
                "window": str(window),
                "first_year": int(cell["first_year"]),
                "last_year": int(cell["last_year"]),
                "cash_cost": float(cell["cash_cost"]),
                "additional_births": float(cell["additional_births"]),
                "cost_per_additional_birth": float(cell["cost_per_additional_birth"]),
                "lower_80": float(quantiles.sel(quantile=INTERVAL[0])),
                "upper_80": float(quantiles.sel(quantile=INTERVAL[1])),
                "chance_of_no_gain": float(cell["chance_of_no_gain"]),
                "deadweight_share": float(cell["deadweight_share"]),
            }
        )
    return rows


def _names(result: xr.Dataset, region: str, scenario: str, language: str) -> tuple[str, str]:
    """Return the names of region and scenario in a language, codes where there is no name."""
    suffix = "_zh" if language == "zh" else ""
    names = []
    for dimension, code in (("region", region), ("scenario", scenario)):
        name = f"{dimension}_name{suffix}" if dimension == "region" else f"scenario_label{suffix}"
        labelled = name in result.coords
        names.append(str(result[name].sel({dimension: code}).values) if labelled else code)
    return names[0], names[1]


def _number(value: float, digits: int) -> str:
    # Adding 0.0 turns a rounded -0.0 into 0.0.
    return f"{round(value, digits) + 0.0:,.{digits}f}"


def _signed(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:+,.{digits}f}"


def _money(value: float, language: str) -> str:
    if not np.isfinite(value):
        return {"en": "infinite", "zh": "无穷大"}[language]
    if language == "zh":
        return f"{_number(value / 1e4, 0)}万元"
    return f"{_number(value / 1e6, 2)} million CNY"


def _paragraph(
    rows: list[dict[str, Any]],
    money: list[dict[str, Any]],
    names: tuple[str, str],
    scenario: str,
    year: int,
    language: str,
) -> str:
    by_name = {row["indicator"]: row for row in rows}
    effect = {
        key: [
            _signed(by_name[name][part], digits) for part in ("difference", "lower_80", "upper_80")
        ]
        for key, name, digits in (
            ("births", "births", 0),
            ("rate", "total_fertility_rate", 3),
            ("share", "second_and_third_child_share", 2),
            ("burden", "dependency_ratio_15_59", 2),
        )
    }
    reference = _number(by_name["births"]["reference"], 0)
    rate = _number(by_name["total_fertility_rate"]["reference"], 2)
    nothing = _number(100 * by_name["births"]["chance_of_no_increase"], 0)
    region, label = names
    if language == "zh":
        text = (
            f"{region}{year}年，“{label}”（{scenario}）与无该政策时相比：出生人数{effect['births'][0]}人"
            f"（80%区间{effect['births'][1]}至{effect['births'][2]}；无政策时{reference}人），"
            f"总和生育率{effect['rate'][0]}（{effect['rate'][1]}至{effect['rate'][2]}；无政策时{rate}），"
            f"二孩、三孩出生占比{effect['share'][0]}个百分点"
            f"（{effect['share'][1]}至{effect['share'][2]}），"
            f"总抚养比（0—14岁和60岁及以上/15—59岁）{effect['burden'][0]}个百分点"
            f"（{effect['burden'][1]}至{effect['burden'][2]}）；"
            f"{nothing}%的抽样中出生人数没有增加。"
        )
    else:
        text = (
            f"{region}, {year}: against the same future without it, “{label}” ({scenario}) changes "
            f"births by {effect['births'][0]} (80 % interval {effect['births'][1]} to "
            f"{effect['births'][2]}; without it {reference}), the total fertility rate by "
            f"{effect['rate'][0]} ({effect['rate'][1]} to {effect['rate'][2]}; without it {rate}), "
            f"the share of second and third births by {effect['share'][0]} points "
            f"({effect['share'][1]} to {effect['share'][2]}) and the total dependency ratio "
            f"(0-14 and 60+ over 15-59) by {effect['burden'][0]} points ({effect['burden'][1]} to "
            f"{effect['burden'][2]}); in {nothing} % of draws births do not rise."
        )
    return text + "".join(_cost_sentence(row, language) for row in money)


def _cost_sentence(row: dict[str, Any], language: str) -> str:
    each, low, high = (
        _money(row[column], language)
        for column in ("cost_per_additional_birth", "lower_80", "upper_80")
    )
    anyway = _number(100 * row["deadweight_share"], 1)
    years = f"{row['first_year']}-{row['last_year']}"
    if language == "zh":
        return (
            f"按{years}年出生人口计，仅现金补贴部分每新增一名出生的成本为{each}"
            f"（80%区间{low}至{high}），{anyway}%的支出付给了本来就会出生的孩子。"
        )
    return (
        f" Over the births of {years}, an additional birth through the cash instruments alone "
        f"costs {each} (80 % interval {low} to {high}); {anyway} % of the money goes to births "
        "that would have happened anyway."
    )
