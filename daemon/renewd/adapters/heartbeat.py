"""A dead man's switch over HTTP, as Healthchecks and those who speak its language have it.

`<url>/start`, `<url>` and `<url>/fail`, all of one run under one `rid`. See https://healthchecks.io/docs/http_api/.
"""

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from renewd.adapters.transport import Answer, Transport

DEADLINE = timedelta(seconds=10)
OK = range(200, 300)


class HttpBeacon:
    """See `watching.Beacon`."""

    def __init__(self, url: str) -> None:
        """Signal to `url`. Raises ValueError, which does not tell the URL: it is a secret."""
        try:
            self._transport = Transport(url, {}, deadline=DEADLINE, max_concurrent=1)
        except ValueError:
            raise ValueError("the heartbeat's url is not one; it is like https://hc-ping.com/UUID") from None
        self._host = urlsplit(url).hostname

    async def signal(self, word: str, run: UUID, detail: str) -> str:
        """See `watching.Beacon`."""
        path = () if word == "success" else (word,)
        result = await self._transport.send(
            "POST", *path, params={"rid": str(run)}, json={"detail": detail} if detail else None
        )
        if isinstance(result, Answer):
            return "" if result.status in OK else f"{self._host} answers {result.status}"
        return f"{self._host}: {result.reason}"

    async def close(self) -> None:
        """See `watching.Beacon`."""
        await self._transport.close()
