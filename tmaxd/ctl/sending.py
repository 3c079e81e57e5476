"""Tasks on their way to the daemon, and their ids back: those on disk already are never kept from the user."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Mapping

import click

from tmaxd.ctl import ids
from tmaxd.ctl.api import Api, Refused
from tmaxd.ctl.console import Console, Live, is_terminal
from tmaxd.ctl.errors import CtlError, NoDaemon, TimedOut
from tmaxd.ctl.hints import Hint, hints_for, plainly
from tmaxd.ctl.payloads import Payloads
from tmaxd.ctl.receipt import Receipt, Taken
from tmaxd.ctl.text import many

SHOWN = 20
"""Ids of one range that a terminal gets line by line; a longer range is one line."""

MOST_SPANS = 5
"""Ranges that people are told of: others submit at the same time, and then there are many."""


_LINE = re.compile(r"^line ([0-9]+)\b")
"""How the daemon names a task at the beginning of a refusal."""


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

    def close(self, key: object = None, hint: Hint = plainly) -> None:
        """Say what is left to say, to people too. `key`: the one that was submitted."""
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
        for id, state in zip(self.existing, self.states, strict=True):
            self.console.note(known(key, id, state, hint))
        if not self.all:
            self.console.note("no tasks")


def known(key: object, id: int, state: str, hint: Hint) -> str:
    """What is said of a task that has the key already. Where nothing will come of it any more: what to do instead."""
    head = f"key {key} is known: it is task {id}, {state}; nothing new was submitted"
    match state:
        case "done":
            return f"{head} (`{hint(f'result {id}')}` prints its result)"
        case "dead" | "cancelled":
            return f"{head}; use another key, or `{hint(f'retry {id}')}` to have it tried again"
        case _:
            return head


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
        raise _refusal(refused, group, accepted, source) from refused
    except KeyboardInterrupt:
        _keep(accepted, source)
        raise CtlError("interrupted; what was accepted stays", "interrupted") from None
    except (NoDaemon, TimedOut, OSError) as error:
        if isinstance(error, NoDaemon) and error.word == "no_daemon":
            raise NoDaemon(f"nothing was submitted: {error.message}") from error
        _keep(accepted, source)
        raise
    accepted.close(options.get("key"), hints_for(api.fleet))
    if source.problem:
        raise CtlError(source.problem, "bad_payload", accepted.as_json())


def _refusal(refused: Refused, group: str, accepted: Accepted, source: Payloads) -> CtlError:
    """In the user's words: what the daemon calls line 1 may be all there is."""
    details = refused.details | accepted.as_json()
    message = _LINE.sub(lambda found: source.called(int(found[1])), refused.message)
    if refused.word == "payload_too_large" and source.path:
        # Imported late: only this needs it.
        from shlex import quote

        path = quote(source.path)
        message += f"\nhave the command read the file itself: tmaxctl submit {quote(group)} {path}"
    if not accepted.all:
        return CtlError(message, refused.word, details)
    accepted.close()
    before = f"{many(accepted.total, 'task')} before it accepted"
    return CtlError(f"{message} ({before})", refused.word, details)


def _keep(accepted: Accepted, source: Payloads) -> None:
    """Before an error that ends it: what is known of the tasks that were on their way."""
    if accepted.all:
        accepted.close()
    if unknown := source.sent - len(accepted.existing) - accepted.total:
        accepted.console.note(f"{many(unknown, 'task')} more: not known whether they are on disk")
