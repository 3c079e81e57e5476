"""What a kind of clean-up is made of: told what to remove, it removes, and writes down what went as it goes."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

from tmaxd.spec.upkeep import Cleanup

SAMPLE: Final = 100
"""Items that a report names; of more it has only the number, since a clean-up may remove a million."""
PROBLEMS: Final = 20
"""Problems that a report names, for the same reason: a whole tree may refuse for one cause."""


class Item(msgspec.Struct, frozen=True):
    """One thing that went, or would go."""

    name: str
    """What people know it by: a path, `pid 4711`, a FIFO; any text, it is made safe where it is shown."""
    bytes: int = 0
    note: str = ""
    """What else to know of it, in words: `npx --yes foo, 3 d old, from web-1 (run 12ab)`."""


class Report(msgspec.Struct):
    """What a clean-up has removed so far; in a dry run, what it would. It is filled as the work goes on, so that it is
    right, too, if the work fails in the middle, runs out of time, or is cancelled."""

    count: int = 0
    bytes: int = 0
    """What came back, as far as is known."""
    items: list[Item] = []
    """The first `SAMPLE` of them."""
    problems: list[str] = []
    """What was left, and why; each a sentence. The first `PROBLEMS` of them."""
    unnamed: int = 0
    """Problems beyond those."""

    def add(self, name: str, size: int = 0, note: str = "") -> None:
        """One thing with `size` bytes is gone."""
        self.add_many(1, size)
        if len(self.items) < SAMPLE:
            self.items.append(Item(name, size, note))

    def add_many(self, count: int, size: int) -> None:
        """So many more, not named one by one."""
        self.count += count
        self.bytes += size

    def problem(self, text: str) -> None:
        if len(self.problems) < PROBLEMS:
            self.problems.append(text)
        else:
            self.unnamed += 1


class Cleaner(Protocol):
    """One kind of clean-up. `runner` calls it, never twice at a time, and never two cleaners at a time."""

    async def clean(self, entry: Cleanup, dry: bool, now: float, report: Report) -> None:
        """Remove what `entry` describes, and add it to the report at once as it goes. `dry`: only add what would go,
        and change nothing. `now`: wall time, by which ages are judged.

        The work is done in slices, so that nobody waits for it: in the loop's thread at most a millisecond at a time,
        or in a thread. It may be cancelled at any await, at its deadline and when the daemon ends; a thread of its own
        is then told to stop, and has stopped when the cancellation goes on. What stands in the way of a single item is
        a `problem` in the report; what is raised (OSError, WorldError, JournalError, Unknown) ends this run, and
        becomes a problem, too. There is no other retry than the next run."""
