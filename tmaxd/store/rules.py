"""What operations do to the store: each is judged by what is there, those before it in the same commit included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tmaxd.store.entries import (
    Change,
    ChangeWord,
    Delete,
    Entry,
    Head,
    Incr,
    Operation,
    Outcome,
    Place,
    Put,
    Total,
    size_of,
)
from tmaxd.store.limits import MAX_NAMESPACES, Limits
from tmaxd.store.values import HIGHEST, LONGEST_NUMBER, LOWEST, number_of

ABSENT = Outcome("absent")
NONE_THERE = 0
"""The version of what is not there."""


class Draft:
    """One commit in the making: what was there, and what is to be written."""

    def __init__(self, seq: int, there: Mapping[Place, Head], totals: Mapping[str, Total]) -> None:
        """`seq`: the number of the last change. `there`: of all places that the operations name, those that exist.
        `totals`: of all namespaces that exist."""
        self.seq = seq
        self._heads: dict[Place, Head] = dict(there)
        self.totals: dict[str, Total] = dict(totals)
        self.gone: list[int] = []
        """Versions that were on disk, and go."""
        self.rows: dict[Place, Entry] = {}
        """What is written."""
        self.changes: list[Change] = []
        self.touched: set[str] = set()
        """Namespaces with changes."""

    def apply(self, batch: Sequence[Operation], now: float, limits: Limits) -> list[Outcome]:
        return [self._one(operation, now, limits) for operation in batch]

    def _one(self, operation: Operation, now: float, limits: Limits) -> Outcome:
        match operation:
            case Put():
                return self._put(operation, now, limits)
            case Delete():
                return self._delete(operation, now)
            case Incr():
                return self._incr(operation, now, limits)

    def remove(self, place: Place, what: ChangeWord) -> None:
        """It is there, and goes."""
        self._take_away(place)
        self.seq += 1
        self.changes.append(Change(self.seq, *place, what))

    # --------------------------------------------------------------------------- one operation

    def _put(self, put: Put, now: float, limits: Limits) -> Outcome:
        place = (put.ns, put.key)
        head = self._living(place, now)
        version = head.version if head else NONE_THERE
        if put.if_version is not None and put.if_version != version:
            return Outcome("conflict", version)
        bounds = limits.of(put.ns)
        most = min(limits.max_value, bounds.max_size - len(put.key.encode()))
        if len(put.data) > most:
            return Outcome("too_large", version, limit=max(most, 0))
        ttl = bounds.ttl if put.ttl is None else put.ttl
        return self._store(put, put.data, now, None if ttl is None else now + ttl)

    def _delete(self, delete: Delete, now: float) -> Outcome:
        place = (delete.ns, delete.key)
        head = self._living(place, now)
        version = head.version if head else NONE_THERE
        if delete.if_version is not None and delete.if_version != version:
            return Outcome("conflict", version)
        if head is None:
            return ABSENT
        self.remove(place, "delete")
        return Outcome("deleted")

    def _incr(self, incr: Incr, now: float, limits: Limits) -> Outcome:
        head = self._living((incr.ns, incr.key), now)
        before = 0 if head is None else number_of(head.number)
        if before is None:
            return Outcome("not_a_number", head.version if head else NONE_THERE)
        after = before + incr.by
        if not LOWEST <= after <= HIGHEST:
            return Outcome("out_of_range", head.version if head else NONE_THERE)
        ttl = limits.of(incr.ns).ttl if incr.ttl is None else incr.ttl
        new = None if ttl is None else now + ttl
        found = self._store(incr, b"%d" % after, now, head.expires if head else new)
        return Outcome(found.verdict, found.version, after, found.expires)

    def _store(self, what: Put | Incr, data: bytes, now: float, expires: float | None) -> Outcome:
        place = (what.ns, what.key)
        if what.ns not in self.totals and len(self.totals) >= MAX_NAMESPACES:
            return Outcome("too_many_namespaces")
        self._take_away(place)
        self.seq += 1
        kind = what.kind if isinstance(what, Put) else "json"
        size = size_of(what.key, data)
        counts = kind == "json" and len(data) <= LONGEST_NUMBER
        self._heads[place] = Head(self.seq, size, expires, data if counts else None)
        self.rows[place] = Entry(*place, self.seq, kind, data, now, expires)
        total = self.totals.get(what.ns, Total())
        self.totals[what.ns] = Total(total.keys + 1, total.bytes + size)
        self.touched.add(what.ns)
        self.changes.append(Change(self.seq, *place, "put"))
        return Outcome("stored", self.seq, expires=expires)

    # ------------------------------------------------------------------------------- what is there

    def know(self, place: Place, head: Head) -> None:
        """It is on disk, and was not named by an operation."""
        if place not in self._heads:
            self._heads[place] = head

    def _living(self, place: Place, now: float) -> Head | None:
        head = self._heads.get(place)
        if head is None or (head.expires is not None and head.expires <= now):
            return None
        return head

    def _take_away(self, place: Place) -> None:
        """Nothing remains there, for the moment."""
        head = self._heads.pop(place, None)
        if head is None:
            return
        if self.rows.pop(place, None) is None:
            self.gone.append(head.version)
        total = self.totals[place[0]]
        left = Total(total.keys - 1, total.bytes - head.size)
        self.totals[place[0]] = left
        if not left.keys:
            del self.totals[place[0]]
        self.touched.add(place[0])
