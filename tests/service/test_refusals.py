"""What keeps a daemon from starting: each ends with an exit code that says its kind, and words that say what to do."""

import ctypes
import os
from pathlib import Path

import pytest

from tests.service.conftest import Build
from tests.service.daemon import SECRETS, environment, finished, running
from tests.service.town import due

UNAVAILABLE, TRY_LATER, BAD_CONFIGURATION = 69, 75, 78
DROP_FROM_BOUNDING_SET, OVERRIDE_PERMISSIONS = 24, 1


def bound_by_permissions() -> None:
    """Have the process that is about to start heed file permissions even as root."""
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, OVERRIDE_PERMISSIONS)


@pytest.mark.parametrize("command", ["run", "once"])
def test_a_second_daemon_on_the_same_database_is_sent_away(build: Build, command: str) -> None:
    town = build()
    with running(town.path) as daemon:
        second = finished(town.path, command)
        assert second.returncode == TRY_LATER
        assert second.stderr == f"renewd: another renewd owns {town.database}\n"
        assert daemon.stop() == 0
    assert finished(town.path, "once").returncode == 0


@pytest.mark.parametrize("command", ["run", "once"])
def test_a_bad_configuration_is_told_with_all_its_problems(build: Build, command: str) -> None:
    town = build(schedule__concurrency=0, log__level="loud")
    town.policy_path.write_text(town.policy_path.read_text().replace("1 month", "1 moon"))
    refused = finished(town.path, command)
    assert refused.returncode == BAD_CONFIGURATION
    assert [line for line in refused.stderr.splitlines() if ": error: " in line] == [
        line for line in refused.stderr.splitlines() if line.startswith(str(town.folder))
    ]
    for place in ("schedule.concurrency: ", "log.level: ", "plans.basic.period: "):
        assert place in refused.stderr
    assert not town.database.exists()


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    refused = finished(tmp_path / "nowhere.yaml")
    assert refused.returncode == BAD_CONFIGURATION
    assert str(tmp_path / "nowhere.yaml") in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("command", ["run", "once"])
def test_every_secret_that_is_missing_is_named_with_its_line(build: Build, command: str) -> None:
    town = build()
    refused = finished(town.path, command, environ=environment(**dict.fromkeys(SECRETS, "")))
    assert refused.returncode == BAD_CONFIGURATION
    lines = town.path.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        for name in SECRETS:
            if name in line:
                assert f"{town.path}:{number}:" in refused.stderr
                assert f"{{env {name}}} is not set" in refused.stderr


def test_a_folder_that_cannot_be_made_means_no_database(build: Build) -> None:
    town = build()
    (town.folder / "var").write_text("a file stands in its place")
    refused = finished(town.path)
    assert refused.returncode == UNAVAILABLE
    assert refused.stderr.startswith("renewd: the database cannot be used: ")
    assert refused.stderr.count("\n") == 1


def test_what_is_no_database_is_left_as_it_is(build: Build) -> None:
    town = build()
    town.database.parent.mkdir()
    town.database.write_text("the accounts of 1998\n" * 100)
    refused = finished(town.path)
    assert refused.returncode == UNAVAILABLE
    assert refused.stderr.startswith("renewd: the database cannot be used: ")
    assert town.database.read_text() == "the accounts of 1998\n" * 100


def test_a_read_only_database_charges_nobody(build: Build) -> None:
    town = build()
    town.subscribe([due(1)])
    town.database.chmod(0o400)
    refused = finished(town.path, preexec_fn=bound_by_permissions)
    assert refused.returncode == UNAVAILABLE, refused.stderr
    assert "readonly" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert town.requests() == []


def test_a_read_only_folder_charges_nobody(build: Build) -> None:
    town = build()
    town.subscribe([due(1)])
    town.database.parent.chmod(0o500)
    try:
        refused = finished(town.path, preexec_fn=bound_by_permissions)
    finally:
        town.database.parent.chmod(0o700)
    assert refused.returncode == UNAVAILABLE, refused.stderr
    assert refused.stderr.count("\n") == 1
    assert town.requests() == []
