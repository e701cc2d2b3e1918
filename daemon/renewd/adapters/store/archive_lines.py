"""What stands in the files of an archive for renewals: each row as a line, and the letters that hang on none by a key."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from renewd.adapters.store.statements import among
from renewd.adapters.store.tables import notices
from renewd.renewal.notice import notice_ids


def letters_of(connection: Connection, gone: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Give the letters that renewals have made, by renewal; one that is still owed stays where it is."""
    owners = {each: row["id"] for row in gone for each in notice_ids(row["id"], row["charges"])}
    over = (among(connection, notices.c.id, owners), notices.c.next_at.is_(None))
    found: dict[str, list[dict[str, Any]]] = {}
    for row in connection.execute(select(notices).where(*over).order_by(notices.c.created_at)).mappings():
        found.setdefault(owners[row["id"]], []).append(dict(row))
    return found


def told(
    gone: Sequence[dict[str, Any]],
    tries: Sequence[dict[str, Any]],
    letters: Mapping[str, Sequence[dict[str, Any]]],
) -> Iterator[bytes]:
    """Give the lines of a file: each renewal, and after it all that hangs on it."""
    for renewal in gone:
        yield _line("renewals", renewal)
        yield from (_line("attempts", each) for each in tries if each["renewal_id"] == renewal["id"])
        yield from (_line("notices", each) for each in letters.get(renewal["id"], ()))


def _line(table: str, row: dict[str, Any]) -> bytes:
    told = {"table": table} | row
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=_instant).encode()


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
