"""Imported rows to records. Pure: a row and the policy in, a record or complaints out; `Reading` knows the rows before."""

import json
from collections.abc import Collection, Iterator
from dataclasses import astuple, dataclass
from typing import Any

from renewd.cli.cells import OVERRIDES, value_of
from renewd.cli.seen import Seen, Spool
from renewd.cli.sheet import Complaint, Entry
from renewd.cli.wording import did_you_mean, quoted
from renewd.renewal.coherence import late
from renewd.renewal.model import Customer, PaymentMethod, Subscription, SubscriptionState
from renewd.renewal.policy import Policy
from renewd.renewal.record import Record

REQUIRED = tuple("id customer name email gateway_customer plan line zone current_period_end".split())
MAY_BE_EMPTY = frozenset({"email"})
KNOWN = (*REQUIRED, "anchor", "state", "tags", "payment_methods", *OVERRIDES)


@dataclass(slots=True)
class Reading:
    """One import: the records that were made of the rows so far are in `spool`."""

    policy: Policy
    gateways: Collection[str]
    spool: Spool

    def take(self, entry: Entry) -> list[Complaint]:
        """Make a record of a row, unless there is something to complain about."""
        values, complaints = _parsed(entry, self.policy)
        if complaints:
            return complaints
        record = _made(values)
        complaints = [entry.complaint(*each) for each in self._conflicts(entry, record)]
        if not complaints:
            self.spool.add(record)
        return complaints

    def _conflicts(self, entry: Entry, record: Record) -> Iterator[tuple[str, str]]:
        """Find what contradicts the policy, or an earlier row."""
        subscription, customer = record.subscription, record.customer
        yield from _incoherent(subscription, self.policy)
        gateway = subscription.overrides.get("gateway")
        if gateway is not None and gateway not in self.gateways:
            advice = did_you_mean(gateway, self.gateways)
            yield "gateway", f"no gateway {quoted(gateway)} in renewd.yaml{advice}"
        here = Seen(entry.row, 1, "")
        earlier = self.spool.first("subscription", subscription.id, here)
        if earlier.row != entry.row:
            yield "id", f"{subscription.id} stands in row {earlier.row} already"
        here = Seen(entry.row, 1, _said(record))
        first = self.spool.first("customer", customer.id, here)
        for name in _different(first.said, here.said):
            yield name, f"customer {customer.id} has another {name} in row {first.row}; make them the same"
        here = Seen(entry.row, entry.places.get("payment_methods", 1), customer.id)
        for method in record.methods:
            first = self.spool.first("payment method", method.token, here)
            if first.said != customer.id:
                yield (
                    "payment_methods",
                    f"{quoted(method.token)} is customer {first.said}'s in row {first.row}",
                )


def _parsed(entry: Entry, policy: Policy) -> tuple[dict[str, Any], list[Complaint]]:
    values: dict[str, Any] = {}
    complaints = []
    for name in KNOWN:
        if name not in entry.values:
            if name in REQUIRED and name not in MAY_BE_EMPTY:
                complaints.append(entry.complaint(name, "is empty"))
            continue
        try:
            values[name] = value_of(name, entry.values[name], policy)
        except ValueError as error:
            complaints.append(entry.complaint(name, str(error)))
    return values, complaints


def _made(values: dict[str, Any]) -> Record:
    customer = Customer(
        values["customer"], values["name"], values.get("email", ""), values["gateway_customer"]
    )
    methods = tuple(
        PaymentMethod(id=each["token"], customer_id=customer.id, rank=rank, **each)
        for rank, each in enumerate(values.get("payment_methods", ()))
    )
    subscription = Subscription(
        id=values["id"],
        customer_id=customer.id,
        plan=values["plan"],
        line=values["line"],
        zone=values["zone"],
        current_period_end=values["current_period_end"],
        anchor=values.get("anchor", values["current_period_end"]),
        state=values.get("state", SubscriptionState.ACTIVE),
        tags=values.get("tags", ()),
        overrides={name: values[name] for name in OVERRIDES if name in values},
    )
    return Record(subscription, customer, methods, anchored="anchor" in values)


def _incoherent(subscription: Subscription, policy: Policy) -> Iterator[tuple[str, str]]:
    if not subscription.overrides:
        return
    terms, most = policy.terms_for(subscription), policy.brake.max_amount
    if terms.price.currency != most.currency:
        yield "price", f"not in the currency of brake.max_amount ({most}): it would never be charged"
    for term, message in late(terms):
        yield (term if term in subscription.overrides else next(iter(subscription.overrides))), message


def _said(record: Record) -> str:
    """Write down all that a row says of its customer."""
    customer, methods = record.customer, [astuple(method) for method in record.methods]
    return json.dumps([customer.name, customer.email, customer.gateway_customer, methods])


def _different(first: str, other: str) -> Iterator[str]:
    if first == other:
        return
    names = ("name", "email", "gateway_customer", "payment_methods")
    for name, one, another in zip(names, json.loads(first), json.loads(other), strict=True):
        if one != another:
            yield name
