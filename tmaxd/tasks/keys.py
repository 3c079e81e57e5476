"""Submits with a key, while somebody looks on disk whether it is known."""

from __future__ import annotations

from itertools import count

from tmaxd.tasks.ending import Out
from tmaxd.tasks.events import FindKey, Submit


class Keys:
    """At most one look for a key is under way; further submits with it wait for the same answer."""

    __slots__ = ("_tokens", "_under_way", "_waiting")

    def __init__(self) -> None:
        self._tokens = count(1)
        self._under_way: dict[int, tuple[str, str]] = {}
        self._waiting: dict[tuple[str, str], list[Submit]] = {}

    def look(self, group: str, key: str, submit: Submit, out: Out) -> None:
        waiting = self._waiting.get((group, key))
        if waiting is not None:
            waiting.append(submit)
            return
        token = next(self._tokens)
        self._under_way[token] = group, key
        self._waiting[group, key] = [submit]
        out.queries.append(FindKey(token, group, key))

    def end(self, token: int) -> list[Submit]:
        """There is an answer; returns those who wait for it, in the order of their coming."""
        key = self._under_way.pop(token, None)
        return [] if key is None else self._waiting.pop(key)
