"""Where a subscription stands when an operator speaks, and the answer to a word that makes no sense for it."""

from dataclasses import dataclass

from renewd.renewal.model import Attempt, Renewal, Subscription


class RefusedError(Exception):
    """The command makes no sense for this subscription as it stands; the message says why, and what to do."""


@dataclass(frozen=True)
class Standing:
    """Where a subscription stands: the renewal that a command is about, if any, and its open attempt, if any."""

    subscription: Subscription
    renewal: Renewal | None = None
    attempt: Attempt | None = None
