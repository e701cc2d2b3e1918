"""A word to the running daemon, and its answer: bounded, audited, and the same as the commands beside it say."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from renewd.service.control import MOST_BYTES
from tests.service.conftest import Build
from tests.service.daemon import PATIENCE, environment, finished, running, until
from tests.service.town import Town, due


def ctl(town: Town, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "renewd", "ctl", *words, "-c", str(town.path)]
    return subprocess.run(
        line, env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def door(town: Town) -> Path:
    return town.database.parent / "control.sock"


def answered(town: Town, line: bytes) -> dict[str, object]:
    with socket.socket(socket.AF_UNIX) as end, end.makefile("rb") as answer:
        end.settimeout(PATIENCE)
        end.connect(str(door(town)))
        end.sendall(line)
        end.shutdown(socket.SHUT_WR)
        return dict(json.loads(answer.readline()))


def test_a_reload_waits_for_its_end_and_says_who_asked_for_it(build: Build) -> None:
    town = build()
    old = town.configuration().policy.digest
    with running(town.path):
        town.set_price("12.50 USD")
        told = ctl(town, "reload")
        new = town.configuration().policy.digest
        assert (told.returncode, told.stdout) == (0, f"the policy is in force: {new}\n")
        (event,) = town.events("config.reloaded")
        assert event.detail == f"{old} -> {new}; asked by uid {os.getuid()}"
        assert json.loads(ctl(town, "status", "--json").stdout)["policy"] == new
        assert "unknown         0\n" in ctl(town, "status").stdout


def test_a_reload_of_a_bad_policy_fails_with_the_words_of_check(build: Build) -> None:
    town = build()
    assert town.events() == []  # before its configuration is spoilt
    with running(town.path):
        before = json.loads(ctl(town, "status", "--json").stdout)["policy"]
        town.policy_path.write_text(town.policy_path.read_text().replace("1 month", "1 moon"))
        told, checked = ctl(town, "reload"), finished(town.path, "check")
        assert checked.returncode == 78
        assert (told.returncode, told.stdout, told.stderr) == (1, "", f"renewd: {checked.stderr}")
        assert json.loads(ctl(town, "status", "--json").stdout)["policy"] == before
        (event,) = town.events("config.rejected")
        assert str(town.policy_path) in event.detail


def test_a_reload_says_that_settings_need_a_restart(build: Build) -> None:
    town = build()
    with running(town.path):
        assert ctl(town, "reload").stderr == ""
        town.path.write_text(town.path.read_text().replace("concurrency: 32", "concurrency: 16"))
        told = ctl(town, "reload")
        assert told.returncode == 0
        assert "restart" in told.stderr


# What is only being looked up has been sent no time.
SENT = "state = 'sent' AND leg = 'charge' AND sends > 0"


def test_after_a_halt_nothing_is_in_flight_and_nothing_begins_until_it_is_over(build: Build) -> None:
    town = build(latency_ms=300, schedule__concurrency=8)
    town.subscribe([due(n) for n in range(30)])
    with running(town.path):
        until(lambda: town.count("attempts", SENT), "charges in flight")
        assert ctl(town, "halt", "--reason", "drill").returncode == 0
        charged = len([each for each in town.requests() if each["path"] == "/v1/payment_intents"])
        assert town.count("attempts", SENT) == 0
        until(lambda: town.stages()["charged"] == 0, "what is paid to be extended")
        assert len([each for each in town.requests() if each["path"] == "/v1/payment_intents"]) == charged
        assert charged < 30
        (event,) = town.events("operator.halted")
        assert event.detail == f"drill (uid {os.getuid()})"
        assert ctl(town, "unhalt", "--reason", "over").returncode == 0
        until(lambda: town.stages()["extended"] == 30, "the rest")
        again = ctl(town, "unhalt", "--reason", "over")
        assert (again.returncode, again.stderr) == (1, "renewd: charging is not halted\n")


def test_where_no_daemon_runs_nobody_answers(build: Build) -> None:
    town = build()
    told = ctl(town, "status", "--socket", str(town.folder / "nobody.sock"))
    assert told.returncode == 69
    assert told.stderr.startswith("renewd: no running daemon answers (")


def test_only_owner_and_group_may_speak_and_the_socket_goes_with_the_daemon(build: Build) -> None:
    town = build()
    with running(town.path) as daemon:
        assert stat.S_IMODE(door(town).stat().st_mode) == 0o660
        assert daemon.stop() == 0
        assert not door(town).exists()


def test_what_a_killed_daemon_left_behind_is_replaced(build: Build) -> None:
    town = build()
    with running(town.path) as daemon:
        daemon.kill()
        assert door(town).exists()
    with running(town.path) as daemon:
        assert json.loads(ctl(town, "status", "--json").stdout)["pid"] == daemon.pid


def test_a_daemon_is_sent_away_where_another_answers(build: Build) -> None:
    town = build()
    with running(town.path):
        other = town.path.with_name("other.yaml")
        other.write_text(town.path.read_text().replace("renewd.db", "other.db"))
        second = finished(other)
        assert second.returncode == 75
        assert second.stderr == f"renewd: another renewd answers at {door(town)}\n"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"reload\n",
        b"[]\n",
        b"{}\n",
        b'{"do": "obey"}\n',
        b'{"do": ["reload"]}\n',
        b'{"do": "halt", "reason": 3}\n',
        b'{"do": "halt", "reason": "two\\nlines"}\n',
        b"x" * (MOST_BYTES + 1) + b"\n",
        b"\xff\n",
    ],
)
def test_what_is_no_order_is_refused_and_stops_nothing(build: Build, line: bytes) -> None:
    town = build()
    with running(town.path) as daemon:
        assert answered(town, line)["ok"] is False
        assert ctl(town, "status").returncode == 0
        assert not town.count("service_state", "key = 'halted'")
        assert daemon.stop() == 0
        assert daemon.err.read_text() == ""
