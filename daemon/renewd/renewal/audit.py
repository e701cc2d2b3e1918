"""One row of the audit log: what happened, to whom, under which key, with what answer, and what comes next."""

from dataclasses import dataclass
from datetime import datetime

from renewd.renewal.money import Money

DAEMON = "renewd"  # the actor of what no person did


@dataclass(frozen=True)
class Event:
    """An entry for the audit log; `name` is dotted (`charge.declined`). What does not apply is empty.

    `provider` is the gateway or the carrier that was asked, by its name in the settings; `duration_ms` is the time of a call in milliseconds; `detail` is for people and holds no secret.
    """

    name: str
    at: datetime
    actor: str = DAEMON
    subscription: str = ""
    renewal: str = ""
    leg: str = ""
    provider: str = ""
    attempt: int | None = None
    method: str = ""
    amount: Money | None = None
    key: str = ""
    outcome: str = ""
    decline_class: str = ""
    code: str = ""
    reference: str = ""
    next_action: str = ""
    next_at: datetime | None = None
    policy_digest: str = ""
    duration_ms: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class AuditRow:
    """An event as the log holds it, under its sequence number."""

    sequence: int
    event: Event
