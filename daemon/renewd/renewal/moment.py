"""The instant at which something is decided, and what holds then besides the case itself."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from renewd.renewal.policy import Policy


@dataclass(frozen=True)
class Moment:
    """`now` was read from the clock once, and is the only time that a decision knows.

    `settle_after` is how long after a call without an answer its request may still arrive, with a margin;
    `gateway_until`, `carrier_until` and `brake_until` say until when a provider that is down, or the brake,
    keeps us from calling, `refused_until` until when to begin no charge since the database has just refused one for
    what other daemons have begun (None or past: not at all). `running_since` is when this daemon started on its
    database; None: it would start now. `gateways` and `carriers` are the names of those that are configured; None:
    whichever is asked for.
    """

    now: datetime
    policy: Policy
    settle_after: timedelta
    gateway_until: datetime | None = None
    carrier_until: datetime | None = None
    brake_until: datetime | None = None
    refused_until: datetime | None = None
    running_since: datetime | None = None
    gateways: Collection[str] | None = None
    carriers: Collection[str] | None = None
