"""Imported rows to records. Pure: a row and the policy in, a record or complaints out; `Reading` knows the rows before."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from renewd.cli.cells import OVERRIDES, value_of
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
    """One import: what was made of the rows so far. `record` is None for a row with complaints."""

    policy: Policy
    gateways: Collection[str]
    rows: dict[str, Entry] = field(default_factory=dict)
    customers: dict[str, tuple[int, Record]] = field(default_factory=dict)
    owners: dict[str, tuple[int, str]] = field(default_factory=dict)

    def record(self, entry: Entry) -> tuple[Record | None, list[Complaint]]:
        """Make a record of a row."""
        values, complaints = _parsed(entry, self.policy)
        if complaints:
            return None, complaints
        record = _made(values)
        complaints += [entry.complaint(*each) for each in self._conflicts(entry, record)]
        return (None if complaints else record), complaints

    def _conflicts(self, entry: Entry, record: Record) -> Iterator[tuple[str, str]]:
        """Find what contradicts the policy, or an earlier row."""
        subscription, customer = record.subscription, record.customer
        yield from _incoherent(subscription, self.policy)
        gateway = subscription.overrides.get("gateway")
        if gateway is not None and gateway not in self.gateways:
            advice = did_you_mean(gateway, self.gateways)
            yield "gateway", f"no gateway {quoted(gateway)} in renewd.yaml{advice}"
        earlier = self.rows.setdefault(subscription.id, entry)
        if earlier is not entry:
            yield "id", f"{subscription.id} stands in row {earlier.row} already"
        row, first = self.customers.setdefault(customer.id, (entry.row, record))
        for name in _different(first, record):
            yield name, f"customer {customer.id} has another {name} in row {row}; make them the same"
        for method in record.methods:
            row, owner = self.owners.setdefault(method.token, (entry.row, customer.id))
            if owner != customer.id:
                yield "payment_methods", f"{quoted(method.token)} is customer {owner}'s in row {row}"


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


def _different(first: Record, other: Record) -> Iterator[str]:
    for each in fields(Customer):
        if getattr(first.customer, each.name) != getattr(other.customer, each.name):
            yield each.name
    if first.methods != other.methods:
        yield "payment_methods"
