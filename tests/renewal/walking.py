"""One renewal on a random way from its opening to its rest, looked at after every change."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from renewd.renewal.begin import opened
from renewd.renewal.change import Change
from renewd.renewal.decide import deadline, next_step
from renewd.renewal.fold import folded
from renewd.renewal.model import (
    OPEN_STAGES,
    Attempt,
    AttemptState,
    Case,
    Leg,
    PaymentMethod,
    Stage,
    SubscriptionState,
)
from renewd.renewal.moment import Moment
from renewd.renewal.outcome import Finding
from renewd.renewal.period import into_window
from renewd.renewal.rest import rested
from renewd.renewal.step import Call, Charge, CheckFirst, Close, Extend, Hold, Resend, Settle, Wait
from tests.renewal.building import DAY, NOON, PRICE, case, moment

ONWARD = {
    Stage.DUE: {Stage.DUE, Stage.CHARGED, Stage.LAPSED, Stage.REVIEW, Stage.SKIPPED, Stage.CANCELED},
    Stage.CHARGED: {Stage.CHARGED, Stage.EXTENDED, Stage.REVIEW},
}
PINNED = (
    "renewal_id leg number provider policy_digest begun_at amount method_token method_kind gateway_customer line plan extend_to"
).split()


@dataclass
class Walk:
    """Where the renewal stands, and what it has done so far."""

    case: Case = field(default_factory=case)
    now: datetime = NOON
    gateway_until: datetime | None = None
    paid: int = 0
    sent: dict[str, Attempt] = field(default_factory=dict)

    @property
    def moment(self) -> Moment:
        """What holds now."""
        return moment(self.now, gateway_until=self.gateway_until)

    def pending_call(self) -> Call | None:
        """Go on to the next call or the next time to wait for; None at rest, and while there is time to pass."""
        step = next_step(self.case, self.moment)
        match step:
            case Charge() | Extend() | Resend() | Settle():
                self._may_be_made(step)
                self._apply(opened(self.case, step, self.moment))
                return step
            case Wait(until) if until == self.case.renewal.next_at:
                self.now = until
            case CheckFirst() | Wait() | Hold() | Close():
                self._apply(rested(self.case, step, self.moment))
        return None

    def hear(self, step: Call, answer: Finding, later: timedelta) -> None:
        """Take the answer to a call, some time after it was made."""
        self.now += later
        self._apply(folded(self.case, step, answer, self.moment, 0))

    def _may_be_made(self, step: Call) -> None:
        """Check that nothing forbids the call."""
        renewal, open_attempt = self.case.renewal, self.case.attempt
        if isinstance(step, Charge | Extend):
            assert open_attempt is None
        if isinstance(step, Extend):
            assert (renewal.stage, renewal.paid) == (Stage.CHARGED, PRICE)
        if isinstance(step, Charge) or (isinstance(step, Resend) and renewal.stage is Stage.DUE):
            assert (renewal.stage, renewal.paid, self.paid) == (Stage.DUE, None, 0)
            assert (self.case.subscription.state, self.case.halted) == (SubscriptionState.ACTIVE, False)
            assert self.case.subscription.current_period_end == renewal.period_start
            self._in_hours()
        if isinstance(step, Charge):
            self._has_budget(step.method)

    def _in_hours(self) -> None:
        terms, renewal = self.moment.policy.terms_for(self.case.subscription), self.case.renewal
        opens = into_window(self.now, terms.charge_window, self.case.subscription.zone, renewal.id)
        assert opens == self.now or opens >= min(deadline(renewal, terms), renewal.period_end)

    def _has_budget(self, method: PaymentMethod) -> None:
        recent = [at for each, at in self.case.declines if each == method.id and at > self.now - DAY]
        assert len(recent) < self.moment.policy.limits.per_day
        assert not method.blocked
        assert method.token not in self.case.renewal.spent

    def _apply(self, change: Change) -> None:
        """Check a change, and stand where it leads."""
        before, after = self.case.renewal, change.renewal
        assert after.stage in ONWARD[before.stage]
        assert after.charges >= before.charges
        assert after.extends >= before.extends
        assert (after.next_at is None) is (after.stage not in OPEN_STAGES) is (after.closed_at is not None)
        assert after.next_at is None or after.next_at >= self.now
        assert (after.stage in {Stage.CHARGED, Stage.EXTENDED}) <= (after.paid == PRICE)
        assert (after.stage is Stage.LAPSED) <= (after.paid is None)
        assert after.stage is before.stage or change.events
        assert {event.policy_digest for event in change.events} <= {self.moment.policy.digest}
        self._same_under_one_key(change.attempt)
        self._expiry_is_exact(change)
        self._told(change)
        self.case = self._learned(change)

    def _same_under_one_key(self, attempt: Attempt | None) -> None:
        if attempt is None:
            return
        first = self.sent.setdefault(attempt.key, attempt)
        assert [getattr(first, name) for name in PINNED] == [getattr(attempt, name) for name in PINNED]
        self.paid += attempt.leg is Leg.CHARGE and attempt.state is AttemptState.DONE
        assert self.paid <= 1

    def _expiry_is_exact(self, change: Change) -> None:
        old, new = self.case.subscription, change.subscription or self.case.subscription
        moved = new.current_period_end != old.current_period_end
        assert moved is (change.renewal.stage is Stage.EXTENDED)
        if moved:
            assert new.current_period_end == change.renewal.period_end
            assert self.paid == 1

    def _told(self, change: Change) -> None:
        """Nothing that a person must know or can end is silent, and no occasion makes two letters."""
        ids = [notice.id for notice in change.notices]
        assert len(ids) == len(set(ids))
        if change.renewal.stage in {Stage.EXTENDED, Stage.LAPSED, Stage.REVIEW}:
            assert ids

    def _learned(self, change: Change) -> Case:
        """The case after a change, with what the store would read again: blocked methods and declines."""
        methods = tuple(
            replace(each, blocked=each.blocked or each.id == change.blocked_method)
            for each in self.case.methods
        )
        declines, attempt = self.case.declines, change.attempt
        if attempt and attempt.state is AttemptState.DECLINED and attempt.method_id:
            declines = (*declines, (attempt.method_id, self.now))
        return replace(change.after(), methods=methods, declines=declines)
