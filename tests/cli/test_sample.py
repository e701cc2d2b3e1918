"""The sample subscriptions: as they are shipped for the demo, and alive on whatever day somebody tries them."""

import csv
import io
from datetime import UTC, datetime

import pytest

from renewd.adapters.clock import SystemClock
from renewd.cli.sample import START, shipped, subscriptions_from
from tests.cli.building import Shop

DAYS = [datetime(2026, 11, 23, 15, tzinfo=UTC), datetime(2028, 6, 15, 18, tzinfo=UTC)]


@pytest.fixture(params=DAYS, ids=str)
def trial(empty_shop: Shop, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Shop:
    """The shipped configuration, on some day."""
    monkeypatch.setattr(SystemClock, "now", lambda _: request.param)
    for name in ("renewd.yaml", "policy.yaml"):
        empty_shop.write(name, (shipped() / name).read_bytes())
    return empty_shop


def test_on_its_own_day_the_sample_is_as_it_is_shipped() -> None:
    with (shipped() / "sample" / "subscriptions.csv").open(encoding="utf-8", newline="") as file:
        whole = list(csv.DictReader(file))
    written = list(csv.DictReader(io.StringIO(subscriptions_from(START))))
    for row in (*whole, *written):
        for name in ("current_period_end", "anchor"):
            row[name] = str(datetime.fromisoformat(row[name]) if row[name] else None)
    assert written == whole


def test_on_any_day_the_sample_can_be_imported_and_is_alive(trial: Shop) -> None:
    sample = trial.out("sandbox", "--sample")
    ran = trial.run("import", "-", stdin=sample)
    assert (ran.code, ran.stdout) == (0, "240 added, 0 changed, 0 unchanged\n"), ran
    done = [row["does"] for row in trial.json("scan", "--dry-run")["items"]]
    assert done.count("charge") >= 10, "there is something to see at once"
    ahead = [row["does"] for row in trial.json("scan", "--dry-run", "--at", "+6d")["items"]]
    assert ahead.count("charge") > 2 * done.count("charge"), "and more on the days to come"
    assert "lapsed" not in done
