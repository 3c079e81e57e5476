"""What the API asks of the daemon about events. A part of the implementation of `api.facade`."""

from __future__ import annotations

import json

from tmaxd.daemon.api import types as t
from tmaxd.daemon.face import FleetFace
from tmaxd.ports import EventFilter, EventRow


class EventFacade(FleetFace):
    async def events(self, filters: EventFilter) -> tuple[t.Event, ...]:
        self._fleet.events.flush()
        return tuple(shown(row) for row in await self._journal.events(filters))

    def last_event(self) -> int:
        return self._fleet.events.last

    async def later_event(self, seq: int) -> None:
        await self._fleet.events.later_than(seq)


def shown(row: EventRow) -> t.Event:
    return t.Event(
        seq=row.seq,
        at=row.at,
        first=row.first,
        count=row.count,
        level=row.level,
        event=row.name,
        worker=row.worker,
        group=row.group,
        reason=row.reason,
        fields=json.loads(row.fields),
    )
