"""The loop: observe, plan, execute, report. The one owner of what the daemon knows.

Events only wake it (`wake`); each pass looks at the whole world. Whatever goes wrong in a pass is logged, the
world is left as it is, and the next pass looks again.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tmaxd.daemon.budgets import Budgets
from tmaxd.daemon.desired import Desired
from tmaxd.daemon.events import Events
from tmaxd.daemon.execute import Executor
from tmaxd.daemon.inboxes import Inboxes
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.observe import Look, Observer
from tmaxd.daemon.runs import Runs
from tmaxd.daemon.sampling import Sampling
from tmaxd.daemon.storing import Storing
from tmaxd.daemon.taskflow import TaskFlow
from tmaxd.daemon.waker import Waker
from tmaxd.plan.draft import split
from tmaxd.plan.history import History
from tmaxd.plan.observed import Observed
from tmaxd.plan.plan import Plan, plan
from tmaxd.plan.standing import MOVES, Standing, standing
from tmaxd.ports import Clock, Journal, Pipes, PipeTrouble, Tmux, Unknown, WorldError

if TYPE_CHECKING:
    from tmaxd.daemon.store import MemoryStore

TICK = 2.0
"""Seconds until the world is looked at again though nothing woke the loop. With 128 workers a pass costs about
4 ms, so this keeps an idle daemon under 0.5 % of a core and repairs a deleted FIFO within 2 s."""

RETRY = 0.25
"""Seconds until the next pass after one that could not see or act."""


@dataclass(slots=True)
class FleetState:
    """What the loop knows, for reports. Replaced whole by each pass."""

    look: Look = field(default_factory=lambda: Look(Observed(server=False), None))
    plan: Plan | None = None
    standing: Standing = MOVES
    trouble: str = ""
    """Why the last pass could not see or act; empty when it could."""


def _nothing() -> None:
    pass


class Fleet:
    def __init__(
        self,
        *,
        desired: Desired,
        sampling: Sampling,
        tmux: Tmux,
        pipes: Pipes,
        journal: Journal,
        observer: Observer,
        executor: Executor,
        flow: TaskFlow,
        runs: Runs,
        clock: Clock,
        log: EventLog,
        events: Events,
        history: History,
        budgets: Budgets,
        waker: Waker,
        housekeeping: Callable[[Look], None],
        storing: Storing,
    ) -> None:
        self.desired = desired
        self.sampling = sampling
        self.tmux = tmux
        self.pipes = pipes
        self.journal = journal
        self.observer = observer
        self.executor = executor
        self.flow = flow
        self.runs = runs
        self.clock = clock
        self.log = log
        self.events = events
        self.history = history
        self._budgets = budgets
        self.state = FleetState()
        self.down = False
        self._begun = self.passes = 0
        self.inboxes: Inboxes = Inboxes(
            pipes, flow.submit, flow.on_change, desired.inbox_targets, log
        )
        executor.fifos.on_inbox_removed = self.inboxes.removed
        self._housekeeping = housekeeping
        self.storing = storing
        self._waker = waker
        self._passed = asyncio.Event()
        self.after_pass: Callable[[], None] = _nothing
        """Called after each pass, whatever came of it."""
        self._next_tick = 0.0

    # ------------------------------------------------------------------------------------- the loop

    def wake(self) -> None:
        """Have a pass done soon; many wakes until then are one."""
        self._waker.wake()

    async def run(self) -> None:
        """Returns when the fleet was taken down and nothing of it is left."""
        while True:
            self._waker.woken.clear()
            self._pause_inboxes()
            self._begun += 1
            wake_at = await self._pass_or_bug()
            self._passed.set()
            self._passed = asyncio.Event()
            if self.down and self._nothing_left() and await self._server_ended():
                self.log.info("down")
                return
            await self._sleep_until(wake_at)

    async def _server_ended(self) -> bool:
        try:
            await self.tmux.stop()
        except Unknown as error:
            self.log.error("server_still_there", text=f"  {error}")
            return False
        return True

    async def _pass_or_bug(self) -> float:
        """A bug in a pass must not leave the fleet without its daemon."""
        try:
            return await self.one_pass()
        except Exception as error:  # noqa: BLE001  # whatever it is
            trouble = f"a bug in tmaxd: {error!r}"
            if trouble != self.state.trouble:
                self.log.error("pass_bug", text=traceback.format_exc().rstrip())
            self.state.trouble = trouble
            return self.clock.now() + RETRY

    async def one_pass(self) -> float:
        """Look, decide, act. Returns when (monotonic) to look again at the latest."""
        try:
            return await self._one_pass()
        finally:
            self.after_pass()

    async def _one_pass(self) -> float:
        now = self.clock.now()
        try:
            flags_end = self.desired.tend_flags(now)
            if now >= self._next_tick:
                self._next_tick = now + TICK
                self._check_pipes()
                self._housekeeping(self.state.look)
                self.storing.look()
            made = await self._pass(now)
        except (Unknown, WorldError, OSError) as error:
            if str(error) != self.state.trouble:
                self.log.error("pass_failed", text=f"  {error}")
            self.state.trouble = str(error) or type(error).__name__
            return now + RETRY
        if self.state.trouble:
            self.log.info("pass_works_again")
        self.state.trouble = ""
        wake_at = now + TICK if made.wake_at is None else made.wake_at
        return min(self._next_tick, flags_end, wake_at)

    async def _pass(self, now: float) -> Plan:
        # Both of one revision, also when a save is taken over while tmux is being asked.
        desired = self.desired
        in_force, want = desired.spec_file.in_force, desired.wanted
        if in_force is None:
            raise WorldError("no spec is in force")
        self.executor.containing.apply(in_force.spec)
        starter = self.executor.starter
        failed, starter.failed = starter.failed, {}
        try:
            look = await self.observer.look(
                want,
                self.history,
                failed=failed,
                down=self.down,
            )
        except BaseException:
            starter.failed = failed | starter.failed
            raise
        made = plan(want, look.observed, self.history, now)
        self.history = made.history
        self.state.look, self.state.plan = look, made
        self.state.standing = standing(made, want, look.observed, now)
        if desired.intents:
            desired.intents.forget_runs({w: live.run for w, live in self.runs.live.items()})
        self.passes = self._begun
        if not look.whole:
            self.wake()
        if made.actions:
            self.observer.acts()
            spec = in_force.spec  # that of the plan: what fails is replaced from the next pass on
            desired.judge(made.actions)
            await self.executor.perform(made.actions, spec, desired.revisions.revision_of, look)
        self.executor.hearing.knows_all()
        self._budgets.note(made.history.slots)
        return made

    async def _sleep_until(self, at: float) -> None:
        delay = at - self.clock.now()
        if delay <= 0:
            await asyncio.sleep(0)
            return
        try:
            async with asyncio.timeout(delay):
                await self._waker.woken.wait()
        except TimeoutError:
            return

    def _nothing_left(self) -> bool:
        o = self.state.look.observed
        made = self.state.plan
        return not (
            self.state.trouble
            or o.seen
            or self.runs.live
            or self.runs.ended
            or (made is not None and made.actions)
        )

    def _check_pipes(self) -> None:
        for trouble in self.pipes.check():
            self.log.warning("pipe_repaired", path=trouble.path, problem=trouble.problem)
            if trouble.lost:
                self._cut_off(trouble)

    def _cut_off(self, trouble: PipeTrouble) -> None:
        """Who has the former FIFO open is not reached through the new one."""
        for live in self.runs.live.values():
            owner = live.worker if trouble.kind == "worker" else split(live.worker)[0]
            if trouble.kind in ("worker", "shared") and owner == trouble.owner:
                live.cut_off = True

    @property
    def memory(self) -> MemoryStore:
        """The fleet's memory store."""
        return self.storing.memory

    def is_logged(self, worker: str) -> bool:
        """Whether the worker's output was being copied to its log when the world was last looked at."""
        seen = self.state.look.observed.seen.get(worker)
        return seen is not None and seen.piped

    def _pause_inboxes(self) -> None:
        """While the disk is full, nothing more is read from inboxes."""
        self.pipes.pause_inboxes((self.journal.trouble() or self.flow.trouble()) is not None)

    @property
    def settled(self) -> bool:
        """The last look was whole, and found nothing left to do but what an operator holds back."""
        return self.state.standing.converged and not self.state.trouble

    @property
    def stands_still(self) -> bool:
        """It has settled, or what is left is stuck."""
        return not self.state.standing.moves and not self.state.trouble

    async def passed(self) -> None:
        """Returns when the pass that is under way, or else the next one, is over, whatever came of it."""
        await self._passed.wait()

    async def looked(self) -> None:
        """Returns after a whole pass that began after this call."""
        begun = self._begun
        self.wake()
        while self.passes <= begun:
            await self._passed.wait()

    async def wait_still(self) -> None:
        """Returns after a whole pass, begun after this call, from which on nothing more happens by itself."""
        await self.looked()
        while not self.stands_still:
            await self._passed.wait()

    # --------------------------------------------------------------------------------------- stop

    def take_down(self) -> None:
        if not self.down:
            self.down = True
            self.log.info("going_down")
        self.wake()
