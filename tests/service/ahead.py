"""`python -m tests.service.ahead SECONDS ...`: the command line of renewd, on a machine whose clock is ahead."""

import sys
from datetime import datetime, timedelta

from renewd.adapters import clock
from renewd.cli import main


class ClockAhead(clock.SystemClock):
    """The machine's time, a fixed while ahead of the true one."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead

    def alarm(self, instant: datetime) -> datetime:
        return instant - self.ahead


if __name__ == "__main__":
    ClockAhead.ahead = timedelta(seconds=float(sys.argv.pop(1)))
    clock.SystemClock = ClockAhead  # type: ignore[misc]  # the wiring takes it from there
    main()
