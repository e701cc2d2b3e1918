"""Stages, holds and events in words for people, and the colours that go with them."""

from renewd.renewal.audit import Event
from renewd.renewal.model import HoldReason, PaymentMethod, Renewal, Stage, Subscription, SubscriptionState

HOLDS = {
    HoldReason.PAYMENT_METHOD: "a payment method",
    HoldReason.VERIFICATION: "the customer to verify",
    HoldReason.CONTACT: "an e-mail address",
    HoldReason.APPROVAL: "an approval of the amount",
    HoldReason.OPERATOR: "the operator",
    HoldReason.PAUSED: "resume",
    HoldReason.HALTED: "unhalt",
    HoldReason.BRAKE: "the brake",
    HoldReason.BREAKER: "a provider to answer",
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


def label_of(method: PaymentMethod) -> str:
    """Name a payment method as its owner would."""
    return method.label or method.token
