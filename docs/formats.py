"""The reference pages of the file formats, from the classes and their JSON Schema.

Every class that can stand in a file is shown, so that a new kind of instrument needs no line here.
A key without a meaning stops the build.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel

from popsim.policy.examples import kind_example
from popsim.policy.schema import FORMATS, format_classes, json_schema
from popsim.policy.words import key_label, kind_label, meaning, text_of

__all__ = ["response_reference", "scenario_reference", "table"]

#: Section and word of a choice between classes, by the key that says which.
CHOICES = {
    "kind": ("Kinds of instrument", "instrument"),
    "map": ("Maps of a channel", "channel"),
    "dist": ("Distributions", "distribution"),
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return a table of a page."""
    head = list(head)
    cells = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    lines = [head, ["---"] * len(head), *cells]
    return ["| " + " | ".join(line) + " |" for line in lines]


def scenario_reference() -> list[str]:
    """Return the reference of the scenario format."""
    return [
        "# Scenario files, key by key",
        "",
        "A scenario says what government does. [How to write a scenario](../scenarios.md) goes",
        "through it step by step.",
        *_format("scenario"),
    ]


def response_reference() -> list[str]:
    """Return the reference of the response format."""
    return [
        "# Response files, key by key",
        "",
        "A response says how families answer. [Policies](../policy.md) explains what is assumed.",
        *_format("response"),
    ]


def _format(name: str) -> list[str]:
    top = FORMATS[name]
    definitions = json_schema(name)["$defs"]
    known = format_classes(name)
    lines = ["", "## The file", "", *_class(top, definitions)]
    chosen = {top.__name__}
    for tag, members in _choices(definitions).items():
        lines += _choice(tag, [known[member] for member in members], definitions)
        chosen |= set(members)
    lines += ["", "## Parts"]
    for part, one in sorted(known.items()):
        if part not in chosen:
            lines += ["", f"### {part}", "", *_class(one, definitions)]
    return lines


def _choices(definitions: dict[str, Any]) -> dict[str, list[str]]:
    """Return the choices between classes by the key that says which."""
    found: dict[str, list[str]] = {}

    def walk(here: Any) -> Iterator[dict[str, Any]]:
        parts = here.values() if isinstance(here, dict) else here
        for part in parts if isinstance(here, dict | list) else ():
            yield from walk(part)
        if isinstance(here, dict) and any("if" in one for one in here.get("allOf", ())):
            yield here

    whole = {name: one for name, one in definitions.items() if not name.endswith("Difference")}
    for choice in walk(whole):
        (tag,) = choice["properties"]
        found[tag] = [one["then"]["$ref"].rpartition("/")[2] for one in choice["allOf"]]
    return dict(sorted(found.items(), key=lambda item: list(CHOICES).index(item[0])))


def _choice(tag: str, members: list[type[BaseModel]], definitions: dict[str, Any]) -> list[str]:
    title, word = CHOICES[tag]
    tags = {one: definitions[one.__name__]["properties"][tag]["const"] for one in members}
    shared = [
        key
        for key, prop in definitions[members[0].__name__]["properties"].items()
        if key != tag
        and all(definitions[m.__name__]["properties"].get(key) == prop for m in members)
    ]
    lines = ["", f"## {title}", "", f"Each {word} is one of these; `{tag}` says which."]
    if tag == "kind":
        rows = []
        for one, name in tags.items():
            english, chinese = kind_label(name, one)
            first = " ".join(text_of(one).split("\n\n")[0].split())
            rows.append((f"[`{name}`](#{name})", english, chinese, first))
        lines += ["", *table(("kind", "English", "中文", "what it is"), rows)]
    if shared:
        lines += ["", "All may have these keys:", ""]
        lines += _rows(members[0], definitions, shared)
    for one, name in tags.items():
        lines += ["", *([f"({name})=", ""] if tag == "kind" else []), f"### `{name}`", ""]
        lines += _class(one, definitions, left_out=shared, first=tag)
        if tag == "kind":
            lines += ["", "```yaml", *_yaml(kind_example(name)), "```"]
    return lines


def _class(
    one: type[BaseModel],
    definitions: dict[str, Any],
    left_out: Iterable[str] = (),
    first: str = "",
) -> list[str]:
    keys = [key for key in definitions[one.__name__]["properties"] if key not in (*left_out, first)]
    first_key = [first] * bool(first)
    return [*text_of(one).splitlines(), "", *_rows(one, definitions, [*first_key, *keys])]


def _rows(one: type[BaseModel], definitions: dict[str, Any], keys: list[str]) -> list[str]:
    schema = definitions[one.__name__]
    fields = {field.alias or name: name for name, field in one.model_fields.items()}
    rows = []
    for key in keys:
        name, prop = fields[key], schema["properties"][key]
        said = meaning(one, name)
        if not said:
            raise LookupError(
                f"nothing says what {one.__name__}.{key} means; write: Field(description=...) "
                "beside it, or a line in popsim/policy/words.py"
            )
        required = one.model_fields[name].is_required() or "const" in prop
        need = _default(prop)
        if required:
            # A scenario beside the file may say where the rules apply.
            need = "yes" if key in schema.get("required", ()) else "yes, or inherited"
            need = "yes" if "const" in prop else need
        units = ", ".join(dict.fromkeys(_units(prop)))
        english, chinese = key_label(key, one.model_fields[name])
        written = _written(prop)
        rows.append((f"`{key}`", "" if chinese == english else chinese, written, units, need, said))
    return table(("key", "中文", "written as", "unit", "required", "meaning"), rows)


def _default(prop: dict[str, Any]) -> str:
    default = prop.get("default")
    if default is None or default == {} or default == []:
        return "no"
    if isinstance(default, bool):
        default = str(default).lower()
    if isinstance(default, dict) and default.get("dist") == "fixed":
        default = f"{default['value']:g}"
    return f"no: `{default:g}`" if isinstance(default, float) else f"no: `{default}`"


def _units(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("x-units", ())
        for part in schema.values():
            yield from _units(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _units(part)


def _written(schema: dict[str, Any]) -> str:
    """Say how a value is written in a file."""
    parts = [part for part in schema.get("anyOf", [schema]) if part.get("type") != "null"]
    return " or ".join(dict.fromkeys(_form(part) for part in parts))


def _form(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        words = "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()
        return f"[{words}](#{name.lower()})"
    if "allOf" in schema:
        (tag,) = schema["properties"]
        title, word = CHOICES[tag]
        return f"[{word}](#{title.lower().replace(' ', '-')})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "examples" in schema:
        return f"`{_flow(schema['examples'][0])}`"
    kind = schema["type"]
    if kind == "array":
        items = schema.get("items", {})
        if "examples" in items:
            return f"`{_flow(items['examples'])}`"
        return f"list of {_written(items)}" if items else "list"
    if kind == "object":
        values = [
            *schema.get("patternProperties", {}).values(),
            *(v for v in (schema.get("additionalProperties"),) if isinstance(v, dict)),
        ]
        return f"mapping of names to {_written(values[0])}" if values else "mapping"
    words = {"string": "text", "integer": "whole number", "boolean": "`true` or `false`"}
    return words.get(kind, kind)


def _yaml(policy: dict[str, Any]) -> list[str]:
    return ["policies:", "  example:", *(f"    {k}: {_flow(v)}" for k, v in policy.items())]


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(f'"{p}"' if str(p).isdigit() else _flow(p) for p in value) + "]"
    return str(value)
