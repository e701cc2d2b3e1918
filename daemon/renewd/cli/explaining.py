"""What is to come, explained: one subscription's next charge with its reasons, and the charges of all, day by day."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import chain

import click

from renewd.cli.columns import Column, Listing, Row, visible
from renewd.cli.desk import (
    as_planned,
    expect_plan,
    leaving_out,
    moment_of,
    open_desk,
    planned_dossier,
    readable,
)
from renewd.cli.door import configured
from renewd.cli.explanation import Explanation, explained
from renewd.cli.output import LISTING_FORMATS, Output, output_option
from renewd.cli.progress import counting
from renewd.cli.rehearsal import as_run
from renewd.cli.times import coming
from renewd.renewal.foresee import Charge, forecast
from renewd.renewal.money import Money
from renewd.renewal.query import ListQuery
from renewd.service.wiring import Configuration, origin_lines

Counts = Mapping[tuple[date, str], tuple[int, int]]

BAR, LABEL = 24, 13
FORECAST = Listing(
    "renewd.forecast.v1",
    [
        Column("day", "day", show=lambda row: row["shown"]),
        Column("charges", "charges", kind="number"),
        Column("amount", "amount", kind="money"),
    ],
    "no charge is foreseen",
)
# For people alone: in a pipe a bar would be one more field.
CHART = Column("bar", " ", data=False, show=lambda row: row["bar"], style=lambda _: "green", flexible=True)


@click.command("explain")
@click.argument("subscription_id", metavar="SUB")
@configured
@click.option("--at", type=coming, metavar="TIME", help="As if it were then: +3d, 2026-12-24T09:00:00Z.")
@output_option("text", "json")
def explain_command(
    configuration: Configuration, subscription_id: str, at: datetime | None, output: Output
) -> None:
    """Say when a subscription will be charged, how much, by which method, and why.

    Beside each term stands the line of the policy that decided it. What would block the charge is named, and the whole
    ladder is shown with its dates: what would happen if every try were declined.
    """
    with open_desk(configuration) as books:
        dossier = planned_dossier(books, subscription_id, configuration.policy)
        moment = as_run(books, moment_of(configuration, at))
    known = dossier.subscription.plan in configuration.policy.plans
    origins = {
        each.term: each for each in (origin_lines(configuration, dossier.subscription) if known else ())
    }
    explanation = explained(dossier, moment, origins)
    if output.form == "json":
        output.document("renewd.explain.v1", explanation.data())
    else:
        _write(explanation, output)


def _write(explanation: Explanation, output: Output) -> None:
    """Write the lines, with the reasons beside them in a column of their own where there is room for one."""
    from renewd.cli.terminal import Screen

    screen = Screen(output.colour)
    lines = list(explanation.lines())
    place = max((len(line.text) for line in lines if line.where), default=0)
    roomy = max(
        (LABEL + place + len(f"  {line.where} {line.path}") for line in lines if line.where), default=0
    )
    for line in lines:
        head, said = (f"{line.label:<{LABEL}}", "dim"), visible(line.text)
        if not line.where:
            screen.line(head, (said, line.style), indent=LABEL)
            continue
        told = roomy <= screen.width and line.where != "subscription"
        why = f"{line.where} {line.path}" if told else line.where
        if LABEL + len(said) + len(why) + 2 <= screen.width:
            room = min(place, screen.width - LABEL - len(line.where) - 2)
            screen.line(head, (f"{said:<{room}}", line.style), (f"  {why}", "dim"))
        else:
            screen.line(head, (said, line.style), indent=LABEL)
            screen.line((f"{why:>{screen.width}}", "dim"))


@click.command("forecast")
@configured
@click.option("--days", type=click.IntRange(1, 400), default=30, show_default=True, help="How far ahead.")
@click.option("--plan", default="", metavar="PLAN", help="Only this plan.")
@click.option("--at", type=coming, metavar="TIME", help="As if it were then: +3d, 2026-12-24.")
@output_option(*LISTING_FORMATS)
def forecast_command(
    configuration: Configuration, days: int, plan: str, at: datetime | None, output: Output
) -> None:
    """Foresee charges, day by day (UTC), if each one succeeds at its first try.

    It goes from the first day with a charge to the last one. What is paused, or waits for somebody, is left out.
    """
    moment = moment_of(configuration, at)
    until = moment.now.replace(hour=0, minute=0, second=0) + timedelta(days=days)
    with leaving_out() as left, open_desk(configuration) as books:
        expect_plan(books, plan, configuration.policy)
        planned = as_planned(books, configuration.policy)
        foreseen = readable(
            books,
            ListQuery(plan=plan),
            lambda listed: tuple(forecast(planned(listed), moment, until)),
            left,
        )
        counted = counts(chain.from_iterable(counting("subscriptions foreseen", foreseen)))
        _write_days(counted, days, output)


def _write_days(counted: Counts, days: int, output: Output) -> None:
    rows = list(_days(counted))
    if output.form != "table":
        output.listing(FORECAST, rows)
        return
    output.listing(replace(FORECAST, columns=[*FORECAST.columns, CHART]), rows)
    if rows:
        _write_totals(counted, days, output)


def counts(charges: Iterable[Charge]) -> Counts:
    """Give the number of charges and the minor units that they bring, by day and currency."""
    counted: dict[tuple[date, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for charge in charges:
        key = (charge.at.date(), charge.amount.currency)
        number, minor = counted[key]
        counted[key] = (number + 1, minor + charge.amount.minor)
    return counted


def _days(counted: Counts) -> Iterator[Row]:
    """Give a row for each day and currency, from the first charge to the last; a day between has one, charge or not."""
    most = max((number for number, _ in counted.values()), default=1)
    currencies = sorted({currency for _, currency in counted})
    charged = sorted({day for day, _ in counted})
    for ahead in range((charged[-1] - charged[0]).days + 1 if charged else 0):
        day = charged[0] + timedelta(days=ahead)
        for currency in [each for each in currencies if (day, each) in counted] or currencies[:1]:
            number, minor = counted.get((day, currency), (0, 0))
            yield {
                "day": f"{day}",
                "shown": f"{day:%a %Y-%m-%d}",
                "charges": number,
                "amount": Money(minor, currency),
                "bar": _bar(number / most),
            }


def _bar(share: float) -> str:
    """Draw a bar in eighths of a character."""
    eighths = round(share * BAR * 8) or (1 if share else 0)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + (" ▏▎▍▌▋▊▉"[rest] if rest else "")


def _write_totals(counted: Counts, days: int, output: Output) -> None:
    from renewd.cli.terminal import Screen

    screen = Screen(output.colour)
    screen.line("")
    for currency in sorted({currency for _, currency in counted}):
        ours = [each for (_, of), each in counted.items() if of == currency]
        total = Money(sum(minor for _, minor in ours), currency)
        number = sum(number for number, _ in ours)
        screen.line(
            (f"{days} days: ", "dim"), (f"{number} charge{'' if number == 1 else 's'}, {total}", "bold")
        )
