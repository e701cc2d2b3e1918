"""`python -m tests.service.talkative ...`: renewd with every library telling all it can, and with faults that quote secrets.

The first letter meets a bug whose message quotes them all, and so does the end of the daemon.
"""

import logging
import os
from pathlib import Path
from typing import Any

from renewd.adapters.messengers import smtp
from renewd.cli import main
from renewd.service import loop
from renewd.service.wiring import load_configuration, secret_values

LIBRARIES = ("", "httpx", "httpcore", "sqlalchemy", "sqlalchemy.engine", "psycopg", "asyncio", "apscheduler")


class BuggyError(Exception):
    """It quotes what it should not."""

    def __init__(self) -> None:
        secrets = secret_values(load_configuration(Path(os.environ["RENEWD_CONFIG"])))
        super().__init__(f"a bug that quotes {' '.join(secrets)}")


class Buggy(smtp.Smtp):
    """A mail adapter with a bug."""

    async def send(self, letter: Any) -> None:
        raise BuggyError


class Falling(loop.Loop):
    """A loop that ends in one."""

    async def run(self) -> None:
        await super().run()
        raise BuggyError


if __name__ == "__main__":
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.DEBUG)
    smtp.Smtp = Buggy  # type: ignore[misc]  # the wiring takes it from there
    loop.Loop = Falling  # type: ignore[misc]
    main()
