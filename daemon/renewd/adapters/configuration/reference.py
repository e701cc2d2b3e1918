"""The reference of both files for people, `docs/configuration.md`: made from the same models that read them."""

from collections.abc import Iterator
from typing import Any

from renewd.adapters.configuration.schemas import described
from renewd.renewal.decline import ALLOWED_ACTIONS, DEFAULT_ACTIONS, DeclineClass
from renewd.renewal.fields import Section
from renewd.renewal.policy import Policy
from renewd.settings import Settings

HEAD = """\
# Configuration reference

Every key of `renewd.yaml` (the service: its database, whom it talks to, how fast) and of `policy.yaml` (when and how subscriptions renew, and what is sold). This page is
made from the code that reads them, by `renewd config reference`. [`config/renewd.yaml`](../config/renewd.yaml) and [`config/policy.yaml`](../config/policy.yaml) are examples
that work; `renewd check` says all that is wrong with yours, with its line.

## How values are written

| kind | written as | |
|---|---|---|
| duration | `30s`, `5m`, `6h`, `7d`, `2w`, `1d12h` | a day is 24 hours; 3650 days at most |
| amount | `70.00 USD` | all decimal digits of the currency, ISO 4217: `500 JPY`, `1.500 KWD` |
| period | `30d`, `1 month`, `1 year` | a month is a calendar month from the billing anchor: 31 Jan, 28 Feb, 31 Mar |
| hours | `09:00-18:00` | in the subscriber's own time zone; `22:00-06:00` goes over midnight |
| rate | `25/s`, `300/m`, `5000/h` | for all daemons on one database together |
| name | `att-10gb` | letters, digits, `.`, `_` and `-`; 64 at most |
| secret | `"{credential NAME}"`, `"{file /PATH}"`, `"{env NAME}"` | where it is, and never what it is; a file must be readable by its owner alone |

A key that is not on this page is refused, and so is a key without a value: leave it out instead. Relative paths of state lie in `$STATE_DIRECTORY`, which systemd sets; for a `renewd.yaml` in `/etc/renewd` in `/var/lib/renewd`; or else in `var/` beside the file.
"""
TOGETHER = """\
## What must hold between keys

`renewd check` refuses, with the line at fault:

- `schedule.lease` shorter than twice the longest `deadline`; `schedule.settle_after` shorter than the longest `deadline` and a minute; `breaker.probe_at_most` shorter than `probe_after`;
  a provider's `max_concurrent` above `schedule.concurrency`, which would never be reached
- a gateway or a carrier that `policy.yaml` names and `renewd.yaml` does not have
- `renew_before` or `grace` that is not shorter than the plan's period
- a ladder whose last try may come after expiry and `grace`, the waits for a charge window counted, or that tries one card more often than `card_limits` allows
- a price of nothing, in another currency than `brake.max_amount`, or above it
- a rule that is for nobody, and one that is for everybody: that belongs into `defaults`
- an action that the card networks forbid for a class of declines (the table under `policy.yaml`)
- a live key in plain text, `http` to another machine, a password in a database URL that is written out
"""
POLICY = """\
Each term of a subscription is decided by the last of these that sets it: `defaults`, `rules` from top to bottom, its plan, and the subscription's own (`price`, `renew_before`, `charge_window`, `grace` and `gateway`,
as columns of the imported file). `renewd config show --for SUB --origin` names the line that decided each.
"""
DECLINES = {
    DeclineClass.NEVER: "lost, stolen, consent withdrawn: this card is never tried again",
    DeclineClass.FIX_DATA: "expired, wrong number: the card's data must change first",
    DeclineClass.CUSTOMER_ACTION: "the customer must verify, or talk to the bank",
    DeclineClass.TECHNICAL: "a fault on the way to the bank",
    DeclineClass.LATER: "insufficient funds and the like: it may work another day",
    DeclineClass.OURS: "our request was wrong; the customer can do nothing about it",
}
FILES: tuple[tuple[str, type[Section], str], ...] = (
    ("renewd.yaml", Settings, ""),
    ("policy.yaml", Policy, POLICY),
)

Schema = dict[str, Any]


def reference() -> str:
    """Write the whole page, in Markdown."""
    parts = [HEAD, TOGETHER]
    for name, model, about in FILES:
        root = described(model)
        parts += [f"## {name}\n", *([about] if about else []), *(_table(*each) for each in _sections(root))]
    return "\n".join([*parts, _declines()])


