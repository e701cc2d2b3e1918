"""The gateways keep the contract: the one in memory that tests trust, and Stripe's adapter over HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from renewd.adapters.gateways.stripe import StripeGateway
from renewd.adapters.transport import Transport
from renewd.ports import Gateway
from renewd.sandbox import Sandbox
from tests.contracts.attempts import NOW
from tests.contracts.gateway_contract import GatewayContract, World
from tests.fakes import FakeClock, FakeGateway
from tests.sandbox.asking import Asking


class FakeWorld:
    def __init__(self) -> None:
        self._clock = FakeClock(NOW)
        self._gateway = FakeGateway(self._clock)
        self.gateway: Gateway = self._gateway

    async def taken(self) -> int:
        return len(self._gateway.taken())

    async def later(self, span: timedelta) -> None:
        self._clock.advance(span)


class SandboxWorld:
    def __init__(self, gateway: StripeGateway, asking: Asking) -> None:
        self.gateway: Gateway = gateway
        self._asking = asking

    async def taken(self) -> int:
        statuses: dict[str, int] = (await self._asking.get("/sandbox/summary"))["payment_intents"]
        return statuses.get("succeeded", 0) + statuses.get("processing", 0)

    async def later(self, span: timedelta) -> None:
        await self._asking.set_clock((NOW + span).isoformat().replace("+00:00", "Z"))


class TestFakeGateway(GatewayContract):
    @pytest.fixture
    def world(self) -> World:
        return FakeWorld()


class TestStripeGateway(GatewayContract):
    @pytest.fixture
    async def world(self) -> AsyncIterator[World]:
        sandbox = Sandbox()
        url = await sandbox.start()
        asking = Asking(url)
        transport = Transport(url, {}, deadline=timedelta(seconds=1.5), max_concurrent=4)
        world = SandboxWorld(StripeGateway("stripe", transport, "sk_test_1"), asking)
        await world.later(timedelta(0))
        yield world
        await world.gateway.close()
        await asking.http.aclose()
        await sandbox.stop()
