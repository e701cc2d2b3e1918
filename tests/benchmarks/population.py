"""Databases of any size, made inside the database itself: a million rows in seconds."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from renewd.adapters.store.connect import connect, migrate
from tests.benchmarks.setting import PLAN

_NUMBERS = "WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < :total)"
# Which hour opens a subscription says nothing of where its row lies: 7919 is prime.
_WORDS = {
    "sqlite": {
        "numbers": _NUMBERS,
        "from": "numbers",
        "id": "printf('{}-%07d', i)",
        "opens": "datetime(:start, ((i * 7919) % :hours) || ' hours') || '.000000'",
        "ends": "datetime(:start, ((i * 7919) % :hours) || ' hours', '7 days') || '.000000'",
        "no": "0",
    },
    "postgresql": {
        "numbers": "",
        "from": "generate_series(0, :total - 1) AS numbers(i)",
        "id": "'{}-' || lpad(i::text, 7, '0')",
        "opens": "CAST(:start AS timestamptz) + (i::bigint * 7919) % :hours * interval '1 hour'",
        "ends": "CAST(:start AS timestamptz) + (i::bigint * 7919) % :hours * interval '1 hour' + interval '7 days'",
        "no": "false",
    },
}
_STATEMENTS = (
    """
INSERT INTO subscriptions (id, customer_id, plan, line, zone, state, current_period_end, anchor, tags, overrides,
                           opens_at)
{numbers}
SELECT {subscription}, {customer}, '{plan}', {line}, 'UTC', 'active', {ends}, {ends}, '[]', '{{}}', {opens}
FROM {from}
""",
    """
INSERT INTO customers (id, name, email, gateway_customer)
{numbers}
SELECT {customer}, 'June Barrow', 'june@example.org', {gateway_customer} FROM {from}
""",
    """
INSERT INTO payment_methods (id, customer_id, token, kind, label, expires, rank, blocked)
{numbers}
SELECT {method}, {customer}, {method}, 'card', 'Visa 4242', '2099-12', 0, {no} FROM {from}
""",
)
_AUDIT = f"""
INSERT INTO audit_log (at, name, actor, subscription, renewal, leg, provider, attempt, method, key, outcome, decline_class,
                       code, reference, next_action, policy_digest, detail)
{_NUMBERS}
SELECT datetime(:start, i || ' seconds') || '.000000',
       CASE WHEN i % 97 THEN 'charge.done' ELSE 'charge.declined' END, 'renewd',
       printf('S-%07d', (i * 7919) % (:total / 10 + 1)), printf('S-%07d/20260101T000000Z', i), 'charge', 'stripe', 1, 'pm_ok',
       '', 'done', '', '', 'pi_1', 'extend', '0123456789abcdef', ''
FROM numbers
"""  # noqa: S608


def populate(path: Path, total: int, due: int, start: datetime, server: str = "") -> None:
    """Make a database of `total` active subscriptions, of which `due` open in each hour from `start` on.

    It is the file `path`, or the empty database at the URL `server`.
    """
    values = {"total": total, "hours": -(-total // due), "start": _text(start)}
    if not server:
        _empty(path)
        _execute(path, _written("sqlite"), values)
        return
    engine = connect(server)
    migrate(engine)
    with engine.begin() as connection:
        for statement in _written("postgresql"):
            connection.execute(text(statement), values)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _written(dialect: str) -> tuple[str, ...]:
    words = dict(_WORDS[dialect])
    one = words.pop("id")
    names = {
        "subscription": "S",
        "customer": "C",
        "gateway_customer": "cus",
        "method": "pm_ok",
        "line": "extend_ok",
    }
    ids = {
        what: one.format(prefix).replace(f"{prefix}-", f"{prefix}_" if len(prefix) > 1 else f"{prefix}-")
        for what, prefix in names.items()
    }
    return tuple(statement.format(plan=PLAN, **words, **ids) for statement in _STATEMENTS)


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
