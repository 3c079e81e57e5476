"""The fleet's memory store, for programs that run in it:

    from tmaxd.worker import memory

    memory.put("plan", {"step": 3}, ns="notes", ttl=3600)
    memory.get("plan", ns="notes")

Everything but `put_nowait` is answered by the daemon; what changes something returns when that is on disk. Values are
what JSON can express, or bytes. Callable from any thread; blocking, so from a coroutine by `asyncio.to_thread`.
Each function is the method of `Store` with its name.
"""

from __future__ import annotations

import json
import os

from tmaxd.worker.http import Unavailable
from tmaxd.worker.store import (
    DEFAULT,
    Conflict,
    Entry,
    Lagged,
    Refused,
    Store,
    member,
    seconds,
)

TYPE_CHECKING = False  # typing itself takes 5 ms to import
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    Json = Any

__all__ = [
    "Conflict",
    "Entry",
    "Lagged",
    "Refused",
    "Store",
    "Unavailable",
    "cas",
    "delete",
    "entry",
    "get",
    "incr",
    "list",
    "put",
    "put_many",
    "put_nowait",
    "search",
    "watch",
]

# ------------------------------------------------------------------------- without an answer


def put_nowait(key: str, value: object, *, ns: str = DEFAULT, ttl: float | None = None) -> None:
    """Hand it to the daemon by a frame and go on: some microseconds, and no answer. It is stored within a moment while
    a daemon runs, and waits in the FIFO while none does; but nobody tells whether it was refused, and what a daemon had
    read and not yet committed when it was killed is lost. A long value goes by a file in the spool. Only inside a
    worker."""
    from tmaxd.worker.frames import LINE_LIMIT

    head = f'{{"t":"store","ns":{json.dumps(ns)},"key":{json.dumps(key)}'
    tail = "}\n" if ttl is None else f',"ttl":{seconds(ttl)}}}\n'
    line = f"{head},{member(value)}{tail}".encode()
    if len(line) > LINE_LIMIT:
        kind = "bytes" if isinstance(value, (bytes, bytearray, memoryview)) else "json"
        path = json.dumps(_spooled(value, kind))
        line = f'{head},"file":{path},"as":"{kind}"{tail}'.encode()
    _send(line)


def _spooled(value: Json, kind: str) -> str:
    """A file of the value, whole; it is the daemon's from then on."""
    data = value if kind == "bytes" else json.dumps(value, allow_nan=False).encode()
    name = f"store-{os.getpid()}-{os.urandom(6).hex()}"
    path = os.path.join(_inside("TMAX_SPOOL"), name)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
    except BaseException:
        os.unlink(path)
        raise
    return path


def _send(line: bytes) -> None:
    """By the link of `serve` where there is one, since it may be in the middle of a line."""
    from tmaxd.worker.task import Task

    if Task.send is not None:
        Task.send(line)
        return
    # Read-write: it never blocks for want of a reader. A frame is written in one piece (pipe(7)).
    path = os.path.join(_inside("TMAX_PIPES"), "results.pipe")
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise Unavailable(
            f"{path} is not there: workers of `run:` have no FIFOs, so use `put`"
        ) from error
    try:
        os.write(fd, line)
    finally:
        os.close(fd)


def _inside(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise Unavailable(f"{name} is not set: this program was not started by tmaxd")
    return value


# ----------------------------------------------------------------------------- this fleet's own


_ours: dict[str, Store] = {}


def _memory() -> Store:
    """Of the fleet that this program runs in. The folder of the FIFOs may be a link to that of the worker."""
    pipes = _inside("TMAX_PIPES")
    found = _ours.get(pipes)
    if found is None:
        runtime = os.path.dirname(os.path.dirname(os.path.realpath(pipes)))
        # Of several threads that come here at once, all get the same one.
        found = _ours.setdefault(pipes, Store(os.path.join(runtime, "api.sock")))
    return found


def put(
    key: str, value: object, *, ns: str = DEFAULT, ttl: float | None = None, if_absent: bool = False
) -> int:
    return _memory().put(key, value, ns=ns, ttl=ttl, if_absent=if_absent)


def put_many(values: Mapping[str, Any], *, ns: str = DEFAULT, ttl: float | None = None) -> None:
    _memory().put_many(values, ns=ns, ttl=ttl)


def get(key: str, default: object = None, *, ns: str = DEFAULT) -> Json:
    return _memory().get(key, default, ns=ns)


def entry(key: str, *, ns: str = DEFAULT) -> Entry | None:
    return _memory().entry(key, ns=ns)


def cas(
    key: str, value: object, version: int, *, ns: str = DEFAULT, ttl: float | None = None
) -> int:
    return _memory().cas(key, value, version, ns=ns, ttl=ttl)


def delete(key: str, *, ns: str = DEFAULT) -> bool:
    return _memory().delete(key, ns=ns)


def incr(key: str, by: int = 1, *, ns: str = DEFAULT, ttl: float | None = None) -> int:
    return _memory().incr(key, by, ns=ns, ttl=ttl)


def search(text: str, prefix: str = "", *, ns: str = DEFAULT) -> Iterator[Entry]:
    return _memory().search(text, prefix, ns=ns)


def watch(
    prefix: str = "", *, ns: str | None = None, since: int | None = None
) -> Iterator[dict[str, Any]]:
    return _memory().watch(prefix, ns=ns, since=since)


def list(prefix: str = "", *, ns: str = DEFAULT) -> Iterator[Entry]:
    return _memory().list(prefix, ns=ns)
