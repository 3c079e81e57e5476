"""`tmaxctl retry`: tasks that ended without a result are tried again from the beginning."""

from __future__ import annotations

import click

from tmaxd.ctl import complete, fleet, ids
from tmaxd.ctl.choosing import Choice, carry_out
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import WrongUsage
from tmaxd.ctl.options import state_option, verb


@click.command("retry", short_help="Have tasks that ended dead or cancelled tried again.")
@click.argument("tasks", metavar="ID…", nargs=-1, callback=ids.of_arguments)
@click.option(
    "--group",
    metavar="GROUP",
    shell_complete=complete.task_groups,
    help="All dead tasks of GROUP.",
)
@state_option("With --group: those in one of these states, else dead", ("dead", "cancelled"))
@click.option(
    "--yes",
    is_flag=True,
    help="Do not ask. (Only on a terminal: before several tasks of a group, or more than 20 ids.)",
)
@verb
def command(
    console: Console, tasks: ids.Ranges, group: str | None, states: tuple[str, ...], yes: bool
) -> None:
    """Have the tasks ID… tried again, where 5..9 stands for the five from 5 to 9: those that are dead or
    cancelled wait again under their old ids, with all their attempts before them. What they have
    behind them stays in their story.

    Ends with 1 when one of them could not be retried.
    """
    if states and group is None:
        raise WrongUsage("--state chooses among the tasks of a --group")
    choice = Choice("retry", tasks, group, states or ("dead",))
    carry_out(console, fleet.daemon(console.fleet), choice, yes)
