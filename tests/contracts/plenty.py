"""A PostgreSQL with enough in every table, and what it knows of it, that its planner has something to choose between."""

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from renewd.adapters.store.connect import connect
from tests.benchmarks.population import populate
from tests.postgres import empty_database

SUBSCRIPTIONS = 20_000
DUE_IN_AN_HOUR = 20

# Two renewals of each subscription in the past; one in 200 is under way.
_RENEWALS = """
INSERT INTO renewals (id, subscription_id, period_start, period_end, opened_at, due_at, next_at, stage, hold, reason,
                      charges, extends, ladder_step, spent, sold_plan, paid_minor, paid_currency, check_first,
                      closed_at, version)
SELECT subscription || to_char(began AT TIME ZONE 'UTC', '/YYYYMMDD"T"HH24MISS"Z"'), subscription, began,
       began + interval '30 days', began - interval '7 days', began - interval '7 days',
       CASE WHEN i % 200 = 0 THEN :now + (i % 1000 - 100) * interval '1 minute' END,
       CASE WHEN i % 200 = 0 THEN 'due' WHEN i % 1000 = 1 THEN 'review' ELSE 'extended' END,
       CASE WHEN i % 2000 = 200 THEN 'payment_method' ELSE '' END, '', 1, 1, 0, '[]', '', 2000, 'USD', false,
       CASE WHEN i % 200 <> 0 THEN :now - i * interval '10 minutes' END, 1
FROM (SELECT i, 'S-' || lpad((i % :total)::text, 7, '0') AS subscription,
             :now - (1 + i / :total) * interval '30 days' AS began
      FROM generate_series(0, 2 * :total - 1) AS numbers(i)) AS cycles
"""
_ATTEMPTS = """
INSERT INTO attempts (key, renewal_id, leg, number, provider, subscription_id, period_start, policy_digest, sent_at,
                      begun_at, state, sends, lookups, absences, amount_minor, amount_currency, method_id,
                      method_token, method_kind, gateway_customer, line, plan, outcome, code, reference, closed_at)
SELECT id || '/' || leg, id, leg, 1, 'stripe', subscription_id, period_start, '', opened_at, opened_at,
       CASE WHEN next_at IS NULL THEN 'done' WHEN hold = '' THEN 'declined' ELSE 'sent' END, 1, 0, 0,
       2000, 'USD', 'pm_ok_' || substr(subscription_id, 3), '', 'card', '', '', '', '', '', '',
       CASE WHEN hold = '' THEN opened_at END
FROM renewals, (VALUES ('charge'), ('extend')) AS legs(leg)
"""
_AUDIT = """
INSERT INTO audit_log (at, name, actor, subscription, renewal, leg, provider, attempt, method, key, outcome, decline_class,
                       code, reference, next_action, policy_digest, detail)
SELECT :now - (3 * :total - i) * interval '1 minute',
       CASE WHEN i % 97 = 0 THEN 'charge.declined' WHEN i % 1000 = 1 THEN 'renewal.set_aside' ELSE 'charge.done' END,
       'renewd', 'S-' || lpad((i * 7919 % :total)::text, 7, '0'), '', 'charge', 'stripe', 1, '', '', 'done', '', '', '', '', '', ''
FROM generate_series(0, 3 * :total - 1) AS numbers(i)
"""
_NOTICES = """
INSERT INTO notices (id, kind, subscription_id, recipient, subject, body, created_at, next_at, tries)
SELECT 'n' || i, 'renewed', 'S-0000001', 'june@example.org', '', '', :now,
       CASE WHEN i % 200 = 0 THEN :now - interval '1 minute' END, 0
FROM generate_series(0, :total - 1) AS numbers(i)
"""


def plenty(now: datetime) -> Engine:
    """Make such a database, in which at `now` some of everything is due."""
    server = empty_database()
    populate(Path(), SUBSCRIPTIONS, DUE_IN_AN_HOUR, now - timedelta(hours=3), server)
    engine = connect(server)
    with engine.begin() as connection:
        for statement in (_RENEWALS, _ATTEMPTS, _AUDIT, _NOTICES):
            typed = statement.replace(":now", "CAST(:now AS timestamptz)").replace(
                ":total", str(SUBSCRIPTIONS)
            )
            connection.execute(text(typed), {"now": now})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return engine
