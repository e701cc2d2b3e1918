"""The operator's word: pause, resume, skip, retry, cancel, settle; halt and unhalt. Each is audited with its reason."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import click

from renewd.cli.cards import looks_like_card
from renewd.cli.columns import brief, visible
from renewd.cli.desk import found, moment_of, open_desk, unknown
from renewd.cli.door import USAGE, configured_without_policy, fail, operator
from renewd.cli.times import relative
from renewd.cli.wording import unpriced
from renewd.renewal.command import PAST, SETTLED, Verb, commanded, concerned
from renewd.renewal.decide import next_step
from renewd.renewal.foresee import case_of, present_renewal
from renewd.renewal.model import OPEN_ATTEMPTS, Case, Renewal, Stage, SubscriptionState
from renewd.renewal.moment import Moment
from renewd.renewal.period import local_text
from renewd.renewal.query import Dossier
from renewd.renewal.standing import RefusedError, Standing
from renewd.renewal.step import Close, Hold, Wait
from renewd.service.wiring import Configuration

F = TypeVar("F", bound=Callable[..., Any])
LONGEST_REASON = 200


def _reason(text: str) -> str:
    """Read a reason: one line for the audit log, and no place for a card number."""
    text = " ".join(text.split())
    if not text or len(text) > LONGEST_REASON or not text.isprintable():
        raise click.BadParameter(f"must be one line of 1 to {LONGEST_REASON} characters")
    if looks_like_card(text):
        raise click.BadParameter("holds what looks like a card number; the audit log must not")
    return text


reason_option = click.option(
    "--reason", required=True, type=_reason, metavar="TEXT", help="For the audit log."
)


def _spoken(command: F) -> F:
    """Give a command the reason that the audit log asks for, and `--yes`."""
    return reason_option(click.option("-y", "--yes", is_flag=True, help="Do not ask.")(command))


def _verb(verb: Verb, what: str) -> click.Command:
    @click.command(verb.value, help=what)
    @click.argument("subscription_id", metavar="SUB")
    @configured_without_policy
    @_spoken
    def command(configuration: Configuration, subscription_id: str, reason: str, yes: bool) -> None:
        _carry_out(configuration, verb, subscription_id, reason, yes=yes)

    return command


pause_command = _verb(
    Verb.PAUSE, "Stop renewing SUB until it is resumed. A charge that is already under way is not extended."
)
resume_command = _verb(
    Verb.RESUME, "Renew SUB, which is paused, again. What fell due meanwhile is charged now."
)
skip_command = _verb(
    Verb.SKIP, "Leave out SUB's next renewal: it is not charged, and the plan ends with its present period."
)
retry_command = _verb(
    Verb.RETRY, "Try SUB's renewal again, now: one that is held, that has lapsed, or that is in review."
)
cancel_command = _verb(Verb.CANCEL, "Stop renewing SUB for good. The plan ends with its present period.")


@click.command("settle")
@click.argument("subscription_id", metavar="SUB")
@click.option("--extended", is_flag=True, help="You have extended the line at the carrier; the money stays.")
@click.option("--refunded", is_flag=True, help="You have given the money back at the gateway.")
@click.option("--unpaid", is_flag=True, help="Nothing was ever paid, and nothing is to be tried again.")
@configured_without_policy
@_spoken
def settle_command(
    configuration: Configuration, subscription_id: str, reason: str, *, yes: bool, **said: bool
) -> None:
    """Close SUB's renewal that is in review, as you have settled it yourself.

    renewd takes your word for it, and asks neither the gateway nor the carrier. What is --extended expires one period
    later, and renews again by itself. For what is --refunded or --unpaid nothing is charged, and the plan ends with
    its present period; of the two, renewd retry opens only what is --unpaid once more.
    """
    chosen = [verb for verb, how in SETTLED.items() if said[how]]
    if len(chosen) != 1:
        raise click.UsageError("say how it was settled, by one of: --extended, --refunded, --unpaid")
    _carry_out(configuration, chosen[0], subscription_id, reason, yes=yes)


@click.command("halt")
@configured_without_policy
@_spoken
def halt_command(configuration: Configuration, reason: str, yes: bool) -> None:
    """Stop all charging, from this moment on, until unhalt.

    Charges that are already under way are finished; renewals that fall due wait, and none is lost.
    """
    moment = moment_of(configuration)
    with open_desk(configuration, writing=True) as books:
        agree("All charging stops until it is let go on with: renewd unhalt", yes=yes)
        books.halt(reason, operator(), moment.now)
    click.echo("all charging is halted; let it go on with: renewd unhalt --reason ...")


@click.command("unhalt")
@configured_without_policy
@_spoken
def unhalt_command(configuration: Configuration, reason: str, yes: bool) -> None:
    """Let charging go on: what was held back is due now."""
    moment = moment_of(configuration)
    with open_desk(configuration, writing=True) as books:
        status = books.status(moment.now)
        if not status.halted:
            raise RefusedError("charging is not halted")
        held = status.holds.get("halted", 0)
        agree(f"Charging goes on ({status.halted}); {held} held back are due now.", yes=yes)
        books.unhalt(reason, operator(), moment.now)
    click.echo(f"charging goes on; {held} held back are due now")


def _carry_out(
    configuration: Configuration, verb: Verb, subscription_id: str, reason: str, *, yes: bool
) -> None:
    moment = moment_of(configuration)
    with open_desk(configuration, writing=True) as books:
        dossier = found(books, subscription_id, moment.policy)
        if dossier.subscription.plan not in moment.policy.plans and verb in (
            Verb.SKIP,
            Verb.RETRY,
            Verb.RESUME,
            Verb.SETTLE_EXTENDED,
        ):
            raise RefusedError(f"it is on {dossier.subscription.plan}, {unpriced(moment.policy)}")
        standing = _standing(dossier, concerned(verb, dossier.renewals))
        foreseen, _ = commanded(verb, standing, moment, operator(), reason)
        reviewed = standing if verb in SETTLED else None
        agree(_announcement(verb, dossier, foreseen, moment, reviewed), yes=yes)
        after = books.command(verb, subscription_id, moment, operator(), reason)
    if after is None:
        unknown(books, subscription_id)
    click.echo(f"{subscription_id} is {PAST[verb]}; {what_next(after, dossier, moment)}")


def agree(announcement: str, *, yes: bool) -> None:
    """Ask at a terminal whether to go on; elsewhere only `--yes` agrees."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail("nothing is done: this is no terminal to ask at; add --yes", USAGE)
    click.echo(announcement, err=True)
    click.confirm("Go on?", abort=True, err=True)


