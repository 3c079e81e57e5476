"""The two worlds in which the contract of `Pipes` is tried: memory, and FIFOs on disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Literal, Protocol

from tmaxd.ports import PipeProblem, Pipes
from tmaxd.testing.pipes import FakePipes
from tmaxd.world.pipes import FifoPipes

Name = Literal["tasks", "control"]
Pipe = Literal["tasks", "control", "results", "inbox", "outbox", "shared"]


class Log:
    """What a handler was given, by owner."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.longest = 0

    def __call__(self, owner: str, data: bytes) -> None:
        assert data
        self.data[owner] = self.data.get(owner, b"") + data
        self.longest = max(self.longest, len(data))


class PipesWorld(Protocol):
    """A daemon's pipes, and what workers and strangers do on the other side."""

    pipes: Pipes

    def open_worker(self, worker: str) -> None: ...
    def open_spare(self, spare: str, run: str) -> None: ...
    def read_spare(self, run: str, pipe: Name = "tasks") -> bytes: ...
    def write_spare(self, run: str, data: bytes) -> None: ...
    def read(self, worker: str, n: int | None = None, pipe: Name = "tasks") -> bytes: ...
    def write(self, worker: str, data: bytes) -> None: ...
    def write_inbox(self, inbox: str, data: bytes) -> None: ...
    def open_outbox(self, outbox: str) -> None: ...
    def read_outbox(self, outbox: str, n: int | None = None) -> bytes: ...
    def open_shared(self, group: str) -> None: ...
    def read_record(self, group: str) -> bytes: ...
    def fill(self, worker: str, pipe: Name = "tasks") -> None: ...
    def damage(
        self, owner: str, pipe: Pipe, problem: PipeProblem, *, lost: bool = False
    ) -> None: ...
    def leave_file(self, worker: str) -> None: ...
    def reopen(self) -> None: ...
    def close(self) -> None: ...


class FakeWorld:
    def __init__(self) -> None:
        self.fake = FakePipes()

    @property
    def pipes(self) -> Pipes:
        return self.fake

    @pipes.setter
    def pipes(self, pipes: Pipes) -> None:
        raise NotImplementedError

    def open_worker(self, worker: str) -> None:
        self.fake.worker_reopens(worker)

    def open_spare(self, spare: str, run: str) -> None:
        self.fake.worker_reopens(spare)

    def read_spare(self, run: str, pipe: Name = "tasks") -> bytes:
        return self.fake.worker_reads(self.fake.worker_of(run, ""), pipe=pipe)

    def write_spare(self, run: str, data: bytes) -> None:
        self.fake.worker_writes(self.fake.worker_of(run, ""), data)

    def read(self, worker: str, n: int | None = None, pipe: Name = "tasks") -> bytes:
        return self.fake.worker_reads(worker, n, pipe)

    def write(self, worker: str, data: bytes) -> None:
        self.fake.worker_writes(worker, data)

    def write_inbox(self, inbox: str, data: bytes) -> None:
        self.fake.inbox_writes(inbox, data)

    def open_outbox(self, outbox: str) -> None: ...

    def read_outbox(self, outbox: str, n: int | None = None) -> bytes:
        return self.fake.outbox_reads(outbox, n)

    def open_shared(self, group: str) -> None: ...

    def read_record(self, group: str) -> bytes:
        return self.fake.group_reads(group)

    def fill(self, worker: str, pipe: Name = "tasks") -> None:
        self.fake.fill(worker, pipe)

    def damage(self, owner: str, pipe: Pipe, problem: PipeProblem, *, lost: bool = False) -> None:
        self.fake.damage(owner, pipe, problem, lost=lost)

    def leave_file(self, worker: str) -> None:
        self.fake.leave_file(worker)

    def reopen(self) -> None:
        self.fake = self.fake.reopen()

    def close(self) -> None:
        self.fake.close()


