"""What is wrong with a value is said in our words, at its place, with what was probably meant."""

from pathlib import Path

import pytest

from renewd.adapters.configuration import (
    Problem,
    exposed_secrets,
    load_configuration,
    missing_secrets,
    render,
    render_for_github,
)
from tests.config.files import POLICY, SETTINGS, complaints, rendered

PLAN = "plans:\n  basic: {carrier: att, price: 40.00 USD, period: 1 month}\n"
WRONG_POLICY = {
    "a missing version": (PLAN, '1:1: error: missing key "version"'),
    "another version": (f"version: 2\n{PLAN}", "1:10: error: version: must be 1"),
    "a version as text": (f"version: '1'\n{PLAN}", "1:10: error: version: must be 1"),
    "no plans": ("version: 1\n", '1:1: error: missing key "plans"'),
    "an empty catalogue": (
        "version: 1\nplans: {}\n",
        "2:8: error: plans: the catalogue is empty: nothing could be renewed",
    ),
    "a list of plans": ("version: 1\nplans: [a]\n", "2:8: error: plans: must be a mapping"),
    "a missing price": (
        "version: 1\nplans:\n  basic:\n    carrier: att\n    period: 30d\n",
        '3:3: error: plans.basic: missing key "price"',
    ),
    "a float of money": (
        PLAN.replace("40.00 USD", "40.00"),
        '2:32: error: plans.basic.price: not an amount of money; write e.g. "70.00 USD"',
    ),
    "a third decimal": (
        PLAN.replace("40.00 USD", "40.005 USD"),
        '2:32: error: plans.basic.price: USD has 2 decimal digits; write e.g. "70.00 USD"',
    ),
    "an odd period": (
        PLAN.replace("1 month", "1 moon"),
        '2:51: error: plans.basic.period: not a period; write e.g. "1 month", "30d", "1 year"',
    ),
    "a century": (
        PLAN.replace("1 month", "9999 years"),
        "2:51: error: plans.basic.period: must be at most 10 years",
    ),
    "a bad plan name": (
        PLAN.replace("basic:", "'a b':"),
        '2:3: error: plans.a b: must be a name: letters, digits, ".", "_" and "-", 64 at most',
    ),
    "a duration without a unit": (
        PLAN + "defaults: {grace: 3}\n",
        '3:19: error: defaults.grace: must be written as text; write e.g. "7d"',
    ),
    "a duration of months": (
        PLAN + "defaults: {grace: 1 month}\n",
        '3:19: error: defaults.grace: not a duration; write e.g. "7d", "45m", "1d12h"',
    ),
    "an endless duration": (
        PLAN + "defaults: {grace: 99999999999999999999d}\n",
        "3:19: error: defaults.grace: must be at most 3650d",
    ),
    "a novel": (
        PLAN + f"defaults: {{grace: {'7' * 65}}}\n",
        '3:19: error: defaults.grace: too long; write e.g. "7d"',
    ),
    "a value left out": (
        PLAN + "defaults:\n  grace:\n",
        "4:3: error: defaults.grace: has no value; write one, or take the key out",
    ),
    "a section left out": (
        PLAN + "brake:\n",
        "3:1: error: brake: has no value; write one, or take the key out",
    ),
    "a closed window": (
        PLAN + "defaults: {charge_window: 9-18}\n",
        '3:27: error: defaults.charge_window: not a charge window; write e.g. "09:00-18:00"',
    ),
    "a ladder of one word": (
        PLAN + "defaults: {retry: 6h}\n",
        '3:19: error: defaults.retry: must be a list of waits, e.g. [6h, 1d, 2d], or a mapping with the key "first"',
    ),
    "a wrong rung": (
        PLAN + "defaults: {retry: [6h, often]}\n",
        '3:24: error: defaults.retry.1: not a duration; write e.g. "7d", "45m", "1d12h"',
    ),
    "a ladder without its first": (
        PLAN + "defaults: {retry: {factor: 2}}\n",
        '3:12: error: defaults.retry: missing key "first"',
    ),
    "a factor of text": (
        PLAN + "defaults: {retry: {first: 6h, factor: 2.0}}\n",
        "3:39: error: defaults.retry.factor: must be a whole number",
    ),
    "a jitter without percent": (
        PLAN + "defaults: {retry: {first: 6h, jitter: '10'}}\n",
        '3:39: error: defaults.retry.jitter: not a percentage; write e.g. "10%"',
    ),
    "too many attempts": (
        PLAN + "defaults: {retry: {first: 6h, attempts: 15}}\n",
        "3:41: error: defaults.retry.attempts: must be at most 14",
    ),
    "Norway": (
        PLAN + "defaults: {require_email: no}\n",
        "3:27: error: defaults.require_email: must be true or false",
    ),
    "a tag of digits": (
        PLAN + "rules: [{name: a, when: {tag: 2024}, grace: 4d}]\n",
        "3:31: error: rules.0.when.tag: must be a name, or a list of names",
    ),
    "a list of digits": (
        PLAN + "rules: [{name: a, when: {tag: [2024]}, grace: 4d}]\n",
        "3:32: error: rules.0.when.tag.0: must be text",
    ),
    "a brake let go": (
        PLAN + "brake: {max_charges_per_hour: 0}\n",
        "3:31: error: brake.max_charges_per_hour: must be at least 1",
    ),
    "a limit above the networks'": (
        PLAN + "card_limits: {declines_per_day: 11}\n",
        "3:33: error: card_limits.declines_per_day: must be at most 10",
    ),
}
MEANT = {
    "a key": (PLAN + "defaults: {renew_befor: 7d}\n", "renew_before"),
    "a section": (PLAN + "defalts: {}\n", "defaults"),
    "a key of a plan": (PLAN.replace("carrier:", "carier:"), "carrier"),
    "a key of a rule": (PLAN + "rules: [{nam: a, when: {tag: vip}}]\n", "name"),
    "a condition": (PLAN + "rules: [{name: a, when: {tags: vip}}]\n", "tag"),
    "a key of a ladder": (PLAN + "defaults: {retry: {first: 6h, attemps: 3}}\n", "attempts"),
    "a decline class": (PLAN + "defaults: {on_decline: {fix-data: hold}}\n", "fix_data"),
    "an action": (PLAN + "defaults: {on_decline: {later: retri}}\n", "retry"),
    "a carrier": (PLAN.replace("carrier: att", "carrier: at"), "att"),
    "a gateway": (PLAN + "defaults: {gateway: strip}\n", "stripe"),
    "a plan": (PLAN + "rules: [{name: a, when: {plan: [basic, basics]}, grace: 4d}]\n", "basic"),
}


