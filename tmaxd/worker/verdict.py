"""What came of a task that was a process: a frame, from its exit status, its result file and its output."""

from __future__ import annotations

import errno
import os
import signal
import stat

from tmaxd.worker import frames
from tmaxd.worker.child import Child
from tmaxd.worker.frames import LINE_LIMIT
from tmaxd.worker.keeping import remove
from tmaxd.worker.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

TAIL = 3000
"""Bytes of standard output that are the result, where there is no other; and of all output that tell of a failure."""

LAST_LINE = 300
"""Characters of the last line that stand in the first line of an error, where the whole tail follows."""

TEMPORARY = 75
"""Exit status EX_TEMPFAIL (sysexits.h)."""

TOO_LONG = (
    "the payload is too long for an argument (131071 bytes at most); leave {payload} out of the command, and it comes "
    "on standard input"
)


class Verdict:
    __slots__ = ("error", "frame")

    def __init__(self, frame: bytes, error: str = "") -> None:
        self.frame = frame
        self.error = error
        """In one line; empty when the task is done."""


def of(task: Task, child: Child, result_file: str) -> Verdict:
    """`child` has ended. Removes the result file unless the frame names it."""
    if child.status == 0 and child.why is None:
        try:
            return Verdict(_result(task, child, result_file))
        except OSError as error:
            why = f"its result file {result_file} cannot be read: {error.strerror}"
            return Verdict(frames.failed(task.key, "failed", why), why)
    remove(result_file)
    if child.why == "timeout":
        return _failed(task, "timeout", f"timed out after {task.timeout or 0:g} s", child)
    if child.why == "cancelled":
        return _failed(task, "cancelled", "cancelled", child)
    if child.status < 0:
        return _failed(task, "failed", f"killed by {_name(-child.status)}", child)
    outcome = "temporary" if child.status == TEMPORARY else "failed"
    return _failed(task, outcome, f"exit status {child.status}", child)


def not_started(task: Task, error: OSError | ValueError, program: str) -> Verdict:
    if isinstance(error, OSError) and error.errno == errno.E2BIG:
        why = TOO_LONG
    elif isinstance(error, OSError) and error.filename == task.file is not None:
        why = f"the payload file {task.file} cannot be read: {error.strerror}"
    elif isinstance(error, OSError):
        why = f"{program} cannot be started: {error.strerror}"
    else:
        why = f"{program} cannot be started: {error}"
    return Verdict(frames.failed(task.key, "failed", why), why)


def _result(task: Task, child: Child, result_file: str) -> bytes:
    """Raises OSError for a result file that nobody can read."""
    if not os.access(result_file, os.F_OK):  # an exception would cost more than the question
        return _tail(task, child.output.results.kept)
    there = os.stat(result_file)
    if not stat.S_ISREG(there.st_mode):
        raise OSError(errno.EINVAL, "it is not a plain file")
    if there.st_size < LINE_LIMIT:
        with open(result_file, "rb") as file:
            data = file.read()
        text = None if b"\0" in data else _strict(data)
        if text is not None:
            frame = frames.done(task.key, text)
            if len(frame) <= LINE_LIMIT:
                remove(result_file)
                return frame
    return frames.done_file(task.key, result_file)


def _tail(task: Task, output: bytes) -> bytes:
    return _fitting(output, lambda text: frames.done(task.key, text))


def _failed(task: Task, outcome: str, why: str, child: Child) -> Verdict:
    """The first line of the error says it all, as far as one line can. Where there is more, the end of all that the
    task wrote follows."""
    output = child.output
    lines = _lines(output.errors.kept) or _lines(output.results.kept)
    if not lines:
        return Verdict(frames.failed(task.key, outcome, why), why)
    first = f"{why}: {_shortened(lines[-1])}"
    if len(_lines(output.kept)) == 1:
        return Verdict(frames.failed(task.key, outcome, f"{why}: {lines[0]}"), first)
    whole = _fitting(
        output.kept.rstrip(), lambda text: frames.error(task.key, outcome, f"{first}\n{text}")
    )
    return Verdict(whole, first)


def _fitting(output: bytes, framed: Callable[[str], bytes]) -> bytes:
    """The frame with as much of the end of `output` as it can hold."""
    size = TAIL
    while True:
        frame = framed(_text(_last(output, size)))
        if len(frame) <= LINE_LIMIT:
            return frame
        size = size * 3 // 4


def _lines(output: bytes) -> list[str]:
    """All but empty ones."""
    return [line for line in _text(_last(output, TAIL)).splitlines() if line.strip()]


def _shortened(line: str) -> str:
    return line if len(line) <= LAST_LINE else line[:LAST_LINE] + "…"


def _last(data: bytes, size: int) -> bytes:
    """Its end: whole characters, and whole lines unless too little would be left."""
    if len(data) <= size:
        return data
    data = data[-size:]
    for _ in range(3):
        if data[:1] and 0x80 <= data[0] < 0xC0:
            data = data[1:]  # the rest of a character that was cut
    _, _, lines = data.partition(b"\n")
    return lines if len(lines) * 2 >= len(data) else data


def _text(data: bytes) -> str:
    """A command may print anything: where it is not UTF-8, `?` stands for each byte that is not ASCII."""
    text = _strict(data)
    return data.decode("ascii", "replace").replace("\ufffd", "?") if text is None else text


def _strict(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
