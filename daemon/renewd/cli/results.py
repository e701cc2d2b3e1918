"""What came of a pass: how each renewal that it took up was left."""

from collections import Counter

from renewd.renewal.audit import Event
from renewd.renewal.model import HoldReason

UNREACHED, IN_DOUBT, SET_ASIDE = "unreached", "in doubt", "set aside"
# What the last event of a renewal says of it, by the event's verb; in the order in which it is told.
LEFT = {
    "completed": "renewed",
    "declined": "declined",
    "held": "held",
    "lapsed": "lapsed",
    "review": "in review",
    "skipped": "skipped",
    "canceled": "canceled",
    "opened": "waiting",
    "pending": "waiting",
    "unreached": UNREACHED,
    **dict.fromkeys(("unknown", "absent", "attempted", "lookup", "doubted"), IN_DOUBT),
    "set_aside": SET_ASIDE,
}


class Results:
    """Is told the events of a pass; the last one of each renewal says how it was left."""

    def __init__(self) -> None:
        """Begin with none."""
        self._left: dict[str, str] = {}

    def tell(self, event: Event) -> None:
        """Take note of an event."""
        left = LEFT.get(event.name.partition(".")[2])
        whose = event.renewal or event.subscription  # one that could not even be opened has no renewal
        if whose and left:
            resting = event.name == "renewal.held" and event.code == HoldReason.BREAKER
            self._left[whose] = UNREACHED if resting else left

    @property
    def unsettled(self) -> bool:
        """Whether anything has to be tried again, for no reason of a customer's or an operator's."""
        return not {UNREACHED, IN_DOUBT, SET_ASIDE}.isdisjoint(self._left.values())

    def __str__(self) -> str:
        """Count them: `17 renewed, 2 declined`."""
        counted = Counter(self._left.values())
        words = [f"{counted[word]} {word}" for word in dict.fromkeys(LEFT.values()) if counted[word]]
        return ", ".join(words) or "nothing was due"
