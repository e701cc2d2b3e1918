"""A breaker for each provider: when it does not answer, renewals wait for it instead of spending their tries."""

from datetime import datetime, timedelta

from renewd.renewal.outcome import Finding, Unknown, Unreached

LONGEST_REST = timedelta(hours=1)  # what a provider may ask for by Retry-After, at most


class Breaker:
    """Opens after `failures` calls in a row that got no usable answer, or at once when the provider turns us away.

    While it is open one call at a time is let through as a probe: the first after `probe_after`, and after each
    failed one the wait doubles, up to `probe_at_most`. Any usable answer closes it.
    """

    def __init__(self, failures: int, probe_after: timedelta, probe_at_most: timedelta) -> None:
        """Start closed."""
        self._failures = failures
        self._probe_after = probe_after
        self._probe_at_most = probe_at_most
        self._in_a_row = 0
        self._wait = probe_after
        self._longest = max(probe_after, probe_at_most, LONGEST_REST)
        self._open_until: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the provider counts as down."""
        return self._open_until is not None

    def until(self, now: datetime) -> datetime | None:
        """Give until when to leave the provider alone, or None for: it may be called."""
        self._clamp(now)
        return self._open_until if self._open_until and now < self._open_until else None

    def lets_through(self, now: datetime) -> bool:
        """Say whether this very call may be made; when the wait of an open breaker is over, the first is the probe."""
        self._clamp(now)
        if self._open_until is None:
            return True
        if now < self._open_until:
            return False
        self._open_until = now + self._wait
        return True

    def heard(self, answer: Finding, now: datetime) -> str:
        """Take note of an answer, and say what it did to the breaker: `opened`, `closed` or nothing."""
        if isinstance(answer, Unreached) and answer.retry_after and not answer.refused:
            # Busy, not down: the whole provider is given the rest it asks for.
            self._open_until = max(self._open_until or now, now + answer.retry_after)
            return ""
        if isinstance(answer, Unreached | Unknown):
            return self._failed(now, at_once=isinstance(answer, Unreached) and answer.refused)
        was_open = self._in_a_row >= self._failures
        self._in_a_row, self._wait, self._open_until = 0, self._probe_after, None
        return "closed" if was_open else ""

    def _clamp(self, now: datetime) -> None:
        """Wait no longer than was meant, also when the clock has been set back since."""
        if self._open_until:
            self._open_until = min(self._open_until, now + self._longest)

    def _failed(self, now: datetime, *, at_once: bool) -> str:
        was_open = self._in_a_row >= self._failures
        self._in_a_row = self._failures if at_once else self._in_a_row + 1
        if self._in_a_row < self._failures:
            return ""
        self._open_until = now + self._wait
        self._wait = min(self._wait * 2, self._probe_at_most)
        return "" if was_open else "opened"
