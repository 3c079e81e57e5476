"""When to look on disk for waiting tasks whose time to begin is over. What is taken from memory is looked at there
and then (`lanes`); this is for those that nobody takes, so that their end is told in time."""

from __future__ import annotations

from tmaxd.tasks.records import Page

EXPIRED_ITEMS = 256
"""Tasks ended at once: one step's worth."""

PACE = 1.0
"""Seconds between two looks, and after one that failed: tasks that expire one after the other share one."""


class Expiry:
    """Of one group. At most one look is under way."""

    __slots__ = ("_asked", "_newly", "_rest", "forgiven", "next")

    def __init__(self) -> None:
        self.next: float | None = None
        """When the first of the waiting tasks expires, or earlier."""
        self.forgiven: set[int] = set()
        """Tasks whose expiry was taken from them since the look was asked for."""
        self._asked = False
        self._newly: float | None = (
            None  # the earliest that began to wait since the look was asked for
        )
        self._rest = 0.0

    def note(self, expires: float) -> None:
        """A task that expires then waits from now on."""
        if self._asked and (self._newly is None or expires < self._newly):
            self._newly = expires
        if self.next is None or expires < self.next:
            self.next = expires

    def forgive(self, task: int) -> None:
        """The task does not expire any more."""
        if self._asked:
            self.forgiven.add(task)

    def retry(self, now: float) -> None:
        """What the last look found could not be ended."""
        self.note(now)
        self._rest = now + PACE

    def ask(self, now: float, in_flight: int) -> int | None:
        """The limit of the look to make now, which is then under way. Tasks in flight do not expire, but their rows
        are in the answer."""
        if self._asked or self.next is None or now < self.next:
            return None
        if self._rest - PACE <= now < self._rest:  # a clock that was set back does not prolong it
            return None
        self._asked = True
        self._newly = None
        self.forgiven = set()
        return EXPIRED_ITEMS + in_flight

    def loaded(self, page: Page | None, now: float, fresh: bool) -> None:
        """The answer to `ask`; None when the read failed. `fresh`: it named tasks that could be ended."""
        self._asked = False
        if page is None:
            self._rest = now + PACE
            return
        later = [at for at in (page.next_due, self._newly) if at is not None]
        self.next = now if page.more else min(later, default=None)
        if not (page.more and fresh):
            self._rest = now + PACE

    def wake_at(self) -> float | None:
        """When a look is due, unless one is under way."""
        if self.next is None or self._asked:
            return None
        return max(self.next, self._rest)
