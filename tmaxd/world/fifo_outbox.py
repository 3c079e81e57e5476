"""What flows out of an outbox: whole lines for readers that may lag, stay away, or come and go.

Nothing waits here but the end of one line that a full FIFO cut off, which only one of more than PIPE_BUF bytes can
be: shorter ones are written in pieces that the kernel takes whole or not at all (pipe(7)).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence

from tmaxd.world.fifo import Fifo, chunks_of

PIECE = 4096
"""PIPE_BUF of Linux."""


class Outbox:
    """The writing side, and the only writer."""

    __slots__ = ("_blocked", "_gap", "_loop", "_rest", "fifo", "lost")

    def __init__(self, fifo: Fifo, loop: asyncio.AbstractEventLoop) -> None:
        self.fifo = fifo
        self._loop = loop
        self._rest = b""
        """The end of a line whose beginning is in the FIFO."""
        self._gap = 0
        """Lines lost since the last one that was written; the next one tells of them."""
        self._blocked = False
        """The FIFO took no more, and the loop tells when it does."""
        self.lost = 0

    def publish(self, lines: Sequence[bytes]) -> None:
        if self._blocked:
            self._lose(len(lines))
            return
        written = 0
        for count, piece in pieces(lines):
            if not self._put(piece):
                self._block()
                # The first line of a long piece is in the FIFO as far as it fits, and its end follows.
                written += 1 if self._rest else 0
                break
            written += count
        self._lose(len(lines) - written)

    def _put(self, piece: bytes) -> bool:
        """False: it did not fit. What then is in the FIFO already is a line begun, whose end is kept."""
        try:
            sent = os.write(self.fifo.fd, piece)
        except BlockingIOError:
            return False
        if sent == len(piece):
            return True
        self._rest = piece[sent:]
        return False

    def _lose(self, count: int) -> None:
        self.lost += count
        self._gap += count

    def _block(self) -> None:
        if not self._blocked:
            self._blocked = True
            self._loop.add_writer(self.fifo.fd, self._go_on)

    def _go_on(self) -> None:
        """Somebody has read: end the line that was begun, and tell what is missing after it."""
        rest, self._rest = self._rest, b""
        if rest and not self._put(rest):
            self._rest = self._rest or rest
            return
        if self._gap:
            if not self._put(b'{"lost": %d}\n' % self._gap):
                return
            self._gap = 0
        self._loop.remove_writer(self.fifo.fd)
        self._blocked = False

    def renewed(self, old: int) -> None:
        """A new FIFO took the place of `old`: it gets what nobody has read from that one."""
        self._loop.remove_writer(old)
        self._blocked = False
        unread = b"".join(chunks_of(old)) + self._rest
        self._rest = b""
        os.close(old)
        gap, self._gap = self._gap, 0
        *lines, torn = unread.splitlines(keepends=True) or [b""]
        self.publish([*lines, torn] if torn else lines)
        if gap:
            self._gap += gap
            self._block()

    def close(self) -> None:
        self._loop.remove_writer(self.fifo.fd)
        self.fifo.close()


def pieces(lines: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """(how many lines, the lines as one write): as many as fit into PIECE, or one that is longer."""
    start, size = 0, 0
    for index, line in enumerate(lines):
        if size + len(line) > PIECE and index > start:
            yield index - start, b"".join(lines[start:index])
            start, size = index, 0
        size += len(line)
    if start < len(lines):
        yield len(lines) - start, b"".join(lines[start:])
