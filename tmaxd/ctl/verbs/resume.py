"""`tmaxctl resume TARGET…`: paused workers get tasks again."""

from __future__ import annotations

import click

from tmaxd.ctl.console import Console
from tmaxd.ctl.options import verb
from tmaxd.ctl.ordering import Order, carry_out, targets


@click.command("resume", short_help="Give paused workers tasks again.")
@targets
@verb
def command(console: Console, targets: tuple[str, ...], everything: bool) -> None:
    """Give paused workers tasks again. TARGET is a group or a worker."""
    carry_out(console, Order("resume", targets, everything))
