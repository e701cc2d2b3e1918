"""A machine for all tests of a folder, and a shop of its own for each."""

import os
from collections.abc import Iterator

import pytest

from tests.systemd.machine import Machine, lacking, machine
from tests.systemd.shop import Shop

REQUIRED = "RENEWD_SYSTEMD"  # `make test-systemd` sets it: what is lacking is then a failure


@pytest.fixture(scope="session")
def booted() -> Iterator[Machine]:
    """Give a machine with renewd installed in it, its units as they are shipped."""
    if reason := lacking():
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(f"{reason}; make test-systemd")
    with machine() as made:
        yield made


@pytest.fixture
def shop(booted: Machine) -> Iterator[Shop]:
    """Give a shop in that machine: a sandbox, a configuration, no subscriptions yet, and a daemon that does not run."""
    opened = Shop(booted)
    try:
        yield opened
    finally:
        opened.close()
