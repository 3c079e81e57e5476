"""`tmaxctl diff [A [B]]`: what one revision of the spec changes against another."""

from __future__ import annotations

import click

from tmaxd.ctl import complete, fleet
from tmaxd.ctl.console import Console
from tmaxd.ctl.options import verb
from tmaxd.ctl.render_revisions import difference

NUMBER = click.IntRange(1)


@click.command("diff", short_help="Show what lies between two revisions.")
@click.argument(
    "old", metavar="[A]", type=NUMBER, required=False, shell_complete=complete.revisions
)
@click.argument(
    "new", metavar="[B]", type=NUMBER, required=False, shell_complete=complete.revisions
)
@verb
def command(console: Console, old: int | None, new: int | None) -> None:
    """Show what revision B of the spec changes against A, key by key, and when each change reaches workers.
    Without B: the one in force. Without A as well: the one before it.

    Environment variables, which may be secrets, are shown in -o json only.
    """
    query = {name: value for name, value in (("old", old), ("new", new)) if value is not None}
    value = fleet.daemon(console.fleet).get("/v1/diff", query)
    if console.as_json:
        console.json(value)
    else:
        console.lines(difference(value, console.paint, console.width))
