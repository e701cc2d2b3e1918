"""The manual pages and the completions have every command, every option and every key, and man(1) finds no fault in them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from release import files, manual
from renewd.cli import cli

EVERY = list(manual.commands())
NAMES = [context.command_path for _, context in EVERY]
PAGES = {
    "renewd.1": manual.renewd_1("2026-12-01"),
    **{f"{name}.yaml.5": files.page_of(name, "2026-12-01") for name in files.ABOUT},
}


def plain(page: str) -> str:
    return re.sub(r"\\f[BIR]", "", page).replace("\\-", "-").replace("\\e", "\\")


@pytest.mark.parametrize(("command", "context"), EVERY, ids=NAMES)
def test_every_command_and_option_is_in_the_manual(command: click.Command, context: click.Context) -> None:
    if command is cli:
        return
    page = plain(PAGES["renewd.1"])
    part = page.partition(f'.SS "{context.command_path}"\n')[2].partition(".SS ")[0]
    options = [name for each in command.params if isinstance(each, click.Option) for name in each.opts]
    assert part
    assert not [name for name in options if name not in part]


@pytest.mark.parametrize(("command", "context"), EVERY, ids=NAMES)
def test_every_command_and_option_is_completed(command: click.Command, context: click.Context) -> None:
    words = context.command_path.split()[1:]
    shell = ShellComplete(cli, {}, "renewd", "_RENEWD_COMPLETE")
    options = {each.opts[-1] for each in command.params if isinstance(each, click.Option)}
    below = set(command.list_commands(context)) if isinstance(command, click.Group) else set()
    assert options <= {each.value for each in shell.get_completions(words, "--")}
    assert below <= {each.value for each in shell.get_completions(words, "")}


@pytest.mark.parametrize("name", files.ABOUT)
def test_every_key_that_stands_in_the_sample_is_in_the_manual(name: str) -> None:
    sample = (files.CONFIG / f"{name}.yaml").read_text()
    page = plain(PAGES[f"{name}.yaml.5"])
    for key in re.findall(r"^([a-z_]+):", sample, re.MULTILINE):
        assert re.search(rf"^{key}\b", page, re.MULTILINE), key


@pytest.mark.parametrize("page", PAGES)
def test_man_finds_no_fault_in_a_page(page: str, tmp_path: Path) -> None:
    man = shutil.which("man")
    if not man:
        pytest.skip("there is no man")
    (tmp_path / page).write_text(PAGES[page])
    line = [man, "--warnings", "--encoding=UTF-8", "--local-file", str(tmp_path / page)]
    environ = {**os.environ, "MANROFFSEQ": "", "MANWIDTH": "80", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"}
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environ)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(page.rpartition(".")[0].upper())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_a_shell_loads_is_sound(shell: str, tmp_path: Path) -> None:
    script = tmp_path / "completion"
    script.write_text(manual.completion(shell))
    assert "_RENEWD_COMPLETE" in script.read_text()
    if program := shutil.which(shell):
        subprocess.run([program, "-n", str(script)], check=True)
