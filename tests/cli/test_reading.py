"""Reading the books: lists, lives and the audit log, as a person sees them."""

import signal
import subprocess
import time
from textwrap import dedent

import pytest
from sqlalchemy import insert

from renewd.adapters.store.connect import connect
from renewd.adapters.store.rows import event_row
from renewd.adapters.store.tables import audit_log
from renewd.renewal.audit import Event
from tests.cli.building import NOW, POLICY, RENEWD, Shop

LIFE = """\
    S-2  Bo Reed  bo@example.com
    plan       AT&T 10 GB (att-10gb), 33.00 USD for 1 month at att
    line       8901-2
    tags       vip
    expires    2026-12-09 00:00 -06:00 America/Chicago, in 3 days
    standing   retrying (declined: insufficient_funds)
    next       2026-12-06 11:35 -06:00, in 6 hours
    pays with  1. Visa 0002, until 2028-04  pm_insufficient_funds_2
               2. Amex 0003, until 2029-01  pm_ok_2

    2026-12-09 to 2027-01-09  retrying (declined: insufficient_funds)
      12-02 17:44  · opened       33.00 USD
      12-02 17:44  ! declined     33.00 USD  Visa 0002, insufficient funds  again 12-03 11:35
      12-02 17:44  ✓ letter sent  Your payment for AT&T 10 GB did not go through
      12-03 11:35  ! declined     33.00 USD  Visa 0002, insufficient funds  again 12-04 11:35
      12-04 11:35  ! declined     33.00 USD  Visa 0002, insufficient funds  again 12-06 11:35
"""


def test_a_list_says_where_each_renewal_stands(later: Shop) -> None:
    standings = {row.split("\t")[0]: row.split("\t")[4] for row in later.out("list").splitlines()}
    assert standings == {
        "S-1": "active",
        "S-2": "retrying (declined: insufficient_funds)",
        "S-3": "waits for a payment method",
        "S-4": "waits for an e-mail address",
        "S-5": "paused",
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--state paused", ["S-5"]),
        ("--state active,paused -n 2", ["S-1", "S-2"]),
        ("--stage due", ["S-2", "S-3", "S-4"]),
        ("--stage extended,review", ["S-1"]),
        ("--hold contact", ["S-4"]),
        ("--plan att-7d", ["S-3"]),
        ("--ends-within 2d", ["S-3", "S-4"]),
        ("--stage due --plan att-10gb --ends-within 3d", ["S-2", "S-4"]),
    ],
)
def test_a_list_is_narrowed_by_every_option(later: Shop, options: str, expected: list[str]) -> None:
    assert [row["id"] for row in later.json("list", *options.split())["items"]] == expected


def test_an_unknown_state_is_refused_with_those_that_are_known(shop: Shop) -> None:
    ran = shop.run("list", "--state", "activ")
    assert ran.code == 2
    assert '"activ" is none of: active, paused, canceled, lapsed; did you mean "active"?' in ran.stderr


def test_an_unknown_plan_is_refused_with_one_that_is_near(shop: Shop) -> None:
    ran = shop.run("list", "--plan", "att-10g")
    assert (ran.code, ran.stdout, ran.stderr) == (
        2,
        "",
        'renewd: no plan "att-10g"; did you mean "att-10gb"?\n',
    )


def test_a_plan_that_left_the_catalogue_can_be_asked_for_while_somebody_is_on_it(shop: Shop) -> None:
    shop.write("policy.yaml", POLICY.replace("att-7d:", "att-8d:"))
    assert shop.out("list", "--plan", "att-7d").startswith("S-3\t")
    assert shop.out("list", "--plan", "att-8d") == ""


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (
            ["--event", "charge.declind"],
            2,
            'no event is called "charge.declind"; did you mean "charge.declined"?',
        ),
        (["--event", "chrge.*"], 2, 'no event is called "chrge.*"; did you mean "charge.*"?'),
        (["--subscription", "s-1"], 4, 'no subscription "s-1"; did you mean "S-1"?'),
        (["--subscription", "S-1", "--event", "x", "-f"], 2, 'no event is called "x"'),
    ],
)
def test_what_no_log_can_hold_is_refused(shop: Shop, given: list[str], code: int, told: str) -> None:
    ran = shop.run("log", *given)
    assert (ran.code, ran.stdout, ran.stderr) == (code, "", f"renewd: {told}\n")


def test_the_log_is_searched_for_an_event_that_only_it_knows(shop: Shop) -> None:
    with connect(f"sqlite:///{shop.database}").begin() as connection:
        connection.execute(insert(audit_log), [event_row(Event("old.name", NOW, subscription="S-0"))])
    assert "old.name" in shop.out("log", "--event", "old.*")
    assert "old.name" in shop.out("log", "--subscription", "S-0")


def test_a_life_is_told_in_local_time_and_human_words(later: Shop) -> None:
    assert later.out("show", "S-2") == dedent(LIFE)


