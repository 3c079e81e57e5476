"""Which tasks this worker holds and which it has finished, so that a frame that comes again does no harm.

A new daemon sends again whatever it cannot prove done. It never has more than WINDOW tasks in flight
here, but a second daemon may have died as well: the last 2 x WINDOW results are enough to answer with,
if one that was sent again counts as the latest.
"""

from __future__ import annotations

from collections import OrderedDict

from tmaxd.worker.frames import Key, Order


class Memory:
    def __init__(self, window: int) -> None:
        self._window = window
        self._held: set[Key] = set()
        self._results: OrderedDict[Key, bytes] = OrderedDict()

    def sort(self, orders: list[Order]) -> tuple[list[Order], bytes]:
        """The new ones, which are held from now on, and the result frames to send again."""
        fresh: list[Order] = []
        again: list[bytes] = []
        for order in orders:
            key = order.key
            if key in self._results:
                self._results.move_to_end(key)
                again.append(self._results[key])
            elif key not in self._held:
                self._held.add(key)
                fresh.append(order)
        return fresh, b"".join(again)

    def finish(self, key: Key, frame: bytes) -> None:
        self._held.discard(key)
        self._results[key] = frame
        if len(self._results) > 2 * self._window:
            self._results.popitem(last=False)

    def results(self) -> bytes:
        """Every result remembered, oldest first."""
        return b"".join(self._results.values())
