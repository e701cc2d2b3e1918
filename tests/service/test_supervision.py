"""What systemd is told: that the daemon is ready, how it stands, and that it lives only while its work goes on."""

import signal
import socket
import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from renewd.adapters.systemd import Systemd
from renewd.renewal.model import Leg
from renewd.renewal.query import Outlook
from renewd.service.pulse import Pulse
from renewd.service.supervision import summary
from tests.benchmarks.jobs import charge_of
from tests.postgres import fresh_database
from tests.service.conftest import Build
from tests.service.daemon import Daemon, running, until
from tests.service.notified import Manager, manager
from tests.service.town import due

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
HASTY_MS = 2000  # a watchdog that is soon to act; nothing is measured by it


def looks(heard: Manager, times: int) -> None:
    """Wait until the keeper has looked so often again: its sign of life is what it says at each look."""
    heard.hear("WATCHDOG", len(heard.heard("WATCHDOG")) + times)


@pytest.mark.parametrize("abstract", [False, True])
def test_a_daemon_is_ready_says_how_it_stands_reloads_and_stops(build: Build, abstract: bool) -> None:
    town = build()
    with (
        manager(town.folder, abstract=abstract) as heard,
        running(town.path, environ=heard.environment(60_000)) as daemon,
    ):
        heard.hear("READY")
        assert [each.name for each in town.events("service.started")] == ["service.started"]
        until(lambda: "0 due, nothing planned" in heard.heard("STATUS"), "an empty status")
        town.subscribe([due(1)])
        until(lambda: heard.hear("STATUS") != "0 due, nothing planned", "another status")
        daemon.signal(signal.SIGHUP)
        heard.hear("READY", 2)
        (reloading,) = [each for each in heard.said if "RELOADING" in each]
        assert int(reloading["MONOTONIC_USEC"]) > 0
        words = [name for each in heard.said for name in each]
        assert words.index("READY") < words.index("RELOADING") < len(words) - words[::-1].index("READY")
        assert daemon.stop() == 0
        assert heard.heard("STOPPING") == ["1"]
        assert heard.heard("READY") == ["1", "1"]


def test_the_status_says_which_provider_is_down(build: Build) -> None:
    town = build()
    with manager(town.folder) as heard, running(town.path, environ=heard.environment(60_000)) as daemon:
        heard.hear("READY")
        town.take_down()
        town.subscribe([due(n) for n in range(6)])
        until(lambda: "stripe is down" in heard.hear("STATUS"), "the outage to be told")
        assert daemon.stop() == 0


def test_the_status_is_said_only_when_it_has_changed(build: Build) -> None:
    town = build()
    with manager(town.folder) as heard, running(town.path, environ=heard.environment(HASTY_MS)) as daemon:
        looks(heard, 4)
        said = heard.heard("STATUS")
        assert all(one != other for one, other in pairwise(said))
        assert daemon.stop() == 0


def test_a_watchdog_of_another_process_is_not_fed(build: Build) -> None:
    town = build()
    with (
        manager(town.folder) as heard,
        running(town.path, environ=heard.environment(HASTY_MS, WATCHDOG_PID="1")) as daemon,
    ):
        heard.hear("READY")
        town.subscribe([due(1)])
        until(lambda: town.stages()["extended"], "the work")
        assert daemon.stop() == 0
        assert heard.heard("WATCHDOG") == []


def test_a_loop_that_is_blocked_gives_no_sign_of_life(build: Build) -> None:
    town = build()
    with manager(town.folder) as heard, running(town.path, environ=heard.environment(HASTY_MS)) as daemon:
        looks(heard, 2)
        daemon.signal(signal.SIGSTOP)
        before = len(heard.heard("WATCHDOG"))
        with pytest.raises(AssertionError, match="WATCHDOG"):
            until(lambda: len(heard.heard("WATCHDOG")) > before, "WATCHDOG", seconds=1.5)
        daemon.signal(signal.SIGCONT)
        looks(heard, 1)
        assert daemon.stop() == 0


class StallingServer:
    """A way to a database that can be made to stall: it stays open, and nothing goes through any more."""

    def __init__(self, target: str) -> None:
        self.flows = threading.Event()
        self.flows.set()
        self._target = target
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._door.close()
        self.flows.set()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with one, other:
            try:
                while data := one.recv(65536):
                    self.flows.wait()
                    other.sendall(data)
                other.shutdown(socket.SHUT_WR)
            except OSError:
                return


def test_a_task_that_hangs_gives_no_sign_of_life_although_the_loop_turns(build: Build) -> None:
    # Nothing can end a wait for a database that stalls: the connection lives, and the query is never answered.
    folder = fresh_database().partition("host=")[2]
    name = fresh_database().rpartition("@/")[2].partition("?")[0]
    stalling = StallingServer(f"{folder}/.s.PGSQL.5432")
    town = build(database=f"postgresql://postgres@127.0.0.1:{stalling.port}/{name}")
    with manager(town.folder) as heard:
        daemon = Daemon(town.path, environ=heard.environment(HASTY_MS)).ready()
        try:
            looks(heard, 2)
            stalling.flows.clear()
            until(lambda: any("stuck" in each for each in heard.heard("STATUS")), "the status to say so")
            before = len(heard.heard("WATCHDOG"))
            until(lambda: daemon.said(STANDS_STILL), "the log to say so")
            daemon.signal(signal.SIGABRT)  # as the watchdog does
            assert daemon.ended() == -signal.SIGABRT
            assert len(heard.heard("WATCHDOG")) == before
        finally:
            daemon.kill()
            stalling.close()
        stacks = daemon.err.read_text()
        assert "Fatal Python error: Aborted" in stacks
        assert "in _transaction" in stacks, "the stacks show where it hung"


