"""Each run in a cage of its own, where the system allows: made, kept to the spec's limits, emptied and removed here.

Who has a limit is in its cage from its first instruction. All others are put there once they run, in another thread:
that costs their start nothing, and what they have forked by then is still known by descent, session and mark.
"""

from __future__ import annotations

import asyncio

from tmaxd.daemon.log import EventLog
from tmaxd.daemon.runs import LiveRun, Runs
from tmaxd.plan.draft import split
from tmaxd.ports import Proc, ServerId
from tmaxd.ports.containment import Containment, Held, Limits
from tmaxd.spec.model import Group, Spec

NONE = Limits()


class Containing:
    """One a daemon, in the event loop's thread."""

    def __init__(self, cages: Containment, runs: Runs, log: EventLog) -> None:
        self._cages = cages
        self._runs = runs
        self._log = log
        self._server: ServerId | None = None
        self._spec: Spec | None = None
        self._outside: dict[str, Proc] = {}
        """Runs that have just been started without a cage."""
        self._joining: asyncio.Task[None] | None = None

    @property
    def server(self) -> int | None:
        """Pid of the tmux server that answered last."""
        return None if self._server is None else self._server.pid

    @property
    def held(self) -> Held:
        return self._cages.held

    # ------------------------------------------------------------------------ what is there, and wanted

    def found(self, server: ServerId | None) -> None:
        """This tmux server answers."""
        if server is None or server == self._server:
            return
        self._server = server
        self._cages.find(server.pid)
        self._cages.tidy(run for _, run in self._runs.all())
        for live in self._runs.live.values():
            if not live.alive:  # it died before there was a daemon
                live.oom_killed = self.died(live)
        spec, self._spec = self._spec, None
        if spec is not None:
            self.apply(spec)

    def apply(self, spec: Spec) -> None:
        """Its limits count from now on. Cheap where that spec was in force already."""
        if spec is self._spec:
            return
        before, self._spec = self._spec, spec
        if self._server is None:
            return
        for live in self._runs.live.values():
            name = split(live.worker)[0]
            if before is None or _of(before, name) != _of(spec, name):
                self._cages.limit(live.run, _of(spec, name))
        if limited := self.unkept():
            self._log.warning("limits_not_kept", groups=limited, text=f"  {self.held.why}")

    def unkept(self) -> tuple[str, ...]:
        """Groups that ask for limits which nobody keeps."""
        if self._spec is None or self._server is None or self.held.limits:
            return ()
        return tuple(name for name, group in self._spec.workers.items() if limits_of(group))

    # ----------------------------------------------------------------------------------------- runs

    def enter(self, run: str, group: Group) -> tuple[str, ...]:
        """For a run that is about to start; what comes back goes before its arguments."""
        limits = limits_of(group)
        return self._cages.enter(run, limits) if limits else ()

    def began(self, live: LiveRun) -> None:
        """It was started."""
        if self.held.kind == "cgroup":
            self._outside[live.run] = live.proc
            if self._joining is None or self._joining.done():
                self._joining = asyncio.ensure_future(self._join())

    async def _join(self) -> None:
        while self._outside:
            runs, self._outside = self._outside, {}
            await asyncio.to_thread(self._cages.join, runs)
            for run in runs.keys() - {run for _, run in self._runs.all()}:
                self._cages.remove(run)  # it was over before it was in

    def died(self, live: LiveRun) -> bool:
        """Whether the kernel killed it, or a process of it, because memory was short."""
        return self._cages.oom_kills(live.run) > live.oom_kills

    def members(self, run: str) -> frozenset[int]:
        return self._cages.members(run)

    def kill(self, run: str) -> bool:
        return self._cages.kill(run)

    def over(self, run: str) -> None:
        """Nothing is left of it, or nothing ever came of it."""
        self._outside.pop(run, None)
        self._cages.remove(run)

    def close(self) -> None:
        if self._joining is not None:
            self._joining.cancel()
        self._cages.close()


def limits_of(group: Group) -> Limits:
    memory = group.memory
    if memory.high is None and memory.max is None:
        return NONE
    return Limits(
        high=None if memory.high is None else int(memory.high),
        max=None if memory.max is None else int(memory.max),
    )


def _of(spec: Spec, name: str) -> Limits:
    group = spec.workers.get(name)
    return NONE if group is None else limits_of(group)
