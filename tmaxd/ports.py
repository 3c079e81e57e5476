"""The ports: what the daemon needs from the world, as Protocols and plain values.

Each port has one real adapter in `tmaxd/world/` and one fake in `tmaxd/testing/`, and one contract
suite in `tests/contract/` that both must pass. Nothing here does anything.

Two rules hold for every port:

* **Unknown is never absent.** A look that fails or comes back partial raises `Unknown`; it never
  returns an empty or shortened answer.
* **Every call has a deadline** of its own; a call that runs out of it raises `Unknown`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from tmaxd.tasks.records import (
    Found,
    Lease,
    Page,
    Record,
    State,
    TaskFilter,
    TaskRow,
    TaskStory,
)


class Unknown(Exception):
    """The world did not give a whole answer in time. Nothing may be destroyed because of it."""


class WorldError(Exception):
    """The world answered, and the answer is no; the text says what, where and why."""


# ------------------------------------------------------------------------------------------ tmux


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

    async def log_to(self, server: ServerId, files: Mapping[str, Path]) -> None:
        """Pane id to log file. What the pane holds already is put into the file first if the pane was not
        piped before, then all later output is appended. Replaces an active pipe."""

    async def capture(self, server: ServerId, pane_id: str, lines: int) -> str:
        """The last `lines` lines of the pane's text, wrapped lines joined."""

    async def nudge(self) -> None:
        """Make the server reap dead children (`run-shell true`; needed on 3.3a)."""

    async def stop(self) -> None:
        """End the server with everything in it. No server is no error."""

    async def close(self) -> None:
        """Let go of the server; it lives on."""


# ------------------------------------------------------------------------------------- processes


class Proc(msgspec.Struct, frozen=True, order=True):
    """A process that cannot be confused with a later one of the same pid."""

    pid: int
    start: int
    """Clock ticks since boot, field 22 of `/proc/PID/stat` (proc(5))."""


class Processes(Protocol):
    def identify(self, pid: int) -> Proc | None:
        """The living process of this pid; None when there is none, or only a zombie."""

    def watch(self, proc: Proc, on_exit: Callable[[], None]) -> None:
        """Call `on_exit` once, from the event loop, when the process ends (pidfd; polling where the kernel
        has none); also when it had ended before. A second watch of the same process replaces the first."""

    def unwatch(self, proc: Proc) -> None: ...

    async def trees(self, runs: Mapping[str, Proc | None]) -> dict[str, frozenset[Proc]]:
        """Run id to the processes alive that belong to it: the leader given, every member of the leader's
        session, all descendants of these, and every process with `TMAX_RUN=<run id>` in its
        environment. Zombies do not count. Raises `Unknown` when `/proc` cannot be read."""

    def signal(self, proc: Proc, number: int) -> bool:
        """Send through a pidfd, so that a reused pid is never hit. False: it is gone already. A process that
        may not be signalled (another user's, this one, init) is a WorldError."""

    def ignores(self, proc: Proc, number: int) -> bool:
        """The process has set this signal to be ignored (`SigIgn`, proc(5)), as interactive shells do with
        SIGTERM. False when that cannot be told."""

    def killed_by(self, proc: Proc) -> int | None:
        """The signal that has ended this process, while its parent has not reaped it. None when it ended
        otherwise, lives, or that cannot be told (any more)."""

    def boot_id(self) -> str: ...


# ----------------------------------------------------------------------------------------- pipes


PipeProblem = Literal["missing", "not_a_fifo", "replaced", "wrong_owner", "wrong_mode"]
PipeKind = Literal["worker", "inbox", "outbox", "shared"]

RECORD = 4096
"""Bytes of everything that is written to a shared tasks FIFO: Linux hands such a piece to one reader, whole (PIPE_BUF,
pipe(7))."""


class PipeTrouble(msgspec.Struct, frozen=True):
    """A FIFO that was not what it should be: deleted, replaced, of another owner, mode or type."""

    path: str
    problem: PipeProblem
    owner: str
    """The worker, inbox, outbox or group that it belongs to."""
    lost: bool = False
    """False: the same FIFO stands in its place again, and who has it open noticed nothing. True: it is a
    new one (unless `problems()` says why there is none). A run that has the old one open does not hear us
    any more; it must be replaced, or it opens its FIFOs anew."""
    kind: PipeKind = "worker"
    """What `owner` is: a group, an inbox and a worker may have the same name."""


