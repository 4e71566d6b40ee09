"""JSON Schema of batch files, for editors; made from :mod:`popsim.batch.model`.

It refuses no file that popsim reads, but it does not see everything: that the data come from one
place, that scenarios and indicators are there. ``popsim check`` does.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from popsim.batch import model
from popsim.batch.words import MEANING, key_label
from popsim.policy import sweep
from popsim.policy.schema import FormatSchema, format_schema

__all__ = ["batch_json_schema"]

#: What a function of the format asks of a value, as far as JSON Schema can say it.
_ASKED: dict[object, JsonSchemaValue] = {
    model._positive: {"minimum": 1},
    model._counties: {"minimum": 1, "maximum": model._MANY_COUNTIES},
    model._quantiles: {
        "minItems": 1,
        "uniqueItems": True,
        "items": {"type": "number", "minimum": 0, "maximum": 1},
    },
    model._some: {"minItems": 1, "uniqueItems": True},
    sweep._read_values: {"minItems": 1, "uniqueItems": True},
    sweep._read_row: {"minItems": 1},
}


class _BatchSchema(FormatSchema):
    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        return super().function_before_schema(schema) | _ASKED.get(
            schema["function"]["function"], {}
        )

    def function_after_schema(
        self, schema: core_schema.AfterValidatorFunctionSchema
    ) -> JsonSchemaValue:
        return super().function_after_schema(schema) | _ASKED.get(
            schema["function"]["function"], {}
        )

    def label_of(self, key: str, field: FieldInfo) -> tuple[str, str]:
        return key_label(key)

    def meaning_of(self, model: type[BaseModel], name: str) -> str:
        return MEANING[model.__name__][model.model_fields[name].alias or name]


def batch_json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of batch files.

    Returns
    -------
    dict
        Every key has its meaning, with its name in English and Chinese.

    Examples
    --------
    >>> batch_json_schema()["$defs"]["Keep"]["properties"]["costs"]["title"]
    'costs of additional births 新增出生的成本'
    """
    return format_schema("batch", model.Batch, _BatchSchema)
