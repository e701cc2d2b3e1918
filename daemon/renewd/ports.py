"""What renewd asks of the world. Who answers is in `adapters/`; each port has one conformance suite."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from renewd.renewal.audit import AuditRow, Event
from renewd.renewal.change import Change, Opening, Replanned
from renewd.renewal.command import Verb
from renewd.renewal.fleet import Daemon, Fleet
from renewd.renewal.model import Attempt, Case, HoldReason, Subscription, UnreadableError
from renewd.renewal.moment import Moment
from renewd.renewal.notice import Letter, Notice
from renewd.renewal.outcome import Finding, Outcome
from renewd.renewal.policy import Policy
from renewd.renewal.query import Dossier, Imported, Listed, ListQuery, LogQuery, Outlook, Planning, Status
from renewd.renewal.record import Record
from renewd.renewal.standing import Standing
from renewd.seal.note import Sealed


class StoreUnavailableError(Exception):
    """The database cannot be read or written now. Nothing may be charged until it can."""


class AlreadyRunningError(Exception):
    """Another daemon owns the database."""


class Clock(Protocol):
    """Tells the time, and turns an instant of it into one of the machine's."""

    def now(self) -> datetime:
        """Give the present instant, in UTC."""
        ...

    def elapsed(self) -> float:
        """Give seconds since some fixed moment, for measuring how long a call took."""
        ...

    def moved(self) -> timedelta:
        """Give by how much the clock has jumped since this was last asked: it was set, or the machine slept."""
        ...

    def alarm(self, instant: datetime) -> datetime:
        """Give the machine's instant at which it will be `instant`; only asked while nothing is in flight."""
        ...


class Gateway(Protocol):
    """Charges saved payment methods."""

    name: str
    longest_call: timedelta  # no request is still on its way after this

    async def charge(self, attempt: Attempt) -> Outcome:
        """Charge the attempt's amount to its method under its key."""
        ...

    async def find(self, attempt: Attempt) -> Finding:
        """Look the attempt up in the gateway's own list, read to its end."""
        ...

    def share(self, daemons: int) -> None:
        """Keep to this daemon's part of what the provider allows to so many together."""
        ...

    async def close(self) -> None:
        """Give up the connections."""
        ...


class Carrier(Protocol):
    """Extends plans."""

    name: str
    longest_call: timedelta

    async def extend(self, attempt: Attempt) -> Outcome:
        """Ask that the attempt's line be good until `extend_to`; asking again changes nothing."""
        ...

    async def find(self, attempt: Attempt) -> Finding:
        """Read the line and say whether the extension has been made."""
        ...

    def share(self, daemons: int) -> None:
        """Keep to this daemon's part of what the provider allows to so many together."""
        ...

    async def close(self) -> None:
        """Give up the connections."""
        ...


class Messenger(Protocol):
    """Delivers letters. Raises OSError when it cannot; delivering one twice must be harmless."""

    async def send(self, letter: Letter) -> None:
        """Deliver one letter; its `message_id` is the same at every try."""
        ...


class Sealer(Protocol):
    """Seals the audit log, beside those who write it: rows that were written before are never looked at again."""

    def seal(self, now: datetime) -> Sealed | None:
        """Put the next rows under a checkpoint, and give it; None when there are none.

        Raises StoreUnavailableError, and OSError when the rows are sealed and those who keep checkpoints cannot.
        """
        ...


class Books(Protocol):
    """The durable state, as an operator reads and corrects it, beside a daemon that may be running.

    Every method raises StoreUnavailableError when the database does, and UnreadableError for a row that cannot be made
    out, unless it says otherwise.
    """

    def import_records(
        self,
        records: Iterable[Record],
        policy: Policy,
        actor: str,
        now: datetime,
        progress: Callable[[int], None],
        *,
        rehearse: bool = False,
    ) -> Imported:
        """Insert or update subscriptions by id, each but once, in batches; what they lacked until now is tried again.

        `progress` is told how many are written. Importing the same records once more changes nothing. With
        `rehearse` nothing is kept, and what is said is what would be done. A row that cannot be made out is mended if
        the record says all that it should, and else left as it is.
        """
        ...

    def planning(self) -> Planning:
        """Give the policy under which it is planned when renewals open, and how far that has come."""
        ...

    def method_owners(self, method_ids: Sequence[str]) -> Mapping[str, str]:
        """Give the customer (by id) of each of these payment methods that is known."""
        ...

    def neighbours(self, subscription_id: str) -> Sequence[str]:
        """Give ids that stand near one that is unknown: it may be one of them, misspelt."""
        ...

    def command(
        self, verb: Verb, subscription_id: str, moment: Moment, actor: str, reason: str
    ) -> Standing | None:
        """Carry a command out as one with its audit row; None when there is no such subscription.

        Raises RefusedError when the command makes no sense.
        """
        ...

    def halt(self, reason: str, actor: str, now: datetime) -> None:
        """Stop all charging, from the next transaction on."""
        ...

    def unhalt(self, reason: str, actor: str, now: datetime) -> None:
        """Let charging go on; what was held back is due now."""
        ...

    def subscriptions(
        self, query: ListQuery, unreadable: Callable[[str, UnreadableError], None] | None = None
    ) -> Iterator[Listed]:
        """Give subscriptions by id; one that cannot be read is left out where somebody is told of it."""
        ...

    def dossier(self, subscription_id: str) -> Dossier | None:
        """Give all that is known of one subscription."""
        ...

    def log(self, query: LogQuery) -> Iterator[AuditRow]:
        """Give rows of the audit log in their order."""
        ...

    def numbers(self, query: LogQuery) -> Sequence[int]:
        """Give the numbers of all rows that are there, whatever they say: only `after`, `missing` and `last` count."""
        ...

    def status(self, now: datetime) -> Status:
        """Count everything."""
        ...

    def daemons(self, now: datetime) -> Sequence[Daemon] | None:
        """Give the daemons that run on the database; None where that cannot be seen."""
        ...

    def close(self) -> None:
        """Give up the connection."""
        ...


