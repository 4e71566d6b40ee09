"""Scenarios for hypothesis, drawn from the JSON Schema: every kind that there is takes part.

Where keys hang together, those that do not fit are taken from the example of the kind; a kind that
hardly ever fits so can be given a strategy of its own in ``OF_KIND``.
"""

import datetime as dt
import functools
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from pydantic import ValidationError

from popsim.policy import examples
from popsim.policy.model import Scenario
from popsim.policy.schema import json_schema
from popsim.units import spellings

Plain = st.SearchStrategy[Any]

#: Strategies of policies as plain data, by kind, where drawing from the schema is not enough.
OF_KIND: dict[str, Plain] = {}

# Control characters are no text of a document.
TEXT = st.text(
    st.characters(exclude_categories=("C", "Zl", "Zp"), include_characters="\n"), min_size=1
)
SURPRISES = st.sampled_from(
    [
        *("no", "Yes", "on", "null", "~", "true", "010203", "2023", "1e5", "2023-01-01", ".5"),
        *("a: b", "a #b", "# a", "- a", "[a", "{a", "*a", "&a", "!a", "'", '"', " a ", "a\n\nb\n"),
        *("%", "@", "3(8)", "0-36 months", "=", "<<", "a:", "?", "|", ">", "-", "---", "..."),
    ]
)
DAYS = st.dates(dt.date(2015, 1, 1), dt.date(2035, 12, 31)).map(str)
NUMBERS = st.integers(0, 10**7).map(str) | st.integers(0, 10**6).map(lambda n: f"{n / 1000:.15g}")
NAMES = st.text(st.characters(categories=("L", "Nd")), min_size=1, max_size=8)


@functools.cache
def definitions() -> dict[str, Any]:
    return json_schema("scenario")["$defs"]


kinds = functools.cache(examples.kinds)
kind_example = functools.cache(examples.kind_example)


def values(schema: dict[str, Any]) -> Plain:
    """Return a strategy for what fits a schema."""
    if "x-units" in schema:
        units = [word for unit in schema["x-units"] for word in spellings(unit)]
        numbers = st.integers(0, 100).map(str) if schema["x-units"] == ["%"] else NUMBERS
        return st.builds(lambda n, unit: f"{n} {unit}", numbers, st.sampled_from(units))
    if "$ref" in schema:
        return values(definitions()[schema["$ref"].rpartition("/")[2]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        parts = [part for part in schema["anyOf"] if part.get("type") != "null"]
        return st.one_of(*map(values, parts))
    if schema.get("format") == "date":
        return DAYS
    if "examples" in schema and "pattern" in schema:
        return st.sampled_from(schema["examples"]) | st.from_regex(
            schema["pattern"].replace(r"\s*", " ?"), fullmatch=True
        )
    if schema["type"] == "array":
        return st.lists(values(schema["items"]), min_size=1, max_size=3, unique=True)
    if schema["type"] == "object":
        return mapping(schema)
    plain = {
        "string": TEXT | SURPRISES,
        "integer": st.integers(2000, 2100),
        "number": st.floats(0, 1e6),
        "boolean": st.booleans(),
    }
    return plain[schema["type"]]


def mapping(schema: dict[str, Any]) -> Plain:
    """Return a strategy for a mapping; keys that are not required may be left out."""
    for pattern, one in schema.get("patternProperties", {}).items():
        keys = st.from_regex(pattern, fullmatch=True)
        return st.dictionaries(keys, values(one), min_size=1, max_size=3)
    known = {key: values(one) for key, one in schema.get("properties", {}).items()}
    required = schema.get("required", ())
    must = {key: value for key, value in known.items() if key in required}
    may = {key: value for key, value in known.items() if key not in required}
    if not must and set(map(str, known)) and "title" not in schema:
        # Keys that stand for amounts: some of them.
        return st.lists(
            st.sampled_from(sorted(known)), min_size=1, max_size=3, unique=True
        ).flatmap(lambda keys: st.fixed_dictionaries({key: known[key] for key in keys}))
    return st.fixed_dictionaries(must, optional=may)


def scenario_of(policies: dict[str, Any], **more: Any) -> Scenario:
    """Return a scenario of policies as plain data."""
    head = {
        "schema": "popsim.scenario/1",
        "id": "drawn",
        "label": {"en": "Drawn", "zh": "抽取"},
        "regions": "all",
    }
    return Scenario.model_validate({**head, "policies": policies, **more})


@st.composite
def policies(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Draw a valid policy of a kind as plain data."""
    schema = definitions()[kinds()[kind]]
    example = kind_example(kind)
    drawn = {**draw(OF_KIND.get(kind, mapping(schema))), "kind": kind}
    # What does not fit is taken from the example, one key after the other, until all does.
    for key in ("kind", *draw(st.permutations(sorted({*drawn, *example} - {"kind"})))):
        as_in(example, key, drawn)
        faults = faults_of(drawn)
        for fault in faults & set(drawn):
            as_in(example, fault, drawn)
        if not faults or not faults_of(drawn):
            break
    return drawn


def as_in(example: dict[str, Any], key: str, drawn: dict[str, Any]) -> None:
    drawn.pop(key, None)
    if key in example:
        drawn[key] = example[key]


def faults_of(drawn: dict[str, Any]) -> set[str]:
    """Return the keys at fault, ``""`` for the policy as a whole."""
    try:
        scenario_of({"one": drawn})
    except ValidationError as error:
        return {str([*item["loc"], "", "", "", ""][3]) for item in error.errors()}
    return set()


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Draw a scenario with policies of any kinds."""
    top = definitions()["Scenario"]["properties"]
    names = draw(st.lists(NAMES, max_size=4, unique=True))
    drawn = {name: draw(policies(draw(st.sampled_from(sorted(kinds()))))) for name in names}
    optional = {key: values(top[key]) for key in top if key not in ("schema", "id", "policies")}
    for key in ("extends", "status"):
        optional.pop(key, None)
    more = draw(st.fixed_dictionaries({}, optional=optional))
    try:
        return scenario_of(drawn, **more)
    except ValidationError:
        # Policies that may not stand beside each other, such as two levels of places.
        assume(False)
        raise
