"""A `Probing` on fakes, in which time passes only when it is told to."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

from tests.waiting import settle
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.probing import Probing
from tmaxd.daemon.runs import LiveRun
from tmaxd.daemon.taskflow import TaskFlow
from tmaxd.ports import Proc, ServerId
from tmaxd.ports.probes import Answer
from tmaxd.spec.fingerprint import fingerprint
from tmaxd.spec.model import Group, Spec
from tmaxd.spec.supervision import Health, Ready
from tmaxd.spec.units import Duration
from tmaxd.tasks.records import RunReady
from tmaxd.testing.clock import FakeClock
from tmaxd.testing.outputs import FakeOutputs
from tmaxd.testing.probes import FakeProbes

BAD = Answer(False, "exit status 1", "the database is gone")
CHECK = ("check", "it")


async def nothing_left() -> None: ...


class FakeFlow:
    """As much of the task flow as readiness needs."""

    def __init__(self) -> None:
        self.notes: list[RunReady] = []
        self.told: list[str] = []
        self.heard: dict[str, float] = {}

    def note(self, record: RunReady) -> None:
        self.notes.append(record)

    def ready(self, live: LiveRun) -> None:
        self.told.append(live.worker)

    def last_heard(self, run: str) -> float | None:
        return self.heard.get(run)


class Scene:
    """A `Probing` on fakes; time passes by `pass_by`."""

    def __init__(self, ready: Ready | None = None, health: Health | None = None) -> None:
        self.clock = FakeClock()
        self.probes = FakeProbes(self.clock)
        self.outputs = FakeOutputs()
        self.flow = FakeFlow()
        self.text = io.StringIO()
        self.wakes = 0
        self.kind = "run"
        self.probing = Probing(
            probes=self.probes,
            outputs=self.outputs,
            flow=cast(TaskFlow, self.flow),
            clock=self.clock,
            log=EventLog(self.clock, self.text, human=False),
            wake=self._wake,
            environment=lambda worker, group: {"WORKER": worker, **group.env},
            clean=nothing_left,
        )
        self.apply(ready, health)

    def _wake(self) -> None:
        self.wakes += 1

    def apply(self, ready: Ready | None, health: Health | None, a: str = "b") -> str:
        """`a`: the value of the variable A. Returns the fingerprint that the group then has."""
        group = Group(
            kind="run", argv=("prog",), env={"A": a}, cwd="/there", ready=ready, health=health
        )
        self.probing.apply(Spec(fleet="sim", workers={"w": group}))
        return fingerprint(group)

    def begin(self, worker: str = "w-1", *, takes_tasks: bool = False, with_: str = "") -> LiveRun:
        """`with_`: the fingerprint that it was started with."""
        live = LiveRun(
            run=f"run-of-{worker}",
            worker=worker,
            proc=Proc(10, 20),
            server=ServerId(1, 2),
            started=self.clock.now(),
            started_wall=self.clock.wall(),
            revision=1,
            takes_tasks=takes_tasks,
            fingerprint=with_,
            begins=self.probing.output_begins(worker),
        )
        self.probing.follow(live)
        return live

    async def pass_by(self, seconds: float, step: float = 1 / 16) -> None:
        """In small steps, as the timer would; a power of two, so that they add up exactly."""
        end = self.clock.now() + seconds - 1e-9
        while True:
            self.probing.tend()
            await settle(8)
            if self.clock.now() >= end:
                return
            self.clock.advance(step)
            self.probes.expire()
            await settle(4)

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.text.getvalue().splitlines()]
        return [event for event in found if name in (None, event["event"])]


def is_ready(live: LiveRun) -> bool:
    return live.ready


def health_of(live: LiveRun) -> bool | None:
    return live.healthy


def play(body: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await body()

    asyncio.run(main())


def every(seconds: float) -> Duration:
    return Duration(seconds)
