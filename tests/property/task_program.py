"""A program in a pane that follows docs/protocol.md, and checks what no daemon can see from inside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tmaxd.tasks.frames import LINE_LIMIT, Form, unescape

if TYPE_CHECKING:
    from tests.property.task_world import World


class Program:
    """What runs in a pane: reads frames, remembers its last results, says what it does."""

    def __init__(
        self, world: World, worker: str, run: str, form: Form, window: int, says: bool
    ) -> None:
        self.world = world
        self.worker, self.run, self.form, self.window, self.says = worker, run, form, window, says
        self.life = 0
        self.fifo = b""
        self.out = b""
        self.held: dict[tuple[int, int], bool] = {}
        """(id, attempt) to whether it has begun."""
        self.results: dict[tuple[int, int], bytes] = {}
        self.begun: set[tuple[int, int]] = set()
        self.adopted = False

    @property
    def group(self) -> str:
        return self.worker.rpartition("-")[0]

    def read(self, lines: int) -> None:
        for _ in range(lines):
            line, newline, rest = self.fifo.partition(b"\n")
            if not newline:
                return
            self.fifo = rest
            if line:
                assert len(line) < LINE_LIMIT
                self._take(*self._parse(line))

    def _parse(self, line: bytes) -> tuple[int, int, str | None, str]:
        """Id, attempt, payload (None: by file), and the path of the file."""
        if self.form == "json":
            frame = json.loads(line)
            path = frame.get("payload_file", "")
            return frame["id"], frame["attempt"], frame.get("payload"), path
        kind, task, attempt, _, text = line.decode().split("\t")
        by_file = kind == "task_file"
        return int(task), int(attempt), None if by_file else unescape(text), unescape(text)

    def _take(self, task: int, attempt: int, payload: str | None, path: str) -> None:
        key = task, attempt
        if key in self.results:
            self.results[key] = self.results.pop(key)  # what was repeated is the newest again
            self.out += self.results[key]
        elif key not in self.held:
            payload = self.world.spool[path] if payload is None else payload
            assert payload == self.world.journal.disk.entries[task].payload
            for other in self.world.programs.values():
                assert task not in [t for t, _ in other.held], f"task {task} is held twice"
            self.held[key] = False

    def begin(self, index: int) -> None:
        waiting = [key for key, begun in self.held.items() if not begun]
        if waiting:
            key = waiting[index % len(waiting)]
            self.held[key] = True
            self.begun.add(key)
            if self.says:
                self._say(key, "started")

    def finish(self, index: int, outcome: str) -> None:
        begun = [key for key, begun in self.held.items() if begun]
        if not begun:
            return
        key = begun[index % len(begun)]
        del self.held[key]
        before = len(self.out)
        if outcome == "done":
            self._say(key, "done", result=f"ok {key[0]}")
        else:
            self._say(key, "failed", outcome=outcome, error="it broke")
        self.results[key] = self.out[before:]
        # Twice the window: between two copies of one task stand the others that were repeated with it, and
        # as many new ones as took the places of those. With once the window the walks find a task run twice.
        while len(self.results) > 2 * self.window:
            del self.results[next(iter(self.results))]

    def _say(self, key: tuple[int, int], kind: str, **fields: str) -> None:
        if self.form == "json":
            line = json.dumps({"t": kind, "id": key[0], "attempt": key[1], **fields})
        else:
            line = "\t".join([kind, str(key[0]), str(key[1]), *fields.values()])
        self.out += line.encode() + b"\n"
