"""The limits of the store as its rules need them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from tmaxd.store.entries import Total

MAX_NAMESPACES: Final = 1000
"""In one store: what status and completion list as a whole."""


class Bounds(msgspec.Struct, frozen=True):
    """Of one namespace."""

    max_keys: int = 1_000_000
    max_size: int = 256 * 1024 * 1024
    """Bytes of keys and values."""
    ttl: float | None = None
    """Seconds that an entry lives which names no time itself."""

    def over(self, total: Total) -> bool:
        return total.keys > self.max_keys or total.bytes > self.max_size

    def tight(self, total: Total) -> bool:
        """Something will have to go before long, so that it matters what was used last."""
        return total.keys * 10 >= self.max_keys * 9 or total.bytes * 10 >= self.max_size * 9


class Limits(msgspec.Struct, frozen=True):
    max_value: int = 1024 * 1024
    """Bytes."""
    named: Mapping[str, Bounds] = {}
    others: Bounds = Bounds()

    def of(self, ns: str) -> Bounds:
        return self.named.get(ns, self.others)
