"""What the hash of a row of the audit log covers: the same bytes whichever database keeps the row, and in the archive.

A row is one JSON object in UTF-8 without spaces, its keys the columns in the order of the table. Instants are
`2026-11-23T09:00:00.000000Z`, numbers are whole, and a column that says nothing (an empty text; null where it is no
text) is left out, so that a column added one day changes no older hash. The leaf is SHA-256 over a zero byte and these
bytes, as in RFC 6962.
"""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

_LEAF = b"\x00"


def _other(value: object) -> object:
    """Write what no row of ours holds, so that it equals nothing that one does."""
    return {"blob": value.hex()} if isinstance(value, bytes) else {"unknown": repr(value)}


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_other).encode


class Form:
    """The form of the rows of one table: its columns in order, and what each holds when it says nothing."""

    def __init__(self, columns: Sequence[str], empty: Sequence[object]) -> None:
        self._columns = tuple(zip(columns, empty, strict=True))

    def lines(self, rows: Iterable[Sequence[Any]]) -> list[bytes]:
        """Write rows as the bytes that are hashed."""
        columns, encode = self._columns, _encode
        return [
            encode(
                {name: value for (name, empty), value in zip(columns, row, strict=True) if value != empty}
            ).encode(errors="surrogateescape")
            for row in rows
        ]


def leaf_hash(line: bytes) -> bytes:
    """Give the leaf of the tree for one row."""
    return sha256(_LEAF + line).digest()


def leaf_hashes(lines: Iterable[bytes]) -> list[bytes]:
    """Give the leaf of each row."""
    return [sha256(_LEAF + line).digest() for line in lines]
