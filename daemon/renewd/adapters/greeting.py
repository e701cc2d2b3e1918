"""Whether a provider can be reached: its certificate, an answer, and what its clock says. It is asked for nothing."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from renewd.adapters.transport import Answer, Transport
from renewd.checkup.facts import Reach
from renewd.ports import Clock


async def greeted(name: str, api_base: str, deadline: timedelta, clock: Clock) -> Reach:
    """Ask a provider for its front page, without any key, so that nothing can come of it. Any answer will do."""
    transport = Transport(api_base, {}, deadline=deadline, max_concurrent=1)
    try:
        answer = await transport.send("GET", "")
    finally:
        await transport.close()
    if not isinstance(answer, Answer):
        return Reach(name, api_base, trouble=answer.reason)
    return Reach(name, api_base, ahead=_ahead(answer.headers.get("date", ""), clock.now()))


def _ahead(date: str, now: datetime) -> timedelta | None:
    try:
        return parsedate_to_datetime(date).astimezone(UTC) - now
    except (ValueError, TypeError):
        return None
