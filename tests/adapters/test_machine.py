"""What of this machine the doctor sees: files, units, and who may see what."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from renewd.adapters import machine
from renewd.checkup.facts import Entry, Loaded, Unit

SHIPPED = (
    "[Service]\nExecStart=/usr/bin/renewd run\nUser=renewd\nLoadCredential=stripe_key:renewd.stripe_key\n"
)
Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    written("shipped/renewd.service", SHIPPED)
    return written


def the_unit(root: Path) -> Unit:
    (found,) = machine.units(root / "shipped", root)
    return found


def test_a_unit_as_it_is_shipped(tmp_path: Path, write: Write) -> None:
    path = write("usr/lib/systemd/system/renewd.service", SHIPPED)
    assert the_unit(tmp_path) == Unit(
        path=str(path),
        program="/usr/bin/renewd",
        starts=os.access("/usr/bin/renewd", os.X_OK),
        enabled=False,
        differs=False,
        user="renewd",
        credentials=(Loaded("stripe_key", "/etc/credstore/renewd.stripe_key"),),
    )


def test_a_unit_that_starts_a_renewd_elsewhere_is_the_same_unit(tmp_path: Path, write: Write) -> None:
    program = write("opt/renewd/bin/renewd", "#!/bin/sh\n")
    program.chmod(0o755)
    write("etc/systemd/system/renewd.service", SHIPPED.replace("/usr/bin/renewd", str(program)))
    found = the_unit(tmp_path)
    assert (found.program, found.starts, found.differs) == (str(program), True, False)


def test_the_administrators_unit_comes_before_the_packages(tmp_path: Path, write: Write) -> None:
    write("usr/lib/systemd/system/renewd.service", SHIPPED)
    write("etc/systemd/system/renewd.service", SHIPPED.replace("renewd run", "renewd run -v"))
    assert the_unit(tmp_path).differs


def test_what_a_drop_in_says_counts_last(tmp_path: Path, write: Write) -> None:
    write("usr/lib/systemd/system/renewd.service", SHIPPED)
    write(
        "etc/systemd/system/renewd.service.d/override.conf",
        "[Service]\nExecStart=\nExecStart=-/opt/bin/renewd run\nUser=shop\nLoadCredentialEncrypted=smtp\n",
    )
    found = the_unit(tmp_path)
    assert (found.program, found.user, found.differs) == ("/opt/bin/renewd", "shop", False)
    assert found.credentials[1:] == (Loaded("smtp", "/etc/credstore.encrypted/smtp", encrypted=True),)
    assert machine.credential("smtp", [found]).source.path == "/etc/credstore.encrypted/smtp"
    assert machine.credential("key", [found]).source.path == "/etc/credstore/renewd.key"


@pytest.mark.parametrize(
    ("unit", "wanted"),
    [
        ("renewd.service", "renewd.service"),
        ("renewd@.service", "renewd@a.service"),
        ("renewd-once.service", "renewd-once.timer"),
    ],
)
def test_a_unit_is_enabled_when_something_wants_it(
    tmp_path: Path, write: Write, unit: str, wanted: str
) -> None:
    write(f"usr/lib/systemd/system/{unit}", SHIPPED)
    write("etc/systemd/system/multi-user.target.wants/other.service", "")
    assert not the_unit(tmp_path).enabled
    write(f"etc/systemd/system/multi-user.target.wants/{wanted}", "")
    assert the_unit(tmp_path).enabled


def test_a_file_and_none(tmp_path: Path, write: Write) -> None:
    path = write("secret", "x")
    path.chmod(0o640)
    assert machine.entry(path) == Entry(str(path), 0o640, machine.user())
    assert machine.entry(tmp_path / "none") == Entry(str(tmp_path / "none"))


@pytest.mark.skipif(not os.geteuid(), reason="no folder keeps root out")
def test_a_file_in_a_folder_that_keeps_us_out(tmp_path: Path, write: Write) -> None:
    path = write("closed/secret", "x")
    path.parent.chmod(0)
    assert machine.entry(path).hidden
    path.parent.chmod(0o700)


def test_the_clock_is_synchronized_when_systemd_says_so(tmp_path: Path, write: Write) -> None:
    assert machine.synchronized(tmp_path) is None
    (tmp_path / "run/systemd/timesync").mkdir(parents=True)
    assert machine.synchronized(tmp_path) is False
    write("run/systemd/timesync/synchronized", "")
    assert machine.synchronized(tmp_path) is True
