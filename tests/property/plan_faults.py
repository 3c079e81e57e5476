"""What may go wrong in `plan_world`, and what its users and its humans may do. Each takes the world and two
small numbers that choose whom and how; where there is nobody to choose, nothing happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from tests.property.plan_parts import Life, Live, Proc, Session
from tests.property.plan_world import World
from tmaxd.plan.draft import is_spare, split
from tmaxd.plan.observed import Intent
from tmaxd.plan.rules import FleetMemoryRules, ThresholdRules

T = TypeVar("T")


def _pick(items: Sequence[T], which: int) -> T | None:
    return items[which % len(items)] if items else None


def _ours(world: World) -> list[Session]:
    return [s for s in world.sessions.values() if s.worker]


def _running(world: World) -> list[Live]:
    return [live for live in world.live.values() if live.pid in world.procs]


def _takers(world: World) -> list[Life]:
    """Runs that would be given a task."""
    return [
        world.lives[run]
        for worker, run in world.current.items()
        if (live := world.live.get(worker)) is not None
        and (live.run, live.pid in world.procs) == (run, True)
        and worker not in world.holds
        and split(worker)[0] in world.wanted.groups
    ]


def crash(world: World, which: int, how: int) -> None:
    live = _pick(_running(world), which)
    if live is not None:
        for session in world.sessions.values():
            if session.pid == live.pid:
                session.mute = how % 3
        world.kill(live.pid, "SEGV")


def spawn_child(world: World, which: int, how: int) -> None:
    """A child that outlives its parent, and may ignore what it is asked."""
    live = _pick(_running(world), which)
    if live is not None:
        ignores = frozenset({"TERM"}) if how % 2 else frozenset[str]()
        pid = world.next()
        world.procs[pid] = Proc(pid, live.run, ignores)


def turn_deaf(world: World, which: int, how: int) -> None:
    live = _pick(_running(world), which)
    if live is not None:
        world.procs[live.pid].ignores = (
            frozenset({"HUP"}),
            frozenset({"TERM"}),
            frozenset({"HUP", "TERM"}),
        )[how % 3]


def kill_session(world: World, which: int, _: int) -> None:
    session = _pick(_ours(world), which)
    if session is not None:
        world.remove_session(session.id)


def kill_server(world: World, _: int, __: int) -> None:
    for session_id in list(world.sessions):
        world.remove_session(session_id)
    world.server = None


def rename(world: World, which: int, how: int) -> None:
    """To a word of one's own, or to the name of a worker that has no session."""
    session = _pick(_ours(world), which)
    taken = {s.name for s in world.sessions.values()} | {s.worker for s in _ours(world)}
    name = (f"mine-{which}", "check-1", "check-2", "shell-1")[how % 4]
    if session is not None and name not in taken:
        session.name = name


def respawn_by_hand(world: World, which: int, _: int) -> None:
    session = _pick(_ours(world), which)
    if session is not None:
        old, pid = session.pid, world.next()
        world.procs[pid] = Proc(pid, "")
        session.pid, session.dead = pid, False
        world.kill(old, "HUP")


def foreign_session(world: World, which: int, _: int) -> None:
    if world.server is not None:
        pid = world.next()
        world.procs[pid] = Proc(pid, "")
        world.sessions[f"${pid}"] = Session(f"${pid}", f"human-{pid}", "", "", "", pid)


def odd_session(world: World, which: int, _: int) -> None:
    """With our labels, of an earlier daemon and an earlier spec."""
    worker = ("check", "check-01", "gone-1", "check-9", "shell-7")[which % 5]
    if world.server is not None and worker not in {s.worker for s in _ours(world)}:
        pid = world.next()
        run, name = f"r{pid}", f"odd-{pid}"
        world.procs[pid] = Proc(pid, run)
        world.sessions[f"${pid}"] = Session(f"${pid}", name, worker, run, "odd", pid)


def stop_logging(world: World, which: int, _: int) -> None:
    session = _pick(_ours(world), which)
    if session is not None:
        session.piped = False


def delete_pipes(world: World, which: int, _: int) -> None:
    worker = _pick(sorted(world.pipes), which)
    if worker is not None:
        world.pipes.discard(worker)


def stray_pipes(world: World, which: int, how: int) -> None:
    world.pipes.add(("check-9", "gone-1", "odd", "check-²", "check-01", "check")[(which + how) % 6])


def cut_off(world: World, which: int, _: int) -> None:
    live = _pick([x for x in _running(world) if x.takes_tasks and x.adopted], which)
    if live is not None:
        live.cut_off = True


def delete_fifo(world: World, which: int, how: int) -> None:
    fifos = (world.inboxes, world.outboxes, world.shared)[how % 3]
    name = _pick(sorted(fifos), which)
    if name is not None:
        fifos.discard(name)


