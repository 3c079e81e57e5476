"""What the daemon says, as values: task frames become tasks, control frames become a word and a key."""

from __future__ import annotations

from tmaxd.worker.frames import Key, key_of, parse
from tmaxd.worker.task import Task


def tasks(line: bytes) -> list[Task] | None:
    """The tasks on this line; None when it is no task frame. A frame with one bad task in it is no frame."""
    frame = parse(line)
    if frame is None:
        return None
    kind, timeout = frame.get("t"), frame.get("timeout")
    if timeout is not None and not (type(timeout) in (int, float) and timeout > 0):  # type: ignore[operator]
        return None
    if kind == "tasks":
        return _many(frame.get("tasks"), timeout)  # type: ignore[arg-type]
    if kind == "task":
        return _one(frame, timeout)  # type: ignore[arg-type]
    return None


def _many(rows: object, timeout: float | None) -> list[Task] | None:
    try:
        if not all([type(i) is int is type(a) and type(p) is str for i, a, p in rows]):  # type: ignore[attr-defined]
            return None
        return [Task(i, a, p, timeout) for i, a, p in rows]  # type: ignore[attr-defined]
    except (TypeError, ValueError):  # no list, or a row that is not three
        return None


def _one(frame: dict[str, object], timeout: float | None) -> list[Task] | None:
    key, payload, file = key_of(frame), frame.get("payload"), frame.get("payload_file")
    if key is None:
        return None
    if type(payload) is str and file is None:
        return [Task(*key, payload, timeout)]
    if type(file) is str and payload is None:
        return [Task(*key, "", timeout, file)]
    return None


class Ping:
    """A heartbeat is wanted now. With a number it is an answer that names the number, and before it comes what the
    worker holds."""

    __slots__ = ("number",)

    def __init__(self, number: int | None) -> None:
        self.number = number


class Pause:
    """No more records are to be taken from the FIFO that the group shares; or (`on` false) they are again."""

    __slots__ = ("on",)

    def __init__(self, on: bool) -> None:
        self.on = on


def control(line: bytes) -> Ping | Pause | Key | None:
    """A ping, a pause or its end, or the task that is cancelled; None when it is none of them."""
    frame = parse(line)
    if frame is None:
        return None
    if frame.get("t") == "ping":
        number = frame.get("number")
        return Ping(number if type(number) is int else None)
    if frame.get("t") in ("pause", "resume"):
        return Pause(frame["t"] == "pause")
    return key_of(frame) if frame.get("t") == "cancel" else None
