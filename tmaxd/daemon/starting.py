"""Runs begin here: programs are launched, and what is known of a run from its first moment is written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from tmaxd.daemon.containing import Containing
from tmaxd.daemon.environment import marks, owned, secrets_of
from tmaxd.daemon.hearing import Hearing
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.probing import Probing
from tmaxd.daemon.runs import LiveRun, Runs
from tmaxd.daemon.taskflow import TaskFlow
from tmaxd.places import Places
from tmaxd.plan.actions import Start
from tmaxd.plan.draft import is_spare
from tmaxd.ports import (
    Clock,
    Files,
    Labels,
    Launch,
    Launched,
    Pipes,
    Proc,
    Processes,
    Refused,
    ServerId,
    Tmux,
    WorldError,
)
from tmaxd.ports.outputs import BEGINNING, Mark
from tmaxd.spec.model import Group, Spec
from tmaxd.tasks.records import RunStarted
from tmaxd.worker.paths import runner_argv

RevisionOf = Callable[[str], int]
"""Group to the revision that what holds for it comes from."""


@dataclass(slots=True)
class Starter:
    """One a daemon."""

    fleet: str
    places: Places
    tmux: Tmux
    pipes: Pipes
    processes: Processes
    files: Files
    flow: TaskFlow
    hearing: Hearing
    probing: Probing
    containing: Containing
    runs: Runs
    clock: Clock
    log: EventLog
    new_run_id: Callable[[], str]
    wake: Callable[[], None]
    path: str
    """PATH of the workers, where the spec does not set it."""
    owner: str
    """The mark that all processes of this fleet carry, and those of no other."""
    launching: set[str] = field(default_factory=set)
    """Runs that are being started at this moment, which nobody else knows yet."""
    failed: dict[str, str] = field(default_factory=dict)
    """Starts that failed; the loop hands them to the next pass."""
    _begins: dict[str, Mark] = field(default_factory=dict)
    """Of workers that are being started: where the run's output will begin in the log."""

    async def start(self, starts: list[Start], spec: Spec, revision_of: RevisionOf) -> None:
        try:
            await self._start(starts, spec, revision_of)
        finally:
            self.hearing.launched()
            self.launching.clear()

    async def _start(self, starts: list[Start], spec: Spec, revision_of: RevisionOf) -> None:
        launches: list[tuple[Start, Launch]] = []
        for start in starts:
            group = spec.workers[start.group]
            try:
                secrets = secrets_of(group, self.files)
                path = group.env.get("PATH") or secrets.get("PATH") or self.path
                self.files.must_run(group.argv, group.cwd, path)
                launches.append((start, self._launch(start, group, secrets)))
            except (OSError, WorldError) as error:
                self._start_failed(start, str(error))
        if not launches:
            return
        server = await self.tmux.start()
        self.containing.found(server)
        launches = [(s, self._caged(launch, spec.workers[s.group])) for s, launch in launches]
        outcomes = await self.tmux.launch(server, [launch for _, launch in launches])
        for (start, launch), outcome in zip(launches, outcomes, strict=True):
            if isinstance(outcome, Refused):
                if is_spare(start.worker):
                    self.pipes.unlink(launch.labels.run)
                self.containing.over(launch.labels.run)
                self._start_failed(start, f"tmux refused: {outcome.message}")
            else:
                self._started(start, launch, outcome, server, spec, revision_of(start.group))

    def _launch(self, start: Start, group: Group, secrets: Mapping[str, str]) -> Launch:
        run, worker = self.new_run_id(), start.worker
        self.launching.add(run)
        self._begins[worker] = self.probing.output_begins(worker)
        if group.kind != "run":
            self.hearing.expect(worker, run)
            if is_spare(worker):
                self.pipes.link(run, worker)
            else:
                self.pipes.add_worker(worker)
            self.files.make_spool(worker)
        env = marks(self.places, self.fleet, start.group, worker, run) | group.env
        env |= owned(self.owner)
        if is_spare(worker) and group.kind != "run":
            env["TMAX_PIPES"] = str(self.places.moving_pipes(run))
        if group.window is not None:
            env["TMAX_WINDOW"] = str(group.window)
        if group.layout == "shared":
            self.pipes.add_shared(start.group)
            env["TMAX_TASKS"] = str(self.places.shared_tasks(start.group))
        argv = group.argv
        if group.kind == "task":
            argv = (*runner_argv(), *argv)
        return Launch(
            labels=Labels(fleet=self.fleet, worker=worker, run=run, fingerprint=start.fingerprint),
            argv=argv,
            env=env,
            secrets=secrets,
            cwd=group.cwd,
            pane_id=start.pane_id,
        )

    def _caged(self, launch: Launch, group: Group) -> Launch:
        entry = self.containing.enter(launch.labels.run, group)
        return replace(launch, argv=(*entry, *launch.argv)) if entry else launch

    def _started(
        self,
        start: Start,
        launch: Launch,
        outcome: Launched,
        server: ServerId,
        spec: Spec,
        revision: int,
    ) -> None:
        proc = self.processes.identify(outcome.pid)
        gone = proc is None
        live = self.register(
            start.worker,
            launch.labels.run,
            proc or Proc(outcome.pid, 0),
            server,
            revision=revision,
            begins=self._begins.pop(start.worker, BEGINNING),
        )
        live.fingerprint = start.fingerprint
        live.takes_tasks = spec.workers[start.group].kind != "run"
        live.shared = spec.workers[start.group].layout == "shared"
        self.flow.hold(start.worker, start.held)
        self.probing.follow(live)
        self.hearing.began(live)
        if gone:
            live.alive = False
            self.wake()
        else:
            self.watch(live)
            self.containing.began(live)
        live.revived = start.quiet
        tell = self.log.info_unless(start.quiet)
        tell(
            "started",
            worker=start.worker,
            reason=start.reason,
            fields=start.fields,
            pid=outcome.pid,
            run=launch.labels.run,
        )

    def _start_failed(self, start: Start, message: str) -> None:
        self.failed[start.worker] = message
        self.log.error("start_failed", worker=start.worker, text=f"  {message}")

    def register(
        self,
        worker: str,
        run: str,
        proc: Proc,
        server: ServerId,
        revision: int,
        begins: Mark,
    ) -> LiveRun:
        live = LiveRun(
            run=run,
            worker=worker,
            proc=proc,
            server=server,
            started=self.clock.now(),
            started_wall=self.clock.wall(),
            revision=revision,
            begins=begins,
        )
        self.runs.live[worker] = live
        self.flow.note(
            RunStarted(
                run=run,
                worker=worker,
                pid=proc.pid,
                start=proc.start,
                boot_id=self.processes.boot_id(),
                server_pid=server.pid,
                server_started=server.started,
                revision=revision,
                at=live.started_wall,
                log_file=begins.file,
                log_size=begins.size,
            )
        )
        return live

    def watch(self, live: LiveRun) -> None:
        """Know at once when its first process ends. Repeating it is harmless."""

        def on_exit() -> None:
            live.alive = False
            live.killed_by = self.processes.killed_by(live.proc)
            live.oom_killed = self.containing.died(live)
            self.wake()

        self.processes.watch(live.proc, on_exit)
