"""Tasks on their way to the daemon, and their ids back: those on disk already are never kept from the user."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Mapping

import click

from tmaxd.ctl import ids
from tmaxd.ctl.api import Api, Refused
from tmaxd.ctl.console import Console, Live, is_terminal
from tmaxd.ctl.errors import CtlError, NoDaemon, TimedOut
from tmaxd.ctl.payloads import Payloads
from tmaxd.ctl.receipt import Receipt, Taken
from tmaxd.ctl.text import many

SHOWN = 20
"""Ids of one range that a terminal gets line by line; a longer range is one line."""

MOST_SPANS = 5
"""Ranges that people are told of: others submit at the same time, and then there are many."""


class Accepted(Receipt):
    """Ids are printed as they come, so that a program that reads them can begin; a terminal, on which progress is
    shown meanwhile, gets them at the end, and JSON is one object anyway."""

    def __init__(self, console: Console, prints: bool) -> None:
        """`prints`: ids are what the command is to print."""
        super().__init__()
        self.console = console
        self.live: Live | None = None
        self._prints = prints and not console.as_json
        self._later = is_terminal(sys.stdout)
        self._began = time.monotonic()

    def add(self, taken: Taken) -> None:
        super().add(taken)
        first, count = taken.first, taken.number
        if self._prints and not self._later:
            self._print(range(first, first + count))
        if self.live is not None:
            rate = self.total / max(0.001, time.monotonic() - self._began)
            self.live.show(f"{many(self.total, 'task')} accepted, {rate:,.0f}/s")

    def _print(self, ids: Iterable[int]) -> None:
        try:
            click.echo("\n".join(map(str, ids)))
        except BrokenPipeError:
            # Who wanted the ids has read enough; the tasks are wanted all the same.
            os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), sys.stdout.fileno())
            self._prints = False

    def close(self, key: object = None) -> None:
        """Say what is left to say, to people too."""
        if self.console.as_json:
            return
        if self._prints and self._later:
            for first, count in self.all:
                whole = count > SHOWN
                listed = [ids.written(first, count)] if whole else range(first, first + count)
                self.console.lines(map(str, listed))
        sys.stdout.flush()
        if self.ranges:
            self.console.note(f"accepted {many(self.total, 'task')}: {_spans(self.ranges)}")
        for id in self.existing:
            self.console.note(f"key {key} is known: it is task {id}; nothing was added")
        if not self.all:
            self.console.note("no tasks")


def _spans(ranges: ids.Ranges) -> str:
    shown = [str(f) if n == 1 else f"{f} to {f + n - 1}" for f, n in ranges[:MOST_SPANS]]
    if more := len(ranges) - len(shown):
        shown.append(f"and {many(more, 'range')} more")
    return ", ".join(shown)


def send(
    api: Api, group: str, options: Mapping[str, object], source: Payloads, accepted: Accepted
) -> None:
    """Returns when all tasks are on disk. A refusal or a bad line in the middle leaves those before it, says so,
    and raises CtlError."""
    try:
        with Live("sending") as accepted.live:
            api.submit(group, source.pieces(), options, accepted, lambda: source.sent)
    except Refused as refused:
        details = refused.details | accepted.as_json()
        if not accepted.all:
            raise CtlError(refused.message, refused.word, details) from refused
        accepted.close()
        before = f"{many(accepted.total, 'task')} before it accepted"
        raise CtlError(f"{refused.message} ({before})", refused.word, details) from refused
    except KeyboardInterrupt:
        _keep(accepted, source)
        raise CtlError("interrupted; what was accepted stays", "interrupted") from None
    except (NoDaemon, TimedOut, OSError):
        _keep(accepted, source)
        raise
    accepted.close(options.get("key"))
    if source.problem:
        raise CtlError(source.problem, "bad_payload", accepted.as_json())


def _keep(accepted: Accepted, source: Payloads) -> None:
    """Before an error that ends it: what is known of the tasks that were on their way."""
    if accepted.all:
        accepted.close()
    if unknown := source.sent - len(accepted.existing) - accepted.total:
        accepted.console.note(f"{many(unknown, 'task')} more: not known whether they are on disk")
