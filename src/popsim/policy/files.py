"""Reading policy files strictly: every problem at once, each with its place and a remedy.

A scenario file may extend another one beside it and then says only what differs. Reading
needs neither NumPy nor xarray, so checking a file takes a fraction of a second.
"""

from __future__ import annotations

import copy
import re
import types
import typing
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from popsim.errors import Problem, Problems, ScenarioError, nearest
from popsim.policy.kinds import KINDS, Instrument, load_plugins
from popsim.policy.marks import Mark, Marked, Steps, load, reads_as_text
from popsim.policy.model import Scenario
from popsim.policy.response_file import ResponseFile

__all__ = ["baseline", "read_response", "read_scenario", "scenario_names", "write_scenario"]

SCENARIO_SCHEMA = "popsim.scenario/1"
RESPONSE_SCHEMA = "popsim.response/1"
BASELINE = "baseline"

# What a file says of itself is never inherited.
_OWN = ("schema", "id", "label", "extends")
_POLICIES = ("policies",)

_EXAMPLES = {
    "amount": "amount: {2: 300 CNY/month}",
    "announced": "announced: 2023-01-01",
    "births": "births: {from: 2023-01-01}",
    "dist": "dist: lognormal",
    "from": "from: 2023-01-01",
    "id": "id: the name of the file",
    "kind": "kind: cash_transfer",
    "label": "label: {en: A name, zh: 名称}",
    "map": "map: saturating",
    "regions": 'regions: ["331126"], or regions: all',
    "target": "target: {2025: 4.5 places/1000 residents}",
}

_Model = TypeVar("_Model", bound=BaseModel)


def baseline() -> Scenario:
    """Return the built-in scenario without any policy.

    Examples
    --------
    >>> baseline().policies
    {}
    """
    return Scenario.model_validate(
        {
            "schema": SCENARIO_SCHEMA,
            "id": BASELINE,
            "label": {"en": "No new policy", "zh": "无新增政策"},
            "regions": "all",
        }
    )


def scenario_names(folder: str | Path) -> list[str]:
    """Return the names of the scenarios in a folder, the built-in ``baseline`` among them.

    Parameters
    ----------
    folder : str or pathlib.Path
        Every ``*.yaml`` counts but ``*.expected.yaml``.
    """
    files = (f.stem for f in Path(folder).glob("*.yaml") if not f.stem.endswith(".expected"))
    return sorted({BASELINE, *files})


def read_scenario(path: str | Path) -> Scenario:
    """Read a scenario file and the files that it extends.

    Parameters
    ----------
    path : str or pathlib.Path
        File of schema ``popsim.scenario/1``, or the name ``baseline``.

    Returns
    -------
    Scenario
        With the place of every value, see :meth:`Scenario.explain`.

    Raises
    ------
    ScenarioError
        With all problems of all files.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> file = Path(folder.name, "grant.yaml")
    >>> _ = file.write_text('''schema: popsim.scenario/1
    ... id: grant
    ... label: {en: A grant, zh: 补助}
    ... regions: [331126]
    ... policies: {}
    ... ''', encoding="utf-8")
    >>> read_scenario(file)
    Traceback (most recent call last):
    ...
    popsim.errors.ScenarioError: grant.yaml:4:11: the region code 331126 is a number; write: ...
    >>> folder.cleanup()
    """
    path = Path(path)
    if str(path) == BASELINE and not path.is_file():
        return baseline()
    load_plugins()
    problems = Problems()
    chain, whole = _chain(path, problems)
    if not chain:
        _raise(problems)
    merged = Marked()
    for marked in reversed(chain):
        merged = _extend(merged, marked, problems)
    scenario = _validate(Scenario, merged, SCENARIO_SCHEMA, problems, whole=whole)
    if scenario is not None and scenario.id != path.stem:
        mark = merged.values.get(("id",))
        _add(
            problems,
            mark,
            f"the id {scenario.id!r} is not the name of the file",
            f"id: {path.stem}",
        )
    _raise(problems)
    assert scenario is not None
    scenario._values.update(merged.values)
    return scenario


