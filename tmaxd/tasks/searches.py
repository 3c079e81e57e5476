"""Looks at the disk for tasks that somebody named: what is under way, and which of those tasks have changed since it
was asked for, so that what is read of them is old."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from tmaxd.tasks.events import FindTasks, Verdict
from tmaxd.tasks.records import Queued

FIND_IDS = 1000
"""Tasks of one read."""


class Order:
    """What somebody wants of some tasks, until there is an answer for each. `token` None: nobody waits for it."""

    __slots__ = ("open", "token", "verdicts")

    def __init__(self, token: int | None, ids: Iterable[int]) -> None:
        self.token = token
        self.verdicts: dict[int, Verdict | None] = dict.fromkeys(ids)
        """By id, in the order of asking; None while it is open."""
        self.open = len(self.verdicts)

    def decide(self, task: int, verdict: Verdict) -> None:
        if self.verdicts[task] is None:
            self.open -= 1
        self.verdicts[task] = verdict

    def answer(self) -> list[tuple[int, Verdict]]:
        return [(task, verdict) for task, verdict in self.verdicts.items() if verdict is not None]


class CancelOrder(Order):
    """To end them."""

    __slots__ = ()


class RetryOrder(Order):
    """To have them tried again."""

    __slots__ = ()


class ExpireOrder(Order):
    """To end those of a group that have expired, as the disk had them."""

    __slots__ = ("group", "rows")

    def __init__(self, group: str, rows: Mapping[int, Queued]) -> None:
        super().__init__(None, rows)
        self.group = group
        self.rows = rows


class Search:
    """One read under way. `changed`: those of its tasks that are not any more what they were when it was asked for."""

    __slots__ = ("changed", "ids", "order")

    def __init__(self, order: Order, ids: Sequence[int]) -> None:
        self.order = order
        self.ids = frozenset(ids)
        self.changed: set[int] = set()


class Searches:
    """All that are under way, by the token of their query."""

    __slots__ = ("_tokens", "open")

    def __init__(self) -> None:
        self._tokens = count(1)
        self.open: dict[int, Search] = {}

    def begin(self, order: Order, ids: Iterable[int]) -> list[FindTasks]:
        """The reads to make now for these tasks of the order."""
        wanted = list(ids)
        queries = []
        for start in range(0, len(wanted), FIND_IDS):
            token = next(self._tokens)
            some = wanted[start : start + FIND_IDS]
            self.open[token] = Search(order, some)
            queries.append(FindTasks(token, some))
        return queries

    def end(self, token: int) -> Search | None:
        return self.open.pop(token, None)

    def changed(self, task: int) -> None:
        """The task has ended, waits again or was revived."""
        for search in self.open.values():
            if task in search.ids:
                search.changed.add(task)
