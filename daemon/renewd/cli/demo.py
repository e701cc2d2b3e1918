"""The demo: the real service against the real sandbox, 45 days in seconds, and then the reckoning."""

import asyncio
import json
import os
import shutil
import sys
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import yaml

from renewd.cli.demo_view import DayLines, Live, View, summary
from renewd.cli.door import FAILED, fail
from renewd.cli.importing import records_in
from renewd.cli.reconcile import Ledger, Reconciliation, reconciled
from renewd.cli.sample import START, shipped
from renewd.ports import Books
from renewd.renewal.query import ListQuery, LogQuery
from renewd.sandbox.process import SandboxProcess
from renewd.service import logs
from renewd.service.loop import Loop
from renewd.service.wiring import Configuration, demo_clock, load_configuration, open_books, running_engine

MARK = ".renewd-demo"
DEADLINE = "2s"
# A lost answer is settled within days of the simulation; what is later than this was never taken up.
LATE = timedelta(hours=1)


@click.command("demo")
@click.option("--days", type=click.IntRange(1, 400), default=45, show_default=True, help="How long to run.")
@click.option("--pace", type=click.FloatRange(0), help="Seconds per simulated day; 1 on a terminal, else 0.")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Where the demo keeps its files; emptied first.",
)
def demo_command(days: int, pace: float | None, folder: Path) -> None:
    """Watch a month and a half of renewals against the sandbox.

    It starts the sandbox and the real service on a clock that moves on only when nothing is in flight, imports
    about 240 sample subscriptions, and at the end holds the gateway's ledger against the audit log.
    """
    _emptied(folder)
    on_terminal = sys.stdout.isatty()
    until = START + timedelta(days=days)
    sandbox = SandboxProcess(ledger=folder / "ledger.jsonl")
    try:
        _set_clock(sandbox.url, START)
        path = _configuration_in(folder, sandbox.url)
        configuration = load_configuration(path)
        _import_sample(configuration)
        view: View = Live(START, until) if on_terminal else DayLines(START)
        try:
            asyncio.run(
                _live(
                    configuration,
                    sandbox.url,
                    view,
                    until,
                    1.0 if pace is None and on_terminal else pace or 0.0,
                )
            )
        finally:
            view.close()
        result = _reckoning(configuration, sandbox.url, until)
    finally:
        sandbox.stop()
    click.echo(("" if on_terminal else "\n") + summary(result, days))
    click.echo(_what_next(path, until))
    sys.exit(0 if result.agrees else FAILED)


async def _live(configuration: Configuration, url: str, view: View, until: datetime, pace: float) -> None:
    def moved(now: datetime) -> None:
        _set_clock(url, now)
        view.moved(now)
        if now >= until:
            loop.stop()

    clock = demo_clock(START, pace, moved, until)
    logs.configure("human", "error", sys.stderr)
    async with running_engine(configuration, clock, view.tell) as engine:
        loop = Loop(engine, timedelta(days=1), lambda: configuration.policy)
        loop.handle_signals()
        await loop.run()


def _emptied(folder: Path) -> None:
    """Make the demo's folder anew; one that is not a demo's is left alone."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            fail(f"{folder} is not empty and not of an earlier demo; choose another with --dir")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()


def _configuration_in(folder: Path, url: str) -> Path:
    """Write the sample configuration for this sandbox: its address, and short deadlines, since those are real seconds."""
    settings = yaml.safe_load((shipped() / "renewd.yaml").read_text())
    for provider in [*settings["gateways"].values(), *settings["carriers"].values()]:
        provider |= {"api_base": url, "deadline": DEADLINE}
        provider.pop("rate", None)
    settings["database"] = f"sqlite:///{folder.absolute() / 'renewd.db'}"
    settings["messengers"]["email"]["path"] = str(folder.absolute() / "mail")
    path = folder / "renewd.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    shutil.copy(shipped() / "policy.yaml", folder / "policy.yaml")
    return path


def _import_sample(configuration: Configuration) -> None:
    books = open_books(configuration)
    records = records_in(shipped() / "sample" / "subscriptions.csv", configuration)
    imported = books.import_records(records, configuration.policy, "demo", START, lambda _: None)
    books.close()
    click.echo(f"{imported.added} subscriptions imported; from {START:%d %b %Y} on:\n", err=True)


def _reckoning(configuration: Configuration, url: str, until: datetime) -> Reconciliation:
    books = open_books(configuration)
    ledger = Ledger(list(_intents(url)), list(_requests(url)))
    renewals = [
        renewal
        for listed in books.subscriptions(ListQuery())
        for renewal in (books.dossier(listed.subscription.id) or _missing()).renewals
    ]
    result = reconciled(ledger, books.log(LogQuery()), renewals, _lost(books, until))
    books.close()
    return result


def _lost(books: Books, until: datetime) -> int:
    """Count what was due well before the end and was never taken up."""
    late = until - LATE
    return sum(
        1
        for listed in books.subscriptions(ListQuery())
        if (listed.subscription.opens_at and listed.subscription.opens_at < late)
        or (listed.renewal and listed.renewal.next_at and listed.renewal.next_at < late)
    )


def _intents(url: str) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        page = _get(f"{url}/v1/payment_intents?limit=100{after}")
        yield from page["data"]
        if not page["has_more"]:
            return
        after = f"&starting_after={page['data'][-1]['id']}"


def _requests(url: str) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        page = _get(f"{url}/sandbox/requests?limit=1000&after={after}")
        yield from page["data"]
        if not page["has_more"]:
            return
        after = page["data"][-1]["seq"]


def _set_clock(url: str, now: datetime) -> None:
    _get(f"{url}/sandbox/clock", {"now": now.strftime("%Y-%m-%dT%H:%M:%SZ")})


def _get(url: str, body: dict[str, Any] | None = None) -> Any:
    data = json.dumps(body).encode() if body else None
    headers = {"Authorization": "Bearer sk_test_demo", "Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers)  # noqa: S310 - the sandbox's own address
    with _opener().open(request, timeout=10) as answer:
        return json.load(answer)


def _opener() -> urllib.request.OpenerDirector:
    # The sandbox is on loopback: a proxy of the environment must not get in between.
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _missing() -> Any:
    raise LookupError("a subscription vanished from the demo's database")


def _what_next(path: Path, until: datetime) -> str:
    renewd_here = "renewd" if shutil.which("renewd") else os.path.relpath(sys.argv[0])
    commands = (
        ("log --event 'charge.*' -n 20", "every attempt, as it went"),
        ("list --stage review", "what a person must look at"),
        ("show S-1001", "the life of one subscription"),
        (f"explain S-1002 --at {until:%Y-%m-%d}", "when it is charged next, and why"),
        (f"forecast --at {until:%Y-%m-%d}", "what comes in"),
    )
    near = path.resolve().is_relative_to(Path.cwd())
    lines = [f"  {renewd_here} {command:<32}  {what}" for command, what in commands]
    return "\n".join(
        [
            "",
            "To read on:",
            f"  export RENEWD_CONFIG={os.path.relpath(path) if near else path.resolve()}",
            *lines,
        ]
    )
