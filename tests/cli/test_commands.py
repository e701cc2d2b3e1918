"""The operator's word: what each command does, what it asks, and that it is in the audit log."""

import pytest

from tests.cli.building import Shop

WORDS = {
    "pause": (
        "S-2",
        "S-2 is paused; it expires 2026-12-09 06:00Z and is not charged, until: renewd resume S-2",
    ),
    "resume": ("S-5", "S-5 is resumed; 40.00 USD is due 2027-01-13 "),
    "skip": ("S-2", "S-2 is skipped; it is not charged, and expires 2026-12-09 06:00Z"),
    "retry": ("S-2", "S-2 is retried; 33.00 USD is due 2026-12-06 17:35Z, in 6 hours"),
    "cancel": ("S-2", "S-2 is canceled; it expires 2026-12-09 06:00Z and is not charged"),
}


@pytest.mark.parametrize(("verb", "subscription", "told"), [(verb, *rest) for verb, rest in WORDS.items()])
def test_a_command_says_what_comes_next_and_is_audited(
    later: Shop, verb: str, subscription: str, told: str
) -> None:
    said = later.out(verb, subscription, "--reason", "the  customer\nasked", "--yes")
    assert said.startswith(told)
    assert said.count("\n") == 1
    (row,) = later.json("log", "--event", "operator.*", "--subscription", subscription)["items"]
    assert row["event"] == "operator." + {"pause": "paused", "skip": "skipped", "cancel": "canceled"}.get(
        verb, "resumed" if verb == "resume" else "retried"
    )
    assert (row["actor"], row["detail"]) == ("ada", "the customer asked")


@pytest.mark.parametrize(
    "command", ["pause S-1", "resume S-5", "skip S-1", "retry S-2", "cancel S-1", "halt", "unhalt"]
)
def test_a_command_needs_a_reason(later: Shop, command: str) -> None:
    ran = later.run(*command.split(), "--yes")
    assert ran.code == 2
    assert "Missing option '--reason'" in ran.stderr


@pytest.mark.parametrize(
    "command", ["pause S-1", "resume S-5", "skip S-1", "retry S-2", "cancel S-1", "halt"]
)
def test_off_a_terminal_a_command_needs_yes(later: Shop, command: str) -> None:
    before = later.out("log"), later.out("list")
    ran = later.run(*command.split(), "--reason", "why")
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr == "renewd: nothing is done: this is no terminal to ask at; add --yes\n"
    assert (later.out("log"), later.out("list")) == before


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("  ", "must be one line of 1 to 200 characters"),
        ("x" * 201, "must be one line of 1 to 200 characters"),
        ("a\x1b[2Jb", "must be one line of 1 to 200 characters"),
        ("she gave 4242 4242 4242 4242", "holds what looks like a card number"),
    ],
)
def test_a_reason_must_be_fit_for_the_audit_log(shop: Shop, reason: str, told: str) -> None:
    ran = shop.run("pause", "S-1", "--reason", reason, "--yes")
    assert (ran.code, told in ran.stderr) == (2, True)
    assert "4242" not in ran.stderr


def test_at_a_terminal_a_command_tells_what_will_happen_and_asks(shop: Shop) -> None:
    ran = shop.terminal("pause", "S-1", "--reason", "abroad", keys="n\n", size=(24, 100))
    assert ran.code == 1
    assert (
        "pause S-1: Ada Lane, att-10gb, 40.00 USD a period, expires 2026-12-10 00:00 -05:00.\n" in ran.stdout
    )
    assert "Then: it expires 2026-12-10 05:00Z and is not charged, until: renewd resume S-1.\n" in ran.stdout
    assert "Go on? [y/N]: " in ran.stdout
    assert shop.json("show", "S-1")["subscription"]["state"] == "active"
    ran = shop.terminal("pause", "S-1", "--reason", "abroad", keys="y\n", size=(24, 100))
    assert ran.code == 0
    assert "S-1 is paused; " in ran.stdout
    assert shop.json("show", "S-1")["subscription"]["state"] == "paused"


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("pause S-5", "renewd: S-5 is paused, not active\n"),
        ("resume S-1", "renewd: S-1 is active, not paused\n"),
        ("retry S-1", "renewd: S-1 has no renewal to retry; its next opens by itself: renewd explain S-1\n"),
        ("unhalt", "renewd: charging is not halted\n"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_before_it_asks(shop: Shop, command: str, told: str) -> None:
    before = shop.out("log")
    ran = shop.run(*command.split(), "--reason", "why")
    assert (ran.code, ran.stdout, ran.stderr) == (1, "", told)
    assert shop.out("log") == before


@pytest.mark.parametrize("verb", ["pause", "resume", "skip", "retry", "cancel"])
def test_a_command_for_nobody_is_not_found(shop: Shop, verb: str) -> None:
    ran = shop.run(verb, "S-11", "--reason", "why", "--yes")
    assert (ran.code, ran.stderr) == (4, 'renewd: no subscription "S-11"; did you mean "S-1"?\n')


@pytest.mark.parametrize(
    ("subscription", "told"),
    [
        ("S-3", "S-3 is retried; but it is held: no payment method is left to try"),
        ("S-4", "S-4 is retried; but it is held: the customer has no e-mail address to be told at"),
    ],
)
def test_a_retry_says_what_the_next_look_will_do(later: Shop, subscription: str, told: str) -> None:
    assert later.out("retry", subscription, "--reason", "x", "--yes") == f"{told}\n"


def test_a_retry_while_charging_is_halted_says_so(later: Shop) -> None:
    later.out("halt", "--reason", "x", "--yes")
    told = later.out("retry", "S-2", "--reason", "x", "--yes")
    assert told == "S-2 is retried; but it is held: all charging is halted by the operator\n"


def test_without_a_policy_a_retry_is_refused_and_says_why(later: Shop) -> None:
    later.write("policy.yaml", "version: 1\n")
    ran = later.run("retry", "S-3", "--reason", "x", "--yes")
    assert (ran.code, ran.stdout) == (1, "")
    assert ran.stderr.endswith("renewd: it is on att-7d, whose terms are unknown without the policy\n")


def test_a_halt_stops_charging_and_an_unhalt_lets_it_go_on(shop: Shop) -> None:
    told = shop.out("halt", "--reason", "the gateway asked", "--yes")
    assert told == "all charging is halted; let it go on with: renewd unhalt --reason ...\n"
    assert "halt: all charging is halted by the operator" in shop.out("explain", "S-1")
    assert shop.out("unhalt", "--reason", "over", "--yes") == "charging goes on; 0 held back are due now\n"
    events = shop.json("log", "--event", "operator.*halted")["items"]
    assert [(row["event"], row["detail"], row["actor"]) for row in events] == [
        ("operator.halted", "the gateway asked", "ada"),
        ("operator.unhalted", "over", "ada"),
    ]
