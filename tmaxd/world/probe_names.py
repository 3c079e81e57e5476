"""Host names to addresses, for probes: off the loop, and not in the pool that others wait for.

getaddrinfo(3) has no deadline of its own and cannot be ended. A name server that does not answer must cost neither
a thread of the common pool nor the daemon's end, which would wait for that pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

AT_ONCE = 8
"""Lookups under way; with more, a name server is stuck, and more threads would not help."""

_LOCAL = ("127.0.0.1", "::1")

_slots = threading.BoundedSemaphore(AT_ONCE)


async def addresses(host: str) -> tuple[str, ...]:
    """In the order in which to try them. Raises OSError when there are none. Whoever stops waiting lets the lookup
    go on by itself."""
    if host == "localhost":
        return _LOCAL
    if _is_address(host):
        return (host,)
    if not _slots.acquire(blocking=False):
        raise OSError(f"{host} cannot be looked up: {AT_ONCE} lookups are stuck")
    loop = asyncio.get_running_loop()
    found: asyncio.Future[tuple[str, ...]] = loop.create_future()
    thread = threading.Thread(
        target=_look_up, args=(host, loop, found), daemon=True, name="probe-names"
    )
    thread.start()
    return await found


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            socket.inet_pton(family, host)
            return True
    return False


def _look_up(
    host: str, loop: asyncio.AbstractEventLoop, found: asyncio.Future[tuple[str, ...]]
) -> None:
    result: tuple[str, ...] = ()
    problem: OSError | None = None
    try:
        rows = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        result = tuple(dict.fromkeys(str(row[4][0]) for row in rows))
    except (OSError, UnicodeError) as error:
        problem = OSError(f"{host} has no address: {getattr(error, 'strerror', None) or error}")
    finally:
        _slots.release()
    with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
        loop.call_soon_threadsafe(_tell, found, result, problem)


def _tell(
    found: asyncio.Future[tuple[str, ...]], result: tuple[str, ...], problem: OSError | None
) -> None:
    if found.done():
        return
    if problem is not None:
        found.set_exception(problem)
    else:
        found.set_result(result)
