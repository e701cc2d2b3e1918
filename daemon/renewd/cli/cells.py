"""The values of an imported row, each read from text or JSON; whoever wrote it wrong is told what to write."""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from renewd.addresses import an_email
from renewd.cli.cards import looks_like_card
from renewd.cli.sheet import CARD
from renewd.cli.wording import did_you_mean, quoted
from renewd.renewal.model import SubscriptionState
from renewd.renewal.money import Money
from renewd.renewal.period import known_zone
from renewd.renewal.policy import Policy
from renewd.renewal.written import DURATION, MONEY, NAME_PATTERN, WINDOW, Written, a_name

OVERRIDES = {
    "price": MONEY,
    "renew_before": DURATION,
    "charge_window": WINDOW,
    "grace": DURATION,
    "gateway": Written(a_name, str, "stripe", NAME_PATTERN),
}
METHOD_KEYS = ("token", "kind", "label", "expires")

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TOKEN = re.compile(r"[A-Za-z0-9._-]{1,255}")
_LINE = re.compile(r"[A-Za-z0-9+._:-]{1,64}")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")
_INSTANT = re.compile(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)
LONGEST_TEXT, LONGEST_LIST = 200, 4000


def value_of(name: str, value: Any, policy: Policy) -> Any:
    """Read one value. Raises ValueError with what to write instead, and never with what may be a card number."""
    if any(looks_like_card(text[: LONGEST_LIST + 1]) for text in _texts(value)):
        raise ValueError(CARD)
    if name == "plan":
        return _plan(_text(value), policy)
    if name in ("tags", "payment_methods"):
        return _LISTS[name](value)
    return _FIELDS[name](_text(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif value is not None:
        yield str(value)


def _text(value: Any, most: int = LONGEST_TEXT) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text, in quotation marks")  # noqa: TRY004  # a file's fault, not a program's
    text = " ".join(value.split())
    if not text.isprintable():
        raise ValueError("holds a character that cannot be printed")
    if len(text) > most:
        raise ValueError(f"longer than {most} characters")
    return text


def _plan(text: str, policy: Policy) -> str:
    if text not in policy.plans:
        raise ValueError(f"no plan {quoted(text)} in the catalogue{did_you_mean(text, policy.plans)}")
    return text


def _pattern(pattern: re.Pattern[str], message: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(message)
        return text

    return read


def _instant(text: str) -> datetime:
    if not _INSTANT.fullmatch(text):
        raise ValueError('not an instant with an offset; write e.g. "2026-11-23T09:00:00Z" or "...-05:00"')
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC).replace(microsecond=0)
    except ValueError:
        raise ValueError("there is no such day or time") from None


def _state(text: str) -> SubscriptionState:
    try:
        return SubscriptionState(text)
    except ValueError:
        states = ", ".join(SubscriptionState)
        raise ValueError(
            f"{quoted(text)} is none of: {states}{did_you_mean(text, SubscriptionState)}"
        ) from None


@cache
def _zone(text: str) -> str:
    if not known_zone(text):
        from zoneinfo import available_timezones

        advice = did_you_mean(text, available_timezones()) or '; write e.g. "America/New_York"'
        raise ValueError(f"no time zone {quoted(text)}{advice}")
    return text


def _override(form: Written) -> Callable[[str], str]:
    def read(text: str) -> str:
        value = form.parsed(text)
        if isinstance(value, Money) and not value.minor:
            raise ValueError("what costs nothing cannot be charged")
        return form.write(value)

    return read


def _tags(value: Any) -> tuple[str, ...]:
    parts = value if isinstance(value, list) else _text(value, LONGEST_LIST).split(";")
    return tuple(dict.fromkeys(a_name(_text(part)) for part in parts if part))


def _methods(value: Any) -> tuple[dict[str, str], ...]:
    parts = value if isinstance(value, list) else _text(value, LONGEST_LIST).split(";")
    methods = tuple(_method(part) for part in parts if part)
    tokens = [method["token"] for method in methods]
    for token in tokens:
        if tokens.count(token) > 1:
            raise ValueError(f"{quoted(token)} stands there twice")
    return methods


def _method(part: Any) -> dict[str, str]:
    if isinstance(part, str):
        cells = [cell.strip() for cell in part.split("|")]
        if len(cells) > len(METHOD_KEYS):
            raise ValueError('more than four parts; write e.g. "pm_1Nv0|card|Visa 4242|2028-04"')
        part = dict(zip(METHOD_KEYS, cells, strict=False))
    if not isinstance(part, dict):
        raise ValueError('must be objects, e.g. {"token": "pm_1Nv0", "label": "Visa 4242"}')  # noqa: TRY004
    for key in part:
        if key not in METHOD_KEYS:
            raise ValueError(f"unknown key {quoted(key)}{did_you_mean(key, METHOD_KEYS)}")
    given = {"token": ""} | {key: _text(value) for key, value in part.items() if value}
    return {key: _METHOD[key](value) for key, value in given.items()}


_METHOD: dict[str, Callable[[str], str]] = {
    "token": _pattern(_TOKEN, 'without the gateway\'s token; write e.g. "pm_1Nv0|card|Visa 4242|2028-04"'),
    "kind": _pattern(_KIND, 'not a kind of payment method; write e.g. "card", "paypal"'),
    "label": str,
    "expires": _pattern(_MONTH, 'not the month in which a card expires; write e.g. "2028-04"'),
}
_FIELDS: dict[str, Callable[[str], Any]] = {
    "id": _pattern(_ID, "must be up to 64 letters, digits, dots, underscores or hyphens"),
    "customer": _pattern(_ID, "must be up to 64 letters, digits, dots, underscores or hyphens"),
    "name": str,
    "email": an_email,
    "gateway_customer": _pattern(_TOKEN, 'not the gateway\'s id of a customer; write e.g. "cus_9s6XKzkN"'),
    "line": _pattern(_LINE, "must be up to 64 letters, digits, and + . _ : -"),
    "zone": _zone,
    "current_period_end": _instant,
    "anchor": _instant,
    "state": _state,
    **{name: _override(form) for name, form in OVERRIDES.items()},
}
_LISTS: dict[str, Callable[[Any], Any]] = {"tags": _tags, "payment_methods": _methods}
