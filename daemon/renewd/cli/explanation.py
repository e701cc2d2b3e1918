"""The explanation of one subscription's next charge: what is said, in which order, with the reason beside it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple, Protocol

from renewd.cli.output import Row, brief
from renewd.cli.times import relative, span_text
from renewd.cli.wording import label_of, standing, standing_style
from renewd.renewal.decide import deadline, usable_methods
from renewd.renewal.decline import DeclineAction
from renewd.renewal.foresee import PASSING_HOLDS, bars, case_of, charge_at, ladder, next_method
from renewd.renewal.model import AttemptState, Case, Leg, PaymentMethod, Renewal, Stage
from renewd.renewal.moment import Moment
from renewd.renewal.period import local_text
from renewd.renewal.query import Dossier
from renewd.renewal.terms import Terms

ACTIONS = {
    DeclineAction.RETRY: "tried again, on the ladder",
    DeclineAction.NEXT_METHOD: "the next payment method",
    DeclineAction.HOLD: "waits for a person",
    DeclineAction.STOP: "given up",
}


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
    """What is known of a subscription, the case that it leads to, and when that would be charged.

    `case` and `terms` are None when its plan is not in the catalogue, `at` when no charge is to come.
    """

    dossier: Dossier
    moment: Moment
    origins: Mapping[str, Origin]
    case: Case | None = None
    terms: Terms | None = None
    at: datetime | None = None

    def lines(self) -> Iterator[Line]:
        """Say it to people."""
        subscription, latest = self.dossier.subscription, self._latest
        yield Line(subscription.id, f"{self._title()}, {subscription.zone}, line {subscription.line}", "bold")
        yield Line("expires", self._both(subscription.current_period_end))
        yield Line("standing", standing(subscription, latest), standing_style(subscription, latest))
        if self.case is None or self.terms is None:
            yield Line("charge", "never: its plan is not in the catalogue", "red")
        elif self.at is None:
            yield from self._no_charge(self.case)
        else:
            yield from self._charge(self.case, self.terms, self.at)

    def data(self) -> Row:
        """Say it to programs."""
        subscription = self.dossier.subscription
        told: dict[str, object] = {
            "subscription": subscription.id,
            "plan": subscription.plan,
            "state": subscription.state,
            "current_period_end": subscription.current_period_end,
            "charge_at": self.at,
            "terms": {
                name: {"value": each.value, "where": each.where, "path": each.layer}
                for name, each in self.origins.items()
            },
        }
        if self.case is None or self.terms is None or self.at is None:
            return told
        renewal, method, blocks = self.case.renewal, self._method(self.case), self._bars(self.case)
        rungs = ladder(self.case, self.terms, self.at)
        return told | {
            "renewal": renewal.id,
            "period_end": renewal.period_end,
            "amount": self._amount(self.case, self.terms),
            "gateway": self.terms.gateway,
            "payment_method": method.token if method else None,
            "idempotency_key": self._key(self.case),
            "blocked_by": {name: how for name, how in blocks.items() if how},
            "not_blocked_by": [name for name, how in blocks.items() if not how],
            "ladder": [
                {"after": span_text(each.wait), "at": each.at, "in_time": each.in_time} for each in rungs
            ],
            "lapses_at": deadline(renewal, self.terms),
        }

    def _charge(self, case: Case, terms: Terms, at: datetime) -> Iterator[Line]:
        renewal, attempt = case.renewal, case.attempt
        held = renewal.hold not in PASSING_HOLDS
        if attempt and attempt.state is AttemptState.SENT:
            yield Line("in doubt", f"{attempt.key} was sent at {brief(attempt.sent_at)}", "yellow")
            yield Line("looked up", f"{self._both(at)}; nothing is charged before")
        else:
            yield Line("looked at" if held else "charge at", self._both(at), "" if held else "bold")
        for term in ("renew_before", "charge_window"):
            yield self._because("", f"{term} {self.origins[term].value}", term)
        yield self._because("amount", str(self._amount(case, terms)), "price", "bold")
        yield Line("method", self._methods(case), "" if self._method(case) else "red")
        yield self._because("gateway", terms.gateway, "gateway")
        yield Line("key", self._key(case))
        bought = f"until {self._local(renewal.period_end)} ({terms.period} at {terms.carrier})"
        yield self._because("buys", bought, "period")
        yield from self._blocks(case)
        if not held:
            yield from self._declines(case, terms, at)
        end = deadline(renewal, terms)
        yield self._because(
            "lapses", f"{self._local(end)} if unpaid (grace {self.origins['grace'].value})", "grace"
        )

    def _declines(self, case: Case, terms: Terms, at: datetime) -> Iterator[Line]:
        label = "if declined"
        for action, words in ACTIONS.items():
            classes = [each for each in terms.on_decline if terms.on_decline[each] is action]
            if classes:
                names = ", ".join(each.replace("_", " ") for each in classes)
                yield self._because(label, f"{names}: {words}", f"on_decline.{classes[0]}")
                label = ""
        yield self._because("ladder", self.origins["retry"].value, "retry")
        for rung in ladder(case, terms, at):
            late = "" if rung.in_time else "  too late, so never"
            yield Line(
                "",
                f"+{span_text(rung.wait):<6} {self._local(rung.at)}{late}",
                style="" if rung.in_time else "dim",
            )
        others = [each for each in usable_methods(case, case.renewal.spent, at) if each != self._method(case)]
        then = (
            f"then {label_of(others[0])}, at once" if others else "then it waits for another payment method"
        )
        yield Line("", then)

    def _blocks(self, case: Case) -> Iterator[Line]:
        found = self._bars(case)
        label = "blocked by"
        for name, how in found.items():
            if how:
                yield Line(label, f"{name.replace('_', ' ')}: {how}", "red")
                label = ""
        free = ", ".join(name.replace("_", " ") for name, how in found.items() if not how)
        yield Line("not blocked", f"by {free}", "green" if label else "")

    def _no_charge(self, case: Case) -> Iterator[Line]:
        renewal = case.renewal
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

    @property
    def _latest(self) -> Renewal | None:
        return self.dossier.renewals[-1] if self.dossier.renewals else None

    def _bars(self, case: Case) -> Mapping[str, str]:
        return bars(case, replace(self.moment, now=self.at or self.moment.now))

    def _method(self, case: Case) -> PaymentMethod | None:
        if case.attempt and case.attempt.leg is Leg.CHARGE:
            return next((each for each in case.methods if each.token == case.attempt.method_token), None)
        found = next_method(case, replace(self.moment, now=self.at or self.moment.now))
        return found[0] if found else None

    def _methods(self, case: Case) -> str:
        method = self._method(case)
        if method is None:
            return "none is left to try"
        return f"{label_of(method)} ({method.token}), {case.methods.index(method) + 1} of {len(case.methods)}"

    @staticmethod
    def _amount(case: Case, terms: Terms) -> object:
        return (case.attempt.amount if case.attempt else None) or terms.price

    @staticmethod
    def _key(case: Case) -> str:
        return (
            case.attempt.key if case.attempt else f"{case.renewal.id}/{Leg.CHARGE}/{case.renewal.charges + 1}"
        )

    def _title(self) -> str:
        name = self.dossier.subscription.plan
        plan = self.moment.policy.plans.get(name)
        return f"{plan.title} ({name})" if plan and plan.title else name

    def _local(self, at: datetime) -> str:
        return local_text(at, self.dossier.subscription.zone)

    def _both(self, at: datetime) -> str:
        local, utc = self._local(at), brief(at)
        utc = utc[11:] if local[:10] == utc[:10] else utc
        return f"{local} = {utc}, {relative(at, self.moment.now)}"

    def _because(self, label: str, text: str, term: str, style: str = "") -> Line:
        origin = self.origins[term]
        return Line(label, text, style, origin.where, origin.layer)


def explained(dossier: Dossier, moment: Moment, origins: Mapping[str, Origin]) -> Explanation:
    """Explain a subscription as it would stand at `moment`."""
    subscription = dossier.subscription
    if subscription.plan not in moment.policy.plans:
        return Explanation(dossier, moment, origins)
    at = charge_at(subscription, dossier.renewals[-1] if dossier.renewals else None, moment)
    case = case_of(dossier, replace(moment, now=at or moment.now))
    return Explanation(dossier, moment, origins, case, moment.policy.terms_for(subscription), at)
