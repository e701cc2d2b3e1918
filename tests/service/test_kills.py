"""A daemon that is killed at random moments charges nobody twice and loses nobody. Full size: `tests.service.kills`."""

from pathlib import Path

from tests.service.kills import trial


def test_a_daemon_killed_again_and_again_loses_nobody_and_charges_nobody_twice(tmp_path: Path) -> None:
    findings = trial(tmp_path, kills=12, renewals=200, seed=3)
    assert not findings.faults, "\n".join(findings.faults[:20])
    assert findings.double == 0
    assert findings.lost == []
    assert findings.reckoning.stages.total() == 200
    # The kills have struck while something was under way, or they have shown nothing.
    assert findings.settled >= 10
