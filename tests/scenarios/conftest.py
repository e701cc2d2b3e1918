"""A diary for each test, on a database of its own."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.postgres import fresh_database
from tests.scenarios.diary import Diary

Begin = Callable[..., Diary]


@pytest.fixture(params=["sqlite", "postgres"])
async def begin(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Begin]:
    """Begin a diary; keywords are those of `Diary`."""
    begun: list[Diary] = []

    def begin(**changes: Any) -> Diary:
        url = f"sqlite:///{tmp_path / 'renewd.db'}" if request.param == "sqlite" else fresh_database()
        begun.append(Diary(url, **changes))
        return begun[-1]

    yield begin
    for diary in begun:
        await diary.store.close()
        diary.books.close()
