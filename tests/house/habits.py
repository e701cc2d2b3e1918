"""What no file may do, but those that stand here with a reason: read a clock, swallow a fault, print, toss a coin."""

import ast
from collections.abc import Iterator, Mapping

from tests.house.names import dotted, imports, meanings
from tests.house.source import Source, inside

#: File or folder, and why it may read a clock.
CLOCKS = {
    "adapters/clock.py": "it is the clock",
    "sandbox/": "a provider has a clock of its own, which need not agree with ours",
}
#: File, and why it may catch everything, once.
CATCHALLS = {
    "service/advance.py": "the edge of one renewal: a poison row never stops the others",
    "service/beside.py": "the edge of one turn of what is done beside the ticks: the next turn goes on",
    "service/loop.py": "the edge of one tick: the next one goes on",
    "adapters/store/group.py": "the edge of one group: whatever a poison row raises, it must not fail the others",
    "adapters/store/reading.py": "the edge of one row: whatever is wrong with it, the others are read",
    "sandbox/connection.py": "the edge of one request: a bad one must not take the server down",
}
#: Folder, and why it may print.
PRINTERS = {
    "cli/": "it speaks to a person at a terminal",
    "sandbox/": "it tells the developer who started it where it listens",
}
#: Folder, and why it may use chance. Jitter elsewhere is hashed, so that a decision can be repeated.
GAMBLERS = {
    "sandbox/": "providers fail by chance",
}

READINGS = {
    "time": "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns "
    "thread_time clock_gettime clock_gettime_ns localtime gmtime ctime asctime",
    "datetime.datetime": "now utcnow today",
    "datetime.date": "today",
    "whenever.Instant": "now",
    "whenever.ZonedDateTime": "now now_in_system_tz",
    "whenever.OffsetDateTime": "now",
    "whenever.Date": "today today_in_system_tz",
    "asyncio.get_running_loop()": "time",
    "asyncio.get_event_loop()": "time",
    "loop": "time",
    "self.loop": "time",
    "self._loop": "time",
    "sqlalchemy.func": "now current_timestamp current_date current_time localtime localtimestamp sysdate",
    "sqlalchemy.sql.func": "now current_timestamp current_date current_time localtime localtimestamp sysdate",
}
FORBIDDEN = {f"{owner}.{name}" for owner, names in READINGS.items() for name in names.split()}


def clocks(source: Source) -> Iterator[str]:
    """Complains of each reading of a clock, a reference passed on as a default included."""
    if _excused(source, CLOCKS):
        return
    known = meanings(source)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute | ast.Name) and (name := dotted(node, known)) in FORBIDDEN:
            yield source.at(node, f"reads a clock ({name}): take `now` as a value")


def catchalls(source: Source) -> Iterator[str]:
    """Complains of faults swallowed whole; a handler that ends by raising again swallows nothing."""
    allowance = 1 if _excused(source, CATCHALLS) else 0
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield source.at(node, "a bare except also catches the stop signal")
        elif _swallows(node):
            allowance -= 1
            if allowance < 0:
                yield source.at(node, "catches everything: name the fault that you expect")


def prints(source: Source) -> Iterator[str]:
    """Complains of print outside the rooms that speak to a person."""
    if _excused(source, PRINTERS):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield source.at(node, "prints: log it")


def chance(source: Source) -> Iterator[str]:
    """Complains of chance in a house whose every decision can be repeated."""
    if _excused(source, GAMBLERS):
        return
    for node, name in imports(source):
        if inside(name, "random"):
            yield source.at(node, "uses chance: derive it by a hash")


def _excused(source: Source, table: Mapping[str, str]) -> bool:
    return source.path.startswith(tuple(table))


def _swallows(node: ast.AST) -> bool:
    match node:
        case ast.ExceptHandler(type=ast.expr() as caught, body=body):
            again = isinstance(body[-1], ast.Raise) and body[-1].exc is None
            return _is_everything(caught) and not again
        case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=args):
            return any(_is_everything(arg) for arg in args)
    return False


def _is_everything(caught: ast.expr) -> bool:
    everything = {"Exception", "BaseException"}
    return any(isinstance(node, ast.Name) and node.id in everything for node in ast.walk(caught))
