"""What an operator can ask the books for, and what they answer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from renewd.renewal.fleet import Daemon
from renewd.renewal.model import Attempt, Customer, PaymentMethod, Renewal, Subscription, UnreadableError
from renewd.renewal.money import Money


@dataclass(frozen=True)
class ListQuery:
    """Which subscriptions: every condition that is given must hold. `stages` are those of the latest renewal."""

    states: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    plan: str = ""
    ends_before: datetime | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Listed:
    """A subscription and its latest renewal, if it ever had one."""

    subscription: Subscription
    renewal: Renewal | None


@dataclass(frozen=True)
class LogQuery:
    """Which rows of the audit log: `event` is a name or a pattern such as `charge.*`; `after` a sequence number.

    Rows of one of the numbers in `missing` are wanted too. With `last`, only that many of the latest rows are given, still in the order of the log;
    `until` some instant, and of whatever name and subscription, the latest are those of the latest times.
    """

    since: datetime | None = None
    until: datetime | None = None
    subscription: str = ""
    event: str = ""
    after: int = 0
    missing: Collection[int] = ()
    last: int | None = None


LOOKS, MOST_MISSING = 60, 1000


@dataclass(frozen=True)
class Seen:
    """What has been seen of a log that others write to: the highest number, and which below it have not been.

    Who draws a number may commit after one who has drawn a higher one, or never. So a number that is `missing` is
    looked for again, as many times as stand beside it.
    """

    highest: int
    missing: Mapping[int, int] = field(default_factory=dict)

    def __contains__(self, number: int) -> bool:
        """Say whether the row of that number has been seen."""
        return number <= self.highest and number not in self.missing

    def and_now(self, numbers: Collection[int]) -> "Seen":
        """Give what has been seen after one more look, at which there were these numbers."""
        found = set(numbers)
        highest = max(found | {self.highest})
        skipped = range(max(self.highest + 1, highest - MOST_MISSING), highest)
        still = {number: looks - 1 for number, looks in self.missing.items() if looks > 1}
        still |= dict.fromkeys(skipped, LOOKS)
        return Seen(highest, {number: looks for number, looks in still.items() if number not in found})


@dataclass(frozen=True)
class Dossier:
    """All that is known of one subscription; renewals and attempts from the first to the latest.

    `declines` are the instants at which each payment method (by id) was declined, for any subscription.
    """

    subscription: Subscription
    customer: Customer
    methods: tuple[PaymentMethod, ...]
    renewals: tuple[Renewal, ...]
    attempts: tuple[Attempt, ...]
    declines: tuple[tuple[str, datetime], ...] = ()
    halted: str = ""


@dataclass(frozen=True)
class Status:
    """The state of everything at a glance. `halted` is the operator's reason, or empty.

    `overdue` counts renewals whose try was due more than five minutes ago and that wait for no person, what waits for a
    charge window being due when that opens; `oldest_due` is since when the first of them or of the subscriptions to be opened waits; `in_doubt` counts open
    attempts that may have arrived, `oldest_doubt` is when the first of those without any answer was sent; `oldest_paid` is when the first of the
    renewals was paid that are not extended yet, `oldest_notice` when the first letter was written that is still owed; `unplanned` counts active
    subscriptions that will never open by themselves (their plan is unknown); `set_aside` what stands still after an
    error, or because it cannot be read. `running` is None where that cannot be seen, `daemons` those that do; `moved_to` is where everything was
    carried over to, when this database is no longer in use.
    """

    subscriptions: Mapping[str, int]
    stages: Mapping[str, int]
    holds: Mapping[str, int]
    halted: str
    next_due: datetime | None
    overdue: int
    oldest_due: datetime | None
    in_doubt: int
    oldest_doubt: datetime | None
    oldest_paid: datetime | None
    notices_owed: int
    oldest_notice: datetime | None
    unplanned: int
    set_aside: int
    last_event: datetime | None
    running: bool | None
    daemons: tuple[Daemon, ...]
    moved_to: str
    paid_30_days: tuple[Money, ...] = field(default=())


@dataclass(frozen=True)
class Planning:
    """The policy (its digest) under which it is planned when renewals open; empty before a daemon has ever run.

    `done` is how many active subscriptions are planned under it so far; None when all of them are.
    """

    digest: str = ""
    done: int | None = None


@dataclass(frozen=True)
class Outlook:
    """What there is to do now: renewals due, opened or still to be opened; calls of which it is unknown what became."""

    due: int
    in_doubt: int
    halted: bool


@dataclass(frozen=True)
class Imported:
    """What an import did: how many subscriptions were new, changed, and as they were; how many new ones have lapsed.

    `mended` are those of the changed ones that could not be read before, as they are now; `left` (by id) those that
    could not be mended, and why: nothing is done to them.
    """

    added: int
    changed: int
    unchanged: int
    lapsed: int = 0
    mended: tuple[Subscription, ...] = ()
    left: Mapping[str, UnreadableError] = field(default_factory=dict)

    def __add__(self, other: "Imported") -> "Imported":
        """Count both together."""
        return Imported(
            self.added + other.added,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.lapsed + other.lapsed,
            self.mended + other.mended,
            {**self.left, **other.left},
        )
