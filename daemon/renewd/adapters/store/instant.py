"""The type of a column that holds an instant."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, String, TypeDecorator
from sqlalchemy.types import TypeEngine


class Instant(TypeDecorator[datetime]):
    """An instant in UTC: aware in Python, `timestamptz` on PostgreSQL, readable text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Keep text on SQLite: its own type for instants costs several times as much to write."""
        return dialect.type_descriptor(String() if dialect.name == "sqlite" else DateTime(timezone=True))

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None] | None:
        """Turn an aware instant into what the database keeps: PostgreSQL keeps it as it is."""
        return _as_text if dialect.name == "sqlite" else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Turn what the database keeps into an aware instant."""
        if value is None:
            return None
        if dialect.name == "sqlite":
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        instant: datetime = value.astimezone(UTC)
        return instant


def _as_text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat(" ", "microseconds")[:-6]
