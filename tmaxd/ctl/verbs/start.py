"""`tmaxctl start TARGET…`: workers run again that somebody has stopped, or that had given up."""

from __future__ import annotations

import click

from tmaxd.ctl.console import Console
from tmaxd.ctl.options import verb
from tmaxd.ctl.ordering import Order, carry_out, order_wait, targets


@click.command("start", short_help="Have stopped workers run again.")
@targets
@order_wait("they are ready")
@verb
def command(console: Console, targets: tuple[str, ...], everything: bool, wait: float) -> None:
    """Have workers run again: those that were stopped by an order, that failed or crashed too often, and
    those that wait for their next try. TARGET is a group or a worker. What runs is left alone.
    """
    carry_out(console, Order("start", targets, everything, wait=wait))
