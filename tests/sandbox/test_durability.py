"""The ledger outlives the process, and the process starts and stops cleanly."""

import errno
import json
import os
import signal
from pathlib import Path

import httpx
import pytest

from renewd.sandbox import BEHAVIOURS, LINES, Sandbox, SandboxProcess, describe, running
from renewd.sandbox.behaviours import of_line, of_payment_method
from tests.sandbox.asking import Asking


async def test_everything_answered_survives_a_kill(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    first = SandboxProcess(ledger)
    ask = Asking(first.url)
    await ask.set_clock("2026-11-23T00:00:00Z")
    charged = await ask.charge(key="k")
    await ask.charge("pm_insufficient_funds_x2", key="d")
    await ask.charge("pm_429", key="t")
    await ask.charge("pm_500_after_charge", key="e")
    await ask.extend("extend_ok_1")
    await ask.get("/v1/lines/only_seen")
    before = [
        await ask.intents(),
        await ask.seen(),
        await ask.get("/v1/lines"),
        await ask.get("/sandbox/summary"),
    ]
    assert first.kill() == -signal.SIGKILL
    await ask.http.aclose()

    second = SandboxProcess(ledger, port=first.port)
    ask = Asking(second.url)
    after = [
        await ask.intents(),
        await ask.seen(),
        await ask.get("/v1/lines"),
        await ask.get("/sandbox/summary"),
    ]
    assert after == before
    await ask.set_clock("2026-11-23T00:00:00Z")
    repeat = await ask.charge(key="k")
    assert (repeat.content, repeat.headers["idempotent-replayed"]) == (charged.content, "true")
    assert (await ask.charge("pm_500_after_charge", key="e")).status_code == 500
    assert (await ask.charge("pm_429", key="t")).status_code == 200
    assert [(await ask.charge("pm_insufficient_funds_x2")).status_code for _ in range(2)] == [402, 200]
    assert (await ask.extend("extend_ok_1")).status_code == 200
    assert (await ask.extend("extend_ok_1", plan="max")).status_code == 409
    await ask.http.aclose()
    assert second.stop() == 0


async def test_a_torn_last_line_is_cut_off(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    with running(ledger) as url:
        ask = Asking(url)
        await ask.charge(key="a")
        await ask.charge(key="b")
        await ask.http.aclose()
    ledger.write_bytes(ledger.read_bytes()[:-20])
    with running(ledger) as url:
        ask = Asking(url)
        assert len(await ask.intents()) == 1
        await ask.charge(key="b")
        await ask.http.aclose()
    assert [json.loads(line)["seen"]["key"] for line in ledger.read_text().splitlines()] == ["a", "b"]


async def test_a_damaged_ledger_is_refused(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_text("{\n{}\n")
    with pytest.raises(ValueError):
        await Sandbox(ledger).start()


async def test_a_ledger_serves_one_sandbox_at_a_time(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    holder = Sandbox(ledger)
    await holder.start()
    with pytest.raises(BlockingIOError):
        await Sandbox(ledger).start()
    await holder.stop()
    again = Sandbox(ledger)
    await again.start()
    await again.stop()


@pytest.mark.parametrize("written", [None, 10])
async def test_a_charge_that_cannot_be_written_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int | None
) -> None:
    def full(file: int, data: bytes) -> int:
        if written is None:
            raise OSError(errno.ENOSPC, "disk full")
        return os_write(file, data[:written])

    os_write = os.write
    sandbox = Sandbox(tmp_path / "ledger.jsonl")
    ask = Asking(await sandbox.start())
    await ask.charge(key="a")
    with monkeypatch.context() as patched:
        patched.setattr("renewd.sandbox.journal.os.write", full)
        assert (await ask.charge(key="b")).status_code == 500
    assert len(await ask.intents()) == 1
    assert (await ask.charge(key="b")).status_code == 200
    await ask.http.aclose()
    await sandbox.stop()
    assert len((tmp_path / "ledger.jsonl").read_text().splitlines()) == 2


async def test_sigterm_drops_open_connections_and_exits_0() -> None:
    sandbox = SandboxProcess()
    async with httpx.AsyncClient(base_url=sandbox.url, trust_env=False) as client:
        assert (await client.get("/sandbox/clock")).status_code == 200
        assert sandbox.stop() == 0
        with pytest.raises(httpx.TransportError):
            await client.get("/sandbox/clock")


async def test_a_port_in_use_fails_the_start_and_lets_the_ledger_go(tmp_path: Path) -> None:
    holder = SandboxProcess()
    ledger = tmp_path / "ledger.jsonl"
    with pytest.raises(OSError, match="address already in use"):
        await Sandbox(ledger).start(holder.port)
    holder.stop()
    free = Sandbox(ledger)
    await free.start()
    await free.stop()


def test_a_process_that_cannot_start_says_so(tmp_path: Path) -> None:
    (tmp_path / "ledger.jsonl").write_text("{\n{}\n")
    with pytest.raises(RuntimeError, match="exit status 1"):
        SandboxProcess(tmp_path / "ledger.jsonl")


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_each_payment_method_is_known_by_its_name_and_by_a_suffix(name: str) -> None:
    assert [of_payment_method(name + suffix) for suffix in ("", "_1", "-1")] == [name, name, name]
    assert of_payment_method(f"{name}x") != name


@pytest.mark.parametrize("name", LINES)
def test_each_line_is_known_by_its_name_and_by_a_suffix(name: str) -> None:
    assert [of_line(name + suffix) for suffix in ("", "_1", "-1")] == [name, name, name]
    assert of_line(f"{name}x") == "extend_ok"


def test_the_help_explains_every_behaviour() -> None:
    text = describe()
    for name, sentence in {**BEHAVIOURS, **LINES}.items():
        assert name in text
        assert sentence in text
