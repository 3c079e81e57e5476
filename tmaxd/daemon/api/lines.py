"""A body of lines that comes in any pieces: as many whole lines at a time as are there."""

from __future__ import annotations

from typing import Protocol


class Body(Protocol):
    """A request's body, as aiohttp has it."""

    async def readany(self) -> bytes:
        """All that has come; waits for the first of it. b"" after the last."""


class Lines:
    """`limit`: the most bytes a line may have without its newline; more than ever come at once."""

    def __init__(self, body: Body, limit: int) -> None:
        self._body = body
        self._limit = limit
        self._begun: list[bytes] = []
        """The pieces of a line whose end has not come."""
        self._size = 0
        self.too_long = False
        """The line after those that were given is over the limit; there are no more."""

    async def next(self) -> bytes:
        """The lines that have come since the last call, with their newlines. b"" after the last; that may have no
        newline."""
        while not self.too_long:
            data = await self._body.readany()
            if not data:
                lines, self._begun, self._size = b"".join(self._begun), [], 0
                return lines
            if lines := self._cut(data):
                return lines
        return b""

    def _cut(self, data: bytes) -> bytes:
        end = data.rfind(b"\n") + 1
        if self._size + (data.find(b"\n") if end else len(data)) > self._limit:
            self.too_long = True
            return b""
        if not end:
            self._begun.append(data)
            self._size += len(data)
            return b""
        lines = b"".join((*self._begun, data[:end]))
        self._begun, self._size = [data[end:]], len(data) - end
        self.too_long = self._size > self._limit
        return lines
