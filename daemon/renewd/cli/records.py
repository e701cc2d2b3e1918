"""Imported rows to records. Pure: a row and the policy in, a record or complaints out; `Reading` knows the rows before."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from renewd.cli.cells import OVERRIDES, value_of
from renewd.cli.seen import Seen, Spool, Values
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
    """One import: what the rows so far say is in `spool`."""

    policy: Policy
    gateways: Collection[str]
    spool: Spool

    def take(self, entry: Entry) -> list[Complaint]:
        """Keep what a row says, unless there is something to complain about."""
        values, complaints = _parsed(entry, self.policy)
        complaints = complaints or [entry.complaint(*each) for each in self._conflicts(entry, values)]
        if not complaints:
            self.spool.add(values)
        return complaints

    def _conflicts(self, entry: Entry, values: Values) -> Iterator[tuple[str, str]]:
        """Find what contradicts the policy, or an earlier row."""
        name, customer = values["id"], values["customer"]
        if not values.keys().isdisjoint(OVERRIDES):
            yield from _incoherent(_made(values).subscription, self.policy)
        gateway = values.get("gateway")
        if gateway is not None and gateway not in self.gateways:
            advice = did_you_mean(gateway, self.gateways)
            yield "gateway", f"no gateway {quoted(gateway)} in renewd.yaml{advice}"
        named = [
            ("subscription", name, Seen(entry.row, 1, "")),
            ("customer", customer, Seen(entry.row, 1, _said(values))),
            *(
                (
                    "payment method",
                    method["token"],
                    Seen(entry.row, entry.places.get("payment_methods", 1), customer),
                )
                for method in values.get("payment_methods", ())
            ),
        ]
        if not self.spool.all_new(named):
            yield from self._seen_before(entry.row, named)

    def _seen_before(self, row: int, named: Sequence[tuple[str, str, Seen]]) -> Iterator[tuple[str, str]]:
        """Find what contradicts an earlier row, of what is named in this one."""
        for kind, name, here in named:
            first = self.spool.first(kind, name)
            if kind == "subscription" and first.row != row:
                yield "id", f"{name} stands in row {first.row} already"
            if kind == "customer":
                for column in _different(first.said, here.said):
                    yield (
                        column,
                        f"customer {name} has another {column} in row {first.row}; make them the same",
                    )
            if kind == "payment method" and first.said != here.said:
                yield (
                    "payment_methods",
                    f"{quoted(name)} is customer {first.said}'s in row {first.row}",
                )


def records(spool: Spool) -> Iterator[Record]:
    """Give the records of the rows that were kept, once."""
    return map(_made, spool.rows())


def _parsed(entry: Entry, policy: Policy) -> tuple[Values, list[Complaint]]:
    values: Values = {}
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


def _made(values: Values) -> Record:
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
        anchor=values["anchor" if "anchor" in values else "current_period_end"],
        state=values.get("state", SubscriptionState.ACTIVE),
        tags=values.get("tags", ()),
        overrides={name: values[name] for name in OVERRIDES if name in values},
    )
    return Record(subscription, customer, methods, anchored="anchor" in values)


def _incoherent(subscription: Subscription, policy: Policy) -> Iterator[tuple[str, str]]:
    terms, most = policy.terms_for(subscription), policy.brake.max_amount
    if terms.price.currency != most.currency:
        yield "price", f"not in the currency of brake.max_amount ({most}): it would never be charged"
    for term, message in late(terms):
        yield (term if term in subscription.overrides else next(iter(subscription.overrides))), message


def _said(values: Values) -> str:
    """Write down all that a row says of its customer. No value has a line break or a tab, and only a label may have a |."""
    methods = (
        "{token}|{kind}|{expires}|{label}".format_map(each) for each in values.get("payment_methods", ())
    )
    return "\n".join(
        (values["name"], values.get("email", ""), values["gateway_customer"], "\t".join(methods))
    )


def _different(first: str, other: str) -> Iterator[str]:
    if first == other:
        return
    names = ("name", "email", "gateway_customer", "payment_methods")
    for name, one, another in zip(names, first.split("\n"), other.split("\n"), strict=True):
        if one != another:
            yield name
