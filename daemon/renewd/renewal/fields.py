"""Fields of a configuration file: sections that are strict, and values that are written as text."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from renewd.renewal import written
from renewd.renewal.money import Money
from renewd.renewal.period import ChargeWindow, Period
from renewd.renewal.written import Written, a_name, a_percentage, one_or_many


class Section(BaseModel):
    """A section of a configuration file: unknown keys are refused, nothing is coerced, nothing changes later."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True, defer_build=True
    )


class AsText:
    """Marks a field whose value is written as text in the given way."""

    def __init__(self, form: Written) -> None:
        self.form = form

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        shown = core_schema.plain_serializer_function_ser_schema(
            self.form.write, return_schema=core_schema.str_schema()
        )
        return core_schema.no_info_before_validator_function(
            self.form.parsed, handler(source), serialization=shown
        )

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> dict[str, Any]:
        form = self.form
        return {
            "type": "string",
            "pattern": form.pattern,
            "examples": [form.example],
            "$comment": form.noun,
        }


_NAME: dict[str, Any] = {"type": "string", "pattern": written.NAME_PATTERN, "$comment": "name"}

DurationText = Annotated[timedelta, AsText(written.DURATION)]
MoneyText = Annotated[Money, AsText(written.MONEY)]
PeriodText = Annotated[Period, AsText(written.PERIOD)]
WindowText = Annotated[ChargeWindow, AsText(written.WINDOW)]
PercentText = Annotated[
    str,
    AfterValidator(a_percentage),
    WithJsonSchema({"type": "string", "pattern": written.PERCENT_PATTERN, "$comment": "percentage"}),
]
Name = Annotated[str, AfterValidator(a_name), WithJsonSchema(_NAME)]
Names = Annotated[
    list[Name],
    BeforeValidator(one_or_many),
    WithJsonSchema({"anyOf": [_NAME, {"type": "array", "items": _NAME}]}),
]