STANDS_STILL = "the work stands still; no sign of life is given until it moves"


@pytest.mark.parametrize(
    ("spoil", "code", "number", "says"),
    [
        (lambda town: town.policy_path.write_text("plans: 3\n"), 78, 22, "policy.yaml:1:"),
        (lambda town: town.path.unlink(), 78, 22, "renewd.yaml"),
        (lambda town: (town.folder / "var").write_text(""), 69, 5, "the database cannot be used"),
    ],
)
def test_a_start_that_fails_tells_why(build: Build, spoil: object, code: int, number: int, says: str) -> None:
    town = build()
    spoil(town)  # type: ignore[operator]
    with manager(town.folder) as heard:
        daemon = Daemon(town.path, environ=heard.environment())
        assert daemon.ended() == code
        assert heard.heard("READY") == []
        assert heard.hear("ERRNO") == str(number)
        assert says in heard.hear("STATUS")


def test_a_missing_secret_is_told_too(build: Build) -> None:
    town = build()
    with manager(town.folder) as heard:
        daemon = Daemon(town.path, environ=heard.environment(RENEWD_TEST_KEY=""))
        assert daemon.ended() == 78
        assert "RENEWD_TEST_KEY" in heard.hear("STATUS")


def test_a_drain_asks_for_time_while_it_goes_on(build: Build) -> None:
    town = build(latency_ms=1500)
    town.subscribe([due(1)])
    with manager(town.folder) as heard, running(town.path, environ=heard.environment(HASTY_MS)) as daemon:
        until(lambda: any("1 in flight" in each for each in heard.heard("STATUS")), "a call in flight")
        daemon.signal(signal.SIGTERM)
        assert int(heard.hear("EXTEND_TIMEOUT_USEC")) > HASTY_MS / 4 * 1000
        assert heard.heard("STATUS")[-1].startswith("stopping; ")
        assert daemon.ended() == 0
    assert town.count("attempts", "state = 'sent'") == 0


def test_nobody_is_told_where_nobody_listens() -> None:
    for environ in ({}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}):
        silent = Systemd({**environ, "WATCHDOG_USEC": "1000000"})
        assert not silent.listens
        assert silent.watchdog is None
        silent.tell(READY=1)


def test_a_manager_that_is_gone_stops_nothing() -> None:
    Systemd({"NOTIFY_SOCKET": "/nowhere/notify"}).tell(READY=1)


@pytest.mark.parametrize("text", ["", "0", "-5", "soon"])
def test_a_watchdog_without_a_time_is_none(text: str) -> None:
    assert Systemd({"NOTIFY_SOCKET": "/n", "WATCHDOG_USEC": text}).watchdog is None


def test_a_word_cannot_carry_another(tmp_path: object) -> None:
    with manager(tmp_path) as heard:  # type: ignore[arg-type]
        Systemd({"NOTIFY_SOCKET": heard.address}).tell(STATUS="a\nREADY=1")
        assert heard.said == [{"STATUS": "a READY=1"}]


def test_the_work_stands_still_when_one_call_does_whatever_else_moves() -> None:
    now = [0.0]
    pulse = Pulse(lambda: now[0])
    hanging = charge_of(1)
    with pulse.call(hanging):
        for now[0] in range(1, 100):
            with pulse.call(charge_of(2)):
                pulse.beat()
        assert pulse.in_flight == {(Leg.CHARGE, hanging.provider): 1}
        assert pulse.standing() == (99, f"{hanging.provider} is asked for {hanging.key}")
    assert pulse.standing() == (0, "the work")


def test_a_rest_is_no_standing_still_until_it_is_over() -> None:
    now = [0.0]
    pulse = Pulse(lambda: now[0])
    pulse.rest(60)
    now[0] = 50
    assert pulse.standing()[0] == -10
    now[0] = 90
    assert pulse.standing()[0] == 30


@pytest.mark.parametrize(
    ("outlook", "coming", "down", "text"),
    [
        (Outlook(0, 0, False), None, [], "0 due, nothing planned"),
        (Outlook(12, 2, False), NOON, ["stripe"], "stripe is down, 12 due, next 12:00 UTC, 2 unknown"),
        (
            Outlook(1, 0, True),
            NOON + timedelta(days=1),
            [],
            "charging is halted, 1 due, next 2026-12-02 12:00 UTC",
        ),
    ],
)
def test_the_standing_in_a_few_words(
    outlook: Outlook, coming: datetime | None, down: list[str], text: str
) -> None:
    assert summary(outlook, coming, NOON, down) == text


def test_a_watchdog_shorter_than_a_call_is_warned_of(build: Build) -> None:
    town = build()
    with manager(town.folder) as heard, running(town.path, environ=heard.environment(HASTY_MS)) as daemon:
        until(lambda: [each for each in daemon.lines() if "at_least_seconds" in each], "the warning")
        assert daemon.stop() == 0
