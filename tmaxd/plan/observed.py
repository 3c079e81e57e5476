"""The world as one pass sees it. Built by the daemon from what the ports answered; whole or not at all:
a look that failed never becomes an Observed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Member(msgspec.Struct, frozen=True, order=True):
    """A living process of a run: pid and kernel start time."""

    pid: int
    start: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A session on our socket that carries our labels."""

    session_id: str
    session: str
    pane_id: str
    run: str
    alive: bool
    """The process that the run was started with lives in the pane."""
    replaced: bool = False
    """The pane lives, but its process is not the one that was started."""
    status: int | None = None
    signal: int | None = None
    drift: tuple[str, ...] = ()
    """The fields in which what it runs differs from what the spec says now."""
    piped: bool = True
    attached: int = 0


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run that the daemon has started or adopted and not yet ended."""

    run: str
    alive: bool
    """Its first process lives, wherever it is."""
    started: float
    """Monotonic."""
    ready: bool = True
    """It has said that it is ready (workers that take tasks; others are ready by being there)."""
    adopted: bool = True
    """False: known from an earlier daemon's records only, and not yet taken charge of."""
    taken: float = 0.0
    """Monotonic: when this daemon took charge of it; 0 where it was started by this one. Before that nobody could hear
    that it is ready."""
    ready_at: float | None = None
    """Monotonic: since when it has been ready; None: it is not."""
    healthy: bool | None = None
    """What its health check says; None: there is none, or it has not said anything yet."""
    healthy_since: float | None = None
    """Monotonic: since when `healthy` is what it is."""
    probe: str = ""
    """What failed when it was last asked from outside, in words; empty where nothing did."""
    cut_off: bool = False
    """A FIFO that it has open was replaced: it no longer hears the daemon, nor the daemon it."""
    oom_killed: bool = False
    """(of a dead one) The kernel killed it, or a process of it, because memory was short (`memory.events` of its
    cgroup)."""
    here: bool = True
    """It was started in the tmux server that answers now, and not in an earlier one."""
    rebooted: bool = False
    """The machine was started anew since, so that nothing of it can live."""


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator has asked of a worker, for itself or for its group."""

    stopped: bool = False
    """It shall not run."""
    drain: bool = False
    """(of `stopped`) Its tasks may take as long as they take, whatever `stop.drain` says."""
    restart: str = ""
    """The run that shall be replaced by a new one; done when it lives no more."""
    start: bool = False
    """(of `restart`) It was asked of a worker that did not run: it is a start."""
    force: bool = False
    """(of `stopped` and `restart`, and of a change of the spec) At once, whether busy, attached or pinned."""
    paused: bool = False
    """It runs, and gets no new tasks."""
    pinned: bool = False
    """It is not replaced, except by force: neither for a change of the spec or a soft limit, nor on request."""


class Load(msgspec.Struct, frozen=True):
    """What the dispatcher says of a worker."""

    in_flight: int = 0
    held: bool = False
    overdue: bool = False
    """A task ran so far past its timeout that the worker cannot be trusted to end it."""
    silent: bool = False
    """It holds tasks, and has not said that it is alive for as long as its group's lease allows."""
    ended: int = 0
    """Tasks that this run has ended."""


class Footprint(msgspec.Struct, frozen=True):
    """What a run used when it was last measured, its whole process tree."""

    run: str
    bytes: int
    slope: float | None = None
    """Bytes a second by which it grows; None: not known yet."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """One sample of the fleet's memory."""

    number: int
    """Grows by one with each sample, so that no sample is counted twice."""
    at: float
    """Monotonic."""
    workers: Mapping[str, Footprint] = {}
    """By worker or spare; one that could not be measured is left out."""
    fleet: int = 0
    """Bytes of all of them, the tmux server and the daemon."""
    free: int | None = None
    """Bytes that the machine has available; None: not known."""


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    server: bool
    """A tmux server answers. False: there certainly is none."""
    seen: Mapping[str, Seen] = {}
    runs: Mapping[str, Run] = {}
    """By worker."""
    loads: Mapping[str, Load] = {}
    trees: Mapping[str, frozenset[Member]] = {}
    """By run id: the living processes of runs that are being stopped or swept. A run that is not in here was
    not looked at."""
    pipes: frozenset[str] = frozenset()
    """Workers that have FIFOs."""
    inboxes: frozenset[str] = frozenset()
    outboxes: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    """Groups that have one tasks FIFO for all their workers."""
    foreign: frozenset[str] = frozenset()
    """Names of sessions that are not ours; what they are called cannot be had."""
    intents: Mapping[str, Intent] = {}
    """By worker; one that is not in here has none."""
    failed: Mapping[str, str] = {}
    """Starts that failed since the last pass: worker to message."""
    usage: Usage | None = None
    """The last sample; None: nothing was measured yet."""
    down: bool = False
    """The operator wants the whole fleet stopped."""


NO_LOAD = Load()
NO_INTENT = Intent()
