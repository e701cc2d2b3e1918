"""The files in config/ are what they say: they load, their schemas are the models', their lines decide the terms."""

import csv
import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from renewd.adapters.configuration import Configuration, load_configuration, origin_lines, schema
from renewd.renewal.coherence import late
from renewd.renewal.model import Subscription, SubscriptionState
from renewd.renewal.period import known_zone
from renewd.renewal.policy import Policy
from renewd.sandbox.behaviours import BEHAVIOURS, LINES, of_line, of_payment_method
from renewd.settings import Settings
from tests.config.files import CONFIG

COLUMNS = (
    "id customer name email gateway_customer plan line zone current_period_end anchor state tags payment_methods "
    "price renew_before"
).split()


@pytest.fixture(scope="module")
def sample() -> Configuration:
    return load_configuration(CONFIG / "renewd.yaml")


def rows() -> list[dict[str, str]]:
    with (CONFIG / "sample" / "subscriptions.csv").open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def subscription(plan: str, *tags: str, **overrides: str) -> Subscription:
    instant = datetime.fromisoformat("2026-12-24T00:00:00Z")
    return Subscription("S-1", "C-1", plan, "line", "UTC", instant, instant, tags=tags, overrides=overrides)


def test_the_samples_load_without_a_complaint(sample: Configuration) -> None:
    assert len(sample.policy.plans) == 12
    assert sample.state_directory({}) == CONFIG / "var"


def test_the_samples_reach_nobody_but_the_sandbox(sample: Configuration) -> None:
    assert {each.api_base for _, each in sample.settings.providers()} == {"http://127.0.0.1:8480"}


@pytest.mark.parametrize(("name", "model"), [("renewd", Settings), ("policy", Policy)])
def test_a_schema_is_what_its_model_makes_of_it(name: str, model: Any) -> None:
    committed = (CONFIG / f"{name}.schema.json").read_text(encoding="utf-8")
    assert committed == schema(model), "the model has changed; write schema(model) to the file"
    assert (
        (CONFIG / f"{name}.yaml")
        .read_text(encoding="utf-8")
        .startswith(f"# yaml-language-server: $schema=./{name}.schema.json\n")
    )


def patterns(node: Any) -> list[str]:
    if isinstance(node, list):
        return [each for child in node for each in patterns(child)]
    if not isinstance(node, dict):
        return []
    own = [node["pattern"]] if isinstance(node.get("pattern"), str) else []
    return own + [each for child in node.values() for each in patterns(child)]


@pytest.mark.parametrize("model", [Settings, Policy])
def test_a_default_or_an_example_of_a_schema_fits_its_pattern(model: Any) -> None:
    def check(node: Any) -> None:
        for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            check(child)
        if isinstance(node, dict) and isinstance(node.get("pattern"), str):
            for text in [*node.get("examples", []), *([node["default"]] if "default" in node else [])]:
                assert re.search(node["pattern"], text), (node, text)

    check(json.loads(schema(model)))
    assert patterns(json.loads(schema(model)))


def test_each_term_of_a_vip_is_traced_to_its_line(sample: Configuration) -> None:
    vip = subscription("att-unlimited-plus", "vip", price="63.00 USD")
    found = {each.term: each for each in origin_lines(sample, vip)}
    lines = (CONFIG / "policy.yaml").read_text(encoding="utf-8").splitlines()

    def line_of(term: str) -> str:
        return lines[int(found[term].where.removeprefix("policy.yaml:")) - 1].strip()

    assert line_of("renew_before").startswith("renew_before: 7d")
    assert line_of("grace") == "grace: 7d"
    assert found["grace"].layer == "rules.2.grace"
    assert found["retry"].value == "{first: 6h, factor: 2, max: 2d, attempts: 6, jitter: 10%}"
    assert line_of("retry").startswith("retry: ")
    assert line_of("on_decline.never").startswith("never: next_method")
    assert line_of("period").startswith("{title: Unlimited Plus")
    assert found["price"][1:] == ("63.00 USD", "subscription", "subscription.price")
    assert {"name", "when", "title"}.isdisjoint(found)


def test_a_default_that_the_file_leaves_out_is_built_in(tmp_path: Path) -> None:
    for name in ("renewd.yaml", "policy.yaml"):
        text = (CONFIG / name).read_text(encoding="utf-8").replace("  require_email: true", "  #")
        (tmp_path / name).write_text(text, encoding="utf-8")
    configuration = load_configuration(tmp_path / "renewd.yaml")
    found = {each.term: each for each in origin_lines(configuration, subscription("att-10gb"))}
    assert found["require_email"] == ("require_email", "true", "built in", "defaults.require_email")
    assert found["retry"].value == "[6h, 1d, 2d, 2d]"
    assert found["charge_window"].value == "09:00-18:00"


def test_the_sample_subscriptions_are_believable(sample: Configuration) -> None:
    for row in rows():
        assert list(row) == COLUMNS
        assert row["plan"] in sample.policy.plans
        assert known_zone(row["zone"])
        assert datetime.fromisoformat(row["current_period_end"]).tzinfo
        assert not row["anchor"] or datetime.fromisoformat(row["anchor"]).tzinfo
        assert row["state"] in set(SubscriptionState)
        assert re.fullmatch(r"([\w.]+@example\.(com|net|org))?", row["email"])
        overrides = {key: row[key] for key in ("price", "renew_before") if row[key]}
        terms = sample.policy.terms_for(subscription(row["plan"], *row["tags"].split(";"), **overrides))
        assert not list(late(terms))


def test_the_sample_asks_for_every_fault_of_the_sandbox() -> None:
    methods = [each.split("|") for row in rows() for each in row["payment_methods"].split(";")]
    assert all(len(each) == 4 for each in methods)
    assert Counter(of_payment_method(each[0]) for each in methods).keys() == BEHAVIOURS.keys()
    assert Counter(of_line(row["line"]) for row in rows()).keys() == LINES.keys()
    assert {each[1] for each in methods} == {"card", "paypal", "apple_pay"}


def test_nothing_in_the_sample_looks_like_a_card_number() -> None:
    text = (CONFIG / "sample" / "subscriptions.csv").read_text(encoding="utf-8")
    for run in re.findall(r"\d(?:[ -]?\d)+", text):
        digits = re.sub(r"\D", "", run)
        windows = (digits[at : at + size] for size in range(13, 20) for at in range(len(digits) - size + 1))
        assert not any(passes_luhn(each) for each in windows), run


def passes_luhn(digits: str) -> bool:
    doubled = (int(each) * (2 if place % 2 else 1) for place, each in enumerate(reversed(digits)))
    return sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0
