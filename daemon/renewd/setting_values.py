"""The values in `renewd.yaml` that are more than a number or a word: how each is written, read and checked."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from renewd.addresses import Listen, a_database, a_host, a_sender, an_api_base, an_email
from renewd.renewal.fields import AsText
from renewd.renewal.written import DURATION, Written
from renewd.secret import Secret

_RATE = re.compile(r"([1-9][0-9]{0,5})/([smh])")
_UNITS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many calls in so much time."""

    calls: int
    per: timedelta

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `25/s`, `300/m` or `5000/h`. Raises ValueError."""
        found = _RATE.fullmatch(text)
        if found is None:
            raise ValueError('not a rate; write e.g. "25/s", "300/m", "5000/h"')
        return cls(int(found[1]), _UNITS[found[2]])

    def __str__(self) -> str:
        unit = next(name for name, per in _UNITS.items() if per == self.per)
        return f"{self.calls}/{unit}"


def _database(text: str) -> Secret:
    secret = Secret.parse(text)
    if secret.how == "plain":
        a_database(text)
    return secret


@dataclass(frozen=True)
class Between:
    """Has a duration be no shorter and no longer than these."""

    least: str
    most: str

    def checked(self, duration: timedelta) -> timedelta:
        """Give the duration back. Raises ValueError."""
        if not DURATION.read(self.least) <= duration <= DURATION.read(self.most):
            raise ValueError(f"must be from {self.least} to {self.most}")
        return duration

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        found = handler(schema)
        return {**found, "$comment": f"{found['$comment']}, {self.least} to {self.most}"}


_GIVEN = r"^(\{(env|credential|file) +[^{}]+\}|[^{].*)$"
SecretText = Annotated[
    Secret, AsText(Written(Secret.parse, str, "{credential NAME}", _GIVEN, 4096, "secret"))
]
DatabaseText = Annotated[
    Secret, AsText(Written(_database, str, "sqlite:///renewd.db", _GIVEN, 4096, "database URL, or a secret"))
]
BaseText = Annotated[
    str, AsText(Written(an_api_base, str, "https://api.stripe.com", r"^https?://\S+$", 512, "URL"))
]
HostText = Annotated[str, AsText(Written(a_host, str, "smtp.example.com", r"^\S+$", 253, "host name"))]
EmailText = Annotated[
    str, AsText(Written(an_email, str, "operator@example.com", r"^\S+@\S+$", 320, "e-mail address"))
]
SenderText = Annotated[
    str,
    AsText(
        Written(
            a_sender,
            str,
            "Example <renewals@example.com>",
            r"^.*\S+@\S+$",
            400,
            "e-mail address, with a name",
        )
    ),
]
RateText = Annotated[Rate, AsText(Written(Rate.parse, str, "25/s", r"^[1-9][0-9]{0,5}/[smh]$", noun="rate"))]
ListenText = Annotated[
    Listen, AsText(Written(Listen.parse, str, "127.0.0.1:9464", r"^\S+:[0-9]{1,5}$", 300, "address and port"))
]
FileText = Annotated[str, Field(min_length=1, max_length=1024)]