class Store(Protocol):
    """The durable state, as the service uses it. Every method raises StoreUnavailableError when the database does.

    A row that cannot be made out stops none of the others. It is left out and looked at again after SET_ASIDE_FOR;
    the events that `newly_due`, `claim` and `replan` give with the rest say so, and are in the audit log already.
    """

    async def newly_due(
        self,
        now: datetime,
        limit: int,
        plan: Callable[[Subscription], Opening | datetime | None],
        plans: Collection[str] | None = None,
    ) -> tuple[Sequence[Opening], Sequence[Event]]:
        """Plan the opening for each active subscription (on one of `plans`, if given) whose `opens_at` has come.

        Where `plan` gives another instant instead, or None, that is its `opens_at` from now on. The longest due come first. What cannot be planned, whatever `plan` raises, is set aside.
        """
        ...

    async def open(self, openings: Sequence[Opening]) -> Sequence[Opening]:
        """Insert one renewal per opening, unless there is one for that period; give those that are new.

        An opening whose subscription has changed meanwhile (state or period) is left out.
        """
        ...

    async def replan(
        self, digest: str, now: datetime, opens_at: Callable[[Subscription], datetime | None]
    ) -> Replanned:
        """Plan a batch of subscriptions anew, under the policy with this digest: when their next renewals open.

        The next call goes on where this one ended, whoever makes it; under another policy it begins again. Nothing is
        done when all plans were made under this very policy. A subscription whose present period already has a
        renewal is left alone; one that cannot be planned keeps the plan it has.
        """
        ...

    async def beat(self, now: datetime) -> Fleet:
        """Say that this daemon lives, and give all that do.

        When it is new and the only one, leases are void, and each open renewal that is not yet paid is looked up before
        it is charged (see Renewal.check_first): nobody can tell a database from a backup put in its place.
        """
        ...

    async def leave(self) -> None:
        """Say that this daemon ends, with nothing in flight: its leases are void."""
        ...

    async def claim(self, now: datetime, limit: int) -> tuple[Sequence[Case], Sequence[Event]]:
        """Lease renewals whose `next_at` has come, the longest waiting first, and read all about them."""
        ...

    async def commit(self, change: Change) -> bool:
        """Write a change as one, durable on return; False, with nothing written, when it was decided on old facts.

        Old facts are: another version of the renewal, a lease that is no longer ours, another period end of
        the subscription, or a charge to be started while charging is halted.
        """
        ...

    async def reload(self, case: Case, now: datetime) -> Case | None:
        """Read a case once more, as it is now; None when somebody else has claimed it since, or it cannot be read."""
        ...

    async def wake(self, holds: Sequence[HoldReason], now: datetime) -> None:
        """Have the renewals that wait for any of these tried again now."""
        ...

    async def next_due(self) -> datetime | None:
        """Give the earliest instant at which there will be something to do, if there is one."""
        ...

    async def outlook(self, now: datetime) -> Outlook:
        """Say how much there is to do by `now`, at little cost."""
        ...

    async def charges_since(self, instant: datetime) -> Sequence[datetime]:
        """Give the instants since `instant` at which charges were sent, each by its last time, the oldest first."""
        ...

    async def owed(self, now: datetime, limit: int) -> Sequence[Notice]:
        """Give notices that are to be sent now, the oldest first."""
        ...

    async def sent(self, sent: Sequence[Notice], events: Sequence[Event]) -> None:
        """Write down that notices were delivered, or when they are to be tried again (see Notice.next_at)."""
        ...

    async def log(self, events: Sequence[Event]) -> None:
        """Append to the audit log what concerns no single renewal."""
        ...
