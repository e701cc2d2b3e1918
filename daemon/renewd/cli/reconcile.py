"""Hold the gateway's own ledger against the audit log: what one says and the other does not."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from renewd.renewal.audit import AuditRow
from renewd.renewal.model import OPEN_STAGES, Renewal, Stage
from renewd.renewal.money import Money


@dataclass(slots=True)
class Ledger:
    """What the gateway and the carrier say happened: PaymentIntents, and every request that reached them."""

    intents: Sequence[Mapping[str, Any]]
    requests: Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Reconciliation:
    """What came of it. `problems` are disagreements, in words; there must be none."""

    stages: Counter[str] = field(default_factory=Counter)
    recovered: int = 0
    attempts: int = 0
    requests: int = 0
    charged: Counter[str] = field(default_factory=Counter)
    renewed: Counter[str] = field(default_factory=Counter)
    charged_twice: int = 0
    lost: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether the ledger and the log tell the same story, and it is a good one."""
        return not self.problems and not self.charged_twice and not self.lost

    def money(self) -> list[Money]:
        """Give what the gateway charged, per currency."""
        return [Money(minor, currency) for currency, minor in sorted(self.charged.items())]

    def renewals(self) -> list[Money]:
        """Give what of it bought a renewal, per currency; the rest is in review or still open."""
        return [Money(minor, currency) for currency, minor in sorted(self.renewed.items())]


def reconciled(
    ledger: Ledger, log: Iterable[AuditRow], renewals: Iterable[Renewal], lost: int
) -> Reconciliation:
    """Compare; `lost` counts the subscriptions that were due and never taken up."""
    result = Reconciliation(lost=lost, requests=len(ledger.requests))
    attempted, succeeded, declined = Counter[str](), dict[str, Money | None](), set[str]()
    for row in log:
        event = row.event
        match event.name:
            case "charge.attempted" | "extend.attempted":
                attempted[event.key] += 1
            case "charge.succeeded":
                succeeded[event.renewal] = event.amount
            case "charge.declined":
                declined.add(event.renewal)
            case _:
                pass
    result.attempts = attempted.total()
    by_id = {renewal.id: renewal for renewal in renewals}
    for renewal in by_id.values():
        if renewal.stage is Stage.EXTENDED and renewal.paid:
            result.renewed[renewal.paid.currency] += renewal.paid.minor
    result.stages.update(renewal.stage for renewal in by_id.values())
    result.recovered = sum(1 for each in declined if each in by_id and by_id[each].stage is Stage.EXTENDED)
    _requests_have_rows(ledger, attempted, result)
    _charges_are_known(ledger, succeeded, by_id, result)
    return result


def _requests_have_rows(ledger: Ledger, attempted: Counter[str], result: Reconciliation) -> None:
    for request in ledger.requests:
        if not attempted[str(request["key"])]:
            result.problems.append(f"request {request['seq']} ({request['key']}) has no row in the audit log")


def _charges_are_known(
    ledger: Ledger, succeeded: dict[str, Money | None], renewals: dict[str, Renewal], result: Reconciliation
) -> None:
    """Each charge must be in the log as it was made, unless a person or a look-up is still to settle it."""
    charged: dict[str, Money] = {}
    for intent in ledger.intents:
        if intent["status"] != "succeeded":
            continue
        renewal_id = f"{intent['metadata']['subscription']}/{intent['metadata']['period_start']}"
        money = Money(int(intent["amount_received"]), str(intent["currency"]).upper())
        result.charged[money.currency] += money.minor
        if renewal_id in charged:
            result.charged_twice += 1
        charged[renewal_id] = money
    for renewal_id, money in charged.items():
        renewal = renewals.get(renewal_id)
        if renewal is None:
            result.problems.append(f"{renewal_id} was charged {money} and is not known")
        elif renewal_id not in succeeded and renewal.stage not in OPEN_STAGES | {Stage.REVIEW}:
            result.problems.append(f"{renewal_id} was charged {money}, but is {renewal.stage}")
        elif renewal_id in succeeded and succeeded[renewal_id] != money:
            result.problems.append(f"{renewal_id} was charged {money}, not {succeeded[renewal_id]}")
    for renewal_id in succeeded.keys() - charged.keys():
        result.problems.append(f"{renewal_id} is paid in the log, but the gateway knows of no charge")
