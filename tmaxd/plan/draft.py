"""A plan in the making: the inputs of one pass, and what its rules have put down so far.

The rules of this room write to a Draft and to nothing else; `plan()` turns it into a frozen Plan.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from tmaxd.plan.actions import AnyAction
from tmaxd.plan.history import NEW_SLOT, Death, History, MassDeath, Revival, Roll, Slot, Sweep
from tmaxd.plan.observed import NO_INTENT, NO_LOAD, Intent, Load, Observed
from tmaxd.plan.reasons import Reason
from tmaxd.plan.tallies import NO_MEMORY, Memory
from tmaxd.plan.wanted import NO_GROUP, Wanted, WantedGroup

NEVER = float("inf")

SPARE = "_"
"""Between the group and the number of a spare."""


@lru_cache(maxsize=4096)
def split(worker: str) -> tuple[str, int]:
    """`check-pool-12` → (`check-pool`, 12), a slot; `check-pool_3` → (`check-pool`, -3), a spare of its pool. A name
    without a number, or with one that we would not write (`check-0`, `check-01`, `check-²`), is slot 0 of itself."""
    mark = SPARE if SPARE in worker else "-"  # no group has it in its name
    group, _, number = worker.rpartition(mark)
    if group and number.isascii() and number.isdigit() and number[0] != "0":
        return group, int(number) if mark == "-" else -int(number)
    return worker, 0


def spare_name(group: str, number: int) -> str:
    return f"{group}{SPARE}{number}"


def is_spare(worker: str) -> bool:
    return SPARE in worker and split(worker)[1] < 0


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
    deaths: dict[str, Death] = {}
    mass: MassDeath | None = None
    revival: Revival | None = None
    revivals: dict[str, float] = {}
    """Of those who died with many others: when (monotonic) they are started again."""
    rolls: dict[str, Roll] = {}
    chosen: dict[str, frozenset[int]] = {}
    """Group to the numbers that should be filled."""
    unmet: dict[str, str] = {}
    """Group to the first condition of its `after` that does not hold; empty when all do. As far as somebody asked."""
    failed_ahead: dict[str, str] = {}
    """Group that others wait for to the group that has failed for good, itself or one before it; empty: none has. As
    far as somebody asked."""
    half_taken: dict[str, str] = {}
    """Spares that tmux knows as a slot already, by that slot: their hand-over is carried to its end."""
    taken: set[str] = set()
    """Spares that become slots in this pass."""
    first: bool = False
    """Some slot starts in this pass: spares wait until it has."""
    living: frozenset[str] | None = None
    """Groups of which something lives; None: nobody has asked yet."""
    memory: Memory = NO_MEMORY
    """What is remembered of memory, with the last sample."""
    due: dict[str, Reason] = {}
    """Workers and spares that are to be replaced once they are idle, for memory or age."""
    kills: dict[str, str] = {}
    """Workers and spares that are killed for their memory, and the run that is."""
    admitted: dict[str, int] = {}
    """Bytes that starts which are not over were expected to need."""
    needs: dict[str, int] = {}
    """Group to the bytes that a start in it is expected to need; as far as somebody asked."""
    starting: bool | None = None
    """Some worker is being started; None: nobody has asked yet."""
    waits: dict[str, str] = {}
    """Worker to what it waits for, such as `db: ready`."""
    blocked: dict[str, str] = {}
    """Of these, those that wait in vain, to the group that has failed."""
    pending: dict[str, str] = {}
    wake_at: float = NEVER

    def group_of(self, worker: str) -> WantedGroup:
        name = split(worker)[0]
        return self.wanted.groups.get(name) or self.wanted.former.get(name, NO_GROUP)

    def slot(self, worker: str) -> Slot:
        return self.slots.get(worker, NEW_SLOT)

    def load(self, worker: str) -> Load:
        return self.observed.loads.get(worker, NO_LOAD)

    def intent(self, worker: str) -> Intent:
        return self.observed.intents.get(worker, NO_INTENT)

    def is_revived(self, worker: str) -> bool:
        """It died with many others, and is not up again; or it is a spare, which has to wait for those."""
        return self.revival is not None and (worker in self.revival.waiting or is_spare(worker))

    def wake(self, at: float) -> None:
        self.wake_at = min(self.wake_at, at)


def why_unwanted(d: Draft, worker: str) -> Reason:
    if d.observed.down:
        return "down"
    return "scaled_down" if split(worker)[0] in d.wanted.groups else "group_removed"
