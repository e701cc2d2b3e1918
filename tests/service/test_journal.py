"""Under systemd each line is a record of the journal, which can be searched for by subscription, event or provider."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from renewd.renewal.audit import Event
from renewd.renewal.money import Money
from renewd.service import journald, logs
from tests.service.conftest import Build
from tests.service.daemon import PATIENCE, command_line, environment, until
from tests.service.journal import Journal, Record
from tests.service.town import due, now

PLACE = {"CODE_FILE", "CODE_LINE", "CODE_FUNC"}


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    """A journal, and a service that logs to it."""
    listening = Journal(tmp_path / "socket")
    monkeypatch.setattr(journald, "SOCKET", str(tmp_path / "socket"))
    logs.configure(level="debug", secrets=["whsec_canary"], environ=_started_by_systemd())
    yield listening
    structlog.reset_defaults()
    listening.close()


def _started_by_systemd() -> dict[str, str]:
    stderr = os.fstat(2)
    return {"JOURNAL_STREAM": f"{stderr.st_dev}:{stderr.st_ino}"}


def _only(journal: Journal) -> Record:
    (record,) = journal.records()
    return record


def test_an_event_is_a_record_with_a_field_for_each_thing_it_tells(journal: Journal) -> None:
    said = Event(
        "charge.unknown",
        now(),
        subscription="S-1",
        renewal="S-1/20261205T230000Z",
        leg="charge",
        provider="stripe",
        attempt=2,
        amount=Money(1000, "USD"),
        detail="no answer",
    )
    logs.tell(said)
    record = _only(journal)
    assert record.pop("MESSAGE").split() == ["S-1", "charge.unknown", "10.00", "USD", "no", "answer"]
    assert record == {
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "renewd",
        "RENEWD_EVENT": "charge.unknown",
        "RENEWD_SUBSCRIPTION": "S-1",
        "RENEWD_RENEWAL": "S-1/20261205T230000Z",
        "RENEWD_LEG": "charge",
        "RENEWD_PROVIDER": "stripe",
        "RENEWD_ATTEMPT": "2",
        "RENEWD_AMOUNT": "10.00 USD",
        "RENEWD_ACTOR": "renewd",
        "RENEWD_DETAIL": "no answer",
    }


def test_a_traceback_is_one_record_that_says_where_it_was_raised(journal: Journal) -> None:
    log = structlog.get_logger()
    try:
        int("seven")
    except ValueError:
        log.exception("a tick failed", renewal="S-1/x")
    record = _only(journal)
    said = record["MESSAGE"].splitlines()
    assert said[0] == "a tick failed  renewal=S-1/x"
    assert "Traceback" in said[1]
    assert said[-1].strip().startswith("ValueError: invalid literal")
    assert (record["PRIORITY"], record["RENEWD_RENEWAL"]) == ("3", "S-1/x")
    assert record["CODE_FILE"] == __file__
    assert record["CODE_FUNC"] == "test_a_traceback_is_one_record_that_says_where_it_was_raised"
    assert int(record["CODE_LINE"]) > 1


def test_a_checkpoint_is_a_field_that_a_program_can_read_and_no_noise(journal: Journal) -> None:
    note = "example.com/renewals\n2\ncm9vdA==\n\n\u2014 example.com/renewals c2lnbmVk\n"
    structlog.get_logger().info("audit.sealed", line="-  audit.sealed  2 rows  cm9vdA==", size=2, note=note)
    record = _only(journal)
    assert record["RENEWD_NOTE"] == note
    assert record["MESSAGE"] == "-  audit.sealed  2 rows  cm9vdA=="


@pytest.mark.parametrize(
    ("level", "priority"), [("debug", 7), ("info", 6), ("warning", 4), ("error", 3), ("critical", 2)]
)
def test_a_level_is_a_priority_and_an_error_has_its_place(
    journal: Journal, level: str, priority: int
) -> None:
    getattr(structlog.get_logger(), level)("said")
    record = _only(journal)
    assert record["PRIORITY"] == str(priority)
    assert PLACE & record.keys() == (PLACE if priority <= 3 else set())


def test_why_a_daemon_does_not_start_is_marked_as_an_error_in_each_line(tmp_path: Path) -> None:
    (tmp_path / "renewd.yaml").write_text("version: one\n")
    with (tmp_path / "stderr").open("wb") as stderr:
        stream = os.fstat(stderr.fileno())
        environ = environment(JOURNAL_STREAM=f"{stream.st_dev}:{stream.st_ino}")
        line = command_line(tmp_path / "renewd.yaml", "run")
        assert subprocess.run(line, env=environ, stderr=stderr, check=False).returncode == 78
    said = (tmp_path / "stderr").read_text().splitlines()
    assert len(said) > 1
    assert [each for each in said if not each.startswith("<3>")] == []


def test_what_no_datagram_holds_is_passed_in_memory(journal: Journal) -> None:
    problems = "renewd.yaml:1:1: error\n" * 100_000
    structlog.get_logger().error("the policy was not reloaded", problems=problems)
    assert len(_only(journal)["MESSAGE"]) > len(problems)
    structlog.get_logger().info("and on it goes")
    assert _only(journal)["MESSAGE"] == "and on it goes"


def test_a_record_cannot_be_forged(journal: Journal) -> None:
    """Neither by a value of several lines nor by the name of a field."""
    structlog.get_logger().info("said\nPRIORITY=0", error="x\nMESSAGE=forged\r\x1b[2J", **{"A=b\nC": 1})
    record = _only(journal)
    assert record["RENEWD_ERROR"] == r"x\nMESSAGE=forged\r\x1b[2J"
    assert record["MESSAGE"].startswith(r"said\nPRIORITY=0  error=")
    assert record["RENEWD_WITHHELD"] == r"A=b\nC"


def test_what_libraries_say_goes_there_too(journal: Journal) -> None:
    logging.getLogger("sqlalchemy.pool").error("gone: %s", "whsec_canary")
    record = _only(journal)
    assert (record["MESSAGE"], record["RENEWD_LOGGER"]) == (
        "gone: ***  logger=sqlalchemy.pool",
        "sqlalchemy.pool",
    )


def test_a_journal_that_is_gone_stops_nobody_and_the_gap_is_told(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = structlog.get_logger()
    journal.close()
    log.info("lost")
    (tmp_path / "socket").unlink()
    log.info("lost as well")
    again = Journal(tmp_path / "socket")
    log.info("back")
    said = [record["MESSAGE"] for record in again.records()]
    assert said == ["back", "lines of this log could not be written  lost=2"]
    again.close()


def test_a_journal_that_stands_still_is_waited_for_once(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journald, "PATIENCE_SECONDS", 0.01)
    log = structlog.get_logger()
    for _ in range(10_000):  # more than any queue holds
        log.info("said")
    kept = len(journal.records())
    assert 0 < kept < 10_000
    log.info("it reads again")
    assert [each["MESSAGE"] for each in journal.records()] == [
        "it reads again",
        f"lines of this log could not be written  lost={10_000 - kept}",
    ]


def test_a_daemon_under_systemd_can_be_searched_by_subscription(build: Build, tmp_path: Path) -> None:
    town = build()
    town.subscribe([due(n, "pm_ok") for n in range(3)])
    journal = Journal(tmp_path / "socket")
    with (tmp_path / "daemon.err").open("wb") as err, (tmp_path / "daemon.out").open("wb") as out:
        place = os.fstat(err.fileno())
        environ = environment(JOURNAL_STREAM=f"{place.st_dev}:{place.st_ino}")
        words = [
            sys.executable,
            "-m",
            "tests.service.journal",
            str(tmp_path / "socket"),
            "run",
            "-c",
            str(town.path),
        ]
        daemon = subprocess.Popen(words, env=environ, stdout=out, stderr=err)
    records: list[Record] = []

    def extended() -> bool:
        records.extend(journal.records())  # a queue that is not read is soon full
        return town.count("audit_log", "name = 'extend.succeeded'") == 3

    try:
        until(lambda: town.database.exists() and extended(), "the extensions")
        daemon.terminate()
        assert daemon.wait(PATIENCE) == 0
    finally:
        daemon.kill()
        daemon.wait()
    records += journal.records()
    journal.close()
    assert (tmp_path / "daemon.out").read_bytes() == (tmp_path / "daemon.err").read_bytes() == b""
    found = [each["RENEWD_EVENT"] for each in records if each.get("RENEWD_SUBSCRIPTION") == "S-00001"]
    told = [each.name for each in town.events() if each.subscription == "S-00001"]
    assert found == [name for name in told if name not in logs.QUIET]
    assert found[-1] == "renewal.completed"
    assert {each.get("RENEWD_PROVIDER") for each in records} == {None, "stripe", "tello"}
