"""Performs the actions of one pass, in the order given, in few round trips however many there are.

It decides nothing. An action that the world refuses is reported to the next pass (`failed`) or to the log;
`Unknown` ends the pass, and the next one looks again.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from tmaxd.daemon.containing import Containing
from tmaxd.daemon.fifos import Fifos
from tmaxd.daemon.hearing import Hearing
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.observe import Look
from tmaxd.daemon.probing import Probing
from tmaxd.daemon.runs import EndedRun, Runs
from tmaxd.daemon.starting import RevisionOf, Starter
from tmaxd.daemon.taking import Taking
from tmaxd.daemon.taskflow import TaskFlow
from tmaxd.daemon.telling import tell_of
from tmaxd.places import Places
from tmaxd.plan import actions as a
from tmaxd.plan.reasons import SPENDS_BUDGET
from tmaxd.ports import Clock, Proc, Processes, ServerId, Tmux, WorldError
from tmaxd.ports.outputs import BEGINNING
from tmaxd.spec.fingerprint import shares
from tmaxd.spec.model import Spec
from tmaxd.tasks.records import RunEnded


@dataclass(slots=True)
class Executor:
    """The one hand of the daemon."""

    places: Places
    tmux: Tmux
    fifos: Fifos
    processes: Processes
    flow: TaskFlow
    hearing: Hearing
    probing: Probing
    containing: Containing
    runs: Runs
    clock: Clock
    log: EventLog
    starter: Starter
    taking: Taking

    async def perform(
        self, actions: Sequence[a.AnyAction], spec: Spec, revision_of: RevisionOf, look: Look
    ) -> None:
        for kind, group in groupby(actions, type):
            await self._perform(kind, list(group), spec, revision_of, look)

    async def _perform(
        self,
        kind: type[a.Action],
        items: list[a.AnyAction],
        spec: Spec,
        revision_of: RevisionOf,
        look: Look,
    ) -> None:
        if kind is a.Start:
            starts = [x for x in items if isinstance(x, a.Start)]
            await self.starter.start(starts, spec, revision_of)
            self.taking.missed(starts)
        elif kind in _TMUX:
            if look.server is not None:
                await _TMUX[kind](self, items, look.server)
        else:
            for item in items:
                self._one(item, look)

    # ------------------------------------------------------------------ actions without a round trip

    def _one(self, item: a.AnyAction, look: Look) -> None:
        match item:
            case a.End():
                self._end(item)
            case a.Swept():
                self.flow.swept(item.worker, item.run)
                self.taking.over(item.run)
                self.containing.over(item.run)
            case a.Signal():
                self._signal(item)
            case a.Hold():
                self.flow.hold(item.worker, item.held)
                self.log.info("hold" if item.held else "unhold", **_words(item))
            case a.Stop():
                self.flow.hold(item.worker, True)
                if (live := self.runs.live.get(item.worker)) is not None:
                    self.probing.forget(live)
                tell = self.log.info_unless(item.quiet)
                tell("stop", **_words(item), fields=item.fields)
            case a.Adopt():
                self._adopt(item, look)
            case a.Approve() | a.RollBack():
                pass  # the loop has seen to it: which spec is in force is its affair
            case a.Rest() | a.Release() | a.MassDeath() | a.Revived() | a.MemoryNote():
                tell_of(item, self.log)
            case _:
                self._pipe(item)

    def _pipe(self, item: a.AnyAction) -> None:
        if isinstance(item, a.RemoveShared) and self.flow.unread(item.worker):
            return  # its tasks are about to be taken back: the pass after that finds it empty
        try:
            self.fifos.perform(item)
        except (OSError, WorldError) as error:
            # Not fatal to the other actions: the next pass finds it undone and tries again.
            self.log.error("pipe_trouble", **_words(item), text=f"  {error}")

    def _end(self, item: a.End) -> None:
        live = self.runs.live.pop(item.worker, None)
        proc = None
        if live is not None:
            proc = live.proc
            self.processes.unwatch(proc)
            self.probing.forget(live)
        self.runs.ended[item.run] = EndedRun(
            item.run,
            item.worker,
            proc,
            reason=item.reason,
            record=RunEnded(item.run, item.status, item.signal, item.reason, self.clock.wall()),
        )
        try:
            self.runs.ended[item.run].unread = self.hearing.collect(item.worker, item.run)
        except (OSError, WorldError) as error:
            # Its tasks are then taken as begun, which costs each an attempt and loses none.
            self.log.error("pipe_trouble", **_words(item), text=f"  {error}")
        fault = item.reason in SPENDS_BUDGET and item.reason != "exited" and not item.quiet
        level = self.log.warning if fault else self.log.info_unless(item.quiet)
        level("ended", **_words(item), status=item.status, signal=item.signal)

    def _signal(self, item: a.Signal) -> None:
        number = signal.Signals[f"SIG{item.signal}"]
        procs = [Proc(m.pid, m.start) for m in item.members]
        hung_up: list[int] = []
        sent = [proc.pid for proc in procs if self._send_signal(proc, number, hung_up)]
        if number == signal.SIGKILL:
            self.containing.kill(item.run)  # whatever they have forked meanwhile, too
        tell = self.log.info_unless(item.quiet)
        tell("signal", **_words(item), signal=item.signal, pids=sent, hangup=tuple(hung_up))

    def _send_signal(self, proc: Proc, number: int, hung_up: list[int]) -> bool:
        """A process that ignores the signal, as interactive shells do with SIGTERM, is told that its terminal
        hangs up, which is what it listens to (systemd has SendSIGHUP= for the same); and stands in `hung_up`."""
        try:
            ignored = number != signal.SIGKILL and self.processes.ignores(proc, number)
            if ignored and self.processes.signal(proc, signal.SIGHUP):
                hung_up.append(proc.pid)
            return self.processes.signal(proc, number)
        except WorldError as error:
            # Another user's, by setuid: what it was started from still gets its signal, and so do all others.
            self.log.warning("signal_refused", pid=proc.pid, text=f"  {error}")
            return False

    def _adopt(self, item: a.Adopt, look: Look) -> None:
        pane = look.panes[item.worker]
        live = self.runs.live.get(item.worker)
        if live is None:
            proc = self.processes.identify(pane.pid)
            if proc is None or look.server is None:
                return  # it has just ended: the next pass sees that
            live = self.starter.register(
                item.worker, item.run, proc, look.server, revision=0, begins=BEGINNING
            )
        live.fingerprint = pane.fingerprint
        live.takes_tasks = not pane.fingerprint.startswith("run:")
        live.shared = shares(pane.fingerprint)
        self.starter.watch(live)
        live.taken = self.clock.now()
        if item.held:
            self.flow.hold(item.worker, True)
        if live.takes_tasks:
            self.flow.adopted(live)
        self.probing.follow(live)
        self.hearing.began(live)
        live.adopted = True  # last: where its FIFOs cannot be had, the next pass tries again
        self.log.info("adopted", **_words(item), pid=live.proc.pid, run=item.run)

    # ---------------------------------------------------------------------------- tmux batches

    async def _remove_sessions(self, items: Sequence[a.AnyAction], server: ServerId) -> None:
        ids = [x.session_id for x in items if isinstance(x, a.RemoveSession)]
        await self.tmux.kill(server, ids)
        for item in items:
            self.log.info("removed", **_words(item))

    async def _take(self, items: Sequence[a.AnyAction], server: ServerId) -> None:
        await self.taking.take([x for x in items if isinstance(x, a.Take)], server)

    async def _rename(self, items: Sequence[a.AnyAction], server: ServerId) -> None:
        names = {x.session_id: x.worker for x in items if isinstance(x, a.Rename)}
        if len(names) > 1:
            # One may bear the name of another; each first lets go of what it has.
            await self.tmux.rename(server, {i: f"{name}-renamed" for i, name in names.items()})
        await self.tmux.rename(server, names)

    async def _log_to(self, items: Sequence[a.AnyAction], server: ServerId) -> None:
        files = {
            x.pane_id: self.places.logs / f"{x.worker}.log" for x in items if isinstance(x, a.LogTo)
        }
        await self.tmux.log_to(server, files)

    async def _keys(self, items: Sequence[a.AnyAction], server: ServerId) -> None:
        typed = [x for x in items if isinstance(x, a.Keys)]
        await self.tmux.keys(server, {x.pane_id: x.keys for x in typed})
        for item in typed:
            tell = self.log.info_unless(item.quiet)
            tell("keys", **_words(item), keys=item.keys)

    async def _nudge(self, _: Sequence[a.AnyAction], __: ServerId) -> None:
        await self.tmux.nudge()


_Hand = Callable[[Executor, Sequence[a.AnyAction], ServerId], Awaitable[None]]

_TMUX: dict[type[a.Action], _Hand] = {
    a.RemoveSession: Executor._remove_sessions,
    a.Take: Executor._take,
    a.Rename: Executor._rename,
    a.LogTo: Executor._log_to,
    a.Nudge: Executor._nudge,
    a.Keys: Executor._keys,
}


def _words(item: a.AnyAction) -> dict[str, str]:
    return {"worker": item.worker, "reason": item.reason}
