"""`tmaxctl pause TARGET…`: workers get no new tasks."""

from __future__ import annotations

import click

from tmaxd.ctl.console import Console
from tmaxd.ctl.options import verb, wait_option
from tmaxd.ctl.ordering import Order, carry_out, targets


@click.command("pause", short_help="Give workers no new tasks.")
@targets
@wait_option("0s", "How long to wait until their tasks in hand have ended; 0s: not at all.")
@verb
def command(console: Console, targets: tuple[str, ...], everything: bool, wait: float) -> None:
    """Give workers no new tasks until `resume`; their processes and the tasks in hand go on. TARGET is a group
    or a worker.
    """
    carry_out(console, Order("pause", targets, everything, wait=wait))
