"""`tmaxctl plan`: what a reload would do, action by action; without a daemon, what `up` would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tmaxd.ctl import fleet
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import WRONG, NoDaemon
from tmaxd.ctl.options import verb
from tmaxd.ctl.render_changes import plan as render


@click.command("plan", short_help="Show what a reload would do, and why.")
@verb
def command(console: Console) -> None:
    """Show what a reload would do now, each action with its reason. Changes nothing.

    Where no daemon runs, tmax.yaml of this folder is read, and everything would be started.
    """
    try:
        value = fleet.daemon(console.fleet).get("/v1/plan")
    except NoDaemon:
        if not fleet.HERE.exists():
            raise
        value = _offline(fleet.HERE, console.fleet)
        console.note("no daemon runs: this is what `tmaxctl up` would do")
    if console.as_json:
        console.json(value)
    elif value["outcome"] == "rejected":
        console.problems(value["problems"])
    else:
        console.lines(render(value["actions"], console.paint, console.width))
    if value["outcome"] == "rejected":
        raise click.exceptions.Exit(WRONG)


def _offline(path: Path, wanted: str | None) -> dict[str, Any]:
    """In the shape of the API's answer."""
    from tmaxd.ctl.spec_file import Loaded, check, reports
    from tmaxd.spec.model import worker_name

    checked = check(path)
    if not isinstance(checked, Loaded):
        return {"outcome": "rejected", "actions": [], "problems": reports(checked.problems)}
    if wanted not in (None, checked.spec.fleet):
        raise NoDaemon(
            f"no daemon runs for fleet {wanted}, and {path} is of fleet {checked.spec.fleet}"
        )
    actions = [
        {
            "action": "start",
            "worker": worker_name(name, number),
            "group": name,
            "reason": "added",
            "field": f"workers.{name}",
            "detail": " ".join(group.argv),
        }
        for name, group in checked.spec.workers.items()
        for number in range(1, group.count + 1)
    ]
    return {"outcome": "changes" if actions else "no_change", "actions": actions, "problems": []}
