"""The service's own settings: where its state is, whom it talks to, and how fast. The shape of `renewd.yaml`.

Relative paths of state (the database, a maildir) lie in the state directory, see `state`.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from renewd.addresses import (
    an_api_base,
    is_loopback,
    is_loopback_url,
)
from renewd.renewal.fields import DurationText, Name, Section
from renewd.secret import HOW_TO_WRITE, Secret
from renewd.setting_values import (
    BaseText,
    Between,
    DatabaseText,
    EmailText,
    FileText,
    HostText,
    ListenText,
    RateText,
    SecretText,
    SenderText,
)

LIVE_KEYS = ("sk_live_", "rk_live_")
SANDBOX_KEYS = ("sk_test_", "rk_test_")
SANDBOX = "http://localhost"  # stands for an api_base that is itself refused: one complaint is enough
# The keys of a provider whose values may be shown; whatever else stands there may be a misspelt secret.
PLAIN_KEYS = frozenset(
    "kind api_base deadline max_concurrent rate path sender host port username security".split()
)
PROVIDERS = frozenset({"gateways", "carriers", "messengers"})
PROVIDER_KEY = 3  # steps of the path to a provider's key: section, provider, key


class Schedule(Section):
    """When the service looks, how much it does at once, and how long it holds what it has taken."""

    scan_every: Annotated[DurationText, Between("1s", "1d")] = Field(
        timedelta(minutes=1), description="how often to look for what is newly due, at the least"
    )
    concurrency: Annotated[int, Field(ge=1, le=1024)] = Field(64, description="renewals at work at one time")
    lease: Annotated[DurationText, Between("30s", "1h")] = Field(
        timedelta(minutes=5), description="how long a renewal belongs to the daemon that works on it"
    )
    settle_after: Annotated[DurationText, Between("1m", "1d")] = Field(
        timedelta(minutes=10), description="how long after an unanswered call to ask what became of it"
    )


class Provider(Section):
    """Somebody who is asked over HTTP."""

    api_base: BaseText = Field(description="where the API is; https, or http on this machine")
    deadline: Annotated[DurationText, Between("1s", "2m")] = Field(
        timedelta(seconds=20), description="a call takes no longer than this, its quick retries included"
    )
    max_concurrent: Annotated[int, Field(ge=1, le=1024)] = Field(32, description="calls at one time")
    rate: RateText | None = Field(
        None, description="calls in a second, a minute or an hour; without it any number"
    )


class StripeGateway(Provider):
    """A payment gateway that speaks Stripe's API."""

    kind: Literal["stripe"] = Field(description="which API it speaks")
    api_base: BaseText = Field("https://api.stripe.com", description="where the API is")
    api_key: SecretText = Field(description="a secret or restricted key")

    @field_validator("api_key")
    @classmethod
    def _not_in_the_open(cls, key: Secret, info: ValidationInfo) -> Secret:
        sandbox = key.text.startswith(SANDBOX_KEYS) or is_loopback_url(info.data.get("api_base", SANDBOX))
        if key.how == "plain" and key.text.startswith(LIVE_KEYS):
            raise ValueError(f"a live key in plain text; revoke it, then {HOW_TO_WRITE} for the new one")
        if key.how == "plain" and not sandbox:
            raise ValueError(f"a key in plain text; {HOW_TO_WRITE}")
        return key


class HttpCarrier(Provider):
    """A carrier, or a reseller of one, that speaks renewd's small HTTP contract."""

    kind: Literal["http"] = Field(description="which API it speaks")
    token: SecretText = Field(description="the bearer token")

    @field_validator("token")
    @classmethod
    def _not_in_the_open(cls, token: Secret, info: ValidationInfo) -> Secret:
        if token.how == "plain" and not is_loopback_url(info.data.get("api_base", SANDBOX)):
            raise ValueError(f"a token in plain text; {HOW_TO_WRITE}")
        return token


class Maildir(Section):
    """Letters as files in a folder: for a trial, or for a mail server on the same machine to pick up."""

    kind: Literal["maildir"] = Field(description="files in a folder")
    path: FileText = Field(description="the folder; relative to the state directory", examples=["mail"])
    sender: SenderText = Field(description="whom the letters are from")


class Smtp(Section):
    """Letters through a mail server."""

    kind: Literal["smtp"] = Field(description="a mail server")
    host: HostText = Field(description="the mail server")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(587, description="587 for starttls, 465 for tls")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="none only on this machine")
    username: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        None, description="who logs in; together with password", examples=["renewals"]
    )
    password: SecretText | None = Field(None, description="together with username")
    sender: SenderText = Field(description="whom the letters are from")
    deadline: Annotated[DurationText, Between("1s", "2m")] = Field(
        timedelta(seconds=20), description="a letter takes no longer than this"
    )

    @field_validator("security")
    @classmethod
    def _encrypted(cls, security: str, info: ValidationInfo) -> str:
        if security == "none" and not is_loopback(info.data.get("host", "localhost")):
            raise ValueError('none is for a mail server on this machine; write "starttls" or "tls"')
        return security

    @field_validator("password")
    @classmethod
    def _not_in_the_open(cls, password: Secret | None, info: ValidationInfo) -> Secret | None:
        if password and password.how == "plain" and not is_loopback(info.data.get("host")):
            raise ValueError(f"a password in plain text; {HOW_TO_WRITE}")
        return password

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        return self


