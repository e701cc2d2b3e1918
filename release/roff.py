"""Just enough of man(7) to write a manual page."""

import re
from collections.abc import Iterator

_EM = re.compile(r"`([^`]+)`")


def escaped(text: str) -> str:
    """Give a text so that no character of it is an instruction."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def bold(text: str) -> str:
    """Give a word as it is to be typed."""
    return f"\\fB{escaped(text)}\\fR"


def prose(text: str) -> str:
    """Give a line of prose; what stands in backquotes becomes bold."""
    return _EM.sub(r"\\fB\1\\fR", escaped(text))


def header(name: str, section: int, date: str, version: str) -> str:
    """Begin a page."""
    return f'.TH "{name.upper()}" {section} {date} "renewd {version}"'


def section(title: str, *paragraphs: str) -> Iterator[str]:
    """Give a section and its first paragraphs."""
    yield f'.SH "{title.upper()}"'
    for number, paragraph in enumerate(paragraphs):
        yield from (() if number == 0 else (".PP",))
        yield prose(paragraph)


def item(term: str, *meaning: str) -> Iterator[str]:
    """Give an entry of a list; `term` is marked up already."""
    yield ".TP"
    yield term
    yield from ([prose(each) for each in meaning if each] or ["\\&"])
