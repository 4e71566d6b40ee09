"""What the keys of policy files are called and mean: for editors, reference pages and diffs.

A class of one's own says the same beside its fields: ``Field(description="...",
json_schema_extra={"label": {"en": "...", "zh": "..."}})``.
"""

from __future__ import annotations

import re

from pydantic import BaseModel
from pydantic.fields import FieldInfo

__all__ = ["key_label", "kind_label", "meaning", "text_of"]

#: Names of kinds of instrument, English and Chinese.
KINDS: dict[str, tuple[str, str]] = {
    "cash_transfer": ("cash transfer", "现金补助"),
    "childcare_capacity": ("childcare places", "托位建设"),
    "childcare_operation": ("childcare operating subsidy", "托育运营补助"),
}

#: Names of keys, English and Chinese.
LABELS: dict[str, tuple[str, str]] = {
    "amount": ("amount", "金额"),
    "announced": ("day of announcement", "公布日期"),
    "births": ("births entitled", "适用出生日期"),
    "child_age": ("age of the child", "子女年龄"),
    "class_mix": ("mix of class types", "班型构成"),
    "clause": ("clause", "条款"),
    "construction_subsidy": ("construction grant", "建设补助"),
    "dated": ("date of the document", "发文日期"),
    "ends_announced": ("announcement of the end", "终止公布日期"),
    "extends": ("extends", "沿用"),
    "from": ("from", "起"),
    "gdp_per_head": ("GDP per head", "人均GDP"),
    "id": ("name of the file", "文件名"),
    "issuer": ("issuer", "发文机关"),
    "kind": ("kind", "类型"),
    "label": ("label", "名称"),
    "note": ("note", "说明"),
    "notes": ("notes", "说明"),
    "paid": ("payment of one sum", "一次性发放时点"),
    "payers": ("payers", "出资方"),
    "payments": ("months of payment", "发放期间"),
    "policies": ("policies", "政策"),
    "price_year": ("year of prices", "价格年份"),
    "regions": ("regions", "适用地区"),
    "schema": ("schema", "格式"),
    "source": ("source", "来源"),
    "status": ("status", "状态"),
    "take_up": ("take-up", "领取率"),
    "target": ("target", "目标"),
    "title": ("title", "标题"),
    "to": ("to", "止"),
    "url": ("address", "网址"),
}

#: What each key means, by class; keys with the same meaning everywhere stand under ``*``. A class
#: inherits the meanings of its bases, and ``Field(description=...)`` comes before them.
MEANING: dict[str, dict[str, str]] = {
    "*": {
        "schema": "kind and version of the file",
        "id": "the name of the file without `.yaml`",
        "label": "name in both languages, for tables and plots",
        "announced": "day on which the rule became known; nobody answers it before",
        "payers": "who pays, shares that sum to 100 %; `unstated` when not given",
        "clause": "clause of the document",
        "note": "what a reader must know of this instrument",
        "notes": "what a reader must know of the file",
        "kind": "kind of instrument",
        "evidence": "where the number comes from",
        "dist": "form of the distribution",
        "map": "form of the map from dose to effect",
        "order_multiplier": "effect on each birth order relative to the map",
        "quantum_share": "share of the effect that lasts, 0 to 1; the rest is taken back",
        "decision_lag": "from the announcement to the first conceptions that answer it",
        "ramp": "from the first answers to the full effect",
        "utilisation": "share of childcare places in use, 0 to 1; all when not given",
        "low": "smaller values are set to this one",
        "high": "larger values are set to this one",
        "p_zero": "probability of exactly 0 (a programme that does nothing)",
    },
    "Scenario": {
        "regions": "where the rules apply; a province or city code covers its counties",
        "extends": "scenario beside this file from which everything not said here is taken",
        "status": "`final` when the document is in force, `draft` otherwise",
        "source": "the document",
        "policies": "instruments by name",
        "gdp_per_head": "GDP per head (人均GDP) that money is compared with; needed with money "
        "when the baseline has none",
    },
    "Label": {"en": "English", "zh": "Chinese (中文)"},
    "Source": {
        "title": "title of the document",
        "issuer": "who issued it",
        "dated": "its date or year, as text",
        "url": "where it can be read",
        "clause": "clause that is used",
    },
    "Window": {
        "from": "first day, included",
        "to": "last day, included; without it the window stays open",
    },
    "CashTransfer": {
        "amount": "money per child; `CNY/month` and `CNY/year` are streams, `CNY` is paid once",
        "births": "birth dates that are entitled; a child keeps all its payments",
        "child_age": "ages at which a stream is paid; `0-36 months` is 36 payments, the month of "
        "birth first; required with a stream",
        "payments": "months in which money is paid at all, for schemes that also reach children "
        "already born",
        "paid": "when one sum is paid; for the record, both are booked in the month of birth",
        "ends_announced": "day on which the end of `payments` became known",
        "take_up": "share of entitled children who are paid (领取率)",
        "price_year": "year of the prices, for the record; amounts are not converted",
    },
    "ChildcareCapacity": {
        "target": "places for children under 3 per 1,000 residents (每千人口托位数)",
        "construction_subsidy": "grant for every place built from the announcement on, once",
    },
    "ChildcareOperation": {
        "amount": "monthly subsidy to providers per enrolled child",
        "class_mix": "children in care by class type; an assumption of the package when not given",
    },
    "ResponseFile": {
        "id": "name of the response",
        "conception_lag": "from conception to birth",
        "payback": "share of the births brought forward that is taken back in each following year; "
        "sums to 1",
        "channels": "one map for each way in which a policy can change births",
    },
    "Channels": {
        "cash": "answers to `cash_transfer`; no effect when left out",
        "childcare": "answers to `childcare_capacity`; no effect when left out",
    },
    "OrderMultipliers": {
        "1": "first births",
        "2": "second births",
        "3": "third and later births",
    },
    "Evidence": {
        "rows": "ids of the embedded table of studies",
        "source": "studies or other source",
        "judgement": "what was judged, and how",
    },
    "SaturatingChannel": {
        "beta": "per cent more births per 1 % of GDP per head, at small doses",
        "Ds": "dose at which the effect flattens [%]",
        "D0": "dose below which nothing happens [%]",
    },
    "LinearChannel": {
        "effect": "per cent more births for a dose of `per_dose`",
        "per_dose": "dose to which `effect` belongs [%]",
    },
    "PowerChannel": {
        "at_10": "per cent more births at a dose of 10 %",
        "exponent": "exponent of the dose",
    },
    "Lognormal": {"median": "median", "sigma": "standard deviation of the logarithm"},
    "Normal": {"mean": "mean", "sd": "standard deviation"},
    "Beta": {"a": "first shape parameter", "b": "second shape parameter; mean a / (a + b)"},
    "Uniform": {},
    "Fixed": {"value": "the value"},
}


