"""A database carried over to a PostgreSQL, and every question asked of it there."""

from datetime import timedelta

import pytest

from renewd.adapters.store.connect import connect
from renewd.adapters.store.tables import daemons
from tests.cli.building import NOW, SETTINGS, Shop
from tests.postgres import empty_database, fresh_database

LATER = NOW + timedelta(days=5)
QUESTIONS = [
    "list",
    "list --state active --stage due --plan att-10gb --ends-within 3d",
    "list --hold contact -o json",
    "show S-1",
    "show S-2 -o json",
    "explain S-2",
    "forecast",
    "scan --dry-run --at +1d",
    "log",
    "log --event charge.declined -n 2",
    "log --event charge.* --since 2026-12-02",
    "log --event c?arge.action_required",
    "log --subscription S-2 -o jsonl",
    "config show --for S-2",
]


def told(shop: Shop) -> dict[str, str]:
    return {question: shop.out(*question.split()) for question in QUESTIONS}


def test_everything_is_told_as_before_and_the_old_file_says_where_it_went(
    later: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, before, status = empty_database(), told(later), later.json("status")
    monkeypatch.setenv("RENEWD_TEST_DATABASE", url)
    ran = later.run("db", "move", "--to", "{env RENEWD_TEST_DATABASE}", "--yes")
    counts = dict(line.split() for line in ran.stdout.splitlines())
    assert (ran.code, counts["subscriptions"], counts["renewals"]) == (0, "5", "4")
    place = ran.stderr.removeprefix("moved to ").partition(";")[0]
    assert place.startswith("postgresql://")
    assert ran.stderr == f"moved to {place}; now write it as `database:` in renewd.yaml, and start renewd\n"

    for command in ("halt --reason x --yes", "once", f"import {later.folder / 'subscriptions.csv'}"):
        ran = later.run(*command.split())
        assert (ran.code, ran.stdout) == (69, "")
        assert ran.stderr.endswith(f"renewd.db was moved to {place}: write that as `database:`\n")
    ran = later.run("status")
    assert (ran.code, f"! all this was moved to {place}: write that as `database:`\n" in ran.stdout) == (
        3,
        True,
    )

    later.write("renewd.yaml", SETTINGS.replace("sqlite:///renewd.db", "'{env RENEWD_TEST_DATABASE}'"))
    assert told(later) == before
    assert later.json("status") == status
    with connect(url).begin() as connection:
        rows = [{"name": f"host:{n}", "started_at": NOW, "seen_at": LATER} for n in (7, 8)]
        connection.execute(daemons.insert(), rows)
    assert later.out("status").startswith(
        "daemons        2 running\n"
        "               host:7 since 2026-12-01 12:00Z, 5 days ago\n"
        "               host:8 since 2026-12-01 12:00Z, 5 days ago\n"
    )
    later.out("halt", "--reason", "a drill", "--yes")
    assert later.run("status").code == 3
    later.out("unhalt", "--reason", "done", "--yes")
    assert "0 added, 0 changed" in later.out("import", str(later.folder / "subscriptions.csv"))


def test_nothing_moves_unasked(shop: Shop) -> None:
    ran = shop.run("db", "move", "--to", fresh_database())
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr == "renewd: nothing is done: this is no terminal to ask at; add --yes\n"
    shop.out("pause", "S-1", "--reason", "it is still in use", "--yes")


def test_a_person_is_asked_and_may_say_no(shop: Shop) -> None:
    url = empty_database()
    shown = shop.terminal("db", "move", "--to", url, keys="n\n")
    assert shown.code == 1
    assert "rows move from" in shown.stdout
    assert shown.stdout.endswith("nothing is done\n")
    assert shop.terminal("db", "move", "--to", url, keys="y\n").code == 0


@pytest.mark.parametrize(
    ("url", "code", "why"),
    [
        ("nonsense:canary", 78, "not the URL of a database; write e.g. sqlite:////var/lib/"),
        (
            "postgresql://renewd:canary@db:port/renewd",
            78,
            "not the URL of a database; write e.g. sqlite:////var/",
        ),
        (
            "postgresql://renewd:canary@db",
            78,
            "not a database of ours: postgresql://renewd:***@db; write e.g. ",
        ),
        ("mysql://u@db/d?password=canary", 78, "not a database of ours: mysql://u@db/d?password=...; write"),
        ("{env RENEWD_NOT_SET}", 78, "{env RENEWD_NOT_SET} is not set"),
        (
            "postgresql://renewd:canary@127.0.0.1:1/renewd",
            69,
            "the database cannot be used: postgresql://renewd:***@127.0.0.1:1/renewd: connection failed: ",
        ),
    ],
)
def test_a_url_that_is_wrong_is_told_in_one_line_without_its_password(
    shop: Shop, url: str, code: int, why: str
) -> None:
    ran = shop.run("db", "move", "--to", url, "--yes")
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (code, "", 1)
    assert ran.stderr.startswith(f"renewd: {why}")
    assert "canary" not in ran.stderr
    shop.out("pause", "S-1", "--reason", "it is still in use", "--yes")


@pytest.mark.parametrize("content", [b"", b"no database at all"])
def test_a_file_that_is_no_database_of_ours_does_not_move(shop: Shop, content: bytes) -> None:
    for each in shop.database.parent.iterdir():
        each.unlink()
    shop.database.write_bytes(content)
    ran = shop.run("db", "move", "--to", "postgresql://renewd@127.0.0.1:1/renewd", "--yes")
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (69, "", 1)
