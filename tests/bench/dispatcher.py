"""What a task costs the dispatcher alone: from the submit over the frames to its end, in this process and without
a disk, a FIFO or a worker. The rest of the daemon comes on top of it."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterator

from tests.bench.figures import Figure
from tests.bench.size import Size
from tmaxd.tasks import events as ev
from tmaxd.tasks.dispatcher import Dispatcher
from tmaxd.tasks.frames import LineBuffer
from tmaxd.tasks.policy import GroupPolicy

LIVES, WINDOW, BATCH = 4, 64, 256
PAYLOAD = "twelve bytes"


def run(size: Size) -> Iterator[Figure]:
    count = 20_000 if size.quick else 200_000
    for form, batch, limit in (("frames of many", True, 3.0), ("single frames", False, None)):
        machine = Machine(batch)
        machine.work(count // 10)
        samples = [machine.work(count) for _ in range(size.rounds(5))]
        yield Figure(
            suite="dispatcher",
            what=f"a task, {LIVES} workers, window {WINDOW}, {form}",
            unit="µs of CPU",
            samples=tuple(samples),
            limit=limit,
        )


class Machine:
    """A dispatcher, and workers that do everything at once and cost nothing that counts."""

    def __init__(self, batch: bool) -> None:
        self.dispatcher = Dispatcher("/spool", 1)
        self.now = 1000.0
        self.batch = batch
        self.spent = 0.0
        self.token = 0
        self.buffers = {f"w-{n}": LineBuffer() for n in range(1, LIVES + 1)}
        self.said: dict[str, bytes] = {}
        events: list[ev.Event] = [ev.Groups({"w": GroupPolicy()})]
        events += [
            ev.Ready(worker, "w", f"run-{worker}", WINDOW, "json", batch=batch)
            for worker in self.buffers
        ]
        self.dispatcher.step(events, self.now)

    def work(self, count: int) -> float:
        """µs of CPU a task. Each turn submits what the workers have room for, as a busy daemon's turns do."""
        gc.collect()
        self.spent = 0.0
        turns = count // BATCH
        wanted = self.done() + turns * BATCH
        for _ in range(turns):
            self.turn([PAYLOAD] * BATCH)
        while self.done() < wanted:
            self.turn([])
        return self.spent / (turns * BATCH) * 1e6

    def done(self) -> int:
        return self.dispatcher.view(self.now).groups["w"].done

    def turn(self, payloads: list[str]) -> None:
        said, self.said = self.said, {}
        self.now += 0.002
        begun = time.thread_time()
        events: list[ev.Event] = []
        for worker, data in said.items():
            frames = self.buffers[worker].feed(data)
            if frames:
                events.append(ev.Frames(worker, f"run-{worker}", frames))
        if payloads:
            self.token += 1
            events.append(ev.Submit(self.token, ("w",), payloads))
        step = self.dispatcher.step(events, self.now)
        self.spent += time.thread_time() - begun
        for effect in step.effects:
            if isinstance(effect, ev.Send):
                self.said[effect.worker] = self.said.get(effect.worker, b"") + self.answer(effect)

    def answer(self, send: ev.Send) -> bytes:
        """What a worker writes that has done all of it."""
        frames = [json.loads(line) for line in send.data.splitlines() if line]
        if self.batch:
            tasks = [task for frame in frames for task in frame["tasks"]]
            begun = {"t": "begun", "tasks": [[task, attempt] for task, attempt, _ in tasks]}
            done = {"t": "results", "tasks": tasks}
            return b"".join(json.dumps(frame).encode() + b"\n" for frame in (begun, done))
        lines = []
        for frame in frames:
            name = {"id": frame["id"], "attempt": frame["attempt"]}
            lines.append({"t": "started", **name})
            lines.append({"t": "done", **name, "result": frame["payload"]})
        return b"".join(json.dumps(frame).encode() + b"\n" for frame in lines)
