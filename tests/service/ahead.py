"""`python -m tests.service.ahead WHERE ...`: the command line of renewd, on a machine whose clock is ahead.

WHERE is for how many seconds, or a file that says so: it may say something else at any time, and then the clock has been
set. Time that passes is the true one, as it is when a clock is set, or while a machine sleeps.
"""

import sys
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from apscheduler.schedulers import base

from renewd.adapters import clock
from renewd.cli import main


class SetClock(datetime):
    """What all that ask this machine for the date are told."""

    where = ""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # an ordinary one
        told = Path(cls.where)
        return datetime.now(tz) + timedelta(seconds=float(told.read_text() if told.exists() else cls.where))


if __name__ == "__main__":
    SetClock.where = sys.argv.pop(1)
    for module in (clock, base):  # nobody else in a daemon acts on the date
        vars(module)["datetime"] = SetClock
    main()
