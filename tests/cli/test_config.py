"""Checking the configuration, looking at it, and where it is found."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from renewd.service.wiring import find_configuration, load_configuration, policy_loader
from tests.cli.building import POLICY, SETTINGS, Shop

ROOT = Path(__file__).parents[2]


def test_a_good_configuration_is_told_in_one_line(empty_shop: Shop) -> None:
    told = empty_shop.out("check")
    assert told.startswith(f"{empty_shop.config} and policy.yaml are valid: 2 plans, 1 rule, digest ")
    assert told.count("\n") == 1


def test_the_shipped_configuration_is_good() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "renewd", "check", str(ROOT / "config" / "renewd.yaml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr


def test_every_problem_of_both_files_is_told_with_its_line(empty_shop: Shop) -> None:
    empty_shop.write("renewd.yaml", SETTINGS.replace("operator_email", "operator_emial"))
    empty_shop.write(
        "policy.yaml",
        POLICY.replace("40.00 USD", "40 dollars").replace("renew_before: 7d", "renew_befor: 7d"),
    )
    ran = empty_shop.run("check")
    assert (ran.code, ran.stdout) == (78, "")
    errors = [line for line in ran.stderr.splitlines() if ": error: " in line]
    assert [line.replace(f"{empty_shop.folder}/", "") for line in errors] == [
        'policy.yaml:3:3: error: defaults.renew_befor: unknown key "renew_befor"',
        'policy.yaml:11:54: error: plans.att-10gb.price: not an amount of money; write e.g. "70.00 USD"',
        'renewd.yaml:1:1: error: missing key "operator_email"',
        'renewd.yaml:3:1: error: operator_emial: unknown key "operator_emial"',
    ]
    assert 'help: did you mean "renew_before"?' in ran.stderr


def test_a_secret_that_cannot_be_read_is_a_problem_unless_it_is_not_asked_for(empty_shop: Shop) -> None:
    empty_shop.write("renewd.yaml", SETTINGS.replace("sk_test_sandbox", '"{env RENEWD_TEST_KEY}"'))
    ran = empty_shop.run("check")
    assert ran.code == 78
    assert "renewd.yaml:5:" in ran.stderr
    assert "gateways.stripe.api_key: {env RENEWD_TEST_KEY} is not set" in ran.stderr
    assert empty_shop.run("check", "--no-environment").code == 0
    given = empty_shop.run("check", env={"RENEWD_TEST_KEY": "sk_test_x"})
    assert (given.code, "renewd.yaml:5:" in given.stderr, ": warning: " in given.stderr) == (0, True, True)
    as_json = json.loads(empty_shop.run("check", "-o", "json", env={"RENEWD_TEST_KEY": "sk_test_x"}).stdout)
    assert (as_json["valid"], as_json["problems"][0]["severity"]) == (True, "warning")


def test_problems_can_be_shown_beside_their_lines_on_github(empty_shop: Shop) -> None:
    empty_shop.write("policy.yaml", POLICY.replace("40.00 USD", "40 dollars"))
    ran = empty_shop.run("check", "-o", "github")
    assert ran.code == 78
    assert ran.stdout.startswith(f"::error file={empty_shop.folder}/policy.yaml,line=11,col=")


def test_problems_can_be_read_by_a_program(empty_shop: Shop) -> None:
    empty_shop.write("policy.yaml", POLICY.replace("40.00 USD", "40 dollars"))
    ran = empty_shop.run("check", "-o", "json")
    found = json.loads(ran.stdout)
    assert (ran.code, found["schema"], found["valid"]) == (78, "renewd.check.v1", False)
    assert (found["problems"][0]["line"], found["problems"][0]["path"]) == (11, "plans.att-10gb.price")


def test_a_file_can_be_named_in_place_of_the_option(empty_shop: Shop) -> None:
    other = empty_shop.write("other.yaml", SETTINGS)
    assert str(other) in empty_shop.out("check", str(other))
    assert str(other) in empty_shop.out("check", "--config", str(other))


def test_a_missing_file_is_one_clear_line(empty_shop: Shop) -> None:
    ran = empty_shop.run("check", "nowhere.yaml")
    assert (ran.code, ran.stderr) == (
        78,
        "nowhere.yaml:1:1: error: cannot be read: no such file or directory\n",
    )


def test_the_configuration_is_looked_for_in_four_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_configuration(Path("a.yaml"), {"RENEWD_CONFIG": "b.yaml"}) == Path("a.yaml")
    assert find_configuration(None, {"RENEWD_CONFIG": "b.yaml", "CONFIGURATION_DIRECTORY": "c"}) == Path(
        "b.yaml"
    )
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "renewd.yaml").touch()
    assert find_configuration(None, {"CONFIGURATION_DIRECTORY": "c"}) == Path("c/renewd.yaml")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "renewd.yaml").touch()
    assert find_configuration(None, {}) in (Path("/etc/renewd/renewd.yaml"), Path("config/renewd.yaml"))


def test_what_is_in_force_is_shown_with_defaults_and_without_secrets(empty_shop: Shop) -> None:
    shown = empty_shop.out("config", "show")
    assert "settle_after: 10m" in shown
    assert "database: sqlite:///renewd.db" in shown
    assert "api_key: '***'" in shown
    assert "grace: 3d" in shown
    assert "sandbox" not in shown
    assert "null" not in shown
    found = empty_shop.json("config", "show")
    assert found["policy"]["plans"]["att-7d"]["price"] == "9.00 USD"
    assert found["settings"]["gateways"]["stripe"]["api_key"] == "***"


def test_the_terms_of_a_subscription_are_shown_with_the_line_that_decided_each(shop: Shop) -> None:
    rows = {
        line.split("\t")[0]: line.split("\t")[1:]
        for line in shop.out("config", "show", "--for", "S-2", "--origin").splitlines()
    }
    assert rows["renew_before"] == ["7d", "policy.yaml:3", "defaults.renew_before"]
    assert rows["grace"] == ["5d", "policy.yaml:9", "rules.0.grace"]
    assert rows["period"] == ["1 month", "policy.yaml:11", "plans.att-10gb.period"]
    assert rows["price"] == ["33.00 USD", "subscription", "subscription.price"]
    assert rows["require_email"] == ["true", "built in", "defaults.require_email"]


def test_without_origin_only_the_terms_are_shown(shop: Shop) -> None:
    assert "price\t33.00 USD\n" in shop.out("config", "show", "--for", "S-2")


def test_origin_needs_a_subscription(shop: Shop) -> None:
    ran = shop.run("config", "show", "--origin")
    assert (ran.code, "--origin needs --for SUB" in ran.stderr) == (2, True)


@pytest.mark.parametrize("url", ["postgresql://renewd@localhost/renewd", "'{credential database_url}'"])
def test_a_database_on_a_server_is_good_and_shown_as_it_is_written(empty_shop: Shop, url: str) -> None:
    empty_shop.write("renewd.yaml", SETTINGS.replace("sqlite:///renewd.db", url))
    empty_shop.out("check", "--no-environment")
    assert f"database: {url}\n" in empty_shop.out("config", "show")


def test_a_password_in_the_url_of_the_database_is_refused_and_not_shown(empty_shop: Shop) -> None:
    for url in ("postgresql://renewd:canary@localhost/renewd", "postgresql:///renewd?password=canary"):
        empty_shop.write("renewd.yaml", SETTINGS.replace("sqlite:///renewd.db", url))
        for command in ("check", "check -o json", "check -o github", "config show", "list"):
            ran = empty_shop.run(*command.split())
            assert (ran.code, "a password stands open in it" in ran.stdout + ran.stderr) == (78, True)
            assert "canary" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("gateways", "  stripe: {", "  att: {kind: stripe, api_key: sk_test_x}\n  stripe: {"),
        ("carriers", "  att: {", "  stripe: {kind: http, api_base: http://127.0.0.1:1, token: x}\n  att: {"),
    ],
)
def test_a_new_provider_needs_a_restart_though_one_of_the_other_kind_has_its_name(
    empty_shop: Shop, kind: str, old: str, new: str
) -> None:
    load = policy_loader(empty_shop.config, load_configuration(empty_shop.config))
    assert load().plans
    empty_shop.write("renewd.yaml", SETTINGS.replace(old, new, 1))
    name = new.split(":", maxsplit=1)[0].strip()
    with pytest.raises(ValueError, match=rf": {kind}\.{name}: a new provider needs a restart$"):
        load()


@pytest.mark.parametrize("file", ["renewd", "policy"])
def test_the_schemas_are_those_that_are_shipped(empty_shop: Shop, file: str) -> None:
    assert empty_shop.out("config", "schema", file) == (ROOT / "config" / f"{file}.schema.json").read_text()


def test_help_imports_nothing_that_is_slow() -> None:
    slow = ("pydantic", "sqlalchemy", "yaml", "rich", "httpx", "apscheduler", "structlog", "whenever")
    assert _imported("--help", among=slow) == "[]"


def test_a_check_imports_no_database_and_no_network() -> None:
    slow = ("sqlalchemy", "httpx", "rich", "apscheduler", "structlog")
    assert _imported("check", "config/renewd.yaml", among=slow) == "[]"


def _imported(*words: str, among: tuple[str, ...]) -> str:
    """Which of these modules a command imports, as a list is written."""
    program = (
        f"import atexit, sys; from renewd.cli import cli; "
        f"atexit.register(lambda: print([n for n in {among} if n in sys.modules])); cli({list(words)})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return ended.stdout.splitlines()[-1]
