"""The sandbox, as a command."""

import asyncio
from pathlib import Path

import click

from renewd.cli.door import UNAVAILABLE, fail
from renewd.cli.sample import subscriptions_from
from renewd.cli.times import coming
from renewd.sandbox import describe, serve


class _Described(click.Command):
    """A command whose help ends with the behaviours that the sandbox knows."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the behaviours as they are laid out, unwrapped."""
        formatter.write_paragraph()
        formatter.write(describe())


@click.command("sandbox", cls=_Described)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8480, show_default=True, help="0 takes any free port."
)
@click.option(
    "--ledger", type=click.Path(dir_okay=False, path_type=Path), help="Keep the ledger in this file."
)
@click.option("--latency-ms", type=click.IntRange(0, 60_000), default=0, help="Let each answer take so long.")
@click.option("--sample", is_flag=True, help="Write subscriptions to try it with, as CSV, and exit.")
def sandbox_command(port: int, ledger: Path | None, latency_ms: int, sample: bool) -> None:
    """Serve a payment gateway (Stripe's API) and a carrier on 127.0.0.1.

    The payment method's id and the line's id decide how each behaves. The subscriptions of --sample make use of them
    all; the first are due at once.
    """
    if sample:
        click.echo(subscriptions_from(coming("tomorrow")), nl=False)
        return
    try:
        asyncio.run(serve(port, ledger, latency_ms))
    except OSError as error:
        fail(f"the sandbox cannot be served: {error.strerror or error}", UNAVAILABLE)
