from collections.abc import AsyncIterator

import pytest

from renewd.sandbox import Sandbox
from tests.sandbox.asking import Asking


@pytest.fixture
async def url() -> AsyncIterator[str]:
    sandbox = Sandbox()
    yield await sandbox.start()
    await sandbox.stop()


@pytest.fixture
async def ask(url: str) -> AsyncIterator[Asking]:
    asking = Asking(url)
    yield asking
    await asking.http.aclose()


@pytest.fixture
async def slow() -> AsyncIterator[Asking]:
    sandbox = Sandbox(latency=0.3)
    asking = Asking(await sandbox.start())
    yield asking
    await asking.http.aclose()
    await sandbox.stop()
