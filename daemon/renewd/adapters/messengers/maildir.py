"""Letters put into a Maildir (cr.yp.to/proto/maildir.html), for trying renewd out and for a local mail reader."""

import asyncio
import os
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path

from renewd.adapters.messengers.message import composed
from renewd.renewal.notice import Letter


class Maildir:
    """Delivers into the Maildir at `path`, which is made when it is missing."""

    def __init__(self, path: Path, sender: str) -> None:
        self._path = path
        self._sender = sender

    async def send(self, letter: Letter) -> None:
        """Deliver one letter; one that is already there, read or not, is left alone. Raises OSError."""
        await asyncio.to_thread(self._deliver, composed(letter, self._sender))

    def _deliver(self, message: EmailMessage) -> None:
        for folder in ("tmp", "new", "cur"):
            (self._path / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{sha256(str(message['Message-ID']).encode()).hexdigest()[:32]}.renewd"
        # A mail reader moves what it has shown from new/ to cur/, and appends flags to the name.
        if any((self._path / "cur").glob(f"{name}*")):
            return
        draft = self._path / "tmp" / name
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(message.as_bytes())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path / "new" / name)
