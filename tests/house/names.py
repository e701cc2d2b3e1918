"""What names mean in a file: its imports, wherever they stand, and what a dotted expression refers to."""

import ast
from collections.abc import Iterator
from importlib.util import resolve_name

from tests.house.source import Source


def imports(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Every imported name in full, relative and dynamic imports and those inside functions included."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Import():
                yield from ((node, alias.name) for alias in node.names)
            case ast.ImportFrom():
                origin = _origin(source, node)
                yield from ((node, f"{origin}.{alias.name}") for alias in node.names)
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str() as name), *_],
            ):
                yield node, resolve_name(name, source.package)


def meanings(source: Source) -> dict[str, str]:
    """Local name to full name, for everything that an import binds."""
    known: dict[str, str] = {}
    for node in ast.walk(source.tree):
        match node:
            case ast.Import():
                for alias in node.names:
                    bound = alias.name if alias.asname else alias.name.partition(".")[0]
                    known[alias.asname or bound] = bound
            case ast.ImportFrom():
                origin = _origin(source, node)
                known |= {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in node.names}
    return known


def dotted(node: ast.expr, known: dict[str, str]) -> str:
    """The full name of `a.b.c`, a call standing as `()`; empty where there is no name to follow."""
    match node:
        case ast.Name():
            return known.get(node.id, node.id)
        case ast.Attribute():
            parent = dotted(node.value, known)
            return f"{parent}.{node.attr}" if parent else ""
        case ast.Call():
            callee = dotted(node.func, known)
            return f"{callee}()" if callee else ""
    return ""


def _origin(source: Source, node: ast.ImportFrom) -> str:
    relative = "." * node.level + (node.module or "")
    return resolve_name(relative, source.package) if node.level else relative
