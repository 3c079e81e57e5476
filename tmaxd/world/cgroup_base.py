"""Where the cages of a fleet's runs may stand: which cgroup (version 2) is ours to divide, and whether memory is
counted in it (cgroup-v2.rst of the kernel; the rules for delegation are those of systemd, CGROUP_DELEGATION.md).

A cgroup is ours when it may be written to: our user owns it, or we are root and whoever manages the tree has delegated
it. In a cgroup that passes on the memory controller no process may stand ("no internal processes"). So the tmux server
and the daemon move into a leaf beside the cages, where nobody else stands in their cgroup.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

import msgspec

from tmaxd.ports import Unknown
from tmaxd.world import procfs
from tmaxd.world.memory import read_text

LEAF = "tmaxd-server"
"""The cgroup that the server and the daemon move into. A unit can put them there itself: `DelegateSubgroup=`."""
MOVES = 5
"""Rounds until nothing has been forked while the others were moved."""


class Base(msgspec.Struct, frozen=True, kw_only=True):
    folder: str = ""
    """In which the fleet's own cgroup is made; empty: there is none."""
    memory: bool = False
    why: str = ""
    """What is missing, half a sentence; empty where nothing is."""


class Surroundings(msgspec.Struct, frozen=True):
    """What is there, as an argument: tests bring a folder tree of their own."""

    mount: str | None
    """Of cgroup2; None: it is not mounted."""
    root: str = "/"
    """The cgroup that stands at the mount."""
    managed: bool = False
    """systemd manages the tree."""
    uid: int = 0


def surroundings() -> Surroundings:
    mount, root = _mounted(read_text("/proc/self/mountinfo"))
    return Surroundings(mount, root, os.path.isdir("/run/systemd/system"), os.geteuid())


def _mounted(table: str) -> tuple[str | None, str]:
    """proc(5): ID, parent, device, root, mount point, options, optional fields, `-`, type, …"""
    for line in table.splitlines():
        head, _, tail = line.partition(" - ")
        fields = head.split()
        if tail.split(None, 1)[:1] == ["cgroup2"] and len(fields) >= 5:
            return fields[4].encode().decode("unicode_escape"), fields[3]
    return None, "/"


def find_base(around: Surroundings, server: int, path_of: Callable[[int], str | None]) -> Base:
    """`path_of`: a process to the cgroup that it stands in, as `/proc/PID/cgroup` has it. What has to be changed so
    that memory is counted is changed."""
    base = candidate(around, path_of(server) if around.mount is not None else None)
    if not base.folder:
        return base
    short = _count_memory(base.folder, server)
    return Base(folder=base.folder, memory=not short, why=short)


def candidate(around: Surroundings, path: str | None) -> Base:
    """The cgroup that could be divided for a server that stands in `path`, as far as can be told without changing
    anything; whether memory is counted there is left open."""
    if around.mount is None:
        return Base(why="there is no cgroup v2 here")
    if path is None:
        return Base(why="the cgroup of the tmux server cannot be told")
    inside = _inside(path, around.root)
    if inside is None:
        return Base(why=f"the cgroup {path} of the tmux server lies outside of what is mounted")
    folder = os.path.normpath(around.mount + inside)
    if os.path.basename(folder) == LEAF:
        folder = os.path.dirname(folder)
    refused = _refused(folder, around)
    return Base(why=refused) if refused else Base(folder=folder)


def _inside(path: str, root: str) -> str | None:
    if path.startswith("/.."):
        return None
    if root == "/" or path == root:
        return path if root == "/" else ""
    return path[len(root) :] if path.startswith(root + "/") else None


def _refused(folder: str, around: Surroundings) -> str:
    if not os.path.isdir(folder):
        return f"there is no {folder}"
    if not all(os.access(f"{folder}{name}", os.W_OK) for name in ("", "/cgroup.procs")):
        return f"{folder} is not ours to divide (`Delegate=yes` of a unit of systemd makes it so)"
    if around.managed and around.uid == 0 and not _delegated(folder):
        return f"systemd has not delegated {folder} (`Delegate=yes` of the unit does that)"
    return ""


def _delegated(folder: str) -> bool:
    """systemd says so in an extended attribute, since version 251 in one that every user can read."""
    for name in ("user.delegate", "trusted.delegate"):
        try:
            return os.getxattr(folder, name) == b"1"
        except OSError:
            continue
    return False


def _count_memory(folder: str, server: int) -> str:
    """Have the memory controller passed on to the cgroups below; what keeps us from it, or nothing."""
    if "memory" not in _words(f"{folder}/cgroup.controllers"):
        return f"the memory controller is not to be had in {folder}"
    if "memory" in _words(f"{folder}/cgroup.subtree_control"):
        return ""
    if os.path.exists(f"{folder}/cgroup.type"):  # the true root has none, and may have processes
        in_the_way = _evacuate(folder, server)
        if in_the_way:
            return in_the_way
    return enable(folder)


def enable(folder: str) -> str:
    """Pass on memory, and if possible the count of processes."""
    try:
        write(f"{folder}/cgroup.subtree_control", "+memory")
    except OSError as error:
        return f"memory cannot be counted below {folder}: {error.strerror}"
    try:
        write(f"{folder}/cgroup.subtree_control", "+pids")
    except OSError:
        return ""  # nothing is decided from it
    return ""


def _evacuate(folder: str, server: int) -> str:
    """Move whoever stands in it to the leaf. Nobody is moved where somebody is not ours."""
    leaf = f"{folder}/{LEAF}"
    for _ in range(MOVES):
        pids = [int(word) for word in _words(f"{folder}/cgroup.procs")]
        if not pids:
            return ""
        if folder.endswith(".service"):
            # Once memory is passed on, systemd could not put the daemon back in here when it starts it again.
            return f"the unit of {folder} lacks `DelegateSubgroup={LEAF}` (systemd 254)"
        strangers = [pid for pid in pids if not _is_ours(pid, server)]
        if strangers:
            return f"process {strangers[0]} stands in {folder}, too, and is not ours to move"
        try:
            make(leaf)
            for pid in pids:
                _move(pid, leaf)
        except OSError as error:
            return f"processes cannot be moved to {leaf}: {error.strerror}"
    return f"processes keep appearing in {folder}"


def _move(pid: int, folder: str) -> None:
    try:
        write(f"{folder}/cgroup.procs", str(pid))
    except ProcessLookupError:
        return


def _is_ours(pid: int, server: int) -> bool:
    """The tmux server, this daemon, and what descends from either."""
    ours = {server, os.getpid()}
    for _ in range(1000):
        if pid in ours:
            return True
        try:
            stat = procfs.read_stat(pid)
        except Unknown:
            return False
        if stat is None:
            return True  # it is gone
        if stat.parent <= 1:
            return False
        pid = stat.parent
    return False


def _words(path: str) -> list[str]:
    try:
        return read_text(path).split()
    except OSError:
        return []


def path_of(pid: int) -> str | None:
    """The cgroup that a process stands in; None: it is gone, or there is no cgroup v2."""
    try:
        lines = read_text(f"/proc/{pid}/cgroup").splitlines()
    except OSError:
        return None
    return next((line[3:] for line in lines if line.startswith("0::")), None)


def make(folder: str) -> None:
    """One that is there already is no error."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder)


def remove(folder: str) -> None:
    os.rmdir(folder)


def write(path: str, text: str) -> None:
    """In one write, as the files of a cgroup want it. No file is ever made."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)
