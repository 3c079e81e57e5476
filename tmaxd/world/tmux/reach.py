"""Our server within reach: started, found, called back or ended, over whichever channel works at the moment.

A call that breaks off on the control channel is never repeated on the plain one, unless it only looks: what it
asked for may have happened.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from tmaxd.ports import ServerId, Unknown, WorldError
from tmaxd.world.tmux.channel import (
    Channel,
    Lost,
    NoServer,
    OnReplies,
    Replies,
    identity,
    refusal,
)
from tmaxd.world.tmux.control import ControlChannel
from tmaxd.world.tmux.life import Life, gone, kill, start_ticks
from tmaxd.world.tmux.options import IDENTITY, setup
from tmaxd.world.tmux.plain import PlainChannel
from tmaxd.world.tmux.quoting import CommandList
from tmaxd.world.tmux.tool import Tool

LEAVE_WITHIN = 1.0
"""Seconds that clients may take to leave a server that was told to end; they need milliseconds."""


class Reach:
    def __init__(
        self, tool: Tool, fleet: str, on_change: Callable[[], None], deadline: float, control: bool
    ) -> None:
        self._socket = tool.socket
        self._fleet = fleet
        self._deadline = deadline
        self.control = ControlChannel(tool, fleet, on_change, deadline) if control else None
        self.plain = PlainChannel(tool, deadline)
        self._life = Life(tool.socket.with_name("tmux.server"), tool.socket)
        self._known: ServerId | None = None
        self.version = ""
        """tmux's, as the server says it; empty until one was seen."""

    @property
    def channel(self) -> Channel:
        control = self.control
        return self.plain if control is None or control.server is None else control

    async def start(self) -> ServerId:
        if not self._has_socket():
            await self._called_back()
        server = await self._start_control() or await self._start_plain()
        await self.saw(server, self.version)
        return server

    async def find(self) -> None:
        """Have a server that can be asked. Raises NoServer."""
        if not self._has_socket() and not await self._called_back():
            raise NoServer(f"there is no socket {self._socket}")
        control = self.control
        if control is None or control.server is not None or control.trying:
            return
        # A daemon that finds its server running. When this fails, or when a client was lost, the plain channel
        # serves until the background has another.
        try:
            await control.connect(create=False)
        except Lost:
            control.keep_trying()

    async def change(
        self,
        lists: Sequence[CommandList],
        server: ServerId,
        on_replies: OnReplies | None = None,
    ) -> list[Replies]:
        """At most once, and only on the server that is meant. Raises `Unknown`."""
        if not lists:
            return []
        try:
            return await self.channel.run(lists, server, on_replies)
        except NoServer as problem:
            raise Unknown(f"the tmux server {server} is gone: {problem}") from problem

    async def ask(self, lists: Sequence[CommandList]) -> list[Replies]:
        """For what may be asked twice. Raises NoServer and `Unknown`."""
        await self.find()
        channel = self.channel
        try:
            return await channel.run(lists)
        except Lost:
            if channel is self.plain:
                raise
        return await self.plain.run(lists)

    async def saw(self, server: ServerId, version: str) -> None:
        """The server has said who it is."""
        if server == self._known:
            return
        self._known, self.version = server, version
        # Without its record a server whose socket is removed cannot be called back; all else works.
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._life.remember, server)

    async def stop(self) -> None:
        """Raises `Unknown` when the server does not end in time; no server is no error."""
        try:
            server, _ = identity((await self.ask([[IDENTITY]]))[0][0])
        except NoServer:
            return
        ticks = start_ticks(server.pid)
        # The server ends before it has answered; whether it did is seen below.
        with contextlib.suppress(Lost):
            await self.change([[("kill-server",)]], server)
        if self.control is not None:
            await self.control.close()
        if not await self._ended(server.pid, ticks):
            raise Unknown(f"the tmux server (pid {server.pid}) was told to end and still runs")
        self._known = None
        await asyncio.to_thread(self._life.forget)

    async def _ended(self, pid: int, ticks: int | None) -> bool:
        """Told to end, a server ends its sessions at once and then waits for each client to leave; one that hangs
        (stopped, or of a daemon that was killed while it connected) would keep it for ever."""
        if await gone(pid, ticks, min(LEAVE_WITHIN, self._deadline)):
            return True
        if ticks is not None:
            kill(pid, ticks)
        return await gone(pid, ticks, self._deadline)

    async def close(self) -> None:
        if self.control is not None:
            await self.control.close()

    def _has_socket(self) -> bool:
        try:
            return self._socket.exists()
        except OSError as problem:
            raise Unknown(f"{self._socket} cannot be looked at: {problem}") from problem

    async def _called_back(self) -> bool:
        """The socket is missing: have the server make it again, if there is one. A kept control client works
        without it, so then nobody waits."""
        if self.control is not None and self.control.server is not None:
            self._life.call()
            return True
        return await self._life.recall()

    async def _start_control(self) -> ServerId | None:
        if self.control is None:
            return None
        try:
            server = await self.control.connect(create=True)
        except (Lost, NoServer):
            self.control.keep_trying()
            return None
        self.version = self.control.version
        return server

    async def _start_plain(self) -> ServerId:
        await self.plain.create()
        try:
            answers = await self.plain.run([[IDENTITY], *setup(self._fleet)])
        except NoServer as problem:
            raise Lost(f"tmux was started and is gone again: {problem}") from problem
        refused = refusal(answers[1])
        if refused is not None:
            raise WorldError(f"tmux on {self._socket} refuses our options: {refused}")
        server, self.version = identity(answers[0][0])
        return server
