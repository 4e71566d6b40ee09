"""Strict reading of a marked file into a frozen class: every problem at its place, with a remedy.

The file formats share this: :mod:`popsim.policy.files` reads scenarios and responses with it, and
:mod:`popsim.batch.files` batches.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from popsim.errors import Problem, Problems, ScenarioError, nearest
from popsim.policy.kinds import KINDS, Instrument
from popsim.policy.marks import Mark, Marked, Steps

__all__ = [
    "BATCH_SCHEMA",
    "RESPONSE_SCHEMA",
    "SCENARIO_SCHEMA",
    "add_at",
    "has_schema",
    "raise_in_order",
    "validated",
]

SCENARIO_SCHEMA = "popsim.scenario/1"
RESPONSE_SCHEMA = "popsim.response/1"
BATCH_SCHEMA = "popsim.batch/1"
_SCHEMAS = (SCENARIO_SCHEMA, RESPONSE_SCHEMA, BATCH_SCHEMA)

_EXAMPLES = {
    "amount": "amount: {2: 300 CNY/month}",
    "announced": "announced: 2023-01-01",
    "births": "births: {from: 2023-01-01}",
    "data": "data: {baseline: zhejiang-2020}",
    "dist": "dist: lognormal",
    "draws": "draws: 1000",
    "from": "from: 2023-01-01",
    "id": "id: the name of the file",
    "kind": "kind: cash_transfer",
    "label": "label: {en: A name, zh: 名称}",
    "map": "map: saturating",
    "grid": "grid: {policies.grant.amount.2: [300 CNY/month, 600 CNY/month]}",
    "regions": 'regions: ["331126"], or regions: all',
    "scenario": "scenario: the name of a scenario file",
    "scenarios": "scenarios: [zhejiang-as-qingyuan]",
    "seed": "seed: 1",
    "target": "target: {2025: 4.5 places/1000 residents}",
}

_Model = TypeVar("_Model", bound=BaseModel)


def has_schema(marked: Marked, schema: str, problems: Problems) -> bool:
    """Say whether a file is of a schema; note it when it is not."""
    found = marked.data.get("schema")
    if found == schema:
        return True
    if found is None:
        message = "the required key 'schema' is missing"
    else:
        message = f"the schema {found} is not {schema}"
    add_at(problems, marked.mark(("schema",)), message, f"schema: {schema}")
    return False


def validated(
    model: type[_Model],
    marked: Marked,
    schema: str,
    problems: Problems,
    *,
    whole: bool = True,
) -> _Model | None:
    """Return the class of a file, or None when something is wrong with it.

    Parameters
    ----------
    model : type
        A frozen pydantic class.
    marked : Marked
        What the file says, with places.
    schema : str
        What its key ``schema`` must say.
    problems : Problems
        Where everything that is wrong is noted.
    whole : bool
        Whether all that belongs to it could be read; if not, missing keys are not told.
    """
    data = marked.data
    if not has_schema(marked, schema, problems):
        if data.get("schema") in _SCHEMAS:
            # A file of the other kind: every further message would mislead.
            return None
        data = {**data, "schema": schema}
    try:
        return model.model_validate(data)
    except ValidationError as error:
        _explain_errors(model, data, marked, error, problems, whole)
        return None


def raise_in_order(problems: Problems) -> None:
    """Raise what was found, in the order of the files."""

    def place(problem: Problem) -> tuple[str, int, int]:
        file, _, position = problem.where.partition(":")
        line, _, column = position.partition(":")
        return (file, int(line), int(column)) if column else ("", 0, 0)

    problems.found.sort(key=place)
    problems.raise_if_any(ScenarioError)


def add_at(problems: Problems, mark: Mark | None, message: str, instead: str) -> None:
    """Note a problem at a place of a file."""
    if mark is None:
        problems.add(message, instead=instead)
        return
    problems.add(message, where=str(mark), line=mark.source, column=mark.column, instead=instead)


def _explain_errors(
    model: type[BaseModel],
    data: Any,
    marked: Marked,
    error: ValidationError,
    problems: Problems,
    whole: bool,
) -> None:
    found = []
    mended: set[Steps] = set()
    for item in error.errors():
        steps, of_key = _steps_in(data, item["loc"])
        kind = str(item["type"])
        context = item.get("ctx", {})
        if kind == "extra_forbidden":
            known = list(_known_keys(model, data, steps[:-1]))
            guess = nearest(steps[-1], known)
            if guess:
                mended.add((*steps[:-1], guess))
            else:
                guess = "one of " + ", ".join(known)
            found.append((steps, True, f"unknown key {steps[-1]!r}", guess, kind))
        elif kind in ("missing", "union_tag_not_found"):
            key = (
                str(item["loc"][-1])
                if kind == "missing"
                else str(context["discriminator"]).strip("'")
            )
            owner = f" of {'.'.join(steps)}" if steps else ""
            example = _EXAMPLES.get(key, f"{key}: …")
            message = f"the required key {key!r}{owner} is missing"
            found.append(((*steps, key), True, message, example, "missing"))
        elif kind == "union_tag_invalid":
            tag = str(context["discriminator"]).strip("'")
            known = [k.strip(" '") for k in str(context["expected_tags"]).split(",")]
            guess = nearest(str(context["tag"]), known)
            message = f"unknown {tag} {context['tag']!r}; there are: {', '.join(known)}"
            found.append(((*steps, tag), False, message, f"{tag}: {guess}" * bool(guess), kind))
        elif kind == "popsim":
            # What is wrong with a mapping as a whole is shown at its key.
            of_key = of_key or isinstance(item["input"], dict)
            found.append((steps, of_key, context["message"], context["instead"], kind))
        else:
            message, instead = _plain(kind, item, context)
            found.append((steps, of_key, message, instead, kind))
    for steps, of_key, message, instead, kind in found:
        # A mistyped required key is one mistake, not two; and what is missing may stand in a
        # file that could not be read.
        if kind == "missing" and (steps in mended or not whole):
            continue
        mark = marked.mark(steps[:-1] if kind == "missing" else steps, of_key=of_key)
        if kind == "missing" and len(steps) == 1:
            mark = marked.values.get(())
        add_at(problems, mark, message, instead)


def _plain(kind: str, item: Any, context: dict[str, Any]) -> tuple[str, str]:
    """Return message and remedy for pydantic's own kinds of error."""
    value = item["input"]
    shown = "a list" if isinstance(value, list) else repr(value)
    if isinstance(value, dict):
        shown = "a mapping"
    if kind == "string_type":
        if isinstance(value, int | float):
            return f"{value} is a number, not text", f'"{value}" in quotes'
        return f"{shown} is not text", "text"
    if kind == "literal_error":
        return f"{shown} is not known here", str(context["expected"])
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"{shown} is not a mapping", "key: value lines, or {key: value}"
    if kind in ("float_type", "int_type"):
        return f"{shown} is not a number", "a plain number"
    if kind == "tuple_type":
        return f"{shown} is not a list", "[first, second]"
    return f"{shown} {item['msg'].removeprefix('Input ')}", ""


