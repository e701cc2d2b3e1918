"""Databases of any size, made inside SQLite: a million rows in seconds."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from renewd.adapters.store.connect import connect, migrate
from tests.benchmarks.setting import PLAN

_NUMBERS = "WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :total)"
# Which hour opens a subscription says nothing of where its row lies: 7919 is prime.
_OPENS = "datetime(:start, ((i * 7919) % :hours) || ' hours') || '.000000'"
_ENDS = "datetime(:start, ((i * 7919) % :hours) || ' hours', '7 days') || '.000000'"
_SUBSCRIPTIONS = f"""
INSERT INTO subscriptions (id, customer_id, plan, line, zone, state, current_period_end, anchor, tags, overrides,
                           opens_at)
{_NUMBERS}
SELECT printf('S-%07d', i), printf('C-%07d', i), '{PLAN}', printf('extend_ok_%07d', i), 'UTC', 'active',
       {_ENDS}, {_ENDS}, '[]', '{{}}', {_OPENS}
FROM numbers
"""  # noqa: S608 the names are ours
_CUSTOMERS = f"""
INSERT INTO customers (id, name, email, gateway_customer)
{_NUMBERS}
SELECT printf('C-%07d', i), 'June Barrow', printf('june%d@example.org', i), printf('cus_%07d', i) FROM numbers
"""  # noqa: S608
_METHODS = f"""
INSERT INTO payment_methods (id, customer_id, token, kind, label, expires, rank, blocked)
{_NUMBERS}
SELECT printf('pm_ok_%07d', i), printf('C-%07d', i), printf('pm_ok_%07d', i), 'card', 'Visa 4242', '2099-12', 0, 0
FROM numbers
"""  # noqa: S608
_AUDIT = f"""
INSERT INTO audit_log (at, name, actor, subscription, renewal, leg, attempt, method, key, outcome, decline_class,
                       code, reference, next_action, policy_digest, detail)
{_NUMBERS}
SELECT datetime(:start, i || ' seconds') || '.000000',
       CASE WHEN i % 97 THEN 'charge.done' ELSE 'charge.declined' END, 'renewd',
       printf('S-%07d', (i * 7919) % (:total / 10 + 1)), printf('S-%07d/20260101T000000Z', i), 'charge', 1, 'pm_ok',
       '', 'done', '', '', 'pi_1', 'extend', '0123456789abcdef', ''
FROM numbers
"""  # noqa: S608


def populate(path: Path, total: int, due: int, start: datetime) -> None:
    """Make a database of `total` active subscriptions, of which `due` open in each hour from `start` on."""
    _empty(path)
    hours = -(-total // due)
    _execute(
        path, (_SUBSCRIPTIONS, _CUSTOMERS, _METHODS), {"total": total, "hours": hours, "start": _text(start)}
    )


def fill_log(path: Path, total: int, start: datetime) -> None:
    """Write `total` rows to the audit log of a new database, one a second; one in 97 is a decline."""
    _empty(path)
    _execute(path, (_AUDIT,), {"total": total, "start": _text(start)})


def _empty(path: Path) -> None:
    engine = connect(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()


def _execute(path: Path, statements: tuple[str, ...], values: dict[str, object]) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -400000")
    for statement in statements:
        connection.execute(statement, values)
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
