"""A change told in one line, so that a table of them can be read."""

from datetime import datetime

from renewd.renewal.change import Change
from renewd.renewal.period import format_duration, local_text
from tests.renewal.building import DAY, NEW_YORK


def told(change: Change) -> str:
    """Where the renewal stands and when it is looked at; the attempt; the events; the letters owed."""
    renewal, attempt = change.renewal, change.attempt
    parts = [
        f"{renewal.stage} held for {renewal.hold}" if renewal.hold else str(renewal.stage),
        _when(renewal.next_at, change.at),
        f"attempt {attempt.state}" if attempt else "no attempt",
        " ".join(event.name for event in change.events) or "no event",
        " ".join(f"letter {notice.kind}" for notice in change.notices),
    ]
    return "; ".join(part for part in parts if part)


def _when(instant: datetime | None, now: datetime) -> str:
    if instant is None:
        return "at rest"
    if instant == now:
        return "now"
    return (
        f"+{format_duration(instant - now)}" if instant - now <= DAY else local_text(instant, NEW_YORK)[:16]
    )
