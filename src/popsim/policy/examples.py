"""A small valid example of every kind of instrument, made from its class."""

from __future__ import annotations

import itertools
from typing import Any

from pydantic import ValidationError

from popsim.errors import ScenarioError, nearest
from popsim.policy.model import Scenario
from popsim.policy.schema import json_schema

__all__ = ["kind_example", "kinds"]

#: An example needs at most so many keys that are not required by themselves.
_MOST = 2
#: So many ways of writing the same keys (money a month, a year, once) are tried.
_FORMS = 10


def kinds() -> dict[str, str]:
    """Return the kinds of instrument that a scenario may use, each with the name of its class.

    Examples
    --------
    >>> kinds()["cash_transfer"]
    'CashTransfer'
    """
    (policy,) = _policies().values()
    return {
        choice["if"]["properties"]["kind"]["const"]: choice["then"]["$ref"].rpartition("/")[2]
        for choice in policy["allOf"]
    }


def kind_example(kind: str) -> dict[str, Any]:
    """Return a valid policy of a kind, as a file would say it.

    It has the required keys and those that they ask for. A class may give one of its own, with
    ``model_config = ConfigDict(json_schema_extra={"examples": [{...}]})``.

    Parameters
    ----------
    kind : str

    Raises
    ------
    ScenarioError
        When there is no such kind, or no small example fits it.

    Examples
    --------
    >>> kind_example("childcare_capacity")["target"]
    {'2025': '4.5 places/1000 residents'}
    >>> kind_example("cash_transfer")["child_age"]
    '0-36 months'
    """
    known = kinds()
    if kind not in known:
        guess = nearest(kind, known) or ", ".join(known)
        raise ScenarioError(f"there is no kind of instrument {kind!r}; write: {guess}")
    definitions = json_schema("scenario")["$defs"]
    one = definitions[known[kind]]
    given: list[dict[str, Any]] = one.get("examples", [])
    if given:
        return {"kind": kind, **given[0]}
    values = {
        key: forms
        for key, prop in one["properties"].items()
        if key != "kind" and (forms := _values(prop, definitions))
    }
    required = [key for key in one["required"] if key in values]
    optional = [key for key in values if key not in required]
    rows = itertools.product(*(values[key] for key in required))
    for row in itertools.islice(rows, _FORMS):
        said = {"kind": kind, **dict(zip(required, row, strict=True))}
        for number in range(_MOST + 1):
            for more in itertools.combinations(optional, number):
                example = said | {key: values[key][0] for key in more}
                if _fits(example):
                    return example
    raise ScenarioError(
        f"no small example fits the kind {kind!r}; write: "
        'json_schema_extra={"examples": [{...}]} in the model_config of its class'
    )


def _policies() -> dict[str, Any]:
    schema = json_schema("scenario")["$defs"][Scenario.__name__]
    patterns: dict[str, Any] = schema["properties"]["policies"]["patternProperties"]
    return patterns


def _fits(policy: dict[str, Any]) -> bool:
    try:
        Scenario.model_validate(
            {
                "schema": "popsim.scenario/1",
                "id": "example",
                "label": {"en": "An example", "zh": "例"},
                "regions": "all",
                "policies": {"example": policy},
            }
        )
    except ValidationError:
        return False
    return True


def _values(schema: dict[str, Any], definitions: dict[str, Any]) -> list[Any]:
    """Return values that fit a schema, in each of the units that it allows."""
    if "examples" in schema:
        return list(schema["examples"])
    if "const" in schema:
        return [schema["const"]]
    if "enum" in schema:
        return list(schema["enum"])
    if "$ref" in schema:
        return _values(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    for one in schema.get("anyOf", ()):
        found = _values(one, definitions)
        if found:
            return found
    if schema.get("type") == "object":
        parts = {
            key: _values(schema["properties"][key], definitions)
            for key in schema.get("required", ())
            if key in schema.get("properties", {})
        }
        return [{key: part[0] for key, part in parts.items()}] if parts else []
    if schema.get("type") == "array":
        return [_values(schema.get("items", {}), definitions)[:1]]
    plain = {"string": "text", "integer": 2025, "number": 1.0, "boolean": True}
    value = plain.get(str(schema.get("type")))
    return [] if value is None else [value]
