"""Which daemons live, since when there has been one without a break, and which of them leads."""

from datetime import datetime, timedelta

import pytest

from renewd.renewal.fleet import GONE_AFTER, Daemon, seen_from
from tests.renewal.building import DAY, HOUR, NOON

SECOND = timedelta(seconds=1)


def seen(name: str, started_at: datetime, ago: timedelta = SECOND) -> Daemon:
    return Daemon(name, started_at, NOON - ago)


OLD, YOUNG = seen("old", NOON - DAY), seen("young", NOON - HOUR)
STALE = seen("stale", NOON - DAY, GONE_AFTER)
AHEAD = seen("ahead", NOON - DAY, -GONE_AFTER)

FLEETS = {
    # who has been seen: is it new, its others, does it lead, since when has there been one
    "the first": ([], True, [], True, NOON),
    "at its next beat": ([seen("me", NOON - HOUR)], False, [], True, NOON - HOUR),
    "after a silence": ([seen("me", NOON - HOUR, GONE_AFTER)], True, [], True, NOON),
    "beside an older one": ([OLD], True, ["old"], False, NOON - DAY),
    "beside a younger one": ([seen("me", NOON - DAY), YOUNG], False, ["young"], True, NOON - DAY),
    "of two of one age the first by name": ([seen("a", NOON)], True, ["a"], False, NOON),
    "after one that was killed": ([STALE], True, [], True, NOON),
    "beside one whose clock cannot be right": ([AHEAD], True, [], True, NOON),
    "among several": ([OLD, YOUNG, STALE], True, ["old", "young"], False, NOON - DAY),
}


@pytest.mark.parametrize(("known", "is_new", "others", "leads", "since"), FLEETS.values(), ids=FLEETS)
def test_a_daemon_sees_those_that_live(
    known: list[Daemon], is_new: bool, others: list[str], leads: bool, since: datetime
) -> None:
    fleet = seen_from("me", known, NOON)
    assert (fleet.is_new, [each.name for each in fleet.others]) == (is_new, others)
    assert (fleet.leads, fleet.running_since, fleet.size) == (leads, since, 1 + len(others))
    assert fleet.me.seen_at == NOON


def test_one_and_only_one_leads() -> None:
    known = [OLD, YOUNG, seen("twin", NOON - DAY)]
    leading = [each.name for each in known if seen_from(each.name, known, NOON).leads]
    assert leading == ["old"]
