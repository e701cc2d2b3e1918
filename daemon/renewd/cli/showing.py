"""The life of one subscription: who, what, and a timeline of each renewal from the audit log."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict

import click

from renewd.cli.columns import Row, visible
from renewd.cli.desk import found, moment_of, open_desk
from renewd.cli.door import configured_without_policy
from renewd.cli.output import Output, output_option
from renewd.cli.timeline import Page, timelines, write_events, write_heading
from renewd.cli.times import relative
from renewd.cli.wording import (
    label_of,
    standing,
    standing_style,
    unpriced,
)
from renewd.renewal.audit import Event
from renewd.renewal.model import Renewal
from renewd.renewal.query import LogQuery
from renewd.service.wiring import Configuration

LABEL = 11


@click.command("show")
@click.argument("subscription_id", metavar="SUB")
@configured_without_policy
@output_option("text", "json")
def show_command(configuration: Configuration, subscription_id: str, output: Output) -> None:
    """Tell the life of one subscription, renewal by renewal, in its own local time."""
    with open_desk(configuration) as books:
        dossier = found(books, subscription_id, configuration.policy)
        rows = tuple(books.log(LogQuery(subscription=subscription_id)))
    page = Page(dossier, rows, moment_of(configuration))
    if output.form == "json":
        output.document("renewd.show.v1", _data(page))
    else:
        _write(page, output)


def _write(page: Page, output: Output) -> None:
    from renewd.cli.terminal import Screen

    screen, dossier = Screen(output.colour), page.dossier
    screen.line((dossier.subscription.id, "bold"), f"  {visible(dossier.customer.name)}", _email(page))
    for label, text, style in _head(page):
        screen.line((f"{label:<{LABEL}}", "dim"), (visible(text), style), indent=LABEL)
    told = timelines(page)
    if "" in told:
        screen.line("")
        write_events(screen, page, told[""])
    for renewal in dossier.renewals:
        screen.line("")
        write_heading(screen, page, renewal)
        write_events(screen, page, told.get(renewal.id, []))


def _email(page: Page) -> tuple[str, str]:
    email = page.dossier.customer.email
    return (f"  {visible(email)}", "dim") if email else ("  no e-mail address", "yellow")


def _head(page: Page) -> Iterator[tuple[str, str, str]]:
    """Give what is known besides the timeline: a label, a text and a style a line."""
    dossier, policy = page.dossier, page.moment.policy
    subscription = dossier.subscription
    latest = dossier.renewals[-1] if dossier.renewals else None
    yield "plan", _plan(page), "" if subscription.plan in policy.plans else "red"
    yield "line", subscription.line, ""
    if subscription.tags:
        yield "tags", ", ".join(subscription.tags), ""
    end = subscription.current_period_end
    yield "expires", f"{page.local(end)} {subscription.zone}, {relative(end, page.moment.now)}", ""
    yield "standing", standing(subscription, latest), standing_style(subscription, latest)
    if dossier.halted:
        yield "halted", dossier.halted, "bold red"
    upcoming = latest.next_at if latest and latest.next_at else subscription.opens_at
    if upcoming:
        yield "next", f"{page.local(upcoming)}, {relative(upcoming, page.moment.now)}", ""
    for place, method in enumerate(dossier.methods, 1):
        until = f", until {method.expires}" if method.expires else ""
        blocked = ", blocked by its network" if method.blocked else ""
        text = f"{place}. {label_of(method)}{until}{blocked}  {method.token}"
        yield "pays with" if place == 1 else "", text, "red" if method.blocked else ""
    if not dossier.methods:
        yield "pays with", "nothing: no payment method is known", "yellow"


def _plan(page: Page) -> str:
    subscription, policy = page.dossier.subscription, page.moment.policy
    if subscription.plan not in policy.plans:
        return f"{subscription.plan}, {unpriced(policy)}"
    terms = policy.terms_for(subscription)
    title = policy.plans[subscription.plan].title or subscription.plan
    return f"{title} ({subscription.plan}), {terms.price} for {terms.period} at {terms.carrier}"


def _data(page: Page) -> Row:
    dossier = page.dossier
    timelines = _by_renewal([row.event for row in page.rows])
    return {
        "subscription": asdict(dossier.subscription),
        "customer": asdict(dossier.customer),
        "payment_methods": [asdict(method) for method in dossier.methods],
        "halted": dossier.halted or None,
        "renewals": [_renewal_data(renewal, timelines.get(renewal.id, [])) for renewal in dossier.renewals],
        "events": timelines.get("", []),
    }


def _renewal_data(renewal: Renewal, events: list[Row]) -> Row:
    fields = {name: value for name, value in vars(renewal).items() if name != "version"}
    return {"id": renewal.id} | fields | {"events": events}


def _by_renewal(events: list[Event]) -> Mapping[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for event in events:
        fields = dict(vars(event))
        found.setdefault(event.renewal, []).append({"event": fields.pop("name")} | fields)
    return found
