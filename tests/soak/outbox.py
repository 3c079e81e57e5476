"""The reader of the outbox, who lags, and what it must find: whole lines, each end at most once and as the books have
it, and a count of what is missing.
"""

from __future__ import annotations

import json
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.soak.row import Row, serial_of

CHUNK = 16384
PAUSE = 0.2
"""Seconds between two reads, at most: less than what flows needs, so that lines are lost now and then."""


class Reader:
    """A thread that reads the FIFO at `path` as long as it is there, or one that stands there later."""

    def __init__(self, path: Path, seed: int) -> None:
        self.lines: list[bytes] = []
        """In the order in which they came, with those that tell of losses."""
        self.hasty = threading.Event()
        """Read without a pause."""
        self.stalled = threading.Event()
        """Read nothing."""
        self.empty = threading.Event()
        """The last read found nothing."""
        self._path = path
        self._dice = random.Random(f"reader {seed}")
        self._fd: int | None = None
        self._rest = b""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox reader")
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    @property
    def torn(self) -> bytes:
        """A line without its end, once the thread has ended."""
        return self._rest

    def _run(self) -> None:
        while not self._closing.is_set():
            if not self.stalled.is_set():
                if not self._is_there():
                    self._move()
                self._read()
            self._closing.wait(0.002 if self.hasty.is_set() else self._dice.random() * PAUSE)
        if self._fd is not None:
            while self._read():
                pass
            os.close(self._fd)

    def _is_there(self) -> bool:
        """What we have open is what stands at the path."""
        if self._fd is None:
            return False
        with suppress(OSError):
            there, ours = os.stat(self._path), os.fstat(self._fd)
            return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
        return True  # nothing is there; what was may still hold something

    def _move(self) -> None:
        with suppress(OSError):
            fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            if self._fd is not None:
                while self._read():
                    pass
                os.close(self._fd)
            self._fd = fd

    def _read(self) -> bool:
        """Whether there was anything."""
        if self._fd is None:
            return False
        try:
            data = os.read(self._fd, CHUNK)
        except BlockingIOError:
            data = b""
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.lines += lines
        (self.empty.clear if data else self.empty.set)()
        return bool(data)


def counted(lines: Sequence[bytes]) -> tuple[int, int]:
    """(ends that were told, ends that were lost)."""
    seen = [_told(line) for line in lines]
    lost = sum(line["lost"] for line in seen if line and "lost" in line)
    return sum(line is not None and "id" in line for line in seen), lost


def published(
    lines: Sequence[bytes], torn: bytes, rows: Sequence[Row], groups: Sequence[str]
) -> Iterator[str]:
    """Every broken promise. `groups`: those whose ends the outbox gets."""
    if torn:
        yield f"the outbox ends with a part of a line: {torn[:80]!r}"
    ends = {row.id: row for row in rows if row.group in groups}
    seen: Counter[int] = Counter()
    for line in lines:
        told = _told(line)
        if told is None:
            yield f"the outbox has a torn line: {line[:80]!r}"
        elif "id" in told:
            seen[told["id"]] += 1
            yield from _differs(told, ends.get(told["id"]))
    for task, times in seen.items():
        if times > 1:
            yield f"task {task}: {times} lines in the outbox"
    told_of, lost = counted(lines)
    if told_of + lost > len(ends):
        yield f"the outbox told of {told_of} ends and {lost} lost ones, but there were {len(ends)}"


def _differs(told: Mapping[str, Any], row: Row | None) -> Iterator[str]:
    task = told["id"]
    if row is None:
        yield f"task {task}: in the outbox, but not in the books of its groups"
        return
    said = told["group"], told["state"], told["attempt"]
    if said != (row.group, row.state, row.attempt):
        yield f"task {task}: the outbox said {said}, the books {(row.group, row.state, row.attempt)}"
    if "result" in told and not told["result"].startswith(f"{serial_of(row)} done at"):
        yield f"task {task}: the outbox has the result {told['result'][:40]!r}"


def _told(line: bytes) -> dict[str, Any] | None:
    """None: this is no line that the daemon wrote whole."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) and ("id" in value or "lost" in value) else None
