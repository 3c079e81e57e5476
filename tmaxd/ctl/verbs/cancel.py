"""`tmaxctl cancel`: ends tasks that wait or run."""

from __future__ import annotations

import click

from tmaxd.ctl import complete, fleet, ids
from tmaxd.ctl.choosing import Choice, carry_out
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import WrongUsage
from tmaxd.ctl.options import HELD, WAITING, state_option, verb

OPEN = (*WAITING, *HELD)


@click.command(
    "cancel", short_help="End tasks: waiting ones at once, running ones by their worker."
)
@click.argument("tasks", metavar="ID…", nargs=-1, callback=ids.of_arguments)
@click.option(
    "--group",
    metavar="GROUP",
    shell_complete=complete.task_groups,
    help="All tasks of GROUP that have not ended.",
)
@state_option("With --group: only in one of these states", OPEN)
@click.option(
    "--yes",
    is_flag=True,
    help="Do not ask. (Only on a terminal: before several tasks of a group, or more than 20 ids.)",
)
@verb
def command(
    console: Console, tasks: ids.Ranges, group: str | None, states: tuple[str, ...], yes: bool
) -> None:
    """End the tasks ID…, where 5..9 stands for the five from 5 to 9. One that waits is cancelled at
    once; of one that runs the worker is asked to end it, and a worker that does not is replaced.

    Ends with 1 when one of them could not be cancelled.
    """
    if states and group is None:
        raise WrongUsage("--state chooses among the tasks of a --group")
    choice = Choice("cancel", tasks, group, states or OPEN)
    carry_out(console, fleet.daemon(console.fleet), choice, yes)
