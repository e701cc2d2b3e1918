"""What Prometheus reads is what the audit log and the books say; and how the daemon answers who asks after its health."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from renewd.ports import StoreUnavailableError
from renewd.renewal.audit import Event
from renewd.renewal.fleet import Daemon, Fleet
from renewd.renewal.model import Leg
from renewd.renewal.query import LogQuery, Status
from renewd.service.loop import Loop
from renewd.service.monitor import GLANCE_EVERY, Monitor, Watch
from tests.renewal.building import MINUTE, policy
from tests.scenarios.diary import Diary
from tests.service.conftest import Build
from tests.service.daemon import running, until
from tests.service.town import due

Samples = dict[tuple[str, ...], float]


def samples(text: str) -> Samples:
    """Give each sample by its name and the values of its labels, these in the order of their names."""
    return {
        (each.name, *(value for _, value in sorted(each.labels.items()))): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


class Watched:
    """A life in a scripted world, and what is told of it."""

    def __init__(self, folder: Path) -> None:
        self.diary = Diary(f"sqlite:///{folder / 'renewd.db'}")
        self.engine, self.books = self.diary.engine, self.diary.books
        monitor = Monitor(self.engine.breakers)
        self.engine.tell = monitor.tell
        self.loop = Loop(self.engine, MINUTE, policy)
        self.problem: Exception | None = None
        self.looks = 0
        self.watch: Watch = monitor.watch(self.engine, self.loop, MINUTE, self._look)

    def _look(self, now: object) -> Status:
        self.looks += 1
        if self.problem:
            raise self.problem
        return self.books.status(self.diary.clock.now())

    async def ask(self, path: str, method: str = "GET") -> tuple[int, str]:
        reply = await self.watch.respond(method, path)
        return reply.status, reply.body.decode()

    async def metrics(self) -> Samples:
        return samples((await self.ask("/metrics"))[1])

    async def close(self) -> None:
        await self.diary.store.close()
        self.books.close()

    def events(self) -> list[Event]:
        return [row.event for row in self.books.log(LogQuery())]


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    built = Watched(tmp_path)
    yield built
    await built.close()


class Month(NamedTuple):
    """What was told at the end of it, before and after a glance at the books, and what had happened."""

    before: Samples
    after: Samples
    events: list[Event]
    status: Status


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    """Live through payments at once and late, declines, a lost card, lost answers, and a carrier that refuses."""
    return asyncio.run(_lived(Watched(tmp_path_factory.mktemp("month"))))


async def _lived(watched: Watched) -> Month:
    diary = watched.diary
    for number in range(5):
        diary.subscribe(f"sub{number}", cards=("pm_visa", "pm_amex"))
    diary.gateway.will("pm_visa", "ok", "insufficient_funds", "reply lost", "processing", "lost_card")
    diary.carrier.script.extend(["ok", "line_terminated", "reply lost"])
    await diary.live(diary.clock.now() + timedelta(days=25))
    diary.gateway.decide()
    await diary.live(diary.clock.now() + timedelta(days=10))
    before = await watched.metrics()
    await watched.watch.glance()
    after, status = await watched.metrics(), watched.books.status(diary.clock.now())
    month = Month(before, after, watched.events(), status)
    await watched.close()
    return month


def test_the_counters_are_the_audit_log_counted(month: Month) -> None:
    answers = Counter(
        (str(each.leg), each.name.partition(".")[2], each.provider)
        for each in month.events
        if each.duration_ms is not None
    )
    told = {
        labels[1:]: value
        for labels, value in month.before.items()
        if labels[0] == "renewd_answers_total" and value
    }
    assert told == dict(answers)
    assert {outcome for _, outcome, _ in answers} == {"succeeded", "declined", "unknown", "pending"}
    names = Counter(each.name for each in month.events)
    assert month.before["renewd_renewals_ended_total", "extended"] == names["renewal.completed"] == 4
    assert month.before["renewd_renewals_ended_total", "review"] == names["renewal.review"] == 1
    assert month.before["renewd_renewals_opened_total",] == names["renewal.opened"] == 5
    assert month.before["renewd_letters_total", "sent"] == names["notice.sent"] > 0


def test_a_call_is_timed_with_its_provider(month: Month) -> None:
    for leg, provider in ((Leg.CHARGE, "stripe"), (Leg.EXTEND, "tello")):
        timed = [each for each in month.events if each.leg == leg and each.duration_ms is not None]
        assert month.before["renewd_call_duration_seconds_count", leg, provider] == len(timed) > 0
        assert month.before["renewd_calls_in_flight", leg, provider] == 0


def test_money_is_told_by_currency_and_by_the_number_of_the_try(month: Month) -> None:
    paid = Counter(str(each.attempt) for each in month.events if each.name == "charge.succeeded")
    assert month.before["renewd_paid_amount_total", "USD"] == paid.total() * 70.0 == 350.0
    told = {number: month.before["renewd_payments_total", number, "stripe"] for number in "12345"}
    assert {number: count for number, count in told.items() if count} == paid
    assert len(paid) > 1
    declined = Counter(each.decline_class for each in month.events if each.name == "charge.declined")
    assert {kind: month.before["renewd_declines_total", kind, "stripe"] for kind in declined} == declined
    assert set(declined) == {"later", "never"}


def test_the_books_are_told_as_they_stood_at_the_glance(month: Month) -> None:
    found, status = month.after, month.status
    assert ("renewd_renewals", "extended") not in month.before
    assert {stage: found["renewd_renewals", stage] for stage in status.stages} == status.stages
    assert {
        state: found["renewd_subscriptions", state] for state in status.subscriptions
    } == status.subscriptions
    assert found["renewd_letters_owed",] == status.notices_owed
    assert found["renewd_halted",] == 0


def test_no_label_names_a_person_a_subscription_or_a_card(month: Month) -> None:
    named = {
        value
        for each in month.events
        for value in (each.subscription, each.renewal, each.method, each.reference, each.key)
    }
    assert named - {""}
    assert not {value for labels in month.after for value in labels[1:]} & (named - {""})


async def test_a_scrape_never_reads_the_books(watched: Watched) -> None:
    await watched.watch.glance()
    for _ in range(3):
        await watched.metrics()
    assert watched.looks == 1


async def test_only_the_daemon_that_leads_tells_of_the_books(watched: Watched) -> None:
    await watched.watch.glance()
    now = watched.diary.clock.now()
    older = Daemon("older", now - timedelta(days=1), now)
    for fleet in (None, Fleet(Daemon("diary", now, now), (older,))):
        watched.engine.fleet = fleet
        await watched.watch.glance()
        assert ("renewd_halted",) not in await watched.metrics()
    assert watched.looks == 1
    found = await watched.metrics()
    assert (found["renewd_daemons",], found["renewd_leads",]) == (2, 0)


async def test_what_waits_has_its_age(watched: Watched) -> None:
    diary = watched.diary
    diary.subscribe()
    await diary.live(diary.clock.now() + timedelta(days=20))
    diary.carrier.down_until = diary.clock.now() + timedelta(days=9)
    await diary.live(diary.clock.now() + timedelta(days=3))
    await watched.watch.glance()
    found = await watched.metrics()
    paid_at = next(each.at for each in watched.events() if each.name == "charge.succeeded")
    assert found["renewd_oldest_paid_age_seconds",] == (diary.clock.now() - paid_at).total_seconds() > 0
    assert found["renewd_breaker_open", "extend", "tello"] == 1
    assert found["renewd_breaker_open", "charge", "stripe"] == 0
    assert found["renewd_renewals", "charged"] == 1


async def test_a_halt_and_the_brake_are_told(watched: Watched) -> None:
    watched.diary.halt()
    watched.engine.policy = policy(brake={"max_charges_per_hour": 1, "max_amount": "500.00 USD"})
    watched.engine.brake.note(watched.diary.clock.now())
    await watched.watch.glance()
    found = await watched.metrics()
    assert found["renewd_halted",] == found["renewd_brake_on",] == 1


async def test_books_that_cannot_be_read_leave_the_figures_as_they_were(watched: Watched) -> None:
    await watched.watch.glance()
    before = await watched.metrics()
    watched.problem = StoreUnavailableError("gone")
    watched.diary.clock.instant += timedelta(hours=1)
    assert await watched.watch.glance() >= GLANCE_EVERY
    after = await watched.metrics()
    assert after["renewd_books_read_timestamp_seconds",] == before["renewd_books_read_timestamp_seconds",]


async def test_it_is_ready_once_a_tick_has_succeeded_and_while_they_do(watched: Watched) -> None:
    assert await watched.ask("/-/healthy") == (200, "renewd runs\n")
    assert await watched.ask("/-/ready") == (503, "the first tick is not over yet\n")
    watched.loop.health.ticked(watched.diary.clock.now(), scanned=True)
    assert await watched.ask("/-/ready") == (200, "renewd renews\n")
    watched.loop.health.missed("the database cannot be used")
    assert await watched.ask("/-/ready") == (503, "the database cannot be used\n")
    found = await watched.metrics()
    assert (found["renewd_ticks_total", "succeeded"], found["renewd_ticks_total", "failed"]) == (1, 1)
    watched.loop.health.ticked(watched.diary.clock.now(), scanned=False)
    watched.engine.stopping = True
    assert await watched.ask("/-/ready") == (503, "it is being stopped\n")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/-/reload", 405), ("DELETE", "/metrics", 405)]
)
async def test_who_asks_for_anything_else_is_told_what_there_is(
    watched: Watched, method: str, path: str, status: int
) -> None:
    told = "there is only: GET /metrics, GET /-/healthy, GET /-/ready, POST /-/reload\n"
    assert await watched.ask(path, method) == (status, told)


@pytest.fixture
def port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def get(port: int, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False)


def post(port: int, path: str) -> httpx.Response:
    return httpx.post(f"http://127.0.0.1:{port}{path}", trust_env=False)


def test_a_daemon_answers_and_reloads_on_request(build: Build, port: int) -> None:
    town = build(metrics=f"127.0.0.1:{port}")
    with running(town.path) as daemon:
        assert len(listening(daemon.pid)) == 1
        town.subscribe([due(n) for n in range(3)])
        until(
            lambda: samples(get(port, "/metrics").text)["renewd_renewals_ended_total", "extended"] == 3,
            "the counters",
        )
        until(lambda: get(port, "/-/ready").status_code == HTTPStatus.OK, "it to be ready")
        town.set_price("12.50 USD")
        taken = post(port, "/-/reload")
        assert (taken.status_code, taken.text) == (
            200,
            f"policy {town.configuration().policy.digest} is in force\n",
        )
        good = town.policy_path.read_text()
        town.policy_path.write_text(good.replace("grace: 3d", "grace: three days"))
        refused = post(port, "/-/reload")
        assert refused.status_code == 500
        assert f"{town.policy_path}:" in refused.text
        assert samples(get(port, "/metrics").text)["renewd_config_last_reload_successful",] == 0
        assert daemon.stop() == 0
    assert len(town.events("config.reloaded")) == len(town.events("config.rejected")) == 1
    (reloaded,) = town.events("config.reloaded")
    assert reloaded.detail.endswith("; asked over HTTP")


def test_a_port_in_use_is_told_and_stops_no_renewal(build: Build) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        town = build(metrics=address)
        with running(town.path) as daemon:
            town.subscribe([due(1)])
            until(lambda: town.stages()["extended"] == 1, "the renewal")
            assert daemon.stop() == 0
            (line,) = [line for line in daemon.lines() if line["level"] == "error"]
    assert line["event"] == "nothing is told over HTTP; renewals go on"
    assert address.partition(":")[2] in line["problem"]
    assert "address already in use" in line["problem"]


def test_without_a_word_in_the_file_nothing_listens(build: Build, port: int) -> None:
    town = build()
    with running(town.path) as daemon:
        assert not listening(daemon.pid)
        assert daemon.stop() == 0


def listening(pid: int) -> set[str]:
    """Give the sockets on which a process waits for others."""
    links = {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()}
    rows = [row.split() for row in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return links & {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}
