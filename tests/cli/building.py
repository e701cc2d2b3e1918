"""A small renewd to work at: its files in a folder, a clock that stands, and commands run as a user runs them."""

import asyncio
import json
import os
import pty
import sqlite3
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from renewd.adapters.store.connect import connect, migrate
from renewd.adapters.store.sql_store import SqlStore
from renewd.cli import cli
from renewd.service.engine import Engine
from renewd.service.loop import prepare
from renewd.service.tick import tick
from renewd.service.wiring import load_configuration
from tests.fakes import FakeCarrier, FakeClock, FakeGateway, FakeMessenger

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
RENEWD = str(Path(sys.executable).parent / "renewd")

SETTINGS = """\
version: 1
database: sqlite:///renewd.db
operator_email: operator@example.com
gateways:
  stripe: {kind: stripe, api_base: http://127.0.0.1:8480, api_key: sk_test_sandbox}
carriers:
  att: {kind: http, api_base: http://127.0.0.1:8480, token: sandbox}
messengers:
  email: {kind: maildir, path: mail, sender: renewals@example.com}
"""
POLICY = """\
version: 1
defaults:
  renew_before: 7d
  charge_window: 09:00-18:00
  retry: [6h, 1d, 2d]
rules:
  - name: vip
    when: {tag: vip}
    grace: 5d
plans:
  att-10gb: {title: AT&T 10 GB, carrier: att, price: 40.00 USD, period: 1 month}
  att-7d:
    carrier: att
    price: 9.00 USD
    period: 7d
    renew_before: 2d
    retry: [6h]
brake: {max_amount: 100.00 USD}
"""
HEADING = "id,customer,name,email,gateway_customer,plan,line,zone,current_period_end,state,tags,payment_methods,price"
ROWS = [
    "S-1,C-1,Ada Lane,ada@example.com,cus_1,att-10gb,8901-1,America/New_York,2026-12-10T05:00:00Z,,,"
    "pm_ok_1|card|Visa 4242|2028-04,",
    "S-2,C-2,Bo Reed,bo@example.com,cus_2,att-10gb,8901-2,America/Chicago,2026-12-09T06:00:00Z,,vip,"
    "pm_insufficient_funds_2|card|Visa 0002|2028-04;pm_ok_2|card|Amex 0003|2029-01,33.00 USD",
    "S-3,C-3,=cmd|x,cy@example.com,cus_3,att-7d,8901-3,Europe/Berlin,2026-12-05T23:00:00Z,,,"
    "pm_lost_card_3|card|Visa 0004|2028-04,",
    "S-4,C-4,Di Voss,,cus_4,att-10gb,8901-4,Etc/UTC,2026-12-08T00:00:00Z,,,pm_ok_4,",
    "S-5,C-5,Eve Hart,eve@example.com,cus_5,att-10gb,8901-5,Etc/UTC,2027-01-20T00:00:00Z,paused,,pm_ok_5,",
]


@dataclass(frozen=True)
class Ran:
    """What a command said, and how it ended."""

    code: int
    stdout: str
    stderr: str


@dataclass
class Shop:
    """One configuration, its database, and what a person can do with them."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "renewd.yaml"

    @property
    def database(self) -> Path:
        return self.folder / "var" / "renewd.db"

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def run(self, *args: str, stdin: str | None = None, env: Mapping[str, str] | None = None) -> Ran:
        """Run a command in this process."""
        given = {"RENEWD_CONFIG": str(self.config), **(env or {})}
        result = CliRunner().invoke(
            cli, args, input=stdin, env=given, prog_name="renewd", catch_exceptions=False
        )
        return Ran(result.exit_code, result.stdout, result.stderr)

    def out(self, *args: str) -> str:
        """Run a command that must succeed, and give what it writes to standard output."""
        result = self.run(*args)
        assert result.code == 0, result
        return result.stdout

    def json(self, *args: str) -> Any:
        """Run a command that writes JSON."""
        return json.loads(self.out(*args, "-o", "json"))

    def process(self, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the installed program, outside of this process and on the machine's own clock."""
        return subprocess.run(
            [RENEWD, *args], env=self.environ(**env), capture_output=True, text=True, check=False, timeout=60
        )

    def terminal(self, *args: str, keys: str = "", size: tuple[int, int] = (24, 80), **env: str) -> Ran:
        """Run the installed program at a terminal of this many rows and columns, and type some keys."""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, size)
        with subprocess.Popen(
            [RENEWD, *args], env=self.environ(**env), stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            os.write(ours, keys.encode())
            shown = b"".join(iter(lambda: _read(ours), b""))
            code = process.wait(timeout=60)
        os.close(ours)
        return Ran(code, shown.decode().replace("\r\n", "\n"), "")

    def garble(self, table: str, column: str, value: str, row: str) -> None:
        """Write into one cell what no renewd would; `row` is the id of the row."""
        with sqlite3.connect(self.database) as database:
            database.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (value, row))  # noqa: S608
        database.close()

    def environ(self, **env: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return kept | {"RENEWD_CONFIG": str(self.config), "LANG": "C.UTF-8", "TERM": "xterm", **env}

    def live(self, until: datetime, start: datetime = NOW) -> None:
        """Let the real service run from one instant to another, against providers in memory."""
        asyncio.run(self._live(start, until))

    async def _live(self, start: datetime, until: datetime) -> None:
        configuration, clock = load_configuration(self.config), FakeClock(start)
        database = connect(configuration.database_url({}))
        migrate(database)
        store = SqlStore(database, "test", configuration.settings.schedule.lease)
        engine = Engine(
            store=store,
            gateways={"stripe": FakeGateway(clock, "stripe")},
            carriers={"att": FakeCarrier(clock, "att")},
            messenger=FakeMessenger(),
            clock=clock,
            policy=configuration.policy,
            breakers={},
            tell=lambda _: None,
        )
        await prepare(engine)
        await tick(engine)
        while (due := await store.next_due()) and due <= until:
            clock.alarm(due)
            await tick(engine)
        await store.close()
        database.dispose()


def sheet(*rows: str, heading: str = HEADING) -> str:
    return "\n".join([heading, *(rows or ROWS)]) + "\n"


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other side is closed
        return b""


def problems(shop: Shop, text: str | bytes, name: str = "subs.csv") -> list[str]:
    """The complaints about a file that must be refused whole."""
    path = shop.write(name, text)
    ran = shop.run("import", str(path))
    assert (ran.code, ran.stdout) == (1, ""), ran
    assert shop.out("list") == "", "something was written"
    return ran.stderr.replace(f"{path}:", "").splitlines()
