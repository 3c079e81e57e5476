"""Values: what is taken for JSON, how it is kept, and the text that a search looks at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from tmaxd.store.entries import Entry

LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""What a counter can be."""

LONGEST_NUMBER = 20
"""Bytes of JSON that can be a counter."""

_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]{0,18})")

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class BadValue(ValueError):
    """It is not JSON; the text says why."""


def canonical(text: bytes) -> bytes:
    """JSON in the one form in which it is kept: no spaces, nothing escaped that need not be, so that text is found as
    it is written. Raises BadValue; also for numbers that have no exact form here, and for half a surrogate pair."""
    try:
        return _encode(_decode(text))
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadValue(str(error)) from None


def text_value(text: str) -> bytes:
    """A JSON string. Raises BadValue."""
    try:
        return _encode(text)
    except UnicodeEncodeError:
        raise BadValue("the text has no UTF-8 form") from None


def number_of(data: bytes | None) -> int | None:
    """The counter that this JSON is; None: it is none."""
    if data is None or not _NUMBER.fullmatch(data):
        return None
    found = int(data)
    return found if LOWEST <= found <= HIGHEST else None


class Needle:
    """A text that is looked for, in keys and in the texts of JSON values, whether upper or lower case."""

    def __init__(self, text: str) -> None:
        self._text = text.casefold()
        # As it stands inside JSON: what is not found there is in none of its texts.
        self._inside = _encode(self._text)[1:-1].decode().casefold()

    def found_in(self, entry: Entry) -> bool:
        if self._text in entry.key.casefold():
            return True
        if entry.kind != "json" or self._inside not in entry.data.decode().casefold():
            return False
        return any(self._text in text.casefold() for text in _texts(_decode(entry.data)))


def _texts(value: object) -> Iterator[str]:
    """Every text in the value, names of fields included, however deep."""
    left: list[Any] = [value]
    while left:
        one = left.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            left.extend(one.keys())
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
