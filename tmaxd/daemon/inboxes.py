"""Public inbox FIFOs: each line that somebody writes becomes a task, in one group or in several.

A line is the payload as it stands, unless it is a JSON object with the one key `payload`. There is nobody to
answer to: what cannot be taken is counted and logged. A writer that must know uses `tmaxctl submit`. Where a queue
is full, its lines wait: a few here, since they have been read, and the others in the FIFO. What an inbox holds when the
spec no longer has it still becomes tasks, of the groups that it was for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec

from tmaxd.daemon.bursts import Bursts
from tmaxd.daemon.effects import SubmitDenied
from tmaxd.daemon.log import EventLog
from tmaxd.ports import Pipes
from tmaxd.tasks.events import Accepted
from tmaxd.tasks.frames import LINE_LIMIT

UNDECIDED = 8192
"""Lines of an inbox read but not yet on disk, at most but for those of one read; then the FIFO holds the writers
back."""

AT_ONCE = 2048
"""Lines of a submit: they grow with what has come while the one before was on its way to disk."""

QUIET = 60.0
"""Seconds: where writers are faster than workers, a queue is full again and again."""

TOO_LONG = f"a line is longer than {LINE_LIMIT} bytes"

Take = Callable[[tuple[str, ...], Sequence[str]], "asyncio.Future[Accepted]"]


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


class _Inbox:
    """One inbox between its FIFO and the queues. One submit at a time, so that its lines keep their order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rest = b""
        self.too_long = False
        """In the middle of a line that was rejected."""
        self.waiting: list[str] = []
        self.under_way = 0
        self.size = AT_ONCE
        """Lines of the next submit: fewer where a queue was full, since all are taken or none."""
        self.full = ""
        """Why lines wait: what the last refusal said; empty when they do not."""
        self.quiet_until = 0.0
        """By the loop's clock: it has been said lately that lines wait."""
        self.tried_at = 0
        """How many changes there had been at the last submit."""

    @property
    def undecided(self) -> int:
        return len(self.waiting) + self.under_way


class Inboxes:
    """`on_change(f)` has `f` called when a queue may have become shorter."""

    def __init__(
        self,
        pipes: Pipes,
        submit: Take,
        on_change: Callable[[Callable[[], None]], None],
        targets: Callable[[], Mapping[str, tuple[str, ...]]],
        log: EventLog,
    ) -> None:
        self._pipes = pipes
        self._submit = submit
        self._targets = targets
        self._log = log
        self._bursts = Bursts(log, "inbox_line_rejected", "inbox")
        self._inboxes: dict[str, _Inbox] = {}
        self._former: dict[str, tuple[str, ...]] = {}
        """The groups that each inbox was for when the spec last had it: what it holds when it goes is for them."""
        self._changes = 0
        """Times that a queue may have become shorter."""
        self.rejected = 0
        pipes.on_inbox(self._on_data)
        on_change(self._changed)

    def paused(self) -> Mapping[str, str]:
        """Those whose lines wait for room in a queue, and why."""
        return {name: inbox.full for name, inbox in self._inboxes.items() if inbox.full}

    def removed(self, name: str) -> None:
        """The FIFO is gone, and has been read to its end. Half a line must not wait for a FIFO that comes back."""
        inbox = self._inboxes.get(name)
        if inbox is not None:
            if inbox.rest:
                self._reject(inbox, "the inbox was removed in the middle of a line")
            inbox.rest, inbox.too_long = b"", False

    def close(self) -> None:
        """No more is taken. Lines that are read and not on disk are lost with the daemon, and that is said."""
        self._bursts.close()
        for inbox in self._inboxes.values():
            if inbox.undecided:
                self._reject(inbox, "the daemon stops", inbox.undecided)
        self._bursts.close()

    # --------------------------------------------------------------------------- bytes to payloads

    def _on_data(self, name: str, data: bytes) -> None:
        inbox = self._inboxes.get(name)
        if inbox is None:
            inbox = self._inboxes[name] = _Inbox(name)
        for line in self._lines(inbox, data):
            try:
                inbox.waiting.append(payload_of(line))
            except ValueError:
                self._reject(inbox, "a line is not UTF-8")
        if not inbox.full:
            self._give(inbox)
        self._press(inbox)

    def _lines(self, inbox: _Inbox, data: bytes) -> list[bytes]:
        """The whole lines that now are there, empty ones and those that are too long aside."""
        *lines, rest = (inbox.rest + data).split(b"\n")
        if inbox.too_long and lines:
            inbox.too_long = False
            del lines[0]  # the end of a line whose beginning was rejected
        if len(rest) >= LINE_LIMIT:
            if not inbox.too_long:
                inbox.too_long = True
                self._reject(inbox, TOO_LONG)
            rest = b""
        inbox.rest = rest
        good = [line for line in lines if len(line) < LINE_LIMIT]
        if len(good) < len(lines):
            self._reject(inbox, TOO_LONG, len(lines) - len(good))
        return [line for line in good if line]

    # -------------------------------------------------------------------------- payloads to queues

    def _give(self, inbox: _Inbox) -> None:
        """Submit what waits, unless a submit is under way."""
        if inbox.under_way or not inbox.waiting:
            return
        groups = self._targets().get(inbox.name) or self._former.get(inbox.name)
        if groups is None:
            count, inbox.waiting, inbox.full = len(inbox.waiting), [], ""
            self._reject(inbox, "no spec that this daemon has seen names it", count)
            return
        payloads = inbox.waiting[: inbox.size]
        del inbox.waiting[: inbox.size]
        inbox.under_way, inbox.tried_at = len(payloads), self._changes
        future = self._submit(groups, payloads)
        future.add_done_callback(lambda done: self._decided(inbox, payloads, done))

    def _decided(self, inbox: _Inbox, payloads: list[str], done: asyncio.Future[Accepted]) -> None:
        inbox.under_way = 0
        error = None if done.cancelled() else done.exception()
        if isinstance(error, SubmitDenied) and error.reason == "queue_full":
            inbox.waiting[:0] = payloads
            self._wait(inbox, error.message, tried=len(payloads))
        else:
            if not inbox.waiting:
                inbox.full = ""
            if isinstance(error, SubmitDenied):
                self._reject(inbox, error.message, len(payloads))
            inbox.size = min(inbox.size * 2, AT_ONCE)
            self._give(inbox)
        self._press(inbox)

    def _wait(self, inbox: _Inbox, why: str, tried: int) -> None:
        """A queue is full: fewer lines may still fit; if one does not, nothing does until something has changed."""
        now = asyncio.get_running_loop().time()
        if not inbox.full and now >= inbox.quiet_until:
            inbox.quiet_until = now + QUIET
            self._log.warning("inbox_waits", inbox=inbox.name, why=why)
        inbox.full = why
        inbox.size = max(tried // 2, 1)
        if tried > 1 or inbox.tried_at != self._changes:
            self._give(inbox)

    def _changed(self) -> None:
        self._changes += 1
        self._former.update(self._targets())
        for inbox in self._inboxes.values():
            if inbox.full:
                self._give(inbox)
                self._press(inbox)

    def _press(self, inbox: _Inbox) -> None:
        held = bool(inbox.full) or inbox.undecided >= UNDECIDED
        self._pipes.pause_inbox(inbox.name, held)

    def _reject(self, inbox: _Inbox, why: str, count: int = 1) -> None:
        self.rejected += count
        self._bursts.add(inbox.name, count, why=why)
