"""The carriers keep the contract: the one in memory that tests trust, and the HTTP adapter."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from renewd.adapters.carriers.http import HttpCarrier
from renewd.adapters.transport import Transport
from renewd.ports import Carrier
from renewd.sandbox import Sandbox
from tests.contracts.attempts import NOW
from tests.contracts.carrier_contract import CarrierContract, World
from tests.fakes import FakeCarrier, FakeClock
from tests.sandbox.asking import Asking


class FakeWorld:
    def __init__(self) -> None:
        self._clock = FakeClock(NOW)
        self._carrier = FakeCarrier(self._clock)
        self.carrier: Carrier = self._carrier

    async def extensions(self) -> int:
        return len(self._carrier.extensions)

    async def later(self, span: timedelta) -> None:
        self._clock.advance(span)


class SandboxWorld:
    def __init__(self, carrier: HttpCarrier, asking: Asking) -> None:
        self.carrier: Carrier = carrier
        self._asking = asking

    async def extensions(self) -> int:
        count: int = (await self._asking.get("/sandbox/summary"))["extensions"]
        return count

    async def later(self, span: timedelta) -> None:
        await self._asking.set_clock((NOW + span).isoformat().replace("+00:00", "Z"))


class TestFakeCarrier(CarrierContract):
    @pytest.fixture
    def world(self) -> World:
        return FakeWorld()


class TestHttpCarrier(CarrierContract):
    @pytest.fixture
    async def world(self) -> AsyncIterator[World]:
        sandbox = Sandbox()
        url = await sandbox.start()
        asking = Asking(url)
        transport = Transport(url, {}, deadline=timedelta(seconds=1.5), max_concurrent=4)
        world = SandboxWorld(HttpCarrier("carrier", transport, "token"), asking)
        await world.later(timedelta(0))
        yield world
        await world.carrier.close()
        await asking.http.aclose()
        await sandbox.stop()
