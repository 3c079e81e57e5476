"""A program in a pane that follows docs/protocol.md, and checks what no daemon can see from inside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tmaxd.tasks.frames import LINE_LIMIT, Form, unescape

if TYPE_CHECKING:
    from tests.property.task_world import World

MORE = 2
"""By so much a program may come to ask for more than it did in `ready`."""

Key = tuple[int, int]
"""(id, attempt)"""


class Program:
    """What runs in a pane: reads frames, remembers its last results, says what it does. `says`: that it begins a task.
    `batch`: it takes and writes frames of many."""

    def __init__(
        self,
        world: World,
        worker: str,
        run: str,
        form: Form,
        window: int,
        says: bool,
        batch: bool = False,
    ) -> None:
        self.world = world
        self.worker, self.run, self.form, self.window, self.says = worker, run, form, window, says
        self.batch = batch and form == "json"
        self.life = 0
        self.fifo = b""
        self.control = b""
        self.out = b""
        self.asked = window
        """The window that its heartbeats ask for."""
        self.held: dict[Key, bool] = {}
        """Whether each has begun."""
        self.results: dict[Key, bytes] = {}
        self.unwanted: set[Key] = set()
        """To be ended as soon as they come."""
        self.begun: set[Key] = set()
        self.repeated = False
        """It was sent something again."""

    @property
    def group(self) -> str:
        return self.worker.rpartition("-")[0]

    # ------------------------------------------------------------------------------- reading

    def read(self, lines: int) -> None:
        for _ in range(lines):
            line, newline, rest = self.fifo.partition(b"\n")
            if not newline:
                return
            self.fifo = rest
            if line:
                assert len(line) < LINE_LIMIT
                for task, attempt, payload, path in self._parse(line):
                    self._take((task, attempt), payload, path)

    def _parse(self, line: bytes) -> list[tuple[int, int, str | None, str]]:
        """Id, attempt, payload (None: by file), and the path of the file, of each task."""
        if self.form == "json":
            frame = json.loads(line)
            if frame["t"] == "tasks":
                assert self.batch
                return [(task, attempt, payload, "") for task, attempt, payload in frame["tasks"]]
            path = frame.get("payload_file", "")
            return [(frame["id"], frame["attempt"], frame.get("payload"), path)]
        kind, task, attempt, _, text = line.decode().split("\t")
        by_file = kind == "task_file"
        text = unescape(text)
        return [(int(task), int(attempt), None if by_file else text, text)]

    def _take(self, key: Key, payload: str | None, path: str) -> None:
        if key in self.results:
            self.results[key] = self.results.pop(key)  # what was repeated is the newest again
            self.out += self.results[key]
        elif key not in self.held:
            payload = self.world.spool[path] if payload is None else payload
            assert payload == self.world.journal.disk.entries[key[0]].payload
            for other in self.world.programs.values():
                assert key[0] not in [t for t, _ in other.held], f"task {key[0]} is held twice"
            self.held[key] = False
            assert len(self.held) <= self.window + MORE
            if key in self.unwanted:
                self._cancel(key)

    def obey(self) -> None:
        """Read the control FIFO."""
        lines, self.control = self.control.split(b"\n"), b""
        for line in lines:
            if not line:
                continue
            kind, numbers = self._order(line)
            if kind == "ping":
                self._name_all(numbers[0])
                continue
            assert kind == "cancel"
            key = numbers[0], numbers[1]
            if key in self.held:
                self._cancel(key)
            else:
                self.unwanted.add(key)

    def _order(self, line: bytes) -> tuple[str, list[int]]:
        if self.form == "tsv":
            kind, *fields = line.decode().split("\t")
            return kind, [int(field) for field in fields]
        frame = json.loads(line)
        return frame.pop("t"), list(frame.values())

    def _name_all(self, number: int) -> None:
        """A new daemon asks what has begun. Who never says so does not understand the number."""
        if not self.says:
            return
        for key, begun in self.held.items():
            if begun:
                self._say(key, "started")
        self.beat(number)

    def _cancel(self, key: Key) -> None:
        del self.held[key]
        self._answer({key: ("failed", {"outcome": "cancelled", "error": "as you wish"})})

    # ------------------------------------------------------------------------------- working

    def begin(self, index: int, count: int = 1) -> None:
        waiting = [key for key, begun in self.held.items() if not begun]
        if not waiting:
            return
        first = index % len(waiting)
        keys = waiting[first : first + (count if self.batch else 1)]
        for key in keys:
            self.held[key] = True
            self.begun.add(key)
        if not self.says:
            return
        if len(keys) > 1:
            self._write({"t": "begun", "tasks": keys})
        else:
            self._say(keys[0], "started")

    def finish(self, index: int, outcome: str, count: int = 1) -> None:
        begun = [key for key, begun in self.held.items() if begun]
        if not begun:
            return
        first = index % len(begun)
        keys = begun[first : first + (count if self.batch and outcome == "done" else 1)]
        for key in keys:
            del self.held[key]
        if len(keys) > 1:
            results = {key: f"ok {key[0]}" for key in keys}
            self._write({"t": "results", "tasks": [[*key, text] for key, text in results.items()]})
            for key in keys:
                self._remember(key, self._line(key, "done", result=results[key]))
        elif outcome == "done":
            self._answer({keys[0]: ("done", {"result": f"ok {keys[0][0]}"})})
        else:
            self._answer({keys[0]: ("failed", {"outcome": outcome, "error": "it broke"})})

    def tell(self, index: int) -> None:
        """How far one of the tasks is."""
        begun = [key for key, begun in self.held.items() if begun]
        if begun:
            self._say(begun[index % len(begun)], "progress", done="1", total="-", note="half")

    def give_back(self, index: int, count: int) -> None:
        """Some of those that wait. That is an answer like any other: it is remembered, and said again."""
        keys = [key for key, begun in self.held.items() if not begun][index : index + count]
        for key in keys:
            del self.held[key]
            self._remember(key, self._line(key, "returned"))
        if self.form == "tsv":
            self.out += b"".join([self.results[key] for key in keys])
        elif keys:
            self._write({"t": "returned", "tasks": keys})

    def ask(self, window: int) -> None:
        """For another window than in `ready`."""
        self.asked = min(window, self.window + MORE)
        self.beat()

    def beat(self, number: int | None = None) -> None:
        if self.form == "tsv":
            asked = b"" if number is None else b"\t%d" % number
            self.out += b"heartbeat\t1\t%d%b\n" % (self.asked, asked)
        else:
            frame: dict[str, object] = {"t": "heartbeat", "v": 1, "window": self.asked}
            frame |= {"batch": self.batch} | ({} if number is None else {"number": number})
            self._write(frame)

    # ------------------------------------------------------------------------------- writing

    def _answer(self, answers: dict[Key, tuple[str, dict[str, str]]]) -> None:
        for key, (kind, fields) in answers.items():
            line = self._line(key, kind, **fields)
            self.out += line
            self._remember(key, line)

    def _remember(self, key: Key, line: bytes) -> None:
        self.results[key] = line
        # Twice the window: between two copies of one task stand the others that were repeated with it, and
        # as many new ones as took the places of those. With once the window the walks find a task run twice.
        while len(self.results) > 2 * (self.window + MORE):
            del self.results[next(iter(self.results))]

    def _say(self, key: Key, kind: str, **fields: str) -> None:
        self.out += self._line(key, kind, **fields)

    def _line(self, key: Key, kind: str, **fields: str) -> bytes:
        if self.form == "tsv":
            return "\t".join([kind, str(key[0]), str(key[1]), *fields.values()]).encode() + b"\n"
        frame: dict[str, object] = {"t": kind, "id": key[0], "attempt": key[1], **fields}
        if kind == "progress":
            frame = {"t": kind, "id": key[0], "attempt": key[1], "done": 0.5}
        if kind == "returned":
            frame = {"t": kind, "tasks": [key]}
        return json.dumps(frame).encode() + b"\n"

    def _write(self, frame: dict[str, object]) -> None:
        self.out += json.dumps(frame).encode() + b"\n"
