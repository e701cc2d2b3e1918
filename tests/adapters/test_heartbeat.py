"""What the dead man's switch is sent, and that its secret address is told to nobody."""

from uuid import UUID

import pytest

from renewd.adapters.heartbeat import HttpBeacon
from tests.adapters.stub import answer, serving

RUN = UUID("12345678123456781234567812345678")
SECRET = "c0ffee-canary"


@pytest.mark.parametrize(
    ("word", "path"),
    [("start", f"/ping/{SECRET}/start"), ("success", f"/ping/{SECRET}"), ("fail", f"/ping/{SECRET}/fail")],
)
async def test_each_word_is_a_post_under_the_id_of_its_run(word: str, path: str) -> None:
    async with serving(answer(body=b"OK")) as stub:
        beacon = HttpBeacon(f"{stub.url}/ping/{SECRET}")
        assert await beacon.signal(word, RUN, "") == ""
        await beacon.close()
    (request,) = stub.requests
    assert request.startswith(f"POST {path}?rid={RUN} HTTP/1.1\r\n".encode())


async def test_the_reason_of_a_failure_goes_with_it() -> None:
    async with serving(answer()) as stub:
        beacon = HttpBeacon(stub.url)
        await beacon.signal("fail", RUN, "the database cannot be used")
        await beacon.close()
    assert stub.requests[0].endswith(b'{"detail":"the database cannot be used"}')


async def test_a_switch_that_refuses_or_is_gone_is_told_without_its_address(closed_port: int) -> None:
    async with serving(answer(404)) as stub:
        beacon = HttpBeacon(f"{stub.url}/{SECRET}")
        assert await beacon.signal("success", RUN, "") == "127.0.0.1 answers 404"
        await beacon.close()
    gone = await HttpBeacon(f"http://127.0.0.1:{closed_port}/{SECRET}").signal("success", RUN, "")
    assert gone.startswith("127.0.0.1: ConnectError")
    assert SECRET not in gone


@pytest.mark.parametrize(
    "url", [f"http://example.com/{SECRET}", SECRET, f"https://a:{SECRET}@b/", f"https://b/?{SECRET}"]
)
def test_a_bad_address_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(ValueError, match=r"hc-ping\.com") as refused:
        HttpBeacon(url)
    assert SECRET not in str(refused.value)