def stray_fifo(world: World, which: int, how: int) -> None:
    """Of an earlier daemon and an earlier spec."""
    fifos = (world.inboxes, world.outboxes, world.shared)[how % 3]
    fifos.add(("check", "gone", "shell", "tasks")[which % 4])


def give_tasks(world: World, which: int, how: int) -> None:
    life = _pick(_takers(world), which)
    if life is not None:
        life.tasks += how + 1


def give_all_tasks(world: World, _: int, __: int) -> None:
    for life in _takers(world):
        life.tasks += 1


def finish(world: World, _: int, __: int) -> None:
    world.finish_tasks()


def hang(world: World, which: int, how: int) -> None:
    life = _pick([x for x in world.lives.values() if x.tasks], which)
    if life is not None:
        life.hung, life.overdue, life.silent = True, how % 3 == 1, how % 3 == 2


def change_count(world: World, which: int, how: int) -> None:
    group = _pick(sorted(world.wanted.groups), which)
    if group is not None:
        count = max(0, world.wanted.groups[group].count + (-1, 1, -2, -1)[how % 4])
        _edit(world, group, count=min(count, 4))


def change_argv(world: World, which: int, how: int) -> None:
    group = _pick(sorted(world.wanted.groups), which)
    if group is not None:
        _edit(world, group, version=how % 3)


def change_kind(world: World, which: int, how: int) -> None:
    group = _pick(sorted(world.wanted.groups), which)
    if group is not None:
        takes = not world.wanted.groups[group].takes_tasks
        _edit(world, group, takes_tasks=takes, version=how % 3)


def change_layout(world: World, which: int, how: int) -> None:
    group = _pick(sorted(n for n, g in world.wanted.groups.items() if g.takes_tasks), which)
    if group is not None:
        shared = world.wanted.shared ^ {group}
        world.wanted = msgspec.structs.replace(world.wanted, shared=shared)
        _edit(world, group, version=how % 3)


def change_outboxes(world: World, which: int, _: int) -> None:
    outboxes = world.wanted.outboxes ^ {("results", "tasks")[which % 2]}
    world.wanted = msgspec.structs.replace(world.wanted, outboxes=outboxes)


def remove_group(world: World, which: int, _: int) -> None:
    group = _pick(sorted(world.wanted.groups), which)
    if group is not None:
        left = {name: g for name, g in world.wanted.groups.items() if name != group}
        shared = world.wanted.shared - {group}
        world.wanted = msgspec.structs.replace(world.wanted, groups=left, shared=shared)


def attach(world: World, which: int, how: int) -> None:
    session = _pick(_ours(world), which)
    if session is not None:
        session.attached = how % 2


def fall_ill(world: World, which: int, how: int) -> None:
    live = _pick([x for x in _running(world) if x.adopted], which)
    if live is not None:
        live.healthy, live.healthy_since = how % 3 == 0, world.now


def ask(world: World, which: int, how: int) -> None:
    """An operator wants something of a worker, or nothing any more."""
    live = _pick([x for x in _running(world) if not is_spare(x.worker)], which)
    if live is not None:
        world.intents[live.worker] = (
            Intent(restart=live.run),
            Intent(restart=live.run, force=True),
            Intent(paused=True),
            Intent(pinned=True),
            Intent(stopped=True),
            Intent(stopped=True, drain=True),
            Intent(stopped=True, force=True),
            Intent(),
        )[how]


def ask_again(world: World, which: int, how: int) -> None:
    """Of whom something was asked before, another thing is."""
    worker = _pick(sorted(world.intents), which)
    if worker is not None:
        asked = (Intent(), Intent(paused=True), Intent(force=True), Intent(stopped=True))
        world.intents[worker] = asked[how % 4]


def restart_group(world: World, which: int, _: int) -> None:
    group = _pick(sorted(world.wanted.groups), which)
    for live in world.live.values():
        if split(live.worker)[0] == group and not is_spare(live.worker):
            world.intents[live.worker] = Intent(restart=live.run)


def _edit(world: World, group: str, version: int | None = None, **changes: object) -> None:
    new = msgspec.structs.replace(world.wanted.groups[group], **changes)
    shared = world.wanted.shared if new.takes_tasks else world.wanted.shared - {group}
    if version is not None:
        mark = fingerprint(new.takes_tasks, version, group in shared)
        new = msgspec.structs.replace(new, fingerprint=mark)
    groups = {**world.wanted.groups, group: new}
    world.want(msgspec.structs.replace(world.wanted, groups=groups, shared=shared))


