"""Public inbox FIFOs: each line that somebody writes becomes a task.

A line is the payload as it stands, unless it is a JSON object with the one key `payload`. There is nobody to
answer to: what cannot be taken is counted and logged. A writer that must know uses `tmaxctl submit`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from tmaxd.daemon.effects import SubmitDenied
from tmaxd.daemon.log import EventLog
from tmaxd.ports import Pipes
from tmaxd.tasks.frames import LINE_LIMIT

UNDECIDED = 8192
"""Lines read but not yet on disk, at most; then the FIFOs themselves hold the writers back."""

TOO_LONG = f"a line is longer than {LINE_LIMIT} bytes"


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    payload: str


_decode = msgspec.json.Decoder(_Line).decode


def payload_of(line: bytes) -> str:
    """Raises ValueError for a line that is not UTF-8."""
    if line[:1] == b"{":
        try:
            return _decode(line).payload
        except msgspec.MsgspecError:
            pass  # an object of another shape is a payload of its own
    return line.decode()


class Inboxes:
    def __init__(
        self,
        pipes: Pipes,
        submit: Callable[[str, list[str]], asyncio.Future[tuple[int, int]]],
        targets: Callable[[], Mapping[str, str]],
        log: EventLog,
    ) -> None:
        self._pipes = pipes
        self._submit = submit
        self._targets = targets
        self._log = log
        self._rest: dict[str, bytes] = {}
        self._too_long: set[str] = set()
        """Inboxes in the middle of a line that was rejected."""
        self._undecided = 0
        self.full = False
        self.rejected = 0
        pipes.on_inbox(self._on_data)

    def _on_data(self, inbox: str, data: bytes) -> None:
        payloads = []
        for line in self._lines(inbox, data):
            try:
                payloads.append(payload_of(line))
            except ValueError:
                self._reject(inbox, "a line is not UTF-8")
        target = self._targets().get(inbox)
        if payloads and target is None:
            self._reject(inbox, "the spec has no such inbox any more", len(payloads))
        elif payloads and target is not None:
            self._take(inbox, target, payloads)

    def _lines(self, inbox: str, data: bytes) -> list[bytes]:
        """The whole lines that now are there, empty ones and those that are too long aside."""
        *lines, rest = (self._rest.get(inbox, b"") + data).split(b"\n")
        if inbox in self._too_long and lines:
            self._too_long.discard(inbox)
            del lines[0]  # the end of a line whose beginning was rejected
        if len(rest) >= LINE_LIMIT:
            if inbox not in self._too_long:
                self._too_long.add(inbox)
                self._reject(inbox, TOO_LONG)
            rest = b""
        self._rest[inbox] = rest
        good = [line for line in lines if len(line) < LINE_LIMIT]
        if len(good) < len(lines):
            self._reject(inbox, TOO_LONG, len(lines) - len(good))
        return [line for line in good if line]

    def _take(self, inbox: str, group: str, payloads: list[str]) -> None:
        count = len(payloads)
        self._undecided += count
        future = self._submit(group, payloads)

        def decided(done: asyncio.Future[tuple[int, int]]) -> None:
            self._undecided -= count
            self._press()
            error = None if done.cancelled() else done.exception()
            if isinstance(error, SubmitDenied):
                self._reject(inbox, error.message, count)

        future.add_done_callback(decided)
        self._press()

    def _press(self) -> None:
        full = self._undecided >= UNDECIDED
        if full != self.full:
            self.full = full
            self._pipes.pause_inboxes(full)

    def _reject(self, inbox: str, why: str, count: int = 1) -> None:
        self.rejected += count
        self._log.warning("inbox_line_rejected", inbox=inbox, count=count, why=why)
