"""`tmaxctl drain TARGET…`: workers end the tasks in hand, and then stay down."""

from __future__ import annotations

import click

from tmaxd.ctl.console import Console
from tmaxd.ctl.options import verb
from tmaxd.ctl.ordering import Order, carry_out, order_wait, targets


@click.command("drain", short_help="Let workers end their tasks, then stop them.")
@targets
@order_wait("no process of them is left")
@verb
def command(console: Console, targets: tuple[str, ...], everything: bool, wait: float) -> None:
    """Let workers end the tasks in hand, however long they take, then stop them. They stay down as after
    `stop`. TARGET is a group or a worker.
    """
    carry_out(console, Order("drain", targets, everything, wait=wait))
