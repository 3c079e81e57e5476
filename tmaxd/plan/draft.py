"""A plan in the making: the inputs of one pass, and what its rules have put down so far.

The rules of this room write to a Draft and to nothing else; `plan()` turns it into a frozen Plan.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from tmaxd.plan.actions import AnyAction
from tmaxd.plan.history import NEW_SLOT, History, Slot, Sweep
from tmaxd.plan.observed import NO_LOAD, Load, Observed
from tmaxd.plan.wanted import NO_GROUP, Wanted, WantedGroup

NEVER = float("inf")


@lru_cache(maxsize=4096)
def split(worker: str) -> tuple[str, int]:
    """`check-pool-12` → (`check-pool`, 12). A name without a number, or with one that we would not write
    (`check-0`, `check-01`, `check-²`), is slot 0 of itself."""
    group, _, number = worker.rpartition("-")
    if group and number.isascii() and number.isdigit() and number[0] != "0":
        return group, int(number)
    return worker, 0


class Draft(msgspec.Struct):
    wanted: Wanted
    observed: Observed
    history: History
    now: float
    actions: list[AnyAction] = []
    slots: dict[str, Slot] = {}
    sweeps: dict[str, Sweep] = {}
    unswept: set[str] = set()
    """Workers of which an earlier run may still have processes."""
    pending: dict[str, str] = {}
    wake_at: float = NEVER

    def group_of(self, worker: str) -> WantedGroup:
        name = split(worker)[0]
        return self.wanted.groups.get(name) or self.wanted.former.get(name, NO_GROUP)

    def slot(self, worker: str) -> Slot:
        return self.slots.get(worker, NEW_SLOT)

    def load(self, worker: str) -> Load:
        return self.observed.loads.get(worker, NO_LOAD)

    def wake(self, at: float) -> None:
        self.wake_at = min(self.wake_at, at)
