"""Task ids that somebody names, as many as a million: kept as ranges, since most of them follow each other. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import overload


class Ids(Sequence[int]):
    """Each once, in ascending order."""

    def __init__(self, ids: Iterable[int] = (), ranges: Iterable[tuple[int, int]] = ()) -> None:
        """`ranges`: first id and count of each; they may overlap, and hold some of the `ids`."""
        self._firsts: list[int] = []
        self._ends: list[int] = []
        for first, end in sorted([*_runs(ids), *((first, first + n) for first, n in ranges if n)]):
            if self._ends and first <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._firsts.append(first)
                self._ends.append(end)
        sizes = [end - first for first, end in zip(self._firsts, self._ends, strict=True)]
        self._places = [0, *accumulate(sizes)]
        """How many ids come before each range, and then of all."""

    @property
    def in_a_row(self) -> bool:
        """They have no gap."""
        return len(self._firsts) <= 1

    def __len__(self) -> int:
        return self._places[-1]

    def __iter__(self) -> Iterator[int]:
        for first, end in zip(self._firsts, self._ends, strict=True):
            yield from range(first, end)

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> list[int]: ...
    def __getitem__(self, place: int | slice) -> int | list[int]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        if place < 0:
            place += len(self)
        if not 0 <= place < len(self):
            raise IndexError(place)
        at = bisect_right(self._places, place) - 1
        return self._firsts[at] + place - self._places[at]

    def place(self, task: int) -> int | None:
        """Where the id stands among them; None where it does not."""
        at = bisect_right(self._firsts, task) - 1
        if at < 0 or task >= self._ends[at]:
            return None
        return self._places[at] + task - self._firsts[at]


def _runs(ids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(first, the one after the last) of ids that follow each other."""
    first = end = None
    for task in sorted(ids):
        if first is None or end is None:
            first, end = task, task + 1
        elif task <= end:
            end = max(end, task + 1)
        else:
            yield first, end
            first, end = task, task + 1
    if first is not None and end is not None:
        yield first, end
