"""`TmuxClient`: the port `Tmux` on a real server. Each method builds command lists and reads the replies; how they
get to the server is `reach.py`'s affair.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from tmaxd.ports import (
    Handover,
    Launch,
    Launched,
    Pane,
    Refused,
    ServerId,
    TmuxView,
    Unknown,
    WorldError,
)
from tmaxd.world import failpoints
from tmaxd.world.tmux import launching
from tmaxd.world.tmux.channel import NoServer, Replies, identity, refusal
from tmaxd.world.tmux.given import Given
from tmaxd.world.tmux.handover import taking_over
from tmaxd.world.tmux.heads import Heads, start_pipe, tidy
from tmaxd.world.tmux.options import IDENTITY
from tmaxd.world.tmux.panes import LIST_PANES, panes, show_pane
from tmaxd.world.tmux.reach import Reach
from tmaxd.world.tmux.tool import AS_WE_ARE, Limits, Tool

_GONE = ("can't find session", "can't find pane", "target pane has exited")
"""Errors that only say that the target has ended meanwhile."""


class TmuxClient:
    """`environment` is all that the server, and so every worker, inherits. `on_change` is called, in the loop, when
    sessions came or went by anybody's doing and when the control client was lost; it must only wake somebody.
    `deadline` is in seconds, for one batch; 20 ms are added for each item. `control=False` leaves the plain channel
    alone. Raises WorldError when tmux is not installed.
    """

    def __init__(
        self,
        socket: Path,
        fleet: str,
        environment: Mapping[str, str],
        on_change: Callable[[], None],
        deadline: float = 5.0,
        control: bool = True,
        limits: Limits = AS_WE_ARE,
    ) -> None:
        self._fleet = fleet
        self._reach = Reach(
            Tool.find(socket, environment, limits), fleet, on_change, deadline, control
        )
        self._heads = Heads()
        self._given = Given()

    @property
    def version(self) -> str:
        """tmux's, as the server says it; empty until one was seen."""
        return self._reach.version

    @property
    def channel(self) -> Literal["control", "plain"]:
        """The one that calls go over at this moment."""
        return "plain" if self._reach.channel is self._reach.plain else "control"

    @property
    def degraded(self) -> str | None:
        """Why calls go over the slow channel, for status; None while they do not."""
        control = self._reach.control
        return None if control is None or control.server is not None else control.lost

    async def start(self) -> ServerId:
        return await self._reach.start()

    async def look(self) -> TmuxView:
        try:
            answers = await self._reach.ask([[IDENTITY, LIST_PANES]])
        except NoServer:
            return TmuxView(None, ())
        problem = refusal(answers[0])
        if problem is not None:
            raise Unknown(f"tmux does not list its panes: {problem}")
        who, rows = answers[0]
        server, version = identity(who)
        await self._reach.saw(server, version)
        found = panes(rows.lines, self._fleet)
        self._given.keep(found)
        return TmuxView(server, found)

    async def look_at(self, server: ServerId, pane_ids: Sequence[str]) -> tuple[Pane, ...]:
        answers = await self._reach.change([[show_pane(i)] for i in pane_ids], server)
        rows: list[str] = []
        for replies in answers:
            problem = refusal(replies)
            if problem is None:
                rows += replies[0].lines
            elif not problem.startswith(_GONE):
                raise Unknown(f"tmux does not show a pane: {problem}")
        # For a pane that is gone 3.3a prints the format with nothing in it, and calls that no error.
        return panes((row for row in rows if row.strip()), self._fleet)

    async def launch(
        self, server: ServerId, items: Sequence[Launch]
    ) -> tuple[Launched | Refused, ...]:
        # Not in a thread: two switches of thread are dearer than a look at a folder that was entered before.
        missing = _missing({item.cwd for item in items})
        problems = [launching.unfit(item, missing) for item in items]
        fit = [item for item, problem in zip(items, problems, strict=True) if problem is None]
        failpoints.hit("tmux.before_launch")
        try:
            answers = iter(await self._launch(server, fit))
        except BaseException:
            self._given.forget()
            raise
        failpoints.hit("tmux.after_launch")
        outcomes = tuple(
            launching.outcome(item, next(answers)) if problem is None else Refused(problem)
            for item, problem in zip(items, problems, strict=True)
        )
        for item, outcome in zip(items, outcomes, strict=True):
            self._given.note(server, item, outcome)
        return outcomes

    async def kill(self, server: ServerId, session_ids: Sequence[str]) -> None:
        lists = [[("kill-session", "-t", session_id)] for session_id in session_ids]
        _complain("a session cannot be killed", await self._reach.change(lists, server))

    async def rename(self, server: ServerId, names: Mapping[str, str]) -> None:
        lists = [[("rename-session", "-t", key, name)] for key, name in names.items()]
        answers = await self._reach.change(lists, server)
        _complain("a session cannot be renamed", answers, "duplicate session")

    async def hand_over(self, server: ServerId, items: Sequence[Handover]) -> None:
        lists = [one for item in items for one in taking_over(item)]
        answers = await self._reach.change(lists, server)
        failpoints.hit("pool.after_tmux")
        _complain(
            "a session cannot be handed over", answers, "duplicate session", "no such session"
        )

    async def log_to(self, server: ServerId, files: Mapping[str, Path]) -> None:
        """Raises WorldError when a log file cannot be written; the pipes are started all the same."""
        targets = list(files.items())
        writing: list[asyncio.Future[None]] = []

        def take(number: int, replies: Replies) -> None:
            head = self._heads.take(*targets[number], replies)
            if head is not None:
                writing.append(head)

        lists = [start_pipe(pane_id, file) for pane_id, file in targets]
        try:
            answers = await self._reach.change(lists, server, take)
        finally:
            written = await asyncio.gather(*writing, return_exceptions=True)
        for failure in written:
            if isinstance(failure, BaseException):
                raise WorldError(f"a worker's log cannot be written: {failure}") from failure
        _complain("a pane's output cannot be logged", answers)

    async def keys(self, server: ServerId, typed: Mapping[str, Sequence[str]]) -> None:
        # The first takes the pane out of copy mode, which would have the keys for itself. tmux drops what is sent to
        # a dead pane (unlike what is pasted into one, which crashes it up to 3.3a).
        lists = [
            [("copy-mode", "-q", "-t", pane_id), ("send-keys", "-t", pane_id, "--", *keys)]
            for pane_id, keys in typed.items()
        ]
        _complain("keys cannot be typed into a pane", await self._reach.change(lists, server))

    async def capture(self, server: ServerId, pane_id: str, lines: int) -> str:
        """Raises WorldError when there is no such pane."""
        command = ("capture-pane", "-p", "-J", "-S", str(-lines), "-t", pane_id)
        answers = await self._reach.change([[command]], server)
        problem = refusal(answers[0])
        if problem is not None:
            raise WorldError(f"pane {pane_id} cannot be read: {problem}")
        return "\n".join(tidy(answers[0][0].lines)[-lines:])

    async def nudge(self) -> None:
        try:
            await self._reach.ask([[("run-shell", "true")]])
        except NoServer:
            return

    async def stop(self) -> None:
        await self._reach.stop()

    async def close(self) -> None:
        await self._reach.close()
        self._heads.close()

    async def _launch(self, server: ServerId, items: Sequence[Launch]) -> list[Replies]:
        """Two batches where something is respawned that this client has not started, else one."""
        given = await self._given_before(
            server, [i.pane_id for i in items if i.pane_id is not None]
        )
        lists = [
            launching.create(item)
            if item.pane_id is None
            else launching.respawn(item, item.pane_id, given[item.pane_id] - item.env.keys())
            for item in items
        ]
        answers = await self._reach.change(lists, server)
        halves = map(launching.half_made, items, answers)
        await self.kill(server, [half for half in halves if half is not None])
        return answers

    async def _given_before(
        self, server: ServerId, pane_ids: Sequence[str]
    ) -> dict[str, frozenset[str]]:
        """Pane id to the variables in its session's own environment."""
        known = {pane_id: self._given.of(server, pane_id) for pane_id in pane_ids}
        asked = [pane_id for pane_id, names in known.items() if names is None]
        shown = await self._reach.change([launching.session_environment(i) for i in asked], server)
        told = {
            pane_id: launching.names_in(replies[0].lines if replies[0].ok else ())
            for pane_id, replies in zip(asked, shown, strict=True)
        }
        return told | {pane_id: names for pane_id, names in known.items() if names is not None}


def _missing(folders: set[str]) -> frozenset[str]:
    return frozenset(
        folder for folder in folders if not (os.path.isdir(folder) and os.access(folder, os.X_OK))
    )


def _complain(what: str, answers: Sequence[Replies], *harmless: str) -> None:
    """Raises WorldError for the first error, but those that the next look shows anyway."""
    for replies in answers:
        problem = refusal(replies)
        if problem is not None and not problem.startswith((*_GONE, *harmless)):
            raise WorldError(f"{what}: {problem}")
