"""The closed set of things that a renewal can need next."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from renewd.renewal.model import HoldReason, PaymentMethod, Stage

OPERATOR_RECHECK = timedelta(hours=1)  # how often to look whether the operator has mended what was amiss


@dataclass(frozen=True)
class Charge:
    """Charge the renewal to `method`, as a new attempt."""

    method: PaymentMethod


@dataclass(frozen=True)
class CheckFirst:
    """Make the attempt that would charge `method`, and treat it as one that may have been sent."""

    method: PaymentMethod


@dataclass(frozen=True)
class Extend:
    """Ask the carrier to extend the plan, as a new attempt."""


@dataclass(frozen=True)
class Resend:
    """Send the open attempt again under its key: we know, or have made sure, that it never arrived."""


@dataclass(frozen=True)
class Drop:
    """Give the open attempt up: it never arrived, and a network rule forbids sending it now."""


@dataclass(frozen=True)
class Settle:
    """Look the open attempt up: it may have arrived."""


@dataclass(frozen=True)
class Hold:
    """Wait for something that time alone does not bring, and look again at `until`."""

    reason: HoldReason
    until: datetime
    detail: str


@dataclass(frozen=True)
class Wait:
    """Nothing to do before `until`. `hold` is what the renewal waits for until then; None: whatever it did before."""

    until: datetime
    hold: HoldReason | None = None


@dataclass(frozen=True)
class Close:
    """End the renewal at `stage`."""

    stage: Stage
    reason: str


@dataclass(frozen=True)
class Rest:
    """The renewal is at its end."""


Call = Charge | Extend | Resend | Settle
Step = Call | CheckFirst | Drop | Hold | Wait | Close | Rest
