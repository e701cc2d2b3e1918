"""The audit log sealed and verified at the command line, and the past moved out of the database."""

import json
import sqlite3
import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from renewd.adapters.clock import SystemClock
from renewd.cli.audit import TOLD
from renewd.seal.keys import PublicKey, SigningKey
from renewd.seal.note import Checkpoint
from tests.cli.building import NOW, SETTINGS, Shop


def tamper(shop: Shop, statement: str) -> None:
    with sqlite3.connect(shop.database) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute(statement)
    database.close()


def with_key(shop: Shop) -> PublicKey:
    """Make a key as an operator does, and name it in the configuration."""
    public = shop.out("audit", "keygen", "example.com/renewals", "--to", str(shop.folder / "key"))
    shop.write(
        "renewd.yaml", f'{SETTINGS}audit: {{key: "{{file {shop.folder}/key}}", checkpoints: kept.txt}}\n'
    )
    return PublicKey.parse(public)


def test_what_is_sealed_verifies(later: Shop) -> None:
    rows = len(later.json("log")["items"])
    note = later.out("audit", "seal")
    assert Checkpoint.parse(note).size == rows
    ran = later.run("audit", "seal")
    assert (ran.code, ran.stdout, ran.stderr) == (0, "", "nothing is new since the last checkpoint\n")
    assert later.out("audit", "verify") == (
        f"{rows} rows read, 0 of them not sealed yet; 1 checkpoint\n"
        "the audit log is as it was sealed\n"
        "nothing from outside was used (--key, --against): whoever could write the database could have sealed it anew\n"
    )
    document = later.json("audit", "verify")
    assert (document["schema"], document["intact"], document["findings"]) == (
        "renewd.audit-verify.v1",
        True,
        [],
    )


def test_a_change_is_told_in_words_and_by_the_exit_code(later: Shop) -> None:
    later.out("audit", "seal")
    tamper(later, "UPDATE audit_log SET amount_minor = 1 WHERE sequence = 9")
    ran = later.run("audit", "verify")
    assert (ran.code, ran.stdout.splitlines()[0]) == (1, "! row 9 was changed")
    assert ran.stdout.endswith("the audit log is NOT as it was sealed\n")
    ran = later.run("audit", "verify", "-o", "json")
    assert (ran.code, json.loads(ran.stdout)["findings"]) == (
        1,
        [{"sequence": 9, "what": "row 9 was changed"}],
    )
    tamper(later, "UPDATE audit_log SET actor = 'eve'")
    rows = len(later.json("log")["items"])
    assert f"! and {rows - TOLD} more\n" in later.run("audit", "verify").stdout


def test_a_key_is_made_once_and_its_secret_half_stays_in_its_file(shop: Shop) -> None:
    public, path = with_key(shop), shop.folder / "key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SigningKey.parse(path.read_text()).public == public
    ran = shop.run("audit", "keygen", "example.com/renewals", "--to", str(path))
    assert (ran.code, ran.stdout, ran.stderr) == (1, "", f"renewd: {path}: file exists\n")
    assert shop.run("audit", "keygen", "a b", "--to", str(path)).code == 2
    assert shop.run("check").code == 0
    assert path.read_text().strip() not in shop.out("config", "show")


def test_checkpoints_are_signed_and_kept_in_a_file_that_the_log_is_held_against(shop: Shop) -> None:
    public, kept = with_key(shop), shop.database.parent / "kept.txt"
    shop.out("audit", "seal")
    shop.out("halt", "--reason", "a drill", "--yes")
    newest = shop.out("audit", "seal")
    assert kept.read_text().endswith(newest)
    told = shop.json("audit", "verify", "--against", str(kept))
    assert (told["signed"], told["held_against"], told["size"]) == (2, 2, 2)
    public_file = shop.write("public", f"{public}\n")
    for key in (str(public), str(public_file)):
        assert shop.json("audit", "verify", "--key", key)["signed"] == 2
    other = str(SigningKey.generate(public.name).public)
    assert shop.run("audit", "verify", "--key", other).code == 1
    ran = shop.run("audit", "verify", "--against", "-", stdin=newest.replace("\n2\n", "\n3\n"))
    assert (ran.code, "has a false signature" in ran.stdout) == (1, True), ran


def test_a_key_that_comes_late_signs_for_what_was_sealed_before(shop: Shop) -> None:
    shop.out("audit", "seal")
    key = str(with_key(shop))
    ran = shop.run("audit", "verify", "--key", key)
    assert (
        ran.code,
        "! no checkpoint is signed with the key that was given. If the key is new" in ran.stdout,
    ) == (1, True), ran
    shop.out("halt", "--reason", "a drill", "--yes")
    shop.out("audit", "seal")
    assert shop.out("audit", "verify", "--key", key) == (
        "2 rows read, 0 of them not sealed yet; 2 checkpoints, 1 of them signed\n"
        "the first 1 rows were sealed before there was a signature: the first one proves them as they were when it was made\n"
        "the audit log is as it was sealed\n"
    )
    assert shop.json("audit", "verify")["unsigned_first"] == 1


