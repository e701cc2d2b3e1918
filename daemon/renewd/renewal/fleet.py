"""The daemons that share one database, as one of them sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

BEAT_EVERY = timedelta(seconds=5)
GONE_AFTER = timedelta(seconds=30)  # a daemon that has been silent for so long is taken to be gone


@dataclass(frozen=True)
class Daemon:
    """One of them: since when it runs without a break, and when it last said so."""

    name: str
    started_at: datetime
    seen_at: datetime

    def lives(self, now: datetime) -> bool:
        """Say whether it still counts; what its clock says must be near to what ours does."""
        return abs(now - self.seen_at) < GONE_AFTER


@dataclass(frozen=True)
class Fleet:
    """This daemon, and the others that live. `is_new` when it has just come, or come back after a silence."""

    me: Daemon
    others: tuple[Daemon, ...] = ()
    is_new: bool = False

    @property
    def size(self) -> int:
        """How many there are."""
        return 1 + len(self.others)

    @property
    def leads(self) -> bool:
        """Whether this one does what one of them must do: the oldest does."""
        return all((self.me.started_at, self.me.name) < (each.started_at, each.name) for each in self.others)

    @property
    def running_since(self) -> datetime:
        """Since when there has been one without a break: nobody can have replaced the database since."""
        return min(each.started_at for each in (self.me, *self.others))


def seen_from(name: str, known: Sequence[Daemon], now: datetime) -> Fleet:
    """Give the fleet at this beat of the daemon called `name`; `known` are all that were ever seen."""
    before = next((each for each in known if each.name == name and each.lives(now)), None)
    others = tuple(each for each in known if each.name != name and each.lives(now))
    return Fleet(Daemon(name, before.started_at if before else now, now), others, is_new=before is None)
