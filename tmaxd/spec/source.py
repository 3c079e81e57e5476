"""One file's text, and places in it: what turns "here is something wrong" into a `Problem`."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import msgspec

from tmaxd.spec.problems import Problem, clean, excerpt

MAX_FILE_BYTES = 1024 * 1024
"""A spec, include or env file of more is refused before it is parsed: a thousand groups fit ten times
over, and whatever else is that big was not meant."""


class Broken(Exception):
    """The file cannot be read any further."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Source(msgspec.Struct, frozen=True, dict=True):
    shown: str
    """The name for messages."""
    path: Path
    text: str = ""
    secret: bool = False
    """Its lines are never shown."""

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def top(self) -> Mark:
        return Mark(self, 0, 0)


class Mark(NamedTuple):
    """A place: line and column from 0."""

    source: Source
    line: int
    column: int

    def within(self, text: str, position: int) -> Mark:
        """The place of a character of a value that begins here or later in the line, where it stands there as it is."""
        line = self.source.lines[self.line] if self.line < len(self.source.lines) else ""
        column = line.find(text, self.column)
        return self._replace(column=column + position) if text and column >= 0 else self

    def problem(
        self, key: str, message: str, allowed: str | None = None, nearest: str | None = None
    ) -> Problem:
        text, caret = None, 0
        if not self.source.secret and self.line < len(self.source.lines):
            text, caret = excerpt(self.source.lines[self.line], self.column)
        return Problem(
            file=self.source.shown,
            line=self.line + 1,
            column=self.column + 1,
            key=key,
            message=message,
            allowed=allowed,
            nearest=None if nearest is None else clean(nearest),
            source=text,
            caret=caret,
        )


def open_source(shown: str, path: Path, data: bytes, *, secret: bool = False) -> Source:
    """Bytes to text. Raises Broken for what is too big, binary, or not UTF-8 text."""
    nothing = Source(shown, path, secret=secret).top

    def refuse(message: str, offset: int = 0) -> Broken:
        before = data[:offset]
        column = offset - (before.rfind(b"\n") + 1)
        place = nothing._replace(line=before.count(b"\n"), column=column)
        return Broken(place.problem("", message))

    if len(data) > MAX_FILE_BYTES:
        raise refuse("the file is larger than 1 MiB, the limit; nothing of it was read")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise refuse("the file is UTF-16 text; save it as UTF-8")
    nul = data.find(b"\0")
    if nul >= 0:
        raise refuse("a NUL byte: this is binary data, not text", nul)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise refuse(
            f"byte 0x{data[error.start]:02x} is not UTF-8 text; save the file as UTF-8", error.start
        ) from None
    source = Source(shown, path, text, secret)
    odd = [text.index(char) for char in set(text) if not _printable(char)]
    if odd:
        place = mark_at(source, min(odd))
        name = f"U+{ord(text[min(odd)]):04X}"
        raise Broken(place.problem("", f"the control character {name} may not stand in the file"))
    return source


def _printable(char: str) -> bool:
    """YAML 1.2, production c-printable; libyaml names only the byte offset of what it refuses."""
    code = ord(char)
    return (
        0x20 <= code <= 0x7E
        or char in "\t\n\r\x85"
        or 0xA0 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or code >= 0x10000
    )


def mark_at(source: Source, offset: int) -> Mark:
    """The place of the character at this offset of the text."""
    before = source.text[:offset].splitlines(keepends=True)
    if not before or before[-1].splitlines()[0] != before[-1]:
        return Mark(source, len(before), 0)
    return Mark(source, len(before) - 1, len(before[-1]))
