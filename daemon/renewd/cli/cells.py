"""The values of an imported row, each read from text or JSON; whoever wrote it wrong is told what to write."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from renewd.addresses import an_email
from renewd.cli.cards import SHORTEST, looks_like_card
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
_PLAIN_METHOD = {"token": "", "kind": "card", "label": "", "expires": ""}
METHOD_KEYS = tuple(_PLAIN_METHOD)

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TOKEN = re.compile(r"[A-Za-z0-9._-]{1,255}")
_LINE = re.compile(r"[A-Za-z0-9+._:-]{1,64}")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")
_INSTANT = re.compile(r"20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)
LONGEST_TEXT, LONGEST_LIST = 200, 4000

Reader = Callable[[Any], Any]


def value_of(name: str, value: Any, policy: Policy) -> Any:
    """Read one value. Raises ValueError with what to write instead, and never with what may be a card number."""
    if isinstance(value, str) and name in _REPEATED:
        return _repeated(name, value)
    _expect_no_card(value)
    return _plan(_text(value), policy) if name == "plan" else _READERS[name](value)


@lru_cache(maxsize=1024)
def _repeated(name: str, text: str) -> Any:
    """Read a value that many rows have in common."""
    _expect_no_card(text)
    return _READERS[name](text)


def _expect_no_card(value: Any) -> None:
    if isinstance(value, str):
        if len(value) >= SHORTEST and looks_like_card(value[: LONGEST_LIST + 1]):
            raise ValueError(CARD)
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            _expect_no_card(each)
    elif value is not None:
        _expect_no_card(str(value))


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


def _pattern(pattern: re.Pattern[str], message: str) -> Reader:
    def read(value: Any) -> str:
        # What fits has nothing to be tidied.
        fits = isinstance(value, str) and len(value) <= LONGEST_TEXT and pattern.fullmatch(value)
        text: str = value if fits else _text(value)
        if not (fits or pattern.fullmatch(text)):
            raise ValueError(message)
        return text

    return read


def _tidied(read: Callable[[str], Any]) -> Reader:
    return lambda value: read(_text(value))


def _instant(value: Any) -> datetime:
    text = _WRITTEN_INSTANT(value)
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


def _zone(text: str) -> str:
    if not known_zone(text):
        from zoneinfo import available_timezones

        advice = did_you_mean(text, available_timezones()) or '; write e.g. "America/New_York"'
        raise ValueError(f"no time zone {quoted(text)}{advice}")
    return text


_WRITTEN_INSTANT = _pattern(
    _INSTANT, 'not an instant with an offset; write e.g. "2026-11-23T09:00:00Z" or "...-05:00"'
)


def _override(form: Written) -> Reader:
    def read(given: Any) -> str:
        value = form.parsed(_text(given))
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
    seen = set[str]()
    for token in (method["token"] for method in methods):
        if token in seen:
            raise ValueError(f"{quoted(token)} stands there twice")
        seen.add(token)
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
    given = {"token": ""} | {key: value for key, value in part.items() if value}
    return _PLAIN_METHOD | {key: _METHOD[key](value) for key, value in given.items()}


_METHOD: dict[str, Reader] = {
    "token": _pattern(_TOKEN, 'without the gateway\'s token; write e.g. "pm_1Nv0|card|Visa 4242|2028-04"'),
    "kind": _pattern(_KIND, 'not a kind of payment method; write e.g. "card", "paypal"'),
    "label": _text,
    "expires": _pattern(_MONTH, 'not the month in which a card expires; write e.g. "2028-04"'),
}
_READERS: dict[str, Reader] = {
    "id": _pattern(_ID, "must be up to 64 letters, digits, dots, underscores or hyphens"),
    "customer": _pattern(_ID, "must be up to 64 letters, digits, dots, underscores or hyphens"),
    "name": _text,
    "email": _tidied(an_email),
    "gateway_customer": _pattern(_TOKEN, 'not the gateway\'s id of a customer; write e.g. "cus_9s6XKzkN"'),
    "line": _pattern(_LINE, "must be up to 64 letters, digits, and + . _ : -"),
    "zone": _tidied(_zone),
    "current_period_end": _instant,
    "anchor": _instant,
    "state": _tidied(_state),
    "tags": _tags,
    "payment_methods": _methods,
    **{name: _override(form) for name, form in OVERRIDES.items()},
}
_REPEATED = frozenset({"zone", "state", "tags", *OVERRIDES})
