"""The facts that a judgement is made of. None of them holds a secret."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder; `mode` is its permission bits, and None when it is not there or cannot be seen."""

    path: str
    mode: int | None = None
    owner: str = ""
    hidden: bool = False  # a folder above it keeps us out


@dataclass(frozen=True, slots=True)
class Installation:
    """Where this renewd lies; `paths` are its interpreter's, resolved, and its own."""

    version: str
    paths: tuple[str, ...]
    systemd: bool  # is the machine run by it?


@dataclass(frozen=True, slots=True)
class Loaded:
    """A credential that a unit hands over, from the file at `path`; who may read an encrypted one is no matter."""

    name: str
    path: str
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of systemd that is installed. `program` is what it starts; `differs` from the one of this version."""

    path: str
    program: str
    starts: bool  # is the program there, and can it be executed?
    enabled: bool  # does it start with the machine, by itself or by its timer?
    differs: bool
    user: str
    credentials: tuple[Loaded, ...]  # drop-ins included


@dataclass(frozen=True, slots=True)
class Credential:
    """A `{credential NAME}` of renewd.yaml, looked for where the unit takes it from."""

    name: str
    source: Entry
    encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Database:
    """The database. `trouble` says why it cannot be used, `file` and `free` (bytes) are of one that is a file.

    `forgets` is why a server may lose what it has committed. `hidden`: its URL is a secret that only the service is given.
    """

    place: str
    trouble: str = ""
    writable: bool = True
    file: Entry | None = None
    free: int | None = None
    forgets: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """Somebody whom renewd speaks to. `ahead` is how far its clock is ahead of ours; None when it did not say."""

    name: str
    address: str
    trouble: str = ""
    ahead: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All of them. What hangs on a configuration is absent where that is wrong."""

    user: str
    installation: Installation
    units: tuple[Unit, ...] = ()
    files: tuple[Entry, ...] = ()  # the configuration: its files, and the folders that they lie in
    problems: tuple[str, ...] = ()  # as `renewd check` finds them
    warnings: tuple[str, ...] = ()  # and these, too
    credentials: tuple[Credential, ...] = ()
    database: Database | None = None
    reached: tuple[Reach, ...] = ()
    synchronized: bool | None = None  # None when nobody says
    running: bool | None = None
    attention: tuple[str, ...] = ()  # as `renewd status` finds it
