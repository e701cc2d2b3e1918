"""The explanation of one subscription's next charge: what is said, in which order, with the reason beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from renewd.cli.columns import Row, brief
from renewd.cli.times import relative, span_text
from renewd.cli.wording import label_of, standing, standing_style
from renewd.renewal.begin import sold
from renewd.renewal.decide import deadline, usable_methods
from renewd.renewal.decline import DeclineAction
from renewd.renewal.foresee import PASSING_HOLDS, Prospect, Rung, ladder, prospect
from renewd.renewal.model import Attempt, Renewal, Stage, SubscriptionState
from renewd.renewal.moment import Moment
from renewd.renewal.period import local_text
from renewd.renewal.query import Dossier
from renewd.renewal.step import Charge, Close, Settle
from renewd.renewal.terms import Terms

ACTIONS = {
    DeclineAction.RETRY: "tried again, on the ladder",
    DeclineAction.NEXT_METHOD: "the next payment method",
    DeclineAction.HOLD: "waits for a person",
    DeclineAction.STOP: "given up",
}

ASKED = "unless the gateway has a charge already: it is asked first"
ASKED_THEN = "then the gateway is asked whether it has a charge already"


class Line(NamedTuple):
    """One line: what it is about, what is said, its style, and the line of a file that decided it, with the path."""

    label: str
    text: str
    style: str = ""
    where: str = ""
    path: str = ""


class Origin(Protocol):
    """Where a term was decided; see `wiring.origin_lines`."""

    @property
    def value(self) -> str:
        """The value, as the file has it."""
        ...

    @property
    def where(self) -> str:
        """The file and the line."""
        ...

    @property
    def layer(self) -> str:
        """The dotted path there."""
        ...


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of a subscription; all that there is to say when its plan is not in the catalogue."""

    dossier: Dossier
    moment: Moment

    def lines(self) -> Iterator[Line]:
        """Say it to people."""
        subscription, latest = self.dossier.subscription, self._latest
        yield Line(subscription.id, f"{self._title()}, {subscription.zone}, line {subscription.line}", "bold")
        yield Line("expires", self._both(subscription.current_period_end))
        yield Line("standing", standing(subscription, latest), standing_style(subscription, latest))
        yield from self._to_come()

    def data(self) -> Row:
        """Say it to programs."""
        subscription = self.dossier.subscription
        return {
            "subscription": subscription.id,
            "plan": subscription.plan,
            "state": subscription.state,
            "current_period_end": subscription.current_period_end,
            **self._data_to_come(),
        }

    def _to_come(self) -> Iterator[Line]:
        yield Line("charge", "never: its plan is not in the catalogue", "red")

    def _data_to_come(self) -> Row:
        return {"charge_at": None, "terms": {}}

    def _title(self) -> str:
        name = self.dossier.subscription.plan
        plan = self.moment.policy.plans.get(name)
        return f"{plan.title} ({name})" if plan and plan.title else name

    @property
    def _latest(self) -> Renewal | None:
        return self.dossier.renewals[-1] if self.dossier.renewals else None

    def _local(self, at: datetime) -> str:
        return local_text(at, self.dossier.subscription.zone)

    def _both(self, at: datetime) -> str:
        local, utc = self._local(at), brief(at)
        utc = utc[11:] if local[:10] == utc[:10] else utc
        return f"{local} = {utc}, {relative(at, self.moment.now)}"


