"""`tmaxctl up`: a daemon for the spec, in the background, and the fleet converged."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import click

from tmaxd.ctl import fleet
from tmaxd.ctl.api import Api
from tmaxd.ctl.console import Console, Live
from tmaxd.ctl.errors import WRONG, CtlError, NoDaemon, TimedOut, WrongUsage
from tmaxd.ctl.hints import hints_for, must_be_named
from tmaxd.ctl.launch import Daemon, launch
from tmaxd.ctl.options import verb, wait_option
from tmaxd.ctl.render_standing import went_back
from tmaxd.ctl.render_status import blockers, cannot_start, is_stuck, progress
from tmaxd.ctl.text import many, span
from tmaxd.ctl.verbs import reload
from tmaxd.places import places

CERTAIN = 2.0
"""Seconds for which only workers must have been missing that cannot be started, until no more is waited for them."""

LOOK_EVERY = 0.02
"""Seconds between two looks. A fleet of 32 is up within 230 ms, so a slower rhythm would show."""


@click.command("up", short_help="Start the fleet's daemon, or reload it if it runs.")
@click.argument("spec", type=click.Path(path_type=Path), required=False)
@wait_option("30s", "How long to wait until the fleet has converged; 0s: only for the daemon.")
@verb
def command(console: Console, spec: Path | None, wait: float) -> None:
    """Start a daemon for SPEC and wait until the fleet has converged. If it runs already, this is a
    reload.

    Without SPEC: tmax.yaml of this folder; where there is none, the file from which the fleet that
    --fleet or TMAX_FLEET names was run last.

    Ends with 1 as soon as it is certain that not all comes up as the file says, with who, and why: workers
    that crash too often or have failed for good, changes of groups that failed.
    """
    given, spec = spec, spec or _default(console.fleet)
    name = _checked(console, spec)
    _check_meant(name, spec, console.fleet, named=given is not None)
    api = fleet.api_of(name)
    if _runs(api, spec):
        console.note(f"fleet {name} runs already; reloading")
        reload.finish(console, api, reload.run(api, wait))
        return
    started = time.monotonic()
    with Live("starting") as live:
        _converge(api, launch(spec, places(name)), wait, live)
    took = time.monotonic() - started
    value = api.get("/v1/status")
    if wait:
        _check_all_up(api, value)
    if console.as_json:
        console.json(
            {
                "fleet": name,
                "outcome": "started",
                "pid": value["pid"],
                "converged": value["converged"],
                "seconds": took,
            }
        )
    else:
        console.lines([f"fleet {name} is up: {progress(value)}, {span(took)}"])
        if must_be_named(name):
            console.note(_naming(name))


def _naming(name: str) -> str:
    """Why other commands have to name this fleet, and how."""
    other = os.environ.get("TMAX_FLEET")
    why = f"TMAX_FLEET says {other}" if other else "it is not the only one that runs"
    return f"{why}, so name it: `{hints_for(name)('status')}`, or TMAX_FLEET={name}"


def _check_meant(name: str, spec: Path, given: str | None, *, named: bool) -> None:
    """The file's fleet is the one that the user speaks of. `named`: it was the user who named the file."""
    from_env = os.environ.get("TMAX_FLEET")
    who, wanted = ("--fleet", given) if given else ("TMAX_FLEET", from_env)
    # Who names a file means its fleet, whatever the shell was once set to.
    if not wanted or wanted == name or (named and not given):
        return
    raise WrongUsage(
        f"{who} says {wanted}, but {spec} is of fleet {name}; nothing was started. "
        f"For {wanted}: `{fleet.how_to_start(fleet.check_fleet(wanted))}`; "
        f"for {name}: `tmaxctl up {spec}` without {who}"
    )


def _default(given: str | None) -> Path:
    """The file that is meant where none is named."""
    if fleet.HERE.exists():
        return fleet.HERE
    name = given or os.environ.get("TMAX_FLEET")
    if not name:
        raise WrongUsage("no tmax.yaml here; name the SPEC: tmaxctl up SPEC")
    state = places(fleet.check_fleet(name)).state
    try:
        return Path((state / "spec_path").read_text())
    except FileNotFoundError:
        raise WrongUsage(
            f"no tmax.yaml here, and fleet {name} has never run (nothing in {state}); "
            "name the SPEC: tmaxctl up SPEC"
        ) from None
    except (OSError, ValueError) as error:
        raise WrongUsage(
            f"no tmax.yaml here, and {state / 'spec_path'} cannot be read ({error}); "
            "name the SPEC: tmaxctl up SPEC"
        ) from None