@pytest.mark.parametrize(("policy", "complaint"), WRONG_POLICY.values(), ids=WRONG_POLICY)
def test_a_wrong_value_of_the_policy_is_named_at_its_place(
    tmp_path: Path, policy: str, complaint: str
) -> None:
    # Most tables leave the version out, so that lines count from the plans: put it behind them.
    text = policy if "version" in policy or 'missing key "version"' in complaint else f"{policy}version: 1\n"
    assert complaints(tmp_path, policy=text) == [f"policy.yaml:{complaint}"]


@pytest.mark.parametrize(("policy", "meant"), MEANT.values(), ids=MEANT)
def test_a_misspelt_word_is_answered_with_the_right_one(tmp_path: Path, policy: str, meant: str) -> None:
    found = rendered(tmp_path, policy=f"version: 1\n{policy}")
    assert any(f'help: did you mean "{meant}"?' in each for each in found), found


def test_a_word_that_resembles_none_gets_no_advice(tmp_path: Path) -> None:
    assert "help" not in rendered(tmp_path, policy=f"{POLICY}quux: 1\n")[0]


def test_all_problems_of_both_files_are_told_at_once(tmp_path: Path) -> None:
    settings = SETTINGS.replace("version: 1", "version: 1\nlog: {level: loud}").replace("kind: http, ", "")
    assert complaints(
        tmp_path, settings, "version: 1\nversion: 2\ndefaults: {grace: x}\nplans: {}\nrulez: 1\n"
    ) == [
        'policy.yaml:2:1: error: duplicate key "version" (first at line 1)',
        'policy.yaml:3:19: error: defaults.grace: not a duration; write e.g. "7d", "45m", "1d12h"',
        'policy.yaml:5:1: error: rulez: unknown key "rulez"',
        "renewd.yaml:2:14: error: log.level: must be one of: debug, info, warning, error",
        'renewd.yaml:8:3: error: carriers.att: missing key "kind"',
    ]


def test_the_policy_is_checked_even_where_the_settings_cannot_be_read(tmp_path: Path) -> None:
    found = complaints(tmp_path, "version: 1\npolicy: policy.yaml\ndatabase: 5\n", "version: 2\nplans: {}\n")
    assert "policy.yaml:1:10: error: version: must be 1" in found
    assert (
        'renewd.yaml:3:11: error: database: must be written as text; write e.g. "sqlite:///renewd.db"'
        in found
    )


