"""The command `tmaxctl`: finds the verb's file and runs it. A verb is imported only when it is used."""

from __future__ import annotations

import sys
from importlib import import_module

import click

import tmaxd
from tmaxd.ctl.options import fleet_option
from tmaxd.ctl.text import clean

VERBS = {
    "up": "Start the fleet's daemon, or reload it if it runs.",
    "down": "Stop every worker, then the daemon.",
    "validate": "Check a spec without a daemon.",
    "plan": "Show what a reload would do, and why.",
    "reload": "Look at the spec now and apply it.",
    "status": "Show the fleet: spec, groups, workers.",
    "why": "Tell why a worker is as it is.",
    "events": "Show what happened, and follow what happens.",
    "wait": "Wait until workers are ready, idle, stopped, …",
    "start": "Have stopped workers run again.",
    "stop": "Stop workers; they stay down.",
    "restart": "Replace running workers by new ones.",
    "drain": "Let workers end their tasks, then stop them.",
    "pause": "Give workers no new tasks.",
    "resume": "Give paused workers tasks again.",
    "pin": "Keep workers from being replaced.",
    "unpin": "Let pinned workers follow the file again.",
    "scale": "Give a group another number of workers.",
    "history": "List the revisions of the spec.",
    "diff": "Show what lies between two revisions.",
    "rollback": "Go back to an earlier revision.",
    "submit": "Hand tasks to a group.",
    "tasks": "List tasks, newest first.",
    "task": "Tell the story of one task.",
    "result": "Print the result of a task.",
    "cancel": "End tasks: waiting ones at once, running ones by their worker.",
    "retry": "Have tasks that ended dead or cancelled tried again.",
    "memory": "Store and read values that workers share.",
    "cleanup": "Remove what is over or left behind.",
    "flags": "Show the feature flags, and set one for a while.",
    "attach": "Attach to a worker's terminal.",
    "logs": "Print what a worker has written.",
    "doctor": "Find what keeps a fleet from working well here.",
    "schema": "Print the JSON Schema of the spec, or the API's description.",
    "completion": "Print a script that completes tmaxctl in your shell.",
}
"""Name to summary, so that `--help` needs to import none of them."""

EPILOG = "Exit codes: 0 done, 1 it failed, 2 wrong usage or spec, 3 no daemon, 4 timeout."


class Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command: click.Command = import_module(f"tmaxd.ctl.verbs.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not ctx.resilient_parsing:
            from difflib import get_close_matches

            near = get_close_matches(args[0], VERBS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            ctx.fail(f"there is no command {clean(args[0])}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@fleet_option
@click.version_option(tmaxd.__version__, prog_name="tmaxctl")
def group(fleet: str | None) -> None:
    """Drives a fleet of terminal workers that `tmaxd` keeps."""


def main() -> None:
    # Text may hold what the locale cannot say; a question mark is no help, an escape is.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        group(prog_name="tmaxctl", complete_var="_TMAXCTL_COMPLETE")
    except OSError as error:
        # A file or folder of this machine; what goes over the socket has errors of its own.
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"tmaxctl: {clean(where + (error.strerror or str(error)))}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
