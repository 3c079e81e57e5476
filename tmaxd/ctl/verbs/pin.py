"""`tmaxctl pin TARGET…`: workers are not replaced, neither for changes of the file nor by a restart."""

from __future__ import annotations

import click

from tmaxd.ctl.console import Console
from tmaxd.ctl.options import verb
from tmaxd.ctl.ordering import Order, carry_out, targets


@click.command("pin", short_help="Keep workers from being replaced.")
@targets
@verb
def command(console: Console, targets: tuple[str, ...], everything: bool) -> None:
    """Keep workers from being replaced, until `unpin`: for changes of the file, for age or memory, and by a `restart`
    (except one with --now). Meanwhile they carry a mark that it is pending. TARGET is a group or a worker. A `stop`
    stops them, and what crashes is started again, with what the file says then.
    """
    carry_out(console, Order("pin", targets, everything))
