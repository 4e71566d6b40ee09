"""The effect in one table and one sentence, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from popsim.errors import DataError
from popsim.units import UNITS
from popsim.variables import VARIABLES

__all__ = ["HEADLINE", "POINTS", "Summary", "summarise"]

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
_ORDERS_ZH = "零一二三四五六"
#: A difference of two percentages is in percentage points.
POINTS = {"%": "points", "per mille": "points per mille"}


@dataclass(frozen=True)
class Summary:
    """The effect of every scenario in one year.

    Attributes
    ----------
    table : pandas.DataFrame
        One row per scenario and indicator: labels, unit, reference, scenario and their
        difference (means over draws), the 80 % interval of the paired difference, and the share
        of draws in which the policy does not raise the indicator.
    cost : pandas.DataFrame
        One row per scenario, instruments (``cash`` alone; ``all`` where the package pays for more
        than cash) and window of births: cost [CNY] (``cash_cost``, or ``package_cost`` of all),
        additional births, cost per
        additional birth [CNY/birth] with its 80 % interval and with births discounted like the
        money, the chance of no additional birth and the share of the cost paid for births that
        would have happened anyway.
    package_cost : pandas.DataFrame
        The same for all instruments together (``package_cost`` [CNY]), where a scenario pays for
        childcare places too.
    chances : pandas.DataFrame
        One row per scenario, channel and birth order: the chance that the policy does not raise
        the birth rate, and that it raises it by less than 0.5 %.
    """

    table: pd.DataFrame
    cost: pd.DataFrame
    package_cost: pd.DataFrame
    chances: pd.DataFrame
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
    costs: Mapping[str, xr.Dataset],
    reference: str,
    year: int,
    region: str,
) -> Summary:
    """Summarise a comparison in one year and region; see :meth:`popsim.evaluation.Effect.summary`.

    Parameters
    ----------
    result, difference : xarray.Dataset
        The run and the paired differences, dims (region, scenario, year or time, draw).
    costs : mapping of str to xarray.Dataset
        Cost per additional birth (region, scenario, window), or empty, of ``cash`` and ``all``.
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
    money = {scenario: _costs(result, costs, region, scenario) for scenario in scenarios}
    sentences = {
        language: tuple(
            _paragraph(
                rows[scenario],
                money[scenario],
                _names(result, region, scenario, reference, language),
                year,
                language,
            )
            for scenario in scenarios
        )
        for language in LANGUAGES
    }
    return Summary(
        table=pd.DataFrame([row for scenario in scenarios for row in rows[scenario]]),
        cost=_cost_table(money, "cash"),
        package_cost=_cost_table(money, "all"),
        chances=_chances(here, scenarios),
        sentences=sentences,
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
            zh = f"（{_ORDERS_ZH[order]}孩{'及以上' if last else ''}）"
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
    births = variable.units == "birth"
    unit = variable.units if births or not variable.display else variable.display
    scale = UNITS[variable.units].scale / UNITS[unit].scale
    low, high = delta.quantile(INTERVAL, "draw").values * scale
    return {
        "scenario": scenario,
        "indicator": name,
        "label": variable.long_name + suffix,
        "label_zh": variable.long_name_zh + suffix_zh,
        "unit": unit,
        "reference": float(reference.mean("draw")) * scale,
        "with_policy": float(ours.mean("draw")) * scale,
        "difference": float(delta.mean("draw")) * scale,
        "lower_80": float(low),
        "upper_80": float(high),
        "difference_unit": POINTS.get(unit, unit),
        "chance_of_no_increase": float((delta <= 0).mean("draw")),
    }


def _chances(here: xr.Dataset, scenarios: list[str]) -> pd.DataFrame:
    if "chance_of_no_effect" not in here:
        return pd.DataFrame()
    names = ["chance_of_no_effect", "chance_of_negligible_effect"]
    chances = here[names].sel(scenario=scenarios).reset_coords(drop=True)
    return chances.to_dataframe().reset_index()[["scenario", "channel", "birth_order", *names]]


def _cost_table(money: dict[str, list[dict[str, Any]]], kind: str) -> pd.DataFrame:
    rows = [row for found in money.values() for row in found if row["instruments"] == kind]
    return pd.DataFrame(rows)


def _costs(
    result: xr.Dataset, costs: Mapping[str, xr.Dataset], region: str, scenario: str
) -> list[dict[str, Any]]:
    """Return the rows of cash, then those of all instruments where these cost more."""
    here = {"region": region, "scenario": scenario}
    services, package = result.get("service_payments"), result.get("promised_per_birth_package")
    more = services is not None and bool(services.sel(here).any())
    if package is not None:
        cash = result.get("promised_per_birth", xr.zeros_like(package))
        more = more or bool((package.sel(here) != cash.sel(here)).any())
    kinds = ("cash", "all") if more else ("cash",)
    return [row for kind in kinds for row in _cost_rows(costs[kind], kind, region, scenario)]


def _cost_rows(cost: xr.Dataset, kind: str, region: str, scenario: str) -> list[dict[str, Any]]:
    """Return one row a window; none where the scenario pays no more than the reference."""
    if not cost.data_vars or scenario not in cost["scenario"].values:
        return []
    name = "cash_cost" if kind == "cash" else "package_cost"
    rows = []
    for window in cost["window"].values:
        cell = cost.sel(region=region, scenario=scenario, window=window)
        if not float(cell[name]) > 0:
            continue
        quantiles = cell["cost_per_additional_birth_quantile"]
        rows.append(
            {
                "scenario": scenario,
                "instruments": kind,
                "window": str(window),
                "first_year": int(cell["first_year"]),
                "last_year": int(cell["last_year"]),
                name: float(cell[name]),
                "additional_births": float(cell["additional_births"]),
                "cost_per_additional_birth": float(cell["cost_per_additional_birth"]),
                "with_births_discounted": float(cell["cost_per_additional_birth_discounted"]),
                "lower_80": float(quantiles.sel(quantile=INTERVAL[0])),
                "upper_80": float(quantiles.sel(quantile=INTERVAL[1])),
                "chance_of_no_gain": float(cell["chance_of_no_gain"]),
                "deadweight_share": float(cell["deadweight_share"]),
            }
        )
    return rows


def _names(
    result: xr.Dataset, region: str, scenario: str, reference: str, language: str
) -> dict[str, str]:
    """Return names of region, scenario and reference in a language, codes where there is none."""
    suffix = "_zh" if language == "zh" else ""
    scenario_name, region_name = f"scenario_label{suffix}", f"region_name{suffix}"
    names = {"region": region, "scenario": scenario, "reference": reference}
    if region_name in result.coords:
        names["region"] = str(result[region_name].sel(region=region).values)
    if scenario_name in result.coords:
        for key, code in (("scenario", scenario), ("reference", reference)):
            label = str(result[scenario_name].sel(scenario=code).values)
            # The text quotes labels, so quotation marks inside become single.
            names[key] = label.replace("“", "‘").replace("”", "’")
    return {**names, "scenario_id": scenario, "reference_id": reference}


def _number(value: float, digits: int) -> str:
    # Adding 0.0 turns a rounded -0.0 into 0.0.
    return f"{round(value, digits) + 0.0:,.{digits}f}"


def _signed(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:+,.{digits}f}"


def _money(value: float, language: str) -> str:
    if not np.isfinite(value):
        return {"en": "infinite", "zh": "无上限"}[language]
    large = {"en": (1e9, "{} billion CNY"), "zh": (1e8, "{}亿元")}[language]
    small = {"en": (1e6, "{} million CNY", 2), "zh": (1e4, "{}万元", 0)}[language]
    if value >= large[0]:
        return large[1].format(_number(value / large[0], 1))
    return small[1].format(_number(value / small[0], small[2]))


def _paragraph(
    rows: list[dict[str, Any]],
    money: list[dict[str, Any]],
    names: dict[str, str],
    year: int,
    language: str,
) -> str:
    by_name = {row["indicator"]: row for row in rows}
    births, rate, share, burden = (
        [_signed(by_name[name][part], digits) for part in ("difference", "lower_80", "upper_80")]
        for name, digits in (
            ("births", 0),
            ("total_fertility_rate", 3),
            ("second_and_third_child_share", 2),
            ("dependency_ratio_15_59", 2),
        )
    )
    without = _number(by_name["births"]["reference"], 0)
    level = _number(by_name["total_fertility_rate"]["reference"], 3)
    nothing = _number(100 * by_name["births"]["chance_of_no_increase"], 0)
    region, label = names["region"], f"“{names['scenario']}”"
    plain = names["reference_id"] == "baseline"
    if language == "zh":
        against = "不实施该政策" if plain else f"“{names['reference']}”"
        then = "不实施时" if plain else "后一方案"
        text = (
            f"{region}{year}年，{label}（{names['scenario_id']}）与{against}相比（均值，括号内为80%区间）："
            f"出生人数变动{births[0]}人（{births[1]}至{births[2]}；{then}为{without}人），"
            f"总和生育率变动{rate[0]}（{rate[1]}至{rate[2]}；{then}为{level}），"
            f"二孩、三孩出生占比变动{share[0]}个百分点（{share[1]}至{share[2]}），"
            f"总抚养比（0—14岁和60岁及以上/15—59岁）变动{burden[0]}个百分点（{burden[1]}至{burden[2]}）；"
            f"{nothing}%的模拟情形中出生人数没有增加。"
        )
    else:
        against = "the same future without it" if plain else f"“{names['reference']}”"
        scenario = f"{label} ({names['scenario_id']})"
        text = (
            f"{region}, {year}, against {against} (means; 80 % interval in brackets): {scenario} "
            f"changes births by {births[0]} ({births[1]} to {births[2]}) on {without}, the total "
            f"fertility rate by {rate[0]} ({rate[1]} to {rate[2]}) on {level}, the share of second "
            f"and third births by {share[0]} points ({share[1]} to {share[2]}) and the total "
            f"dependency ratio (0-14 and 60+ over 15-59) by {burden[0]} points ({burden[1]} to "
            f"{burden[2]}); in {nothing} % of draws births do not rise."
        )
    return text + "".join(_cost_sentence(row, language) for row in money)


def _cost_sentence(row: dict[str, Any], language: str) -> str:
    total, each, low, high, discounted = (
        _money(row[column], language)
        for column in (
            "cash_cost" if row["instruments"] == "cash" else "package_cost",
            "cost_per_additional_birth",
            "lower_80",
            "upper_80",
            "with_births_discounted",
        )
    )
    anyway = _number(100 * row["deadweight_share"], 1)
    chance = _number(100 * row["chance_of_no_gain"], 0)
    first, last = row["first_year"], row["last_year"]
    if row["instruments"] == "all":
        return _package_sentence(row, (total, each, low, high, anyway, chance), language)
    if language == "zh":
        head = f"按{first}—{last}年出生人口计，现金类措施现值共{total}"
        if not np.isfinite(row["cost_per_additional_birth"]):
            return f"{head}，没有多出生人口。"
        return (
            f"{head}，仅现金部分每多出生一人的成本为{each}（80%区间{low}至{high}；{chance}%的模拟情形中"
            f"没有多出生；出生人数同样贴现时为{discounted}），{anyway}%用于无政策也会出生的孩子。"
        )
    head = f" To the births of {first}-{last} the cash instruments promise {total} (present value)"
    if not np.isfinite(row["cost_per_additional_birth"]):
        return f"{head} and, alone, add no births."
    return (
        f"{head} and, alone, cost {each} per additional birth (80 % interval {low} to {high}; in "
        f"{chance} % of draws there is none; {discounted} when births are discounted like the "
        f"money); {anyway} % of the money goes to births that would have happened anyway."
    )


def _package_sentence(row: dict[str, Any], told: tuple[str, ...], language: str) -> str:
    total, each, low, high, anyway, chance = told
    first, last = row["first_year"], row["last_year"]
    nothing = not np.isfinite(row["cost_per_additional_birth"])
    if language == "zh":
        head = f"{first}—{last}年全部措施现值共{total}"
        if nothing:
            return f"{head}，没有多出生人口。"
        return (
            f"{head}，每多出生一人的成本为{each}（80%区间{low}至{high}；{chance}%的模拟情形中没有多出生），"
            f"{anyway}%用于无政策也会有的出生和托位。"
        )
    head = f" All instruments of {first}-{last}, childcare places included, cost {total}"
    if nothing:
        return f"{head} and add no births."
    return (
        f"{head} (present value), {each} per additional birth (80 % interval {low} to {high}; in "
        f"{chance} % of draws there is none); {anyway} % of the money goes to births and places "
        f"that would have come anyway."
    )
