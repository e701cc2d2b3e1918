"""A running daemon seals its log, and a killed one leaves nothing that cannot be gone on with."""

import json

from renewd.adapters.store.connect import connect_to_read
from renewd.adapters.store.verifying import Trust, verify
from renewd.seal.note import checkpoints
from tests.service.conftest import Build
from tests.service.daemon import running, until
from tests.service.town import due


def test_a_daemon_seals_as_it_goes_and_at_its_end(build: Build) -> None:
    town = build(audit__seal_every="1s", audit__checkpoints="kept.txt")
    kept = town.database.parent / "kept.txt"
    town.subscribe([due(n) for n in range(3)])
    with running(town.path) as daemon:
        until(lambda: daemon.said("audit.sealed"), "a checkpoint")
        until(lambda: town.stages()["extended"] == 3, "renewals")
        daemon.kill()
    with running(town.path) as daemon:
        assert daemon.stop() == 0
        told = [line["note"] for line in daemon.said("audit.sealed")]
    notes = list(checkpoints(kept.read_text()))
    assert kept.read_text().endswith(told[-1])
    report = verify(connect_to_read(f"sqlite:///{town.database}"), Trust((), notes), lambda _: None)
    assert (report.findings, report.unsealed, report.held) == ((), 0, len(notes))
    assert report.rows == town.count("audit_log") == notes[-1].size
    assert json.dumps(told)
