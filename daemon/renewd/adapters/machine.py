"""This machine as it is: its files and who may see them, its units, its clock, its free space."""

import os
import pwd
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from stat import S_IMODE

import renewd
from renewd.checkup.facts import Credential, Entry, Installation, Loaded, Unit

ROOT = Path("/")
UNITS = ("renewd.service", "renewd@.service", "renewd-once.service")
# As systemd looks for them: the administrator's before the packages'.
UNIT_FOLDERS = ("etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")
CREDENTIAL_STORE = "/etc/credstore"

_SETTING = re.compile(r"^(\w+)=[ \t]*(.*)$", re.MULTILINE)
_PREFIXES = "@-:+!|"  # of a command line in a unit
_OUR_PROGRAM = re.compile(r"^(Exec\w+=)\S*/renewd(?= )", re.MULTILINE)


def entry(path: Path) -> Entry:
    """Look at a file or a folder."""
    try:
        found = path.stat()
    except PermissionError:
        return Entry(str(path), hidden=True)
    except OSError:
        return Entry(str(path))
    return Entry(str(path), S_IMODE(found.st_mode), _name_of(found.st_uid))


def user() -> str:
    """Give the name of the user that we are."""
    return _name_of(os.geteuid())


def free_space(folder: Path) -> int | None:
    """Give how many bytes we could still write below a folder; None when it cannot be told."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def can_write(file: Path) -> bool:
    """Say whether we can write a file, and others beside it."""
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def credential(name: str, units: Sequence[Unit]) -> Credential:
    """Look for a credential where a unit takes it from, or where the shipped ones would."""
    usual = Loaded(name, f"{CREDENTIAL_STORE}/renewd.{name}")
    loaded = next((each for unit in units for each in unit.credentials if each.name == name), usual)
    return Credential(name, entry(Path(loaded.path)), loaded.encrypted)


def installation() -> Installation:
    """Say where this renewd lies."""
    interpreter, package = Path(sys.executable), Path(renewd.__file__).parent
    paths = (str(interpreter.resolve()), sys.prefix, str(package.resolve()))
    return Installation(renewd.__version__, paths, systemd=Path("/run/systemd/system").is_dir())


def synchronized(root: Path = ROOT) -> bool | None:
    """Say whether systemd has set the clock by others; None where it does not keep it."""
    folder = root / "run/systemd/timesync"
    return (folder / "synchronized").exists() if folder.is_dir() else None


def units(shipped: Path, root: Path = ROOT) -> Iterator[Unit]:
    """Give the units of renewd that are installed; those of this version lie in the folder `shipped`."""
    for name in UNITS:
        found = next(
            (root / folder / name for folder in UNIT_FOLDERS if (root / folder / name).is_file()), None
        )
        if found:
            yield _unit(found, shipped / name, root)


def _unit(path: Path, shipped: Path, root: Path) -> Unit:
    own = _text(path)
    # Of a template any instance; what runs for a moment only is started by its timer.
    pattern = f"*.wants/{path.stem}{'*' if path.stem.endswith('@') else ''}.*"
    drop_ins = [
        each for folder in UNIT_FOLDERS for each in sorted((root / folder).glob(f"{path.name}.d/*.conf"))
    ]
    settings = _SETTING.findall("\n".join([own, *map(_text, drop_ins)]))
    program = ([value for key, value in settings if key == "ExecStart" and value] or [""])[-1]
    program = (program.lstrip(_PREFIXES).split() or [""])[0]
    return Unit(
        path=str(path),
        program=program,
        starts=os.access(program, os.X_OK),
        enabled=any(next((root / folder).glob(pattern), None) for folder in UNIT_FOLDERS),
        differs=_OUR_PROGRAM.sub(r"\1renewd", own) != _OUR_PROGRAM.sub(r"\1renewd", _text(shipped)),
        user=([value for key, value in settings if key == "User"] or [""])[-1],
        credentials=tuple(_loaded(key, value) for key, value in settings if key.startswith("LoadCredential")),
    )


def _loaded(key: str, value: str) -> Loaded:
    encrypted, (name, _, source) = key.endswith("Encrypted"), value.partition(":")
    store = f"{CREDENTIAL_STORE}.encrypted" if encrypted else CREDENTIAL_STORE
    return Loaded(name, str(Path(store) / (source or name)), encrypted)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
