"""A machine of each release for all tests of a folder, and a shop of its own for each test."""

import os
from collections.abc import Iterator

import pytest

from tests.systemd.machine import Machine, lacking, machine
from tests.systemd.shop import Shop
from tests.systemd.trees import HERE, NoTree, tree_of

ASKED = "RENEWD_SYSTEMD"  # `make test-systemd` names releases in it: what keeps them all from booting is then a failure


@pytest.fixture(scope="session", params=os.environ.get(ASKED, HERE).split())
def booted(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Give a machine with renewd installed in it, its units as they are shipped."""
    if reason := lacking():
        if os.environ.get(ASKED):
            pytest.fail(reason)
        pytest.skip(f"{reason}; make test-systemd")
    try:
        tree = tree_of(request.param)
    except NoTree as missing:
        pytest.skip(str(missing))
    with machine(tree) as made:
        yield made


@pytest.fixture
def shop(booted: Machine) -> Iterator[Shop]:
    """Give a shop in that machine: a sandbox, a configuration, no subscriptions yet, and a daemon that does not run."""
    opened = Shop(booted)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="session")
def _asked() -> None:
    """Skip what takes long, unless somebody asked for it."""
    if not os.environ.get(ASKED):
        pytest.skip("takes long: make test-systemd")
