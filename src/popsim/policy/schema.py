"""JSON Schema of the file formats, for editors that complete keys and mark mistakes.

It is made from the classes of :mod:`popsim.policy.model`, so that every kind of instrument is in
it. It refuses no file that popsim reads, but it does not see everything: that a window ends after
it begins, that shares sum to 100 %, that the extended file is there. ``popsim check`` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from popsim.errors import ScenarioError, nearest
from popsim.policy import fields
from popsim.policy.kinds import load_plugins
from popsim.policy.model import Scenario
from popsim.policy.response_file import ResponseFile
from popsim.policy.words import key_label, kind_label, meaning, text_of
from popsim.units import UNITS, Quantity, spellings

__all__ = ["FORMATS", "FormatSchema", "format_classes", "format_schema", "json_schema"]

#: Class of each file format.
FORMATS: dict[str, type[BaseModel]] = {"scenario": Scenario, "response": ResponseFile}

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: Numbers for examples of quantities, by unit.
_USUAL = {
    "CNY": 500,
    "CNY/month": 300,
    "CNY/year": 3600,
    "CNY/place": 2000,
    "places/1000 residents": 4.5,
    "%": 100,
    "month": 9,
    "%/year": 3,
    "day": 30,
    "week": 15,
}
_NUMBER = r"\+?[0-9]+(\.[0-9]+)?"
_SIGNED = _NUMBER.replace(r"\+", "[+-]")


def json_schema(name: str = "scenario") -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a file format.

    Parameters
    ----------
    name : {"scenario", "response"}

    Returns
    -------
    dict
        Quantities are text with a pattern of number and unit; every key has its meaning, with
        its name in English and Chinese. A scenario that extends another one may leave out what
        it inherits, and remove with ``null``.

    Raises
    ------
    ScenarioError
        When there is no such format.

    Examples
    --------
    >>> amount = json_schema("scenario")["$defs"]["ChildcareCapacity"]["properties"]["target"]
    >>> list(amount["patternProperties"])
    ['^(19|20|21)[0-9][0-9]$']
    >>> json_schema("scenari")
    Traceback (most recent call last):
    ...
    popsim.errors.ScenarioError: there is no file format 'scenari'; write: scenario
    """
    if name not in FORMATS:
        guess = nearest(name, FORMATS) or " or ".join(FORMATS)
        raise ScenarioError(f"there is no file format {name!r}; write: {guess}")
    load_plugins()
    return format_schema(name, FORMATS[name])


def format_schema(
    name: str, model: type[BaseModel], generator: type[FormatSchema] | None = None
) -> dict[str, Any]:
    """Return the JSON Schema of a file format made from its class.

    Parameters
    ----------
    name : str
        Of the format, such as ``"scenario"``.
    model : type of pydantic.BaseModel
    generator : type, optional
        A :class:`FormatSchema` with words and forms of its own.

    Examples
    --------
    >>> format_schema("response", ResponseFile)["title"]
    'popsim response file'
    """
    schema: dict[str, Any] = model.model_json_schema(schema_generator=generator or FormatSchema)
    definitions: dict[str, Any] = schema.pop("$defs", {})
    definitions[model.__name__] = schema
    head = {
        "$schema": _DIALECT,
        "$id": f"urn:popsim:{name}:1",
        "title": f"popsim {name} file",
    }
    whole: dict[str, Any] = {"$ref": f"#/$defs/{model.__name__}"}
    if "extends" in schema["properties"]:
        definitions |= _differences(definitions)
        # The built-in baseline holds nothing but the regions that a policy could be left out for.
        needs = [key for key in schema["required"] if key != "regions"]
        schema["required"] = needs
        whole = {
            "if": {
                "required": ["extends"],
                "properties": {"extends": {"type": "string", "not": {"const": "baseline"}}},
            },
            "then": {"$ref": f"#/$defs/{model.__name__}{_CHANGED}", "required": _own(needs)},
            "else": {
                "$ref": f"#/$defs/{model.__name__}",
                "if": {"not": {"required": ["extends"]}},
                "then": {"required": ["regions"]},
            },
        }
    return {**head, **whole, "$defs": dict(sorted(definitions.items()))}


def format_classes(name: str = "scenario") -> dict[str, type[BaseModel]]:
    """Return every class that can stand in a file format, by its name in the JSON Schema.

    Examples
    --------
    >>> format_classes("scenario")["Window"].__name__
    'Window'
    """
    load_plugins()
    seen: dict[str, type[BaseModel]] = {}

    class Listing(FormatSchema):
        def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
            seen.setdefault(schema["cls"].__name__, schema["cls"])
            return super().model_schema(schema)

    FORMATS[name].model_json_schema(schema_generator=Listing)
    return seen


def _own(required: list[str]) -> list[str]:
    return [key for key in required if key in ("schema", "id", "label")]


