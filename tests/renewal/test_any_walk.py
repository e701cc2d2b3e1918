"""Whatever is answered, whenever, and whatever the operator does in between: a renewal keeps its promises."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from renewd.renewal.decline import DeclineClass
from renewd.renewal.model import OPEN_STAGES, PaymentMethod, Stage, SubscriptionState
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
from renewd.renewal.step import Settle
from tests.renewal.building import AMEX, DAY, HOUR, MINUTE, PERIOD_END, VISA, case
from tests.renewal.walking import Walk

MOST_TURNS = 3000

spans = st.sampled_from([timedelta(seconds=2), MINUTE, 7 * MINUTE, HOUR, 9 * HOUR, DAY, 4 * DAY])
outcomes: st.SearchStrategy[Finding] = st.one_of(
    st.just(Done("ref")),
    st.builds(
        Declined, st.sampled_from(DeclineClass), st.just("code"), wait_at_least=st.just(timedelta(0)) | spans
    ),
    st.just(ActionRequired("authentication_required")),
    st.just(Pending("ref")),
    st.builds(Unreached, st.just("down"), st.just(timedelta(0)) | spans, st.booleans()),
    st.just(Unknown("timeout")),
)
findings = outcomes | st.just(Absent()) | st.just(Mismatch("another amount", "ref"))
interventions = st.sampled_from(
    ["nothing"] * 12
    + ["pause", "resume", "cancel", "by hand", "halt", "unhalt", "new card", "gateway rests", "late"]
)


def intervene(walk: Walk, what: str, count: int) -> None:
    """Do to the case what an operator, an import or an outage of ours does."""
    subscription, states = (
        walk.case.subscription,
        {"pause": "paused", "resume": "active", "cancel": "canceled"},
    )
    match what:
        case "pause" | "resume" | "cancel" if subscription.state in {"active", "paused"}:
            changed = replace(subscription, state=SubscriptionState(states[what]))
            walk.case = replace(walk.case, subscription=changed)
        case "by hand":
            walk.case = replace(walk.case, subscription=replace(subscription, current_period_end=PERIOD_END))
        case "halt" | "unhalt":
            walk.case = replace(walk.case, halted=what == "halt")
        case "new card":
            card = PaymentMethod(f"card{count}", "ada", f"pm_{count}")
            woken = replace(
                walk.case.renewal, next_at=walk.now, due_at=min(walk.now, walk.case.renewal.due_at)
            )
            walk.case = replace(walk.case, methods=(*walk.case.methods, card), renewal=woken)
        case "gateway rests":
            walk.gateway_until = walk.now + HOUR
        case "late":
            walk.now += 5 * DAY


@given(st.data(), st.integers(0, 40), st.sampled_from([(), (VISA,), (VISA, AMEX)]), st.booleans())
def test_any_walk_from_opening_to_rest(
    data: st.DataObject, surprises: int, methods: tuple[PaymentMethod, ...], doubtful: bool
) -> None:
    walk = Walk(case(methods=methods, check_first=doubtful))
    for turn in range(MOST_TURNS):
        step = walk.pending_call()
        if step:
            surprised = turn < surprises
            answers = findings if isinstance(step, Settle) else outcomes
            walk.hear(
                step,
                data.draw(answers) if surprised else Done("ref"),
                data.draw(spans) if surprised else MINUTE,
            )
        if walk.case.renewal.stage not in OPEN_STAGES:
            break
        if turn < surprises:
            intervene(walk, data.draw(interventions), turn)
        elif walk.case.halted:
            intervene(walk, "unhalt", turn)
    renewal = walk.case.renewal
    assert renewal.stage not in OPEN_STAGES
    assert (renewal.stage is Stage.EXTENDED) <= (walk.paid == 1)
    assert (walk.paid == 1) <= (renewal.stage in {Stage.EXTENDED, Stage.REVIEW})
    assert walk.pending_call() is None
