"""Orders, waits, revisions and events of the made-up fleet: what was asked is kept, what is answered is set."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from tests.ctl.fake_story import START
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.api.types import (
    Await,
    Awaited,
    ChangedKey,
    Difference,
    Event,
    FailedChange,
    Missing,
    Order,
    Ordered,
    RevisionList,
    RevisionRow,
    RolledBack,
    Status,
)
from tmaxd.ports import EventFilter


def event(seq: int, name: str = "ready", **changes: Any) -> Event:
    values: dict[str, Any] = {
        "at": START + seq,
        "first": START + seq,
        "count": 1,
        "level": "info",
        "worker": "",
        "group": "",
        "reason": "",
        "fields": {},
    }
    return Event(seq=seq, event=name, **(values | changes))


def revision(number: int, cause: str = "", **changes: Any) -> RevisionRow:
    row = RevisionRow(
        number=number, applied=START + number, cause=cause, in_force=False, in_file=False
    )
    return msgspec.structs.replace(row, **changes)


COUNT = ChangedKey(key="workers.check.count", old=2, new=3, takes_effect="live")
TOKEN = ChangedKey(key="workers.check.env.TOKEN", new="sesame", takes_effect="when_idle")


class FakeOrders:
    """A part of the made-up facade."""

    now: Status

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.wishes: list[Await] = []
        self.missing: list[Missing] = []
        """Who is not as wanted, whatever is wanted."""
        self.failed_changes: tuple[FailedChange, ...] = ()
        """What is said of them by whoever waits for `settled`."""
        self.obeyed: Status | None = None
        """What is so once the next order has been given."""
        self.rows: list[RevisionRow] = [
            revision(3, in_force=True, in_file=True),
            revision(2),
            revision(1),
        ]
        self.changes: tuple[ChangedKey, ...] = (COUNT,)
        self.compared: list[tuple[int | None, int | None]] = []
        self.rolled: list[int | None] = []
        self.happened: list[Event] = []
        self.something = asyncio.Event()
        """There are more events, or nobody is missing any more."""
        self.followers = 0
        """Streams that have waited for events."""

    async def order(self, order: Order) -> Ordered:
        if order.do == "scale" and any(w.name in order.targets for w in self.now.workers):
            raise Denied("bad_order", f"{order.targets[0]} is a worker; groups are scaled")
        names = [g.name for g in self.now.groups]
        groups = tuple(names) if order.all else tuple(t for t in order.targets if t in names)
        known = tuple(
            w.name for w in self.now.workers if w.group in groups or w.name in order.targets
        )
        if not known:
            raise Denied("unknown_target", f"no group or worker {order.targets[0]}")
        self.orders.append(order)
        self.now, self.obeyed = self.obeyed or self.now, None
        return Ordered(do=order.do, groups=groups, workers=known)

    async def awaited(self, wish: Await) -> Awaited:
        self.wishes.append(wish)
        try:
            async with asyncio.timeout(wish.timeout):
                while self.missing and not self._failed(wish):
                    self.something.clear()
                    await self.something.wait()
        except TimeoutError:
            pass
        back = self._failed(wish)
        return Awaited(
            met=not self.missing and not back,
            missing=tuple(self.missing),
            count=len(self.missing),
            failed_changes=back,
        )

    def _failed(self, wish: Await) -> tuple[FailedChange, ...]:
        return self.failed_changes if wish.for_ == "settled" else ()

    def arrive(self) -> None:
        """Nobody is missing any more. In the loop's thread."""
        self.missing.clear()
        self.something.set()

    async def revisions(self) -> RevisionList:
        return RevisionList(tuple(self.rows))

    async def difference(self, old: int | None, new: int | None) -> Difference:
        self.compared.append((old, new))
        return Difference(old=old or 2, new=new or 3, changes=self.changes)

    async def rollback(self, number: int | None) -> RolledBack:
        self.rolled.append(number)
        return RolledBack(
            outcome="applied", to=number or 2, revision=4, changed=("workers.check.count",)
        )

    async def events(self, filters: EventFilter) -> tuple[Event, ...]:
        found = [
            e
            for e in self.happened
            if e.seq > filters.since
            and filters.worker in (None, e.worker)
            and filters.group in (None, e.group)
            and (not filters.names or e.event in filters.names)
        ]
        return tuple(found[-filters.limit :] if filters.last else found[: filters.limit])

    def last_event(self) -> int:
        return self.happened[-1].seq if self.happened else 0

    async def later_event(self, seq: int) -> None:
        self.followers += 1
        while self.last_event() <= seq:
            self.something.clear()
            await self.something.wait()

    def happen(self, *events: Event) -> None:
        """In the loop's thread."""
        self.happened += events
        self.something.set()