def write_scenario(scenario: Scenario, path: str | Path) -> Path:
    """Write a scenario whole, with what it took from the files that it extends.

    Reading the file gives the same scenario, and writing that the same file.

    Parameters
    ----------
    scenario : Scenario
    path : str or pathlib.Path
        Named after the scenario, ``<id>.yaml``.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    ScenarioError
        When the file is not named after the scenario, so that it could not be read.

    Examples
    --------
    >>> write_scenario(baseline(), "other.yaml")
    Traceback (most recent call last):
    ...
    popsim.errors.ScenarioError: the file other.yaml is not named after the scenario; write: ...
    """
    path = Path(path)
    if path.name != f"{scenario.id}.yaml":
        raise ScenarioError(
            f"the file {path.name} is not named after the scenario; write: {scenario.id}.yaml"
        )
    data = scenario.model_dump(
        mode="json", by_alias=True, exclude_none=True, exclude_unset=True, exclude={"extends"}
    )
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(_quoted(data), file)
    return path


def _quoted(value: Any) -> Any:
    """Mark text that would read as something else, or be refused, for quotation marks."""
    if isinstance(value, dict):
        return {_quoted_key(key): _quoted(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_quoted(part) for part in value]
    if isinstance(value, str) and not (reads_as_text(value) and value.isprintable()):
        return DoubleQuotedScalarString(value)
    return value


def _quoted_key(key: Any) -> Any:
    # Keys are always read as text: a birth order or a year needs no quotation marks.
    return int(key) if isinstance(key, str) and re.fullmatch(r"[1-9]\d*", key) else key


def read_response(path: str | Path = "default") -> ResponseFile:
    """Read a response file.

    Parameters
    ----------
    path : str or pathlib.Path
        File of schema ``popsim.response/1``, or ``"default"`` for the one shipped.

    Raises
    ------
    ScenarioError
        With all problems of the file.

    Examples
    --------
    >>> read_response().channels.cash.decision_lag
    Quantity(value=6.0, unit='month')
    """
    load_plugins()
    problems = Problems()
    if str(path) == "default":
        shipped = resources.files("popsim.policy") / "default-response.yaml"
        with resources.as_file(shipped) as file:
            marked = load(file, problems)
    else:
        path = Path(path)
        marked = _load(path, problems)
    response = None
    if marked is not None:
        response = _validate(ResponseFile, marked, RESPONSE_SCHEMA, problems)
    _raise(problems)
    assert response is not None
    return response


def check_file(path: str | Path) -> str:
    """Read a scenario or response file and say in one line what it is.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    str
        Kind, identifier and what it holds.

    Raises
    ------
    ScenarioError
        With all problems of the file.
    """
    path = Path(path)
    if not is_scenario(path):
        return f"response {read_response(path).id}"
    scenario = read_scenario(path)
    policies = ", ".join(scenario.policies) or "no policy"
    return f"scenario {scenario.id}: {policies}"


def is_scenario(path: str | Path) -> bool:
    """Return whether a file is no response file, be it a good scenario file or not."""
    path = Path(path)
    marked = load(path, Problems()) if path.is_file() else None
    return marked is None or marked.data.get("schema") != RESPONSE_SCHEMA


def _load(path: Path, problems: Problems) -> Marked | None:
    if path.is_file():
        return load(path, problems)
    known = scenario_names(path.parent) if path.parent.is_dir() else []
    there = f"; scenarios there: {', '.join(known)}" if known else ""
    guess = nearest(path.stem, known)
    problems.add(
        f"there is no file {path}{there}",
        instead=str(path.with_name(f"{guess}.yaml")) * bool(guess),
    )
    return None


def _chain(path: Path, problems: Problems) -> tuple[list[Marked], bool]:
    """Return the file and what it extends, child first, and whether all could be read."""
    chain: list[Marked] = []
    names: list[str] = []
    while True:
        marked = _load(path, problems)
        if marked is None:
            return chain, False
        if chain and not _has_schema(marked, SCENARIO_SCHEMA, problems):
            return chain, False
        names.append(path.stem)
        chain.append(marked)
        parent = marked.data.get("extends")
        if parent is None:
            return chain, True
        mark = marked.values[("extends",)]
        if not isinstance(parent, str):
            # The check of the whole file reports it.
            return chain, False
        if Path(parent).name != parent or "\\" in parent:
            message = f"{parent!r} is not the name of a scenario beside this file"
            plain = Path(parent.replace("\\", "/")).name.removesuffix(".yaml")
            _add(problems, mark, message, f"extends: {plain}" if plain else "")
            return chain, False
        following = path.with_name(f"{parent}.yaml")
        if parent == BASELINE and not following.is_file():
            return chain, True
        if parent in names:
            circle = " → ".join([*names[names.index(parent) :], parent])
            _add(problems, mark, f"the files extend each other in a circle: {circle}", "")
            return chain, False
        if not following.is_file():
            known = [n for n in scenario_names(path.parent) if n not in names]
            guess = nearest(parent.removesuffix(".yaml"), known)
            _add(
                problems,
                mark,
                f"there is no scenario {parent!r} to extend: looked for {parent}.yaml beside the "
                f"file; scenarios there: {', '.join(known)}",
                f"extends: {guess}" if guess else "",
            )
            return chain, False
        path = following


def _extend(parent: Marked, child: Marked, problems: Problems) -> Marked:
    """Return the parent with everything that the child says; null removes what is there."""
    merged = Marked(copy.deepcopy(parent.data), dict(parent.keys), dict(parent.values))
    for key in _OWN:
        merged.data.pop(key, None)
        _forget(merged, (key,))
    merged.values[()] = child.values[()]

    def overlay(below: dict[str, Any], above: dict[str, Any], steps: Steps) -> None:
        for key, value in above.items():
            here = (*steps, key)
            if value is None:
                if steps[:1] == _POLICIES and key not in below:
                    # A mistyped name would leave in force what the file means to remove.
                    guess = nearest(key, below)
                    message = f"there is no {key!r} in {'.'.join(steps)} to remove"
                    _add(problems, child.keys[here], message, f"{guess}: null" if guess else "")
                below.pop(key, None)
                _forget(merged, here)
            elif isinstance(value, dict) and isinstance(
                below.setdefault(key, {}) if here == _POLICIES else below.get(key), dict
            ):
                merged.keys[here] = child.keys[here]
                merged.values[here] = child.values[here]
                overlay(below[key], value, here)
            else:
                _forget(merged, here)
                below[key] = _without_null(value)
                for marks, own in ((merged.keys, child.keys), (merged.values, child.values)):
                    marks.update({s: m for s, m in own.items() if s[: len(here)] == here})

    overlay(merged.data, child.data, ())
    return merged


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_null(v) for k, v in value.items() if v is not None}
    return value


