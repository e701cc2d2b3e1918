"""The doctor as an operator calls it: against a real sandbox, its own files, and nothing of anybody's secrets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from renewd.adapters import machine
from renewd.sandbox.process import running
from tests.cli.building import SETTINGS, Shop

CANARY = "sk_test_canary_of_the_doctor"


@pytest.fixture
def sound(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop whose providers answer, on a machine without any unit of renewd."""
    monkeypatch.setattr(machine, "UNIT_FOLDERS", ())
    with running() as base:
        shop.write(
            "renewd.yaml", SETTINGS.replace("http://127.0.0.1:8480", base).replace("sk_test_sandbox", CANARY)
        )
        yield shop


def examined(shop: Shop) -> tuple[int, list[dict[str, Any]], str]:
    ran = shop.run("doctor", "-o", "json")
    told = json.loads(ran.stdout)
    assert told["schema"] == "renewd.doctor.v1"
    assert told["healthy"] == (not ran.code)
    return ran.code, told["findings"], ran.stdout + ran.stderr


def wrong(found: list[dict[str, Any]], about: str) -> list[str]:
    return [each["what"] for each in found if each["about"] == about and each["level"] != "ok"]


def test_what_is_sound_is_said_to_be(sound: Shop) -> None:
    _, found, _ = examined(sound)
    assert not wrong(found, "configuration")
    assert not wrong(found, "database")
    assert not wrong(found, "providers")
    assert {"stripe", "att"} == {each["what"].split()[0] for each in found if each["about"] == "providers"}


def test_each_finding_is_a_line_with_what_to_do_below_it(sound: Shop) -> None:
    sound.database.chmod(0o644)
    ran = sound.run("doctor")
    assert ran.code == 1
    lines = ran.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("problem  database"))
    assert f"-> chmod 600 {sound.database}" in "".join(line.strip() for line in lines[at:])


def test_no_secret_is_ever_shown(sound: Shop) -> None:
    sound.write("renewd.yaml", sound.config.read_text().replace("token: sandbox", "token: [sandbox_canary]"))
    code, found, all_of_it = examined(sound)
    assert code == 1
    assert wrong(found, "configuration")
    assert CANARY not in all_of_it
    assert "sandbox_canary" not in all_of_it


def test_a_key_that_only_the_service_gets_is_looked_for_where_the_unit_takes_it(
    sound: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "CREDENTIAL_STORE", str(sound.folder))
    sound.write("renewd.yaml", sound.config.read_text().replace(CANARY, '"{credential stripe_key}"'))
    _, found, _ = examined(sound)
    assert wrong(found, "credentials") == [f"stripe_key is not there: {sound.folder}/renewd.stripe_key"]
    sound.write("renewd.stripe_key", CANARY).chmod(0o644)
    _, found, all_of_it = examined(sound)
    assert wrong(found, "credentials") == [f"{sound.folder}/renewd.stripe_key is not root's alone"]
    assert not wrong(found, "configuration")
    assert CANARY not in all_of_it


def test_a_database_that_is_not_there_yet_stops_nobody(sound: Shop) -> None:
    for each in sound.database.parent.iterdir():
        each.unlink()
    _, found, _ = examined(sound)
    assert wrong(found, "database") == [f"{sound.database} is not there yet"]


def test_a_provider_that_is_away_and_a_halt_are_problems(shop: Shop) -> None:
    shop.write("renewd.yaml", SETTINGS.replace(":8480", ":1"))
    shop.out("halt", "--reason", "a drill", "--yes")
    code, found, _ = examined(shop)
    assert code == 1
    assert len(wrong(found, "providers")) == 2
    assert wrong(found, "renewals") == [
        "all charging is halted (a drill); let it go on with: renewd unhalt --reason ..."
    ]
