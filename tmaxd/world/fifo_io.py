"""What flows through a held FIFO: `Outlet` sends without ever blocking, `Inlet` hands on what arrives.

Both work with the event loop's readiness callbacks on the descriptors of a `Fifo`. A FIFO that we
hold read-write polls readable as soon as it holds anything, our own bytes too, so an Outlet is never
watched for reading, and for writing only while bytes wait.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from tmaxd.ports import WorldError
from tmaxd.world import failpoints
from tmaxd.world.fifo import READ_SIZE, Fifo, chunks_of, open_fifo

QUEUE_LIMIT = 8 * 1024 * 1024
"""Bytes that may wait for one FIFO: the largest window (1,024 tasks) of the largest frames (4,096
bytes), twice, since a new daemon sends what its predecessor sent once more."""

STRAYS = 4
"""Former or foreign FIFOs of one name that are still read. Each new one ends the oldest."""


class Outlet:
    """The writing side, and the only writer: so a frame that was cut by a full FIFO can be completed."""

    __slots__ = ("_loop", "_waiting", "fifo")

    def __init__(self, fifo: Fifo, loop: asyncio.AbstractEventLoop) -> None:
        self.fifo = fifo
        self._loop = loop
        self._waiting = bytearray()

    def send(self, data: bytes) -> None:
        if self._waiting:
            self._queue(data)
            return
        sent = _write(self.fifo.fd, data)
        if sent < len(data):
            self._queue(data[sent:])
            self._loop.add_writer(self.fifo.fd, self._flush)

    def _queue(self, data: bytes) -> None:
        if len(self._waiting) + len(data) > QUEUE_LIMIT:
            raise WorldError(
                f"{self.fifo.path} is full and {len(self._waiting)} bytes wait for it: nobody reads "
                f"it. {len(data)} bytes were not taken (the limit is {QUEUE_LIMIT})"
            )
        self._waiting += data

    def _flush(self) -> None:
        with memoryview(self._waiting) as view:
            sent = _write(self.fifo.fd, view)
        del self._waiting[:sent]
        if not self._waiting:
            self._loop.remove_writer(self.fifo.fd)

    def take_back(self) -> bytes:
        """All that nobody has read, in order; the outlet is empty then."""
        self._loop.remove_writer(self.fifo.fd)
        unread = b"".join(chunks_of(self.fifo.fd)) + bytes(self._waiting)
        self._waiting.clear()
        return unread

    def renewed(self, old: int) -> None:
        """A new FIFO took the place of `old`: it gets what nobody has read from that one."""
        self._loop.remove_writer(old)
        unread = b"".join(chunks_of(old)) + bytes(self._waiting)
        os.close(old)
        self._waiting.clear()
        if unread:
            self.send(unread)

    def close(self) -> None:
        self._loop.remove_writer(self.fifo.fd)
        self.fifo.close()


def send_tasks(outlet: Outlet, data: bytes) -> None:
    """What is for a tasks FIFO, by a way that crash tests can cut off."""
    failpoints.hit("pipes.before_send")
    outlet.send(data)
    failpoints.hit("pipes.after_send")


def _write(fd: int, data: bytes | memoryview) -> int:
    """Bytes taken; 0 when the FIFO is full. Up to 4,096 bytes go whole or not at all (pipe(7))."""
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0


class Inlet:
    """The reading side of a FIFO, and of the strays that were open under its name."""

    __slots__ = ("_handler", "_loop", "_reading", "_strays", "fifo")

    def __init__(
        self, fifo: Fifo, loop: asyncio.AbstractEventLoop, handler: Callable[[bytes], None]
    ) -> None:
        self.fifo = fifo
        self._loop = loop
        self._handler = handler
        self._strays: list[int] = []
        self._reading = False

    def read_on(self, reading: bool) -> None:
        """Take what arrives, or leave it in the FIFO."""
        if reading == self._reading:
            return
        self._reading = reading
        for fd in (self.fifo.fd, *self._strays):
            if reading:
                self._loop.add_reader(fd, self._take, fd)
            else:
                self._loop.remove_reader(fd)

    def hand_to(self, handler: Callable[[bytes], None]) -> None:
        """Somebody else gets what arrives from now on."""
        self._handler = handler

    def _take(self, fd: int) -> None:
        # One read a wake-up: a loud FIFO must not keep the loop from the others.
        try:
            data = os.read(fd, READ_SIZE)
        except BlockingIOError:
            return
        if data:
            self._handler(data)

    def drain(self) -> None:
        """Hand on all that is there now."""
        for fd in (*self._strays, self.fifo.fd):
            for data in chunks_of(fd):
                self._handler(data)

    def renewed(self, old: int) -> None:
        """A new FIFO took the place of `old`, into which somebody may still write."""
        self._add_stray(old)
        if self._reading:
            self._loop.add_reader(self.fifo.fd, self._take, self.fifo.fd)

    def adopt_foreign(self) -> None:
        """Read also from FIFOs that somebody had put in our place: who has one open writes to us."""
        for path in self.fifo.foreign:
            fd = open_fifo(path)
            if fd is not None:
                self._add_stray(fd)
        self.fifo.foreign.clear()

    def _add_stray(self, fd: int) -> None:
        self._strays.append(fd)
        if self._reading:
            self._loop.add_reader(fd, self._take, fd)
        if len(self._strays) > STRAYS:
            self._close_stray(self._strays.pop(0))

    def _close_stray(self, fd: int) -> None:
        self._loop.remove_reader(fd)
        os.close(fd)

    def close(self) -> None:
        self.read_on(False)
        while self._strays:
            self._close_stray(self._strays.pop())
        self.fifo.close()
