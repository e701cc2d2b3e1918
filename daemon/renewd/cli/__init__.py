"""The operator's door: a file per group of commands, each imported only when it is asked for."""

import gc
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from renewd import __version__

# command: (module, what `renewd --help` says of it)
COMMANDS = {
    "run": ("service", "Run the daemon in the foreground."),
    "once": ("service", "Do all that is due now, then exit."),
    "scan": ("service", "Open the renewals that are newly due, or show what would be done."),
    "demo": ("demo", "Watch 45 days of renewals against the sandbox."),
    "sandbox": ("sandbox", "Serve a payment gateway and a carrier on loopback."),
    "check": ("config", "Check the configuration and say all that is wrong with it."),
    "db": ("database", "Bring the tables up to date, or carry the database over."),
    "audit": ("audit", "Seal the audit log, verify it, or make a key for it."),
    "archive": ("archiving", "Move what is long closed out of the database into files."),
    "doctor": ("doctor", "Look at all that renewd stands on, and say what to do about what is wrong."),
    "config": ("config", "Show what is in force, or what the files may hold."),
    "import": ("importing", "Insert or update subscriptions from CSV or JSON Lines."),
    "list": ("listing", "List subscriptions and where their renewals stand."),
    "show": ("showing", "Tell the life of one subscription."),
    "explain": ("explaining", "Say when a subscription will be charged, how much, and why."),
    "forecast": ("explaining", "Foresee charges, day by day."),
    "log": ("journal", "Read the audit log."),
    "status": ("status", "Say how everything stands."),
    "pause": ("commands", "Stop renewing a subscription until it is resumed."),
    "resume": ("commands", "Renew a paused subscription again."),
    "skip": ("commands", "Leave out a subscription's next renewal."),
    "retry": ("commands", "Try a held, lapsed or reviewed renewal again, now."),
    "cancel": ("commands", "Stop renewing a subscription for good."),
    "settle": ("commands", "Close a renewal in review that you have settled by hand."),
    "halt": ("commands", "Stop all charging."),
    "unhalt": ("commands", "Let charging go on."),
    "ctl": ("ctl", "Tell the running daemon something, and wait for its answer."),
}


INTERRUPTED, UNREAD = 130, 141
# New objects, and rounds of that, before Python looks for cycles that nobody uses any more. By its own 700 that
# took a sixth of the processor time of a renewal and of the start of a command, and found next to nothing.
COLLECT_AFTER = (10_000, 10, 10)


class Lazy(click.Group):
    """A group that knows its commands' names without importing them."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **options: Any) -> NoReturn:
        """Run the command line; however it ends, its exit code says how, and a failure is told on standard error."""
        words = sys.argv[1:] if args is None else list(args)
        try:
            try:
                code = super().main(words, standalone_mode=False, **options)
            finally:
                sys.stdout.flush()
        except Exception as error:
            from renewd.cli.door import ending

            code = ending(error, words)
            if code:
                sys.exit(code)
            raise
        sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that is asked for; Ctrl-C, or nobody to read, ends with the exit code that shells know."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            ctx.exit(UNREAD)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is asked for; of one that is misspelt, say what it may have been."""
        if args[0] not in COMMANDS:
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, 1)
            ctx.fail(f"No such command '{args[0]}'." + (f" Did you mean '{close[0]}'?" if close else ""))
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the one command that is asked for."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"renewd.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a command from the table alone: a Tab is quick."""
        names = [
            CompletionItem(name, help=what)
            for name, (_, what) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, (_, what) in COMMANDS.items()])


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="renewd")
def cli() -> None:
    """Renew subscriptions: scan, charge a week ahead, retry, extend, audit."""


def main() -> None:
    """Run the command line as a program."""
    gc.set_threshold(*COLLECT_AFTER)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # until the end
    try:
        cli(prog_name="renewd")
    finally:
        # All that is left goes with the process. Looking through it for cycles took a sixth of a short command.
        gc.freeze()
