"""The API's life: bind the socket, serve, close. aiohttp is imported in here, off the loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tmaxd.daemon.api.facade import Facade

if TYPE_CHECKING:
    from aiohttp.web import AppRunner

SHUTDOWN_SECONDS = 1.0
"""What requests in hand are given when the daemon goes down; open-ended ones are cut at once."""

READ_AHEAD = 512 * 1024
"""Bytes of a body that are read while what came before them is on its way to disk; twice as many at the most. A whole
batch of a fast sender, so that it never waits for more than the disk."""

KEEP_ALIVE = 5.0
"""Seconds; tmaxctl gives a stream up after three times that."""


class Api:
    """A running API. Made by `start`."""

    def __init__(self, runner: AppRunner, path: Path, open_ended: set[asyncio.Task[Any]]) -> None:
        self._runner = runner
        self._open_ended = open_ended
        self._path = path
        self._inode = path.stat().st_ino

    async def close(self) -> None:
        """Stop serving, and take the socket away unless another daemon's stands there by now."""
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        for request in self._open_ended:
            request.cancel()
        for site in tuple(self._runner.sites):
            await site.stop()
        await (
            _some_turns()
        )  # a connection that was accepted just before becomes one that cleanup knows of
        await self._runner.cleanup()
        await (
            _some_turns()
        )  # a transport that is closed lets its socket go in a later turn of the loop


async def _some_turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def start(
    facade: Facade,
    path: Path,
    spool: Path,
    owners: AbstractSet[int] | None = None,
    keep_alive: float = KEEP_ALIVE,
    wall: Callable[[], float] = time.time,
) -> Api:
    """Serve the facade on the unix socket `path` (0600). The caller holds the fleet's lock, so a socket
    that stands there is stale and is replaced, in one step.

    `spool`: the folder that result files lie in. `owners`: user ids that are let in; by default this
    process's own and root. `keep_alive`: seconds between signs of life on a silent stream. `wall`: the time, from
    which `after` and `expires` of a submit count. Raises OSError when the socket cannot be bound.
    """
    app_module, verb_module, web = await asyncio.to_thread(_load)
    context = verb_module.Context(facade=facade, spool=spool, keep_alive=keep_alive, wall=wall)
    app = app_module.build(context, owners or frozenset({os.getuid(), 0}))
    runner = web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
        lingering_time=1.0,
        read_bufsize=READ_AHEAD,
    )
    await runner.setup()
    listener, temporary = _bind(path)
    try:
        await web.SockSite(runner, listener).start()
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        await runner.cleanup()  # first: it must find the socket that it listens on
        listener.close()
        raise
    return Api(runner, path, context.open_ended)


def _load() -> tuple[Any, Any, Any]:
    """150 ms of imports; in a thread, so that the loop answers deaths meanwhile."""
    return (
        import_module("tmaxd.daemon.api.app"),
        import_module("tmaxd.daemon.api.verb"),
        import_module("aiohttp.web"),
    )


def _bind(path: Path) -> tuple[socket.socket, Path]:
    """Bound under a name beside `path` of the same length, to be renamed once it listens: a client sees
    either the stale socket or one that answers."""
    temporary = path.with_name("next" + path.name[4:])
    temporary.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Linux takes the mode of the new inode from the socket's own, less the umask.
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(os.fspath(temporary))
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener, temporary
