"""Where tmaxctl's words go: answers to standard output, notes and progress to standard error."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import click

from tmaxd.ctl.render_problems import Kind, problem
from tmaxd.ctl.text import Paint, clean, colour, cut, fitted, plain, span

if TYPE_CHECKING:
    import threading


def is_terminal(stream: IO[Any]) -> bool:
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def paint_for(stream: IO[Any]) -> Paint:
    """Colours on a terminal only, and not where NO_COLOR is set (no-color.org)."""
    return colour if is_terminal(stream) and not os.environ.get("NO_COLOR") else plain


def size_of(stream: IO[Any]) -> tuple[int, int]:
    """(columns, lines) of a terminal. Not `shutil.get_terminal_size`: 3 ms of import, and it asks
    standard output only."""
    try:
        found = os.get_terminal_size(stream.fileno())
    except OSError:
        return 80, 24
    return found.columns or 80, found.lines or 24


def width_of(stream: IO[Any]) -> int | None:
    """Columns of the terminal; None, which is any width, where there is none."""
    return size_of(stream)[0] if is_terminal(stream) else None


@dataclass(frozen=True)
class Console:
    as_json: bool
    fleet: str | None
    """What `--fleet` says."""

    @property
    def paint(self) -> Paint:
        return paint_for(sys.stdout)

    @property
    def width(self) -> int | None:
        return width_of(sys.stdout)

    def lines(self, lines: Iterable[str]) -> None:
        """Lines that are clean already."""
        click.echo("\n".join(lines), color=True)

    def end_line(self) -> None:
        """After Ctrl-C: the terminal has written `^C`, and the shell's prompt wants a line of its own."""
        if is_terminal(sys.stdout):
            click.echo()

    def json(self, value: Mapping[str, Any]) -> None:
        """One object, on one line."""
        click.echo(json.dumps(value, ensure_ascii=False))

    def say(self, text: str) -> None:
        """Sentences for people, on standard output."""
        self.lines(fitted(text, self.width))

    def note(self, text: str) -> None:
        """Sentences for people, on standard error."""
        click.echo("\n".join(fitted(text, width_of(sys.stderr))), err=True)

    def problems(self, reports: Iterable[Mapping[str, Any]], kind: Kind = "error") -> None:
        """Problems of a spec, on standard error."""
        paint = paint_for(sys.stderr)
        for report in reports:
            click.echo("\n".join(problem(report, kind, paint)), err=True, color=True)


class Live:
    """One line on standard error that tells what is being waited for: only on a terminal, only after a
    second, and gone when the block ends. Drawn by a thread, since the waiting itself cannot."""

    AFTER, EVERY = 1.0, 0.2

    def __init__(self, text: str) -> None:
        self._text = text
        self._done: threading.Event | None = None
        self._started = time.monotonic()

    def __enter__(self) -> Live:
        if is_terminal(sys.stderr):
            import threading

            self._done = threading.Event()
            self._thread = threading.Thread(target=self._draw, args=(self._done,), daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._done is not None:
            self._done.set()
            self._thread.join()

    def show(self, text: str) -> None:
        self._text = text

    def _draw(self, done: threading.Event) -> None:
        if done.wait(self.AFTER):
            return
        while True:
            width = size_of(sys.stderr)[0] - 1
            text = f"{clean(self._text)} ({span(time.monotonic() - self._started)})"
            sys.stderr.write(f"\r\x1b[K{cut(text, width)}")
            sys.stderr.flush()
            if done.wait(self.EVERY):
                break
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
