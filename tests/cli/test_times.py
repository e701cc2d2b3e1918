"""Instants as people give them."""

from datetime import UTC, datetime

import click
import pytest

from renewd.cli.times import instant, past, relative, span

NOW = datetime(2026, 12, 1, 12, 30, tzinfo=UTC)
BACK = {
    "now": "2026-12-01T12:30:00+00:00",
    "7d": "2026-11-24T12:30:00+00:00",
    "-7d": "2026-11-24T12:30:00+00:00",
    "+1d12h": "2026-12-03T00:30:00+00:00",
    "today": "2026-12-01T00:00:00+00:00",
    "Yesterday": "2026-11-30T00:00:00+00:00",
    "tomorrow": "2026-12-02T00:00:00+00:00",
    "2026-11-23": "2026-11-23T00:00:00+00:00",
    "2026-11-23 09:15": "2026-11-23T09:15:00+00:00",
    "2026-11-23T09:15:30Z": "2026-11-23T09:15:30+00:00",
    "2026-11-23 09:15 -05:00": "2026-11-23T14:15:00+00:00",
}
NO_TIMES = [
    "",
    "soon",
    "7",
    "7 days",
    "2026-13-01",
    "2026-02-30",
    "2026-11-23T25:00Z",
    "23.11.2026",
    "9" * 30 + "w",
]


@pytest.mark.parametrize(("text", "expected"), BACK.items())
def test_an_instant_is_read_as_people_write_it(text: str, expected: str) -> None:
    assert instant(text, NOW).isoformat() == expected


def test_a_duration_can_count_ahead_instead() -> None:
    assert instant("2d", NOW, ahead=True).isoformat() == "2026-12-03T12:30:00+00:00"


@pytest.mark.parametrize("text", NO_TIMES)
def test_what_is_no_time_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a time; write e"):
        past(text)


@pytest.mark.parametrize("text", ["", "7", "1 week", "9" * 30 + "w"])
def test_what_is_no_duration_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a duration; write e"):
        span(text)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2026-12-01T12:30:20+00:00", "now"),
        ("2026-12-01T12:29:00+00:00", "1 minute ago"),
        ("2026-12-01T17:40:00+00:00", "in 5 hours"),
        ("2027-01-10T00:00:00+00:00", "in 39 days"),
    ],
)
def test_an_instant_is_told_from_now(at: str, words: str) -> None:
    assert relative(datetime.fromisoformat(at), NOW) == words
