"""No secret is in anything that a daemon leaves behind, whatever goes wrong and however much is told."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from renewd.renewal.query import LogQuery
from tests.postgres import fresh_database
from tests.service.collector import collecting
from tests.service.conftest import Build
from tests.service.daemon import PATIENCE, environment, until
from tests.service.test_logs import mixed
from tests.service.town import Town

CANARY = "canary_4eC39Hq"
# As it is given, and as it is escaped in a URL.
SHAPES = (CANARY, CANARY.encode().hex(), CANARY[6:])


def with_secrets(town: Town, key: str, collector: str) -> dict[str, str]:
    """Have every secret of a town come from a file or a credential; give the environment in which it does."""
    folder = town.folder / "secrets"
    folder.mkdir(mode=0o700)
    given = yaml.safe_load(town.path.read_text())
    url = given["database"].replace("postgres@", f"postgres:{CANARY}@")
    secrets = {"database_url": url, "key": key, "token": f"token_{CANARY}", "smtp": f"smtp_{CANARY}"}
    for name, value in secrets.items():
        (folder / name).write_text(value)
        (folder / name).chmod(0o600)
    mail = {
        "host": "127.0.0.1",
        "port": 9,
        "security": "none",
        "username": "u",
        "password": "{credential smtp}",
    }
    given["database"] = "{credential database_url}"
    given["gateways"]["stripe"]["api_key"] = f"{{file {folder}/key}}"
    given["carriers"]["tello"] |= {"api_base": "http://127.0.0.1:9", "token": "{credential token}"}
    given["messengers"]["email"] = {"kind": "smtp", "sender": "r@example.com", **mail}
    given["log"] = {"level": "debug"}
    given["audit"] = {"file": "audit.jsonl"}
    given["traces"] = {"endpoint": collector}
    town.path.write_text(yaml.safe_dump(given))
    clean = {name: value for name, value in environment().items() if not name.startswith("RENEWD_TEST")}
    return clean | {"CREDENTIALS_DIRECTORY": str(folder), "RENEWD_CONFIG": str(town.path)}


@pytest.mark.parametrize(
    "key", [f"sk_test_{CANARY}", f"not_a_key_{CANARY}"], ids=["mixed answers", "turned away"]
)
def test_no_secret_is_in_anything_it_leaves_behind(build: Build, key: str) -> None:
    town = build(database=fresh_database())
    mixed(town)
    out, err = (town.folder / f"daemon.{name}" for name in ("out", "err"))
    words = [sys.executable, "-m", "tests.service.talkative", "run"]
    with collecting() as collector:
        environ = with_secrets(town, key, collector.url)
        with out.open("wb") as to_out, err.open("wb") as to_err:
            daemon = subprocess.Popen(words, env=environ, stdout=to_out, stderr=to_err)
        try:
            until(
                lambda: b"a tick failed" in out.read_bytes() and town.count("audit_log", "outcome != ''"),
                "faults",
            )
            of_process = Path(f"/proc/{daemon.pid}/environ").read_bytes()
            daemon.terminate()
            assert daemon.wait(PATIENCE) == 1
        finally:
            daemon.kill()
            daemon.wait()
    said = out.read_text()
    assert "a bug that quotes" in said
    assert "renewd ends by an error of its own" in said
    assert '"logger": "sqlalchemy.engine' in said
    assert {"tick", "letter", "renewal"} <= {each.name for each in collector.spans()}
    told = {"/proc/PID/environ": of_process, **dict(_left_behind(town)), **dict(_answers(environ))}
    told["the spans"] = b"".join(collector.bodies)
    assert {"renewd.yaml", "daemon.out", "daemon.err", "audit.jsonl", "ledger.jsonl"} <= told.keys()
    assert [(name, shape) for name, text in told.items() for shape in SHAPES if shape.encode() in text] == []


def _left_behind(town: Town) -> Iterator[tuple[str, bytes]]:
    for path in town.folder.rglob("*"):
        if path.is_file() and path.parent.name != "secrets":
            yield path.name, path.read_bytes()
    with town.books() as books:
        yield "the audit log", repr(list(books.log(LogQuery()))).encode()


def _answers(environ: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    for words in (
        ["check"],
        ["config", "show"],
        ["config", "show", "--json"],
        ["status"],
        ["log", "-o", "jsonl"],
    ):
        ran = subprocess.run(
            [sys.executable, "-m", "renewd", *words], env=environ, capture_output=True, check=False
        )
        yield " ".join(words), ran.stdout + ran.stderr
