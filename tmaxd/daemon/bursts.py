"""What may come many thousand times a second, in the log: the first of it at once, then a line with the sum each ten
seconds while it goes on."""

from __future__ import annotations

import asyncio

from tmaxd.daemon.log import EventLog

EVERY = 10.0
"""Seconds between two lines about one source."""


class Bursts:
    """Warnings of one name; a burst for each `source`, which is a worker or an inbox. In the event loop's thread."""

    def __init__(self, log: EventLog, event: str, source: str) -> None:
        self._log = log
        self._event = event
        self._source = source
        """Under which name the log says which it is."""
        self._going_on: dict[str, tuple[int, dict[str, object]]] = {}
        """What has not been said, and the last of it."""

    def add(self, source: str, count: int, **fields: object) -> None:
        """`fields` describe one of the `count`; the line says those of the last."""
        known = self._going_on.get(source)
        if known is not None:
            self._going_on[source] = known[0] + count, fields
            return
        self._log.warning(self._event, **{self._source: source}, count=count, **fields)
        self._going_on[source] = 0, {}
        asyncio.get_running_loop().call_later(EVERY, self._sum, source)

    def close(self) -> None:
        """Say what has not been said."""
        for source in list(self._going_on):
            self._tell(source)
        self._going_on.clear()

    def _sum(self, source: str) -> None:
        if source not in self._going_on:
            return
        if self._tell(source):
            self._going_on[source] = 0, {}
            asyncio.get_running_loop().call_later(EVERY, self._sum, source)
        else:
            del self._going_on[source]

    def _tell(self, source: str) -> int:
        count, fields = self._going_on[source]
        if count:
            self._log.warning(self._event, **{self._source: source}, count=count, **fields)
        return count
