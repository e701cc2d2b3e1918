"""A transport that gives the results it was handed, in order, and remembers what it was asked to send."""

import json
from copy import deepcopy
from datetime import timedelta
from typing import Any

from renewd.adapters.transport import Answer, Result, Transport


class Scripted(Transport):
    def __init__(self, *results: Result) -> None:
        super().__init__("http://127.0.0.1", {}, deadline=timedelta(seconds=1), max_concurrent=1)
        self.sent: list[tuple[str, tuple[str, ...], dict[str, Any]]] = []
        self._results = list(results)

    async def send(self, method: str, *path: str, **options: Any) -> Result:
        self.sent.append((method, path, deepcopy(options)))
        return self._results.pop(0)


def said(status: int, content: Any) -> Answer:
    """An answer whose body is JSON, or the bytes given."""
    return Answer(status, {}, content if isinstance(content, bytes) else json.dumps(content).encode())
