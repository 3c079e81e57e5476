"""A whole daemon on fakes, and what the API asks of it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Literal, TypeVar

from tmaxd.daemon.api import types as t
from tmaxd.daemon.facade import FleetFacade
from tmaxd.daemon.waiters import Waiters
from tmaxd.testing.simulation import PLACES, Simulation

T = TypeVar("T")

TWO = "{version: 1, fleet: sim, workers: {a: {count: 2, run: [a]}, b: {count: 1, serve: [b]}}}"


class Tmux:
    version = "3.4"
    channel: Literal["control", "plain"] = "control"
    degraded = None


class Scene:
    def __init__(self, spec: str = TWO) -> None:
        self.sim = Simulation(spec)
        self.start()

    def start(self, *, settle: bool = True) -> None:
        """A daemon begins; one that was there has died."""
        if self.sim.fleet is not None:
            self.sim.crash()
        fleet = self.sim.start()
        self.facade = FleetFacade(
            fleet, self.sim.journal, Waiters(self.sim.journal), 0.0, Tmux(), PLACES
        )
        if settle:
            self.sim.settle()

    def ask(self, work: Coroutine[Any, Any, T]) -> T:
        return self.sim.run(work)

    def order(self, do: Any, *targets: str, **more: Any) -> t.Ordered:
        return self.ask(self.facade.order(t.Order(do=do, targets=targets, **more)))

    def edit(self, spec: str) -> None:
        self.sim.edit(spec)
        assert self.sim.reload()

    def worker(self, name: str) -> t.WorkerStatus:
        return next(w for w in self.status().workers if w.name == name)

    def group(self, name: str) -> t.GroupStatus:
        return next(g for g in self.status().groups if g.name == name)

    def status(self) -> t.Status:
        return self.sim.do(self.facade.status)

    def states(self) -> dict[str, str]:
        return {w.name: w.state for w in self.status().workers}

    def runs(self) -> dict[str, str | None]:
        return {w.name: w.run for w in self.status().workers}

    def events(self, name: str) -> list[t.Event]:
        from tmaxd.ports import EventFilter

        return list(self.ask(self.facade.events(EventFilter(names=(name,)))))
