"""What workers say: bytes from their results FIFOs become frames, and frames become events and readiness."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tmaxd.daemon.bursts import Bursts
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.runs import LiveRun, Runs, ready_record
from tmaxd.daemon.storing import Storing
from tmaxd.daemon.taskflow import TaskFlow
from tmaxd.plan.draft import split
from tmaxd.ports import Pipes
from tmaxd.tasks.frames import Bad, Frame, HeartbeatFrame, LineBuffer, ReadyFrame
from tmaxd.tasks.store_frames import STORED, DeleteFrame, IncrFrame, StoreFrame
from tmaxd.tasks.writing import unread_tasks

PROTOCOL = 1
"""The version of docs/protocol.md that this daemon speaks."""

OURS = frozenset({Bad, HeartbeatFrame, ReadyFrame}) | STORED
"""Frames that are about the worker, or the memory store, and not, or not only, about its tasks."""


class Hearing:
    """One a daemon, in the event loop's thread."""

    def __init__(
        self,
        pipes: Pipes,
        runs: Runs,
        flow: TaskFlow,
        log: EventLog,
        wake: Callable[[], None],
        said: Callable[[LiveRun], None],
        storing: Storing,
    ) -> None:
        """`said` is called when a run has said `ready`, with what it said put into it."""
        self._pipes = pipes
        self._runs = runs
        self._flow = flow
        self._log = log
        self._wake = wake
        self._said = said
        self._storing = storing
        self._buffers: dict[str, LineBuffer] = {}
        self._expected: dict[str, str] = {}
        self._unborn: dict[str, str] = {}
        """Worker to its run that is expected and not known yet."""
        self._early: dict[str, list[Frame]] = {}
        """By run: what it said meanwhile."""
        self._launching: set[str] = set()
        """Workers that are being started."""
        self._put_off: set[str] = set()
        """Groups whose shared FIFO is to be emptied when all their workers are known."""
        self._all_known = False
        """Every run of an earlier daemon is in our charge: also one that this one knows only from tmux."""
        self._collecting: str | None = None
        """The dead run whose last results are being read."""
        self.bad_frames = 0
        self._bursts = Bursts(log, "bad_frames", "worker")
        pipes.on_results(self._on_results)
        flow.on_take_back(self.take_back)

    def close(self) -> None:
        """The daemon ends: what was bad and is not yet said is said."""
        self._bursts.close()

    def expect(self, worker: str, run: str) -> None:
        """The run is about to be started: what the worker says from now on is said by it, though it may say it
        before tmux has answered."""
        self._early.pop(self._expected.get(worker, ""), None)
        self._expected[worker] = self._unborn[worker] = run
        self._launching.add(worker)
        self._buffers.pop(worker, None)

    def began(self, live: LiveRun) -> None:
        """The run is known now; it may have said that it is ready already, and, where the FIFO is shared, more."""
        self._unborn.pop(live.worker, None)
        frames = self._early.pop(live.run, None)
        if frames:
            self._take(live.worker, live.run, frames)

    def moved(self, spare: str, worker: str, run: str) -> None:
        """The run speaks as the worker from now on; what it has begun to say goes on."""
        self._buffers.pop(worker, None)
        buffer = self._buffers.pop(spare, None)
        if buffer is not None:
            self._buffers[worker] = buffer
        self._expected.pop(spare, None)
        self._expected[worker] = run

    def launched(self) -> None:
        """Of all that were expected it is known what has become of them, or will not be known soon."""
        self._launching.clear()
        self._take_back_now()

    def knows_all(self) -> None:
        """A pass is over: whatever lived before this daemon has been adopted."""
        if not self._all_known:
            self._all_known = True
            self._take_back_now()

    def _take_back_now(self) -> None:
        put_off, self._put_off = self._put_off, set()
        for group in sorted(put_off):
            self.take_back(group)

    def take_back(self, group: str) -> None:
        """Perform `events.TakeBack`. Not while a worker of the group is being started, or may have to be adopted: what
        it has taken could not be told, since it is not known yet."""
        if not self._all_known or any(split(worker)[0] == group for worker in self._launching):
            self._put_off.add(group)
            return
        unread = unread_tasks(self._pipes.take_back_shared(group), None)
        for worker in [worker for worker in self._runs.live if split(worker)[0] == group]:
            self._pipes.drain_results(worker)
        self._flow.taken_back(group, unread)

    def collect(self, worker: str, run: str) -> bytes:
        """The run has died: take its last results, and give back what it has not read."""
        if worker not in self._pipes.workers():
            return b""
        self._pipes.add_worker(worker)
        self._collecting = run
        try:
            self._pipes.drain_results(worker)
        finally:
            self._collecting = None
        self._buffers.pop(worker, None)
        return self._pipes.take_back(worker)

    def _on_results(self, worker: str, data: bytes) -> None:
        live = self._runs.live.get(worker)
        if live is not None:
            live.heard += 1
        run = self._collecting or (live.run if live else self._expected.get(worker, ""))
        buffer = self._buffers.get(worker)
        if buffer is None:
            buffer = self._buffers[worker] = LineBuffer()
        frames = buffer.feed(data)
        if not frames:
            return
        if live is None and self._unborn.get(worker) == run:
            self._early.setdefault(run, []).extend(frames)
            return
        # Nothing is done here for a frame that is only about tasks: there may be many.
        if OURS.isdisjoint(map(type, frames)):
            self._flow.heard(worker, run, frames)
        else:
            self._take(worker, run, frames)

    def _take(self, worker: str, run: str, frames: Sequence[Frame]) -> None:
        """With what is said about the worker itself, each thing in its turn: what comes before a `ready` was said by
        the program that was there before."""
        bad = [frame for frame in frames if isinstance(frame, Bad)]
        if not STORED.isdisjoint(map(type, frames)):
            stored = [f for f in frames if isinstance(f, StoreFrame | DeleteFrame | IncrFrame)]
            bad += self._storing.heard(worker, stored)
        self._complain(worker, bad)
        start = 0
        for end, frame in enumerate(frames, 1):
            if isinstance(frame, ReadyFrame | HeartbeatFrame):
                self._flow.heard(worker, run, frames[start:end])
                start = end
                if isinstance(frame, ReadyFrame):
                    self._ready(worker, run, frame)
                else:
                    self._heartbeat(worker, run, frame)
        if start < len(frames):
            self._flow.heard(worker, run, frames[start:])

    def _complain(self, worker: str, bad: list[Bad]) -> None:
        if bad:
            self.bad_frames += len(bad)
            self._bursts.add(worker, len(bad), why=bad[0].reason, sample=bad[0].sample)

    def _ready(self, worker: str, run: str, frame: ReadyFrame) -> None:
        live = self._runs.live.get(worker)
        if live is None or live.run != run:
            return
        if frame.v != PROTOCOL:
            self._refuse(live, frame.v)
            return
        if live.said:
            # The program began anew inside its pane. Frames meant for what it was before, those that still wait
            # for the disk included, must not reach what it is now: their tasks are given out again.
            live.life += 1
            self._pipes.take_back(worker)
        live.said, live.window = True, frame.window
        live.form, live.batch = frame.form, frame.batch
        # Who takes batches has promised heartbeats (docs/protocol.md).
        live.beats = live.beats or frame.batch
        self._said(live)

    def _refuse(self, live: LiveRun, version: int) -> None:
        live.protocol_trouble = (
            f"{live.worker} speaks protocol version {version}, this daemon {PROTOCOL}: it gets no "
            "tasks until it is started with a version that both know"
        )
        self._log.error("protocol_mismatch", worker=live.worker, version=version)
        self._wake()

    def _heartbeat(self, worker: str, run: str, frame: HeartbeatFrame) -> None:
        """It says again what `ready` said. That is news when the daemon which heard it first died before that was
        on disk. That it sends any at all is for the next daemon to know: then its silence means something."""
        live = self._runs.live.get(worker)
        if live is None or live.run != run:
            return
        if not live.said and frame.v is not None and frame.window:
            self._ready(worker, run, ReadyFrame(frame.v, frame.window, frame.form, frame.batch))
        if live.said and not live.beats:
            live.beats = True
            self._flow.note(ready_record(live))
