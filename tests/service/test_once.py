"""One pass for a timer: it does all that is due, says how it left each renewal, and whether to come again."""

import re
from datetime import timedelta

from renewd.cli.results import Results
from renewd.renewal.audit import Event
from tests.service.conftest import Build
from tests.service.daemon import finished
from tests.service.town import Town, due, now

TRY_LATER = 75
FEW_MINUTES = timedelta(minutes=5)


def once(town: Town, passes: int = 0) -> tuple[int, str]:
    """Run a pass, some minutes later than the last one; give its exit status and what it says of the renewals."""
    ran = finished(town.path, "once", ahead=passes * FEW_MINUTES)
    found = re.fullmatch(
        r"(.+?)(?:; in doubt since \S+ \S+Z)?; next \d{4}-\d\d-\d\d \d\d:\d\dZ\n", ran.stderr
    )
    assert found, ran
    return ran.returncode, found[1]


def test_a_pass_says_how_it_left_each_renewal_and_a_declined_card_is_no_failure(build: Build) -> None:
    town = build()
    usual, short = [due(n) for n in range(20)], due(20, "pm_insufficient_funds_x2")
    town.subscribe([*usual, short, due(21, email=""), due(22, line="extend_pending")])
    assert once(town) == (0, "20 renewed, 1 declined, 1 held, 1 waiting")
    assert town.stages() == {"extended": 20, "due": 2, "charged": 1}
    assert once(town) == (0, "nothing was due")


def test_a_provider_that_cannot_be_reached_is_a_reason_to_come_again(build: Build) -> None:
    town = build(
        schedule__concurrency=1,
        gateways__stripe__max_concurrent=1,
        carriers__tello__max_concurrent=1,
        breaker__failures=2,
    )
    town.subscribe([due(n) for n in range(5)])
    town.take_down()
    assert once(town) == (TRY_LATER, "5 unreached")
    town.bring_up()
    assert once(town, 1) == (0, "5 renewed")


def test_an_answer_that_never_came_is_a_reason_to_come_again(build: Build) -> None:
    town = build()
    town.subscribe([due(1), due(2, "pm_500_after_charge")])
    assert once(town) == (TRY_LATER, "1 renewed, 1 in doubt")
    assert once(town) == (TRY_LATER, "nothing was due"), "as long as it is in doubt"
    assert once(town, 1) == (0, "1 renewed")
    assert town.summary()["double_charges"] == []


def test_a_renewal_that_was_set_aside_is_a_reason_to_come_again() -> None:
    results = Results()
    for name, renewal in (
        ("renewal.opened", "S-1/x"),
        ("renewal.set_aside", "S-1/x"),
        ("renewal.set_aside", ""),
    ):
        results.tell(Event(name, now(), subscription="S-2" if not renewal else "S-1", renewal=renewal))
    assert (str(results), results.unsettled) == ("2 set aside", True)


def test_a_pass_over_nothing_says_so(build: Build) -> None:
    town = build()
    town.subscribe([])
    ran = finished(town.path, "once")
    assert (ran.returncode, ran.stderr) == (0, "nothing was due; nothing is planned\n")