def key_label(key: str, field: FieldInfo | None = None) -> tuple[str, str]:
    """Return what a key is called, in English and Chinese; the key itself when no name is known.

    Examples
    --------
    >>> key_label("take_up")
    ('take-up', '领取率')
    >>> key_label("quota")
    ('quota', 'quota')
    """
    extra = field.json_schema_extra if field is not None else None
    own = extra.get("label") if isinstance(extra, dict) else None
    if isinstance(own, dict) and "en" in own and "zh" in own:
        return str(own["en"]), str(own["zh"])
    plain = key.replace("_", " ")
    return LABELS.get(key, (plain, plain))


def kind_label(kind: str, model: type[BaseModel] | None = None) -> tuple[str, str]:
    """Return what a kind of instrument is called; its first sentence of docstring says more.

    Parameters
    ----------
    kind : str
    model : type of pydantic.BaseModel, optional
        The class of the kind; ``json_schema_extra={"label": ...}`` of its ``kind`` names it.

    Examples
    --------
    >>> kind_label("cash_transfer")
    ('cash transfer', '现金补助')
    """
    field = model.model_fields.get("kind") if model is not None else None
    if field is not None and isinstance(field.json_schema_extra, dict):
        return key_label(kind, field)
    plain = kind.replace("_", " ")
    return KINDS.get(kind, (plain, plain))


def meaning(model: type[BaseModel], name: str) -> str:
    """Return what a field of a class means, or ``""`` when nobody has said it.

    Parameters
    ----------
    model : type of pydantic.BaseModel
    name : str
        Name of the field in Python, such as ``from_``.

    Examples
    --------
    >>> from popsim.policy.model import CashTransfer
    >>> meaning(CashTransfer, "take_up")
    'share of entitled children who are paid (领取率)'
    """
    field = model.model_fields[name]
    if field.description:
        return field.description
    key = field.alias or name
    for one in model.__mro__:
        text = MEANING.get(one.__name__, {}).get(key)
        if text is not None:
            return text
    return MEANING["*"].get(key, "")


def text_of(model: type[BaseModel]) -> str:
    """Return the docstring of a class without its sections, with single quotes around code.

    Examples
    --------
    >>> from popsim.policy.model import Label
    >>> text_of(Label)
    'A name in two languages.'
    """
    lines = (model.__doc__ or "").strip().splitlines()
    text = "\n".join(line.strip() for line in lines)
    for section in ("Parameters\n---", "Attributes\n---", "Examples\n---", "Notes\n---"):
        text = text.split(section)[0]
    return re.sub(r":\w+:`~?([^`]*)`", r"`\1`", text.replace("``", "`")).strip()
