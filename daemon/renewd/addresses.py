"""Addresses in a configuration: what may stand in one is refused here rather than found out at the first charge."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self
from urllib.parse import SplitResult, unquote, unquote_plus, urlsplit

POSTGRESQL = "postgresql://"
_HOW_TO_ESCAPE = (
    'write e.g. "postgresql://renewd:PASSWORD@localhost/renewd", in the password %40 for @, %3A for :, %2F for /, '
    "%3F for ?, %23 for #, %25 for %"
)
_HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_NUMBER = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)")
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?P<host>[A-Za-z0-9.-]{1,253})")
_PERSON = re.compile(r"[^<>@\",;:\\\r\n]{1,64} <(?P<email>[^<>\s]+)>")


def is_loopback(host: str | None) -> bool:
    """Say whether a host is this machine itself."""
    return host in ("localhost", "127.0.0.1", "::1")


def is_loopback_url(url: str) -> bool:
    """Say whether a URL leads to this machine itself."""
    return is_loopback(urlsplit(url).hostname)


def an_api_base(text: str) -> str:
    """Check the address under which an API is reached, and take the slash off its end. Raises ValueError."""
    parts = _split(text)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError('not the address of an API; write e.g. "https://api.stripe.com"')
    if "@" in parts.netloc:
        raise ValueError("no name and no password belong into the address; give a key or a token")
    if parts.query or parts.fragment or "?" in text or "#" in text:
        raise ValueError('no "?" and no "#" belong into the address; the path is added to it')
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must be https: keys would travel in the open")
    a_host(parts.hostname)
    return text.rstrip("/")


def a_host(text: str) -> str:
    """Check the name or the IP address of a host. Raises ValueError."""
    if ":" in text or _NUMBER.fullmatch(text.rpartition(".")[2]):
        return _an_ip(text)
    if not _HOST.fullmatch(text):
        raise ValueError("not the name of a host")
    return text


def _an_ip(text: str) -> str:
    """Check a literal address. What only some programs take for one (`127.1`, `0x7f000001`) is refused."""
    try:
        address = ip_address(text)
    except ValueError:
        raise ValueError('not an IP address; write it in full, e.g. "192.0.2.7"') from None
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        raise ValueError("no provider is at this address")
    return text


@dataclass(frozen=True, slots=True)
class Listen:
    """Where we answer: a host of this machine's, by name or by address, and a port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `127.0.0.1:9464`, `localhost:9464` or `[::1]:9464`. Raises ValueError."""
        parts = _split(f"//{text}")
        if not parts.hostname or parts.port is None or parts.netloc != text or "@" in text:
            raise ValueError('not a host and a port; write e.g. "127.0.0.1:9464"')
        if parts.hostname not in ("0.0.0.0", "::"):  # noqa: S104  # told by whoever writes it
            a_host(parts.hostname)
        return cls(parts.hostname, parts.port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def an_email(text: str) -> str:
    """Check an e-mail address. Raises ValueError."""
    found = _EMAIL.fullmatch(text)
    if found is None or not _HOST.fullmatch(found["host"]):
        raise ValueError('not an e-mail address; write e.g. "renewals@example.com"')
    return text


def a_sender(text: str) -> str:
    """Check an e-mail address that may have a name before it. Raises ValueError."""
    found = _PERSON.fullmatch(text)
    an_email(found["email"] if found else text)
    return text


def a_database(text: str) -> str:
    """Check the URL of a database that holds no secret: a file of SQLite, or a PostgreSQL. Raises ValueError."""
    if text.startswith(POSTGRESQL) and (_split(text).password is not None or "password" in text.lower()):
        raise ValueError(
            'a password stands open in it; write e.g. "{credential database_url}" for the whole URL'
        )
    return _database(text)


def a_secret_database(text: str) -> str:
    """Check the URL of a database that is itself a secret, and may hold a password. Raises ValueError, without it."""
    if text.startswith(POSTGRESQL) and (text.count("@") > 1 or "#" in text or _unreadable(text)):
        raise ValueError(f"not the URL of a database; {_HOW_TO_ESCAPE}")
    return _database(text)


def passwords_in(url: str) -> set[str]:
    """Give the password in a database's URL, as it is written there and as it is meant; nothing of what is no URL."""
    if not url.startswith(POSTGRESQL):
        return set()
    parts = urlsplit(url)
    written = [each.partition("=") for each in parts.query.split("&")]
    found = {value for name, _, value in written if "pass" in name.lower()} | {parts.password or ""}
    return (found | {unquote_plus(each) for each in found} | {unquote(each) for each in found}) - {""}


def _database(text: str) -> str:
    return _postgresql(text) if text.startswith(POSTGRESQL) else _sqlite(text)


def _unreadable(text: str) -> bool:
    try:
        return "@" in _split(text).path
    except ValueError:
        return True


def _postgresql(text: str) -> str:
    parts = _split(text)
    if not parts.path.strip("/") or "/" in parts.path[1:] or parts.fragment:
        raise ValueError('names no database; write e.g. "postgresql://renewd@localhost/renewd"')
    return text


def _sqlite(text: str) -> str:
    path = text.removeprefix("sqlite:///")
    if path == text or not path.strip("/") or path.endswith("/") or "?" in path:
        raise ValueError(
            'not a database; write e.g. "sqlite:///renewd.db", "sqlite:////srv/renewd.db" or '
            '"postgresql://renewd@localhost/renewd"'
        )
    if path == ":memory:":
        raise ValueError("a database in memory forgets who has paid; write a file")
    return text


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("not an address: its host or its port cannot be read") from None
    if not text.isascii() or not text.isprintable() or " " in text or port == 0:
        raise ValueError("not an address: only plain ASCII, without spaces, can stand in one")
    return parts
