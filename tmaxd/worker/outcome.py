"""A handler's value or exception as a result frame; a result that no frame can hold goes into a file."""

from __future__ import annotations

import json
import os
import sys

from tmaxd.worker import frames
from tmaxd.worker.frames import LINE_LIMIT, Key, Order
from tmaxd.worker.task import Task, Temporary

TRACEBACK_FRAMES = 6
"""The innermost ones tell most; the whole traceback goes to standard error, so into the pane and its log."""


HERE = os.path.dirname(__file__)
"""Our own frames at the outer end of a traceback tell a handler's author nothing."""


class Expired(BaseException):
    """The task's time is up. Not an `Exception`, so that a handler does not catch it by accident."""


def begin(order: Order) -> Task:
    """Raises OSError when the payload file cannot be read, UnicodeDecodeError when it is not UTF-8."""
    payload = order.payload
    if payload is None:
        with open(order.payload_file or "", encoding="utf-8", newline="") as file:
            payload = file.read()
    return Task(*order.key, payload, order.timeout)


def succeeded(key: Key, value: object, spool: str) -> bytes:
    """Raises TypeError or ValueError when the value has no JSON form, OSError when the file cannot be
    written."""
    if isinstance(value, str):
        text = value
    elif value is None:
        text = ""
    elif isinstance(value, (bytes, bytearray)):
        text = value.decode("utf-8", "replace")
    else:
        text = json.dumps(value, ensure_ascii=False)
    if len(text) < LINE_LIMIT:
        frame = frames.done(key, text)
        if len(frame) <= LINE_LIMIT:
            return frame
    return frames.done_file(key, _spooled(key, text, spool))


def expired(order: Order) -> bytes:
    return frames.failed(order.key, "timeout", f"timed out after {order.timeout:g} s")


def refused(key: Key, error: BaseException, stopping: bool) -> bytes:
    """The frame of a handler that raised. `stopping`: the worker has been told to stop, and that signal
    goes to the handler's children as well, so the failure may be nothing but its effect."""
    if isinstance(error, Temporary):
        return frames.failed(key, "temporary", str(error) or "temporary failure")
    import traceback  # 9 ms, and most workers never need it

    trace = error.__traceback__
    while trace is not None and os.path.dirname(trace.tb_frame.f_code.co_filename) == HERE:
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace)
    sys.stderr.write(f"task {key[0]} (attempt {key[1]}) failed\n" + "".join(lines))
    sys.stderr.flush()
    summary = "".join(traceback.format_exception_only(error)).strip()
    inner = "".join(traceback.format_tb(trace, -TRACEBACK_FRAMES)).rstrip()
    return frames.failed(key, "temporary" if stopping else "failed", f"{summary}\n{inner}".strip())


def _spooled(key: Key, text: str, spool: str) -> str:
    """Whole or not at all under its name: a reader never sees half a result."""
    path = os.path.join(spool, f"task-{key[0]}-{key[1]}.result")
    temporary = f"{path}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(text.encode("utf-8", "replace"))
        os.rename(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
    return path
