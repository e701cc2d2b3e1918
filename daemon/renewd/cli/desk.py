"""The operator's desk: the database open for one command, and a subscription found on it or a helpful word."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from difflib import get_close_matches
from fnmatch import filter as matching
from typing import NoReturn

from renewd.cli.door import BAD_CONFIGURATION, NOT_FOUND, USAGE, fail
from renewd.cli.wording import EVENTS, did_you_mean, quoted
from renewd.ports import Books
from renewd.renewal.foresee import replanned
from renewd.renewal.moment import Moment
from renewd.renewal.policy import Policy
from renewd.renewal.query import Dossier, Listed, ListQuery, LogQuery
from renewd.service.wiring import Configuration, open_books, read_books, system_clock


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
    now = (at or system_clock().now()).replace(microsecond=0)
    return Moment(now, configuration.policy, configuration.settings.schedule.settle_after)


def subscriptions(books: Books, query: ListQuery, policy: Policy) -> Iterator[Listed]:
    """Give subscriptions as they are planned under this policy, which the daemon may not have taken up yet."""
    current = books.planned_under() in ("", policy.digest)
    for listed in books.subscriptions(query):
        yield (
            listed
            if current
            else replace(listed, subscription=replanned(listed.subscription, listed.renewal, policy))
        )


def planned_dossier(books: Books, subscription_id: str, policy: Policy) -> Dossier:
    """Give all that is known of a subscription, as it is planned under this policy."""
    dossier = found(books, subscription_id)
    if books.planned_under() in ("", policy.digest):
        return dossier
    latest = dossier.renewals[-1] if dossier.renewals else None
    return replace(dossier, subscription=replanned(dossier.subscription, latest, policy))


def found(books: Books, subscription_id: str) -> Dossier:
    """Give all that is known of a subscription; an unknown one ends the command with a suggestion."""
    return books.dossier(subscription_id) or unknown(books, subscription_id)


def unknown(books: Books, subscription_id: str) -> NoReturn:
    """End the command: there is no such subscription."""
    known = {each.lower(): each for each in books.neighbours(subscription_id)}
    close = get_close_matches(subscription_id.lower()[:64], list(known), 1)
    advice = f'; did you mean "{known[close[0]]}"?' if close else ""
    fail(f'no subscription "{subscription_id[:64]}"{advice}', NOT_FOUND)


def expect_logged(books: Books, query: LogQuery) -> None:
    """End the command if it asks the log for a subscription or an event that there is not."""
    theirs = LogQuery(subscription=query.subscription, last=1)
    if query.subscription and not (books.dossier(query.subscription) or any(books.log(theirs))):
        unknown(books, query.subscription)
    event = query.event
    if event and not (matching(EVENTS, event) or any(books.log(LogQuery(event=event, last=1)))):
        nouns = {f"{name.partition('.')[0]}.*" for name in EVENTS}
        fail(f"no event is called {quoted(event)}{did_you_mean(event, {*EVENTS, *nouns})}", USAGE)


def expect_plan(books: Books, plan: str, policy: Policy) -> None:
    """End the command if it asks for a plan that is neither in the catalogue nor any subscription's."""
    if plan and plan not in policy.plans and not any(books.subscriptions(ListQuery(plan=plan, limit=1))):
        fail(f"no plan {quoted(plan)}{did_you_mean(plan, policy.plans)}", USAGE)
