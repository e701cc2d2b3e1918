"""The operator's desk: the database open for one command, and a subscription found on it or a helpful word."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from fnmatch import filter as matching
from typing import NoReturn, TypeVar

from renewd.cli.columns import visible
from renewd.cli.door import BAD_CONFIGURATION, FINDINGS, NOT_FOUND, USAGE, fail
from renewd.cli.wording import EVENTS, did_you_mean, quoted
from renewd.ports import Books
from renewd.renewal.foresee import replanned
from renewd.renewal.model import Subscription, UnreadableError
from renewd.renewal.moment import Moment
from renewd.renewal.period import known_zone
from renewd.renewal.policy import Policy
from renewd.renewal.query import Dossier, Listed, ListQuery, LogQuery
from renewd.service.wiring import Configuration, open_books, read_books, system_clock

T = TypeVar("T")
TOLD = 5


@contextmanager
def open_desk(
    configuration: Configuration, *, writing: bool = False, must_exist: bool = True
) -> Iterator[Books]:
    """Open the database, and close it after the command. Only for `writing` are its tables brought up to date first."""
    try:
        books = open_books(configuration, must_exist=must_exist) if writing else read_books(configuration)
    except ValueError as error:
        fail(str(error), BAD_CONFIGURATION)
    try:
        yield books
    finally:
        books.close()


def moment_of(configuration: Configuration, at: datetime | None = None) -> Moment:
    """Give what holds at an instant, by default at this one."""
    settings = configuration.settings
    return Moment(
        (at or system_clock().now()).replace(microsecond=0),
        configuration.policy,
        settings.schedule.settle_after,
        gateways=settings.gateways.keys(),
        carriers=settings.carriers.keys(),
    )


def as_planned(books: Books, policy: Policy) -> Callable[[Listed], Listed]:
    """Give what plans a subscription under this policy, which the daemon may not have taken up yet."""
    planning = books.planning()
    current = planning.done is None and planning.digest in ("", policy.digest)

    def planned(listed: Listed) -> Listed:
        _expect_legible(listed.subscription, policy)
        if current:
            return listed
        return replace(listed, subscription=replanned(listed.subscription, listed.renewal, policy))

    return planned


def readable(
    books: Books, query: ListQuery, work: Callable[[Listed], T], left: dict[str, UnreadableError]
) -> Iterator[T]:
    """Give what `work` makes of each subscription; those that cannot be read go to `left`, with the reason."""
    for listed in books.subscriptions(query, left.__setitem__):
        try:
            made = work(listed)
        except UnreadableError as error:
            left[listed.subscription.id] = error
        else:
            yield made


@contextmanager
def leaving_out() -> Iterator[dict[str, UnreadableError]]:
    """Give where those that cannot be read go to; in the end, all the rest done, see `expect_all`."""
    left: dict[str, UnreadableError] = {}
    yield left
    expect_all(left)


def expect_all(left: Mapping[str, UnreadableError], what_of_them: str = "left out") -> None:
    """End the command if there are subscriptions that could not be read: say which, and why."""
    if left:
        told = [f"{visible(name)} ({error})" for name, error in sorted(left.items())]
        more = f", and {len(told) - TOLD} more" if len(told) > TOLD else ""
        fail(f"{what_of_them}: {', '.join(told[:TOLD])}{more}", FINDINGS)


def planned_dossier(books: Books, subscription_id: str, policy: Policy) -> Dossier:
    """Give all that is known of a subscription, as it is planned under this policy."""
    dossier = found(books, subscription_id, policy)
    latest = dossier.renewals[-1] if dossier.renewals else None
    planned = as_planned(books, policy)(Listed(dossier.subscription, latest))
    return replace(dossier, subscription=planned.subscription)


def found(books: Books, subscription_id: str, policy: Policy) -> Dossier:
    """Give all that is known of a subscription; one that is unknown or cannot be read ends the command with advice."""
    try:
        return known(books, subscription_id, policy)
    except UnreadableError as error:
        fail(f"{visible(subscription_id)}: {error}; importing it again mends whatever the file says")


def known(books: Books, subscription_id: str, policy: Policy) -> Dossier:
    """Give all that is known of a subscription, its zone and its own terms legible. Raises UnreadableError."""
    dossier = books.dossier(subscription_id) or unknown(books, subscription_id)
    _expect_legible(dossier.subscription, policy)
    return dossier


def _expect_legible(subscription: Subscription, policy: Policy) -> None:
    if not known_zone(subscription.zone):
        raise UnreadableError("subscription.zone", ValueError())
    if subscription.plan in policy.plans:
        policy.terms_for(subscription)


def unknown(books: Books, subscription_id: str) -> NoReturn:
    """End the command: there is no such subscription."""
    known = {each.lower(): each for each in books.neighbours(subscription_id)}
    close = get_close_matches(subscription_id.lower()[:64], list(known), 1)
    advice = f'; did you mean "{known[close[0]]}"?' if close else ""
    fail(f'no subscription "{subscription_id[:64]}"{advice}', NOT_FOUND)


def expect_logged(books: Books, query: LogQuery) -> None:
    """End the command if it asks the log for a subscription or an event that there is not."""
    theirs, whose = LogQuery(subscription=query.subscription, last=1), query.subscription
    if whose and whose not in books.neighbours(whose) and not any(books.log(theirs)):
        unknown(books, whose)
    event = query.event
    if event and not (matching(EVENTS, event) or any(books.log(LogQuery(event=event, last=1)))):
        nouns = {f"{name.partition('.')[0]}.*" for name in EVENTS}
        fail(f"no event is called {quoted(event)}{did_you_mean(event, {*EVENTS, *nouns})}", USAGE)


def expect_plan(books: Books, plan: str, policy: Policy) -> None:
    """End the command if it asks for a plan that is neither in the catalogue nor any subscription's."""
    if not plan or plan in policy.plans:
        return
    left: dict[str, UnreadableError] = {}
    if not any(books.subscriptions(ListQuery(plan=plan, limit=1), left.__setitem__)) and not left:
        fail(f"no plan {quoted(plan)}{did_you_mean(plan, policy.plans)}", USAGE)
