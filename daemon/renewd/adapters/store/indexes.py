"""The indexes: those that enforce the rules no code may break, and those that keep every statement quick."""

from typing import Any

from sqlalchemy import Index, text

from renewd.adapters.store.tables import (
    attempts,
    audit_checkpoints,
    audit_log,
    metadata,
    notices,
    payment_methods,
    renewals,
    subscriptions,
)

__all__ = ["metadata"]


def _only(condition: str) -> dict[str, Any]:
    """Have an index hold only the rows of which this is true."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


Index("payment_methods_of_customer", payment_methods.c.customer_id)
Index("subscriptions_of_customer", subscriptions.c.customer_id)
# The scan is one range on this index: it costs what is newly due, not what exists.
Index("subscriptions_newly_due", subscriptions.c.opens_at, **_only("opens_at IS NOT NULL"))
Index("renewals_one_per_period", renewals.c.subscription_id, renewals.c.period_start, unique=True)
Index("renewals_due", renewals.c.next_at, renewals.c.due_at, **_only("next_at IS NOT NULL"))
Index("renewals_by_stage", renewals.c.stage, renewals.c.closed_at)
Index("renewals_held", renewals.c.hold, **_only("hold <> ''"))
Index("attempts_of_renewal", attempts.c.renewal_id)
Index("attempts_one_open", attempts.c.renewal_id, attempts.c.leg, unique=True, **_only("closed_at IS NULL"))
Index("attempts_one_paid", attempts.c.renewal_id, unique=True, **_only("leg = 'charge' AND state = 'done'"))
# What the card limits count: how a method's charges ended in the last 30 days, and which are under way.
Index("attempts_of_method", attempts.c.method_id, attempts.c.closed_at, **_only("leg = 'charge'"))
# What the brake counts: the charges sent in the last hour.
Index("attempts_charges_sent", attempts.c.sent_at, **_only("leg = 'charge'"))
Index("audit_log_by_subscription", audit_log.c.subscription, audit_log.c.sequence)
Index("audit_log_by_time", audit_log.c.at)
Index("audit_log_by_name", audit_log.c.name, audit_log.c.sequence)
Index("audit_checkpoints_by_last", audit_checkpoints.c.last)
Index("notices_owed", notices.c.next_at, **_only("next_at IS NOT NULL"))
