"""Pages that are made from the code at build time, so that they cannot fall behind it.

``conf.py`` calls :func:`write_all`. A key or type that has no text here stops the build.
"""

from __future__ import annotations

import shutil
import typing
from collections.abc import Iterable
from pathlib import Path
from types import UnionType
from typing import Any

from batch_format import batch_reference

from popsim import variables
from popsim.demography.indicators import SETS, Indicator, indicator_names, registered_indicators
from popsim.demography.indicators.quantities import HISTORY, ONE_OF, QUANTITIES, asked_for
from popsim.policy import fields, model
from popsim.units import UNITS

__all__ = ["write_all"]

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"

GROUPS = (
    ("Inputs: a baseline", variables._BASELINE),
    ("Flows of a year", variables._FLOWS),
    ("Stocks on 1 January", variables._STOCKS),
    ("Indicators", variables._INDICATORS),
    ("Further indicators", variables._FURTHER_INDICATORS),
    ("Change in births by cause", variables._DECOMPOSITION),
    ("Policy: promises, payments, cost, chances", variables._POLICY),
    ("Uncertainty of timing", variables._UNCERTAINTY),
    ("One's own tables", variables._TABLES),
    ("Between regions", variables._BETWEEN_REGIONS),
    ("Two censuses", variables._TWO_CENSUSES),
    ("Looking back", variables._LOOKING_BACK),
)

#: How a value of each type is written in a file.
WRITTEN: tuple[tuple[Any, str], ...] = (
    (fields.Date, "day: `2023-01-01`"),
    (fields.Name, "name: letters, digits, `-` and `_`"),
    (fields.Regions, '`all`, or codes as text: `["331126"]`'),
    (
        fields.MoneyByOrder,
        "money, or money by birth order: `{2: 300 CNY/month, 3+: 600 CNY/month}`",
    ),
    (fields.MoneyByClass, "money by class type: `{infant: 500 CNY/month}`"),
    (fields.MoneyPerPlace, "money a place: `2000 CNY/place`"),
    (fields.GDPPerHead, "money: `125043 CNY`"),
    (fields.PlacesByYear, "places by year: `{2025: 4.5 places/1000 residents}`"),
    (fields.Payers, "shares by payer: `{county: 70 %, province: 30 %}`"),
    (fields.ClassMix, "shares by class type: `{toddler: 40 %, older_toddler: 60 %}`"),
    (fields.Fraction, "share: `90 %`"),
    (fields.Duration, "whole months: `9 months`"),
    (fields.AgeSpan, "ages in months: `0-36 months`"),
    (model.Number, "number"),
    (model.OrderMultipliers, "[multipliers](#ordermultipliers)"),
    (model.Distribution, "[distribution](#distributions)"),
    (model.Channel, "[channel](#maps-of-a-channel)"),
    (str, "text"),
    (int, "year"),
)

#: What each key means; keys with the same meaning everywhere stand under ``*``.
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


