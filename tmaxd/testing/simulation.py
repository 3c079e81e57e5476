"""A whole daemon on fakes, with a clock that only moves when told: the real loop, planner, dispatcher and executor,
and a world that breaks on demand. Public, so that users can try their own specs on it."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tmaxd.daemon.assemble import Ports, assemble
from tmaxd.daemon.effects import Judged, SubmitDenied
from tmaxd.daemon.fleet import Fleet
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.specfile import SpecFile
from tmaxd.daemon.waker import Waker
from tmaxd.places import Places
from tmaxd.ports import Launch
from tmaxd.spec.load import Loaded, load
from tmaxd.tasks.events import Accepted, DenyReason, Tick, Verdict
from tmaxd.tasks.records import PLAIN, Options
from tmaxd.testing.clock import FakeClock
from tmaxd.testing.containment import FakeContainment
from tmaxd.testing.files import FakeFiles
from tmaxd.testing.footprints import FakeFootprints
from tmaxd.testing.journal import FakeJournal
from tmaxd.testing.outputs import FakeOutputs
from tmaxd.testing.pipes import FakePipes
from tmaxd.testing.probes import FakeProbes
from tmaxd.testing.processes import FakeProcesses
from tmaxd.testing.store import FakeStore
from tmaxd.testing.tmux import FakeTmux
from tmaxd.testing.workers import FakeWorkers

T = TypeVar("T")
SPEC = Path("/sim/tmax.yaml")
PLACES = Places(runtime=Path("/sim/run"), state=Path("/sim/state"))
TURNS = 30
"""Turns of the event loop after which everything that could follow by itself has followed."""


class Simulation:
    """Use `close` at the end: it owns an event loop."""

    def __init__(self, spec: str, fleet: str = "sim") -> None:
        self.name = fleet
        self.clock = FakeClock()
        self.files = FakeFiles()
        self.files.specs[SPEC] = spec
        self.probes = FakeProbes(self.clock)
        self.outputs = FakeOutputs()
        self.journal = FakeJournal()
        self.store = FakeStore()
        self.pipes = FakePipes()
        self.processes = FakeProcesses()
        self.footprints = FakeFootprints(self.processes)
        self.containment = FakeContainment()
        self.workers = FakeWorkers(self.pipes)
        self.tmux = FakeTmux(on_spawn=self._spawned, on_death=self._died)
        self.processes.on_end = self._ended
        self.log = io.StringIO()
        self.accepted: set[int] = set()
        """Tasks whose submitter has been told that they are on disk."""
        self.refused: Counter[DenyReason] = Counter()
        self.keyed: dict[tuple[str, str], set[int]] = {}
        """Group and key to the ids that submitters were told."""
        self.verdicts: list[tuple[int, Verdict]] = []
        """All that cancels and retries were answered."""
        self.fleet: Fleet | None = None
        self.crashes = 0
        """Daemons that died."""
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _, context: self._errors.append(context))
        self._errors: list[dict[str, Any]] = []
        """What went wrong where nobody waits for it; the next `run` raises it."""
        self._ids = itertools.count(1)

    # -------------------------------------------------------------------------------- the daemon

    def start(self) -> Fleet:
        """A daemon starts; what the last one left on disk, in tmux and in the FIFOs is what it finds."""
        return self.run(self._start())

    async def _start(self) -> Fleet:
        spec_file = SpecFile(SPEC, self.files.read, {}, "/sim", self.name)
        found = load(SPEC, self.files.read, {}, "/sim")
        waker = Waker()
        self.tmux.on_change = waker.wake
        ports = Ports(
            tmux=self.tmux,
            pipes=self.pipes,
            processes=self.processes,
            journal=self.journal,
            store=lambda: self.store,
            files=self.files,
            probes=self.probes,
            outputs=self.outputs,
            footprints=self.footprints,
            containment=self.containment,
            clock=self.clock,
            waker=waker,
            path="/bin",
            owner="sim",
            new_run_id=lambda: f"run{next(self._ids)}",
            housekeeping=lambda _: None,
        )
        log = EventLog(self.clock, self.log, human=True)
        self.fleet, _ = assemble(spec_file, found, PLACES, ports, self.journal.disk.recover(), log)
        self.fleet.sampling.start()
        return self.fleet

    def crash(self) -> None:
        """The daemon dies at this instant; what is not on disk is lost, all else lives on."""
        if self.fleet is not None:
            self.fleet.flow.close()
            self.fleet.desired.close()
            self.fleet.sampling.close()
        self.fleet = None
        self.crashes += 1
        self.journal.crash()
        self._loop.run_until_complete(_end_tasks())
        self.pipes = self.workers.pipes = self.pipes.reopen()

    def one_pass(self) -> None:
        """One pass of the loop, and all that follows from it by itself."""
        if self.fleet is not None:
            self.run(self.fleet.one_pass())

    def reload(self) -> bool:
        """The file is looked at. Whether it is good."""
        if self.fleet is None:
            return False
        found, _ = self.run(self.fleet.desired.reload())
        return isinstance(found, Loaded)

    def edit(self, spec: str | None) -> None:
        """Save the file; None removes it."""
        if spec is None:
            self.files.specs.pop(SPEC, None)
        else:
            self.files.specs[SPEC] = spec

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.fleet is not None:
            fleet = self.fleet
            self.do(lambda: fleet.flow.post(Tick()))
            self.do(self.probes.expire)
            self.do(fleet.desired.probing.tend)
            self.do(fleet.sampling.tend)

    # ----------------------------------------------------------------------------------- tasks

    def submit(
        self,
        group: str,
        count: int,
        options: Options = PLAIN,
        max_queue: int | None = None,
    ) -> None:
        """Whether it is accepted shows in `accepted`, when it is."""
        if self.fleet is not None:
            payloads = [f"payload {n}" for n in range(count)]
            self.run(self._submit(self.fleet, group, payloads, options, max_queue))

    async def _submit(
        self,
        fleet: Fleet,
        group: str,
        payloads: list[str],
        options: Options,
        max_queue: int | None,
    ) -> None:
        future = fleet.flow.submit((group,), payloads, options, max_queue)
        future.add_done_callback(partial(self._answered, group, options.key))

    def _answered(self, group: str, key: str | None, future: asyncio.Future[Accepted]) -> None:
        error = future.exception()
        if isinstance(error, SubmitDenied):
            self.refused[error.reason] += 1
            return
        answer = future.result()
        if key is not None:
            self.keyed.setdefault((group, key), set()).add(answer.first_id)
        self.accepted.update(range(answer.first_id, answer.first_id + answer.count))

    def cancel(self, ids: Sequence[int]) -> None:
        """What became of each shows in `verdicts`, when it is known."""
        self._judge(ids, lambda fleet: fleet.flow.cancel(ids))

    def retry(self, ids: Sequence[int]) -> None:
        self._judge(ids, lambda fleet: fleet.flow.retry(ids))

    def _judge(self, ids: Sequence[int], ask: Callable[[Fleet], asyncio.Future[Judged]]) -> None:
        fleet = self.fleet
        if fleet is not None and ids:
            self.do(lambda: ask(fleet).add_done_callback(self._judged))

    def _judged(self, future: asyncio.Future[Judged]) -> None:
        self.verdicts.extend(future.result())

    # ------------------------------------------------------------------------------ the rest

    def settle(self, rounds: int = 300) -> None:
        """Let time pass, workers work and the daemon run until nothing is left to do; AssertionError if that
        does not come about."""
        for _ in range(rounds):
            self.do(self.workers.read)
            self.do(self.workers.finish)
            self.one_pass()
            self.advance(1.0)
            if self._quiet():
                return
        raise AssertionError(f"not settled after {rounds} rounds\n{self.log.getvalue()[-4000:]}")

    def _quiet(self) -> bool:
        fleet = self.fleet
        if fleet is None or not fleet.settled or self.workers.at_once():
            return False
        if fleet.inboxes.paused():
            return False
        view = self.do(fleet.flow.view)
        return not any(
            g.in_spec and g.queued + g.delayed + g.sent + g.running for g in view.groups.values()
        )

    def do(self, act: Callable[[], T]) -> T:
        """Do something to the world, in the daemon's loop, and let follow what follows."""
        return self.run(_do(act))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        result = self._loop.run_until_complete(work)
        self._loop.run_until_complete(_turns())
        self._raise()
        return result

    def _raise(self) -> None:
        if self._errors:
            context = self._errors.pop(0)
            raise context.get("exception") or AssertionError(context["message"])

    def close(self) -> None:
        self._loop.run_until_complete(_end_tasks())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        self._raise()

    def _spawned(self, pid: int, launch: Launch) -> None:
        self.processes.on_spawn(pid, launch)
        self.workers.on_spawn(pid, launch)

    def _died(self, pid: int) -> None:
        self.workers.on_death(pid)
        self.processes.on_death(pid)

    def _ended(self, pid: int, status: int | None, signal: int | None) -> None:
        self.workers.on_death(pid)
        self.tmux.exited(pid, status, signal)


async def _end_tasks() -> None:
    """What a daemon that died had under way."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def _do(function: Callable[[], T]) -> T:
    return function()
