"""What the API asks of the daemon: status, reload, plan, down. With `taskface` the implementation of `api.facade`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from tmaxd import __version__
from tmaxd.daemon import report
from tmaxd.daemon.api import types as t
from tmaxd.daemon.fleet import Fleet
from tmaxd.daemon.planned import planned
from tmaxd.daemon.taskface import TaskFacade
from tmaxd.daemon.waiters import Waiters
from tmaxd.daemon.wanted import wanted
from tmaxd.places import Places
from tmaxd.plan.draft import split
from tmaxd.plan.preview import preview
from tmaxd.ports import Journal
from tmaxd.spec.load import Rejected
from tmaxd.spec.model import Spec
from tmaxd.tasks.view import View


class TmuxFace(Protocol):
    """What status shows of the tmux adapter."""

    @property
    def version(self) -> str: ...

    @property
    def channel(self) -> Literal["control", "plain"]: ...

    @property
    def degraded(self) -> str | None:
        """Why commands take the slow road; None when they do not."""


class FleetFacade(TaskFacade):
    """Everything here runs in the loop's thread."""

    def __init__(
        self,
        fleet: Fleet,
        journal: Journal,
        waiters: Waiters,
        started: float,
        tmux: TmuxFace,
        here: Places,
    ) -> None:
        super().__init__(fleet.flow, journal, waiters, self._spec)
        self._fleet = fleet
        self._started = started
        self._tmux_face = tmux
        self._here = here
        self.watch_trouble: Callable[[], str | None] = lambda: None
        """Why changes of the spec's files are noticed late; set once they are watched."""

    # ------------------------------------------------------------------------------------- looking

    def ping(self) -> t.Ping:
        return t.Ping(
            fleet=self._fleet.spec_file.fleet,
            pid=os.getpid(),
            version=__version__,
            spec=str(self._fleet.spec_file.path),
        )

    def status(self) -> t.Status:
        fleet, spec, view = self._fleet, self._spec(), self._fleet.flow.view()
        workers = self._workers(spec, view)
        return t.Status(
            fleet=fleet.spec_file.fleet,
            version=__version__,
            pid=os.getpid(),
            started=self._started,
            spec=self._spec_status(),
            converged=fleet.settled,
            tmux=self._tmux(),
            groups=tuple(report.group(name, spec, view, workers) for name in spec.workers),
            workers=workers,
            inboxes=report.inboxes(
                spec, self._here.pipes, fleet.inboxes.paused(), self._disk_trouble()
            ),
            outboxes=report.outboxes(spec, self._here.pipes, fleet.pipes.lost()),
            leftovers=report.leftovers(spec, view),
            foreign=fleet.state.look.foreign,
            problems=self._problems(),
            journal=t.JournalStatus(trouble=self._journal.trouble()),
        )

    def _spec(self) -> Spec:
        in_force = self._fleet.spec_file.in_force
        return in_force.spec if in_force else Spec(fleet=self._fleet.spec_file.fleet, workers={})

    def _spec_status(self) -> t.SpecStatus:
        file = self._fleet.spec_file
        return t.SpecStatus(
            path=str(file.path),
            state=file.state,
            revision=file.in_force.revision if file.in_force else 0,
            applied=file.in_force.applied if file.in_force else None,
            problems=tuple(t.report(p) for p in file.problems),
            warnings=tuple(t.report(p) for p in file.warnings),
        )

    def _tmux(self) -> t.TmuxStatus:
        server = self._fleet.state.look.server
        return t.TmuxStatus(
            server_pid=server.pid if server else None,
            version=self._tmux_face.version,
            channel=self._tmux_face.channel if server else "down",
            socket=str(self._here.tmux_socket),
        )

    def _workers(self, spec: Spec, view: View) -> tuple[t.WorkerStatus, ...]:
        fleet = self._fleet
        made, now = fleet.state.plan, fleet.clock.now()
        wall_of = fleet.clock.wall() - now
        chosen = made.slots if made else {}
        names = {f"{g}-{n}" for g, numbers in chosen.items() for n in numbers}
        names |= fleet.runs.live.keys() | fleet.state.look.observed.seen.keys()
        pending = made.pending if made else {}
        silent = {worker for worker, load in fleet.flow.loads().items() if load.silent}
        out = []
        order = {group: place for place, group in enumerate(spec.workers)}
        for name in sorted(names, key=lambda w: (order.get(split(w)[0], len(order)), split(w))):
            live, slot = fleet.runs.live.get(name), report.slot_of(fleet.history.slots, name)
            item = report.worker(
                name,
                live=live,
                slot=slot,
                pending=pending,
                held=view.workers.get(live.run) if live else None,
                silent=name in silent,
                since=slot.last_exit.at + wall_of if slot.last_exit else self._started,
                wall_of=wall_of,
            )
            out.append(item)
        return tuple(out)

    def _problems(self) -> tuple[str, ...]:
        fleet = self._fleet
        found = [*self._journal.problems(), *fleet.pipes.problems()]
        found.extend(why for why in (self._tmux_face.degraded, self.watch_trouble()) if why)
        if files := fleet.flow.trouble():
            found.append(files)
        if fleet.state.trouble:
            found.append(
                f"the last look at the world failed ({fleet.state.trouble}): nothing is changed until one works"
            )
        found.extend(
            live.protocol_trouble for live in fleet.runs.live.values() if live.protocol_trouble
        )
        bad = fleet.executor.hearing.bad_frames
        if bad:
            found.append(f"{bad} lines from workers were no frames (see the log)")
        if fleet.inboxes.rejected:
            found.append(f"{fleet.inboxes.rejected} inbox lines were not taken (see the log)")
        return tuple(found)

    # ------------------------------------------------------------------------------------ the spec

    async def reload(self, wait: float) -> t.ReloadResult:
        fleet = self._fleet
        found, changed = await fleet.reload()
        if isinstance(found, Rejected):
            return self._reload_result("rejected")
        if wait > 0:
            try:
                async with asyncio.timeout(wait):
                    await fleet.wait_settled()
            except TimeoutError:
                return self._reload_result("timeout")
        return self._reload_result("applied" if changed else "no_change")

    def _reload_result(self, outcome: str) -> t.ReloadResult:
        status = self._spec_status()
        return msgspec.convert(
            {
                "outcome": outcome,
                "revision": status.revision,
                "problems": status.problems,
                "warnings": status.warnings,
                "converged": self._fleet.settled,
            },
            t.ReloadResult,
            from_attributes=True,
        )

    async def plan(self, spec: Path | None = None) -> t.PlanResult:
        fleet = self._fleet
        found = await fleet.spec_file.look(spec)
        if isinstance(found, Rejected):
            return t.PlanResult(
                outcome="rejected", problems=tuple(t.report(p) for p in found.problems)
            )
        want = wanted(found.spec)
        look = await fleet.observer.look(
            want,
            fleet.history,
            failed={},
            down=False,
            aside=True,
        )
        # Off the loop: a rolling change of hundreds of workers is that many passes.
        actions = await asyncio.to_thread(
            preview, want, look.observed, fleet.history, fleet.clock.now()
        )
        before = self._spec()
        return t.PlanResult(
            outcome="changes" if actions else "no_change",
            actions=tuple(planned(action, before, found.spec) for action in actions),
        )

    async def down(self) -> None:
        self._fleet.take_down()
