"""The transport in foul weather: what was certainly not sent is told apart from what may have arrived."""

import asyncio
import gc
import gzip
from datetime import timedelta

import pytest

from renewd.adapters.transport import MAX_BODY, Answer, Transport
from renewd.renewal.outcome import Unknown, Unreached
from tests.adapters.conftest import Certificate
from tests.adapters.stub import Play, answer, drip, flood, hang, hang_up, raw, reset, serving
from tests.adapters.test_transport import Sleeps, transport


async def test_a_refused_connection_is_unreached_after_three_tries(closed_port: int) -> None:
    sleeps = Sleeps()
    ours = transport(f"http://127.0.0.1:{closed_port}", sleeps=sleeps)
    result = await ours.send("POST", "x", form={})
    assert isinstance(result, Unreached)
    assert result.reason.startswith("ConnectError")
    assert (sleeps, ours.requests) == ([0.25, 0.5], 3)


async def test_a_name_that_nobody_knows_is_unreached() -> None:
    ours = transport("https://pay.invalid", deadline=5)
    assert isinstance(await ours.send("POST", "x", form={}), Unreached)


async def test_a_black_hole_is_unreached_within_the_deadline(deaf_port: int) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    result = await transport(f"http://127.0.0.1:{deaf_port}", deadline=0.4).send("POST", "x", form={})
    assert isinstance(result, Unreached)
    assert loop.time() - start < 1


async def test_a_handshake_that_never_ends_is_unreached(silent_port: int) -> None:
    result = await transport(f"https://127.0.0.1:{silent_port}", deadline=0.5).send("POST", "x", form={})
    assert isinstance(result, Unreached)


async def test_an_answer_that_never_comes_is_unknown(silent_port: int) -> None:
    result = await transport(f"http://127.0.0.1:{silent_port}", deadline=0.3).send("POST", "x", form={})
    assert result == Unknown("no whole answer within the deadline")


HALF = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"status": "succ'


@pytest.mark.parametrize(
    "play",
    [
        hang,
        hang_up,
        reset,
        drip,
        raw(HALF, close=True),
        raw(HALF),
        raw(b"HTTP/1.1 200", close=True),
        raw(b"SSH-2.0-OpenSSH_9.2\r\n", close=True),
        raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40_000 + b"\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    ],
)
async def test_no_whole_answer_is_unknown_and_asked_once(play: Play) -> None:
    async with serving(play, answer()) as stub:
        ours = transport(stub.url, deadline=0.4)
        assert isinstance(await ours.send("POST", "x", form={"a": "1"}), Unknown)
        assert len(stub.requests) == 1
        assert isinstance(await ours.send("POST", "x", form={"a": "1"}), Answer)
        await ours.close()


async def test_a_dripping_answer_is_cut_at_the_deadline() -> None:
    loop = asyncio.get_running_loop()
    async with serving(drip) as stub:
        start = loop.time()
        result = await transport(stub.url, deadline=0.4).send("GET", "x")
        assert loop.time() - start < 1
    assert result == Unknown("no whole answer within the deadline")


async def test_a_huge_answer_is_cut_at_one_mebibyte() -> None:
    async with serving(flood(64 * MAX_BODY), flood(MAX_BODY)) as stub:
        ours = transport(stub.url, deadline=10)
        assert await ours.send("GET", "x") == Unknown("answer over 1 MiB")
        whole = await ours.send("GET", "x")
        assert isinstance(whole, Answer)
        assert len(whole.body) == MAX_BODY
        await ours.close()


async def test_a_gzip_bomb_is_never_inflated() -> None:
    bomb = gzip.compress(bytes(64 * MAX_BODY))
    async with serving(answer(200, bomb, Content_Encoding="gzip")) as stub:
        ours = transport(stub.url)
        result = await ours.send("GET", "x")
        await ours.close()
    assert isinstance(result, Answer)
    assert result.body == bomb
    assert result.json() is None


async def test_a_header_that_cannot_be_written_is_unreached_and_not_quoted() -> None:
    async with serving(answer()) as stub:
        ours = transport(stub.url)
        result = await ours.send("GET", "x", headers={"Authorization": "Bearer sk_live_secret\nX: y"})
        assert result == Unreached("LocalProtocolError")
        assert isinstance(await ours.send("GET", "x"), Answer)
        await ours.close()
    assert len(stub.requests) == 1


async def test_a_plain_server_on_the_port_is_unreached() -> None:
    async with serving(answer()) as stub:
        result = await transport(stub.url.replace("http", "https"), deadline=0.6).send("POST", "x", form={})
    assert isinstance(result, Unreached)
    assert stub.requests == []


def trusting(url: str, ca_file: str | None) -> Transport:
    return Transport(
        url, {}, deadline=timedelta(seconds=3), max_concurrent=1, ca_file=ca_file, sleep=Sleeps()
    )


async def test_a_certificate_that_nobody_vouches_for_is_unreached(certificate: Certificate) -> None:
    async with serving(answer(), tls=certificate.server()) as stub:
        result = await trusting(stub.url, None).send("POST", "x", form={})
    assert isinstance(result, Unreached)
    assert "CERTIFICATE_VERIFY_FAILED" in result.reason
    assert stub.requests == []


async def test_a_certificate_for_another_name_is_unreached(foreign_certificate: Certificate) -> None:
    async with serving(answer(), tls=foreign_certificate.server()) as stub:
        result = await trusting(stub.url, str(foreign_certificate.cert)).send("POST", "x", form={})
    assert isinstance(result, Unreached)
    assert stub.requests == []


async def test_a_certificate_of_our_own_authority_is_good(certificate: Certificate) -> None:
    async with serving(answer(), reset, tls=certificate.server()) as stub:
        ours = trusting(stub.url, str(certificate.cert))
        assert isinstance(await ours.send("POST", "x", form={}), Answer)
        assert isinstance(await ours.send("POST", "x", form={}), Unknown)
        await ours.close()


async def test_the_environment_cannot_name_an_authority(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert))
    async with serving(answer(), tls=certificate.server()) as stub:
        assert isinstance(await trusting(stub.url, None).send("POST", "x", form={}), Unreached)


