"""What the strict twin does not let pass: every promise that the records make."""

from __future__ import annotations

import pytest

from tests.contract.journal_worlds import (
    assigned,
    closed,
    done,
    requeued,
    submitted,
    withdrawn,
)
from tmaxd.tasks.records import Assigned, Delivered, Record, Released, Revived
from tmaxd.testing.disk import Disk

BROKEN: dict[str, tuple[Record, ...]] = {
    "an id twice": (submitted(9), submitted(9)),
    "ids over ids": (submitted(9, 3), submitted(11)),
    "a key twice": (submitted(9, key="k"), submitted(10, key="k")),
    "one key for two": (submitted(9, 2, key="k"),),
    "a lease of a leased task": (assigned(3, 1),),
    "a lease of a task that is over": (done(1), assigned(3, 1)),
    "a lease for an attempt that is spent": (requeued(1), assigned(3, 1)),
    "a lease for an attempt too many": (assigned(3, 5, attempt=2),),
    "a lease of another group": (Assigned(3, "x", "g-1", "r1", [5], [1], 1.0),),
    "a number of a send twice": (assigned(2, 5),),
    "a delivered lease with an open task": (done(1), Delivered([1])),
    "a delivered lease that never was": (Delivered([7]),),
    "a released run with an open task": (requeued(1), Released("r1")),
    "an uncounted requeue and no more": (requeued(1, outcome="unsent"),),
    "an uncounted requeue and a delivered lease": (
        requeued(1, outcome="unsent"),
        done(2),
        Delivered([1]),
    ),
    "done and not leased": (done(5),),
    "done twice": (done(1), done(1)),
    "done by an attempt that is spent": (requeued(1), done(1)),
    "done, and the disk says delayed": (requeued(1, due=9.0), assigned(3, 1, attempt=2), done(1, attempt=2)),
    "requeued and not leased": (requeued(5),),
    "requeued by another run": (requeued(1, run="r9", worker="g-9"),),
    "requeued from delayed": (requeued(1, was="delayed"),),
    "dead and not leased": (closed(5),),
    "dead twice": (closed(1), closed(1)),
    "dead at another attempt": (closed(1, attempt=2),),
    "withdrawn while it is leased": (withdrawn(1),),
    "withdrawn from delayed": (withdrawn(5, was="delayed"),),
    "withdrawn after more attempts": (withdrawn(5, attempt=1),),
    "revived while it waits": (Revived(id=5, group="g", at=1.0, was="dead"),),
    "revived from the other state": (closed(1), Revived(id=1, group="g", at=1.0, was="cancelled")),
    "revived when it is done": (done(1), Revived(id=1, group="g", at=1.0, was="dead")),
}  # fmt: skip


def filled() -> Disk:
    """Tasks 1 to 4 are leased to `r1` by two sends, 5 to 8 wait."""
    disk = Disk()
    disk.write([submitted(1, 8), assigned(1, 1, 2), assigned(2, 3, 4)])
    return disk


@pytest.mark.parametrize("records", BROKEN.values(), ids=list(BROKEN))
def test_what_breaks_a_promise_is_no_way_on(records: tuple[Record, ...]) -> None:
    with pytest.raises((AssertionError, KeyError)):
        filled().write(records)


def test_what_keeps_them_all_goes_through() -> None:
    disk = filled()
    disk.write([done(1), requeued(2, due=9.0), Delivered([1])])
    disk.write([requeued(3, outcome="interrupted"), closed(4), Released("r1")])
    disk.write([withdrawn(5), Revived(id=4, group="g", at=1.0, was="dead")])
    disk.write([assigned(1, 2, attempt=2), assigned(2, 3), assigned(3, 4, attempt=2)])
    found = disk.recover()
    assert [(lease.id, lease.attempt) for lease in found.leases] == [(2, 2), (3, 1), (4, 2)]
    assert found.counts == {"g": {"queued": 4, "delayed": 2, "done": 1, "cancelled": 1}}
