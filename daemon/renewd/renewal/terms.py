"""The terms that hold for one subscription once every layer of the policy has been applied."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from renewd.renewal.decline import DeclineAction, DeclineClass
from renewd.renewal.money import Money
from renewd.renewal.period import ChargeWindow, Period, stable_fraction

DAY = timedelta(days=1)
ALL_DAY = timedelta(hours=23, minutes=59)  # a window from 00:00 to 23:59 holds nothing up

MOST_KEPT = 10_000  # terms that a daemon remembers: every subscription may have tags of its own


@dataclass(frozen=True)
class Ladder:
    """The dunning ladder: how long to wait after each soft decline, and by how many percent to spread that."""

    waits: tuple[timedelta, ...]
    jitter_percent: int = 0

    def wait(self, step: int, seed: str) -> timedelta | None:
        """Give the wait after the decline that ends `step` (0 is the first), or None past the last rung.

        The jitter only lengthens a wait, by a share that nothing but `seed` and the step decide.
        """
        if step >= len(self.waits):
            return None
        return self.waits[step] * (1 + self.jitter_percent / 100 * stable_fraction(f"{seed}/{step}"))


@dataclass(frozen=True)
class Terms:
    """When, how and for how much a subscription is renewed. See `policy.Policy.terms_for`."""

    plan: str
    carrier: str
    gateway: str
    price: Money
    period: Period
    renew_before: timedelta
    charge_window: ChargeWindow
    grace: timedelta
    ladder: Ladder
    on_decline: Mapping[DeclineClass, DeclineAction]
    require_email: bool

    def last_try(self) -> timedelta:
        """Give how long after the midnight that begins the first charge's day the last try may come.

        That is the worst case of the charge window, clock changes aside: a wait that ends outside of it goes on
        into the next one, so that each counts as whole days.
        """
        opens, closes = (
            timedelta(hours=at.hour, minutes=at.minute)
            for at in (self.charge_window.start, self.charge_window.end)
        )
        if closes <= opens:
            closes += DAY
        waits = [wait * (100 + self.ladder.jitter_percent) / 100 for wait in self.ladder.waits]
        if closes - opens < ALL_DAY:
            waits = [DAY * -(-wait // DAY) for wait in waits]
        return closes + sum(waits, timedelta(0))
