"""The body of a submit: JSON to tasks, in one call for many where they are sound, one by one where they are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from tmaxd.daemon.api.answers import Refusal
from tmaxd.daemon.api.types import NewTask
from tmaxd.daemon.api.verb import Limits
from tmaxd.daemon.api.wishes import Item, all_plain, contradiction
from tmaxd.tasks.door import size_of, too_large

_item: msgspec.json.Decoder[Item] = msgspec.json.Decoder(str | NewTask)
_items: msgspec.json.Decoder[list[Item]] = msgspec.json.Decoder(list[str | NewTask])

WIDEST = 4
"""Bytes of a character in UTF-8, at most."""

WHAT = "a JSON string, or an object with a payload"


@dataclass(frozen=True)
class Items:
    """Some tasks of a body. Those before the first bad one are accepted, so that the answer can say where to go
    on."""

    items: Sequence[Item]
    kind: str = "line"
    before: int = 0
    """Lines before them."""
    numbers: Sequence[int] | None = None
    """Of each, where lines between them are blank."""
    refusal: Refusal | None = None
    """Why the one after them is none."""

    def name(self, place: int, count: int) -> str:
        """What people call these items; empty where they are all there is."""
        if not self.before and len(self.items) == count:
            return ""
        first, last = self._number(place), self._number(place + count - 1)
        return f"{self.kind} {first}: " if count == 1 else f"{self.kind}s {first} to {last}: "

    def _number(self, place: int) -> int:
        return self.before + (place + 1 if self.numbers is None else self.numbers[place])


def line_items(data: bytes, before: int, limits: Limits) -> Items:
    """`data` is whole lines, the last perhaps without its newline; `before` lines came before it."""
    try:
        items = _item.decode_lines(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _one_by_one(data, before, limits)
    if len(items) != data.count(b"\n") + (not data.endswith(b"\n")):
        return _one_by_one(data, before, limits)  # there are blank lines: each has its number
    if all_plain(items) and max(map(len, items), default=0) * WIDEST <= limits.payload:
        return Items(items, before=before)
    for place, item in enumerate(items):
        try:
            _check(item, f"line {before + place + 1}", limits)
        except Refusal as refusal:
            return Items(items[:place], before=before, refusal=refusal)
    return Items(items, before=before)


def _one_by_one(data: bytes, before: int, limits: Limits) -> Items:
    good: list[Item] = []
    numbers: list[int] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            good.append(_decode(line, f"line {before + number}", limits))
        except Refusal as refusal:
            return Items(good, before=before, numbers=numbers, refusal=refusal)
        numbers.append(number)
    return Items(good, before=before, numbers=numbers)


def _decode(line: bytes, name: str, limits: Limits) -> Item:
    try:
        item = _item.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(400, _word(error), f"{name} is not {WHAT}: {error}") from None
    _check(item, name, limits)
    return item


def _word(error: Exception) -> str:
    """An object whose fault lies in what it asks for, not in its payload."""
    text = str(error)
    asks = isinstance(error, msgspec.ValidationError) and (
        "unknown field" in text or ("`$." in text and "$.payload" not in text)
    )
    return "bad_option" if asks else "bad_payload"


def array_items(body: bytes, limits: Limits) -> Items:
    """Raises Refusal: of an array that is bad anywhere nothing is taken."""
    try:
        items = _items.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(
            400, "bad_body", f"not a JSON array of strings or objects with a payload: {error}"
        ) from None
    for number, item in enumerate(items, 1):
        _check(item, f"payload {number}", limits)
    return Items(items, kind="payload")


def _check(item: Item, name: str, limits: Limits) -> None:
    if isinstance(item, str):
        payload = item
    else:
        payload = item.payload
        if wrong := contradiction(item):
            raise Refusal(400, "bad_option", f"{name}: {wrong}")
    size = size_of(payload)
    if size > limits.payload:
        raise Refusal(413, "payload_too_large", too_large(name, size, limits.payload))
