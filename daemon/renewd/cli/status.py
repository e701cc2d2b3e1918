"""How everything stands, at a glance, and whether somebody should look."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import NamedTuple

import click

from renewd.cli.columns import brief
from renewd.cli.desk import open_desk
from renewd.cli.door import FINDINGS, configured_without_policy
from renewd.cli.output import Output, output_option
from renewd.cli.times import relative, span, span_text
from renewd.cli.wording import HOLDS
from renewd.renewal.model import SubscriptionState
from renewd.renewal.query import Planning, Status
from renewd.service.wiring import Configuration, system_clock

DOUBT_FOR = timedelta(hours=1)
DAEMON = {
    True: ("running", "green"),
    False: ("not running", "yellow"),
    None: ("unknown: it cannot be seen from here", "yellow"),
}


class Digests(NamedTuple):
    """Of the policy that the daemon works under, and of the one in the file; empty where there is none."""

    in_force: str
    on_disk: str


@click.command("status")
@configured_without_policy
@click.option(
    "--fail-if-stale",
    "stale",
    type=span,
    default="5m",
    show_default=True,
    metavar="DURATION",
    help="How long what is due may wait.",
)
@output_option("text", "json")
def status_command(configuration: Configuration, stale: timedelta, output: Output) -> None:
    """Say how everything stands.

    Ends with 3 when somebody should look: charging is halted, something due has waited for longer than
    --fail-if-stale, a call has been without any answer for over an hour, something is set aside because it cannot be
    read or met an error, an active subscription will never renew because its plan is not in the catalogue, or the
    database was moved.
    """
    now = system_clock().now()
    with open_desk(configuration) as books:
        status, planning = books.status(now), books.planning()
    digests = Digests(planning.digest, configuration.policy.digest if configuration.policy.plans else "")
    findings = list(findings_of(status, now, stale))
    if output.form == "json":
        output.document("renewd.status.v1", _data(status, digests, planning, findings))
    else:
        _write(status, digests, planning, findings, now, output)
    if findings:
        sys.exit(FINDINGS)


def findings_of(status: Status, now: datetime, stale: timedelta) -> Iterator[str]:
    """Find what somebody should look at."""
    if status.moved_to:
        yield f"all this was moved to {status.moved_to}: write that as `database:`"
        return
    if status.halted:
        yield f"all charging is halted ({status.halted}); let it go on with: renewd unhalt --reason ..."
    if status.oldest_due and now - status.oldest_due > stale:
        advice = "; the daemon is not running" if status.running is False else ""
        down = "; a provider does not answer" if status.holds.get("breaker") else ""
        yield f"what was due at {brief(status.oldest_due)} still waits{down}{advice}"
    if status.stages.get("review"):
        yield f"{status.stages['review']} in review: a person must look; see: renewd list --stage review"
    if status.oldest_doubt and now - status.oldest_doubt > DOUBT_FOR:
        yield f"a call made at {brief(status.oldest_doubt)} is still without an answer"
    if status.set_aside:
        yield (
            f"{status.set_aside} set aside: a row cannot be read, or an error was met; "
            "see: renewd log --event renewal.set_aside"
        )
    if status.unplanned:
        yield (
            f"{status.unplanned} active, on a plan that is not in the catalogue: they will never renew; see: renewd list"
        )


def _data(status: Status, digests: Digests, planning: Planning, findings: list[str]) -> Mapping[str, object]:
    fields = dict(vars(status))
    fields["daemons"] = [asdict(each) for each in status.daemons]
    policy: dict[str, object] = {name: digest or None for name, digest in digests._asdict().items()}
    policy["replanned"] = planning.done
    return {"healthy": not findings, "findings": findings, "policy": policy} | fields


def _write(
    status: Status, digests: Digests, planning: Planning, findings: list[str], now: datetime, output: Output
) -> None:
    from renewd.cli.terminal import Screen

    screen = Screen(output.colour)
    for label, text, style in _lines(status, digests, planning, now):
        screen.line((f"{label:<15}", "dim"), (text, style), indent=15)
    for finding in findings:
        screen.line(("! ", "bold red"), (finding, "red"), indent=2)


def _lines(
    status: Status, digests: Digests, planning: Planning, now: datetime
) -> Iterator[tuple[str, str, str]]:
    yield from _daemons(status, now)
    yield "policy", _policy(digests, status.running), "" if len({*digests}) == 1 else "yellow"
    if planning.done is not None:
        active = max(status.subscriptions.get(SubscriptionState.ACTIVE, 0), planning.done)
        yield "", f"taking effect: {planning.done:,} of {active:,} planned anew", "yellow"
    yield ("charging", "halted", "bold red") if status.halted else ("charging", "on", "green")
    yield "subscriptions", _counted(status.subscriptions) or "none", ""
    yield "renewals", _counted(status.stages) or "none", ""
    if status.stages.get("review"):
        yield "", f"{status.stages['review']} in review; see: renewd list --stage review", "yellow"
    if status.holds:
        waits = {HOLDS.get(hold, hold): count for hold, count in status.holds.items()}
        yield "waiting for", _counted(waits), "yellow"
    yield "next due", _at(status.next_due, now) or "nothing is planned", ""
    yield "overdue", _overdue(status, now), "red" if status.overdue else ""
    yield (
        "in doubt",
        f"{status.in_doubt} calls" if status.in_doubt else "none",
        "yellow" if status.in_doubt else "",
    )
    yield "set aside", str(status.set_aside or "none"), "red" if status.set_aside else ""
    yield "letters owed", str(status.notices_owed or "none"), ""
    yield "last event", _at(status.last_event, now) or "none", ""
    yield "paid, 30 days", ", ".join(map(str, status.paid_30_days)) or "nothing", "bold"


def _daemons(status: Status, now: datetime) -> Iterator[tuple[str, str, str]]:
    text, style = DAEMON[status.running]
    if len(status.daemons) < 2:  # noqa: PLR2004
        since = [f" since {_at(each.started_at, now)}" for each in status.daemons]
        yield "daemon", "".join([text, *since]), style
        return
    yield "daemons", f"{len(status.daemons)} running", style
    for each in status.daemons:
        yield "", f"{each.name} since {_at(each.started_at, now)}", ""


def _policy(digests: Digests, running: bool | None) -> str:
    """Say which policy is in force, and how the one in the file gets there where that is another."""
    in_force, on_disk = digests
    if not on_disk:
        return f"{in_force or 'none'} in force; the file cannot be read, see: renewd check"
    if in_force == on_disk:
        return f"{in_force} in force"
    how = "when the daemon starts" if running is False else "with: systemctl reload renewd"
    return f"{in_force or 'none'} in force; {on_disk}, on disk, is taken up {how}"


def _counted(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda each: -each[1])
    return ", ".join(f"{count} {name}" for name, count in ordered)


def _at(at: datetime | None, now: datetime) -> str:
    return f"{brief(at)}, {relative(at, now)}" if at else ""


def _overdue(status: Status, now: datetime) -> str:
    if not status.overdue or not status.oldest_due:
        return "none"
    return f"{status.overdue}, the oldest for {span_text(now - status.oldest_due)}"
