"""Ed25519 keys as signed notes have them: one line with the name of the log, the key's id, and the key.

The id is the beginning of SHA-256 over the name, a line feed, the kind (1) and the public key.
"""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Self

from renewd.seal.note import ID_BYTES, Checkpoint, Signature

_ED25519 = b"\x01"
_PUBLIC = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")
_PRIVATE = re.compile(r"PRIVATE\+KEY\+([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")
_NAME = re.compile(r"[^\s+]{1,128}")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What checks signatures of the log `name`."""

    name: str
    raw: bytes

    @property
    def key_id(self) -> bytes:
        """What stands before a signature, so that a reader knows whose it is."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.raw).digest()[:ID_BYTES]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64encode(_ED25519 + self.raw).decode()}"

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a public key. Raises ValueError."""
        name, raw, key_id = _read(_PUBLIC, line, "a public key: NAME+ID+KEY")
        key = cls(name, raw)
        _expect_id(key, key_id)
        return key

    def signed(self, checkpoint: Checkpoint) -> bool | None:
        """Say whether this key signed a checkpoint; None where it does not claim to have."""
        mine = [
            each for each in checkpoint.signatures if (each.name, each.key_id) == (self.name, self.key_id)
        ]
        return all(self._holds(checkpoint, each) for each in mine) if mine else None

    def _holds(self, checkpoint: Checkpoint, signature: Signature) -> bool:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

        try:
            _ed25519().Ed25519PublicKey.from_public_bytes(self.raw).verify(
                signature.value, checkpoint.text.encode()
            )
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """What signs checkpoints of the log `name`."""

    name: str
    seed: bytes

    @classmethod
    def generate(cls, name: str) -> Self:
        """Make a new key. Raises ValueError when a log cannot have this name."""
        if not _NAME.fullmatch(name):
            raise ValueError("the name of a log has no spaces and no +; write e.g. example.com/renewals")
        return cls(name, _ed25519().Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a key. Raises ValueError, which does not quote it."""
        name, seed, key_id = _read(_PRIVATE, line, "a signing key; `renewd audit keygen` makes one")
        key = cls(name, seed)
        _expect_id(key.public, key_id)
        return key

    @property
    def public(self) -> PublicKey:
        """The key that others check with."""
        private = _ed25519().Ed25519PrivateKey.from_private_bytes(self.seed)
        return PublicKey(self.name, private.public_key().public_bytes_raw())

    @property
    def secret(self) -> str:
        """The line to be kept where only the daemon can read it."""
        return (
            f"PRIVATE+KEY+{self.name}+{self.public.key_id.hex()}+{b64encode(_ED25519 + self.seed).decode()}"
        )

    def sign(self, checkpoint: Checkpoint) -> Checkpoint:
        """Give the checkpoint with our signature."""
        private = _ed25519().Ed25519PrivateKey.from_private_bytes(self.seed)
        value = private.sign(checkpoint.text.encode())
        return replace(checkpoint, signatures=(Signature(self.name, self.public.key_id, value),))


def _ed25519() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415  # a package that not all have
    except ModuleNotFoundError as error:
        raise ValueError("signatures need one more package: pip install 'renewd[seal]'") from error
    return ed25519


def _read(form: re.Pattern[str], line: str, what: str) -> tuple[str, bytes, bytes]:
    found = form.fullmatch(line.strip())
    blob = b64decode(found[3]) if found else b""
    if not found or len(blob) != 33 or not blob.startswith(_ED25519):  # noqa: PLR2004
        raise ValueError(f"not {what}")
    return found[1], blob[1:], bytes.fromhex(found[2])


def _expect_id(key: PublicKey, key_id: bytes) -> None:
    if key.key_id != key_id:
        raise ValueError("the key's id does not fit the key: part of it is missing or misspelt")
