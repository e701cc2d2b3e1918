"""A job in a process of its own, so that its processor time and memory are its alone."""

import asyncio
import gc
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from renewd.cli import COLLECT_AFTER
from tests.benchmarks.measure import spending

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 900

Job = Callable[..., Awaitable[dict[str, float]]]


def alone(job: Job, **options: Any) -> dict[str, float]:
    """Run a coroutine function in a new process; its arguments and its answer travel as JSON."""
    name = f"{job.__module__}:{job.__name__}"
    answered = subprocess.run(
        [sys.executable, "-m", __name__, name, json.dumps(options)],
        cwd=ROOT,
        env=surroundings(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=MOST_SECONDS,
    )
    answer: dict[str, float] = json.loads(answered.stdout)
    return answer


def program(*arguments: str) -> float:
    """Run Python with these arguments, and give the seconds until it has ended; what it says is read and left alone."""
    command = [sys.executable, *arguments]
    with spending() as running:
        subprocess.run(command, cwd=ROOT, env=surroundings(), stdout=subprocess.PIPE, check=True)
    return running.wall


def surroundings() -> dict[str, str]:
    """Give the environment of a process whose start is measured: its bytecode may be kept."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


async def _run(name: str, options: str) -> dict[str, float]:
    module, _, function = name.partition(":")
    job: Job = getattr(import_module(module), function)
    return await job(**json.loads(options))


if __name__ == "__main__":
    gc.set_threshold(*COLLECT_AFTER)  # as the command does
    print(json.dumps(asyncio.run(_run(*sys.argv[1:]))))
