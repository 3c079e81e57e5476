"""Where the tasks of a `submit` come from, as NDJSON in pieces of any size."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tmaxd.ctl.errors import CtlError, WrongUsage
from tmaxd.ctl.text import many
from tmaxd.daemon.api.lines import Lines

READ = 64 * 1024
"""Bytes read at a time. What a slow producer has written so far is sent at once."""

LONGEST = 64 * 1024 * 1024
"""Bytes of one line or file that are read at all; the daemon's own limit is far lower, and says so."""


class Payloads:
    """The tasks, and how many of them are on their way. A piece that cannot be sent ends the stream
    early; `problem` then says what it was, and what came before it counts."""

    def __init__(self, pieces: Callable[[Payloads], Iterator[bytes]]) -> None:
        self.sent = 0
        self.problem: str | None = None
        self._pieces = pieces

    def pieces(self) -> Iterator[bytes]:
        return self._pieces(self)

    def encode(self, texts: Sequence[str]) -> bytes:
        self.sent += len(texts)
        return b"".join(json.dumps(text).encode() + b"\n" for text in texts)


def given(texts: Sequence[str]) -> Payloads:
    """The command line's own. An argument that is not UTF-8 is refused before anything is sent."""
    for text in texts:
        if not _is_text(text):
            raise WrongUsage(
                "a payload is not UTF-8 text; put the data into a file and submit its path"
            )
    return Payloads(lambda payloads: iter([payloads.encode(texts)]))


def whole_file(path: Path) -> Payloads:
    """One task that is the content of a file."""
    with path.open("rb") as file:
        data = file.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise CtlError(
            f"{path} is larger than {LONGEST >> 20} MiB; submit its path instead",
            "payload_too_large",
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise CtlError(
            f"{path}: byte {error.start} is not UTF-8 text; submit the file's path instead",
            "bad_payload",
        ) from None
    return Payloads(lambda payloads: iter([payloads.encode([text])]))


def lines_of(file: int, name: str) -> Payloads:
    """A task a line of an open file; empty lines are none. `name` is for messages."""
    return Payloads(lambda payloads: _lines(payloads, file, name))


def _lines(payloads: Payloads, file: int, name: str) -> Iterator[bytes]:
    lines = Lines(LONGEST)
    while data := os.read(file, READ):
        before = lines.number
        yield _texts(payloads, lines.feed(data), before, name)
        if lines.too_long and not payloads.problem:
            payloads.problem = f"{name}, line {lines.number + 1}: longer than {LONGEST >> 20} MiB"
        if payloads.problem:
            return
    if rest := lines.rest():
        yield _texts(payloads, [rest], lines.number, name)


def _texts(payloads: Payloads, lines: Sequence[bytes], before: int, name: str) -> bytes:
    texts: list[str] = []
    for number, line in enumerate(lines, before + 1):
        try:
            if line.strip():
                texts.append(line.decode())
        except UnicodeDecodeError as error:
            payloads.problem = (
                f"{name}, line {number}: byte {error.start} is not UTF-8 text; "
                f"the {many(payloads.sent + len(texts), 'task')} before it went through"
            )
            break
    return payloads.encode(texts)


def _is_text(text: str) -> bool:
    """Arguments that were not UTF-8 hold lone surrogates (PEP 383)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
