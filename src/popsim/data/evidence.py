"""The studies behind the default response: one row an estimate, with its citation.

Every row states a finding that was read in a source and is a change of births in per cent. Left
out are findings without a number, numbers from memory, and findings in units that cannot be turned
into per cent of births: costs per additional birth, changes of a quota, percentage points of a
probability without its level, and answers of surveys but for one (``outcome`` is ``intention``).
Programmes that changed nothing are mostly among the first; they stand in the ``p_zero`` of the
default. What is *not* read is said: ``dose_denominator`` and ``effect_base`` are ``recalled``
where the number by which a dose or an effect was divided is from memory. For the GDP per head
behind a dose that is nearly everywhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from typing import Literal

import pandas as pd

from popsim.errors import DataError, Problems, nearest

__all__ = ["CHANNELS", "EVIDENCE_COLUMNS", "OUTCOMES", "EvidenceColumn", "evidence"]

CHANNELS = ("cash", "childcare", "fee", "leave", "housing")
"""What a measure gives; taxes, credits and allowances are cash."""

OUTCOMES = ("births", "completed fertility", "intention")
"""What a study counted: births of a period, children by the end, or what people said."""

_ORDERS = ("all", "1", "2", "3", "4", "2+", "3+", "4+")
_FILE = "evidence.csv"


@dataclass(frozen=True)
class EvidenceColumn:
    """A column of the evidence table.

    Parameters
    ----------
    kind : {"text", "number", "flag"}
        What the cells hold; an empty number is NaN.
    units : str
        Unit; empty for text.
    long_name, long_name_zh : str
        Headings in English and Chinese.
    definition : str
        What it is.
    """

    kind: Literal["text", "number", "flag"]
    units: str
    long_name: str
    long_name_zh: str
    definition: str


EVIDENCE_COLUMNS: dict[str, EvidenceColumn] = {
    "id": EvidenceColumn("text", "", "estimate", "估计编号", "Name of the estimate."),
    "citation": EvidenceColumn("text", "", "citation", "文献", "The study."),
    "doi": EvidenceColumn("text", "", "DOI", "DOI", "Empty unless it was seen on a page."),
    "country": EvidenceColumn("text", "", "country", "国家或地区", "Where the measure was taken."),
    "year": EvidenceColumn("text", "", "year", "政策年份", "Year or years of the measure."),
    "instrument": EvidenceColumn("text", "", "measure", "政策措施", "What was paid or provided."),
    "channel": EvidenceColumn(
        "text", "", "channel", "响应渠道", f"What it gives: {', '.join(CHANNELS)}."
    ),
    "design": EvidenceColumn(
        "text", "", "design", "研究设计", "How the effect was told from other causes."
    ),
    "birth_order": EvidenceColumn(
        "text", "", "births studied", "研究对象孩次", "Births studied, as the source has it."
    ),
    "order": EvidenceColumn(
        "text", "", "birth order", "孩次", "The same as one of all, 1, 2, 3, 4, 2+, 3+, 4+."
    ),
    "outcome": EvidenceColumn("text", "", "outcome", "结果变量", f"One of {', '.join(OUTCOMES)}."),
    "effect_pct": EvidenceColumn(
        "number",
        "%",
        "effect on births",
        "出生效应",
        "Change of the births studied, with its sign, for the dose or what effect_unit names.",
    ),
    "effect_unit": EvidenceColumn(
        "text", "", "unit in the source", "原文单位", "Unit of the figure in the source."
    ),
    "effect_base": EvidenceColumn(
        "text",
        "",
        "base of the effect is",
        "效应基数来源",
        "stated or recalled: the level by which a change was divided; empty without a division.",
    ),
    "effect_low_pct": EvidenceColumn(
        "number", "%", "effect, lower bound", "效应95%区间下限", "95 % bound, where one was read."
    ),
    "effect_high_pct": EvidenceColumn(
        "number", "%", "effect, upper bound", "效应95%区间上限", "95 % bound, where one was read."
    ),
    "dose_pv_pct_gdppc": EvidenceColumn(
        "number",
        "%",
        "money per child, per cent of GDP per head",
        "每孩补贴现值占人均GDP比重",
        "All money per child, up to three years undiscounted, longer streams at 4 % a year.",
    ),
    "coverage_points": EvidenceColumn(
        "number",
        "%",
        "coverage of childcare, points",
        "托育覆盖率变动（百分点）",
        "Points of age 0-2.",
    ),
    "dose_denominator": EvidenceColumn(
        "text",
        "",
        "denominator of the dose is",
        "剂量分母来源",
        "GDP per head, or children under 3: stated (read in a source) or recalled.",
    ),
    "dose_change": EvidenceColumn(
        "text",
        "",
        "measure was",
        "政策变动方向",
        "introduced (or raised) or withdrawn (or cut); empty for prices of houses.",
    ),
    "semi_per_1pct_pv": EvidenceColumn(
        "number",
        "%",
        "births per 1 % of GDP per head",
        "人均GDP每1%对应的出生效应",
        "Size of the effect over the money per child; empty for transitory effects.",
    ),
    "transitory": EvidenceColumn(
        "flag", "", "transitory", "短暂效应", "An effect of months around a date, not of a rule."
    ),
    "derivation": EvidenceColumn(
        "text", "", "derivation", "推算过程", "How dose and effect follow from what was read."
    ),
    "programme": EvidenceColumn("text", "", "programme", "项目", "Estimates of one are no two."),
    "pool": EvidenceColumn("flag", "", "pooled", "纳入合并", "Stands in the pool of the default."),
    "cv_for_pooling": EvidenceColumn(
        "number",
        "1",
        "standard error of the logarithm",
        "对数标准误",
        "For weights in a pool; an assumption everywhere but for Spain.",
    ),
    "quality": EvidenceColumn(
        "text",
        "",
        "quality",
        "质量等级",
        "A: table read; B: abstract; C: press or working paper; D: no counterfactual.",
    ),
    "source": EvidenceColumn("text", "", "read in", "阅读来源", "Where the number was read."),
}
"""The columns of :func:`evidence`, in order."""


def evidence(
    *,
    instrument: str | None = None,
    channel: str | None = None,
    country: str | None = None,
    order: str | int | None = None,
    outcome: str | None = None,
    quality: str | None = None,
    pooled: bool = False,
    verified: bool = False,
    locale: Literal["en", "zh"] | None = None,
) -> pd.DataFrame:
    """Return the estimates of studies on which the default response rests.

    Parameters
    ----------
    instrument : str, optional
        Only measures whose name contains this, capitals or not, e.g. ``"grant"``.
    channel : {'cash', 'childcare', 'fee', 'leave', 'housing'}, optional
        Only measures of one kind.
    country : str, optional
        Only countries whose name contains this, e.g. ``"Canada"``.
    order : {'all', 1, 2, 3, 4, '2+', '3+', '4+'}, optional
        Only estimates for exactly these births.
    outcome : {'births', 'completed fertility', 'intention'}, optional
        Only studies that counted this.
    quality : str, optional
        Grades that are kept, e.g. ``"AB"``.
    pooled : bool
        Only the estimates that the default pools.
    verified : bool
        Only estimates no figure of which is from memory, its denominators included.
    locale : {'en', 'zh'}, optional
        Headings in a language; the names of :data:`EVIDENCE_COLUMNS` otherwise.

    Returns
    -------
    pandas.DataFrame
        One row an estimate, indexed from 0; columns :data:`EVIDENCE_COLUMNS`. ``attrs["source"]``
        says what was selected.

    Raises
    ------
    DataError
        When a filter has an unknown value, or nothing is left.

    Examples
    --------
    >>> table = evidence(pooled=True)
    >>> len(table), table["programme"].nunique()
    (16, 10)
    >>> evidence(country="Spain", order=3)[["id", "effect_pct"]]
                     id  effect_pct
    0  ES-gt-benefit-p3        1.92
    1   ES-gt-cancel-p3       -8.75
    2  ES-gt-transin-p3        9.63
    """
    table = _read()
    problems = Problems()
    if channel is not None and channel not in CHANNELS:
        near = nearest(channel, CHANNELS)
        problems.add(f"channel {channel!r} is unknown", instead=near or ", ".join(CHANNELS))
    if order is not None and str(order) not in _ORDERS:
        problems.add(f"order {order!r} is unknown", instead=", ".join(_ORDERS))
    if outcome is not None and outcome not in OUTCOMES:
        near = nearest(outcome, OUTCOMES)
        problems.add(f"outcome {outcome!r} is unknown", instead=near or ", ".join(OUTCOMES))
    if quality is not None and (not quality or set(quality) - set("ABCD")):
        problems.add(f"quality {quality!r} is unknown", instead="letters of ABCD, e.g. 'AB'")
    if locale not in (None, "en", "zh"):
        problems.add(f"locale {locale!r} is unknown", instead="en or zh")
    problems.raise_if_any()
    kept = pd.Series(True, index=table.index)
    said = []
    for column, part in (("instrument", instrument), ("country", country)):
        if part is not None:
            kept &= table[column].str.contains(part, case=False, regex=False)
            said.append(f"{column} {part!r}")
    if channel is not None:
        kept &= table["channel"] == channel
        said.append(f"channel {channel!r}")
    if order is not None:
        kept &= table["order"] == str(order)
        said.append(f"order {order}")
    if outcome is not None:
        kept &= table["outcome"] == outcome
        said.append(f"outcome {outcome!r}")
    if quality is not None:
        kept &= table["quality"].isin(list(quality))
        said.append(f"quality {quality}")
    if pooled:
        kept &= table["pool"]
        said.append("pooled")
    if verified:
        kept &= (table[["effect_base", "dose_denominator"]] != "recalled").all(axis=1)
        said.append("nothing recalled")
    chosen = table[kept].reset_index(drop=True)
    if chosen.empty:
        raise DataError(f"no estimate of the evidence table has {', '.join(said)}")
    if locale is not None:
        chosen = chosen.rename(columns=_headings(locale))
    chosen.attrs["source"] = f"popsim evidence table: {', '.join(said) or 'all estimates'}"
    return chosen


def _read() -> pd.DataFrame:
    """Return the whole table, typed."""
    path = resources.files("popsim.data") / _FILE
    with path.open(encoding="utf-8") as file:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    table["order"] = [_order(text) for text in table["birth_order"]]
    for name, column in EVIDENCE_COLUMNS.items():
        if column.kind == "number":
            table[name] = pd.to_numeric(table[name].mask(table[name] == ""))
        elif column.kind == "flag":
            table[name] = table[name] == "1"
    return table[list(EVIDENCE_COLUMNS)]


def _order(text: str) -> str:
    """Return the births of an entry such as ``3+ (maximum benefit)``."""
    found = re.match(r"all|[1-4]\+?", text)
    return found[0] if found else text


def _headings(locale: Literal["en", "zh"]) -> dict[str, str]:
    if locale == "en":
        return {name: column.long_name for name, column in EVIDENCE_COLUMNS.items()}
    return {name: column.long_name_zh for name, column in EVIDENCE_COLUMNS.items()}
