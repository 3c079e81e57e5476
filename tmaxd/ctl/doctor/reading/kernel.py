"""The kernel: limits, settings, the clock, and what holds processes together."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import sys
import time

from tmaxd.ctl.doctor.seen import Clock, Containment, Limits, Machine

_CAP_SYS_RESOURCE = 1 << 24
_STA_UNSYNC = 0x0040
"""Of `timex.status` (adjtimex(2))."""
_TIMEX_SIZE = 256
"""Bytes; the structure has 208 on 64-bit Linux."""
_STATUS_AT = 5 * ctypes.sizeof(ctypes.c_long)
"""Where `status` stands: behind `modes` (padded) and four longs."""


def text_of(path: str) -> str:
    """Empty where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(65536)
    except OSError:
        return ""


def number_in(path: str) -> int | None:
    with contextlib.suppress(ValueError, IndexError):
        return int(text_of(path).split()[0])
    return None


def machine() -> Machine:
    version = sys.version_info
    return Machine(
        python=(version.major, version.minor, version.micro),
        kernel=os.uname().release,
        pidfd=_has_pidfds(),
        prlimit=shutil.which("prlimit") is not None,
    )


def _has_pidfds() -> bool:
    """Also false where a sandbox refuses the call."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (OSError, AttributeError):
        return False
    return True


def limits(daemon: int | None, watched: str) -> Limits:
    """`daemon`: the pid of the one that runs. `watched`: a folder to try a watch on."""
    files, of = _open_files(daemon)
    return Limits(
        open_files=files,
        of=of,
        terminals=number_in("/proc/sys/kernel/pty/max"),
        terminals_used=number_in("/proc/sys/kernel/pty/nr") or 0,
        pipe_max=number_in("/proc/sys/fs/pipe-max-size"),
        pipe_pages=number_in("/proc/sys/fs/pipe-user-pages-soft"),
        privileged=_may_exceed(daemon),
        inotify=try_watch(watched),
        inotify_instances=number_in("/proc/sys/fs/inotify/max_user_instances"),
        inotify_watches=number_in("/proc/sys/fs/inotify/max_user_watches"),
    )


def _open_files(daemon: int | None) -> tuple[int | None, str]:
    """The hard limit, and whose it is."""
    if daemon is not None:
        for line in text_of(f"/proc/{daemon}/limits").splitlines():
            if line.startswith("Max open files"):
                hard = line.split()[4]
                return (int(hard) if hard.isdecimal() else None), "the daemon"
    _, hard_here = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        None if hard_here == resource.RLIM_INFINITY else hard_here
    ), "a daemon started from here"


def _may_exceed(daemon: int | None) -> bool:
    for line in text_of(f"/proc/{daemon or 'self'}/status").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) & _CAP_SYS_RESOURCE)
    return False


def try_watch(folder: str) -> str:
    """Whether a folder can be watched, tried out: how many others use up the limits cannot be counted."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        fd = libc.inotify_init1(os.O_CLOEXEC)
    except AttributeError:
        return "there is no inotify here"
    if fd < 0:
        return _short_of(ctypes.get_errno(), "instances")
    try:
        if libc.inotify_add_watch(fd, os.fsencode(folder), 0x8) < 0:  # IN_CLOSE_WRITE
            return _short_of(ctypes.get_errno(), "watches")
    finally:
        os.close(fd)
    return ""


def _short_of(number: int, what: str) -> str:
    import errno

    full = {"instances": errno.EMFILE, "watches": errno.ENOSPC}[what]
    return what if number == full else os.strerror(number)


def clock(latest: float | None) -> Clock:
    """`latest`: when the latest event of the state happened."""
    slept = 0.0
    with contextlib.suppress(OSError, AttributeError):
        awake = time.clock_gettime(time.CLOCK_MONOTONIC)
        slept = time.clock_gettime(time.CLOCK_BOOTTIME) - awake
    return Clock(time.time(), _synchronised(), slept, latest)


def _synchronised() -> bool | None:
    """What adjtimex(2) says, which everybody may ask. None: nothing."""
    buffer = ctypes.create_string_buffer(_TIMEX_SIZE)
    try:
        answer = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except AttributeError:
        return None
    if answer < 0:
        return None
    status = ctypes.c_int.from_buffer(buffer, _STATUS_AT).value
    return not status & _STA_UNSYNC


def containment(said: dict[str, object]) -> Containment:
    """`said`: what the status of a running daemon has of it; empty where none runs."""
    if said:
        return Containment(
            kind="cgroup" if said.get("kind") == "cgroup" else "trees",
            limits=bool(said.get("limits")),
            why=str(said.get("why", "")),
            running=True,
        )
    # Imported late: msgspec.
    from tmaxd.world import cgroup_base

    base = cgroup_base.candidate(cgroup_base.surroundings(), cgroup_base.path_of(os.getpid()))
    if not base.folder:
        return Containment("trees", False, f"process trees by descent: {base.why}", False)
    short = _without_memory(base.folder)
    if short:
        return Containment(
            "cgroup", False, f"cgroup v2 in {base.folder}, without limits of memory: {short}", False
        )
    return Containment("cgroup", True, f"cgroup v2 in {base.folder}, with limits of memory", False)


def _without_memory(folder: str) -> str:
    """What keeps memory from being counted in cgroups below; nothing is changed here."""
    if "memory" not in text_of(f"{folder}/cgroup.controllers").split():
        return "there is no memory controller"
    if "memory" in text_of(f"{folder}/cgroup.subtree_control").split():
        return ""
    if not os.path.exists(f"{folder}/cgroup.type"):  # the true root
        return ""
    others = [pid for pid in text_of(f"{folder}/cgroup.procs").split() if pid != str(os.getpid())]
    return f"{len(others)} other processes stand in it" if others else ""
