"""The clean-up `stale`: what goes is nobody's; what anybody has, or may have, stays. And what `files` decides."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.daemon.cleaning.files import FilesCleaner
from tmaxd.daemon.cleaning.stale import StaleCleaner
from tmaxd.ports import Labels, Unknown
from tmaxd.ports.remains import Kind, Remnant
from tmaxd.ports.sweeping import Sweep, Tally
from tmaxd.spec.units import Duration
from tmaxd.spec.upkeep import Cleanup
from tmaxd.testing.simulation import Simulation

SPEC = """
version: 1
fleet: sim
workers:
  w: {count: 2, serve: [x]}
  old: {count: 1, run: [x]}
pipes:
  inboxes: {in: {to: w}}
"""
LESS = SPEC.replace("  old: {count: 1, run: [x]}\n", "")
ENTRY = Cleanup(what="stale", every=Duration(60))


class Remains:
    """The port, as a list."""

    def __init__(self, *remnants: Remnant) -> None:
        self.there = list(remnants)
        self.refuse = False

    async def find(self) -> tuple[Remnant, ...]:
        return tuple(self.there)

    def remove(self, remnant: Remnant) -> bool:
        if self.refuse:
            raise PermissionError(13, "Permission denied")
        self.there.remove(remnant)
        return True


def remnant(owner: str, kind: Kind = "spool", at: float = 0.0) -> Remnant:
    return Remnant(kind=kind, path=f"/sim/{kind}/{owner}", owner=owner, at=at, bytes=4096)


@pytest.fixture
def sim() -> Iterator[Simulation]:
    made = Simulation(SPEC)
    made.start()
    made.settle()
    yield made
    made.close()


def clean(
    sim: Simulation, remains: Remains, *, dry: bool = False, entry: Cleanup = ENTRY
) -> Report:
    assert sim.fleet is not None
    report = Report()
    sim.run(StaleCleaner(sim.fleet, remains).clean(entry, dry, sim.clock.wall(), report))
    return report


USED = ["w", "w-1", "w-2", "w_1", "w_99", "old-1", "old_3", "in"]
"""Also names of spares: a worker that was one still has its spool."""
NOBODYS = ["w-3", "gone", "gone-1", "gone_2", "olde-1", ""]


def test_only_what_is_nobodys_goes(sim: Simulation) -> None:
    remains = Remains(*(remnant(name) for name in [*USED, *NOBODYS]))
    told = clean(sim, remains, dry=True)
    assert len(remains.there) == len(USED) + len(NOBODYS)
    done = clean(sim, remains)
    assert [r.owner for r in remains.there] == USED
    assert told.items == done.items
    assert (done.count, done.bytes) == (len(NOBODYS), len(NOBODYS) * 4096)
    assert done.items[0].note == "the folder of a worker that there is no more, empty"


def test_what_of_a_removed_group_still_lives_keeps_its_own(sim: Simulation) -> None:
    sim.processes.ignore_term(sim.tmux.session("old-1").pid)
    sim.edit(LESS)
    assert sim.reload()
    sim.one_pass()
    remains = Remains(remnant("old-1"), remnant("old_3"))
    assert clean(sim, remains).count == 0, "it is being stopped"
    sim.settle()
    assert clean(sim, remains).count == 2
    assert remains.there == []


def test_age_and_refusals(sim: Simulation) -> None:
    wall = sim.clock.wall()
    remains = Remains(remnant("a-1", at=wall - 100), remnant("b-1", at=wall - 10))
    entry = Cleanup(what="stale", every=Duration(60), ttl=Duration(60))
    remains.refuse = True
    report = clean(sim, remains, entry=entry)
    assert report.count == 0
    assert report.problems == ["/sim/spool/a-1 cannot be removed: Permission denied"]
    remains.refuse = False
    assert clean(sim, remains, entry=entry).count == 1
    assert [r.owner for r in remains.there] == ["b-1"]


def test_paths_of_runs_that_nobody_knows(sim: Simulation) -> None:
    assert sim.fleet is not None
    live = sim.fleet.runs.live["w-1"].run
    sim.pipes.link(live, "w-1")
    sim.pipes.link("lost", "w-2")
    sim.fleet.executor.starter.launching.add("young")
    sim.pipes.link("young", "w-2")
    assert clean(sim, Remains(), dry=True).items == clean(sim, Remains()).items
    assert sim.pipes.linked() == {live, "young"}


def test_dead_doubles_of_sessions_go(sim: Simulation) -> None:
    def add(name: str, worker: str, run: str, *, dead: bool, attached: int = 0) -> None:
        labels = Labels(fleet="sim", worker=worker, run=run, fingerprint="x")
        session = sim.tmux.foreign(name, labels)
        session.dead, session.attached = dead, attached

    add("double", "w-1", "lost", dead=True)
    add("lives", "w-1", "lost", dead=False)
    add("watched", "w-2", "lost", dead=True, attached=1)
    theirs = sim.tmux.foreign("theirs")
    theirs.dead = True
    sim.one_pass()
    before = {session.name for session in sim.tmux.sessions.values()}
    assert before >= {"double", "lives", "watched", "theirs", "w-1", "w-2", "old-1"}
    told = clean(sim, Remains(), dry=True)
    assert {session.name for session in sim.tmux.sessions.values()} == before
    done = clean(sim, Remains())
    assert {session.name for session in sim.tmux.sessions.values()} == before - {"double"}
    assert told.items == done.items
    assert [item.name for item in done.items] == ["session double"]


def test_nothing_is_stale_before_the_world_was_seen() -> None:
    sim = Simulation(SPEC)
    try:
        sim.start()
        remains = Remains(remnant("gone-1"))
        with pytest.raises(Unknown, match="has not been seen whole"):
            clean(sim, remains)
        sim.settle()
        sim.tmux.hang(1)
        sim.one_pass()
        with pytest.raises(Unknown, match="has not been seen whole"):
            clean(sim, remains)
        assert len(remains.there) == 1
    finally:
        sim.close()


# ---------------------------------------------------------------------------------------- files


class Sweeper:
    def __init__(self) -> None:
        self.orders: list[Sweep] = []

    async def sweep(self, order: Sweep, tally: Tally) -> None:
        self.orders.append(order)
        tally.add("/data/a", 4096)


@pytest.mark.parametrize(
    ("apply", "dry", "changes"),
    [(True, False, True), (True, True, False), (False, False, False), (False, True, False)],
)
def test_files_go_only_with_apply_and_without_dry_run(
    apply: bool, dry: bool, changes: bool
) -> None:
    sweeper, report = Sweeper(), Report()
    entry = Cleanup(
        what="files",
        ttl=Duration(60),
        every=Duration(60),
        files=("/data/*",),
        roots=("/data",),
        apply=apply,
    )
    asyncio.run(FilesCleaner(sweeper).clean(entry, dry, 1000.0, report))
    wanted = Sweep(globs=("/data/*",), roots=("/data",), before=940.0, dry=not changes)
    assert sweeper.orders == [wanted]
    assert (report.count, report.bytes) == (1, 4096)
