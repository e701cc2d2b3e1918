"""The units as files: systemd understands every line, the sandbox is tight, and what they run is there to be run."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from renewd.cli import COMMANDS, cli
from renewd.cli.door import BAD_CONFIGURATION
from tests.systemd.machine import MOST_EXPOSED, UNITS

SERVICES = sorted(UNITS.glob("*.service"))
OURS = [each for each in SERVICES if "failure" not in each.name]
SANDBOX = "# From here on: what the daemon may not do."
NEEDS_ANALYZE = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed"
)
SECONDS = {"s": 1, "min": 60, "h": 3600}


def values(unit: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)


def seconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(s|min|h)", text).groups()  # type: ignore[union-attr]
    return int(number) * SECONDS[unit]


def command_lines() -> Iterator[tuple[str, list[str]]]:
    for unit in OURS:
        for line in values(unit, "Exec(?:Start|Reload|Stop)[A-Za-z]*"):
            yield unit.name, shlex.split(line)


@NEEDS_ANALYZE
@pytest.mark.parametrize("unit", OURS, ids=lambda unit: unit.name)
def test_the_sandbox_is_tight(unit: Path) -> None:
    line = ["systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", str(unit)]
    judged = subprocess.run(line, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout


@NEEDS_ANALYZE
def test_the_measure_of_tightness_notices_what_is_left_out(tmp_path: Path) -> None:
    loose = tmp_path / "renewd.service"
    loose.write_text((UNITS / "renewd.service").read_text().replace("CapabilityBoundingSet=\n", ""))
    line = ["systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", str(loose)]
    assert subprocess.run(line, capture_output=True, check=False).returncode


@NEEDS_ANALYZE
@pytest.mark.parametrize("unit", [*SERVICES, *UNITS.glob("*.timer")], ids=lambda unit: unit.name)
def test_systemd_understands_every_line(unit: Path, tmp_path: Path) -> None:
    for each in [*SERVICES, *UNITS.glob("*.timer")]:
        text = each.read_text().replace("/usr/bin/renewd", "/bin/true")  # it need not be installed here
        (tmp_path / each.name.replace("@.", "@one.")).write_text(text)
    line = ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name.replace("@.", "@one."))]
    judged = subprocess.run(line, capture_output=True, text=True, check=False)
    complaints = [each for each in judged.stderr.splitlines() if str(tmp_path) in each or "renewd" in each]
    assert (judged.returncode, complaints) == (0, [])


@pytest.mark.parametrize(
    ("unit", "words"),
    list(command_lines()),
    ids=lambda each: " ".join(each) if isinstance(each, list) else each,
)
def test_what_a_unit_runs_is_a_command(unit: str, words: list[str]) -> None:
    program, *rest = words
    assert program == "/usr/bin/renewd"
    group: click.Command = cli
    context = click.Context(cli)
    while isinstance(group, click.Group):
        name = rest.pop(0)
        found = group.get_command(context, name)
        assert found is not None, f"{unit}: there is no {name}"
        group = found
    group.make_context(group.name, rest, resilient_parsing=False)
    assert words[1] in COMMANDS


def test_all_units_have_the_same_sandbox() -> None:
    texts = {
        each.name: each.read_text().partition(SANDBOX)[2].partition("[Install]")[0].strip() for each in OURS
    }
    assert len(set(texts.values())) == 1, texts
    assert all(texts.values())


@pytest.mark.parametrize("name", ["renewd.service", "renewd@.service"])
def test_nothing_is_started_again_for_ever(name: str) -> None:
    unit = UNITS / name
    (interval,), (burst,), (pause,) = (
        values(unit, each) for each in ("StartLimitIntervalSec", "StartLimitBurst", "RestartSec")
    )
    (for_good,) = values(unit, "RestartPreventExitStatus")
    # Each try takes some seconds itself; twice the pause leaves room for that.
    assert 15 * 60 <= int(burst) * seconds(pause) <= seconds(interval) / 2
    assert str(BAD_CONFIGURATION) in for_good.split()
    assert values(unit, "ExecStartPre") == []


@pytest.mark.parametrize("unit", OURS, ids=lambda unit: unit.name)
def test_somebody_is_told_of_a_failure(unit: Path) -> None:
    (teller,) = values(unit, "OnFailure")
    assert (UNITS / teller.replace("%n", "")).is_file()


def test_what_the_readme_says_of_other_files_is_so() -> None:
    text = (UNITS / "README.md").read_text()
    for name in {each.name for each in UNITS.iterdir()} - {"README.md"}:
        assert name in text, f"{name} is not explained"
