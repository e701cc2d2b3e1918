"""Sealing: now and then, beside the ticks, what the audit log has got is put under a checkpoint that is told to others."""

import asyncio
from base64 import b64encode
from datetime import timedelta

import structlog

from renewd.ports import StoreUnavailableError
from renewd.seal.note import Sealed
from renewd.service.beside import keep_up
from renewd.service.engine import Engine
from renewd.service.renderings import RFC3339

log = structlog.get_logger()


async def seal(engine: Engine) -> None:
    """Seal all that is not sealed yet, in small steps on a thread of their own."""
    try:
        while engine.sealer and (sealed := await asyncio.to_thread(engine.sealer.seal, engine.clock.now())):
            tell(sealed)
    except StoreUnavailableError as error:
        log.warning("the audit log was not sealed; the next time will do", error=str(error))
    except OSError as error:
        log.error("the audit log is sealed, and its checkpoint could not be kept", error=str(error))  # noqa: TRY400


async def keep_sealing(engine: Engine, every: timedelta) -> None:
    """Seal every so often, where this daemon leads, until cancelled."""

    async def ours() -> None:
        if engine.leads:
            await seal(engine)

    await keep_up("sealing the audit log", every, ours)


def tell(sealed: Sealed) -> None:
    """Write a checkpoint to the service's log."""
    checkpoint = sealed.checkpoint
    root = b64encode(checkpoint.root).decode()
    log.info(
        "audit.sealed",
        at=f"{sealed.at:{RFC3339}}",
        line=f"{'-':<10}  {'audit.sealed':<22}  {checkpoint.size} rows  {root}",
        size=checkpoint.size,
        last=sealed.last,
        root=root,
        signed=bool(checkpoint.signatures),
        note=checkpoint.note,
    )