class RealWorld:
    """Workers have their FIFOs open from `open_worker` on, as the protocol asks (read-write)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "pipes"
        self.pipes: Pipes = FifoPipes(self.folder)
        self._open: dict[str, int] = {}

    def path(self, owner: str, pipe: str) -> Path:
        names = {"inbox": owner, "outbox": owner, "shared": f"{owner}.tasks"}
        return self.folder / f"{names.get(pipe, f'{owner}/{pipe}')}.pipe"

    def _fd(self, owner: str, pipe: str) -> int:
        key = f"{owner}/{pipe}"
        if key not in self._open:
            self._open[key] = os.open(self.path(owner, pipe), os.O_RDWR | os.O_NONBLOCK)
        return self._open[key]

    def open_worker(self, worker: str) -> None:
        for pipe in ("tasks", "control", "results"):
            old = self._open.pop(f"{worker}/{pipe}", None)
            if old is not None:
                os.close(old)
            self._fd(worker, pipe)

    def open_spare(self, spare: str, run: str) -> None:
        """By the path of its run, as it is told to."""
        for pipe in ("tasks", "control", "results"):
            path = self.folder / ".runs" / run / f"{pipe}.pipe"
            self._open[f"{run}/{pipe}"] = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def read_spare(self, run: str, pipe: Name = "tasks") -> bytes:
        self._stands(run, pipe)
        return self.read(run, pipe=pipe)

    def write_spare(self, run: str, data: bytes) -> None:
        self._stands(run, "results")
        self.write(run, data)

    def _stands(self, run: str, pipe: str) -> None:
        """What a worker looks at from time to time: the path leads to what it has open."""
        there = os.stat(self.folder / ".runs" / run / f"{pipe}.pipe")
        assert os.path.samestat(there, os.fstat(self._open[f"{run}/{pipe}"]))

    def read(self, worker: str, n: int | None = None, pipe: Name = "tasks") -> bytes:
        data = bytearray()
        while n is None or len(data) < n:
            try:
                data += os.read(self._fd(worker, pipe), 65536 if n is None else n - len(data))
            except BlockingIOError:
                break
        return bytes(data)

    def write(self, worker: str, data: bytes) -> None:
        assert os.write(self._fd(worker, "results"), data) == len(data)

    def write_inbox(self, inbox: str, data: bytes) -> None:
        assert os.write(self._fd(inbox, "inbox"), data) == len(data)

    def open_outbox(self, outbox: str) -> None:
        self._fd(outbox, "outbox")

    def read_outbox(self, outbox: str, n: int | None = None) -> bytes:
        try:
            return os.read(self._fd(outbox, "outbox"), 65536 if n is None else n)
        except BlockingIOError:
            return b""

    def open_shared(self, group: str) -> None:
        self._fd(group, "shared")

    def read_record(self, group: str) -> bytes:
        try:
            return os.read(self._fd(group, "shared"), 4096)
        except BlockingIOError:
            return b""

    def fill(self, worker: str, pipe: Name = "tasks") -> None:
        for size in (4096, 1):
            try:
                while True:
                    os.write(self._fd(worker, pipe), b"\n" * size)
            except BlockingIOError:
                continue

    def damage(self, owner: str, pipe: Pipe, problem: PipeProblem, *, lost: bool = False) -> None:
        path = self.path(owner, pipe)
        if lost:
            name = owner if pipe == "inbox" else f"{owner}.{pipe}"
            (self.folder / ".held" / f"{name}.pipe").unlink()
        if problem == "wrong_mode":
            path.chmod(0o666)
            return
        if problem == "wrong_owner":
            os.chown(path, 65534, -1)
            return
        path.unlink()
        if problem == "not_a_fifo":
            path.write_text("a plain file\n")
        elif problem == "replaced":
            os.mkfifo(path, 0o600)

    def leave_file(self, worker: str) -> None:
        (self.folder / worker / "notes.txt").write_text("mine\n")

    def reopen(self) -> None:
        self.pipes.close()
        self.pipes = FifoPipes(self.folder)

    def close(self) -> None:
        self.pipes.close()
        for fd in self._open.values():
            os.close(fd)
        shutil.rmtree(self.folder, ignore_errors=True)
