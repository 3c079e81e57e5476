"""Bytes that come in any pieces, cut into lines of a bounded length."""

from __future__ import annotations


class Lines:
    def __init__(self, limit: int) -> None:
        """`limit`: the most bytes a line may have, without its newline."""
        self._limit = limit
        self._held: list[bytes] = []
        self._size = 0
        self.number = 0
        """Lines given out so far."""
        self.too_long = False
        """The line after those is over the limit; the caller is to stop."""

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are whole by now and stand before one that is too long, without newlines."""
        *whole, rest = data.split(b"\n")
        if whole:
            whole[0] = b"".join((*self._held, whole[0]))
            self._held, self._size = [], 0
        self._held.append(rest)
        self._size += len(rest)
        for index, line in enumerate(whole):
            if len(line) > self._limit:
                self.too_long = True
                del whole[index:]
                break
        else:
            self.too_long = self._size > self._limit
        self.number += len(whole)
        return whole

    def rest(self) -> bytes:
        """What follows the last newline."""
        return b"".join(self._held)