@dataclass(frozen=True, slots=True)
class FullExplanation(Explanation):
    """Also what is to come of the subscription's renewal; see `Prospect`."""

    origins: Mapping[str, Origin]
    terms: Terms
    prospect: Prospect

    def _data_to_come(self) -> Row:
        told: dict[str, object] = {
            "charge_at": self._charge_at,
            "looked_at": self.prospect.at,
            "terms": {
                name: {"value": each.value, "where": each.where, "path": each.layer}
                for name, each in self.origins.items()
            },
        }
        charge, bars = self._charge, self.prospect.bars
        if charge is None:
            return told
        return told | {
            "asked_first": self.prospect.outlook.asked_first,
            "renewal": charge.renewal_id,
            "period_end": self._bought_until,
            "amount": charge.amount,
            "gateway": charge.provider,
            "payment_method": charge.method_token or None,
            "idempotency_key": charge.key,
            "blocked_by": {name: how for name, how in bars.items() if how},
            "not_blocked_by": [name for name, how in bars.items() if not how],
            "ladder": [
                {"after": span_text(each.wait), "at": each.at, "in_time": each.in_time}
                for each in self._ladder()
            ],
            "lapses_at": deadline(self.prospect.renewal, self.terms),
        }

    def _to_come(self) -> Iterator[Line]:
        charge, last = self._charge, self.prospect.clear.step
        if charge:
            yield from self._when(charge)
            yield from self._what(charge)
        elif isinstance(last, Close):
            yield from self._end(last)
        else:
            yield from self._no_charge()

    def _when(self, charge: Attempt) -> Iterator[Line]:
        coming = self.prospect.outlook
        if isinstance(coming.step, Settle):
            yield Line("in doubt", f"{charge.key} was sent at {brief(charge.sent_at)}", "yellow")
            yield Line("looked up", f"{self._both(coming.moment.now)}; nothing is charged before")
        elif self._charge_at:
            yield Line("charge at", self._both(self._charge_at), "bold")
        elif self.prospect.at:
            label = "due at" if self.prospect.renewal.hold in PASSING_HOLDS else "looked at"
            yield Line(label, self._both(self.prospect.at))
        if coming.asked_first:
            yield Line("", ASKED if self._charge_at else ASKED_THEN, "cyan")
        for term in ("renew_before", "charge_window"):
            yield self._because("", f"{term} {self.origins[term].value}", term)

    def _what(self, charge: Attempt) -> Iterator[Line]:
        yield self._because("amount", str(charge.amount), "price", "bold")
        yield Line("method", self._method(charge), "" if charge.method_token else "red")
        yield self._because("gateway", charge.provider, "gateway")
        yield Line("key", charge.key)
        bought = f"until {self._local(self._bought_until)} ({self.terms.period} at {self.terms.carrier})"
        yield self._because("buys", bought, "period")
        yield from self._blocks()
        if self.prospect.renewal.hold in PASSING_HOLDS:
            yield from self._declines(charge)
        lapses = f"{self._local(deadline(self.prospect.renewal, self.terms))} if unpaid"
        yield self._because("lapses", f"{lapses} (grace {self.origins['grace'].value})", "grace")

    def _declines(self, charge: Attempt) -> Iterator[Line]:
        label = "if declined"
        on_decline = self.terms.on_decline
        for action, words in ACTIONS.items():
            classes = [each for each in on_decline if on_decline[each] is action]
            if classes:
                names = ", ".join(each.replace("_", " ") for each in classes)
                yield self._because(label, f"{names}: {words}", f"on_decline.{classes[0]}")
                label = ""
        yield self._because("ladder", self.origins["retry"].value, "retry")
        for rung in self._ladder():
            late = "" if rung.in_time else "  too late, so never"
            yield Line(
                "",
                f"+{span_text(rung.wait):<6} {self._local(rung.at)}{late}",
                style="" if rung.in_time else "dim",
            )
        clear = self.prospect.clear
        spent = (*clear.case.renewal.spent, charge.method_token)
        others = usable_methods(clear.case, spent, clear.moment.now)
        then = f"{label_of(others[0])}, at once" if others else "it waits for another payment method"
        yield Line("", f"then {then}")

    def _blocks(self) -> Iterator[Line]:
        label = "blocked by"
        for name, how in self.prospect.bars.items():
            if how:
                yield Line(label, f"{name.replace('_', ' ')}: {how}", "red")
                label = ""
        free = ", ".join(name.replace("_", " ") for name, how in self.prospect.bars.items() if not how)
        yield Line("not blocked", f"by {free}", "green" if label else "")

    def _end(self, close: Close) -> Iterator[Line]:
        yield Line("charge", f"none: {close.reason}", "yellow")
        if self.dossier.subscription.state is SubscriptionState.ACTIVE and self.prospect.at:
            yield Line(str(close.stage), self._both(self.prospect.clear.moment.now))
            if self.prospect.outlook.asked_first:
                yield Line("", ASKED, "cyan")

    def _no_charge(self) -> Iterator[Line]:
        renewal = self.prospect.renewal
        if renewal.stage is Stage.CHARGED:
            yield Line(
                "charge", f"done: {renewal.paid} is paid; the carrier is asked to extend", style="green"
            )
            if renewal.next_at:
                yield Line("looked at", self._both(renewal.next_at))
            return
        stage = "in review" if renewal.stage is Stage.REVIEW else renewal.stage
        yield Line(
            "charge",
            f"none: the renewal is {stage}{f': {renewal.reason}' if renewal.reason else ''}",
            "yellow",
        )
        if renewal.stage in (Stage.REVIEW, Stage.LAPSED) and renewal.period_end > self.moment.now:
            yield Line("", f"renewd retry {renewal.subscription_id} --reason ... tries it again")
        if renewal.stage is Stage.REVIEW:
            yield Line(
                "",
                f"renewd settle {renewal.subscription_id} --reason ... closes it, once you have settled it",
            )

    @property
    def _charge(self) -> Attempt | None:
        """The charge that is in doubt, or else the one to come; None when there is none."""
        clear = self.prospect.clear
        in_doubt = clear.case.attempt if isinstance(clear.step, Settle) else None
        return clear.charge or (in_doubt if self.prospect.renewal.stage is Stage.DUE else None)

    @property
    def _charge_at(self) -> datetime | None:
        coming = self.prospect.outlook
        return coming.moment.now if coming.charge else None

    @property
    def _bought_until(self) -> datetime:
        clear = self.prospect.clear
        new = isinstance(clear.step, Charge)
        return (sold(clear.case.renewal, clear.case, clear.moment) if new else clear.case.renewal).period_end

    def _ladder(self) -> tuple[Rung, ...]:
        return ladder(self.prospect.clear.case, self.terms, self.prospect.clear.moment.now)

    def _method(self, charge: Attempt) -> str:
        methods = self.dossier.methods
        for number, method in enumerate(methods, 1):
            if method.token == charge.method_token:
                return f"{label_of(method)} ({method.token}), {number} of {len(methods)}"
        return "none is left to try"

    def _because(self, label: str, text: str, term: str, style: str = "") -> Line:
        origin = self.origins[term]
        return Line(label, text, style, origin.where, origin.layer)


def explained(dossier: Dossier, moment: Moment, origins: Mapping[str, Origin]) -> Explanation:
    """Explain a subscription as it would stand at `moment`."""
    subscription, policy = dossier.subscription, moment.policy
    if subscription.plan not in policy.plans:
        return Explanation(dossier, moment)
    return FullExplanation(
        dossier, moment, origins, policy.terms_for(subscription), prospect(dossier, moment)
    )
