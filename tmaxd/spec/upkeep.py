"""What the spec says of leftovers: what is cleaned up, when, and how much; and the limits of the memory store."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tmaxd.spec.units import Duration, Size

What = Literal[
    "tasks",  # finished tasks with their results, and cancelled ones
    "dead",  # tasks that ended without a result
    "payloads",  # files of payloads and results that no task needs
    "logs",  # of workers, rotated ones first
    "events",
    "memory",  # entries of the memory store
    "stale",  # FIFOs and sessions, ours by label, of groups that there are no more
    "orphans",  # processes with our mark that belong to no living run
    "files",  # of the user's choosing
]


class Cleanup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One clean-up and its schedule: exactly one of `every` and `cron`. Missed times collapse into one."""

    what: What
    ttl: Duration | None = None
    """Seconds since it ended, was written or last changed; None: age does not matter."""
    every: Duration | None = None
    cron: str | None = None
    """Five fields, crontab(5)."""
    zone: str | None = None
    """IANA time zone of `cron`; None: the machine's."""
    jitter: Duration = Duration(0)
    """Each time is put off by up to so many seconds."""
    groups: tuple[str, ...] = ()
    """(`tasks`, `dead`, `logs`) Only of these groups; empty: all."""
    namespaces: tuple[str, ...] = ()
    """(`memory`) Only these; empty: all."""
    max_size: Size | None = None
    """(`logs`) Bytes of all of them together; the oldest go first."""
    compress: bool = False
    """(`logs`) Rotated ones are compressed (gzip)."""
    files: tuple[str, ...] = ()
    """(`files`) Absolute globs."""
    roots: tuple[str, ...] = ()
    """(`files`) Absolute folders that all of it must lie in."""
    apply: bool = True
    """False: only told what would go. In the file the default is False for `files`."""


MaxKeys = Annotated[int, Meta(ge=1, le=10_000_000)]


class Namespace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one namespace of the memory store. Where it is full, the least recently used entries go."""

    max_keys: MaxKeys = 1_000_000
    max_size: Size = Size(256 * 1024 * 1024)
    """Bytes of keys and values."""
    ttl: Duration | None = None
    """Seconds that an entry lives which names no time itself; None: for ever."""


class Store(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The memory store."""

    max_value: Size = Size(1024 * 1024)
    """Bytes that one value may have; larger ones are refused."""
    namespaces: dict[str, Namespace] = {}
    """By name; `*` is every other one."""
