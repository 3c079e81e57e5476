"""What stands in the store, what may be done to it, and what came of that. Values only."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["json", "bytes"]

Place = tuple[str, str]
"""Namespace and key."""


class Entry(msgspec.Struct, frozen=True):
    """`written` and `expires` are of the store's own time (`moments`)."""

    ns: str
    key: str
    version: int
    """Unique in the store, and higher than that of all that was written before."""
    kind: Kind
    data: bytes
    """JSON as UTF-8, or the bytes themselves."""
    written: float
    expires: float | None = None

    @property
    def size(self) -> int:
        return size_of(self.key, self.data)


def size_of(key: str, data: bytes) -> int:
    """Bytes that count against a namespace's `max_size`."""
    return len(key.encode()) + len(data)


class Head(msgspec.Struct, frozen=True):
    """An entry as far as the rules have to know it."""

    version: int
    size: int
    expires: float | None
    number: bytes | None = None
    """Its data, where that is JSON and short enough to be a number that can be counted up."""


# ------------------------------------------------------------------------------------ operations


class Put(msgspec.Struct, frozen=True):
    ns: str
    key: str
    kind: Kind
    data: bytes
    ttl: float | None = None
    """Seconds that it lives; None: as its namespace has it."""
    if_version: int | None = None
    """Only if it has this version; 0: only if there is none."""


class Delete(msgspec.Struct, frozen=True):
    ns: str
    key: str
    if_version: int | None = None


class Incr(msgspec.Struct, frozen=True):
    """What is not there counts as 0. A counter that is there keeps the time it has."""

    ns: str
    key: str
    by: int = 1
    ttl: float | None = None
    """Of a counter that begins with this."""


Operation = Put | Delete | Incr

Verdict = Literal[
    "stored",
    "deleted",
    "absent",  # nothing to delete
    "conflict",  # another version than `if_version` is there
    "not_a_number",
    "out_of_range",  # the sum has more than 64 bits
    "too_large",
    "too_many_namespaces",
]


class Outcome(msgspec.Struct, frozen=True):
    verdict: Verdict
    version: int = 0
    """What it is now; of a `conflict` what it was; 0: it is not there."""
    number: int | None = None
    """What a counter has come to."""
    expires: float | None = None
    """Of what was stored."""
    limit: int = 0
    """Of a `too_large`: how many bytes it might have had."""

    @property
    def done(self) -> bool:
        return self.verdict in ("stored", "deleted", "absent")


# --------------------------------------------------------------------------------------- changes

ChangeWord = Literal["put", "delete", "expire", "evict", "clean"]
"""`evict`: for want of room in its namespace; `clean`: by a clean-up, since it had not been written for long."""


class Change(msgspec.Struct, frozen=True):
    """`seq` numbers all changes without a gap; that of a `put` is the version it has given."""

    seq: int
    ns: str
    key: str
    what: ChangeWord


class Total(msgspec.Struct, frozen=True):
    """What a namespace holds, expired entries included while they are not deleted."""

    keys: int = 0
    bytes: int = 0
