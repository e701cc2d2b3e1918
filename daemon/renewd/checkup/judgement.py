"""What the facts mean: each finding says what is so, and what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from statistics import median

from renewd.checkup.facts import Database, Facts, Unit
from renewd.renewal.fleet import GONE_AFTER

# What systemd hides from a service by ProtectHome=yes.
HIDDEN = ("/root", "/home", "/run/user")
GROUP_WRITES, OTHERS_WRITE = 0o020, 0o002
EVERYBODY_ELSE = 0o077
LITTLE_SPACE, LEAST_SPACE = 1024**3, 100 * 1024**2  # bytes
CLOCK_DRIFT = timedelta(seconds=5)  # an answer may well take some of it


class Level(StrEnum):
    """How bad it is. A problem keeps renewals from being made, or secrets from being kept."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    about: str
    what: str
    advice: str = ""


def findings(facts: Facts) -> list[Finding]:
    """Judge everything, in the order in which it is best mended."""
    judges = (_installation, _units, _configuration, _credentials, _database, _clock, _reached, _daemon)
    return [finding for judge in judges for finding in judge(facts)]


def _ok(about: str, what: str) -> Finding:
    return Finding(Level.OK, about, what)


def _warning(about: str, what: str, advice: str) -> Finding:
    return Finding(Level.WARNING, about, what, advice)


def _problem(about: str, what: str, advice: str) -> Finding:
    return Finding(Level.PROBLEM, about, what, advice)


def _installation(facts: Facts) -> Iterator[Finding]:
    here = facts.installation
    hidden = next((path for path in here.paths if _is_hidden(path)), "")
    if not hidden:
        yield _ok("installation", f"renewd {here.version} in {here.paths[-1]}")
        return
    tell = _problem if facts.units else _warning
    what = f"{hidden} lies where a service cannot see it (ProtectHome=yes)"
    yield tell("installation", what, "install it elsewhere: the Debian package, or UV_TOOL_DIR=/opt/uv/tools")


def _is_hidden(path: str) -> bool:
    return any(path == each or path.startswith(f"{each}/") for each in HIDDEN)


def _units(facts: Facts) -> Iterator[Finding]:
    if not facts.units:
        if facts.installation.systemd:
            yield _warning("units", "no unit of renewd is installed", "see systemd/README.md")
        return
    wrong = [finding for unit in facts.units for finding in _unit(unit)]
    if not any(unit.enabled for unit in facts.units):
        what = "none is enabled: after a restart of the machine nothing renews"
        wrong.append(_warning("units", what, "systemctl enable renewd, or renewd-once.timer"))
    yield from wrong or [_ok("units", f"{len(facts.units)} installed, of this version")]


def _unit(unit: Unit) -> Iterator[Finding]:
    tell = _problem if unit.enabled else _warning
    if _is_hidden(unit.program):
        what = f"{unit.path} starts {unit.program}, which it cannot see"
        yield tell("units", what, "install renewd elsewhere")
    elif not unit.starts:
        what = f"{unit.path} starts {unit.program}, which is not there"
        yield tell("units", what, f"ln -s PROGRAM {unit.program}, or name it in a drop-in: systemctl edit")
    if unit.differs:
        what = f"{unit.path} is not the one of this version"
        yield _warning("units", what, "install that one, and keep changes in a drop-in: systemctl edit")


def _configuration(facts: Facts) -> Iterator[Finding]:
    wrong = [_problem("configuration", each, "see: renewd check") for each in facts.problems]
    wrong += [_warning("configuration", each, "see: renewd check") for each in facts.warnings]
    for entry in facts.files:
        mode = entry.mode or 0
        if mode & OTHERS_WRITE:
            what = f"{entry.path} can be changed by anybody, and with it what is charged"
            wrong.append(_problem("configuration", what, f"chmod o-w {entry.path}"))
        elif mode & GROUP_WRITES:
            what = f"{entry.path} can be changed by its group"
            wrong.append(_warning("configuration", what, f"chmod g-w {entry.path}"))
    yield from wrong or [_ok("configuration", "valid, and its secrets can be read")]


