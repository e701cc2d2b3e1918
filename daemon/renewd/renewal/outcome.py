"""The closed set of answers that a gateway or a carrier can give to a call.

Adapters return one of these and never raise for something that the outside world did: an exception from an
adapter is a bug. What cannot be understood is `Unknown`, never a success and never a failure.
"""

from dataclasses import dataclass
from datetime import timedelta

from renewd.renewal.decline import DeclineClass


@dataclass(frozen=True)
class Done:
    """It happened. `reference` is the provider's own id for it (a PaymentIntent, an extension)."""

    reference: str


@dataclass(frozen=True)
class Declined:
    """A definite no. `wait_at_least` is the network's advice on when a new try may be made at the earliest."""

    decline_class: DeclineClass
    code: str
    reference: str = ""
    wait_at_least: timedelta = timedelta(0)


@dataclass(frozen=True)
class ActionRequired:
    """A definite no, for now: the customer must verify the payment before it can be tried again."""

    code: str
    reference: str = ""


@dataclass(frozen=True)
class Pending:
    """The provider has accepted the request and will decide later."""

    reference: str


@dataclass(frozen=True)
class Unreached:
    """We know that nothing was carried out: not sent, or turned away before it was looked at.

    `refused` means that the provider turns us away as a whole (a revoked API key), not this one request.
    """

    reason: str
    retry_after: timedelta = timedelta(0)
    refused: bool = False


@dataclass(frozen=True)
class Unknown:
    """It may have happened. It is settled by a look-up before anything new is tried."""

    reason: str


@dataclass(frozen=True)
class Mismatch:
    """It happened, but not as we asked (another amount, another currency): a person must look."""

    reason: str
    reference: str


@dataclass(frozen=True)
class Absent:
    """A look-up read the provider's whole list and did not find the request."""


Outcome = Done | Declined | ActionRequired | Pending | Unreached | Unknown
Finding = Outcome | Mismatch | Absent


def name_of(answer: Finding) -> str:
    """Give the word that the audit log has for an answer: `done`, `declined`, ..."""
    return type(answer).__name__.lower()