def _steps_in(data: Any, loc: tuple[int | str, ...]) -> tuple[Steps, bool]:
    """Return the part of a pydantic location that exists in the data."""
    # Locations also name union members and the word [key]; those are not in the file.
    steps: list[str] = []
    here = data
    for part in loc:
        if part == "[key]":
            return tuple(steps), True
        if isinstance(here, dict) and str(part) in here:
            here = here[str(part)]
            steps.append(str(part))
        elif isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
            steps.append(str(part))
    return tuple(steps), False


def _known_keys(model: type[BaseModel], data: Any, steps: Steps) -> Iterator[str]:
    annotations: list[Any] = [model]
    here = data
    for step in steps:
        here = here[int(step)] if isinstance(here, list) else here[step]
        annotations = [a for old in annotations for a in _inside(old, step)]
        annotations = [a for a in annotations if _tag_fits(a, here)]
    for annotation in annotations:
        yield from (f.alias or n for n, f in annotation.model_fields.items())


def _inside(annotation: Any, step: str) -> Iterator[Any]:
    """Yield the classes that may stand under a key of an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if (field.alias or name) == step:
                yield from _flat(field.annotation)
    elif typing.get_origin(annotation) is dict:
        yield from _flat(typing.get_args(annotation)[1])
    elif typing.get_origin(annotation) is tuple:
        yield from _flat(typing.get_args(annotation)[0])


def _flat(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _flat(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for member in typing.get_args(annotation):
            yield from _flat(member)
    elif annotation is Instrument:
        yield from KINDS.values()
    elif origin in (dict, tuple) or (
        isinstance(annotation, type) and issubclass(annotation, BaseModel)
    ):
        yield annotation


def _tag_fits(annotation: Any, here: Any) -> bool:
    if typing.get_origin(annotation) in (dict, tuple):
        return True
    for tag in ("kind", "dist", "map"):
        field = annotation.model_fields.get(tag)
        if field is not None and isinstance(here, dict):
            return here.get(tag) in typing.get_args(field.annotation)
    return True
