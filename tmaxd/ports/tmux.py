"""The port `Tmux`: one tmux server, and what is seen of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec


class ServerId(msgspec.Struct, frozen=True, order=True):
    """One life of a tmux server. tmux ids (`$1`, `%1`) start again with each, so they mean
    nothing without it (measured on 3.3a and 3.7)."""

    pid: int
    started: int
    """Seconds since the epoch, `#{start_time}`."""


class Pane(msgspec.Struct, frozen=True, kw_only=True):
    """One pane as one `list-panes -a` row shows it."""

    session_id: str
    session: str
    pane_id: str
    pid: int
    """Pid of the pane's process; it leads its own session and process group (tmux uses forkpty)."""
    dead: bool
    status: int | None
    """Exit status, once tmux has reaped the process and it exited. tmux 3.3a can leave both this and
    `signal` empty until it is nudged."""
    signal: int | None
    attached: int
    """Clients attached to the pane's session; our own control client is not counted, since it sits on
    the anchor session."""
    piped: bool
    """Output is being copied to a log (`pipe-pane` is active)."""
    fleet: str
    """`@tmax_fleet` label, empty on a session that is not ours. The anchor session is not listed."""
    worker: str
    """`@tmax_worker` label."""
    run: str
    """`@tmax_run` label."""
    fingerprint: str
    """`@tmax_spec` label."""


class TmuxView(msgspec.Struct, frozen=True):
    """The whole server at one instant. `server` is None when there certainly is no server."""

    server: ServerId | None
    panes: tuple[Pane, ...]


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """The four `@tmax_*` session options; each value is free of blanks, quotes and newlines."""

    fleet: str
    worker: str
    run: str
    fingerprint: str


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """A program to start in a pane. `argv` is executed as it is; no shell ever reads it."""

    labels: Labels
    argv: tuple[str, ...]
    env: Mapping[str, str]
    """Added to the scrubbed environment of the server."""
    secrets: Mapping[str, str] = {}
    """Added below `env`, and seen by nobody but the program: not by who asks tmux, nor in the table of processes."""
    cwd: str
    pane_id: str | None = None
    """None: a new session, named after the worker. Else the dead or living pane whose process is
    replaced (`respawn-pane -k`): its session, its attached clients and its log pipe stay."""


class Launched(msgspec.Struct, frozen=True):
    session_id: str
    pane_id: str
    pid: int


class Refused(msgspec.Struct, frozen=True):
    """tmux said no to one item; the others of the batch are not affected."""

    message: str


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """A session that becomes another worker's, with all that runs in it."""

    session_id: str
    pane_id: str
    worker: str
    log: Path
    """What the pane prints from now on is appended to it, and no longer to the log before."""
    former: str | None = None
    """Id of the session that the worker had: it is removed."""


class Tmux(Protocol):
    """One tmux server on the fleet's own socket, driven in batches: each method takes all items of a
    pass and needs one or few round trips however many they are. All of them raise `Unknown` when tmux
    does not answer in time, or when the server is no longer the one that `server` names.
    """

    async def start(self) -> ServerId:
        """Make sure that a server runs, with our config, a scrubbed environment and the anchor
        session, and return its identity. Safe to repeat."""

    async def look(self) -> TmuxView:
        """Every pane of every session but the anchor, ours or not. Raises `Unknown` when tmux cannot be
        asked; a socket that nobody listens on is `TmuxView(None, ())`."""

    async def look_at(self, server: ServerId, pane_ids: Sequence[str]) -> tuple[Pane, ...]:
        """The rows of these panes alone, in order; one that is gone is left out. What `look` costs grows with the
        fleet, and a worker that has died waits for it."""

    async def launch(
        self, server: ServerId, items: Sequence[Launch]
    ) -> tuple[Launched | Refused, ...]:
        """Start programs; labels are set in the creating invocation. One outcome an item, in order."""

    async def kill(self, server: ServerId, session_ids: Sequence[str]) -> None:
        """Remove sessions by id; one that is gone already is no error."""

    async def rename(self, server: ServerId, names: Mapping[str, str]) -> None:
        """Session id to new name. A name that is taken is no error; the next look shows it."""

    async def hand_over(self, server: ServerId, items: Sequence[Handover]) -> None:
        """In one round trip: `former` goes, and the session gets the worker's label, log and name. One that has ended
        meanwhile is no error, nor is it to do this again; a name that is taken shows in the next look."""

    async def log_to(self, server: ServerId, files: Mapping[str, Path]) -> None:
        """Pane id to log file. What the pane holds already is put into the file first if the pane was not
        piped before, then all later output is appended. Replaces an active pipe."""

    async def keys(self, server: ServerId, typed: Mapping[str, Sequence[str]]) -> None:
        """Pane id to what is typed into its terminal, one after the other: names of keys as tmux has them (`C-c`,
        `Enter`, `F1`); whatever is none is typed as text. It reaches the program also where somebody scrolls back.
        A pane that is dead or gone gets nothing, and that is no error."""

    async def capture(self, server: ServerId, pane_id: str, lines: int) -> str:
        """The last `lines` lines of the pane's text, wrapped lines joined."""

    async def nudge(self) -> None:
        """Make the server reap dead children (`run-shell true`; needed on 3.3a)."""

    async def stop(self) -> None:
        """End the server with everything in it. No server is no error."""

    async def close(self) -> None:
        """Let go of the server; it lives on."""
