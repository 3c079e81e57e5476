"""Since when each condition has its status. Kept in memory, noted after each pass and for each status.

A moment that is known otherwise (a process began, a check said yes) is that one; else it is the look that saw the
change. What a daemon finds when it begins has been so since then, as far as it knows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from tmaxd.daemon.api.types.conditions import Truth

Truths = tuple[Truth, ...]
"""One for each condition, in the order of `conditions`."""

At = Sequence[float | None]
"""When each of them became so (wall time), where that is known."""


class Known(msgspec.Struct):
    run: str | None
    """Of a worker; another one means that it was down in between."""
    truths: Truths
    since: tuple[float, ...]


class Moments:
    """Of one kind of thing: workers, groups or the fleet."""

    def __init__(self) -> None:
        self._known: dict[str, Known] = {}

    def same(self, name: str, truths: Truths, run: str | None = None) -> bool:
        """There is nothing to note. Cheap, since it is asked of each worker after each pass."""
        known = self._known.get(name)
        return known is not None and known.truths == truths and known.run == run

    def knows(self, name: str, run: str) -> bool:
        """It had this run when it was noted last."""
        known = self._known.get(name)
        return known is not None and known.run == run

    def note(
        self, name: str, truths: Truths, at: At, wall: float, run: str | None = None
    ) -> list[tuple[int, float]]:
        """`wall`: now. Returns what has become another by it: its place in the row, and the moment."""
        known = self._known.get(name)
        when = [wall if moment is None else moment for moment in at]
        if known is None:
            self._known[name] = Known(run, truths, tuple(when))
            return list(enumerate(when))
        since, new = list(known.since), []
        for place, (truth, was) in enumerate(zip(truths, known.truths, strict=True)):
            # Another run that is ready, too: it was not so in between.
            if truth != was or (truth == "True" and run != known.run):
                # What is written down may be about the time before the last change.
                since[place] = when[place] if when[place] >= since[place] else wall
                new.append((place, since[place]))
        self._known[name] = Known(run, truths, tuple(since))
        return new

    def renew(self, name: str, at: At) -> None:
        """What holds still may have been otherwise in between, and holds since then."""
        known = self._known[name]
        known.since = tuple(
            max(since, moment) if truth == "True" and moment is not None else since
            for truth, since, moment in zip(known.truths, known.since, at, strict=True)
        )

    def since(self, name: str) -> tuple[float, ...]:
        """What was noted last. Raises KeyError where nothing was."""
        return self._known[name].since

    def truths(self, name: str) -> Truths:
        """Likewise."""
        return self._known[name].truths

    def keep(self, names: Collection[str]) -> None:
        """Forget all others."""
        if len(self._known) > len(names):
            self._known = {name: self._known[name] for name in names if name in self._known}
