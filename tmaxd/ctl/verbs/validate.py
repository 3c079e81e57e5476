"""`tmaxctl validate`: the spec against every rule, without a daemon."""

from __future__ import annotations

from pathlib import Path

import click

from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import WRONG
from tmaxd.ctl.fleet import HERE
from tmaxd.ctl.options import verb
from tmaxd.ctl.text import many


@click.command("validate", short_help="Check a spec without a daemon.")
@click.argument("spec", type=click.Path(path_type=Path), default=HERE)
@verb
def command(console: Console, spec: Path) -> None:
    """Check SPEC (default tmax.yaml) and say everything that is wrong with it, all at once."""
    from tmaxd.ctl.spec_file import Loaded, check, reports

    checked = check(spec)
    if not isinstance(checked, Loaded):
        problems = reports(checked.problems)
        if console.as_json:
            console.json({"valid": False, "problems": problems, "warnings": []})
        else:
            console.problems(problems)
            console.note(f"{spec} is not valid: {many(len(problems), 'error')}")
        raise click.exceptions.Exit(WRONG)
    warnings = reports(checked.warnings)
    groups = checked.spec.workers
    workers = sum(group.count for group in groups.values())
    if console.as_json:
        found = {"fleet": checked.spec.fleet, "groups": len(groups), "workers": workers}
        console.json({"valid": True, **found, "problems": [], "warnings": warnings})
        return
    console.problems(warnings, "warning")
    counts = f"{many(len(groups), 'group')}, {many(workers, 'worker')}"
    warned = f" ({many(len(warnings), 'warning')})" if warnings else ""
    console.say(f"{spec} is valid{warned}: fleet {checked.spec.fleet}, {counts}")
