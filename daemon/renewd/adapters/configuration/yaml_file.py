"""YAML as data with positions: a small, exact part of the language; everything else of it is refused by name.

A plain `true` or `false` is a boolean, a plain decimal integer an integer, an empty value, `~` or `null` nothing,
and all else is text, exactly as written: `no`, `1.10`, `12:30`, `012` and `2026-01-01` stay what they are.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from renewd.adapters.configuration.document import Document, Finding, KeyPath, Span, Spot
from renewd.adapters.configuration.problems import ConfigurationError, Problem, quoted, visible
from renewd.adapters.configuration.syntax import complaint

MOST_BYTES = 1 << 20
DEEPEST = 20

# The C loader is about ten times faster; where PyYAML was built without it, the other gives the same events.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_CONSTANTS = {"true": True, "false": False, "": None, "~": None, "null": None}
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def read(path: Path) -> Document:
    """Read a file. Raises ConfigurationError when it cannot be read to its end; see also `Document.findings`."""
    raw = _bytes(path)
    document = Document(visible(str(path)), hashlib.sha256(raw).hexdigest()[:12], [])
    text = _text(raw, document)
    try:
        _Reader(document, yaml.parse(text, Loader=_LOADER)).run()
    except yaml.YAMLError as error:
        place, message = complaint(error, document.lines)
        raise _refusal(document, message, Spot(*place)) from None
    return document


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as opened:
            raw = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not the name of a file"
        message = f"cannot be read: {reason[:1].lower()}{reason[1:]}"
        raise ConfigurationError([Problem(visible(str(path)), 1, 1, "", message)]) from None
    if len(raw) > MOST_BYTES:
        raise ConfigurationError([Problem(visible(str(path)), 1, 1, "", "larger than 1 MiB")])
    return raw


def _text(raw: bytes, document: Document) -> str:
    document.lines = _LINE_BREAK.split(raw.decode("utf-8-sig", "replace"))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"not UTF-8 (the byte 0x{error.object[error.start]:02x}); save the file as UTF-8"
        raise _refusal(document, message, _spot_after(error.object[: error.start].decode())) from None
    found = _UNPRINTABLE.search(text)
    if found:
        name = "a NUL character" if found[0] == "\0" else f"a control character (U+{ord(found[0]):04X})"
        raise _refusal(document, f"{name}; take it out", _spot_after(text[: found.start()]))
    return text


def _spot_after(text: str) -> Spot:
    lines = _LINE_BREAK.split(text)
    return Spot(len(lines), len(lines[-1]) + 1)


def _refusal(document: Document, message: str, spot: Spot) -> ConfigurationError:
    return ConfigurationError([document.problem(Finding((), message), spot)])


class _Reader:
    """Builds a document from the events of the parser; what may not stand in a file it notes, and reads on."""

    def __init__(self, document: Document, events: Iterator[Any]) -> None:
        self.document, self.events = document, events

    def run(self) -> None:
        """Read the one document of the file."""
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                self._check_document(event, documents)
            elif isinstance(event, yaml.NodeEvent):
                self.document.data = self._node(event, ())
        if self.document.data is None and not self.document.findings:
            raise _refusal(self.document, "the file is empty", Spot(1, 1))

    def _check_document(self, event: Any, number: int) -> None:
        if event.version or event.tags:
            self._note(event, (), 'directives ("%YAML", "%TAG") are refused; take the line out')
        if number > 1:
            raise _refusal(
                self.document, "several documents in one file; keep one", _span(event, event).start
            )

    def _node(self, event: Any, path: KeyPath) -> Any:
        self._check(event, path)
        self.document.values[path] = _span(event, event)
        if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            self.document.leaves.add(path)
            return _resolved(event) if isinstance(event, yaml.ScalarEvent) else None
        if len(path) >= DEEPEST:
            raise _refusal(self.document, f"nested deeper than {DEEPEST} levels", _span(event, event).start)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._mapping(path)

    def _check(self, event: Any, path: KeyPath) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._note(
                event, path, "aliases are refused; write the value out, or in quotes if it begins with *"
            )
        elif event.anchor is not None:
            self._note(
                event,
                path,
                "anchors are refused; take it out, or write the value in quotes if it begins with &",
            )
        elif event.tag is not None:
            self._note(
                event, path, "tags are refused; take it out, or write the value in quotes if it begins with !"
            )

    def _sequence(self, path: KeyPath) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items))))
        return items

    def _mapping(self, path: KeyPath) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event, path)
            where = (*path, key)
            if key in data:
                first = self.document.keys[where].start.line
                self._note(event, path, f"duplicate key {quoted(key)} (first at line {first})")
                self._node(next(self.events), (*path, f"{key} (again)"))
            else:
                self.document.keys[where] = _span(event, event)
                data[key] = self._node(next(self.events), where)
        return data

    def _key(self, event: Any, path: KeyPath) -> str:
        """Give the text of a key; anything else that may be a key in YAML is noted, and named for what it is."""
        if not isinstance(event, yaml.ScalarEvent):
            self._note(event, path, "a key must be text")
            self._node(event, (*path, "?"))
            return "?"
        self._check(event, path)
        if event.implicit[0] and event.value == "<<":
            self._note(event, (*path, "<<"), 'merge keys ("<<") are refused; write the keys out')
        elif not isinstance(_resolved(event), str):
            self._note(
                event, (*path, event.value), f"a key must be text; write {quoted(event.value)} in quotes"
            )
        return str(event.value)

    def _note(self, event: Any, path: KeyPath, message: str) -> None:
        self.document.findings.append((_span(event, event).start, Finding(path, message)))


def _resolved(event: Any) -> Any:
    value: str = event.value
    if not event.implicit[0]:  # quoted, or a block: text
        return value
    if value in _CONSTANTS:
        return _CONSTANTS[value]
    return int(value) if _INTEGER.fullmatch(value) else value


def _span(first: Any, last: Any) -> Span:
    start, end = first.start_mark, last.end_mark
    return Span(Spot(start.line + 1, start.column + 1), Spot(end.line + 1, end.column + 1))
