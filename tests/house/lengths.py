"""How long files and functions may be: short enough to be read at once."""

import ast
from collections.abc import Iterator, Sequence
from statistics import median, quantiles

from tests.house.source import Source

FILE_MOST = 300
FILE_MEDIAN = 120
FUNCTION_MOST = 50
FUNCTION_P90 = 30
FUNCTION_MEDIAN = 10  # about 8

#: Below so many, a median says more of the accident than of the habit.
ENOUGH = 10


def file_length(source: Source) -> Iterator[str]:
    """Complains of a file over the cap."""
    if (lines := _lines(source)) > FILE_MOST:
        yield f"{source.path}: {lines} lines, {FILE_MOST} at most"


def function_length(source: Source) -> Iterator[str]:
    """Complains of each function over the cap, its docstring counted."""
    for node in _functions(source):
        if (lines := _length(node)) > FUNCTION_MOST:
            yield source.at(node, f"{node.name} has {lines} lines, {FUNCTION_MOST} at most")


def habits_of_length(sources: Sequence[Source]) -> Iterator[str]:
    """Complains when the middle of the house drifts, though no single file or function is too long."""
    files = [_lines(source) for source in sources if source.text.strip()]
    functions = [_length(node) for source in sources for node in _functions(source)]
    if len(files) >= ENOUGH and median(files) > FILE_MEDIAN:
        yield f"the median file has {median(files):.0f} lines, {FILE_MEDIAN} at most"
    if len(functions) < ENOUGH:
        return
    if median(functions) > FUNCTION_MEDIAN:
        yield f"the median function has {median(functions):.0f} lines, {FUNCTION_MEDIAN} at most"
    if (ninth := quantiles(functions, n=10)[-1]) > FUNCTION_P90:
        yield f"one function in ten has over {ninth:.0f} lines, {FUNCTION_P90} at most"


def _lines(source: Source) -> int:
    return len(source.text.splitlines())


def _functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    nodes = ast.walk(source.tree)
    return (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
