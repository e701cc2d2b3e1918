"""The table of events, which `log --event` and the timeline go by, has all that the code can write, and no other."""

import ast
import re
from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import get_args

import renewd
from renewd.cli.wording import EVENTS
from renewd.renewal.command import PAST
from renewd.renewal.model import Leg, Stage
from renewd.renewal.outcome import Finding
from tests.cli.building import Shop

# Who makes an event, and which of the arguments is its name.
MAKERS = {"Event": 0, "event_of": 1, "self._event": 0}
ANSWERS = [re.sub(r"\B(?=[A-Z])", "_", each.__name__).lower() for each in get_args(Finding)]
# What can stand in a name that is put together.
PARTS: dict[str, Iterable[str]] = {
    "attempt.leg": Leg,
    "verb": ("attempted", "lookup"),
    "verbs.get(name, name)": ["succeeded" if each == "done" else each for each in ANSWERS],
    "stage": (Stage.LAPSED, Stage.REVIEW, Stage.SKIPPED, Stage.CANCELED),
    "PAST[verb]": PAST.values(),
    "turned": ("opened", "closed"),
}


def written() -> Iterator[str]:
    """Find the names of events in the source."""
    for file in Path(renewd.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and (maker := ast.unparse(node.func)) in MAKERS and node.args:
                yield from _names(node.args[MAKERS[maker]])


def _names(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(name)):
            yield name
        case ast.IfExp(body=one, orelse=other):
            yield from _names(one)
            yield from _names(other)
        case ast.JoinedStr(values=parts):
            yield from map("".join, product(*map(_choices, parts)))
        case _:
            # Only a maker may be handed the name that it gives on.
            assert ast.unparse(node) == "name"


def _choices(part: ast.expr) -> Iterable[str]:
    if isinstance(part, ast.FormattedValue):
        return PARTS[ast.unparse(part.value)]
    return [str(ast.literal_eval(part))]


def test_the_table_has_every_event_that_the_code_can_write_and_no_other() -> None:
    assert set(written()) == set(EVENTS)


def test_the_table_has_what_a_running_service_writes(later: Shop) -> None:
    assert {row["event"] for row in later.json("log")["items"]} <= set(EVENTS)
