"""Every command line of renewd in a text, held against the command line itself."""

import re
import shlex
from collections.abc import Iterator

import click

from renewd.cli import cli

FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
NAMES = ("renewd", ".venv/bin/renewd")


def command_lines(text: str) -> Iterator[list[str]]:
    """Give the words of each command line, the name of the program left out."""
    fences = FENCE.findall(text)
    for line in (*"\n".join(fences).splitlines(), *SPAN.findall(FENCE.sub("", text))):
        yield from words_of(line)


def words_of(line: str) -> Iterator[list[str]]:
    """Give the words of the commands in a line of a shell: what it runs, directly or as somebody else."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # an apostrophe: prose, or the output of a command
        return
    command: list[str] = []
    for word in [*words, ";"]:
        if word and not set(word) - set("|&;<>"):
            yield from _asked(command)
            command = []
        else:
            command.append(word)


def _asked(command: list[str]) -> Iterator[list[str]]:
    if command and command[0] in NAMES:
        yield command[1:]
    elif command and command[0] in ("runuser", "systemd-run") and "renewd" in command[1:]:
        yield (
            command[len(command) - command[::-1].index("renewd") :]
            if "--" not in command
            else command[command.index("--") + 2 :]
        )


def misspelt(words: list[str]) -> str:
    """Say what is wrong with a command line: a command, an option or a choice that there is not; or nothing."""
    command: click.Command = cli
    context = click.Context(cli, info_name="renewd")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            return f"no command {words[0]} of {context.command_path}"
        command, context, words = found, click.Context(found, info_name=words[0], parent=context), words[1:]
    try:
        given, rest, _ = command.make_parser(context).parse_args(list(words))
        for option in command.params:
            value = given.get(option.name or "")
            if isinstance(option.type, click.Choice) and isinstance(value, str):
                option.type.convert(value, option, context)
    except click.UsageError as error:
        return error.format_message()
    return f"too many words: {rest}" if rest else ""