def test_a_policy_that_is_not_there_is_traced_to_the_line_that_names_it(tmp_path: Path) -> None:
    settings = SETTINGS.replace("database:", "policy: polcy.yaml\ndatabase:")
    assert rendered(tmp_path, settings) == [
        "polcy.yaml:1:1: error: cannot be read: no such file or directory\n"
        "       help: named in renewd.yaml, line 2"
    ]


def test_a_problem_shows_its_line_and_a_caret(tmp_path: Path) -> None:
    assert rendered(tmp_path, policy=f"{POLICY}defaults:\n  renew_befor: 7d  # a week\n") == [
        'policy.yaml:5:3: error: defaults.renew_befor: unknown key "renew_befor"\n'
        "    5 |   renew_befor: 7d  # a week\n"
        '      |   ^  help: did you mean "renew_before"?'
    ]


def test_the_caret_stands_under_the_value_whatever_stands_before_it(tmp_path: Path) -> None:
    assert rendered(tmp_path, policy=f"{POLICY}rules: [{{name: '日本', when: {{tag: vip}}}}]\n") == [
        'policy.yaml:4:16: error: rules.0.name: must be a name: letters, digits, ".", "_" and "-", 64 at most\n'
        "    4 | rules: [{name: '日本', when: {tag: vip}}]\n"
        "      |                ^"
    ]
    after = Problem("p.yaml", 4, 5, "a", "wrong", "日本\tx", "")
    assert render(after).splitlines()[2] == "      |     \t ^"


def test_a_long_line_is_shown_around_its_problem() -> None:
    shown = render(Problem("p.yaml", 1, 501, "", "wrong", "x" * 500 + "!" + "y" * 500)).splitlines()
    assert len(shown[1]) == len("    1 | ") + 120
    assert shown[1][shown[2].index("^")] == "!"


def test_a_problem_can_be_written_for_github() -> None:
    problem = Problem("a,b:c.yaml", 4, 3, "defaults.x", "100% wrong\nindeed", "  x: 1", "try y")
    assert render_for_github(problem) == (
        "::error file=a%2Cb%3Ac.yaml,line=4,col=3::defaults.x: 100%25 wrong%0Aindeed (try y)"
    )


def test_what_a_terminal_would_act_on_is_not_printed(tmp_path: Path) -> None:
    found = rendered(tmp_path, policy=f'{POLICY}"a\\e[2J": 1\n')
    assert found[0].startswith('policy.yaml:4:1: error: a\N{REPLACEMENT CHARACTER}[2J: unknown key "a')
    assert "\x1b" not in rendered(tmp_path, policy="a: \x1b[2J\n")[0]


CANARY = "hunter2canary"
LEAKS = [
    f"gateways:\n  stripe: {{kind: stripe, api_key: {CANARY}}}",
    f"gateways:\n  stripe: {{kind: stripe, api_key: sk_live_{CANARY}}}",
    f"gateways:\n  stripe: {{kind: stripe, api_key: [{CANARY}]}}",
    f"gateways:\n  stripe: {{kind: stripe, api_key: {{{CANARY}}}}}",
    f"gateways:\n  stripe: {{kind: stripe, apikey: {CANARY}}}",
    f"gateways:\n  stripe: {{kind: stripe, ky: {CANARY}}}",
    f"gateways:\n  stripe: {{knd: stripe, api_key:\n    {CANARY}}}",
    f"gateways:\n  stripe: {CANARY}",
    f"gateways:\n  stripe: {{kind: stripe, api_key: *{CANARY}}}",
    f"gateways:\n  stripe: {{kind: stripe, api_key: !{CANARY}}}",
    f"gateways:\n  stripe: {{kind: stripe, api_key: &{CANARY}}}",
    f"gateways:\n  stripe: {{kind: stripe, api_key: '{{evn {CANARY}}}'}}",
    f"gateways:\n  stripe:\n    kind: stripe\n    api_key: a: {CANARY}",
    f"gateways:\n  stripe:\n    kind: stripe\n    api_key: '{CANARY}",
    f"gateways:\n  stripe:\n    kind: stripe\n    api_key: %{CANARY}",
    f"gateways:\n  stripe:\n    kind: stripe\n    api_key:\n      a: {CANARY}: b",
    f"gateways:\n  stripe:\n    kind: stripe\n    api_key: a\n    api_key: {CANARY}",
    f"carriers:\n  att: {{kind: http, api_base: 'https://u:{CANARY}@example.com', token: {CANARY}}}",
    f"messengers:\n  email: {{kind: smtp, host: h.example.com, sender: x, username: u, password: {CANARY}}}",
    f"password: {CANARY}",
    f"schedule: {{token: {CANARY}}}",
    f"database: postgresql://u:{CANARY}@db/renewd",
    f"database: postgresql://u:a/{CANARY}@b@db/renewd",
    f"database: postgresql://u@db/renewd?sslmode=require&password={CANARY}",
]


