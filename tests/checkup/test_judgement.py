"""What the doctor makes of the facts: a sound machine, and each thing that may be wrong with one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from renewd.checkup.facts import Credential, Database, Entry, Facts, Installation, Loaded, Reach, Unit
from renewd.checkup.judgement import Finding, Level, findings

UNIT = Unit(
    path="/usr/lib/systemd/system/renewd.service",
    program="/usr/bin/renewd",
    starts=True,
    enabled=True,
    differs=False,
    user="renewd",
    credentials=(Loaded("stripe_key", "/etc/credstore/renewd.stripe_key"),),
)
FILE = Entry("/var/lib/renewd/renewd.db", 0o600, "renewd")
DATABASE = Database(FILE.path, file=FILE, free=50 * 1024**3)
HERE = Installation("1.2.3", ("/usr/bin/python3.11", "/usr/lib/renewd"), systemd=True)
KEY = Credential("stripe_key", Entry("/etc/credstore/renewd.stripe_key", 0o600, "root"))
GATEWAY = Reach("stripe", "https://api.stripe.com", ahead=timedelta(0))
SOUND = Facts(
    user="root",
    installation=HERE,
    units=(UNIT,),
    files=(Entry("/etc/renewd", 0o750, "root"), Entry("/etc/renewd/renewd.yaml", 0o640, "root")),
    credentials=(KEY,),
    database=DATABASE,
    reached=(GATEWAY,),
    synchronized=True,
    running=True,
)


def wrong(facts: Facts) -> list[Finding]:
    return [each for each in findings(facts) if each.level is not Level.OK]


def test_a_sound_machine_has_nothing_wrong_and_says_what_was_looked_at() -> None:
    assert {(each.level, each.about) for each in findings(SOUND)} == {
        (Level.OK, about)
        for about in "installation units configuration credentials database clock providers daemon".split()
    }


@pytest.mark.parametrize(
    ("change", "level", "what"),
    [
        ({"installation": replace(HERE, paths=("/root/.local/bin/python3", "/opt/x"))}, "problem", "/root/.local/bin/python3 lies where a service cannot see it"),
        ({"installation": replace(HERE, paths=("/home/ada/venv",), systemd=False), "units": (), "credentials": ()}, "warning", "/home/ada/venv lies where"),
        ({"installation": replace(HERE, paths=("/homestead/venv",))}, "", ""),
        ({"units": (), "credentials": ()}, "warning", "no unit of renewd is installed"),
        ({"units": (), "credentials": (), "installation": replace(HERE, systemd=False)}, "", ""),
        ({"units": (replace(UNIT, program="/root/bin/renewd"),)}, "problem", "starts /root/bin/renewd, which it cannot see"),
        ({"units": (replace(UNIT, starts=False),)}, "problem", "starts /usr/bin/renewd, which is not there"),
        ({"units": (UNIT, replace(UNIT, starts=False, enabled=False))}, "warning", "which is not there"),
        ({"units": (replace(UNIT, enabled=False),)}, "warning", "none is enabled"),
        ({"units": (replace(UNIT, differs=True),)}, "warning", "is not the one of this version"),
        ({"problems": ("renewd.yaml:3: x",)}, "problem", "renewd.yaml:3: x"),
        ({"warnings": ("renewd.yaml:4: y",)}, "warning", "renewd.yaml:4: y"),
        ({"files": (Entry("/etc/renewd/policy.yaml", 0o646, "root"),)}, "problem", "can be changed by anybody"),
        ({"files": (Entry("/etc/renewd/policy.yaml", 0o664, "root"),)}, "warning", "can be changed by its group"),
        ({"files": (Entry("/etc/renewd/policy.yaml"),)}, "", ""),
        ({"credentials": (replace(KEY, name="smtp"),)}, "problem", "no unit hands over smtp"),
        ({"credentials": (replace(KEY, source=Entry("/x", hidden=True)),), "user": "ada"}, "warning", "/x cannot be seen by ada"),
        ({"credentials": (replace(KEY, source=Entry("/x")),)}, "problem", "stripe_key is not there: /x"),
        ({"credentials": (replace(KEY, source=Entry("/x", 0o640, "root")),)}, "problem", "/x is not root's alone"),
        ({"credentials": (replace(KEY, source=Entry("/x", 0o600, "ada")),)}, "problem", "/x is not root's alone"),
        ({"credentials": (Credential("stripe_key", Entry("/x", 0o644, "root"), encrypted=True),)}, "", ""),
        ({"database": Database("postgresql://db/renewd", forgets="fsync is off")}, "problem", "may lose in a crash what it has committed: fsync is off"),
        ({"database": replace(DATABASE, trouble="it is of schema 9")}, "problem", "it is of schema 9"),
        ({"database": replace(DATABASE, file=Entry("/db"), trouble="/db is not there")}, "warning", "is not there yet"),
        ({"database": replace(DATABASE, file=replace(FILE, mode=0o644))}, "problem", "can be seen by others"),
        ({"database": replace(DATABASE, file=replace(FILE, owner="root"))}, "problem", "belongs to root, and the service is renewd"),
        ({"database": replace(DATABASE, writable=False), "user": "renewd"}, "problem", "cannot be written by renewd"),
        ({"database": replace(DATABASE, writable=False), "user": "ada"}, "warning", "cannot be written by ada"),
        ({"database": replace(DATABASE, free=1024**3 - 1)}, "warning", "1023 MiB are free"),
        ({"database": replace(DATABASE, free=99 * 1024**2)}, "problem", "99 MiB are free"),
        ({"database": Database("{credential url}", hidden=True)}, "warning", "{credential url} is given to the service alone"),
        ({"reached": (replace(GATEWAY, ahead=timedelta(seconds=4)),)}, "", ""),
        ({"reached": (replace(GATEWAY, ahead=timedelta(seconds=6)),)}, "warning", "the clock is 6 s behind the providers'"),
        ({"reached": (replace(GATEWAY, ahead=-timedelta(minutes=5)),)}, "problem", "the clock is 300 s ahead of the providers'"),
        ({"reached": (), "synchronized": False}, "warning", "nothing has set the clock"),
        ({"reached": (), "synchronized": None}, "", ""),
        ({"reached": (GATEWAY, Reach("att", "https://att", trouble="ConnectError: refused"))}, "problem", "att does not answer at https://att: ConnectError: refused"),
        ({"running": False}, "warning", "none runs"),
        ({"running": None}, "", ""),
        ({"attention": ("all charging is halted",)}, "problem", "all charging is halted"),
    ],
)  # fmt: skip
def test_each_thing_that_is_wrong_is_said_once_with_what_to_do(
    change: dict[str, object], level: str, what: str
) -> None:
    found = wrong(replace(SOUND, **change))  # type: ignore[arg-type]
    assert [each.level.value for each in found] == ([level] if level else [])
    assert all(what in each.what and each.advice for each in found)


def test_one_provider_whose_clock_is_wrong_does_not_make_ours_wrong() -> None:
    off = Reach("att", "https://att", ahead=timedelta(hours=1))
    assert not wrong(replace(SOUND, reached=(GATEWAY, off, GATEWAY)))
