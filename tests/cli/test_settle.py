"""A review closed by hand: what the command asks, what it says of the period, and where it is seen afterwards."""

from datetime import datetime

import pytest

from renewd.adapters.clock import SystemClock
from renewd.renewal.decline import DeclineClass
from renewd.renewal.outcome import Declined, Outcome, Pending
from tests.cli.building import Shop

THEN = datetime.fromisoformat("2026-12-04T12:00:00+00:00")
ASKED = """\
settle --refunded S-1: Ada Lane, att-10gb, 40.00 USD a period, expires 2026-12-10 00:00 -05:00.
In review: 2026-12-10 to 2027-01-10, 40.00 USD paid; paid, but the carrier refuses: line_terminated.
Then: it is not charged, and expires 2026-12-10 05:00Z.
"""
TOLD = {
    "extended": "S-1 is settled; 40.00 USD is due 2027-01-03 22:03Z, in 30 days\n",
    "refunded": "S-1 is settled; it is not charged, and expires 2026-12-10 05:00Z\n",
}


@pytest.fixture
def reviewed(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """S-1 has paid, and its carrier refuses."""

    async def refuses(*_: object) -> Outcome:
        return Declined(DeclineClass.OURS, "line_terminated")

    with monkeypatch.context() as patched:
        patched.setattr("tests.fakes.FakeCarrier.extend", refuses)
        shop.live(THEN)
    monkeypatch.setattr(SystemClock, "now", lambda _: THEN)
    assert "1 in review" in shop.run("status").stdout
    return shop


@pytest.mark.parametrize("how", TOLD)
def test_a_review_is_closed_audited_and_no_longer_counted(reviewed: Shop, how: str) -> None:
    assert reviewed.out("settle", "S-1", f"--{how}", "--reason", "by phone", "--yes") == TOLD[how]
    status = reviewed.run("status").stdout
    assert "in review" not in status
    assert ("40.00 USD" in status) is (how == "extended")
    assert reviewed.out("list", "--stage", "review") == ""
    (row,) = reviewed.json("log", "--event", "operator.settled")["items"]
    assert (row["actor"], row["code"], row["detail"]) == ("ada", how, "by phone")
    assert row["amount"] == {"amount_minor": 4000, "currency": "USD"}
    assert f"settled by hand  40.00 USD  by ada: {how}, by phone" in reviewed.out("show", "S-1")
    ran = reviewed.run("settle", "S-1", f"--{how}", "--reason", "once more", "--yes")
    told = "renewd: S-1 has no renewal in review; where it stands: renewd show S-1\n"
    assert (ran.code, ran.stderr) == (1, told)


def test_at_a_terminal_it_says_what_is_in_review_and_asks(reviewed: Shop) -> None:
    ran = reviewed.terminal("settle", "S-1", "--refunded", "--reason", "x", keys="n\n", size=(24, 120))
    assert (ran.code, ASKED in ran.stdout, "Go on? [y/N]" in ran.stdout) == (1, True, True)


def test_a_call_that_was_never_answered_is_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def processing(*_: object) -> Outcome:
        return Pending("pi_1")

    monkeypatch.setattr("tests.fakes.FakeGateway.charge", processing)
    monkeypatch.setattr("tests.fakes.FakeGateway.find", processing)
    shop.live(datetime.fromisoformat("2026-12-20T12:00:00+00:00"))
    ran = shop.terminal("settle", "S-1", "--unpaid", "--reason", "x", keys="n\n", size=(24, 160))
    assert (
        "In review: 2026-12-10 to 2027-01-10, nothing paid; the charge is pending and stays so" in ran.stdout
    )
    told = "Never answered: S-1/20261210T050000Z/charge/1. See at stripe that nothing comes of it any more.\n"
    assert told in ran.stdout


@pytest.mark.parametrize("options", [[], ["--extended", "--refunded"]])
def test_it_must_be_said_how(reviewed: Shop, options: list[str]) -> None:
    ran = reviewed.run("settle", "S-1", *options, "--reason", "x", "--yes")
    assert (ran.code, ran.stdout) == (2, "")
    assert "say how it was settled, by one of: --extended, --refunded, --unpaid" in ran.stderr


@pytest.mark.parametrize(("how", "code"), [("extended", 1), ("refunded", 0)])
def test_without_a_policy_only_what_needs_no_terms_is_settled(reviewed: Shop, how: str, code: int) -> None:
    reviewed.write("policy.yaml", "version: 1\n")
    ran = reviewed.run("settle", "S-1", f"--{how}", "--reason", "x", "--yes")
    assert ran.code == code, ran
    assert ("whose terms are unknown without the policy" in ran.stderr) is (code == 1)


def test_settled_after_an_import_it_says_what_comes_of_the_renewal_after_it(
    reviewed: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = (reviewed.folder / "subscriptions.csv").read_text()
    moved = whole.replace("2026-12-10T05:00:00Z", "2027-01-10T05:00:00Z").replace(
        "pm_ok_1", "pm_insufficient_funds_1"
    )
    reviewed.out("import", str(reviewed.write("moved.csv", moved)))
    then = datetime.fromisoformat("2027-01-03T23:00:00+00:00")
    reviewed.live(then, THEN)
    monkeypatch.setattr(SystemClock, "now", lambda _: then)
    told = reviewed.out("settle", "S-1", "--refunded", "--reason", "paid twice", "--yes")
    assert told == "S-1 is settled; 40.00 USD is due 2027-01-04 21:50Z, in 23 hours\n"
    assert "in review" not in reviewed.run("status").stdout
