"""Each feature flag in a whole daemon: what it does when it is on, and that it is gone when it is off; live, by the
file and by an order, and whatever the other flags are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest

from tests.daemon.facade_scene import Scene
from tmaxd.daemon.api import types as t
from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.daemon.cleaning.setup import set_up
from tmaxd.daemon.fleet import Fleet
from tmaxd.plan.draft import is_spare
from tmaxd.ports.logs import LogFile
from tmaxd.spec.flags import FLAGS
from tmaxd.spec.upkeep import Cleanup
from tmaxd.store.entries import Put
from tmaxd.testing.footprints import MB

GROUPS = """\
version: 1
fleet: sim
workers:
  many: {count: COUNT, run: [sh], cwd: /sim}
  pooled: {count: 1, run: [sh], cwd: /sim, pool: 1}
  work: {count: 1, serve: [prog], cwd: /sim, window: 4}
  hog: {count: 1, run: [sh], cwd: /sim, memory: {recycle: 100MB, for: 2}}
  change: {count: 1, run: [sh], cwd: /sim, env: {N: "STEP"}, restart: {backoff: {first: 0s, jitter: 0}}}
memory: {sample: 5s}
"""
Road = Literal["file", "order"]


class Field:
    """A daemon whose flags are turned while it runs."""

    def __init__(self, others: dict[str, bool]) -> None:
        self.flags = dict(others)
        self.count = 2
        self.step = 0
        self.scene = Scene(self.text())
        self.sim = self.scene.sim

    def text(self) -> str:
        said = ", ".join(f"{name}: {str(value).lower()}" for name, value in self.flags.items())
        groups = GROUPS.replace("COUNT", str(self.count)).replace("STEP", str(self.step))
        return f"{groups}flags: {{{said}}}\n"

    @property
    def fleet(self) -> Fleet:
        assert self.sim.fleet is not None
        return self.sim.fleet

    def turn(self, road: Road, name: str, value: bool) -> None:
        if road == "file":
            self.flags[name] = value
            self.save()
        else:
            change = t.FlagChange(flag=name, value=value, for_=1e6)
            self.scene.ask(self.scene.facade.set_flag(change))

    def save(self) -> None:
        self.scene.edit(self.text())

    def spend(self, seconds: int) -> None:
        for _ in range(seconds):
            self.sim.advance(1.0)
            self.sim.do(self.sim.workers.read)
            self.sim.do(self.sim.workers.finish)
            for _ in range(3):
                self.sim.one_pass()

    def living(self, group: str) -> list[str]:
        sessions = self.sim.tmux.sessions.values()
        return [
            s.name for s in sessions if not s.dead and s.name.startswith((f"{group}-", f"{group}_"))
        ]

    def run_of(self, worker: str) -> str:
        return self.fleet.runs.live[worker].run


Shows = Callable[[Field], bool]


def parallel_spawn(field: Field) -> bool:
    """Of three that are due, how many does one pass start?"""
    before = len(field.living("many"))
    field.count += 3
    field.save()
    field.sim.one_pass()
    started = len(field.living("many")) - before
    assert started in (1, 3)
    field.sim.settle()
    assert len(field.living("many")) == field.count
    field.count -= 3
    field.save()
    field.sim.settle()
    return started == 3


def session_pool(field: Field) -> bool:
    field.spend(4)
    spares = [name for name in field.living("pooled") if is_spare(name)]
    pool = field.scene.group("pooled").pool
    assert len(spares) == (0 if pool is None else pool.size)
    assert field.living("pooled")[0] == "pooled-1"
    return bool(spares)


def dedicated_pipes(field: Field) -> bool:
    field.sim.settle()
    field.sim.submit("work", 3)
    field.sim.settle()
    launch = field.sim.tmux.session("work-1").launch
    assert launch is not None
    return "TMAX_TASKS" not in launch.env


def batching(field: Field) -> bool:
    """How many tasks does a write bring?"""
    field.sim.settle()
    found: list[bytes] = []
    send, send_shared = field.sim.pipes.send, field.sim.pipes.send_shared

    def noted(worker: str, pipe: Literal["tasks", "control"], data: bytes) -> None:
        if pipe == "tasks":
            found.append(data)
        send(worker, pipe, data)

    def noted_shared(group: str, data: bytes) -> None:
        found.append(data)
        send_shared(group, data)

    pipes: Any = field.sim.pipes
    pipes.send, pipes.send_shared = noted, noted_shared
    field.sim.submit("work", 4)
    field.sim.settle()
    del pipes.send, pipes.send_shared
    tasks = [data.count(b"payload ") for data in found]
    assert sum(tasks) == 4
    assert max(tasks) in (1, 4)
    assert {data.count(b'"t":"tasks"') for data in found} <= {0, int(max(tasks) == 4)}
    return max(tasks) == 4


def memory_governor(field: Field) -> bool:
    field.sim.settle()
    before = field.run_of("hog-1")
    field.spend(20)  # what it needs is known
    field.sim.footprints.uses[before] = 150 * MB
    field.spend(20)
    assert field.fleet.sampling.usage is not None, "it is measured in either case"
    after = field.run_of("hog-1")
    field.sim.footprints.uses[before] = 10 * MB
    return after != before


def memory_forecast(field: Field) -> bool:
    """It grows from well below the limit, and is not let come to it."""
    field.sim.settle()
    before = field.run_of("hog-1")
    field.spend(20)
    for size in range(50, 99, 3):
        field.sim.footprints.uses[before] = size * MB
        field.spend(5)
    field.sim.footprints.uses[before] = 10 * MB
    return field.run_of("hog-1") != before


class Counting:
    """A clean-up that only counts how often it is run."""

    def __init__(self) -> None:
        self.runs = 0

    async def clean(self, entry: Cleanup, dry: bool, now: float, report: Report) -> None:
        self.runs += 1


class NoLogs:
    async def files(self) -> tuple[LogFile, ...]:
        raise AssertionError("there is no schedule for logs")

    remove = compress = files


def orphan_cleanup(field: Field) -> bool:
    """They run each minute where nothing else is said."""
    orphans = Counting()
    logs: Any = NoLogs()
    cleaning = set_up(field.fleet, field.sim.files, logs, lambda _: True, {"orphans": orphans}, {})
    for _ in range(4):
        field.sim.run(cleaning.tend())
        field.sim.advance(60.0)
    (planned,) = field.sim.do(cleaning.planned)
    assert (planned.next is None) == (orphans.runs == 0)
    return orphans.runs > 0


def ttl_cleanup(field: Field) -> bool:
    memory = field.fleet.memory
    field.sim.run(memory.write([Put("default", "short", "json", b"1", 5.0)]))
    field.spend(20)
    assert field.sim.run(memory.get("default", "short")) is None, "nobody can have it any more"
    there = ("default", "short") in field.sim.store.entries
    field.sim.store.entries.clear()
    return not there


def hot_reload(field: Field) -> bool:
    """A file is saved, and nobody asks for it."""
    field.count += 1
    field.sim.edit(field.text())
    field.sim.run(field.fleet.desired.reload(asked=False))
    taken = field.scene.group("many").count == field.count
    assert field.scene.status().spec.state == ("in_force" if taken else "waiting")
    assert field.sim.reload()
    assert field.scene.group("many").count == field.count
    assert field.scene.status().spec.state == "in_force"
    field.sim.settle()
    return taken


def auto_rollback(field: Field) -> bool:
    """A change whose workers end at once."""
    field.sim.settle()
    field.step += 1
    field.save()
    revision = field.scene.status().spec.revision
    for _ in range(40):
        for worker, live in list(field.fleet.runs.live.items()):
            if worker == "change-1" and live.alive and live.revision == revision:
                field.sim.do(lambda pid=live.proc.pid: field.sim.processes.exit(pid, 1))  # type: ignore[misc]
        field.sim.one_pass()
        field.sim.advance(0.1)
    back = field.scene.group("change").rolled_back is not None
    assert (field.scene.group("change").revision == revision) == (not back)
    field.step += 1  # and it is mended
    field.save()
    field.sim.settle()
    assert field.scene.group("change").rolled_back is None
    return back


SHOWN: dict[str, Shows] = {
    shows.__name__: shows
    for shows in (
        parallel_spawn,
        session_pool,
        dedicated_pipes,
        batching,
        memory_governor,
        memory_forecast,
        orphan_cleanup,
        ttl_cleanup,
        hot_reload,
        auto_rollback,
    )
}

NEEDS = {"memory_forecast": {"memory_governor": True}}
"""Flags without which another one has nothing to act by."""
HIDES = {"memory_governor": {"memory_forecast": False}}
"""Flags that do a part of the same, so that the effect could be theirs."""


def test_each_flag_s_effect_is_shown() -> None:
    assert SHOWN.keys() == FLAGS.keys()


@pytest.fixture
def begin() -> Iterator[Callable[[dict[str, bool]], Field]]:
    made: list[Field] = []

    def start(others: dict[str, bool]) -> Field:
        made.append(Field(others))
        return made[-1]

    yield start
    for field in made:
        field.sim.close()


@pytest.mark.parametrize("road", ["file", "order"])
@pytest.mark.parametrize("others", ["as by default", "off", "on"])
@pytest.mark.parametrize("name", FLAGS)
def test_on_and_off(
    begin: Callable[[dict[str, bool]], Field], name: str, others: str, road: Road
) -> None:
    said: dict[str, bool] = {}
    if others != "as by default":
        said = {other: others == "on" for other in FLAGS if other != name}
        said |= NEEDS.get(name, {}) | HIDES.get(name, {})
    field = begin(said)
    shows = SHOWN[name]
    was = {flag.name: flag.value for flag in field.scene.facade.flags().flags}
    for value in (False, True, False):
        field.turn(road, name, value)
        assert shows(field) is value
    now = {flag.name: flag.value for flag in field.scene.facade.flags().flags}
    assert now == was | {name: False}, "no other one has changed"
