"""`tmaxctl submit`: tasks to a group; the ids come back once they are on disk."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from tmaxd.ctl import complete, fleet, moments, outcomes, payloads
from tmaxd.ctl.api import Api
from tmaxd.ctl.away import deadline_in
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import NoDaemon, WrongUsage
from tmaxd.ctl.options import duration, timeout_option, verb
from tmaxd.ctl.payloads import Payloads
from tmaxd.ctl.sending import Accepted, send


def _moment(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    return None if value is None else moments.read(value, time.time())


@click.command("submit", short_help="Hand tasks to a group.")
@click.argument("group", shell_complete=complete.task_groups)
@click.argument("payload", nargs=-1)
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    help="One task: all of FILE (-: of standard input).",
)
@click.option(
    "--lines", is_flag=True, help="With --file: a task a line, as standard input is read anyway."
)
@click.option(
    "--priority",
    type=click.IntRange(-10, 10),
    metavar="N",
    help="From -10 to 10 (default 0); of those that wait, higher ones go first.",
)
@click.option("--after", callback=duration, metavar="DUR", help="Not before 5m from now.")
@click.option(
    "--at",
    callback=_moment,
    metavar="TIME",
    help="Not before '2026-12-01 08:00', local time unless it names a zone.",
)
@click.option(
    "--expires",
    callback=duration,
    metavar="DUR",
    help="Given up if it has not begun 1h from now (or from --after, --at).",
)
@click.option(
    "--key",
    metavar="TEXT",
    help="One task: submitted again with the same key, it is still the same task, however it ended.",
)
@click.option(
    "--affinity",
    metavar="TEXT",
    help="Tasks of one affinity go to one worker, where the group's balance is sticky.",
)
@click.option(
    "--max-queue",
    type=click.IntRange(1),
    metavar="N",
    help="Refused if more than N tasks would wait in the group.",
)
@click.option(
    "--wait",
    is_flag=True,
    help="Wait until all have ended, also while no daemon is there for a time; of one task, print "
    "the result. 1 if any is not done.",
)
@timeout_option("With --wait: for no longer than DUR, then end with 4; the tasks go on.")
@verb
def command(
    console: Console,
    group: str,
    payload: tuple[str, ...],
    file: Path | None,
    lines: bool,
    wait: bool,
    timeout: float | None,
    priority: int | None,
    after: float | None,
    at: float | None,
    expires: float | None,
    key: str | None,
    affinity: str | None,
    max_queue: int | None,
) -> None:
    """Hand tasks to GROUP: each PAYLOAD is one; with `-`, or with none and standard input not a
    terminal, each line of standard input is one. Prints their ids, which are then safe on disk.

    A payload is text. Where it is a path, the worker looks it up in its own folder: give it whole.

    --wait with one PAYLOAD or FILE prints its result in place of its id.
    """
    if after is not None and at is not None:
        raise WrongUsage("--after and --at both say when: give one of them")
    if timeout is not None and not wait:
        raise WrongUsage("--timeout is how long to --wait: give both")
    api = _daemon(console)
    with _source(payload, file, lines) as source:
        if key is not None and not source.one:
            raise WrongUsage("--key is one task's: give one PAYLOAD, or --file without --lines")
        accepted = Accepted(console, prints=not (wait and source.one))
        options = {
            "priority": priority,
            "after": after,
            "at": at,
            "expires": expires,
            "key": key,
            "affinity": affinity,
            "max_queue": max_queue,
        }
        given = {name: value for name, value in options.items() if value is not None}
        send(api, group, given, source.payloads, accepted)
    answer = {"group": group, **accepted.as_json()}
    ends = None
    if wait and accepted.all:
        outcome = outcomes.of(console, api, accepted.all, source.one, deadline_in(timeout))
        answer |= outcome.as_json()
        ends = outcome.ends
    if console.as_json:
        console.json(answer)
    if ends is not None and not ends.good:
        raise click.exceptions.Exit(1)


def _daemon(console: Console) -> Api:
    try:
        return fleet.daemon(console.fleet)
    except NoDaemon as error:
        raise NoDaemon(f"nothing was submitted: {error.message}") from error


class _Source:
    """Payloads, and the file they are read from while they are sent."""

    def __init__(self, found: Payloads, *, one: bool, file: int | None = None) -> None:
        self.payloads = found
        self.one = one
        """It is one task, whatever it holds."""
        self._file = file

    def __enter__(self) -> _Source:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)


def _source(payload: tuple[str, ...], file: Path | None, lines: bool) -> _Source:
    if file is not None:
        return _of_file(payload, file, lines)
    if lines and payload not in ((), ("-",)):
        raise WrongUsage("--lines is about --file and standard input; an argument is one task")
    if "-" in payload and len(payload) > 1:
        raise WrongUsage("- stands for standard input, and alone; a payload `-` goes by --file")
    if payload and payload != ("-",):
        return _Source(payloads.given(payload), one=len(payload) == 1)
    if not payload and sys.stdin.isatty():
        raise WrongUsage("no payload: give one, or - for a task a line of standard input")
    return _Source(payloads.lines_of(sys.stdin.fileno(), "standard input"), one=False)


def _of_file(payload: tuple[str, ...], file: Path, lines: bool) -> _Source:
    if payload:
        raise WrongUsage("give payloads or --file, not both")
    stdin = str(file) == "-"
    name = "standard input" if stdin else str(file)
    opened = sys.stdin.fileno() if stdin else os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    ours = None if stdin else opened
    if lines:
        return _Source(payloads.lines_of(opened, name), one=False, file=ours)
    path = None if stdin else str(file.absolute())
    return _Source(payloads.whole_of(opened, name, path), one=True, file=ours)
