"""Why a charge was declined, which declines forbid another try, and how often one card may be tried.

The classes follow the card networks' rules; the tables below name their source. A policy may be stricter than
the networks, never more lenient.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class DeclineClass(StrEnum):
    """What a decline means for the next try."""

    NEVER = "never"  # the issuer will never approve this card, or consent was withdrawn
    FIX_DATA = "fix_data"  # the card's data must change first
    CUSTOMER_ACTION = "customer_action"  # the customer must verify or talk to the bank
    TECHNICAL = "technical"  # a fault on the way to the issuer
    LATER = "later"  # a soft decline: the same card may work another day
    OURS = "ours"  # the request itself was wrong; the customer can do nothing about it


class DeclineAction(StrEnum):
    """What the policy does about a class of declines."""

    RETRY = "retry"  # the same method again, on the ladder
    NEXT_METHOD = "next_method"  # the customer's next payment method, else wait for a new one
    HOLD = "hold"  # wait for the customer or the operator
    STOP = "stop"  # give this renewal up


# Only these actions keep the networks' rules for the classes that forbid another try of the same card unchanged.
ALLOWED_ACTIONS = {
    DeclineClass.NEVER: frozenset({DeclineAction.NEXT_METHOD, DeclineAction.HOLD, DeclineAction.STOP}),
    DeclineClass.FIX_DATA: frozenset({DeclineAction.NEXT_METHOD, DeclineAction.HOLD, DeclineAction.STOP}),
    DeclineClass.CUSTOMER_ACTION: frozenset(
        {DeclineAction.NEXT_METHOD, DeclineAction.HOLD, DeclineAction.STOP}
    ),
    DeclineClass.TECHNICAL: frozenset(DeclineAction),
    DeclineClass.LATER: frozenset(DeclineAction),
    DeclineClass.OURS: frozenset({DeclineAction.HOLD, DeclineAction.STOP}),
}

DEFAULT_ACTIONS = {
    DeclineClass.NEVER: DeclineAction.NEXT_METHOD,
    DeclineClass.FIX_DATA: DeclineAction.NEXT_METHOD,
    DeclineClass.CUSTOMER_ACTION: DeclineAction.HOLD,
    DeclineClass.TECHNICAL: DeclineAction.RETRY,
    DeclineClass.LATER: DeclineAction.RETRY,
    DeclineClass.OURS: DeclineAction.HOLD,
}

# Visa Core Rules, table 7-2, category 1 ("issuer will never approve"); 57 belongs to it since 25 Oct 2026.
VISA_NEVER = frozenset("04 07 12 14 15 41 43 46 57 R0 R1 R3".split())
# Mastercard Merchant Advice Codes: 03 do not try again, 21 stop recurring, 40 and 41 cards that cannot recur.
MASTERCARD_NEVER = frozenset({"03", "21", "40", "41"})
# Mastercard Merchant Advice Codes 24 to 30: how long to wait before a card without funds is tried again.
MASTERCARD_WAITS = {
    "02": timedelta(hours=72),
    "24": timedelta(hours=1),
    "25": timedelta(hours=24),
    "26": timedelta(days=2),
    "27": timedelta(days=4),
    "28": timedelta(days=6),
    "29": timedelta(days=8),
    "30": timedelta(days=10),
}

MAX_DECLINES_PER_DAY = 10  # Mastercard: consecutive declines of one card at one merchant in 24 hours
MAX_DECLINES_PER_30_DAYS = 20  # Visa Core Rules, table 7-2, categories 2 to 4: reattempts in 30 days


@dataclass(frozen=True)
class CardLimits:
    """How many declines of one payment method are allowed in 24 hours and in 30 days."""

    per_day: int = MAX_DECLINES_PER_DAY
    per_30_days: int = 15

    def open_at(self, declines: Iterable[datetime], now: datetime) -> datetime:
        """Give the first instant, `now` or later, at which the method may be tried again.

        `declines` are the instants of the method's earlier declines, in any order; one from before the clock was
        set back still counts.
        """
        times = sorted(declines)
        return max(
            now,
            _freed(times, timedelta(hours=24), self.per_day, now),
            _freed(times, timedelta(days=30), self.per_30_days, now),
        )


def _freed(times: list[datetime], span: timedelta, limit: int, now: datetime) -> datetime:
    recent = [at for at in times if at > now - span]
    return now if len(recent) < limit else recent[-limit] + span
