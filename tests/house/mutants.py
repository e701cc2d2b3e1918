"""Small sources with a fault that a checker must catch, and their honest twins, which it must let pass."""

from tests.house import habits, lengths, rooms
from tests.house.source import Check

LONG_FUNCTION = "def long() -> None:\n" + "    pass\n" * lengths.FUNCTION_MOST
LONG_FILE = "x = 1\n" * (lengths.FILE_MOST + 1)

#: checker -> (path, source) that it must catch
MUTANTS: dict[Check, list[tuple[str, str]]] = {
    rooms.rooms: [
        ("renewal/decide.py", "import httpx"),
        ("renewal/decide.py", "from os import environ"),
        ("renewal/decide.py", "from renewd import ports"),
        ("renewal/decide.py", "from ..service import tick"),
        ("renewal/decide.py", "from pydantic import BaseModel"),
        ("renewal/__init__.py", "from ..ports import Store"),
        ("seal/tree.py", "from renewd.renewal import money"),
        ("seal/leaf.py", "import sqlalchemy"),
        ("seal/note.py", "import cryptography"),
        ("checkup/judgement.py", "from pathlib import Path"),
        ("checkup/judgement.py", "from renewd.settings import Settings"),
        ("ports.py", "from renewd.service import tick"),
        ("ports.py", "import asyncio"),
        ("adapters/store/tables.py", "from renewd.service.tick import tick"),
        ("adapters/gateways/stripe.py", "from renewd.adapters.gateways import adyen"),
        ("adapters/gateways/stripe.py", "from .adyen import Adyen"),
        ("adapters/gateways/stripe.py", "from renewd.adapters.store import tables"),
        ("adapters/policy_file.py", "def load():\n    from renewd.cli import main"),
        ("adapters/gateways/stripe.py", "import tenacity"),
        ("adapters/gateways/stripe.py", "import httpx"),
        ("adapters/carriers/http.py", "from renewd.adapters.wire import Wire"),
        ("adapters/transport.py", "import httptools"),
        ("service/advance.py", "from prometheus_client import Counter"),
        ("service/advance.py", "from opentelemetry import trace"),
        ("ports.py", "from http.client import HTTPConnection"),
        ("service/scan.py", "import sqlalchemy.exc"),
        ("service/scan.py", "from renewd.adapters.store import claims"),
        ("service/tick.py", "import importlib\nimportlib.import_module('renewd.adapters.clock')"),
        ("service/tick.py", "from apscheduler.schedulers.asyncio import AsyncIOScheduler"),
        ("service/tick.py", "from renewd.cli import main"),
        ("cli/status.py", "def status():\n    import sqlalchemy"),
        ("cli/status.py", "if TYPE_CHECKING:\n    from httpx import Response"),
        ("cli/status.py", "from renewd.adapters import policy_file"),
        ("sandbox/server.py", "from renewd.renewal import money"),
        ("sandbox/server.py", "from .. import ports"),
    ],
    lengths.file_length: [("renewal/money.py", LONG_FILE)],
    lengths.function_length: [
        ("renewal/money.py", LONG_FUNCTION),
        ("renewal/money.py", "async " + LONG_FUNCTION),
        ("renewal/money.py", "class Money:\n    " + LONG_FUNCTION.replace("\n", "\n    ")),
    ],
    habits.clocks: [
        ("service/tick.py", "from datetime import datetime\ndatetime.now()"),
        ("service/tick.py", "import datetime as dt\ndt.datetime.now(dt.UTC)"),
        ("service/tick.py", "import datetime\ndatetime.date.today()"),
        ("service/tick.py", "from datetime import datetime as d\nd.utcnow()"),
        ("service/tick.py", "import time as t\ndef wait(clock=t.monotonic): ..."),
        ("service/tick.py", "def late():\n    from time import perf_counter as pc\n    return pc()"),
        ("service/loop.py", "import asyncio\nasyncio.get_running_loop().time()"),
        ("service/loop.py", "def soon(loop):\n    return loop.time() + 1"),
        ("renewal/period.py", "from whenever import Instant\nInstant.now()"),
        ("adapters/store/tables.py", "from sqlalchemy import func\nfunc.now()"),
    ],
    habits.catchalls: [
        ("service/tick.py", "try: ...\nexcept Exception: ..."),
        ("service/tick.py", "try: ...\nexcept: raise"),
        ("service/tick.py", "try: ...\nexcept (OSError, BaseException) as e: log(e)"),
        ("service/tick.py", "try: ...\nexcept Exception as e: raise RuntimeError from e"),
        ("service/tick.py", "import contextlib\nwith contextlib.suppress(Exception): ..."),
        ("service/advance.py", "try: ...\nexcept Exception: ...\ntry: ...\nexcept Exception: ..."),
    ],
    habits.prints: [("service/tick.py", "print('x')")],
    habits.chance: [
        ("service/tick.py", "import random"),
        ("adapters/transport.py", "def jitter():\n    from random import uniform"),
    ],
}

#: checker -> (path, source) that looks like a fault, and is none
HONEST: dict[Check, list[tuple[str, str]]] = {
    rooms.rooms: [
        ("renewal/policy.py", "from pydantic import BaseModel"),
        ("renewal/fields.py", "from pydantic import BaseModel"),
        ("renewal/decide.py", "from renewd.renewal import money\nfrom .period import Period"),
        ("ports.py", "from collections.abc import Sequence\nfrom renewd.renewal.model import Renewal"),
        ("adapters/store/claims.py", "import sqlalchemy\nfrom renewd.adapters.store import tables"),
        ("adapters/store/migrations/env.py", "from renewd.adapters.store.tables import metadata"),
        (
            "adapters/gateways/stripe.py",
            "from renewd.adapters.transport import Transport\nimport renewd.ports",
        ),
        ("adapters/gateways/stripe/parse.py", "from renewd.adapters.gateways.stripe import errors"),
        ("adapters/transport.py", "import httpx, tenacity\nfrom renewd.adapters.wire import Wire"),
        ("adapters/wire.py", "import httptools, httpx"),
        ("service/wiring.py", "from renewd.adapters.gateways import stripe"),
        ("service/loop.py", "from apscheduler.schedulers.asyncio import AsyncIOScheduler"),
        ("cli/demo.py", "from renewd.sandbox import serve\nfrom renewd.service import wiring"),
        ("sandbox/server.py", "import random\nfrom renewd.sandbox import cards\nfrom . import ledger"),
    ],
    lengths.file_length: [("renewal/money.py", "x = 1\n" * lengths.FILE_MOST)],
    lengths.function_length: [("renewal/money.py", LONG_FUNCTION.replace("    pass\n", "", 1))],
    habits.clocks: [
        ("adapters/clock.py", "import time\ntime.monotonic()"),
        ("sandbox/server.py", "from datetime import datetime\ndatetime.now()"),
        ("service/tick.py", "from datetime import datetime\ndef tick(now: datetime): return now.date()"),
        ("service/tick.py", "import time\ntime.sleep(1)\nclock.now()\nself.clock.now()"),
    ],
    habits.catchalls: [
        ("service/advance.py", "try: ...\nexcept Exception: ..."),
        ("adapters/store/tables.py", "try: ...\nexcept BaseException:\n    rollback()\n    raise"),
        ("service/tick.py", "from contextlib import suppress\nwith suppress(TimeoutError): ..."),
    ],
    habits.prints: [("cli/show.py", "print('x')"), ("service/tick.py", "table.print('x')")],
    habits.chance: [("sandbox/cards.py", "import random"), ("service/tick.py", "import hashlib")],
}