def _quantity(units: tuple[str, ...], number: str = _NUMBER) -> JsonSchemaValue:
    """Return the schema of a number with one of the units."""
    allowed = (*units, "10^4 CNY") if "CNY" in units else units
    words = [word for unit in allowed for word in spellings(unit)]
    # Without a space a unit may not begin like a number: 0.81 is not 0.8 of the unit 1.
    spaced = _alternatives(word for word in words if word[0].isdigit())
    close = _alternatives(word for word in words if not word[0].isdigit())
    unit = "|".join(part for part in (rf"\s*({close})", rf"\s+({spaced})" * bool(spaced)) if part)
    shown = [unit for unit in units if unit != "1"]
    return {
        "type": "string",
        "pattern": rf"^\s*{number}({unit})\s*$",
        "description": f"a number and its unit: {' or '.join(shown)}",
        "examples": [_example(unit) for unit in units[:3] if unit != "1"],
        "x-units": shown,
    }


def _example(unit: str) -> str:
    plural = f"{unit}s"
    return f"{_USUAL.get(unit, 10)} {plural if plural in spellings(unit) else unit}"


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(word).replace(r"\ ", r"\s+").replace(r"\-", "-") for word in words)


#: How a value is written, by the function of :mod:`popsim.policy.fields` that reads it.
_TEXT: dict[str, JsonSchemaValue] = {
    "_read_date": {
        "type": "string",
        "format": "date",
        "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        "description": "a day",
        "examples": ["2023-01-01"],
    },
    "_read_name": {
        "type": "string",
        # Letters of every script; \w knows only Latin ones in editors.
        "pattern": r"^[^\s_.,:/\\-][^\s.,:/\\]*$",
        "description": "letters, digits, - and _",
        "examples": ["qingyuan-2023"],
    },
    "_read_order": {
        # A key is text; in a list 3 is a number and 3+ is text.
        "type": ["string", "integer"],
        "minimum": 1,
        "maximum": 3,
        "pattern": r"^([1-3]|[1-4]\+)$",
        "description": "birth order: 3 is the third child only, 3+ the third and later ones",
        "examples": ["2"],
    },
    "_read_year": {
        "type": "string",
        "pattern": "^(19|20|21)[0-9][0-9]$",
        "examples": ["2025"],
    },
    "_read_class": {"type": "string", "enum": list(fields.CLASS_TYPES)},
    "_read_payer": {"type": "string", "enum": list(fields.PAYERS)},
    "_read_age_span": {
        "type": "string",
        "pattern": r"^[0-9]+\s*-\s*[0-9]+\s*months?$",
        "description": "months of age, from the first to the one that is no longer paid",
        "examples": ["0-36 months"],
    },
    "_read_region": {
        "type": "string",
        "description": "GB/T 2260 code in quotation marks",
        "examples": ["331126"],
    },
    "_read_fraction": _quantity(("%", "1")),
    "_read_rate_key": {**_quantity(("%", "1")), "examples": ["3 %"]},
    "_read_effect": _quantity(("%",), number=_SIGNED) | {"examples": ["1 %"]},
}


