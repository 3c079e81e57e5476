"""What the rest of the daemon tells the dispatcher and asks of it, in its own words: submits and cancels, what runs
say, which of them come and go. It is not told of spares: they are nobody's workers yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from tmaxd.daemon.effects import Effects, Judged
from tmaxd.daemon.runs import LiveRun, Runs
from tmaxd.daemon.texts import ResultTexts, limits
from tmaxd.daemon.turns import Turns
from tmaxd.plan.draft import is_spare, split
from tmaxd.plan.observed import Load
from tmaxd.plan.reasons import EXCUSES_TASKS
from tmaxd.ports import Clock, Files, Pipes
from tmaxd.tasks.dispatcher import Dispatcher
from tmaxd.tasks.events import (
    Accepted,
    Adopted,
    Cancel,
    Event,
    Forget,
    Gone,
    Groups,
    Hold,
    Ready,
    Retry,
    Submit,
    TakenBack,
)
from tmaxd.tasks.frames import Frame
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import PLAIN, Options, Purge, Purged, Record
from tmaxd.tasks.view import InFlight, View
from tmaxd.tasks.writing import ping_frame

HOW = {
    "silent": "said nothing for longer than its lease, and was ended",
    "task_timeout": "did not end a task in time, and was ended",
    "unhealthy": "did not work any more, and was ended",
    "not_ready": "was not ready in time, and was ended",
    "memory_kill": "used more memory than it may, and was killed",
    "oom_killed": "was killed by the kernel, because memory was short",
    "crashed": "crashed",
    "exited": "ended",
}
"""What became of a worker, in the story of a task that it had; others were stopped, or died."""


class TaskFlow:
    """One a daemon, in the event loop's thread."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        turns: Turns,
        pipes: Pipes,
        runs: Runs,
        effects: Effects,
        files: Files,
        clock: Clock,
    ) -> None:
        self._dispatcher = dispatcher
        self._turns = turns
        self._pipes = pipes
        self._runs = runs
        self._effects = effects
        self._clock = clock
        self._texts = ResultTexts(files, turns.post)
        self._tokens = 0

    def post(self, event: Event) -> None:
        self._turns.post(event)

    def close(self) -> None:
        """The daemon ends: nothing more is taken in or sent."""
        self._turns.close()

    def note(self, record: Record) -> None:
        """A record that nothing waits for."""
        self._turns.note(record)

    def on_change(self, told: Callable[[], None]) -> None:
        """`told` is called after each turn in which a queue may have become shorter."""
        self._turns.on_change = told

    def on_take_back(self, take_back: Callable[[str], None]) -> None:
        """`take_back` performs `events.TakeBack` of the group that it is called with, and answers by `taken_back`."""
        self._effects.on_take_back = take_back

    # ------------------------------------------------------------------------------ what is wanted

    def groups(self, policies: Mapping[str, GroupPolicy]) -> None:
        self._texts.limits = limits(policies)
        self.post(Groups(policies))

    def submit(
        self,
        groups: tuple[str, ...],
        payloads: Sequence[str],
        options: Options = PLAIN,
        max_queue: int | None = None,
    ) -> asyncio.Future[Accepted]:
        """Set once all are on disk; or raises `effects.SubmitDenied`."""
        token = self._token()
        future = self._effects.submitted(token)
        self.post(Submit(token, groups, payloads, options, max_queue))
        return future

    def cancel(self, ids: Sequence[int]) -> asyncio.Future[Judged]:
        """Set once what was done is on disk."""
        token = self._token()
        future = self._effects.judged(token)
        self.post(Cancel(token, ids))
        return future

    def retry(self, ids: Sequence[int]) -> asyncio.Future[Judged]:
        token = self._token()
        future = self._effects.judged(token)
        self.post(Retry(token, ids))
        return future

    def purge(self, wish: Purge) -> asyncio.Future[Purged]:
        """A slice of the tasks that are over is forgotten. Raises JournalError where the disk refuses; nothing has
        changed then."""
        token = self._token()
        future = self._effects.forgotten(token)
        self.post(Forget(token, wish))
        return future

    def _token(self) -> int:
        self._tokens += 1
        return self._tokens

    def hold(self, worker: str, held: bool) -> None:
        if is_spare(worker):
            return
        self.post(Hold(worker, held))
        self._turns.now()

    # --------------------------------------------------------------------------------------- runs

    def adopted(self, live: LiveRun) -> None:
        """A run of an earlier daemon is ours now; its FIFOs are taken over with what stands in them."""
        # First: what it holds is sent again at once, while its frames are only read once the loop turns.
        self._pipes.add_worker(live.worker)
        if live.said and live.ready:
            if is_spare(live.worker):
                return
            group = split(live.worker)[0]
            self.post(
                Adopted(
                    live.worker,
                    group,
                    live.run,
                    live.window,
                    live.form,
                    live.batch,
                    live.shared,
                    live.beats,
                )
            )
            self._turns.now()
            self._pipes.send(live.worker, "control", b"\n" + ping_frame(live.form))
            return
        # Both forms, since that of a run whose `ready` never reached the disk is not known: what a worker does
        # not understand it skips. It looks at its control FIFO when its tasks FIFO says something, else only with
        # its next heartbeat.
        self._pipes.send(live.worker, "control", b"\n" + ping_frame(None))
        self._pipes.send(live.worker, "tasks", b"\n")

    def ready(self, live: LiveRun) -> None:
        """It has said so; again, where its program began anew."""
        if is_spare(live.worker):
            return
        group = split(live.worker)[0]
        self._texts.post(
            live.run,
            Ready(
                live.worker,
                group,
                live.run,
                live.window,
                live.form,
                live.life,
                live.batch,
                live.shared,
            ),
        )

    def heard(self, worker: str, run: str, frames: Sequence[Frame]) -> None:
        if is_spare(worker):
            return
        self._texts.heard(worker, run, frames)

    def swept(self, worker: str, run: str) -> None:
        """Nothing is left of the run: its tasks may go to others."""
        ended = self._runs.ended.pop(run, None)
        if ended is None:
            self._texts.post(run, Gone(worker, run, b""))
            return
        if ended.record is not None:
            self.note(ended.record)
        excused = ended.reason in EXCUSES_TASKS
        how = HOW.get(ended.reason, "was stopped" if excused else "died")
        self._texts.post(run, Gone(worker, run, ended.unread, excused, how))

    def taken_back(self, group: str, unread: Collection[tuple[int, int]]) -> None:
        """The FIFO that the group shares has been emptied, and all that its runs had written is told."""
        self.post(TakenBack(group, unread))

    # ------------------------------------------------------------------------------------ answers

    def trouble(self) -> str | None:
        """Why a payload file cannot be written, so that what is to be sent waits; None when none waits so."""
        return self._effects.trouble

    def unread(self, group: str) -> int:
        """How many tasks may stand in the FIFO that the group shares."""
        self._turns.now()
        return self._dispatcher.unread(group)

    def loads(self) -> dict[str, Load]:
        """What each worker holds, with every event told so far taken in. None is overdue because our disk is full."""
        self._turns.now()
        fair = not self._turns.impeded()
        return {
            item.worker: Load(
                item.in_flight, item.held, item.overdue and fair, item.silent, item.ended
            )
            for item in self._dispatcher.loads(self._clock.wall())
        }

    def last_heard(self, run: str) -> float | None:
        """When (wall) the run last said anything at all, as far as this daemon heard."""
        self._turns.now()
        return self._dispatcher.last_heard(run)

    def view(self) -> View:
        """Counts, rates and what each run holds, for status."""
        self._turns.now()
        return self._dispatcher.view(self._clock.wall())

    def groups_known(self) -> frozenset[str]:
        """Those that take tasks, and those that there were ever tasks of."""
        self._turns.now()
        return self._dispatcher.groups()

    def has_run(self, worker: str) -> bool:
        """Whether a run of the worker lives, or has ended and is not swept yet."""
        ended = self._runs.ended.values()
        return worker in self._runs.live or any(run.worker == worker for run in ended)

    def aside(self) -> Mapping[int, str]:
        """Tasks that wait for one certain worker while others have room, and for which."""
        self._turns.now()
        return self._dispatcher.aside()

    def in_flight(self) -> Mapping[int, InFlight]:
        """Tasks that are with workers, by id."""
        self._turns.now()
        return self._dispatcher.in_flight()
