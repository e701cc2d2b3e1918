"""JSON Schemas of both files, for editors; `config/*.schema.json` are these, and a test holds them equal."""

import json
from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from renewd.renewal.fields import Section
from renewd.renewal.money import Money
from renewd.renewal.period import ChargeWindow
from renewd.renewal.written import DURATION


def schema(model: type[Section]) -> str:
    """Write the JSON Schema of a file's model."""
    found = described(model)
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def described(model: type[Section]) -> dict[str, Any]:
    """Give the JSON Schema of a file's model, its keys in the model's order; `$comment` is the kind of a text."""
    found = model.model_json_schema(schema_generator=_AsInTheFile, mode="validation")
    return dict(_without_titles(found))


class _AsInTheFile(GenerateJsonSchema):
    """Shows defaults as the file would have them, and knows no null: a key without a value is refused."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, timedelta):
            return DURATION.write(dft)
        if isinstance(dft, Money | ChargeWindow):
            return str(dft)
        return (
            [self.encode_default(each) for each in dft]
            if isinstance(dft, list)
            else super().encode_default(dft)
        )


def _without_titles(schema: Any) -> Any:
    """Leave out the titles that pydantic makes of every key; they only repeat it."""
    if isinstance(schema, list):
        return [_without_titles(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    titled = isinstance(schema.get("title"), str)
    return {key: _without_titles(each) for key, each in schema.items() if not (titled and key == "title")}
