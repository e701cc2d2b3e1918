"""Who lives in a simulated world: customers with several cards and several lines, on plans of two kinds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from renewd.renewal.model import Customer, PaymentMethod, Subscription

ZONES = ("UTC", "Europe/Rome", "America/New_York", "Asia/Tokyo")


def people(rng: Random, start: datetime) -> list[Customer | PaymentMethod | Subscription]:
    """Draw two or three customers with three to seven subscriptions between them."""
    nouns: list[Customer | PaymentMethod | Subscription] = []
    for c in range(rng.choice((2, 2, 3))):
        email = "" if rng.random() < 0.05 else f"c{c}@example.com"
        nouns.append(Customer(f"c{c}", f"Customer {c}", email, f"cus_{c}"))
        nouns += [method(f"c{c}", m) for m in range(rng.choice((1, 2, 2, 3)))]
        nouns += _lines(rng, start, f"c{c}")
    return nouns


def _lines(rng: Random, start: datetime, customer: str) -> list[Subscription]:
    """Draw one to three subscriptions; those of one household often began on one day."""
    lines = [_subscription(rng, start, customer, n) for n in range(rng.choice((1, 2, 2, 3)))]
    if rng.random() < 0.5:
        lines = [replace(lines[0], id=each.id, line=each.line) for each in lines]
    return lines


def method(customer: str, number: int) -> PaymentMethod:
    """One saved card of a customer."""
    return PaymentMethod(f"m{customer}{number}", customer, f"pm_{customer}{number}", rank=number)


def _subscription(rng: Random, start: datetime, customer: str, number: int) -> Subscription:
    name, zone = f"s{customer[1:]}{number}", rng.choice(ZONES)
    if rng.random() < 0.6:
        end = start + timedelta(days=rng.uniform(2, 7), seconds=rng.randrange(86_400))
        anchor, plan = end.replace(microsecond=0), "week"
        return Subscription(name, customer, plan, f"line-{name}", zone, anchor, anchor)
    # Month ends at ten in the morning, where no clock change is; half of them were signed up on a 31st.
    day = 31 if rng.random() < 0.5 else rng.randint(1, 28)
    anchor = datetime(2025, 12, day, 10, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    end = datetime(2026, 1, day, 10, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return Subscription(name, customer, "month", f"line-{name}", zone, end, anchor)
