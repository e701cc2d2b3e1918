"""The subscriptions, and where their renewals stand."""

from datetime import timedelta
from functools import partial
from typing import Any

import click

from renewd.cli.columns import Column, Listing, Row
from renewd.cli.desk import expect_plan, leaving_out, open_desk, readable
from renewd.cli.door import configured_without_policy
from renewd.cli.output import LISTING_FORMATS, Output, output_option
from renewd.cli.times import span
from renewd.cli.wording import did_you_mean, quoted, standing, standing_style
from renewd.renewal.model import HoldReason, Stage, SubscriptionState
from renewd.renewal.policy import Policy
from renewd.renewal.query import Listed, ListQuery
from renewd.service.wiring import Configuration, system_clock

SUBSCRIPTIONS = Listing(
    "renewd.list.v1",
    [
        Column("id", "id"),
        Column("customer"),
        Column("plan", "plan", flexible=True),
        Column("line"),
        Column("zone"),
        Column("state"),
        Column("current_period_end", "expires", kind="instant"),
        Column("price", "price", kind="money"),
        Column(
            "standing",
            "standing",
            data=False,
            flexible=True,
            show=lambda row: row["standing"],
            style=lambda row: row["style"],
        ),
        Column("stage"),
        Column("hold"),
        Column("reason"),
        Column("next_at", "next", kind="instant", spare=True),
    ],
    "no subscription is like that",
)


def _several(kind: Any) -> Any:
    """Read several words of an enumeration, separated by commas."""

    def read(text: str) -> tuple[str, ...]:
        words = tuple(filter(None, text.split(",")))
        for word in words:
            if word not in list(kind):
                raise click.BadParameter(
                    f"{quoted(word)} is none of: {', '.join(kind)}{did_you_mean(word, kind)}"
                )
        return words

    return read


@click.command("list")
@configured_without_policy
@click.option(
    "--state", type=_several(SubscriptionState), default="", metavar="A,B", help="Active, paused, ..."
)
@click.option("--stage", type=_several(Stage), default="", metavar="A,B", help="Of the latest renewal.")
@click.option("--hold", type=_several(HoldReason), default="", metavar="A,B", help="What it waits for.")
@click.option("--plan", default="", metavar="PLAN", help="On this plan.")
@click.option("--ends-within", type=span, metavar="7d", help="Expired, or about to.")
@click.option("-n", "--limit", type=click.IntRange(1), help="So many at most.")
@output_option(*LISTING_FORMATS)
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
    with leaving_out() as left, open_desk(configuration) as books:
        expect_plan(books, plan, configuration.policy)
        output.listing(
            SUBSCRIPTIONS, readable(books, query, partial(_listed, policy=configuration.policy), left)
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
