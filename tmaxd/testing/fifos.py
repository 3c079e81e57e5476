"""FIFOs in memory, as `FakePipes` has them: what they hold outlives the daemon that wrote it."""

from __future__ import annotations

from collections.abc import Sequence


class Fifo:
    """What was written and not yet read. `deaf`: the worker still has an older FIFO open."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.held = bytearray()
        self.waiting = bytearray()
        """What the daemon could not write yet; it dies with the daemon."""
        self.deaf = False

    def put(self, data: bytes) -> None:
        self.waiting += data
        self.refill()

    def refill(self) -> None:
        room = self.capacity - len(self.held)
        if room > 0:
            self.held += self.waiting[:room]
            del self.waiting[:room]

    def take(self, count: int) -> bytes:
        data = bytes(self.held[:count])
        del self.held[:count]
        self.refill()
        return data


class Outbox:
    """Lines for a reader that may lag. `gap`: lines lost since the last one that was written."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.held = bytearray()
        self.gap = 0
        self.blocked = False
        self.lost = 0

    def publish(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            if self.blocked or len(self.held) + len(line) > self.capacity:
                self.blocked = True
                self.gap += 1
                self.lost += 1
            else:
                self.held += line

    def take(self, count: int) -> bytes:
        data = bytes(self.held[:count])
        del self.held[:count]
        note = b'{"lost": %d}\n' % self.gap
        if self.blocked and len(self.held) + len(note) <= self.capacity:
            self.held += note
            self.gap, self.blocked = 0, False
        return data


class Fifos:
    """What outlives a daemon."""

    def __init__(self) -> None:
        self.workers: dict[str, dict[str, Fifo]] = {}
        self.inboxes: dict[str, Fifo] = {}
        self.outboxes: dict[str, Outbox] = {}
        self.shared: dict[str, Fifo] = {}
        self.foreign_files: set[str] = set()
        self.links: dict[str, str] = {}
        """Run to the worker that it is."""
