"""`tmaxctl logs WORKER`: its output, read from the log file itself, so that no daemon is needed."""

from __future__ import annotations

import codecs
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import click

from tmaxd.ctl import complete, fleet
from tmaxd.ctl.console import Console, is_terminal, paint_for
from tmaxd.ctl.errors import CtlError
from tmaxd.ctl.options import verb
from tmaxd.ctl.terminal import Filter
from tmaxd.ctl.text import colour
from tmaxd.ctl.verbs.attach import named

BLOCK = 64 * 1024
LOOK_EVERY = 0.1
"""Seconds between two looks for more; inotify would cost a library for a wait no one notices."""

Write = Callable[[bytes], None]
"""Empty bytes are the end."""


@click.command("logs", short_help="Print what a worker has written.")
@click.argument("worker", shell_complete=complete.workers)
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0),
    default=200,
    show_default=True,
    metavar="N",
    help="How many of its last lines.",
)
@verb
def command(console: Console, worker: str, follow: bool, lines: int) -> None:
    """Print the last N lines that WORKER wrote to its terminal. On a terminal only colours pass;
    elsewhere the bytes are as they were written. -o json: one object a line."""
    name, paths = fleet.of(console.fleet)
    if not fleet.is_worker(worker):
        worker, _ = named(fleet.api_of(name), worker)
    log = paths.logs / f"{worker}.log"
    if not log.exists():
        worker, _ = named(fleet.api_of(name), worker)
        log = paths.logs / f"{worker}.log"
        if not follow:
            raise CtlError(f"{worker} has written nothing yet ({log} does not exist)", "no_log")
    write = _writer(console)
    try:
        for data in _follow(log, lines) if follow else [tail(log, lines)[0], b""]:
            write(data)
    except KeyboardInterrupt:
        console.end_line()


def tail(path: Path, lines: int) -> tuple[bytes, int]:
    """(the last lines of a file, where it ends). A last line without newline counts."""
    with _open(path) as file:
        end = file.seek(0, os.SEEK_END)
        start, data = end, b""
        # One newline more than lines: the one that ends the line before them.
        while start > 0 and data.count(b"\n") <= lines:
            step = min(BLOCK, start)
            start -= step
            file.seek(start)
            data = file.read(step) + data
    if lines == 0:
        return b"", end
    pieces = data.splitlines(keepends=True)
    return b"".join(pieces[-lines:]), end


def _open(path: Path) -> BinaryIO:
    # O_NONBLOCK: should a FIFO stand there, opening it must not wait for a writer.
    return open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def _follow(path: Path, lines: int) -> Iterator[bytes]:
    """The tail and then what is added, for ever. A file that was rotated away is read to its end before
    its successor; one that was cut starts again."""
    while not path.exists():
        time.sleep(LOOK_EVERY)
    first, offset = tail(path, lines)
    if first:
        yield first
    while True:
        with _open(path) as file:
            offset = min(offset, os.fstat(file.fileno()).st_size)
            file.seek(offset)
            yield from _until_replaced(file, path)
        offset = 0


def _until_replaced(file: BinaryIO, path: Path) -> Iterator[bytes]:
    inode = os.fstat(file.fileno()).st_ino
    while True:
        replaced = _inode(path) not in (inode, None)
        while data := file.read(BLOCK):
            yield data
        if os.fstat(file.fileno()).st_size < file.tell():
            file.seek(0)
        elif replaced:
            return
        else:
            time.sleep(LOOK_EVERY)


def _inode(path: Path) -> int | None:
    """None between the rotation and the first byte of the next file."""
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _writer(console: Console) -> Write:
    if console.as_json:
        return _json_writer(console)
    if not is_terminal(sys.stdout):
        return _raw
    filtered = Filter(colours=paint_for(sys.stdout) is colour)
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def write(data: bytes) -> None:
        sys.stdout.write(filtered.feed(decode(data)))
        sys.stdout.flush()

    return write


def _raw(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _json_writer(console: Console) -> Write:
    held = b""

    def show(line: bytes) -> None:
        console.json({"line": line.decode(errors="replace").rstrip("\r")})

    def write(data: bytes) -> None:
        nonlocal held
        *whole, held = (held + data).split(b"\n")
        for line in whole:
            show(line)
        if held and not data:
            show(held)
        sys.stdout.flush()

    return write
