"""How a case and an attempt are told in the audit log."""

from datetime import datetime, timedelta
from typing import Any

from renewd.renewal.audit import Event
from renewd.renewal.model import Attempt, Case, UnreadableError
from renewd.renewal.moment import Moment

SET_ASIDE_FOR = timedelta(hours=1)


def event_of(case: Case, name: str, moment: Moment, attempt: Attempt | None, **more: Any) -> Event:
    """Describe what has happened to a case; `more` fills in or overrides fields of the event."""
    about: dict[str, Any] = {"policy_digest": moment.policy.digest}
    if attempt:
        about |= {
            "leg": attempt.leg,
            "provider": attempt.provider,
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


def set_aside(
    error: Exception, now: datetime, next_at: datetime | None, *, subscription: str = "", renewal: str = ""
) -> Event:
    """Say that nothing can be done for a renewal, or for the one that a subscription needs, before `next_at`."""
    return Event(
        "renewal.set_aside",
        now,
        subscription=subscription or renewal.rpartition("/")[0],
        renewal=renewal,
        next_action="look",
        next_at=next_at,
        # Of an error that was not meant for people only the kind is told: its text may quote anything.
        detail=str(error) if isinstance(error, UnreadableError) else type(error).__name__,
    )
