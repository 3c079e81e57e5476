"""`tmaxctl unpin TARGET…`: pinned workers are replaced again, where that waits for them."""

from __future__ import annotations

import click

from tmaxd.ctl.console import Console
from tmaxd.ctl.options import verb
from tmaxd.ctl.ordering import Order, carry_out, targets


@click.command("unpin", short_help="Let pinned workers follow the file again.")
@targets
@verb
def command(console: Console, targets: tuple[str, ...], everything: bool) -> None:
    """Let pinned workers follow the file again: changes and restarts that waited for it begin. TARGET is a group or a
    worker.
    """
    carry_out(console, Order("unpin", targets, everything))
