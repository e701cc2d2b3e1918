"""How commands end: misspelt ones, errors for programs, and output that cannot be written."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.building import POLICY, RENEWD, Shop


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("chek", "No such command 'chek'. Did you mean 'check'?"),
        ("frobnicate", "No such command 'frobnicate'."),
        ("list --pln x", "No such option '--pln'. Did you mean '--plan'?"),
    ],
)
def test_who_misspells_is_told_what_it_may_have_been(shop: Shop, words: str, told: str) -> None:
    ran = shop.run(*words.split())
    assert (ran.code, ran.stderr.splitlines()[-1]) == (2, f"Error: {told}")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ("show S-11 -o json", 4, 'no subscription "S-11"; did you mean "S-1"?'),
        ("show S-11 --json", 4, 'no subscription "S-11"; did you mean "S-1"?'),
        ("log --event charge.declind --output=jsonl", 2, 'no event is called "charge.declind"'),
        ("list -ojson --pln x", 2, "No such option '--pln'. Did you mean '--plan'?"),
        ("list -o json --state activ", 2, "Invalid value for '--state': \"activ\" is none of"),
        ("list -o json -c nowhere.yaml", 78, "nowhere.yaml:1:1: error: cannot be read: no such file"),
    ],
)
def test_who_asks_for_json_is_told_errors_in_json(shop: Shop, words: str, code: int, told: str) -> None:
    ran = shop.run(*words.split())
    error = json.loads(ran.stderr)
    assert (ran.code, ran.stdout, error["schema"], error["exit_code"]) == (code, "", "renewd.error.v1", code)
    assert error["error"].startswith(told)


def test_where_no_configuration_is_found_every_place_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shop: Shop
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("list", "check"):
        ran = shop.run(command, env={"RENEWD_CONFIG": "", "CONFIGURATION_DIRECTORY": "/nowhere"})
        assert (ran.code, ran.stdout, ran.stderr) == (
            78,
            "",
            "renewd.yaml:1:1: error: is not there; looked for: "
            "/nowhere/renewd.yaml, /etc/renewd/renewd.yaml, config/renewd.yaml\n"
            "       help: name it with --config or $RENEWD_CONFIG\n",
        )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("list -n 1", "S-1\tatt-10gb\t2026-12-10T05:00:00Z\t\tactive\t2026-12-03T22:03:00Z\n"),
        ("show S-1", "plan       att-10gb, whose terms are unknown without the policy\n"),
        ("log --event operator.imported", "operator.imported"),
        ("list --plan att-7d", "S-3\t"),
    ],
)
def test_reading_goes_on_without_a_policy(shop: Shop, words: str, told: str) -> None:
    shop.write("policy.yaml", POLICY.replace("plans:", "plan:"))
    ran = shop.run(*words.split())
    assert (ran.code, told in ran.stdout) == (0, True), ran
    assert ran.stderr == "renewd: the policy cannot be read; going on without it (see: renewd check)\n"


def shell(shop: Shop, words: str) -> tuple[int, str]:
    """Run a command in a shell; give its exit code and what it wrote to standard error."""
    ended = subprocess.run(
        ["/bin/bash", "-c", words.replace("renewd", RENEWD) + "; exit ${PIPESTATUS[0]}"],
        env=shop.environ(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stderr


@pytest.mark.parametrize(
    "words", ["list", "list -o json", "show S-1", "log", "log -f", "status", "check", "config show", "--help"]
)
def test_a_full_disk_is_told_in_one_line(shop: Shop, words: str) -> None:
    code, told = shell(shop, f"renewd {words} > /dev/full")
    assert (code, told.count("\n")) == (74, 1)
    assert "the output cannot be written: No space left on device" in told


@pytest.mark.parametrize("words", ["list", "status", "show S-1", "pause S-1 --reason x --yes"])
def test_output_that_is_closed_is_no_failure(shop: Shop, words: str) -> None:
    assert shell(shop, f"renewd {words} >&-") == (0, "")


def test_a_command_that_cannot_ask_does_nothing(shop: Shop) -> None:
    code, told = shell(shop, "renewd pause S-1 --reason x <&-")
    assert (code, told) == (2, "renewd: nothing is done: this is no terminal to ask at; add --yes\n")


def test_an_error_that_cannot_be_told_keeps_its_exit_code(shop: Shop) -> None:
    assert shell(shop, "renewd show S-11 2>&-") == (4, "")
