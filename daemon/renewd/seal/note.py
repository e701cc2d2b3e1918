"""Checkpoints: the size and the root of the tree as a signed note, in the C2SP formats tlog-checkpoint and signed-note.

    example.com/renewals
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — example.com/renewals Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGz...

One that nobody has signed ends with the empty line.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from renewd.seal.tree import HASH_BYTES

_SIGNATURE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
ID_BYTES = 4


@dataclass(frozen=True, slots=True)
class Signature:
    """One line of a note: who says to have signed it, the id of that key, and the signature."""

    name: str
    key_id: bytes
    value: bytes

    def __str__(self) -> str:
        return f"\u2014 {self.name} {b64encode(self.key_id + self.value).decode()}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a tree was at some size; `origin` names the log."""

    origin: str
    size: int
    root: bytes
    signatures: tuple[Signature, ...] = ()

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @property
    def note(self) -> str:
        """The text and the signatures, as they are handed on."""
        return self.text + "\n" + "".join(f"{each}\n" for each in self.signatures)

    @classmethod
    def parse(cls, note: str) -> Self:
        """Read a single note. Raises ValueError."""
        body, _, signed = note.partition("\n\n")
        origin, size, root, *more = [*body.split("\n"), "", ""]
        root_hash = _base64(root)
        if not origin or not _SIZE.fullmatch(size) or len(root_hash) != HASH_BYTES or any(more):
            raise ValueError(f"not a checkpoint: {body[:80]!r}")
        return cls(origin, int(size), root_hash, tuple(map(_signature, signed.split("\n")[:-1])))


@dataclass(frozen=True, slots=True)
class Sealed:
    """A checkpoint as the database keeps it: it covers every row up to `last`, and `edge` is its tree, packed."""

    checkpoint: Checkpoint
    last: int
    at: datetime
    edge: bytes


def checkpoints(text: str) -> Iterator[Checkpoint]:
    """Read the notes that stand one after the other in a file. Raises ValueError."""
    body: list[str] = []
    signed: list[str] = []
    ended = False
    for line in (each.rstrip("\r") for each in text.split("\n")):
        if line.startswith("\u2014"):
            signed.append(line)
        elif not line:
            ended = bool(body)
        else:
            if ended:
                yield _joined(body, signed)
                body, signed, ended = [], [], False
            body.append(line)
    if body:
        yield _joined(body, signed)


def _joined(body: list[str], signed: list[str]) -> Checkpoint:
    return Checkpoint.parse("\n".join([*body, "", *signed, ""]))


def _signature(line: str) -> Signature:
    found = _SIGNATURE.fullmatch(line)
    blob = _base64(found[2]) if found else b""
    if not found or len(blob) <= ID_BYTES:
        raise ValueError(f"not a signature of a note: {line[:80]!r}")
    return Signature(found[1], blob[:ID_BYTES], blob[ID_BYTES:])


def _base64(text: str) -> bytes:
    """Give what a text stands for; nothing when it is not written as it should be."""
    try:
        blob = b64decode(text, validate=True)
    except ValueError:
        return b""
    return blob if b64encode(blob).decode() == text else b""
