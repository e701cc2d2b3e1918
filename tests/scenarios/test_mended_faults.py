"""Faults that once were: each life shows one, and is told as it should be."""

from collections.abc import Sequence
from datetime import datetime

import pytest

from renewd.renewal.audit import Event
from renewd.renewal.model import Case
from tests.renewal.building import policy
from tests.scenarios.conftest import Begin
from tests.scenarios.diary import paid


async def test_a_halt_without_a_reason_is_a_halt(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.books.halt("", "ops", diary.clock.now())
    await diary.on("2026-11-01 00:00", "operator.halted")
    held = "renewal.held halted, again 2026-12-03 00:00: all charging is halted by the operator"
    await diary.on("2026-11-23 13:30", "renewal.opened", held)


async def test_a_halt_that_outlasts_the_grace_period_costs_nobody_the_plan(begin: Begin) -> None:
    diary = begin()
    diary.subscribe()
    diary.halt()
    await diary.on("2026-11-01 00:00", "operator.halted: complaints")
    held = "renewal.held halted, again 2026-12-03 00:00: all charging is halted by the operator"
    await diary.on("2026-11-23 13:30", "renewal.opened", held)
    await diary.quiet_until("2026-12-10 10:00")
    diary.unhalt()
    await diary.on("2026-12-10 10:00", "operator.unhalted", *paid())


async def test_two_lines_that_are_due_together_never_try_a_forbidden_card_twice(begin: Begin) -> None:
    diary = begin()
    diary.subscribe("sub1")
    diary.subscribe("sub2")
    diary.gateway.will("pm_visa", "lost_card", "lost_card")
    await diary.sleep_until("2026-11-23 14:00")
    await diary.live()
    assert len(diary.gateway.answered) == 1


async def test_two_lines_that_are_due_together_share_the_budget_of_their_card(begin: Begin) -> None:
    diary = begin(policy=policy(card_limits={"declines_per_day": 1}))
    diary.subscribe("sub1")
    diary.subscribe("sub2")
    diary.gateway.will("pm_visa", "insufficient_funds", "insufficient_funds")
    await diary.sleep_until("2026-11-23 14:00")
    await diary.live()
    assert len(diary.gateway.answered) == 1


async def test_a_charge_that_was_refused_at_the_last_moment_does_not_count_for_the_brake(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    diary = begin(policy=policy(brake={"max_charges_per_hour": 1}))
    diary.subscribe()
    claim = diary.store.claim

    async def interrupted(now: datetime, limit: int) -> tuple[Sequence[Case], Sequence[Event]]:
        monkeypatch.undo()
        claimed = await claim(now, limit)
        diary.halt()
        return claimed

    monkeypatch.setattr(diary.store, "claim", interrupted)
    held = "renewal.held halted, again 2026-12-03 00:00: all charging is halted by the operator"
    await diary.on("2026-11-23 13:30", "renewal.opened", "operator.halted: complaints", held)
    diary.unhalt()
    await diary.on("2026-11-23 13:30", "operator.unhalted", *paid())


async def test_two_lines_of_one_customer_that_are_due_together_are_both_charged(begin: Begin) -> None:
    diary = begin()
    diary.subscribe("sub1")
    diary.subscribe("sub2")
    await diary.sleep_until("2026-11-23 14:00")
    await diary.live()
    assert sorted(diary.gateway.paid) == ["sub1/20261130T050000Z/charge/1", "sub2/20261130T050000Z/charge/1"]
