"""Daemons over sandboxes; whatever a test leaves running is ended with it."""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import structlog

from renewd.service import logs
from tests.service.town import Town

Build = Callable[..., Town]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Give a function that builds a town: `latency_ms` is the sandbox's, all else goes to `settings`."""
    with ExitStack() as left:

        def town(latency_ms: int = 0, **changes: Any) -> Town:
            built = Town(tmp_path, latency_ms, **changes)
            left.callback(built.close)
            return built

        yield town


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    """Give what the service's log says, as JSON."""
    out = io.StringIO()
    logs.configure("json", stream=out)
    yield out
    structlog.reset_defaults()
