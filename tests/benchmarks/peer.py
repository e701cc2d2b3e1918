"""The peer: the same work as a script would do it, one renewal after the other, as durable and without guards."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.benchmarks.measure import peak_rss, spending

_TABLES = """
CREATE TABLE subscriptions (id TEXT PRIMARY KEY, card TEXT, customer TEXT, line TEXT, ends TEXT);
CREATE TABLE attempts (key TEXT PRIMARY KEY, state TEXT, reference TEXT);
"""
_ENDS, _NEXT = "2026-12-08T00:00:00Z", "2027-01-07T00:00:00Z"


class Plain:
    """A database as a script uses it: SQLite in a file, or the PostgreSQL at a URL."""

    def __init__(self, folder: str, server: str) -> None:
        self._mark = "%s" if server else "?"
        if server:
            self._connection: Any = psycopg.connect(server, autocommit=True)
            self._connection.execute(_TABLES)
        else:
            self._connection = sqlite3.connect(Path(folder) / "peer.db", isolation_level=None)
            self._connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {_TABLES}")

    def execute(self, statement: str, values: Sequence[object] = ()) -> Any:
        return self._connection.execute(statement.replace("?", self._mark), values)

    def executemany(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        self._connection.cursor().executemany(statement.replace("?", self._mark), rows)

    def close(self) -> None:
        self._connection.close()


async def loop(folder: str, url: str, renewals: int, server: str = "") -> dict[str, float]:
    """Charge and extend so many subscriptions in a row; each step is a transaction of its own."""
    database = Plain(folder, server)
    rows = [
        (f"S-{n:07}", f"pm_ok_{n:07}", f"cus_{n:07}", f"extend_ok_{n:07}", _ENDS) for n in range(renewals)
    ]
    database.execute("BEGIN")
    database.executemany("INSERT INTO subscriptions VALUES (?, ?, ?, ?, ?)", rows)
    database.execute("COMMIT")
    with httpx.Client(base_url=url, trust_env=False) as client, spending() as spent:
        for row in database.execute("SELECT * FROM subscriptions WHERE ends = ?", (_ENDS,)).fetchall():
            _renew(database, client, row)
    database.close()
    return {"renew": spent.wall, "renew_cpu": spent.cpu, "rss": peak_rss()}


def _renew(database: Plain, client: httpx.Client, row: tuple[str, ...]) -> None:
    subscription, card, customer, line, ends = row
    key = f"{subscription}/{ends}"
    database.execute("INSERT INTO attempts VALUES (?, 'sent', '')", (f"{key}/charge",))
    paid = client.post(
        "/v1/payment_intents",
        data={
            "amount": "2000",
            "currency": "usd",
            "customer": customer,
            "payment_method": card,
            "payment_method_types[]": "card",
            "off_session": "true",
            "confirm": "true",
        },
        headers={"Authorization": "Bearer sk_test_bench", "Idempotency-Key": f"{key}/charge"},
    ).raise_for_status()
    done = "UPDATE attempts SET state = 'done', reference = ? WHERE key = ?"
    database.execute(done, (paid.json()["id"], f"{key}/charge"))
    database.execute("INSERT INTO attempts VALUES (?, 'sent', '')", (f"{key}/extend",))
    client.post(
        f"/v1/lines/{line}/extend",
        json={"expires_at": _NEXT, "plan": "plus", "reference": f"{key}/extend"},
        headers={"Authorization": "Bearer bench"},
    ).raise_for_status()
    database.execute("BEGIN")
    database.execute("UPDATE attempts SET state = 'done' WHERE key = ?", (f"{key}/extend",))
    database.execute("UPDATE subscriptions SET ends = ? WHERE id = ?", (_NEXT, subscription))
    database.execute("COMMIT")
