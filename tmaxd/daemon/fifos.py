"""The FIFOs that belong to no single worker, as far as this daemon holds them: what the planner sees of them, and what
it wants done about them; and the workers' own, which need no memory here."""

from __future__ import annotations

from collections.abc import Callable, Set

from tmaxd.plan import actions as a
from tmaxd.ports import Pipes

Hand = Callable[[str], None]


class Fifos:
    """One a daemon. Its methods raise what `Pipes` raises; what failed is then not held."""

    def __init__(self, pipes: Pipes) -> None:
        self._pipes = pipes
        self.inboxes: set[str] = set()
        self.outboxes: set[str] = set()
        self.shared: set[str] = set()
        self._hands: dict[type[a.Action], tuple[Hand, Hand]] = {
            a.AddPipes: (pipes.add_worker, _nothing),
            a.RemovePipes: (pipes.remove_worker, _nothing),
            a.AddInbox: (pipes.add_inbox, self.inboxes.add),
            a.RemoveInbox: (pipes.remove_inbox, self._inbox_removed),
            a.AddOutbox: (pipes.add_outbox, self.outboxes.add),
            a.RemoveOutbox: (pipes.remove_outbox, self.outboxes.discard),
            a.AddShared: (pipes.add_shared, self.shared.add),
            a.RemoveShared: (pipes.remove_shared, self.shared.discard),
        }

        self.on_inbox_removed: Hand = _nothing
        """Told when all that an inbox held has been read, and no more will be."""

    def _inbox_removed(self, name: str) -> None:
        self.inboxes.discard(name)
        self.on_inbox_removed(name)

    def perform(self, action: a.AnyAction) -> None:
        do, remember = self._hands[type(action)]
        do(action.worker)
        remember(action.worker)

    def take_over(self, outboxes: Set[str]) -> None:
        """Hold all that an earlier daemon left; those that the spec no longer has go with the first pass. `outboxes`:
        what the spec calls so is never read from, whatever it was before."""
        for name in self._pipes.outboxes():
            self._pipes.add_outbox(name)
            self.outboxes.add(name)
        for name in self._pipes.inboxes() - outboxes:
            self._pipes.add_inbox(name)
            self.inboxes.add(name)
        for group in self._pipes.shared():
            self._pipes.add_shared(group)
            self.shared.add(group)


def _nothing(_: str) -> None: ...
