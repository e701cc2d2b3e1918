"""The shop that most tests of the command line work at."""

from datetime import datetime
from pathlib import Path

import pytest

from renewd.adapters.clock import SystemClock
from renewd.service.wiring import load_configuration, open_books
from tests.cli.building import NOW, POLICY, SETTINGS, Shop, sheet


@pytest.fixture
def empty_shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A configuration without any subscription, at NOW."""
    for name in ("NO_COLOR", "FORCE_COLOR", "STATE_DIRECTORY", "CONFIGURATION_DIRECTORY", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(SystemClock, "now", lambda _: NOW)
    monkeypatch.setattr("renewd.cli.commands.operator", lambda: "ada")
    shop = Shop(tmp_path)
    shop.write("renewd.yaml", SETTINGS)
    shop.write("policy.yaml", POLICY)
    open_books(load_configuration(shop.folder / "renewd.yaml")).close()
    return shop


@pytest.fixture
def shop(empty_shop: Shop) -> Shop:
    """Five subscriptions, imported and not yet renewed."""
    path = empty_shop.write("subscriptions.csv", sheet())
    assert empty_shop.out("import", str(path)) == "5 added, 0 changed, 0 unchanged\n"
    return empty_shop


@pytest.fixture
def later(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The same shop ten days later: one renewed, one retried and paid otherwise, one lapsed, one held."""
    then = datetime.fromisoformat("2026-12-06T12:00:00+00:00")
    shop.live(then)
    monkeypatch.setattr(SystemClock, "now", lambda _: then)
    return shop
