"""A subscription's audit log as a timeline: its events by renewal, in human words and local time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from renewd.cli.columns import visible
from renewd.cli.terminal import Screen
from renewd.cli.wording import EVENTS, STAGE_STYLES, event_style, label_of, mark, standing, what_of
from renewd.renewal.audit import AuditRow, Event
from renewd.renewal.model import Renewal
from renewd.renewal.moment import Moment
from renewd.renewal.period import local_text
from renewd.renewal.query import Dossier

WITH_AMOUNT = frozenset(
    f"{noun}.{verb}"
    for noun, verbs in {
        "charge": "attempted succeeded declined action_required unknown unreached pending mismatch",
        "renewal": "opened completed",
        "operator": "settled",
    }.items()
    for verb in verbs.split()
)
THEN = {"charge": "again", "extend": "again", "lookup": "looked up", "held": "until", "send": "again"}


BEFORE = 19  # columns before what is said: the time, the mark, and the gaps


@dataclass(frozen=True, slots=True)
class Page:
    """What is known of one subscription, and how to write it."""

    dossier: Dossier
    rows: tuple[AuditRow, ...]
    moment: Moment

    @property
    def labels(self) -> dict[str, str]:
        """What the owner calls each payment token."""
        return {method.token: label_of(method) for method in self.dossier.methods}

    def local(self, at: datetime) -> str:
        """Write an instant as the subscriber's clock shows it."""
        return local_text(at, self.dossier.subscription.zone)


def timelines(page: Page) -> Mapping[str, list[Event]]:
    """Give the events of each renewal; what names none belongs to the one before it."""
    timelines: dict[str, list[Event]] = {}
    known, current = {renewal.id for renewal in page.dossier.renewals}, ""
    for event in _answered([row.event for row in page.rows]):
        current = event.renewal if event.renewal in known else current
        timelines.setdefault(current, []).append(event)
    return timelines


def _answered(events: list[Event]) -> Iterator[Event]:
    """Leave out that a call was made where its answer is there too."""
    last = {event.key: place for place, event in enumerate(events) if event.duration_ms is not None}
    for place, event in enumerate(events):
        asked = event.name.endswith((".attempted", ".lookup"))
        if not (asked and last.get(event.key, -1) > place):
            yield event


def write_heading(screen: Screen, page: Page, renewal: Renewal) -> None:
    """Write what a renewal is about and what became of it."""
    start, end = (page.local(at)[:10] for at in (renewal.period_start, renewal.period_end))
    words = standing(page.dossier.subscription, renewal) if renewal.next_at else str(renewal.stage)
    reason = f": {renewal.reason}" if renewal.reason and not renewal.next_at else ""
    paid = f", paid {renewal.paid}" if renewal.paid else ""
    style = STAGE_STYLES.get(renewal.stage, "yellow" if renewal.hold or renewal.reason else "cyan")
    screen.line((f"{start} to {end}", "bold"), "  ", (visible(f"{words}{paid}{reason}"), style), indent=2)


def write_events(screen: Screen, page: Page, events: list[Event]) -> None:
    """Write events, one a line; what comes next stands below where the line has no room for it."""
    shown = [(EVENTS.get(event.name, event.name), event) for event in events]
    widest = max((len(words) for words, _ in shown), default=0)
    for words, event in shown:
        at, style = (f"  {page.local(event.at)[5:16]}  ", "dim"), event_style(event.name)
        amount = str(event.amount) if event.amount and event.name in WITH_AMOUNT else ""
        said = "  ".join(part for part in (amount, visible(what_of(event, labels=page.labels))) if part)
        what, then = (f"{mark(event.name)} {words:<{widest}}", style), _then(page, event)
        below = BEFORE + widest + len(said) + len(then) + 2 > screen.width
        screen.line(at, what, f"  {said}", ("" if below else f"  {then}", "dim"), indent=BEFORE + widest)
        if then and below:
            screen.line((" " * (BEFORE + widest) + then, "dim"))


def _then(page: Page, event: Event) -> str:
    """Say what comes next where that is not at once."""
    if event.next_at is None or event.next_at <= event.at:
        return ""
    words = THEN.get("held" if event.name == "renewal.held" else event.next_action, "")
    return f"{words} {page.local(event.next_at)[5:16]}" if words else ""
