"""`tmaxctl doctor [SPEC]`: what keeps a fleet from working well here, what comes of it, and what mends it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tmaxd.ctl import fleet
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import FAILED, CtlError, NoDaemon, WrongUsage
from tmaxd.ctl.options import verb
from tmaxd.places import places

if TYPE_CHECKING:
    from tmaxd.ctl.doctor.finding import Finding


@click.command("doctor", short_help="Find what keeps a fleet from working well here.")
@click.argument("spec", type=click.Path(path_type=Path), required=False)
@click.option(
    "--fix",
    is_flag=True,
    help="Do what is safe to do: modes and folders of ours, dead sockets, lingering.",
)
@click.option(
    "--deep", is_flag=True, help="Check the databases whole, too; reads every page of them."
)
@click.option("-v", "--verbose", is_flag=True, help="Show what is well, too.")
@verb
def command(console: Console, spec: Path | None, fix: bool, deep: bool, verbose: bool) -> None:
    """Look at tmux, the kernel's limits, folders, disk, clock, units, state and daemon of a fleet, and at its spec.

    Without SPEC: the fleet that --fleet or TMAX_FLEET names, or the only one that runs, or that of tmax.yaml here, with
    the file that it runs from. Works without a daemon, and without any fleet.

    Ends with 1 when there are errors. docs/doctor.md explains each check.
    """
    from tmaxd.ctl.doctor.judging.whole import judge
    from tmaxd.ctl.doctor.reading.whole import read

    name, file = _meant(console, spec)
    found = judge(read(name, file, deep=deep))
    done: list[tuple[Finding, bool, str]] = []
    if fix and any(finding.repair for finding in found):
        from tmaxd.ctl.doctor.repair import all_of

        done = all_of(found)
        found = judge(read(name, file, deep=deep))
    _show(console, name, found, done, verbose=verbose)
    if any(finding.level == "error" for finding in found):
        raise click.exceptions.Exit(FAILED)


def _meant(console: Console, spec: Path | None) -> tuple[str | None, Path | None]:
    """The fleet and its file, as far as either is named or can be told."""
    if spec is not None:
        return _of_file(console.fleet, spec)
    try:
        name = fleet.choose(console.fleet)
    except NoDaemon:
        return None, fleet.HERE if fleet.HERE.exists() else None
    except CtlError as error:
        if error.word != "several_fleets":
            raise
        console.note(f"{error.message}; only what all of them share was looked at")
        return None, None
    here = fleet.HERE if fleet.HERE.exists() and fleet.named_here() == name else None
    # One that runs is judged by the file that its daemon reads.
    runs = fleet.listening(places(name).api_socket)
    return name, None if runs else here


def _of_file(given: str | None, spec: Path) -> tuple[str | None, Path]:
    from tmaxd.ctl.spec_file import fleet_named_in

    named = fleet_named_in(spec)
    if given and named and named != given:
        raise WrongUsage(f"--fleet says {given}, but {spec} is of fleet {named}")
    name = named or given or os.environ.get("TMAX_FLEET")
    try:
        return (fleet.check_fleet(name) if name else None), spec
    except WrongUsage:
        return None, spec  # the spec's own findings say what is wrong with its name


def _show(
    console: Console,
    name: str | None,
    found: list[Finding],
    done: list[tuple[Finding, bool, str]],
    *,
    verbose: bool,
) -> None:
    from tmaxd.ctl.doctor.finding import counts

    if console.as_json:
        console.json(
            {
                "fleet": name,
                "counts": counts(found),
                "findings": [finding.as_json() for finding in found],
                "repairs": [
                    {"check": finding.check, "done": well, "text": text}
                    for finding, well, text in done
                ],
            }
        )
        return
    from tmaxd.ctl import render_doctor

    shown = [finding for finding in found if verbose or finding.level != "ok"]
    lines = render_doctor.repairs(done)
    lines += render_doctor.findings(shown, paint=console.paint, width=console.width)
    about = f"fleet {name}" if name else "this machine"
    console.lines([*lines, render_doctor.summary(counts(found), about)])
