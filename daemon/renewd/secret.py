"""A secret by how it is given: the file says where it is, `reveal` reads it, and nothing ever shows it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import fstat
from pathlib import Path
from stat import S_IRWXG, S_IRWXO
from typing import Literal, Self

HOW_TO_WRITE = 'write "{credential NAME}", "{file /PATH}" or "{env NAME}"'

_REFERENCE = re.compile(r"\{(env|file|credential) +([^{}]+)\}")
_NAMES = {
    "env": re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    "file": re.compile(r"/[^\x00-\x1f]+"),
    "credential": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*"),
}
_MOST_BYTES = 16_384
IN_THE_ENVIRONMENT = (
    "every process that the service starts inherits it, and /proc shows it; "
    'write "{credential NAME}" or "{file /PATH}" instead'
)


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret in an environment variable, a file, a systemd credential, or (plain) right where it was asked for."""

    how: Literal["env", "file", "credential", "plain"]
    text: str = field(repr=False)

    @classmethod
    def parse(cls, written: str) -> Self:
        """Read `{env NAME}`, `{file /PATH}`, `{credential NAME}` or a plain value. Raises ValueError."""
        found = _REFERENCE.fullmatch(written.strip())
        if found is None:
            if not written.strip() or written.lstrip().startswith("{"):
                raise ValueError(f"not a secret; {HOW_TO_WRITE}")
            return cls("plain", written)
        how, name = found[1], found[2].strip()
        if not _NAMES[how].fullmatch(name):
            raise ValueError(f'"{{{how} ...}}" does not name one; {HOW_TO_WRITE}')
        return cls(how, name)  # type: ignore[arg-type]  # the expression knows the three words

    def __str__(self) -> str:
        return "***" if self.how == "plain" else f"{{{self.how} {self.text}}}"

    def reveal(self, environ: Mapping[str, str]) -> str:
        """Read the secret. Raises ValueError, which names where it should be and never what it is."""
        if self.how == "plain":
            return self.text
        if self.how == "env":
            return self._checked(environ.get(self.text))
        directory = environ.get("CREDENTIALS_DIRECTORY")
        if self.how == "file":
            return self._checked(_contents(Path(self.text), directory))
        if not directory:
            raise ValueError(
                f"{self} cannot be read: $CREDENTIALS_DIRECTORY is not set; {self._how_to_give()}"
            )
        path = Path(directory) / self.text
        if not path.exists():
            raise ValueError(f"{self} is not among the credentials of this unit; {self._how_to_give()}")
        return self._checked(_contents(path, directory))

    def _how_to_give(self) -> str:
        sealed = f"/etc/credstore.encrypted/{self.text}"
        return (
            f"give the unit LoadCredential={self.text}:/PATH, or seal it by `systemd-creds encrypt --name={self.text} - "
            f"{sealed}` and give the unit LoadCredentialEncrypted={self.text}:{sealed}"
        )

    def _checked(self, value: str | None) -> str:
        """Refuse what no header could carry: a key with a line break in it ends up in two headers."""
        value = (value or "").strip()
        if not value:
            raise ValueError(f"{self} is not set")
        if not value.isprintable():
            raise ValueError(f"{self} holds more than one line, or control characters")
        return value


def is_reference(value: object) -> bool:
    """Say whether a value of a file says where a secret is, and so holds none."""
    found = _REFERENCE.fullmatch(value.strip()) if isinstance(value, str) else None
    return found is not None and _NAMES[found[1]].fullmatch(found[2].strip()) is not None


def _contents(path: Path, credentials: str | None) -> str:
    """Read a file. A credential lies in a directory that only the service can enter; any other file stands for itself."""
    try:
        with path.open("rb") as opened:
            guarded = credentials and path.resolve().is_relative_to(Path(credentials).resolve())
            if not guarded and fstat(opened.fileno()).st_mode & (S_IRWXG | S_IRWXO):
                raise ValueError(f"{path} can be read by others; chmod 600 {path}")
            return opened.read(_MOST_BYTES).decode()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {(error.strerror or 'unknown reason').lower()}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text") from None
