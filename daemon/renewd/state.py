"""Where the state of the service lies: its database, letters and logs.

`$STATE_DIRECTORY`, which systemd sets, or else `/var/lib/renewd` for a `renewd.yaml` in `/etc/renewd`, and `var/` beside
any other.
"""

from collections.abc import Mapping
from pathlib import Path

from renewd.addresses import a_secret_database
from renewd.settings import Settings

INSTALLED = Path("/etc/renewd")  # where the units have their configuration


def state_directory(folder: Path, environ: Mapping[str, str]) -> Path:
    """Give the directory that relative paths of state lie in; `folder` is that of `renewd.yaml`."""
    given = environ.get("STATE_DIRECTORY", "").split(":")[0]  # systemd separates several by colons
    # An operator's commands have no environment of a service, and must find the same database.
    installed = Path("/var/lib/renewd") if folder.absolute() == INSTALLED else folder / "var"
    return Path(given) if given else installed


def logs_directory(folder: Path, environ: Mapping[str, str]) -> Path:
    """Give the directory that relative paths of logs lie in."""
    given = environ.get("LOGS_DIRECTORY", "").split(":")[0]
    return Path(given) if given else state_directory(folder, environ)


def database_url(settings: Settings, folder: Path, environ: Mapping[str, str]) -> str:
    """Give the URL of the database, the path of a SQLite file absolute.

    Raises ValueError, which never shows it, when it is a secret that cannot be read or that is no such URL.
    """
    url = settings.database.reveal(environ)
    if settings.database.how != "plain":
        try:
            a_secret_database(url)
        except ValueError as error:
            raise ValueError(f"{settings.database}: {error}") from None
    if not url.startswith("sqlite:///"):
        return url
    return f"sqlite:///{(state_directory(folder, environ) / url.removeprefix('sqlite:///')).absolute()}"