def _standing(dossier: Dossier, renewal: Renewal | None) -> Standing:
    ours = (each for each in dossier.attempts if renewal and each.renewal_id == renewal.id)
    return Standing(
        dossier.subscription, renewal, next((each for each in ours if each.state in OPEN_ATTEMPTS), None)
    )


def _announcement(
    verb: Verb, dossier: Dossier, after: Standing, moment: Moment, reviewed: Standing | None
) -> str:
    subscription = dossier.subscription
    known = subscription.plan in moment.policy.plans
    price = f"{moment.policy.terms_for(subscription).price} a period" if known else "of unknown price"
    end = local_text(subscription.current_period_end, subscription.zone)
    lines = [
        f"{verb} {subscription.id}: {dossier.customer.name}, {subscription.plan}, {price}, expires {end}."
    ]
    lines += _in_review(reviewed) if reviewed else []
    return "\n".join([*map(visible, lines), f"Then: {what_next(after, dossier, moment)}."])


def _in_review(standing: Standing) -> Iterator[str]:
    renewal, attempt, zone = standing.renewal, standing.attempt, standing.subscription.zone
    if renewal:
        start, end = (local_text(at, zone)[:10] for at in (renewal.period_start, renewal.period_end))
        yield f"In review: {start} to {end}, {renewal.paid or 'nothing'} paid; {renewal.reason}."
    if attempt:
        yield f"Never answered: {attempt.key}. See at {attempt.provider} that nothing comes of it any more."


def what_next(standing: Standing, dossier: Dossier, moment: Moment) -> str:
    """Say what comes next for a subscription that stands so; `dossier` has what no command changes."""
    standing = _at_present(standing, dossier)
    subscription = standing.subscription
    renewal = present_renewal(subscription, standing.renewal)
    end = brief(subscription.current_period_end)
    if standing.attempt and standing.attempt.state == "sent":
        return "a charge of it may be under way; it is settled first"
    if subscription.state is not SubscriptionState.ACTIVE:
        again = (
            f", until: renewd resume {subscription.id}"
            if subscription.state is SubscriptionState.PAUSED
            else ""
        )
        return f"it expires {end} and is not charged{again}"
    if renewal and renewal.stage is Stage.CHARGED:
        return "it is paid, and the carrier is asked to extend it now"
    if renewal and renewal.next_at is None:
        return f"it is not charged, and expires {end}"
    at = renewal.next_at if renewal else subscription.opens_at
    if at is None or subscription.plan not in moment.policy.plans:
        return f"nothing is planned: it is on {subscription.plan}, {unpriced(moment.policy)}"
    if at <= moment.now:
        match next_step(_case(standing, dossier, moment), moment):
            case Hold(_, _, detail):
                return f"but it is held: {detail}"
            case Close(stage, detail):
                return f"but it is {stage}: {detail}"
            case Wait(until):
                at = until
            case _:
                pass
    price = moment.policy.terms_for(subscription).price
    return f"{price} is due {brief(at)}, {relative(at, moment.now)}"


def _at_present(standing: Standing, dossier: Dossier) -> Standing:
    """Give the standing of the latest renewal: it may be an earlier one that was settled."""
    latest = dossier.renewals[-1] if dossier.renewals else None
    if standing.renewal is None or latest is None or latest.period_start <= standing.renewal.period_start:
        return standing
    return replace(_standing(dossier, latest), subscription=standing.subscription)


def _case(standing: Standing, dossier: Dossier, moment: Moment) -> Case:
    known = replace(
        dossier,
        subscription=standing.subscription,
        renewals=(standing.renewal,) if standing.renewal else (),
        attempts=(standing.attempt,) if standing.attempt else (),
    )
    return case_of(known, moment)
