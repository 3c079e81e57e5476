"""Entries of the memory store that were written or read not long ago, so that most reads ask no disk."""

from __future__ import annotations

from typing import Final

from tmaxd.store.entries import Entry, Place

ENTRIES: Final = 2048
BYTES: Final = 4 * 1024 * 1024
"""Of keys and values together."""

LARGEST: Final = 64 * 1024
"""Bytes of an entry that is kept: a few large ones must not push out all others."""


class Cache:
    """What was put in or asked for longest ago goes first. In the loop's thread."""

    def __init__(self) -> None:
        self._entries: dict[Place, Entry] = {}
        self._bytes = 0

    def get(self, place: Place) -> Entry | None:
        entry = self._entries.pop(place, None)
        if entry is not None:
            self._entries[place] = entry
        return entry

    def put(self, entry: Entry) -> None:
        place = (entry.ns, entry.key)
        self.drop(place)
        size = entry.size
        if size > LARGEST:
            return
        self._entries[place] = entry
        self._bytes += size
        while len(self._entries) > ENTRIES or self._bytes > BYTES:
            self.drop(next(iter(self._entries)))

    def drop(self, place: Place) -> None:
        entry = self._entries.pop(place, None)
        if entry is not None:
            self._bytes -= entry.size
