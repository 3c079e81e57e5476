"""The port `Pipes`: every FIFO of the fleet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

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

    def link(self, run: str, worker: str) -> None:
        """`add_worker`, and a path for the run (`Places.moving_pipes`) that leads to the folder, wherever that goes."""

    def unlink(self, run: str) -> None:
        """Remove that path. A run without one is no error."""

    def linked(self) -> frozenset[str]:
        """The runs that have such a path on disk, those of an earlier daemon included."""

    def hand_over(self, spare: str, worker: str, run: str) -> None:
        """The spare's FIFOs, with all that they hold, are the worker's from now on; whoever has them open notices
        nothing, and the path of the run leads to them. The worker's own are removed, with what was sent through them;
        results still unread go to the handler before. Where it was done already, or half, by an earlier daemon, it is
        done to the end."""

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