def fingerprint(takes_tasks: bool, version: int, shared: bool = False) -> str:
    """Another kind or layout is another fingerprint, as in the real one."""
    return f"{'task' if takes_tasks else 'run'}:{version}{',layout' if shared else ''}"


def blind(world: World, _: int, how: int) -> None:
    world.blind = how % 2 == 0


def break_starts(world: World, which: int, how: int) -> None:
    world.broken = {("check", "echo", "shell")[which % 3]} if how % 2 else set()


def be_sluggish(world: World, _: int, how: int) -> None:
    world.sluggish = how % 2 == 0


def wait(world: World, which: int, how: int) -> None:
    world.now += (0.01, 0.1, 0.6, 1.0, 3.0, 12.0, 60.0, 0.3)[(which + how) % 8]


def restart_daemon(world: World, _: int, __: int) -> None:
    world.restart_daemon(dict(world.journal))


def leak(world: World, which: int, how: int) -> None:
    """A run uses another amount of memory, which the next sample shows, and perhaps grows on."""
    live = _pick(_running(world), which)
    if live is not None:
        world.used[live.run] = (100, 300, 60, 10, 45, 500, 100, 30)[how]
        world.slopes[live.run] = (0.0, 1.0, 5.0)[how % 3]
    sample(world, 0, 0)


def leak_all(world: World, which: int, how: int) -> None:
    for live in _running(world):
        world.used[live.run] = (30, 45, 60, 100)[(which + how) % 4]
    sample(world, 0, 0)


def fill_machine(world: World, _: int, how: int) -> None:
    world.free = (0, 100, 150, 10_000)[how % 4]


def sample(world: World, _: int, how: int) -> None:
    world.now += (5.0, 15.0)[how % 2]
    world.sample()


def govern(world: World, which: int, how: int) -> None:
    """Limits of the fleet, or none."""
    world.wanted = msgspec.structs.replace(
        world.wanted,
        memory=(
            FleetMemoryRules(),
            FleetMemoryRules(hold=120, recycle=200, kill=300, samples=1 + which % 2),
            FleetMemoryRules(recycle=100, samples=1, forecast=True),
            FleetMemoryRules(kill=100, samples=1, keep_free=120),
            FleetMemoryRules(keep_free=120, governed=how != 3),
        )[which % 5],
        one_by_one=how % 3 == 0,
    )


Fault = Callable[[World, int, int], None]

FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        crash,
        spawn_child,
        turn_deaf,
        kill_session,
        kill_server,
        rename,
        respawn_by_hand,
        foreign_session,
        odd_session,
        stop_logging,
        delete_pipes,
        stray_pipes,
        cut_off,
        delete_fifo,
        stray_fifo,
        give_tasks,
        give_all_tasks,
        finish,
        hang,
        change_count,
        change_argv,
        change_kind,
        change_layout,
        change_outboxes,
        remove_group,
        attach,
        fall_ill,
        ask,
        ask_again,
        restart_group,
        blind,
        break_starts,
        be_sluggish,
        leak,
        leak_all,
        fill_machine,
        sample,
        govern,
        wait,
        restart_daemon,
    )
}


OF_MEMORY = (leak, leak, leak_all, sample, sample, sample, govern, give_tasks, attach, ask)
"""Those that have to come together for anything to happen."""


def calm(world: World) -> None:
    """Nothing goes wrong any more."""
    world.blind = world.sluggish = False
    if world.used or world.free != 10_000:
        world.used, world.slopes, world.free = {}, {}, 10_000
    memory = world.history.memory
    if memory.marks or memory.pool_held or memory.held is not None:
        world.sample()
    world.broken = set()
    for session in world.sessions.values():
        session.attached = 0
    awaited = {name for group in world.wanted.groups.values() for name, _ in group.after}
    for live in world.live.values():
        if live.healthy is False:
            live.healthy, live.healthy_since = True, world.now
    for worker, intent in list(world.intents.items()):
        stopped = intent.stopped and split(worker)[0] not in awaited  # others would wait for ever
        intent = msgspec.structs.replace(intent, pinned=False, stopped=stopped)
        world.intents[worker] = intent
    for life in world.lives.values():
        life.overdue = life.overdue or (life.hung and not life.silent)


def allow_memory(world: World) -> None:
    """No limit of the fleet, and none that kills: whoever was killed too often for one is started again. Limits that
    are too low for what runs stay."""
    groups = {
        name: msgspec.structs.replace(
            group,
            memory=msgspec.structs.replace(group.memory, kill=None, total=ThresholdRules()),
        )
        for name, group in world.wanted.groups.items()
    }
    memory = FleetMemoryRules()
    world.wanted = msgspec.structs.replace(world.wanted, groups=groups, memory=memory)