def _declines() -> str:
    """Tell what may be done about each class of declines."""
    lines = [
        "### Classes of declines, for `on_decline`\n",
        "| class | what it is | default | allowed |",
        "|---|---|---|---|",
    ]
    for each, about in DECLINES.items():
        allowed = ", ".join(f"`{action}`" for action in sorted(ALLOWED_ACTIONS[each]))
        lines.append(f"| `{each}` | {about} | `{DEFAULT_ACTIONS[each]}` | {allowed} |")
    return "\n".join(lines) + "\n"


def _sections(root: Schema) -> Iterator[tuple[Schema, str, Schema]]:
    """Give every mapping of a file with its path, each before those below it."""
    waiting = [("", root)]
    while waiting:
        path, section = waiting.pop(0)
        yield root, path, section
        below = [
            (f"{path}.{name}".removeprefix("."), key) for name, key in section.get("properties", {}).items()
        ]
        waiting = [found for name, key in below for found in _mappings(root, name, key)] + waiting


def _mappings(root: Schema, path: str, key: Schema) -> Iterator[tuple[str, Schema]]:
    """Give the mappings that a key may hold: itself, one for each name, one for each entry, one for each kind."""
    if "$ref" in key:
        found = root["$defs"][key["$ref"].rpartition("/")[2]]
        yield from [(path, found)] if "properties" in found else []
    for each in key.get("patternProperties", {}).values():
        yield from _mappings(root, f"{path}.NAME", each)
    if "items" in key:
        yield from _mappings(root, f"{path}[]", key["items"])
    for each in key.get("oneOf", ()):
        yield from _mappings(root, path, each)


def _table(root: Schema, path: str, section: Schema) -> str:
    kind = section["properties"].get("kind", {}).get("const")
    lines = [f"### `{path}`{f', kind {kind}' if kind else ''}\n"] if path else []
    lines += [
        f"{_sentence(section['description'])}\n",
        "| key | value | default | example | meaning |",
        "|---|---|---|---|---|",
    ]
    required = section.get("required", ())
    for name, key in section["properties"].items():
        cells = (
            f"`{name}`",
            _value(root, key),
            _default(key, needed=name in required),
            _example(key),
            _meaning(root, key),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _value(root: Schema, key: Schema) -> str:
    """Say what kind of value a key takes."""
    if "const" in key:
        return _code(key["const"])
    if "enum" in key:
        return " or ".join(map(_code, key["enum"]))
    if "$ref" in key:
        found = root["$defs"][key["$ref"].rpartition("/")[2]]
        return "section, see below" if "properties" in found else _value(root, found)
    for choice in ("oneOf", "anyOf"):
        if choice in key:
            return ", or ".join(dict.fromkeys(_value(root, each) for each in key[choice]))
    if "items" in key:
        return f"list: {_value(root, key['items'])}"
    if "patternProperties" in key:
        return "section for each name, see below"
    if "additionalProperties" in key:
        words = root["$defs"][key["propertyNames"]["$ref"].rpartition("/")[2]]
        return f"{_value(root, words)}, each with {_value(root, key['additionalProperties'])}"
    return _plain(key)


def _plain(key: Schema) -> str:
    word = {"integer": "whole number", "boolean": "`true` or `false`", "string": "text"}[key["type"]]
    least, most = key.get("minimum"), key.get("maximum")
    if least is not None:
        word += f", {least} to {most}" if most is not None else f", {least} or more"
    return str(key.get("$comment", word))


def _default(key: Schema, *, needed: bool) -> str:
    if needed:
        return "required"
    default = key.get("default")
    return "" if default in (None, {}, [], "") or "$ref" in key else _code(default)


def _example(key: Schema) -> str:
    if ("examples" in key and "default" not in key) or key.get("default") in ({}, [], ""):
        return "".join(_code(each) for each in key.get("examples", ())[:1])
    default = key.get("default", key.get("const"))
    return "" if default is None or "$ref" in key else _code(default)


def _meaning(root: Schema, key: Schema) -> str:
    found = root["$defs"][key["$ref"].rpartition("/")[2]] if "$ref" in key else {}
    return str(key.get("description", found.get("description", ""))).removesuffix(".").replace("|", "\\|")


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _code(value: object) -> str:
    return f"`{_inline(value)}`"


def _inline(value: object) -> str:
    """Write a value as it would stand on one line of the file."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_inline(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if str(value).startswith("{") else str(value)
