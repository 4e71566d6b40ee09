"""Checks of data by name: what a careful reader would compute before believing a table.

A check that needs something the data do not have is *skipped*, and says what it needs.

Examples
--------
>>> "balance" in data_checks().index
True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from popsim.demography.check_findings import (
    Finding,
    MissingError,
    accuracy_index,
    balance,
    births_against_age_0,
    cohort_survival,
    fertility_level,
    life_expectancy_level,
    myers_index,
    order_of_sexes,
    region_totals,
    sex_ratio_at_birth,
    sex_ratios_by_age,
    whipple_index,
)
from popsim.errors import DataError, Problem, nearest

__all__ = ["CHECKS", "Check", "check_data", "data_checks"]


@dataclass(frozen=True)
class Check:
    """A check: its limits and what they mean.

    Parameters
    ----------
    name : str
    function : callable (Dataset, (low, high)) -> iterator of Finding
    limits : tuple of float
        Lowest and highest value that passes; may be changed in :func:`check_data`.
    meaning, meaning_zh : str
    """

    name: str
    function: Callable[[xr.Dataset, tuple[float, float]], Iterator[Finding]]
    limits: tuple[float, float]
    meaning: str
    meaning_zh: str


CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        Check(
            "balance",
            balance,
            (-0.005, 0.005),
            "Population less the population before, births, deaths and net migration, per year, "
            "as a share of the population before: people whom the flows do not explain.",
            "人口增量减去出生、死亡和净迁移后的年均余额占期初人口的比例：流量无法解释的人数。",
        ),
        Check(
            "whipple",
            whipple_index,
            (0, 125),
            "Whipple's index of ages ending in 0 and 5, ages 25-60 of 23-62; 100 none, 500 all; "
            "up to 125 at least approximate.",
            "惠普尔指数（25—60岁，分母23—62岁）：100为无尾数偏好，500为全部偏好；125以内可用。",
        ),
        Check(
            "myers",
            myers_index,
            (0, 10),
            "Myers' blended index, ages 10-89: percent who would have to tell another last digit.",
            "迈尔斯混合指数（10—89岁）：需要改报尾数的人口百分比。",
        ),
        Check(
            "age_sex_accuracy",
            accuracy_index,
            (0, 20),
            "United Nations age-sex accuracy index, groups to 75+; under 20 accurate, above 40 "
            "highly inaccurate; small areas and areas of migration score high.",
            "联合国年龄性别准确性指数（分组至75岁及以上）：20以下准确，40以上很不准确；"
            "人口少或迁移多的地区偏高。",
        ),
        Check(
            "sex_ratio_by_age",
            sex_ratios_by_age,
            (0.7, 1.4),
            "Men per woman by 5-year group under 75.",
            "75岁以下各五岁组性别比（男/女）。",
        ),
        Check(
            "order_of_sexes",
            order_of_sexes,
            (0, 1),
            "Men per woman at ages 80 and over: above 1 the columns of men and women are probably "
            "exchanged.",
            "80岁及以上性别比（男/女）：大于1时男、女两列很可能颠倒。",
        ),
        Check(
            "sex_ratio_at_birth",
            sex_ratio_at_birth,
            (1.0, 1.4),
            "Boys per girl at birth; 1.03 to 1.07 without selection.",
            "出生人口性别比（男/女）：无选择时为1.03—1.07。",
        ),
        Check(
            "births_against_age_0",
            births_against_age_0,
            (0.7, 1.3),
            "Infants of a 1 January over the births of the year before; of a baseline, over the "
            "births that its rates give in the year after.",
            "1月1日0岁人口与上年出生人数之比；基准数据则与其生育率给出的次年出生人数相比。",
        ),
        Check(
            "cohort_survival",
            cohort_survival,
            (0, 1.05),
            "Largest ratio of a cohort to itself at the date before, known migration of single "
            "years taken out: above 1 people have come from nowhere.",
            "同一队列后期与前期人数之比的最大值（扣除已知年度净迁移）：大于1表示人口凭空增加。",
        ),
        Check(
            "fertility_range",
            fertility_level,
            (0.4, 8),
            "Total fertility rate, births per woman.",
            "总和生育率（个孩子/妇女）。",
        ),
        Check(
            "life_expectancy_range",
            life_expectancy_level,
            (40, 95),
            "Life expectancy at birth, years.",
            "出生时平均预期寿命（岁）。",
        ),
        Check(
            "region_totals",
            region_totals,
            (-1e-6, 1e-6),
            "Population of the parts over that of their parent, less 1.",
            "各下级地区人口之和与上级地区人口之比减1。",
        ),
    )
}
"""Checks by name, in the order in which they are run."""


def data_checks() -> pd.DataFrame:
    """Return names, limits and meanings of the checks.

    Returns
    -------
    pandas.DataFrame
        Index ``check``; columns ``low``, ``high``, ``meaning``, ``meaning_zh``.

    Examples
    --------
    >>> float(data_checks().loc["whipple", "high"])
    125.0
    """
    rows = [
        {
            "check": check.name,
            "low": check.limits[0],
            "high": check.limits[1],
            "meaning": check.meaning,
            "meaning_zh": check.meaning_zh,
        }
        for check in CHECKS.values()
    ]
    return pd.DataFrame(rows).set_index("check")


def check_data(
    data: xr.Dataset,
    *,
    checks: Iterable[str] | None = None,
    strict: Iterable[str] = (),
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """Check data by name; refuse data that fail a check named in ``strict``.

    Parameters
    ----------
    data : xarray.Dataset
        A baseline, counts from :func:`popsim.read_counts`, or results with history.
    checks : iterable of str, optional
        Names from :func:`data_checks`; all by default.
    strict : iterable of str
        Names of checks that must pass, and must not be skipped.
    limits : mapping of str to tuple of float, optional
        Lowest and highest value that passes, in place of those of :func:`data_checks`.

    Returns
    -------
    pandas.DataFrame
        Columns ``check``, ``where``, ``value``, ``low``, ``high``, ``verdict`` (pass, fail,
        skipped), ``meaning``, ``meaning_zh``; a skipped check says in ``where`` what it needs.

    Raises
    ------
    DataError
        When a name is unknown, or with every failure of the checks in ``strict``.

    Examples
    --------
    >>> from popsim.data.samples import load_baseline
    >>> table = check_data(load_baseline("zhejiang-2020"), checks=["fertility_range", "balance"])
    >>> table[["check", "value", "verdict"]].round(2).values.tolist()
    [['balance', nan, 'skipped'], ['fertility_range', 0.98, 'pass']]
    """
    must = list(strict)
    asked = list(CHECKS) if checks is None else [*checks, *must]
    changed = dict(limits or {})
    problems = [
        Problem(f"there is no check {name!r}", instead=nearest(name, CHECKS) or ", ".join(CHECKS))
        for name in dict.fromkeys([*asked, *must, *changed])
        if name not in CHECKS
    ]
    if problems:
        raise DataError(problems)
    rows: list[dict[str, Any]] = []
    for name, check in CHECKS.items():
        if name not in asked:
            continue
        try:
            found = list(check.function(data, changed.get(name, check.limits)))
        except MissingError as missing:
            found = []
            rows.append(_row(check, Finding(str(missing), np.nan, *check.limits), "skipped"))
            if name in must:
                problems.append(Problem(f"cannot be checked: {missing}", where=name))
        for finding in found:
            verdict = "pass" if finding.passes else "fail"
            rows.append(_row(check, finding, verdict))
            if verdict == "fail" and name in must:
                problems.append(_failure(check, finding))
    if problems:
        raise DataError(problems)
    return pd.DataFrame(rows)


def _row(check: Check, finding: Finding, verdict: str) -> dict[str, Any]:
    return {
        "check": check.name,
        "where": finding.where,
        "value": finding.value,
        "low": finding.low,
        "high": finding.high,
        "verdict": verdict,
        "meaning": check.meaning,
        "meaning_zh": check.meaning_zh,
    }


def _failure(check: Check, finding: Finding) -> Problem:
    return Problem(
        f"{finding.value:.5g} is not between {finding.low:g} and {finding.high:g}. {check.meaning}",
        where=f"{check.name}, {finding.where}",
    )
