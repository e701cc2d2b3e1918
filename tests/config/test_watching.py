"""The alerts, the dashboard and the metrics agree: nothing is named that is not told, and each alert fires when it should.

promtool has the last word where it is installed; the other checks need nobody.
"""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.config.files import CONFIG
from tests.service.test_monitor import Watched

RULES, RULES_TESTS = (
    CONFIG / "prometheus" / "renewd.rules.yaml",
    Path(__file__).parent / "renewd.rules.test.yaml",
)
DASHBOARD = CONFIG / "grafana" / "renewd.json"
OF_PROMETHEUS = {
    "up": {"job"},
    "process_resident_memory_bytes": set[str](),
    "process_cpu_seconds_total": set[str](),
}
BY_THE_SCRAPE = {"job", "instance", "le"}
SELECTOR = re.compile(r"\b((?:renewd|process)_[a-z_]+|up)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r'([a-z_]+)(?:=~|!=|!~|=)"([^"]*)"')
GROUPED = re.compile(r"\b(?:by|on) \(([^)]*)\)|\bon\(([^)]*)\)|{{([a-z_]+)}}|\$labels\.([a-z_]+)")
UNITS = ("seconds", "bytes", "info", "timestamp_seconds", "total")


@pytest.fixture(scope="module")
def exposition(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give what a daemon with one gateway and one carrier tells from its first moment on."""
    return asyncio.run(_told(Watched(tmp_path_factory.mktemp("watched"))))


async def _told(watched: Watched) -> str:
    await watched.watch.glance()
    _, text = await watched.ask("/metrics")
    await watched.close()
    return text


@pytest.fixture(scope="module")
def families(exposition: str) -> list[Metric]:
    return list(text_string_to_metric_families(exposition))


@pytest.fixture(scope="module")
def told(families: list[Metric]) -> dict[str, dict[str, set[str]]]:
    """Give the values of each label of each metric, by its name in a query."""
    known: dict[str, dict[str, set[str]]] = {}
    for sample in (sample for family in families for sample in family.samples):
        labels = known.setdefault(sample.name, {})
        for name, value in sample.labels.items():
            labels.setdefault(name, set()).add(value)
    return known


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text())["groups"]
    return list(group["rules"])


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def panels() -> list[dict[str, Any]]:
    return [each for each in dashboard()["panels"] if each["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """Give every expression that is shipped, and what goes with it in which labels are named."""
    for alert in alerts():
        yield alert["expr"], " ".join(alert["annotations"].values())
    for panel in panels():
        yield from ((each["expr"], each["legendFormat"]) for each in panel["targets"])
    for each in dashboard()["annotations"]["list"]:
        yield each["expr"], each["titleFormat"]
    for each in dashboard()["templating"]["list"]:
        yield each.get("definition", ""), ""


def wrong(expression: str, words: str, told: dict[str, dict[str, set[str]]]) -> Iterator[str]:
    """Find metrics and labels that there are none of, and values of labels that no daemon tells."""
    grouped = {
        name
        for found in GROUPED.findall(f"{expression} {words}")
        for name in re.findall("[a-z_]+", " ".join(found))
    }
    of_all = set[str]()
    for name, matchers in SELECTOR.findall(re.sub(r"(by|on) ?\([^)]*\)", "", expression)):
        labels = told.get(name)
        if labels is None and name not in OF_PROMETHEUS:
            yield f"there is no {name}"
        labels = labels or {}
        of_all |= labels.keys()
        for label, value in MATCHER.findall(matchers):
            if label not in labels and label not in BY_THE_SCRAPE:
                yield f"{name} has no label {label}"
            elif label not in BY_THE_SCRAPE and not set(value.split("|")) <= labels[label]:
                yield f"{name} has no {label} that is {value}"
    yield from (f"nothing here has a label {each}" for each in grouped - of_all - BY_THE_SCRAPE)


def test_every_metric_label_and_value_that_is_asked_for_is_told(told: dict[str, dict[str, set[str]]]) -> None:
    found = [
        f"{problem}: {expression}"
        for expression, words in queries()
        for problem in wrong(expression, words, told)
    ]
    assert not found


@pytest.mark.parametrize(
    "expression",
    [
        "renewd_renewal",
        'renewd_renewals{state="due"}',
        'renewd_renewals{stage=~"due|charging"}',
        "sum by (gateway) (renewd_breaker_open)",
        'sum(rate(renewd_answers_total{outcome="done"}[5m]))',
        "renewd_call_duration_seconds",
    ],
)
def test_the_check_of_the_queries_finds_what_is_wrong(
    expression: str, told: dict[str, dict[str, set[str]]]
) -> None:
    assert list(wrong(expression, "", told))


def test_every_metric_is_asked_for_by_an_alert_or_the_dashboard(families: list[Metric]) -> None:
    asked = {name for expression, _ in queries() for name, _ in SELECTOR.findall(expression)}
    ours = [each for each in families if each.name.startswith("renewd_")]
    assert [each.name for each in ours if not asked & {sample.name for sample in each.samples}] == []


def test_each_alert_says_what_it_means_what_to_do_and_where_to_read_on() -> None:
    names = [each["alert"] for each in alerts()]
    assert len(set(names)) == len(names)
    for each in alerts():
        assert each["alert"].startswith("Renewd")
        assert each["labels"]["severity"] in ("critical", "warning")
        said = each["annotations"]
        assert said["runbook"] == f"less '+/^### {each['alert']}' /usr/share/doc/renewd/docs/operating.md"
        assert len(said["summary"]) < 100
        assert re.search(r"renewd [a-z]+|journalctl", said["description"]), "names no command"


def test_each_alert_has_a_test() -> None:
    tests = yaml.safe_load(RULES_TESTS.read_text())["tests"]
    fired = {
        found
        for test in tests
        for case in test["promql_expr_test"]
        for sample in case["exp_samples"]
        for found in re.findall(r'alertname="(\w+)"', sample["labels"])
    }
    assert fired == {each["alert"] for each in alerts()}


def test_the_panels_have_their_own_place_and_say_what_they_show() -> None:
    taken = set[tuple[int, int]]()
    ids = [each["id"] for each in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in panels():
        assert panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}"
        refs = [each["refId"] for each in panel["targets"]]
        assert refs
        assert len(set(refs)) == len(refs)


def test_the_metrics_are_named_as_prometheus_would_have_them(exposition: str, families: list[Metric]) -> None:
    assert exposition.endswith("\n")
    assert list(unidiomatic(families)) == []


def unidiomatic(families: list[Metric]) -> Iterator[str]:
    """Find what `promtool check metrics` complains of, and labels that would not stay few."""
    for each in families:
        if not each.documentation.endswith("."):
            yield f"{each.name} says nothing of itself"
        if not each.name.startswith(("renewd_", "process_")) or not re.fullmatch(
            r"[a-z][a-z0-9]*(_[a-z0-9]+)*", each.name
        ):
            yield f"{each.name} is not a name of ours"
        if each.type == "gauge" and each.name.endswith(("_total", "_count", "_sum", "_bucket")):
            yield f"{each.name} is called as no gauge is"
        if each.type == "counter" and not all(sample.name.endswith("_total") for sample in each.samples):
            yield f"{each.name} is called as no counter is"
        if re.search(r"(milli|micro|_ms\b|minutes|hours|minor)", each.name):
            yield f"{each.name} is not in base units"
        if len(each.samples) > 100:
            yield f"{each.name} has {len(each.samples)} series"


def test_the_check_of_the_names_finds_what_is_wrong() -> None:
    bad = "# HELP renewd_wait_ms How long.\n# TYPE renewd_wait_ms gauge\nrenewd_wait_ms 1\n"
    total = "# HELP renewd_x_total That.\n# TYPE renewd_x_total gauge\nrenewd_x_total 1\n"
    foreign = "# HELP requests More.\n# TYPE requests gauge\nrequests 1\n"
    silent = "# TYPE renewd_y gauge\nrenewd_y 1\n"
    for text in (bad, total, foreign, silent):
        assert len(list(unidiomatic(list(text_string_to_metric_families(text))))) == 1


def promtool(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("there is no promtool to ask; Debian has it in the package prometheus")
    return subprocess.run(
        [tool, *arguments], input=given, capture_output=True, text=True, timeout=120, check=False
    )


def test_promtool_finds_nothing_wrong_with_the_metrics(exposition: str) -> None:
    checked = promtool("check", "metrics", given=exposition)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_promtool_reads_the_rules_and_finds_that_they_fire_when_they_should() -> None:
    checked = promtool("check", "rules", "--lint-fatal", str(RULES))
    assert checked.returncode == 0, checked.stderr
    tested = promtool("test", "rules", str(RULES_TESTS))
    assert tested.returncode == 0, tested.stdout
