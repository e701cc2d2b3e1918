"""The door to a running daemon: a socket in its runtime directory. One JSON line is asked, one is answered."""

import asyncio
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import structlog

from renewd.ports import AlreadyRunningError

log = structlog.get_logger()

NAME = "control.sock"
USUAL = Path("/run/renewd") / NAME  # where the service that systemd runs has it
MODE = 0o660  # whoever is in the daemon's group may speak to it
MOST_BYTES, READ_SECONDS = 4096, 5.0
_CREDENTIALS = struct.Struct("3i")  # pid, uid and gid of the peer, as the kernel says

Answer = Callable[[Mapping[str, Any], int], Awaitable[Mapping[str, Any]]]


def socket_path(state: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Give where a daemon has its socket: in `$RUNTIME_DIRECTORY`, which systemd sets, or else among its state."""
    given = environ.get("RUNTIME_DIRECTORY", "").split(":")[0]  # systemd separates several by colons
    return (Path(given) if given else state) / NAME


@asynccontextmanager
async def listening(path: Path, answer: Answer) -> AsyncIterator[None]:
    """Answer at `path` for as long as this lasts.

    Raises AlreadyRunningError when another daemon answers there. Where no socket can be made, the daemon does without.
    """
    if _answers(path):
        raise AlreadyRunningError(f"another renewd answers at {path}")
    try:
        door = _bound(path)
    except OSError as error:
        log.error("no control socket: renewd ctl cannot reach this daemon", file=str(path), error=str(error))  # noqa: TRY400
        yield
        return
    server = await asyncio.start_unix_server(
        lambda reader, writer: _serve(reader, writer, answer), sock=door, limit=MOST_BYTES
    )
    try:
        yield
    finally:
        _remove(path)
        server.close()


def _answers(path: Path) -> bool:
    """Say whether somebody listens; a socket that was left by a daemon that was killed refuses."""
    with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
        probe.connect(str(path))
        return True
    return False


def _bound(path: Path) -> socket.socket:
    _remove(path)
    door = socket.socket(socket.AF_UNIX)
    try:
        door.bind(str(path))
        path.chmod(MODE)
    except OSError:
        door.close()
        raise
    return door


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
    """Read one request, answer it, and hang up."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            line = await reader.readline()
        said = await answer(_request(line), _peer(writer))
    except (ValueError, TimeoutError) as error:  # ValueError: also a line that is too long
        said = {"ok": False, "error": str(error) or "no request came"}
    with suppress(ConnectionError):  # who asked may have gone; what was asked for is done
        writer.write(json.dumps(said, ensure_ascii=False).encode() + b"\n")
        await writer.drain()
    writer.close()


def _request(line: bytes) -> Mapping[str, Any]:
    asked = json.loads(line)
    if not isinstance(asked, dict):
        raise ValueError("a request is one JSON object on one line")  # noqa: TRY004  # it is an answer to the peer
    return asked


def _peer(writer: asyncio.StreamWriter) -> int:
    given = writer.get_extra_info("socket").getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size
    )
    return int(_CREDENTIALS.unpack(given)[1])
