"""renewd broken on purpose, in eleven ways. Each is what the code could easily have been; none may go unnoticed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from unittest.mock import patch

from sqlalchemy import bindparam, update

from renewd.adapters.store import changes
from renewd.adapters.store.tables import renewals
from renewd.renewal import command, decide, fold, settle
from renewd.renewal.begin import opened
from renewd.renewal.change import Change, Opening
from renewd.renewal.command import Verb
from renewd.renewal.decline import DeclineClass
from renewd.renewal.model import AttemptState, Case, Renewal, Stage, Subscription, open_attempt
from renewd.renewal.moment import Moment
from renewd.renewal.outcome import ActionRequired, Declined, Unknown
from renewd.renewal.standing import Standing
from renewd.renewal.step import Call, Extend, Resend, Settle
from renewd.service import advance
from renewd.service.engine import Engine
from tests.memory_store import MemoryStore


@dataclass(frozen=True, slots=True)
class Mutant:
    """One way to break renewd, and the number of the rule that must notice."""

    name: str
    rule: int
    broken: Callable[[], AbstractContextManager[Any]]
    twins: bool = False


def _fresh_key() -> AbstractContextManager[Any]:
    absent = fold._absent

    def fresh(change: Change, moment: Moment) -> Change:
        change = absent(change, moment)
        believed = change.attempt and change.attempt.state is AttemptState.UNSENT
        return fold._definite(change, AttemptState.ABANDONED, moment.now) if believed else change

    return patch.object(fold, "_absent", fresh)


def _unknown_is_a_decline() -> AbstractContextManager[Any]:
    folded = fold.folded

    def hasty(case: Case, step: Call, answer: Any, moment: Moment, duration_ms: int) -> Change:
        if isinstance(answer, Unknown):
            answer = Declined(DeclineClass.LATER, "timeout")
        return folded(case, step, answer, moment, duration_ms)

    return patch.object(advance, "folded", hasty)


def _call_before_write() -> AbstractContextManager[Any]:
    async def attempt(engine: Engine, case: Case, step: Call, moment: Moment) -> tuple[Case | None, datetime]:
        begun = opened(case, step, moment)
        after = begun.after()
        answer = await engine.ask(open_attempt(after), step)
        if not await advance._commit(engine, begun):
            return await engine.store.reload(case, moment.now), engine.clock.now()
        now = engine.clock.now()
        late = replace(moment, now=now)
        change = await advance._record(engine, after, lambda fresh: fold.folded(fresh, step, answer, late, 0))
        return change.after() if change and change.goes_on else None, now

    return patch.object(advance, "_attempt", attempt)


def _key_past_its_window() -> AbstractContextManager[Any]:

    def trusting(case: Case, moment: Moment) -> Any:
        step = decide.next_step(case, moment)
        return Resend() if isinstance(step, Settle) else step

    return patch.object(advance, "next_step", trusting)


def _extended_before_paid() -> AbstractContextManager[Any]:
    record = advance._record

    async def eager(engine: Engine, case: Case, fold: Callable[[Case], Change]) -> Change | None:
        change = fold(case)
        if change.renewal.stage is Stage.CHARGED and case.renewal.stage is Stage.DUE:
            paid = change.after()
            begun = opened(paid, Extend(), engine.moment(paid, change.at))
            await engine.ask(open_attempt(begun.after()), Extend())
        return await record(engine, case, fold)

    return patch.object(advance, "_record", eager)


def _expiry_from_the_day_of_payment() -> AbstractContextManager[Any]:

    def from_today(subscription: Subscription, renewal: Renewal, moment: Moment) -> Subscription:
        length = renewal.period_end - renewal.period_start
        moved = decide.extended_subscription(subscription, renewal, moment)
        return replace(moved, current_period_end=moment.now + length)

    return patch.object(fold, "extended_subscription", from_today)


def _hard_decline_retried() -> AbstractContextManager[Any]:
    refused = fold._refused

    def stubborn(change: Change, answer: Declined | ActionRequired, moment: Moment) -> Change:
        if isinstance(answer, Declined):
            answer = replace(answer, decline_class=DeclineClass.LATER)
        return refused(change, answer, moment)

    return patch.object(fold, "_refused", stubborn)


def _refund_forgotten() -> AbstractContextManager[Any]:
    refunded = settle.refunded

    def forgetful(standing: Standing, moment: Moment) -> Standing:
        after = refunded(standing, moment)
        return replace(after, renewal=after.renewal and replace(after.renewal, stage=Stage.SKIPPED))

    return patch.dict(command._COMMANDS, {Verb.SETTLE_REFUNDED: forgetful})


def _late_opening_trusted() -> AbstractContextManager[Any]:
    planned = decide.planned

    def trusting(subscription: Subscription, moment: Moment) -> Opening:
        opening = planned(subscription, moment)
        return replace(opening, renewal=replace(opening.renewal, check_first=False))

    return patch.object(decide, "planned", trusting)


@contextmanager
def _backup_trusted() -> Iterator[None]:
    with patch.object(MemoryStore, "_doubt", lambda _: None):
        yield


@contextmanager
def _lease_not_fenced() -> Iterator[None]:
    unguarded = update(renewals).where(renewals.c.id == bindparam("of_renewal"))
    moves = {
        (goes_on, moves): unguarded.values(
            changes._moved if goes_on else changes._moved | {"lease_until": None}
        )
        for goes_on, moves in changes._move
    }
    with (
        patch.object(MemoryStore, "_holds", lambda self, change: True),
        patch.object(changes, "_move", moves),
    ):
        yield


MUTANTS = (
    Mutant("a resend gets a fresh key", 4, _fresh_key),
    Mutant("no answer counts as a decline", 1, _unknown_is_a_decline),
    Mutant("the call is made before its row is written", 3, _call_before_write),
    Mutant("a key is sent again without a look-up, however old", 1, _key_past_its_window),
    Mutant("the plan is extended before the payment is written", 7, _extended_before_paid),
    Mutant("the expiry moves from the day of payment", 7, _expiry_from_the_day_of_payment),
    Mutant("a hard decline is retried", 10, _hard_decline_retried),
    Mutant("what was refunded can be tried again", 1, _refund_forgotten),
    Mutant("what is opened late is charged without a look-up", 1, _late_opening_trusted),
    Mutant("what was open in a backup is charged without a look-up", 1, _backup_trusted),
    Mutant("a lease is not fenced", 8, _lease_not_fenced, twins=True),
)
