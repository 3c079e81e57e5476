"""The status of the fleet. A part of the implementation of `api.facade`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal, Protocol

from tmaxd import __version__
from tmaxd.daemon import conditions, pool, report, usage_report
from tmaxd.daemon.api import types as t
from tmaxd.daemon.cleanface import CleanFacade
from tmaxd.daemon.flagface import FlagFacade
from tmaxd.daemon.looking import Looking
from tmaxd.daemon.moments import Truths
from tmaxd.daemon.worker_report import Facts, worker
from tmaxd.places import Places
from tmaxd.plan.draft import is_spare, split
from tmaxd.plan.history import NEW_SLOT
from tmaxd.plan.observed import NO_INTENT
from tmaxd.plan.standing import waits_for
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


class StatusFacade(CleanFacade, FlagFacade):
    """Everything here runs in the loop's thread."""

    _started: float
    _tmux_face: TmuxFace
    _here: Places
    _looking: Looking
    watch_trouble: Callable[[], str | None]
    """Why changes of the spec's files are noticed late."""

    def ping(self) -> t.Ping:
        return t.Ping(
            fleet=self._fleet.desired.spec_file.fleet,
            pid=os.getpid(),
            version=__version__,
            spec=str(self._fleet.desired.spec_file.path),
        )

    def status(self) -> t.Status:
        self.note_conditions()
        fleet, spec, view = self._fleet, self._spec(), self._fleet.flow.view()
        workers, file, problems = self._workers(spec, view), self._spec_status(), self._problems()
        disk = self._journal.trouble()
        return t.Status(
            fleet=fleet.desired.spec_file.fleet,
            version=__version__,
            pid=os.getpid(),
            started=self._started,
            spec=file,
            converged=fleet.settled,
            conditions=(
                *conditions.of_fleet(
                    file,
                    self._failed_changes(),
                    fleet.state.standing,
                    fleet.state.trouble,
                    problems,
                    disk,
                    self._looking.fleet.since(""),
                ),
                self._looking.limits.of_fleet(),
            ),
            tmux=self._tmux(),
            groups=self._groups(spec, view, workers),
            workers=workers,
            usage=self._usage(workers),
            containment=usage_report.containment(fleet.executor.containing),
            inboxes=report.inboxes(
                spec, self._here.pipes, fleet.inboxes.paused(), disk or fleet.flow.trouble()
            ),
            outboxes=report.outboxes(spec, self._here.pipes, fleet.pipes.lost()),
            routes=report.routes(spec),
            leftovers=report.leftovers(spec, view),
            flags=self._overrides(),
            foreign=fleet.state.look.foreign,
            problems=problems,
            cleanups=self._cleanups(),
            journal=t.JournalStatus(trouble=disk),
        )

    def note_conditions(self) -> None:
        """Since when conditions are so is kept from here on; to be called after each pass."""
        truths: Truths = (
            conditions.truth(self._fleet.settled),
            conditions.truth(self._spec_state() == "in_force"),
            conditions.truth(self._journal.trouble() is None),
            conditions.truth(not self._problems()),
        )
        self._looking.look(self._fleet.clock.wall(), truths)

    def _usage(self, workers: tuple[t.WorkerStatus, ...]) -> t.FleetUsage | None:
        fleet = self._fleet
        wall_of = fleet.clock.wall() - fleet.clock.now()
        spares = [live.run for name, live in fleet.runs.live.items() if is_spare(name)]
        return usage_report.fleet(
            fleet.sampling,
            (worker.usage for worker in workers),
            (usage_report.usage(fleet.sampling.of_run(run), wall_of) for run in spares),
            wall_of,
        )

    def _spec_state(self) -> t.SpecState:
        file = self._fleet.desired.spec_file
        if file.state != "in_force":
            return file.state
        if file.differs:
            return "rolled_back"
        return "change_failed" if self._failed_changes() else "in_force"

    def _spec_status(self) -> t.SpecStatus:
        file = self._fleet.desired.spec_file
        in_force = file.in_force
        cause = in_force.cause if in_force else ""
        return t.SpecStatus(
            path=str(file.path),
            state=self._spec_state(),
            revision=in_force.revision if in_force else 0,
            applied=in_force.applied if in_force else None,
            cause=cause,
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

    def _groups(
        self, spec: Spec, view: View, workers: tuple[t.WorkerStatus, ...]
    ) -> tuple[t.GroupStatus, ...]:
        fleet = self._fleet
        own: dict[str, list[t.WorkerStatus]] = {}
        for status in workers:
            own.setdefault(status.group, []).append(status)
        return tuple(
            report.group(
                name,
                group,
                fleet.desired.intents.count(name, group.count),
                fleet.desired.revisions,
                self._looking,
                view,
                own.get(name, []),
                pool.status(
                    name,
                    group,
                    fleet.state.look,
                    fleet.runs,
                    fleet.history.slots,
                    fleet.executor.taking.counts.get(name),
                    fleet.clock.now(),
                    pooled=fleet.desired.on("session_pool"),
                ),
            )
            for name, group in spec.workers.items()
        )

    def _workers(self, spec: Spec, view: View) -> tuple[t.WorkerStatus, ...]:
        fleet = self._fleet
        observed, made = fleet.state.look.observed, fleet.state.plan
        wall_of = fleet.clock.wall() - fleet.clock.now()
        names = self._looking.truths.keys()
        pending, waits = (made.pending, made.waits) if made else ({}, {})
        intents = fleet.desired.intents.by_worker(names) if fleet.desired.intents else {}
        loads = fleet.flow.loads()
        order = {group: place for place, group in enumerate(spec.workers)}
        found = []
        for name in sorted(names, key=lambda w: (order.get(split(w)[0], len(order)), split(w))):
            live, slot = fleet.runs.live.get(name), fleet.history.slots.get(name, NEW_SLOT)
            seen, load = observed.seen.get(name), loads.get(name)
            facts = Facts(
                name=name,
                live=live,
                slot=slot,
                pending=pending.get(name),
                waits=waits.get(name, ""),
                blocked=made.blocked.get(name, "") if made else "",
                kept=waits_for(name, pending[name], observed) if name in pending else (),
                truths=self._looking.truths[name],
                moments=self._looking.workers.since(name),
                limits=self._looking.limits.of_worker(name, live.run if live else None),
                held=view.workers.get(live.run) if live else None,
                usage=fleet.sampling.of_run(live.run) if live else None,
                silent=load is not None and load.silent,
                # What was seen may be from before its last start.
                drift=seen.drift if seen and live and seen.run == live.run else (),
                intent=intents.get(name, NO_INTENT),
                wanted_revision=fleet.desired.revisions.revision_of(split(name)[0]),
                since=slot.last_exit.at + wall_of if slot.last_exit else self._started,
                wall_of=wall_of,
            )
            found.append(worker(facts))
        return tuple(found)

    def _problems(self) -> tuple[str, ...]:
        fleet = self._fleet
        found = [*self._journal.problems(), *fleet.pipes.problems()]
        found.extend(why for why in (self._tmux_face.degraded, self.watch_trouble()) if why)
        found.extend(fleet.desired.problems())
        if files := fleet.flow.trouble():
            found.append(files)
        if store := fleet.storing.trouble():
            found.append(store)
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
