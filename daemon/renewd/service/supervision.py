"""What we tell whoever supervises the daemon: that it is ready, how it stands, and, while the work goes on, that it lives."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from renewd.renewal.query import Outlook
from renewd.service.beside import keep_up
from renewd.service.engine import Engine
from renewd.watching import Supervisor

log = structlog.get_logger()

LOOK_EVERY = timedelta(seconds=5)
STUCK_AFTER = timedelta(minutes=2)  # while stopping, where nobody has said how long the work may stand still
DATABASE_ALLOWANCE = timedelta(
    minutes=1
)  # an answer is written down in six tries, each of which may wait for a lock


class Nobody:
    """The supervisor of a daemon that was started by hand."""

    listens = False
    watchdog: timedelta | None = None

    def tell(self, **words: str | int) -> None:
        """Nobody hears it."""


NOBODY = Nobody()


class Keeper:
    """Speaks to the supervisor.

    Its watchdog is fed only while the work moves on: neither a loop that turns nor a call that is answered covers up
    for one thing that hangs.
    """

    def __init__(self, engine: Engine, supervisor: Supervisor) -> None:
        """Look at `engine`; tell `supervisor`."""
        self._engine = engine
        self._supervisor = supervisor
        watchdog = supervisor.watchdog
        # The supervisor acts one more period after our last word: what stands still is ended after 1.5 periods.
        self.stuck_after = watchdog / 2 if watchdog else STUCK_AFTER
        self._every = min(LOOK_EVERY, watchdog / 4) if watchdog else LOOK_EVERY
        self._standing = ""
        self._told = ""
        self._stopping = False
        self._stuck = False

    @property
    def heard(self) -> bool:
        """Whether there is anybody to tell."""
        return self._supervisor.listens

    async def run(self) -> None:
        """Look again and again, until canceled."""
        self._warn_of_haste()
        self.look()
        await keep_up("signs of life to systemd", self._every, self._look_again)

    async def _look_again(self) -> None:
        self.look()

    def look(self) -> None:
        """Say how things are now."""
        seconds, what = self._engine.pulse.standing()
        stuck = seconds > self.stuck_after.total_seconds()
        if stuck and not self._stuck:
            log.critical(
                "the work stands still; no sign of life is given until it moves",
                stuck=what,
                seconds=round(seconds),
            )
        self._stuck = stuck
        if not stuck:
            if self._supervisor.watchdog:
                self._supervisor.tell(WATCHDOG=1)
            if self._stopping:
                self._supervisor.tell(EXTEND_TIMEOUT_USEC=3 * self._every // timedelta(microseconds=1))
        self._say(f"stuck: {what}" if stuck else self._text())

    def ready(self) -> None:
        """Say that the daemon is at work."""
        if not self._stopping:
            self._supervisor.tell(READY=1)
            self.look()

    def reloading(self) -> None:
        """Say that the policy is being read anew; `ready` ends it."""
        microseconds = round(self._engine.clock.elapsed() * 1_000_000)
        self._supervisor.tell(RELOADING=1, MONOTONIC_USEC=microseconds)

    def stopping(self) -> None:
        """Say that what is in flight is being finished, and nothing more begun."""
        self._stopping = True
        self._supervisor.tell(STOPPING=1)
        self.look()

    def stands(self, text: str) -> None:
        """Take note of how a tick has left things."""
        self._standing = text
        if not self._stuck:
            self._say(self._text())

    def _text(self) -> str:
        in_flight = self._engine.pulse.in_flight.total()
        if self._stopping:
            return f"stopping; {in_flight} in flight"
        return ", ".join(part for part in (in_flight and f"{in_flight} in flight", self._standing) if part)

    def _say(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._supervisor.tell(STATUS=text)

    def _warn_of_haste(self) -> None:
        """A watchdog that is shorter than a call may rightly take would end a daemon that is well."""
        least = max((each.longest_call for each in self._engine.providers), default=timedelta(0))
        least += DATABASE_ALLOWANCE
        if self._supervisor.watchdog and self.stuck_after < least:
            log.warning(
                "WatchdogSec= is short for these providers: a slow call may be taken for a stuck one",
                watchdog_seconds=self._supervisor.watchdog.total_seconds(),
                at_least_seconds=2 * least.total_seconds(),
            )


def summary(outlook: Outlook, coming: datetime | None, now: datetime, down: Sequence[str] = ()) -> str:
    """Say in a few words what there is to do: `stripe is down, 12 due, next 09:00 UTC, 2 unknown`.

    `coming` is when the next is due, `down` are the providers that are left alone because they do not answer.
    """
    at = (
        f"{coming:%H:%M UTC}"
        if coming and coming.date() == now.date()
        else f"{coming:%Y-%m-%d %H:%M UTC}"
        if coming
        else ""
    )
    parts = (
        "charging is halted" if outlook.halted else "",
        *(f"{each} is down" for each in down),
        f"{outlook.due} due",
        f"next {at}" if at else "nothing planned",
        f"{outlook.in_doubt} unknown" if outlook.in_doubt else "",
    )
    return ", ".join(part for part in parts if part)
