"""How the wire's connections are made and kept, and that nothing leaves before it is exposed."""

import asyncio
import socket
import ssl
from pathlib import Path

import httpx
import pytest

from renewd.adapters.transport import Answer
from renewd.renewal.outcome import Unreached
from tests.adapters.conftest import Certificate, made
from tests.adapters.exchange import Exchange, then
from tests.adapters.stub import after, answer, hang, hang_up, serving
from tests.adapters.test_transport import transport
from tests.adapters.test_transport_faults import trusting


async def test_nothing_leaves_before_it_is_exposed() -> None:
    class Shy(Exchange):
        def expose(self) -> None:
            raise RuntimeError("not yet")

    async with serving(answer()) as stub:
        with pytest.raises(RuntimeError):
            await Shy(stub.url).ask()
        await asyncio.sleep(0.05)
        assert stub.requests == []


async def test_a_request_without_an_answer_is_exposed() -> None:
    async with serving(hang) as stub:
        one = Exchange(stub.url)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(one.ask(), 0.1)
    assert one.exposed


@pytest.mark.parametrize("tls", [None, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)])
async def test_without_a_connection_nothing_is_exposed(
    tls: ssl.SSLContext | None, deaf_port: int, silent_port: int
) -> None:
    one = Exchange(f"http://127.0.0.1:{silent_port if tls else deaf_port}", tls=tls, connect=0.2)
    with pytest.raises(httpx.ConnectTimeout):
        await one.ask()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(one.ask(), 0.1)
    assert not one.exposed


async def test_the_kernel_gives_up_what_is_not_acknowledged() -> None:
    async with serving(answer()) as stub:
        ours = transport(stub.url, deadline=7)
        await ours.send("GET", "x")
        channel = ours._free[0]._channel
        assert channel is not None
        assert channel._transport is not None
        kernel = channel._transport.get_extra_info("socket")
        assert kernel.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 7000
        await ours.close()


async def test_a_connection_is_closed_when_it_is_idle_and_not_while_it_is_used() -> None:
    async with serving(answer(), after(0.3, answer()), answer()) as stub:
        one = Exchange(stub.url, keep_alive=0.15)
        for pause in (0.0, 0.4, 0.0):
            assert (await one.ask()).status_code == 200
            await asyncio.sleep(pause)
        await one.wire.aclose()
    assert stub.connections == 2


async def test_an_end_that_only_the_kernel_has_seen_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(2)

        def serve() -> socket.socket:
            theirs, _ = server.accept()
            theirs.recv(1000)
            theirs.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            return theirs

        one = Exchange(f"http://127.0.0.1:{server.getsockname()[1]}")
        for _ in range(2):
            response, theirs = await asyncio.gather(one.ask(), asyncio.to_thread(serve))
            assert response.status_code == 204
            theirs.close()  # and the wire is used again before the loop turns
        await one.wire.aclose()


async def test_the_next_address_is_tried(
    monkeypatch: pytest.MonkeyPatch, closed_port: int, deaf_port: int
) -> None:
    async def found(*_: object, **__: object) -> list[tuple[object, ...]]:
        ports = (closed_port, deaf_port, stub.port)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

    async with serving(answer()) as stub:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
        one = Exchange("http://pay.example", connect=0.6)
        assert (await one.ask()).status_code == 200
        await one.wire.aclose()
    assert b"\r\nHost: pay.example\r\n" in stub.requests[0]


async def test_the_name_is_told_to_a_server_of_many(tmp_path: Path) -> None:
    local = made(tmp_path, "DNS:localhost")
    names: list[str | None] = []
    tls = local.server()
    tls.sni_callback = lambda _, name, __: names.append(name)
    async with serving(answer(), tls=tls) as stub:
        ours = trusting(stub.url.replace("127.0.0.1", "localhost"), str(local.cert))
        assert isinstance(await ours.send("GET", "x"), Answer)
        await ours.close()
    assert names == ["localhost"]


async def test_tls_older_than_1_2_is_refused(certificate: Certificate) -> None:
    old = certificate.server()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    async with serving(answer(), tls=old) as stub:
        ours = trusting(stub.url, str(certificate.cert))
        assert isinstance(await ours.send("POST", "x", form={}), Unreached)
        assert ours._context is not None
        assert ours._context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert stub.requests == []


async def test_a_tls_connection_is_kept_while_it_is_good(certificate: Certificate) -> None:
    closing = then(b"HTTP/1.1 204 No Content\r\n\r\n", hang_up)
    async with serving(answer(), closing, answer(), tls=certificate.server()) as stub:
        ours = trusting(stub.url, str(certificate.cert))
        for _ in range(3):
            assert isinstance(await ours.send("POST", "x", form={}), Answer)
            await asyncio.sleep(0.05)
        await ours.close()
    assert stub.connections == 2
