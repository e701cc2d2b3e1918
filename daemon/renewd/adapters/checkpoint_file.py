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
        """Add a whole checkpoint, durable on return. Raises OSError, and has added nothing then."""
        descriptor = os.open(self._path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o640)
        with os.fdopen(descriptor, "wb", buffering=0) as kept:
            size, left = os.fstat(descriptor).st_size, checkpoint.note.encode()
            try:
                while left:
                    left = left[kept.write(left) :]
                os.fsync(descriptor)
            except OSError:
                kept.truncate(size)
                raise
