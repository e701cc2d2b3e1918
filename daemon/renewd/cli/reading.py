"""Reading the books: the subscriptions and the audit log. `show` and `status` have files of their own."""

from datetime import datetime, timedelta
from typing import Any

import click

from renewd.cli.desk import open_desk
from renewd.cli.door import configured
from renewd.cli.glance import status_command
from renewd.cli.output import Column, Listing, Output, Row, output_option
from renewd.cli.showing import show_command
from renewd.cli.times import past, span
from renewd.cli.wording import event_style, next_of, standing, standing_style, what_of
from renewd.ports import Books
from renewd.renewal.audit import AuditRow
from renewd.renewal.model import HoldReason, Stage, SubscriptionState
from renewd.renewal.policy import Policy
from renewd.renewal.query import Listed, ListQuery, LogQuery
from renewd.service.wiring import Configuration, system_clock

__all__ = ["list_command", "log_command", "show_command", "status_command"]

LISTING = ("table", "tsv", "json", "jsonl", "csv")
SHOWN, FOLLOWED = 50, 10

SUBSCRIPTIONS = Listing(
    "renewd.list.v1",
    [
        Column("id", "id"),
        Column("customer"),
        Column("name", data=False),
        Column("plan", "plan", flexible=True),
        Column("line"),
        Column("zone"),
        Column("state"),
        Column("current_period_end", "expires", kind="instant"),
        Column("price", "price", kind="money"),
        Column("standing", "standing", data=False, flexible=True, show=lambda row: row["standing"],
               style=lambda row: row["style"]),
        Column("stage"),
        Column("hold"),
        Column("reason"),
        Column("next_at", "next", kind="instant"),
    ],
    "no subscription is like that",
)
LOG = Listing(
    "renewd.log.v1",
    [
        Column("sequence", kind="number"),
        Column("at", "time", kind="instant", show=lambda row: f"{row['at']:%m-%d %H:%M:%SZ}"),
        Column("subscription", "subscr."),
        Column("event", "event", style=lambda row: event_style(row["event"])),
        Column("amount", "amount", kind="money"),
        Column("what", "what", data=False, show=lambda row: row["what"], flexible=True),
        Column("next", "next", data=False, show=lambda row: row["next"], flexible=True, style=lambda _: "dim"),
        *(
            Column(key)
            for key in (
                "actor renewal leg attempt method key outcome decline_class code reference next_action next_at "
                "policy_digest duration_ms detail"
            ).split()
        ),
    ],
    "the audit log has nothing like that",
)


def _several(kind: Any) -> Any:
    """Read several words of an enumeration, separated by commas."""

    def read(text: str) -> tuple[str, ...]:
        words = tuple(text.split(","))
        for word in words:
            if word not in list(kind):
                raise click.BadParameter(f'"{word}" is none of: {", ".join(kind)}')
        return words

    return read


@click.command("list")
@configured
@click.option("--state", type=_several(SubscriptionState), default=(), metavar="A,B", help="Active, paused, ...")
@click.option("--stage", type=_several(Stage), default=(), metavar="A,B", help="Of the latest renewal.")
@click.option("--hold", type=_several(HoldReason), default=(), metavar="A,B", help="What it waits for.")
@click.option("--plan", default="", metavar="PLAN", help="On this plan.")
@click.option("--ends-within", type=span, metavar="7d", help="Expired, or about to.")
@click.option("-n", "--limit", type=click.IntRange(1), help="So many at most.")
@output_option(*LISTING)
def list_command(
    configuration: Configuration,
    state: tuple[str, ...],
    stage: tuple[str, ...],
    hold: tuple[str, ...],
    plan: str,
    ends_within: timedelta | None,
    limit: int | None,
    output: Output,
) -> None:
    """List subscriptions by id, and where their renewals stand."""
    ends = system_clock().now() + ends_within if ends_within else None
    query = ListQuery(state, stage, hold, plan, ends, limit)
    with open_desk(configuration) as books:
        output.listing(
            SUBSCRIPTIONS, (_listed(each, configuration.policy) for each in books.subscriptions(query))
        )


def _listed(listed: Listed, policy: Policy) -> Row:
    subscription, renewal = listed.subscription, listed.renewal
    known = subscription.plan in policy.plans
    return {
        "id": subscription.id,
        "customer": subscription.customer_id,
        "plan": subscription.plan,
        "line": subscription.line,
        "zone": subscription.zone,
        "state": subscription.state,
        "current_period_end": subscription.current_period_end,
        "price": policy.terms_for(subscription).price if known else None,
        "standing": standing(subscription, renewal),
        "style": standing_style(subscription, renewal),
        "stage": renewal.stage if renewal else None,
        "hold": renewal.hold if renewal else None,
        "reason": (renewal.reason or None) if renewal else None,
        "next_at": (renewal.next_at if renewal and renewal.next_at else subscription.opens_at),
    }


@click.command("log")
@configured
@click.option("--since", type=past, metavar="TIME", help="7d, yesterday, 2026-11-23, 2026-11-23T09:00:00Z.")
@click.option("--until", type=past, metavar="TIME", help="Before this.")
@click.option("--subscription", default="", metavar="SUB", help="Of this subscription.")
@click.option("--event", default="", metavar="NAME", help="Of this name; 'charge.*' for all that begin so.")
@click.option("-n", "--lines", type=click.IntRange(0), metavar="N",
              help=f"The latest N; 0 for all. A table without --since or --until has {SHOWN}.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on.")
@output_option(*LISTING)
def log_command(
    configuration: Configuration,
    since: datetime | None,
    until: datetime | None,
    subscription: str,
    event: str,
    lines: int | None,
    follow: bool,
    output: Output,
) -> None:
    """Read the audit log: every attempt, every answer, every command, in order."""
    if follow and output.form == "json":
        raise click.UsageError("what is followed has no end, and so is no JSON object; use -o jsonl")
    if lines is None and since is None and until is None:
        lines = FOLLOWED if follow else SHOWN if output.form == "table" else None
    query = LogQuery(since, until, subscription, event, last=lines or None)
    with open_desk(configuration) as books:
        if follow:
            follow_log(books, query, output, LOG)
        else:
            output.listing(LOG, map(logged, books.log(query)))


def _logged(row: AuditRow) -> Row:
    event = row.event
    fields = {name: getattr(event, name) for name in type(event).__slots__ if name != "name"}
    return {name: None if value == "" else value for name, value in fields.items()} | {
        "sequence": row.sequence,
        "event": event.name,
        "what": what_of(event),
        "next": next_of(event),
    }
