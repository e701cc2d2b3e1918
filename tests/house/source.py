"""A source file as the checkers see it: a path inside the package, and its syntax tree."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

PACKAGE = Path(__file__).parents[2] / "daemon" / "renewd"


@dataclass(frozen=True)
class Source:
    """One file; `path` is relative to the package, as in `service/loop.py`."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text, self.path)

    @property
    def module(self) -> str:
        """The dotted name, as in `renewd.service.loop`; a package's is that of its folder."""
        parts = ["renewd", *Path(self.path).with_suffix("").parts]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def package(self) -> str:
        """What one dot stands for in a relative import."""
        return self.module if self.path.endswith("__init__.py") else self.module.rpartition(".")[0]

    def at(self, node: ast.AST, complaint: str) -> str:
        """A complaint with its place."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {complaint}"


Check: TypeAlias = Callable[[Source], Iterator[str]]


def sources() -> list[Source]:
    """Every Python file of the package."""
    files = sorted(PACKAGE.rglob("*.py"))
    return [Source(file.relative_to(PACKAGE).as_posix(), file.read_text(encoding="utf-8")) for file in files]


def inside(name: str, *parents: str) -> bool:
    """Whether a dotted name is one of these, or lies below one."""
    return any(name == parent or name.startswith(parent + ".") for parent in parents)
