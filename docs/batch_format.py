"""The reference page of batch files, made from the classes that are the format."""

from __future__ import annotations

import typing
from types import UnionType
from typing import Any

from popsim.batch import model
from popsim.policy import fields
from popsim.policy.base import Label, Number

__all__ = ["batch_reference"]

#: How a value of each type is written in a file.
_WRITTEN: tuple[tuple[Any, str], ...] = (
    (fields.Name, "name: letters, digits, `-` and `_`"),
    (fields.Regions, '`all`, or codes as text: `["331126", "330500"]`'),
    (model.Indicators, "`headline`, or a list of names"),
    (model.Number, "number"),
    (model.Whole, "whole number"),
    (Number, "number"),
    (bool, "`true` or `false`"),
    (str, "text"),
    (int, "whole number"),
    (float, "number"),
)

_MEANING: dict[str, dict[str, str]] = {
    "Batch": {
        "schema": "kind and version of the file",
        "id": "the name of the file without `.batch.yaml`",
        "label": "name in both languages",
        "data": "the population",
        "regions": "which regions of the data; a province or city code stands for its counties",
        "scenarios": "names of scenario files beside this one, or paths from it; `baseline` is "
        "always run",
        "sweep": "scenarios with other values in some places",
        "response": "`default`, or a response file beside this one",
        "uncertainty": "which demographic assumptions are drawn, as in `popsim run`",
        "until": "last year; the last of the data by default",
        "draws": "number of random draws",
        "seed": "seed of all random numbers",
        "keep": "what is written",
        "notes": "what a reader must know of the batch",
    },
    "Data": {
        "baseline": "name of an embedded baseline",
        "tables": "folder or workbook of tables of data, beside this file",
        "like": "embedded baseline that fills what the tables do not have",
        "file": "a baseline saved as netCDF (`popsim.save_result`), beside this file",
        "fertility": "what is held after the last observed year",
        "extend_to": "year to which the data are carried on; their last year stands for later ones",
        "split": "made-up counties instead of the one region",
    },
    "Split": {
        "counties": "number of counties, 1 to 999",
        "shares": "CSV table of counties with their shares of the population",
        "fertility_spread": "standard deviation of the logarithm of the counties' fertility, 0 to "
        "0.5; not used with a table",
    },
    "SweptScenario": {
        "scenario": "name or path of the scenario file",
        "grid": "every combination of values, the last key changing fastest, e.g. "
        "`{policies.grant.amount.2: [300 CNY/month, 600 CNY/month]}`",
        "list": "the first values together, the second ones together, and so on; with a grid, each "
        "row with each of its points",
    },
    "Keep": {
        "indicators": "`headline` is births, births by order, total fertility rate, shares of "
        "second and third births, natural increase, population, dependency ratios and `payments`; "
        "others by their names in the [list of indicators](indicator-list.md), as far as they need "
        "no single ages",
        "quantiles": "quantiles over draws, exact",
        "means": "means over draws",
        "differences": "the same of the paired difference from no new policy",
        "draws": "indicators of which every draw is written; large",
        "population": "population by sex and age of the central trajectory",
        "costs": "what all instruments together cost over five and thirty years of births, the "
        "additional births, the cost of each with its quantiles, the chance of none, and the share "
        "paid for births that would have come anyway",
        "precision": "`single` stores numbers with an error below 6·10⁻⁸ of their value; sums and "
        "quantiles are computed in double precision either way",
    },
    "Label": {"en": "English", "zh": "Chinese (中文)"},
}


def batch_reference() -> list[str]:
    """Return the reference of the batch format."""
    lines = [
        "# Batch files, key by key",
        "",
        "A batch file says what to run and what to keep. [Batches](../batch.md) shows how to",
        "write, run and resume one.",
    ]
    for one, title in (
        (model.Batch, "The file"),
        (model.Data, "Data"),
        (model.Split, "Split"),
        (model.SweptScenario, "Swept scenario"),
        (model.Keep, "Keep"),
        (Label, "Label"),
    ):
        lines += ["", *_section(one, title)]
    return lines


def _section(one: Any, title: str) -> list[str]:
    text = (one.__doc__ or "").strip().replace("``", "`")
    lines = [f"## {title}", "", *(line.strip() for line in text.splitlines()), ""]
    lines += ["| key | written as | required | meaning |", "| --- | --- | --- | --- |"]
    hints = typing.get_type_hints(one, include_extras=True)
    for name, field in one.model_fields.items():
        key = field.alias or name
        if key not in _MEANING[one.__name__]:
            raise LookupError(f"docs/batch_format.py does not say what {one.__name__}.{key} means")
        cells = (
            f"`{key}`",
            _written(hints[name]),
            _need(field),
            _MEANING[one.__name__][key],
        )
        lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return lines


def _need(field: Any) -> str:
    if field.is_required():
        return "yes"
    default = field.default
    if isinstance(default, tuple) and default:
        return f"no: `{list(default)}`"
    if default is None or not isinstance(default, bool | str | float):
        return "no"
    return f"no: `{str(default).lower() if isinstance(default, bool) else default}`"


def _written(hint: Any) -> str:
    for known, text in _WRITTEN:
        if hint == known:
            return text
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, UnionType):
        return " or ".join(_written(part) for part in args if part is not type(None))
    if origin is typing.Literal:
        return " or ".join(f"`{part}`" for part in args)
    if origin is typing.Annotated:
        return _written(args[0])
    if origin is tuple:
        inner = _written(args[0])
        plural = inner if inner.startswith("[") or inner == "text" else f"{inner}s"
        return f"list of {plural}"
    if origin is dict:
        return "lists of values by dotted key"
    if isinstance(hint, type) and hint.__name__ in _MEANING:
        words = "".join(f" {c.lower()}" if c.isupper() else c for c in hint.__name__).strip()
        return f"[{words}](#{words.replace(' ', '-')})"
    raise LookupError(f"docs/batch_format.py does not say how {hint} is written")
