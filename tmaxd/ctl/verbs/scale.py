"""`tmaxctl scale GROUP N`: another number of workers than the file says."""

from __future__ import annotations

import click

from tmaxd.ctl import complete
from tmaxd.ctl.console import Console
from tmaxd.ctl.options import verb
from tmaxd.ctl.ordering import Order, carry_out, order_wait
from tmaxd.ctl.text import clean

MOST = 1000


def _count(_: click.Context, __: click.Parameter, text: str) -> int:
    """A click callback; click's own words for a number are about ranges, and for `-1` about options."""
    if not (text.isascii() and text.isdigit() and int(text) <= MOST):
        raise click.BadParameter(f"`{clean(text)}` is no number of workers: 0 to {MOST}")
    return int(text)


@click.command(
    "scale",
    short_help="Give a group another number of workers.",
    context_settings={"ignore_unknown_options": True},
)
@click.argument("group", shell_complete=complete.groups)
@click.argument("count", metavar="N", callback=_count)
@order_wait("the group has so many and they are ready")
@verb
def command(console: Console, group: str, count: int, wait: float) -> None:
    """Give GROUP N workers, whatever the file says, until its `count` is changed there, or it is scaled to
    what the file says. Where there are fewer than before, idle ones and the highest numbers go first,
    and busy ones end their tasks.
    """
    carry_out(console, Order("scale", (group,), count=count, wait=wait))
