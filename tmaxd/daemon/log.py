"""The daemon's own log: one event a line, a fixed name plus fields; prose for a terminal, JSON otherwise."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from datetime import datetime
from typing import TextIO

from tmaxd.daemon.sink import Sink
from tmaxd.ports import Clock

LEVELS = ("debug", "info", "warning", "error")


class EventLog:
    """Writes to `stream` (standard error by default). While that fails, lines are dropped: a full disk or a closed
    terminal must not end the daemon. When it works again, how many they were is the first that is said."""

    def __init__(
        self, clock: Clock, stream: TextIO | None = None, human: bool | None = None
    ) -> None:
        self._clock = clock
        stream = sys.stderr if stream is None else stream
        self._sink = Sink(stream)
        self._dropped = 0
        """Lines, since the last that was written."""
        self._human = stream.isatty() if human is None else human
        self.tell: Callable[[str, str, dict[str, object]], None] = lambda level, event, fields: None
        """Told of each line: level, event, fields."""

    def debug(self, event: str, **fields: object) -> None:
        self._write("debug", event, fields)

    def info(self, event: str, **fields: object) -> None:
        self._write("info", event, fields)

    def info_unless(self, quiet: bool) -> Callable[..., None]:
        """`info`, or where it shall be quiet `debug`: one other event tells of many of these."""
        return self.debug if quiet else self.info

    def warning(self, event: str, **fields: object) -> None:
        self._write("warning", event, fields)

    def error(self, event: str, **fields: object) -> None:
        self._write("error", event, fields)

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        if level == "debug":
            return
        known = {key: value for key, value in fields.items() if value not in (None, (), "")}
        self.tell(level, event, known)
        if self._dropped:
            missing: dict[str, object] = {"count": self._dropped}
            if self._sink.write(self._line("warning", "log_lines_dropped", missing)):
                self._dropped = 0
        if self._dropped or not self._sink.write(self._line(level, event, known)):
            self._dropped += 1

    def _line(self, level: str, event: str, fields: dict[str, object]) -> str:
        return (self._prose if self._human else self._json)(level, event, fields)

    def _prose(self, level: str, event: str, fields: dict[str, object]) -> str:
        time = datetime.fromtimestamp(self._clock.wall()).astimezone().strftime("%H:%M:%S")
        text = str(fields.pop("text", ""))
        rest = " ".join(f"{key}={_plain(value)}" for key, value in fields.items())
        mark = {"warning": " warning:", "error": " error:"}.get(level, "")
        line = f"{time}{mark} {event.replace('_', ' ')} {rest}".rstrip()
        return f"{line}\n{text}" if text else line

    def _json(self, level: str, event: str, fields: dict[str, object]) -> str:
        record = {"time": round(self._clock.wall(), 6), "level": level, "event": event, **fields}
        return json.dumps(record, ensure_ascii=False, default=str)


class FromLibraries(logging.Handler):
    """What the API and the libraries tell `logging`, in the same log. Without it Python would print bare text
    between the JSON lines."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        tell = self._log.error if record.levelno >= logging.ERROR else self._log.warning
        extra = {key: getattr(record, key, None) for key in ("uid", "path")}
        tell("library_log", logger=record.name, **extra, text=f"  {self.format(record)}")


class JournalTold:
    """Tells when the journal cannot be written, each cause once, and when it can be again. `changed` is called
    after either: inboxes are to be paused, or read again."""

    def __init__(self, log: EventLog, changed: Callable[[], None]) -> None:
        self._log = log
        self._changed = changed

    def __call__(self, trouble: str | None) -> None:
        if trouble is None:
            self._log.info("journal_recovered")
        else:
            self._log.error("journal_refused", text=f"  {trouble}")
        self._changed()


def _plain(value: object) -> str:
    if isinstance(value, (tuple, list, frozenset)):
        return ",".join(str(v) for v in value)
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text.isprintable() or " " in text else text
