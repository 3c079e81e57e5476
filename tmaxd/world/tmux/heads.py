"""The head of a log: what a pane holds already when its output begins to be copied to a file.

tmux takes the text and starts the pipe in one command list, so nothing falls between the two. The order in the file
rests on time: the head is written as soon as its own reply is in, while the pipe's `sh` and `cat` still start, which
takes milliseconds; output that a busy program prints in that gap can stand before the head, none is lost.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tmaxd.world.tmux.channel import Replies
from tmaxd.world.tmux.quoting import CommandList, append_to

BANNER = "Pane is dead ("

REFUSED_LIMIT = 4096
"""Panes remembered as refused; more than the sessions a fleet can have, so clearing costs nothing real."""


def start_pipe(pane_id: str, file: Path) -> CommandList:
    target = ("-t", pane_id)
    return [
        ("display-message", "-p", *target, "#{pane_pipe} #{cursor_x} #{pane_pid}"),
        ("capture-pane", "-p", "-J", "-S", "-", *target),
        ("pipe-pane", *target, append_to(file)),
    ]


def tidy(lines: tuple[str, ...]) -> list[str]:
    """Screen text without the blanks that fill it up, to the right and below, and without the line that tmux
    writes under what a program left (`remain-on-exit-format`): the pane's, not the program's."""
    kept = [line.rstrip() for line in lines]
    if kept and kept[-1].startswith(BANNER):
        kept.pop()
    while kept and not kept[-1]:
        kept.pop()
    return kept


class Heads:
    """Writes heads off the loop, in the order of the calls."""

    def __init__(self) -> None:
        self._writer: ThreadPoolExecutor | None = None
        self._refused: dict[str, int] = {}

    def take(self, pane_id: str, file: Path, replies: Replies) -> asyncio.Future[None] | None:
        """Write what `start_pipe` has found, if the pane was not piped before."""
        if len(replies) < 2 or not replies[1].ok:
            return None
        piped, column, pid = map(int, replies[0].text.split())
        text = "\n".join(tidy(replies[1].lines))
        if piped or not text or not self._first(pane_id, pid, replies):
            return None
        # In column 0 the program has ended its line; else what it prints next belongs to the same one, behind the
        # blanks that a prompt ends in.
        data = f"{text}\n" if column == 0 else _up_to(text, column)
        if self._writer is None:
            self._writer = ThreadPoolExecutor(1, "tmux-heads")
        return asyncio.get_running_loop().run_in_executor(self._writer, _append, file, data)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.shutdown(wait=False)
            self._writer = None

    def _first(self, pane_id: str, pid: int, replies: Replies) -> bool:
        """Newer tmux refuses to pipe a dead pane. Its last words are kept all the same, but once: the pane
        stays unpiped, so the caller asks again on every pass."""
        if replies[-1].ok:
            self._refused.pop(pane_id, None)
            return True
        if self._refused.get(pane_id) == pid:
            return False
        if len(self._refused) >= REFUSED_LIMIT:
            self._refused.clear()
        self._refused[pane_id] = pid
        return True


def _up_to(text: str, column: int) -> str:
    """The text, its last line filled up with blanks to that column. Characters that take two columns take two."""
    last = text.rpartition("\n")[2]
    if last.isascii():
        return text + " " * (column - len(last))
    from unicodedata import east_asian_width  # a megabyte, and rarely needed

    width = sum(2 if east_asian_width(char) in "WF" else 1 for char in last)
    return text + " " * (column - width)


def _append(file: Path, text: str) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(file, flags, 0o600), "ab") as out:
        out.write(text.encode("utf-8", "surrogateescape"))