def _forget(marked: Marked, steps: Steps) -> None:
    for marks in (marked.keys, marked.values):
        for known in [s for s in marks if s[: len(steps)] == steps]:
            del marks[known]


def _has_schema(marked: Marked, schema: str, problems: Problems) -> bool:
    found = marked.data.get("schema")
    if found == schema:
        return True
    if found is None:
        message = "the required key 'schema' is missing"
    else:
        message = f"the schema {found} is not {schema}"
    _add(problems, marked.mark(("schema",)), message, f"schema: {schema}")
    return False


def _validate(
    model: type[_Model],
    marked: Marked,
    schema: str,
    problems: Problems,
    *,
    whole: bool = True,
) -> _Model | None:
    data = marked.data
    if not _has_schema(marked, schema, problems):
        if data.get("schema") in (SCENARIO_SCHEMA, RESPONSE_SCHEMA):
            # A file of the other kind: every further message would mislead.
            return None
        data = {**data, "schema": schema}
    try:
        return model.model_validate(data)
    except ValidationError as error:
        _explain_errors(model, data, marked, error, problems, whole)
        return None


def _raise(problems: Problems) -> None:
    """Raise what was found, in the order of the files."""

    def place(problem: Problem) -> tuple[str, int, int]:
        file, _, position = problem.where.partition(":")
        line, _, column = position.partition(":")
        return (file, int(line), int(column)) if column else ("", 0, 0)

    problems.found.sort(key=place)
    problems.raise_if_any(ScenarioError)


def _add(problems: Problems, mark: Mark | None, message: str, instead: str) -> None:
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
        _add(problems, mark, message, instead)


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
        here = here[step]
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


def _flat(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _flat(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for member in typing.get_args(annotation):
            yield from _flat(member)
    elif annotation is Instrument:
        yield from KINDS.values()
    elif origin is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        yield annotation


def _tag_fits(annotation: Any, here: Any) -> bool:
    if typing.get_origin(annotation) is dict:
        return True
    for tag in ("kind", "dist", "map"):
        field = annotation.model_fields.get(tag)
        if field is not None and isinstance(here, dict):
            return here.get(tag) in typing.get_args(field.annotation)
    return True