class Pipes(Protocol):
    """Every FIFO of the fleet, each held open read-write and non-blocking from birth: no writer ever
    blocks in open, no data is lost between two writers, and there is no end-of-file.

    An inbox and an outbox of the same name are a WorldError: both are `NAME.pipe`."""

    def add_worker(self, worker: str) -> None:
        """Create (0600, in a 0700 folder) or take over `WORKER/{tasks,control,results}.pipe`."""

    def remove_worker(self, worker: str) -> None:
        """Remove the folder. Blocked openers are released first, results still unread go to the handler
        before. Unknown workers are no error; a folder with other files in it is kept, renamed, and
        `problems()` says so."""

    def add_inbox(self, inbox: str) -> None: ...

    def remove_inbox(self, inbox: str) -> None:
        """Likewise; lines still unread go to the handler before this returns."""

    def add_outbox(self, outbox: str) -> None: ...

    def remove_outbox(self, outbox: str) -> None:
        """Likewise; who has it open may still read what it holds."""

    def add_shared(self, group: str) -> None:
        """Create or take over `GROUP.tasks.pipe`, which all workers of the group read."""

    def remove_shared(self, group: str) -> None:
        """Likewise; what nobody has read goes with it, so take it back before."""

    def set_capacity(self, size: int) -> None:
        """Bytes a FIFO may hold (`F_SETPIPE_SZ`, pipe(7)), for all present and later ones. Where the kernel
        refuses, what it allows stays and `problems()` says so."""

    def workers(self) -> frozenset[str]:
        """The workers that have a folder on disk, those of an earlier daemon included."""

    def inboxes(self) -> frozenset[str]:
        """The inboxes that have a FIFO on disk, likewise."""

    def outboxes(self) -> frozenset[str]: ...

    def shared(self) -> frozenset[str]:
        """The groups that have a tasks FIFO for all their workers."""

    def check(self) -> tuple[PipeTrouble, ...]:
        """Compare every held FIFO with its path (type, owner, mode, inode); re-create and re-open what is
        not right, and say what was found. Unread data of a replaced FIFO is still delivered."""

    def problems(self) -> tuple[str, ...]:
        """Standing problems for status, each one sentence."""

    def send(self, worker: str, pipe: Literal["tasks", "control"], data: bytes) -> None:
        """Queue whole frames. Written at once as far as the FIFO takes them, the rest when it drains; order
        holds. An unknown worker is a WorldError."""

    def take_back(self, worker: str) -> bytes:
        """Everything sent to the tasks FIFO that nobody has read, in order, removed from it. Call when the
        run is dead. The first line may be torn."""

    def send_shared(self, group: str, data: bytes) -> None:
        """`send` to the FIFO that the group shares; records of RECORD bytes (else a ValueError)."""

    def take_back_shared(self, group: str) -> bytes:
        """`take_back` from it: whole records. Living workers may read at the same time; each record goes to one of
        them or comes back here."""

    def publish(self, outbox: str, lines: Sequence[bytes]) -> None:
        """Write lines, each with its newline, as far as there is room. Nothing waits: where a reader lags, the rest
        is lost by whole lines and counted, and the line that follows the gap is `{"lost": N}`. A line of up to
        RECORD bytes is never torn. An outbox that is not there is no error."""

    def lost(self) -> Mapping[str, int]:
        """Outbox to the lines that were lost since this object was made."""

    def on_results(self, handler: Callable[[str, bytes], None]) -> None:
        """`handler(worker, data)` for bytes read from results FIFOs, chunked anyhow, at most 64 KiB a call."""

    def on_inbox(self, handler: Callable[[str, bytes], None]) -> None:
        """`handler(inbox, data)`, likewise."""

    def drain_results(self, worker: str) -> None:
        """Read the results FIFO to its end now, through the handler. Call when a run is dead."""

    def pause_inboxes(self, paused: bool) -> None:
        """Stop or resume reading inboxes (back-pressure while the journal cannot write)."""

    def pause_inbox(self, inbox: str, paused: bool) -> None:
        """The same for one of them, beside that; forgotten when it is removed."""

    def close(self) -> None: ...


