"""The reference page of batch files, made from the classes that are the format."""

from __future__ import annotations

import typing
from types import UnionType
from typing import Any

from popsim.batch import model
from popsim.batch.words import MEANING, key_label
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
    lines += ["| key | 中文 | written as | required | meaning |", f"|{' --- |' * 5}"]
    hints = typing.get_type_hints(one, include_extras=True)
    for name, field in one.model_fields.items():
        key = field.alias or name
        if key not in MEANING[one.__name__]:
            raise LookupError(f"popsim/batch/words.py does not say what {one.__name__}.{key} means")
        english, chinese = key_label(key)
        cells = (
            f"`{key}`",
            "" if chinese == english else chinese,
            _written(hints[name]),
            _need(field),
            MEANING[one.__name__][key],
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
    if isinstance(hint, type) and hint.__name__ in MEANING:
        words = "".join(f" {c.lower()}" if c.isupper() else c for c in hint.__name__).strip()
        return f"[{words}](#{words.replace(' ', '-')})"
    raise LookupError(f"docs/batch_format.py does not say how {hint} is written")
