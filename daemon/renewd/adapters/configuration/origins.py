"""Which line of which file decided each term of a subscription: what `renewd config show --origin` prints."""

from datetime import timedelta
from pathlib import PurePath
from typing import NamedTuple

from renewd.adapters.configuration.loading import Loaded
from renewd.renewal.model import Subscription
from renewd.renewal.policy import Backoff, Policy
from renewd.renewal.written import DURATION

# Keys of a rule or a plan that say what it is, not how it renews.
_NO_TERMS = frozenset({"name", "when", "title"})


class Origin(NamedTuple):
    """A term, its value as a file would have it, and where that was decided.

    `where` is `policy.yaml:12`, `built in` for a default that the file leaves out, or `subscription`; `layer` is
    the dotted path there.
    """

    term: str
    value: str
    where: str
    layer: str


def origins(policy_file: Loaded[Policy], subscription: Subscription) -> list[Origin]:
    """Give each term of a subscription with its origin. Raises KeyError when its plan is not in the catalogue."""
    found = policy_file.value.origins(subscription)
    return [
        Origin(term, _text(value), _where(policy_file, path), ".".join(map(str, path)))
        for term, (path, value) in found.items()
        if term not in _NO_TERMS
    ]


def _where(policy_file: Loaded[Policy], path: tuple[str | int, ...]) -> str:
    if path[0] == "subscription":
        return "subscription"
    if not policy_file.document.holds(path):
        return "built in"
    return f"{PurePath(policy_file.file).name}:{policy_file.line_of(path)}"


def _text(value: object) -> str:
    if isinstance(value, timedelta):
        return DURATION.write(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, Backoff):
        return f"{{{', '.join(f'{key}: {each}' for key, each in value.model_dump().items())}}}"
    return str(value).lower() if isinstance(value, bool) else str(value)
