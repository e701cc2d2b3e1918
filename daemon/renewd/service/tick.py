"""One tick: the product in three lines."""

from renewd.service.advance import advance
from renewd.service.announce import announce
from renewd.service.engine import Engine
from renewd.service.scan import scan


async def tick(engine: Engine) -> int:
    """Open what is due, advance it as far as it goes now, and send what is owed; say how much there was to do."""
    with engine.tracing.span("tick"):
        opened = await scan(engine, engine.clock.now()) if engine.leads else 0
        advanced = await advance(engine)
        return opened + advanced + (await announce(engine, engine.clock.now()) if engine.leads else 0)
