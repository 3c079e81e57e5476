"""`tmaxctl plan`: what a reload, or saving another file as the spec, would do, action by action; without a daemon,
what `up` would."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from tmaxd.ctl import fleet
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import WRONG, NoDaemon
from tmaxd.ctl.options import verb
from tmaxd.ctl.render_changes import plan as render


@click.command("plan", short_help="Show what a reload would do, and why.")
@click.argument("spec", type=click.Path(path_type=Path), required=False)
@verb
def command(console: Console, spec: Path | None) -> None:
    """Show what a reload would do now: each action with its reason, the settings that change without one, and
    what would be left as it is: pinned workers, and changes that have failed already. Changes nothing.

    With SPEC: what it would do if that file were saved over the one in force. It may lie anywhere:
    the paths in it are taken as if it lay in the place of the one in force.

    Where no daemon runs, SPEC (default tmax.yaml) is read, and everything would be started.
    """
    query = None if spec is None else {"spec": spec.absolute()}
    try:
        value = fleet.daemon(console.fleet or _named(spec)).get("/v1/plan", query)
    except NoDaemon:
        if spec is None and not fleet.HERE.exists():
            raise
        wanted = console.fleet or (None if spec else os.environ.get("TMAX_FLEET") or None)
        value = _offline(spec or fleet.HERE, wanted)
        up = "tmaxctl up" if spec is None else f"tmaxctl up {spec}"
        console.note(f"no daemon runs: this is what `{up}` would do")
    if console.as_json:
        console.json(value)
    elif value["outcome"] == "rejected":
        console.problems(value["problems"])
    else:
        console.problems(value["warnings"], "warning")
        console.lines(render(value, console.paint, console.width))
    if value["outcome"] == "rejected":
        raise click.exceptions.Exit(WRONG)


def _named(spec: Path | None) -> str | None:
    """The fleet that SPEC is of, where --fleet chooses none: who names a file means its fleet."""
    if spec is None:
        return None
    from tmaxd.ctl.spec_file import fleet_named_in

    return fleet_named_in(spec)


def _offline(path: Path, wanted: str | None) -> dict[str, Any]:
    """In the shape of the API's answer."""
    from tmaxd.ctl.spec_file import Loaded, check, reports
    from tmaxd.spec.model import worker_name

    checked = check(path)
    if not isinstance(checked, Loaded):
        return _answer("rejected", problems=reports(checked.problems))
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
    outcome = "changes" if actions else "no_change"
    return _answer(outcome, actions=actions, warnings=reports(checked.warnings))


def _answer(outcome: str, **parts: list[dict[str, Any]]) -> dict[str, Any]:
    lists = ("actions", "settings", "waiting", "failed_changes", "problems", "warnings")
    empty: dict[str, Any] = {key: [] for key in lists}
    return {"outcome": outcome, "set_aside": False, **empty, **parts}