@pytest.mark.parametrize("text", LEAKS)
def test_no_secret_is_ever_printed(tmp_path: Path, text: str) -> None:
    section = text.partition(":")[0]
    rest = "\n".join(
        each for each in SETTINGS.split("\n") if not each.startswith(" ") and section not in each
    )
    found = rendered(tmp_path, f"{text}\n{rest}\n")
    assert found
    assert CANARY not in "".join(found)


GIVE_ATT = (
    "give the unit LoadCredential=att:/PATH, or seal it by `systemd-creds encrypt --name=att - "
    "/etc/credstore.encrypted/att` and give the unit LoadCredentialEncrypted=att:/etc/credstore.encrypted/att"
)


def test_a_secret_that_is_not_there_is_a_problem_with_a_line(tmp_path: Path) -> None:
    settings = SETTINGS.replace("sk_test_1", '"{env RENEWD_KEY}"').replace(
        "token: sandbox", 'token: "{credential att}"'
    )
    assert complaints(tmp_path, settings) == []
    configuration = load_configuration(tmp_path / "renewd.yaml")
    assert [(each.line, each.path, each.message) for each in missing_secrets(configuration, {})] == [
        (5, "gateways.stripe.api_key", "{env RENEWD_KEY} is not set"),
        (
            7,
            "carriers.att.token",
            f"{{credential att}} cannot be read: $CREDENTIALS_DIRECTORY is not set; {GIVE_ATT}",
        ),
    ]
    found = missing_secrets(
        configuration, {"CREDENTIALS_DIRECTORY": str(tmp_path), "RENEWD_KEY": "sk_live_x"}
    )
    assert [each.message for each in found] == [
        f"{{credential att}} is not among the credentials of this unit; {GIVE_ATT}"
    ]
    (tmp_path / "att").write_text("t\n")
    environ = {"RENEWD_KEY": "sk_live_x", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert missing_secrets(configuration, environ) == []


DATABASES = {
    "a file": ("sqlite:///renewd.db", ""),
    "a server": (f"postgresql://renewd:{CANARY}@db.example.com/renewd?sslmode=require", ""),
    "a password in the query": (f"postgresql://renewd@db/renewd?password={CANARY}", ""),
    "an escaped password": (f"postgresql://renewd:{CANARY}%40%2F@db/renewd", ""),
    "another database": (f"mysql://renewd:{CANARY}@db/renewd", "not a database; write e.g."),
    "no URL": (f"{CANARY}", "not a database; write e.g."),
    "no name": (f"postgresql://renewd:{CANARY}@db/", "names no database"),
    "a port that is none": (f"postgresql://renewd:x@db:{CANARY}/renewd", "not the URL of a database"),
    "an @ in the password": (f"postgresql://renewd:x@{CANARY}@db/renewd", "not the URL of a database"),
    "a / in the password": (f"postgresql://renewd:1/{CANARY}@db", "not the URL of a database"),
    "a ? in the password": (f"postgresql://renewd:1?{CANARY}@db/renewd", "names no database"),
    "a # in the password": (f"postgresql://renewd:1#{CANARY}@db/renewd", "not the URL of a database"),
}


@pytest.mark.parametrize(("url", "complaint"), DATABASES.values(), ids=DATABASES)
def test_a_database_url_that_is_a_secret_is_looked_into_and_not_shown(
    tmp_path: Path, url: str, complaint: str
) -> None:
    settings = SETTINGS.replace("sqlite:///renewd.db", "'{credential database_url}'")
    assert complaints(tmp_path, settings) == []
    (tmp_path / "database_url").write_text(url)
    configuration = load_configuration(tmp_path / "renewd.yaml")
    found = missing_secrets(configuration, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert [each.path for each in found] == (["database"] if complaint else [])
    told = "".join(render(each) for each in found)
    assert complaint in told
    assert CANARY not in told
    assert not complaint or "{credential database_url}" in told


def test_a_secret_in_the_environment_is_a_warning(tmp_path: Path) -> None:
    settings = SETTINGS.replace("sk_test_1", '"{env RENEWD_KEY}"')
    assert complaints(tmp_path, settings) == []
    (warning,) = exposed_secrets(load_configuration(tmp_path / "renewd.yaml"))
    assert (warning.line, warning.path) == (5, "gateways.stripe.api_key")
    assert ":5:" in render(warning)
    assert ": warning: gateways.stripe.api_key: every process that the service starts inherits it" in render(
        warning
    )
    assert render_for_github(warning).startswith("::warning file=")
