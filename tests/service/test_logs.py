"""What a daemon says: JSON lines to a machine, plain lines to a person, and its secrets to nobody."""

import ast
import io
import json
import os
import pty
import re
import subprocess

import pytest
import structlog

from renewd.service import logs
from renewd.service.redaction import FIELDS
from tests.house.source import Source, sources
from tests.service.conftest import Build
from tests.service.daemon import SECRETS, Daemon, command_line, environment, running, until
from tests.service.town import Town, due

MIX = (
    "pm_ok",
    "pm_insufficient_funds",
    "pm_lost_card",
    "pm_500_after_charge",
    "pm_reset_after_charge",
    "pm_429",
)
LEVELS = ("debug", "info", "warning", "error", "critical", "exception", "warn")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ  (\S+) +([a-z]+\.[a-z_]+)")


def mixed(town: Town) -> None:
    town.subscribe([due(n, MIX[n % len(MIX)]) for n in range(18)])


def answered(town: Town) -> bool:
    return town.count("audit_log", "duration_ms IS NOT NULL AND leg = 'charge'") >= 18


def test_through_a_pipe_every_line_is_a_json_object_with_its_time_and_level(build: Build) -> None:
    town = build()
    mixed(town)
    with subprocess.Popen(
        command_line(town.path, "run"), env=environment(), stdout=subprocess.PIPE, text=True
    ) as daemon:
        until(lambda: town.database.exists() and answered(town), "the answers")
        daemon.terminate()
        said = daemon.communicate()[0]
    lines = [json.loads(line) for line in said.splitlines()]
    assert all({"event", "level", "at"} <= line.keys() for line in lines)
    assert {"service.started", "charge.succeeded", "charge.declined", "charge.unknown"} <= {
        line["event"] for line in lines
    }
    instants = [value for line in lines for name, value in line.items() if name.endswith("at")]
    assert len(instants) > len(lines), "when it was, and when the next look is"
    assert all(INSTANT.fullmatch(each) for each in instants), instants
    assert "timestamp" not in said
    (amount,) = {str(line["amount"]) for line in lines if line["event"] == "charge.succeeded"}
    assert amount == "{'amount_minor': 1000, 'currency': 'USD'}"


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("json", r'\{"at": "(\S+Z)", "level": "warning", "event": "no database", "error": "disk full"\}'),
        ("human", r"(\S+ \S+Z)  no database  error=disk full"),
    ],
)
def test_what_is_no_event_has_its_instant_too(form: str, line: str) -> None:
    out = io.StringIO()
    logs.configure(form, stream=out)
    try:
        structlog.get_logger().warning("no database", error="disk full")
    finally:
        structlog.reset_defaults()
    found = re.fullmatch(line, out.getvalue().strip())
    assert found, out.getvalue()
    assert INSTANT.fullmatch(found[1].replace(" ", "T"))


def test_no_secret_is_in_anything_it_writes_even_at_debug_level(build: Build) -> None:
    town = build(log__level="debug")
    mixed(town)
    with running(town.path) as daemon:
        until(
            lambda: answered(town) and town.count("audit_log", "name = 'notice.sent'"), "answers and letters"
        )
        assert daemon.stop() == 0
        assert daemon.said("charge.attempted")
    written = [path for path in town.folder.rglob("*") if path.is_file() and path.name != "ledger.jsonl"]
    assert {"daemon.out", "renewd.db"} <= {path.name for path in written}
    assert any(path.parent.name == "new" for path in written)
    for path in written:
        for secret in SECRETS.values():
            assert secret.encode() not in path.read_bytes(), path


def test_a_log_that_cannot_be_written_stops_no_money(build: Build) -> None:
    town = build()
    town.subscribe([due(n) for n in range(3)])
    full = os.open("/dev/full", os.O_WRONLY)
    daemon = Daemon(town.path, output=full)
    os.close(full)
    try:
        until(lambda: town.database.exists() and town.stages()["extended"] == 3, "the renewals")
        assert not town.events("renewal.set_aside")
    finally:
        daemon.kill()


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.path)
def test_every_field_that_is_logged_is_on_the_list(source: Source) -> None:
    """What is not is withheld; a field that was forgotten should not be missed at night."""
    assert not logged(source) - {*FIELDS, "exc_info"}


def logged(source: Source) -> set[str]:
    calls = (node for node in ast.walk(source.tree) if isinstance(node, ast.Call))
    return {
        keyword.arg or "**"
        for call in calls
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in ("log", "logs")
        for keyword in call.keywords
        if call.func.attr in LEVELS and source.path != "service/logs.py"
    }


def test_a_forgotten_field_is_noticed() -> None:
    assert logged(Source("service/loop.py", "log.error('said', card=number)")) == {"card"}


def test_a_field_that_is_not_on_the_list_is_named_and_not_shown() -> None:
    out = io.StringIO()
    logs.configure("json", stream=out, secrets=["whsec_1"])
    try:
        structlog.get_logger().warning("said", card="4242", pan=1, error="by whsec_1\r\nforged\x1b[2J")
    finally:
        structlog.reset_defaults()
    line = json.loads(out.getvalue())
    assert line.pop("at")
    error = r"by ***\r\nforged\x1b[2J"
    assert line == {"level": "warning", "event": "said", "error": error, "withheld": "card pan"}


def test_no_secret_is_in_its_command_line_or_its_title(build: Build) -> None:
    with running(build().path) as daemon, open(f"/proc/{daemon.pid}/cmdline") as title:  # noqa: PTH123
        said = title.read()
        assert not any(secret in said for secret in SECRETS.values())


def test_on_a_terminal_a_person_reads_plain_lines(build: Build) -> None:
    town = build()
    mixed(town)
    ours, theirs = pty.openpty()
    daemon = Daemon(town.path, output=theirs)
    os.close(theirs)
    try:
        until(lambda: town.database.exists() and answered(town), "the answers")
        assert daemon.stop() == 0
        said = _all_of(ours)
    finally:
        daemon.kill()
        os.close(ours)
    plain = re.sub(r"\x1b\[\d*m", "", said)
    warnings = [line for line in plain.splitlines() if "inherits it" in line]
    assert len(warnings) == len(SECRETS)
    found = [LINE.match(line) for line in plain.splitlines() if line not in warnings and line[:4].strip()]
    assert all(found), plain
    assert {("-", "service.started"), ("S-00000", "charge.succeeded"), ("S-00001", "charge.declined")} <= {
        (each[1], each[2]) for each in found if each
    }
    assert "\x1b[33m" in said  # what calls for attention has a colour


def _all_of(terminal: int) -> str:
    parts = []
    while True:
        try:
            parts.append(os.read(terminal, 65_536))
        except OSError:  # the other end is closed
            return b"".join(parts).decode()
