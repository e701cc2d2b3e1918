"""Stages, holds and events in words for people, and the colours that go with them."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from renewd.cli.cards import looks_like_card
from renewd.cli.columns import visible
from renewd.renewal.audit import Event
from renewd.renewal.model import HoldReason, PaymentMethod, Renewal, Stage, Subscription, SubscriptionState
from renewd.renewal.policy import Policy

WORD_SHOWN = 48
HOLDS: Mapping[str, str] = {
    HoldReason.PAYMENT_METHOD: "a payment method",
    HoldReason.VERIFICATION: "the customer to verify",
    HoldReason.CONTACT: "an e-mail address",
    HoldReason.APPROVAL: "an approval of the amount",
    HoldReason.OPERATOR: "the operator",
    HoldReason.PAUSED: "resume",
    HoldReason.HALTED: "unhalt",
    HoldReason.BRAKE: "the brake",
    HoldReason.BREAKER: "a provider to answer",
    HoldReason.WINDOW: "a charge window",
}
# Every event of the audit log, in words.
EVENTS = {
    "renewal.opened": "opened",
    "renewal.held": "held",
    "renewal.completed": "renewed",
    "renewal.review": "needs a person",
    "renewal.lapsed": "lapsed",
    "renewal.skipped": "skipped",
    "renewal.canceled": "canceled",
    "renewal.set_aside": "set aside",
    "charge.attempted": "charging",
    "charge.succeeded": "paid",
    "charge.declined": "declined",
    "charge.action_required": "must be verified",
    "charge.pending": "charge pending",
    "charge.unreached": "gateway not reached",
    "charge.unknown": "charge without an answer",
    "charge.lookup": "charge being looked up",
    "charge.absent": "charge not found",
    "charge.mismatch": "gateway disagrees",
    "charge.doubted": "looked up first",
    "charge.abandoned": "charge given up",
    "extend.attempted": "extending",
    "extend.succeeded": "extended",
    "extend.declined": "carrier refuses",
    "extend.action_required": "carrier asks for more",
    "extend.pending": "extension pending",
    "extend.unreached": "carrier not reached",
    "extend.unknown": "extension without an answer",
    "extend.lookup": "extension being looked up",
    "extend.absent": "extension not found",
    "extend.mismatch": "carrier disagrees",
    "extend.abandoned": "extension given up",
    "notice.sent": "letter sent",
    "notice.failed": "letter not sent",
    "operator.paused": "paused",
    "operator.resumed": "resumed",
    "operator.skipped": "skipped",
    "operator.retried": "retried",
    "operator.canceled": "canceled",
    "operator.settled": "settled by hand",
    "operator.imported": "imported",
    "operator.halted": "all charging halted",
    "operator.unhalted": "charging goes on",
    "breaker.opened": "provider is down",
    "breaker.closed": "provider is back",
    "config.reloaded": "policy reloaded",
    "config.rejected": "policy refused",
    "archive.renewals": "renewals archived",
    "archive.audit": "audit rows archived",
    "service.started": "daemon started",
    "service.stopped": "daemon stopped",
}
STAGE_STYLES = {
    Stage.CHARGED: "cyan",
    Stage.EXTENDED: "green",
    Stage.LAPSED: "red",
    Stage.REVIEW: "bold red",
    Stage.SKIPPED: "dim",
    Stage.CANCELED: "dim",
}
_GOOD = ("succeeded", "completed", "sent", "closed", "resumed", "unhalted")
_BAD = ("lapsed", "review", "failed", "mismatch", "set_aside", "rejected")
_ODD = (
    "declined",
    "held",
    "unknown",
    "unreached",
    "action_required",
    "pending",
    "absent",
    "halted",
    "paused",
)
_MARKS = {"green": "\N{CHECK MARK}", "red": "\N{BALLOT X}", "yellow": "!", "": "\N{MIDDLE DOT}"}


def standing(subscription: Subscription, renewal: Renewal | None) -> str:
    """Say in few words where a subscription stands."""
    if subscription.state is not SubscriptionState.ACTIVE:
        review = renewal is not None and renewal.stage is Stage.REVIEW
        return f"{subscription.state}, review" if review else str(subscription.state)
    if renewal is None or renewal.stage is Stage.EXTENDED:
        return "active"
    if renewal.stage is Stage.DUE and renewal.hold:
        return f"waits for {HOLDS[renewal.hold]}"
    if renewal.stage is Stage.DUE:
        return f"retrying ({renewal.reason})" if renewal.reason else "due"
    return "charged, extending" if renewal.stage is Stage.CHARGED else str(renewal.stage)


def standing_style(subscription: Subscription, renewal: Renewal | None) -> str:
    """Give the colour of a standing."""
    if subscription.state is SubscriptionState.LAPSED:
        return "red"
    if subscription.state is not SubscriptionState.ACTIVE:
        return "dim"
    if renewal is None or renewal.stage is not Stage.DUE:
        return STAGE_STYLES.get(renewal.stage, "") if renewal else ""
    return "yellow" if renewal.hold or renewal.reason else "cyan"


def event_style(name: str) -> str:
    """Give the colour of an event."""
    noun, _, verb = name.partition(".")
    if noun == "breaker":
        return "green" if verb == "closed" else "red"
    for style, verbs in (("green", _GOOD), ("red", _BAD), ("yellow", _ODD)):
        if verb in verbs:
            return style
    return ""


def mark(name: str) -> str:
    """Give the mark that stands before an event in a timeline."""
    return _MARKS[event_style(name)]


def what_of(event: Event, *, labels: dict[str, str] | None = None) -> str:
    """Say what an event holds besides its name and amount; `labels` are those of payment tokens."""
    method = (labels or {}).get(event.method, event.method) if event.leg == "charge" else ""
    code = event.code.replace("_", " ")
    if event.name == "renewal.held":
        said = f"{code}: {event.detail}"
    elif event.name.startswith(("renewal.", "notice.")):
        said = event.detail
    else:
        said = ", ".join(dict.fromkeys(part for part in (method, code, event.detail) if part))
    return f"by {event.actor}: {said}" if event.actor != "renewd" else said


def next_of(event: Event) -> str:
    """Say what comes after an event, and when, if it is not at once."""
    if event.next_at is None or event.next_at <= event.at:
        return ""
    return f"{event.next_action.replace('_', ' ')} {event.next_at:%m-%d %H:%MZ}"


def unpriced(policy: Policy) -> str:
    """Say why the terms of a plan are not known, of one that is not in this policy's catalogue."""
    return "which is not in the catalogue" if policy.plans else "whose terms are unknown without the policy"


def label_of(method: PaymentMethod) -> str:
    """Name a payment method as its owner would."""
    return method.label or method.token


def quoted(text: str) -> str:
    """Quote what was written: short and printable, and never a card number."""
    if looks_like_card(text):
        return "it"
    return f'"{visible(text[:WORD_SHOWN])}{"..." if len(text) > WORD_SHOWN else ""}"'


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the known word that is closest, as the end of a message."""
    close = get_close_matches(word[:WORD_SHOWN], list(known), 1)
    return f'; did you mean "{close[0]}"?' if close else ""