def _credentials(facts: Facts) -> Iterator[Finding]:
    given = {loaded.name for unit in facts.units for loaded in unit.credentials}
    for each in facts.credentials:
        name, source = each.name, each.source
        if facts.units and name not in given:
            advice = f"systemctl edit renewd: LoadCredential={name}:{source.path}"
            yield _problem("credentials", f"no unit hands over {name}", advice)
        elif source.hidden:
            yield _warning("credentials", f"{source.path} cannot be seen by {facts.user}", "look as root")
        elif source.mode is None:
            advice = f"install -m 0600 FILE {source.path}"
            yield _problem("credentials", f"{name} is not there: {source.path}", advice)
        elif not each.encrypted and (source.mode & EVERYBODY_ELSE or source.owner != "root"):
            advice = f"chown root: {source.path}; chmod 600 {source.path}"
            yield _problem("credentials", f"{source.path} is not root's alone", advice)
        else:
            yield _ok(
                "credentials", f"{name} is there, {'encrypted' if each.encrypted else 'for root alone'}"
            )


def _database(facts: Facts) -> Iterator[Finding]:
    database = facts.database
    if database is None:
        return
    if database.hidden:
        what = f"{database.place} is given to the service alone"
        yield _warning("database", what, "whether it can be used is said by: journalctl -u renewd")
        return
    users = {unit.user for unit in facts.units} - {""}
    wrong = [*_ownership(facts.user, users, database), *_space(database)]
    if database.file and database.file.mode is None and not database.file.hidden:
        what = f"{database.place} is not there yet"
        wrong.insert(0, _warning("database", what, "it is made by the first start, or by renewd import"))
    elif database.forgets:
        what = f"{database.place} may lose in a crash what it has committed: {database.forgets}"
        wrong.append(
            _problem(
                "database", what, "set it to on, on the server; a pooler may drop what a session asks for"
            )
        )
    elif database.trouble:
        wrong.insert(0, _problem("database", database.trouble, "renewals wait until it can be used"))
    yield from wrong or [_ok("database", f"{database.place} is of this version, and can be written")]


def _ownership(user: str, users: set[str], database: Database) -> Iterator[Finding]:
    file = database.file
    if file and file.mode is not None and file.mode & EVERYBODY_ELSE:
        yield _problem(
            "database", f"{file.path} can be seen by others than its owner", f"chmod 600 {file.path}"
        )
    if file and file.mode is not None and users and file.owner not in users:
        service = min(users)
        what = f"{file.path} belongs to {file.owner}, and the service is {service}"
        yield _problem("database", what, f"chown {service}: {file.path}*")
    elif not database.writable and not database.trouble:
        tell = _warning if users and user not in users else _problem
        yield tell("database", f"{database.place} cannot be written by {user}", _as_the_service(users))


def _as_the_service(users: set[str]) -> str:
    return (
        f"as the service: runuser -u {min(users)} -- renewd doctor" if users else "let its owner run renewd"
    )


def _space(database: Database) -> Iterator[Finding]:
    if database.free is None or database.free >= LITTLE_SPACE:
        return
    tell = _problem if database.free < LEAST_SPACE else _warning
    what = f"{database.free // 1024**2} MiB are free beside {database.place}"
    yield tell("database", what, "make room: nothing is charged that cannot be written down")


def _clock(facts: Facts) -> Iterator[Finding]:
    told = [each.ahead.total_seconds() for each in facts.reached if each.ahead is not None]
    off = timedelta(seconds=median(told)) if told else timedelta(0)
    advice = "let it be set: systemctl enable --now systemd-timesyncd"
    seconds = (
        f"{abs(off).total_seconds():.0f} s {'behind' if off > timedelta(0) else 'ahead of'} the providers'"
    )
    if abs(off) >= GONE_AFTER:
        what = f"the clock is {seconds}: charges come at other times, and daemons take one another for gone"
        yield _problem("clock", what, advice)
    elif abs(off) >= CLOCK_DRIFT:
        yield _warning("clock", f"the clock is {seconds}", advice)
    elif told:
        yield _ok("clock", "agrees with the providers'")
    elif facts.synchronized:
        yield _ok("clock", "set by systemd-timesyncd")
    elif facts.synchronized is False:
        yield _warning("clock", "nothing has set the clock, and no provider said the time", advice)


def _reached(facts: Facts) -> Iterator[Finding]:
    for each in facts.reached:
        if each.trouble:
            what = f"{each.name} does not answer at {each.address}: {each.trouble}"
            yield _problem("providers", what, "look at its address, the network and its certificate")
        else:
            yield _ok("providers", f"{each.name} answers at {each.address}")


def _daemon(facts: Facts) -> Iterator[Finding]:
    for each in facts.attention:
        yield _problem("renewals", each, "see: renewd status")
    if facts.running:
        yield _ok("daemon", "runs")
    elif facts.running is False:
        yield _warning(
            "daemon", "none runs", "systemctl start renewd, or the timer: systemctl start renewd-once.timer"
        )
