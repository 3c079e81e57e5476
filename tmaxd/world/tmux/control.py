"""The control channel: one kept control-mode client, about 16 µs a command instead of a process each.

While the client is lost the channel is merely not there (`server` is None) and opens the next one by itself,
with growing delay, without ever starting a server. Only `connect(create=True)` starts one.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Sequence

from tmaxd.ports import ServerId, Unknown, WorldError
from tmaxd.world.tmux.channel import (
    Lost,
    NoServer,
    OnReplies,
    Replies,
    identity,
    refusal,
)
from tmaxd.world.tmux.link import Link
from tmaxd.world.tmux.options import IDENTITY, anchor_session, setup
from tmaxd.world.tmux.quoting import CommandList
from tmaxd.world.tmux.tool import Tool, says_no_server

FIRST_DELAY, LAST_DELAY = 0.05, 5.0
"""Seconds between two tries to have a client again, doubled each time."""

EACH_LIST = 0.02
"""Seconds added to the deadline for each list of a batch: four times what the slowest one, a new session,
takes on a busy machine."""


class ControlChannel:
    """`on_change` is called for notifications and when the client is lost; it must only wake somebody."""

    def __init__(
        self, tool: Tool, fleet: str, on_change: Callable[[], None], deadline: float
    ) -> None:
        self._tool = tool
        self._fleet = fleet
        self._on_change = on_change
        self._deadline = deadline
        self._link: Link | None = None
        self._opening = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None
        self.server: ServerId | None = None
        """The life of the server that this channel is bound to; None while there is no client."""
        self.version = ""
        """tmux's, once a server has been asked."""
        self.lost: str | None = None
        """Why there is no client; None when there never was one."""

    async def run(
        self,
        lists: Sequence[CommandList],
        server: ServerId | None = None,
        on_replies: OnReplies | None = None,
    ) -> list[Replies]:
        link = self._link
        if link is None or self.server is None:
            raise Lost(self.lost or "there is no control client")
        if server is not None and server != self.server:
            raise Unknown(f"the tmux server is now {self.server}, not {server}")
        if not lists:
            return []
        return await self._answer(link, lists, on_replies)

    async def connect(self, *, create: bool) -> ServerId:
        """Have a client and set the server up; `create` starts a server when there is none, else that raises
        NoServer. Raises `Lost`, and WorldError for a server that refuses our options."""
        async with self._opening:
            if self.server is None:
                self.server = await self._open(create)
            return self.server

    @property
    def trying(self) -> bool:
        """The next client is being opened in the background."""
        return self._keeper is not None and not self._keeper.done()

    def keep_trying(self) -> None:
        """Open the next client in the background, until that works or there is no server."""
        if not self.trying:
            self._keeper = asyncio.create_task(self._reopen(), name="tmux control client")

    async def close(self) -> None:
        """Let go of the server. `connect` makes the channel usable again."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
            self._keeper = None
        async with self._opening:
            link, self._link = self._link, None
            self.server = None
            self.lost = "the control client was closed"
            if link is not None:
                await link.end()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _open(self, create: bool) -> ServerId:
        await self._let_others_leave(create)
        # `-A`: attach to the anchor where it is there. A bare `-C` would add a session each time.
        flags = () if create else ("-N",)
        anchor = anchor_session("-A", "-f", "no-output,ignore-size")
        link = Link(self._on_change, lambda: self._dropped(link))
        await asyncio.get_running_loop().subprocess_exec(
            lambda: link,
            *(self._tool.limits.prefix if create else ()),
            *self._tool.argv(*flags, "-C", *anchor),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(self._tool.environment),
            cwd="/",
            umask=self._tool.limits.umask,
            # A Ctrl-C on the daemon's terminal must not reach the client before the daemon has ended its work.
            start_new_session=True,
        )
        try:
            answers = await self._answer(link, [[IDENTITY], *setup(self._fleet)], None)
            server, self.version = identity(answers[0][0])
            problem = refusal(answers[1])
            if problem is not None:
                raise WorldError(f"tmux on {self._tool.socket} refuses our options: {problem}")
        except BaseException:
            self._finish(link)
            raise
        self._link, self.lost = link, None
        return server

    async def _let_others_leave(self, create: bool) -> None:
        """One round trip of an ordinary client. A control client that attaches while another one, whose input
        was closed, is about to leave can crash the server (3.3a: up to a third of the tries with a server that was
        busy); when this one has its answer the server has dealt with all that left before. The other may be
        that of a daemon that was killed a moment ago."""
        if not self._tool.socket.exists():
            return
        status, said = await self._tool.call(self._deadline, "-N", "display-message", "-p", "")
        if status and says_no_server(said):
            if not create:
                raise NoServer(said)
        elif status:
            raise Lost(f"tmux does not answer: {said or f'exit status {status}'}")

    async def _answer(
        self, link: Link, lists: Sequence[CommandList], on_replies: OnReplies | None
    ) -> list[Replies]:
        limit = self._deadline + EACH_LIST * len(lists)
        whole = link.submit(lists, on_replies)
        done, _ = await asyncio.wait({whole}, timeout=limit)
        if not done:
            link.lose(f"tmux gave no answer within {limit:.1f} s")
        return whole.result()

    def _dropped(self, link: Link) -> None:
        """The link is lost: say so, and see that another comes."""
        if link is not self._link:
            return
        self._link = self.server = None
        self.lost = link.lost
        self._finish(link)
        self.keep_trying()
        self._on_change()

    def _finish(self, link: Link) -> None:
        task = asyncio.create_task(link.end(), name="end of a tmux control client")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reopen(self) -> None:
        delay = FIRST_DELAY
        while self.server is None:
            await asyncio.sleep(delay)
            delay = min(delay * 2, LAST_DELAY)
            try:
                await self.connect(create=False)
            except NoServer:
                # Whoever looks, or starts one, connects again.
                return
            except (Lost, WorldError, OSError) as problem:
                self.lost = str(problem)
        self._on_change()
