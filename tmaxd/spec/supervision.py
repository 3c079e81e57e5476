"""What a group says of how its workers are kept: restarts, readiness, health, order, stops, changes and spares."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tmaxd.spec.units import Duration

Signal = Literal["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "KILL"]
ExitSignal = Literal[
    "HUP",
    "INT",
    "QUIT",
    "ILL",
    "ABRT",
    "BUS",
    "FPE",
    "KILL",
    "SEGV",
    "PIPE",
    "ALRM",
    "TERM",
    "USR1",
    "USR2",
]
"""Signals by which a process may have ended."""
End = Annotated[int, Meta(ge=0, le=255)] | ExitSignal
"""How a process ended: its exit status, or the signal."""
Policy = Literal["always", "on_failure", "never"]
Condition = Literal["started", "ready", "healthy", "finished"]
Percent = Annotated[str, Meta(pattern=r"^(100|[1-9]?[0-9])%$")]
Share = Annotated[int, Meta(ge=0, le=1000)] | Percent
"""A number of workers, or a part of the group's count."""


READY_QUESTIONS = ("exec", "tcp", "http", "output", "alive", "frame")
HEALTH_QUESTIONS = ("exec", "tcp", "http", "heartbeat", "output")


class RestartBackoff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The delays between the crash of a worker and its next start: `first`, then half a second or `first` if that is
    longer, then `factor` times the one before, never more than `max`."""

    first: Duration = Duration(0)
    factor: float = 2.0
    max: Duration = Duration(60)
    jitter: float = 0.1
    """Each delay is lengthened by up to this part of itself."""
    reset_after: Duration = Duration(10)
    """Up for so long, earlier crashes are forgotten."""


class RestartLimit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """So many crashes of a worker within so long are too many: it stays down, or is in quarantine."""

    crashes: int
    within: Duration = Duration(3600)
    then: Literal["stop", "retry"] = "retry"
    every: Duration = Duration(600)
    """In quarantine it is tried so often; once up for `reset_after`, it is as if nothing had been."""


class Restart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which ends are followed by a new start. An end is looked up in `permanent`, `failure` and `success`, in this
    order; one that is in none of them is a failure."""

    policy: Policy = "always"
    success: tuple[End, ...] = (0,)
    failure: tuple[End, ...] = ()
    permanent: tuple[End, ...] = ()
    """A failure after which it is never started again by itself."""
    backoff: RestartBackoff = RestartBackoff()
    limit: RestartLimit | None = None


class Probe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question that is asked from outside. Exactly one of the first three."""

    exec: tuple[str, ...] | None = None
    """A command in the environment and folder of the worker; it succeeds with status 0."""
    tcp: str | None = None
    """HOST:PORT that accepts a connection."""
    http: str | None = None
    """A URL that answers with a status from 200 to 399."""
    every: Duration = Duration(10)
    timeout: Duration = Duration(5)
    """Seconds that one try may take."""


class Ready(Probe, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a worker is ready. Exactly one of `exec`, `tcp`, `http`, `output`, `alive`, `frame`."""

    output: str | None = None
    """A regular expression that a line of its output matches anywhere."""
    alive: Duration | None = None
    """Seconds that it has to live."""
    frame: bool = False
    """It says `ready` on its results FIFO."""
    every: Duration = Duration(1)
    within: Duration | None = Duration(60)
    """Seconds that it may take; then the start has failed. None: for ever."""


class Health(Probe, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a worker that was ready still works. Exactly one of `exec`, `tcp`, `http`, `heartbeat`, `output`."""

    heartbeat: Duration | None = None
    """Seconds within which it says something on its results FIFO."""
    output: Duration | None = None
    """Seconds within which it writes something to its terminal."""
    failures: Annotated[int, Meta(ge=1, le=1000)] = 3
    """So many in a row make it unhealthy. Heartbeats and output count once."""
    successes: Annotated[int, Meta(ge=1, le=1000)] = 1
    """So many in a row make it healthy again."""
    delay: Duration = Duration(0)
    """Seconds from being ready to the first try."""
    then: Literal["restart", "report"] = "restart"


class After(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No worker is started before all workers of that group are so far."""

    group: str
    condition: Condition = "ready"


class Stop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a worker is stopped: it ends its tasks (`drain`), keys are typed into its terminal if there are any, the
    signal goes to its whole process tree, then SIGKILL to what is left; `after` is between each two."""

    signal: Signal = "TERM"
    keys: tuple[str, ...] = ()
    """Keys by the names of tmux (`C-c`, `Enter`), or text; typed one after the other."""
    after: Duration = Duration(10)
    drain: Duration | None = None
    """Seconds that the tasks in hand may take before it is stopped all the same; None: as long as they take."""


class Rollout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a change reaches the workers of a group."""

    max_unavailable: Share = 1
    """Workers that may be down for the change at once; at least one, where there is no `surge`."""
    surge: Share = 0
    """Workers of the new kind that may be started beyond `count`."""
    canary: Share = 0
    """So many are changed first; the rest when they have been healthy for `canary_for`."""
    canary_for: Duration = Duration(60)
    healthy_for: Duration = Duration(0.5)
    """A changed worker counts once it has been ready and healthy for so long."""
    pause: Duration = Duration(0)
    """Between one batch and the next."""
    rollback: bool = True
    """Back to the last good revision of the group if workers of the new one fail to become healthy."""


class Pool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spares: booted workers that no slot has yet."""

    size: Annotated[int, Meta(ge=0, le=1000)] = 1
    max_age: Duration | None = Duration(3600)
    """A spare that is older is replaced by a fresh one. None: they do not age."""