# --------------------------------------------------------------------------------------- journal


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What must be known of a run to adopt it after the daemon died."""

    run: str
    worker: str
    proc: Proc
    boot_id: str
    server: ServerId
    started: float
    """Wall time."""
    revision: int
    ready: bool = False
    window: int = 1
    form: Literal["json", "tsv"] = "json"
    batch: bool = False
    beats: bool = False
    """It has sent a heartbeat."""


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    digest: str
    applied: float
    """Wall time."""
    text: str


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal held when it was opened. The queue itself stays on disk; `page` reads it."""

    next_id: int
    """The lowest task id never used."""
    runs: tuple[RunRecord, ...]
    """Those whose end is not recorded, oldest first."""
    leases: tuple[Lease, ...]
    """Tasks assigned to a run, by id."""
    counts: dict[str, dict[State, int]]
    """Group to state to tasks, by their rows: leased ones count as the `queued` or `delayed` that they were."""
    lanes: dict[str, tuple[int, ...]]
    """Group to the priorities of its tasks that are `queued` by their rows."""
    next_due: dict[str, float]
    """Group to the wall time at which its earliest delayed task is due."""
    next_expiry: dict[str, float]
    """Group to the wall time at which the first of its waiting tasks expires."""
    next_send: int
    """The lowest number that no lease on disk has or exceeds."""
    revision: Revision | None


class JournalError(Exception):
    """The state cannot be read or written; the text says which file, why, and what to do."""


class Journal(Protocol):
    """`state.db`: tasks, attempts, results, runs, revisions. One writer with group commit."""

    def write(self, records: Sequence[Record]) -> Awaitable[None]:
        """Resolves when the records are on disk (fsync), all or none; batches become durable in the order of
        the calls. While the disk refuses, the batch is tried again and `trouble()` gives the cause."""

    def trouble(self) -> str | None: ...

    def problems(self) -> tuple[str, ...]:
        """What was found amiss when it was opened, for status, each one sentence: commits that are gone."""

    async def page(self, group: str, priority: int, after: int, limit: int) -> Page:
        """Tasks of the group and priority whose rows are `queued`, leased ones too, with id > after, oldest first.
        Sees every batch that was given to `write` before the call, so it waits while the disk refuses."""

    async def due(self, group: str, now: float, limit: int) -> Page:
        """Tasks of the group whose rows are `delayed`, leased ones too, and whose time (wall) has come, earliest
        first. Sees what `page` sees."""

    async def expired(self, group: str, now: float, limit: int) -> Page:
        """Waiting tasks of the group, leased ones too, whose time to begin is over, earliest first; `next_due` is
        when the next one expires. Sees what `page` sees."""

    async def find(self, ids: Sequence[int]) -> tuple[Found, ...]:
        """Those of the tasks that there are. Sees what `page` sees."""

    async def find_key(self, group: str, key: str) -> tuple[int, str] | None:
        """(id, payload) of the group's task that was submitted with the key. Sees what `page` sees."""

    async def tasks(self, filters: TaskFilter) -> tuple[TaskRow, ...]: ...
    async def story(self, task: int) -> TaskStory | None: ...
    async def close(self) -> None: ...


# ------------------------------------------------------------------------------------ files, time


class Files(Protocol):
    """The few small files that the daemon itself needs. Every call may raise OSError."""

    def write_payload(self, path: str, payload: str) -> None:
        """The file of a payload that is too long for a frame: 0600, whole or not at all."""

    def remove_payload(self, path: str) -> None:
        """It may be gone already."""

    def has_payload(self, path: str) -> bool: ...

    def result_size(self, path: str) -> int:
        """Bytes of a result file that a worker names; 0 where that cannot be told. Raises nothing."""

    def read_result(self, path: str, limit: int) -> str | None:
        """Its text; None of a file that has more than `limit` characters, is not UTF-8, cannot be read, or does not lie
        in the spool by a path without links. Raises nothing; may be called from any thread."""

    def make_spool(self, worker: str) -> None:
        """The folder in which the worker leaves long results; it may be there already."""

    def must_run(self, argv: Sequence[str], cwd: str, path: str) -> None:
        """Raises WorldError when this cannot be started in this folder with this PATH: tmux would do something
        else in silence (the home folder instead, an exit status 1)."""


class Clock(Protocol):
    def now(self) -> float:
        """Monotonic seconds, for delays."""

    def wall(self) -> float:
        """Seconds since the epoch, for what people read and for schedules."""
