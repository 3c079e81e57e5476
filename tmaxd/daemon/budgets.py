"""What workers have spent of what their restart policy allows: durable, so that the end of a daemon gives nobody a
fresh start, who has given up or is in quarantine least of all.

The planner remembers all of it in its own clock. What ended well, or failed for good by its own status, is not kept:
the dead pane tells of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tmaxd.daemon.kept import read
from tmaxd.plan.draft import is_spare
from tmaxd.plan.history import NEW_SLOT, Slot
from tmaxd.ports import Clock
from tmaxd.tasks.records import Kept

PREFIX = "spent/"
"""Of the names under which they are kept on disk: `spent/WORKER`."""

TOLD_BY_THE_PANE = ("finished", "failed", "operator_stop")
"""Rests that are known again without this; the last one from the order itself."""


class Spent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A slot as it was when it had last spent something; all its times are wall times."""

    slot: Slot
    wait: float = 0.0
    """Seconds until it was to be started: the next daemon waits no longer, whatever was done to the clock."""


class Budgets:
    """One a daemon. `write` puts a record on disk; nobody waits for it."""

    def __init__(
        self, kept: Mapping[str, str], write: Callable[[Kept], None], clock: Clock
    ) -> None:
        """`kept`: what was on disk, all of it. Raises `kept.Unreadable`."""
        self._write = write
        self._clock = clock
        self._seen: Mapping[str, Slot] = {}
        self._written: dict[str, tuple[object, ...]] = {}
        """Worker to what was spent as far as it is on disk."""
        self.slots = self._recalled(kept)
        """What the first pass of this daemon remembers."""

    def note(self, slots: Mapping[str, Slot]) -> None:
        """What a pass remembers. Costs nothing worth a word while that does not change."""
        before, self._seen = self._seen, slots
        if slots == before:
            return
        for worker, slot in slots.items():
            if slot is not before.get(worker) and not is_spare(worker):
                self._note(worker, slot)
        for worker in self._written.keys() - slots.keys():
            self._forget(worker)

    def _note(self, worker: str, slot: Slot) -> None:
        spent = _spent(slot)
        if spent is None:
            self._forget(worker)
        elif spent != self._written.get(worker):
            self._written[worker] = spent
            text = msgspec.json.encode(self._on_disk(slot)).decode()
            self._write(Kept(PREFIX + worker, text))

    def _forget(self, worker: str) -> None:
        if self._written.pop(worker, None) is not None:
            self._write(Kept(PREFIX + worker, None))

    # ----------------------------------------------------------------------- from clock to clock

    def _on_disk(self, slot: Slot) -> Spent:
        now = self._clock.now()
        ahead = self._clock.wall() - now
        last, due = slot.last_exit, slot.next_start
        kept = msgspec.structs.replace(
            slot,
            **_PASSING,
            crashed_at=tuple(at + ahead for at in slot.crashed_at),
            next_start=None if due is None else due + ahead,
            last_exit=None if last is None else msgspec.structs.replace(last, at=last.at + ahead),
        )
        return Spent(slot=kept, wait=0.0 if due is None else max(0.0, due - now))

    def _recalled(self, kept: Mapping[str, str]) -> dict[str, Slot]:
        found: dict[str, Slot] = {}
        for name, text in kept.items():
            if name.startswith(PREFIX):
                worker = name.removeprefix(PREFIX)
                about = f"what {worker} has spent of its restarts"
                found[worker] = self._recall(read(name, text, Spent, about))
                self._written[worker] = _spent(found[worker]) or ()
        return found

    def _recall(self, spent: Spent) -> Slot:
        now, wall = self._clock.now(), self._clock.wall()
        slot, last, due = spent.slot, spent.slot.last_exit, spent.slot.next_start
        return msgspec.structs.replace(
            slot,
            crashed_at=tuple(now - max(0.0, wall - at) for at in slot.crashed_at),
            next_start=None if due is None else now + min(max(0.0, due - wall), spent.wait),
            last_exit=None
            if last is None
            else msgspec.structs.replace(last, at=now - max(0.0, wall - last.at)),
        )


_PASSING: dict[str, Any] = {
    key: getattr(NEW_SLOT, key) for key in ("stopping", "hold", "held_since", "dying", "changed")
}
"""Of one daemon: the next one looks for itself."""


def _spent(slot: Slot) -> tuple[object, ...] | None:
    """What makes the slot worth keeping, as far as a change of it is; None: nothing does."""
    spent = (
        slot.crashes,
        slot.crashed_at,
        slot.quarantined,
        slot.starved,
        slot.too_heavy,
        slot.too_heavy_for,
    )
    if slot.rest in TOLD_BY_THE_PANE or not any(spent):
        return None
    return (*spent, slot.rest, slot.last_exit)
