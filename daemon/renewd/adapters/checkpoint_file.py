"""A file that checkpoints of the audit log are appended to, for whoever carries it away from this machine."""

import os
from pathlib import Path

from renewd.seal.note import Checkpoint


class CheckpointFile:
    """Keeps checkpoints, the newest last."""

    def __init__(self, path: Path) -> None:
        """Append to the file at `path`, which is made when there is something to keep."""
        self._path = path

    def append(self, checkpoint: Checkpoint) -> None:
        """Add a checkpoint, durable on return. Raises OSError."""
        descriptor = os.open(self._path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o640)
        with os.fdopen(descriptor, "wb") as kept:
            kept.write(checkpoint.note.encode())
            kept.flush()
            os.fsync(kept.fileno())
