"""A life told day by day: the real tick on a real database, and everything the audit log says, minute by minute."""

import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from renewd.adapters.store.books import SqlBooks
from renewd.adapters.store.connect import connect, migrate
from renewd.adapters.store.rows import audit_of
from renewd.adapters.store.sql_store import SqlStore
from renewd.adapters.store.tables import audit_log, subscriptions
from renewd.renewal.audit import Event
from renewd.renewal.command import Verb
from renewd.renewal.fleet import Daemon, Fleet
from renewd.renewal.model import Leg, PaymentMethod
from renewd.renewal.moment import Moment
from renewd.renewal.notice import OPERATOR_KINDS
from renewd.renewal.period import local_text
from renewd.renewal.policy import Policy
from renewd.renewal.record import Record
from renewd.service.breaker import Breaker
from renewd.service.engine import Engine
from renewd.service.loop import prepare
from renewd.service.tick import tick
from tests.renewal.building import HOUR, MINUTE, NEW_YORK, POLICY, SETTLE_AFTER, at, case, subscription
from tests.scenarios.world import FrozenClock, Mailbox, ScriptedCarrier, ScriptedGateway

MOST_TICKS = 5000
LATE_SECONDS = timedelta(seconds=59)  # a minute of the diary is lived through to its end


EXTENDED = ("extend.attempted 1", "extend.succeeded", "renewal.completed")
THANKS = "letter to the customer: US 70 is renewed"
DECLINED_LETTER = "letter to the customer: Your payment for US 70 did not go through"


def paid(number: int = 1, what: str = "70.00 USD on pm_visa") -> tuple[str, ...]:
    """What the diary says of a charge that succeeds, and of all that follows from it."""
    return (f"charge.attempted {number}, {what}", "charge.succeeded", *EXTENDED, THANKS)


def of(name: str, lines: Iterable[str]) -> tuple[str, ...]:
    """The lines as they stand in the diary of several subscriptions."""
    return tuple(f"{name}: {line}" for line in lines)


RENEWED = ("renewal.opened", *paid())
DOUBTED = "charge.doubted: the period may have been charged already: the gateway is asked first"


def asked_first(number: int = 1) -> tuple[str, ...]:
    """What the diary says of a charge that may have been made already, and was not."""
    return (DOUBTED, f"charge.lookup {number}", "charge.absent")


