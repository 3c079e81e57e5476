"""Where the tasks of a `submit` come from, as NDJSON in pieces of any size."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence

from tmaxd.ctl.errors import CtlError, WrongUsage
from tmaxd.ctl.lines import Lines
from tmaxd.ctl.text import many

READ = 256 * 1024
"""Bytes read at a time. What a slow producer has written so far is sent at once."""

LONGEST = 64 * 1024 * 1024
"""Bytes of one line or file that are read at all; the daemon's own limit is far lower, and says so."""


# A list of texts becomes `["a"\n"b"]`: what stands between the brackets is NDJSON, made by one call in C.
_encoder = json.JSONEncoder(ensure_ascii=False, separators=("\n", ":"))


class Payloads:
    """The tasks, and how many of them are on their way. A piece that cannot be sent ends the stream
    early; `problem` then says what it was, and what came before it counts."""

    def __init__(
        self,
        pieces: Callable[[Payloads], Iterator[bytes]],
        called: Callable[[int], str],
        path: str | None = None,
    ) -> None:
        """`called`: what the user calls the task that is line N for the daemon."""
        self.sent = 0
        self.problem: str | None = None
        self.called = called
        self.path = path
        """Of the file that is the one payload."""
        self._pieces = pieces

    def pieces(self) -> Iterator[bytes]:
        return self._pieces(self)

    def encode(self, texts: Sequence[str]) -> bytes:
        self.sent += len(texts)
        return _encoder.encode(texts)[1:-1].encode() + b"\n" if texts else b""


def given(texts: Sequence[str]) -> Payloads:
    """The command line's own. An argument that is not UTF-8 is refused before anything is sent."""
    for text in texts:
        if not _is_text(text):
            raise WrongUsage(
                "a payload is not UTF-8 text; put the data into a file and submit its path"
            )
    return Payloads(
        lambda payloads: iter([payloads.encode(texts)]),
        lambda number: "the payload" if len(texts) == 1 else f"payload {number}",
    )


def whole_of(file: int, name: str, path: str | None) -> Payloads:
    """One task that is the content of an open file, to its end. `name` is for messages; `path`: where it lies."""
    data = bytearray()
    while piece := os.read(file, READ):
        data += piece
        if len(data) > LONGEST:
            raise CtlError(
                f"{name} is larger than {LONGEST >> 20} MiB; submit the path of a file instead",
                "payload_too_large",
            )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise CtlError(
            f"{name}: byte {error.start} is not UTF-8 text; submit the path of a file instead",
            "bad_payload",
        ) from None
    return Payloads(lambda payloads: iter([payloads.encode([text])]), lambda _: name, path)


def lines_of(file: int, name: str) -> Payloads:
    """A task a line of an open file; empty lines are none. `name` is for messages."""
    return Payloads(
        lambda payloads: _lines(payloads, file, name), lambda number: f"{name}, line {number}"
    )


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
    try:
        texts = b"\n".join(lines).decode().split("\n")
    except UnicodeDecodeError:
        texts = []
    if texts and all(map(str.strip, texts)):
        return payloads.encode(texts)
    return b"".join(_one_by_one(payloads, lines, before, name))


def _one_by_one(
    payloads: Payloads, lines: Sequence[bytes], before: int, name: str
) -> Iterator[bytes]:
    """What is no task here is a blank line for the daemon, so that both number the lines alike."""
    for number, line in enumerate(lines, before + 1):
        if not line.strip():
            yield b"\n"
            continue
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            payloads.problem = (
                f"{name}, line {number}: byte {error.start} is not UTF-8 text; "
                f"the {many(payloads.sent, 'task')} before it went through"
            )
            return
        yield payloads.encode([text])


def _is_text(text: str) -> bool:
    """Arguments that were not UTF-8 hold lone surrogates (PEP 383)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
