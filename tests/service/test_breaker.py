"""A provider that does not answer is left alone, tried by one call at a time, and trusted again at its first answer."""

from datetime import timedelta

import pytest

from renewd.renewal.decline import DeclineClass
from renewd.renewal.outcome import (
    Absent,
    ActionRequired,
    Declined,
    Done,
    Finding,
    Mismatch,
    Pending,
    Unknown,
    Unreached,
)
from renewd.service.breaker import Breaker
from tests.renewal.building import HOUR, MINUTE, NOON

DOWN, LOST = Unreached("connection refused"), Unknown("timeout")
USABLE: list[Finding] = [
    Done("pi_1"),
    Declined(DeclineClass.LATER, "insufficient_funds"),
    ActionRequired("authentication_required"),
    Pending("pi_1"),
    Mismatch("another amount", "pi_1"),
    Absent(),
]


def a_breaker(*answers: Finding) -> Breaker:
    """A breaker for three failures that probes after a minute, at most after five; it has heard these at NOON."""
    breaker = Breaker(3, MINUTE, 5 * MINUTE)
    for answer in answers:
        breaker.heard(answer, NOON)
    return breaker


HEARD = {
    "nothing": ([], ""),
    "two failures": ([DOWN, DOWN], ""),
    "three failures in a row": ([DOWN, LOST, DOWN], "opened"),
    "a fourth tells nothing new": ([DOWN] * 4, ""),
    "a success between them": ([DOWN, DOWN, Done("pi_1"), DOWN, DOWN], ""),
    "turned away as a whole": ([Unreached("401", refused=True)], "opened"),
    "busy": ([Unreached("429", retry_after=MINUTE)] * 5, ""),
    "an answer at last": ([DOWN, DOWN, DOWN, Done("pi_1")], "closed"),
    "an answer while closed": ([DOWN, Done("pi_1")], ""),
}


@pytest.mark.parametrize(("answers", "turned"), HEARD.values(), ids=HEARD)
def test_answers_open_and_close_it(answers: list[Finding], turned: str) -> None:
    breaker = a_breaker(*answers[:-1])
    assert (breaker.heard(answers[-1], NOON) if answers else "") == turned


@pytest.mark.parametrize("answer", USABLE, ids=lambda answer: type(answer).__name__)
def test_any_usable_answer_closes_it(answer: Finding) -> None:
    breaker = a_breaker(DOWN, DOWN, DOWN)
    assert breaker.is_open is True
    assert breaker.heard(answer, NOON) == "closed"
    assert (breaker.is_open, breaker.until(NOON), breaker.lets_through(NOON)) == (False, None, True)


def test_closed_it_lets_everybody_through() -> None:
    breaker = a_breaker(DOWN, DOWN)
    assert [breaker.lets_through(NOON) for _ in range(3)] == [True] * 3


def test_open_it_says_until_when_to_wait_and_lets_nobody_through() -> None:
    breaker = a_breaker(DOWN, DOWN, DOWN)
    assert breaker.until(NOON) == breaker.until(NOON + MINUTE / 2) == NOON + MINUTE
    assert not breaker.lets_through(NOON + MINUTE / 2)


def test_once_the_wait_is_over_one_call_is_the_probe() -> None:
    breaker = a_breaker(DOWN, DOWN, DOWN)
    assert [breaker.lets_through(NOON + MINUTE) for _ in range(3)] == [True, False, False]
    assert breaker.until(NOON + MINUTE) == NOON + 3 * MINUTE


def test_to_be_asked_until_when_uses_no_probe_up() -> None:
    breaker = a_breaker(DOWN, DOWN, DOWN)
    assert [breaker.until(NOON + MINUTE) for _ in range(3)] == [None] * 3
    assert breaker.lets_through(NOON + MINUTE)


def waits_between_failed_probes(breaker: Breaker, count: int) -> list[timedelta]:
    now, waits = NOON, []
    for _ in range(count):
        until = breaker.until(now)
        assert until is not None
        waits.append(until - now)
        now = until
        assert breaker.lets_through(now)
        assert breaker.heard(DOWN, now) == ""
    return waits


def test_each_failed_probe_doubles_the_wait_up_to_its_most() -> None:
    minutes = [wait / MINUTE for wait in waits_between_failed_probes(a_breaker(DOWN, DOWN, DOWN), 5)]
    assert minutes == [1, 2, 4, 5, 5]


def test_once_closed_it_starts_over_with_short_waits() -> None:
    breaker = a_breaker(DOWN, DOWN, DOWN)
    waits_between_failed_probes(breaker, 4)
    assert breaker.heard(Done("pi_1"), NOON + HOUR) == "closed"
    for _ in range(3):
        breaker.heard(DOWN, NOON + HOUR)
    assert breaker.until(NOON + HOUR) == NOON + HOUR + MINUTE


BUSY = {
    "as long as it asks for": ([], 7 * MINUTE, 7 * MINUTE),
    "the longest that was asked for": ([Unreached("429", retry_after=20 * MINUTE)], MINUTE, 20 * MINUTE),
    "no shorter than while it is down": ([DOWN, DOWN, DOWN], MINUTE / 2, MINUTE),
}


@pytest.mark.parametrize(("before", "asked", "rest"), BUSY.values(), ids=BUSY)
def test_a_busy_provider_gets_its_rest(before: list[Finding], asked: timedelta, rest: timedelta) -> None:
    breaker = a_breaker(*before, Unreached("429", retry_after=asked))
    assert breaker.until(NOON) == NOON + rest
