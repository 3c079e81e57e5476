"""One life of a control-mode client: a `tmux -C` process, what is written to it, what it answers.

It never starts over; when it is lost every call under way ends in `Lost`. `control.py` opens the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

import msgspec

from tmaxd.world.tmux.channel import Lost, OnReplies, Replies, Reply
from tmaxd.world.tmux.quoting import CommandList, line
from tmaxd.world.tmux.stream import Block, Garbled, Notice, Stream

UNREAD_LIMIT = 16 * 1024 * 1024
"""Bytes written that tmux has not read. A batch for 1,000 workers is about 1 MB; more means that tmux hangs
while callers keep coming."""

STDERR_LIMIT = 4096
GRACE = 1.0
"""Seconds a client has to leave by itself. It is asked by closing its input: a client that is killed before
it has introduced itself can take servers up to 3.6b with it."""

LAST_WORDS = 0.1
"""Seconds between the end of a client's output and that of its process."""

ENDED = "the control client ended"

WAKING = frozenset(
    {
        "sessions-changed",
        "session-renamed",
        "session-changed",
        "client-session-changed",
        "client-detached",
        "unlinked-window-add",
        "unlinked-window-close",
        "window-close",
        "exit",
    }
)
"""Notifications after which the world may look different."""


class _Batch:
    """The lists of one call, and the replies that have come for them."""

    def __init__(self, count: int, on_replies: OnReplies | None) -> None:
        self.whole: asyncio.Future[list[Replies]] = asyncio.get_running_loop().create_future()
        # A caller that was cancelled never looks; its failure is then nobody's news.
        self.whole.add_done_callback(lambda f: f.cancelled() or f.exception())
        self._replies: list[Replies] = []
        self._count = count
        self._on_replies = on_replies

    def take(self, replies: Replies) -> None:
        self._replies.append(replies)
        if self._on_replies is not None:
            self._on_replies(len(self._replies) - 1, replies)
        if len(self._replies) == self._count and not self.whole.done():
            self.whole.set_result(self._replies)


class _Waiting(msgspec.Struct):
    """A list that was written and is not wholly answered."""

    batch: _Batch
    commands: int
    replies: list[Reply]


class Link(asyncio.SubprocessProtocol):
    def __init__(self, on_change: Callable[[], None], on_lost: Callable[[], None]) -> None:
        self._on_change = on_change
        self._on_lost = on_lost
        self._stream = Stream()
        self._waiting: deque[_Waiting] = deque()
        self._stderr = b""
        self._attach_error = ""
        self._transport: asyncio.SubprocessTransport | None = None
        self._gone = asyncio.Event()
        self.lost: str | None = None
        """Why there is no use in this link any longer."""

    def submit(
        self, lists: Sequence[CommandList], on_replies: OnReplies | None = None
    ) -> asyncio.Future[list[Replies]]:
        """Write all lists at once. The future fails with `Lost`."""
        if self.lost is not None:
            raise Lost(self.lost)
        text = b"".join(line(commands) + b"\n" for commands in lists)
        pipe = self._input()
        if pipe.get_write_buffer_size() > UNREAD_LIMIT:
            raise Lost(f"tmux has left {UNREAD_LIMIT} bytes of commands unread")
        batch = _Batch(len(lists), on_replies)
        self._waiting.extend(_Waiting(batch, len(commands), []) for commands in lists)
        pipe.write(text)
        return batch.whole

    def lose(self, why: str) -> None:
        """Give up on this client; repeated calls change nothing."""
        if self.lost is not None:
            return
        said = self._stderr.decode(errors="replace").strip() or self._attach_error
        self.lost = f"{why}: {said}" if said else why
        for waiting in self._waiting:
            if not waiting.batch.whole.done():
                waiting.batch.whole.set_exception(Lost(self.lost))
        self._waiting.clear()
        self._on_lost()

    async def end(self) -> None:
        """Let the client leave, and wait until its process is gone (at most twice `GRACE`)."""
        if self._transport is None:
            return
        try:
            self._input().close()
            if not await self._has_gone():
                with contextlib.suppress(ProcessLookupError):
                    self._transport.kill()
                await self._has_gone()
        finally:
            self._transport.close()

    async def _has_gone(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await self._gone.wait()
        return self._gone.is_set()

    def _input(self) -> asyncio.WriteTransport:
        if self._transport is None:
            raise Lost("the control client has not been started")
        return cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))

    # ------------------------------------------------------------ called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd != 1:
            self._stderr = (self._stderr + data)[-STDERR_LIMIT:]
            return
        try:
            events = self._stream.feed(data)
        except Garbled as problem:
            self.lose(f"the control client talks nonsense ({problem})")
            return
        changed = False
        for event in events:
            if isinstance(event, Notice):
                changed |= event.name in WAKING
            elif event.ours:
                self._answer(event)
            elif not event.ok:
                self._attach_error = b" ".join(event.lines).decode(errors="replace")
        if changed:
            self._on_change()

    def _answer(self, block: Block) -> None:
        if not self._waiting:
            if self.lost is None:
                self.lose("the control client answered what nobody had asked")
            return
        first = self._waiting[0]
        text = tuple(one.decode("utf-8", "backslashreplace") for one in block.lines)
        first.replies.append(Reply(block.ok, text))
        if not block.ok or len(first.replies) == first.commands:
            self._waiting.popleft()
            first.batch.take(tuple(first.replies))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            # The reason stands on standard error, which ends a moment later, as a rule.
            asyncio.get_running_loop().call_later(LAST_WORDS, self.lose, ENDED)

    def process_exited(self) -> None:
        self._gone.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """All pipes have ended, and so has the process."""
        self.lose(ENDED)