@pytest.mark.parametrize(
    ("args", "stdin", "code", "words"),
    [
        (["--key", "x"], "", 2, "x: not a public key: NAME+ID+KEY"),
        (["--against", "-"], "", 2, "holds no checkpoint"),
        (["--against", "-"], "a\nb\nc\n", 2, "not a checkpoint"),
        (["--archive", "/nowhere"], "", 2, "does not exist"),
    ],
)
def test_what_cannot_be_held_against_is_refused(
    shop: Shop, args: list[str], stdin: str, code: int, words: str
) -> None:
    ran = shop.run("audit", "verify", *args, stdin=stdin)
    assert (ran.code, words in ran.stderr) == (code, True), ran


def test_a_key_that_is_none_is_found_by_check(shop: Shop) -> None:
    path = shop.write("key", "PRIVATE+KEY+canary")
    path.chmod(0o600)
    shop.write("renewd.yaml", f'{SETTINGS}audit: {{key: "{{file {path}}}"}}\n')
    ran = shop.run("check")
    assert (
        ran.code,
        "audit.key: not a signing key; `renewd audit keygen` makes one" in ran.stderr + ran.stdout,
    ) == (78, True), ran
    shop.write("renewd.yaml", f"{SETTINGS}audit: {{key: PRIVATE+KEY+canary}}\n")
    ran = shop.run("check")
    assert (ran.code, "a signing key in plain text; write" in ran.stderr + ran.stdout) == (78, True), ran
    assert "canary" not in ran.stderr + ran.stdout


def test_a_pass_seals_what_it_has_written(shop: Shop) -> None:
    with_key(shop)
    shop.out("halt", "--reason", "nobody is asked for money here", "--yes")
    for each in ("S-1", "S-2", "S-3", "S-4"):
        shop.out("pause", each, "--reason", "nor anybody told", "--yes")
    ran = shop.process("once")
    assert ran.returncode == 0, ran
    (line,) = (json.loads(each) for each in ran.stdout.splitlines() if "audit.sealed" in each)
    assert line["note"] == (shop.database.parent / "kept.txt").read_text()
    report = shop.json("audit", "verify", "--against", str(shop.database.parent / "kept.txt"))
    assert (report["intact"], report["unsealed"], report["signed"]) == (True, 0, 1)


@pytest.fixture
def much_later(later: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The same shop, sealed in December, one subscription renewed a few times more, and two years on."""
    later.out("audit", "seal")
    end = NOW + timedelta(days=120)
    later.live(end, NOW + timedelta(days=5))
    monkeypatch.setattr(SystemClock, "now", lambda _: datetime.fromisoformat("2028-12-06T12:00:00+00:00"))
    return later


def test_the_past_moves_out_and_verifies_from_there(much_later: Shop) -> None:
    shop, folder = much_later, much_later.folder / "archive"
    before = shop.out("archive", "--older-than", "400d", "--to", str(folder), "--dry-run")
    assert not folder.exists()
    done = shop.out("archive", "--before", "2027-11-02", "--to", str(folder), "--yes")
    counts = before.partition(": ")[2].removesuffix(" would be moved\n").replace(" and", ",")
    assert done == f"moved to {folder}: {counts}\n"
    assert "0 renewals" not in done
    assert "0 audit rows" not in done
    shop.out("audit", "seal")
    whole = shop.json("audit", "verify", "--archive", str(folder))
    alone = shop.json("audit", "verify")
    assert (whole["intact"], alone["intact"], whole["root"]) == (True, True, alone["root"])
    assert "are in the archive, and were not read: give --archive" in shop.out("audit", "verify")
    assert {row["event"] for row in shop.json("log", "--event", "archive.*")["items"]} == {
        "archive.renewals",
        "archive.audit",
    }
    assert all(Path(each).suffix == ".gz" for each in folder.iterdir())
    assert "0 renewals, 0 attempts and 0 audit rows would" in shop.out(
        "archive", "--older-than", "400d", "--to", str(folder)
    )


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "say how old: either --before DATE or --older-than AGE"),
        (["--before", "2026-01-01", "--older-than", "400d"], "say how old"),
        (
            ["--older-than", "59d"],
            "too young: card limits and the brake still count it; at least 60 days old",
        ),
    ],
)
def test_how_old_must_be_said_and_old_enough(shop: Shop, args: list[str], words: str) -> None:
    ran = shop.run("archive", "--to", str(shop.folder / "archive"), *args)
    assert (ran.code, words in ran.stderr) == (2, True), ran


def test_the_tables_are_made_and_the_roles_told(shop: Shop) -> None:
    assert shop.run("db", "migrate").stderr.endswith("renewd.db is up to date\n")
    sql = shop.out("db", "roles")
    assert "GRANT SELECT, INSERT ON audit_log, audit_leaves, audit_checkpoints TO renewd;" in sql
