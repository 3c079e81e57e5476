"""How tmaxctl fails: one class an exit code. A message says what, where, why and what to do."""

from __future__ import annotations

import sys
from typing import IO, Any

import click

from tmaxd.ctl.console import paint_for, width_of
from tmaxd.ctl.text import fitted

PREFIX = "tmaxctl:"
DONE, FAILED, WRONG, NO_DAEMON, TIMEOUT = range(5)


class CtlError(click.ClickException):
    """It failed (exit code 1). `word` names the cause for programs."""

    exit_code = FAILED

    def __init__(
        self, message: str, word: str = "failed", details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.word = word
        self.details = details or {}
        """Further keys of the JSON object that `-o json` prints."""

    def as_json(self) -> dict[str, Any]:
        return {"error": self.word, "message": self.message, **self.details}

    def show(self, file: IO[Any] | None = None) -> None:
        stream = file or sys.stderr
        first, *rest = fitted(f"{PREFIX} {self.message}", width_of(stream))
        head = paint_for(stream)("red", PREFIX) + first.removeprefix(PREFIX)
        click.echo("\n".join([head, *rest]), file=stream, color=True)


class WrongUsage(CtlError):
    """The command line asks for something that makes no sense here."""

    exit_code = WRONG


class NoDaemon(CtlError):
    """Nobody answers on the fleet's socket."""

    exit_code = NO_DAEMON

    def __init__(self, message: str, word: str = "no_daemon") -> None:
        super().__init__(message, word)


class TimedOut(CtlError):
    """It did not happen in the time given; it may still."""

    exit_code = TIMEOUT

    def __init__(
        self, message: str, word: str = "timeout", details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message, word, details)
