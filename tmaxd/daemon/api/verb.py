"""A verb: one method and path, its handler, and what the API's description says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tmaxd.daemon.api.facade import Facade
from tmaxd.tasks.door import MAX_PAYLOAD


@dataclass(frozen=True)
class Limits:
    """Bounds on what one request may bring, in bytes unless named otherwise."""

    payload: int = MAX_PAYLOAD
    """One task. Larger data belongs in a file whose path is the task."""
    body: int = 8 * 1024 * 1024
    """A body that is decoded as a whole, which stops the loop for about 10 ms at this size."""
    batch: int = 2048
    """Tasks submitted at once: they are on disk together, and keep the loop for about 5 ms."""
    batch_bytes: int = 4 * 1024 * 1024
    """The same in bytes, so that large payloads do not pile up in memory."""
    under_way: int = 256
    """Submits of one request at a time, where tasks that have other options than their neighbours go alone."""
    waits: int = 1_000_000
    """Ids in one request: a byte of memory each while somebody waits for them."""
    page: int = 1000
    """Tasks cancelled or retried at once."""


@dataclass(frozen=True)
class Context:
    """What every handler gets."""

    facade: Facade
    spool: Path
    """Folder that result files must lie in."""
    keep_alive: float
    """Seconds between the blank lines of an otherwise silent stream."""
    wall: Callable[[], float]
    """Seconds since the epoch, now."""
    limits: Limits = field(default_factory=Limits)
    open_ended: set[asyncio.Task[Any]] = field(default_factory=set)
    """Requests that may last for ever; the daemon's end does not wait for them."""

    @contextmanager
    def may_last(self) -> Iterator[None]:
        """The current request is such a one, until the block ends."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a handler always runs in one
        self.open_ended.add(task)
        try:
            yield
        finally:
            self.open_ended.discard(task)


Handler = Callable[[Context, web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Parameter:
    """A parameter in the query, or in the path when it stands there in braces."""

    name: str
    schema: Mapping[str, Any]
    description: str
    required: bool = False


@dataclass(frozen=True)
class Verb:
    method: str
    path: str
    handle: Handler
    summary: str
    answers: Mapping[int, tuple[str, str, Any]]
    """Status to (description, media type, struct type or JSON Schema)."""
    parameters: tuple[Parameter, ...] = ()
    bodies: Mapping[str, Any] = field(default_factory=dict)
    """Media type to struct type or JSON Schema."""
    more: tuple[type, ...] = ()
    """Struct types that the texts name."""

    @property
    def name(self) -> str:
        """The name of the file that it stands in."""
        return self.handle.__module__.rpartition(".")[2]