class FormatSchema(GenerateJsonSchema):
    """Writes the fields of policy files as they stand in a file, not as they are kept."""

    schema_dialect = _DIALECT

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """Return how the text is written that a function reads."""
        function: Callable[..., Any] = schema["function"]["function"]
        if isinstance(function, partial) and "units" in function.keywords:
            return _quantity(tuple(function.keywords["units"]))
        name = getattr(function, "__name__", "")
        if name in _TEXT and function is getattr(fields, name, None):
            return dict(_TEXT[name])
        inner = self.generate_inner(schema["schema"])
        if function is fields._for_all_orders:
            (one,) = inner["patternProperties"].values()
            return {"anyOf": [dict(one), inner]}
        if function is fields._read_regions:
            codes = [part for part in inner["anyOf"] if part.get("type") == "array"]
            return {"anyOf": [{"const": "all"}, {**codes[0], "minItems": 1}]}
        return inner

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Return quantities as text."""
        if schema["cls"] is Quantity:
            return _quantity(tuple(UNITS))
        return super().dataclass_schema(schema)

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Return a mapping that is closed where its keys are known."""
        keys = self.generate_inner(schema["keys_schema"]) if "keys_schema" in schema else {}
        values = self.generate_inner(schema["values_schema"]) if "values_schema" in schema else {}
        mapping: JsonSchemaValue = {"type": "object"}
        first = [*keys.get("examples", ()), *keys.get("enum", ())][:1]
        if first and "examples" in values:
            mapping |= {"examples": [{first[0]: value} for value in values["examples"]]}
        if "enum" in keys:
            mapping |= {"properties": {key: dict(values) for key in keys["enum"]}}
        elif "pattern" in keys:
            mapping |= {"patternProperties": {keys["pattern"]: values}}
        else:
            return mapping | {"additionalProperties": values}
        return mapping | {"additionalProperties": False}

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Return a choice between classes by the key that says which."""
        tag = schema["discriminator"]
        choices = {str(key): self.generate_inner(one) for key, one in schema["choices"].items()}
        if not isinstance(tag, str):
            return {"anyOf": list(choices.values())}
        # An editor then tells what is wrong with this kind, not that no kind fits.
        return {
            "type": "object",
            "required": [tag],
            "properties": {tag: {"enum": list(choices)}},
            "allOf": [
                {"if": {"required": [tag], "properties": {tag: {"const": key}}}, "then": one}
                for key, one in choices.items()
            ],
        }

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Return a class with the names and meanings of its keys."""
        model: type[BaseModel] = schema["cls"]
        json = super().model_schema(schema)
        json["description"] = text_of(model)
        for name, field in model.model_fields.items():
            key = field.alias or name
            prop = json["properties"].get(key)
            if prop is None:
                continue
            prop["title"] = " ".join(dict.fromkeys(self.label_of(key, field)))
            if key == "kind" and "const" in prop:
                prop["title"] = " ".join(dict.fromkeys(kind_label(prop["const"], model)))
            said = self.meaning_of(model, name)
            form = _form(prop)
            prop["description"] = "; ".join(text for text in (said, form) if text)
            if prop.get("default", ...) is None:
                # Left out and null say the same.
                del prop["default"]
        return json

    def label_of(self, key: str, field: FieldInfo) -> tuple[str, str]:
        """Return what a key is called, in English and Chinese."""
        return key_label(key, field)

    def meaning_of(self, model: type[BaseModel], name: str) -> str:
        """Return what a field of a class means."""
        return meaning(model, name)

    def encode_default(self, dft: Any) -> Any:
        """Return a default as it stands in a file."""
        if isinstance(dft, Quantity):
            return str(dft)
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return super().encode_default(dft)

    def get_title_from_name(self, name: str) -> str:
        """Return a name in words."""
        return name.rstrip("_").replace("_", " ")


def _form(prop: JsonSchemaValue) -> str:
    """Return how a value is written, from the first form that says it."""
    for part in (prop, *prop.get("anyOf", ())):
        if "description" in part and "examples" in part:
            return f"{part['description']}, such as {part['examples'][0]}"
    return ""


_CHANGED = "Difference"
_MAPPING = ["object", "null"]


def _differences(definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions of a file that says only what differs from another one."""
    changed = {name: _difference(one) for name, one in definitions.items()}
    for one in changed.values():
        for union in _unions(one):
            _allow_without_tag(union, changed)
    return {f"{name}{_CHANGED}": one for name, one in changed.items()}


def _difference(here: Any) -> Any:
    """Require nothing, and let null stand for every value: it removes."""
    if isinstance(here, list):
        return [_difference(part) for part in here]
    if not isinstance(here, dict):
        return here
    found: dict[str, Any] = {}
    for key, part in here.items():
        if key == "$ref":
            found[key] = f"{part}{_CHANGED}"
        elif key in ("properties", "patternProperties"):
            found[key] = {name: _or_null(_difference(one)) for name, one in part.items()}
        elif key == "additionalProperties" and isinstance(part, dict):
            found[key] = _or_null(_difference(part))
        elif key == "if":
            # The test for a kind stays, and null is of no kind.
            found[key] = {"type": "object", **part}
        elif key == "type" and part == "object":
            found[key] = _MAPPING
        elif key != "required":
            found[key] = _difference(part)
    return found


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema or schema.get("type") == _MAPPING:
        # Mappings take null already; a choice would hide what is wrong inside them.
        return schema
    kept: dict[str, Any] = {k: schema.pop(k) for k in ("title", "description") if k in schema}
    return {**kept, "anyOf": [schema, {"type": "null"}]}


def _unions(here: Any) -> Iterator[dict[str, Any]]:
    """Yield every choice by a tag, such as the kinds of instrument."""
    if isinstance(here, list):
        for part in here:
            yield from _unions(part)
    elif isinstance(here, dict):
        if any("if" in part for part in here.get("allOf", ())):
            yield here
        for part in here.values():
            yield from _unions(part)


def _allow_without_tag(union: dict[str, Any], definitions: dict[str, Any]) -> None:
    """Where the kind is inherited, take a key of any kind, written as one of them writes it."""
    forms: dict[str, list[Any]] = {}
    for choice in union["allOf"]:
        name = choice["then"]["$ref"].rpartition("/")[2].removesuffix(_CHANGED)
        for key, form in definitions[name]["properties"].items():
            if form not in forms.setdefault(key, []):
                forms[key].append(form)
    (tag,) = union["properties"]
    joined = {key: f[0] if len(f) == 1 else {"anyOf": f} for key, f in forms.items()}
    rest = {"properties": joined, "additionalProperties": False}
    union["allOf"].append({"if": {"type": "object", "not": {"required": [tag]}}, "then": rest})