class Diary:
    """renewd in a scripted world. `on` lives on to a minute, and checks that just these lines have been written."""

    def __init__(
        self, url: str, policy: Policy = POLICY, zone: str = NEW_YORK, begins: str = "2026-11-01 00:00"
    ) -> None:
        self.zone = zone
        self.clock = FrozenClock(at(begins, zone))
        self.gateway, self.carrier = ScriptedGateway(self.clock), ScriptedCarrier(self.clock)
        self.mailbox = Mailbox()
        self._url = url
        self._open()
        self.engine = self._engine(policy)
        self._read = 0
        self._told_by_name = False

    def _open(self) -> None:
        self._database = connect(self._url)
        migrate(self._database)
        self.books = SqlBooks(self._database)
        self.store = SqlStore(self._database, "diary", MINUTE, alone=True)

    def _engine(self, policy: Policy) -> Engine:
        return Engine(
            store=self.store,
            gateways={"stripe": self.gateway},
            carriers={"tello": self.carrier},
            messenger=self.mailbox,
            clock=self.clock,
            policy=policy,
            breakers={
                each: Breaker(5, MINUTE, HOUR) for each in ((Leg.CHARGE, "stripe"), (Leg.EXTEND, "tello"))
            },
            tell=lambda _: None,
            concurrency=1,
            operator_email="ops@example.org",
            settle_after=SETTLE_AFTER,
            fleet=Fleet(Daemon("diary", self.clock.now(), self.clock.now())),
        )

    # What happens to renewd.

    def subscribe(
        self,
        name: str = "sub1",
        ends: str = "2026-11-30 00:00",
        cards: Iterable[str] = ("pm_visa",),
        **changes: Any,
    ) -> None:
        """Import a subscription of Ada's, or what has changed about it: its end, or her cards."""
        end = at(ends, self.zone)
        values = {"id": name, "line": name.replace("sub", "line"), "zone": self.zone}
        subscribed = subscription(**values | {"current_period_end": end, "anchor": end} | changes)
        methods = tuple(PaymentMethod(card[3:], "ada", card, rank=rank) for rank, card in enumerate(cards))
        record = Record(subscribed, case().customer, methods)
        self.books.import_records([record], self.engine.policy, "ops", self.clock.now(), lambda _: None)
        with self._database.begin() as connection:
            known = connection.execute(select(subscriptions.c.id)).all()
        self._told_by_name = len(known) > 1

    def say(self, verb: Verb, name: str = "sub1") -> None:
        """Give an operator's command."""
        moment = Moment(self.clock.now(), self.engine.policy, SETTLE_AFTER)
        self.books.command(verb, name, moment, "ops", "")

    def halt(self) -> None:
        """Have the operator stop all charging."""
        self.books.halt("complaints", "ops", self.clock.now())

    def unhalt(self) -> None:
        """Have the operator let charging go on."""
        self.books.unhalt("", "ops", self.clock.now())

    async def sleep_until(self, when: str) -> None:
        """Leave renewd switched off until then."""
        self.clock.instant = at(when, self.zone)
        await self.restart()

    def back_up(self) -> None:
        """Take a copy of the database, a file, as an operator does while renewd runs."""
        with closing(sqlite3.connect(self._file)) as ours, closing(sqlite3.connect(self._copy)) as copy:
            ours.backup(copy)

    async def restore(self, when: str) -> None:
        """Lose the database, put the copy in its place, and start renewd on it; what is read on is the copy's log."""
        await self.store.close()
        self.books.close()
        for suffix in ("", "-wal", "-shm"):
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
        shutil.copy(self._copy, self._file)
        self._open()
        self._read = 0
        self._news()
        await self.sleep_until(when)

    @property
    def _file(self) -> Path:
        return Path(self._url.removeprefix("sqlite:///"))

    @property
    def _copy(self) -> Path:
        return self._file.with_name("backup.db")

    async def restart(self) -> None:
        """Start renewd anew on the database that is there."""
        self.engine = self._engine(self.engine.policy)
        await prepare(self.engine)

    # What renewd does.

    async def on(self, when: str, *lines: str) -> None:
        """Live through this minute: these lines are what has happened since the entry before, in this order."""
        await self.live(at(when, self.zone) + LATE_SECONDS)
        news, expected = self._news(), [f"{when[:16]}  {line}" for line in lines]
        assert news == expected, "\n".join(["this is what happened:", *news])

    def expiry(self, name: str = "sub1") -> str:
        """Until when the plan is good, in the subscriber's time."""
        query = select(subscriptions.c.current_period_end).where(subscriptions.c.id == name)
        with self._database.begin() as connection:
            return self._minute(connection.execute(query).scalar_one())

    async def quiet_until(self, when: str) -> None:
        """Live on: nothing happens."""
        await self.on(when)

    async def live(self, until: datetime | None = None) -> None:
        """Live on, for this minute or until then, whatever happens."""
        until = until or self.clock.now() + LATE_SECONDS
        for _ in range(MOST_TICKS):
            due = await self.store.next_due()
            if due is None or due > until:
                break
            self.clock.instant = max(self.clock.instant, due)
            worked = await tick(self.engine) or await self.store.next_due() != due
            assert worked, "something stays due, and nothing is done about it"
        else:
            raise AssertionError("renewd does not come to rest")
        self.clock.instant = max(self.clock.instant, until)

    def _news(self) -> list[str]:
        query = select(audit_log).where(audit_log.c.sequence > self._read).order_by(audit_log.c.sequence)
        with self._database.begin() as connection:
            rows = [audit_of(row) for row in connection.execute(query).mappings()]
        self._read = rows[-1].sequence if rows else self._read
        return [self._line(row.event) for row in rows if row.event.name != "operator.imported"]

    def _line(self, event: Event) -> str:
        whose = f"{event.subscription}: " if self._told_by_name and event.subscription else ""
        return f"{self._minute(event.at)}  {whose}{self._told(event)}"

    def _told(self, event: Event) -> str:
        if event.name == "notice.sent":
            return (
                f"letter to the {'operator' if event.code in OPERATOR_KINDS else 'customer'}: {event.detail}"
            )
        words = event.name
        if event.name.endswith(("attempted", "lookup")):
            words += f" {event.attempt}"
        elif event.code:
            words += f" {event.code}"
        if event.name == "charge.attempted":
            words += f", {event.amount} on {event.method}"
        if event.next_at and event.next_at > event.at:
            words += f", again {self._minute(event.next_at)}"
        return f"{words}: {event.detail}" if event.detail else words

    def _minute(self, instant: datetime) -> str:
        return local_text(instant, self.zone)[:16]
