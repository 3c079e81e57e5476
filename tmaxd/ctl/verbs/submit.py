"""`tmaxctl submit`: tasks to a group; the ids come back once they are on disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from tmaxd.ctl import complete, fleet, payloads
from tmaxd.ctl.api import Api, Refused
from tmaxd.ctl.console import Console, Live
from tmaxd.ctl.errors import CtlError, NoDaemon, WrongUsage
from tmaxd.ctl.options import verb
from tmaxd.ctl.payloads import Payloads
from tmaxd.ctl.text import many
from tmaxd.ctl.waiting import Ends, wait_for

SHOWN_FAILURES = 20

Ranges = list[tuple[int, int]]


@click.command("submit", short_help="Hand tasks to a group.")
@click.argument("group", shell_complete=complete.task_groups)
@click.argument("payload", nargs=-1)
@click.option(
    "--file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="One task: all of FILE.",
)
@click.option(
    "--lines", is_flag=True, help="With --file: a task a line, as standard input is read anyway."
)
@click.option("--wait", is_flag=True, help="Wait until all have ended; 1 if any is dead.")
@verb
def command(
    console: Console,
    group: str,
    payload: tuple[str, ...],
    file: Path | None,
    lines: bool,
    wait: bool,
) -> None:
    """Hand tasks to GROUP: each PAYLOAD is one; with `-`, or with none and standard input not a
    terminal, each line of standard input is one. Prints their ids, which are then safe on disk."""
    api = fleet.daemon(console.fleet)
    with _source(payload, file, lines) as source:
        ranges = _submit(console, api, group, source.payloads)
    answer: dict[str, Any] = {"group": group, "accepted": _total(ranges), "ranges": ranges}
    if not console.as_json:
        _print_ids(console, ranges)
    ends = _wait(api, ranges) if wait and ranges else None
    if ends is not None:
        failures = _failures(api, ends)
        answer |= {"done": ends.done, "dead": len(ends.dead), "failures": failures}
        _report(console, ends, failures)
    if console.as_json:
        console.json(answer)
    if ends is not None and not ends.good:
        raise click.exceptions.Exit(1)


class _Source:
    """Payloads, and the file they are read from while they are sent."""

    def __init__(self, found: Payloads, file: int | None = None) -> None:
        self.payloads = found
        self._file = file

    def __enter__(self) -> _Source:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)


def _source(payload: tuple[str, ...], file: Path | None, lines: bool) -> _Source:
    if lines and file is None and payload not in ((), ("-",)):
        raise WrongUsage("--lines is about --file and standard input; an argument is one task")
    if file is not None:
        if payload:
            raise WrongUsage("give payloads or --file, not both")
        if not lines:
            return _Source(payloads.whole_file(file))
        opened = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        return _Source(payloads.lines_of(opened, str(file)), opened)
    if "-" in payload and len(payload) > 1:
        raise WrongUsage("- stands for standard input, and alone; a payload `-` goes by --file")
    if payload and payload != ("-",):
        return _Source(payloads.given(payload))
    if not payload and sys.stdin.isatty():
        raise WrongUsage("no payload: give one, or - for a task a line of standard input")
    return _Source(payloads.lines_of(sys.stdin.fileno(), "standard input"))


def _submit(console: Console, api: Api, group: str, source: Payloads) -> Ranges:
    """The ranges of ids. A refusal or a bad line in the middle still prints what was accepted."""
    try:
        with Live("sending") as live:
            answer = api.submit(group, _shown(source, live))
    except Refused as refused:
        before = _ranges(refused.details)
        if before:
            if not console.as_json:
                _print_ids(console, before)
            text = f"{refused.message} ({many(_total(before), 'task')} before it accepted)"
            raise CtlError(text, refused.word, refused.details) from refused
        raise
    ranges = _ranges(answer)
    if source.problem:
        if not console.as_json:
            _print_ids(console, ranges)
        details = {"accepted": _total(ranges), "ranges": ranges}
        raise CtlError(source.problem, "bad_payload", details)
    return ranges


def _shown(source: Payloads, live: Live) -> Iterator[bytes]:
    for piece in source.pieces():
        yield piece
        live.show(f"{many(source.sent, 'task')} sent")


def _ranges(answer: dict[str, Any]) -> Ranges:
    return [(int(first), int(count)) for first, count in answer.get("ranges") or []]


def _total(ranges: Ranges) -> int:
    return sum(count for _, count in ranges)


def _print_ids(console: Console, ranges: Ranges) -> None:
    """Ids for programs on standard output, and the same for people beside it."""
    if not ranges:
        console.note("no tasks")
        return
    console.lines(str(id) for first, count in ranges for id in range(first, first + count))
    sys.stdout.flush()
    spans = ", ".join(str(f) if n == 1 else f"{f} to {f + n - 1}" for f, n in ranges)
    console.note(f"accepted {many(_total(ranges), 'task')}: {spans}")


def _wait(api: Api, ranges: Ranges) -> Ends:
    try:
        return wait_for(api, ranges)
    except NoDaemon as error:
        raise NoDaemon(
            f"{error.message}; the tasks are on disk and go on with the next daemon", error.word
        ) from error
    except KeyboardInterrupt:
        raise CtlError("no longer waiting; the tasks go on", "interrupted") from None


def _failures(api: Api, ends: Ends) -> list[dict[str, Any]]:
    """The first few dead tasks with their errors."""
    rows = [api.get(f"/v1/tasks/{id}")["task"] for id in ends.dead[:SHOWN_FAILURES]]
    return [{k: row[k] for k in ("id", "attempt", "worker", "error")} for row in rows]


def _report(console: Console, ends: Ends, failures: list[dict[str, Any]]) -> None:
    for row in failures:
        tries = many(row["attempt"], "attempt")
        console.note(f"task {row['id']} is dead after {tries}: {row['error'] or 'no error text'}")
    if len(ends.dead) > len(failures):
        console.note(f"… and {len(ends.dead) - len(failures)} more: tmaxctl tasks --state dead")
    if ends.unknown:
        console.note(f"{many(len(ends.unknown), 'task')} the daemon does not know any more")
    console.note(f"{ends.done:,} done, {len(ends.dead):,} dead")
