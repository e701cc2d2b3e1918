"""What a running daemon can be told and asked over its control socket."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from renewd.ports import Books, StoreUnavailableError
from renewd.service.engine import Engine
from renewd.service.loop import Loop

LONGEST = 200


@dataclass(frozen=True, slots=True)
class Orders:
    """Carries orders out.

    `open_books` is the operator's way to the database; `settings_changed` says whether renewd.yaml is another than the
    one that is running.
    """

    loop: Loop
    engine: Engine
    open_books: Callable[[], Books]
    settings_changed: Callable[[], bool]

    async def answer(self, asked: Mapping[str, Any], uid: int) -> Mapping[str, Any]:
        """Do what is asked by the user with this id, and say what came of it."""
        orders: dict[str, Callable[[str, int, str], Awaitable[Mapping[str, Any]]]] = {
            "status": self._status,
            "reload": self._reload,
            "halt": self._halt,
            "unhalt": self._unhalt,
        }
        order = orders.get(str(asked.get("do")))
        if order is None:
            return _refusal(f"not an order; there are: {', '.join(orders)}")
        try:
            return await order(_line(asked, "by") or "unknown", uid, _line(asked, "reason"))
        except StoreUnavailableError as error:
            return _refusal(f"the database cannot be used: {error}")

    async def _status(self, *_: object) -> Mapping[str, Any]:
        engine = self.engine
        outlook = await engine.store.outlook(engine.clock.now())
        seconds, what = engine.pulse.standing()
        return {
            "ok": True,
            "pid": os.getpid(),
            "policy": engine.policy.digest,
            "stopping": engine.stopping,
            "halted": outlook.halted,
            "due": outlook.due,
            "in_flight": engine.pulse.in_flight.total(),
            "unknown": outlook.in_doubt,
            "waiting_for": what if seconds > 1 else "",
            "waiting_seconds": max(round(seconds), 0),
        }

    async def _reload(self, by: str, uid: int, _: str) -> Mapping[str, Any]:
        wrong = await self.loop.reload(by, f"asked by uid {uid}")
        if wrong:
            return _refusal(wrong)
        changed = await asyncio.to_thread(self.settings_changed)
        return {"ok": True, "policy": self.engine.policy.digest, "needs_restart": changed}

    async def _halt(self, by: str, uid: int, reason: str) -> Mapping[str, Any]:
        """Halt, and wait until what was in flight is answered: from then on nothing is being charged."""
        if not reason:
            return _refusal("a halt needs a reason, for the audit log")
        now = self.engine.clock.now()
        await asyncio.to_thread(self._write, lambda books: books.halt(f"{reason} (uid {uid})", by, now))
        # The store answers in order: what was begun before the halt is in flight by the time it answers this.
        await self.engine.store.outlook(now)
        await self.engine.pulse.answered()
        return {"ok": True}

    async def _unhalt(self, by: str, uid: int, reason: str) -> Mapping[str, Any]:
        if not reason:
            return _refusal("an unhalt needs a reason, for the audit log")
        now = self.engine.clock.now()
        if not (await self.engine.store.outlook(now)).halted:
            return _refusal("charging is not halted")
        await asyncio.to_thread(self._write, lambda books: books.unhalt(f"{reason} (uid {uid})", by, now))
        self.loop.wake()
        return {"ok": True}

    def _write(self, word: Callable[[Books], None]) -> None:
        with closing(self.open_books()) as books:
            word(books)


def _refusal(error: str) -> Mapping[str, Any]:
    return {"ok": False, "error": error}


def _line(asked: Mapping[str, Any], name: str) -> str:
    """Give a line of text from a request; nothing when it is not one."""
    text = asked.get(name, "")
    return text if isinstance(text, str) and text.isprintable() and len(text) <= LONGEST else ""
