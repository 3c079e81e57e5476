"""`FakeStore`: the port `Store` in memory, and a disk that can refuse. It judges by the same rules as the real one, and
writes down nothing but what was committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from tmaxd.ports.store import Begun, Committed, Doomed, Page, StoreError, Why
from tmaxd.store.entries import ChangeWord, Entry, Head, Operation, Outcome, Place, Total
from tmaxd.store.limits import Limits
from tmaxd.store.rules import Draft
from tmaxd.store.values import LONGEST_NUMBER, Needle

TRIMMED = 512


class FakeStore:
    """Made anew from the same `entries`, it is what the next daemon finds."""

    def __init__(self) -> None:
        self.entries: dict[Place, Entry] = {}
        self.used: dict[Place, int] = {}
        self.seq = 0
        self.reached = float("-inf")
        self.broken: str | None = None
        """Why the disk refuses."""
        self.on_commit: Callable[[Committed], None] = lambda _: None

    async def begin(self) -> Begun | None:
        self._check()
        if not self.seq:
            return None
        times = [e.expires for e in self.entries.values() if e.expires is not None]
        return Begun(self.seq, self.reached, self._totals(), min(times, default=None))

    # ---------------------------------------------------------------------------------- writing

    async def write(
        self,
        operations: Sequence[Operation],
        now: float,
        limits: Limits,
        used: Sequence[tuple[Place, int]] = (),
    ) -> Sequence[Outcome]:
        await asyncio.sleep(0)
        self._check()
        draft = self._draft()
        outcomes = draft.apply(operations, now, limits)
        for place, seq in used:
            self.used[place] = max(2 * seq + 1, self.used.get(place, 0))
        self._commit(draft, now, self._trim(draft, draft.touched, limits))
        return outcomes

    async def remove(self, versions: Sequence[int], why: Why, now: float) -> Sequence[Outcome]:
        await asyncio.sleep(0)
        self._check()
        draft, gone = self._draft(), set(versions)
        found = [(p, e.version) for p, e in self.entries.items() if e.version in gone]
        for place, _ in found:
            draft.remove(place, why)
        self._commit(draft, now, [])
        return [Outcome("deleted", version) for _, version in found]

    async def trim(
        self, namespaces: Sequence[str], now: float, limits: Limits
    ) -> Sequence[Outcome]:
        await asyncio.sleep(0)
        self._check()
        draft = self._draft()
        self._commit(draft, now, self._trim(draft, namespaces, limits))
        return ()

    def _draft(self) -> Draft:
        heads = {place: _head(entry) for place, entry in self.entries.items()}
        return Draft(self.seq, heads, self._totals())

    def _trim(
        self, draft: Draft, namespaces: Sequence[str] | set[str], limits: Limits
    ) -> list[str]:
        over = []
        for ns in sorted(namespaces):
            bounds = limits.of(ns)
            there = {p: e.version for p, e in {**self.entries, **draft.rows}.items() if p[0] == ns}
            gone = {c.key for c in draft.changes if c.what != "put" and c.ns == ns}
            order = sorted(there, key=lambda p: max(2 * there[p], self.used.get(p, 0)))
            for place in [p for p in order if p[1] not in gone][:TRIMMED]:
                if not bounds.over(draft.totals.get(ns, Total())):
                    break
                word: ChangeWord = "evict"
                draft.remove(place, word)
            if bounds.over(draft.totals.get(ns, Total())):
                over.append(ns)
        return over

    def _commit(self, draft: Draft, now: float, over: Sequence[str]) -> None:
        gone = set(draft.gone)
        self.entries = {p: e for p, e in self.entries.items() if e.version not in gone}
        self.entries.update(draft.rows)
        self.used = {p: s for p, s in self.used.items() if p in self.entries}
        self.seq, self.reached = draft.seq, max(self.reached, now)
        totals = {ns: draft.totals.get(ns, Total()) for ns in draft.touched}
        self.on_commit(Committed(draft.seq, draft.changes, totals, over, draft.rows))

    # ---------------------------------------------------------------------------------- reading

    async def get(self, places: Sequence[Place]) -> Mapping[Place, Entry]:
        await asyncio.sleep(0)
        self._check()
        return {place: self.entries[place] for place in places if place in self.entries}

    async def page(
        self, ns: str, prefix: str, after: str, limit: int, now: float, *, values: bool
    ) -> Page:
        self._check()
        found = self._living(ns, prefix, after, now)
        shown = tuple(e if values else _bare(e) for e in found[:limit])
        return Page(shown, _more(found, limit), tuple(len(e.data) for e in found[:limit]))

    async def search(
        self, ns: str, prefix: str, text: str, after: str, limit: int, now: float
    ) -> Page:
        self._check()
        needle = Needle(text)
        found = [e for e in self._living(ns, prefix, after, now) if needle.found_in(e)]
        return Page(
            tuple(found[:limit]), _more(found, limit), tuple(len(e.data) for e in found[:limit])
        )

    async def expired(self, now: float, limit: int) -> tuple[Sequence[Doomed], float | None]:
        self._check()
        timed = [(e.expires, e) for e in self.entries.values() if e.expires is not None]
        timed.sort(key=lambda one: one[0])
        due = [_doomed(e) for at, e in timed if at <= now][:limit]
        return due, timed[len(due)][0] if len(timed) > len(due) else None

    async def old(
        self, before: float, namespaces: Sequence[str], after: int, limit: int
    ) -> tuple[Sequence[Doomed], int | None]:
        self._check()
        found = sorted(
            (
                e
                for e in self.entries.values()
                if e.written <= before
                and e.version > after
                and (not namespaces or e.ns in namespaces)
            ),
            key=lambda e: e.version,
        )
        last = found[limit - 1].version if len(found) > limit else None
        return [_doomed(e) for e in found[:limit]], last

    def trouble(self) -> str | None:
        return self.broken

    async def close(self) -> None: ...

    def _living(self, ns: str, prefix: str, after: str, now: float) -> list[Entry]:
        found = [
            e
            for e in self.entries.values()
            if e.ns == ns and e.key.startswith(prefix) and e.key > after
        ]
        living = [e for e in found if e.expires is None or e.expires > now]
        return sorted(living, key=lambda e: e.key)

    def _totals(self) -> dict[str, Total]:
        found: dict[str, Total] = {}
        for entry in self.entries.values():
            total = found.get(entry.ns, Total())
            found[entry.ns] = Total(total.keys + 1, total.bytes + entry.size)
        return found

    def _check(self) -> None:
        if self.broken is not None:
            raise StoreError(self.broken)


def _head(entry: Entry) -> Head:
    short = entry.kind == "json" and len(entry.data) <= LONGEST_NUMBER
    return Head(entry.version, entry.size, entry.expires, entry.data if short else None)


def _bare(entry: Entry) -> Entry:
    return Entry(entry.ns, entry.key, entry.version, entry.kind, b"", entry.written, entry.expires)


def _doomed(entry: Entry) -> Doomed:
    return Doomed(entry.version, entry.ns, entry.key, entry.size)


def _more(found: Sequence[Entry], limit: int) -> str | None:
    return found[limit - 1].key if len(found) > limit else None
