"""The bill of a policy: who pays what, for which instrument, in which year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from popsim.dataset import label
from popsim.errors import DataError
from popsim.policy.cost import MID_YEAR, UNSTATED
from popsim.policy.instruments import DISCOUNT_RATE

__all__ = ["PAYER_NAMES_ZH", "PUBLIC", "Bill", "bill"]

PAYER_NAMES_ZH = {
    "centre": "中央财政",
    "province": "省级财政",
    "city": "市级财政",
    "county": "县级财政",
    "employer": "用人单位",
    "insurance": "社会保险基金",
    "housing_fund": "住房公积金",
    "unstated": "未说明",
}
PUBLIC = ("centre", "province", "city", "county")
"""Payers of the public purse."""
_COLUMNS = {
    "region": "地区",
    "scenario": "方案",
    "year": "年份",
    "policy": "政策工具",
    "payer": "出资方",
    "paid": "支出（元）",
    "paid_discounted": "支出现值（元）",
    "paid_anyway": "其中：无政策也会发生的支出（元）",
    "lower_80": "80%区间下限",
    "upper_80": "80%区间上限",
    "budget_share": "占财政预算比重",
}
_KEYS = ("region", "scenario", "year", "policy", "payer")


@dataclass(frozen=True)
class Bill:
    """What the instruments of a run cost.

    Attributes
    ----------
    data : xarray.Dataset
        ``bill``, ``bill_discounted`` and ``bill_anyway`` (region, scenario, policy, payer, year)
        [CNY], means over draws; ``bill_quantile`` (quantile, region, scenario, payer, year) [CNY]
        of what each payer pays; ``bill_total_quantile`` (quantile, region, scenario, year) of all;
        ``budget_share`` (region, scenario, year) when a budget was given. ``attrs``:
        ``discounted_to``, the year.
    """

    data: xr.Dataset

    def table(
        self, *by: str, locale: Literal["en", "zh"] = "en", scenario: str | None = None
    ) -> pd.DataFrame:
        """Return the bill summed over everything that is not asked for.

        Parameters
        ----------
        *by : {"region", "scenario", "year", "policy", "payer"}
            Rows; scenario and year when nothing is given.
        locale : {"en", "zh"}
            Language of the columns and of the payers.
        scenario : str, optional
            One scenario.

        Returns
        -------
        pandas.DataFrame
            ``paid``, ``paid_discounted``, ``paid_anyway`` [CNY]; with rows by region, scenario
            and year alone also the 80 % interval of the year's total (``lower_80``,
            ``upper_80``) and ``budget_share`` where there is one. Rows that pay nothing are left
            out.

        Raises
        ------
        DataError
            When a row is unknown or the scenario is not in the run.
        """
        rows = by or ("scenario", "year")
        unknown = [name for name in rows if name not in _KEYS]
        if unknown:
            raise DataError(f"the bill has no {unknown[0]!r}; write: {', '.join(_KEYS)}")
        data = self.data
        if scenario is not None:
            known = [str(name) for name in data["scenario"].values]
            if scenario not in known:
                raise DataError(f"the run has no scenario {scenario!r} (it has {', '.join(known)})")
            data = data.sel(scenario=[scenario])
        summed = xr.Dataset(
            {
                new: data[name].sum([d for d in _KEYS if d not in rows])
                for new, name in (
                    ("paid", "bill"),
                    ("paid_discounted", "bill_discounted"),
                    ("paid_anyway", "bill_anyway"),
                )
            }
        ).reset_coords(drop=True)
        if set(rows) == {"region", "scenario", "year"}:
            ends = data["bill_total_quantile"].reset_coords(drop=True)
            summed["lower_80"], summed["upper_80"] = (
                ends.sel(quantile=q, drop=True) for q in (0.1, 0.9)
            )
            if "budget_share" in data:
                summed["budget_share"] = data["budget_share"].reset_coords(drop=True)
        table = summed.to_dataframe(dim_order=list(rows)).reset_index()
        table = table[table["paid"] != 0].reset_index(drop=True)
        if locale == "zh":
            if "payer" in table:
                table["payer"] = table["payer"].replace(PAYER_NAMES_ZH)
            table = table.rename(columns=_COLUMNS)
        return table


def bill(
    result: xr.Dataset,
    *,
    budget: float | Mapping[int, float] | xr.DataArray | None = None,
    budget_of: str | None = None,
    discounted_to: int | None = None,
) -> Bill:
    """Return the bill of every scenario of a run by year, payer and instrument.

    Counted are children born since the first year of the run, in the months in which a rule pays
    them, and places, care and measures in their years: ``bill = payments × payer_share``.
    Discounted money is at 4 % a year to 1 January of ``discounted_to``, paid evenly over the year.
    *Anyway* is what is paid for births and places that would have been there without the policy
    (deadweight).

    Parameters
    ----------
    result : xarray.Dataset
        From :func:`popsim.run`.
    budget : float, mapping of year to float, or xarray.DataArray, optional
        Public budget [CNY a year], the same for all regions or with dims among (region, year).
    budget_of : str, optional
        Payer whose budget it is; the public purse (centre, province, city, county, and what is
        unstated) when not given. Employers and funds are not in it.
    discounted_to : int, optional
        Year; the first of the run when not given.

    Returns
    -------
    Bill

    Raises
    ------
    DataError
        When no scenario of the run has a policy, or the budget does not fit.

    Examples
    --------
    >>> import popsim as ps
    >>> from popsim.policy.model import Scenario
    >>> grant = {"kind": "cash_transfer", "announced": "2023-01-01", "amount": {"3": "1000 CNY"},
    ...          "births": {"from": "2023-01-01"}, "payers": {"county": "70 %", "province": "30 %"}}
    >>> scenario = Scenario.model_validate({
    ...     "schema": "popsim.scenario/1", "id": "grant", "regions": "all",
    ...     "gdp_per_head": "125043 CNY", "label": {"en": "A grant", "zh": "补助"},
    ...     "policies": {"grant": grant}})
    >>> found = bill(ps.run("zhejiang-2020", scenario, years=range(2021, 2025), draws=2))
    >>> table = found.table("payer")
    >>> table["payer"].tolist(), (table["paid"] / table["paid"].sum()).round(3).tolist()
    (['province', 'county'], [0.3, 0.7])
    """
    if "payments" not in result:
        raise DataError("no scenario of the run has a policy, so there is no bill")
    paid, shares = result["payments"], result["payer_share"]
    first = int(result["year"].values[0] if discounted_to is None else discounted_to)
    waiting = MID_YEAR * (1 + DISCOUNT_RATE) ** -(result["year"] - first)
    mean, anyway = paid.mean("draw"), result["payments_anyway"].mean("draw")
    by_draw = (paid * shares).sum("policy")
    quantiles = [0.1, 0.5, 0.9]
    data = xr.Dataset(
        {
            "bill": mean * shares,
            "bill_discounted": mean * shares * waiting,
            "bill_anyway": anyway * shares,
            "bill_quantile": by_draw.quantile(quantiles, "draw"),
            "bill_total_quantile": paid.sum("policy").quantile(quantiles, "draw"),
        }
    )
    if budget is not None:
        data["budget_share"] = (mean * shares).sum("policy").sel(
            payer=_purse(budget_of, shares)
        ).sum("payer") / _budget(budget, result)
    data = data.transpose("quantile", "region", "scenario", "policy", "payer", "year")
    data = label(data, source="projected")
    data.attrs.update(result.attrs, discounted_to=first)
    return Bill(data)


def _purse(budget_of: str | None, shares: xr.DataArray) -> list[str]:
    """Return the payers whose money is set against the budget."""
    payers = [str(name) for name in shares["payer"].values]
    if budget_of is None:
        return [name for name in payers if name in (*PUBLIC, UNSTATED)]
    if budget_of not in payers:
        raise DataError(f"there is no payer {budget_of!r}; write: {', '.join(payers)}")
    return [budget_of]


def _budget(
    budget: float | Mapping[int, float] | xr.DataArray, result: xr.Dataset
) -> xr.DataArray | float:
    years = [int(year) for year in result["year"].values]
    if isinstance(budget, Mapping):
        missing = [year for year in years if year not in budget]
        if missing:
            raise DataError(
                f"the budget lacks {len(missing)} of {len(years)} years, the first is "
                f"{missing[0]}; write: budget={{{missing[0]}: …}}"
            )
        budget = xr.DataArray([budget[year] for year in years], {"year": years}, ("year",))
    if isinstance(budget, xr.DataArray):
        for name in budget.dims:
            if name not in ("region", "year"):
                raise DataError(f"the budget has the dimension {name!r}; write: region, year")
            lacking = set(result[name].values.tolist()) - set(budget[name].values.tolist())
            if lacking:
                raise DataError(f"the budget lacks {name} {sorted(lacking)[0]}")
    values = np.asarray(budget)
    if values.dtype.kind not in "if" or not bool((values > 0).all()):
        raise DataError("the budget is no positive sum of CNY in every year; write: budget=2.5e9")
    return budget
