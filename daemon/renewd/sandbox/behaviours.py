"""What the sandbox does to whom: a table of payment methods and a table of lines."""

BEHAVIOURS: dict[str, str] = {
    "pm_ok": "The charge succeeds.",
    "pm_insufficient_funds": "Declined every time: insufficient_funds.",
    "pm_insufficient_funds_x2": "Declined twice in a period for insufficient_funds, then charged.",
    "pm_do_not_honor_x1": "Declined once in a period with do_not_honor, then charged.",
    "pm_lost_card": "Declined every time: lost_card, with the advice do_not_try_again.",
    "pm_expired_card": "Declined every time: expired_card.",
    "pm_authentication_required": "Declined every time until the customer verifies: authentication_required.",
    "pm_processing": "The charge is processing, and succeeds after one hour of the sandbox's clock.",
    "pm_timeout_after_charge": "Charged, but the first answer never comes; a repeat of the key tells.",
    "pm_500_after_charge": "Charged, but the answer is a 500, and every repeat of the key gets the same 500.",
    "pm_reset_before": "The first connection is reset before anything happens; the second request passes.",
    "pm_reset_after_charge": "Charged, then the connection is reset; a repeat of the key tells.",
    "pm_garbage_after_charge": "Charged, but the answer is an HTML page, and stays one for the key.",
    "pm_wrong_amount": "Charged 100 minor units too much, and the answer says so.",
    "pm_slow_drip": "Charged, but the first answer's body comes at one byte per half second.",
    "pm_huge_body": "Charged, but the first answer's body is 64 MiB long.",
    "pm_429": "The first request is turned away with 429 and Retry-After: 1; the second passes.",
}

LINES: dict[str, str] = {
    "extend_ok": "The line is extended; any line not named below does the same.",
    "extend_500_after": "Extended, but the first answer for a reference is a 500; a repeat tells.",
    "extend_pending": "Answered 202; extended after one hour of the sandbox's clock.",
    "extend_refused": "Refused every time: 422 line_not_renewable.",
    "extend_reset_after": "Extended, then the first connection for a reference is reset; a repeat tells.",
    "extend_timeout_after": "Extended, but the first answer for a reference never comes; a repeat tells.",
}

# The longest name first: pm_insufficient_funds_x2_7 must not be taken for pm_insufficient_funds.
_METHODS = tuple(sorted(BEHAVIOURS, key=len, reverse=True))
_LINES = tuple(sorted(LINES, key=len, reverse=True))


def _named(identity: str, names: tuple[str, ...]) -> str | None:
    for name in names:
        if identity.startswith(name) and identity[len(name) : len(name) + 1] in {"", "_", "-"}:
            return name
    return None


def of_payment_method(payment_method: str) -> str | None:
    """The behaviour a payment method's id asks for: `pm_ok_0042` behaves as `pm_ok`; None if it is unknown."""
    return _named(payment_method, _METHODS)


def of_line(line: str) -> str:
    """The behaviour a line's id asks for; any id not in the table behaves as `extend_ok`."""
    return _named(line, _LINES) or "extend_ok"


def describe() -> str:
    """Both tables as plain text, for a command's help."""
    return "\n".join(
        [
            "Payment methods (a suffix such as _0042 may follow the name):",
            *_rows(BEHAVIOURS),
            "",
            "Lines (likewise):",
            *_rows(LINES),
        ]
    )


def _rows(table: dict[str, str]) -> list[str]:
    width = max(map(len, table))
    return [f"  {name:<{width}}  {sentence}" for name, sentence in table.items()]
