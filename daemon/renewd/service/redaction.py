"""What may stand in a log: fields that are on the list, without secrets, and with nothing that a terminal acts on."""

from collections.abc import Collection, MutableMapping
from datetime import datetime
from typing import Any

from renewd.renewal.money import Money

#: The fields that a line may have, in their order. Whatever else it is given is named in `withheld`, and not shown.
FIELDS = tuple(
    "at level event subscription renewal leg provider attempt amount method key outcome decline_class code reference "
    "next_action next_at actor policy_digest duration_ms detail error problem problems file lost stuck seconds "
    "watchdog_seconds at_least_seconds size last root signed note trace_id span_id logger withheld pathname lineno func_name exception line".split()
)
#: Those of several lines; in any other a line break is written as `\n`.
OF_SEVERAL_LINES = frozenset({"problems", "note", "exception"})
HIDDEN = "***"
_HARMLESS = (int, float, datetime, Money, type(None))


class Redaction:
    """Keeps to the list, and blanks what is known to be a secret wherever it should turn up."""

    def __init__(self, secrets: Collection[str] = ()) -> None:
        """Know the secrets, the longest first: one may be a part of another."""
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def __call__(
        self, _logger: object, _method: str, given: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Give what may be logged of a line."""
        withheld = " ".join(sorted(given.keys() - FIELDS))
        told = {**given, "withheld": withheld} if withheld else given
        return {name: self._shown(name, told[name]) for name in FIELDS if name in told}

    def _shown(self, name: str, value: object) -> object:
        if isinstance(value, _HARMLESS):
            return value
        text = str(value)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return visible(text, keep="\n" if name in OF_SEVERAL_LINES else "")


def visible(text: str, keep: str = "") -> str:
    """Write what a terminal would act on, or not show at all, as Python does in a literal."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in keep else each.encode("unicode_escape").decode()
        for each in text
    )
