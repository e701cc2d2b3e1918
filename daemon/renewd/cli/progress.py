"""How far a long piece of work has come."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeVar

T = TypeVar("T")
Progress = Callable[[int], None]


LONG = 20_000  # of what is counted; before that nobody has begun to wonder


def counting(what: str, items: Iterable[T]) -> Iterator[T]:
    """Pass items on, and say on a terminal how many of them it has been, when they are many."""
    with ExitStack() as stack:
        shown = None
        for number, item in enumerate(items):
            if number and number % LONG == 0 and sys.stderr.isatty():
                from rich.console import Console

                shown = shown or stack.enter_context(Console(stderr=True).status(""))
                shown.update(f"{number:,} {what}")
            yield item


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[Progress]:
    """Show how far a long piece of work has come, on a terminal."""
    if not sys.stderr.isatty() or not total:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda done: shown.update(task, completed=done)