async def test_a_cancelled_call_gives_its_turn_on() -> None:
    async with serving(hang, hang, hang, answer()) as stub:
        ours = transport(stub.url, most=1)
        for _ in range(3):
            call = asyncio.create_task(ours.send("POST", "x", form={}))
            await asyncio.sleep(0.05)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert isinstance(await ours.send("POST", "x", form={}), Answer)
        await ours.close()
    assert stub.connections == 4


async def test_a_call_cancelled_while_it_waits_for_its_turn_gives_it_on() -> None:
    async with serving(hang, answer()) as stub:
        ours = transport(stub.url, deadline=0.3, most=1)
        first = asyncio.create_task(ours.send("POST", "x", form={}))
        waiting = asyncio.create_task(ours.send("POST", "x", form={}))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert isinstance(await first, Unknown)
        assert isinstance(await ours.send("POST", "x", form={}), Answer)
        await ours.close()
    assert len(stub.requests) == 2


async def test_a_call_cut_off_while_it_waits_to_repeat_is_what_the_last_send_was() -> None:
    async with serving(answer(429), hang) as stub:
        ours = Transport(stub.url, {}, deadline=timedelta(seconds=0.8), max_concurrent=1)
        turned_away = asyncio.create_task(ours.send("POST", "x", form={}))
        await asyncio.sleep(0.1)
        in_its_way = asyncio.create_task(ours.send("POST", "y", form={}))
        assert await turned_away == Unreached("rate limited")
        assert isinstance(await in_its_way, Unknown)
    assert len(stub.requests) == 2


async def test_a_handshake_that_is_cut_off_leaves_no_socket_behind() -> None:
    closed = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        closed.set()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    ours = transport(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    call = asyncio.create_task(ours.send("GET", "x"))
    await asyncio.sleep(0.1)
    gc.disable()  # else it may close the socket for us
    try:
        call.cancel()
        await asyncio.wait([call])
        await asyncio.wait_for(closed.wait(), 2)
    finally:
        gc.enable()
        server.close()
        await server.wait_closed()
