"""`tmaxctl pin TARGET…`: workers are not replaced for changes of the file."""

from __future__ import annotations

import click

from tmaxd.ctl.console import Console
from tmaxd.ctl.options import verb
from tmaxd.ctl.ordering import Order, carry_out, targets


@click.command("pin", short_help="Keep workers from being replaced.")
@targets
@verb
def command(console: Console, targets: tuple[str, ...], everything: bool) -> None:
    """Keep workers from being replaced for changes of the file, until `unpin`; meanwhile they carry a mark that a
    change is pending. TARGET is a group or a worker. What crashes is started again all the same, with
    what the file says then.
    """
    carry_out(console, Order("pin", targets, everything))
