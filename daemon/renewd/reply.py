"""What is answered to somebody who asks over HTTP how the daemon is: between the endpoint and the monitor."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered to somebody who asks over HTTP how the daemon is."""

    status: HTTPStatus
    body: bytes
    kind: str = "text/plain; charset=utf-8"


Respond = Callable[[str, str], Awaitable[Reply]]  # to a method and a path
