"""A machine on which all is well, for tests to change one thing of."""

from __future__ import annotations

from tmaxd.ctl.doctor.finding import Finding
from tmaxd.ctl.doctor.judging.whole import judge
from tmaxd.ctl.doctor.seen import (
    Clock,
    Containment,
    Database,
    Disk,
    Fleet,
    Folder,
    Limits,
    Machine,
    Mount,
    Program,
    Role,
    Seen,
    Service,
    Spec,
    Tmux,
    Unit,
)

RUNTIME, STATE = "/run/user/1000/tmaxd", "/home/ada/.local/state/tmaxd"
SPEC_PATH = "/home/ada/tmax.yaml"

TMUX = Tmux("/usr/bin/tmux", "tmux 3.8")
MACHINE = Machine((3, 12, 1), "6.1.0-18-amd64", pidfd=True, prlimit=True)
CONTAINED = Containment("cgroup", True, "cgroup v2 per worker", running=True)
LIMITS = Limits(open_files=1_048_576, terminals=4096, pipe_max=1_048_576, pipe_pages=16384)
CLOCK = Clock(1_800_000_000.0, True, 0.0, 1_799_999_990.0)
UNIT = Unit("tmaxd@demo", "user", "loaded", "active", "enabled", "success")
DISK = Disk(50 * 1024**3, 100 * 1024**3, 5_000_000, 6_000_000)
FLEET = Fleet(
    name="demo",
    runtime=f"{RUNTIME}/demo",
    state=f"{STATE}/demo",
    api_socket=f"{RUNTIME}/demo/api.sock",
    tmux_socket=f"{RUNTIME}/demo/tmux.sock",
    lock=f"{RUNTIME}/demo/lock",
    api="listening",
    tmux="listening",
    held=True,
    holder=77,
    ping={"fleet": "demo", "pid": 77, "version": "1.0", "spec": SPEC_PATH},
    server_version="3.8",
)
SPEC = Spec(
    path=SPEC_PATH,
    fleet="demo",
    workers=10,
    fifos=2,
    capacity=256 * 1024,
    programs=(Program("group check", "cat"),),
)
STATE_DB = Database(f"{STATE}/demo/state.db", True, 1000, 0o600, 8192, 0, 3, 3)
STORE_DB = Database(f"{STATE}/demo/memory.db", False)


def folder(path: str, role: Role, mode: int = 0o700) -> Folder:
    mount = Mount("tmpfs", "/run/user/1000") if path.startswith("/run") else Mount("ext4", "/")
    return Folder(path, role, "folder", 1000, 1000, mode, mount, DISK)


FOLDERS = (
    folder(RUNTIME, "runtime root"),
    folder(STATE, "state root"),
    folder(FLEET.runtime, "runtime"),
    folder(FLEET.state, "state"),
    folder(f"{FLEET.runtime}/pipes", "runtime part"),
)

WELL = Seen(
    uid=1000,
    gid=1000,
    user="ada",
    version="1.0",
    tmux=TMUX,
    machine=MACHINE,
    containment=CONTAINED,
    limits=LIMITS,
    clock=CLOCK,
    service=Service(True, True, (UNIT,)),
    folders=FOLDERS,
    fleet=FLEET,
    spec=SPEC,
    state=STATE_DB,
    store=STORE_DB,
)


def complaints(seen: Seen) -> list[Finding]:
    return [finding for finding in judge(seen) if finding.level != "ok"]
