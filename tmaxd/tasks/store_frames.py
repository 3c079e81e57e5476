"""The frames by which a worker writes to the memory store. They are read beside those about tasks, since they come
through the same FIFO, and mean nothing to a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

As = Literal["text", "json", "bytes"]


class StoreFrame(msgspec.Struct, frozen=True, gc=False, tag="store", tag_field="t"):
    """The value is exactly one of `value`, `bytes` and `file`."""

    ns: str
    key: str
    value: msgspec.Raw | UnsetType = UNSET
    """Any JSON."""
    bytes: str | None = None
    """Base64."""
    file: str | None = None
    """A file in the worker's spool that holds it."""
    as_: As | None = msgspec.field(default=None, name="as")
    """What is in the file; None: text where it is UTF-8, else bytes."""
    ttl: float | None = None


class DeleteFrame(msgspec.Struct, frozen=True, gc=False, tag="delete", tag_field="t"):
    ns: str
    key: str


class IncrFrame(msgspec.Struct, frozen=True, gc=False, tag="incr", tag_field="t"):
    ns: str
    key: str
    by: int = 1
    ttl: float | None = None


Stored = StoreFrame | DeleteFrame | IncrFrame

STORED: Final = frozenset({StoreFrame, DeleteFrame, IncrFrame})

_encode = msgspec.json.Encoder().encode

Reader = tuple[tuple[int, ...], Callable[[list[str]], Stored]]


def readers(unescape: Callable[[str], str]) -> dict[str, Reader]:
    """The TSV forms: kind to how many fields it has, and how they are read."""

    def store(f: list[str]) -> Stored:
        text = msgspec.Raw(_encode(unescape(f[3])))
        return StoreFrame(unescape(f[0]), unescape(f[1]), text, ttl=_ttl(f[2]))

    def store_file(f: list[str]) -> Stored:
        return StoreFrame(unescape(f[0]), unescape(f[1]), file=unescape(f[3]), ttl=_ttl(f[2]))

    return {
        "store": ((4,), store),
        "store_file": ((4,), store_file),
        "delete": ((2,), lambda f: DeleteFrame(unescape(f[0]), unescape(f[1]))),
        "incr": ((3,), lambda f: IncrFrame(unescape(f[0]), unescape(f[1]), int(f[2]))),
    }


def _ttl(text: str) -> float | None:
    return None if text == "-" else float(text)
