"""A diary for each test, in a folder of its own."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.diary import Diary

Begin = Callable[..., Diary]


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[Begin]:
    """Begin a diary; keywords are those of `Diary`."""
    begun: list[Diary] = []

    def begin(**changes: Any) -> Diary:
        begun.append(Diary(tmp_path, **changes))
        return begun[-1]

    yield begin
    for diary in begun:
        await diary.store.close()
        diary.books.close()
