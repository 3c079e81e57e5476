"""What the doctor has read of the world, as plain values. What they mean is for `judging`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Tmux:
    path: str | None
    """None: it is not on PATH."""
    says: str = ""
    """What `tmux -V` prints."""
    trouble: str = ""
    """Why it prints nothing."""


@dataclass(frozen=True)
class Machine:
    python: tuple[int, int, int]
    kernel: str
    """`6.1.0-18-amd64`"""
    pidfd: bool
    prlimit: bool


@dataclass(frozen=True)
class Containment:
    kind: Literal["cgroup", "trees"]
    limits: bool
    """The kernel can be asked to keep limits of memory."""
    why: str
    running: bool
    """The daemon says so itself; else it is what one would find that is started from here."""


@dataclass(frozen=True)
class Limits:
    """None: not known, or without limit."""

    open_files: int | None = None
    """The hard limit: the daemon raises its own to that."""
    of: str = "this shell"
    """Whose limit of files that is."""
    terminals: int | None = None
    terminals_used: int = 0
    pipe_max: int | None = None
    pipe_pages: int | None = None
    privileged: bool = False
    """The limits of pipes do not count (CAP_SYS_RESOURCE)."""
    inotify: str = ""
    """Why no watch can be had: `instances`, `watches`, another reason; empty: one can."""
    inotify_instances: int | None = None
    inotify_watches: int | None = None


@dataclass(frozen=True)
class Program:
    """A command of the spec, and why it cannot be started; empty: it can."""

    who: str
    """`group check`, `hook of worker_crashed`"""
    name: str
    trouble: str = ""


@dataclass(frozen=True)
class Spec:
    path: str
    fleet: str | None
    problems: tuple[str, ...] = ()
    """First lines, with their places."""
    warnings: tuple[str, ...] = ()
    workers: int = 0
    """With spares, and those that a change has beyond them."""
    fifos: int = 0
    """Besides the workers' own."""
    capacity: int = 0
    """Bytes of a FIFO that the spec asks for."""
    limited: tuple[str, ...] = ()
    """Groups that ask for `memory.high` or `memory.max`."""
    programs: tuple[Program, ...] = ()


@dataclass(frozen=True)
class Mount:
    kind: str
    """As in the table of mounts: `ext4`, `fuse.sshfs`."""
    point: str
    read_only: bool = False


@dataclass(frozen=True)
class Disk:
    """What the filesystem has left for those who are not root."""

    free: int
    total: int
    inodes: int
    all_inodes: int
    """0: it does not count them."""


Role = Literal["runtime root", "state root", "runtime", "state", "runtime part", "state part"]
"""A root holds a folder for each fleet, and may be a link."""

FolderKind = Literal["missing", "folder", "link", "other", "unseen"]
"""`unseen`: it may not be looked at."""


@dataclass(frozen=True)
class Folder:
    path: str
    role: Role
    kind: FolderKind
    uid: int = -1
    gid: int = -1
    mode: int = 0
    """Permission bits."""
    mount: Mount | None = None
    """None: not known. For one that is missing, that of the nearest folder which is there."""
    disk: Disk | None = None
    can_be_made: bool = True
    """Of one that is missing."""


@dataclass(frozen=True)
class Clock:
    wall: float
    synchronised: bool | None
    """None: the kernel does not say."""
    slept: float = 0.0
    """Seconds that the machine was suspended since it booted."""
    latest: float | None = None
    """When the latest event of the state happened, by the clock of then."""


@dataclass(frozen=True)
class Database:
    path: str
    there: bool
    uid: int = -1
    mode: int = 0
    size: int = 0
    wal: int = 0
    """Bytes of its write-ahead log."""
    version: int | None = None
    known: int = 0
    """The version that this tmaxd writes, the highest that it reads."""
    trouble: str = ""
    """Why it cannot be read."""
    damage: tuple[str, ...] | None = None
    """What `quick_check` found; None: it was not asked."""


Sock = Literal["missing", "listening", "dead", "other"]


@dataclass(frozen=True)
class Other:
    """Another fleet whose daemon answers."""

    fleet: str
    pid: int
    spec: str


@dataclass(frozen=True)
class Fleet:
    name: str
    runtime: str
    state: str
    api_socket: str
    tmux_socket: str
    lock: str
    api: Sock = "missing"
    tmux: Sock = "missing"
    held: bool = False
    """Somebody holds the lock."""
    holder: int | None = None
    """The pid that the lock names."""
    ping: dict[str, Any] = field(default_factory=dict)
    """What the daemon says of itself; empty: it has not answered."""
    silence: str = ""
    """Why it has not, where somebody listens."""
    server_version: str = ""
    """Of the tmux server; empty: not known."""


@dataclass(frozen=True)
class Unit:
    """As `systemctl show` says it."""

    name: str
    scope: Literal["system", "user"]
    load: str
    active: str
    enabled: str
    result: str


@dataclass(frozen=True)
class Service:
    systemd: bool
    """It runs here as the first process."""
    lingers: bool | None = None
    """None: there is nothing to linger."""
    units: tuple[Unit, ...] = ()


@dataclass(frozen=True)
class Seen:
    """Everything. `fleet`, `spec`: None where none is meant."""

    uid: int
    gid: int
    user: str
    version: str
    tmux: Tmux
    machine: Machine
    containment: Containment
    limits: Limits
    clock: Clock
    service: Service
    folders: tuple[Folder, ...]
    fleet: Fleet | None = None
    spec: Spec | None = None
    state: Database | None = None
    store: Database | None = None
    others: tuple[Other, ...] = ()

    @property
    def running(self) -> bool:
        return self.fleet is not None and bool(self.fleet.ping)
