"""The server as a process: known for certain across daemons, called back when its socket was removed, awaited
when it ends. Nothing is ever signalled by name or by a pid alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec

from tmaxd.ports import ServerId

STEP = 0.005
"""Seconds between two looks while waiting."""

BACK_WITHIN = 1.0
"""Seconds a server has to make its socket again; it takes about a millisecond."""


class _Record(msgspec.Struct):
    server: ServerId
    ticks: int
    """Kernel start time, clock ticks since boot."""


def start_ticks(pid: int) -> int | None:
    """Field 22 of `/proc/PID/stat` (proc(5)); None when the process is gone, a zombie, or not to be read."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The second field is the name in brackets, and may hold anything.
    fields = stat.rpartition(b")")[2].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


class Life:
    """`file` keeps the identity of the server that was last started or attached to."""

    def __init__(self, file: Path, socket: Path) -> None:
        self._file = file
        self._socket = socket
        self._known: _Record | None = None

    def remember(self, server: ServerId) -> None:
        """Blocks on the disk. Raises OSError."""
        ticks = start_ticks(server.pid)
        if ticks is None or self._known == _Record(server, ticks):
            return
        record = _Record(server, ticks)
        fresh = self._file.with_name(self._file.name + ".new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(fresh, flags, 0o600), "wb") as out:
            out.write(msgspec.json.encode(record))
        fresh.replace(self._file)
        self._known = record

    def forget(self) -> None:
        """The server has ended. 3.3a leaves its socket behind; without it the next look knows at once that
        nobody is there. Blocks on the disk."""
        self._known = None
        self._file.unlink(missing_ok=True)
        self._socket.unlink(missing_ok=True)

    def call(self) -> bool:
        """Ask the known server, if it still lives, to make its socket again (SIGUSR1, tmux(1)). False: there is
        none, or it cannot be told for certain."""
        record = self._known or self._read()
        if record is None or start_ticks(record.server.pid) != record.ticks:
            return False
        try:
            handle = os.pidfd_open(record.server.pid)
        except (OSError, AttributeError):
            return False
        try:
            # Once more: from here on the handle holds the process that is looked at.
            if start_ticks(record.server.pid) != record.ticks:
                return False
            signal.pidfd_send_signal(handle, signal.SIGUSR1)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True

    async def recall(self) -> bool:
        """`call`, and wait for the socket; True when it is there."""
        if not self.call():
            return False
        return await _until(self._socket.exists, BACK_WITHIN)

    def _read(self) -> _Record | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Record)
        except (OSError, msgspec.MsgspecError):
            return None


def kill(pid: int, ticks: int) -> None:
    """SIGKILL for this very process; one that has ended meanwhile, or cannot be told for certain, is let be."""
    try:
        handle = os.pidfd_open(pid)
    except (OSError, AttributeError):
        return
    try:
        if start_ticks(pid) == ticks:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


async def gone(pid: int, ticks: int | None, within: float) -> bool:
    """Wait until the process has ended. Without its ticks (no `/proc`) the pid alone is asked for."""

    def ended() -> bool:
        if ticks is not None:
            return start_ticks(pid) != ticks
        with contextlib.suppress(PermissionError):
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return True
        return False

    return await _until(ended, within)


async def _until(condition: Callable[[], bool], within: float) -> bool:
    end = asyncio.get_running_loop().time() + within
    while not condition():
        if asyncio.get_running_loop().time() > end:
            return False
        await asyncio.sleep(STEP)
    return True
