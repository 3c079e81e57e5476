"""The memory store as the API gives and takes it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

Ttl = Annotated[float, Meta(gt=0, le=316_224_000)]
"""Seconds."""

Version = Annotated[int, Meta(ge=0)]
By = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class MemoryEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry. Where the value was asked for it is `value` or `bytes`."""

    ns: str
    key: str
    version: int
    """Another one after each write; 0 in the namespace `worker`."""
    kind: Literal["json", "bytes"]
    size: int
    """Bytes of the value."""
    written: float
    expires: float | None = None
    """None: it stays until somebody deletes it, or room is wanted."""
    value: msgspec.Raw | UnsetType = UNSET
    """Any JSON."""
    bytes: str | None = None
    """Base64."""


class MemoryPage(msgspec.Struct, frozen=True, kw_only=True):
    entries: tuple[MemoryEntry, ...]
    """By key."""
    after: str | None = None
    """There are more: ask again with this `after`. A page may be short, or empty, and have it."""
    seq: int
    """The number of the last change before the page was read: a watch since then misses nothing."""


class PutOp(msgspec.Struct, frozen=True, kw_only=True, tag="put", tag_field="op"):
    """One of `value` and `bytes`."""

    ns: str
    key: str
    value: msgspec.Raw | UnsetType = UNSET
    """Any JSON."""
    bytes: str | None = None
    """Base64."""
    ttl: Ttl | None = None
    """Seconds that it lives; else as its namespace has it."""
    if_version: Version | None = None
    """Only if this is its version; 0: only if it is not there."""


class DeleteOp(msgspec.Struct, frozen=True, kw_only=True, tag="delete", tag_field="op"):
    ns: str
    key: str
    if_version: Version | None = None


class IncrOp(msgspec.Struct, frozen=True, kw_only=True, tag="incr", tag_field="op"):
    """What is not there counts as 0; what is there keeps the time that it has."""

    ns: str
    key: str
    by: By = 1
    ttl: Ttl | None = None


Op = PutOp | DeleteOp | IncrOp


class MemoryWrite(msgspec.Struct, frozen=True):
    operations: Annotated[tuple[Op, ...], Meta(min_length=1, max_length=4096)]


class MemoryOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    outcome: Literal[
        "stored",
        "deleted",
        "absent",
        "conflict",
        "not_a_number",
        "out_of_range",
        "too_large",
        "too_many_namespaces",
    ]
    """`absent`: there was nothing to delete. From `conflict` on nothing was done."""
    version: int = 0
    """Its version now; of a `conflict` the one that is there; 0: it is not there."""
    number: int | None = None
    """What a counter has come to."""
    expires: float | None = None
    message: str = ""
    """Why nothing was done."""


class MemoryWritten(msgspec.Struct, frozen=True):
    outcomes: tuple[MemoryOutcome, ...]
    """One for each operation, in their order. All that was done is on disk, by one commit."""


class MemoryChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    seq: int
    """One more for each change of the store."""
    ns: str
    key: str
    change: Literal["put", "delete", "expire", "evict", "clean"]
    """`expire`: its time is over; `evict`: its namespace was full; `clean`: by a clean-up."""
    value: msgspec.Raw | UnsetType = UNSET
    """Of a `put`, where values were asked for and it has not changed since."""
    bytes: str | None = None


class NamespaceStats(msgspec.Struct, frozen=True, kw_only=True):
    """Counts are since the daemon started."""

    ns: str
    keys: int
    """Those among them whose time is over count until they are deleted."""
    bytes: int
    """Of keys and values."""
    max_keys: int
    max_size: int
    ttl: float | None
    hits: int
    misses: int
    evicted: int
    expired: int


class MemoryCleaned(msgspec.Struct, frozen=True, kw_only=True):
    """What a clean-up has deleted, or would have."""

    count: int
    bytes: int


class MemoryStats(msgspec.Struct, frozen=True, kw_only=True):
    namespaces: tuple[NamespaceStats, ...]
    """Those that hold something, by name."""
    seq: int
    """The number of the last change."""
    misses: int
    """In namespaces that hold nothing."""
    trouble: str | None = None
    """Why nothing can be read or written at the moment."""