def _checked(console: Console, spec: Path) -> str:
    """The fleet that a valid spec names; problems end the command as `validate` ends."""
    from tmaxd.ctl.spec_file import Loaded, check, reports

    checked = check(spec)
    if not isinstance(checked, Loaded):
        problems = reports(checked.problems)
        if console.as_json:
            console.json(
                {
                    "error": "rejected",
                    "message": f"{spec} is not valid; nothing was started",
                    "problems": problems,
                }
            )
        else:
            console.problems(problems)
            errors = many(len(problems), "error")
            console.note(f"{spec} is not valid: {errors}; nothing was started")
        raise click.exceptions.Exit(WRONG)
    if not console.as_json:
        console.problems(reports(checked.warnings), "warning")
    return checked.spec.fleet


def _runs(api: Api, spec: Path) -> bool:
    """A daemon answers for this fleet. One that reads another file is not ours to reload."""
    try:
        theirs = str(api.get("/v1/ping")["spec"])
    except NoDaemon:
        return False
    if theirs != str(spec.absolute()) and not _same(Path(theirs), spec):
        raise CtlError(
            f"fleet {api.fleet} runs already, from {theirs}; take that down first, or give "
            f"{spec} another fleet name",
            "other_spec",
        )
    return True


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _converge(api: Api, daemon: Daemon, wait: float, live: Live) -> None:
    """Until the API answers, and then, if there is time for it, until the fleet has converged."""
    deadline = time.monotonic() + (wait or 30.0)
    state = "the daemon is starting"
    hopeless: float | None = None
    while True:
        daemon.check()
        try:
            value = api.get("/v1/status")
        except NoDaemon:
            value = {}
        if value and value["spec"]["state"] == "waiting":
            # `hot_reload` is off, so it goes on with what was in force; but here somebody asks.
            api.post("/v1/reload", {"wait": 0.0})
            continue
        if value and (wait == 0 or value["converged"] or is_stuck(value)):
            return
        if value:
            state = progress(value)
            now = time.monotonic()
            hopeless = (hopeless or now) if cannot_start(value) else None
            if hopeless is not None and now - hopeless >= CERTAIN:
                raise _cannot(api, state, value)
        if time.monotonic() >= deadline:
            raise _not_in_time(api, wait or 30.0, state, value)
        live.show(state)
        time.sleep(LOOK_EVERY)


def _check_all_up(api: Api, value: dict[str, Any]) -> None:
    """Nothing more happens by itself: then all is as the file says, or somebody has to know."""
    hint = hints_for(api.fleet)
    back = [went_back(g["name"], g["rolled_back"]) for g in value["groups"] if g["rolled_back"]]
    failed = is_stuck(value) or any(w["state"] == "failed" for w in value["workers"])
    if not back and not failed:
        return
    head = f"fleet {api.fleet} runs, and not all of it as the file says: {progress(value)}"
    lines = [f"{head} (`{hint('status')}`)", *(f"  {line}" for line in back)]
    if failed:
        lines += blockers(value, hint)
    details = {"fleet": api.fleet, "pid": value["pid"], "converged": value["converged"]}
    raise CtlError("\n".join(lines), "change_failed" if back else "failed", details)


def _cannot(api: Api, state: str, value: dict[str, Any]) -> CtlError:
    hint = hints_for(api.fleet)
    head = (
        f"fleet {api.fleet}: {state}; the others cannot be started, which is tried again and again"
    )
    return CtlError(
        "\n".join([f"{head} (`{hint('status')}`)", *blockers(value, hint)]), "start_failed"
    )


def _not_in_time(api: Api, waited: float, state: str, value: dict[str, Any]) -> TimedOut:
    hint = hints_for(api.fleet)
    head = f"fleet {api.fleet} has not converged after {span(waited)}: {state}; it goes on"
    return TimedOut(
        "\n".join([f"{head} (`{hint('status')}`)", *(blockers(value, hint) if value else ())])
    )
