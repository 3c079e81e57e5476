"""`FakeTmux`: the port `Tmux` in memory, with the faults of the real one on demand.

Processes are only numbers. `on_spawn(pid, launch)` and `on_death(pid)` tell a fake of the processes what tmux
started and what ended with it, `on_keys(worker, keys)` what was typed into which terminal; `exited(pid, ...)` is the
way back, for a process that ended by itself.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from tmaxd.ports import (
    Handover,
    Labels,
    Launch,
    Launched,
    Pane,
    Refused,
    ServerId,
    TmuxView,
    Unknown,
    WorldError,
)

FIRST_PID = 1000
NO_LABELS = Labels(fleet="", worker="", run="", fingerprint="")


class FakeSession(msgspec.Struct, kw_only=True):
    """One session with its only pane."""

    session_id: str
    name: str
    pane_id: str
    pid: int
    labels: Labels
    launch: Launch | None
    """What runs, or ran, in it; None in a foreign session."""
    dead: bool = False
    status: int | None = None
    signal: int | None = None
    unreaped: tuple[int | None, int | None] | None = None
    """Exit status and signal that the server will have after a nudge."""
    attached: int = 0
    text: str = ""
    log: Path | None = None

    def row(self) -> Pane:
        return Pane(
            session_id=self.session_id,
            session=self.name,
            pane_id=self.pane_id,
            pid=self.pid,
            dead=self.dead,
            status=self.status,
            signal=self.signal,
            attached=self.attached,
            piped=self.log is not None,
            fleet=self.labels.fleet,
            worker=self.labels.worker,
            run=self.labels.run,
            fingerprint=self.labels.fingerprint,
        )


class FakeTmux:
    def __init__(
        self,
        on_change: Callable[[], None] = lambda: None,
        on_spawn: Callable[[int, Launch], None] = lambda pid, launch: None,
        on_death: Callable[[int], None] = lambda pid: None,
        on_keys: Callable[[str, tuple[str, ...]], None] = lambda worker, keys: None,
    ) -> None:
        self.on_change = on_change
        self.on_keys = on_keys
        self.on_spawn = on_spawn
        self.on_death = on_death
        self.sessions: dict[str, FakeSession] = {}
        """By session id, in the order of creation."""
        self.logs: dict[Path, str] = {}
        """What the log files hold."""
        self.missing_folders: set[str] = set()
        """Working directories that a launch finds not there."""
        self.server: ServerId | None = None
        self.calls: list[str] = []
        """Names of the port's methods, in the order they were called."""
        self._ids = itertools.count(1)
        self._pids = itertools.count(FIRST_PID)
        self._lives = itertools.count(1_700_000_000)
        self._hanging = 0
        self._losing = False

    # -------------------------------------------------------------------------------- the port

    async def start(self) -> ServerId:
        self._called("start")
        if self.server is None:
            self.server = ServerId(next(self._pids), next(self._lives))
            self._ids = itertools.count(1)
        return self.server

    async def look(self) -> TmuxView:
        self._called("look")
        rows = sorted(self.sessions.values(), key=lambda session: session.name)
        return TmuxView(self.server, tuple(session.row() for session in rows))

    async def look_at(self, server: ServerId, pane_ids: Sequence[str]) -> tuple[Pane, ...]:
        self._called("look_at", server)
        rows = {session.pane_id: session.row() for session in self.sessions.values()}
        return tuple(rows[pane_id] for pane_id in pane_ids if pane_id in rows)

    async def launch(
        self, server: ServerId, items: Sequence[Launch]
    ) -> tuple[Launched | Refused, ...]:
        self._called("launch", server)
        return tuple(self._launch(item) for item in items)

    async def kill(self, server: ServerId, session_ids: Sequence[str]) -> None:
        self._called("kill", server)
        for session_id in session_ids:
            self._remove(session_id)

    async def rename(self, server: ServerId, names: Mapping[str, str]) -> None:
        self._called("rename", server)
        for session_id, name in names.items():
            if session_id in self.sessions and not self._named(name):
                self.sessions[session_id].name = name
                self.on_change()

    async def hand_over(self, server: ServerId, items: Sequence[Handover]) -> None:
        self._called("hand_over", server)
        for item in items:
            if item.former is not None:
                self._remove(item.former)
            session = self.sessions.get(item.session_id)
            if session is None:
                continue
            session.labels = msgspec.structs.replace(session.labels, worker=item.worker)
            session.log = item.log
            if not self._named(item.worker):
                session.name = item.worker
            self.on_change()

    async def log_to(self, server: ServerId, files: Mapping[str, Path]) -> None:
        self._called("log_to", server)
        for session in self.sessions.values():
            file = files.get(session.pane_id)
            if file is None:
                continue
            head = session.text if session.log is None else ""
            self.logs[file] = self.logs.get(file, "") + head
            session.log = file

    async def keys(self, server: ServerId, typed: Mapping[str, Sequence[str]]) -> None:
        self._called("keys", server)
        for session in list(self.sessions.values()):
            if session.pane_id in typed and not session.dead:
                self.on_keys(session.labels.worker, tuple(typed[session.pane_id]))

    async def capture(self, server: ServerId, pane_id: str, lines: int) -> str:
        self._called("capture", server)
        for session in self.sessions.values():
            if session.pane_id == pane_id:
                return "\n".join(session.text.rstrip("\n").split("\n")[-lines:])
        raise WorldError(f"pane {pane_id} cannot be read: can't find pane: {pane_id}")

    async def nudge(self) -> None:
        self._called("nudge")
        for session in self.sessions.values():
            if session.unreaped is not None:
                session.status, session.signal = session.unreaped
                session.unreaped = None

    async def stop(self) -> None:
        self._called("stop")
        if self.server is not None:
            self.kill_server()

    async def close(self) -> None:
        self._called("close")

    # ------------------------------------------------------------------------- what tests do

    def session(self, worker: str) -> FakeSession:
        """The session with this `@tmax_worker` label, else of this name. Raises KeyError."""
        for session in self.sessions.values():
            if worker in (session.labels.worker, session.name):
                return session
        raise KeyError(worker)

    def die(self, worker: str, status: int | None = None, signal: int | None = None) -> int:
        """The worker's process ends, by default with status 0. Returns its pid."""
        session = self.session(worker)
        self.exited(session.pid, status, signal)
        self.on_death(session.pid)
        return session.pid

    def exited(self, pid: int, status: int | None = None, signal: int | None = None) -> None:
        """The process ended: tmux sees it and keeps the pane. A pid that tmux did not start is ignored."""
        for session in self.sessions.values():
            if session.pid == pid and not session.dead:
                how = (0 if status is None and signal is None else status, signal)
                session.dead = True
                if self._losing:
                    session.unreaped = how
                else:
                    session.status, session.signal = how

    def say(self, worker: str, text: str) -> None:
        """The worker's process prints."""
        session = self.session(worker)
        session.text += text
        if session.log is not None:
            self.logs[session.log] = self.logs.get(session.log, "") + text

    def lose_status(self, losing: bool = True) -> None:
        """From now on a death shows neither status nor signal until the next nudge, as it can on 3.3a."""
        self._losing = losing

    def hang(self, next_calls: int) -> None:
        """The next calls of the port raise `Unknown` and do nothing."""
        self._hanging = next_calls

    def kill_server(self) -> None:
        """The server dies with all its sessions; `start` makes a new one, whose ids begin again."""
        for session_id in tuple(self.sessions):
            self._remove(session_id)
        self.server = None
        self.on_change()

    def kill_session(self, worker: str) -> None:
        """A person kills the session."""
        self._remove(self.session(worker).session_id)

    def rename_session(self, worker: str, name: str) -> None:
        """A person renames the session."""
        self.session(worker).name = name
        self.on_change()

    def attach(self, worker: str, clients: int = 1) -> None:
        """So many people look at the session now."""
        self.session(worker).attached = clients
        self.on_change()

    def foreign(self, name: str, labels: Labels = NO_LABELS) -> FakeSession:
        """A person makes a session of their own on our server, which must run."""
        if self.server is None:
            raise WorldError("there is no server for a foreign session")
        return self._add(name, labels, None)

    # --------------------------------------------------------------------------------- inside

    def _called(self, name: str, server: ServerId | None = None) -> None:
        self.calls.append(name)
        if self._hanging > 0:
            self._hanging -= 1
            raise Unknown("tmux gave no answer within 5.0 s")
        if server is not None and server != self.server:
            raise Unknown(f"the tmux server is now {self.server}, not {server}")

    def _launch(self, item: Launch) -> Launched | Refused:
        if item.cwd in self.missing_folders:
            return Refused(f"working directory {item.cwd} is not there or may not be entered")
        if item.pane_id is not None:
            return self._respawn(item, item.pane_id)
        if self._named(item.labels.worker):
            return Refused(f"duplicate session: {item.labels.worker}")
        session = self._add(item.labels.worker, item.labels, item)
        self.on_spawn(session.pid, item)
        return Launched(session.session_id, session.pane_id, session.pid)

    def _respawn(self, item: Launch, pane_id: str) -> Launched | Refused:
        for session in self.sessions.values():
            if session.pane_id == pane_id:
                break
        else:
            return Refused(f"can't find pane: {pane_id}")
        if not session.dead:
            self.on_death(session.pid)
        session.pid = next(self._pids)
        session.dead, session.status, session.signal, session.unreaped = False, None, None, None
        session.labels, session.launch, session.text = item.labels, item, ""
        self.on_spawn(session.pid, item)
        return Launched(session.session_id, pane_id, session.pid)

    def _add(self, name: str, labels: Labels, launch: Launch | None) -> FakeSession:
        number = next(self._ids)
        session = FakeSession(
            session_id=f"${number}",
            name=name,
            pane_id=f"%{number}",
            pid=next(self._pids),
            labels=labels,
            launch=launch,
        )
        self.sessions[session.session_id] = session
        self.on_change()
        return session

    def _remove(self, session_id: str) -> None:
        session = self.sessions.pop(session_id, None)
        if session is None:
            return
        if not session.dead:
            self.on_death(session.pid)
        self.on_change()

    def _named(self, name: str) -> bool:
        return any(session.name == name for session in self.sessions.values())
