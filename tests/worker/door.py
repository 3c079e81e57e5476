"""The daemon's side of one worker's FIFOs, for tests: real FIFOs, a real process, and the daemon's own codec."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar

from tests.waiting import DEADLINE
from tmaxd.tasks.frames import (
    Bad,
    BegunFrame,
    DoneFrame,
    FailedFrame,
    Form,
    Frame,
    HeartbeatFrame,
    LineBuffer,
    ProgressFrame,
    ReadyFrame,
    ResultsFrame,
    StartedFrame,
)
from tmaxd.tasks.writing import TaskWriter, cancel_frame
from tmaxd.worker.paths import runner_argv

ROOT = Path(__file__).parents[2]
NAMES = ("tasks", "control", "results")
T = TypeVar("T", bound=Frame)
U = TypeVar("U")
Ended = DoneFrame | FailedFrame


class Door:
    """FIFOs in `folder`, which also is the spool; the worker's terminal output goes to `folder/pane`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.frames: list[Frame] = []
        """All that came, heartbeats too; those that are of many tasks stand here as many frames."""
        self.raw = b""
        self.given = 0
        """Bytes written to its tasks FIFO."""
        self.form: Form = "json"
        self._fds: dict[str, int] = {}
        self._lines = LineBuffer()
        self._process: subprocess.Popen[bytes] | None = None
        for name in NAMES:
            self.make(name)
        self.come()

    # ------------------------------------------------------------------------------- FIFOs

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.pipe"

    def make(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)
        os.mkfifo(self.path(name), 0o600)

    def come(self) -> None:
        for name in NAMES:
            self._fds[name] = os.open(self.path(name), os.O_RDWR | os.O_NONBLOCK)

    def go(self) -> None:
        """The daemon dies: nobody but the worker has the FIFOs open."""
        for fd in self._fds.values():
            os.close(fd)
        self._fds.clear()

    def leave_results(self) -> int:
        """Nothing is read any more, though the FIFO is still held."""
        return self._fds.pop("results")

    def come_back(self, results: int) -> None:
        self._fds["results"] = results

    def write(self, data: bytes, name: Literal["tasks", "control"] = "tasks") -> None:
        written = os.write(self._fds[name], data)
        assert written == len(data), "the FIFO is full"
        if name == "tasks":
            self.given += written

    # ------------------------------------------------------------------------------- the worker

    def start(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> ReadyFrame:
        """Start the worker and wait until it is ready."""
        self.launch(argv, env)
        ready = self.wait(ReadyFrame)
        self.form = "json" if b'{"t":"ready"' in self.raw else "tsv"
        return ready

    def launch(self, argv: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        whole = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "TMAX_PIPES": str(self.folder),
            "TMAX_SPOOL": str(self.folder),
            **(env or {}),
        }
        with open(self.folder / "pane", "ab") as pane:
            self._process = subprocess.Popen(
                argv,
                env=whole,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=pane,
                stderr=pane,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self, number: int = signal.SIGTERM) -> None:
        os.kill(self.pid, number)

    def has_ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None

    def ended(self, within: float = DEADLINE) -> int:
        """The worker's exit status, once it has ended (minus the signal that killed it)."""
        assert self._process is not None
        return self._process.wait(within)

    def pane(self) -> str:
        return (self.folder / "pane").read_text(errors="replace")

    def until_pane(self, text: str) -> None:
        self.until(lambda: text in self.pane(), f"{text!r} in the pane")

    # ------------------------------------------------------------------------------- frames

    def task(
        self, number: int, payload: str, attempt: int = 1, timeout: float | None = None
    ) -> None:
        """Hand over a task as the daemon does: by file when it is too long for a frame."""
        writer = TaskWriter(self.form, timeout)
        data = writer.inline(number, attempt, payload)
        if data is None:
            path = self.folder / f"{number}.payload"
            path.write_bytes(payload.encode())
            data = writer.by_file(number, attempt, str(path))
        self.write(data)

    def batch(self, payloads: Mapping[int, str], timeout: float | None = None) -> None:
        """Hand over many tasks at once, as the daemon does to a worker that takes them so."""
        rows = [(number, 1, payload) for number, payload in payloads.items()]
        for piece in TaskWriter(self.form, timeout).batch(rows):
            assert isinstance(piece, bytes), "too long for a batch"
            self.write(piece)

    def cancel(self, number: int, attempt: int = 1) -> None:
        self.write(cancel_frame(self.form, number, attempt), "control")

    def run(self, number: int, payload: str, timeout: float | None = None) -> Ended:
        self.task(number, payload, timeout=timeout)
        return self.outcome(number)

    def outcome(self, number: int, attempt: int = 1) -> Ended:
        """The first result of the task."""
        return self._wait(lambda: self.outcomes(number, attempt), f"result of {number}")

    def outcomes(self, number: int, attempt: int = 1) -> list[Ended]:
        return [
            f
            for f in self.frames
            if isinstance(f, (DoneFrame, FailedFrame)) and (f.id, f.attempt) == (number, attempt)
        ]

    def started(self, number: int, attempt: int = 1) -> None:
        frame = StartedFrame(number, attempt)
        self.until(lambda: frame in self.frames, f"{frame}")

    def text(self, frame: Ended) -> str:
        """The result of a task that is done, from wherever it stands."""
        assert isinstance(frame, DoneFrame), frame
        if frame.result_file is None:
            assert frame.result is not None
            return frame.result
        return Path(frame.result_file).read_bytes().decode()

    def wait(self, kind: type[T], after: int = 0) -> T:
        """The first frame of this kind, of those after the first `after`."""
        return self._wait(
            lambda: [f for f in self.frames[after:] if isinstance(f, kind)], kind.__name__
        )

    def progress(self, number: int) -> list[ProgressFrame]:
        return [f for f in self.frames if isinstance(f, ProgressFrame) and f.id == number]

    def bad(self) -> list[Bad]:
        return [f for f in self.frames if isinstance(f, Bad)]

    def heartbeats(self) -> int:
        return sum(isinstance(f, HeartbeatFrame) for f in self.frames)

    def until(self, condition: Callable[[], bool], what: str, within: float = DEADLINE) -> None:
        self._wait(lambda: [True] if condition() else [], what, within)

    def until_quietly(self, condition: Callable[[], bool], what: str) -> None:
        """As `until`, without reading anything."""
        end = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < end, f"not in time: {what}\npane:\n{self.pane()}"
            time.sleep(0.005)

    def _wait(self, look: Callable[[], list[U]], what: str, within: float = DEADLINE) -> U:
        """The first of what `look` finds, once it finds something."""
        end = time.monotonic() + within
        while True:
            found = look()
            if found:
                return found[0]
            if time.monotonic() > end:
                raise AssertionError(f"no {what}\nframes: {self.frames}\npane:\n{self.pane()}")
            self.read(0.02)

    def read(self, wait: float = 0) -> None:
        """Take in what is there, or what comes within `wait` seconds."""
        fd = self._fds["results"]
        if select.select([fd], [], [], wait)[0]:
            data = os.read(fd, 65536)
            self.raw += data
            for frame in self._lines.feed(data):
                self.frames += single(frame)

    # ------------------------------------------------------------------------------- its end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            for pid in (*descendants(self.pid), self.pid):
                end(pid)
            self._process.wait()
        self.go()


def single(frame: Frame) -> list[Frame]:
    if isinstance(frame, BegunFrame):
        return [StartedFrame(*key) for key in frame.tasks]
    if isinstance(frame, ResultsFrame):
        return [DoneFrame(*result) for result in frame.tasks]
    return [frame]


def children(pid: int) -> list[int]:
    return [p for p, (parent, _) in _processes().items() if parent == pid]


def descendants(pid: int) -> list[int]:
    found = children(pid)
    return found + [grandchild for child in found for grandchild in descendants(child)]


def lives(pid: int) -> bool:
    """Neither gone nor a zombie."""
    return _processes().get(pid, (0, "X"))[1] not in "ZX"


def _processes() -> dict[int, tuple[int, str]]:
    """Pid to parent and state."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                found[int(folder.name)] = int(parent), state
    return found


def end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def python(program: str | Path, *arguments: str) -> list[str]:
    return [sys.executable, str(program), *arguments]


def runner(*argv: str) -> list[str]:
    return [*runner_argv(), *argv]
