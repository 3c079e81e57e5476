"""`tmaxctl stop TARGET…`: workers end and stay down until they are started."""

from __future__ import annotations

import click

from tmaxd.ctl.console import Console
from tmaxd.ctl.options import verb
from tmaxd.ctl.ordering import Order, carry_out, now_option, order_wait, targets


@click.command("stop", short_help="Stop workers; they stay down.")
@targets
@now_option("At once: neither for tasks nor for who is attached is waited.")
@order_wait("no process of them is left")
@verb
def command(
    console: Console, targets: tuple[str, ...], everything: bool, now: bool, wait: float
) -> None:
    """Stop workers, which stay down, also when the daemon or the machine starts anew, until somebody
    starts them, or `count` of their group is changed in the file. TARGET is a group or a worker.

    Tasks in hand may go on for as long as `stop.drain` says (`drain` lets them end, however long they
    take). What it interrupts is begun anew by another worker.
    """
    carry_out(console, Order("stop", targets, everything, now=now, wait=wait))
