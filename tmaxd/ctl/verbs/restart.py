"""`tmaxctl restart TARGET…`: the processes that run now are replaced by new ones."""

from __future__ import annotations

import click

from tmaxd.ctl.console import Console
from tmaxd.ctl.options import verb
from tmaxd.ctl.ordering import Order, carry_out, now_option, order_wait, targets


@click.command("restart", short_help="Replace running workers by new ones.")
@targets
@now_option("All at once, whatever is busy, attached or pinned.")
@order_wait("they run anew and are ready")
@verb
def command(
    console: Console, targets: tuple[str, ...], everything: bool, now: bool, wait: float
) -> None:
    """Replace the processes that run now by new ones, few at a time, as a change of the file does (`rollout`).
    Stopped workers are started. TARGET is a group or a worker.

    Busy workers end their tasks first; those that somebody is attached to, or has pinned, wait and carry a mark that a
    restart is pending, also where TARGET is that worker itself. --now waits for nobody.
    """
    carry_out(console, Order("restart", targets, everything, now=now, wait=wait))
