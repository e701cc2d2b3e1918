"""SIGHUP puts a good policy in force and leaves a bad one out; either way the audit log says so."""

import asyncio
import signal
import threading
import time
from datetime import timedelta

from renewd.renewal.policy import Policy
from renewd.service.loop import Loop
from renewd.service.wiring import running_engine, system_clock
from tests.service.conftest import Build
from tests.service.daemon import SECRETS, Daemon, running, until
from tests.service.town import Town, due


def prices(town: Town) -> dict[str, str]:
    """Give what each renewed subscription has paid."""
    return {each.subscription_id: str(each.paid) for each in town.renewals() if each.stage == "extended"}


def reloaded(town: Town, daemon: Daemon, event: str) -> None:
    daemon.signal(signal.SIGHUP)
    until(lambda: town.count("audit_log", f"name = '{event}'"), event)


def renewed(town: Town, number: int) -> None:
    town.subscribe([due(number)])
    until(lambda: f"S-{number:05}" in prices(town), "the renewal")


def test_a_new_price_holds_for_what_is_charged_from_then_on(build: Build) -> None:
    town = build()
    old = town.configuration().policy.digest
    with running(town.path) as daemon:
        renewed(town, 1)
        town.set_price("12.50 USD")
        reloaded(town, daemon, "config.reloaded")
        renewed(town, 2)
        assert daemon.stop() == 0

    new = town.configuration().policy.digest
    assert prices(town) == {"S-00001": "10.00 USD", "S-00002": "12.50 USD"}
    assert [each.detail for each in town.events("config.reloaded")] == [f"{old} -> {new}; SIGHUP"]
    assert [each.policy_digest for each in town.events("charge.attempted")] == [old, new]


def test_a_burst_of_reloads_ends_with_the_latest_policy(build: Build) -> None:
    town = build()
    with running(town.path) as daemon:
        for cents in range(10, 20):
            town.set_price(f"11.{cents} USD")
            daemon.signal(signal.SIGHUP)
        reloaded(town, daemon, "config.reloaded")
        latest = town.configuration().policy.digest
        until(lambda: town.count("audit_log", f"detail LIKE '%-> {latest};%'"), "the latest policy")
        renewed(town, 1)
        assert daemon.stop() == 0
    assert prices(town) == {"S-00001": "11.19 USD"}


def test_a_bad_policy_is_refused_with_file_and_line_and_the_old_one_stays(build: Build) -> None:
    town = build()
    with running(town.path) as daemon:
        renewed(town, 1)
        good = town.policy_path.read_text()
        town.policy_path.write_text(good.replace("grace: 3d", "grace: three days"))
        reloaded(town, daemon, "config.rejected")
        renewed(town, 2)
        assert daemon.stop() == 0
        (line,) = [line for line in daemon.lines() if line["level"] == "error"]

    number = good.splitlines().index("  grace: 3d") + 1
    where = f"{town.policy_path}:{number}:10: error: defaults.grace: "
    assert line["problems"].startswith(where)
    (rejected,) = town.events("config.rejected")
    assert rejected.detail.startswith(where)
    assert set(prices(town).values()) == {"10.00 USD"}


def test_a_policy_that_is_gone_changes_nothing_either(build: Build) -> None:
    town = build()
    with running(town.path) as daemon:
        text = town.policy_path.read_text()
        town.policy_path.unlink()
        reloaded(town, daemon, "config.rejected")
        town.policy_path.write_text(text)
        renewed(town, 1)
        assert daemon.stop() == 0


async def test_of_two_reloads_at_once_the_later_policy_stays_in_force(build: Build) -> None:
    town = build()
    configuration = town.configuration()
    policies = iter([_priced(configuration.policy, "11.00 USD"), _priced(configuration.policy, "12.00 USD")])
    second_is_read = threading.Event()

    def load() -> Policy:
        policy = next(policies)
        if str(policy.plans["basic"].price) == "11.00 USD":
            second_is_read.wait(1)
            time.sleep(0.1)
        second_is_read.set()
        return policy

    async with running_engine(configuration, system_clock(), lambda _: None, SECRETS) as engine:
        loop = Loop(engine, timedelta(days=1), load)
        await asyncio.gather(loop.reload(), loop.reload())
        assert str(engine.policy.plans["basic"].price) == "12.00 USD"


def _priced(policy: Policy, price: str) -> Policy:
    given = policy.model_dump(mode="json", exclude_unset=True)
    given["plans"]["basic"]["price"] = price
    return Policy.model_validate(given)
