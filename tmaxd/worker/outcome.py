"""A handler's value or exception as a result frame; a result that no frame can hold is for a file."""

from __future__ import annotations

import json
import os
import sys

from tmaxd.worker import frames
from tmaxd.worker.frames import LINE_LIMIT, SHORT, Key
from tmaxd.worker.keeping import Kept
from tmaxd.worker.task import Task, Temporary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tmaxd.worker.remembered import Answer

TRACEBACK_FRAMES = 6
"""The innermost ones tell most; the whole traceback goes to standard error, so into the pane and its log."""


HERE = os.path.dirname(__file__)
"""Our own frames at the outer end of a traceback tell a handler's author nothing."""

CANCELLED = "cancelled"


class Interrupted(BaseException):
    """The task must end now. Not an `Exception`, so that a handler does not catch it by accident."""


class Expired(Interrupted):
    """Its time is up."""


class Cancelled(Interrupted):
    """Somebody asked for its end."""


def load(task: Task) -> Task:
    """With the payload in place. Raises OSError when the payload file cannot be read, UnicodeDecodeError when it is
    not UTF-8."""
    if task.file is not None:
        with open(task.file, encoding="utf-8", newline="") as file:
            task.payload = file.read()
    return task


def succeeded(key: Key, value: object, spool: str) -> Answer | Kept:
    """A result that no frame can hold is not written yet. Raises TypeError or ValueError when the value has no JSON
    form."""
    if isinstance(value, str):
        text = str(value)
    elif value is None:
        text = ""
    elif isinstance(value, (bytes, bytearray)):
        text = value.decode("utf-8", "replace")
    else:
        text = json.dumps(value, ensure_ascii=False)
    if len(text) <= SHORT:
        return (*key, text)
    if len(text) < LINE_LIMIT:
        frame = frames.done(key, text)
        if len(frame) <= LINE_LIMIT:
            return frame
    return Kept(key, spooled(key, spool), text.encode("utf-8", "replace"))


def ended(task: Task, error: BaseException, stopping: bool) -> bytes:
    """The frame of a handler that raised. `stopping`: the worker has been told to stop, and that signal
    goes to the handler's children as well, so the failure may be nothing but its effect."""
    if isinstance(error, Expired):
        return frames.failed(task.key, "timeout", f"timed out after {task.timeout or 0:g} s")
    if isinstance(error, Cancelled):
        return cancelled(task.key)
    if isinstance(error, Temporary):
        return frames.failed(task.key, "temporary", str(error) or "temporary failure")
    return frames.failed(task.key, "temporary" if stopping else "failed", _explained(task, error))


def cancelled(key: Key) -> bytes:
    return frames.failed(key, CANCELLED, CANCELLED)


def _explained(task: Task, error: BaseException) -> str:
    """Puts the whole traceback into the pane as well."""
    import traceback  # 9 ms, and most workers never need it

    trace = error.__traceback__
    while trace is not None and os.path.dirname(trace.tb_frame.f_code.co_filename) == HERE:
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace)
    sys.stderr.write(f"task {task.id} (attempt {task.attempt}) failed\n" + "".join(lines))
    sys.stderr.flush()
    summary = "".join(traceback.format_exception_only(error)).strip()
    inner = "".join(traceback.format_tb(trace, -TRACEBACK_FRAMES)).rstrip()
    return f"{summary}\n{inner}".strip()


def spooled(key: Key, spool: str) -> str:
    """Where the result of a task stands that no frame can hold."""
    return os.path.join(spool, f"task-{key[0]}-{key[1]}.result")