class Messengers(Section):
    """How people are told."""

    email: Annotated[Maildir | Smtp, Field(discriminator="kind")] = Field(description="letters by e-mail")


class Breaker(Section):
    """When a provider that fails is left alone, and how soon it is tried again."""

    failures: Annotated[int, Field(ge=1, le=1000)] = Field(5, description="calls in a row without an answer")
    probe_after: Annotated[DurationText, Between("1s", "1h")] = Field(
        timedelta(seconds=30), description="the first pause; each further one is twice as long"
    )
    probe_at_most: Annotated[DurationText, Between("1s", "1d")] = Field(
        timedelta(minutes=5), description="the longest pause"
    )


class Audit(Section):
    """How the audit log is sealed, so that nobody can change it unnoticed, and where it goes besides the database."""

    seal_every: Annotated[DurationText, Between("1s", "1d")] = Field(
        timedelta(minutes=1), description="how often what is new is put under a checkpoint"
    )
    key: SecretText | None = Field(
        None, description="what signs checkpoints; `renewd audit keygen` makes one. Without it none is signed"
    )
    checkpoints: FileText | None = Field(
        None, description="a file that checkpoints are appended to", examples=["checkpoints.txt"]
    )
    file: FileText | None = Field(
        None, description="JSON lines; relative to $LOGS_DIRECTORY if set", examples=["audit.jsonl"]
    )

    @field_validator("key")
    @classmethod
    def _not_in_the_open(cls, key: Secret | None) -> Secret | None:
        if key and key.how == "plain":
            raise ValueError(f"a signing key in plain text; {HOW_TO_WRITE}")
        return key


class Log(Section):
    """What the service writes to its log."""

    format: Literal["auto", "human", "json"] = Field(
        "auto",
        description="auto: human on a terminal, fields of the journal under systemd, JSON lines elsewhere",
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="the least urgent that is written"
    )


class Heartbeat(Section):
    """A dead man's switch, as Healthchecks has it: it raises the alarm when renewd falls silent."""

    url: SecretText = Field(description="what to POST to; whoever knows it can keep the switch quiet")
    every: Annotated[DurationText, Between("10s", "1d")] = Field(
        timedelta(minutes=1), description="no more often than this while all is well"
    )

    @field_validator("url")
    @classmethod
    def _reachable(cls, url: Secret) -> Secret:
        if url.how == "plain":
            an_api_base(url.text)
        return url


class Traces(Section):
    """Where spans of each tick and each renewal go: a collector that takes OTLP over HTTP."""

    endpoint: BaseText | None = Field(
        None,
        description="the collector, without /v1/traces; without it as OTEL_EXPORTER_OTLP_ENDPOINT says, "
        "or else http://localhost:4318",
        examples=["http://127.0.0.1:4318"],
    )


class Settings(Section):
    """The whole of `renewd.yaml`."""

    version: Literal[1] = Field(description="of the form of this file")
    database: DatabaseText = Field(
        description="a file of SQLite, or a PostgreSQL: postgresql://renewd@host/renewd"
    )
    policy: FileText = Field("policy.yaml", description="the policy file, relative to this one")
    operator_email: EmailText = Field(description="who is told when a person has to look")
    schedule: Schedule = Schedule()
    gateways: dict[Name, StripeGateway] = Field(
        min_length=1, description="who charges, by the name in the policy"
    )
    carriers: dict[Name, HttpCarrier] = Field(
        min_length=1, description="who extends, by the name in the policy"
    )
    messengers: Messengers
    breaker: Breaker = Breaker()
    metrics: ListenText | None = Field(
        None, description="where to answer /metrics, /-/healthy, /-/ready and /-/reload; without it nowhere"
    )
    heartbeat: Heartbeat | None = Field(None, description="who is told again and again that renewd works")
    traces: Traces | None = Field(None, description="who is sent spans; without it nobody, at no cost")
    log: Log = Log()
    audit: Audit = Audit()

    @classmethod
    def hides(cls, path: tuple[str | int, ...]) -> bool:
        """Say whether the value at a path of the file must not be shown, because it is a secret or may be one."""
        if path[:1] == ("heartbeat",):
            return path[-1] != "every"
        if path[:1] == ("traces",):
            return path[-1] != "endpoint"
        if len(path) > 1 and path[0] == "audit":
            return path[1] not in ("seal_every", "checkpoints", "file")
        if len(path) < PROVIDER_KEY - 1 or path[0] not in PROVIDERS:
            return False
        return len(path) != PROVIDER_KEY or path[-1] not in PLAIN_KEYS

    def providers(self) -> Iterator[tuple[tuple[str, str], Provider]]:
        """Give every gateway and carrier with its path."""
        yield from ((("gateways", name), each) for name, each in self.gateways.items())
        yield from ((("carriers", name), each) for name, each in self.carriers.items())

    def secrets(self) -> Iterator[tuple[tuple[str, ...], Secret]]:
        """Give every secret with its path."""
        yield ("database",), self.database
        yield from ((("gateways", name, "api_key"), each.api_key) for name, each in self.gateways.items())
        yield from ((("carriers", name, "token"), each.token) for name, each in self.carriers.items())
        if isinstance(self.messengers.email, Smtp) and self.messengers.email.password:
            yield ("messengers", "email", "password"), self.messengers.email.password
        if self.heartbeat:
            yield ("heartbeat", "url"), self.heartbeat.url
        if self.audit.key:
            yield ("audit", "key"), self.audit.key
