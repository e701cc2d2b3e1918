"""What a person sees of the demo: a live view on a terminal, a line per simulated day elsewhere."""

from collections import Counter, deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import click

from renewd.cli.reconcile import Reconciliation
from renewd.renewal.audit import Event
from renewd.renewal.money import Money

if TYPE_CHECKING:
    from rich.console import RenderableType

# event name: what a day's line calls it, in the order of the line
SHOWN = {
    "renewal.completed": "renewed",
    "charge.declined": "declined",
    "charge.unknown": "in doubt",
    "extend.unknown": "in doubt",
    "renewal.held": "held",
    "renewal.lapsed": "lapsed",
    "renewal.review": "review",
}
NAMES = tuple(dict.fromkeys(SHOWN.values()))
COLOURS = {
    "renewed": "green",
    "declined": "yellow",
    "in doubt": "yellow",
    "held": "yellow",
    "lapsed": "red",
    "review": "red",
}
LINES = 14
SILENT = (".attempted", ".lookup", ".opened", "charge.succeeded", "extend.succeeded")


class View(Protocol):
    """Somebody who is told what happens, and when time moves on."""

    def tell(self, event: Event) -> None:
        """Take note of an event."""
        ...

    def moved(self, now: datetime) -> None:
        """Take note of the time."""
        ...

    def close(self) -> None:
        """Show what is left to show."""
        ...


class Tally:
    """Counts events, and the money of the renewals that were completed."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.counts: Counter[str] = Counter()
        self.money: Counter[str] = Counter()

    def add(self, event: Event) -> None:
        """Count an event."""
        if event.name in SHOWN:
            self.counts[SHOWN[event.name]] += 1
        if event.name == "renewal.completed" and event.amount:
            self.money[event.amount.currency] += event.amount.minor

    def amounts(self) -> str:
        """Write the money, per currency."""
        return "  ".join(str(Money(minor, currency)) for currency, minor in sorted(self.money.items()))


class DayLines:
    """Prints one line for each simulated day on which something happened."""

    def __init__(self, start: datetime) -> None:
        """Begin at `start`."""
        self._day = start.date()
        self._tally = Tally()

    def tell(self, event: Event) -> None:
        """Take note of an event."""
        if event.at.date() != self._day:
            self.close()
            self._day = event.at.date()
        self._tally.add(event)

    def moved(self, now: datetime) -> None:
        """Need not be told: events carry their time."""

    def close(self) -> None:
        """Print the day, if there was anything in it."""
        if self._tally.counts:
            parts = (
                f"{self._tally.counts[name]:>3} {name}" if self._tally.counts[name] else "" for name in NAMES
            )
            columns = "".join(f"{part:<14}" for part in parts)
            click.echo(f"{self._day:%a %d %b %Y}  {columns}{self._tally.amounts():>14}".rstrip())
        self._tally = Tally()


class Live:
    """Redraws one screen: the date, a bar, the counts, and the latest events."""

    def __init__(self, start: datetime, until: datetime) -> None:
        """Begin to draw."""
        from rich.live import Live as RichLive

        self._start, self._now, self._until = start, start, until
        self._tally = Tally()
        self._events: deque[Event] = deque(maxlen=LINES)
        self._live = RichLive(get_renderable=self._drawn, refresh_per_second=12, transient=True)
        self._live.start()

    def tell(self, event: Event) -> None:
        """Take note of an event."""
        self._tally.add(event)
        if event.name.startswith(("charge.", "extend.", "renewal.", "breaker.")) and not event.name.endswith(
            SILENT
        ):
            self._events.append(event)

    def moved(self, now: datetime) -> None:
        """Take note of the time."""
        self._now = now

    def close(self) -> None:
        """Take the screen down."""
        self._live.stop()

    def _drawn(self) -> "RenderableType":
        from rich.console import Group
        from rich.panel import Panel
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        passed, whole = self._now - self._start, self._until - self._start
        # At 80 columns there is room for three counts of four digits.
        counts = Text("  ").join(
            Text(f"{count:>3} {name}", style=COLOURS[name] if count else "dim")
            for name, count in ((name, self._tally.counts[name]) for name in NAMES)
        )
        lines = [
            Text(_line(event), style=_style(event), no_wrap=True, overflow="ellipsis")
            for event in self._events
        ]
        lines += [Text("")] * (LINES - len(lines))
        title = f"renewd demo  {self._now:%a %d %b %Y %H:%M} UTC"
        bar = ProgressBar(
            total=whole / timedelta(days=1),
            completed=passed / timedelta(days=1),
            width=None,
            complete_style="green",
            finished_style="green",
        )
        return Panel(
            Group(bar, Text(""), counts, Text(self._tally.amounts(), style="bold"), Text(""), *lines),
            title=title,
        )


def summary(result: Reconciliation, days: int) -> str:
    """Write what came of it all."""
    stages = result.stages
    rows = [
        ("renewals paid", stages["extended"]),
        ("recovered after a decline", result.recovered),
        ("lapsed", stages["lapsed"]),
        ("in review", stages["review"]),
        ("still open", stages["due"] + stages["charged"]),
        ("attempts in the audit log", result.attempts),
        ("requests in the ledger", result.requests),
        *((f"charged, {money.currency}", str(money).partition(" ")[0]) for money in result.money()),
        *(
            (f"  of it renewed, {money.currency}", str(money).partition(" ")[0])
            for money in result.renewals()
        ),
        ("charged twice", result.charged_twice),
        ("lost", result.lost),
    ]
    lines = [
        f"After {days} day{'s' if days > 1 else ''}, the gateway's ledger held against the audit log:",
        "",
    ]
    lines += [f"  {name:<28}{value:>12}" for name, value in rows]
    verdict = "The ledger and the log agree." if result.agrees else "THE LEDGER AND THE LOG DO NOT AGREE:"
    problems = [
        *result.problems[:20],
        *([f"{result.lost} were due and never taken up"] if result.lost else []),
    ]
    return "\n".join([*lines, "", verdict, *(f"  {problem}" for problem in problems)])


def _line(event: Event) -> str:
    what = (event.detail or event.code).replace("_", " ")
    later = event.next_action == "charge" and event.next_at and event.next_at > event.at
    again = f"again {event.next_at:%d %b %H:%M}" if later else ""
    amount = str(event.amount) if event.amount else ""
    name = event.name.replace(".", " ").replace("_", " ")
    return f"{event.at:%d %b %H:%M}  {event.subscription:<8}{name:<22}{amount:>11}  {again or what}"


def _style(event: Event) -> str:
    return COLOURS.get(SHOWN.get(event.name, ""), "")
