"""The page options of every list that is not Stripe's."""

from urllib.parse import parse_qs

from renewd.sandbox.wire import Answered, problem

_DIGITS = 9  # more than any list here is long


def whole(text: str) -> int | None:
    """The number a text of digits names; None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def page_of(query: str, cursor: str, *, default: int, most: int) -> tuple[int, str | None]:
    """The `limit` (1 to `most`) and the value of the cursor parameter in a query.

    Raises:
        Answered: 400, the query says something else.
    """
    given = parse_qs(query, keep_blank_values=True)
    limit = whole(given.get("limit", [str(default)])[-1])
    if given.keys() - {"limit", cursor} or limit is None or not 1 <= limit <= most:
        raise bad_request(f"Known here: limit, from 1 to {most}, and {cursor}.")
    return limit, given[cursor][-1] if cursor in given else None


def bad_request(message: str) -> Answered:
    """A 400 to be raised."""
    return Answered(problem(400, "bad_request", message))
