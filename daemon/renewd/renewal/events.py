"""How a case and an attempt are told in the audit log."""

from typing import Any

from renewd.renewal.audit import Event
from renewd.renewal.model import Attempt, Case
from renewd.renewal.moment import Moment


def event_of(case: Case, name: str, moment: Moment, attempt: Attempt | None, **more: Any) -> Event:
    """Describe what has happened to a case; `more` fills in or overrides fields of the event."""
    about: dict[str, Any] = {"policy_digest": moment.policy.digest}
    if attempt:
        about |= {
            "leg": attempt.leg,
            "attempt": attempt.number,
            "method": attempt.method_token,
            "amount": attempt.amount,
            "key": attempt.key,
            "outcome": attempt.outcome,
            "code": attempt.code,
            "reference": attempt.reference,
            "policy_digest": attempt.policy_digest,
        }
    return Event(
        name, moment.now, subscription=case.subscription.id, renewal=case.renewal.id, **(about | more)
    )
