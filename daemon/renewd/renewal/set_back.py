"""What was planned by a clock that was ahead, and has been set back since: it must not wait until that time comes round."""

from dataclasses import dataclass, replace
from datetime import datetime

from renewd.renewal.fleet import GONE_AFTER


@dataclass(frozen=True)
class Waiting:
    """When an open renewal is to be looked at, and was due; when its last attempt was sent or answered; whether it is held."""

    next_at: datetime
    due_at: datetime
    tried_at: datetime | None = None
    held: bool = False


def planned_back(plan: Waiting, now: datetime) -> Waiting:
    """Give when to look at it by a clock that says `now`.

    What was tried in the time that has not come waits from now for as long as it was to wait from then: what is in doubt
    is not looked up too soon, and a declined card is not tried again at once. What was never tried, or is held, is looked
    at when it was due. All else was planned by the right time.
    """
    if plan.tried_at and plan.tried_at > now + GONE_AFTER:
        if plan.next_at < plan.tried_at:
            return plan  # this was done before
        moved = plan.tried_at - now
        due_at = plan.due_at - moved if plan.due_at > now else plan.due_at
        return replace(plan, next_at=plan.next_at - moved, due_at=due_at)
    if plan.held or plan.tried_at is None:
        return replace(plan, next_at=min(plan.next_at, max(now, plan.due_at)))
    return plan
