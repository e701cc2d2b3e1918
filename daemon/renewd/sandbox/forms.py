"""Stripe's form-encoded parameters: what a charge and a list may say."""

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from renewd.sandbox.behaviours import of_payment_method
from renewd.sandbox.intents import Order
from renewd.sandbox.stripe_errors import invalid, missing

MAX_FIELDS = 100
MAX_METADATA_VALUE = 500  # characters (Stripe's limit)
LIST_LIMIT = 100

_PLAIN = frozenset(
    {"amount", "currency", "customer", "payment_method", "off_session", "confirm", "description"},
)
_REQUIRED = ("amount", "currency", "customer", "payment_method", "off_session", "confirm")
_METADATA = re.compile(r"metadata\[([^\[\]]{1,40})\]")
_METHOD_TYPES = re.compile(r"payment_method_types\[\d{0,2}\]")
_NUMBER = re.compile(r"[0-9]{1,12}")
_CURRENCY = re.compile(r"[A-Za-z]{3}")


class ListOptions(NamedTuple):
    """What part of the list is asked for; `created_gte` in unix seconds."""

    limit: int
    starting_after: str | None
    customer: str | None
    created_gte: int | None


def fields(text: str) -> dict[str, str]:
    """The pairs of a form or a query, each name once; repeated list entries are joined.

    Raises:
        Answered: 400, the text is not form-encoded UTF-8, or repeats a name.
    """
    if not text.isascii():
        raise invalid("The parameters are not form-encoded.")
    try:
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            strict_parsing=bool(text),
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise invalid("The parameters are not form-encoded.") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found and not name.endswith("[]"):
            raise invalid(f"Parameter given twice: {name}", name)
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def order(form: dict[str, str]) -> Order:
    """The charge a form asks for.

    Raises:
        Answered: 400, with the parameter that is wrong.
    """
    metadata = _metadata(form)
    for name in _REQUIRED:
        if not form.get(name):
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    for name in ("off_session", "confirm"):
        if form[name] != "true":
            raise invalid(f"Only {name}=true is served here.", name)
    if not _CURRENCY.fullmatch(form["currency"]):
        raise invalid(f"Invalid currency: {form['currency']}", "currency")
    if of_payment_method(form["payment_method"]) is None:
        raise missing("PaymentMethod", form["payment_method"], "payment_method")
    return Order(
        amount=_amount(form["amount"]),
        currency=form["currency"].lower(),
        customer=form["customer"],
        payment_method=form["payment_method"],
        metadata=metadata,
        description=form.get("description"),
    )


def list_options(query: str) -> ListOptions:
    """The list a query asks for.

    Raises:
        Answered: 400, with the parameter that is wrong.
    """
    form = fields(query)
    unknown = form.keys() - {"limit", "starting_after", "customer", "created[gte]"}
    if unknown:
        raise _unknown(min(unknown))
    limit = _whole(form, "limit", 10)
    if limit is None or not 1 <= limit <= LIST_LIMIT:
        raise invalid(f"limit must be between 1 and {LIST_LIMIT}.", "limit")
    return ListOptions(
        limit, form.get("starting_after"), form.get("customer"), _whole(form, "created[gte]", None)
    )


def _metadata(form: dict[str, str]) -> dict[str, str]:
    metadata = {}
    for name, value in form.items():
        if name in _PLAIN:
            continue
        if entry := _METADATA.fullmatch(name):
            if len(value) > MAX_METADATA_VALUE:
                raise invalid(f"{name} is longer than {MAX_METADATA_VALUE} characters.", name)
            metadata[entry[1]] = value
        elif not _METHOD_TYPES.fullmatch(name):
            raise _unknown(name)
    return metadata


def _amount(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise invalid(f"Invalid integer: {text}", "amount", "parameter_invalid_integer")
    if int(text) < 1:
        raise invalid("The amount must be at least 1 minor unit.", "amount", "amount_too_small")
    return int(text)


def _whole(form: dict[str, str], name: str, default: int | None) -> int | None:
    if name not in form:
        return default
    if not _NUMBER.fullmatch(form[name]):
        raise invalid(f"Invalid integer: {form[name]}", name, "parameter_invalid_integer")
    return int(form[name])


def _unknown(name: str) -> Exception:
    return invalid(f"Received unknown parameter: {name}", name, "parameter_unknown")
