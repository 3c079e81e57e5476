"""The events and small things that a fake journal has made durable."""

from __future__ import annotations

from tmaxd.ports import EventFilter, EventRow
from tmaxd.tasks.records import EventNoted, EventsForgotten, FleetRecord


class DurableNotes:
    def __init__(self) -> None:
        self.events: dict[int, EventRow] = {}
        self.kept: dict[str, str] = {}
        self.next_event = 1

    def apply(self, r: FleetRecord) -> None:
        if isinstance(r, EventNoted):
            assert r.seq >= self.next_event, f"event {r.seq} was there before"
            assert r.replaces is None or r.replaces < r.seq, r
            self.next_event = r.seq + 1
            self.events.pop(r.replaces or 0, None)
            self.events[r.seq] = EventRow(
                r.seq,
                r.at,
                r.first,
                r.count,
                r.level,
                r.name,
                r.worker,
                r.group,
                r.reason,
                r.fields,
            )
        elif isinstance(r, EventsForgotten):
            old = [e.seq for e in self.events.values() if e.seq <= r.up_to or e.at < r.before]
            for seq in old:
                del self.events[seq]
        elif r.text is None:
            self.kept.pop(r.name, None)
        else:
            self.kept[r.name] = r.text

    def find(self, f: EventFilter) -> tuple[EventRow, ...]:
        """Oldest first."""
        found = [
            event
            for seq, event in sorted(self.events.items())
            if seq > f.since
            and f.worker in (None, event.worker)
            and f.group in (None, event.group)
            and (not f.names or event.name in f.names)
        ]
        return tuple(found[-f.limit :] if f.last else found[: f.limit])
