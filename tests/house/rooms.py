"""Who may import whom: the table of rooms in ARCHITECTURE.md, as a test."""

from collections.abc import Iterator

from tests.house.names import imports
from tests.house.source import Source, inside

#: What a port may use beside the room `renewal`: words to describe an interface with.
TYPING_TOOLS = (
    "__future__",
    "abc",
    "collections.abc",
    "contextlib",
    "dataclasses",
    "enum",
    "types",
    "typing",
)
#: Instants and dates are values that a port speaks of; reading a clock is checked elsewhere.
TYPES_OF_TIME = ("datetime", "whenever")

#: A room, and the libraries that it must never import.
BARRED = {
    "renewal/": ("httpx", "sqlalchemy", "structlog", "apscheduler", "tenacity", "os", "random"),
    "seal/": ("httpx", "sqlalchemy", "structlog", "apscheduler", "tenacity", "os", "random"),
    "service/": ("sqlalchemy", "httpx", "tenacity"),
    "cli/": ("httpx", "sqlalchemy"),
    "checkup/": ("httpx", "sqlalchemy", "structlog", "apscheduler", "tenacity", "os", "pathlib", "random"),
}

#: A library (or room), the part of the house that the rule is for, and the only places there that may name it.
ONLY_IN = (
    ("tenacity", "", "adapters/transport.py"),
    ("httpx", "", "adapters/transport.py", "adapters/wire.py"),
    ("httptools", "", "adapters/wire.py"),
    ("renewd.adapters.wire", "", "adapters/transport.py"),
    ("pydantic", "renewal/", "renewal/fields.py", "renewal/policy.py"),
    ("apscheduler", "service/", "service/loop.py"),
    ("prometheus_client", "", "service/counters.py", "service/gauges.py", "service/monitor.py"),
    (
        "renewd.adapters",
        "",
        "adapters/",
        "service/wiring.py",
        "service/wiring_audit.py",
        "service/wiring_doctor.py",
        "service/wiring_health.py",
    ),
    ("cryptography", "", "seal/keys.py"),
    ("opentelemetry", "", "adapters/otel.py"),
)

#: What adapters may have in common.
SHARED = ("renewd.adapters.transport", "renewd.adapters.wire", "renewd.adapters.messengers.message")

#: Folders of adapters whose files each speak to a system of their own.
KINDS = ("gateways", "carriers", "messengers")


def rooms(source: Source) -> Iterator[str]:
    """Complains of every import that crosses a wall."""
    for node, name in imports(source):
        for reason in _reasons(source, name):
            yield source.at(node, f"imports {name}: {reason}")


def _reasons(source: Source, name: str) -> Iterator[str]:
    for room, barred in BARRED.items():
        if source.path.startswith(room) and inside(name, *barred):
            yield f"{room} must never"
    for library, part, *places in ONLY_IN:
        if (
            inside(name, library)
            and source.path.startswith(part)
            and not source.path.startswith(tuple(places))
        ):
            yield f"only {' and '.join(places)} may"
    room = source.path.partition("/")[0]
    if room in WALLS and (reason := WALLS[room](source, name)):
        yield reason


def _renewal(_: Source, name: str) -> str:
    foreign = inside(name, "renewd") and not inside(name, "renewd.renewal")
    return "renewal/ knows nothing else of renewd" if foreign else ""


def _seal(_: Source, name: str) -> str:
    foreign = inside(name, "renewd") and not inside(name, "renewd.seal")
    return "seal/ knows nothing else of renewd" if foreign else ""


def _checkup(_: Source, name: str) -> str:
    foreign = inside(name, "renewd") and not inside(name, "renewd.checkup", "renewd.renewal")
    return "checkup/ judges what it is given" if foreign else ""


def _ports(_: Source, name: str) -> str:
    known = inside(name, "renewd.renewal", "renewd.seal", *TYPING_TOOLS, *TYPES_OF_TIME)
    return "" if known else "ports.py speaks of renewal/ and seal/ in types, and of nothing else"


def _adapters(source: Source, name: str) -> str:
    if inside(name, "renewd.service", "renewd.cli", "renewd.sandbox"):
        return "adapters/ answer, they do not ask"
    shared = inside(name, *SHARED) or not inside(name, "renewd.adapters")
    return "" if shared or _system(name) == _system(source.module) else "adapters do not know one another"


def _service(_: Source, name: str) -> str:
    return "service/ does not know who calls it" if inside(name, "renewd.cli") else ""


def _sandbox(_: Source, name: str) -> str:
    foreign = inside(name, "renewd") and not inside(name, "renewd.sandbox")
    return "sandbox/ stays as foreign as a real provider" if foreign else ""


def _system(module: str) -> tuple[str, ...]:
    """The outside system an adapter speaks to: the store as a whole, one gateway, one carrier, one messenger."""
    _, _, kind, *rest = [*module.split("."), "", ""]
    return (kind, rest[0]) if kind in KINDS else (kind,)


WALLS = {
    "renewal": _renewal,
    "seal": _seal,
    "checkup": _checkup,
    "ports.py": _ports,
    "adapters": _adapters,
    "service": _service,
    "sandbox": _sandbox,
}
