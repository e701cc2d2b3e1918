"""Which letters a change owes, to whom, and what they say."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from renewd.renewal.model import HoldReason


class NoticeKind(StrEnum):
    """The occasions on which somebody is told."""

    RENEWED = "renewed"
    DECLINED = "declined"
    PAYMENT_METHOD = "payment_method"
    VERIFICATION = "verification"
    LAPSED = "lapsed"
    REVIEW = "review"
    HELD = "held"


OPERATOR_KINDS = frozenset({NoticeKind.REVIEW, NoticeKind.HELD})


def notice_id(renewal_id: str, occasion: NoticeKind | HoldReason, charges: int) -> str:
    """Name an occasion; the count of answered charges tells it from the next of its kind, however often it is decided."""
    return f"{renewal_id}/{occasion}/{charges}"


def notice_ids(renewal_id: str, charges: int) -> list[str]:
    """Name every occasion that there can have been in the life of a renewal with so many answered charges."""
    occasions = {*NoticeKind, *HoldReason}
    return [notice_id(renewal_id, each, count) for each in occasions for count in range(charges + 1)]


@dataclass(frozen=True)
class Notice:
    """A letter that is owed. `id` names the occasion, so that one occasion never makes two letters.

    `kind` is a NoticeKind; a letter that another version has left may have one of its own. `recipient` is an
    e-mail address, or empty for the operator. `next_at` is when to try to deliver it, None once
    it is delivered or given up.
    """

    id: str
    kind: str
    subscription_id: str
    recipient: str
    subject: str
    body: str
    created_at: datetime
    next_at: datetime | None
    tries: int = 0


@dataclass(frozen=True)
class Letter:
    """A plain-text letter, ready to be delivered. `recipient` is an e-mail address."""

    message_id: str
    recipient: str
    subject: str
    body: str
    written_at: datetime