def test_a_life_can_be_read_by_a_program(later: Shop) -> None:
    found = later.json("show", "S-1")
    assert found["schema"] == "renewd.show.v1"
    (renewal,) = found["renewals"]
    assert (renewal["stage"], renewal["paid"]) == ("extended", {"amount_minor": 4000, "currency": "USD"})
    assert [event["event"] for event in renewal["events"]][:3] == [
        "renewal.opened",
        "charge.attempted",
        "charge.succeeded",
    ]
    assert found["payment_methods"][0]["token"] == "pm_ok_1"


def test_a_life_without_any_renewal_is_told_too(shop: Shop) -> None:
    assert shop.out("show", "S-4").splitlines()[:2] == [
        "S-4  Di Voss  no e-mail address",
        "plan       AT&T 10 GB (att-10gb), 40.00 USD for 1 month at att",
    ]


@pytest.mark.parametrize(
    ("given", "advice"),
    [("s-1", '; did you mean "S-1"?'), ("S-11", '; did you mean "S-1"?'), ("nobody", ""), ("", "")],
)
@pytest.mark.parametrize("command", ["show", "explain"])
def test_an_unknown_subscription_is_not_found_and_a_near_one_is_named(
    shop: Shop, command: str, given: str, advice: str
) -> None:
    ran = shop.run(command, given)
    assert (ran.code, ran.stdout, ran.stderr) == (4, "", f'renewd: no subscription "{given}"{advice}\n')


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--event", "renewal.opened"], 4),
        (["--event", "charge.*", "--subscription", "S-2"], 6),
        (["--subscription", "S-4", "--since", "2026-12-02"], 0),
        (["--event", "charge.declined", "--since", "2026-12-03", "--until", "2026-12-04T00:00:00Z"], 1),
        (["--since", "2d"], 2),
        (["--since", "yesterday"], 0),
        (["-n", "3"], 3),
        (["--event", "breaker.*"], 0),
    ],
)
def test_the_log_is_narrowed_by_every_option(later: Shop, options: list[str], expected: int) -> None:
    assert len(later.json("log", *options)["items"]) == expected


def test_a_row_of_the_log_holds_all_that_an_auditor_asks_for(later: Shop) -> None:
    (row,) = later.json("log", "--event", "charge.declined", "--subscription", "S-3")["items"]
    digest = row.pop("policy_digest")
    assert len(digest) == 12
    assert row == {
        "sequence": row["sequence"],
        "at": "2026-12-04T10:22:15Z",
        "subscription": "S-3",
        "event": "charge.declined",
        "amount": {"amount_minor": 900, "currency": "USD"},
        "actor": "renewd",
        "renewal": "S-3/20261205T230000Z",
        "leg": "charge",
        "provider": "stripe",
        "attempt": 1,
        "method": "pm_lost_card_3",
        "key": "S-3/20261205T230000Z/charge/1",
        "outcome": "declined",
        "decline_class": "never",
        "code": "lost_card",
        "reference": row["reference"],
        "next_action": row["next_action"],
        "next_at": row["next_at"],
        "duration_ms": 0,
        "detail": None,
    }


def test_a_table_of_the_log_shows_the_latest_rows_and_a_pipe_all(shop: Shop) -> None:
    for number in range(60):
        shop.out("pause" if number % 2 == 0 else "resume", "S-1", "--reason", f"word {number}", "--yes")
    assert len(shop.out("log", "-o", "table").splitlines()) == 51
    assert len(shop.out("log").splitlines()) == 61
    assert len(shop.out("log", "-o", "table", "--since", "1h").splitlines()) == 62


def test_a_wrong_time_is_a_usage_error(shop: Shop) -> None:
    ran = shop.run("log", "--since", "soon")
    assert ran.code == 2
    assert '"soon" is not a time; write e.g. "7d", "yesterday", "2026-11-23"' in ran.stderr


def test_what_is_followed_is_no_json_object(shop: Shop) -> None:
    assert shop.run("log", "-f", "-o", "json").code == 2


@pytest.mark.parametrize("form", ["tsv", "jsonl", "csv", "table"])
def test_a_followed_log_goes_on_with_what_is_written_until_it_is_interrupted(shop: Shop, form: str) -> None:
    with subprocess.Popen(
        [RENEWD, "log", "-f", "-o", form],
        env=shop.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        heading = process.stdout.readline() if form in ("csv", "table") else ""
        assert "event" in heading.lower() or not heading
        assert "operator.imported" in process.stdout.readline()
        shop.out("pause", "S-1", "--reason", "a word", "--yes")
        assert "operator.paused" in process.stdout.readline()
        shop.out("resume", "S-1", "--reason", "a word", "--yes")
        assert "operator.resumed" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 130
        assert process.stderr.read() == ""


def test_a_followed_log_ends_when_nobody_reads_any_more(shop: Shop) -> None:
    with subprocess.Popen(
        [RENEWD, "log", "-f"], env=shop.environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        started = time.monotonic()
        process.wait(timeout=10)
        assert time.monotonic() - started < 5
        assert process.stderr.read() == ""