def write_all(folder: Path) -> None:
    """Write every generated page, and copy the notebooks, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "schema.md": schema(),
        "nomenclature.md": nomenclature(),
        "indicator-list.md": indicator_list(),
        "scenario-reference.md": scenario_reference(),
        "response-reference.md": response_reference(),
        "batch-reference.md": batch_reference(),
    }
    for name, lines in pages.items():
        _write(folder / name, "\n".join(lines) + "\n")
    for notebook in NOTEBOOKS.glob("*.ipynb"):
        shutil.copy(notebook, folder / notebook.name)


def _write(path: Path, text: str) -> None:
    # An unchanged file keeps its time, so that Sphinx does not read it again.
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    head = list(head)
    cells = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *cells]
    return ["| " + " | ".join(line) + " |" for line in lines]


def schema() -> list[str]:
    """Return the page of variables: dimensions, unit, range, definition, labels."""
    lines = [
        "# Variables",
        "",
        "Every variable that popsim reads or reports. A Dataset may leave out dimensions that it",
        "does not need. *Shown in* is the unit of tables and plots where it differs.",
        "",
        "## Dimensions",
        "",
        *_table(
            ("dimension", "名称", "what it holds"),
            ((f"`{d.name}`", d.long_name_zh, d.definition) for d in variables.DIMENSIONS.values()),
        ),
    ]
    for title, group in GROUPS:
        lines += ["", f"## {title}", ""]
        for row in group:
            lines += [*_variable(row), ""]
    return lines[:-1]


def _variable(row: variables.Variable) -> list[str]:
    shown = f"; shown in {_unit(row.display)}" if row.display else ""
    limits = _range(row)
    return [
        f"`{row.name}`",
        f": **{row.long_name}** · {row.long_name_zh}  ",
        f"  {row.definition}  ",
        f"  ({', '.join(row.dims)}) [{_unit(row.units)}]{shown}{limits}",
    ]


def _unit(name: str) -> str:
    return name.replace("10^4", "10⁴").replace("year-1", "year⁻¹")


def _range(row: variables.Variable) -> str:
    low, high = row.minimum, row.maximum
    if high != float("inf"):
        return f"; from {low:g} to {high:g}"
    return f"; not below {low:g}" if low != float("-inf") else ""


def nomenclature() -> list[str]:
    """Return the page of terms in both languages."""
    known = variables.VARIABLES.values()
    lines = [
        "# Terms, English and Chinese",
        "",
        "The words of tables and plots, as popsim writes them in either language.",
        "",
        "## Indicators and inputs",
        "",
        *_table(
            ("English", "中文", "variable"),
            sorted((v.long_name, v.long_name_zh, f"`{v.name}`") for v in known),
        ),
        "",
        "## Dimensions",
        "",
        *_table(
            ("English", "中文", "dimension"),
            sorted(
                (d.long_name, d.long_name_zh, f"`{d.name}`") for d in variables.DIMENSIONS.values()
            ),
        ),
        "",
        "## Units",
        "",
        *_table(
            ("English", "中文", "measures"),
            ((_unit(u.name), u.name_zh, u.kind) for u in UNITS.values() if u.name != "1"),
        ),
    ]
    return lines


def indicator_list() -> list[str]:
    """Return the page of indicators: unit, definition, source, sets, needs."""
    known = registered_indicators()
    lines = [
        "# List of indicators",
        "",
        "`ps.indicators(projected, names)` computes them; [Indicators](../indicators.md) shows",
        "how.",
        '*Every age*: needs `project(..., detail="history")`.',
        "",
        "## Sets",
        "",
        *_table(
            ("set", "what for", "indicators"),
            ((f"`{name}`", text, str(len(indicator_names(name)))) for name, text in SETS.items()),
        ),
        "",
        "## Indicators",
        "",
    ]
    for one in known.values():
        lines += [*_indicator(one, known), ""]
    lines += [
        "## Quantities",
        "",
        "What a function may ask for besides outputs of the projection and other indicators:",
        "",
    ]
    for name, function in QUANTITIES.items():
        text = (function.__doc__ or "").split("\n\n")[0].replace("``", "`").replace("\n", " ")
        lines += [f"`{name}`", f": {' '.join(text.split())}", ""]
    return lines[:-1]


def _indicator(one: Indicator, known: dict[str, Indicator]) -> list[str]:
    row = variables.VARIABLES[one.name]
    shown = f", shown in {_unit(row.display)}" if row.display else ""
    dims = ", ".join(row.dims)
    needs = _outputs(one.needs, known)
    every_age = "*Every age.* " if needs & set(HISTORY) else ""
    return [
        f"`{one.name}`",
        f": **{one.long_name}** · {one.long_name_zh}  ",
        f"  {one.definition}  ",
        f"  ({dims}) [{_unit(one.units)}]{shown}  ",
        f"  {every_age}Needs {', '.join(f'`{name}`' for name in sorted(needs))}. "
        f"Sets: {', '.join(one.sets)}. Source: {one.source}.",
    ]


def _outputs(needs: Iterable[str], known: dict[str, Indicator]) -> set[str]:
    """Follow needs through indicators and quantities to outputs of the projection."""
    found: set[str] = set()
    for name in needs:
        if name in ONE_OF:
            found.add(ONE_OF[name][0])
        elif name in QUANTITIES:
            found |= _outputs(asked_for(QUANTITIES[name])[0], known)
        elif name in known and name not in known[name].needs:
            found |= _outputs(known[name].needs, known)
        elif name != "attributes":
            found.add(name)
    return found


def scenario_reference() -> list[str]:
    """Return the reference of the scenario format."""
    return [
        "# Scenario files, key by key",
        "",
        "A scenario says what government does. [Policies](../policy.md) shows how to write one.",
        "",
        *_model(model.Scenario, "The file"),
        "",
        "## Kinds of instrument",
        "",
        "Each entry of `policies` is one of these; `kind` says which. All have these keys:",
        "",
        *_rows(model._Policy),
        *_sections(
            model.CashTransfer, model.ChildcareCapacity, model.ChildcareOperation, kind="kind"
        ),
        "",
        "## Parts",
        *_sections(model.Label, model.Source, model.Window),
    ]


def response_reference() -> list[str]:
    """Return the reference of the response format."""
    return [
        "# Response files, key by key",
        "",
        "A response says how families answer. [Policies](../policy.md) explains what is assumed.",
        "",
        *_model(model.ResponseFile, "The file"),
        "",
        "## Maps of a channel",
        "",
        "Each of `cash` and `childcare` is one of these; `map` says which. All have these keys:",
        "",
        *_rows(model._Channel),
        *_sections(model.SaturatingChannel, model.LinearChannel, model.PowerChannel, kind="map"),
        "",
        "## Distributions",
        "",
        "`dist` says which. All may have these keys, and a uniform one needs `low` and `high`:",
        "",
        *_rows(model._Distribution),
        *_sections(
            model.Lognormal, model.Normal, model.Beta, model.Uniform, model.Fixed, kind="dist"
        ),
        "",
        "## Parts",
        *_sections(model.Channels, model.OrderMultipliers, model.Evidence, model.Label),
    ]


def _sections(*models: type[model._Strict], kind: str = "") -> list[str]:
    """Return a section for each class; those of a ``kind`` leave out the keys that all have."""
    lines: list[str] = []
    for one in models:
        name, common = one.__name__, None
        if kind:
            (tag,) = typing.get_args(one.model_fields[kind].annotation)
            name, common = f"`{tag}`", one.__bases__[0]
        lines += ["", *_model(one, name, "###", kind, common)]
    return lines


def _model(
    one: type[model._Strict], title: str, level: str = "##", kind: str = "", common: Any = None
) -> list[str]:
    text = (one.__doc__ or "").split("Examples\n")[0].strip().replace("``", "`")
    lines = [line.strip() for line in text.splitlines()]
    return [f"{level} {title}", "", *lines, "", *_rows(one, kind, common)]


def _rows(one: type[model._Strict], kind: str = "", common: Any = None) -> list[str]:
    """Return the table of the keys of a class, the one that says its kind first."""
    meanings = MEANING.get(one.__name__, {})
    hints = typing.get_type_hints(one, include_extras=True)
    left_out = set(common.model_fields) if common else set()
    rows = []
    for name, field in sorted(one.model_fields.items(), key=lambda item: item[0] != kind):
        key = field.alias or name
        meaning = meanings.get(key) or MEANING["*"].get(key)
        if meaning is None:
            raise LookupError(f"docs/generate.py does not say what {one.__name__}.{key} means")
        if name not in left_out:
            need = "yes" if name == kind else _need(field)
            rows.append((f"`{key}`", _written(hints[name]), need, meaning))
    return _table(("key", "written as", "required", "meaning"), rows)


def _need(field: Any) -> str:
    if field.is_required():
        return "yes"
    default = field.default
    if default is None or isinstance(default, dict | tuple) or default == 0.0:
        return "no"
    if isinstance(default, model.Fixed):
        default = f"{default.value:g}"
    return f"no: `{default}`"


def _written(hint: Any) -> str:
    """Say how a value of a type is written."""
    for known, text in WRITTEN:
        if hint == known:
            return text
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        return " or ".join(_written(a) for a in args if a is not type(None))
    if origin is typing.Literal:
        return " or ".join(f"`{a}`" for a in args)
    if origin is typing.Annotated:
        return _written(args[0])
    if origin is tuple:
        return f"list of {_written(args[0])}s".replace("texts", "text")
    if origin is dict:
        return "mapping of names to instruments"
    if isinstance(hint, type) and issubclass(hint, model._Strict):
        name = hint.__name__
        words = "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()
        return f"[{words}](#{name.lower()})"
    raise LookupError(f"docs/generate.py does not say how {hint} is written")
